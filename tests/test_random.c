/** Counter-based random numbers: base/random.h. */
#include <Random123/philox.h>
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "kernel/dispatch.h"

Test(random, philox_gives_its_known_answers)
{
    /* Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds. */
    static const struct {
        philox4x32_ctr_t counter;
        philox4x32_key_t key;
        uint32_t want[4];
    } row[] = {
        {{{0, 0, 0, 0}}, {{0, 0}}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
         {{0xffffffff, 0xffffffff}},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
         {{0xa4093822, 0x299f31d0}},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        philox4x32_ctr_t got = philox4x32(row[i].counter, row[i].key);
        cr_assert(memcmp(got.v, row[i].want, sizeof(got.v)) == 0, "row %zu", i);
    }
}

Test(random, words_are_philox_of_the_documented_counter)
{
    /* a's high word undoes use << 24, so all is 0 but c: the known answer again with b = c = 0. */
    uint32_t words[4];
    random_words(0, RANDOM_DROPOUT, (uint64_t)RANDOM_DROPOUT << 56, 0, 0, words);
    const uint32_t want[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    cr_assert(memcmp(words, want, sizeof(words)) == 0);

    random_words(UINT64_C(0x299f31d0a4093822), RANDOM_INIT,
                 UINT64_C(0x85a308d3243f6a88) ^ (uint64_t)RANDOM_INIT << 56, 0x13198a2e, 0x03707344,
                 words);
    const uint32_t pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    cr_assert(memcmp(words, pi, sizeof(words)) == 0);
}

Test(random, uniform_comes_from_the_upper_52_bits)
{
    double want = ((double)(UINT64_C(0x6627e8d5e169c58d) >> 12) + 0.5) / 0x1p52;
    cr_assert(random_uniform(0, RANDOM_INIT, (uint64_t)RANDOM_INIT << 56, 0, 0) == want);
}

Test(random, uniform_is_inside_and_even)
{
    enum { N = 200000, BINS = 100 };
    int bin[BINS] = {0};
    double sum = 0;
    for (uint32_t i = 0; i < N; i++) {
        double u = random_uniform(42, RANDOM_NOISE, 3, i, 7);
        cr_assert(u > 0 && u < 1);
        bin[(int)(u * BINS)]++;
        sum += u;
    }
    /* Standard deviations: 1/sqrt(12 N) of the mean, sqrt(N/BINS) of a bin; chi² has BINS - 1. */
    cr_assert(fabs(sum / N - 0.5) < 4 / sqrt(12.0 * N));
    double chi = 0;
    for (int i = 0; i < BINS; i++) {
        chi += pow(bin[i] - (double)N / BINS, 2) / ((double)N / BINS);
    }
    cr_assert(fabs(chi - (BINS - 1)) < 4 * sqrt(2.0 * (BINS - 1)), "chi² %g", chi);
}

Test(random, every_coordinate_matters)
{
    double base = random_uniform(1, RANDOM_INIT, 2, 3, 4);
    cr_assert(base == random_uniform(1, RANDOM_INIT, 2, 3, 4));
    cr_assert(base != random_uniform(2, RANDOM_INIT, 2, 3, 4));
    cr_assert(base != random_uniform(1 + (UINT64_C(1) << 32), RANDOM_INIT, 2, 3, 4));
    cr_assert(base != random_uniform(1, RANDOM_SHUFFLE, 2, 3, 4));
    cr_assert(base != random_uniform(1, RANDOM_INIT, 3, 3, 4));
    cr_assert(base != random_uniform(1, RANDOM_INIT, 2 + (UINT64_C(1) << 32), 3, 4));
    cr_assert(base != random_uniform(1, RANDOM_INIT, 2, 4, 4));
    cr_assert(base != random_uniform(1, RANDOM_INIT, 2, 3, 5));
}

Test(random, a_permutation_holds_everything_once)
{
    enum { MOST = 5000 };
    static uint32_t order[MOST + 1];
    const size_t sizes[] = {0, 1, 2, 3, 4, 100, 4096, MOST};
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        static unsigned char seen[MOST];
        memset(seen, 0, sizeof(seen));
        order[sizes[k]] = 77;
        random_permutation(9, RANDOM_SHUFFLE, k, order, sizes[k]);
        for (size_t i = 0; i < sizes[k]; i++) {
            cr_assert(order[i] < sizes[k] && !seen[order[i]]);
            seen[order[i]] = 1;
        }
        cr_assert(order[sizes[k]] == 77);
    }
}

Test(random, permutations_of_four_are_equally_likely)
{
    enum { N = 48000, KINDS = 24 };
    int count[256] = {0};
    for (uint64_t i = 0; i < N; i++) {
        uint32_t order[4];
        random_permutation(5, RANDOM_SHUFFLE, i, order, 4);
        count[order[0] | order[1] << 2 | order[2] << 4 | order[3] << 6]++;
    }
    double chi = 0;
    int kinds = 0;
    for (int i = 0; i < 256; i++) {
        kinds += count[i] > 0;
        chi += count[i] > 0 ? pow(count[i] - (double)N / KINDS, 2) / ((double)N / KINDS) : 0;
    }
    cr_assert(kinds == KINDS);
    cr_assert(fabs(chi - (KINDS - 1)) < 4 * sqrt(2.0 * (KINDS - 1)), "chi² %g", chi);
}

Test(random, the_order_of_ten_never_changes)
{
    /* From an independent Philox and Fisher-Yates in Python: whoever changes this order changes
     * every model. */
    uint32_t order[10];
    random_permutation(42, RANDOM_SHUFFLE, 1, order, 10);
    const uint32_t want[10] = {8, 6, 5, 9, 0, 7, 2, 4, 3, 1};
    for (int i = 0; i < 10; i++) {
        cr_assert(order[i] == want[i], "%d: %u", i, order[i]);
    }
}

/* Words of which many are refused: 0 is, unless the bound divides 2^32. */
static void few_words(uint64_t seed, enum random_use use, uint64_t a, uint64_t first,
                      size_t counters, uint32_t *words)
{
    (void)use;
    for (size_t i = 0; i < 4 * counters; i++) {
        uint64_t at = 4 * first + i;
        words[i] = at % 3 == seed % 3 ? 0 : (uint32_t)((at + a) * 2654435761u);
    }
}

Test(random, refused_words_are_drawn_again)
{
    enum { MOST = 700 };
    for (size_t n = 0; n < MOST; n += 1 + n / 7) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            uint32_t got[MOST], want[MOST];
            uint64_t next = 0;
            for (size_t i = 0; i < n; i++) {
                want[i] = (uint32_t)i;
            }
            for (size_t i = n; i > 1; i--) {
                uint64_t product;
                do { /* 2^32 is i times something, and so many words too many */
                    uint32_t words[4];
                    few_words(seed, 0, n, next / 4, 1, words);
                    product = (uint64_t)words[next++ % 4] * i;
                } while ((product & UINT32_MAX) < (UINT64_C(1) << 32) % i);
                uint32_t swapped = want[product >> 32];
                want[product >> 32] = want[i - 1];
                want[i - 1] = swapped;
            }
            random_permutation_by(few_words, seed, RANDOM_SHUFFLE, n, got, n);
            cr_assert(memcmp(got, want, n * sizeof *got) == 0, "%zu", n);
        }
    }
}

Test(random, permutations_are_the_same_on_every_level)
{
    enum { MOST = 5000 };
    static uint32_t got[MOST], want[MOST];
    for (size_t n = 0; n <= MOST; n = 2 * n + 1) {
        random_permutation(3, RANDOM_SHUFFLE, n, want, n);
        for (enum isa isa = 0; isa < ISA_COUNT; isa++) {
            if (isa_available(isa)) {
                random_permutation_by(kernels_stream(isa), 3, RANDOM_SHUFFLE, n, got, n);
                cr_assert(memcmp(got, want, n * sizeof *got) == 0, "%s, %zu", isa_name(isa), n);
            }
        }
    }
}
