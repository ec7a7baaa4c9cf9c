/**
 * random: numbers that are a function of (seed, use, three counters) alone, so no state is shared
 * or ordered among threads.
 *
 * Philox4x32-10 from Random123. Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC11.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/** What a number is for. The values are part of the contract: add at the end, never renumber. */
enum random_use {
    RANDOM_INIT = 1,    /* initial weights: a = layer, b = unit, c = input */
    RANDOM_SHUFFLE = 2, /* order of the examples: a = epoch */
    RANDOM_SPLIT = 3,   /* rows held out: a = 0, folds 1 */
    RANDOM_DROPOUT = 4, /* a = step, b = example, c = unit */
    RANDOM_NOISE = 5,
    RANDOM_SYNTHETIC = 6, /* made-up data sets and benchmark rows */
    RANDOM_SEARCH = 7,    /* candidates drawn */
    RANDOM_BLOCKS = 8,    /* order of the blocks of examples: a = epoch */
    RANDOM_WINDOW = 9     /* order of the examples of a window: a = epoch × 2^32 + window */
};

/** Four independent words of 32 bits: counter (a low, a high ^ use << 24, b, c), key seed. */
void random_words(uint64_t seed, enum random_use use, uint64_t a, uint32_t b, uint32_t c,
                  uint32_t words[4]);

/** Uniform in (0, 1): (k + 1/2) / 2^52 for the upper 52 bits k of the first two words. */
double random_uniform(uint64_t seed, enum random_use use, uint64_t a, uint32_t b, uint32_t c);

/**
 * A permutation of order[0 … n), by Fisher-Yates from the end with counters b = 0, 1, … (b, c of
 * random_words hold the index's low and high word), each draw unbiased (rejection). `order` is
 * filled with 0 … n-1 first. n < 2^32.
 */
void random_permutation(uint64_t seed, enum random_use use, uint64_t a, uint32_t *order, size_t n);

/**
 * Who else can make the words of (seed, use, a) one after the other: four from each of so many
 * counters from `first` on, the low and high word of a counter being b and c. There is room for a
 * multiple of 8 counters, and `words` is aligned to 64.
 */
typedef void random_stream(uint64_t seed, enum random_use use, uint64_t a, uint64_t first,
                           size_t counters, uint32_t *words);

/** The same permutation of somebody else's words (kernel/dispatch.h has them faster). */
void random_permutation_by(random_stream *stream, uint64_t seed, enum random_use use, uint64_t a,
                           uint32_t *order, size_t n);

/** The same of what order[0 … n) holds already. */
void random_shuffle(uint64_t seed, enum random_use use, uint64_t a, uint32_t *order, size_t n);

#endif
