/**
 * Tests of how train/run.c chooses between the two ways of dividing weight deltas, through
 * heddle_train(): nobody can tell them apart. A --clip too large to clip anything asks for all weight
 * deltas before the update, so it has them divided by examples; without it these networks have them
 * divided by weights, where there is but one worker or the batch is small.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"
#include "training.h"

/* 175 rows of the spirals are trained on: 48 leaves a short last batch of less than a shard's worth
   for some workers, 30 one of 25. */
static const char network[] = "hidden=90,40 activation=tanh,gelu shard=8";
static const char *const batches[] = {
    "batch=30 shuffle=yes epochs=3",           "batch=48 shuffle=no epochs=3",
    "batch=full shuffle=no steps=5", /* gathered once */
    "batch=full shuffle=no steps=5 noise=0.1", "batch=full shuffle=yes steps=5",
    "batch=174 shuffle=yes epochs=3", /* a last batch of one example */
    "batch=5 shard=2 shuffle=yes steps=40",
};
static const char *const recipes[] = {
    "optimizer=sgd",
    "optimizer=momentum l2=0.01 l1=0.001",
    "optimizer=adamw weight-decay=0.1 max-norm=1",
    "optimizer=rmsprop clip-value=0.001 dropout=0.2",
    "optimizer=adam precision=double noise=0.05 class-weights=balanced",
    "optimizer=nesterov patience=1 schedule=plateau schedule-every=1 precision=double",
};
enum { BATCHES = sizeof batches / sizeof *batches, RECIPES = sizeof recipes / sizeof *recipes };

static const char *const by_examples[] = {"", "clip=1e300"};

/** The weights are those that the recipe made before, or *want is NULL: these. */
static void expect_weights(const heddle_table *table, const char *options, double **want)
{
    heddle_recipe *recipe = recipe_of(options);
    heddle_model *model;
    heddle_error err;
    cr_assert(!heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, NULL, &err), "%s: %s",
              options, err.text);
    size_t bytes = shape_parameters(&model->shape) * sizeof **want;
    if (!*want) {
        *want = malloc(bytes);
        cr_assert(*want != NULL);
        memcpy(*want, model->values, bytes);
    }
    cr_assert(memcmp(*want, model->values, bytes) == 0, "%s: other weights", options);
    heddle_model_free(model);
    heddle_recipe_free(recipe);
}

static void expect_one_result(const heddle_table *table, const char *options)
{
    double *want = NULL;
    for (int run = 0; run < 10; run++) {
        char all[512];
        snprintf(all, sizeof all, "%s %s threads=%d", options, by_examples[run % 2], run / 2 + 1);
        expect_weights(table, all, &want);
    }
    free(want);
}

ParameterizedTestParameters(divided, the_same_bits_either_way)
{
    static int rows[] = {0, 1, 2, 3, 4, 5};
    return cr_make_param_array(int, rows, RECIPES);
}

ParameterizedTest(int *row, divided, the_same_bits_either_way)
{
    heddle_table *table = table_of("builtin:spirals");
    for (size_t b = 0; b < BATCHES; b++) {
        char options[256];
        snprintf(options, sizeof options, "%s %s %s", network, recipes[*row], batches[b]);
        expect_one_result(table, options);
    }
    heddle_table_free(table);
}

/* Rows of bytes are copied into a workspace, rows of reals used where they are. */
Test(divided, the_same_bits_of_images)
{
    heddle_table *table = table_of("builtin:digits");
    expect_one_result(table, "hidden=100 batch=64 steps=30");
    expect_one_result(table, "hidden=100 batch=full shuffle=no steps=2");
    heddle_table_free(table);
}

/* Long shares of many examples, so that workers take over pieces of each other's. */
Test(divided, the_same_bits_of_pieces_taken_over)
{
    heddle_table *table = table_of("builtin:digits");
    expect_one_result(table, "hidden=400,400 batch=500 optimizer=sgd steps=4");
    expect_one_result(table, "hidden=400,330 batch=300 activation=gelu dropout=0.2 steps=4");
    expect_one_result(table, "hidden=500 batch=full shuffle=no optimizer=momentum steps=2");
    heddle_table_free(table);
}

/* The step, the message and the weights before it are the same whoever looked. */
static void expect_one_end(const heddle_table *table, const char *options, const char *says)
{
    char first[512] = "";
    double *left = NULL;
    for (int run = 0; run < 10; run++) {
        char all[512];
        heddle_model *model = NULL;
        heddle_error err;
        snprintf(all, sizeof all, "%s %s threads=%d", options, by_examples[run % 2], run / 2 + 1);
        heddle_recipe *recipe = recipe_of(all);
        heddle_status status =
            heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, NULL, &err);
        cr_assert(status == HEDDLE_E_DIVERGED && strstr(err.text, says), "%s: %d", all, status);
        cr_assert(run == 0 || strcmp(err.text, first) == 0, "%s: '%s', not '%s'", all, err.text,
                  first);
        cr_assert(run == 0 || !model == !left, "%s", all);
        size_t bytes = model ? shape_parameters(&model->shape) * sizeof *left : 0;
        if (run == 0 && model) {
            left = malloc(bytes);
            cr_assert(left != NULL);
            memcpy(left, model->values, bytes);
        }
        cr_assert(!model || memcmp(left, model->values, bytes) == 0, "%s: other weights", all);
        strcpy(first, err.text);
        heddle_model_free(model);
        heddle_recipe_free(recipe);
    }
    free(left);
}

Test(divided, a_run_that_diverges_ends_the_same)
{
    heddle_table *table = table_of("builtin:spirals");
    static const char *const rates[] = {"10", "100", "1e4", "1e6"};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        char options[256];
        snprintf(options, sizeof options,
                 "task=regress hidden=90,60 activation=linear optimizer=sgd rate=%s batch=40 "
                 "shard=7 epochs=200 max-norm=%s",
                 rates[i], i % 2 ? "1e20" : "none");
        expect_one_end(table, options, "diverged in step ");
    }
    heddle_table_free(table);
}

/* The loss is finite, targets times inputs are not: in one example, of a few of the inputs. */
Test(divided, a_weight_delta_that_is_not_finite_is_found_alike)
{
    enum { ROWS = 70, INPUTS = 3000 };
    double *inputs = calloc(ROWS * INPUTS, sizeof *inputs), targets[ROWS];
    cr_assert(inputs != NULL);
    for (size_t r = 0; r < ROWS; r++) {
        targets[r] = 1;
        for (size_t i = 0; i < INPUTS; i++) {
            inputs[r * INPUTS + i] = (double)((r + i) % 3);
        }
    }
    targets[60] = 1e18; /* its square is a float */
    inputs[60 * INPUTS + 2500] = 1e30;
    inputs[60 * INPUTS + 400] = 1e30;
    heddle_table *table;
    cr_assert(!heddle_table_from_arrays(inputs, INPUTS, targets, 1, ROWS, &table, NULL));
    static const char *const batches_of[] = {"batch=full", "batch=25", "batch=50"};
    for (size_t b = 0; b < 3; b++) {
        char options[256];
        snprintf(options, sizeof options,
                 "hidden=none task=regress output-activation=tanh loss=sse scale=none validation=0 "
                 "init=zeros optimizer=sgd rate=1e-37 shard=5 shuffle=no epochs=2 %s",
                 batches_of[b]);
        expect_one_end(table, options,
                       b == 0   ? "step 1: a weight delta of layer 1 is not finite"
                       : b == 1 ? "step 3: a weight delta of layer 1"
                                : "step 2: a weight delta of layer 1");
    }
    heddle_table_free(table);
    free(inputs);
}
