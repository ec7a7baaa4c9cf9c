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
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "heddle.h"

static const char prefix[] = ".heddle-";

enum { TRIES = 100 };

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

/* The beginning of the names that this machine gives: 32 bits of its own name (FNV-1a). */
static void make_beginning(char beginning[TEMPORARY_SIZE])
{
    char host[256] = "";
    uint32_t hash = 2166136261;
    (void)gethostname(host, sizeof host - 1);
    for (const char *c = host; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619;
    }
    snprintf(beginning, TEMPORARY_SIZE, "%s%08x", prefix, (unsigned)hash);
}

/* It does not grow with the file's own name, which may be as long as a name can be. */
static void make_name(char name[TEMPORARY_SIZE], int try)
{
    uint32_t number = 0;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number)) {
        number = (uint32_t)getpid() << 8 | (uint32_t)try;
    }
    make_beginning(name);
    size_t length = strlen(name);
    snprintf(name + length, TEMPORARY_SIZE - length, "%08x", (unsigned)number);
}

static bool is_name(const char *name)
{
    const size_t length = sizeof prefix - 1;
    return strncmp(name, prefix, length) == 0 && strlen(name) == TEMPORARY_SIZE - 1 &&
           strspn(name + length, "0123456789abcdef") == TEMPORARY_SIZE - 1 - length;
}

static int open_again(int directory, const char *name, int flags)
{
    int fd;
    do {
        fd = openat(directory, name, flags | O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Lock it; false if a sweep was here between its making and its lock: it has no name any more, or is
 * about to lose it. */
static bool hold(int fd)
{
    struct stat seen;
    return (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
           (fstat(fd, &seen) != 0 || seen.st_nlink > 0);
}

int temporary_open(int directory, char name[TEMPORARY_SIZE])
{
    for (int i = 0; i < TRIES; i++) {
        make_name(name, i);
        remember(directory, name);
        int fd = open_again(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
        if (fd >= 0 && hold(fd)) {
            return fd;
        }
        if (fd >= 0) {
            close(fd);
            temporary_remove(directory, name);
            errno = EEXIST;
            continue;
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

/* Is it a file of ours that nobody holds? */
static bool is_left(int fd, bool of_this_machine)
{
    enum { OLD_SECONDS = 60 };
    struct stat seen;
    return fstat(fd, &seen) == 0 && S_ISREG(seen.st_mode) && seen.st_uid == geteuid() &&
           (of_this_machine || time(NULL) - seen.st_mtime > OLD_SECONDS) &&
           flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void temporary_sweep(int directory)
{
    /* a descriptor of its own, since reading a directory moves in it */
    int again = open_again(directory, ".", O_RDONLY | O_DIRECTORY);
    DIR *entries = again >= 0 ? fdopendir(again) : NULL;
    if (entries == NULL) {
        if (again >= 0) {
            close(again);
        }
        return;
    }
    char beginning[TEMPORARY_SIZE];
    make_beginning(beginning);
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (is_name(entry->d_name)) {
            /* for writing: over some networks only such can be locked */
            int fd = open_again(directory, entry->d_name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
            if (fd >= 0) {
                bool here = strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
                if (is_left(fd, here)) {
                    unlinkat(directory, entry->d_name, 0);
                }
                close(fd);
            }
        }
    }
    closedir(entries);
}

void heddle_sweep_writes(const char *path)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (length < sizeof directory) {
        memcpy(directory, path, length);
        directory[length > 0 ? length : 1] = '\0';
        int fd = open_again(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
        if (fd >= 0) {
            temporary_sweep(fd);
            close(fd);
        }
    }
}
