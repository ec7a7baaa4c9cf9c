/**
 * Every way of training gives the same model whoever trains it: threads and instruction sets for
 * each row of a table of options, in both precisions.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "heddle.h"
#include "kernel/dispatch.h"

/** Set "name=value name=value …". */
static heddle_status set_options(heddle_recipe *recipe, const char *options, heddle_error *err)
{
    char text[512];
    heddle_status status = HEDDLE_OK;
    snprintf(text, sizeof text, "%s", options);
    for (char *save, *word = strtok_r(text, " ", &save); word && !status;
         word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        *value = 0;
        status = heddle_recipe_set(recipe, word, value + 1, err);
    }
    return status;
}

/** Train on a builtin set; the model's hash. */
static void train(const char *data, const char *options, const char *machine, char sha[65])
{
    heddle_error err = {0};
    heddle_recipe *recipe;
    heddle_table *table;
    heddle_model *model;
    heddle_result result;
    cr_assert(!heddle_recipe_create(&recipe, &err));
    cr_assert(!set_options(recipe, options, &err) && !set_options(recipe, machine, &err), "%s",
              err.text);
    cr_assert(!heddle_table_read(data, NULL, &table, &err), "%s", err.text);
    cr_assert(!heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, &result, &err),
              "%s %s: %s", options, machine, err.text);
    memcpy(sha, result.sha256, 65);
    heddle_result_done(&result);
    heddle_model_free(model);
    heddle_table_free(table);
    heddle_recipe_free(recipe);
}

static void expect_same_bits(const char *data, const char *const *rows, size_t count)
{
    static const char *const precisions[] = {"float", "double"};
    for (size_t i = 0; i < count * 2; i++) {
        char options[256], want[65], got[65];
        snprintf(options, sizeof options, "precision=%s %s", precisions[i % 2], rows[i / 2]);
        train(data, options, "threads=1", want);
        for (int threads = 2; threads <= 8; threads += threads == 3 ? 5 : 1) {
            char machine[64];
            snprintf(machine, sizeof machine, "threads=%d", threads);
            train(data, options, machine, got);
            cr_assert_str_eq(got, want, "%s, %d threads", options, threads);
        }
        for (int isa = 0; isa < ISA_COUNT; isa++) {
            char machine[64];
            if (isa_available((enum isa)isa)) {
                snprintf(machine, sizeof machine, "threads=2 isa=%s", isa_name((enum isa)isa));
                train(data, options, machine, got);
                cr_assert_str_eq(got, want, "%s, %s", options, isa_name((enum isa)isa));
            }
        }
    }
}

#define EXPECT_SAME_BITS(data, rows) expect_same_bits(data, rows, sizeof(rows) / sizeof(*(rows)))

Test(recipes, same_bits_for_every_activation)
{
    static const char *const rows[] = {
        "hidden=9,7 steps=4 batch=50 activation=leaky-relu,elu",
        "hidden=9,7 steps=4 batch=50 activation=selu,gelu",
        "hidden=9,7 steps=4 batch=50 activation=silu,softplus",
        "hidden=9,7 steps=4 batch=50 activation=softsign,hard-sigmoid",
        "hidden=9,7,5 steps=4 batch=50 activation=gaussian,sine,linear",
        "hidden=9 steps=4 batch=50 activation=tanh output-activation=gelu loss=mse",
        "hidden=9 steps=4 batch=50 activation=exp output-activation=sine loss=sse rate=1e-4",
    };
    EXPECT_SAME_BITS("builtin:digits", rows);
}

Test(recipes, same_bits_for_every_loss)
{
    static const char *const classes[] = {
        "hidden=9 steps=4 batch=50 output-activation=sigmoid loss=mae",
        "hidden=9 steps=4 batch=50 output-activation=softplus loss=huber",
        "hidden=9 steps=4 batch=50 loss=cross-entropy label-smoothing=0.1",
        "hidden=9 steps=4 batch=50 output-activation=sigmoid loss=cross-entropy label-smoothing=0.1",
        "task=regress hidden=9 steps=4 batch=50 loss=poisson",
        "task=regress hidden=9 steps=4 batch=50 loss=mae",
    };
    EXPECT_SAME_BITS("builtin:digits", classes);
}

Test(recipes, same_bits_for_every_optimizer)
{
    static const char *const rows[] = {
        "hidden=9 steps=4 batch=50 optimizer=adamw weight-decay=0.1",
        "hidden=9 steps=4 batch=50 optimizer=rmsprop l2=1e-3",
        "hidden=9 steps=4 batch=50 optimizer=adagrad l1=1e-3",
        "hidden=9 steps=4 batch=full optimizer=rprop",
        "hidden=70,9 steps=14 batch=full optimizer=lbfgs activation=tanh",
        "hidden=9 steps=9 batch=full optimizer=lbfgs l2=0.01 class-weights=balanced rate=0.5",
        "hidden=9 steps=4 batch=50 optimizer=sgd clip=0.01",
        "hidden=70,9 steps=4 batch=50 optimizer=momentum clip-value=0.001 max-norm=0.5",
        "hidden=70 steps=4 batch=50 optimizer=nesterov clip=0.01 clip-value=0.001 l2=0.1",
    };
    EXPECT_SAME_BITS("builtin:digits", rows);
}

Test(recipes, same_bits_for_every_regularisation_schedule_and_stop)
{
    static const char *const rows[] = {
        "hidden=21,9 steps=8 batch=50 dropout=0.4",
        "hidden=9 steps=8 batch=full dropout=0.4 noise=0.2",
        "hidden=9 steps=8 batch=50 noise=0.1 class-weights=balanced",
        "hidden=9 steps=8 batch=50 class-weights=3:2,5:0.25 schedule=one-cycle",
        "hidden=9 steps=8 batch=50 schedule=cosine warmup=3",
        "hidden=9 epochs=6 batch=300 schedule=plateau schedule-every=1 rate=0.5 optimizer=sgd",
        "hidden=9 epochs=12 batch=300 patience=2 rate=0.1",
        "hidden=9 epochs=12 batch=300 patience=2 rate=0.5 validation=0 watch=training",
        "hidden=9 epochs=12 batch=300 patience=2 rate=0.5 watch=training",
        "hidden=9 epochs=4 batch=300 schedule=exponential",
        "hidden=9 epochs=4 batch=300 schedule=inverse",
        "hidden=9 epochs=4 batch=300 schedule=step",
    };
    EXPECT_SAME_BITS("builtin:digits", rows);
}

Test(recipes, contradictions_are_refused_and_name_an_option)
{
    static const struct {
        const char *options, *named;
    } rows[] = {
        {"optimizer=rprop batch=50", "--batch full"},
        {"optimizer=lbfgs batch=50", "--batch full"},
        {"optimizer=lbfgs batch=full schedule=cosine", "--schedule"},
        {"optimizer=lbfgs batch=full dropout=0.1", "--dropout"},
        {"optimizer=lbfgs batch=full l1=0.1", "--l1"},
        {"optimizer=lbfgs batch=full weight-decay=0.1", "--l2"},
        {"optimizer=rprop batch=full schedule=step", "--schedule"},
        {"loss=poisson", "--task regress"},
        {"loss=mae output-activation=softmax", "cross-entropy"},
        {"task=regress label-smoothing=0.1", "--loss cross-entropy"},
        {"hidden=none dropout=0.5", "--hidden"},
        {"schedule=one-cycle warmup=3", "--warmup"},
        {"warmup=10 steps=10", "--warmup"},
        {"task=regress class-weights=balanced", "--class-weights"},
        {"class-weights=ten:2", "'ten'"},
        {"class-weights=3", "--class-weights"},
        {"class-weights=0:0,1:0,2:0,3:0,4:0,5:0,6:0,7:0,8:0,9:0", "--class-weights"},
        {"weight-decay=1000", "--rate"},
        {"patience=2 validation=0", "--watch training"},
        {"watch=validation validation=0", "--validation"},
        {"task=regress loss=cross-entropy", "--loss mse"},
        {"task=regress output-activation=softmax", "--task classify"},
        {"weights=heft", "'heft'"},
    };
    heddle_table *table;
    cr_assert(!heddle_table_read("builtin:digits", NULL, &table, NULL));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        heddle_error err = {0};
        heddle_recipe *recipe;
        heddle_model *model = NULL;
        cr_assert(!heddle_recipe_create(&recipe, &err));
        cr_assert(!set_options(recipe, rows[i].options, &err), "%s", err.text);
        heddle_status status =
            heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, NULL, &err);
        cr_assert(status == HEDDLE_E_ARGUMENT || status == HEDDLE_E_DATA, "%s", rows[i].options);
        cr_assert(strstr(err.text, rows[i].named), "%s: %s", rows[i].options, err.text);
        heddle_recipe_free(recipe);
    }
    heddle_table_free(table);
}

Test(recipes, new_options_at_their_defaults_leave_no_trace_in_the_model)
{
    char plain[65], spelt[65];
    train("builtin:digits", "hidden=9 steps=3 optimizer=adam", "threads=1", plain);
    train(
        "builtin:digits",
        "hidden=9 steps=3 optimizer=adam schedule=constant warmup=0 dropout=0 noise=0 l1=0 l2=0 clip=none "
        "clip-value=none max-norm=none weight-decay=0 label-smoothing=0 class-weights=none",
        "threads=1", spelt);
    cr_assert_str_eq(plain, spelt);
}
