/**
 * fit: heddle_train(), from tables to a model: hold rows out, fit the preprocessing, resolve the
 * recipe, train, score, and wrap it all up.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/split.h"
#include "kernel/dispatch.h"
#include "machine/cluster.h"
#include "machine/limit.h"
#include "machine/team.h"
#include "machine/topology.h"
#include "model/model.h"
#include "train/score.h"
#include "train/trainer.h"
#include "train/workers.h"

/** From this many rows on a share of them is held out if nothing else is said. */
enum { AUTO_VALIDATION_ROWS = 100 };
#define AUTO_VALIDATION 0.1

/** Seconds of a run's measurement of the machine's limit. */
#define LIMIT_SECONDS 0.03

/** Everything that heddle_train() holds until it ends. */
struct fit {
    const heddle_recipe *recipe;
    const heddle_callbacks *callbacks;
    uint32_t *rows, *held;      /* rows to train on, rows held out */
    size_t row_count, held_count;
    struct preprocess *preprocess;
    struct dataset train, validation, test;
    bool has_validation;
    struct run_recipe run;
    double *values;
    struct workers workers;
    struct run_outcome outcome;
    heddle_model *model;
};

static void note(const struct fit *fit, const char *text)
{
    if (text[0] && fit->callbacks && fit->callbacks->note) {
        fit->callbacks->note(fit->callbacks->user, text);
    }
}

static void fit_done(struct fit *fit)
{
    memory_free(fit->rows);
    memory_free(fit->held);
    preprocess_free(fit->preprocess);
    dataset_done(&fit->train);
    dataset_done(&fit->validation);
    dataset_done(&fit->test);
    memory_free(fit->run.text.data);
    memory_free(fit->values);
    workers_done(&fit->workers);
    heddle_model_free(fit->model);
}

/** Choose the rows to hold out, the classes in proportion. */
static heddle_status hold_out(struct fit *fit, const heddle_table *table, bool wanted,
                              const struct preprocess_options *options, heddle_error *err)
{
    double fraction = recipe_validation(fit->recipe);
    if (fraction < 0) {
        fraction = wanted && table->rows >= AUTO_VALIDATION_ROWS ? AUTO_VALIDATION : 0;
    }
    fit->rows = memory_new(table->rows, sizeof *fit->rows);
    fit->held = memory_new(table->rows, sizeof *fit->held);
    if (!fit->rows || !fit->held) {
        return status_memory(err, "the rows to train on", table->rows * sizeof *fit->rows);
    }
    uint32_t *codes = memory_new(table->rows, sizeof *codes);
    if (!codes) {
        return status_memory(err, "the rows' classes", table->rows * sizeof *codes);
    }
    bool classify = false;
    heddle_status status = preprocess_class_codes(table, options, codes, &classify, err);
    if (!status) {
        status = split_rows(recipe_seed(fit->recipe), fraction, classify ? codes : NULL,
                            table->rows, fit->rows, &fit->row_count, fit->held, &fit->held_count,
                            err);
    }
    memory_free(codes);
    return status;
}

/** The encoded rows to train on and to watch. */
static heddle_status encode(struct fit *fit, const heddle_table *table,
                            const heddle_table *validation, const heddle_table *test,
                            heddle_error *err)
{
    struct preprocess_options options;
    bool use_double = recipe_use_double(fit->recipe);
    bool single = recipe_single_output(fit->recipe);
    recipe_preprocess(fit->recipe, &options);
    heddle_status status = hold_out(fit, table, !validation && !test, &options, err);
    if (!status) {
        const heddle_callbacks *callbacks = fit->callbacks;
        status = preprocess_fit(table, &options, fit->rows, fit->row_count,
                                callbacks ? callbacks->note : NULL,
                                callbacks ? callbacks->user : NULL, &fit->preprocess, err);
    }
    if (!status) {
        status = preprocess_apply(fit->preprocess, table, fit->rows, fit->row_count, use_double,
                                  single, true, NULL, &fit->train, err);
    }
    if (!status && validation) {
        status = preprocess_apply(fit->preprocess, validation, NULL, validation->rows, use_double,
                                  single, true, NULL, &fit->validation, err);
    } else if (!status && fit->held_count) {
        status = preprocess_apply(fit->preprocess, table, fit->held, fit->held_count, use_double,
                                  single, true, NULL, &fit->validation, err);
    }
    fit->has_validation = fit->validation.rows > 0;
    if (!status && test) { /* now, so that a bad test file is told before the training */
        status = preprocess_apply(fit->preprocess, test, NULL, test->rows, use_double, single,
                                  true, NULL, &fit->test, err);
    }
    return status;
}

/** The weights to start from. */
static heddle_status begin_weights(struct fit *fit, const heddle_model *initial, heddle_error *err)
{
    const struct shape *shape = &fit->run.shape;
    size_t count = shape_parameters(shape);
    fit->values = memory_new(count, sizeof *fit->values);
    if (!fit->values) {
        return status_memory(err, "the weights", count * sizeof *fit->values);
    }
    if (!initial) {
        weights_init(shape, fit->run.init, fit->run.init_spread, fit->run.seed, fit->values);
        return HEDDLE_OK;
    }
    char wanted[128], have[128];
    shape_text(shape, wanted, sizeof wanted);
    shape_text(&initial->shape, have, sizeof have);
    bool fits = shape->layers == initial->shape.layers;
    for (size_t l = 0; fits && l <= shape->layers; l++) {
        fits = shape->width[l] == initial->shape.width[l];
    }
    if (!fits) {
        return status_set(err, HEDDLE_E_DATA,
                          "the initial model is %s, but data and recipe make a network of %s", have,
                          wanted);
    }
    memcpy(fit->values, initial->values, count * sizeof *fit->values);
    return HEDDLE_OK;
}

/** The model of the trained weights, with the metadata that repeat the run. */
static heddle_status wrap_up(struct fit *fit, heddle_error *err)
{
    const struct run_recipe *run = &fit->run;
    struct preprocess *preprocess = fit->preprocess;
    fit->preprocess = NULL; /* the model's now */
    heddle_status status = model_create(&run->shape, run->loss, run->use_double, fit->values,
                                        preprocess, &fit->model, err);
    char number[24];
    if (!status) {
        snprintf(number, sizeof number, "%zu", run->shard);
        status = model_note(fit->model, "shard", number, err);
    }
    if (!status) {
        status = model_note(fit->model, "recipe", run->text.data, err);
    }
    return status;
}

/** Score a data set with the trained weights. */
static heddle_status score_set(struct fit *fit, const struct dataset *set, heddle_score *score,
                               heddle_error *err)
{
    return workers_score(&fit->workers, &fit->model->shape, fit->model->loss, fit->model->values,
                         set, fit->model->preprocess, fit->run.sum_deltas, score, err);
}

static heddle_status fill_result(struct fit *fit, heddle_result *result, heddle_error *err)
{
    const struct run_recipe *run = &fit->run;
    const struct run_outcome *outcome = &fit->outcome;
    heddle_result r = {
        .parameters = shape_parameters(&run->shape),
        .steps = outcome->steps,
        .epochs = outcome->epochs,
        .loss = outcome->loss,
        .rows = fit->train.rows,
        .seconds = outcome->seconds,
        .threads = fit->workers.plan->workers,
        .ranks = cluster_ranks(),
        .batch = run->batch,
        .shard = run->shard,
        .seed = run->seed,
        .stopped = outcome->stopped,
        .min_error = outcome->min_error,
        .percent_of_limit = __builtin_nan(""),
    };
    shape_text(&run->shape, r.shape, sizeof r.shape);
    snprintf(r.isa, sizeof r.isa, "%s", isa_name(fit->workers.isa));
    if (outcome->seconds > 0) {
        r.examples_per_second = (double)outcome->examples / outcome->seconds;
        r.gflops = r.examples_per_second * shape_flop(&run->shape) * 1e-9;
    }
    double limit = 0;
    heddle_status status = limit_measure(fit->workers.plan,
                                         kernels_fma_chains(fit->workers.isa, run->use_double),
                                         LIMIT_SECONDS, &limit, err);
    if (!status && limit > 0) {
        r.percent_of_limit = 100 * r.gflops / (limit * 1e-9);
    }
    if (!status && fit->has_validation) {
        r.has_validation = true;
        status = score_set(fit, &fit->validation, &r.validation, err);
    }
    if (!status && fit->test.rows) {
        r.has_test = true;
        status = score_set(fit, &fit->test, &r.test, err);
    }
    if (!status) {
        status = heddle_model_sha256(fit->model, r.sha256, err);
    }
    if (status) {
        heddle_result_done(&r);
        return status;
    }
    *result = r;
    return HEDDLE_OK;
}

void heddle_result_done(heddle_result *result)
{
    heddle_score_done(&result->validation);
    heddle_score_done(&result->test);
    *result = (heddle_result){0};
}

heddle_status heddle_train(const heddle_recipe *recipe, const heddle_table *table,
                           const heddle_table *validation, const heddle_table *test,
                           const heddle_model *initial, const heddle_callbacks *callbacks,
                           heddle_model **model, heddle_result *result, heddle_error *err)
{
    struct fit fit = {.recipe = recipe, .callbacks = callbacks};
    struct recipe_facts facts = {.initial = initial ? &initial->shape : NULL};
    heddle_status status = encode(&fit, table, validation, test, err);
    if (!status) {
        facts.rows = fit.train.rows;
        facts.inputs = fit.train.inputs;
        facts.classes = fit.preprocess->classes;
        facts.targets = fit.preprocess->targets;
        status = recipe_resolve(recipe, &facts, &fit.run, err);
    }
    if (!status) {
        status = begin_weights(&fit, initial, err);
    }
    if (!status) {
        status = workers_create(recipe, recipe_threads(recipe), &fit.workers, err);
    }
    if (!status) {
        note(&fit, team_note(fit.workers.team));
        status = trainer_run(&fit.run, &fit.train, fit.has_validation ? &fit.validation : NULL,
                             fit.workers.team, fit.workers.isa, recipe_max_memory(recipe),
                             callbacks, fit.values, &fit.outcome, err);
    }
    if (!status) {
        status = wrap_up(&fit, err);
    }
    if (!status && result) {
        status = fill_result(&fit, result, err);
    }
    if (!status) {
        *model = fit.model;
        fit.model = NULL;
    }
    fit_done(&fit);
    return status;
}
