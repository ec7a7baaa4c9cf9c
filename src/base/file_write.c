/**
 * file_write: POSIX promises that rename replaces a name in one step, and fsync that bytes are there
 * to stay; nothing else is promised, hence: new file, write, fsync, rename, fsync of the directory.
 * A failed fsync is never tried again on the same file: the kernel may have dropped the bytes and
 * then says yes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"
#include "heddle.h"

/* Linux moves no more than 2 GiB less a page at once. */
#define WRITE_MAX ((size_t)1 << 30)

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

static int open_again(int directory, const char *path, int flags, mode_t mode)
{
    int fd;
    do {
        fd = openat(directory, path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Where a file will be: the path with links followed, its directory, and what is there now. */
struct place {
    const char *name; /* as the caller gave it, for messages */
    char path[PATH_MAX];
    const char *base; /* last part of path */
    int directory;    /* open, or -1 */
    bool exists;
    struct stat old;
    heddle_error *err;
};

static heddle_status cannot_create(const struct place *p, const char *why)
{
    return status_set(p->err, HEDDLE_E_CREATE, "cannot create '%.290s': %s", p->name, why);
}

static heddle_status write_failed(const struct place *p, int error)
{
    return status_set(p->err, HEDDLE_E_IO, "cannot write '%.290s': %s", p->name, strerror(error));
}

/* Length of the directory part of a path, with its slash. */
static size_t directory_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Follow links by hand: realpath() would refuse one that names a file not there yet. */
static bool follow_links(char path[PATH_MAX])
{
    enum { LINKS_MAX = 40 }; /* as Linux */
    for (int i = 0; i < LINKS_MAX; i++) {
        char link[PATH_MAX], joined[PATH_MAX];
        ssize_t n = readlink(path, link, sizeof(link) - 1);
        if (n < 0) {
            return true; /* no link, or nothing there */
        }
        link[n] = '\0';
        size_t keep = link[0] == '/' ? 0 : directory_length(path);
        if (keep + (size_t)n >= sizeof(joined)) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(joined, path, keep);
        memcpy(joined + keep, link, (size_t)n + 1);
        memcpy(path, joined, keep + (size_t)n + 1);
    }
    errno = ELOOP;
    return false;
}

static bool is_direct(const struct place *p)
{
    return p->exists && !S_ISREG(p->old.st_mode);
}

/* Find the place; its directory is then open unless it is_direct(). */
static heddle_status place_find(struct place *p, const char *path, heddle_error *err)
{
    *p = (struct place){.name = path, .directory = -1, .err = err};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(p->path)) {
        return cannot_create(p, strerror(length == 0 ? ENOENT : ENAMETOOLONG));
    }
    memcpy(p->path, path, length + 1);
    /* What the system itself follows to a pipe or a device must not be followed by hand:
     * /dev/stdout ends in /proc/self/fd/1, a link whose text names nothing. */
    p->exists = stat(p->path, &p->old) == 0;
    if (!p->exists && errno != ENOENT) {
        return cannot_create(p, strerror(errno));
    }
    if (p->exists && S_ISDIR(p->old.st_mode)) {
        return cannot_create(p, "it is a directory");
    }
    if (p->exists && access(p->path, W_OK) != 0) {
        return cannot_create(p, strerror(errno));
    }
    if (is_direct(p)) {
        return HEDDLE_OK;
    }
    if (!follow_links(p->path)) {
        return cannot_create(p, strerror(errno));
    }
    size_t n = directory_length(p->path);
    p->base = p->path + n;
    if (p->base[0] == '\0') {
        return cannot_create(p, "it names a directory");
    }
    char directory[PATH_MAX];
    memcpy(directory, p->path, n);
    directory[n] = '\0';
    const char *where = n > 0 ? directory : ".";
    p->directory = open_again(AT_FDCWD, where, O_RDONLY | O_DIRECTORY, 0);
    if (p->directory < 0 && errno == EACCES) {
        /* One may be allowed to write in a directory but not to list it. */
        p->directory = open_again(AT_FDCWD, where, O_PATH | O_DIRECTORY, 0);
    }
    if (p->directory < 0) {
        int error = errno;
        return status_set(err, HEDDLE_E_CREATE, "cannot create '%.290s': directory '%.150s': %s",
                          path, where, strerror(error));
    }
    return HEDDLE_OK;
}

static void place_done(struct place *p)
{
    if (p->directory >= 0) {
        close(p->directory);
    }
}

enum { TEMPORARY_SIZE = 32 };

/* Temporary files there are, or are about to be, where a signal handler can find them. They are
 * more than one only if a program writes from several threads; beyond these a signal leaves its
 * file, nothing worse. */
enum { FREE, BEING_NAMED, NAMED };
static struct temporary {
    atomic_int state;
    int directory;
    char name[TEMPORARY_SIZE];
} temporaries[16];
enum { TEMPORARIES = sizeof temporaries / sizeof temporaries[0] };

static void temporary_remember(int directory, const char name[TEMPORARY_SIZE])
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

/* It is gone, has its own name, or was not made. */
static void temporary_forget(int directory, const char name[TEMPORARY_SIZE])
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
static void temporary_name(char name[TEMPORARY_SIZE], int try)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number)) {
        number = (uint64_t)getpid() << 32 | (uint64_t)try;
    }
    snprintf(name, TEMPORARY_SIZE, ".heddle-%016llx", (unsigned long long)number);
}

/* A new file in the directory, under a name nobody can have planted a link at: O_EXCL. */
static int temporary_open(const struct place *p, char name[TEMPORARY_SIZE])
{
    enum { TRIES = 100 };
    int fd = -1;
    for (int i = 0; i < TRIES && fd < 0; i++) {
        temporary_name(name, i);
        temporary_remember(p->directory, name);
        fd = open_again(p->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
        if (fd < 0) {
            temporary_forget(p->directory, name);
            if (errno != EEXIST) {
                break;
            }
        }
    }
    return fd;
}

static void temporary_remove(const struct place *p, const char name[TEMPORARY_SIZE])
{
    unlinkat(p->directory, name, 0);
    temporary_forget(p->directory, name);
}

/* These return 0 or an errno. */

static int write_pieces(int fd, const struct file_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *data = pieces[i].data;
        for (size_t left = pieces[i].size; left > 0;) {
            ssize_t n = write(fd, data, left < WRITE_MAX ? left : WRITE_MAX);
            if (n > 0) {
                data += n;
                left -= (size_t)n;
            } else if (n == 0) {
                return EIO;
            } else if (errno != EINTR) {
                return errno;
            }
        }
    }
    return 0;
}

/* EINVAL, EROFS and ENOTSUP: there is nothing here that could be flushed (pipes, devices, some
 * directories); EBADF: a directory that may not be listed. */
static int flush(int fd, bool may_be_unable)
{
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return 0;
    }
    bool unable = errno == EINVAL || errno == EROFS || errno == ENOTSUP || errno == EBADF;
    return unable && may_be_unable ? 0 : errno;
}

static int close_checked(int fd)
{
    /* Linux has closed it even when it says EINTR. */
    return close(fd) == 0 || errno == EINTR ? 0 : errno;
}

static int rename_in(const struct place *p, const char *from)
{
    int result;
    do {
        result = renameat(p->directory, from, p->directory, p->base);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

/* The name that the old file is kept under; false: it is too long. */
static bool previous_name(const struct place *p, char name[NAME_MAX + 1])
{
    size_t length = strlen(p->base);
    if (length + sizeof FILE_PREVIOUS > NAME_MAX + 1) {
        return false;
    }
    memcpy(name, p->base, length);
    memcpy(name + length, FILE_PREVIOUS, sizeof FILE_PREVIOUS);
    return true;
}

/* Give the old file a second name, in one step: a link under a temporary name, renamed. Where there
 * are no links (FAT, some network file systems) it is renamed itself. */
static int keep_previous(const struct place *p)
{
    char previous[NAME_MAX + 1];
    if (!previous_name(p, previous)) {
        return ENAMETOOLONG;
    }
    char temporary[TEMPORARY_SIZE];
    int tries = 100;
    int result;
    do {
        temporary_name(temporary, tries);
        temporary_remember(p->directory, temporary);
        result = linkat(p->directory, p->base, p->directory, temporary, 0);
        if (result != 0) {
            temporary_forget(p->directory, temporary);
        }
    } while (result != 0 && errno == EEXIST && --tries > 0);
    const char *from = result == 0 ? temporary : p->base;
    if (result != 0 && errno != EPERM && errno != ENOTSUP && errno != EMLINK) {
        return errno;
    }
    do {
        result = renameat(p->directory, from, p->directory, previous);
    } while (result != 0 && errno == EINTR);
    int error = result == 0 ? 0 : errno;
    if (from == temporary) {
        /* Still there if it failed, or if both names were one file already. */
        temporary_remove(p, temporary);
    }
    return error;
}

static heddle_status write_direct(const struct place *p, const struct file_piece *pieces,
                                  size_t count)
{
    int fd = open_again(AT_FDCWD, p->path, O_WRONLY | O_NOCTTY, 0);
    if (fd < 0) {
        return cannot_create(p, strerror(errno));
    }
    int error = write_pieces(fd, pieces, count);
    if (error == 0) {
        error = flush(fd, true);
    }
    int close_error = close_checked(fd);
    error = error != 0 ? error : close_error;
    return error == 0 ? HEDDLE_OK : write_failed(p, error);
}

static heddle_status write_replacing(const struct place *p, const struct file_piece *pieces,
                                     size_t count, bool keep)
{
    char temporary[TEMPORARY_SIZE];
    int fd = temporary_open(p, temporary);
    if (fd < 0) {
        return cannot_create(p, strerror(errno));
    }
    int error = write_pieces(fd, pieces, count);
    if (error == 0 && p->exists) {
        /* The owner first, since a change of owner takes mode bits away; only root may do it. */
        if (fchown(fd, p->old.st_uid, p->old.st_gid) != 0) {
            errno = 0;
        }
        if (fchmod(fd, p->old.st_mode & 0777) != 0) {
            error = errno;
        }
    }
    if (error == 0) {
        error = flush(fd, false);
    }
    int close_error = close_checked(fd);
    error = error != 0 ? error : close_error;
    if (error == 0 && keep && p->exists) {
        error = keep_previous(p);
    }
    if (error == 0) {
        error = rename_in(p, temporary);
    }
    if (error != 0) {
        temporary_remove(p, temporary);
        return write_failed(p, error);
    }
    temporary_forget(p->directory, temporary);
    error = flush(p->directory, true);
    return error == 0 ? HEDDLE_OK : write_failed(p, error);
}

static heddle_status write_file(const char *path, const struct file_piece *pieces, size_t count,
                                bool keep, heddle_error *err)
{
    struct place p;
    heddle_status status = place_find(&p, path, err);
    if (status == HEDDLE_OK) {
        status = is_direct(&p) ? write_direct(&p, pieces, count)
                               : write_replacing(&p, pieces, count, keep);
    }
    place_done(&p);
    return status;
}

heddle_status file_write(const char *path, const struct file_piece *pieces, size_t count,
                         heddle_error *err)
{
    return write_file(path, pieces, count, false, err);
}

heddle_status file_write_keeping(const char *path, const struct file_piece *pieces, size_t count,
                                 heddle_error *err)
{
    return write_file(path, pieces, count, true, err);
}

heddle_status file_can_keep(const char *path, heddle_error *err)
{
    struct place p;
    char previous[NAME_MAX + 1];
    heddle_status status = place_find(&p, path, err);
    if (status == HEDDLE_OK && !is_direct(&p) && !previous_name(&p, previous)) {
        status = cannot_create(&p, "its name leaves no room for " FILE_PREVIOUS);
    }
    if (status == HEDDLE_OK && !is_direct(&p)) {
        /* Asking for permission is not enough: quotas and read-only mounts only speak up when
         * something is made. */
        char temporary[TEMPORARY_SIZE];
        int fd = temporary_open(&p, temporary);
        if (fd < 0) {
            status = cannot_create(&p, strerror(errno));
        } else {
            close(fd);
            temporary_remove(&p, temporary);
        }
    }
    place_done(&p);
    return status;
}
