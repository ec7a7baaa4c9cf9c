/**
 * metrics: what predictions are worth, from arrays of outputs and targets. All sums are in a fixed
 * order, and log is our own, so a metric is the same on every machine.
 */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include <stddef.h>
#include <stdint.h>

/**
 * From a confusion matrix (row: true class, column: predicted): of each class
 *
 *     precision = right / predicted as it      recall = right / truly it
 *     f1 = 2 right / (predicted as it + truly it)
 *
 * each 0 where it would be 0/0. Returns the balanced accuracy: the mean recall over classes that
 * have rows. Any of the arrays (classes) may be NULL.
 */
double metrics_classes(const size_t *confusion, size_t classes, double *precision, double *recall,
                       double *f1);

/**
 * Area under the ROC curve of scores score[r × stride] for class `positive` against all others: the
 * chance that a row of the class scores higher than one that is not, ties counting half. NaN if one
 * side is empty or a score is NaN. scratch (rows / 2) is overwritten.
 *
 * Source: J. Hanley, B. McNeil, Radiology 143 (1982): by ranks, as Mann and Whitney's U.
 */
double metrics_auc(const double *score, size_t stride, const int32_t *class_index, int32_t positive,
                   size_t rows, double *scratch);

/**
 * top[k - 1] = share of rows whose class is among the k largest of `classes` outputs (ties: lower
 * first), for every k = 1 … classes.
 */
void metrics_top(const double *outputs, const int32_t *class_index, size_t rows, size_t classes,
                 double *top);

/**
 * Mean of -ln p(class) over the rows; p is at least 1e-15. width 1: outputs are p(class 1).
 */
double metrics_log_loss(const double *outputs, const int32_t *class_index, size_t rows,
                        size_t width);

#endif
