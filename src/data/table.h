/**
 * table: what a reader makes and preprocessing takes. A table is a list of named columns; each
 * holds numbers (double, NaN = missing), text (codes into a list of distinct words), or belongs to
 * the block: an array of numbers as it stands in a file, which the table then keeps.
 */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "data/element.h"
#include "heddle.h"

enum { TABLE_MISSING = UINT32_MAX };
enum { TABLE_TRAIN, TABLE_VALIDATE, TABLE_TEST, TABLE_PARTS };

struct table_column {
    char *name;
    bool text;
    double *number; /* (rows) if !text, or NULL for a column of the block */
    uint32_t *code; /* (rows) if text: index into word, or TABLE_MISSING */
    char **word;    /* distinct words in order of first appearance */
    size_t words;
    char *letters; /* what word[] points into */
    size_t byte;   /* column of the block, if !text and !number */
    double *kept;  /* (rows) a copy of that column, see table_keep(); or NULL */
    bool shared;   /* number or code is in the table's `numbers` */
    char *flaw;    /* why it cannot be used: a message, complained of only if it is; or NULL */
};

struct heddle_table {
    size_t rows, columns;
    struct table_column *column;
    char *names;                /* what the columns' names live in */
    char *path;                 /* as given, for messages */
    char *format;               /* for people */
    bool named;                 /* the names come from the data, they are not made up */
    bool row_names;             /* the first column has no name: it holds those of the rows */
    struct element_array block; /* what columns without numbers of their own are in */
    const uint8_t *bytes;       /* the block, if it is bytes (rows, byte_columns) row-major */
    size_t byte_columns;
    bool images;       /* the bytes are intensities of images, to be divided by 255 */
    bool pictures;     /* an array of three dimensions or more: none of its columns is a target */
    bool sparse;       /* a column that is not there is all 0 */
    bool labelled;     /* the last column came from a file of labels, or the array of targets */
    bool whole_labels; /* … and that file was an array of whole numbers: surely classes */
    size_t part[TABLE_PARTS]; /* how many rows, one part behind the other, the file means to be
                               * trained on, to validate and to test; all 0: it does not say */
    size_t targets;           /* how many last columns are targets by construction (0: not known) */
    size_t *line; /* (rows) line of the source each row began on, for messages; or NULL */
    struct file_bytes source; /* the file, if the block is in it */
    void *owned;              /* or the memory that the block is in */
    void *numbers;            /* an arena for all columns, or NULL */
    size_t numbers_bytes;
    void *image; /* the mapping that cells, lines and words are in (table_image.h), or NULL */
    size_t image_bytes;
    size_t limit; /* bytes that whoever uses it may take, or 0: what there is */
};

/** The number in row i of column c (not text): NaN if missing. */
double table_number(const heddle_table *table, size_t c, size_t i);

/**
 * number[i] = the number in row row[i] of column c (not text), or in row first + i if row is NULL,
 * for i = 0 … n-1. Column by column through a block is slow where its rows are long: go by some
 * hundred rows.
 */
void table_numbers(const heddle_table *table, size_t c, const uint32_t *row, size_t first, size_t n,
                   double *number);

/**
 * Copy a column of the block, so that who looks at it again need not go through the whole file. If
 * there is no room it is not copied. The table's content does not change.
 */
void table_keep(const heddle_table *table, size_t c);

/**
 * Rows from `first` to `last` of the block were read and are hardly needed again: where they are in a
 * mapped file, row by row, their pages are given back. They can still be read. For any thread.
 */
void table_forget(const heddle_table *table, size_t first, size_t last);

/** Is column c one of unsigned bytes, so that nothing is missing in it and all is finite? */
static inline bool table_is_byte(const heddle_table *table, size_t c)
{
    return table->bytes && !table->column[c].text && !table->column[c].number;
}

/** Index of the column named `name`; table->columns if there is none. */
size_t table_find(const heddle_table *table, const char *name);

/** "line 7" or, where the source has no lines, "row 6" (counted from 1): row i for messages. */
enum { TABLE_WHERE_SIZE = 32 };
const char *table_where(const heddle_table *table, size_t i, char where[TABLE_WHERE_SIZE]);

/** Complain that the number in row i of column c is infinite: HEDDLE_E_DATA. */
heddle_status table_not_finite(const heddle_table *table, size_t c, size_t i, heddle_error *err);

/*
 * Making a table: table_create(), fill rows and columns, name them, set format. Until it is
 * complete it can only be freed.
 */

/** Columns without names or cells, and no rows; NULL: no memory. */
heddle_table *table_create(const char *path, size_t columns);

/**
 * Name the columns. A name that is NULL or "" becomes "column_3", one that was there before
 * "x_2". names has table->columns entries; they are copied and may be the present names. False:
 * no memory, and the names are as before.
 */
bool table_set_names(heddle_table *table, const char *const *names);

/** Name the columns "p0", "p1", … with `prefix` for p. False: no memory. */
bool table_number_names(heddle_table *table, const char *prefix);

/** Set what was understood (printf format). False: no memory. */
bool table_set_format(heddle_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Move the only column of `labels` to the end of `table` as its target; `labels` loses it and can
 * only be freed. False: no memory, and both are as before.
 */
bool table_append_labels(heddle_table *table, heddle_table *labels);

/**
 * Make the numbers of column c words, as they are written shortest; those of an array in a file are
 * read. False: no memory, and nothing has changed.
 */
bool table_make_words(heddle_table *table, size_t c);

#endif
