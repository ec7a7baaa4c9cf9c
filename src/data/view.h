/**
 * view: rows of an array in a file as inputs of a network, read and scaled each time they are asked
 * for. It gives the bits that preprocess_apply() gives when it writes them down, so whether rows
 * are kept or read is a matter of memory alone.
 */
#ifndef DATA_VIEW_H
#define DATA_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/element.h"

/** How input i of a row comes about: NaN becomes fill, then x = (number - shift) × factor. */
struct view_scale {
    double shift, factor, fill;
};

struct view {
    struct element_array array;
    uint32_t *row;            /* (rows of the data set) rows of the array */
    size_t *column;           /* (inputs) columns of the array */
    struct view_scale *scale; /* (inputs) */
    size_t inputs;
    bool straight; /* column[i] = column[0] + i */
    bool fills;    /* missing numbers are filled */
    bool in_real;  /* scaled as bytes are: x = (real)number × (real)factor */
    bool bytes;    /* all are bytes, which a data set that keeps its rows would keep as they are */
    bool use_double;
    const uint8_t *source; /* (size) the file */
    size_t size;
    bool mapped; /* the array is in a mapped file, which the system may read ahead and forget */
    struct tiles *tiles; /* of an array in pieces, column after column; NULL: none */
    size_t limit;        /* bytes of tiles; 0: what there is */
};

/** x (inputs) = row r of the data set, reals of the view's precision. For any thread. */
void view_row(const void *view, size_t r, void *x);

/** byte (inputs) = row r of the data set, not scaled, of a view of bytes. For any thread. */
void view_bytes(const struct view *view, size_t r, uint8_t *byte);

/**
 * The array is read at random from now on: pages that were not asked for are not wanted, and room is
 * taken for tiles of `rows` rows of the data set (tiles.h), if there is some.
 *
 * window  rows that are wanted again and again at a time; 0: they are wanted in order
 */
void view_begin(struct view *view, size_t rows, size_t window);

/** Bytes that view_begin() takes. */
size_t view_bytes_taken(const struct view *view, size_t rows, size_t window);

/**
 * Rows first … first+n-1 of the data set are going to be read soon (wanted), or not again for long.
 * Without it a file larger than the memory is read by single pages, most of them in vain.
 */
void view_hint(const struct view *view, size_t first, size_t n, bool wanted);

/** Rows row[0 … count) of a view, to be read in order; NULL: no memory. */
struct view *view_take(const struct view *view, const uint32_t *row, size_t count);

/** Bytes that view_take() takes for so many rows. */
size_t view_take_bytes(const struct view *view, size_t count);

/** Release a view and what it holds; NULL is allowed. */
void view_free(struct view *view);

/** value[0 … n) scaled; in_real, use_double as in struct view. What view_row() does, too. */
void view_scale(const struct view_scale *scale, bool fills, bool in_real, bool use_double,
                double *value);

#endif
