/** Rows of an array that stands column after column in a file: src/data/tiles.c. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_pieces.h"
#include "base/memory.h"
#include "data/tiles.h"
#include "support.h"

enum { ROWS = 4001, COLUMNS = 40, SKIPPED = 3, INPUTS = COLUMNS - SKIPPED };

/* An array of bytes that mean something for any type, and which of its rows and columns are wanted. */
static struct file_bytes bytes;
static struct element_array array;
static uint32_t row[ROWS];
static size_t column[INPUTS], rows;

static void open_array(enum element_type type)
{
    const size_t size = element_size(type), n = ROWS * COLUMNS * size;
    uint8_t *content = malloc(n);
    for (size_t i = 0; i < n; i++)
        content[i] = (uint8_t)(i * i % 251 + i / 4096);
    char name[32];
    snprintf(name, sizeof name, "array%d", (int)getpid()); /* tests run beside each other */
    const char *path = scratch_path(name);
    put_file(path, content, n);
    free(content);
    cr_assert(file_open_pieces(path, &bytes, NULL) == HEDDLE_OK);
    unlink(path);
    array = (struct element_array){
        .type = type, .pieces = bytes.pieces, .row = size, .column = ROWS * size};
    rows = 0;
    for (uint32_t r = 0; r < ROWS; r++)
        if (r % 7)
            row[rows++] = r;
    for (size_t c = 0; c < INPUTS; c++)
        column[c] = (c * 11 + SKIPPED) % COLUMNS;
}

/* Row r of the tiles is what the array itself says. */
static void check_row(struct tiles *tiles, size_t r)
{
    double value[INPUTS], expected;
    cr_assert(tiles_read(tiles, r, 0, 5, value) && tiles_read(tiles, r, 5, INPUTS - 5, value + 5));
    for (size_t c = 0; c < INPUTS; c++) {
        element_read_row(&array, row[r], column[c], 1, &expected);
        cr_assert(memcmp(&value[c], &expected, sizeof expected) == 0 ||
                      (value[c] != value[c] && expected != expected),
                  "row %zu, column %zu", r, c);
    }
}

Test(tiles, hold_what_the_file_holds)
{
    for (enum element_type type = ELEMENT_U8; type <= ELEMENT_F64; type++) {
        open_array(type);
        struct tiles *tiles = tiles_new(&array, row, rows, column, INPUTS, 3 * 64 * INPUTS);
        cr_assert(tiles != NULL);
        for (size_t i = 0; i < 400; i++)
            check_row(tiles, i * 7919 % rows);
        check_row(tiles, rows - 1);
        tiles_free(tiles);
        file_release(&bytes);
    }
}

Test(tiles, are_read_once_where_there_is_room)
{
    open_array(ELEMENT_I16);
    struct tiles *tiles = tiles_new(&array, row, rows, column, INPUTS, SIZE_MAX / 64);
    for (size_t r = 0; r < rows; r++)
        check_row(tiles, r);
    /* nothing is asked of the file any more */
    array.pieces = NULL;
    double value[INPUTS];
    for (size_t r = 0; r < rows; r++)
        cr_assert(tiles_read(tiles, r, 0, INPUTS, value));
    cr_assert(tiles_bytes(&array, rows, INPUTS, SIZE_MAX / 64) >= rows * INPUTS * sizeof(float));
    cr_assert(tiles_bytes(&array, rows, INPUTS, 1) < 65 * INPUTS * sizeof(float) + 4096);
    tiles_free(tiles);
    file_release(&bytes);
}

Test(tiles, a_file_that_cannot_be_read_gives_no_numbers)
{
    open_array(ELEMENT_F32);
    array.start = bytes.size; /* behind its end */
    struct tiles *tiles = tiles_new(&array, row, rows, column, INPUTS, 64 * INPUTS);
    double value[INPUTS];
    cr_assert(tiles_read(tiles, 5, 0, INPUTS, value));
    cr_assert(value[0] != value[0] && value[INPUTS - 1] != value[INPUTS - 1]);
    tiles_free(tiles);
    file_release(&bytes);
}

Test(tiles, no_memory_is_no_tiles)
{
    open_array(ELEMENT_F32);
    for (size_t n = 1; n <= 4; n++) {
        memory_fail_at(n, true);
        struct tiles *tiles = tiles_new(&array, row, rows, column, INPUTS, 4 * 64 * INPUTS);
        memory_fail_at(0, false);
        cr_assert(tiles == NULL, "%zu", n);
    }
    memory_fail_at(3, false); /* of less room fewer */
    struct tiles *tiles = tiles_new(&array, row, rows, column, INPUTS, 4 * 64 * INPUTS);
    memory_fail_at(0, false);
    cr_assert(tiles != NULL);
    check_row(tiles, 17);
    tiles_free(tiles);
    file_release(&bytes);
}

struct reader {
    struct tiles *tiles;
    size_t number;
    size_t refused;
};

static void *read_rows(void *context)
{
    struct reader *reader = context;
    double value[INPUTS], expected;
    for (size_t i = 0; i < 3000; i++) {
        const size_t r = (i * 31 + reader->number * 977) % rows;
        if (!tiles_read(reader->tiles, r, 0, INPUTS, value)) {
            reader->refused++;
            continue;
        }
        element_read_row(&array, row[r], column[i % INPUTS], 1, &expected);
        cr_assert(value[i % INPUTS] == expected);
    }
    return NULL;
}

Test(tiles, serve_more_threads_than_there_are_tiles)
{
    enum { THREADS = 6 };
    for (size_t slots = 1; slots < 12; slots += 5) {
        open_array(ELEMENT_U16);
        struct reader reader[THREADS];
        pthread_t thread[THREADS];
        struct tiles *tiles = tiles_new(&array, row, rows, column, INPUTS, slots * 64 * INPUTS);
        for (size_t k = 0; k < THREADS; k++) {
            reader[k] = (struct reader){.tiles = tiles, .number = k};
            cr_assert(pthread_create(&thread[k], NULL, read_rows, &reader[k]) == 0);
        }
        for (size_t k = 0; k < THREADS; k++) {
            pthread_join(thread[k], NULL);
            cr_assert(slots < THREADS || reader[k].refused == 0);
        }
        tiles_free(tiles);
        file_release(&bytes);
    }
}
