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

/* The words of one (seed, use, a) one after the other, four from each counter. */
struct stream {
    uint64_t seed, a;
    enum random_use use;
    uint64_t index;
    uint32_t words[4];
};

static uint32_t stream_next(struct stream *s)
{
    unsigned lane = (unsigned)(s->index % 4);
    if (lane == 0) {
        uint64_t block = s->index / 4;
        random_words(s->seed, s->use, s->a, (uint32_t)block, (uint32_t)(block >> 32), s->words);
    }
    s->index++;
    return s->words[lane];
}

/* Uniform in 0 … bound-1: the high word of word × bound, refusing the few low words that would
 * make some results likelier. Source: D. Lemire, "Fast random integer generation in an interval",
 * ACM TOMACS 29 (2019), section 4. */
static uint32_t stream_below(struct stream *s, uint32_t bound)
{
    uint64_t product = (uint64_t)stream_next(s) * bound;
    if ((uint32_t)product < bound) {
        uint32_t threshold = -bound % bound;
        while ((uint32_t)product < threshold) {
            product = (uint64_t)stream_next(s) * bound;
        }
    }
    return (uint32_t)(product >> 32);
}

void random_permutation(uint64_t seed, enum random_use use, uint64_t a, uint32_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
    }
    random_shuffle(seed, use, a, order, n);
}

void random_shuffle(uint64_t seed, enum random_use use, uint64_t a, uint32_t *order, size_t n)
{
    struct stream s = {.seed = seed, .use = use, .a = a};
    for (size_t i = n; i > 1; i--) {
        uint32_t j = stream_below(&s, (uint32_t)i);
        uint32_t swapped = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swapped;
    }
}
