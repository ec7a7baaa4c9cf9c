/**
 * element: arrays of numbers as they stand in a file: of many types, in either byte order, with any
 * strides. A table may keep its numbers so, in the mapped file, rather than copy them.
 */
#ifndef DATA_ELEMENT_H
#define DATA_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum element_type {
    ELEMENT_U8,
    ELEMENT_I8,
    ELEMENT_BOOL, /* a byte: 0 or not */
    ELEMENT_U16,
    ELEMENT_I16,
    ELEMENT_U32,
    ELEMENT_I32,
    ELEMENT_U64, /* beyond 2^53 the nearest double */
    ELEMENT_I64,
    ELEMENT_F16, /* IEEE 754 binary16 */
    ELEMENT_F32,
    ELEMENT_F64
};

/** Element (i, c) is the one at data + i × row + c × column, of any alignment. */
struct element_array {
    const uint8_t *data;
    enum element_type type;
    bool swapped;       /* the bytes of an element stand the other way round than this machine's */
    size_t row, column; /* strides in bytes */
    struct file_pieces *pieces; /* not NULL: the array is in that file, and not at data … */
    size_t start;               /* … but from here on */
};

size_t element_size(enum element_type type);

/** "f4", "u1", …, as NumPy says it; "b1" for booleans. */
const char *element_name(enum element_type type);

/** Is every element a whole number and none missing? */
bool element_is_whole(enum element_type type);

/**
 * out[i] = element (row[i], c), or (first + i, c) if row is NULL, as a double, for i = 0 … n-1. All
 * are NaN if a file in pieces cannot be read, so that it does not pass for data.
 */
void element_read(const struct element_array *array, size_t c, const uint32_t *row, size_t first,
                  size_t n, double *out);

/** out[k] = element (i, c + k), for k = 0 … n-1: a piece of a row. */
void element_read_row(const struct element_array *array, size_t i, size_t c, size_t n, double *out);

#endif
