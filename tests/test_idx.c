/** IDX files and the labels that go with them: src/data/idx.c, read.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/table.h"
#include "support.h"

/* An IDX file of `rank` sizes and n bytes of elements. */
static const char *put_idx(const char *name, unsigned type, unsigned rank, const uint32_t *sizes,
                           const void *elements, size_t n)
{
    unsigned char bytes[4096] = {0, 0, (unsigned char)type, (unsigned char)rank};
    for (unsigned r = 0; r < rank; r++)
        for (unsigned b = 0; b < 4; b++)
            bytes[4 + 4 * r + b] = (unsigned char)(sizes[r] >> (24 - 8 * b));
    if (n)
        memcpy(bytes + 4 + 4 * rank, elements, n);
    const char *path = scratch_path(name);
    put_file(path, bytes, 4 + 4 * rank + n);
    return path;
}

static void refused(const char *path, const char *message)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    char wanted[1024];
    snprintf(wanted, sizeof wanted, "'%s' %s", path, message);
    cr_assert(heddle_table_read(path, NULL, &table, &err) == HEDDLE_E_DATA);
    cr_assert_str_eq(err.text, wanted);
    cr_assert(table == NULL);
}

static heddle_table *read_path(const char *path, const char *labels)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    heddle_read_options options = {.labels = labels};
    cr_assert(heddle_table_read(path, &options, &table, &err) == HEDDLE_OK, "%s", err.text);
    return table;
}

Test(idx, headers_that_lie_are_refused)
{
    refused(put_idx("short.idx", 8, 3, (uint32_t[]){2, 2, 2}, "1234567", 7),
            "is cut short: its IDX header promises 2x2x2 elements of 1 byte, 7 bytes are there");
    refused(put_idx("long.idx", 8, 3, (uint32_t[]){2, 2, 2}, "123456789", 9),
            "has 1 bytes more than its IDX header's 2x2x2 elements take");
    refused(put_idx("vast.idx", 8, 3, (uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff}, "1", 1),
            "is cut short: its IDX header promises 4294967295x4294967295x4294967295 elements of "
            "1 byte, 1 bytes are there");
    /* 2^31 × 2^33 × 1 = 2^64, which is 0 in 64 bits */
    refused(put_idx("wraps.idx", 8, 4, (uint32_t[]){1u << 31, 1u << 31, 4, 1}, "", 0),
            "is cut short: its IDX header promises 2147483648x2147483648x4x1 elements of 1 byte, "
            "0 bytes are there");
    refused(put_idx("wraps_double.idx", 14, 2, (uint32_t[]){1u << 31, 1u << 30}, "", 0),
            "is cut short: its IDX header promises 2147483648x1073741824 elements of 8 bytes, "
            "0 bytes are there");
    refused(put_idx("none.idx", 8, 2, (uint32_t[]){0, 5}, "", 0),
            "is an IDX file of shape 0: it is empty");
    refused(put_idx("no_columns.idx", 8, 2, (uint32_t[]){5, 0}, "", 0),
            "is an IDX file of shape 5x0: it is empty");
    const char *path = scratch_path("header_cut.idx");
    for (size_t n = 4; n < 12; n++) {
        put_file(path, "\0\0\x08\x02\0\0\0\2\0\0\0\2", n);
        refused(path, "ends within its IDX header");
    }
    put_idx("many.idx", 8, 255, (uint32_t[255]){1}, "", 0);
    refused(scratch_path("many.idx"), "is an IDX file of shape 1x0: it is empty");
}

Test(idx, a_limit_of_memory_is_kept)
{
    const char *path = put_idx("limit.idx", 13, 1, (uint32_t[]){16}, (char[64]){0}, 64);
    heddle_read_options options = {.max_bytes = 100};
    heddle_table *table = NULL;
    cr_assert(heddle_table_read(path, &options, &table, NULL) == HEDDLE_E_MEMORY);
    /* more than a column is a view of the file */
    path = put_idx("limit.idx", 13, 2, (uint32_t[]){4, 4}, (char[64]){0}, 64);
    cr_assert(heddle_table_read(path, &options, &table, NULL) == HEDDLE_OK);
    heddle_table_free(table);
}

Test(idx, images_are_a_block_of_bytes)
{
    heddle_table *table =
        read_path(put_idx("img.idx", 8, 3, (uint32_t[]){2, 2, 2}, "\0\1\2\3\4\xff\6\7", 8), NULL);
    cr_assert_str_eq(heddle_table_format(table), "IDX images of 2x2");
    cr_assert(table->rows == 2 && table->columns == 4 && table->byte_columns == 4);
    cr_assert(table->bytes[5] == 255 && !table->column[1].number && !table->column[1].text);
    cr_assert(table_number(table, 1, 1) == 255);
    cr_assert_str_eq(table->column[3].name, "p3");
    cr_assert(!table->named && !table->labelled && table->targets == 0);
    heddle_table_free(table);
}

Test(idx, all_element_types_are_read)
{
    static const struct {
        unsigned type;
        const char *bytes;
        size_t n;
        double first, second;
    } cases[] = {
        {0x08, "\x7f\xff", 2, 127, 255},
        {0x09, "\x7f\xff", 2, 127, -1},
        {0x0b, "\x01\x02\xff\xfe", 4, 258, -2},
        {0x0c, "\x01\x02\x03\x04\x80\0\0\0", 8, 16909060, -2147483648.0},
        {0x0d, "\x3f\xc0\0\0\xc0\x20\0\0", 8, 1.5, -2.5},
        {0x0e, "\x3f\xf8\0\0\0\0\0\0\xc0\x04\0\0\0\0\0\0", 16, 1.5, -2.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heddle_table *table = read_path(
            put_idx("types.idx", cases[i].type, 1, (uint32_t[]){2}, cases[i].bytes, cases[i].n),
            NULL);
        cr_assert(table->columns == 1 && table->rows == 2);
        cr_assert(table_number(table, 0, 0) == cases[i].first);
        cr_assert(table_number(table, 0, 1) == cases[i].second);
        heddle_table_free(table);
    }
    heddle_table *table = read_path(put_idx("float.idx", 0x0d, 2, (uint32_t[]){2, 2},
                                            "\x3f\x80\0\0\x40\0\0\0\x40\x40\0\0\x7f\xc0\0\0", 16),
                                    NULL);
    cr_assert(table->columns == 2 && table_number(table, 1, 0) == 2 &&
              table_number(table, 0, 1) == 3);
    cr_assert(isnan(table_number(table, 1, 1)));
    heddle_table_free(table);
}

Test(idx, labels_become_the_last_column)
{
    put_idx("given-img.idx", 8, 2, (uint32_t[]){3, 2}, "\1\2\3\4\5\6", 6);
    put_idx("given-lab.idx", 8, 1, (uint32_t[]){3}, "\7\1\2", 3);
    heddle_table *table = read_path(scratch_path("given-img.idx"), scratch_path("given-lab.idx"));
    cr_assert(table->columns == 3 && table->labelled && table->targets == 1);
    cr_assert_str_eq(table->column[2].name, "label");
    cr_assert(table_number(table, 2, 0) == 7 && table_number(table, 1, 2) == 6);
    heddle_table_free(table);

    put_file(scratch_path("given-lab.csv"), "kind\nshoe\nhat\nshoe\n", 19);
    table = read_path(scratch_path("given-img.idx"), scratch_path("given-lab.csv"));
    cr_assert(table->column[2].text && table->column[2].words == 2);
    cr_assert_str_eq(table->column[2].name, "kind");
    heddle_table_free(table);
}

Test(idx, labels_that_do_not_fit_are_refused)
{
    put_idx("misfit-img.idx", 8, 2, (uint32_t[]){3, 2}, "\1\2\3\4\5\6", 6);
    put_idx("misfit-lab.idx", 8, 1, (uint32_t[]){2}, "\7\1", 2);
    heddle_read_options options = {.labels = scratch_path("misfit-lab.idx")};
    const char *path = scratch_path("misfit-img.idx");
    heddle_table *table = NULL;
    heddle_error err;
    char wanted[1024];
    snprintf(wanted, sizeof wanted, "labels '%s' have 2 rows, '%s' has 3", options.labels, path);
    cr_assert(heddle_table_read(path, &options, &table, &err) == HEDDLE_E_DATA);
    cr_assert_str_eq(err.text, wanted);
    options.labels = path;
    snprintf(wanted, sizeof wanted,
             "labels '%s' have 2 columns, expected one; heddle convert '%s' OUT.csv --drop N,… "
             "leaves the others out",
             path, path);
    cr_assert(heddle_table_read(path, &options, &table, &err) == HEDDLE_E_DATA);
    cr_assert_str_eq(err.text, wanted);
    options.labels = "/no/such/file";
    cr_assert(heddle_table_read(path, &options, &table, &err) == HEDDLE_E_OPEN);
}

Test(idx, images_find_their_labels_by_name)
{
    put_idx("alone-images-idx3-ubyte", 8, 3, (uint32_t[]){2, 1, 2}, "\1\2\3\4", 4);
    heddle_table *table = read_path(scratch_path("alone-images-idx3-ubyte"), NULL);
    cr_assert(table->columns == 2 && table->targets == 0);
    cr_assert_str_eq(heddle_table_format(table), "IDX images of 1x2");
    heddle_table_free(table);

    put_idx("pair-images-idx3-ubyte", 8, 3, (uint32_t[]){2, 1, 2}, "\1\2\3\4", 4);
    put_idx("pair-labels-idx1-ubyte", 8, 1, (uint32_t[]){2}, "\7\1", 2);
    table = read_path(scratch_path("pair-images-idx3-ubyte"), NULL);
    cr_assert(table->columns == 3 && table->targets == 1 && table->labelled);
    cr_assert_str_eq(heddle_table_format(table),
                     "IDX images of 1x2, labels from 'pair-labels-idx1-ubyte'");
    heddle_table_free(table);

    put_idx("odd-images-idx3-ubyte", 8, 3, (uint32_t[]){2, 1, 2}, "\1\2\3\4", 4);
    put_idx("odd-labels-idx1-ubyte", 8, 1, (uint32_t[]){3}, "\7\1\1", 3);
    heddle_table *none = NULL;
    cr_assert(heddle_table_read(scratch_path("odd-images-idx3-ubyte"), NULL, &none, NULL) ==
              HEDDLE_E_DATA);
}

Test(idx, every_allocation_may_fail)
{
    put_idx("memory-images-idx3-ubyte", 8, 3, (uint32_t[]){2, 1, 2}, "\1\2\3\4", 4);
    put_idx("memory-labels-idx1-ubyte", 8, 1, (uint32_t[]){2}, "\7\1", 2);
    const char *path = scratch_path("memory-images-idx3-ubyte");
    for (int persistent = 0; persistent < 2; persistent++) {
        heddle_status status = HEDDLE_E_MEMORY;
        for (size_t n = 1; status != HEDDLE_OK; n++) {
            heddle_table *table = NULL;
            cr_assert(n < 1000);
            memory_fail_at(n, persistent);
            status = heddle_table_read(path, NULL, &table, NULL);
            size_t asked = memory_count();
            memory_fail_at(0, false);
            cr_assert(status == HEDDLE_E_MEMORY || table->columns == 3);
            cr_assert(status == HEDDLE_E_MEMORY || status == HEDDLE_OK);
            heddle_table_free(table);
            if (asked >= n)
                status = HEDDLE_E_MEMORY;
        }
    }
}

Test(idx, every_prefix_is_refused)
{
    unsigned char bytes[28] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2};
    const char *path = scratch_path("prefix.idx");
    for (size_t n = 0; n < sizeof bytes; n++) {
        heddle_table *table = NULL;
        put_file(path, bytes, n);
        cr_assert(heddle_table_read(path, NULL, &table, NULL) == HEDDLE_E_DATA, "%zu", n);
    }
}
