/**
 * csv_known: what is known of a table's columns before it is read: they are those of a model, or of
 * the table that it is to be like. What a cell is must not depend on the cells beside it, so a
 * column of words is one of words again, whatever a file happens to hold of them.
 */
#ifndef DATA_CSV_KNOWN_H
#define DATA_CSV_KNOWN_H

#include "data/distinct.h"

enum csv_kind {
    CSV_TEXT = 1, /* words, also those that look like numbers */
    CSV_MINUS = 2 /* … and '-' is one of them, not a missing value */
};

struct csv_known {
    bool named;                  /* the columns are known by name, else by place only */
    struct distinct_words names; /* of the columns that matter; the inputs of a model first */
    char *kind;                  /* (names.count) of enum csv_kind */
    size_t *place;               /* (names.count) where each is … */
    size_t columns;              /* … in a table of so many */
    size_t inputs;               /* a table may have the first so many alone */
};

#endif
