/**
 * vector: blocks of parameters as vectors, for optimizers that look at them as a whole (L-BFGS).
 *
 * Sums are in double, in PACK_UNIT chains that are added from the first to the last: the compiler
 * may use registers of any width. Products of two floats are exact in double.
 */
#include <string.h>

#include "pass/workspace.h"

static double add_lanes(const double lane[PACK_UNIT])
{
    double sum = 0;
    for (size_t j = 0; j < PACK_UNIT; j++) {
        sum += lane[j];
    }
    return sum;
}

double REAL(dot)(const void *a, const void *b, size_t begin, size_t end)
{
    const real *x = a;
    const real *y = b;
    double lane[PACK_UNIT] = {0};
    for (size_t i = begin; i < end; i += PACK_UNIT) {
        for (size_t j = 0; j < PACK_UNIT; j++) {
            lane[j] += (double)x[i + j] * (double)y[i + j];
        }
    }
    return add_lanes(lane);
}

double REAL(total)(const void *a, size_t begin, size_t end)
{
    const real *x = a;
    double lane[PACK_UNIT] = {0};
    for (size_t i = begin; i < end; i += PACK_UNIT) {
        for (size_t j = 0; j < PACK_UNIT; j++) {
            lane[j] += __builtin_fabs((double)x[i + j]);
        }
    }
    return add_lanes(lane);
}

double REAL(largest)(const void *a, size_t begin, size_t end)
{
    const real *x = a;
    double most = 0;
    for (size_t i = begin; i < end; i++) {
        double size = __builtin_fabs((double)x[i]);
        most = size > most ? size : most;
    }
    return most;
}

void REAL(blend)(void *out, double a, const void *x, double b, const void *y, size_t begin,
                 size_t end)
{
    real *o = out;
    const real *p = x;
    const real *q = y;
    const real s = (real)a;
    const real t = (real)b;
    for (size_t i = begin; i < end; i++) {
        o[i] = s * p[i] + t * q[i];
    }
}

double REAL(decay)(void *g, double l2, const void *W, const void *mask, size_t begin, size_t end)
{
    real *o = g;
    const real *w = W;
    const real *on = mask;
    const real factor = (real)l2;
    double lane[PACK_UNIT] = {0};
    for (size_t i = begin; i < end; i += PACK_UNIT) {
        for (size_t j = 0; j < PACK_UNIT; j++) {
            real kept = on[i + j] * w[i + j];
            o[i + j] += factor * kept;
            lane[j] += (double)kept * (double)kept;
        }
    }
    return add_lanes(lane);
}
