/**
 * by_units: the passes of a batch, wide layers divided among the workers by units.
 *
 * Where a worker takes its own examples through all layers, it reads all weights, of which the others
 * have just written most: a layer's weights go from cache to cache in every step, and every line of
 * them once more when it is written. A wide layer of few examples has more weights than values, so
 * its units are divided instead: a worker has the same units of it in every step, for all examples,
 * and meets the weights that it updated itself (learn.c). The values go from cache to cache then,
 * and workers meet before and after such a layer, since each needs all values of the layer below.
 *
 * The other layers and the loss are the examples' own worker's, as before. Everything stays in the
 * workspace of the example's owner: others fill in units of theirs. All of it is the same chains of
 * the same numbers, so nobody can tell from the bits.
 *
 * A step's passes are so many legs, with a meeting between one and the next. With many examples a
 * worker that has done its part of such a layer helps others with theirs.
 *
 * Source: dividing layers by units is model parallelism; A. Krizhevsky, "One weird trick for
 * parallelizing convolutional neural networks", arXiv 1404.5997 (2014), section 2, on when.
 */
#include "network/function.h"
#include "pass/divide.h"
#include "pass/pieces.h"
#include "pass/workspace.h"

/** Bytes of a layer's weights from which on moving them costs more than meetings do. */
enum { HEAVY = 192 << 10 };

/** So many times as many deltas does a layer have as one above whose deltas are few. */
enum { FEW = 4 };

/**
 * Examples of a batch from which on workers take over pieces of each other's passes (pieces.h). Weights
 * that another worker has read are their owner's again when each line has been asked back, some 30 ns
 * between two caches; the products of 256 examples with a line's weights take 70.
 */
enum { MANY = 256 };

static bool is_heavy(const struct shape *shape, size_t l)
{
    return pack_size(shape->width[l - 1], shape->width[l]) * sizeof(real) >= HEAVY;
}

bool REAL(is_by_units)(const struct shape *shape, size_t l)
{
    return shape->width[l] > pack_width(shape->width[l], 0) &&
           shape->activation[l] != ACTIVATION_CUSTOM && is_heavy(shape, l);
}

/** Do workers meet before the forward pass of layer l, since it takes what others have come to? */
static bool meets_before(const struct operands *o, size_t l)
{
    bool inputs_known = l == 1 && o->in_place && o->shape->layers > 1;
    return o->by_units[l - 1] || (o->by_units[l] && !inputs_known);
}

/**
 * Are deltas of layer l pulled back by units? They need not go through weights then that others have
 * updated, and whoever learns from them has written them. But everybody reads all deltas of the layer
 * above: worth a meeting if those weights are many, or those deltas few.
 */
static bool is_back_by_units(const struct operands *o, size_t l)
{
    const struct shape *shape = o->shape;
    return l < shape->layers && o->by_units[l] &&
           (is_heavy(shape, l + 1) || shape->width[l + 1] * FEW <= shape->width[l]);
}

/** And before deltas are pulled back through layer l? */
static bool meets_back(const struct operands *o, size_t l)
{
    return is_back_by_units(o, l - 1) || is_back_by_units(o, l);
}

void REAL(by_units_choose)(struct operands *o)
{
    size_t L = o->shape->layers;
    for (size_t l = 1; l <= L && o->workers > 1; l++) {
        o->by_units[l] = REAL(is_by_units)(o->shape, l);
    }
    o->legs = 1;
    for (size_t l = 1; l <= L; l++) {
        o->legs += meets_before(o, l);
        o->legs += l > 1 && meets_back(o, l);
    }
    o->legs += o->by_units[L];
}

size_t REAL(legs)(const struct operands *o)
{
    return o->legs;
}

void REAL(locate)(const struct operands *o, int w, const struct examples *examples,
                  const uint32_t *rows, size_t first, size_t E)
{
    const real *value = examples->real;
    const real **row = o->scratch[w].row;
    uint32_t *index = o->scratch[w].index;
    if (o->bytes) {
        REAL(bytes_locate)(o->scratch[w].bytes, examples, rows, first, E);
    }
    if (o->legs == 1) {
        return; /* everybody takes the examples that are his own */
    }
    for (size_t e = 0; e < E; e++) {
        index[e] = rows ? rows[e] : (uint32_t)(first + e);
    }
    for (size_t e = 0; o->in_place && !o->bytes && o->by_units[1] && e < E; e++) {
        size_t at = index[e];
        row[e] = value + (examples->row ? examples->row[at] : at) * examples->real_stride;
    }
}

/** Those of examples [begin, end) of the batch that are worker v's own: [*e, *end) in its workspace. */
static size_t own_of(const struct spread *spread, size_t v, size_t begin, size_t end, size_t *e)
{
    size_t from = spread->begin[v];
    size_t to = spread->begin[v + 1];
    begin = begin > from ? begin : from;
    end = end < to ? end : to;
    *e = begin - from;
    return end > begin ? end - from : *e;
}

/** A leg of a layer that is divided by units, as worker w takes it. */
struct layer_leg {
    const struct operands *o;
    const struct spread *spread;
    int w;
    uint64_t step;
    const real *W;
    size_t l;
};

/**
 * The next units of [first, to), a piece for each block that they are packed in, counted in *i: blocks
 * that are claimed together, or one that is not. Returns which; they end before *end.
 */
static bool claimed_units(struct claim *claim, size_t *i, size_t n, size_t first, size_t to,
                          size_t *end)
{
    size_t some = claimed(claim, *i, SIZE_MAX);
    size_t until = some > 0 ? *i + some : *i + 1;
    for (; first < to && *i < until; (*i)++) {
        first = pack_begin(n, first) + pack_width(n, pack_begin(n, first));
    }
    *end = first < to ? first : to;
    return some > 0;
}

/**
 * The forward pass: pieces are blocks of units for a stretch of a worker's examples. Each worker begins
 * with its own examples: if all went through them in one order, all would ask for the same rows at the
 * same time, and wait for each other's caches.
 */
static size_t forward_pieces(void *context, int v, struct claim *claim)
{
    const struct layer_leg *leg = context;
    const struct operands *o = leg->o;
    const struct spread *spread = leg->spread;
    const struct scratch *scratch = &o->scratch[leg->w];
    size_t l = leg->l;
    size_t n = o->shape->width[l];
    const real *const *rows = l == 1 && o->in_place ? scratch->row : o->row[l - 1];
    const struct bytes *bytes = l == 1 ? scratch->bytes : NULL;
    struct grid grid = {.units = round16(n), .rows = spread->begin[o->workers], .grain = 1};
    struct band band[BANDS_MAX];
    size_t bands = divide(&grid, v, o->workers, band);
    size_t i = 0;
    for (size_t b = 0; b < bands; b++) {
        size_t to = band[b].to < n ? band[b].to : n;
        for (size_t turn = 0; turn < (size_t)o->workers; turn++) {
            size_t owner = ((size_t)v + turn) % (size_t)o->workers;
            size_t e;
            size_t end = own_of(spread, owner, band[b].begin, band[b].end, &e);
            for (size_t E; e < end; e += E) {
                size_t at = spread->begin[owner] + e;
                struct origin origin = {.index = scratch->index + at, .step = leg->step};
                struct inputs inputs = {.row = rows + at, .bytes = bytes, .at = at};
                E = end - e < STRETCH ? end - e : STRETCH;
                for (size_t from = band[b].from, until; from < to; from = until) {
                    if (claimed_units(claim, &i, n, from, to, &until)) {
                        REAL(forward_units)
                        (o->space[owner], &inputs, &origin, leg->W, l, e, E, from, until);
                    }
                }
            }
        }
    }
    return i;
}

/** The pull-back. Registers run over examples here, so a worker's examples are not divided. */
static size_t pull_back_pieces(void *context, int v, struct claim *claim)
{
    const struct layer_leg *leg = context;
    const struct operands *o = leg->o;
    const struct spread *spread = leg->spread;
    size_t m = o->shape->width[leg->l - 1];
    size_t owners = 0;
    for (int u = 0; u < o->workers; u++) {
        owners += spread->begin[u] < spread->begin[u + 1];
    }
    struct grid grid = {.units = round16(m), .block = PACK_UNIT, .rows = owners, .grain = 1};
    struct band band[BANDS_MAX];
    size_t bands = divide(&grid, v, o->workers, band);
    size_t i = 0;
    for (size_t b = 0; b < bands; b++) {
        size_t to = band[b].to < m ? band[b].to : m;
        size_t owner = 0;
        for (int u = 0; u < o->workers; u++) {
            size_t E = spread->begin[u + 1] - spread->begin[u];
            bool wanted = owner >= band[b].begin && owner < band[b].end;
            for (size_t e = 0; wanted && e < E; e += STRETCH) {
                for (size_t from = band[b].from, until; from < to; from = until) {
                    if (claimed_units(claim, &i, m, from, to, &until)) {
                        REAL(pull_back_units)
                        (o->space[u], leg->W, leg->l, e, from, until, o->scratch[leg->w].PT);
                    }
                }
            }
            owner += E > 0;
        }
    }
    return i;
}

static void share_leg(struct layer_leg *leg, pieces_work *work)
{
    if (leg->spread->begin[leg->o->workers] >= MANY) {
        pieces_together(leg->o->pieces, leg->w, leg->o->workers, work, leg);
    } else {
        pieces_alone(leg->w, work, leg);
    }
}

void REAL(leg)(const struct operands *o, size_t leg, const struct spread *spread, int w,
               uint64_t step, const void *W, enum loss loss, double *each)
{
    size_t L = o->shape->layers;
    size_t begin = spread->begin[w];
    struct workspace *own = spread->begin[w + 1] > begin ? o->space[w] : NULL;
    if (o->legs == 1) {
        if (own) {
            REAL(differentiate)(own, W, loss, NULL, each + begin, NULL);
        }
        return;
    }
    struct layer_leg divided = {.o = o, .spread = spread, .w = w, .step = step, .W = W};
    size_t now = 0; /* the leg of what comes next */
    for (size_t l = 1; l <= L; l++) {
        now += meets_before(o, l);
        if (now == leg && o->by_units[l]) {
            divided.l = l;
            share_leg(&divided, forward_pieces);
        } else if (now == leg && own) {
            REAL(forward_layer)(own, W, l);
        }
    }
    now += o->by_units[L];
    if (now == leg && own) {
        REAL(loss)(own, loss, each + begin);
        REAL(pack_deltas)(own);
    }
    for (size_t l = L; l > 1; l--) {
        now += meets_back(o, l);
        if (now == leg && is_back_by_units(o, l - 1)) {
            divided.l = l;
            share_leg(&divided, pull_back_pieces);
        } else if (now == leg && own) {
            REAL(pull_back_layer)(own, W, l);
        }
    }
}
