/** The order of rows by blocks: src/train/order.c. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "train/order.h"

static uint32_t *order_of(uint64_t epoch, size_t inputs, size_t rows)
{
    uint32_t *order = malloc(rows * sizeof *order);
    bool *seen = calloc(rows, sizeof *seen);
    order_blocks(7, epoch, inputs, order, rows);
    for (size_t i = 0; i < rows; i++) {
        cr_assert(order[i] < rows && !seen[order[i]], "%zu rows of %zu", rows, inputs);
        seen[order[i]] = true;
    }
    free(seen);
    return order;
}

Test(order, each_row_once_whatever_the_sizes)
{
    static const size_t inputs[] = {1, 3, 784, 100000, 131072, 200000};
    static const size_t rows[] = {1, 2, 63, 64, 65, 167, 168, 1000, 11000, 300001};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            free(order_of(1, inputs[i], rows[r]));
}

Test(order, a_window_is_64_blocks_from_all_over)
{
    enum { INPUTS = 784, HEIGHT = (1 << 17) / INPUTS, ROWS = 64 * HEIGHT * 10 };
    uint32_t *order = order_of(0, INPUTS, ROWS), *next = order_of(1, INPUTS, ROWS);
    for (size_t window = 0; window < 10; window++) {
        size_t blocks = 0, low = 0;
        bool seen[640] = {false};
        for (size_t i = 0; i < 64 * HEIGHT; i++) {
            size_t block = order[window * 64 * HEIGHT + i] / HEIGHT;
            blocks += !seen[block];
            seen[block] = true;
            low += block < 320;
        }
        cr_assert(blocks == 64, "%zu", blocks);
        cr_assert(low > 15 * HEIGHT && low < 49 * HEIGHT, "%zu", low);
    }
    cr_assert(memcmp(order, next, ROWS * sizeof *order) != 0, "epochs differ");
    free(order);
    free(next);
}
