/**
 * learn: the weight deltas of a share of the weights, of all examples of a batch, and their update
 * at once.
 *
 * A worker that sums its own examples' weight deltas writes as many reals as the network has, and
 * they are read again for the update: where batches are small, that is most of what a step moves. So
 * workers divide the weights instead, by inputs: each one reads its columns of all examples' rows
 * and all their deltas, and its weight deltas never leave its cache. Layers that are divided by units
 * in the passes are so here (by_units.c). The tree of the shards is the same, in one run.
 */
#include <string.h>

#include "pass/divide.h"
#include "pass/pieces.h"
#include "pass/workspace.h"

/** Most inputs of a layer of m, and the 1 behind, that weight deltas are made of at a time. */
static size_t group_of(const struct operands *o, size_t m)
{
    return o->grouped && m + 1 > CARRY_INPUTS ? CARRY_INPUTS : m + 1;
}

/**
 * A worker's place begins on a page of its own. A processor that has seen a worker go through rows asks
 * for the next ones, too, mostly up to the page's end; what another worker writes there is taken away
 * from it, line by line: between two caches 18 of 168 µs for the weight deltas of 784-128-10.
 */
enum { PAGE = 4096 };

/** Lay operands out, or only count; o is what they become. */
static void lay_out(struct operands *o, struct taker *taker, size_t capacity)
{
    const struct shape *shape = o->shape;
    size_t workers = (size_t)o->workers;
    size_t carry = 0;
    size_t most = 0;
    take(taker, sizeof *o);
    o->grouped = capacity > CARRY_FREE;
    for (size_t l = 1; l <= shape->layers; l++) {
        size_t m = shape->width[l - 1];
        size_t n = shape->width[l];
        size_t group = group_of(o, m);
        size_t sums = carry_reals(capacity, m, n);
        size_t piece = group * (n < PACK ? round16(n) : PACK);
        most = piece > most ? piece : most;
        carry = sums > carry ? sums : carry;
        o->row[l - 1] = take(taker, capacity * sizeof *o->row[0]);
        o->D[l] = take(taker, capacity * round16(n) * sizeof(real));
    }
    o->space = take(taker, workers * sizeof *o->space);
    o->scratch = take(taker, workers * sizeof *o->scratch);
    o->pieces = take(taker, workers * sizeof *o->pieces);
    for (size_t w = 0; w < workers; w++) {
        struct scratch scratch = {0};
        taker->used = (taker->used + PAGE - 1) / PAGE * PAGE;
        if (o->bytes) { /* first: processors run ahead of its rows, then into the worker's own */
            scratch.bytes = REAL(bytes_take)(taker, shape, capacity, group_of(o, shape->width[0]));
        }
        scratch.G = take(taker, most * sizeof(real));
        scratch.carry = take(taker, carry * sizeof(real));
        if (o->legs > 1) {
            size_t stretch = capacity < STRETCH ? capacity : STRETCH;
            scratch.PT = take(taker, PACK * stride_for(stretch) * sizeof(real));
            scratch.row = take(taker, capacity * sizeof *scratch.row);
            scratch.index = take(taker, capacity * sizeof *scratch.index);
        }
        if (taker->base) {
            o->scratch[w] = scratch;
        }
    }
}

/** Operands that are not laid out yet. */
static struct operands draft(const struct shape *shape, size_t capacity, int workers,
                             enum input_place inputs)
{
    struct operands o = {.shape = shape,
                         .workers = workers,
                         .bytes = inputs == IN_BYTES && REAL(stays_bytes)(shape, capacity)};
    o.in_place = inputs == IN_REALS || o.bytes;
    REAL(by_units_choose)(&o);
    return o;
}

size_t REAL(operands_bytes)(const struct shape *shape, size_t capacity, int workers,
                            enum input_place inputs)
{
    struct taker count = {0};
    struct operands o = draft(shape, capacity, workers, inputs);
    lay_out(&o, &count, capacity);
    return count.used;
}

struct operands *REAL(operands_place)(void *memory, const struct shape *shape, const void *kernels,
                                      size_t capacity, int workers, enum input_place inputs)
{
    struct operands *operands = memory;
    struct taker taker = {.base = memory};
    *operands = draft(shape, capacity, workers, inputs);
    operands->k = kernels;
    lay_out(operands, &taker, capacity);
    return operands;
}

void REAL(admit)(struct operands *operands, int w, struct workspace *ws)
{
    operands->space[w] = ws;
    if (ws) {
        ws->bytes = operands->scratch[w].bytes;
    }
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

enum {
    PIECE_INPUTS = 48,   /* of a piece that others may take over: whole tiles of six and of eight */
    LONG_SHARE = 1 << 24 /* multiply-adds from which on they do, 0.2 ms or more: with fewer, more
                            calls take as long as waiting does */
};

/** A worker's share of the weights, as learn() is given it. */
struct share {
    const struct operands *operands;
    const struct shard_run *batch;
    const struct REAL(rule) * rule;
    const real *mask;
    const struct bytes *bytes; /* the worker's, if inputs are bytes */
    const real *const *inputs; /* rows of the layer's, so far as they are taken at the time */
    real *W, *state1, *state2;
    bool descends; /* the update is plain: done where sums end */
    real *sums;    /* a block for the weight deltas, which are not applied; or NULL */
    real *G, *carry;
    size_t where; /* the first weight delta that is not finite, SIZE_MAX: none */
};

/** Are the inputs of layer l made of bytes here? */
static bool is_of_bytes(const struct share *s, size_t l)
{
    return l == 1 && s->bytes;
}

/** The first weight delta of a piece that is not finite, or `count`. */
static size_t first_wild(const real *G, size_t count)
{
    size_t i = 0;
    while (i < count && __builtin_isfinite(G[i])) {
        i++;
    }
    return i;
}

/**
 * Weight deltas G of the weights of inputs [from, to) and so many outputs from `first` on, or the
 * weights that a descent makes of G; returns Σ |weight deltas|.
 */
static real sum_piece(const struct share *s, size_t l, size_t first, size_t outputs, size_t from,
                      size_t to, real *G, const struct REAL(descent) * descent)
{
    const struct operands *o = s->operands;
    size_t E = s->batch->end[s->batch->count - 1];
    real size[PACK_UNIT] = {0};
    o->k->gradient(s->inputs, from, o->D[l] + first * E, s->batch, to - from - 1, outputs, &G,
                   s->carry, size, descent);
    real total = 0;
    for (int i = 0; i < PACK_UNIT; i++) {
        total += size[i];
    }
    return total;
}

/** Where in a packed network the weights of a block of outputs begin that are of inputs from `from` on. */
static size_t piece_at(const struct shape *shape, size_t l, size_t first, size_t from)
{
    return shape->offset[l] + first * (shape->width[l - 1] + 1) +
           from * pack_width(shape->width[l], first);
}

/** Weight deltas of a block: looked through unless they are known to be finite, and applied. */
static void apply_block(struct share *s, size_t l, size_t first, size_t from, size_t to,
                        const real *G, bool finite, bool applied)
{
    const struct shape *shape = s->operands->shape;
    size_t at = piece_at(shape, l, first, from);
    size_t count = (to - from) * pack_width(shape->width[l], first);
    if (!finite) {
        size_t wild = first_wild(G, count);
        if (wild < count && at + wild < s->where) {
            s->where = at + wild;
        }
    }
    if (s->where == SIZE_MAX && !s->sums && !applied) {
        REAL(rule_apply)
        (s->operands->k, s->rule, G, s->mask, s->W, s->state1, s->state2, at, count);
    }
}

/** Inputs [from, to) of layer l for the block of outputs that begins at `first`. */
static void learn_piece(struct share *s, size_t l, size_t first, size_t from, size_t to)
{
    const struct operands *o = s->operands;
    size_t inputs = o->shape->width[l - 1] + 1;
    size_t outputs = pack_outputs(o->shape->width[l], first);
    size_t width = pack_width(outputs, 0);
    size_t lanes = (size_t)o->k->lanes;
    bool descends = s->where == SIZE_MAX && s->descends;
    real *G = s->sums ? s->sums + piece_at(o->shape, l, first, from) : s->G;
    if ((outputs + lanes - 1) / lanes * lanes < width) { /* padding that nobody writes */
        memset(G, 0, (to - from) * width * sizeof *G);
    }
    real total;
    if (descends) {
        const struct REAL(descent) descent = {
            .rate = s->rule->update.rate, .scale = s->rule->update.scale, .inputs = inputs};
        real *W = s->W + o->shape->offset[l] + first * inputs;
        total = sum_piece(s, l, first, outputs, from, to, W, &descent);
        if (total < SAFE_SIZE) {
            return;
        }
    }
    /* what was applied already is summed once more, to be looked at */
    total = sum_piece(s, l, first, outputs, from, to, G, NULL);
    apply_block(s, l, first, from, to, G, total < SAFE_SIZE, descends);
}

/**
 * Worker v's share of layer l, by units where the passes divide the layer so, else by inputs; pieces
 * are some inputs for a block of outputs. Goes on counting from piece i.
 */
static size_t learn_layer(struct share *s, size_t l, int v, struct claim *claim, size_t i)
{
    enum { HEIGHT = 8 }; /* of a tile; full ones for all where there are enough */
    const struct operands *o = s->operands;
    size_t n = o->shape->width[l];
    size_t inputs = o->shape->width[l - 1] + 1;
    size_t piece = n < PACK ? inputs : PIECE_INPUTS;
    struct grid grid = {.units = round16(n), .rows = inputs};
    grid.block = o->by_units[l] ? 0 : grid.units;
    grid.grain = inputs >= 2 * HEIGHT * (size_t)o->workers ? HEIGHT : 1;
    struct band band[BANDS_MAX];
    size_t bands = divide(&grid, v, o->workers, band);
    size_t examples = s->batch->end[s->batch->count - 1];
    s->inputs = o->row[l - 1];
    for (size_t b = 0; b < bands; b++) {
        for (size_t from = band[b].begin, to; from < band[b].end; from = to) {
            size_t left = band[b].end - from;
            to = from + (o->grouped ? gradient_group(left) : left);
            if (is_of_bytes(s, l)) {
                s->inputs = REAL(inputs_of_bytes)(o->k, s->bytes, examples, inputs - 1, from, to);
            }
            for (size_t first = band[b].from; first < band[b].to; first += pack_width(n, first)) {
                for (size_t begin = from, end; begin < to; begin = end) {
                    size_t some = claimed(claim, i, (to - begin + piece - 1) / piece);
                    size_t count = some > 0 ? some : 1;
                    end = to - begin < count * piece ? to : begin + count * piece;
                    if (some > 0) {
                        learn_piece(s, l, first, begin, end);
                    }
                    i += count;
                }
            }
        }
    }
    return i;
}

static size_t learn_pieces(void *context, int v, struct claim *claim)
{
    struct share *share = context;
    const struct shape *shape = share->operands->shape;
    size_t i = 0;
    for (size_t l = is_of_bytes(share, 1) ? 2 : 1; l <= shape->layers; l++) {
        i = learn_layer(share, l, v, claim, i);
    }
    return i;
}

size_t REAL(learn)(const struct operands *operands, const struct shard_run *batch, int w,
                   const struct update_rule *rule, void *W, void *state1, void *state2, void *sums)
{
    struct REAL(rule) r;
    REAL(rule_of)(rule, &r);
    struct share share = {
        .operands = operands,
        .batch = batch,
        .rule = &r,
        .descends = r.update.optimizer == OPTIMIZER_SGD && !r.penalised && !sums,
        .mask = rule->weight_mask,
        .bytes = operands->scratch[w].bytes,
        .W = W,
        .state1 = state1,
        .state2 = state2,
        .sums = sums,
        .G = operands->scratch[w].G,
        .carry = operands->scratch[w].carry,
        .where = SIZE_MAX,
    };
    if (is_of_bytes(&share, 1)) { /* a group of inputs is made for all of a worker's pieces */
        learn_layer(&share, 1, w, &(struct claim){.to = SIZE_MAX}, 0);
    }
    size_t examples = batch->end[batch->count - 1];
    size_t all = examples * shape_packed(operands->shape);
    if (operands->workers > 1 && all / (size_t)operands->workers >= LONG_SHARE) {
        pieces_together(operands->pieces, w, operands->workers, learn_pieces, &share);
    } else {
        pieces_alone(w, learn_pieces, &share);
    }
    return share.where;
}
