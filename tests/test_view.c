/** Rows read from an array in a file, and kept ones: src/data/view.c, preprocess_apply.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "data/view.h"
#include "support.h"

enum { ROWS = 70, COLUMNS = 9, COUNT = 61 };

/* A file of `type`: any bytes, which as floats are made tame. */
static heddle_table *table_of(const char *type, bool fortran, bool holes)
{
    static unsigned char bytes[128 + ROWS * COLUMNS * 8];
    const size_t size = (size_t)(type[2] - '0'), n = (size_t)ROWS * COLUMNS * size;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "\x93NUMPY\1\0\x76\0", 10);
    memset(bytes + 10, ' ', 118);
    char header[118];
    int length =
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': (%d, %d), }",
                 type, fortran ? "True" : "False", ROWS, COLUMNS);
    memcpy(bytes + 10, header, (size_t)length);
    for (size_t i = 0; i < n; i++)
        bytes[128 + i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t i = 0; type[1] == 'f' && i < (size_t)ROWS * COLUMNS; i++) {
        unsigned char *element = bytes + 128 + i * size;
        unsigned char *high = type[0] == '>' ? element : element + size - 1;
        *high = 0x40; /* 2 and more, and no exponent that is out of the way */
        if (holes && i % 7 == 3)
            memset(element, 0xff, size); /* NaN */
    }
    const char *path = scratch_path("view.npy");
    put_file(path, bytes, 128 + n);
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(heddle_table_read(path, NULL, &table, &err) == HEDDLE_OK, "%s", err.text);
    return table;
}

/* The rows kept, and the rows read: the same bits. */
static void same(heddle_table *table, const struct preprocess_options *options, bool use_double)
{
    struct preprocess *p = NULL;
    struct dataset kept = {0}, read = {0};
    heddle_error err = {HEDDLE_OK, ""};
    uint32_t rows[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        rows[i] = i < 30 ? i : i + 9;
    cr_assert(preprocess_fit(table, options, rows, COUNT, NULL, NULL, &p, &err) == HEDDLE_OK, "%s",
              err.text);
    table->limit = 0;
    cr_assert(preprocess_apply(p, table, rows, COUNT, use_double, false, true, NULL, &kept, &err) ==
              HEDDLE_OK);
    table->limit = 1;
    cr_assert(preprocess_apply(p, table, rows, COUNT, use_double, false, true, NULL, &read, &err) ==
              HEDDLE_OK);
    if (!read.view) { /* bytes that stand together are used where they are, whatever the limit */
        cr_assert(dataset_in_place(&kept) && kept.bytes == read.bytes);
        dataset_done(&kept);
        dataset_done(&read);
        preprocess_free(p);
        return;
    }
    cr_assert(!read.real && !read.bytes && !kept.view);
    cr_assert(read.rows == kept.rows && read.inputs == kept.inputs);
    size_t size = use_double ? sizeof(double) : sizeof(float);
    double row[COLUMNS], from_bytes[COLUMNS];
    for (size_t r = 0; r < kept.rows; r++) {
        const void *other =
            kept.real ? (const char *)kept.real + r * kept.real_stride * size : NULL;
        for (size_t i = 0; i < kept.inputs && !other; i++) {
            if (use_double)
                from_bytes[i] = kept.bytes[r * kept.byte_stride + i] * kept.byte_scale;
            else
                ((float *)from_bytes)[i] =
                    (float)kept.bytes[r * kept.byte_stride + i] * (float)kept.byte_scale;
        }
        view_row(read.view, r, row);
        cr_assert(memcmp(row, other ? other : from_bytes, kept.inputs * size) == 0, "row %zu", r);
    }
    double room[COLUMNS], other_room[COLUMNS];
    for (uint32_t r = 0; r < kept.rows; r++) {
        struct dataset some;
        size_t n, m, k;
        const void *one = dataset_row(&kept, r, NULL, &n);
        cr_assert(n == kept.inputs * (kept.bytes ? 1 : size));
        cr_assert(memcmp(one, dataset_row(&read, r, room, &m), n) == 0 && n == m);
        cr_assert(dataset_take(&read, &r, 1, &some, &err) == HEDDLE_OK);
        cr_assert(some.view && some.view != read.view);
        cr_assert(memcmp(one, dataset_row(&some, 0, other_room, &k), n) == 0 && n == k);
        dataset_done(&some);
    }
    if (kept.target)
        cr_assert(memcmp(kept.target, read.target, kept.rows * kept.target_stride * size) == 0);
    dataset_done(&kept);
    dataset_done(&read);
    preprocess_free(p);
}

Test(view, rows_that_are_read_have_the_bits_of_rows_that_are_kept)
{
    static const char *const types[] = {"|u1", "|i1", "<u2", ">i2", "<i4", ">u4",
                                        "<i8", "<f2", "<f4", ">f4", "<f8", ">f8"};
    static const enum scale scales[] = {SCALE_STANDARD, SCALE_MINMAX, SCALE_BYTE, SCALE_NONE};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
            for (int how = 0; how < 8; how++) {
                const bool fortran = how & 1, fills = how & 2;
                struct preprocess_options options = {.task = TASK_REGRESS,
                                                     .scale = scales[s],
                                                     .drop = how & 4 ? "x2,x5" : NULL,
                                                     .missing =
                                                         fills ? MISSING_MEAN : MISSING_ERROR};
                heddle_table *table = table_of(types[t], fortran, fills);
                same(table, &options, s % 2 == 0);
                same(table, &options, s % 2 != 0);
                heddle_table_free(table);
            }
}

Test(view, wide_rows_go_by_pieces)
{
    enum { WIDE = 700 };
    struct element_array array = {.type = ELEMENT_U8, .row = WIDE, .column = 1};
    static uint8_t data[3 * WIDE];
    static size_t column[WIDE];
    static struct view_scale scale[WIDE];
    uint32_t row[2] = {2, 1};
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < WIDE; i++) {
        column[i] = i;
        scale[i] = (struct view_scale){(double)i, 0.5, 0.0};
    }
    array.data = data;
    struct view view = {
        .array = array, .row = row, .column = column, .scale = scale, .inputs = WIDE};
    for (int straight = 0; straight < 2; straight++) {
        float x[WIDE];
        view.straight = straight;
        view_row(&view, 0, x);
        for (size_t i = 0; i < WIDE; i++)
            cr_assert(x[i] == (float)((data[2 * WIDE + i] - (double)i) * 0.5));
    }
}
