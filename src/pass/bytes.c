/**
 * bytes: inputs that stay bytes of the data set until a kernel takes them.
 *
 * A batch of images made into reals is four or eight times as large as its bytes. Written by the
 * examples' owner and read by all workers, it goes from cache to cache, twice through the second-level
 * cache of each, and takes the room of weights there: stores that waited for its lines were a
 * fifteenth of a step of 784-128-10. So each worker makes reals of what it takes next: the forward pass
 * as it goes along (kernel/affine_bytes.c), the weight deltas of a group of inputs at a time, in a
 * place of the worker's own that stays near. So a byte is converted twice in a step, and by every
 * worker that has units of the layer; that takes less than the waiting did.
 */
#include "pass/workspace.h"

enum {
    MOST_EXAMPLES = 512,     /* with more a group of inputs does not stay near */
    MOST_WEIGHTS = 448 << 10 /* bytes; with more they have to be read again for each tile of rows */
};

bool REAL(stays_bytes)(const struct shape *shape, size_t capacity)
{
    return capacity <= MOST_EXAMPLES && shape->width[0] >= PACK_UNIT &&
           pack_size(shape->width[0], shape->width[1]) * sizeof(real) <= MOST_WEIGHTS;
}

struct bytes *REAL(bytes_take)(struct taker *taker, const struct shape *shape, size_t capacity,
                               size_t group)
{
    size_t rows = BYTES_ROWS * stride_for(shape->width[0] + 1);
    size_t groups = capacity * stride_for(group + 1);
    struct bytes bytes = {0};
    struct bytes *made = take(taker, sizeof *made);
    bytes.X = take(taker, (rows > groups ? rows : groups) * sizeof(real));
    bytes.row = take(taker, capacity * sizeof *bytes.row);
    bytes.place = take(taker, capacity * sizeof *bytes.place);
    if (taker->base) {
        *made = bytes;
    }
    return made;
}

void REAL(bytes_locate)(struct bytes *b, const struct examples *examples, const uint32_t *rows,
                        size_t first, size_t E)
{
    b->source = (struct REAL(source)){
        .ld = examples->byte_stride, .bytes = examples->bytes, .scale = (real)examples->byte_scale};
    for (size_t e = 0; e < E; e++) {
        size_t row = rows ? rows[e] : first + e;
        b->place[e] = examples->row ? examples->row[row] : (uint32_t)row;
    }
}

const real *const *REAL(inputs_of_bytes)(const struct REAL(kernels) * k, const struct bytes *b,
                                         size_t E, size_t m, size_t from, size_t to)
{
    struct REAL(source) source = b->source;
    size_t inputs = (to > m ? m : to) - from; /* behind them the constant 1 is put, wanted or not */
    size_t ld = stride_for(inputs + 1);
    source.bytes += from;
    k->gather(b->X, ld, &source, b->place, 0, E, inputs);
    for (size_t e = 0; e < E; e++) {
        /* a row would begin so much before what there is of it */
        b->row[e] = (const real *)((uintptr_t)(b->X + e * ld) - from * sizeof(real));
    }
    return b->row;
}
