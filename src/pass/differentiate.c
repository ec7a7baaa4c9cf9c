/**
 * differentiate: the passes of a training step, one after the other; those of small networks in one
 * call.
 */
#include "pass/workspace.h"

/**
 * Multiply-adds of a layer's weight deltas up to which the one call is taken. Measured: 2-2-1 with 4
 * rows 0.20 → 0.14 µs a step, 2-4-1 with 16 rows (192) 0.44 → 0.28, 2-16-2 with 4 rows (144) as fast
 * as pass after pass, 4-8-3 with 4 rows (160) 0.28 → 0.25.
 */
enum { FEW = 256 };

bool REAL(is_small)(const struct shape *shape, size_t capacity,
                    const struct training_extras *extras)
{
    if (capacity > PACK_UNIT || (extras && extras->dropout > 0) || shape->custom.activation ||
        shape->custom.loss || shape->width[0] > PACK_UNIT) {
        return false;
    }
    for (size_t l = 1; l <= shape->layers; l++) {
        if (shape->width[l] > PACK_UNIT ||
            (shape->width[l - 1] + 1) * shape->width[l] * capacity > FEW ||
            (l < shape->layers && activation_keeps_slope(shape->activation[l]))) {
            return false;
        }
    }
    return true;
}

double REAL(differentiate)(struct workspace *ws, const void *W, enum loss loss,
                           const struct shard_run *run, double *each, void *const *G)
{
    if (!ws->small.XT || !run || run->count > 1 || run->before > 0 || ws->watcher) {
        REAL(forward)(ws, W);
        REAL(loss)(ws, loss, each);
        return REAL(backward)(ws, W, run, G);
    }
    struct REAL(small) *small = &ws->small;
    small->loss = loss;
    small->E = ws->E;
    small->targets.class_index = ws->has_class ? ws->class_index : NULL;
    small->W = W;
    small->G = G[0];
    double size = (double)ws->k->small(small);
    small->row = NULL;
    for (size_t e = 0; e < ws->E; e++) {
        each[e] = (double)ws->each[e];
    }
    return size;
}
