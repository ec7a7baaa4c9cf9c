/* Tests of src/train/score.c, through heddle_model_evaluate(): the sample a picture is drawn from. */
#include <criterion/criterion.h>
#include <math.h>

#include "training.h"

enum { WIDTH = 2, TARGETS = 2 };

/** Rows whose targets are in units far from each other. */
static heddle_table *made_table(size_t rows, double *inputs, double *targets)
{
    heddle_table *table;
    for (size_t r = 0; r < rows; r++) {
        inputs[r * WIDTH] = (double)(r % 17);
        inputs[r * WIDTH + 1] = (double)(r % 5) - 2;
        targets[r * TARGETS] = 1000 + 10 * inputs[r * WIDTH];
        targets[r * TARGETS + 1] = 0.01 * (double)(r % 23) + 0.001 * (double)r;
    }
    cr_assert(heddle_table_from_arrays(inputs, WIDTH, targets, TARGETS, rows, &table, NULL) ==
              HEDDLE_OK);
    return table;
}

/** Score a small network on so many rows; check the sample of `sampled` of them. */
static void expect_sample(size_t rows, size_t sampled)
{
    double *inputs = malloc(rows * WIDTH * sizeof *inputs);
    double *targets = malloc(rows * TARGETS * sizeof *targets);
    heddle_table *table = made_table(rows, inputs, targets);
    heddle_recipe *recipe =
        recipe_of("task=regress target=y0,y1 hidden=4 epochs=2 precision=double validation=0");
    heddle_model *model;
    heddle_score score;
    heddle_predictions said;
    heddle_error err;
    cr_assert(heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, NULL, &err) == HEDDLE_OK,
              "%s", err.text);
    cr_assert(heddle_model_evaluate(model, table, 1, &score, &err) == HEDDLE_OK);
    cr_assert(heddle_model_predict(model, table, 1, &said, &err) == HEDDLE_OK);
    cr_assert(score.sampled == sampled);
    double square[TARGETS] = {0};
    for (size_t i = 0; i < sampled; i++) {
        size_t row = i * (rows / sampled);
        for (size_t t = 0; t < TARGETS; t++) {
            const double *pair = &score.sample[2 * (i * TARGETS + t)];
            double right = targets[row * TARGETS + t];
            cr_assert(fabs(pair[0] - right) <= 1e-12 * fabs(right) + 1e-15);
            cr_assert(fabs(pair[1] - said.values[row * TARGETS + t]) <= 1e-12 * fabs(pair[1]));
            square[t] += (pair[1] - pair[0]) * (pair[1] - pair[0]);
        }
    }
    for (size_t t = 0; t < TARGETS && sampled == rows; t++) {
        double rmse = sqrt(square[t] / (double)rows);
        cr_assert(fabs(rmse - score.target_rmse[t]) <= 1e-9 * rmse);
    }
    heddle_predictions_done(&said);
    heddle_score_done(&score);
    cr_assert(score.sample == NULL && score.sampled == 0);
    heddle_model_free(model);
    heddle_recipe_free(recipe);
    heddle_table_free(table);
    free(inputs);
    free(targets);
}

Test(score, a_sample_of_few_rows_is_all_of_them_in_their_own_units)
{
    expect_sample(1, 1);
    expect_sample(40, 40);
    expect_sample(1000, 1000);
}

Test(score, a_sample_of_many_rows_is_spread_evenly_over_them)
{
    expect_sample(5000, 1000);
}

Test(score, classes_have_no_sample)
{
    heddle_table *table = table_of("builtin:digits");
    heddle_recipe *recipe = recipe_of("hidden=4 epochs=1");
    heddle_model *model;
    heddle_score score;
    cr_assert(heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, NULL, NULL) == HEDDLE_OK);
    cr_assert(heddle_model_evaluate(model, table, 1, &score, NULL) == HEDDLE_OK);
    cr_assert(score.sample == NULL && score.sampled == 0);
    heddle_score_done(&score);
    heddle_model_free(model);
    heddle_recipe_free(recipe);
    heddle_table_free(table);
}
