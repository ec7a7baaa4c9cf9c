/** compare: see compare.h. */
#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "output.h"

enum { LISTED = 30 }; /* candidates of a table for people */

/** The numbers that are shown of a score. */
static const struct metric {
    const char *heading, *key;
    size_t at; /* in a heddle_score */
    bool classes, numbers;
} metrics[] = {
    {"accuracy", "accuracy", offsetof(heddle_score, accuracy), true, false},
    {"balanced", "balanced_accuracy", offsetof(heddle_score, balanced_accuracy), true, false},
    {"log loss", "log_loss", offsetof(heddle_score, log_loss), true, false},
    {"AUC", "auc", offsetof(heddle_score, auc), true, false},
    {"R²", "r2", offsetof(heddle_score, r2), false, true},
    {"rmse", "rmse", offsetof(heddle_score, rmse), false, true},
    {"mae", "mae", offsetof(heddle_score, mae), false, true},
    {"loss", "loss", offsetof(heddle_score, loss), true, true},
};
enum { METRICS = sizeof metrics / sizeof metrics[0] };

static bool has(const heddle_trial *trial, const struct metric *metric)
{
    return trial->score[0].classify ? metric->classes : metric->numbers;
}

static double value(const heddle_trial *trial, size_t run, const struct metric *metric)
{
    return *(const double *)((const char *)&trial->score[run] + metric->at);
}

static void mean_of(const heddle_trial *trial, const struct metric *metric, double *mean,
                    double *deviation)
{
    double sum = 0;
    double square = 0;
    for (size_t r = 0; r < trial->runs; r++) {
        sum += value(trial, r, metric);
    }
    *mean = sum / (double)trial->runs;
    for (size_t r = 0; r < trial->runs; r++) {
        double d = value(trial, r, metric) - *mean;
        square += d * d;
    }
    *deviation = trial->runs > 1 ? sqrt(square / (double)(trial->runs - 1)) : (double)NAN;
}

/* ------------------------------------------------------------------- before ------------------ */

bool compare_wanted(const struct command_line *line)
{
    return option_given(line, "cv") != NULL || option_given(line, "search") != NULL;
}

/** A whole number of at least `least`; 0 if it is none. */
static size_t whole(const char *text, size_t least)
{
    double number;
    bool is = text_number(text, &number) && number >= (double)least && number <= 1e9 &&
              number == floor(number);
    return is ? (size_t)number : 0;
}

static int read_options(struct compare *compare, const struct command_line *line)
{
    const char *cv = option_given(line, "cv");
    const char *search = option_given(line, "search");
    if (cv != NULL && (compare->folds = whole(cv, 2)) == 0) {
        return misuse(line->command, "--cv '%s': a number of folds is 2 or more", cv);
    }
    if (cv != NULL && option_given(line, "validation") != NULL) {
        return misuse(line->command,
                      "--cv holds rows of its own out: leave out --validation, or --cv");
    }
    if (search != NULL && strcmp(search, "grid") != 0 &&
        (strncmp(search, "random:", 7) != 0 || (compare->draw = whole(search + 7, 1)) == 0)) {
        return misuse(line->command, "--search '%s': there are grid and random:N", search);
    }
    return 0;
}

/** The options that were given as lists. */
static size_t find_lists(const struct command_line *line, const char **names)
{
    size_t lists = 0;
    for (size_t i = 0; i < line->own; i++) {
        const char *name = line->options[i].name;
        if (line->values[i] != NULL && heddle_search_values(name, line->values[i]) > 1) {
            names[lists++] = name;
        }
    }
    return lists;
}

int compare_recipe(struct compare *compare, const struct command_line *line,
                   const char *const *except, heddle_recipe *recipe)
{
    heddle_error err;
    int status = read_options(compare, line);
    if (status != 0) {
        return status;
    }
    size_t fixed = 0;
    const char **skip = need(line->own + 8, sizeof *skip);
    for (; except[fixed] != NULL; fixed++) {
        skip[fixed] = except[fixed];
    }
    const char **lists = skip + fixed;
    size_t count = find_lists(line, lists);
    bool search = option_given(line, "search") != NULL;
    if (!search) {
        lists[0] = NULL;
    }
    if (options_to_recipe(line, skip, recipe, &err) != HEDDLE_OK) {
        bool list = !search && count > 0 && err.status == HEDDLE_E_ARGUMENT;
        status =
            list ? misuse(line->command, "%s; --search grid tries the values of a list", err.text)
                 : refuse(line, &err);
    } else if (search && count == 0) {
        status = misuse(line->command, "--search needs lists of values to try, such as --hidden "
                                       "32,64/128 or --rate 1e-2,1e-3");
    } else if (compare_wanted(line)) {
        heddle_status made = heddle_search_create(recipe, &compare->search, &err);
        for (size_t k = 0; made == HEDDLE_OK && search && k < count; k++) {
            made =
                heddle_search_vary(compare->search, lists[k], option_given(line, lists[k]), &err);
        }
        if (made == HEDDLE_OK && compare->draw > 0) {
            made = heddle_search_draw(compare->search, compare->draw, &err);
        }
        status = made == HEDDLE_OK ? 0 : refuse(line, &err);
    }
    free(skip);
    return status;
}

/* ------------------------------------------------------------------- the runs ---------------- */

/** Put the values of a candidate into the recipe, of which a model is then made. */
static heddle_status settle(struct compare *compare, size_t candidate, heddle_recipe *recipe,
                            heddle_error *err)
{
    heddle_status status = HEDDLE_OK;
    const char *name;
    const char *value;
    for (size_t k = 0; status == HEDDLE_OK &&
                       (value = heddle_search_value(compare->search, candidate, k, &name)) != NULL;
         k++) {
        status = heddle_recipe_set(recipe, name, value, err);
    }
    if (status == HEDDLE_OK && compare->folds > 0) {
        status = heddle_recipe_set(recipe, "validation", "0", err);
    }
    if (status == HEDDLE_OK && compare->folds > 0 &&
        strcmp(heddle_recipe_get(recipe, "patience"), "none") != 0) {
        status = heddle_recipe_set(recipe, "watch", "training", err); /* no other rows are left */
    }
    return status;
}

static void on_run(void *user, size_t done, size_t runs)
{
    progress_runs(user, done, runs);
}

heddle_status compare_run(struct compare *compare, const heddle_table *table,
                          const heddle_table *validation, const heddle_model *initial,
                          struct progress *progress, const heddle_callbacks *callbacks,
                          heddle_recipe *recipe, heddle_error *err)
{
    const heddle_search_options options = {
        .folds = compare->folds, .progress = on_run, .user = progress};
    compare->count = heddle_search_candidates(compare->search);
    compare->trials = need(compare->count, sizeof *compare->trials);
    heddle_status status = heddle_search_run(compare->search, table, validation, initial, &options,
                                             callbacks, compare->trials, err);
    if (status == HEDDLE_OK && compare->trials[0].diverged) {
        snprintf(err->text, sizeof err->text,
                 "training diverged with every candidate; a smaller --rate may help");
        status = err->status = HEDDLE_E_DIVERGED;
    }
    return status == HEDDLE_OK ? settle(compare, compare->trials[0].candidate, recipe, err)
                               : status;
}

/** What it takes besides the data, which are the same for all candidates. */
static size_t bytes_of(const heddle_estimate *e)
{
    return e->parameter_bytes + e->state_bytes + e->partial_bytes + e->workspace_bytes +
           e->keep_bytes;
}

heddle_status compare_estimate(struct compare *compare, const heddle_table *table,
                               const heddle_table *validation, const heddle_table *test,
                               const heddle_model *initial, const heddle_callbacks *callbacks,
                               heddle_recipe *recipe, heddle_estimate *estimate, heddle_error *err)
{
    heddle_status status = HEDDLE_OK;
    *estimate = (heddle_estimate){0};
    compare->count = compare->search != NULL ? heddle_search_candidates(compare->search) : 1;
    for (size_t i = 0; status == HEDDLE_OK && i < compare->count; i++) {
        heddle_estimate e;
        if (compare->search != NULL) {
            status = settle(compare, i, recipe, err);
        }
        if (status == HEDDLE_OK) {
            status = heddle_train_estimate(recipe, table, validation, test, initial,
                                           i == 0 ? callbacks : NULL, &e, err);
        }
        if (status == HEDDLE_OK && (i == 0 || bytes_of(&e) > bytes_of(estimate))) {
            *estimate = e;
        }
    }
    return status;
}

/* ------------------------------------------------------------------- results ----------------- */

static void print_heading(const char *text, int width)
{
    printf("%*s%s", (int)(width - (int)text_width(text)), "", text);
}

static void print_folds(const heddle_trial *trial)
{
    print_cell(stdout, "fold", 12);
    print_heading("rows", 8);
    for (size_t m = 0; m < METRICS; m++) {
        if (has(trial, &metrics[m])) {
            print_heading(metrics[m].heading, 12);
        }
    }
    putchar('\n');
    for (size_t r = 0; r < trial->runs; r++) {
        printf("%-12zu%8zu", r + 1, trial->score[r].rows);
        for (size_t m = 0; m < METRICS; m++) {
            if (has(trial, &metrics[m])) {
                printf("%12.6g", value(trial, r, &metrics[m]));
            }
        }
        putchar('\n');
    }
    for (int row = 0; row < 2; row++) {
        print_cell(stdout, row == 0 ? "mean" : "deviation", 20);
        for (size_t m = 0; m < METRICS; m++) {
            double number[2];
            if (has(trial, &metrics[m])) {
                mean_of(trial, &metrics[m], &number[0], &number[1]);
                printf("%12.6g", number[row]);
            }
        }
        putchar('\n');
    }
}

static void print_values(struct compare *compare, size_t candidate)
{
    const char *name;
    const char *text;
    for (size_t k = 0; (text = heddle_search_value(compare->search, candidate, k, &name)) != NULL;
         k++) {
        printf("  --%s ", name);
        print_cell(stdout, text, 0);
    }
    putchar('\n');
}

static void print_ranks(struct compare *compare)
{
    print_cell(stdout, "rank", 6);
    print_heading(compare->trials[0].score[0].classify ? "accuracy" : "R²", 10);
    printf("%s", compare->folds > 0 ? "   deviation" : "");
    puts("        loss  parameters   seconds  options");
    for (size_t i = 0; i < compare->count && i < LISTED; i++) {
        const heddle_trial *trial = &compare->trials[i];
        printf("%-6zu", i + 1);
        if (trial->diverged) {
            printf("%10s%s%12s%12s%10s", "diverged", compare->folds > 0 ? "            " : "", "-",
                   "-", "-");
        } else {
            printf("%10.6g", trial->mean);
            if (compare->folds > 0) {
                printf("%12.6g", trial->deviation);
            }
            printf("%12.6g%12zu%10.3g", trial->loss, trial->parameters, trial->seconds);
        }
        print_values(compare, trial->candidate);
    }
    if (compare->count > LISTED) {
        printf("… and %zu more, all in --json\n", compare->count - LISTED);
    }
}

void compare_print(struct compare *compare)
{
    const char *name;
    bool search = heddle_search_value(compare->search, 0, 0, &name) != NULL;
    if (search) {
        print_ranks(compare);
        putchar('\n');
    }
    if (compare->folds > 0) {
        print_folds(&compare->trials[0]);
        putchar('\n');
    }
}

static json_t *metrics_json(const heddle_trial *trial)
{
    json_t *object = json_object();
    for (size_t m = 0; m < METRICS; m++) {
        double mean;
        double deviation;
        if (has(trial, &metrics[m])) {
            json_t *both = json_object();
            mean_of(trial, &metrics[m], &mean, &deviation);
            json_put(both, "mean", json_number(mean));
            json_put(both, "deviation", json_number(deviation));
            json_put(object, metrics[m].key, both);
        }
    }
    return object;
}

static json_t *runs_json(const heddle_trial *trial)
{
    json_t *runs = json_array();
    for (size_t r = 0; r < trial->runs; r++) {
        json_t *run = json_object();
        json_put(run, "rows", json_count(trial->score[r].rows));
        for (size_t m = 0; m < METRICS; m++) {
            if (has(trial, &metrics[m])) {
                json_put(run, metrics[m].key, json_number(value(trial, r, &metrics[m])));
            }
        }
        json_put(run, "sha256", json_text(trial->sha256[r]));
        json_array_append_new(runs, run);
    }
    return runs;
}

static json_t *trial_json(struct compare *compare, size_t rank)
{
    const heddle_trial *trial = &compare->trials[rank];
    const char *name;
    const char *text;
    json_t *object = json_object();
    json_t *values = json_object();
    for (size_t k = 0;
         (text = heddle_search_value(compare->search, trial->candidate, k, &name)) != NULL; k++) {
        json_put(values, name, json_text(text));
    }
    json_put(object, "rank", json_count(rank + 1));
    json_put(object, "options", values);
    json_put(object, "diverged", json_boolean(trial->diverged));
    if (!trial->diverged) {
        json_put(object, "shape", json_text(trial->shape));
        json_put(object, "parameters", json_count(trial->parameters));
        json_put(object, "seconds", json_number(trial->seconds));
        json_put(object, "metrics", metrics_json(trial));
        json_put(object, "runs", runs_json(trial));
    }
    return object;
}

void compare_json(struct compare *compare, json_t *object)
{
    const char *name;
    if (compare->folds > 0) {
        json_t *cv = json_object();
        json_put(cv, "folds", json_count(compare->folds));
        json_put(cv, "metrics", metrics_json(&compare->trials[0]));
        json_put(cv, "runs", runs_json(&compare->trials[0]));
        json_put(object, "cv", cv);
    }
    if (heddle_search_value(compare->search, 0, 0, &name) != NULL) {
        json_t *search = json_array();
        for (size_t i = 0; i < compare->count; i++) {
            json_array_append_new(search, trial_json(compare, i));
        }
        json_put(object, "search", search);
    }
}

void compare_done(struct compare *compare)
{
    heddle_trials_done(compare->trials, compare->count);
    free(compare->trials);
    heddle_search_free(compare->search);
}
