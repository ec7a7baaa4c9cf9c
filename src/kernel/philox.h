/**
 * philox: base/random.h's words, for registers of counters (seed, use, a, b, c) that differ in c
 * alone, or in b, too. A counter has a lane of 64 bits, so that the products of 32 by 32 bits are where they are
 * needed; what the upper halves of the lanes hold is never looked at.
 *
 * Philox4x32-10. Source: see base/random.h. Words x0 … x3 and keys k0, k1 become in each round
 *
 *     x0 = high(M1 x2) ^ x1 ^ k0    x1 = low(M1 x2)    x2 = high(M0 x0) ^ x3 ^ k1    x3 = low(M0 x0)
 */
#ifndef KERNEL_PHILOX_H
#define KERNEL_PHILOX_H

#include <Random123/philox.h>

#include "base/random.h"
#include "kernel/simd.h"

#if defined(KERNEL_SCALAR)
#define WIDE_LANES 1
typedef uint64_t wide;

INLINE wide wide_set(uint64_t x)
{
    return x;
}
/** The product of the lower halves. */
INLINE wide wide_multiply(wide a, uint32_t b)
{
    return (uint64_t)(uint32_t)a * b;
}
#else
#define WIDE_LANES (KERNEL_BYTES / 8)
typedef uint64_t wide __attribute__((vector_size(KERNEL_BYTES)));

#if defined(KERNEL_AVX512)
INLINE wide wide_set(uint64_t x)
{
    return (wide)_mm512_set1_epi64((long long)x);
}
INLINE wide wide_multiply(wide a, uint32_t b)
{
    return (wide)_mm512_mul_epu32((__m512i)a, (__m512i)wide_set(b));
}
#elif defined(KERNEL_AVX2)
INLINE wide wide_set(uint64_t x)
{
    return (wide)_mm256_set1_epi64x((long long)x);
}
INLINE wide wide_multiply(wide a, uint32_t b)
{
    return (wide)_mm256_mul_epu32((__m256i)a, (__m256i)wide_set(b));
}
#else
INLINE wide wide_set(uint64_t x)
{
    return (wide)vdupq_n_u64(x);
}
INLINE wide wide_multiply(wide a, uint32_t b)
{
    return (wide)vmull_u32(vmovn_u64((uint64x2_t)a), vdup_n_u32(b));
}
#endif
#endif

enum { PHILOX_ROUNDS = 10, PHILOX_KNOWN = 3 }; /* rounds of which part is the same for a row */

enum { PHILOX_WORDS = 4 * WIDE_LANES }; /* of a register of counters */

#if defined(KERNEL_SCALAR)

INLINE wide philox_counters(uint64_t c)
{
    return c;
}

INLINE void philox_in_order(wide x0, wide x1, wide x2, wide x3, uint32_t *words)
{
    words[0] = (uint32_t)x0;
    words[1] = (uint32_t)x1;
    words[2] = (uint32_t)x2;
    words[3] = (uint32_t)x3;
}

#else

/* Even and odd lanes of two registers, each pair of lanes side by side. */
#if WIDE_LANES == 8
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#elif WIDE_LANES == 4
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 4, 2, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 5, 3, 7)
#else
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3)
#endif

/** c, c + 1, …: the first half in the even lanes, so that philox_in_order() need not move anything far. */
INLINE wide philox_counters(uint64_t c)
{
    wide lane;
    UNROLL(8)
    for (int i = 0; i < WIDE_LANES; i++) {
        lane[i] = (uint64_t)(i / 2 + i % 2 * (WIDE_LANES / 2));
    }
    return wide_set(c) + lane;
}

/** The words of the first counter, of the second, … */
INLINE void philox_in_order(wide x0, wide x1, wide x2, wide x3, uint32_t *words)
{
    const wide low = wide_set(UINT32_MAX);
    wide early = (x0 & low) | x1 << 32;
    wide late = (x2 & low) | x3 << 32;
    *(wide *)(void *)words = EVEN(early, late);
    *(wide *)(void *)(words + PHILOX_WORDS / 2) = ODD(early, late);
}

#endif

/** What counters with the same (seed, use, a) have in common. */
struct philox {
    uint32_t k0, k1, a1;
    uint32_t x2, x3; /* after the first round; x2 but for c */
    wide key[PHILOX_ROUNDS][2];
};

INLINE struct philox philox_of(uint64_t seed, enum random_use use, uint64_t a)
{
    struct philox p = {.k0 = (uint32_t)seed,
                       .k1 = (uint32_t)(seed >> 32),
                       .a1 = (uint32_t)(a >> 32) ^ ((uint32_t)use << 24)};
    for (uint32_t round = 0; round < PHILOX_ROUNDS; round++) {
        p.key[round][0] = wide_set(p.k0 + round * PHILOX_W32_0);
        p.key[round][1] = wide_set(p.k1 + round * PHILOX_W32_1);
    }
    uint64_t product = PHILOX_M4x32_0 * (a & UINT32_MAX);
    p.x2 = (uint32_t)(product >> 32) ^ p.k1;
    p.x3 = (uint32_t)product;
    return p;
}

/**
 * What they have in common with the same b, too: whatever c is, it is not before the fourth round
 * that all four words depend on it.
 */
struct philox_row {
    wide x2;         /* of the first round */
    wide x0;         /* of the second */
    wide y0, y1, y2; /* of the third */
};

INLINE struct philox_row philox_row(const struct philox *p, uint32_t b)
{
    uint64_t first = (uint64_t)PHILOX_M4x32_1 * b;
    uint32_t x0 = (uint32_t)(first >> 32) ^ p->a1 ^ p->k0;
    uint64_t second = (uint64_t)PHILOX_M4x32_0 * x0;
    uint32_t x2 = (uint32_t)(second >> 32) ^ p->x3 ^ (p->k1 + PHILOX_W32_1);
    uint64_t third = (uint64_t)PHILOX_M4x32_1 * x2;
    return (struct philox_row){
        .x2 = wide_set(p->x2),
        .x0 = wide_set((uint32_t)first ^ (p->k0 + PHILOX_W32_0)),
        .y0 = wide_set((uint32_t)(third >> 32) ^ (p->k0 + 2 * PHILOX_W32_0)),
        .y1 = wide_set((uint32_t)third),
        .y2 = wide_set((uint32_t)second ^ (p->k1 + 2 * PHILOX_W32_1)),
    };
}

/** The rounds from `first` on, of `some` registers, a constant; several at a time, since each waits
    for its products most of the time. */
enum { PHILOX_MOST = 4 };
INLINE void philox_rounds(const struct philox *p, const int first, int some, wide *x0, wide *x1,
                          wide *x2, wide *x3)
{
    UNROLL(10)
    for (int round = first; round < PHILOX_ROUNDS; round++) {
        UNROLL(4)
        for (int i = 0; i < some; i++) {
            wide even = wide_multiply(x0[i], PHILOX_M4x32_0);
            wide odd = wide_multiply(x2[i], PHILOX_M4x32_1);
            x0[i] = (odd >> 32) ^ x1[i] ^ p->key[round][0];
            x1[i] = odd;
            x2[i] = (even >> 32) ^ x3[i] ^ p->key[round][1];
            x3[i] = even;
        }
    }
}

/** Words of `some` registers of counters c. */
INLINE void philox_words(const struct philox *p, const struct philox_row *row, int some,
                         const wide *c, wide *x0, wide *x1, wide *x2, wide *x3)
{
    UNROLL(4)
    for (int i = 0; i < some; i++) {
        wide first = wide_multiply(c[i] ^ row->x2, PHILOX_M4x32_1);
        wide second = wide_multiply((first >> 32) ^ row->x0, PHILOX_M4x32_0);
        x0[i] = first ^ row->y0;
        x1[i] = row->y1;
        x2[i] = (second >> 32) ^ row->y2;
        x3[i] = second;
    }
    philox_rounds(p, PHILOX_KNOWN, some, x0, x1, x2, x3);
}

#endif
