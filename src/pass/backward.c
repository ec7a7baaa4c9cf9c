/**
 * backward: D[L] from the loss, then layer by layer the weight deltas G[l] = D[l]ᵀ X[l-1] and
 * D[l-1] = (D[l] W[l]) ∘ f'(Z[l-1]).
 *
 * Source: D. Rumelhart, G. Hinton, R. Williams, Nature 323 (1986) 533-536, eqs. 4-7, for a block of
 * examples.
 */
#include "pass/workspace.h"

#include <string.h>

void REAL(loss)(struct workspace *ws, enum loss loss, double *each)
{
    size_t L = ws->shape->layers;
    size_t n = ws->shape->width[L];
    struct REAL(targets) targets = {
        .class_index = ws->has_class ? ws->class_index : NULL,
        .value = ws->target,
        .ld = ws->ldt,
    };
    ws->k->transpose(ws->X[L], ws->ldx[L], ws->E, n, ws->TA, ws->ldt);
    ws->k->loss(loss, ws->shape->activation[L], ws->TA, ws->ldt, ws->E, n, &targets, ws->each);
    for (size_t e = 0; e < ws->E; e++) {
        each[e] = (double)ws->each[e];
    }
}

double REAL(backward)(struct workspace *ws, const void *W, const struct shard_run *run,
                      void *const *G)
{
    const struct shape *shape = ws->shape;
    const real *weights = W;
    size_t L = shape->layers;
    memset(ws->size, 0, sizeof ws->size);
    ws->k->transpose(ws->TA, ws->ldt, shape->width[L], ws->E, ws->D, stride_for(shape->width[L]));
    for (size_t l = L; l >= 1; l--) {
        size_t m = shape->width[l - 1];
        size_t n = shape->width[l];
        real *delta[SUBTREES_MAX];
        for (size_t j = 0; j < run->subtrees; j++) {
            delta[j] = (real *)G[j] + shape->offset[l];
        }
        ws->k->gradient(ws->X[l - 1], ws->ldx[l - 1], ws->D, stride_for(n), run, m, n, delta,
                        ws->size);
        if (l > 1) {
            ws->k->pullback(weights + shape->offset[l], m, n, ws->TA, ws->ldt, ws->E, ws->TB);
            ws->k->derive(shape->activation[l - 1], ws->TB, ws->ldt, ws->X[l - 1], ws->ldx[l - 1],
                          ws->E, m, ws->D, stride_for(m), l > 2 ? ws->TB : NULL);
            real *swap = ws->TA;
            ws->TA = ws->TB;
            ws->TB = swap;
        }
    }
    real size = 0;
    for (int i = 0; i < 4; i++) {
        size += (ws->size[i] + ws->size[i + 4]) + (ws->size[i + 8] + ws->size[i + 12]);
    }
    return (double)size;
}
