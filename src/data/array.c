/**
 * array: a table that is a view of an array in a file. Only what cannot be a view is copied:
 * bytes in Fortran order and booleans other than 0 and 1, for the network takes rows of bytes as
 * they stand, and single columns, which are labels.
 */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/readers.h"

enum { TILE = 64 };

/* Column c of a row in C order, as it is counted in Fortran order. */
static size_t fortran_column(const struct array_shape *s, size_t c)
{
    size_t at = 0;
    for (size_t r = s->rank - 1; r > 0; r--) { /* C order: the last index is the fastest */
        size_t stride = 1;
        for (size_t k = 1; k < r; k++)
            stride *= s->shape[k];
        at += c % s->shape[r] * stride;
        c /= s->shape[r];
    }
    return at;
}

/* Bytes in Fortran order → rows, by tiles that stay in the cache. */
static void turn_bytes(const heddle_table *table, const struct array_shape *s, uint8_t *out)
{
    const uint8_t *in = table->block.data;
    for (size_t i = 0; i < s->rows; i += TILE)
        for (size_t c = 0; c < s->columns; c++) {
            const uint8_t *from = in + table->column[c].byte * s->rows;
            for (size_t k = i; k < s->rows && k < i + TILE; k++)
                out[k * s->columns + c] = from[k];
        }
}

/* Are all n booleans 0 or 1, as NumPy writes them? */
static bool are_settled(const uint8_t *p, size_t n)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < n; i++)
        seen |= p[i];
    return seen < 2;
}

heddle_status reader_array(const char *path, struct file_bytes *bytes, const struct array_shape *s,
                           const struct table_reading *reading, heddle_table **table,
                           heddle_error *err)
{
    const bool byte = element_size(s->type) == 1 && s->type != ELEMENT_I8 && s->rank > 1;
    const bool turned = s->fortran && byte && !bytes->pieces, copied = s->rank == 1;
    const size_t size = element_size(s->type), cells = s->rows * s->columns;
    const bool loose = byte && s->type == ELEMENT_BOOL && !bytes->pieces &&
                       !are_settled(bytes->data + s->start, cells);
    size_t taken = turned || loose ? cells : copied ? s->rows * sizeof(double) : 0;
    heddle_status status = reader_check_size(path, reading, taken, err);
    if (status != HEDDLE_OK)
        return status;
    heddle_table *t = table_create(path, s->columns);
    if (!t || !(s->rank == 1 ? table_set_names(t, &s->single) : table_number_names(t, s->prefix)))
        goto no_memory;
    t->rows = s->rows;
    t->pictures = s->rank > 2;
    t->block = (struct element_array){.data = bytes->data + s->start,
                                      .type = s->type,
                                      .swapped = s->swapped,
                                      .pieces = bytes->pieces,
                                      .start = s->start,
                                      .row = s->fortran ? size : s->columns * size,
                                      .column = s->fortran ? s->rows * size : size};
    for (size_t c = 0; c < s->columns; c++)
        t->column[c].byte = s->fortran ? fortran_column(s, c) : c;
    if (copied) {
        t->column[0].number = memory_new(s->rows, sizeof(double));
        if (!t->column[0].number)
            goto no_memory;
        element_read(&t->block, 0, NULL, 0, s->rows, t->column[0].number);
        t->block = (struct element_array){.type = s->type, .row = size}; /* for whole labels */
    } else if (turned || loose) {
        uint8_t *rows = t->owned = memory_new(taken, 1);
        if (!rows)
            goto no_memory;
        if (turned)
            turn_bytes(t, s, rows);
        else
            memcpy(rows, t->block.data, cells);
        for (size_t i = 0; loose && i < cells; i++)
            rows[i] = rows[i] != 0;
        t->block.data = rows;
        t->block.row = s->columns;
        t->block.column = 1;
        for (size_t c = 0; c < s->columns; c++)
            t->column[c].byte = c;
    } else {
        t->source = *bytes;
        *bytes = (struct file_bytes){.packing = bytes->packing};
    }
    if (byte) {
        t->bytes = t->block.data;
        t->byte_columns = s->columns;
    }
    *table = t;
    return HEDDLE_OK;
no_memory:
    heddle_table_free(t);
    return status_memory(err, "a table", taken);
}
