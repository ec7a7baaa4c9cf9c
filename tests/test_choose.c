/** L2 chosen by cross-validation, src/train/choose.c. */
#include <math.h>

#include "base/text.h"
#include "train/recipe.h"
#include "training.h"

enum { ROWS = 150, INPUTS = 12 };

/** A class that the first input says, of `wrong` rows in a hundred the other; the rest is noise. */
static heddle_table *classes_of(int wrong)
{
    double x[ROWS * INPUTS], y[ROWS];
    uint64_t state = 1;
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        x[i] = (double)(state >> 33) / (double)(1U << 31) - 0.5;
    }
    for (size_t r = 0; r < ROWS; r++) {
        y[r] = (x[r * INPUTS] > 0) != ((int)(r * 37 % 100) < wrong);
    }
    heddle_table *table;
    cr_assert(heddle_table_from_arrays(x, INPUTS, y, 1, ROWS, &table, NULL) == HEDDLE_OK);
    return table;
}

struct seen {
    char note[512];
    int asked, stop_at;
};

static void take_note(void *user, const char *text)
{
    struct seen *seen = user;
    if (strstr(text, "by cross-validation") != NULL) {
        snprintf(seen->note, sizeof seen->note, "%s", text);
    }
}

static int take_stop(void *user)
{
    struct seen *seen = user;
    return ++seen->asked == seen->stop_at ? HEDDLE_STOP : HEDDLE_GO_ON;
}

/** Train; the recipe's text and the hash of the model. */
static void train(heddle_table *table, const char *options, struct seen *seen, char text[1024],
                  char sha256[65])
{
    heddle_recipe *recipe = recipe_of(options);
    const heddle_callbacks callbacks = {.user = seen, .note = take_note};
    heddle_model *model;
    heddle_result result;
    heddle_error err;
    const char *key, *value;
    cr_assert(heddle_train(recipe, table, NULL, NULL, NULL, &callbacks, &model, &result, &err) ==
                  HEDDLE_OK,
              "%s", err.text);
    text[0] = 0;
    for (size_t i = 0; heddle_model_metadata(model, i, &key, &value); i++) {
        if (strcmp(key, "recipe") == 0) {
            snprintf(text, 1024, "%s", value);
        }
    }
    memcpy(sha256, result.sha256, sizeof result.sha256);
    heddle_result_done(&result);
    heddle_model_free(model);
    heddle_recipe_free(recipe);
}

/** Numbers: waves of the first input, or its trend in noise; the rest is noise in either case. */
static heddle_table *numbers_of(bool waves)
{
    enum { WIDTH = 3 };
    double x[ROWS * WIDTH], y[ROWS];
    uint64_t state = 7;
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        x[i] = (double)(state >> 33) / (double)(1U << 31) - 0.5;
    }
    for (size_t r = 0; r < ROWS; r++) {
        double *row = x + r * WIDTH;
        y[r] = waves ? sin(20 * row[0]) : row[0] + 3 * row[1];
        row[1] = waves ? row[1] / 1e3 : (double)(r * 37 % 100);
    }
    heddle_table *table;
    cr_assert(heddle_table_from_arrays(x, WIDTH, y, 1, ROWS, &table, NULL) == HEDDLE_OK);
    return table;
}

static double l2_of(const char *text)
{
    const char *at = strstr(text, "\"l2\":");
    cr_assert(at != NULL, "%s", text);
    return atof(at + 5);
}

Test(choose, noisy_data_get_more_than_clean_ones)
{
    double l2[2];
    for (int i = 0; i < 2; i++) {
        heddle_table *table = classes_of(i ? 30 : 0);
        struct seen seen = {.asked = 0};
        char text[1024], sha256[65];
        train(table, "validation=0", &seen, text, sha256);
        l2[i] = l2_of(text);
        cr_assert(strstr(seen.note, "cross-validation") != NULL, "%s", seen.note);
        heddle_table_free(table);
    }
    cr_assert(l2[1] > l2[0], "%g %g", l2[0], l2[1]);
    cr_assert(fabs(l2[1] * ROWS - 30) < 1e-9, "%g", l2[1]);
}

Test(choose, chooses_the_same_whoever_works)
{
    heddle_table *table = classes_of(20);
    static const char *const options[] = {"hidden=8 epochs=60 threads=1",
                                          "hidden=8 epochs=60 threads=2",
                                          "hidden=8 epochs=60 threads=3 isa=scalar"};
    char text[3][1024], sha256[3][65];
    for (int i = 0; i < 3; i++) {
        struct seen seen = {.asked = 0};
        train(table, options[i], &seen, text[i], sha256[i]);
        cr_assert_str_eq(text[i], text[0]);
        cr_assert_str_eq(sha256[i], sha256[0]);
    }
    heddle_table_free(table);
}

Test(choose, what_was_chosen_can_be_given)
{
    heddle_table *table = classes_of(20);
    struct seen chosen = {.asked = 0}, given = {.asked = 0};
    char text[2][1024], sha256[2][65], options[128], number[TEXT_NUMBER_SIZE];
    train(table, "hidden=8 epochs=60", &chosen, text[0], sha256[0]);
    text_from_double(l2_of(text[0]), number);
    snprintf(options, sizeof options, "hidden=8 epochs=60 weight-decay=0.1 l2=%s", number);
    train(table, options, &given, text[1], sha256[1]);
    cr_assert_str_eq(sha256[1], sha256[0]);
    cr_assert_str_eq(given.note, "", "nothing is chosen then");
    heddle_table_free(table);
}

/* …with any number of workers, and given as options it is the same model. */
Test(choose, a_curve_gets_more_units_than_a_trend)
{
    for (int waves = 0; waves < 2; waves++) {
        heddle_table *table = numbers_of(waves);
        char text[3][1024], sha256[3][65], options[128], number[TEXT_NUMBER_SIZE];
        for (int i = 0; i < 2; i++) {
            struct seen seen = {.asked = 0};
            train(table,
                  i ? "validation=0 epochs=120 threads=2" : "validation=0 epochs=120 threads=1",
                  &seen, text[i], sha256[i]);
            cr_assert(strstr(seen.note, waves ? "--hidden 128,64 --l2" : "--hidden 32 --l2") ==
                          seen.note,
                      "%s", seen.note);
        }
        cr_assert_str_eq(sha256[1], sha256[0]);
        struct seen given = {.asked = 0};
        text_from_double(l2_of(text[0]), number);
        snprintf(options, sizeof options, "validation=0 epochs=120 hidden=%s weight-decay=0 l2=%s",
                 waves ? "128,64" : "32", number);
        train(table, options, &given, text[2], sha256[2]);
        cr_assert_str_eq(sha256[2], sha256[0]);
        heddle_table_free(table);
    }
}

Test(choose, a_request_to_stop_ends_it)
{
    heddle_table *table = classes_of(20);
    for (int threads = 1; threads <= 2; threads++) {
        char options[64];
        snprintf(options, sizeof options, "threads=%d", threads);
        heddle_recipe *recipe = recipe_of(options);
        struct seen seen = {.stop_at = 5};
        const heddle_callbacks callbacks = {.user = &seen, .stop = take_stop};
        heddle_model *model = NULL;
        heddle_error err;
        cr_assert(heddle_train(recipe, table, NULL, NULL, NULL, &callbacks, &model, NULL, &err) ==
                  HEDDLE_E_STOPPED);
        cr_assert(model == NULL && seen.asked >= 5);
        heddle_recipe_free(recipe);
    }
    heddle_table_free(table);
}

struct told {
    size_t calls, done, runs;
};

static void take_choosing(void *user, size_t done, size_t runs)
{
    struct told *told = user;
    cr_assert(told->calls > 0 ? done >= told->done && runs == told->runs : done == 0);
    *told = (struct told){told->calls + 1, done, runs};
}

Test(choose, tells_how_far_it_is)
{
    heddle_table *table = classes_of(20);
    for (int threads = 1; threads <= 2; threads++) {
        char options[64];
        snprintf(options, sizeof options, "threads=%d", threads);
        heddle_recipe *recipe = recipe_of(options);
        struct told told = {0};
        const heddle_callbacks callbacks = {.user = &told, .choosing = take_choosing};
        heddle_model *model;
        cr_assert(heddle_train(recipe, table, NULL, NULL, NULL, &callbacks, &model, NULL, NULL) ==
                  HEDDLE_OK);
        cr_assert(told.runs == 5 * 4 && told.done <= told.runs);
        cr_assert(threads > 1 || (told.done == told.runs && told.calls == told.runs + 1));
        heddle_model_free(model);
        heddle_recipe_free(recipe);
    }
    heddle_table_free(table);
}

/* When nothing is chosen, the decay is what it was. */
Test(choose, only_where_nothing_else_is_said)
{
    static const struct {
        const char *options;
        size_t rows, classes;
        double l2, decay;
    } cases[] = {
        {"", 19, 2, 0, 0.1},
        {"", 20, 2, 3.0 / 20, 0.1},
        {"", 300, 0, 6.0 / 300, 0},
        {"loss=mae", 300, 0, 3.0 / 300, 0},
        {"", 20000, 2, 3.0 / 20000, 0.1},
        {"", 20001, 2, 0, 0.1},
        {"l2=0", 300, 2, 0, 0.1},
        {"l2=0.5", 300, 0, 0.5, 0.5},
        {"weight-decay=0.2", 300, 2, 0, 0.2},
        {"optimizer=adam", 300, 2, 0, 0},
        {"schedule=cosine", 300, 2, 0, 0.1},
        {"epochs=29", 300, 2, 0, 0.1},
        {"epochs=30", 300, 2, 0.01, 0.1},
        {"steps=3000", 300, 2, 0, 0.1},
        {"time-limit=3", 300, 2, 0, 0.1},
    };
    static char no[] = "no", yes[] = "yes";
    static char *names[] = {no, yes};
    static const size_t in_class[] = {10, 10};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct recipe_facts facts = {.rows = cases[i].rows,
                                           .inputs = 3,
                                           .classes = cases[i].classes,
                                           .targets = 1,
                                           .class_name = names,
                                           .class_rows = in_class};
        heddle_recipe *recipe = recipe_of(cases[i].options);
        struct run_recipe run;
        cr_assert(recipe_resolve(recipe, &facts, &run, NULL) == HEDDLE_OK);
        cr_assert(run.l2 == cases[i].l2 && run.weight_decay == cases[i].decay, "'%s', %zu: %g %g",
                  cases[i].options, cases[i].rows, run.l2, run.weight_decay);
        recipe_done(&run);
        heddle_recipe_free(recipe);
    }
}

Test(choose, the_width_only_of_some_rows_of_numbers)
{
    static const struct {
        const char *options;
        size_t rows, classes;
        bool chosen;
    } cases[] = {
        {"", 49, 0, false},      {"", 50, 0, true},
        {"", 999, 0, true},      {"", 1000, 0, false},
        {"", 300, 2, false},     {"hidden=32", 300, 0, false},
        {"l2=0", 300, 0, false}, {"optimizer=adam", 300, 0, false},
    };
    static char no[] = "no", yes[] = "yes";
    static char *names[] = {no, yes};
    static const size_t in_class[] = {10, 10};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int wide = 0; wide < 2; wide++) {
            const struct recipe_facts facts = {.rows = cases[i].rows,
                                               .inputs = 3,
                                               .classes = cases[i].classes,
                                               .targets = 1,
                                               .class_name = names,
                                               .class_rows = in_class,
                                               .wide = wide};
            heddle_recipe *recipe = recipe_of(cases[i].options);
            struct run_recipe run;
            cr_assert(recipe_resolve(recipe, &facts, &run, NULL) == HEDDLE_OK);
            cr_assert(run.choose_width == cases[i].chosen, "'%s', %zu", cases[i].options,
                      cases[i].rows);
            cr_assert(!cases[i].chosen || run.shape.width[1] == (wide ? 128 : 32));
            recipe_done(&run);
            heddle_recipe_free(recipe);
        }
    }
}
