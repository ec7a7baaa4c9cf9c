/**
 * Metrics against scikit-learn 1.2.1: log_loss, roc_auc_score(multi_class="ovr"),
 * balanced_accuracy_score, top_k_accuracy_score, precision_score, recall_score, f1_score on the
 * arrays made below.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "support.h"
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
    double scratch[ROWS];
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
    double scratch[ROWS];
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

/* The area by its definition: over all pairs of a row of the class and one that is not. */
static double area_of_pairs(const double *s, const int32_t *two, int rows)
{
    double won = 0, pairs = 0;
    for (int a = 0; a < rows; a++) {
        for (int b = 0; b < rows; b++) {
            if (two[a] == 1 && two[b] != 1) {
                won += s[a] > s[b] ? 1 : s[a] == s[b] ? 0.5 : 0;
                pairs++;
            }
        }
    }
    return won / pairs;
}

Test(metrics, areas_count_every_pair_whichever_side_is_smaller)
{
    enum { MOST = 70 };
    double s[2 * MOST], scratch[MOST];
    int32_t two[MOST];
    uint64_t state = 3;
    for (int trial = 0; trial < 400; trial++) {
        int rows = 2 + (int)(test_random(&state) % (MOST - 1));
        uint64_t levels = 1 + test_random(&state) % 40, share = 1 + test_random(&state) % 9;
        for (int r = 0; r < rows; r++) {
            s[2 * r] = (double)(test_random(&state) % levels) / 8 - 1;
            two[r] = test_random(&state) % 10 < share;
        }
        two[0] = 1;
        two[1] = trial % 3;
        if (trial % 3 == 1) {
            two[rows - 1] = 0;
        }
        double plain[MOST];
        for (int r = 0; r < rows; r++) {
            plain[r] = s[2 * r];
        }
        double want = area_of_pairs(plain, two, rows);
        double got = metrics_auc(s, 2, two, 1, (size_t)rows, scratch);
        cr_assert(want == got || (isnan(want) && isnan(got)), "%d: %a, not %a", trial, got, want);
    }
    s[0] = NAN;
    cr_assert(isnan(metrics_auc(s, 2, two, 1, 2, scratch)));
}

Test(metrics, an_absent_class_has_no_area_and_does_not_count)
{
    double s[3] = {0.1, 0.5, 0.9};
    int32_t all[3] = {1, 1, 1};
    double scratch[3];
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
