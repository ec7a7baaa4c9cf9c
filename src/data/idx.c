/**
 * idx: the format of MNIST and its kin. Four bytes 0, 0, type, rank; `rank` sizes of 32 bits; then
 * the elements, last index fastest; all big-endian.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/readers.h"

enum { MAX_COLUMNS = 1 << 24 };

enum element { U8 = 0x08, I8 = 0x09, I16 = 0x0b, I32 = 0x0c, F32 = 0x0d, F64 = 0x0e };

static size_t element_size(unsigned type)
{
    switch (type) {
    case U8:
    case I8:
        return 1;
    case I16:
        return 2;
    case I32:
    case F32:
        return 4;
    case F64:
        return 8;
    default:
        return 0;
    }
}

bool idx_recognise(const struct file_bytes *bytes)
{
    const uint8_t *p = bytes->data;
    return bytes->size >= 4 && p[0] == 0 && p[1] == 0 && element_size(p[2]) && p[3] != 0;
}

static uint64_t big_endian(const uint8_t *p, size_t bytes)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes; i++)
        bits = bits << 8 | p[i];
    return bits;
}

static double element(const uint8_t *p, unsigned type)
{
    uint64_t bits = big_endian(p, element_size(type));
    switch (type) {
    case U8:
        return (double)bits;
    case I8:
        return (double)bits - (bits & 0x80 ? 0x100 : 0);
    case I16:
        return (double)bits - (bits & 0x8000 ? 0x10000 : 0);
    case I32:
        return (double)bits - (bits & 0x80000000 ? 4294967296.0 : 0);
    case F32: {
        uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        return (double)value;
    }
    default: {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    }
}

/* What the header says, checked against the bytes that are there. */
struct header {
    unsigned type, rank;
    size_t rows, columns;
    const uint8_t *elements;
    char shape[64]; /* "60000x28x28" */
};

static heddle_status read_header(const char *path, const struct file_bytes *bytes, struct header *h,
                                 heddle_error *err)
{
    const uint8_t *p = bytes->data;
    h->type = p[2];
    h->rank = p[3];
    size_t start = 4 + 4 * (size_t)h->rank;
    if (bytes->size < start)
        return status_set(err, HEDDLE_E_DATA, "'%s' ends within its IDX header", path);
    size_t total = element_size(h->type), used = 0;
    h->rows = (size_t)big_endian(p + 4, 4);
    h->columns = 1;
    bool fits = size_multiply(total, h->rows, &total);
    h->shape[0] = '\0';
    for (unsigned r = 0; r < h->rank; r++) {
        size_t n = (size_t)big_endian(p + 4 + 4 * r, 4);
        if (used < sizeof h->shape - 16) /* a size has ten digits at most */
            used +=
                (size_t)snprintf(h->shape + used, sizeof h->shape - used, r ? "x%zu" : "%zu", n);
        if (n == 0)
            return status_set(err, HEDDLE_E_DATA, "'%s' is an IDX file of shape %s: it is empty",
                              path, h->shape);
        if (r > 0)
            fits = fits && size_multiply(total, n, &total) &&
                   size_multiply(h->columns, n, &h->columns);
    }
    size_t there = bytes->size - start;
    if (!fits || total > there)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is cut short: its IDX header promises %s elements of %zu byte%s, "
                          "%zu bytes are there",
                          path, h->shape, element_size(h->type),
                          element_size(h->type) == 1 ? "" : "s", there);
    if (total < there)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' has %zu bytes more than its IDX header's %s elements take", path,
                          there - total, h->shape);
    if (h->columns > MAX_COLUMNS)
        return status_set(err, HEDDLE_E_DATA, "'%s' has %zu columns; %d are possible", path,
                          h->columns, MAX_COLUMNS);
    h->elements = p + start;
    return HEDDLE_OK;
}

static heddle_status fill_numbers(heddle_table *table, const struct header *h, heddle_error *err)
{
    size_t size = element_size(h->type);
    for (size_t c = 0; c < h->columns; c++) {
        double *number = table->column[c].number = memory_new(h->rows, sizeof *number);
        if (!number)
            return status_memory(err, "a table", h->rows * sizeof *number);
        const uint8_t *p = h->elements + c * size;
        for (size_t i = 0; i < h->rows; i++, p += h->columns * size) {
            number[i] = element(p, h->type);
            if (isinf(number[i]))
                return status_set(err, HEDDLE_E_DATA, "'%s' row %zu column %zu: an infinite number",
                                  table->path, i + 1, c + 1);
        }
    }
    return HEDDLE_OK;
}

heddle_status idx_read(const char *path, const struct file_bytes *bytes,
                       const heddle_read_options *options, heddle_table **table, heddle_error *err)
{
    struct header h;
    heddle_status status = read_header(path, bytes, &h, err);
    if (status != HEDDLE_OK)
        return status;
    /* bytes stay bytes if there is more than one a row; rows × columns is known to fit */
    bool block = h.type == U8 && h.rank > 1;
    size_t cell = block ? 1 : sizeof(double), size;
    if (!size_multiply(h.rows * h.columns, cell, &size))
        return status_memory(err, "a table", SIZE_MAX);
    status = reader_check_size(path, options, size, err);
    if (status != HEDDLE_OK)
        return status;
    heddle_table *t = table_create(path, h.columns);
    const char *label = "label";
    bool fits = t && (h.rank == 1 ? table_set_names(t, &label) : table_number_names(t, "p"));
    if (fits && h.rank == 3)
        fits = table_set_format(
            t, "IDX images of %zux%zu%s%s", (size_t)big_endian(bytes->data + 8, 4),
            (size_t)big_endian(bytes->data + 12, 4), *bytes->packing ? ", " : "", bytes->packing);
    else if (fits)
        fits = table_set_format(t, "IDX of shape %s%s%s", h.shape, *bytes->packing ? ", " : "",
                                bytes->packing);
    if (fits && block)
        fits = (t->bytes = memory_new(size, 1)) != NULL;
    if (!fits)
        status = status_memory(err, "a table", size);
    if (status == HEDDLE_OK && block) {
        memcpy(t->bytes, h.elements, size);
        t->byte_columns = h.columns;
        for (size_t c = 0; c < h.columns; c++)
            t->column[c].byte = c;
    } else if (status == HEDDLE_OK) {
        status = fill_numbers(t, &h, err);
    }
    if (status != HEDDLE_OK) {
        heddle_table_free(t);
        return status;
    }
    t->rows = h.rows;
    *table = t;
    return HEDDLE_OK;
}
