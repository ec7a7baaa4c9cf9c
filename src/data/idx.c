/**
 * idx: the format of MNIST and its kin. Four bytes 0, 0, type, rank; `rank` sizes of 32 bits; then
 * the elements, last index fastest; all big-endian.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/readers.h"

enum { MAX_COLUMNS = 1 << 20 };

/* The type that a byte of the header says; false: none. */
static bool element_of(unsigned code, enum element_type *type)
{
    static const struct {
        unsigned code;
        enum element_type type;
    } types[] = {{0x08, ELEMENT_U8},  {0x09, ELEMENT_I8},  {0x0b, ELEMENT_I16},
                 {0x0c, ELEMENT_I32}, {0x0d, ELEMENT_F32}, {0x0e, ELEMENT_F64}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == code) {
            *type = types[i].type;
            return true;
        }
    return false;
}

bool idx_recognise(const struct file_bytes *bytes)
{
    const uint8_t *p = bytes->data;
    enum element_type type;
    return bytes->size >= 4 && p[0] == 0 && p[1] == 0 && p[3] != 0 && element_of(p[2], &type);
}

static size_t big_endian(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | (size_t)p[3];
}

/* The bytes that the elements take, by a header that is there; false: more than can be. */
static bool count_bytes(const uint8_t *p, enum element_type type, size_t *total)
{
    *total = element_size(type);
    bool fits = true;
    for (unsigned r = 0; r < p[3]; r++)
        fits = fits && size_multiply(*total, big_endian(p + 4 + 4 * r), total);
    return fits;
}

/* What the header says, checked against the bytes that are there. */
struct header {
    enum element_type type;
    unsigned rank;
    size_t size[255];
    size_t rows, columns, start;
    char shape[64]; /* "60000x28x28" */
};

static heddle_status read_header(const char *path, const struct file_bytes *bytes, struct header *h,
                                 heddle_error *err)
{
    const uint8_t *p = bytes->data;
    element_of(p[2], &h->type);
    h->rank = p[3];
    size_t start = h->start = 4 + 4 * (size_t)h->rank;
    if (bytes->size < start)
        return status_set(err, HEDDLE_E_DATA, "'%s' ends within its IDX header", path);
    size_t total, used = 0;
    h->rows = big_endian(p + 4);
    h->columns = 1;
    bool fits = count_bytes(p, h->type, &total);
    h->shape[0] = '\0';
    for (unsigned r = 0; r < h->rank; r++) {
        size_t n = h->size[r] = big_endian(p + 4 + 4 * r);
        if (used < sizeof h->shape - 16) /* a size has ten digits at most */
            used +=
                (size_t)snprintf(h->shape + used, sizeof h->shape - used, r ? "x%zu" : "%zu", n);
        if (n == 0)
            return status_set(err, HEDDLE_E_DATA, "'%s' is an IDX file of shape %s: it is empty",
                              path, h->shape);
        if (r > 0)
            fits = fits && size_multiply(h->columns, n, &h->columns);
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
    return HEDDLE_OK;
}

heddle_status idx_claim(const char *path, const struct file_bytes *head, struct file_claim *claim,
                        heddle_error *err)
{
    struct file_bytes claimed = *head;
    struct header h;
    enum element_type type;
    size_t total;
    if (!element_of(head->data[2], &type) || !count_bytes(head->data, type, &total) ||
        !size_add(total, 4 + 4 * (size_t)head->data[3], &claimed.size)) {
        claim->least = SIZE_MAX;
        return HEDDLE_OK;
    }
    claim->least = claim->most = claimed.size;
    return read_header(path, &claimed, &h, err);
}

heddle_status idx_read(const char *path, struct file_bytes *bytes,
                       const struct table_reading *reading, heddle_table **table, heddle_error *err)
{
    struct header h;
    const char *packing = bytes->packing;
    heddle_status status = read_header(path, bytes, &h, err);
    if (status != HEDDLE_OK)
        return status;
    struct array_shape array = {.type = h.type,
                                .swapped = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
                                .start = h.start,
                                .rows = h.rows,
                                .columns = h.columns,
                                .shape = h.size,
                                .rank = h.rank,
                                .prefix = "p",
                                .single = "label"};
    heddle_table *t = NULL;
    status = reader_array(path, bytes, &array, reading, &t, err);
    if (status != HEDDLE_OK)
        return status;
    t->images = t->bytes != NULL;
    bool fits = h.rank == 3 ? table_set_format(t, "IDX images of %zux%zu%s%s", h.size[1], h.size[2],
                                               *packing ? ", " : "", packing)
                            : table_set_format(t, "IDX of shape %s%s%s", h.shape,
                                               *packing ? ", " : "", packing);
    if (!fits) {
        heddle_table_free(t);
        return status_memory(err, "a table", 0);
    }
    *table = t;
    return HEDDLE_OK;
}
