/**
 * moments: what scaling needs of columns of numbers: their means, deviations and ranges. An array's
 * columns are looked at many at a time, for it may be larger than the memory.
 */
#ifndef DATA_MOMENTS_H
#define DATA_MOMENTS_H

#include "data/table.h"

struct moments {
    size_t numbers;         /* cells that have one */
    double mean, deviation; /* population deviation, as numpy's std; 0 if constant */
    double minimum, maximum;
};

/** Some rows of a table. Start it with what the caller has; release it with moments_done(). */
struct moments_rows {
    const heddle_table *table; /* the caller's, as row and value */
    const uint32_t *row;       /* (rows) of the table */
    size_t rows;
    double *value;         /* (rows) scratch */
    struct moments *group; /* (grouped) of the block's columns from group_first on */
    size_t group_first, grouped;
};

/**
 * Moments of column c, which must hold no infinity: sums by the tree of base/sum.h. Columns are best
 * asked for in order. HEDDLE_E_DATA: no number at all, or too large ones.
 */
heddle_status moments_find(struct moments_rows *of, size_t c, struct moments *m, heddle_error *err);

void moments_done(struct moments_rows *of);

#endif
