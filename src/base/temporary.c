/** temporary: see base/temporary.h. */
#include "base/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "heddle.h"

static const char prefix[] = ".heddle-";

enum { TRIES = 100, OLD_SECONDS = 3600 };

/* Temporary files there are, or are about to be, where a signal handler can find them. They are
 * more than one only if a program writes from several threads; beyond these a signal leaves its
 * file, until the next sweep. */
enum { FREE, BEING_NAMED, NAMED };
static struct temporary {
    atomic_int state;
    int directory;
    char name[TEMPORARY_SIZE];
} temporaries[16];
enum { TEMPORARIES = sizeof temporaries / sizeof temporaries[0] };

static void remember(int directory, const char name[TEMPORARY_SIZE])
{
    for (size_t i = 0; i < TEMPORARIES; i++) {
        struct temporary *t = &temporaries[i];
        int expected = FREE;
        if (atomic_compare_exchange_strong(&t->state, &expected, BEING_NAMED)) {
            t->directory = directory;
            memcpy(t->name, name, TEMPORARY_SIZE);
            atomic_store(&t->state, NAMED);
            return;
        }
    }
}

void temporary_forget(int directory, const char name[TEMPORARY_SIZE])
{
    for (size_t i = 0; i < TEMPORARIES; i++) {
        struct temporary *t = &temporaries[i];
        if (atomic_load(&t->state) == NAMED && t->directory == directory &&
            strcmp(t->name, name) == 0) {
            atomic_store(&t->state, FREE);
        }
    }
}

void heddle_abandon_writes(void)
{
    for (size_t i = 0; i < TEMPORARIES; i++) {
        if (atomic_load(&temporaries[i].state) == NAMED) {
            unlinkat(temporaries[i].directory, temporaries[i].name, 0);
        }
    }
}

/* It does not grow with the file's own name, which may be as long as a name can be. */
static void make_name(char name[TEMPORARY_SIZE], int try)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number)) {
        number = (uint64_t)getpid() << 32 | (uint64_t)try;
    }
    snprintf(name, TEMPORARY_SIZE, "%s%016llx", prefix, (unsigned long long)number);
}

static bool is_name(const char *name)
{
    const size_t length = sizeof prefix - 1;
    return strncmp(name, prefix, length) == 0 && strlen(name) == TEMPORARY_SIZE - 1 &&
           strspn(name + length, "0123456789abcdef") == TEMPORARY_SIZE - 1 - length;
}

int open_again(int directory, const char *path, int flags, mode_t mode)
{
    int fd;
    do {
        fd = openat(directory, path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

int temporary_open(int directory, char name[TEMPORARY_SIZE])
{
    for (int i = 0; i < TRIES; i++) {
        make_name(name, i);
        remember(directory, name);
        int fd = open_again(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
        if (fd >= 0) {
            return fd;
        }
        temporary_forget(directory, name);
        if (errno != EEXIST) {
            break;
        }
    }
    return -1;
}

int temporary_link(int directory, const char *base, char name[TEMPORARY_SIZE])
{
    for (int i = 0; i < TRIES; i++) {
        make_name(name, i);
        remember(directory, name);
        if (linkat(directory, base, directory, name, 0) == 0) {
            return 0;
        }
        temporary_forget(directory, name);
        if (errno != EEXIST) {
            break;
        }
    }
    return errno;
}

void temporary_remove(int directory, const char name[TEMPORARY_SIZE])
{
    unlinkat(directory, name, 0);
    temporary_forget(directory, name);
}

/* Has this directory not been swept for as long as a file must be old? */
static bool is_due(int directory, time_t now)
{
    static atomic_llong last_time;
    static atomic_ullong last_directory;
    struct stat seen;
    if (fstat(directory, &seen) != 0) {
        return false;
    }
    unsigned long long which =
        (unsigned long long)seen.st_dev << 48 ^ (unsigned long long)seen.st_ino;
    if (atomic_load(&last_directory) == which && now - atomic_load(&last_time) < OLD_SECONDS) {
        return false;
    }
    atomic_store(&last_directory, which);
    atomic_store(&last_time, now);
    return true;
}

static void sweep(int directory, time_t now)
{
    /* a descriptor of its own, since reading a directory moves in it */
    int again = open_again(directory, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *entries = again >= 0 ? fdopendir(again) : NULL;
    if (entries == NULL) {
        if (again >= 0) {
            close(again);
        }
        return;
    }
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        struct stat seen;
        if (is_name(entry->d_name) &&
            fstatat(directory, entry->d_name, &seen, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(seen.st_mode) && now - seen.st_mtime > OLD_SECONDS) {
            unlinkat(directory, entry->d_name, 0);
        }
    }
    closedir(entries);
}

void temporary_sweep(int directory)
{
    time_t now = time(NULL);
    if (is_due(directory, now)) {
        sweep(directory, now);
    }
}

void heddle_sweep_writes(const char *path)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (length < sizeof directory) {
        memcpy(directory, path, length);
        directory[length > 0 ? length : 1] = '\0';
        int fd = open_again(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
        if (fd >= 0) {
            temporary_sweep(fd);
            close(fd);
        }
    }
}
