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

static void push(struct sum *s, double leaf)
{
    s->leaves++;
    for (uint64_t k = s->leaves; k % 2 == 0; k /= 2) {
        s->depth--;
        leaf = s->sum[s->depth] + leaf;
    }
    s->sum[s->depth++] = leaf;
}

/** The subtrees of the stack in one, from the smallest. */
static double join(const struct sum *s)
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

double sum_of(const struct sum *s)
{
    if (s->in_leaf == 0) {
        return join(s);
    }
    struct sum all = *s;
    push(&all, s->chain);
    return join(&all);
}

void sum_take(struct sum *s, double value)
{
    s->chain += value;
    if (++s->in_leaf == SUM_LEAF) {
        push(s, s->chain);
        s->chain = 0.0;
        s->in_leaf = 0;
    }
}

double sum_tree(const double *leaf, size_t n)
{
    if (n == 1) { /* of a small network: it notices the rest */
        return leaf[0];
    }
    struct sum s;
    s.depth = s.in_leaf = 0;
    s.leaves = 0;
    for (size_t i = 0; i < n; i++) {
        push(&s, leaf[i]);
    }
    return join(&s);
}

double sum_leaves(const double *value, size_t n, size_t leaf)
{
    struct sum s;
    s.depth = s.in_leaf = 0;
    s.leaves = 0;
    for (size_t i = 0; i < n; i += leaf) {
        size_t end = n - i < leaf ? n : i + leaf;
        double chain = 0.0;
        for (size_t j = i; j < end; j++) {
            chain += value[j];
        }
        push(&s, chain);
    }
    return join(&s);
}

double sum_values(const double *value, size_t n)
{
    return sum_leaves(value, n, SUM_LEAF);
}
