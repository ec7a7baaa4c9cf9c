/**
 * choose: short runs on all but a fold, each scored on that fold. Who makes which run decides
 * nothing: what is compared is a function of the data, the recipe and the seed.
 */
#include "train/choose.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/available.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/split.h"
#include "machine/cluster.h"
#include "train/score.h"
#include "train/trainer.h"

enum { CANDIDATES = 8 };

/** From MANY_ROWS on two folds of the five say enough. */
enum { FOLDS = 5, FOLDS_OF_MANY = 2, MANY_ROWS = 2000 };

struct candidate {
    const struct choose_network *network;
    double l2;
};

struct choosing {
    const struct choose_network *network; /* the usual one */
    const struct encoded *data;
    size_t folds, max_memory;
    const heddle_callbacks *callbacks;
    struct candidate candidate[CANDIDATES];
    size_t candidates, middle;
    double loss[CANDIDATES][FOLDS];  /* of the rows held out */
    double wrong[CANDIDATES][FOLDS]; /* the share of them whose class is not found */
    struct workers *all;             /* who makes a run, unless `one` is there */
    struct workers *one;             /* (workers) each makes runs by itself */
    _Atomic size_t next, done;       /* the run that is to be made; how many are made */
    atomic_bool stop;                /* asked for, or something failed */
    pthread_mutex_t lock;
    heddle_status status; /* of the first that failed */
    heddle_error err;
};

/** The rows of one fold's runs. */
struct rows {
    uint32_t *train, *held;
    size_t train_count, held_count;
    struct dataset train_set, held_set;
    double *weight;
};

static void rows_done(struct rows *rows)
{
    memory_free(rows->train);
    memory_free(rows->held);
    memory_free(rows->weight);
    dataset_done(&rows->train_set);
    dataset_done(&rows->held_set);
}

static heddle_status rows_take(const struct choosing *c, size_t fold, struct rows *rows,
                               heddle_error *err)
{
    const struct dataset *set = &c->data->train;
    uint32_t *codes = NULL;
    rows->train = memory_new(set->rows, sizeof *rows->train);
    rows->held = memory_new(set->rows, sizeof *rows->held);
    rows->weight = c->data->weight ? memory_new(set->rows, sizeof *rows->weight) : NULL;
    if (!rows->train || !rows->held || (c->data->weight && !rows->weight)) {
        return status_memory(err, "a fold", set->rows * sizeof *rows->train);
    }
    if (set->class_index) {
        codes = memory_new(set->rows, sizeof *codes);
        if (!codes) {
            return status_memory(err, "a fold", set->rows * sizeof *codes);
        }
        for (size_t r = 0; r < set->rows; r++) {
            codes[r] = (uint32_t)set->class_index[r];
        }
    }
    heddle_status status =
        split_fold(c->network->run->seed, FOLDS, fold, codes, set->rows, rows->train,
                   &rows->train_count, rows->held, &rows->held_count, NULL);
    if (status == HEDDLE_E_ARGUMENT) { /* a class has fewer rows than there are folds */
        status = split_fold(c->network->run->seed, FOLDS, fold, NULL, set->rows, rows->train,
                            &rows->train_count, rows->held, &rows->held_count, err);
    }
    memory_free(codes);
    if (!status) {
        status = dataset_take(set, rows->train, rows->train_count, &rows->train_set, err);
    }
    if (!status) {
        status = dataset_take(set, rows->held, rows->held_count, &rows->held_set, err);
    }
    for (size_t i = 0; !status && rows->weight && i < rows->train_count; i++) {
        rows->weight[i] = c->data->weight[rows->train[i]];
    }
    return status;
}

/** A run in short, on so many rows. */
static struct run_recipe shorten(const struct run_recipe *whole, const struct rows *rows)
{
    struct run_recipe run = *whole;
    run.row_weight = rows->weight;
    run.batch = run.batch < rows->train_count ? run.batch : rows->train_count;
    run.shard = run.shard < run.batch ? run.shard : run.batch;
    run.epochs = run.choose_epochs;
    run.steps = run.epochs * ((rows->train_count + run.batch - 1) / run.batch);
    run.schedule.steps = run.steps;
    run.report_every = run.epochs + 1;
    return run;
}

static int ask(void *user)
{
    struct choosing *c = user;
    if (c->callbacks && c->callbacks->stop &&
        c->callbacks->stop(c->callbacks->user) == HEDDLE_STOP) {
        atomic_store(&c->stop, true);
    }
    return atomic_load(&c->stop);
}

static int obey(void *user)
{
    struct choosing *c = user;
    return atomic_load(&c->stop);
}

static heddle_status run_one(struct choosing *c, size_t candidate, size_t fold, int w,
                             heddle_error *err)
{
    const struct run_recipe *whole = c->candidate[candidate].network->run;
    size_t parameters = shape_parameters(&whole->shape);
    struct workers *workers = c->one ? &c->one[w] : c->all;
    const heddle_callbacks callbacks = {.user = c, .stop = w == 0 ? ask : obey};
    struct rows rows = {0};
    struct run_outcome outcome;
    heddle_score score = {0};
    double *values = memory_new(parameters, sizeof *values);
    heddle_status status =
        values ? HEDDLE_OK
               : status_memory(err, "a copy of the weights", parameters * sizeof *values);
    if (!status) {
        status = rows_take(c, fold, &rows, err);
    }
    status = cluster_agree(status, err); /* ranks make a run together, or not at all */
    if (!status) {
        struct run_recipe run = shorten(whole, &rows);
        run.l2 = c->candidate[candidate].l2;
        memcpy(values, c->candidate[candidate].network->values, parameters * sizeof *values);
        status = trainer_run(&run, &rows.train_set, NULL, workers->team, workers->isa,
                             c->max_memory, &callbacks, NULL, values, &outcome, err);
        if (!status && outcome.stopped) {
            atomic_store(&c->stop, true);
        }
    }
    if (!status) {
        status = workers_score(workers, &whole->shape, whole->loss, values, &rows.held_set,
                               c->data->preprocess, false, &score, err);
        status = cluster_agree(status, err);
    }
    c->loss[candidate][fold] = status ? __builtin_inf() : score.loss;
    c->wrong[candidate][fold] = status ? __builtin_inf() : 1 - score.accuracy;
    heddle_score_done(&score);
    rows_done(&rows);
    memory_free(values);
    return status == HEDDLE_E_DIVERGED ? HEDDLE_OK : status;
}

/** Worker 0 alone tells: it is the thread of the caller. */
static void tell(struct choosing *c, int w)
{
    if (w == 0 && c->callbacks && c->callbacks->choosing) {
        c->callbacks->choosing(c->callbacks->user, atomic_load(&c->done), c->folds * c->candidates);
    }
}

static void take_runs(void *context, int w)
{
    struct choosing *c = context;
    size_t run;
    while (!atomic_load(&c->stop) &&
           (run = atomic_fetch_add(&c->next, 1)) < c->folds * c->candidates) {
        heddle_error err;
        heddle_status status = run_one(c, run / c->folds, run % c->folds, w, &err);
        if (status) {
            pthread_mutex_lock(&c->lock);
            c->err = c->status ? c->err : err;
            c->status = c->status ? c->status : status;
            pthread_mutex_unlock(&c->lock);
            atomic_store(&c->stop, true);
        }
        atomic_fetch_add(&c->done, 1);
        tell(c, w);
    }
}

/** The lowest of those that are lower than the middle one by more than the error; or that one. */
static size_t lowest_of(const struct choosing *c, double value[][FOLDS])
{
    size_t best = c->middle;
    double n = (double)c->folds, lowest = 0;
    for (size_t k = 0; k < c->candidates; k++) {
        double mean = 0, square = 0;
        for (size_t f = 0; f < c->folds; f++) {
            mean += (value[k][f] - value[c->middle][f]) / n;
        }
        for (size_t f = 0; f < c->folds; f++) {
            double d = value[k][f] - value[c->middle][f] - mean;
            square += d * d;
        }
        double error = __builtin_sqrt(square / (n - 1) / n);
        if (k != c->middle && mean + error < 0 && mean < lowest) {
            best = k;
            lowest = mean;
        }
    }
    return best;
}

/**
 * What is said to be right counts most. Where it cannot tell them apart the loss does, which knows
 * more of few rows, but for classes also minds how sure the wrong answers are.
 */
static size_t decide(struct choosing *c)
{
    size_t best = c->data->train.class_index ? lowest_of(c, c->wrong) : c->middle;
    return best == c->middle ? lowest_of(c, c->loss) : best;
}

/** "32,16": the hidden widths of a candidate, as the option is given. */
static void print_hidden(const struct candidate *candidate, char *text, size_t size)
{
    const struct shape *shape = &candidate->network->run->shape;
    size_t used = 0;
    for (size_t l = 1; l < shape->layers && used < size; l++) {
        used += (size_t)snprintf(text + used, size - used, l > 1 ? ",%zu" : "%zu", shape->width[l]);
    }
}

static double mean_of(const struct choosing *c, double value[][FOLDS], size_t candidate)
{
    double mean = 0;
    for (size_t f = 0; f < c->folds; f++) {
        mean += value[candidate][f] / (double)c->folds;
    }
    return mean;
}

static void explain(struct choosing *c, size_t best, bool widths, char *why, size_t size)
{
    struct string text = {0};
    char hidden[32];
    if (widths) {
        print_hidden(&c->candidate[best], hidden, sizeof hidden);
        string_print(&text, "--hidden %s ", hidden);
    }
    string_print(&text, "--l2 %.3g by cross-validation:", c->candidate[best].l2);
    for (size_t k = 0; k < c->candidates; k++) {
        string_add(&text, k > 0 ? ", " : " ");
        if (c->data->train.class_index) {
            string_print(&text, "%.3g %% wrong and ", 100 * mean_of(c, c->wrong, k));
        }
        print_hidden(&c->candidate[k], hidden, sizeof hidden);
        string_print(&text, "loss %.4g with %s%s%.3g", mean_of(c, c->loss, k), widths ? hidden : "",
                     widths ? " and " : "", c->candidate[k].l2);
    }
    if (best == c->middle) {
        string_add(&text, "; no other is better than this, the usual one, by more than chance");
    }
    snprintf(why, size, "%s", text.failed ? "" : text.data);
    memory_free(text.data);
}

enum { PENALTIES = 4 };

/** The first of the penalties that are tried. */
static size_t weakest_of(const struct dataset *train)
{
    return train->class_index ? 0 : 1;
}

static size_t folds_of(const struct dataset *train)
{
    return train->rows < MANY_ROWS ? FOLDS : FOLDS_OF_MANY;
}

/** Every network with every penalty. */
static void list_candidates(struct choosing *c, const struct choose_network *network,
                            size_t networks)
{
    size_t weakest = weakest_of(&c->data->train);
    c->middle = 2 - weakest;
    for (size_t n = 0; n < networks; n++) {
        double usual = network[n].run->l2;
        const double l2[PENALTIES] = {usual / 100, usual / 10, usual, usual * 10};
        for (size_t k = weakest; k < PENALTIES; k++) {
            c->candidate[c->candidates++] = (struct candidate){&network[n], l2[k]};
        }
    }
}

/** What a run by one worker takes: its own, a copy of the weights, which rows are in the fold. */
static size_t run_bytes(const struct run_recipe *run, const struct dataset *set)
{
    struct trainer_memory m;
    if (trainer_memory(run, set->rows, false, 1, &m, NULL)) {
        return SIZE_MAX;
    }
    size_t held = set->rows / FOLDS;
    size_t row = 2 * sizeof(uint32_t) + (run->row_weight ? sizeof *run->row_weight : 0);
    return m.weights + m.states + m.partials + m.workspaces + m.order + m.others +
           shape_parameters(&run->shape) * sizeof(double) + set->rows * row +
           dataset_take_bytes(set, set->rows - held) + dataset_take_bytes(set, held);
}

size_t choose_at_once(const struct run_recipe *run, const struct dataset *train, size_t workers,
                      size_t max_memory, size_t *bytes)
{
    size_t limit = max_memory ? max_memory : memory_available("", 1);
    size_t each = run_bytes(run, train);
    size_t fit = limit ? limit / 2 / each : workers;
    size_t networks = run->choose_width ? CHOOSE_NETWORKS : 1;
    size_t runs = folds_of(train) * (PENALTIES - weakest_of(train)) * networks;
    size_t count = cluster_ranks() > 1 ? 1 : fit < workers ? fit : workers;
    count = count < runs ? count : runs;
    count = count > 1 ? count : 1;
    *bytes = each < SIZE_MAX / count ? count * each : SIZE_MAX;
    return count;
}

heddle_status choose(const struct choose_network *network, size_t networks,
                     const struct encoded *data, struct workers *workers, bool lent, enum bind bind,
                     size_t max_memory, const heddle_callbacks *callbacks, size_t *chosen,
                     double *l2, char *why, size_t size, heddle_error *err)
{
    struct choosing c = {
        .network = network,
        .data = data,
        .folds = folds_of(&data->train),
        .max_memory = max_memory,
        .callbacks = callbacks,
        .all = workers,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    heddle_status status = HEDDLE_OK;
    list_candidates(&c, network, networks);
    tell(&c, 0);
    size_t bytes;
    size_t all = (size_t)team_workers(workers->team);
    size_t count = choose_at_once(network[networks - 1].run, &data->train, all, max_memory, &bytes);
    if (lent || (count == 1 && all > 1) || cluster_ranks() > 1) {
        take_runs(&c, 0);
    } else {
        status = workers_apart(workers, count, bind, take_runs, &c, &c.one, err);
    }
    if (!status && c.status) {
        status = c.status;
        if (err) {
            *err = c.err;
        }
    }
    if (!status && atomic_load(&c.stop)) {
        status =
            status_set(err, HEDDLE_E_STOPPED,
                       "stopped before the first step: there is no state to keep, the same command "
                       "begins again");
    }
    if (!status) {
        size_t best = decide(&c);
        *chosen = (size_t)(c.candidate[best].network - network);
        *l2 = c.candidate[best].l2;
        explain(&c, best, networks > 1, why, size);
    }
    return status;
}
