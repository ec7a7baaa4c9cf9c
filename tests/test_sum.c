/** Sums in a fixed order: base/sum.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/sum.h"
#include "support.h"

enum { MOST = 1100 };

static double value[MOST * SUM_LEAF];

static void make_values(size_t n)
{
    uint64_t state = 1;
    for (size_t i = 0; i < n; i++) {
        /* Magnitudes from 2^-20 to 2^20, so that nearly every order has its own bits. */
        double mantissa = (double)(test_random(&state) >> 11) * 0x1p-53 - 0.5;
        value[i] = mantissa * (double)(1u << (test_random(&state) % 21)) /
                   (double)(1u << (test_random(&state) % 21));
    }
}

static bool same(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* The same tree by its other definition: the left part is the largest power of two leaves below
 * n, or half of n if n is one. */
static double naive(const double *leaf, size_t n)
{
    if (n == 1) {
        return leaf[0];
    }
    size_t left = 1;
    while (left * 2 < n) {
        left *= 2;
    }
    return naive(leaf, left) + naive(leaf + left, n - left);
}

Test(sum, nothing_is_zero)
{
    cr_assert(same(sum_tree(NULL, 0), 0.0));
    cr_assert(same(sum_values(NULL, 0), 0.0));
}

Test(sum, seven_leaves_by_hand)
{
    make_values(7);
    const double *v = value;
    double want = ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + v[6]);
    cr_assert(same(sum_tree(v, 7), want));
}

Test(sum, is_the_balanced_tree)
{
    make_values(MOST);
    for (size_t n = 1; n <= MOST; n++) {
        cr_assert(same(sum_tree(value, n), naive(value, n)), "%zu leaves", n);
    }
}

Test(sum, aligned_subtrees_can_be_summed_by_others)
{
    make_values(MOST);
    for (size_t piece = 2; piece <= 256; piece *= 2) {
        double sums[MOST];
        size_t pieces = 0;
        for (size_t i = 0; i < MOST; i += piece) {
            sums[pieces++] = sum_tree(value + i, MOST - i < piece ? MOST - i : piece);
        }
        cr_assert(same(sum_tree(sums, pieces), sum_tree(value, MOST)), "pieces of %zu", piece);
    }
}

/* Whose leaf the values are does not matter, only how many make one. */
Test(sum, leaves_of_any_length)
{
    make_values(MOST);
    for (size_t leaf = 1; leaf < 70; leaf += 3) {
        double sums[MOST];
        size_t leaves = 0;
        for (size_t i = 0; i < MOST; i += leaf) {
            double chain = 0;
            for (size_t j = i; j < i + leaf && j < MOST; j++) {
                chain += value[j];
            }
            sums[leaves++] = chain;
        }
        cr_assert(same(sum_leaves(value, MOST, leaf), sum_tree(sums, leaves)), "leaves of %zu",
                  leaf);
    }
    cr_assert(same(sum_leaves(value, MOST, SUM_LEAF), sum_values(value, MOST)));
}

Test(sum, values_are_chains_of_64_under_the_tree)
{
    make_values(MOST * SUM_LEAF);
    const size_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 129, 6400, MOST * SUM_LEAF};
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        static double leaf[MOST];
        size_t leaves = 0;
        for (size_t i = 0; i < sizes[k]; i++) {
            if (i % 64 == 0) {
                leaf[leaves++] = 0.0;
            }
            leaf[leaves - 1] += value[i];
        }
        cr_assert(same(sum_values(value, sizes[k]), naive(leaf, leaves)), "%zu values", sizes[k]);
    }
}
