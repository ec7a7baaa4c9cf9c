/** Folds and searches: who is held out, and that a run among others is the run by itself. */
#include <criterion/criterion.h>

#include "base/memory.h"
#include "data/split.h"
#include "data/table.h"
#include "training.h"

enum { ROWS = 103 };

/** Class of row r: sizes 60, 30 and 13, in no order. */
static uint32_t class_of(size_t r)
{
    size_t k = r * 37 % ROWS;
    return k < 60 ? 0 : k < 90 ? 1 : 2;
}

Test(split, folds_hold_every_row_out_once_and_share_the_classes)
{
    static const size_t sizes[3] = {60, 30, 13};
    uint32_t codes[ROWS], train[ROWS], held[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        codes[r] = class_of(r);
    }
    for (size_t folds = 2; folds <= 13; folds++) {
        int times[ROWS] = {0};
        for (size_t f = 0; f < folds; f++) {
            size_t n_train, n_held, of[3] = {0};
            cr_assert(!split_fold(7, folds, f, codes, ROWS, train, &n_train, held, &n_held, NULL));
            cr_assert(n_train + n_held == ROWS);
            cr_assert(n_held == ROWS / folds || n_held == ROWS / folds + 1);
            for (size_t i = 0; i < n_held; i++) {
                times[held[i]]++;
                of[codes[held[i]]]++;
            }
            for (size_t k = 0; k < 3; k++) {
                cr_assert(of[k] == sizes[k] / folds || of[k] == sizes[k] / folds + 1);
            }
        }
        for (size_t r = 0; r < ROWS; r++) {
            cr_assert_eq(times[r], 1);
        }
    }
}

Test(split, folds_depend_on_the_seed_alone)
{
    uint32_t train[3][ROWS], held[3][ROWS];
    size_t n, m;
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert(!split_fold(i / 2, 5, 2, NULL, ROWS, train[i], &n, held[i], &m, NULL));
    }
    cr_assert(memcmp(held[0], held[1], m * sizeof **held) == 0);
    cr_assert(memcmp(held[0], held[2], m * sizeof **held) != 0);
}

Test(split, rows_without_a_class_are_in_no_fold)
{
    uint32_t codes[6] = {0, TABLE_MISSING, 0, 0, TABLE_MISSING, 0}, train[6], held[6];
    size_t n_train, n_held;
    for (size_t f = 0; f < 2; f++) {
        cr_assert(!split_fold(0, 2, f, codes, 6, train, &n_train, held, &n_held, NULL));
        cr_assert(n_train == 4 && n_held == 2);
        cr_assert(codes[held[0]] == 0 && codes[held[1]] == 0);
    }
}

Test(split, too_many_folds_are_refused)
{
    uint32_t codes[6] = {0, 0, 0, 1, 1, 0}, train[6], held[6];
    size_t n, m;
    heddle_error err;
    cr_assert(split_fold(0, 7, 0, NULL, 6, train, &n, held, &m, &err) == HEDDLE_E_ARGUMENT);
    cr_assert(strstr(err.text, "--cv 7") && strstr(err.text, "6"), "%s", err.text);
    cr_assert(split_fold(0, 3, 0, codes, 6, train, &n, held, &m, &err) == HEDDLE_E_ARGUMENT);
    cr_assert(strstr(err.text, "row 4") && strstr(err.text, "2 rows"), "%s", err.text);
    cr_assert(!split_fold(0, 2, 0, codes, 6, train, &n, held, &m, &err));
}

/** A search of "name=list …" over a base recipe. */
static heddle_search *search_of(const char *base, const char *lists)
{
    heddle_recipe *recipe = recipe_of(base);
    heddle_search *search;
    heddle_error err;
    char text[256];
    cr_assert(!heddle_search_create(recipe, &search, NULL));
    snprintf(text, sizeof text, "%s", lists);
    for (char *rest, *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *list = strchr(word, '=');
        *list++ = 0;
        cr_assert(!heddle_search_vary(search, word, list, &err), "%s", err.text);
    }
    heddle_recipe_free(recipe);
    return search;
}

static void run_search(heddle_search *search, const heddle_table *table, size_t folds,
                       heddle_trial *trials)
{
    const heddle_search_options options = {.folds = folds};
    heddle_error err;
    cr_assert(!heddle_search_run(search, table, NULL, NULL, &options, NULL, trials, &err), "%s",
              err.text);
}

Test(search, a_candidate_is_what_it_is_when_run_alone)
{
    static const char *const bases[] = {"epochs=3 threads=1", "epochs=3 threads=3",
                                        "epochs=3 threads=3 precision=double"};
    heddle_table *table = table_of("builtin:digits");
    for (size_t b = 0; b < 3; b++) {
        heddle_search *search =
            search_of(bases[b], "hidden=20,10/30 optimizer=sgd,adam dropout=0/0.2 l2=0,1e-3");
        heddle_trial trials[16];
        cr_assert_eq(heddle_search_candidates(search), 16);
        run_search(search, table, 0, trials);
        for (size_t i = 0; i < 16; i++) {
            heddle_model *model;
            heddle_result result;
            const heddle_recipe *recipe = heddle_search_recipe(search, trials[i].candidate);
            cr_assert(!heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, &result, NULL));
            cr_assert_str_eq(trials[i].sha256[0], result.sha256);
            cr_assert(trials[i].mean == result.validation.accuracy);
            cr_assert(trials[i].loss == result.validation.loss);
            cr_assert(i == 0 || trials[i - 1].mean >= trials[i].mean);
            heddle_result_done(&result);
            heddle_model_free(model);
        }
        heddle_trials_done(trials, 16);
        heddle_search_free(search);
    }
    heddle_table_free(table);
}

/* What the digits' rows of a list are, as a table of their own. */
static heddle_table *part_of(const heddle_table *table, const uint32_t *rows, size_t count)
{
    size_t width = heddle_table_columns(table) - 1;
    double *inputs = calloc(count * width, sizeof *inputs),
           *targets = calloc(count, sizeof *targets);
    heddle_table *part;
    for (size_t r = 0; r < count; r++) {
        for (size_t i = 0; i < width; i++) {
            heddle_table_numbers(table, i, rows[r], 1, &inputs[r * width + i]);
        }
        heddle_table_numbers(table, width, rows[r], 1, &targets[r]);
    }
    cr_assert(!heddle_table_from_arrays(inputs, width, targets, 1, count, &part, NULL));
    free(inputs);
    free(targets);
    return part;
}

Test(search, a_fold_knows_nothing_of_the_rows_held_out)
{
    static const char options[] = "epochs=4 hidden=12 seed=5 task=classify";
    heddle_table *digits = table_of("builtin:digits");
    uint32_t *rows = calloc(400, sizeof *rows), *codes = calloc(400, sizeof *codes);
    uint32_t *train = calloc(400, sizeof *train), *held = calloc(400, sizeof *held);
    for (uint32_t r = 0; r < 400; r++) {
        double label;
        rows[r] = r;
        heddle_table_numbers(digits, heddle_table_columns(digits) - 1, r, 1, &label);
        codes[r] = (uint32_t)label;
    }
    heddle_table *table = part_of(digits, rows, 400);
    heddle_search *search = search_of(options, "");
    heddle_trial trial;
    run_search(search, table, 5, &trial);
    cr_assert_eq(trial.runs, 5);
    double mean = 0;
    for (size_t f = 0; f < 5; f++) {
        size_t n_train, n_held;
        char want[65], all[128];
        cr_assert(!split_fold(5, 5, f, codes, 400, train, &n_train, held, &n_held, NULL));
        heddle_table *part = part_of(digits, train, n_train);
        snprintf(all, sizeof all, "%s validation=0", options);
        model_hash(part, all, want);
        cr_assert_str_eq(trial.sha256[f], want, "fold %zu", f);
        cr_assert_eq(trial.score[f].rows, n_held);
        mean += trial.score[f].accuracy / 5;
        heddle_table_free(part);
    }
    cr_assert(trial.mean - mean < 1e-12 && mean - trial.mean < 1e-12);
    cr_assert(trial.deviation > 0 && trial.deviation < 0.2);
    heddle_trials_done(&trial, 1);
    heddle_search_free(search);
    heddle_table_free(table);
    heddle_table_free(digits);
    free(rows);
    free(codes);
    free(train);
    free(held);
}

Test(search, a_large_network_has_all_workers_and_the_same_bits)
{
    heddle_table *table = table_of("builtin:digits");
    heddle_search *search = search_of("steps=9 hidden=1000,300 threads=2 activation=linear",
                                      "optimizer=sgd,momentum rate=1e-2/1e6");
    heddle_trial trials[4];
    run_search(search, table, 0, trials);
    cr_assert(trials[0].parameters > 1 << 18);
    for (size_t i = 0; i < 4; i++) {
        char want[65];
        const char *name, *optimizer = heddle_search_value(search, trials[i].candidate, 0, &name);
        char options[128];
        cr_assert_str_eq(name, "optimizer");
        cr_assert_eq(trials[i].diverged, i >= 2);
        snprintf(options, sizeof options,
                 "steps=9 hidden=1000,300 activation=linear rate=1e-2 optimizer=%s", optimizer);
        if (!trials[i].diverged) {
            model_hash(table, options, want);
            cr_assert_str_eq(trials[i].sha256[0], want);
        }
    }
    heddle_trials_done(trials, 4);
    heddle_search_free(search);
    heddle_table_free(table);
}

Test(search, a_draw_is_a_part_of_the_grid_and_depends_on_the_seed)
{
    char seen[3][256] = {"", "", ""};
    for (size_t i = 0; i < 3; i++) {
        heddle_search *search =
            search_of(i == 1 ? "seed=1" : "seed=0", "hidden=1/2/3/4 batch=1,2,3,4,5");
        cr_assert(!heddle_search_draw(search, 7, NULL));
        cr_assert_eq(heddle_search_candidates(search), 7);
        for (size_t c = 0; c < 7; c++) {
            const char *name;
            char pair[32];
            snprintf(pair, sizeof pair, "%s-%s ", heddle_search_value(search, c, 0, &name),
                     heddle_search_value(search, c, 1, &name));
            cr_assert(strstr(seen[i], pair) == NULL, "%s twice", pair);
            strcat(seen[i], pair);
            cr_assert(heddle_search_value(search, c, 2, &name) == NULL);
        }
        heddle_search_free(search);
    }
    cr_assert_str_eq(seen[0], seen[2]);
    cr_assert(strcmp(seen[0], seen[1]) != 0);
}

Test(search, lists_know_what_separates_them)
{
    cr_assert_eq(heddle_search_values("hidden", "32,64/128"), 2);
    cr_assert_eq(heddle_search_values("activation", "relu,tanh"), 1);
    cr_assert_eq(heddle_search_values("rate", "1e-2,1e-3/1"), 3);
    cr_assert_eq(heddle_search_values("class-weights", "a:1,b:2"), 1);
    cr_assert_eq(heddle_search_values("target", "a,b"), 1);
    cr_assert_eq(heddle_search_values("threads", "1,2"), 1);
    cr_assert_eq(heddle_search_values("init", "./a/model"), 1);
    cr_assert_eq(heddle_search_values("nothing", "1,2"), 1);
}

Test(search, what_cannot_be_is_refused_before_anything_runs)
{
    static const struct {
        const char *data, *base, *lists;
        size_t folds;
        const char *named;
    } rows[] = {
        {"builtin:xor", "", "rate=1,2", 0, "--validation"},
        {"builtin:digits", "validation=0", "rate=1,2", 0, "--cv"},
        {"builtin:digits", "batch=50", "optimizer=adam,rprop", 0, "--batch full"},
        {"builtin:digits", "", "rate=1,2", 1, "2 folds"},
        {"builtin:digits", "", "", 2000, "--cv 2000"},
        {"builtin:digits", "", "", 200, "--cv 200"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        heddle_table *table = table_of(rows[i].data);
        heddle_search *search = search_of(rows[i].base, rows[i].lists);
        const heddle_search_options options = {.folds = rows[i].folds};
        heddle_trial trials[4];
        heddle_error err = {0};
        cr_assert(heddle_search_run(search, table, NULL, NULL, &options, NULL, trials, &err) ==
                  HEDDLE_E_ARGUMENT);
        cr_assert(strstr(err.text, rows[i].named), "row %zu: %s", i, err.text);
        heddle_search_free(search);
        heddle_table_free(table);
    }
    heddle_error err;
    heddle_search *search = search_of("", "");
    cr_assert(heddle_search_vary(search, "rate", "1,-1", &err) == HEDDLE_E_ARGUMENT);
    cr_assert(strstr(err.text, "--rate"), "%s", err.text);
    cr_assert(heddle_search_vary(search, "rate", "1,1", &err) == HEDDLE_E_ARGUMENT);
    cr_assert(heddle_search_vary(search, "raet", "1", &err) == HEDDLE_E_ARGUMENT);
    cr_assert(!heddle_search_vary(search, "rate", "1,2", &err));
    cr_assert(heddle_search_vary(search, "rate", "3,4", &err) == HEDDLE_E_ARGUMENT);
    cr_assert(heddle_search_draw(search, 0, &err) == HEDDLE_E_ARGUMENT);
    heddle_search_free(search);
}

static int stop_now(void *user)
{
    return ++*(int *)user >= 3;
}

Test(search, can_be_stopped)
{
    for (int threads = 1; threads <= 3; threads += 2) {
        char base[64];
        snprintf(base, sizeof base, "hidden=5 epochs=100000 threads=%d", threads);
        int asked = 0;
        const heddle_callbacks callbacks = {.user = &asked, .stop = stop_now};
        heddle_table *table = table_of("builtin:digits");
        heddle_search *search = search_of(base, "rate=1e-2,1e-3,1e-4,1e-5");
        heddle_trial trials[4];
        cr_assert(heddle_search_run(search, table, NULL, NULL, NULL, &callbacks, trials, NULL) ==
                  HEDDLE_E_STOPPED);
        heddle_search_free(search);
        heddle_table_free(table);
    }
}

Test(search, without_memory_it_says_so_and_leaves_nothing)
{
    heddle_table *table = table_of("builtin:spirals");
    heddle_search *search = search_of("steps=9 hidden=3 threads=1", "rate=1e-2,1e-3");
    heddle_status status = HEDDLE_E_MEMORY;
    for (size_t n = 1; status; n++) {
        const heddle_search_options options = {.folds = 2};
        heddle_trial trials[2];
        memory_fail_at(n, false);
        status = heddle_search_run(search, table, NULL, NULL, &options, NULL, trials, NULL);
        memory_fail_at(0, false);
        cr_assert(status == HEDDLE_OK || status == HEDDLE_E_MEMORY, "allocation %zu: %s", n,
                  heddle_status_name(status));
        if (!status) {
            cr_assert(n > 50);
            heddle_trials_done(trials, 2);
        }
    }
    heddle_search_free(search);
    heddle_table_free(table);
}
