/**
 * search: candidates and their runs. A candidate is a number in a mixed base, one digit for each
 * option that varies, the last one fastest; what is wanted of it is made when it is asked for.
 *
 * A run is fit() and nothing else, so a candidate's model is the one that heddle_train() makes.
 * Small networks gain nothing from several workers: then each worker of a team takes the next run
 * that nobody has, and is a team of one in it. Who takes which run decides nothing.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/available.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "kernel/dispatch.h"
#include "machine/cluster.h"
#include "train/fit.h"

/**
 * Networks of more parameters are trained one after the other: 1 MiB of floats, and as much of
 * weight deltas, is what the second-level cache of a core holds.
 */
enum { SMALL_PARAMETERS = 1 << 18 };

enum { CANDIDATES_MAX = 1000000 };

struct varied {
    enum option option;
    char *list; /* the values, each with a final 0 */
    size_t values;
};

struct heddle_search {
    heddle_recipe *base;
    struct varied varied[OPTION_COUNT];
    size_t count;
    size_t candidates;
    uint32_t *drawn;       /* (candidates) those that were drawn, or NULL: all */
    heddle_recipe *recipe; /* the last one asked for */
};

/* ------------------------------------------------------------------ candidates -------------- */

heddle_status heddle_search_create(const heddle_recipe *base, heddle_search **search,
                                   heddle_error *err)
{
    heddle_search *made = memory_new(1, sizeof *made);
    if (made) {
        made->base = recipe_copy(base);
        made->candidates = 1;
    }
    if (!made || !made->base) {
        heddle_search_free(made);
        return status_memory(err, "a search", sizeof *made);
    }
    *search = made;
    return HEDDLE_OK;
}

void heddle_search_free(heddle_search *search)
{
    if (search) {
        for (size_t k = 0; k < search->count; k++) {
            memory_free(search->varied[k].list);
        }
        heddle_recipe_free(search->base);
        heddle_recipe_free(search->recipe);
        memory_free(search->drawn);
        memory_free(search);
    }
}

static size_t count_values(enum option option, const char *list)
{
    const char *separators = recipe_separators(option);
    size_t values = 1;
    for (const char *c = list; *separators && *c; c++) {
        values += strchr(separators, *c) != NULL;
    }
    return values;
}

size_t heddle_search_values(const char *name, const char *list)
{
    size_t option = recipe_find(name);
    return option < OPTION_COUNT ? count_values((enum option)option, list) : 1;
}

/** Value i of a list. */
static const char *value_of(const struct varied *varied, size_t i)
{
    const char *value = varied->list;
    for (; i > 0; i--) {
        value += strlen(value) + 1;
    }
    return value;
}

heddle_status heddle_search_vary(heddle_search *search, const char *name, const char *list,
                                 heddle_error *err)
{
    size_t option = recipe_find(name);
    if (option == OPTION_COUNT) {
        return heddle_recipe_set(search->base, name, list, err);
    }
    struct varied *varied = &search->varied[search->count];
    for (size_t k = 0; k < search->count; k++) {
        if (search->varied[k].option == (enum option)option) {
            return status_set(err, HEDDLE_E_ARGUMENT, "--%s varies already", name);
        }
    }
    size_t values = count_values((enum option)option, list);
    if (search->candidates > CANDIDATES_MAX / values || search->drawn) {
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "--%s '%s': more than %d candidates; shorter lists make fewer", name,
                          list, CANDIDATES_MAX);
    }
    char *copy = memory_string(list);
    if (!copy) {
        return status_memory(err, "a list", strlen(list) + 1);
    }
    for (char *c = copy; values > 1 && *c; c++) {
        *c = strchr(recipe_separators((enum option)option), *c) ? 0 : *c;
    }
    struct varied made = {.option = (enum option)option, .list = copy, .values = values};
    heddle_status status = HEDDLE_OK;
    for (size_t i = 0; !status && i < values; i++) {
        status = heddle_recipe_set(search->base, name, value_of(&made, i), err);
        for (size_t j = 0; !status && j < i; j++) {
            if (strcmp(value_of(&made, i), value_of(&made, j)) == 0) {
                status = status_set(err, HEDDLE_E_ARGUMENT, "--%s '%s': '%s' is there twice", name,
                                    list, value_of(&made, i));
            }
        }
    }
    if (status) {
        memory_free(copy);
        return status;
    }
    *varied = made;
    search->count++;
    search->candidates *= values;
    return HEDDLE_OK;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

heddle_status heddle_search_draw(heddle_search *search, size_t candidates, heddle_error *err)
{
    if (candidates < 1) {
        return status_set(err, HEDDLE_E_ARGUMENT, "a search has at least one candidate");
    }
    if (candidates >= search->candidates) {
        return HEDDLE_OK;
    }
    uint32_t *order = memory_new(search->candidates, sizeof *order);
    if (!order) {
        return status_memory(err, "a draw", search->candidates * sizeof *order);
    }
    random_permutation(recipe_seed(search->base), RANDOM_SEARCH, 0, order, search->candidates);
    qsort(order, candidates, sizeof *order, compare_numbers);
    search->drawn = order;
    search->candidates = candidates;
    return HEDDLE_OK;
}

size_t heddle_search_candidates(const heddle_search *search)
{
    return search->candidates;
}

const char *heddle_search_value(heddle_search *search, size_t i, size_t k, const char **name)
{
    size_t number = search->drawn ? search->drawn[i] : i;
    if (k >= search->count) {
        return NULL;
    }
    for (size_t j = search->count - 1; j > k; j--) {
        number /= search->varied[j].values;
    }
    const struct varied *varied = &search->varied[k];
    *name = heddle_recipe_option(varied->option)->name;
    return value_of(varied, number % varied->values);
}

/** The recipe of candidate i, the caller's; NULL without memory. */
static heddle_recipe *make_recipe(heddle_search *search, size_t i)
{
    heddle_recipe *recipe = recipe_copy(search->base);
    const char *name, *value;
    for (size_t k = 0; recipe && (value = heddle_search_value(search, i, k, &name)); k++) {
        if (heddle_recipe_set(recipe, name, value, NULL)) {
            heddle_recipe_free(recipe);
            recipe = NULL;
        }
    }
    return recipe;
}

const heddle_recipe *heddle_search_recipe(heddle_search *search, size_t i)
{
    heddle_recipe_free(search->recipe);
    search->recipe = make_recipe(search, i);
    return search->recipe;
}

/* ------------------------------------------------------------------ runs -------------------- */

struct searching {
    struct fit_request request; /* of all runs: tables and first weights */
    const heddle_search_options *options;
    const heddle_callbacks *callbacks;
    heddle_recipe **recipe; /* (candidates) */
    heddle_trial *trials;   /* (candidates) in their order */
    double *seconds;        /* (runs) */
    size_t candidates, folds, runs;
    struct workers *lent; /* (workers) teams of one; NULL: runs have all workers */
    _Atomic size_t next;  /* the run that is to be taken */
    atomic_bool stop;     /* asked for, or something failed */
    pthread_mutex_t lock; /* of what follows, and of progress */
    size_t done;
    bool stopped;
    heddle_status status; /* of the lowest run that failed */
    size_t failed;
    heddle_error err;
};

/** The callback of the caller is only for the thread that called. */
static int ask(void *user)
{
    struct searching *s = user;
    if (s->callbacks && s->callbacks->stop &&
        s->callbacks->stop(s->callbacks->user) == HEDDLE_STOP) {
        s->stopped = true;
        atomic_store(&s->stop, true);
    }
    return atomic_load(&s->stop);
}

static int obey(void *user)
{
    struct searching *s = user;
    return atomic_load(&s->stop);
}

/** Ranks go through the runs together: what ends them for one ends them for all. */
static heddle_status agree(struct searching *s, heddle_status status, heddle_error *err)
{
    if (s->lent || cluster_ranks() == 1) {
        return status;
    }
    if (heddle_cluster_agree(s->stopped, (char[1]){""}, 1)) {
        s->stopped = true;
        atomic_store(&s->stop, true);
    }
    return cluster_agree(status, err);
}

static void run_one(struct searching *s, size_t run, int w)
{
    size_t per = s->folds ? s->folds : 1;
    heddle_trial *trial = &s->trials[run / per];
    struct fold fold = {.number = run % per, .folds = s->folds};
    const heddle_callbacks callbacks = {.user = s, .stop = w == 0 ? ask : obey};
    struct fit_request request = s->request;
    heddle_model *model = NULL;
    heddle_result result = {0};
    heddle_error err;
    request.recipe = s->recipe[run / per];
    request.fold = s->folds ? &fold : NULL;
    request.callbacks = &callbacks;
    request.one_of_many = true;
    request.lent = s->lent ? &s->lent[w] : NULL;
    heddle_status status = agree(s, fit(&request, &model, &result, &err), &err);
    heddle_model_free(model);
    pthread_mutex_lock(&s->lock);
    if (status == HEDDLE_E_DIVERGED) {
        trial->diverged = true;
    } else if (status && (!s->status || run < s->failed)) {
        s->status = status;
        s->failed = run;
        s->err = err;
        atomic_store(&s->stop, true);
    } else if (!status) {
        memory_free(result.validation.sample); /* thousands of runs may be kept */
        result.validation.sample = NULL;
        result.validation.sampled = 0;
        trial->score[run % per] = result.validation;
        result.validation = (heddle_score){0};
        memcpy(trial->sha256[run % per], result.sha256, sizeof result.sha256);
        memcpy(trial->shape, result.shape, sizeof trial->shape);
        trial->parameters = result.parameters;
        s->seconds[run] = result.seconds;
    }
    s->done++;
    if (s->options->progress && !atomic_load(&s->stop)) {
        s->options->progress(s->options->user, s->done, s->runs);
    }
    pthread_mutex_unlock(&s->lock);
    heddle_result_done(&result);
}

static void take_runs(void *context, int w)
{
    struct searching *s = context;
    size_t run;
    while (!atomic_load(&s->stop) && (run = atomic_fetch_add(&s->next, 1)) < s->runs) {
        run_one(s, run, w);
    }
    /* Who called stays to ask whether to stop. */
    bool others = w == 0 && s->lent;
    while (others && !ask(s)) {
        const struct timespec wait = {.tv_nsec = 2000000};
        pthread_mutex_lock(&s->lock);
        others = s->done < s->runs;
        pthread_mutex_unlock(&s->lock);
        if (others) {
            nanosleep(&wait, NULL);
        }
    }
}

/** Check every candidate as heddle_train() would, and find the largest network and run. */
static heddle_status check_all(struct searching *s, size_t *parameters, size_t *bytes,
                               heddle_error *err)
{
    heddle_status status = HEDDLE_OK;
    const struct fold fold = {.number = 0, .folds = s->folds};
    const heddle_callbacks notes = {.user = s->callbacks ? s->callbacks->user : NULL,
                                    .note = s->callbacks ? s->callbacks->note : NULL};
    for (size_t i = 0; !status && i < s->candidates; i++) {
        heddle_estimate e;
        struct fit_request request = s->request;
        request.recipe = s->recipe[i];
        request.fold = s->folds ? &fold : NULL;
        request.callbacks = i ? NULL : &notes;
        request.one_of_many = true;
        status = fit_estimate(&request, &e, err);
        if (!status && !e.validation_rows) {
            status = status_set(err, HEDDLE_E_ARGUMENT,
                                "there are no rows to rank candidates by: give --validation or "
                                "--cv");
        }
        if (!status) {
            size_t all = e.data_bytes + e.parameter_bytes + e.state_bytes + e.partial_bytes +
                         e.workspace_bytes;
            *parameters = e.parameters > *parameters ? e.parameters : *parameters;
            *bytes = all > *bytes ? all : *bytes;
        }
    }
    return status;
}

/** How many runs of so many bytes there is memory for at a time; 0: for none. */
static size_t runs_at_once(const struct searching *s, size_t limit, size_t bytes)
{
    size_t most = limit ? limit : memory_available("", 1);
    return s->runs < most / (bytes + 1) ? s->runs : most / (bytes + 1);
}

/** Take the runs in a team whose workers are teams of one. */
static heddle_status run_together(struct searching *s, const heddle_recipe *base, size_t bytes,
                                  heddle_error *err)
{
    struct workers all = {0};
    size_t limit = recipe_max_memory(base);
    heddle_status status = workers_create(base, recipe_threads(base), &all, err);
    size_t count = status ? 0 : runs_at_once(s, limit, bytes);
    if (!status && !count) {
        status = status_set(err, HEDDLE_E_MEMORY,
                            "a run of the search needs %zu bytes, %s: a smaller batch needs less",
                            bytes, limit ? "--max-memory allows less" : "there are less");
    }
    if (!status) {
        status = workers_apart(&all, count, recipe_bind(base), take_runs, s, &s->lent, err);
    }
    workers_done(&all);
    return status;
}

/* ------------------------------------------------------------------ ranking ----------------- */

static double headline(const heddle_score *score)
{
    return score->classify ? score->accuracy : score->r2;
}

static void sum_up(heddle_trial *trial, const double *seconds)
{
    double n = (double)trial->runs;
    trial->mean = trial->loss = trial->deviation = __builtin_nan("");
    for (size_t r = 0; r < trial->runs; r++) {
        trial->seconds += seconds[r];
    }
    if (trial->diverged) {
        return;
    }
    double mean = 0, loss = 0, square = 0;
    for (size_t r = 0; r < trial->runs; r++) {
        mean += headline(&trial->score[r]);
        loss += trial->score[r].loss;
    }
    trial->mean = mean / n;
    trial->loss = loss / n;
    for (size_t r = 0; r < trial->runs; r++) {
        double d = headline(&trial->score[r]) - trial->mean;
        square += d * d;
    }
    trial->deviation = trial->runs > 1 ? __builtin_sqrt(square / (n - 1)) : __builtin_nan("");
}

/** Best first. A NaN (R² of one row) is worse than any number. */
static int compare_values(double x, double y)
{
    if (x != x || y != y) {
        return (x != x) - (y != y);
    }
    return (x < y) - (x > y);
}

static int compare_trials(const void *a, const void *b)
{
    const heddle_trial *x = a;
    const heddle_trial *y = b;
    int order = x->diverged - y->diverged;
    order = order ? order : compare_values(x->mean, y->mean);
    order = order ? order : compare_values(-x->loss, -y->loss);
    return order ? order : (x->candidate > y->candidate) - (x->candidate < y->candidate);
}

void heddle_trials_done(heddle_trial *trials, size_t count)
{
    for (size_t i = 0; trials && i < count; i++) {
        for (size_t r = 0; trials[i].score && r < trials[i].runs; r++) {
            heddle_score_done(&trials[i].score[r]);
        }
        memory_free(trials[i].score);
        memory_free(trials[i].sha256);
        trials[i] = (heddle_trial){0};
    }
}

/** Room for everything. */
static heddle_status take_room(struct searching *s, heddle_search *search, heddle_error *err)
{
    size_t per = s->folds ? s->folds : 1;
    bool complete = true;
    s->recipe = memory_new(s->candidates, sizeof *s->recipe);
    s->trials = memory_new(s->candidates, sizeof *s->trials);
    s->seconds = memory_new(s->runs, sizeof *s->seconds);
    for (size_t i = 0; s->recipe && s->trials && s->seconds && complete && i < s->candidates; i++) {
        s->recipe[i] = make_recipe(search, i);
        s->trials[i].candidate = i;
        s->trials[i].runs = per;
        s->trials[i].score = memory_new(per, sizeof *s->trials[i].score);
        s->trials[i].sha256 = memory_new(per, sizeof *s->trials[i].sha256);
        complete = s->recipe[i] && s->trials[i].score && s->trials[i].sha256;
    }
    complete = complete && s->recipe && s->trials && s->seconds;
    return complete ? HEDDLE_OK : status_memory(err, "a search", s->runs * sizeof(heddle_score));
}

heddle_status heddle_search_run(heddle_search *search, const heddle_table *table,
                                const heddle_table *validation, const heddle_model *initial,
                                const heddle_search_options *options,
                                const heddle_callbacks *callbacks, heddle_trial *trials,
                                heddle_error *err)
{
    static const heddle_search_options plain = {0};
    struct searching s = {
        .request = {.table = table, .validation = validation, .initial = initial},
        .options = options ? options : &plain,
        .callbacks = callbacks,
        .candidates = search->candidates,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    size_t parameters = 0, bytes = 0;
    s.folds = s.options->folds;
    if (s.folds == 1 || s.folds > UINT32_MAX) {
        return status_set(err, HEDDLE_E_ARGUMENT, "--cv %zu: there are at least 2 folds", s.folds);
    }
    if (s.folds && validation) {
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "--cv holds rows of its own out: leave out --validation");
    }
    s.runs = s.candidates * (s.folds ? s.folds : 1);
    heddle_status status = take_room(&s, search, err);
    if (!status) {
        status = check_all(&s, &parameters, &bytes, err);
    }
    status = agree(&s, status, err);
    if (!status && parameters <= SMALL_PARAMETERS && cluster_ranks() == 1) {
        status = run_together(&s, search->base, bytes, err);
    } else if (!status) {
        take_runs(&s, 0);
    }
    if (!status && s.status) {
        status = s.status;
        if (err) {
            *err = s.err;
        }
    }
    if (!status && s.stopped) {
        status = status_set(err, HEDDLE_E_STOPPED, "stopped in run %zu of %zu", s.done, s.runs);
    }
    for (size_t i = 0; !status && i < s.candidates; i++) {
        sum_up(&s.trials[i], s.seconds + i * s.trials[i].runs);
    }
    if (!status) {
        qsort(s.trials, s.candidates, sizeof *s.trials, compare_trials);
        memcpy(trials, s.trials, s.candidates * sizeof *trials);
    } else {
        heddle_trials_done(s.trials, s.trials ? s.candidates : 0);
    }
    for (size_t i = 0; s.recipe && i < s.candidates; i++) {
        heddle_recipe_free(s.recipe[i]);
    }
    memory_free(s.recipe);
    memory_free(s.trials);
    memory_free(s.seconds);
    return status;
}
