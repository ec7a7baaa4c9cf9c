/**
 * divide: a worker's share of units × rows, whole blocks of units first.
 *
 * The cells are numbered block by block, within a block row by row, and each worker takes as many as
 * the others, one after the other. So it has whole blocks but for the first and the last, which it
 * shares with its neighbours, and rows by rows that makes three bands at most:
 *
 *     rows      block 0   block 1   block 2         3 workers, 4 blocks
 *      0 …        0         0         1       2
 *                 0         1         1       2
 *          …      0         1         2       2
 *
 * Whoever has a block's rows reads the block's weights alone. Nothing here depends on the precision.
 */
#ifndef PASS_DIVIDE_H
#define PASS_DIVIDE_H

#include <stddef.h>

#include "kernel/kernel.h"

/** Units [from, to) of rows [begin, end). */
struct band {
    size_t from, to, begin, end;
};
enum { BANDS_MAX = 3 };

/** What is divided: so many units in blocks, and rows, cut at multiples of grain. */
struct grid {
    size_t units, rows, grain;
    size_t block; /* units of each, a divisor; 0: the blocks that so many units are packed in */
};

/** The width of the block that begins at `first`; 0 at the end. */
static inline size_t grid_width(const struct grid *grid, size_t first)
{
    return first == grid->units ? 0 : grid->block ? grid->block : pack_width(grid->units, first);
}

/** Where worker w begins: row `begin` of the block of units that begins at `from`. */
static inline struct band divide_corner(const struct grid *grid, size_t w, size_t workers)
{
    size_t cell = grid->units * grid->rows * w / workers;
    size_t unit = cell / grid->rows;
    size_t first = unit == grid->units ? unit
                   : grid->block       ? unit / grid->block * grid->block
                                       : pack_begin(grid->units, unit);
    size_t width = grid_width(grid, first);
    size_t row = width ? (cell - first * grid->rows) / width : 0;
    row = row < grid->rows ? (row + grid->grain / 2) / grid->grain * grid->grain : row;
    return (struct band){.from = first, .begin = row < grid->rows ? row : grid->rows};
}

/** Worker w's bands, from the first row down; returns how many there are. */
static inline size_t divide(const struct grid *grid, int w, int workers,
                            struct band band[BANDS_MAX])
{
    struct band a = divide_corner(grid, (size_t)w, (size_t)workers);
    struct band b = divide_corner(grid, (size_t)w + 1, (size_t)workers);
    size_t upper = a.begin < b.begin ? a.begin : b.begin;
    size_t lower = a.begin < b.begin ? b.begin : a.begin;
    const size_t cut[BANDS_MAX + 1] = {0, upper, lower, grid->rows};
    size_t count = 0;
    for (int i = 0; i < BANDS_MAX; i++) {
        /* a row above the corner of a worker's first block is its neighbour's there */
        size_t from = a.from + (cut[i] < a.begin ? grid_width(grid, a.from) : 0);
        size_t to = b.from + (cut[i] < b.begin ? grid_width(grid, b.from) : 0);
        if (cut[i] < cut[i + 1] && from < to) {
            band[count++] = (struct band){from, to, cut[i], cut[i + 1]};
        }
    }
    return count;
}

#endif
