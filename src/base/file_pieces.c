/** file_pieces: every thread has a piece of its own, found by the file's number. */
#include "base/file_pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"

struct piece {
    struct piece *next;
    size_t at, held;
    uint8_t data[FILE_PIECE];
};

struct file_pieces {
    int fd;
    size_t size;
    size_t number; /* no other file has it, nor had */
    _Atomic(struct piece *) first;
};

/* The piece that this thread used last, and of which file. */
static _Thread_local struct {
    size_t number;
    struct piece *piece;
} mine;

/* All of n bytes at `at`; false if they cannot be read. */
static bool read_at(int fd, uint8_t *data, size_t n, size_t at)
{
    while (n > 0) {
        ssize_t got = pread(fd, data, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        data += got;
        at += (size_t)got;
        n -= (size_t)got;
    }
    return true;
}

heddle_status file_open_pieces(const char *path, struct file_bytes *bytes, heddle_error *err)
{
    static atomic_size_t numbers = 1;
    struct stat info;
    int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait at a pipe, which is refused */
    if (fd < 0)
        return status_set(err, HEDDLE_E_OPEN, "cannot open '%s': %s", path, strerror(errno));
    heddle_status status = HEDDLE_OK;
    struct file_pieces *pieces = memory_new(1, sizeof *pieces);
    uint8_t *head = memory_new(FILE_HEAD, 1);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < FILE_HEAD)
        status = status_set(err, HEDDLE_E_OPEN, "'%s' is no large file", path);
    else if (!pieces || !head)
        status = status_memory(err, path, FILE_HEAD);
    else if (!read_at(fd, head, FILE_HEAD, 0))
        status = status_set(err, HEDDLE_E_IO, "cannot read '%s': %s", path, strerror(errno));
    if (status != HEDDLE_OK) {
        memory_free(pieces);
        memory_free(head);
        close(fd);
        return status;
    }
    pieces->fd = fd;
    pieces->size = (size_t)info.st_size;
    pieces->number = atomic_fetch_add(&numbers, (size_t)1);
    atomic_init(&pieces->first, NULL);
    *bytes = (struct file_bytes){.data = head,
                                 .size = pieces->size,
                                 .stored = pieces->size,
                                 .packing = "",
                                 .pieces = pieces};
    return HEDDLE_OK;
}

void file_pieces_free(struct file_pieces *pieces)
{
    if (!pieces)
        return;
    for (struct piece *piece = atomic_load(&pieces->first), *next; piece; piece = next) {
        next = piece->next;
        memory_free(piece);
    }
    close(pieces->fd);
    memory_free(pieces);
}

/* This thread's piece of the file; NULL: no memory. */
static struct piece *find_piece(struct file_pieces *pieces)
{
    if (mine.number == pieces->number)
        return mine.piece;
    struct piece *piece = memory_new(1, sizeof *piece);
    if (!piece)
        return NULL;
    piece->next = atomic_load(&pieces->first);
    while (!atomic_compare_exchange_weak(&pieces->first, &piece->next, piece)) {
    }
    mine.number = pieces->number;
    mine.piece = piece;
    return piece;
}

const uint8_t *file_piece_at(struct file_pieces *pieces, size_t at, size_t n, bool ahead)
{
    struct piece *piece = find_piece(pieces);
    if (!piece || at > pieces->size || n > pieces->size - at || n > FILE_PIECE)
        return NULL;
    if (at >= piece->at && at - piece->at <= piece->held && n <= piece->held - (at - piece->at))
        return piece->data + (at - piece->at);
    size_t wanted = ahead ? FILE_PIECE : n;
    wanted = wanted < pieces->size - at ? wanted : pieces->size - at;
    piece->held = 0;
    if (!read_at(pieces->fd, piece->data, wanted, at))
        return NULL;
    piece->at = at;
    piece->held = wanted;
    return piece->data;
}
