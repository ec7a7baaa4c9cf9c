/**
 * custom: transfer functions and losses of the caller's, example by example and in double. They
 * take the place of kernels; what is before and after them is the same.
 */
#include "pass/workspace.h"

void REAL(custom_activate)(struct workspace *ws, size_t l, size_t first, size_t E)
{
    const struct custom *custom = &ws->shape->custom;
    size_t n = ws->shape->width[l];
    double *z = ws->custom;
    double *x = z + n;
    double *slope = x + n;
    for (size_t e = first; e < first + E; e++) {
        real *X = ws->X[l] + e * ws->ldx[l];
        real *S = ws->S[l] + e * ws->ldx[l];
        for (size_t i = 0; i < n; i++) {
            z[i] = (double)X[i];
        }
        custom->activation(custom->activation_user, n, z, x, slope);
        for (size_t i = 0; i < n; i++) {
            X[i] = (real)x[i];
            S[i] = (real)slope[i];
        }
    }
}

/** Targets of example e of the stretch that begins at first. */
static void targets_of(const struct workspace *ws, size_t first, size_t e, double *target)
{
    size_t n = ws->shape->width[ws->shape->layers];
    const real *value = target_at(ws, first) + e;
    for (size_t o = 0; o < n; o++) {
        if (!ws->has_class) {
            target[o] = (double)value[o * ws->ldt];
        } else if (n == 1) {
            target[o] = ws->class_index[first + e];
        } else {
            target[o] = ws->class_index[first + e] == (int32_t)o;
        }
    }
}

void REAL(custom_loss)(struct workspace *ws, size_t first, size_t E)
{
    const struct custom *custom = &ws->shape->custom;
    size_t L = ws->shape->layers;
    size_t n = ws->shape->width[L];
    size_t ld = ws->ldx[L];
    if (!custom->loss) { /* the model was read from a file: it is only scored */
        for (size_t e = first; e < first + E; e++) {
            ws->each[e] = (real)__builtin_nan("");
        }
        return;
    }
    real *X = ws->X[L] + first * ld;
    real *D = ws->D[L] + first * ld; /* f'(Z), then the deltas; free until backward() */
    double *output = ws->custom;
    double *target = output + n;
    double *slope = target + n;
    ws->k->activate_keep(ws->shape->activation[L], X, ld, E, n, D);
    for (size_t e = 0; e < E; e++) {
        for (size_t o = 0; o < n; o++) {
            output[o] = (double)X[e * ld + o];
        }
        targets_of(ws, first, e, target);
        ws->each[first + e] = (real)custom->loss(custom->loss_user, n, output, target, slope);
        for (size_t o = 0; o < n; o++) {
            D[e * ld + o] *= (real)slope[o];
        }
    }
    ws->k->transpose(D, ld, E, n, panel_at(ws, ws->TA, first), ws->ldt);
}
