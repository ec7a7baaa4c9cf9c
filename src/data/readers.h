/**
 * readers: one function a format. Each takes the bytes of a file, already unpacked, and makes a
 * table of them that owes nothing to the bytes. Which one is asked is decided in read.c.
 *
 * All: HEDDLE_E_DATA with the place of what is wrong, HEDDLE_E_MEMORY (also if the table would
 * need more than options->max_bytes).
 */
#ifndef DATA_READERS_H
#define DATA_READERS_H

#include "base/file.h"
#include "data/table.h"

typedef heddle_status reader(const char *path, const struct file_bytes *bytes,
                             const heddle_read_options *options, heddle_table **table,
                             heddle_error *err);

reader csv_read;
reader idx_read;

/** Do the bytes begin like an IDX file? */
bool idx_recognise(const struct file_bytes *bytes);

/** The data set "builtin:NAME"; HEDDLE_E_ARGUMENT if there is none of that name. */
heddle_status builtin_read(const char *path, heddle_table **table, heddle_error *err);

/** HEDDLE_OK, or HEDDLE_E_MEMORY if a table of `bytes` bytes is more than options allow. */
heddle_status reader_check_size(const char *path, const heddle_read_options *options, size_t bytes,
                                heddle_error *err);

#endif
