/**
 * simd: the primitives that a kernel body is written in, one set for each instruction set and
 * precision. The build chooses by KERNEL_AVX512, KERNEL_AVX2, KERNEL_NEON or KERNEL_SCALAR, and by
 * REAL_IS_FLOAT or REAL_IS_DOUBLE.
 *
 *     vec, LANES          a register of LANES reals        ivec   as many integers
 *     iadd(a, b)          a + b, which may wrap around     uvec   as many without a sign
 *     vload, vstore       any address                      vset   one value in every lane
 *     vbytes(p)           LANES bytes without a sign, as reals
 *     vfma(a, b, c)       a b + c, rounded once, on every level
 *     vmax, vmin          a > b ? a : b: the second operand if either is NaN, on every level
 *     vless, vequal       the lanes where it is so, a vmask: & and | put two together
 *     vselect(m, a, b)    lane by lane a where the mask is set, else b
 *     vtranspose(r)       LANES registers as a square matrix
 *     vscale(a, n)        a 2^n
 *
 * + - * / on vec are the IEEE operations; nothing is contracted (-ffp-contract=off). A sum over
 * lanes does not exist here on purpose: it would make results depend on LANES.
 */
#ifndef KERNEL_SIMD_H
#define KERNEL_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
typedef ivec vmask;

INLINE vec vload(const real *p)
{
    return *p;
}
INLINE void vstore(real *p, vec v)
{
    *p = v;
}
INLINE vec vbytes(const uint8_t *p)
{
    return (real)*p;
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
INLINE vec vselect(vmask m, vec a, vec b)
{
    return m ? a : b;
}
INLINE vmask vless(vec a, vec b)
{
    return -(vmask)(a < b);
}
INLINE vmask vequal(vec a, vec b)
{
    return -(vmask)(a == b);
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
enum { QUARTER = 1, QUARTERS = 1 };
typedef real qvec;
INLINE qvec qload(const real *p)
{
    return *p;
}
INLINE qvec qset(real x)
{
    return x;
}
INLINE vec vwiden(qvec a)
{
    return a;
}
INLINE vec vjoin(const qvec *part)
{
    return part[0];
}
INLINE qvec vnarrow(vec v)
{
    return v;
}
INLINE real vbound(vec v)
{
    return v;
}
INLINE void transpose_quarters(vec *r)
{
    (void)r;
}
#if defined(REAL_IS_DOUBLE)
INLINE vec vfma(vec a, vec b, vec c)
{
    return __builtin_fma(a, b, c);
}
INLINE qvec qfma(qvec a, qvec b, qvec c)
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
INLINE qvec qfma(qvec a, qvec b, qvec c)
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

#if defined(KERNEL_AVX512) || defined(KERNEL_AVX2)
#include <immintrin.h>
#elif defined(KERNEL_NEON)
#include <arm_neon.h>
#endif

INLINE vec vbytes(const uint8_t *p)
{
#if defined(KERNEL_AVX512) && defined(REAL_IS_DOUBLE)
    return (vec)_mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
#elif defined(KERNEL_AVX512)
    return (vec)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
#elif defined(KERNEL_AVX2) && defined(REAL_IS_DOUBLE)
    int some;
    memcpy(&some, p, sizeof some);
    return (vec)_mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(some)));
#elif defined(KERNEL_AVX2)
    return (vec)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
#else
    vec v;
    for (int i = 0; i < LANES; i++) {
        v[i] = (real)p[i];
    }
    return v;
#endif
}

/* Masks have registers of their own, or are -1 and 0 in the lanes. */
#if defined(KERNEL_AVX512) && defined(REAL_IS_DOUBLE)
typedef __mmask8 vmask;
#define SIMD_COMPARE(a, b, how) _mm512_cmp_pd_mask(a, b, how)
#elif defined(KERNEL_AVX512)
typedef __mmask16 vmask;
#define SIMD_COMPARE(a, b, how) _mm512_cmp_ps_mask(a, b, how)
#else
typedef ivec vmask;
#endif

INLINE vmask vless(vec a, vec b)
{
#if defined(KERNEL_AVX512)
    return SIMD_COMPARE(a, b, _CMP_LT_OS);
#else
    return (ivec)(a < b);
#endif
}
INLINE vmask vequal(vec a, vec b)
{
#if defined(KERNEL_AVX512)
    return SIMD_COMPARE(a, b, _CMP_EQ_OQ);
#else
    return (ivec)(a == b);
#endif
}

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
INLINE vec vselect(vmask m, vec a, vec b)
{
    return (vec)_mm512_mask_blend_pd(m, b, a);
}
#elif defined(KERNEL_AVX512)
INLINE ivec iset(real_bits x)
{
    return (ivec)_mm512_set1_epi32(x);
}
INLINE vec vselect(vmask m, vec a, vec b)
{
    return (vec)_mm512_mask_blend_ps(m, b, a);
}
#elif defined(REAL_IS_DOUBLE)
INLINE ivec iset(real_bits x)
{
    return (ivec)_mm256_set1_epi64x(x);
}
INLINE vec vselect(vmask m, vec a, vec b)
{
    return (vec)_mm256_blendv_pd(b, a, (vec)m);
}
#else
INLINE ivec iset(real_bits x)
{
    return (ivec)_mm256_set1_epi32(x);
}
INLINE vec vselect(vmask m, vec a, vec b)
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
INLINE vec vselect(vmask m, vec a, vec b)
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
 * A square of LANES x LANES reals. First the small squares within a quarter of 16 bytes, of as many
 * rows as a quarter holds reals, then the squares of quarters. Two rounds go together, in
 * instructions that stay within quarters or move whole ones; exchanging rows half by half, round
 * after round, takes ones that do neither, and half as long again.
 */
enum { QUARTER = 16 / (int)sizeof(real), QUARTERS = LANES / QUARTER };

typedef double vec_of_64 __attribute__((vector_size(KERNEL_BYTES))); /* lanes of 64 bits */

/* Of each quarter of a and b the first two halves, or the last two; of floats, the same of fourths. */
#define SIMD_MIX __builtin_shufflevector
#if KERNEL_BYTES == 64
#define SIMD_LOW(a, b) SIMD_MIX(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define SIMD_HIGH(a, b) SIMD_MIX(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#define SIMD_LOW_4(a, b) SIMD_MIX(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define SIMD_HIGH_4(a, b) SIMD_MIX(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#elif KERNEL_BYTES == 32
#define SIMD_LOW(a, b) SIMD_MIX(a, b, 0, 4, 2, 6)
#define SIMD_HIGH(a, b) SIMD_MIX(a, b, 1, 5, 3, 7)
#define SIMD_LOW_4(a, b) SIMD_MIX(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define SIMD_HIGH_4(a, b) SIMD_MIX(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#else
#define SIMD_LOW(a, b) SIMD_MIX(a, b, 0, 2)
#define SIMD_HIGH(a, b) SIMD_MIX(a, b, 1, 3)
#define SIMD_LOW_4(a, b) SIMD_MIX(a, b, 0, 4, 1, 5)
#define SIMD_HIGH_4(a, b) SIMD_MIX(a, b, 2, 6, 3, 7)
#endif

/** The square within each quarter of QUARTER registers. */
INLINE void transpose_quarters(vec *r)
{
#if defined(REAL_IS_DOUBLE)
    vec a = r[0], b = r[1];
    r[0] = SIMD_LOW(a, b);
    r[1] = SIMD_HIGH(a, b);
#else
    vec_of_64 a = (vec_of_64)SIMD_LOW_4(r[0], r[1]), b = (vec_of_64)SIMD_HIGH_4(r[0], r[1]);
    vec_of_64 c = (vec_of_64)SIMD_LOW_4(r[2], r[3]), d = (vec_of_64)SIMD_HIGH_4(r[2], r[3]);
    r[0] = (vec)SIMD_LOW(a, c);
    r[1] = (vec)SIMD_HIGH(a, c);
    r[2] = (vec)SIMD_LOW(b, d);
    r[3] = (vec)SIMD_HIGH(b, d);
#endif
}

/** The square of quarters of as many registers, QUARTER apart. */
INLINE void exchange_quarters(vec *r)
{
#if KERNEL_BYTES == 64
    vec_of_64 p = (vec_of_64)r[0], q = (vec_of_64)r[QUARTER];
    vec_of_64 s = (vec_of_64)r[2 * QUARTER], t = (vec_of_64)r[3 * QUARTER];
    vec_of_64 a = SIMD_MIX(p, q, 0, 1, 2, 3, 8, 9, 10, 11);
    vec_of_64 b = SIMD_MIX(p, q, 4, 5, 6, 7, 12, 13, 14, 15);
    vec_of_64 c = SIMD_MIX(s, t, 0, 1, 2, 3, 8, 9, 10, 11);
    vec_of_64 d = SIMD_MIX(s, t, 4, 5, 6, 7, 12, 13, 14, 15);
    r[0] = (vec)SIMD_MIX(a, c, 0, 1, 4, 5, 8, 9, 12, 13);
    r[QUARTER] = (vec)SIMD_MIX(a, c, 2, 3, 6, 7, 10, 11, 14, 15);
    r[2 * QUARTER] = (vec)SIMD_MIX(b, d, 0, 1, 4, 5, 8, 9, 12, 13);
    r[3 * QUARTER] = (vec)SIMD_MIX(b, d, 2, 3, 6, 7, 10, 11, 14, 15);
#elif KERNEL_BYTES == 32
    vec_of_64 p = (vec_of_64)r[0], q = (vec_of_64)r[QUARTER];
    r[0] = (vec)SIMD_MIX(p, q, 0, 1, 4, 5);
    r[QUARTER] = (vec)SIMD_MIX(p, q, 2, 3, 6, 7);
#else
    (void)r;
#endif
}

/* Registers of one quarter, where so many lanes are all that is needed. */
typedef real qvec __attribute__((vector_size(16)));
typedef real qvec_anywhere __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));
typedef double qvec_of_64 __attribute__((vector_size(16)));

INLINE qvec qload(const real *p)
{
    return *(const qvec_anywhere *)p;
}
#if defined(SIMD_X86) && defined(REAL_IS_DOUBLE)
INLINE qvec qset(real x)
{
    return (qvec)_mm_set1_pd(x);
}
INLINE qvec qfma(qvec a, qvec b, qvec c)
{
    return (qvec)_mm_fmadd_pd(a, b, c);
}
#elif defined(SIMD_X86)
INLINE qvec qset(real x)
{
    return (qvec)_mm_set1_ps(x);
}
INLINE qvec qfma(qvec a, qvec b, qvec c)
{
    return (qvec)_mm_fmadd_ps(a, b, c);
}
#else
INLINE qvec qset(real x)
{
    return vset(x);
}
INLINE qvec qfma(qvec a, qvec b, qvec c)
{
    return vfma(a, b, c);
}
#endif

/** QUARTERS quarters side by side. */
INLINE vec vjoin(const qvec *part)
{
#if KERNEL_BYTES == 16
    return part[0];
#else
#define SIMD_PAIR(i) SIMD_MIX((qvec_of_64)part[i], (qvec_of_64)part[i + 1], 0, 1, 2, 3)
#if KERNEL_BYTES == 32
    return (vec)SIMD_PAIR(0);
#else
    return (vec)SIMD_MIX(SIMD_PAIR(0), SIMD_PAIR(2), 0, 1, 2, 3, 4, 5, 6, 7);
#endif
#endif
}

/** The first quarter. */
INLINE qvec vnarrow(vec v)
{
#if defined(KERNEL_AVX512)
    return (qvec)_mm512_castps512_ps128((__m512)v);
#elif defined(KERNEL_AVX2)
    return (qvec)_mm256_castps256_ps128((__m256)v);
#else
    return v;
#endif
}

/** A quarter, zeros behind. */
INLINE vec vwiden(qvec a)
{
#if defined(KERNEL_AVX512)
    return (vec)_mm512_zextps128_ps512((__m128)a);
#elif defined(KERNEL_AVX2)
    return (vec)_mm256_zextps128_ps256((__m128)a);
#else
    return a;
#endif
}

/** Σ of the lanes, for bounds alone: in which order depends on LANES, so results must not. */
INLINE real vbound(vec v)
{
#if KERNEL_BYTES == 64
    typedef real half_vec __attribute__((vector_size(32)));
    vec_of_64 all = (vec_of_64)v;
    half_vec half =
        (half_vec)SIMD_MIX(all, all, 0, 1, 2, 3) + (half_vec)SIMD_MIX(all, all, 4, 5, 6, 7);
#else
    vec half = v;
#endif
#if KERNEL_BYTES >= 32
    typedef double half_of_64 __attribute__((vector_size(32)));
    half_of_64 both = (half_of_64)half;
    qvec rest = (qvec)SIMD_MIX(both, both, 0, 1) + (qvec)SIMD_MIX(both, both, 2, 3);
#else
    qvec rest = half;
#endif
#if defined(REAL_IS_DOUBLE)
    return rest[0] + rest[1];
#else
    return (rest[0] + rest[1]) + (rest[2] + rest[3]);
#endif
}

INLINE void vtranspose(vec *r)
{
    UNROLL(4)
    for (int i = 0; i < LANES; i += QUARTER) {
        transpose_quarters(r + i);
    }
    UNROLL(4)
    for (int i = 0; i < QUARTER; i++) {
        exchange_quarters(r + i);
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

/** The first `count` lanes of a, 0 ≤ count ≤ LANES; zeros behind. */
INLINE vec vkeep(vec a, size_t count)
{
#if defined(KERNEL_AVX512)
    return (vec)SIMD_X86(maskz_mov)((vmask)((1u << count) - 1), a);
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
    return (vec)SIMD_X86(mask_mov)(a, (vmask)(~0u << i), b);
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

/** The lanes whose integers are odd. */
INLINE vmask vodd(ivec i)
{
#if defined(KERNEL_AVX512) && defined(REAL_IS_DOUBLE)
    return _mm512_test_epi64_mask((__m512i)i, (__m512i)iset(1));
#elif defined(KERNEL_AVX512)
    return _mm512_test_epi32_mask((__m512i)i, (__m512i)iset(1));
#else
    return -(i & iset(1));
#endif
}

/** What a real is added to so that its integer is in the lowest bits. */
#if defined(REAL_IS_DOUBLE)
#define ROUND_MAGIC 0x1.8p52
#else
#define ROUND_MAGIC 0x1.8p23f
#endif

/** 2^n for -bias < n ≤ bias. */
INLINE vec vpower_of_two(ivec n)
{
    return vfrom_bits((ivec)((uvec)iadd(n, iset(REAL_EXPONENT_BIAS)) << REAL_MANTISSA_BITS));
}

/**
 * a 2^n, rounded once, for a of about 1 and n from below the smallest denormal's to above the
 * largest number's exponent; n is given as n + ROUND_MAGIC.
 */
INLINE vec vscale(vec a, vec shifted)
{
#if defined(KERNEL_AVX512)
    return (vec)SIMD_X86(scalef)(a, shifted - vset(ROUND_MAGIC));
#else
    /* in two halves, so that nothing is lost before the end */
    ivec both = iadd(vbits(shifted), iset(2 * REAL_EXPONENT_BIAS) - vbits(vset(ROUND_MAGIC)));
    ivec half = both >> 1;
    vec power = vfrom_bits((ivec)((uvec)half << REAL_MANTISSA_BITS));
    vec other = vfrom_bits((ivec)((uvec)(both - half) << REAL_MANTISSA_BITS));
    return a * power * other;
#endif
}

#endif
