/**
 * learn: the weight deltas of a share of the weights, of all examples of a batch, and their update
 * at once.
 *
 * A worker that sums its own examples' weight deltas writes as many reals as the network has, and
 * they are read again for the update: where batches are small, that is most of what a step moves. So
 * workers divide the weights instead, by inputs: each one reads its columns of all examples' rows
 * and all their deltas, and its weight deltas never leave its cache. The tree of the shards is the
 * same, in one run.
 */
#include <string.h>

#include "pass/workspace.h"

static size_t lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/** Lay operands out behind `base`, or only count (NULL); returns the bytes. */
static size_t lay_out(struct operands *o, char *base, const struct shape *shape, size_t capacity,
                      int workers)
{
    size_t used = lines(sizeof *o);
    size_t carry = 0;
    o->piece = 0;
    o->grouped = capacity > CARRY_FREE;
    for (size_t l = 1; l <= shape->layers; l++) {
        size_t m = shape->width[l - 1];
        size_t n = shape->width[l];
        size_t group = o->grouped && m + 1 > CARRY_INPUTS ? CARRY_INPUTS : m + 1;
        size_t piece = group * pack_width(n, 0);
        size_t sums = carry_reals(capacity, m, n);
        o->piece = piece > o->piece ? piece : o->piece;
        carry = sums > carry ? sums : carry;
        o->row[l - 1] = base ? (const real **)(void *)(base + used) : NULL;
        used += lines(capacity * sizeof *o->row[0]);
        o->D[l] = base ? (real *)(void *)(base + used) : NULL;
        used += lines(capacity * round16(n) * sizeof(real));
    }
    o->shape = shape;
    o->scratch = base ? base + used : NULL;
    o->scratch_bytes = lines((o->piece + carry) * sizeof(real));
    return used + (size_t)workers * o->scratch_bytes;
}

size_t REAL(operands_bytes)(const struct shape *shape, size_t capacity, int workers)
{
    struct operands count;
    return lay_out(&count, NULL, shape, capacity, workers);
}

struct operands *REAL(operands_place)(void *memory, const struct shape *shape, const void *kernels,
                                      size_t capacity, int workers)
{
    struct operands *operands = memory;
    lay_out(operands, memory, shape, capacity, workers);
    operands->k = kernels;
    return operands;
}

void REAL(join)(struct workspace *ws, const struct operands *operands, size_t batch, size_t at,
                size_t E)
{
    /* every time: where another batch was shorter, others have put theirs into these places */
    ws->operands = operands;
    ws->of = batch;
    ws->at = at;
    for (size_t l = 1; l <= ws->shape->layers; l++) {
        ws->D[l] = operands->D[l];
        ws->row[l - 1] = operands->row[l - 1] + at;
        for (size_t e = 0; e < E; e++) {
            ws->row[l - 1][e] = ws->X[l - 1] + e * ws->ldx[l - 1];
        }
    }
}

/** A worker's share of the weights, as learn() is given it. */
struct share {
    const struct operands *operands;
    const struct shard_run *batch;
    const struct REAL(rule) * rule;
    const real *mask;
    real *W, *state1, *state2;
    real *G, *carry;
    size_t where; /* the first weight delta that is not finite, SIZE_MAX: none */
};

/** The first weight delta of a piece that is not finite, or `count`. */
static size_t first_wild(const real *G, size_t count)
{
    size_t i = 0;
    while (i < count && __builtin_isfinite(G[i])) {
        i++;
    }
    return i;
}

/** Inputs [from, to) of layer l for the block of outputs from `first` on, whose weights begin at `at`. */
static void learn_piece(struct share *s, size_t l, size_t first, size_t from, size_t to, size_t at)
{
    const struct operands *o = s->operands;
    size_t n = o->shape->width[l] - first;
    size_t E = s->batch->end[s->batch->count - 1];
    size_t width = pack_width(o->shape->width[l], first);
    size_t count = (to - from) * width;
    size_t lanes = (size_t)o->k->lanes;
    real size[PACK_UNIT] = {0};
    if (n < width && (n + lanes - 1) / lanes * lanes < width) { /* padding that nobody writes */
        memset(s->G, 0, count * sizeof *s->G);
    }
    o->k->gradient(o->row[l - 1], from, o->D[l] + first * E, s->batch, to - from - 1,
                   n < PACK ? n : PACK, &s->G, s->carry, size);
    real total = 0;
    for (int i = 0; i < PACK_UNIT; i++) {
        total += size[i];
    }
    if (!(total < SAFE_SIZE)) {
        size_t wild = first_wild(s->G, count);
        if (wild < count && at + wild < s->where) {
            s->where = at + wild;
        }
    }
    if (s->where == SIZE_MAX) {
        REAL(rule_apply)(o->k, s->rule, s->G, s->mask, s->W, s->state1, s->state2, at, count);
    }
}

/** Where the inputs of worker w begin, of so many: full tiles for all where there are enough. */
static size_t share_begin(size_t inputs, int w, int workers)
{
    enum { HEIGHT = 8 }; /* of a tile */
    size_t begin = inputs * (size_t)w / (size_t)workers;
    return w < workers && inputs >= 2 * HEIGHT * (size_t)workers ? begin / HEIGHT * HEIGHT : begin;
}

static void learn_layer(struct share *s, size_t l, int w, int workers)
{
    const struct shape *shape = s->operands->shape;
    size_t rows = shape->width[l - 1] + 1;
    size_t n = shape->width[l];
    size_t end = share_begin(rows, w + 1, workers);
    for (size_t i = share_begin(rows, w, workers); i < end;) {
        size_t to = s->operands->grouped ? i + gradient_group(end - i) : end;
        for (size_t first = 0; first < n; first += PACK) {
            size_t at = shape->offset[l] + first * rows + i * pack_width(n, first);
            learn_piece(s, l, first, i, to, at);
        }
        i = to;
    }
}

size_t REAL(learn)(const struct operands *operands, const struct shard_run *batch, int w,
                   int workers, const struct update_rule *rule, void *W, void *state1, void *state2)
{
    const struct shape *shape = operands->shape;
    struct REAL(rule) r;
    REAL(rule_of)(rule, &r);
    real *scratch = (real *)(void *)(operands->scratch + (size_t)w * operands->scratch_bytes);
    struct share share = {
        .operands = operands,
        .batch = batch,
        .rule = &r,
        .mask = rule->weight_mask,
        .W = W,
        .state1 = state1,
        .state2 = state2,
        .G = scratch,
        .carry = scratch + operands->piece,
        .where = SIZE_MAX,
    };
    for (size_t l = 1; l <= shape->layers; l++) {
        learn_layer(&share, l, w, workers);
    }
    return share.where;
}
