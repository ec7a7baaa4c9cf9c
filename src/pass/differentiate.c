/**
 * differentiate: the passes of a training step, one after the other; those of small networks in one
 * call for each block of examples.
 */
#include "pass/workspace.h"

bool REAL(is_small)(const struct shape *shape, size_t capacity,
                    const struct training_extras *extras, size_t lanes)
{
    /*
     * Up to 16 units it is faster for any register and any number of rows. More units want registers
     * of several lanes, and rows that fill them: on AVX-512 10-46-46-10 takes 9 % more than pass after
     * pass with one row, 2 % less with 4, 6 % less with 128.
     */
    enum { FEW = 8, FEW_LANES = 4 };
    bool wide = capacity >= FEW && lanes >= FEW_LANES;
    size_t units = wide ? SMALL_UNITS : PACK_UNIT;
    size_t inputs = wide ? SMALL_INPUTS : PACK_UNIT;
    if ((extras && extras->dropout > 0) || shape->custom.activation || shape->custom.loss ||
        shape->width[0] > inputs) {
        return false;
    }
    for (size_t l = 1; l <= shape->layers; l++) {
        if (shape->width[l] > units ||
            (l < shape->layers && activation_keeps_slope(shape->activation[l]))) {
            return false;
        }
    }
    return true;
}

/** One past the last example of the block that begins at e, of a shard that ends at `end`. */
static size_t block_end(size_t e, size_t end)
{
    return e + PACK_UNIT < end ? e + PACK_UNIT : end;
}

/**
 * All passes of the examples [e, end), a block: weight deltas into small.G, and a shard's loss grows by
 * theirs. Returns Σ |G|.
 */
static inline double differentiate_block(struct workspace *ws, size_t e, size_t end, double *loss)
{
    struct REAL(small) *small = &ws->small;
    small->E = end - e;
    small->class_index = ws->has_class ? ws->class_index + e : NULL;
    small->target = ws->target_row + e;
    small->weight = ws->extras && ws->extras->weighted ? ws->weight + e : NULL;
    double size = (double)ws->k->small(small);
    double sum = *loss;
    for (size_t i = 0; i < end - e; i++) {
        sum += (double)small->each[i];
    }
    *loss = sum;
    return size;
}

/** Place j of the stack of sums: those that stay are the caller's. */
static real *place_of(const struct workspace *ws, const struct shard_run *run, void *const *G,
                      size_t j)
{
    size_t places = run_places(run);
    return j < places ? G[j] : ws->waiting + (j - places) * ws->packed;
}

/** A run of one shard in one block, whose inputs may stay from call to call. */
static double differentiate_one(struct workspace *ws, const struct shard_run *run, double *losses,
                                void *const *G)
{
    struct REAL(small) *small = &ws->small;
    small->G = G[run->before];
    small->goes_on = false;
    small->soon = ws->asks ? ws->soon : NULL;
    small->soon_target = ws->asks ? ws->soon_target : NULL;
    losses[0] = 0;
    double size = differentiate_block(ws, 0, ws->E, losses);
    small->row = NULL;
    return size;
}

static double differentiate_shards(struct workspace *ws, const struct shard_run *run,
                                   double *losses, void *const *G)
{
    struct REAL(small) *small = &ws->small;
    size_t depth = run->before;
    size_t e = 0;
    double size = 0;
    for (size_t s = 0; s < run->count; s++) {
        small->G = place_of(ws, run, G, depth++);
        small->goes_on = false;
        losses[s] = 0;
        while (e < run->end[s]) {
            size_t end = block_end(e, run->end[s]);
            bool here = end + PACK_UNIT <= ws->E; /* is the next block of this batch? */
            small->row = ws->row[0] + e;
            small->soon = !ws->asks ? NULL : here ? ws->row[0] + end : ws->soon;
            small->soon_target = !ws->asks ? NULL : here ? ws->target_row + end : ws->soon_target;
            size += differentiate_block(ws, e, end, &losses[s]);
            small->goes_on = true;
            e = end;
        }
        for (size_t i = 0; i < run->merges[s]; i++) {
            real *sum = place_of(ws, run, G, --depth - 1);
            ws->k->add(sum, sum, place_of(ws, run, G, depth), ws->packed);
        }
    }
    return size;
}

/** The passes one after the other. */
static double differentiate_apart(struct workspace *ws, const void *W, enum loss loss,
                                  const struct shard_run *run, double *losses, void *const *G)
{
    REAL(forward)(ws, W);
    REAL(loss)(ws, loss, run ? NULL : losses);
    for (size_t s = 0, e = 0; run && s < run->count; s++) {
        double sum = 0;
        for (; e < run->end[s]; e++) {
            sum += (double)ws->each[e];
        }
        losses[s] = sum;
    }
    return REAL(backward)(ws, W, run, G);
}

double REAL(differentiate)(struct workspace *ws, const void *W, enum loss loss,
                           const struct shard_run *run, double *losses, void *const *G)
{
    if (!ws->small.XT || !run || ws->watcher) {
        return differentiate_apart(ws, W, loss, run, losses, G);
    }
    ws->small.W = W;
    ws->small.loss = loss;
    bool one = run->count == 1 && ws->E <= PACK_UNIT && run->merges[0] == 0;
    return one ? differentiate_one(ws, run, losses, G) : differentiate_shards(ws, run, losses, G);
}
