/**
 * Training in double against independent programs, step by step: the tutorial's algorithm in numpy
 * and PyTorch. tests/data/golden.py made the numbers.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "training.h"

enum { ARRAYS = 400, ERRORS = 64, LAYERS = 8 };

/** One training of a golden file: what goes in, what must come out. */
struct golden {
    size_t width[LAYERS + 1];
    size_t layers, rows, weights;
    unsigned long batch, iterations;
    char optimizer[16];
    double rate;
    double inputs[ARRAYS], targets[ARRAYS], first[ARRAYS], last[ARRAYS];
    size_t input_count, target_count;
    unsigned long error_at[ERRORS];
    double error[ERRORS];
    size_t errors;
};

static double number(FILE *file)
{
    char word[64];
    cr_assert(fscanf(file, "%63s", word) == 1);
    return strtod(word, NULL);
}

static size_t numbers(FILE *file, double *array)
{
    size_t count = (size_t)number(file);
    cr_assert(count <= ARRAYS);
    for (size_t i = 0; i < count; i++) {
        array[i] = number(file);
    }
    return count;
}

static FILE *open_golden(const char *name)
{
    FILE *file = fopen(data_path(name), "r");
    cr_assert(file != NULL, "no '%s'", data_path(name));
    return file;
}

/** Read on until the weights of a training's end; false at the end of the file. */
static bool next_golden(FILE *file, struct golden *g)
{
    char name[128];
    g->errors = 0;
    while (fscanf(file, "%127s", name) == 1) {
        if (name[0] == '#') {
            cr_assert(fscanf(file, "%*[^\n]") == 0);
        } else if (strcmp(name, "shape") == 0) {
            char line[128], *rest = line;
            cr_assert(fgets(line, sizeof line, file) != NULL);
            for (size_t width; (width = strtoul(rest, &rest, 10)) > 0; g->layers++) {
                g->width[g->layers] = width;
            }
            g->layers--;
        } else if (strcmp(name, "batch") == 0) {
            g->batch = (unsigned long)number(file);
        } else if (strcmp(name, "iterations") == 0) {
            g->iterations = (unsigned long)number(file);
        } else if (strcmp(name, "rate") == 0) {
            g->rate = number(file);
        } else if (strcmp(name, "optimizer") == 0) {
            cr_assert(fscanf(file, "%15s", g->optimizer) == 1);
        } else if (strcmp(name, "error") == 0) {
            cr_assert(g->errors < ERRORS);
            g->error_at[g->errors] = (unsigned long)number(file);
            g->error[g->errors++] = number(file);
        } else if (strcmp(name, "inputs") == 0) {
            g->input_count = numbers(file, g->inputs);
        } else if (strcmp(name, "targets") == 0) {
            g->target_count = numbers(file, g->targets);
        } else if (strcmp(name, "first") == 0) {
            g->weights = numbers(file, g->first);
        } else {
            cr_assert(strcmp(name, "last") == 0 && numbers(file, g->last) == g->weights, "%s",
                      name);
            g->rows = g->input_count / g->width[0];
            return true;
        }
    }
    return false;
}

/** Largest relative difference so far; a number may differ by `bound`. */
struct difference {
    double bound, worst;
};

static void expect_near(struct difference *d, const char *what, size_t i, double got, double want)
{
    double off = fabs(got - want) / fabs(want);
    d->worst = fmax(d->worst, off);
    cr_assert(off <= d->bound, "%s %zu is %.17g, not %.17g: off by %.3g", what, i, got, want, off);
}

struct watch {
    const struct golden *g;
    struct difference *difference;
    size_t seen;
};

/** The report of a watched step (tutorial: iteration, else epoch) has the watched error. */
static int watch_report(void *user, const heddle_report *report)
{
    struct watch *watch = user;
    uint64_t at = report->tutorial ? report->step : report->epoch;
    for (size_t i = 0; i < watch->g->errors; i++) {
        if (watch->g->error_at[i] == at && (report->tutorial || !report->last)) {
            expect_near(watch->difference, "error at", (size_t)at, report->loss,
                        watch->g->error[i]);
            watch->seen++;
        }
    }
    return 0;
}

/** Train as the golden program did and compare every watched error and every weight. */
static void check(const struct golden *g, const char *options, struct difference *difference)
{
    heddle_table *table;
    heddle_error err;
    heddle_model *first = first_model(g->width, g->first), *model;
    heddle_recipe *recipe = recipe_of(options);
    char number_text[64];
    cr_assert(heddle_table_from_arrays(g->inputs, g->width[0], g->targets,
                                       g->target_count / g->rows, g->rows, &table,
                                       NULL) == HEDDLE_OK);
    snprintf(number_text, sizeof number_text, "rate=%.17g steps=%lu", g->rate, g->iterations);
    recipe_add(recipe, number_text);
    struct watch watch = {.g = g, .difference = difference};
    heddle_callbacks callbacks = {.user = &watch, .report = watch_report};
    cr_assert(heddle_train(recipe, table, NULL, NULL, first, &callbacks, &model, NULL, &err) ==
                  HEDDLE_OK,
              "%s", err.text);
    cr_assert(watch.seen == g->errors, "%zu of %zu errors were reported", watch.seen, g->errors);
    for (size_t l = 1, at = 0; l <= g->layers; l++) {
        double weight[ARRAYS], bias[ARRAYS];
        heddle_model_weights(model, l, weight, bias);
        size_t size = g->width[l] * g->width[l - 1];
        for (size_t i = 0; i < size + g->width[l]; i++, at++) {
            expect_near(difference, "weight", at, i < size ? weight[i] : bias[i - size],
                        g->last[at]);
        }
    }
    heddle_recipe_free(recipe);
    heddle_model_free(first);
    heddle_model_free(model);
    heddle_table_free(table);
}

static void check_file(const char *name, const char *options, double bound)
{
    static const int threads[] = {1, 2, 3};
    struct difference difference = {.bound = bound};
    for (size_t t = 0; t < 3; t++) {
        struct golden g = {.batch = 0};
        FILE *file = open_golden(name);
        size_t trainings = 0;
        for (; next_golden(file, &g); trainings++) {
            char all[256];
            snprintf(all, sizeof all, "%s threads=%d", options, threads[t]);
            if (g.batch) {
                snprintf(all + strlen(all), sizeof all - strlen(all), " batch=%lu optimizer=%s",
                         g.batch, g.optimizer);
            }
            check(&g, all, &difference);
        }
        cr_assert(trainings > 0);
        fclose(file);
    }
    cr_log_info("%s: worst relative difference %.3g", name, difference.worst);
}

Test(golden, xor_follows_the_tutorial)
{
    check_file("golden_xor.txt", "recipe=tutorial report-every=1", 1e-12);
}

Test(golden, three_layers_on_real_rows_follow_the_tutorial)
{
    check_file("golden_layers.txt", "recipe=tutorial report-every=1 task=regress shard=16", 1e-12);
    check_file("golden_layers.txt", "recipe=tutorial report-every=1 task=regress shard=3", 1e-12);
}

Test(golden, optimizers_follow_pytorch)
{
    check_file("golden_torch.txt",
               "precision=double task=classify scale=none shuffle=no validation=0 activation=tanh "
               "report-every=1 epochs=100",
               1e-9);
}
