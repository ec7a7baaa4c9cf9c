/**
 * preprocess_take: which columns and rows of a table a fitted preprocessing takes, and whether their
 * cells will do.
 */
#ifndef DATA_PREPROCESS_TAKE_H
#define DATA_PREPROCESS_TAKE_H

#include "data/preprocess.h"

/** In place of a column: one that a sparse table does not name, for all its cells are 0. */
static const size_t COLUMN_OF_ZEROS = SIZE_MAX;

struct taken {
    const struct preprocess *p;
    const heddle_table *table;
    size_t *input;  /* (p->inputs) columns of the table */
    size_t *target; /* (p->targets) or NULL */
    uint32_t *row;  /* (rows) of the table, all values needed are there */
    size_t rows;
    bool whole; /* the rows are all of the table's, in order */
};

/**
 * Find the columns by name or position, and of the rows listed (NULL: all) those that stay. Errors
 * as preprocess_apply()'s, but for classes never seen. Release with taken_done(), also after a
 * failure.
 */
heddle_status take_cells(const struct preprocess *p, const heddle_table *table,
                         const uint32_t *rows, size_t count, bool with_targets, struct taken *taken,
                         heddle_error *err);
void taken_done(struct taken *taken);

/** Rows are gone through by blocks of so many, which stay in the cache for all columns. */
enum { TAKEN_BLOCK = 256 };

/** Rows of the block that begins at row i. */
static inline size_t taken_block(const struct taken *taken, size_t i)
{
    return taken->rows - i < TAKEN_BLOCK ? taken->rows - i : TAKEN_BLOCK;
}

/**
 * The block of rows that begins at row i was read: pages of a mapped file need not stay beside what
 * is made of them.
 */
void taken_forget(const struct taken *taken, size_t i);

#endif
