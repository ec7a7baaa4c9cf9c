/**
 * tiles: rows of an array that stands column after column in a file which is read in pieces. The
 * numbers of a row are far apart there, each a call of the system. So those of some rows that stand
 * together, a tile, are read at once, column after column, and kept until room is wanted for others.
 *
 * Rows are wanted in order (scores, predictions), for which a few tiles are enough, or by blocks in
 * random order (train/order.h), for which as many should be kept as those blocks have. A tile lies in
 * one block.
 */
#ifndef DATA_TILES_H
#define DATA_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/element.h"

/** A block is so many values, of whole rows; at least one row. */
enum { TILES_BLOCK = 1 << 17 };

struct tiles;

/**
 * Row r of the tiles is row[r] of the array, of which it has the numbers in column[0 … inputs). What
 * is given must stay. NULL: no memory.
 *
 * values  how many may be kept: no fewer than a tile's are. Of less room fewer
 */
struct tiles *tiles_new(const struct element_array *array, const uint32_t *row, size_t rows,
                        const size_t *column, size_t inputs, size_t values);
void tiles_free(struct tiles *tiles);

/** Bytes that those tiles take at most. */
size_t tiles_bytes(const struct element_array *array, size_t rows, size_t inputs, size_t values);

/**
 * value[0 … n) = numbers first … first+n-1 of row r; NaN if the file cannot be read. For any thread.
 * False: all tiles are in use by others, and nothing is done.
 */
bool tiles_read(struct tiles *tiles, size_t r, size_t first, size_t n, double *value);

#endif
