/**
 * Tests of src/train/trainer.c and fit.c, through heddle_train(): a step by hand, the same bits for
 * any number of workers and any level, how a run ends, and what happens when memory or numbers run
 * out.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "kernel/dispatch.h"
#include "support.h"
#include "training.h"

static const int threads_of[] = {1, 2, 3, 4, 5, 7, 8, 16, 64};
enum { THREADS = sizeof threads_of / sizeof *threads_of };

/** Train; the model (NULL on failure) is the caller's. */
static heddle_status train(const char *options, const heddle_table *table,
                           const heddle_model *initial, const heddle_callbacks *callbacks,
                           heddle_model **model, heddle_result *result, heddle_error *err)
{
    heddle_recipe *recipe = recipe_of(options);
    *model = NULL;
    heddle_status status =
        heddle_train(recipe, table, NULL, NULL, initial, callbacks, model, result, err);
    cr_assert(status == HEDDLE_E_DIVERGED || (status == HEDDLE_OK) == (*model != NULL));
    heddle_recipe_free(recipe);
    return status;
}

static heddle_table *table_from(const double *inputs, size_t inputs_width, const double *targets,
                                size_t targets_width, size_t rows)
{
    heddle_table *table;
    cr_assert(heddle_table_from_arrays(inputs, inputs_width, targets, targets_width, rows, &table,
                                       NULL) == HEDDLE_OK);
    return table;
}

/* ---------------------------------------------------------------- by hand -------------------- */

/*
 * A network of 2-2-1 sigmoids whose sums are all 0 for two examples, so that every output is 1/2 and
 * every slope 1/4, and a step of rate 1/2. All numbers are exact in float and in double.
 *
 *     x = (1, 2), t = 1; x = (2, 4), t = 3/4
 *     W[1] = (2 -1; -2 1), b[1] = (0, 0)          Z[1] = (0, 0), X[1] = (1/2, 1/2)
 *     W[2] = (1 -3), b[2] = 1                     Z[2] = 1/2 - 3/2 + 1 = 0, X[2] = 1/2
 *     error = (1/2 - 1)² + (1/2 - 3/4)² = 1/4 + 1/16 = 5/16
 *     D[2] = -1/2 · 1/4 = -1/8; -1/4 · 1/4 = -1/16
 *     G[2] = -1/8 (1/2, 1/2) - 1/16 (1/2, 1/2) = (-3/32, -3/32), g[2] = -3/16
 *     D[1] = -1/8 (1, -3) · 1/4 = (-1/32, 3/32); -1/16 (1, -3) · 1/4 = (-1/64, 3/64)
 *     G[1] = (-1/32 - 2/64, -2/32 - 4/64; 3/32 + 6/64, 6/32 + 12/64)
 *          = (-1/16, -1/8; 3/16, 3/8), g[1] = (-3/64, 9/64)
 *     W[1] - G[1]/2 = (2 + 1/32, -1 + 1/16; -2 - 3/32, 1 - 3/16), b[1] = (3/128, -9/128)
 *     W[2] - G[2]/2 = (1 + 3/64, -3 + 3/64), b[2] = 1 + 3/32
 */
Test(trainer, one_step_by_hand)
{
    static const double inputs[] = {1, 2, 2, 4}, targets[] = {1, 0.75};
    static const double first[] = {2, -1, -2, 1, 0, 0, 1, -3, 1};
    static const double last[] = {2 + 1.0 / 32, -1 + 1.0 / 16, -2 - 3.0 / 32,
                                  1 - 3.0 / 16, 3.0 / 128,     -9.0 / 128,
                                  1 + 3.0 / 64, -3 + 3.0 / 64, 1 + 3.0 / 32};
    static const size_t widths[] = {2, 2, 1, 0};
    static const char *const kinds[] = {"precision=double", "precision=float"};
    heddle_table *table = table_from(inputs, 2, targets, 1, 2);
    heddle_model *begin = first_model(widths, first);
    for (int threads = 1; threads <= 3; threads++) {
        for (int kind = 0; kind < 2; kind++) {
            char options[128];
            heddle_model *model;
            heddle_result result;
            heddle_error err;
            snprintf(options, sizeof options,
                     "recipe=tutorial task=regress rate=0.5 steps=1 threads=%d %s", threads,
                     kinds[kind]);
            cr_assert(train(options, table, begin, NULL, &model, &result, &err) == HEDDLE_OK, "%s",
                      err.text);
            double got[9];
            heddle_model_weights(model, 1, got, got + 4);
            heddle_model_weights(model, 2, got + 6, got + 8);
            for (size_t i = 0; i < 9; i++) {
                cr_assert(got[i] == last[i], "%s: weight %zu is %.17g, not %.17g", options, i,
                          got[i], last[i]);
            }
            cr_assert(result.loss == 5.0 / 16 && result.steps == 1 && result.epochs == 1);
            cr_assert(result.threads == threads && result.rows == 2 && result.batch == 2);
            heddle_result_done(&result);
            heddle_model_free(model);
        }
    }
    heddle_model_free(begin);
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- same bits ------------------ */

/* Rows of the data: 194 spirals, 175 of them to train on, so 30 leaves a batch of 25 at the end. */
static const char *const optimizers[] = {"sgd", "momentum", "nesterov", "adam"};
static const char *const batches[] = {"batch=30 shard=4 shuffle=yes epochs=2",
                                      "batch=64 shuffle=yes epochs=2", "batch=full shard=3 steps=3",
                                      "batch=100 shard=1 shuffle=yes steps=3",
                                      "batch=full shard=64 shuffle=yes steps=3"};
enum { OPTIMIZERS = 4, BATCHES = 5 };

static void expect_one_hash(const heddle_table *table, const char *options)
{
    char want[65], got[65], all[256];
    for (size_t t = 0; t < THREADS; t++) {
        snprintf(all, sizeof all, "%s threads=%d", options, threads_of[t]);
        model_hash(table, all, t ? got : want);
        cr_assert(t == 0 || strcmp(got, want) == 0, "%s: %s, not %s", all, got, want);
    }
    for (enum isa isa = 0; isa < ISA_COUNT; isa++) {
        if (isa_available(isa)) {
            snprintf(all, sizeof all, "%s threads=%d isa=%s", options, 1 + (int)isa, isa_name(isa));
            model_hash(table, all, got);
            cr_assert_str_eq(got, want, "%s: %s, not %s", all, got, want);
        }
    }
}

/* A row is optimizer x precision: rows may not hold pointers. */
ParameterizedTestParameters(trainer, same_bits_for_any_workers_and_level)
{
    static int rows[] = {0, 1, 2, 3, 4, 5, 6, 7};
    return cr_make_param_array(int, rows, 8);
}

ParameterizedTest(int *row, trainer, same_bits_for_any_workers_and_level)
{
    heddle_table *table = table_of("builtin:spirals");
    for (size_t b = 0; b < BATCHES; b++) {
        char options[256];
        snprintf(options, sizeof options,
                 "hidden=13,7 activation=tanh,relu optimizer=%s precision=%s %s",
                 optimizers[*row % OPTIMIZERS], *row < OPTIMIZERS ? "float" : "double", batches[b]);
        expect_one_hash(table, options);
    }
    heddle_table_free(table);
}

Test(trainer, same_bits_for_images_and_wide_layers)
{
    heddle_table *table = table_of("builtin:digits");
    expect_one_hash(table, "hidden=50 steps=4 batch=200");
    expect_one_hash(table, "hidden=5 steps=3 batch=full"); /* more than a workspace holds */
    heddle_table_free(table);
}

Test(trainer, same_bits_for_numbers_and_one_output)
{
    heddle_table *table = table_of("builtin:spirals");
    expect_one_hash(table, "task=regress hidden=5 steps=4 batch=50");
    expect_one_hash(table, "output-activation=sigmoid hidden=5 steps=4 batch=50");
    expect_one_hash(table, "hidden=none steps=4 batch=50");
    heddle_table_free(table);
}

/* A shard is never cut, so it may be more than a workspace usually holds. */
Test(trainer, same_bits_for_huge_shards)
{
    heddle_table *table = table_of("builtin:digits");
    expect_one_hash(table, "hidden=3 steps=2 batch=1500 shard=700");
    heddle_table_free(table);
}

Test(trainer, what_decides_bits_does_so)
{
    static const char *const changes[] = {"seed=1",   "shard=5",  "batch=31",  "rate=0.002",
                                          "epochs=3", "hidden=8", "beta1=0.8", "shuffle=no"};
    heddle_table *table = table_of("builtin:spirals");
    char want[65], got[65], options[128];
    model_hash(table, "hidden=7 batch=30 epochs=2", want);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        snprintf(options, sizeof options, "hidden=7 batch=30 epochs=2 %s", changes[i]);
        model_hash(table, options, got);
        cr_assert(strcmp(got, want) != 0, "%s changes nothing", changes[i]);
    }
    heddle_table_free(table);
}

Test(trainer, the_result_tells_the_hash_of_the_file)
{
    heddle_table *table = table_of("builtin:xor");
    heddle_model *model;
    heddle_result result;
    char hex[65];
    cr_assert(train("recipe=tutorial steps=5", table, NULL, NULL, &model, &result, NULL) == 0);
    cr_assert(heddle_model_sha256(model, hex, NULL) == HEDDLE_OK);
    cr_assert_str_eq(result.sha256, hex);
    cr_assert(strlen(hex) == 64 && result.seconds >= 0 && result.seed == 0);
    heddle_result_done(&result);
    heddle_model_free(model);
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- how a run ends ------------- */

struct observer {
    int stop_at, report_stop_at; /* calls after which to stop; 0: never */
    int stops, reports, lasts;
    uint64_t step[64], epoch[64];
    double loss[64];
};

static int observe_stop(void *user)
{
    struct observer *o = user;
    return ++o->stops == o->stop_at;
}

static int observe_report(void *user, const heddle_report *report)
{
    struct observer *o = user;
    cr_assert(o->reports < 64 && isfinite(report->loss));
    o->step[o->reports] = report->step;
    o->epoch[o->reports] = report->epoch;
    o->loss[o->reports] = report->loss;
    o->lasts += report->last;
    return ++o->reports == o->report_stop_at;
}

/** Train on a builtin, watched. */
static void observe(const char *data, const char *options, struct observer *o,
                    heddle_result *result)
{
    heddle_table *table = table_of(data);
    heddle_callbacks callbacks = {.user = o, .report = observe_report, .stop = observe_stop};
    heddle_model *model;
    heddle_error err;
    cr_assert(train(options, table, NULL, &callbacks, &model, result, &err) == HEDDLE_OK, "%s",
              err.text);
    heddle_model_free(model);
    heddle_table_free(table);
    heddle_result_done(&(heddle_result){0}); /* of nothing: allowed */
}

Test(trainer, stops_when_asked_between_steps)
{
    for (int threads = 1; threads <= 3; threads++) {
        char options[64];
        snprintf(options, sizeof options, "batch=30 hidden=3 epochs=9 threads=%d", threads);
        struct observer o = {.stop_at = 8};
        heddle_result result;
        observe("builtin:spirals", options, &o, &result);
        cr_assert(result.stopped && result.steps == 8 && o.stops == 8);
        cr_assert(result.epochs == 1 && o.lasts == 1);
        heddle_result_done(&result);
    }
}

Test(trainer, stops_when_a_report_says_so)
{
    for (int threads = 1; threads <= 3; threads++) {
        char options[80];
        snprintf(options, sizeof options, "batch=30 hidden=3 epochs=9 report-every=2 threads=%d",
                 threads);
        struct observer o = {.report_stop_at = 2};
        heddle_result result;
        observe("builtin:spirals", options, &o, &result);
        cr_assert(result.stopped && result.epochs == 4 && result.steps == 24 && o.reports == 2);
        heddle_result_done(&result);
    }
}

/* A run that is stopped is the run of as many steps, if the rate does not go by their number. */
Test(trainer, a_stopped_run_is_a_shorter_run)
{
    heddle_table *table = table_of("builtin:spirals");
    struct observer o = {.stop_at = 8};
    heddle_callbacks callbacks = {.user = &o, .stop = observe_stop};
    heddle_model *stopped, *shorter;
    double a[80], b[80];
    cr_assert(train("hidden=3 batch=30 steps=20 schedule=constant threads=2", table, NULL,
                    &callbacks, &stopped, NULL, NULL) == HEDDLE_OK);
    cr_assert(train("hidden=3 batch=30 steps=8 schedule=constant", table, NULL, NULL, &shorter,
                    NULL, NULL) == 0);
    for (size_t l = 1; l <= 2; l++) {
        size_t size = heddle_model_width(stopped, l) * heddle_model_width(stopped, l - 1);
        heddle_model_weights(stopped, l, a, a + size);
        heddle_model_weights(shorter, l, b, b + size);
        cr_assert(memcmp(a, b, (size + heddle_model_width(stopped, l)) * sizeof *a) == 0);
    }
    heddle_model_free(stopped);
    heddle_model_free(shorter);
    heddle_table_free(table);
}

Test(trainer, the_tutorial_reports_iterations_from_zero)
{
    struct observer o = {.stop_at = 0};
    heddle_result result;
    observe("builtin:xor", "recipe=tutorial steps=25 report-every=10", &o, &result);
    cr_assert(o.reports == 3 && o.step[0] == 0 && o.step[1] == 10 && o.step[2] == 20);
    cr_assert(result.steps == 25 && !result.stopped && !result.min_error);
    heddle_result_done(&result);
}

Test(trainer, ends_at_the_least_error)
{
    /* first weights of N(0, 2²) learn quickly */
    struct observer o = {.stop_at = 0};
    heddle_result result;
    const char *options = "recipe=tutorial init=normal:2 rate=2 seed=0 min-error=0.05 steps=5000 "
                          "report-every=1000 threads=2";
    observe("builtin:xor", options, &o, &result);
    cr_assert(result.min_error && result.loss <= 0.05 && result.steps < 5000, "%g after %llu",
              result.loss, (unsigned long long)result.steps);
    /* the step before was above */
    char before[256];
    heddle_result shorter;
    snprintf(before, sizeof before, "%s steps=%llu", options, (unsigned long long)result.steps - 1);
    observe("builtin:xor", before, &o, &shorter);
    cr_assert(!shorter.min_error && shorter.loss > 0.05);
    heddle_result_done(&result);
    heddle_result_done(&shorter);
}

Test(trainer, counts_epochs_and_steps)
{
    static const struct {
        const char *options;
        uint64_t steps, epochs;
    } rows[] = {
        {"batch=30 epochs=3", 18, 3},
        {"batch=30 steps=7", 7, 1},
        {"batch=30 epochs=3 steps=7", 7, 1},
        {"batch=30 epochs=1 steps=70", 6, 1},
        {"batch=full epochs=4", 4, 4},
        {"batch=1000 epochs=2", 2, 2},
        {"batch=1 epochs=1", 175, 1},
        {"batch=30 epochs=0", 0, 0},
        {"batch=174 epochs=2 shuffle=yes", 4, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char options[128];
        struct observer o = {.stop_at = 0};
        heddle_result result;
        snprintf(options, sizeof options, "hidden=3 validation=0.1 %s", rows[i].options);
        observe("builtin:spirals", options, &o, &result);
        cr_assert(result.rows == 175 || result.rows == 174, "%zu rows", result.rows);
        cr_assert(result.steps == rows[i].steps && result.epochs == rows[i].epochs,
                  "%s: %llu steps, %llu epochs", options, (unsigned long long)result.steps,
                  (unsigned long long)result.epochs);
        cr_assert(o.lasts == (rows[i].steps > 0), "%s: %d last reports", options, o.lasts);
        cr_assert(result.has_validation && result.validation.rows + result.rows == 194);
        heddle_result_done(&result);
    }
}

Test(trainer, no_epoch_leaves_the_first_weights)
{
    static const size_t widths[] = {2, 2, 1, 0};
    static const double first[] = {2, -1, -2, 1, 0, 0, 1, -3, 1};
    heddle_table *table = table_of("builtin:xor");
    heddle_model *begin = first_model(widths, first), *model;
    double got[9];
    cr_assert(train("hidden=2 epochs=0 task=regress", table, begin, NULL, &model, NULL, NULL) == 0);
    heddle_model_weights(model, 1, got, got + 4);
    heddle_model_weights(model, 2, got + 6, got + 8);
    cr_assert(memcmp(got, first, sizeof got) == 0);
    heddle_model_free(model);
    heddle_model_free(begin);
    heddle_table_free(table);
}

Test(trainer, first_weights_of_another_shape_are_refused)
{
    static const size_t widths[] = {2, 2, 2, 0};
    static const double first[12] = {0};
    heddle_table *table = table_of("builtin:xor");
    heddle_model *begin = first_model(widths, first), *model;
    heddle_error err;
    cr_assert(train("recipe=tutorial", table, begin, NULL, &model, NULL, &err) == HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "2-2-2") && strstr(err.text, "2-2-1"), "%s", err.text);
    heddle_model_free(begin);
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- divergence ----------------- */

/**
 * Every number of workers and every level tells the same, which must contain `says`, and leaves the
 * same model, or none.
 */
static void expect_diverged(const heddle_table *table, const char *options, const char *says)
{
    char first[512] = "";
    char left[65] = "";
    for (int run = 0; run < 3 + ISA_COUNT; run++) {
        enum isa isa = (enum isa)(run - 3);
        if (run >= 3 && !isa_available(isa)) {
            continue;
        }
        char all[256];
        heddle_model *model;
        heddle_error err;
        snprintf(all, sizeof all, "%s threads=%d isa=%s", options, run < 3 ? run + 1 : 2,
                 run < 3 ? "auto" : isa_name(isa));
        heddle_status status = train(all, table, NULL, NULL, &model, NULL, &err);
        cr_assert(status == HEDDLE_E_DIVERGED && err.status == status, "%s: %d", all, status);
        if (!first[0]) {
            strcpy(first, err.text);
        }
        cr_assert_str_eq(err.text, first);
        cr_assert(strstr(err.text, says), "%s", err.text);
        char sha256[65] = "none";
        cr_assert(!model || !heddle_model_sha256(model, sha256, &err));
        if (!left[0]) {
            strcpy(left, sha256);
        }
        cr_assert_str_eq(sha256, left);
        heddle_model_free(model);
    }
}

Test(trainer, a_loss_that_is_not_finite_ends_the_run)
{
    heddle_table *table = table_of("builtin:spirals");
    const char *options = "task=regress hidden=5 activation=linear optimizer=sgd rate=1000 "
                          "batch=10 shard=3 epochs=20";
    expect_diverged(table, options, "diverged in step ");
    expect_diverged(table, options, "the loss is not finite");
    heddle_table_free(table);
}

/*
 * A network without hidden layers, all weights 0, so that its outputs are 0, their slopes 1 and the
 * loss is finite; but targets times inputs are too large for a float. (tanh: targets are not scaled.)
 */
enum { ROWS = 40 };

static heddle_table *huge_rows(double usual_input, double usual_target, size_t odd_row,
                               double odd_input, double odd_target)
{
    double inputs[ROWS * 2], targets[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        inputs[2 * r] = (double)(r % 3);
        inputs[2 * r + 1] = r == odd_row ? odd_input : usual_input * (r % 2 ? 1 : 0.5);
        targets[r] = r == odd_row ? odd_target : usual_target;
    }
    return table_from(inputs, 2, targets, 1, ROWS);
}

static const char huge_recipe[] = "hidden=none task=regress output-activation=tanh loss=sse "
                                  "scale=none validation=0 init=zeros optimizer=sgd rate=1e-30 "
                                  "batch=full shard=5 steps=1";

Test(trainer, a_weight_delta_that_is_not_finite_ends_the_run)
{
    for (size_t odd = 0; odd < ROWS; odd += 13) {
        heddle_table *table = huge_rows(1, 1, odd, 1e30, 1e18);
        expect_diverged(table, huge_recipe,
                        "diverged in step 1: a weight delta of layer 1 is not finite");
        heddle_table_free(table);
    }
}

Test(trainer, a_sum_that_is_not_finite_ends_the_run)
{
    /* each shard's sum is finite, 1e38 to 2e38, the sum of four is not */
    heddle_table *table = huge_rows(1e20, 4e17, 0, 1e20, 4e17);
    expect_diverged(table, huge_recipe, "a weight delta of layer 1 is not finite");
    heddle_table_free(table);
}

Test(trainer, large_sums_that_are_finite_do_not_end_the_run)
{
    /* Σ |G| is above a quarter of what a float holds, so the sums themselves are looked at */
    heddle_table *table = huge_rows(1e20, 6e16, 0, 1e20, 6e16);
    char want[65], got[65], options[256];
    for (int threads = 1; threads <= 5; threads++) {
        snprintf(options, sizeof options, "%s threads=%d", huge_recipe, threads);
        model_hash(table, options, threads == 1 ? want : got);
        cr_assert(threads == 1 || strcmp(got, want) == 0);
    }
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- memory --------------------- */

Test(trainer, more_memory_than_is_allowed_is_refused)
{
    heddle_table *table = table_of("builtin:xor");
    heddle_model *model;
    heddle_error err;
    cr_assert(train("recipe=tutorial max-memory=1K threads=2", table, NULL, NULL, &model, NULL,
                    &err) == HEDDLE_E_MEMORY);
    cr_assert(strstr(err.text, "1024"), "%s", err.text);
    heddle_table_free(table);
}

static const char *const small_options[][2] = {
    {"hidden", "3"}, {"epochs", "2"}, {"batch", "3"}, {"threads", "2"}, {"validation", "0.25"}};
enum { SMALL_OPTIONS = sizeof small_options / sizeof *small_options };

/** The whole way from a recipe to predictions and back from the model file. */
static heddle_status whole_way(const char *path, heddle_error *err)
{
    heddle_table *table = NULL;
    heddle_recipe *recipe = NULL;
    heddle_model *model = NULL, *again = NULL;
    heddle_predictions predictions = {0};
    heddle_score score = {0};
    heddle_status status = heddle_table_read("builtin:xor", NULL, &table, err);
    if (!status) {
        status = heddle_recipe_create(&recipe, err);
    }
    for (size_t i = 0; !status && i < SMALL_OPTIONS; i++) {
        status = heddle_recipe_set(recipe, small_options[i][0], small_options[i][1], err);
    }
    if (!status) {
        status = heddle_train(recipe, table, NULL, table, NULL, NULL, &model, NULL, err);
    }
    if (!status) {
        status = heddle_model_predict(model, table, 2, &predictions, err);
    }
    if (!status) {
        status = heddle_model_evaluate(model, table, 2, &score, err);
    }
    if (!status) {
        status = heddle_model_write(model, path, err);
    }
    if (!status) {
        status = heddle_model_read(path, &again, err);
    }
    if (!status) {
        char hex[65], written[65];
        status = heddle_model_sha256(again, hex, err);
        status = status ? status : heddle_model_sha256(model, written, err);
        cr_assert(status || strcmp(hex, written) == 0);
    }
    heddle_predictions_done(&predictions);
    heddle_score_done(&score);
    heddle_model_free(model);
    heddle_model_free(again);
    heddle_recipe_free(recipe);
    heddle_table_free(table);
    return status;
}

/**
 * Make the n-th allocation of `way` fail for n = first, … until there are not so many: the call
 * says so, or goes on without (giving back what is too much). Returns the number of allocations.
 */
static size_t fail_each(heddle_status (*way)(const char *path, heddle_error *err), const char *path,
                        size_t first, bool persistent)
{
    size_t failures = 0;
    setenv("HWLOC_SYNTHETIC", "core:2 pu:1", 1); /* quicker than looking at the machine each time */
    for (size_t n = first;; n++) {
        heddle_error err = {.status = HEDDLE_OK};
        memory_fail_at(n, persistent);
        heddle_status status = way(path, &err);
        size_t asked = memory_count();
        memory_fail_at(0, false);
        failures += status != HEDDLE_OK;
        cr_assert(status == HEDDLE_OK || status == HEDDLE_E_MEMORY, "allocation %zu: %d: %s", n,
                  status, err.text);
        cr_assert(status == err.status && (status == HEDDLE_OK || err.text[0]),
                  "allocation %zu failed without a word", n);
        if (asked < n) {
            cr_assert(status == HEDDLE_OK && failures + 20 > n - first,
                      "only %zu of %zu failures were noticed", failures, n - first);
            return asked;
        }
        cr_assert(n < 5000);
    }
}

Test(trainer, every_single_allocation_may_fail)
{
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path("fail_at"));
    cr_log_info("%zu allocations", fail_each(whole_way, path, 1, false));
    unlink(path);
}

Test(trainer, every_allocation_from_one_on_may_fail)
{
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path("fail_from"));
    fail_each(whole_way, path, 1, true);
    unlink(path);
}

static heddle_recipe *small_recipe;
static heddle_table *small_table;

/** Training alone, and what the result takes; path NULL: without a result. */
static heddle_status train_small(const char *path, heddle_error *err)
{
    heddle_model *model = NULL;
    heddle_result result = {0};
    heddle_status status = heddle_train(small_recipe, small_table, NULL, small_table, NULL, NULL,
                                        &model, path ? &result : NULL, err);
    heddle_result_done(&result);
    heddle_model_free(model);
    return status;
}

Test(trainer, every_allocation_for_the_result_may_fail)
{
    small_table = table_of("builtin:xor");
    /* as little as there is to do: each time the machine's limit is measured */
    small_recipe = recipe_of("hidden=3 epochs=2 batch=3 threads=1 validation=0");
    memory_fail_at(SIZE_MAX, false);
    cr_assert(train_small(NULL, NULL) == HEDDLE_OK);
    size_t before = memory_count();
    /* those of the training itself are the tests' above */
    cr_assert(fail_each(train_small, "result", before > 4 ? before - 4 : 1, false) > before);
    heddle_recipe_free(small_recipe);
    heddle_table_free(small_table);
}
