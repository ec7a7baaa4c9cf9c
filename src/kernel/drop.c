/**
 * drop: which of a layer's outputs become 0, by the words of their counters, and both x and f'(z)
 * with them.
 */
#include "kernel/kernel_name.h"
#include "kernel/philox.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum { UNITS = PHILOX_WORDS }; /* of a register of counters */

#if defined(KERNEL_SCALAR)

INLINE vec unless_below(const uint32_t *words, uint32_t bound, vec x)
{
    return *words < bound ? 0 : x;
}

#else

/** x in the lanes whose words are not below the bound, else 0. */
INLINE vec unless_below(const uint32_t *words, uint32_t bound, vec x)
{
#if defined(KERNEL_AVX512) && defined(REAL_IS_DOUBLE)
    __m256i word = _mm256_load_si256((const __m256i *)(const void *)words);
    return _mm512_maskz_mov_pd(_mm256_cmpge_epu32_mask(word, _mm256_set1_epi32((int)bound)), x);
#elif defined(KERNEL_AVX512)
    __m512i word = _mm512_load_si512(words);
    return _mm512_maskz_mov_ps(_mm512_cmpge_epu32_mask(word, _mm512_set1_epi32((int)bound)), x);
#elif defined(REAL_IS_DOUBLE)
    typedef uint32_t half __attribute__((vector_size(KERNEL_BYTES / 2), may_alias));
    ivec word = __builtin_convertvector(*(const half *)(const void *)words, ivec);
    return vfrom_bits(vbits(x) & ~(ivec)(word < iset(bound)));
#else
    typedef uint32_t whole __attribute__((vector_size(KERNEL_BYTES), may_alias));
    uvec word = (uvec) * (const whole *)(const void *)words;
    return vfrom_bits(vbits(x) & ~(ivec)(word < (uvec)iset((int32_t)bound)));
#endif
}

#endif

/** `some` registers of counters (a constant) from c on, for the first n units that they are for. */
INLINE void drop_units(const struct philox *p, const struct philox_row *row,
                       const struct REAL(drop) * drop, int some, uint64_t c, size_t n, real *X,
                       real *S)
{
    _Alignas(64) uint32_t words[PHILOX_MOST * UNITS];
    wide at[PHILOX_MOST], x0[PHILOX_MOST], x1[PHILOX_MOST], x2[PHILOX_MOST], x3[PHILOX_MOST];
    UNROLL(4)
    for (int i = 0; i < some; i++) {
        at[i] = philox_counters(c + (uint64_t)(i * WIDE_LANES));
    }
    philox_words(p, row, some, at, x0, x1, x2, x3);
    UNROLL(4)
    for (int i = 0; i < some; i++) {
        philox_in_order(x0[i], x1[i], x2[i], x3[i], words + i * UNITS);
    }
    UNROLL(16)
    for (int i = 0; i < some * UNITS / LANES; i++) {
        size_t j = (size_t)(i * LANES);
        if (j < n) {
            vec factor = unless_below(words + j, drop->below, vset(drop->stays));
            vstore(X + j, vload(X + j) * factor);
            if (S) {
                vstore(S + j, vload(S + j) * factor);
            }
        }
    }
}

INLINE void drop_row(const struct philox *p, const struct REAL(drop) * drop, uint32_t b, uint64_t c,
                     size_t n, real *X, real *S)
{
    enum { SOME = 2, BLOCK = SOME * UNITS };
    struct philox_row row = philox_row(p, b);
    size_t i = 0;
    for (; n - i >= BLOCK; i += BLOCK, c += BLOCK / 4) {
        drop_units(p, &row, drop, SOME, c, BLOCK, X + i, S ? S + i : NULL);
    }
    for (; i < n; i += UNITS, c += UNITS / 4) {
        drop_units(p, &row, drop, 1, c, n - i, X + i, S ? S + i : NULL);
    }
}

void KERNEL(drop)(const struct REAL(drop) * drop, const uint32_t *index, size_t E, uint32_t unit,
                  size_t n, real *X, real *S, size_t ld)
{
    struct philox p = philox_of(drop->seed, RANDOM_DROPOUT, drop->step);
    n = registers_for(n) * (size_t)LANES;
    for (size_t e = 0; e < E; e++) {
        if (S) {
            drop_row(&p, drop, index[e], unit, n, X + e * ld, S + e * ld);
        } else {
            drop_row(&p, drop, index[e], unit, n, X + e * ld, NULL);
        }
    }
}
