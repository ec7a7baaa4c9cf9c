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
    for (size_t first = 0; first < n; first += pack_width(n, first)) {
        size_t at = ws->shape->offset[l] + first * (m + 1);
        ws->watcher->need(ws->watcher->context, at + pack_width(n, first) * (m + 1));
        ws->k->affine(ws->row[l - 1] + e, E, m, W + at, pack_outputs(n, first),
                      ws->X[l] + e * ws->ldx[l] + first, ws->ldx[l]);
    }
}

/** X[l] = f(Z[l]) of units [from, to), and what is done to outputs besides. */
static void transfer_units(struct workspace *ws, const struct origin *origin, size_t l, size_t e,
                           size_t E, size_t from, size_t to)
{
    size_t n = ws->shape->width[l];
    size_t ldx = ws->ldx[l];
    real *X = ws->X[l] + e * ldx;
    enum activation f = ws->shape->activation[l];
    if (f == ACTIVATION_CUSTOM) {
        REAL(custom_activate)(ws, l, e, E);
    } else if (ws->S[l]) {
        ws->k->activate_keep(f, X + from, ldx, E, to - from, ws->S[l] + e * ldx + from);
    } else {
        ws->k->activate(f, X + from, ldx, E, to - from);
    }
    if (ws->extras && ws->extras->dropout > 0) {
        REAL(extras_drop)(ws, origin, l, e, E, from, to);
    }
    /* the constant that feeds the bias, where the last register of affine() has been over it */
    for (size_t i = 0; n % PACK_UNIT > 0 && to == n && i < E; i++) {
        X[i * ldx + n] = 1;
    }
}

void REAL(forward_units)(struct workspace *ws, const struct inputs *inputs,
                         const struct origin *origin, const real *weights, size_t l, size_t e,
                         size_t E, size_t from, size_t to)
{
    const struct shape *shape = ws->shape;
    size_t m = shape->width[l - 1];
    const real *W = weights + shape->offset[l] + from * (m + 1);
    real *Z = ws->X[l] + e * ws->ldx[l] + from;
    if (inputs->bytes) {
        const struct bytes *bytes = inputs->bytes;
        ws->k->affine_bytes(&bytes->source, bytes->place + inputs->at, E, m, W, to - from, Z,
                            ws->ldx[l], bytes->X);
    } else {
        ws->k->affine(inputs->row, E, m, W, to - from, Z, ws->ldx[l]);
    }
    if (l < shape->layers) {
        transfer_units(ws, origin, l, e, E, from, to);
    }
}

void REAL(forward_layer)(struct workspace *ws, const real *weights, size_t l)
{
    size_t n = ws->shape->width[l];
    for (size_t e = 0; e < ws->E; e += STRETCH) {
        size_t E = stretch_at(ws, e);
        const struct origin origin = {.index = ws->extras ? ws->index + e : NULL, .step = ws->step};
        if (!ws->watcher || e > 0) {
            const struct inputs inputs = {
                .row = ws->row[l - 1] + e, .bytes = l == 1 ? ws->bytes : NULL, .at = ws->at + e};
            REAL(forward_units)(ws, &inputs, &origin, weights, l, e, E, 0, n);
            continue;
        }
        affine_watched(ws, weights, l, e, E);
        if (l < ws->shape->layers) {
            transfer_units(ws, &origin, l, e, E, 0, n);
        }
    }
}

/* flatten: 4-16-3 with 32 rows, pass after pass, noticed the calls, 5 % of a step */
__attribute__((flatten)) void REAL(forward)(struct workspace *ws, const void *W)
{
    if (ws->small.XT && ws->has_target && !ws->has_class) {
        REAL(gather_targets)(ws, ws->left.examples, ws->left.rows, ws->left.first);
    }
    for (size_t l = 1; l <= ws->shape->layers; l++) {
        REAL(forward_layer)(ws, W, l);
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
