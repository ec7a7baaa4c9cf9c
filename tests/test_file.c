/** Whole files in and out: base/file.h. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/memory.h"
#include "support.h"

/* ---------------------------------------------------------------- made-up content ------------ */

enum { LONG = 1500000 };

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

static size_t pack_gzip(const uint8_t *content, size_t n, uint8_t *packed, size_t size)
{
    z_stream z = {0};
    cr_assert(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)content;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = (uInt)size;
    cr_assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t length = size - z.avail_out;
    deflateEnd(&z);
    return length;
}

static void check_reads(const char *path, const uint8_t *content, size_t n, const char *packing)
{
    struct file_bytes bytes;
    heddle_error err = {0};
    cr_assert(file_read(path, 0, &bytes, &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(bytes.size == n, "%zu, not %zu", bytes.size, n);
    cr_assert(n == 0 || memcmp(bytes.data, content, n) == 0);
    cr_assert_str_eq(bytes.packing, packing);
    cr_assert(bytes.mapped || bytes.data[n] == 0);
    file_release(&bytes);
    cr_assert(bytes.data == NULL && bytes.size == 0);
    file_release(&bytes);
}

static void check_refused(const char *path, size_t max_bytes, heddle_status want, const char *part)
{
    struct file_bytes bytes = {.size = 4711};
    heddle_error err = {0};
    heddle_status status = file_read(path, max_bytes, &bytes, &err);
    cr_assert(status == want, "%s: %s (%s)", path, heddle_status_name(status), err.text);
    cr_assert(err.status == want);
    cr_assert(strstr(err.text, part) != NULL, "'%s' lacks '%s'", err.text, part);
    cr_assert(bytes.size == 4711);
    cr_assert(file_read(path, max_bytes, &bytes, NULL) == want);
}

/* ---------------------------------------------------------------- reading -------------------- */

Test(file, refuses_what_cannot_be_opened)
{
    check_refused(scratch_path("no/such/file"), 0, HEDDLE_E_OPEN, "No such file");
    check_refused(scratch_path(""), 0, HEDDLE_E_OPEN, "directory");
    check_refused("", 0, HEDDLE_E_OPEN, "cannot open");
}

Test(file, a_failing_read_is_told)
{
    /* The first page of one's own memory is not there: EIO. */
    check_refused("/proc/self/mem", 0, HEDDLE_E_IO, "cannot read '/proc/self/mem'");
}

Test(file, reads_plain_files_of_all_sizes)
{
    const size_t sizes[] = {0,      1,      4,      65535,  65536,  65537,
                            262143, 262144, 262145, 524286, 524287, LONG};
    uint8_t *content = make_content(LONG);
    const char *path = scratch_path("plain");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_file(path, content, sizes[i]);
        check_reads(path, content, sizes[i], "");
    }
    free(content);
}

Test(file, large_plain_files_are_mapped_and_small_ones_are_not)
{
    struct file_bytes bytes;
    uint8_t *content = make_content(65536);
    const char *path = scratch_path("mapped");
    put_file(path, content, 65536);
    cr_assert(file_read(path, 0, &bytes, NULL) == HEDDLE_OK && bytes.mapped);
    file_release(&bytes);
    put_file(path, content, 65535);
    cr_assert(file_read(path, 0, &bytes, NULL) == HEDDLE_OK && !bytes.mapped);
    file_release(&bytes);
    free(content);
}

Test(file, forgotten_bytes_can_be_read_again)
{
    uint8_t *content = make_content(LONG);
    struct file_bytes bytes;
    put_file(scratch_path("forgotten"), content, LONG);
    cr_assert(file_read(scratch_path("forgotten"), 0, &bytes, NULL) == HEDDLE_OK);
    cr_assert(bytes.mapped);
    for (size_t k = 0; k < 40; k++) { /* from within a page to within another, or within one */
        file_forget(&bytes, bytes.data + 1000 * k, bytes.data + 30000 * k + 1);
        cr_assert(memcmp(bytes.data, content, LONG) == 0);
    }
    file_release(&bytes);
    bytes = (struct file_bytes){.data = content, .size = LONG};
    file_forget(&bytes, content, content + LONG); /* of memory nothing can be forgotten */
    cr_assert(content[LONG / 2] != 0);
    free(content);
}

Test(file, reads_gzip_of_one_and_of_several_members)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    const char *path = scratch_path("gzip");
    const size_t sizes[] = {0, 1, 100, 131070, 131071, 131072, 262143, 524287, LONG};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_file(path, packed, pack_gzip(content, sizes[i], packed, 2 * LONG));
        check_reads(path, content, sizes[i], "gzip");
    }
    size_t n = pack_gzip(content, 1000, packed, 2 * LONG);
    n += pack_gzip(content, 0, packed + n, 2 * LONG - n);
    n += pack_gzip(content + 1000, LONG - 1000, packed + n, 2 * LONG - n);
    put_file(path, packed, n);
    check_reads(path, content, LONG, "gzip");
    free(content);
    free(packed);
}

Test(file, refuses_every_cut_of_a_gzip_file)
{
    uint8_t content[300], packed[1000];
    memset(content, 'x', sizeof(content));
    const char *path = scratch_path("gzip-cut");
    size_t n = pack_gzip(content, sizeof(content), packed, sizeof(packed));
    for (size_t keep = 2; keep < n; keep++) {
        put_file(path, packed, keep);
        check_refused(path, 0, HEDDLE_E_DATA, "cut off");
    }
    /* The second member cut: the first alone must not be taken for the file. */
    size_t both = n + pack_gzip(content, sizeof(content), packed + n, sizeof(packed) - n);
    for (size_t keep = n + 2; keep < both; keep++) {
        put_file(path, packed, keep);
        check_refused(path, 0, HEDDLE_E_DATA, "cut off");
    }
}

Test(file, refuses_damaged_gzip)
{
    uint8_t content[300], packed[1000];
    memset(content, 'x', sizeof(content));
    const char *path = scratch_path("gzip-bad");
    size_t n = pack_gzip(content, sizeof(content), packed, sizeof(packed));
    packed[n - 6] ^= 1; /* the check sum */
    put_file(path, packed, n);
    check_refused(path, 0, HEDDLE_E_DATA, "damaged");
    packed[n - 6] ^= 1;
    packed[n - 1] ^= 1; /* the length */
    put_file(path, packed, n);
    check_refused(path, 0, HEDDLE_E_DATA, "damaged");
    packed[n - 1] ^= 1;
    memcpy(packed + n, "rubbish", 7);
    for (size_t more = 2; more <= 7; more++) {
        put_file(path, packed, n + more);
        check_refused(path, 0, HEDDLE_E_DATA, "behind the end");
    }
    put_file(path, packed, n + 1);
    check_refused(path, 0, HEDDLE_E_DATA, "gzip data");
}

Test(file, reads_zstd_and_refuses_its_damages)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    const char *path = scratch_path("zstd");
    const size_t sizes[] = {0, 1, 524287, LONG};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_file(path, packed, ZSTD_compress(packed, 2 * LONG, content, sizes[i], 3));
        check_reads(path, content, sizes[i], "zstd");
    }
    size_t n = ZSTD_compress(packed, 2 * LONG, content, 1000, 3), both = n;
    both += ZSTD_compress(packed + n, 2 * LONG - n, content + 1000, 5000, 3);
    put_file(path, packed, both);
    check_reads(path, content, 6000, "zstd");
    for (size_t keep = 4; keep < n; keep++) {
        put_file(path, packed, keep);
        check_refused(path, 0, HEDDLE_E_DATA, "cut off");
    }
    memcpy(packed + n, "rubbish", 7);
    put_file(path, packed, n + 7);
    check_refused(path, 0, HEDDLE_E_DATA, "behind the end");
    packed[5] ^= 0x40;
    put_file(path, packed, n);
    check_refused(path, 0, HEDDLE_E_DATA, "zstd");
    free(content);
    free(packed);
}

Test(file, a_bound_is_kept_in_all_packings)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    const char *path = scratch_path("bound");
    const struct {
        size_t n, bytes;
    } file[] = {{0, 1000}, {0, LONG}, {1, 1000}, {1, LONG}, {2, 1000}, {2, LONG}};
    for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
        if (file[i].n == 0) {
            put_file(path, content, file[i].bytes);
        } else if (file[i].n == 1) {
            put_file(path, packed, pack_gzip(content, file[i].bytes, packed, 2 * LONG));
        } else {
            put_file(path, packed, ZSTD_compress(packed, 2 * LONG, content, file[i].bytes, 3));
        }
        struct file_bytes bytes;
        if (file[i].n == 0 && file[i].bytes == LONG) { /* a mapping takes no memory */
            cr_assert(file_read(path, 1, &bytes, NULL) == HEDDLE_OK && bytes.mapped);
            file_release(&bytes);
        } else {
            check_refused(path, file[i].bytes - 1, HEDDLE_E_MEMORY, "larger than");
            check_refused(path, 1, HEDDLE_E_MEMORY, "larger than");
        }
        cr_assert(file_read(path, file[i].bytes, &bytes, NULL) == HEDDLE_OK);
        cr_assert(bytes.size == file[i].bytes);
        file_release(&bytes);
    }
    free(content);
    free(packed);
}

Test(file, a_bomb_does_not_go_off)
{
    /* 64 MiB of zeros are 64 KiB of gzip; no more than a few MiB may be unpacked of them. */
    enum { SIZE = 64 << 20 };
    uint8_t *zeros = calloc(SIZE, 1), *packed = malloc(1 << 20);
    const char *path = scratch_path("bomb");
    put_file(path, packed, pack_gzip(zeros, SIZE, packed, 1 << 20));
    free(zeros);
    free(packed);
    memory_fail_at(0, false);
    check_refused(path, 1 << 20, HEDDLE_E_MEMORY, "larger than");
    /* Growing from 256 KiB by doubling: few allocations were enough, so it stopped early. */
    cr_assert(memory_count() < 40, "%zu", memory_count());
}

static void *feed(void *path)
{
    int fd = open(path, O_WRONLY);
    for (int i = 0; i < 10; i++) {
        if (write(fd, "slowly,", 7) != 7) {
            break;
        }
        usleep(2000);
    }
    close(fd);
    return NULL;
}

Test(file, reads_a_pipe_that_is_slow)
{
    char path[600];
    snprintf(path, sizeof(path), "%s", scratch_path("fifo"));
    cr_assert(mkfifo(path, 0600) == 0);
    pthread_t writer;
    pthread_create(&writer, NULL, feed, path);
    struct file_bytes bytes;
    cr_assert(file_read(path, 0, &bytes, NULL) == HEDDLE_OK);
    cr_assert(bytes.size == 70 && !bytes.mapped && memcmp(bytes.data, "slowly,slowly,", 14) == 0);
    file_release(&bytes);
    pthread_join(writer, NULL);
}

Test(file, reads_standard_input_from_where_it_stands)
{
    uint8_t *content = make_content(100000);
    const char *path = scratch_path("stdin");
    put_file(path, content, 100000);
    int fd = open(path, O_RDONLY);
    dup2(fd, STDIN_FILENO);
    check_reads("-", content, 100000, "");
    lseek(STDIN_FILENO, 7, SEEK_SET);
    check_reads("-", content + 7, 100000 - 7, "");
    close(STDIN_FILENO);
    check_refused("-", 0, HEDDLE_E_OPEN, "standard input");
    close(fd);
    free(content);
}

Test(file, every_allocation_of_reading_may_fail)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    for (int packing = 0; packing < 3; packing++) {
        const char *path = scratch_path("fail-alloc");
        size_t n = 60000;
        if (packing == 1) {
            n = pack_gzip(content, LONG, packed, 2 * LONG);
        } else if (packing == 2) {
            n = ZSTD_compress(packed, 2 * LONG, content, LONG, 3);
        }
        put_file(path, packing == 0 ? content : packed, n);
        for (int persistent = 0; persistent < 2; persistent++) {
            heddle_status status = HEDDLE_E_MEMORY;
            size_t failing = 0;
            for (; failing == 0 || memory_count() >= failing; failing++) {
                struct file_bytes bytes = {.size = 4711};
                heddle_error err = {0};
                memory_fail_at(failing + 1, persistent != 0);
                status = file_read(path, 0, &bytes, &err);
                if (status == HEDDLE_OK) {
                    file_release(&bytes); /* giving back room at the end may fail */
                } else {
                    cr_assert(status == HEDDLE_E_MEMORY && bytes.size == 4711, "%s", err.text);
                }
            }
            cr_assert(status == HEDDLE_OK && failing >= 2);
        }
        memory_fail_at(0, false);
    }
    free(content);
    free(packed);
}

/* ---------------------------------------------------------------- writing -------------------- */

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

Test(file, refuses_places_where_nothing_can_be)
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

Test(file, writes_and_replaces)
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

Test(file, a_name_without_a_directory_is_here)
{
    char directory[400];
    make_directory("here", directory);
    cr_assert(chdir(directory) == 0);
    cr_assert(write_text("x", "here", NULL) == HEDDLE_OK);
    check_content("x", "here");
}

Test(file, the_longest_name_can_be_written)
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

Test(file, follows_links_even_to_what_is_not_there_yet)
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

Test(file, a_reader_of_the_old_file_keeps_it)
{
    const char *path = scratch_path("in-use");
    uint8_t *content = make_content(70000);
    put_file(path, content, 70000);
    struct file_bytes bytes;
    cr_assert(file_read(path, 0, &bytes, NULL) == HEDDLE_OK && bytes.mapped);
    cr_assert(write_text(path, "other", NULL) == HEDDLE_OK);
    cr_assert(memcmp(bytes.data, content, 70000) == 0);
    file_release(&bytes);
    free(content);
}

Test(file, devices_and_pipes_are_written_directly)
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

Test(file, a_full_disk_leaves_the_old_file)
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
    check_reads(path, content, 10000, "");
    free(content);
}

Test(file, permissions_are_respected)
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
    check_refused(path, 0, HEDDLE_E_OPEN, "Permission denied");
    chmod(path, 0644);
    chmod(directory, 0555);
    check_cannot_create(path, "Permission denied");
    chmod(directory, 0333); /* may be written in, not listed */
    cr_assert(write_text(path, "new", NULL) == HEDDLE_OK);
    chmod(directory, 0777);
    check_content(path, "new");
}
