/**
 * file_write: POSIX promises that rename replaces a name in one step, and fsync that bytes are there
 * to stay; nothing else is promised, hence: new file, write, fsync, rename, fsync of the directory.
 * A failed fsync is never tried again on the same file: the kernel may have dropped the bytes and
 * then says yes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"
#include "base/temporary.h"
#include "heddle.h"

/* Linux moves no more than 2 GiB less a page at once. */
#define WRITE_MAX ((size_t)1 << 30)

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

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
static int keep_once(const struct place *p, const char *previous)
{
    char temporary[TEMPORARY_SIZE];
    int error = temporary_link(p->directory, p->base, temporary);
    const char *from = error == 0 ? temporary : p->base;
    if (error != 0 && error != EPERM && error != ENOTSUP && error != EMLINK) {
        return error;
    }
    int result;
    do {
        result = renameat(p->directory, from, p->directory, previous);
    } while (result != 0 && errno == EINTR);
    error = result == 0 ? 0 : errno;
    if (from == temporary) {
        /* Still there if it failed, or if both names were one file already. */
        temporary_remove(p->directory, temporary);
    }
    return error;
}

static int keep_previous(const struct place *p)
{
    char previous[NAME_MAX + 1];
    int error = ENAMETOOLONG;
    if (previous_name(p, previous)) {
        /* The second name is as old as the file: another process's sweep may take it away. */
        int tries = 3;
        do {
            error = keep_once(p, previous);
        } while (error == ENOENT && --tries > 0);
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

/* Fill a new file, with the mode of the old one. */
static int fill(const struct place *p, int fd, const struct file_piece *pieces, size_t count)
{
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
    return error == 0 ? flush(fd, false) : error;
}

static heddle_status write_replacing(const struct place *p, const struct file_piece *pieces,
                                     size_t count, bool keep)
{
    temporary_sweep(p->directory);
    char temporary[TEMPORARY_SIZE];
    int fd = temporary_open(p->directory, temporary);
    if (fd < 0) {
        return cannot_create(p, strerror(errno));
    }
    int error = fill(p, fd, pieces, count);
    int close_error = close_checked(fd);
    error = error != 0 ? error : close_error;
    if (error == 0 && keep && p->exists) {
        error = keep_previous(p);
    }
    if (error == 0) {
        error = rename_in(p, temporary);
    }
    if (error == 0) {
        temporary_forget(p->directory, temporary);
        error = flush(p->directory, true);
    } else {
        temporary_remove(p->directory, temporary);
    }
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
        int fd = temporary_open(p.directory, temporary);
        if (fd < 0) {
            status = cannot_create(&p, strerror(errno));
        } else {
            close(fd);
            temporary_remove(p.directory, temporary);
        }
    }
    place_done(&p);
    return status;
}
