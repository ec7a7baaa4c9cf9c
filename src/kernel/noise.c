/**
 * noise: inputs with normal noise. Its numbers are made in double in either precision: normals()
 * is a function of the doubles' object.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

#if defined(REAL_IS_DOUBLE)
#include "kernel/elementary.h"
#include "kernel/philox.h"

enum { SOME = 4 }; /* registers at a time */

INLINE wide counters(uint64_t c)
{
#if defined(KERNEL_SCALAR)
    return c;
#else
    wide lane;
    UNROLL(8)
    for (int i = 0; i < WIDE_LANES; i++) {
        lane[i] = (uint64_t)i;
    }
    return wide_set(c) + lane;
#endif
}

/** (word + 1/2) / 2^32 of the lower halves: the word put behind 2^20, and all but it taken away. */
INLINE vec uniform(wide word)
{
    wide bits = (word & wide_set(UINT32_MAX)) | wide_set(UINT64_C(0x413) << 52);
    return vfrom_bits((ivec)bits) - vset(0x1p20 - 0x1p-33);
}

/** Uniform numbers of `some` registers of counters, a constant, from c on. */
INLINE void uniforms(const struct philox *p, const struct philox_row *row, int some, uint64_t c,
                     double *u, double *v)
{
    wide at[SOME], x0[SOME], x1[SOME], x2[SOME], x3[SOME];
    UNROLL(4)
    for (int i = 0; i < some; i++) {
        at[i] = counters(c + (uint64_t)(i * LANES));
    }
    philox_words(p, row, some, at, x0, x1, x2, x3);
    UNROLL(4)
    for (int i = 0; i < some; i++) {
        vstore(u + i * LANES, uniform(x0[i]));
        vstore(v + i * LANES, uniform(x1[i]));
    }
}

void KERNEL(normals)(const struct noise *noise, uint32_t index, size_t first, size_t n, double *z)
{
    _Alignas(64) double v[NORMALS_MOST];
    struct philox p = philox_of(noise->seed, RANDOM_NOISE, noise->step);
    struct philox_row row = philox_row(&p, index);
    size_t i = 0;
    for (; i + (SOME - 1) * (size_t)LANES < n; i += SOME * (size_t)LANES) {
        uniforms(&p, &row, SOME, first + i, z + i, v + i);
    }
    for (; i < n; i += (size_t)LANES) {
        uniforms(&p, &row, 1, first + i, z + i, v + i);
    }
    /* in a loop of its own: both together want more registers than there are */
    for (i = 0; i < n; i += (size_t)LANES) {
        vstore(z + i, vset(noise->deviation) * vnormal(vload(z + i), vload(v + i)));
    }
}
#endif

void KERNEL(noise)(const struct noise *noise, const uint32_t *index, const real *const *row,
                   size_t E, size_t m, real *X, size_t ldx)
{
    _Alignas(64) double z[NORMALS_MOST];
    _Alignas(64) real rounded[NORMALS_MOST];
    for (size_t e = 0; e < E; e++, X += ldx) {
        const real *from = row[e];
        for (size_t i = 0; i < m; i += NORMALS_MOST) {
            size_t n = m - i < NORMALS_MOST ? m - i : NORMALS_MOST;
            n = registers_for(n) * (size_t)LANES;
            for (size_t j = 0; e + 1 < E && j < n; j += 64 / sizeof(real)) {
                __builtin_prefetch(row[e + 1] + i + j); /* it may lie anywhere */
            }
            KERNEL_F64(normals)(noise, index[e], i, n, z);
            for (size_t j = 0; j < n; j++) {
                rounded[j] = (real)z[j];
            }
            for (size_t j = 0; j < n; j += (size_t)LANES) {
                vstore(X + i + j, vload(from + i + j) + vload(rounded + j));
            }
        }
        X[m] = 1;
    }
}
