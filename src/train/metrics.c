/** metrics: see metrics.h. */
#include "train/metrics.h"

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

static int compare_rows(const void *a, const void *b)
{
    const struct metrics_row *x = a;
    const struct metrics_row *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

double metrics_auc(const double *score, size_t stride, const int32_t *class_index, int32_t positive,
                   size_t rows, struct metrics_row *scratch)
{
    size_t wanted = 0;
    for (size_t r = 0; r < rows; r++) {
        scratch[r].score = score[r * stride];
        scratch[r].wanted = class_index[r] == positive;
        wanted += class_index[r] == positive;
    }
    if (wanted == 0 || wanted == rows) {
        return __builtin_nan("");
    }
    qsort(scratch, rows, sizeof *scratch, compare_rows);
    /* half pairs, so that all is whole numbers: exact to 2^53 of them */
    double won = 0;
    size_t below = 0;
    for (size_t r = 0; r < rows;) {
        size_t equal_wanted = 0, equal = 0;
        for (double s = scratch[r].score; r < rows && scratch[r].score == s; r++) {
            equal_wanted += (size_t)scratch[r].wanted;
            equal += !scratch[r].wanted;
        }
        won += (double)equal_wanted * (2 * (double)below + (double)equal);
        below += equal;
    }
    return won / (2 * (double)wanted * (double)(rows - wanted));
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
