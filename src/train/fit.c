/**
 * fit: heddle_train(), from tables to a model: hold rows out, fit the preprocessing, resolve the
 * recipe, train, score, and wrap it all up.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "kernel/dispatch.h"
#include "machine/cluster.h"
#include "machine/limit.h"
#include "machine/team.h"
#include "machine/topology.h"
#include "model/model.h"
#include "train/alike.h"
#include "train/calibrate.h"
#include "train/choose.h"
#include "train/encode.h"
#include "train/fit.h"
#include "train/keep.h"
#include "train/score.h"
#include "train/trainer.h"
#include "train/unused.h"
#include "train/workers.h"

/** Seconds of a run's measurement of the machine's limit: so many, and less after a short run. */
#define LIMIT_SECONDS 0.01
#define LIMIT_SECONDS_LEAST 0.002
#define LIMIT_SHARE 0.1

/** Everything that heddle_train() holds until it ends. */
struct fit {
    const struct fit_request *request;
    struct encoded data;
    struct run_recipe run;
    double *values;
    struct run_recipe wide; /* the other network, if there are two to choose from */
    double *wide_values;
    struct workers own; /* unless some were lent */
    struct workers *workers;
    struct keep keep;
    struct run_outcome outcome;
    heddle_model *model;
};

static void note(const struct fit *fit, const char *text)
{
    const heddle_callbacks *callbacks = fit->request->callbacks;
    if (text[0] && callbacks && callbacks->note) {
        callbacks->note(callbacks->user, text);
    }
}

static void fit_done(struct fit *fit)
{
    keep_done(&fit->keep);
    encoded_done(&fit->data);
    recipe_done(&fit->run);
    memory_free(fit->values);
    recipe_done(&fit->wide);
    memory_free(fit->wide_values);
    workers_done(&fit->own);
    heddle_model_free(fit->model);
}

/** The weights that a run starts from, in memory of their own. */
static heddle_status begin_weights(const struct run_recipe *run, const heddle_model *initial,
                                   double **values, heddle_error *err)
{
    const struct shape *shape = &run->shape;
    size_t count = shape_parameters(shape);
    *values = memory_new(count, sizeof **values);
    if (!*values) {
        return status_memory(err, "the weights", count * sizeof **values);
    }
    if (!initial) {
        weights_init(shape, run->init, run->init_spread, run->seed, *values);
        return HEDDLE_OK;
    }
    heddle_status status = encoded_check_initial(shape, &initial->shape, err);
    if (status) {
        return status;
    }
    memcpy(*values, initial->values, count * sizeof **values);
    return HEDDLE_OK;
}

/** Resolve the recipe, also for the other network if there are two to choose from. */
static heddle_status resolve(struct fit *fit, struct recipe_facts *facts, heddle_error *err)
{
    const heddle_recipe *recipe = fit->request->recipe;
    heddle_status status = recipe_resolve(recipe, facts, &fit->run, err);
    if (!status && fit->run.choose_width) {
        facts->wide = true;
        status = recipe_resolve(recipe, facts, &fit->wide, err);
        facts->wide = false;
    }
    return status;
}

/** Choose what is to be chosen by trying, and resolve the recipe with it. */
static heddle_status make_choice(struct fit *fit, struct recipe_facts *facts, heddle_error *err)
{
    const struct fit_request *request = fit->request;
    const heddle_recipe *recipe = request->recipe;
    const struct choose_network network[CHOOSE_NETWORKS] = {{&fit->run, fit->values},
                                                            {&fit->wide, fit->wide_values}};
    size_t networks = fit->run.choose_width ? 2 : 1;
    size_t chosen = 0;
    char why[512] = "";
    if (!fit->run.choose_epochs) {
        return HEDDLE_OK;
    }
    /* Ranks make the runs together, so they must be of one mind from here on. */
    heddle_status status = alike(recipe, &fit->run, &fit->data, fit->values, NULL, err);
    if (!status) {
        status = choose(network, networks, &fit->data, fit->workers, request->lent != NULL,
                        recipe_bind(recipe), recipe_max_memory(recipe), request->callbacks, &chosen,
                        &facts->l2, why, sizeof why, err);
    }
    if (!status) {
        note(fit, why);
        if (chosen > 0) {
            facts->wide = true;
            memory_free(fit->values);
            fit->values = fit->wide_values;
            fit->wide_values = NULL;
        }
        recipe_done(&fit->run);
        status = recipe_resolve(recipe, facts, &fit->run, err);
    }
    return cluster_agree(status, err);
}

/** The model of the trained weights, with the metadata that repeat the run. */
static heddle_status wrap_up(struct fit *fit, heddle_error *err)
{
    const struct run_recipe *run = &fit->run;
    struct preprocess *preprocess = fit->data.preprocess;
    fit->data.preprocess = NULL; /* the model's now */
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
    return workers_score(fit->workers, &fit->model->shape, fit->model->loss, fit->model->values,
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
        .rows = fit->data.train.rows,
        .seconds = outcome->seconds,
        .threads = fit->workers->plan->workers,
        .ranks = cluster_ranks(),
        .batch = run->batch,
        .shard = run->shard,
        .seed = run->seed,
        .stopped = outcome->stopped,
        .min_error = outcome->min_error,
        .impatient = outcome->impatient,
        .late = outcome->late,
        .converged = outcome->converged,
        .best_epoch = outcome->best_epoch,
        .resumed = fit->keep.resumed ? fit->keep.from.steps : 0,
        .checkpoint = fit->keep.written,
        .checkpoint_status = fit->keep.status,
        .percent_of_limit = __builtin_nan(""),
    };
    shape_text(&run->shape, r.shape, sizeof r.shape);
    snprintf(r.isa, sizeof r.isa, "%s", isa_name(fit->workers->isa));
    snprintf(r.why, sizeof r.why, "%s", fit->workers->plan->why);
    if (outcome->seconds > 0) {
        r.examples_per_second = (double)outcome->examples / outcome->seconds;
        r.gflops = r.examples_per_second * shape_flop(&run->shape) * 1e-9;
    }
    double limit = 0;
    heddle_status status = HEDDLE_OK;
    if (!fit->request->lent) {
        double seconds = fmin(LIMIT_SECONDS, fmax(LIMIT_SECONDS_LEAST, LIMIT_SHARE * r.seconds));
        status = limit_measure(fit->workers->plan, topology_quota(fit->workers->topology),
                               kernels_fma_chains(fit->workers->isa, run->use_double), seconds,
                               &limit, err);
    }
    if (!status && limit > 0) { /* of all ranks, if they are alike */
        r.percent_of_limit = 100 * r.gflops / (limit * 1e-9 * cluster_ranks());
    }
    if (!status && fit->data.validation.rows) {
        r.has_validation = true;
        status = score_set(fit, &fit->data.validation, &r.validation, err);
    }
    if (!status && fit->data.test.rows) {
        r.has_test = true;
        status = score_set(fit, &fit->data.test, &r.test, err);
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

/**
 * After a run that diverged: the best model before that, if its weights and its loss
 * on the rows trained on are finite; err tells what became of it.
 */
static void rescue(struct fit *fit, heddle_model **model, heddle_error *err)
{
    const struct run_outcome *outcome = &fit->outcome;
    heddle_score score = {0};
    bool good = outcome->good;
    *model = NULL;
    for (size_t i = 0; good && i < shape_parameters(&fit->run.shape); i++) {
        good = isfinite(fit->values[i]);
    }
    heddle_error ignored;
    heddle_status status = good ? wrap_up(fit, &ignored) : HEDDLE_E_DIVERGED;
    status = cluster_agree(status, &ignored); /* ranks score together, or not at all */
    status = status ? status : score_set(fit, &fit->data.train, &score, &ignored);
    double loss = score.loss;
    heddle_score_done(&score);
    if (status || !isfinite(loss)) {
        return;
    }
    *model = fit->model;
    fit->model = NULL;
    if (err) {
        char which[48] = "that it began with";
        if (outcome->good_steps) {
            snprintf(which, sizeof which, "after step %llu",
                     (unsigned long long)outcome->good_steps);
        }
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used,
                 "; the best model before that is the one %s, loss %.6g", which, loss);
    }
}

/** From the tables to a run: what it is given, the weights it starts from, and who works. */
static heddle_status prepare(struct fit *fit, struct recipe_facts *facts, heddle_error *err)
{
    const struct fit_request *request = fit->request;
    const heddle_recipe *recipe = request->recipe;
    const heddle_model *initial = request->initial;
    heddle_status status = encode(recipe, request->table, request->validation, request->test,
                                  request->fold, request->callbacks, &fit->data, err);
    if (!status) {
        *facts = encoded_facts(&fit->data, initial ? &initial->shape : NULL);
        facts->shard = request->one_of_many ? 0 : keep_shard(recipe);
        status = resolve(fit, facts, err);
    }
    if (!status) {
        if (!request->one_of_many) {
            encoded_note_reach(&fit->data, &fit->run.shape, request->callbacks);
            recipe_note_unused(recipe, &fit->run, request->callbacks);
        }
    }
    if (!status && !fit->workers) {
        fit->workers = &fit->own;
        status = workers_create(recipe, recipe_threads(recipe), &fit->own, err);
    }
    /* All ranks have their data when they ask what memory is left, and ask before anyone takes it. */
    status = cluster_agree(status, err);
    if (!status && !request->lent) {
        const struct run_recipe *larger = fit->run.choose_width ? &fit->wide : &fit->run;
        status = fit_check_memory(request, larger, &fit->data, fit->workers, err);
    }
    status = cluster_agree(status, err);
    if (!status) {
        status = begin_weights(&fit->run, initial, &fit->values, err);
    }
    if (!status && fit->run.choose_width) {
        status = begin_weights(&fit->wide, NULL, &fit->wide_values, err);
    }
    return cluster_agree(status, err);
}

/** What is settled before the first step: the checkpoint to go on from, how many work. */
static heddle_status settle(struct fit *fit, const struct keeper **keeper, heddle_error *err)
{
    const struct fit_request *request = fit->request;
    const heddle_recipe *recipe = request->recipe;
    heddle_status status = HEDDLE_OK;
    *keeper = NULL;
    if (!request->one_of_many) {
        status = keep_begin(&fit->keep, recipe, &fit->run, &fit->data, request->initial,
                            fit->workers, request->callbacks, keeper, err);
    }
    if (!status && !request->lent) {
        status = calibrate(&fit->run, &fit->data.train, recipe_bind(recipe),
                           recipe_max_memory(recipe), fit->values, &fit->own, err);
    }
    status = cluster_agree(status, err);
    if (!status) {
        const struct run_state *begin = *keeper ? (*keeper)->begin : NULL;
        status = alike(recipe, &fit->run, &fit->data, fit->values, begin, err);
    }
    return status;
}

/** The run itself; *model: see rescue(). */
static heddle_status run(struct fit *fit, const struct keeper *keeper, heddle_model **model,
                         heddle_error *err)
{
    const struct fit_request *request = fit->request;
    const struct dataset *watched = fit->data.validation.rows ? &fit->data.validation : NULL;
    fit->run.preprocess = fit->data.preprocess;
    note(fit, team_note(fit->workers->team));
    note(fit, fit->workers->plan->remark);
    heddle_status status = trainer_run(&fit->run, &fit->data.train, watched, fit->workers->team,
                                       fit->workers->isa, recipe_max_memory(request->recipe),
                                       request->callbacks, keeper, fit->values, &fit->outcome, err);
    if (status == HEDDLE_E_DIVERGED && !request->one_of_many) {
        rescue(fit, model, err);
    }
    if (status == HEDDLE_E_DIVERGED && keeper) {
        keep_diverged(&fit->keep, fit->outcome.steps, err);
    }
    return status;
}

heddle_status fit(const struct fit_request *request, heddle_model **model, heddle_result *result,
                  heddle_error *err)
{
    struct fit fit = {.request = request, .workers = request->lent};
    struct recipe_facts facts;
    const struct keeper *keeper;
    heddle_status status = prepare(&fit, &facts, err);
    if (!status) {
        status = make_choice(&fit, &facts, err);
    }
    if (!status) {
        status = settle(&fit, &keeper, err);
    }
    if (!status) {
        status = run(&fit, keeper, model, err);
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

heddle_status heddle_train(const heddle_recipe *recipe, const heddle_table *table,
                           const heddle_table *validation, const heddle_table *test,
                           const heddle_model *initial, const heddle_callbacks *callbacks,
                           heddle_model **model, heddle_result *result, heddle_error *err)
{
    const struct fit_request request = {.recipe = recipe,
                                        .table = table,
                                        .validation = validation,
                                        .test = test,
                                        .initial = initial,
                                        .callbacks = callbacks};
    return fit(&request, model, result, err);
}
