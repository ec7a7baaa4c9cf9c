/** metrics: see metrics.h. */
#include "train/metrics.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/sum.h"
#include "kernel/dispatch.h"

double metrics_classes(const size_t *confusion, size_t classes, double *precision, double *recall,
                       double *f1)
{
    double total = 0;
    size_t seen = 0;
    for (size_t c = 0; c < classes; c++) {
        size_t truly = 0, said = 0;
        size_t right = confusion[c * classes + c];
        for (size_t other = 0; other < classes; other++) {
            truly += confusion[c * classes + other];
            said += confusion[other * classes + c];
        }
        double hit = truly ? (double)right / (double)truly : 0;
        total += hit;
        seen += truly > 0;
        if (precision) {
            precision[c] = said ? (double)right / (double)said : 0;
        }
        if (recall) {
            recall[c] = hit;
        }
        if (f1) {
            f1[c] = said + truly ? 2 * (double)right / (double)(said + truly) : 0;
        }
    }
    return seen ? total / (double)seen : 0;
}

static int compare_scores(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/** How many of n > 0 sorted scores are below s, or, if `equal_too`, not above it. */
static size_t count_below(const double *sorted, size_t n, double s, bool equal_too)
{
    const double *at = sorted;
    while (n > 1) { /* no branches: which half it is cannot be foreseen */
        size_t half = n / 2;
        at += (equal_too ? at[half - 1] <= s : at[half - 1] < s) ? half : 0;
        n -= half;
    }
    return (size_t)(at - sorted) + (equal_too ? *at <= s : *at < s);
}

double metrics_auc(const double *score, size_t stride, const int32_t *class_index, int32_t positive,
                   size_t rows, double *scratch)
{
    size_t wanted = 0;
    for (size_t r = 0; r < rows; r++) {
        wanted += class_index[r] == positive;
    }
    if (wanted == 0 || wanted == rows) {
        return __builtin_nan("");
    }
    /* the smaller side is sorted, and each row of the other is looked up in it */
    const bool few_wanted = wanted <= rows - wanted;
    const size_t few = few_wanted ? wanted : rows - wanted;
    size_t n = 0;
    for (size_t r = 0; r < rows; r++) {
        if (score[r * stride] != score[r * stride]) {
            return __builtin_nan("");
        }
        if ((class_index[r] == positive) == few_wanted) {
            scratch[n++] = score[r * stride];
        }
    }
    qsort(scratch, few, sizeof *scratch, compare_scores);
    uint64_t won = 0; /* half pairs, so that all is whole numbers */
    for (size_t r = 0; r < rows; r++) {
        if ((class_index[r] == positive) != few_wanted) {
            double s = score[r * stride];
            size_t below = count_below(scratch, few, s, false);
            bool tie = below < few && scratch[below] == s;
            size_t upto = tie ? count_below(scratch, few, s, true) : below;
            won += few_wanted ? (few - below) + (few - upto) : below + upto;
        }
    }
    return (double)won / (2 * (double)wanted * (double)(rows - wanted));
}

void metrics_top(const double *outputs, const int32_t *class_index, size_t rows, size_t classes,
                 double *top)
{
    for (size_t k = 0; k < classes; k++) {
        top[k] = 0;
    }
    for (size_t r = 0; r < rows; r++) {
        const double *y = outputs + r * classes;
        size_t own = (size_t)class_index[r];
        size_t before = 0;
        for (size_t c = 0; c < classes; c++) {
            before += y[c] > y[own] || (y[c] == y[own] && c < own);
        }
        top[before]++;
    }
    double right = 0;
    for (size_t k = 0; k < classes; k++) {
        right += top[k];
        top[k] = right / (double)rows;
    }
}

double metrics_log_loss(const double *outputs, const int32_t *class_index, size_t rows,
                        size_t width)
{
    double total = 0;
    double leaf = 0;
    /* in leaves, so that many rows lose no digits */
    for (size_t r = 0; r < rows; r++) {
        size_t own = (size_t)class_index[r];
        double p = width > 1 ? outputs[r * width + own] : own ? outputs[r] : 1 - outputs[r];
        leaf -= elementary_log(p > 1e-15 ? p : 1e-15);
        if ((r + 1) % SUM_LEAF == 0 || r + 1 == rows) {
            total += leaf;
            leaf = 0;
        }
    }
    return total / (double)rows;
}
