/**
 * file_pieces: a file that is larger than the address space a process may have (ulimit -v), read in
 * pieces when they are asked for. Where there is room a mapping is better: see file.h.
 */
#ifndef BASE_FILE_PIECES_H
#define BASE_FILE_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"

/** So many bytes from the beginning of the file are in file_bytes.data; the headers are there. */
enum { FILE_HEAD = 128 << 10 };

/**
 * Open a regular file of at least FILE_HEAD bytes. bytes->size is the file's, bytes->data holds its
 * first FILE_HEAD bytes, bytes->pieces is set. Release it with file_release().
 *
 * HEDDLE_E_OPEN (or it is no such file), HEDDLE_E_IO, HEDDLE_E_MEMORY.
 */
heddle_status file_open_pieces(const char *path, struct file_bytes *bytes, heddle_error *err);

void file_pieces_free(struct file_pieces *pieces);

/**
 * The n bytes of the file from `at` on, n at most FILE_PIECE, valid until this thread asks again.
 * NULL: they cannot be read, or there is no memory. For any thread.
 *
 * ahead  more behind them will be asked for next, so that it pays to read a whole piece
 */
enum { FILE_PIECE = 1 << 20 };
const uint8_t *file_piece_at(struct file_pieces *pieces, size_t at, size_t n, bool ahead);

#endif
