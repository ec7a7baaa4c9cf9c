/**
 * Metrics against scikit-learn 1.2.1: log_loss, roc_auc_score(multi_class="ovr"),
 * balanced_accuracy_score, top_k_accuracy_score, precision_score, recall_score, f1_score on the
 * arrays made below.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "train/metrics.h"

enum { ROWS = 17, CLASSES = 4 };

static double p[ROWS * CLASSES];
static int32_t class_index[ROWS];
static size_t confusion[CLASSES * CLASSES];

static void make(void)
{
    memset(confusion, 0, sizeof confusion);
    for (int i = 0; i < ROWS; i++) {
        double sum = 0;
        int best = 0;
        for (int j = 0; j < CLASSES; j++) {
            sum += p[i * CLASSES + j] = ((i * 37 + j * 11 + i * i) % 19 + 1) / 8.0;
        }
        for (int j = 0; j < CLASSES; j++) {
            p[i * CLASSES + j] /= sum;
            best = p[i * CLASSES + j] > p[i * CLASSES + best] ? j : best;
        }
        class_index[i] = (i * 7 + i / 3) % 4;
        confusion[class_index[i] * CLASSES + best]++;
    }
}

static bool near(double got, double want)
{
    return fabs(got - want) < 1e-14;
}

Test(metrics, of_several_classes_are_those_of_scikit_learn)
{
    static const double wanted[3][CLASSES] = {
        {0.5, 0.0, 0.2857142857142857, 0.42857142857142855},
        {0.2, 0.0, 0.3333333333333333, 1.0},
        {0.28571428571428575, 0.0, 0.30769230769230765, 0.6},
    };
    double got[3][CLASSES], auc = 0;
    struct metrics_row scratch[ROWS];
    make();
    double balanced = metrics_classes(confusion, CLASSES, got[0], got[1], got[2]);
    cr_assert(near(balanced, 0.3833333333333333));
    for (int c = 0; c < CLASSES; c++) {
        for (int m = 0; m < 3; m++) {
            cr_assert(near(got[m][c], wanted[m][c]), "metric %d of class %d", m, c);
        }
        auc += metrics_auc(p + c, CLASSES, class_index, c, ROWS, scratch) / CLASSES;
    }
    cr_assert(near(auc, 0.4796266233766234), "%.17g", auc);
    cr_assert(near(metrics_log_loss(p, class_index, ROWS, CLASSES), 1.6688133717868354));
    double top[CLASSES];
    metrics_top(p, class_index, ROWS, CLASSES, top);
    cr_assert(near(top[0], 0.35294117647058826));
    cr_assert(near(top[2], 0.6470588235294118));
    cr_assert(top[CLASSES - 1] == 1);
}

Test(metrics, of_one_output_with_ties_are_those_of_scikit_learn)
{
    double s[ROWS];
    struct metrics_row scratch[ROWS];
    int32_t two[ROWS];
    make();
    for (int i = 0; i < ROWS; i++) {
        s[i] = (i * 7) % 5 / 8.0;
        two[i] = class_index[i] > 1;
    }
    cr_assert(near(metrics_auc(s, 1, two, 1, ROWS, scratch), 0.5972222222222222));
    for (int i = 0; i < ROWS; i++) {
        s[i] += 0.1;
    }
    cr_assert(near(metrics_log_loss(s, two, ROWS, 1), 0.7945283581628445));
}

Test(metrics, an_absent_class_has_no_area_and_does_not_count)
{
    double s[3] = {0.1, 0.5, 0.9};
    int32_t all[3] = {1, 1, 1};
    struct metrics_row scratch[3];
    cr_assert(isnan(metrics_auc(s, 1, all, 1, 3, scratch)));
    cr_assert(isnan(metrics_auc(s, 1, all, 0, 3, scratch)));
    const size_t matrix[9] = {2, 0, 0, 0, 0, 0, 1, 0, 1};
    double precision[3], recall[3], f1[3];
    cr_assert(metrics_classes(matrix, 3, precision, recall, f1) == 0.75);
    cr_assert(precision[1] == 0 && recall[1] == 0 && f1[1] == 0);
    double certain[2] = {0, 1};
    int32_t wrong[1] = {0};
    cr_assert(near(metrics_log_loss(certain, wrong, 1, 2), -log(1e-15)));
}
