/** weights: initial values, and the two orders. */
#include "network/weights.h"

#include <string.h>

#include "base/random.h"
#include "kernel/dispatch.h"

size_t weights_begin(const struct shape *shape, size_t l)
{
    size_t begin = 0;
    for (size_t k = 1; k < l; k++) {
        begin += (shape->width[k - 1] + 1) * shape->width[k];
    }
    return begin;
}

/** N(0, 1) from two uniform numbers in (0, 1). */
static double normal(uint64_t seed, size_t l, size_t o, size_t i)
{
    double u = random_uniform(seed, RANDOM_INIT, 2 * l, (uint32_t)o, (uint32_t)i);
    double v = random_uniform(seed, RANDOM_INIT, 2 * l + 1, (uint32_t)o, (uint32_t)i);
    return elementary_normal(u, v);
}

void weights_init(const struct shape *shape, enum init_rule rule, double spread, uint64_t seed,
                  double *values)
{
    for (size_t l = 1; l <= shape->layers; l++) {
        size_t m = shape->width[l - 1];
        size_t n = shape->width[l];
        double *W = values + weights_begin(shape, l);
        double *b = W + m * n;
        double deviation = rule == INIT_NORMAL ? spread : __builtin_sqrt(2.0 / (double)m);
        double reach = __builtin_sqrt(6.0 / (double)(m + n));
        for (size_t o = 0; o < n; o++) {
            for (size_t i = 0; i < m; i++) {
                double w = 0;
                if (rule == INIT_GLOROT) {
                    double u = random_uniform(seed, RANDOM_INIT, 2 * l, (uint32_t)o, (uint32_t)i);
                    w = reach * (2 * u - 1);
                } else if (rule != INIT_ZEROS) {
                    w = deviation * normal(seed, l, o, i);
                }
                W[o * m + i] = w;
            }
            b[o] = rule == INIT_NORMAL ? deviation * normal(seed, l, o, m) : 0;
        }
    }
}

/* Do something with the plain and the packed index of every parameter. */
#define FOR_EACH_PARAMETER(shape, plain, packed, ...)                                              \
    for (size_t l = 1; l <= (shape)->layers; l++) {                                                \
        size_t m = (shape)->width[l - 1];                                                          \
        size_t n = (shape)->width[l];                                                              \
        size_t begin = weights_begin((shape), l);                                                  \
        for (size_t o = 0; o < n; o++) {                                                           \
            for (size_t i = 0; i <= m; i++) {                                                      \
                size_t plain = begin + (i < m ? o * m + i : m * n + o);                            \
                size_t packed = (shape)->offset[l] + pack_index(m, n, i, o);                       \
                __VA_ARGS__;                                                                       \
            }                                                                                      \
        }                                                                                          \
    }

void weights_mask(const struct shape *shape, bool use_double, void *packed)
{
    memset(packed, 0, shape_packed(shape) * (use_double ? sizeof(double) : sizeof(float)));
    if (use_double) {
        double *to = packed;
        FOR_EACH_PARAMETER(shape, from, at, to[at] = from < begin + m * n)
    } else {
        float *to = packed;
        FOR_EACH_PARAMETER(shape, from, at, to[at] = from < begin + m * n)
    }
}

void weights_pack(const struct shape *shape, const double *values, bool use_double, void *packed)
{
    memset(packed, 0, shape_packed(shape) * (use_double ? sizeof(double) : sizeof(float)));
    if (use_double) {
        double *to = packed;
        FOR_EACH_PARAMETER(shape, from, at, to[at] = values[from])
    } else {
        float *to = packed;
        FOR_EACH_PARAMETER(shape, from, at, to[at] = (float)values[from])
    }
}

void weights_unpack(const struct shape *shape, const void *packed, bool use_double, double *values)
{
    if (use_double) {
        const double *from = packed;
        FOR_EACH_PARAMETER(shape, to, at, values[to] = from[at])
    } else {
        const float *from = packed;
        FOR_EACH_PARAMETER(shape, to, at, values[to] = (double)from[at])
    }
}
