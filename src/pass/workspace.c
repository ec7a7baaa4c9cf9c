/** workspace: the memory plan of a worker, and batch assembly into it. */
#include "pass/workspace.h"

#include <string.h>

/** Targets of a block that are moved one by one: fewer than squares are worth turning. */
enum { FEW_TARGETS = STRETCH };

/** Is f'(z) kept? Where units are dropped it is, to be dropped alike. */
static bool keeps_slope(enum activation f, const struct training_extras *extras)
{
    return (extras && extras->dropout > 0) || f == ACTIVATION_CUSTOM || activation_keeps_slope(f);
}

/** Lay a workspace out in the taker's memory; the same walk counts and places. */
static struct workspace lay_out(struct taker *taker, const struct shape *shape, size_t capacity,
                                const struct training_extras *extras, bool joins)
{
    struct workspace ws = {.shape = shape, .capacity = capacity, .extras = extras};
    size_t L = shape->layers;
    size_t rows = round16(capacity);
    size_t widest = 0;
    size_t transposed = 0; /* the widest layer that deltas are pulled back from, and the output's */
    size_t carry = 0;
    size_t inputs = 0;
    take(taker, sizeof ws);
    for (size_t l = 0; l <= L; l++) {
        ws.ldx[l] = stride_for(shape->width[l] + 1);
        ws.X[l] = take(taker, capacity * ws.ldx[l] * sizeof(real));
        if (l > 0 && l < L && keeps_slope(shape->activation[l], extras)) {
            ws.S[l] = take(taker, capacity * ws.ldx[l] * sizeof(real));
        }
        ws.row[l] = take(taker, capacity * sizeof(real *));
        inputs += shape->width[l] + 1;
        if (l > 0 && !joins) {
            size_t reals = carry_reals(capacity, shape->width[l - 1], shape->width[l]);
            carry = reals > carry ? reals : carry;
        }
        if (l > 0 && shape->width[l] > widest) {
            widest = shape->width[l];
        }
        if ((l > 1 || l == L) && shape->width[l] > transposed) {
            transposed = shape->width[l];
        }
    }
    if (extras) {
        ws.index = take(taker, capacity * sizeof *ws.index);
        ws.weight = take(taker, rows * sizeof(real));
    }
    size_t panels = (capacity + STRETCH - 1) / STRETCH;
    ws.ldt = stride_for(capacity < STRETCH ? capacity : STRETCH);
    ws.panel = round16(transposed) * ws.ldt;
    for (size_t l = 1; l <= L; l++) {
        ws.D[l] = joins ? NULL : take(taker, rows * ws.ldx[l] * sizeof(real));
    }
    ws.TA = take(taker, panels * ws.panel * sizeof(real));
    ws.TB = take(taker, panels * ws.panel * sizeof(real));
    ws.PT = take(taker, PACK * ws.ldt * sizeof(real));
    ws.carry = take(taker, carry * sizeof(real));
    ws.each = take(taker, rows * sizeof(real));
    ws.class_index = take(taker, rows * sizeof(int32_t));
    ws.target_panel = round16(shape->width[L]) * ws.ldt;
    ws.target_row = take(taker, capacity * sizeof *ws.target_row);
    ws.target = take(taker, panels * ws.target_panel * sizeof(real));
    if (!joins && REAL(is_small)(shape, capacity, extras, PACK_UNIT)) {
        ws.packed = shape_packed(shape);
        ws.small.XT = take(taker, inputs * PACK_UNIT * sizeof(real));
        size_t levels = 0; /* of the tree of the shards */
        for (size_t shards = capacity; shards > 0; shards /= 2) {
            levels++;
        }
        ws.waiting = take(taker, levels * ws.packed * sizeof(real));
    }
    if (shape->custom.activation || shape->custom.loss) {
        ws.custom = take(taker, 3 * widest * sizeof *ws.custom);
    }
    return ws;
}

size_t REAL(workspace_bytes)(const struct shape *shape, size_t capacity,
                             const struct training_extras *extras, bool joins)
{
    struct taker count = {0};
    lay_out(&count, shape, capacity, extras, joins);
    return count.used;
}

struct workspace *REAL(workspace_place)(void *memory, const struct shape *shape,
                                        const void *kernels, size_t capacity,
                                        const struct training_extras *extras, bool joins)
{
    struct taker taker = {.base = memory};
    struct workspace *ws = memory;
    *ws = lay_out(&taker, shape, capacity, extras, joins);
    ws->k = kernels;
    if (ws->k->narrower && 2 * capacity <= (size_t)ws->k->lanes &&
        REAL(is_small)(shape, capacity, extras, 1)) {
        ws->k = ws->k->narrower();
    }
    for (size_t l = 0; l < shape->layers; l++) {
        for (size_t e = 0; e < capacity; e++) {
            ws->row[l][e] = ws->X[l] + e * ws->ldx[l];
        }
    }
    if (!REAL(is_small)(shape, capacity, extras, (size_t)ws->k->lanes)) {
        ws->small.XT = NULL;
    }
    ws->small.layers = shape->layers;
    ws->small.width = shape->width;
    for (size_t l = 0; l <= shape->layers; l++) {
        ws->small.widest = shape->width[l] > ws->small.widest ? shape->width[l] : ws->small.widest;
    }
    ws->small.offset = shape->offset;
    ws->small.activation = shape->activation;
    ws->small.smoothing = extras ? (real)extras->smoothing : 0;
    ws->small.each = ws->each;
    return ws;
}

void REAL(watch)(struct workspace *ws, const struct pass_watcher *watcher)
{
    ws->watcher = watcher;
}

/** Where the inputs of the examples lie, by way of class_index, which is free until targets come. */
static const uint32_t *places(struct workspace *ws, const uint32_t *row, const uint32_t *rows,
                              size_t first, size_t E)
{
    uint32_t *place = (uint32_t *)ws->class_index;
    if (!rows) {
        return row + first;
    }
    for (size_t e = 0; e < E; e++) {
        place[e] = row[rows[e]];
    }
    return place;
}

/**
 * The constant behind each of E rows of the hidden layers, once: by the worker whose rows they are.
 * Where the last register of affine() reaches it, whoever computes the last units puts it back
 * (forward.c); of layers divided by units that may be another worker, at this very time.
 */
static __attribute__((noinline)) void put_ones(struct workspace *ws, size_t E)
{
    for (size_t l = 1; l < ws->shape->layers; l++) {
        size_t n = ws->shape->width[l];
        for (size_t e = ws->ones; n % PACK_UNIT == 0 && e < E; e++) {
            ws->X[l][e * ws->ldx[l] + n] = 1;
        }
    }
    ws->ones = E;
}

void REAL(gather_targets)(struct workspace *ws, const struct examples *examples,
                          const uint32_t *rows, size_t first)
{
    size_t E = ws->E;
    size_t outputs = ws->shape->width[ws->shape->layers];
    const real *target = examples->target;
    if (E * outputs <= FEW_TARGETS) {
        const size_t ldt = ws->ldt;
        for (size_t e = 0; e < E; e++) {
            const real *from = target + (rows ? rows[e] : first + e) * examples->target_stride;
            real *to = ws->target + e;
            for (size_t o = 0; o < outputs; o++, to += ldt) {
                *to = from[o];
            }
        }
        return;
    }
    /* by way of Z[L], which is free until the forward pass */
    struct REAL(source) targets = {.value = target, .ld = examples->target_stride};
    real *rows_of = ws->X[ws->shape->layers];
    size_t ld = ws->ldx[ws->shape->layers];
    ws->k->gather(rows_of, ld, &targets, rows, first, E, outputs);
    for (size_t e = 0; e < E; e += STRETCH) {
        ws->k->transpose(rows_of + e * ld, ld, stretch_at(ws, e), outputs, target_at(ws, e),
                         ws->ldt);
    }
}

/** Rows that are not reals of the data set: bytes, or what a view reads. */
static __attribute__((noinline)) void gather_rows(struct workspace *ws,
                                                  const struct examples *examples,
                                                  const uint32_t *place, const uint32_t *rows,
                                                  size_t first)
{
    size_t width = ws->shape->width[0];
    if (examples->bytes) {
        const struct REAL(source) source = {.ld = examples->byte_stride,
                                            .bytes = examples->bytes,
                                            .scale = (real)examples->byte_scale};
        ws->k->gather(ws->X[0], ws->ldx[0], &source, place, first, ws->E, width);
        return;
    }
    for (size_t e = 0; e < ws->E; e++) {
        real *x = ws->X[0] + e * ws->ldx[0];
        examples->read(examples->view, rows ? rows[e] : first + e, x);
        x[width] = 1;
    }
}

void REAL(gather)(struct workspace *ws, const struct examples *examples, const uint32_t *rows,
                  size_t first, size_t E)
{
    const real *value = examples->real;
    const real *target = examples->target;
    if (E > ws->ones) {
        put_ones(ws, E);
    }
    const uint32_t *place = examples->row ? places(ws, examples->row, rows, first, E) : rows;
    ws->E = E;
    ws->of = ws->operands ? ws->of : E;
    ws->has_class = examples->class_index != NULL;
    ws->has_target = target != NULL;
    ws->small.row = ws->row[0];
    if (value) { /* rows of reals are used where they are */
        const real **row = ws->row[0];
        size_t ld = examples->real_stride;
        for (size_t e = 0; e < E; e++) {
            row[e] = value + (place ? place[e] : first + e) * ld;
        }
    } else if (!ws->bytes) {
        gather_rows(ws, examples, place, rows, first);
    }
    if (ws->has_class) {
        for (size_t e = 0; e < E; e++) {
            ws->class_index[e] = examples->class_index[rows ? rows[e] : first + e];
        }
    } else if (target && ws->small.XT) { /* which reads them where they are */
        for (size_t e = 0; e < E; e++) {
            ws->target_row[e] = target + (rows ? rows[e] : first + e) * examples->target_stride;
        }
        ws->left = (struct targets_left){examples, rows, first};
    } else if (target) {
        REAL(gather_targets)(ws, examples, rows, first);
    }
    if (ws->extras) {
        REAL(extras_gather)(ws, examples, rows, first);
    }
}

/** Ask for the first lines of an example's targets. In line: gcc drops calls that do no more. */
static inline __attribute__((always_inline)) void ask_for_target(const struct examples *examples,
                                                                 size_t row)
{
    enum { LINE = 64 / sizeof(real), MOST = 4 * LINE };
    const real *target = examples->target;
    size_t width = target ? examples->target_stride : 0;
    if (examples->class_index) {
        __builtin_prefetch(examples->class_index + row);
    }
    for (size_t o = 0; o < width && o < MOST; o += LINE) {
        __builtin_prefetch(target + row * width + o, 0, 2);
    }
}

void REAL(expect)(struct workspace *ws, const struct examples *examples, const uint32_t *rows,
                  size_t E)
{
    enum { LINE = 64 / sizeof(real), SHORT = 2 * LINE };
    const real *value = examples->real;
    const real *target = examples->target;
    const size_t stride = examples->real_stride;
    const bool is_short = value && stride <= SHORT;
    /* for so many lines in a burst the next loads would wait */
    const bool asks = value && ws->small.XT && (!is_short || E > PACK_UNIT);
    for (size_t e = 0; e < E && !(asks && target); e++) {
        if (is_short && !asks) {
            const real *row = value + (examples->row ? examples->row[rows[e]] : rows[e]) * stride;
            __builtin_prefetch(row);
            if (stride > LINE) {
                __builtin_prefetch(row + stride - LINE);
            }
        }
        ask_for_target(examples, rows[e]);
    }
    ws->asks = asks;
    for (size_t e = 0; asks && e < PACK_UNIT; e++) {
        uint32_t next = rows[e < E ? e : E - 1];
        ws->soon[e] = value + (examples->row ? examples->row[next] : next) * stride;
        ws->soon_target[e] = target ? target + next * examples->target_stride : NULL;
    }
}
