/** NumPy's arrays: src/data/npy.c, array.c, element.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/preprocess.h"
#include "data/table.h"
#include "support.h"

/* An NPY file of that version, header text and elements. */
static const char *put_npy(const char *name, int version, const char *header, const void *elements,
                           size_t n)
{
    unsigned char bytes[4096] = "\x93NUMPY";
    size_t length = strlen(header), start = version == 1 ? 10 : 12;
    bytes[6] = (unsigned char)version;
    bytes[8] = (unsigned char)length;
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + start, header, length);
    if (n)
        memcpy(bytes + start + length, elements, n);
    const char *path = scratch_path(name);
    put_file(path, bytes, start + length + n);
    return path;
}

static heddle_table *read_path(const char *path)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(heddle_table_read(path, NULL, &table, &err) == HEDDLE_OK, "%s", err.text);
    return table;
}

static void refused(int version, const char *header, const char *elements, size_t n,
                    const char *message)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    const char *path = put_npy("refused.npy", version, header, elements, n);
    cr_assert(heddle_table_read(path, NULL, &table, &err) == HEDDLE_E_DATA, "%s", header);
    cr_assert(strstr(err.text, message), "%s", err.text);
    cr_assert(table == NULL);
}

#define HEADER(type, order, shape)                                                                 \
    "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }"

Test(npy, headers_that_lie_or_are_none_are_refused)
{
    refused(1, HEADER("<f8", "False", "(2, 2)"), "1234567890123456789012345678901", 31,
            "is cut short: its NPY header promises 2x2 elements of 8 bytes, 31 bytes are there");
    refused(1, HEADER("|u1", "False", "(2, 2)"), "12345", 5, "has 1 bytes more");
    refused(1, HEADER("|u1", "False", "(4294967296, 4294967296)"), "", 0, "is cut short");
    refused(1, HEADER("<f8", "False", "(2305843009213693952,)"), "", 0, "is cut short");
    refused(1, HEADER("<f8", "False", "(99999999999999999999,)"), "", 0, "a shape that is none");
    refused(1, HEADER("<f8", "False", "(-1,)"), "", 0, "a shape that is none");
    refused(1, HEADER("<f8", "False", "(1 1)"), "12345678", 8, "a shape that is none");
    refused(1, HEADER("<f8", "False", "(0, 3)"), "", 0, "it is empty");
    refused(1, HEADER("<f8", "False", "()"), "12345678", 8, "one number");
    refused(1, HEADER("<f8", "Maybe", "(1,)"), "12345678", 8, "neither True nor False");
    refused(1, HEADER("|O", "False", "(1,)"), "12345678", 8, "Python objects");
    refused(1, HEADER("<U3", "False", "(1,)"), "123456789012", 12, "of type 'U3'");
    refused(1, HEADER("<c8", "False", "(1,)"), "12345678", 8, "of type 'c8'");
    refused(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234", 4,
            "records");
    refused(1, "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "1234", 4,
            "twice");
    refused(1, "{'descr': '<f4', 'shape': (1,)}", "1234", 4, "lacks");
    refused(1, "import os", "", 0, "no dictionary");
    refused(1, "{'descr': '<f4", "", 0, "names no type");
    refused(4, HEADER("<f8", "False", "(1,)"), "12345678", 8, "version 4");
    const char *path = scratch_path("cut.npy");
    heddle_table *table = NULL;
    for (size_t n = 6; n < 10; n++) {
        put_file(path, "\x93NUMPY\1\0\xff\xff", n);
        cr_assert(heddle_table_read(path, NULL, &table, NULL) == HEDDLE_E_DATA);
    }
}

Test(npy, all_types_and_byte_orders_are_read)
{
    static const struct {
        const char *header, *bytes;
        size_t n;
        double first, second;
    } cases[] = {
        {HEADER("|b1", "False", "(2,)"), "\1\0", 2, 1, 0},
        {HEADER("|u1", "False", "(2,)"), "\1\377", 2, 1, 255},
        {HEADER("|i1", "False", "(2,)"), "\1\377", 2, 1, -1},
        {HEADER("<u2", "False", "(2,)"), "\2\1\377\377", 4, 258, 65535},
        {HEADER(">i2", "False", "(2,)"), "\1\2\377\376", 4, 258, -2},
        {HEADER("<i4", "False", "(2,)"), "\4\3\2\1\377\377\377\377", 8, 16909060, -1},
        {HEADER(">u4", "False", "(2,)"), "\1\2\3\4\377\377\377\377", 8, 16909060, 4294967295.0},
        {HEADER("<i8", "False", "(2,)"), "\1\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377", 16, 1,
         -1},
        {HEADER(">u8", "False", "(2,)"), "\0\0\0\0\0\0\0\1\200\0\0\0\0\0\0\0", 16, 1,
         9223372036854775808.0},
        {HEADER("<f2", "False", "(2,)"), "\0\76\1\0", 4, 1.5, 5.9604644775390625e-8},
        {HEADER(">f2", "False", "(2,)"), "\300\0\173\377", 4, -2, 65504},
        {HEADER("<f4", "False", "(2,)"), "\0\0\300\77\0\0\40\300", 8, 1.5, -2.5},
        {HEADER(">f8", "False", "(2,)"), "\77\370\0\0\0\0\0\0\300\4\0\0\0\0\0\0", 16, 1.5, -2.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int version = 1; version < 4; version++) {
            heddle_table *table = read_path(
                put_npy("types.npy", version, cases[i].header, cases[i].bytes, cases[i].n));
            cr_assert(table->rows == 2 && table->columns == 1);
            cr_assert(table_number(table, 0, 0) == cases[i].first, "%s", cases[i].header);
            cr_assert(table_number(table, 0, 1) == cases[i].second, "%s", cases[i].header);
            heddle_table_free(table);
        }
}

Test(npy, fortran_order_is_turned)
{
    /* a[i][j] = 10 i + j of shape (3, 2); a[i][j][k] = 100 i + 10 j + k of shape (2, 2, 3) */
    heddle_table *table = read_path(
        put_npy("fortran.npy", 1, HEADER("|i1", "True", "(3, 2)"), "\0\12\24\1\13\25", 6));
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 2; j++)
            cr_assert(table_number(table, j, i) == (double)(10 * i + j));
    heddle_table_free(table);
    for (int byte = 0; byte < 2; byte++) {
        unsigned char elements[24];
        for (size_t k = 0, at = 0; k < 3; k++)
            for (size_t j = 0; j < 2; j++)
                for (size_t i = 0; i < 2; i++) {
                    elements[at++] = (unsigned char)(100 * i + 10 * j + k);
                    if (!byte)
                        elements[at++] = 0;
                }
        table = read_path(
            put_npy("fortran3.npy", 1,
                    byte ? HEADER("|u1", "True", "(2, 2, 3)") : HEADER("<u2", "True", "(2, 2, 3)"),
                    elements, byte ? 12 : 24));
        cr_assert(table->columns == 6 && !table->bytes == !byte);
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                for (size_t k = 0; k < 3; k++)
                    cr_assert(table_number(table, 3 * j + k, i) == (double)(100 * i + 10 * j + k));
        heddle_table_free(table);
    }
}

Test(npy, booleans_are_0_or_1_whatever_their_bytes)
{
    static const unsigned char bytes[6] = {0, 1, 2, 255, 0, 7}, turned[6] = {0, 255, 1, 0, 2, 7};
    static const double expected[6] = {0, 1, 1, 1, 0, 1};
    for (int fortran = 0; fortran < 2; fortran++) {
        heddle_table *table = read_path(
            put_npy("bools.npy", 1,
                    fortran ? HEADER("|b1", "True", "(2, 3)") : HEADER("|b1", "False", "(2, 3)"),
                    fortran ? turned : bytes, 6));
        cr_assert(table->bytes && table->byte_columns == 3);
        for (size_t i = 0; i < 6; i++) {
            cr_assert(table_number(table, i % 3, i / 3) == expected[i]);
            cr_assert(table->bytes[i] == (uint8_t)expected[i]); /* what the network gets */
        }
        heddle_table_free(table);
    }
}

Test(npy, bytes_of_images_are_not_copied_on_their_way_to_the_network)
{
    static unsigned char elements[2 * 14 * 14];
    for (size_t i = 0; i < sizeof elements; i++)
        elements[i] = (unsigned char)i;
    put_npy("images.npy", 1, HEADER("|u1", "False", "(2, 14, 14)"), elements, sizeof elements);
    put_npy("labels.npy", 1, HEADER("<i4", "False", "(2,)"), "\3\0\0\0\1\0\0\0", 8);
    char labels[512];
    snprintf(labels, sizeof labels, "%s", scratch_path("labels.npy"));
    heddle_read_options options = {.labels = labels};
    heddle_table *table = NULL;
    cr_assert(heddle_table_read(scratch_path("images.npy"), &options, &table, NULL) == HEDDLE_OK);
    cr_assert(table->images && table->whole_labels && table->columns == 197);
    cr_assert(table->bytes == table->source.data + table->source.size - sizeof elements);
    struct preprocess *p = NULL;
    struct preprocess_options fit = {.numbers_are_classes = true};
    struct dataset set;
    cr_assert(preprocess_fit(table, &fit, NULL, 0, NULL, NULL, &p, NULL) == HEDDLE_OK);
    cr_assert(p->scale == SCALE_BYTE && p->task == TASK_CLASSIFY && p->classes == 2);
    cr_assert(preprocess_apply(p, table, NULL, 0, false, false, true, NULL, &set, NULL) ==
              HEDDLE_OK);
    cr_assert(set.bytes == table->bytes && set.class_index[0] == 1 && set.class_index[1] == 0);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);
}

Test(npy, reals_are_checked_when_used_and_a_missing_one_is_found)
{
    const float elements[8] = {1, 2, 3, NAN, 5, 6, INFINITY, 8};
    heddle_table *table = read_path(
        put_npy("reals.npy", 1, HEADER("<f4", "False", "(4, 2)"), elements, sizeof elements));
    struct preprocess *p = NULL;
    heddle_error err;
    struct preprocess_options options = {.task = TASK_REGRESS, .missing = MISSING_DROP};
    cr_assert(preprocess_fit(table, &options, NULL, 0, NULL, NULL, &p, &err) == HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "row 4: 'x0' is not a finite number"), "%s", err.text);
    const uint32_t rows[] = {0, 1, 2};
    cr_assert(preprocess_fit(table, &options, rows, 3, NULL, NULL, &p, &err) == HEDDLE_OK);
    cr_assert(p->input[0].shift == 3); /* of 1 and 5: the row without a target is left out */
    preprocess_free(p);
    heddle_column column;
    heddle_table_column(table, 1, &column);
    cr_assert(column.missing == 1 && column.maximum == 8 && column.minimum == 2);
    heddle_table_free(table);
}

Test(npy, every_allocation_may_fail)
{
    const char *path = put_npy("memory.npy", 1, HEADER("|u1", "True", "(3, 2)"), "123456", 6);
    heddle_status status = HEDDLE_E_MEMORY;
    for (size_t n = 1; status != HEDDLE_OK; n++) {
        heddle_table *table = NULL;
        memory_fail_at(n, false);
        status = heddle_table_read(path, NULL, &table, NULL);
        memory_fail_at(0, false);
        cr_assert(status == HEDDLE_OK || (status == HEDDLE_E_MEMORY && !table));
        heddle_table_free(table);
    }
}
