/**
 * forward: X[l] = f(X[l-1] W[l]ᵀ + b[l]), layer by layer, so that all examples find a layer's weights
 * in the cache. The last layer stays before its transfer function, Z[L]: the loss takes it from
 * there, or outputs() applies it.
 */
#include "pass/workspace.h"

/** Z[l] of examples [e, e + E), in blocks of outputs whose weights may be on their way. */
static void affine_watched(struct workspace *ws, const real *W, size_t l, size_t e, size_t E)
{
    size_t m = ws->shape->width[l - 1];
    size_t n = ws->shape->width[l];
    for (size_t first = 0; first < n; first += PACK) {
        size_t here = n - first < PACK ? n - first : PACK;
        size_t at = ws->shape->offset[l] + first * (m + 1);
        ws->watcher->need(ws->watcher->context, at + pack_width(n, first) * (m + 1));
        ws->k->affine(ws->row[l - 1] + e, E, m, W + at, here, ws->X[l] + e * ws->ldx[l] + first,
                      ws->ldx[l]);
    }
}

void REAL(forward)(struct workspace *ws, const void *W)
{
    const struct shape *shape = ws->shape;
    const real *weights = W;
    for (size_t l = 1; l <= shape->layers; l++) {
        for (size_t e = 0; e < ws->E; e += STRETCH) {
            size_t E = stretch_at(ws, e);
            real *X = ws->X[l] + e * ws->ldx[l];
            if (ws->watcher && e == 0) {
                affine_watched(ws, weights, l, e, E);
            } else {
                ws->k->affine(ws->row[l - 1] + e, E, shape->width[l - 1],
                              weights + shape->offset[l], shape->width[l], X, ws->ldx[l]);
            }
            if (l < shape->layers && ws->S[l]) {
                if (shape->activation[l] == ACTIVATION_CUSTOM) {
                    REAL(custom_activate)(ws, l, e, E);
                } else {
                    ws->k->activate_keep(shape->activation[l], X, ws->ldx[l], E, shape->width[l],
                                         ws->S[l] + e * ws->ldx[l]);
                }
                if (ws->extras && ws->extras->dropout > 0) {
                    REAL(extras_drop)(ws, l, e, E);
                }
            } else if (l < shape->layers) {
                ws->k->activate(shape->activation[l], X, ws->ldx[l], E, shape->width[l]);
            }
        }
    }
}

void REAL(outputs)(struct workspace *ws, double *outputs)
{
    size_t L = ws->shape->layers;
    size_t n = ws->shape->width[L];
    for (size_t first = 0; first < ws->E; first += STRETCH) {
        size_t E = stretch_at(ws, first);
        real *T = panel_at(ws, ws->TA, first);
        ws->k->transpose(ws->X[L] + first * ws->ldx[L], ws->ldx[L], E, n, T, ws->ldt);
        ws->k->output(ws->shape->activation[L], T, ws->ldt, E, n);
        for (size_t e = 0; e < E; e++) {
            for (size_t o = 0; o < n; o++) {
                outputs[(first + e) * n + o] = (double)T[o * ws->ldt + e];
            }
        }
    }
}
