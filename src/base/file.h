/**
 * file: whole files in and out. Reading understands gzip and zstd by their magic bytes. Writing
 * makes a file appear whole under its name or not at all.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle.h"

/**
 * The bytes of a file. Plain files of 64 KiB and more are mapped (and must not be cut short by
 * others while in use), all else is in memory.
 */
struct file_bytes {
    const uint8_t *data;
    size_t size;
    size_t stored;       /* bytes that the file takes as it is; 0: not known, as of a pipe */
    const char *packing; /* "", "gzip" or "zstd"; who decodes the bytes may say so, too */
    bool mapped;
    size_t map_size;
    struct file_pieces *pieces; /* not NULL: only its head is here, see file_pieces.h */
};

/** What the first bytes of a file say of it. */
struct file_claim {
    size_t least, most; /* bytes of the whole file: 0 and SIZE_MAX if they do not say */
    size_t again;       /* look again when so many are there; 0: enough was seen */
};

/**
 * Somebody who knows what the file should be is shown the first 128 KiB of what cannot be mapped,
 * since it is packed or comes through a pipe, before the rest is read, and again when he asks for
 * that. He may refuse it, or set *claim (0, SIZE_MAX and 0 when he is called): then what cannot be
 * true is HEDDLE_E_DATA at once, and no more is read than was claimed.
 */
typedef heddle_status file_look(void *context, const struct file_bytes *head,
                                struct file_claim *claim, heddle_error *err);

/**
 * Read the whole of path ("-": standard input; FIFOs work), unpacked. max_bytes bounds what it may
 * take in memory (0: no bound); a mapping takes none. look may be NULL. A truncated or corrupt
 * archive, or one with rubbish behind it, is HEDDLE_E_DATA; a directory or missing file
 * HEDDLE_E_OPEN; too large or no memory HEDDLE_E_MEMORY; a failing read HEDDLE_E_IO. At least one 0
 * byte follows the data in memory unless `mapped`.
 */
heddle_status file_read(const char *path, size_t max_bytes, file_look *look, void *context,
                        struct file_bytes *bytes, heddle_error *err);

void file_release(struct file_bytes *bytes);

/**
 * The bytes from begin to end were read and are hardly needed again: if they are mapped their pages
 * are given back. They can still be read. Several threads may do so beside each other, which
 * file_release() then need not do alone.
 */
void file_forget(const struct file_bytes *bytes, const void *begin, const void *end);

/** One piece of what is to be written. */
struct file_piece {
    const void *data;
    size_t size;
};

/**
 * Write the pieces, in order, as the file `path`: a temporary file in the same directory
 * (O_EXCL), all writes checked, fsync, rename, fsync of the directory. The mode of a file that was
 * there is kept, a symbolic link is followed to what it names; a path that is a FIFO or a device
 * is written directly. On failure the old file is untouched and the temporary is gone; only when
 * the very last step fails, the flush of the directory, the new file is already there. Temporary
 * files that killed processes have left in the directory are removed first.
 *
 * HEDDLE_E_CREATE (no directory, no permission, is a directory), HEDDLE_E_IO (a write failed).
 */
heddle_status file_write(const char *path, const struct file_piece *pieces, size_t count,
                         heddle_error *err);

/**
 * The same, but a regular file that was there stays as `path`.previous (FILE_PREVIOUS), itself
 * replaced whole: at no moment is there neither.
 */
#define FILE_PREVIOUS ".previous"
heddle_status file_write_keeping(const char *path, const struct file_piece *pieces, size_t count,
                                 heddle_error *err);

/**
 * Can `path` be created or replaced, and what it replaces be kept? Asked before a long run. HEDDLE_OK
 * or HEDDLE_E_CREATE.
 */
heddle_status file_can_keep(const char *path, heddle_error *err);

#endif
