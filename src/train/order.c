/** order: see train/order.h. */
#include "train/order.h"

#include "base/random.h"
#include "data/tiles.h"

enum { WINDOW_BLOCKS = 64 };

size_t order_height(size_t inputs)
{
    return inputs < TILES_BLOCK ? TILES_BLOCK / inputs : 1;
}

size_t order_window(size_t inputs)
{
    return order_height(inputs) * WINDOW_BLOCKS;
}

void order_blocks(uint64_t seed, uint64_t epoch, size_t inputs, uint32_t *order, size_t rows)
{
    size_t height = order_height(inputs);
    size_t blocks = (rows + height - 1) / height, filled = 0, window = 0;
    /* The blocks' order stands at the end of `order` until it is used: a block writes `height`
     * entries, all of them but the last, and so many blocks as are left take no more room than
     * their rows. */
    uint32_t *block = order + (rows - blocks);
    random_permutation(seed, RANDOM_BLOCKS, epoch, block, blocks);
    for (size_t first = 0; first < blocks; first += WINDOW_BLOCKS) {
        uint32_t taken[WINDOW_BLOCKS];
        size_t count = blocks - first < WINDOW_BLOCKS ? blocks - first : WINDOW_BLOCKS;
        for (size_t k = 0; k < count; k++) {
            taken[k] = block[first + k];
        }
        size_t begin = filled;
        for (size_t k = 0; k < count; k++) {
            size_t row = taken[k] * height;
            size_t end = row + height < rows ? row + height : rows;
            for (; row < end; row++) {
                order[filled++] = (uint32_t)row;
            }
        }
        random_shuffle(seed, RANDOM_WINDOW, epoch << 32 | window++, order + begin, filled - begin);
    }
}
