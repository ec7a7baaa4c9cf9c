/** score_text: see score_text.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "score_text.h"
#include "output.h"

enum {
    MATRIX_CLASSES = 12, /* a wider matrix does not fit a terminal */
    MISTAKES = 10        /* … and these are shown instead */
};

void score_print(const char *label, const heddle_score *score)
{
    print_cell(stdout, label, 12);
    if (score->classify) {
        printf("accuracy %.6g, ", score->accuracy);
    } else {
        printf("rmse %.6g, R² %.6g, ", score->rmse, score->r2);
    }
    printf(score->loss == score->loss ? "loss %.6g" : "loss -", score->loss);
    printf(" (%zu rows)\n", score->rows);
}

/** "0.9667", or "-" for a number that there is none of. */
static const char *share_text(double value, char text[24])
{
    snprintf(text, 24, value == value ? "%.4f" : "-", value);
    return text;
}

static void print_targets(const heddle_score *score, const heddle_model *model)
{
    for (size_t i = 0; score->targets > 1 && i < score->targets; i++) {
        print_cell(stdout, heddle_model_target_name(model, i), 12);
        printf("rmse %.6g, R² %.6g, mean absolute error %.6g\n", score->target_rmse[i],
               score->target_r2[i], score->target_mae[i]);
    }
}

double score_top(const heddle_score *score, size_t k)
{
    return score->top == NULL ? NAN : k < score->classes ? score->top[k - 1] : 1;
}

void score_print_details(const heddle_score *score, const heddle_model *model, size_t k)
{
    char balanced[24], top[24], log_loss[24], auc[24];
    if (!score->classify) {
        print_cell(stdout, "", 12);
        printf("mean absolute error %.6g\n", score->mae);
        print_targets(score, model);
        return;
    }
    print_cell(stdout, "", 12);
    printf("balanced accuracy %s, ", share_text(score->balanced_accuracy, balanced));
    if (k < score->classes) { /* every class is among as many */
        printf("among the %zu likeliest %s, ", k, share_text(score_top(score, k), top));
    }
    printf("log loss %s, AUC %s\n", share_text(score->log_loss, log_loss),
           share_text(score->auc, auc));
    size_t first = sizeof "class" - 1;
    for (size_t i = 0; i < score->classes; i++) {
        size_t width = text_width(heddle_model_class_name(model, i));
        first = width > first ? width : first;
    }
    print_cell(stdout, "class", first);
    puts("  precision  recall      F1");
    for (size_t i = 0; score->precision != NULL && i < score->classes; i++) {
        print_cell(stdout, heddle_model_class_name(model, i), first);
        printf("  %9.4f  %6.4f  %6.4f\n", score->precision[i], score->recall[i], score->f1[i]);
    }
}

static void print_matrix(const heddle_score *score, const heddle_model *model)
{
    size_t n = score->classes;
    size_t first = sizeof "true \\ predicted" - 1;
    for (size_t i = 0; i < n; i++) {
        size_t width = text_width(heddle_model_class_name(model, i));
        first = width > first ? width : first;
    }
    print_cell(stdout, "true \\ predicted", first);
    for (size_t j = 0; j < n; j++) {
        size_t width = text_width(heddle_model_class_name(model, j));
        printf("%*s", width < 6 ? (int)(8 - width) : 2, "");
        print_cell(stdout, heddle_model_class_name(model, j), 0);
    }
    putchar('\n');
    for (size_t i = 0; i < n; i++) {
        print_cell(stdout, heddle_model_class_name(model, i), first);
        for (size_t j = 0; j < n; j++) {
            size_t width = text_width(heddle_model_class_name(model, j));
            printf("%*zu", width < 6 ? 8 : (int)width + 2, score->confusion[i * n + j]);
        }
        putchar('\n');
    }
}

struct mistake {
    size_t count, actual, predicted;
};

/** Most frequent first, then in the order of the classes. */
static int compare_mistakes(const void *a, const void *b)
{
    const struct mistake *x = a;
    const struct mistake *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    if (x->actual != y->actual) {
        return x->actual < y->actual ? -1 : 1;
    }
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

static void print_mistakes(const heddle_score *score, const heddle_model *model)
{
    size_t n = score->classes;
    size_t found = 0;
    struct mistake *mistakes = need(n * n, sizeof *mistakes);
    for (size_t i = 0; i < n * n; i++) {
        if (i / n != i % n && score->confusion[i] > 0) {
            mistakes[found++] = (struct mistake){score->confusion[i], i / n, i % n};
        }
    }
    qsort(mistakes, found, sizeof *mistakes, compare_mistakes);
    if (found > 0) {
        puts("commonest mistakes");
    }
    for (size_t i = 0; i < found && i < MISTAKES; i++) {
        printf("  %6zu × ", mistakes[i].count);
        print_cell(stdout, heddle_model_class_name(model, mistakes[i].actual), 0);
        fputs(" taken for ", stdout);
        print_cell(stdout, heddle_model_class_name(model, mistakes[i].predicted), 0);
        putchar('\n');
    }
    free(mistakes);
}

void score_print_confusion(const heddle_score *score, const heddle_model *model)
{
    if (!score->classify || score->confusion == NULL) {
        return;
    }
    if (score->classes <= MATRIX_CLASSES) {
        print_matrix(score, model);
    } else {
        print_mistakes(score, model);
    }
}
