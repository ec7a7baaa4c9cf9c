/** convert: data, whole or part by part, and the files that heddle convert makes of them. */
#ifndef CLI_CONVERT_H
#define CLI_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "heddle.h"

/** Data that are there as a whole or, if they are too large for that, come in parts. */
struct source {
    const char *path;
    const heddle_read_options *reading;
    heddle_table *whole; /* or NULL */
    bool *text;          /* (columns) by parts: which of the first part are text */
    size_t columns;
};

/** Some columns of a source, for one output. */
struct selection {
    struct source *source;
    const heddle_table *table; /* the whole, or the part at hand */
    size_t rows;               /* of all parts, once they were looked at */
    size_t *column;
    size_t columns;
    bool single;        /* a column by itself: an NPY array of rank 1 */
    const char *format; /* what was written, for people */
};

/** What to do with each part; returns an exit status. */
typedef int part_function(struct selection *s, void *context);

/** Call each() for the whole, or for one part after the other until it returns an exit status. */
int convert_each_part(struct selection *s, part_function *each, void *context);

/** What column i of the selection is. Returns 0; or complains if it cannot be used. */
int convert_column(const struct selection *s, size_t i, heddle_column *column);

/** Write the selection to `path`; wanted, of NPY: "auto", "u1", "i4", "f4" or "f8". Returns an exit status. */
int convert_to_npy(struct selection *s, const char *path, const char *wanted);
int convert_to_csv(struct selection *s, const char *path);

#endif
