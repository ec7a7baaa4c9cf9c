/**
 * simd: the primitives that a kernel body is written in, one set for each instruction set and
 * precision. The build chooses by KERNEL_AVX512, KERNEL_AVX2, KERNEL_NEON or KERNEL_SCALAR, and by
 * REAL_IS_FLOAT or REAL_IS_DOUBLE.
 *
 *     vec, LANES          a register of LANES reals        ivec   as many integers, also a mask
 *     iadd(a, b)          a + b, which may wrap around     uvec   as many without a sign
 *     vload, vstore       any address                      vset   one value in every lane
 *     vfma(a, b, c)       a b + c, rounded once, on every level
 *     vmax, vmin          a > b ? a : b: the second operand if either is NaN, on every level
 *     vselect(m, a, b)    lane by lane a where the mask is -1, b where it is 0
 *     vtranspose(r)       LANES registers as a square matrix
 *
 * + - * / on vec are the IEEE operations; nothing is contracted (-ffp-contract=off). A sum over
 * lanes does not exist here on purpose: it would make results depend on LANES.
 */
#ifndef KERNEL_SIMD_H
#define KERNEL_SIMD_H

#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

#define INLINE static inline __attribute__((always_inline, unused))

/** Before a loop of n rounds, n a constant: each round has code, and arrays become registers. */
#if defined(__clang__)
#define UNROLL(n) _Pragma("clang loop unroll(full)")
#else
#define UNROLL(n) UNROLL_TEXT(GCC unroll n)
#define UNROLL_TEXT(text) _Pragma(#text)
#endif

#if defined(KERNEL_AVX512)
#define KERNEL_BYTES 64
#elif defined(KERNEL_AVX2)
#define KERNEL_BYTES 32
#elif defined(KERNEL_NEON)
#define KERNEL_BYTES 16
#else
#define KERNEL_BYTES ((int)sizeof(real))
#endif
#define LANES ((int)(KERNEL_BYTES / (int)sizeof(real)))

#if defined(REAL_IS_DOUBLE)
typedef uint64_t real_unsigned;
#else
typedef uint32_t real_unsigned;
#endif

#if defined(KERNEL_SCALAR)

typedef real vec;
typedef real_bits ivec;
typedef real_unsigned uvec;

INLINE vec vload(const real *p)
{
    return *p;
}
INLINE void vstore(real *p, vec v)
{
    *p = v;
}
INLINE ivec vbits(vec v)
{
    union {
        vec v;
        ivec i;
    } u = {.v = v};
    return u.i;
}
INLINE vec vfrom_bits(ivec i)
{
    union {
        ivec i;
        vec v;
    } u = {.i = i};
    return u.v;
}
INLINE vec vset(real x)
{
    return x;
}
INLINE ivec iset(real_bits x)
{
    return x;
}
INLINE vec vselect(ivec m, vec a, vec b)
{
    return m ? a : b;
}
INLINE ivec vless(vec a, vec b)
{
    return -(ivec)(a < b);
}
INLINE ivec vequal(vec a, vec b)
{
    return -(ivec)(a == b);
}
INLINE vec vmax(vec a, vec b)
{
    return a > b ? a : b;
}
INLINE vec vmin(vec a, vec b)
{
    return a < b ? a : b;
}
INLINE void vtranspose(vec r[1])
{
    (void)r;
}
#if defined(REAL_IS_DOUBLE)
INLINE vec vfma(vec a, vec b, vec c)
{
    return __builtin_fma(a, b, c);
}
INLINE vec vsqrt(vec a)
{
    return __builtin_sqrt(a);
}
#else
INLINE vec vfma(vec a, vec b, vec c)
{
    return __builtin_fmaf(a, b, c);
}
INLINE vec vsqrt(vec a)
{
    return __builtin_sqrtf(a);
}
#endif

#else /* vector levels */

typedef real vec __attribute__((vector_size(KERNEL_BYTES)));
typedef real_bits ivec __attribute__((vector_size(KERNEL_BYTES)));
typedef real_unsigned uvec __attribute__((vector_size(KERNEL_BYTES)));
typedef real vec_anywhere
    __attribute__((vector_size(KERNEL_BYTES), aligned(sizeof(real)), may_alias));

INLINE vec vload(const real *p)
{
    return *(const vec_anywhere *)p;
}
INLINE void vstore(real *p, vec v)
{
    *(vec_anywhere *)p = v;
}
INLINE ivec vbits(vec v)
{
    return (ivec)v;
}
INLINE vec vfrom_bits(ivec i)
{
    return (vec)i;
}
INLINE ivec vless(vec a, vec b)
{
    return (ivec)(a < b);
}
INLINE ivec vequal(vec a, vec b)
{
    return (ivec)(a == b);
}

#if defined(KERNEL_AVX512) || defined(KERNEL_AVX2)
#include <immintrin.h>
#elif defined(KERNEL_NEON)
#include <arm_neon.h>
#endif

/* One row of the table below a level and precision: how the intrinsics are called. */
#if defined(KERNEL_AVX512) && defined(REAL_IS_DOUBLE)
#define SIMD_X86(op) _mm512_##op##_pd
#elif defined(KERNEL_AVX512)
#define SIMD_X86(op) _mm512_##op##_ps
#elif defined(KERNEL_AVX2) && defined(REAL_IS_DOUBLE)
#define SIMD_X86(op) _mm256_##op##_pd
#elif defined(KERNEL_AVX2)
#define SIMD_X86(op) _mm256_##op##_ps
#elif defined(REAL_IS_DOUBLE)
#define SIMD_ARM(op) op##q_f64
#else
#define SIMD_ARM(op) op##q_f32
#endif

#if defined(SIMD_X86)

INLINE vec vset(real x)
{
    return (vec)SIMD_X86(set1)(x);
}
INLINE vec vfma(vec a, vec b, vec c)
{
    return (vec)SIMD_X86(fmadd)(a, b, c);
}
INLINE vec vmax(vec a, vec b)
{
    return (vec)SIMD_X86(max)(a, b);
}
INLINE vec vmin(vec a, vec b)
{
    return (vec)SIMD_X86(min)(a, b);
}
INLINE vec vsqrt(vec a)
{
    return (vec)SIMD_X86(sqrt)(a);
}
#if defined(KERNEL_AVX512) && defined(REAL_IS_DOUBLE)
INLINE ivec iset(real_bits x)
{
    return (ivec)_mm512_set1_epi64(x);
}
INLINE vec vselect(ivec m, vec a, vec b)
{
    return (vec)_mm512_mask_blend_pd(_mm512_movepi64_mask((__m512i)m), b, a);
}
#elif defined(KERNEL_AVX512)
INLINE ivec iset(real_bits x)
{
    return (ivec)_mm512_set1_epi32(x);
}
INLINE vec vselect(ivec m, vec a, vec b)
{
    return (vec)_mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)m), b, a);
}
#elif defined(REAL_IS_DOUBLE)
INLINE ivec iset(real_bits x)
{
    return (ivec)_mm256_set1_epi64x(x);
}
INLINE vec vselect(ivec m, vec a, vec b)
{
    return (vec)_mm256_blendv_pd(b, a, (vec)m);
}
#else
INLINE ivec iset(real_bits x)
{
    return (ivec)_mm256_set1_epi32(x);
}
INLINE vec vselect(ivec m, vec a, vec b)
{
    return (vec)_mm256_blendv_ps(b, a, (vec)m);
}
#endif

#else /* NEON */

#if defined(REAL_IS_DOUBLE)
INLINE vec vset(real x)
{
    return (vec)vdupq_n_f64(x);
}
INLINE ivec iset(real_bits x)
{
    return (ivec)vdupq_n_s64(x);
}
#else
INLINE vec vset(real x)
{
    return (vec)vdupq_n_f32(x);
}
INLINE ivec iset(real_bits x)
{
    return (ivec)vdupq_n_s32(x);
}
#endif
INLINE vec vfma(vec a, vec b, vec c)
{
    return (vec)SIMD_ARM(vfma)(c, a, b);
}
INLINE vec vsqrt(vec a)
{
    return (vec)SIMD_ARM(vsqrt)(a);
}
INLINE vec vselect(ivec m, vec a, vec b)
{
    return vfrom_bits((m & vbits(a)) | (~m & vbits(b)));
}
/* FMAX and FMIN prefer the number over a NaN differently from x86: compare and select instead. */
INLINE vec vmax(vec a, vec b)
{
    return vselect(vless(b, a), a, b);
}
INLINE vec vmin(vec a, vec b)
{
    return vselect(vless(a, b), a, b);
}

#endif

/*
 * A square of LANES x LANES reals in log2(LANES) rounds: round by round, rows that are `step` apart
 * exchange the halves of their blocks of 2 step lanes.
 */
#if KERNEL_BYTES == 64 && !defined(REAL_IS_DOUBLE)
#define SIMD_PAIR(step, a, b)                                                                      \
    do {                                                                                           \
        vec x_ = (a), y_ = (b);                                                                    \
        if (step == 8) {                                                                           \
            (a) = __builtin_shufflevector(x_, y_, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21,  \
                                          22, 23);                                                 \
            (b) = __builtin_shufflevector(x_, y_, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27,    \
                                          28, 29, 30, 31);                                         \
        } else if (step == 4) {                                                                    \
            (a) = __builtin_shufflevector(x_, y_, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24,    \
                                          25, 26, 27);                                             \
            (b) = __builtin_shufflevector(x_, y_, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28,  \
                                          29, 30, 31);                                             \
        } else if (step == 2) {                                                                    \
            (a) = __builtin_shufflevector(x_, y_, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12,    \
                                          13, 28, 29);                                             \
            (b) = __builtin_shufflevector(x_, y_, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14,  \
                                          15, 30, 31);                                             \
        } else {                                                                                   \
            (a) = __builtin_shufflevector(x_, y_, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12,   \
                                          28, 14, 30);                                             \
            (b) = __builtin_shufflevector(x_, y_, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13,   \
                                          29, 15, 31);                                             \
        }                                                                                          \
    } while (0)
#elif (KERNEL_BYTES == 64 && defined(REAL_IS_DOUBLE)) ||                                           \
    (KERNEL_BYTES == 32 && !defined(REAL_IS_DOUBLE))
#define SIMD_PAIR(step, a, b)                                                                      \
    do {                                                                                           \
        vec x_ = (a), y_ = (b);                                                                    \
        if (step == 4) {                                                                           \
            (a) = __builtin_shufflevector(x_, y_, 0, 1, 2, 3, 8, 9, 10, 11);                       \
            (b) = __builtin_shufflevector(x_, y_, 4, 5, 6, 7, 12, 13, 14, 15);                     \
        } else if (step == 2) {                                                                    \
            (a) = __builtin_shufflevector(x_, y_, 0, 1, 8, 9, 4, 5, 12, 13);                       \
            (b) = __builtin_shufflevector(x_, y_, 2, 3, 10, 11, 6, 7, 14, 15);                     \
        } else {                                                                                   \
            (a) = __builtin_shufflevector(x_, y_, 0, 8, 2, 10, 4, 12, 6, 14);                      \
            (b) = __builtin_shufflevector(x_, y_, 1, 9, 3, 11, 5, 13, 7, 15);                      \
        }                                                                                          \
    } while (0)
#elif (KERNEL_BYTES == 32 && defined(REAL_IS_DOUBLE)) ||                                           \
    (KERNEL_BYTES == 16 && !defined(REAL_IS_DOUBLE))
#define SIMD_PAIR(step, a, b)                                                                      \
    do {                                                                                           \
        vec x_ = (a), y_ = (b);                                                                    \
        if (step == 2) {                                                                           \
            (a) = __builtin_shufflevector(x_, y_, 0, 1, 4, 5);                                     \
            (b) = __builtin_shufflevector(x_, y_, 2, 3, 6, 7);                                     \
        } else {                                                                                   \
            (a) = __builtin_shufflevector(x_, y_, 0, 4, 2, 6);                                     \
            (b) = __builtin_shufflevector(x_, y_, 1, 5, 3, 7);                                     \
        }                                                                                          \
    } while (0)
#else
#define SIMD_PAIR(step, a, b)                                                                      \
    do {                                                                                           \
        vec x_ = (a), y_ = (b);                                                                    \
        (a) = __builtin_shufflevector(x_, y_, 0, 2);                                               \
        (b) = __builtin_shufflevector(x_, y_, 1, 3);                                               \
    } while (0)
#endif

INLINE void vtranspose(vec *r)
{
    UNROLL(4)
    for (int step = LANES / 2; step > 0; step /= 2) {
        UNROLL(16)
        for (int i = 0; i < LANES; i++) {
            if ((i & step) == 0) {
                SIMD_PAIR(step, r[i], r[i + step]);
            }
        }
    }
}

#endif /* vector levels */

INLINE vec vzero(void)
{
    return vset(0);
}

#if defined(REAL_IS_DOUBLE)
#define REAL_SIGN INT64_MIN
#define REAL_MANTISSA_BITS 52
#define REAL_EXPONENT_BIAS 1023
#else
#define REAL_SIGN INT32_MIN
#define REAL_MANTISSA_BITS 23
#define REAL_EXPONENT_BIAS 127
#endif

#if defined(KERNEL_AVX512)
#if defined(REAL_IS_DOUBLE)
#define SIMD_MASK(bits) ((__mmask8)(bits))
#else
#define SIMD_MASK(bits) ((__mmask16)(bits))
#endif
#endif

/** The first `count` lanes of a, 0 ≤ count ≤ LANES; zeros behind. */
INLINE vec vkeep(vec a, size_t count)
{
#if defined(KERNEL_AVX512)
    return (vec)SIMD_X86(maskz_mov)(SIMD_MASK((1u << count) - 1), a);
#else
    static const real_bits mask[32] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                       -1, -1, -1, -1, -1, -1, -1, -1};
    return vfrom_bits(vbits(a) & vbits(vload((const real *)(const void *)(mask + 16 - count))));
#endif
}

/** a with b in the lanes from i on, 0 ≤ i < LANES. */
INLINE vec vfrom(vec a, size_t i, vec b)
{
#if defined(KERNEL_AVX512)
    return (vec)SIMD_X86(mask_mov)(a, SIMD_MASK(~0u << i), b);
#else
    static const real_bits mask[32] = {[16] = -1, -1, -1, -1, -1, -1, -1, -1,
                                       -1,        -1, -1, -1, -1, -1, -1, -1};
    return vselect(vbits(vload((const real *)(const void *)(mask + 16 - i))), b, a);
#endif
}

/** count values, 1 ≤ count ≤ LANES, `step` apart in memory, side by side; zeros behind. */
INLINE vec vcollect(const real *p, size_t step, size_t count)
{
    vec v = vset(p[0]);
    for (size_t i = 1; i < count; i++) {
        v = vfrom(v, i, vset(p[i * step]));
    }
    return vkeep(v, count);
}

INLINE vec vabs(vec a)
{
    return vfrom_bits(vbits(a) & ~iset(REAL_SIGN));
}

/** a with the sign of s (a ≥ 0). */
INLINE vec vwith_sign(vec a, vec s)
{
    return vfrom_bits(vbits(a) | (vbits(s) & iset(REAL_SIGN)));
}

/** a + b that wraps around: the bits of a NaN may be anything, and C leaves signed overflow open. */
INLINE ivec iadd(ivec a, ivec b)
{
    return (ivec)((uvec)a + (uvec)b);
}

/** 2^n for -bias < n ≤ bias. */
INLINE vec vpower_of_two(ivec n)
{
    return vfrom_bits((ivec)((uvec)iadd(n, iset(REAL_EXPONENT_BIAS)) << REAL_MANTISSA_BITS));
}

#endif
