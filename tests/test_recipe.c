/** Tests of src/train/recipe.c and resolve.c: what options may be, and what they come to. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"
#include "train/recipe.h"
#include "training.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* ---------------------------------------------------------------- one option ----------------- */

Test(recipe, refuses_values_and_says_which_it_takes)
{
    static const struct {
        const char *name, *value, *says;
    } rows[] = {
        {"task", "guess", "--task 'guess': there are auto, classify, regress"},
        {"target", "", "--target '': it is empty"},
        {"task", "", "--task '': there are"},
        {"task", "Classify", "there are auto"},
        {"task", "auto|classify", "there are auto"},
        {"scale", "log", "there are auto, standard, minmax, byte, none"},
        {"missing", "zero", "there are error, mean, drop"},
        {"validation", "1", "--validation 1: must be at least 0 and at most 0.9"},
        {"validation", "-0.1", "must be at least 0"},
        {"validation", "none", "--validation 'none': not a number"},
        {"hidden", "0", "widths are whole numbers from 1 to 16777216, such as 128,64"},
        {"hidden", "", "widths are"},
        {"hidden", "3,", "widths are"},
        {"hidden", ",3", "widths are"},
        {"hidden", "3,,4", "widths are"},
        {"hidden", "3, 4", "widths are"},
        {"hidden", "-3", "widths are"},
        {"hidden", "3.5", "widths are"},
        {"hidden", "16777217", "widths are"},
        {"hidden", "none,3", "widths are"},
        {"hidden",
         "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
         "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
         "too many layers"},
        {"hidden", /* of many the beginning */
         "101,102,103,104,105,106,107,108,109,110,111,112,113,114,115,116,117,118,119,120,0",
         "--hidden '101,102,103,104,105,106,107,108,109,110,111,112,113,114,115,…': widths are"},
        {"init", "éééééééééééééééééééééééééééééx", "ééx': there are"},
        {"init", "xéééééééééééééééééééééééééééééé", "éé…': there are"},
        {"activation", "rellu", "no function 'rellu'; there are linear, sigmoid, tanh, relu"},
        {"activation", "relu,", "no function ''"},
        {"activation", "relu tanh", "no function 'relu tanh'"},
        {"output-activation", "relu,tanh", "one function for all outputs"},
        {"output-activation", "softmx", "no function 'softmx'"},
        {"loss", "l2", "there are auto, sse, mse"},
        {"label-smoothing", "1", "must be at least 0 and at most 0.999"},
        {"dropout", "1", "must be at least 0 and at most 0.99"},
        {"noise", "-1", "must be at least 0"},
        {"init", "normal:0", "there are normal:DEVIATION, glorot, he and zeros"},
        {"init", "normal:-1", "there are normal:DEVIATION"},
        {"init", "normal:x", "there are normal:DEVIATION"},
        {"init", "normal:101", "there are normal:DEVIATION"},
        {"init", "ones", "there are normal:DEVIATION"},
        {"precision", "half", "there are float, double"},
        {"recipe", "best", "there are auto, tutorial"},
        {"optimizer", "Adam", "there are auto, sgd, momentum, nesterov, adam"},
        {"rate", "0", "--rate 0: must be above 0"},
        {"rate", "-0.1", "must be above 0"},
        {"rate", "1e7", "must be above 0"},
        {"rate", "nan", "not a number"},
        {"rate", "inf", "not a number"},
        {"rate", "0x1p-3", "not a number"},
        {"rate", "0,1", "not a number"},
        {"rate", " 0.1", "not a number"},
        {"rate", "", "not a number"},
        {"momentum", "1", "must be at least 0 and at most 0.999999"},
        {"beta1", "1", "must be at least 0 and at most 0.999999"},
        {"beta2", "1", "must be at least 0 and at most 0.99999999"},
        {"epsilon", "0", "must be above 0 and at most 1"},
        {"schedule", "linear", "there are auto, constant, step, exponential"},
        {"schedule-factor", "-1", "must be at least 0 and at most 10"},
        {"schedule-every", "0", "--schedule-every 0: must be at least 1"},
        {"threads", "0", "--threads 0: must be at least 1 and at most 4096"},
        {"threads", "4097", "--threads 4097: must be at least 1 and at most 4096"},
        {"threads", "18446744073709551615", "--threads 18446744073709551615: must be at least 1"},
        {"warmup", "-1", "not a whole number"},
        {"weight-decay", "-1", "must be at least 0"},
        {"l1", "-1", "must be at least 0"},
        {"l2", "x", "not a number"},
        {"clip", "0", "must be above 0"},
        {"clip-value", "0", "must be above 0"},
        {"max-norm", "0", "must be above 0"},
        {"batch", "0", "--batch 0: must be at least 1"},
        {"batch", "ten", "--batch 'ten': not a whole number"},
        {"batch", "1.5", "not a whole number"},
        {"batch", "18446744073709551616", "not a whole number"},
        {"epochs", "-1", "not a whole number"},
        {"epochs", "none", "not a whole number"},
        {"steps", "0", "must be at least 1"},
        {"min-error", "-1", "must be at least 0"},
        {"patience", "0", "must be at least 1"},
        {"time-limit", "0", "must be above 0"},
        {"seed", "-1", "not a whole number"},
        {"seed", "18446744073709551616", "not a whole number"},
        {"shard", "0", "must be at least 1"},
        {"shuffle", "maybe", "there are auto, yes, blocks, no"},
        {"report-every", "0", "must be at least 1"},
        {"threads", "0", "must be at least 1"},
        {"threads", "all", "not a whole number"},
        {"bind", "core", "there are auto, none, close, spread"},
        {"isa", "sse2", "there are auto, scalar, neon, avx2, avx512"},
        {"max-memory", "4T", "a size is such as 500M or 4G"},
        {"max-memory", "-1", "a size is such as"},
        {"max-memory", "G", "a size is such as"},
        {"max-memory", "18446744073709551615K", "a size is such as"},
        {"checkpoint-every", "0", "a distance is such as"},
        {"checkpoint-every", "3m", "a distance is such as"},
    };
    heddle_recipe *recipe = recipe_of("");
    for (size_t i = 0; i < LENGTH(rows); i++) {
        heddle_error err = {.status = HEDDLE_OK};
        char before[128];
        snprintf(before, sizeof before, "%s", heddle_recipe_get(recipe, rows[i].name));
        cr_assert(heddle_recipe_set(recipe, rows[i].name, rows[i].value, &err) == HEDDLE_E_ARGUMENT,
                  "--%s '%s' was taken", rows[i].name, rows[i].value);
        cr_assert(strstr(err.text, rows[i].says), "--%s '%s': %s", rows[i].name, rows[i].value,
                  err.text);
        cr_assert(strncmp(err.text, "--", 2) == 0 && strstr(err.text, rows[i].name));
        cr_assert_str_eq(heddle_recipe_get(recipe, rows[i].name), before);
        cr_assert(heddle_recipe_set(recipe, rows[i].name, rows[i].value, NULL) ==
                  HEDDLE_E_ARGUMENT);
    }
    heddle_recipe_free(recipe);
}

/* Every option that is not free text refuses nonsense, the ones added tomorrow too. */
Test(recipe, refuses_nonsense_for_every_option)
{
    static const char *const free_text[] = {"target",        "drop",       "weights",
                                            "class-weights", "checkpoint", "resume"};
    heddle_recipe *recipe = recipe_of("");
    for (size_t i = 0; heddle_recipe_option(i); i++) {
        const char *name = heddle_recipe_option(i)->name;
        bool text = false;
        for (size_t k = 0; k < LENGTH(free_text); k++) {
            text = text || strcmp(name, free_text[k]) == 0;
        }
        heddle_error err = {.status = HEDDLE_OK};
        heddle_status status = heddle_recipe_set(recipe, name, "~ nonsense ~", &err);
        cr_assert(status == (text ? HEDDLE_OK : HEDDLE_E_ARGUMENT), "--%s", name);
        cr_assert(text || strstr(err.text, "~ nonsense ~"), "%s", err.text);
    }
    heddle_recipe_free(recipe);
}

Test(recipe, takes_values_at_the_ends_of_their_ranges)
{
    static const char *const rows[][2] = {
        {"validation", "0"},
        {"validation", "0.9"},
        {"validation", "auto"},
        {"hidden", "none"},
        {"hidden", "auto"},
        {"hidden", "16777216"},
        {"hidden", "1,2,3"},
        {"activation", "relu,tanh"},
        {"output-activation", "auto"},
        {"momentum", "0"},
        {"momentum", "0.999999"},
        {"rate", "1e6"},
        {"rate", "5e-324"},
        {"rate", "auto"},
        {"init", "normal"},
        {"init", "normal:100"},
        {"init", "normal:1e-300"},
        {"batch", "full"},
        {"batch", "1"},
        {"batch", "18446744073709551615"},
        {"epochs", "0"},
        {"steps", "none"},
        {"min-error", "0"},
        {"min-error", "none"},
        {"seed", "18446744073709551615"},
        {"max-memory", "none"},
        {"max-memory", "0"},
        {"max-memory", "16G"},
        {"max-memory", "1k"},
        {"target", "a,b"},
        {"threads", "1"},
        {"isa", "scalar"},
    };
    heddle_recipe *recipe = recipe_of("");
    for (size_t i = 0; i < LENGTH(rows); i++) {
        heddle_error err;
        cr_assert(heddle_recipe_set(recipe, rows[i][0], rows[i][1], &err) == HEDDLE_OK, "%s",
                  err.text);
        cr_assert_str_eq(heddle_recipe_get(recipe, rows[i][0]), rows[i][1]);
    }
    heddle_recipe_free(recipe);
}

Test(recipe, unknown_options_name_the_nearest)
{
    static const struct {
        const char *name, *says;
    } rows[] = {
        {"hiden", "no option 'hiden'; 'hidden' is near"},
        {"epoch", "'epochs' is near"},
        {"Rate", "'rate' is near"},
        {"batch_size", "no option 'batch_size'"},
        {"min_error", "'min-error' is near"},
        {"optimiser", "'optimizer' is near"},
        {"thread", "'threads' is near"},
        {"sede", "'seed' is near"},
        {"xyzzyxyzzy", "no option 'xyzzyxyzzy'"},
        {"", "no option ''"},
    };
    heddle_recipe *recipe = recipe_of("");
    for (size_t i = 0; i < LENGTH(rows); i++) {
        heddle_error err;
        cr_assert(heddle_recipe_set(recipe, rows[i].name, "1", &err) == HEDDLE_E_ARGUMENT);
        cr_assert(strncmp(err.text, rows[i].says, strlen(rows[i].says)) == 0 ||
                      strstr(err.text, rows[i].says),
                  "%s", err.text);
        cr_assert_null(heddle_recipe_get(recipe, rows[i].name));
    }
    heddle_error err;
    heddle_recipe_set(recipe, "xyzzyxyzzy", "1", &err);
    cr_assert(strstr(err.text, "is near") == NULL, "%s", err.text);
    heddle_recipe_free(recipe);
}

/* ---------------------------------------------------------------- the table ------------------ */

Test(recipe, every_option_describes_itself)
{
    static const char *const groups[] = {"data", "network", "recipe", "machine", "run"};
    size_t group = 0, count = 0;
    for (; heddle_recipe_option(count); count++) {
        const heddle_option *option = heddle_recipe_option(count);
        cr_assert(option->name[0] && option->argument[0] && option->help[0] && option->initial);
        while (group < LENGTH(groups) && strcmp(option->group, groups[group]) != 0) {
            group++;
        }
        cr_assert(group < LENGTH(groups), "--%s is of group '%s', after those of the next",
                  option->name, option->group);
        for (const char *c = option->name; *c; c++) {
            cr_assert((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-');
        }
        for (size_t k = 0; k < count; k++) {
            cr_assert(strcmp(option->name, heddle_recipe_option(k)->name) != 0);
        }
    }
    cr_assert(count == OPTION_COUNT && heddle_recipe_option(count + 1) == NULL);
}

/* Each default may be given: setting it changes nothing. */
Test(recipe, defaults_may_be_said)
{
    static const char *const kinds[] = {"", "recipe=tutorial"};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; heddle_recipe_option(i); i++) {
            heddle_recipe *recipe = recipe_of(kinds[k]);
            const char *name = heddle_recipe_option(i)->name;
            char value[64];
            heddle_error err;
            snprintf(value, sizeof value, "%s", heddle_recipe_get(recipe, name));
            cr_assert(k || strcmp(value, heddle_recipe_option(i)->initial) == 0);
            cr_assert(heddle_recipe_set(recipe, name, value, &err) == HEDDLE_OK, "%s", err.text);
            cr_assert_str_eq(heddle_recipe_get(recipe, name), value);
            heddle_recipe_free(recipe);
        }
    }
}

Test(recipe, the_tutorial_has_defaults_of_its_own)
{
    static const char *const rows[][2] = {
        {"scale", "none"},
        {"validation", "0"},
        {"hidden", "2"},
        {"activation", "sigmoid"},
        {"output-activation", "sigmoid"},
        {"loss", "sse"},
        {"init", "normal:0.1"},
        {"precision", "double"},
        {"optimizer", "sgd"},
        {"rate", "0.2"},
        {"batch", "full"},
        {"steps", "100001"},
        {"min-error", "1e-5"},
        {"shuffle", "no"},
        {"report-every", "2500"},
        {"epochs", "0"},
    };
    heddle_recipe *recipe = recipe_of("rate=0.5 recipe=tutorial hidden=3");
    cr_assert_str_eq(heddle_recipe_get(recipe, "rate"), "0.5"); /* set before */
    cr_assert_str_eq(heddle_recipe_get(recipe, "hidden"), "3"); /* set after */
    recipe_add(recipe, "recipe=auto");
    cr_assert_str_eq(heddle_recipe_get(recipe, "loss"), "auto");
    cr_assert_str_eq(heddle_recipe_get(recipe, "rate"), "0.5");
    heddle_recipe_free(recipe);
    recipe = recipe_of("recipe=tutorial");
    for (size_t i = 0; i < LENGTH(rows); i++) {
        cr_assert_str_eq(heddle_recipe_get(recipe, rows[i][0]), rows[i][1], "--%s", rows[i][0]);
    }
    heddle_recipe_free(recipe);
}

Test(recipe, a_value_that_finds_no_room_leaves_the_old_one)
{
    heddle_recipe *recipe = recipe_of("rate=0.5");
    heddle_error err;
    memory_fail_at(1, false);
    cr_assert(heddle_recipe_set(recipe, "rate", "0.25", &err) == HEDDLE_E_MEMORY);
    memory_fail_at(0, false);
    cr_assert_str_eq(heddle_recipe_get(recipe, "rate"), "0.5");
    heddle_recipe_free(recipe);
    heddle_recipe_free(NULL);
    memory_fail_at(1, false);
    cr_assert(heddle_recipe_create(&recipe, &err) == HEDDLE_E_MEMORY);
    memory_fail_at(0, false);
}

/* ---------------------------------------------------------------- the whole ------------------ */

/** Facts of 1,000 rows of 4 inputs and `classes`, or `targets` numbers. */
static struct recipe_facts facts_of(size_t rows, size_t classes, size_t targets)
{
    static char no[] = "no", yes[] = "yes", maybe[] = "maybe";
    static char *names[] = {no, yes, maybe};
    static const size_t in_class[] = {300, 600, 100};
    return (struct recipe_facts){.rows = rows,
                                 .inputs = 4,
                                 .classes = classes,
                                 .targets = targets,
                                 .class_name = names,
                                 .class_rows = in_class};
}

Test(recipe, refuses_what_contradicts_itself)
{
    enum { NUMBERS = 0 };
    static const struct {
        const char *options;
        size_t classes;
        const char *says;
    } rows[] = {
        {"loss=cross-entropy", NUMBERS, "needs classes, but the target is a number"},
        {"output-activation=softmax", NUMBERS, "needs classes, but the target is a number"},
        {"loss=mse", 3, "softmax outputs need"},
        {"loss=sse output-activation=softmax", 3, "softmax outputs need"},
        {"loss=cross-entropy output-activation=tanh", 3, "cross-entropy needs softmax or sigmoid"},
        {"activation=softmax", 3, "softmax is for the output layer, not for hidden layer 1"},
        {"activation=relu,tanh hidden=3", 3, "names 2 functions for 1 hidden layers"},
        {"activation=relu,tanh hidden=none", 3, "names 2 functions for 0 hidden layers"},
        {"loss=poisson", 3, "needs counts, but the target has classes"},
        {"label-smoothing=0.1 loss=mse output-activation=tanh", 3,
         "goes with --loss cross-entropy"},
        {"dropout=0.5 hidden=none", 3, "--dropout needs hidden layers"},
        {"optimizer=rprop batch=100", 3, "--optimizer rprop needs --batch full"},
        {"optimizer=rprop batch=full schedule=step", 3, "leave out --schedule"},
        {"optimizer=rprop batch=full warmup=3", 3, "leave out --schedule and --warmup"},
        {"optimizer=adamw weight-decay=2000", 3, "no weight would be left"},
        {"schedule=cosine epochs=18446744073709551615", 3, "needs an end"},
        {"schedule=one-cycle warmup=5", 3, "has a warm-up of its own"},
        {"warmup=100 steps=100", 3, "--warmup 100 is not shorter than the run of 100 updates"},
        {"class-weights=balanced", NUMBERS, "needs classes"},
        {"class-weights=nobody:2", 3, "there is no class 'nobody'"},
        {"class-weights=yes", 3, "a class and its weight are such as yes:2"},
        {"class-weights=yes:-1", 3, "a class and its weight are such as yes:2"},
        {"class-weights=yes:0,no:0,maybe:0", 3, "counts for anything"},
        {"hidden=16777216,16777216,16777216,16777216", 3, NULL}, /* fits into 64 bits */
    };
    for (size_t i = 0; i < LENGTH(rows); i++) {
        heddle_recipe *recipe = recipe_of(rows[i].options);
        struct recipe_facts facts = facts_of(1000, rows[i].classes, 1);
        struct run_recipe run;
        heddle_error err = {.text = ""};
        heddle_status status = recipe_resolve(recipe, &facts, &run, &err);
        cr_assert(status == (rows[i].says ? HEDDLE_E_ARGUMENT : HEDDLE_OK), "%s: %d",
                  rows[i].options, status);
        cr_assert(!rows[i].says || strstr(err.text, rows[i].says), "%s: %s", rows[i].options,
                  err.text);
        recipe_done(&run); /* of a refused recipe too */
        heddle_recipe_free(recipe);
    }
}

/** What options come to for data. */
static struct run_recipe resolved(const char *options, size_t rows, size_t classes, size_t targets)
{
    heddle_recipe *recipe = recipe_of(options);
    struct recipe_facts facts = facts_of(rows, classes, targets);
    struct run_recipe run;
    heddle_error err;
    cr_assert(recipe_resolve(recipe, &facts, &run, &err) == HEDDLE_OK, "%s: %s", options, err.text);
    recipe_done(&run); /* its numbers stay */
    heddle_recipe_free(recipe);
    return run;
}

Test(recipe, batches_shards_and_ends_by_the_number_of_rows)
{
    static const struct {
        const char *options;
        size_t rows, batch, shard;
        uint64_t epochs, steps;
        bool shuffle;
    } rows[] = {
        {"", 1, 1, 1, 500, 500, false},
        {"", 4, 4, 4, 500, 500, false},
        {"", 9, 8, 8, 500, 1000, true},
        {"", 255, 8, 8, 500, 16000, true},
        {"", 256, 16, 16, 500, 8000, true},
        {"", 1000, 32, 16, 250, 8000, true},
        {"", 4096, 128, 64, 250, 8000, true},
        {"", 60000, 128, 64, 22, 10318, true},
        {"", 1000000, 128, 64, 10, 78130, true},
        {"batch=full", 60000, 60000, 64, 250, 250, false},
        {"batch=full shuffle=yes", 600, 600, 64, 500, 500, true},
        {"batch=100000", 600, 600, 64, 500, 500, false},
        {"batch=255", 6000, 255, 64, 250, 6000, true},
        {"batch=256", 6000, 256, 64, 250, 6000, true},
        {"batch=512", 6000, 512, 64, 250, 3000, true},
        {"batch=100 shard=1000", 600, 100, 100, 500, 3000, true},
        {"batch=100 shard=7 shuffle=no", 600, 100, 7, 500, 3000, false},
        {"batch=100 epochs=3", 601, 100, 32, 3, 21, true},
        {"batch=100 steps=5", 601, 100, 32, 0, 5, true},
        {"batch=100 steps=5 epochs=3", 601, 100, 32, 3, 5, true},
        {"batch=100 steps=50 epochs=3", 601, 100, 32, 3, 21, true},
        {"batch=100 epochs=0", 601, 100, 32, 0, 0, true},
        {"batch=1 epochs=18446744073709551615", 601, 1, 1, UINT64_MAX, UINT64_MAX, true},
        {"recipe=tutorial", 4, 4, 4, 0, 100001, false},
        {"recipe=tutorial steps=7", 150, 150, 64, 0, 7, false},
        {"recipe=tutorial epochs=5", 150, 150, 64, 5, 5, false},
    };
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct run_recipe run = resolved(rows[i].options, rows[i].rows, 3, 1);
        cr_assert(run.batch == rows[i].batch && run.shard == rows[i].shard,
                  "'%s' of %zu rows: batch %zu, shard %zu", rows[i].options, rows[i].rows,
                  run.batch, run.shard);
        cr_assert(run.epochs == rows[i].epochs && run.steps == rows[i].steps &&
                      run.shuffle == rows[i].shuffle && run.report_every >= 1,
                  "'%s' of %zu rows: %llu epochs, %llu steps", rows[i].options, rows[i].rows,
                  (unsigned long long)run.epochs, (unsigned long long)run.steps);
    }
}

/* The rule is a contract: it decides bits. */
Test(recipe, the_default_shard_is_half_the_batch_between_16_and_64)
{
    for (size_t batch = 1; batch < 5000; batch++) {
        size_t want = batch >= 128 ? 64 : batch >= 64 ? 32 : 16;
        cr_assert(recipe_default_shard(batch) == want, "%zu", batch);
    }
    cr_assert(recipe_default_shard((size_t)1 << 40) == 64);
}

Test(recipe, networks_by_the_data)
{
    static const struct {
        const char *options;
        size_t rows, classes, targets;
        const char *shape;
        enum activation hidden, output;
        enum loss loss;
    } rows[] = {
        {"", 999, 3, 1, "4-128-64-3", ACTIVATION_RELU, ACTIVATION_SOFTMAX, LOSS_CROSS_ENTROPY},
        {"", 1000, 2, 1, "4-128-64-2", ACTIVATION_RELU, ACTIVATION_SOFTMAX, LOSS_CROSS_ENTROPY},
        {"", 999, 0, 2, "4-32-2", ACTIVATION_RELU, ACTIVATION_LINEAR, LOSS_MSE},
        {"", 1000, 0, 1, "4-128-64-1", ACTIVATION_RELU, ACTIVATION_LINEAR, LOSS_MSE},
        {"", 10000, 3, 1, "4-128-64-3", ACTIVATION_RELU, ACTIVATION_SOFTMAX, LOSS_CROSS_ENTROPY},
        {"hidden=none", 10, 3, 1, "4-3", ACTIVATION_LINEAR, ACTIVATION_SOFTMAX, LOSS_CROSS_ENTROPY},
        {"hidden=5,6,7 activation=tanh", 10, 3, 1, "4-5-6-7-3", ACTIVATION_TANH, ACTIVATION_SOFTMAX,
         LOSS_CROSS_ENTROPY},
        {"output-activation=sigmoid", 10, 2, 1, "4-128-64-1", ACTIVATION_RELU, ACTIVATION_SIGMOID,
         LOSS_CROSS_ENTROPY},
        {"output-activation=sigmoid", 10, 3, 1, "4-128-64-3", ACTIVATION_RELU, ACTIVATION_SIGMOID,
         LOSS_CROSS_ENTROPY},
        {"output-activation=sigmoid", 10, 0, 1, "4-32-1", ACTIVATION_RELU, ACTIVATION_SIGMOID,
         LOSS_MSE},
        {"output-activation=tanh", 10, 2, 1, "4-128-64-1", ACTIVATION_RELU, ACTIVATION_TANH,
         LOSS_MSE},
        {"recipe=tutorial", 4, 0, 1, "4-2-1", ACTIVATION_SIGMOID, ACTIVATION_SIGMOID, LOSS_SSE},
    };
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct run_recipe run =
            resolved(rows[i].options, rows[i].rows, rows[i].classes, rows[i].targets);
        char shape[64];
        shape_text(&run.shape, shape, sizeof shape);
        cr_assert_str_eq(shape, rows[i].shape, "'%s'", rows[i].options);
        cr_assert(run.shape.layers == 1 || run.shape.activation[1] == rows[i].hidden);
        cr_assert(run.shape.activation[run.shape.layers] == rows[i].output &&
                      run.loss == rows[i].loss,
                  "'%s': %s, %s", rows[i].options,
                  activation_name(run.shape.activation[run.shape.layers]), loss_name(run.loss));
        cr_assert(run.sum_deltas == (run.loss == LOSS_SSE));
    }
}

Test(recipe, functions_one_for_all_or_one_each)
{
    struct run_recipe run = resolved("hidden=5,6,7 activation=tanh,relu,sigmoid", 10, 3, 1);
    cr_assert(run.shape.activation[1] == ACTIVATION_TANH);
    cr_assert(run.shape.activation[2] == ACTIVATION_RELU);
    cr_assert(run.shape.activation[3] == ACTIVATION_SIGMOID);
    run = resolved("hidden=5,6 activation=tanh", 10, 3, 1);
    cr_assert(run.shape.activation[1] == ACTIVATION_TANH);
    cr_assert(run.shape.activation[2] == ACTIVATION_TANH);
}

Test(recipe, the_first_model_gives_the_hidden_widths)
{
    struct shape first = {.layers = 3, .width = {4, 9, 8, 3}};
    struct recipe_facts facts = facts_of(100, 3, 1);
    struct run_recipe run;
    char shape[64];
    heddle_recipe *recipe = recipe_of("");
    facts.initial = &first;
    cr_assert(recipe_resolve(recipe, &facts, &run, NULL) == HEDDLE_OK);
    shape_text(&run.shape, shape, sizeof shape);
    cr_assert_str_eq(shape, "4-9-8-3");
    cr_assert(strstr(run.text.data, "\"init\":\"model\""), "%s", run.text.data);
    recipe_done(&run);
    heddle_recipe_free(recipe);
}

Test(recipe, rates_by_the_optimizer)
{
    static const struct {
        const char *options;
        enum optimizer optimizer;
        double rate;
    } rows[] = {
        {"", OPTIMIZER_ADAMW, 0.005},
        {"schedule=constant", OPTIMIZER_ADAMW, 0.001},
        {"patience=3 watch=training", OPTIMIZER_ADAMW, 0.001},
        {"optimizer=adam", OPTIMIZER_ADAM, 0.001},
        {"optimizer=sgd", OPTIMIZER_SGD, 0.1},
        {"optimizer=momentum", OPTIMIZER_MOMENTUM, 0.01},
        {"optimizer=nesterov", OPTIMIZER_NESTEROV, 0.01},
        {"optimizer=sgd rate=0.25", OPTIMIZER_SGD, 0.25},
        {"recipe=tutorial", OPTIMIZER_SGD, 0.2},
        {"recipe=tutorial optimizer=adam", OPTIMIZER_ADAM, 0.2},
    };
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct run_recipe run = resolved(rows[i].options, 100, 0, 1);
        cr_assert(run.optimizer == rows[i].optimizer && run.rate == rows[i].rate, "'%s'",
                  rows[i].options);
        cr_assert(run.momentum == 0.9 && run.beta1 == 0.9 && run.beta2 == 0.999 &&
                  run.epsilon == 1e-8);
    }
}

Test(recipe, first_weights_by_name)
{
    static const struct {
        const char *options;
        enum init_rule init;
        double spread;
    } rows[] = {
        {"init=normal:0.25", INIT_NORMAL, 0.25},
        {"init=normal", INIT_NORMAL, 0.1},
        {"init=glorot", INIT_GLOROT, 0},
        {"init=he", INIT_HE, 0},
        {"init=zeros", INIT_ZEROS, 0},
        {"recipe=tutorial", INIT_NORMAL, 0.1},
        {"", INIT_GLOROT, 0},
    };
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct run_recipe run = resolved(rows[i].options, 100, 0, 1);
        cr_assert(run.init == rows[i].init && run.init_spread == rows[i].spread, "'%s'",
                  rows[i].options);
    }
}

/* What decides bits stands in the text, what does not (threads, isa, bind, reports) does not. */
Test(recipe, the_text_holds_what_decides_bits)
{
    struct recipe_facts facts = facts_of(1000, 3, 1);
    struct run_recipe a, b, c;
    heddle_recipe *plain = recipe_of("");
    heddle_recipe *machine = recipe_of("threads=7 bind=close isa=scalar max-memory=1G "
                                       "report-every=3");
    heddle_recipe *other = recipe_of("seed=5");
    cr_assert(recipe_resolve(plain, &facts, &a, NULL) == HEDDLE_OK);
    cr_assert(recipe_resolve(machine, &facts, &b, NULL) == HEDDLE_OK);
    cr_assert(recipe_resolve(other, &facts, &c, NULL) == HEDDLE_OK);
    cr_assert_str_eq(a.text.data, b.text.data);
    cr_assert(strcmp(a.text.data, c.text.data) != 0);
    cr_assert_str_eq(a.text.data, "{\"batch\":32,\"epochs\":250,\"init\":\"glorot\",\"optimizer\":"
                                  "\"adamw\",\"rate\":0.005,\"beta1\":0.9,\"beta2\":0.999,"
                                  "\"epsilon\":1e-08,\"weight-decay\":0.1,\"l2\":0.003,"
                                  "\"schedule\":\"one-cycle\","
                                  "\"seed\":0,\"shuffle\":true,\"steps\":8000,"
                                  "\"sum\":false}");
    recipe_done(&a);
    recipe_done(&b);
    recipe_done(&c);
    heddle_recipe_free(plain);
    heddle_recipe_free(machine);
    heddle_recipe_free(other);
}

Test(recipe, the_machine_part)
{
    heddle_recipe *recipe = recipe_of("threads=12 bind=close max-memory=3M");
    cr_assert(recipe_threads(recipe) == 12 && recipe_bind(recipe) == BIND_CLOSE);
    cr_assert(recipe_max_memory(recipe) == (size_t)3 << 20);
    heddle_recipe_free(recipe);
    recipe = recipe_of("");
    cr_assert(recipe_threads(recipe) == 0 && recipe_bind(recipe) == BIND_AUTO);
    cr_assert(recipe_max_memory(recipe) == 0 && recipe_validation(recipe) < 0);
    recipe_add(recipe, "threads=4096 validation=0.25");
    cr_assert(recipe_threads(recipe) == 4096);
    cr_assert(recipe_validation(recipe) == 0.25);
    heddle_recipe_free(recipe);
}

Test(recipe, every_failing_allocation_is_reported)
{
    struct recipe_facts facts = facts_of(100, 3, 1);
    heddle_recipe *recipe = recipe_of("class-weights=yes:2");
    heddle_status status = HEDDLE_E_MEMORY;
    for (size_t n = 1; status && n < 100; n++) {
        struct run_recipe run;
        memory_fail_at(n, false);
        status = recipe_resolve(recipe, &facts, &run, NULL);
        memory_fail_at(0, false);
        cr_assert(status == HEDDLE_OK || status == HEDDLE_E_MEMORY);
        recipe_done(&run);
    }
    cr_assert(status == HEDDLE_OK);
    heddle_recipe_free(recipe);
}
