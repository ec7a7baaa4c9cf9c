/**
 * 30 updates of every optimizer, loss, penalty and schedule against PyTorch in float64. The golden
 * values and the program that made them: tests/data/torch_steps.txt, torch_steps.py.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/weights.h"
#include "support.h"
#include "train/recipe.h"
#include "train/schedule.h"
#include "train/trainer.h"
#include "train/watch.h"
#include "train/workers.h"

enum {
    ROWS = 12,
    IN = 5,
    HIDDEN = 6,
    OUT = 3,
    WEIGHTS = (IN + 1) * HIDDEN + (HIDDEN + 1) * OUT,
    STRIDE = 16
};

/** The number (i, j) of array k: torch_steps.py has the same line. */
static double made(int i, int j, int k)
{
    return ((i * 37 + j * 101 + k * 53 + i * j * 7) % 129 - 64) / 64.0;
}

static void set_option(heddle_recipe *recipe, const char *name, const char *value)
{
    heddle_error err = {0};
    cr_assert(heddle_recipe_set(recipe, name, value, &err) == HEDDLE_OK, "%s", err.text);
}

/** Train as a line of the file says; the weights in plain order. */
static void train(const char *hidden, const char *output, char *options, double *values)
{
    static double inputs[ROWS * STRIDE], targets[ROWS * STRIDE];
    static int32_t classes[ROWS];
    bool classify = strstr(options, "cross-entropy") != NULL;
    bool counts = strstr(options, "poisson") != NULL;
    for (int e = 0; e < ROWS; e++) {
        for (int i = 0; i < IN; i++) {
            inputs[e * STRIDE + i] = made(e, i, 1);
        }
        inputs[e * STRIDE + IN] = 1;
        for (int o = 0; o < OUT; o++) {
            targets[e * STRIDE + o] = counts ? fabs(made(e, o, 2)) : made(e, o, 2);
        }
        classes[e] = (e * 5 + e / 4) % OUT;
    }
    struct dataset set = {
        .rows = ROWS,
        .inputs = IN,
        .outputs = OUT,
        .use_double = true,
        .real = inputs,
        .real_stride = STRIDE,
        .class_index = classify ? classes : NULL,
        .target = classify ? NULL : targets,
        .target_stride = STRIDE,
    };
    double *v = values;
    for (int l = 0; l < 2; l++) {
        for (int u = 0; u < (l ? OUT : HIDDEN); u++) {
            for (int i = 0; i < (l ? HIDDEN : IN); i++) {
                *v++ = made(u, i, l ? 5 : 3) / 2;
            }
        }
        for (int u = 0; u < (l ? OUT : HIDDEN); u++) {
            *v++ = made(u, 9, l ? 6 : 4) / 4;
        }
    }
    heddle_recipe *recipe;
    heddle_error err = {0};
    cr_assert(heddle_recipe_create(&recipe, &err) == HEDDLE_OK);
    set_option(recipe, "precision", "double");
    set_option(recipe, "hidden", "6");
    set_option(recipe, "activation", hidden);
    set_option(recipe, "output-activation", output);
    for (char *save, *word = strtok_r(options, " \n", &save); word;
         word = strtok_r(NULL, " \n", &save)) {
        char *value = strchr(word, '=');
        *value = 0;
        set_option(recipe, word, value + 1);
    }
    char names_text[][2] = {"0", "1", "2"};
    char *names[] = {names_text[0], names_text[1], names_text[2]};
    size_t sizes[OUT] = {0};
    for (int e = 0; e < ROWS; e++) {
        sizes[classes[e]]++;
    }
    struct recipe_facts facts = {
        .rows = ROWS,
        .inputs = IN,
        .classes = classify ? OUT : 0,
        .targets = classify ? 1 : OUT,
        .class_name = names,
        .class_rows = sizes,
    };
    struct run_recipe run;
    struct workers workers = {0};
    struct run_outcome outcome;
    cr_assert(recipe_resolve(recipe, &facts, &run, &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(workers_create(recipe, 2, &workers, &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(trainer_run(&run, &set, NULL, workers.team, workers.isa, 0, NULL, NULL, values,
                          &outcome, &err) == HEDDLE_OK,
              "%s", err.text);
    cr_assert(outcome.steps == 30 || outcome.converged);
    workers_done(&workers);
    recipe_done(&run);
    heddle_recipe_free(recipe);
}

Test(optimizers, thirty_steps_are_those_of_pytorch)
{
    FILE *file = fopen(data_path("torch_steps.txt"), "r");
    cr_assert(file != NULL);
    static char line[4096], numbers[8192];
    int cases = 0;
    while (fgets(line, sizeof line, file) && fgets(numbers, sizeof numbers, file)) {
        char hidden[32], output[32], title[4096];
        int begin = 0;
        double values[WEIGHTS];
        cr_assert(sscanf(line, "case %31s %31s %n", hidden, output, &begin) == 2);
        strcpy(title, line);
        train(hidden, output, line + begin, values);
        char *at = numbers;
        for (int i = 0; i < WEIGHTS; i++) {
            double want = strtod(at, &at);
            /* a line search makes more of a rounding error than a step does */
            double allowed = strstr(title, "lbfgs") ? 1e-6 : 1e-9;
            cr_assert(fabs(values[i] - want) <= allowed * fmax(fabs(want), 1e-2),
                      "%sweight %d is %.17g, not %.17g", title, i, values[i], want);
        }
        cases++;
    }
    fclose(file);
    cr_assert(cases == 64, "%d", cases);
}

Test(optimizers, schedules_begin_and_end_where_they_say)
{
    struct schedule s = {
        .kind = SCHEDULE_COSINE, .rate = 0.5, .factor = 0, .every = 1, .steps = 10};
    cr_assert(schedule_rate(&s, 0) == 0.5);
    cr_assert(fabs(schedule_rate(&s, 5) - 0.25) < 1e-16);
    cr_assert(schedule_rate(&s, 10) == 0 && schedule_rate(&s, 11) == 0);
    s.warmup = 4;
    cr_assert(schedule_rate(&s, 0) == 0.1 && schedule_rate(&s, 3) == 0.4);
    cr_assert(schedule_rate(&s, 4) == 0.5);
    s = (struct schedule){.kind = SCHEDULE_ONE_CYCLE, .rate = 1, .steps = 100};
    cr_assert(fabs(schedule_rate(&s, 0) - 0.04) < 1e-16 && schedule_rate(&s, 29) == 1);
    cr_assert(fabs(schedule_rate(&s, 99) - 4e-6) < 1e-18);
    for (uint64_t steps = 1; steps < 6; steps++) { /* too short for a rise */
        s.steps = steps;
        for (uint64_t step = 0; step < steps; step++) {
            double rate = schedule_rate(&s, step);
            cr_assert(rate > 0 && rate <= 1);
        }
    }
    s = (struct schedule){.kind = SCHEDULE_STEP, .rate = 1, .factor = 0.5, .every = 10};
    cr_assert(schedule_rate(&s, 9) == 1 && schedule_rate(&s, 10) == 0.5);
    cr_assert(schedule_rate(&s, 39) == 0.125);
}

Test(optimizers, patience_counts_epochs_without_a_lower_loss)
{
    struct watch w;
    watch_begin(&w);
    static const double loss[] = {3, 2, 2, 1.5, 1.6, 1.7};
    static const bool improved[] = {true, true, false, true, false, false};
    for (int i = 0; i < 6; i++) {
        cr_assert(!w.exhausted);
        watch_epoch(&w, loss[i], 2, 0, 1);
        cr_assert(w.improved == improved[i]);
    }
    cr_assert(w.exhausted && w.best == 1.5 && w.factor == 1);
}
