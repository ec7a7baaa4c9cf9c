/** random: see base/random.h. The numbers here are part of every model: never change one. */
#include "base/random.h"

#include <Random123/philox.h>

void random_words(uint64_t seed, enum random_use use, uint64_t a, uint32_t b, uint32_t c,
                  uint32_t words[4])
{
    philox4x32_ctr_t counter = {{(uint32_t)a, (uint32_t)(a >> 32) ^ ((uint32_t)use << 24), b, c}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t out = philox4x32(counter, key);
    for (int i = 0; i < 4; i++) {
        words[i] = out.v[i];
    }
}

double random_uniform(uint64_t seed, enum random_use use, uint64_t a, uint32_t b, uint32_t c)
{
    uint32_t words[4];
    random_words(seed, use, a, b, c, words);
    uint64_t k = ((uint64_t)words[0] << 32 | words[1]) >> 12;
    /* k + 1/2 has 53 bits: exact, and so is the product with a power of two. */
    return ((double)k + 0.5) * 0x1p-52;
}

static void plain_stream(uint64_t seed, enum random_use use, uint64_t a, uint64_t first,
                         size_t counters, uint32_t *words)
{
    for (uint64_t i = first; i < first + counters; i++) {
        random_words(seed, use, a, (uint32_t)i, (uint32_t)(i >> 32), words);
        words += 4;
    }
}

/*
 * Each place from the last down to the second takes the value of one that is not above it. A place is
 * the high word of word × bound, refusing the few low words that would make some likelier. Source: D.
 * Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019), section 4.
 */
static void shuffle(random_stream *stream, uint64_t seed, enum random_use use, uint64_t a,
                    uint32_t *order, size_t n)
{
    enum { COUNTERS = 64 };
    _Alignas(64) uint32_t words[4 * COUNTERS];
    size_t have = 0, used = 0;
    uint64_t counter = 0;
    for (size_t bound = n; bound > 1;) {
        if (used == have) {
            size_t counters = (bound + 2) / 4; /* for bound - 1 places */
            counters = counters < COUNTERS ? counters : COUNTERS;
            stream(seed, use, a, counter, counters, words);
            counter += counters;
            have = 4 * counters;
            used = 0;
        }
        uint64_t product = (uint64_t)words[used++] * bound;
        if ((uint32_t)product < bound && (uint32_t)product < -(uint32_t)bound % (uint32_t)bound) {
            continue;
        }
        uint32_t *one = &order[--bound];
        uint32_t *other = &order[product >> 32];
        uint32_t swapped = *one;
        *one = *other;
        *other = swapped;
    }
}

void random_permutation_by(random_stream *stream, uint64_t seed, enum random_use use, uint64_t a,
                           uint32_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
    }
    shuffle(stream, seed, use, a, order, n);
}

void random_permutation(uint64_t seed, enum random_use use, uint64_t a, uint32_t *order, size_t n)
{
    random_permutation_by(plain_stream, seed, use, a, order, n);
}

void random_shuffle(uint64_t seed, enum random_use use, uint64_t a, uint32_t *order, size_t n)
{
    shuffle(plain_stream, seed, use, a, order, n);
}
