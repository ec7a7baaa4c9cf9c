/**
 * forward: X[l] = f(X[l-1] W[l]ᵀ + b[l]), layer by layer. The last layer stays before its transfer
 * function, Z[L]: the loss takes it from there, or outputs() applies it.
 */
#include "pass/workspace.h"

void REAL(forward)(struct workspace *ws, const void *W)
{
    const struct shape *shape = ws->shape;
    const real *weights = W;
    for (size_t e = 0; e < ws->E; e += STRETCH) {
        size_t E = ws->E - e < STRETCH ? ws->E - e : STRETCH;
        for (size_t l = 1; l <= shape->layers; l++) {
            real *X = ws->X[l] + e * ws->ldx[l];
            ws->k->affine(ws->row[l - 1] + e, E, shape->width[l - 1], weights + shape->offset[l],
                          shape->width[l], X, ws->ldx[l]);
            if (l < shape->layers) {
                ws->k->activate(shape->activation[l], X, ws->ldx[l], E, shape->width[l]);
            }
        }
    }
}

void REAL(outputs)(struct workspace *ws, double *outputs)
{
    size_t L = ws->shape->layers;
    size_t n = ws->shape->width[L];
    ws->k->transpose(ws->X[L], ws->ldx[L], ws->E, n, ws->TA, ws->ldt);
    ws->k->output(ws->shape->activation[L], ws->TA, ws->ldt, ws->E, n);
    for (size_t e = 0; e < ws->E; e++) {
        for (size_t o = 0; o < n; o++) {
            outputs[e * n + o] = (double)ws->TA[o * ws->ldt + e];
        }
    }
}
