/** Files read in pieces: src/base/file_pieces.c, and arrays in them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_pieces.h"
#include "data/element.h"
#include "support.h"

enum { SIZE = 3 * FILE_PIECE + 1234 };

static uint8_t *put_random(const char *name, struct file_bytes *bytes)
{
    uint8_t *data = malloc(SIZE);
    uint64_t state = 5;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)test_random(&state);
    const char *path = scratch_path(name);
    put_file(path, data, SIZE);
    cr_assert(file_open_pieces(path, bytes, NULL) == HEDDLE_OK);
    return data;
}

Test(file_pieces, only_large_files_are_opened)
{
    struct file_bytes bytes;
    heddle_error err;
    cr_assert(file_open_pieces(scratch_path("none"), &bytes, &err) == HEDDLE_E_OPEN);
    const char *path = scratch_path("small.bin");
    put_file(path, "123", 3);
    cr_assert(file_open_pieces(path, &bytes, &err) == HEDDLE_E_OPEN);
}

Test(file_pieces, all_bytes_are_had_in_any_order)
{
    struct file_bytes bytes;
    uint8_t *data = put_random("pieces.bin", &bytes);
    uint64_t state = 9;
    cr_assert(bytes.size == SIZE && memcmp(bytes.data, data, FILE_HEAD) == 0);
    for (int k = 0; k < 3000; k++) {
        size_t n = test_random(&state) % (k % 100 ? 200 : FILE_PIECE + 1);
        size_t at = test_random(&state) % (SIZE - n);
        const uint8_t *piece = file_piece_at(bytes.pieces, at, n, k % 3);
        cr_assert(piece && memcmp(piece, data + at, n) == 0);
    }
    cr_assert(file_piece_at(bytes.pieces, SIZE - 1, 1, true));
    cr_assert(!file_piece_at(bytes.pieces, SIZE - 1, 2, true));
    cr_assert(!file_piece_at(bytes.pieces, SIZE + 1, 0, true));
    cr_assert(!file_piece_at(bytes.pieces, 0, FILE_PIECE + 1, true));
    file_release(&bytes);
    free(data);
}

Test(file_pieces, two_files_are_not_mixed_up)
{
    struct file_bytes a, b;
    uint8_t *data = put_random("a.bin", &a);
    free(put_random("b.bin", &b));
    for (size_t i = 0; i < 100; i++) {
        struct file_bytes *from = i % 2 ? &a : &b;
        cr_assert(memcmp(file_piece_at(from->pieces, i, 50, true), data + i, 50) == 0);
    }
    file_release(&a);
    file_release(&b);
    free(data);
}

Test(file_pieces, an_array_in_pieces_is_that_in_memory)
{
    struct file_bytes bytes;
    uint8_t *data = put_random("array.bin", &bytes);
    static const enum element_type types[] = {ELEMENT_U8, ELEMENT_I16, ELEMENT_F32, ELEMENT_F64};
    for (size_t t = 0; t < 4; t++)
        for (int fortran = 0; fortran < 2; fortran++) {
            const size_t size = element_size(types[t]), columns = 300, rows = 1000;
            struct element_array memory = {.data = data + 7,
                                           .type = types[t],
                                           .swapped = t % 2,
                                           .row = fortran ? size : columns * size,
                                           .column = fortran ? rows * size : size};
            struct element_array file = memory;
            file.data = NULL;
            file.pieces = bytes.pieces;
            file.start = 7;
            uint32_t some[] = {3, 999, 0, 3, 500};
            double a[400], b[400];
            for (size_t c = 0; c < columns; c += 23) {
                element_read(&memory, c, NULL, 1, 399, a);
                element_read(&file, c, NULL, 1, 399, b);
                cr_assert(memcmp(a, b, 399 * sizeof *a) == 0);
                element_read(&memory, c, some, 0, 5, a);
                element_read(&file, c, some, 0, 5, b);
                cr_assert(memcmp(a, b, 5 * sizeof *a) == 0);
            }
            element_read_row(&memory, 17, 5, 290, a);
            element_read_row(&file, 17, 5, 290, b);
            cr_assert(memcmp(a, b, 290 * sizeof *a) == 0);
        }
    file_release(&bytes);
    free(data);
}
