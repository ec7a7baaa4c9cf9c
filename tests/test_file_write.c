/** Whole files out: base/file.h. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "heddle.h"
#include "support.h"

static uint8_t *make_content(size_t n)
{
    uint8_t *content = malloc(n + 1);
    uint64_t state = n;
    for (size_t i = 0; i < n; i++) {
        /* Some letters, so that it packs, but never the same twice. */
        content[i] = (uint8_t)('a' + test_random(&state) % 4);
    }
    return content;
}

static int entries(const char *directory)
{
    DIR *d = opendir(directory);
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(d);
    return n;
}

/* A directory of the test's own, so that what is left behind can be seen. */
static void make_directory(const char *name, char path[400])
{
    snprintf(path, 400, "%s", scratch_path(name));
    cr_assert(mkdir(path, 0777) == 0);
}

static void join(const char *directory, const char *name, char path[1000])
{
    snprintf(path, 1000, "%s/%s", directory, name);
}

static heddle_status write_text(const char *path, const char *text, heddle_error *err)
{
    size_t half = strlen(text) / 2;
    struct file_piece piece[] = {{text, half}, {NULL, 0}, {text + half, strlen(text) - half}};
    return file_write(path, piece, 3, err);
}

static void check_content(const char *path, const char *want)
{
    char got[1000];
    cr_assert(get_file(path, got, sizeof(got)) == strlen(want), "%s", path);
    cr_assert_str_eq(got, want);
}

static void check_cannot_create(const char *path, const char *part)
{
    heddle_error err = {0};
    cr_assert(file_can_keep(path, &err) == HEDDLE_E_CREATE, "%s", path);
    cr_assert(strstr(err.text, part) != NULL, "'%s' lacks '%s'", err.text, part);
    err.text[0] = '\0';
    cr_assert(write_text(path, "new", &err) == HEDDLE_E_CREATE, "%s", path);
    cr_assert(strstr(err.text, part) != NULL, "'%s' lacks '%s'", err.text, part);
    cr_assert(write_text(path, "new", NULL) == HEDDLE_E_CREATE);
}

Test(file_write, refuses_places_where_nothing_can_be)
{
    char directory[400], path[1000];
    make_directory("nowhere", directory);
    join(directory, "missing/x", path);
    check_cannot_create(path, "No such file");
    check_cannot_create(directory, "is a directory");
    join(directory, "x/", path);
    check_cannot_create(path, "names a directory");
    check_cannot_create("", "No such file");
    join(directory, "file", path);
    put_file(path, "old", 3);
    join(directory, "file/x", path);
    check_cannot_create(path, "Not a directory");
    char longer[PATH_MAX + 100];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    check_cannot_create(longer, "name too long");
    longer[256] = '\0';
    join(directory, longer, path);
    check_cannot_create(path, "name too long");
    check_cannot_create("/proc/heddle", "cannot create");
    cr_assert(entries(directory) == 1);
}

Test(file_write, writes_and_replaces)
{
    char directory[400], path[1000];
    make_directory("replace", directory);
    join(directory, "x", path);
    cr_assert(file_can_keep(path, NULL) == HEDDLE_OK);
    cr_assert(entries(directory) == 0);
    umask(022);
    cr_assert(write_text(path, "first", NULL) == HEDDLE_OK);
    check_content(path, "first");
    struct stat info;
    cr_assert(stat(path, &info) == 0 && (info.st_mode & 0777) == 0644);

    chmod(path, 0640);
    cr_assert(file_can_keep(path, NULL) == HEDDLE_OK);
    check_content(path, "first");
    cr_assert(write_text(path, "second and longer", NULL) == HEDDLE_OK);
    check_content(path, "second and longer");
    cr_assert(stat(path, &info) == 0 && (info.st_mode & 0777) == 0640);
    cr_assert(file_write(path, NULL, 0, NULL) == HEDDLE_OK);
    check_content(path, "");
    cr_assert(entries(directory) == 1);
}

Test(file_write, a_name_without_a_directory_is_here)
{
    char directory[400];
    make_directory("here", directory);
    cr_assert(chdir(directory) == 0);
    cr_assert(write_text("x", "here", NULL) == HEDDLE_OK);
    check_content("x", "here");
}

Test(file_write, the_longest_name_can_be_written)
{
    char directory[400], path[1000], name[256];
    make_directory("longest", directory);
    memset(name, 'n', 255);
    name[255] = '\0';
    join(directory, name, path);
    cr_assert(file_can_keep(path, NULL) == HEDDLE_E_CREATE, "no room for .previous");
    cr_assert(write_text(path, "x", NULL) == HEDDLE_OK);
    check_content(path, "x");
    path[strlen(path) - strlen(FILE_PREVIOUS)] = '\0';
    cr_assert(file_can_keep(path, NULL) == HEDDLE_OK);
    cr_assert(file_write_keeping(path, NULL, 0, NULL) == HEDDLE_OK);
    cr_assert(file_write_keeping(path, NULL, 0, NULL) == HEDDLE_OK);
}

Test(file_write, follows_links_even_to_what_is_not_there_yet)
{
    char directory[400], link[1000], other[1000], target[1000];
    make_directory("links", directory);
    join(directory, "sub", other);
    mkdir(other, 0777);
    join(directory, "sub/target", target);
    join(directory, "sub/step", other);
    join(directory, "link", link);
    cr_assert(symlink("sub/step", link) == 0 && symlink("target", other) == 0);
    for (int i = 0; i < 2; i++) {
        cr_assert(write_text(link, i == 0 ? "new" : "again", NULL) == HEDDLE_OK);
        check_content(target, i == 0 ? "new" : "again");
        struct stat info;
        cr_assert(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    }
    unlink(target);
    cr_assert(symlink("target", target) == 0);
    check_cannot_create(link, "symbolic links");
}

Test(file_write, a_reader_of_the_old_file_keeps_it)
{
    const char *path = scratch_path("in-use");
    uint8_t *content = make_content(70000);
    put_file(path, content, 70000);
    struct file_bytes bytes;
    cr_assert(file_read(path, 0, NULL, NULL, &bytes, NULL) == HEDDLE_OK && bytes.mapped);
    cr_assert(write_text(path, "other", NULL) == HEDDLE_OK);
    cr_assert(memcmp(bytes.data, content, 70000) == 0);
    file_release(&bytes);
    free(content);
}

Test(file_write, devices_and_pipes_are_written_directly)
{
    heddle_error err = {0};
    cr_assert(file_can_keep("/dev/null", NULL) == HEDDLE_OK);
    cr_assert(write_text("/dev/null", "gone", &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(file_can_keep("/dev/full", NULL) == HEDDLE_OK);
    cr_assert(write_text("/dev/full", "no room", &err) == HEDDLE_E_IO);
    cr_assert(strstr(err.text, "cannot write '/dev/full': No space left") != NULL, "%s", err.text);

    int end[2];
    char path[64], got[16] = "";
    cr_assert(pipe(end) == 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", end[1]);
    cr_assert(write_text(path, "through", &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(read(end[0], got, sizeof(got) - 1) == 7);
    cr_assert_str_eq(got, "through");
    signal(SIGPIPE, SIG_IGN);
    close(end[0]);
    cr_assert(write_text(path, "nobody", &err) != HEDDLE_OK);
}

Test(file_write, a_full_disk_leaves_the_old_file)
{
    /* A limit on the size of files, at every size, does what a full disk does. */
    char directory[400], path[1000];
    make_directory("full", directory);
    join(directory, "x", path);
    put_file(path, "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    uint8_t *content = make_content(10000);
    struct file_piece piece[] = {{content, 4000}, {content + 4000, 6000}};
    for (rlim_t limit = 0; limit < 10000; limit += 499) {
        struct rlimit old, small;
        getrlimit(RLIMIT_FSIZE, &old);
        small = (struct rlimit){.rlim_cur = limit, .rlim_max = old.rlim_max};
        setrlimit(RLIMIT_FSIZE, &small);
        heddle_error err = {0};
        heddle_status status = file_write(path, piece, 2, &err);
        setrlimit(RLIMIT_FSIZE, &old);
        cr_assert(status == HEDDLE_E_IO, "%s", err.text);
        check_content(path, "old");
        cr_assert(entries(directory) == 1, "a temporary file is left");
    }
    cr_assert(file_write(path, piece, 2, NULL) == HEDDLE_OK);
    struct file_bytes bytes;
    cr_assert(file_read(path, 0, NULL, NULL, &bytes, NULL) == HEDDLE_OK && bytes.size == 10000);
    cr_assert(memcmp(bytes.data, content, 10000) == 0);
    file_release(&bytes);
    free(content);
}

Test(file_write, permissions_are_respected)
{
    if (geteuid() == 0) {
        cr_skip_test("root may do everything");
    }
    char directory[400], path[1000];
    make_directory("permissions", directory);
    join(directory, "x", path);
    put_file(path, "old", 3);
    chmod(path, 0444);
    check_cannot_create(path, "Permission denied");
    check_content(path, "old");
    chmod(path, 0000);
    struct file_bytes bytes;
    cr_assert(file_read(path, 0, NULL, NULL, &bytes, NULL) == HEDDLE_E_OPEN);
    chmod(path, 0644);
    chmod(directory, 0555);
    check_cannot_create(path, "Permission denied");
    chmod(directory, 0333); /* may be written in, not listed */
    cr_assert(write_text(path, "new", NULL) == HEDDLE_OK);
    chmod(directory, 0777);
    check_content(path, "new");
}

/* ---------------------------------------------------------------- what the killed leave ------ */

/* A temporary file that was last written to so many seconds ago. */
static void leave_temporary(const char *directory, const char *name, long seconds)
{
    char path[1000];
    join(directory, name, path);
    put_file(path, "half", 4);
    time_t then = time(NULL) - seconds;
    struct timeval ago[2] = {{.tv_sec = then}, {.tv_sec = then}};
    cr_assert(utimes(path, ago) == 0);
}

/* Each in a directory of its own: one is swept once an hour. */
Test(file_write, what_a_killed_process_left_is_removed)
{
    char directory[400], path[1000];
    for (int keeps = 0; keeps < 2; keeps++) {
        make_directory(keeps ? "killed, kept" : "killed", directory);
        join(directory, "x", path);
        put_file(path, "old", 3);
        leave_temporary(directory, ".heddle-0123456789abcdef", 4000);
        leave_temporary(directory, ".heddle-ffffffffffffffff", 100000);
        leave_temporary(directory, ".heddle-0000000000000000", 3000); /* may be alive */
        cr_assert((keeps ? file_write_keeping(path, NULL, 0, NULL)
                         : write_text(path, "new", NULL)) == HEDDLE_OK);
        cr_assert(entries(directory) == 2 + keeps, "%d", entries(directory));
    }
    make_directory("swept", directory);
    join(directory, "x", path);
    leave_temporary(directory, ".heddle-0123456789abcdef", 4000);
    heddle_sweep_writes(path);
    cr_assert(entries(directory) == 0);
    leave_temporary(directory, ".heddle-0123456789abcdef", 4000);
    heddle_sweep_writes(path);
    cr_assert(entries(directory) == 1, "not twice within the hour");
    heddle_sweep_writes("/nowhere/x");
}

Test(file_write, what_is_no_temporary_file_is_left_alone)
{
    char directory[400], path[1000];
    make_directory("others", directory);
    static const char *const others[] = {
        ".heddle-",
        ".heddle-0123456789abcde",
        ".heddle-0123456789abcdef0",
        ".heddle-0123456789abcdeF",
        "xheddle-0123456789abcdef",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        join(directory, others[i], path);
        put_file(path, "mine", 4);
        struct timeval ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
        cr_assert(utimes(path, ago) == 0);
    }
    join(directory, ".heddle-0123456789abcdee", path);
    cr_assert(mkdir(path, 0777) == 0);
    join(directory, ".heddle-0123456789abcded", path);
    cr_assert(symlink(others[0], path) == 0);
    join(directory, ".heddle-0123456789abcdec", path);
    cr_assert(mkfifo(path, 0666) == 0);
    heddle_sweep_writes(path);
    cr_assert(entries(directory) == 8, "%d", entries(directory));
}
