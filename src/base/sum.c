/**
 * sum: see base/sum.h.
 *
 * The tree is never built. A stack holds the sums of the complete subtrees so far, largest at the
 * bottom; leaf number k (from 1) completes as many subtrees as k has trailing zero bits:
 *
 *     leaf    stack after it
 *     0       0
 *     1       01
 *     2       01 2
 *     3       0123
 *     4       0123 4
 */
#include "base/sum.h"

#include <stdint.h>

struct stack {
    double sum[64]; /* one for each bit of the number of leaves */
    int depth;
    uint64_t leaves;
};

static void stack_push(struct stack *s, double leaf)
{
    s->leaves++;
    for (uint64_t k = s->leaves; k % 2 == 0; k /= 2) {
        s->depth--;
        leaf = s->sum[s->depth] + leaf;
    }
    s->sum[s->depth++] = leaf;
}

static double stack_fold(const struct stack *s)
{
    if (s->depth == 0) {
        return 0.0;
    }
    double sum = s->sum[s->depth - 1];
    for (int i = s->depth - 2; i >= 0; i--) {
        sum = s->sum[i] + sum;
    }
    return sum;
}

double sum_tree(const double *leaf, size_t n)
{
    struct stack s;
    s.depth = 0;
    s.leaves = 0;
    for (size_t i = 0; i < n; i++) {
        stack_push(&s, leaf[i]);
    }
    return stack_fold(&s);
}

double sum_values(const double *value, size_t n)
{
    struct stack s;
    s.depth = 0;
    s.leaves = 0;
    for (size_t i = 0; i < n; i += SUM_LEAF) {
        size_t end = n - i < SUM_LEAF ? n : i + SUM_LEAF;
        double chain = 0.0;
        for (size_t j = i; j < end; j++) {
            chain += value[j];
        }
        stack_push(&s, chain);
    }
    return stack_fold(&s);
}
