/**
 * sum: sums of doubles in an order that depends on their number alone, so that it does not matter
 * who adds them (src/README.md, "The invariance contract").
 */
#ifndef BASE_SUM_H
#define BASE_SUM_H

#include <stddef.h>
#include <stdint.h>

/**
 * The sum of leaf[0 … n) over a balanced binary tree. Equal neighbours are merged as a binary
 * counter carries: (0+1), (2+3), ((01)+(23)), …; what is left at the end is added from the short
 * end. For n = 7:
 *
 *     ((0+1) + (2+3)) + ((4+5) + 6)
 *
 * 0 for n = 0.
 */
double sum_tree(const double *leaf, size_t n);

/** Values in a leaf of sum_values(). Part of the contract: it never changes. */
enum { SUM_LEAF = 64 };

/**
 * The sum of value[0 … n): each 64 consecutive values (the last group may be shorter) are added
 * one after the other from 0.0, and these sums by sum_tree().
 */
double sum_values(const double *value, size_t n);

/** The same with leaves of `leaf` values. */
double sum_leaves(const double *value, size_t n, size_t leaf);

/** The sum of sum_values(), of values that come one after the other. Start it as {0}. */
struct sum {
    double sum[64]; /* of complete subtrees, largest first */
    int depth;
    uint64_t leaves;
    double chain; /* of the leaf at hand */
    int in_leaf;  /* values in it */
};
void sum_take(struct sum *s, double value);
double sum_of(const struct sum *s);

#endif
