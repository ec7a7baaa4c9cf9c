/**
 * Losses and transfer functions of the caller's: those that repeat a built-in one train to the same
 * weights but for rounding, and what a file cannot hold is refused wherever one would be written.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support.h"
#include "training.h"

/* ---------------------------------------------------------------- functions ------------------ */

static double mse(void *user, size_t n, const double *x, const double *t, double *slope)
{
    (void)user;
    double sum = 0;
    for (size_t o = 0; o < n; o++) {
        double d = x[o] - t[o];
        sum += d * d;
        slope[o] = 2 * d / (double)n;
    }
    return sum / (double)n;
}

static double cross_entropy(void *user, size_t n, const double *x, const double *t, double *slope)
{
    (void)user;
    double sum = 0;
    for (size_t o = 0; o < n; o++) {
        sum -= t[o] * log(x[o]) + (1 - t[o]) * log(1 - x[o]);
        slope[o] = (x[o] - t[o]) / (x[o] * (1 - x[o]));
    }
    return sum;
}

/** user: what it gives in place of a loss, and of slopes. */
static double constant(void *user, size_t n, const double *x, const double *t, double *slope)
{
    const double *give = user;
    (void)x, (void)t;
    for (size_t o = 0; o < n; o++) {
        slope[o] = give[1];
    }
    return give[0];
}

static void tanh_of(void *user, size_t n, const double *z, double *x, double *slope)
{
    (void)user;
    for (size_t i = 0; i < n; i++) {
        x[i] = tanh(z[i]);
        slope[i] = 1 - x[i] * x[i];
    }
}

/** An S of x / √(1 + x²), scaled by *user: nothing that is built in. */
static void root(void *user, size_t n, const double *z, double *x, double *slope)
{
    const double *scale = user;
    for (size_t i = 0; i < n; i++) {
        double r = 1 / sqrt(1 + z[i] * z[i]);
        x[i] = *scale * z[i] * r;
        slope[i] = *scale * r * r * r;
    }
}

static void no_numbers(void *user, size_t n, const double *z, double *x, double *slope)
{
    (void)user, (void)z;
    for (size_t i = 0; i < n; i++) {
        x[i] = 0;
        slope[i] = (double)NAN;
    }
}

static double two = 2;

/* ---------------------------------------------------------------- runs ----------------------- */

static heddle_recipe *custom_recipe(const char *options, heddle_loss loss,
                                    heddle_activation activation)
{
    heddle_recipe *recipe = recipe_of(options);
    if (loss) {
        cr_assert(!heddle_recipe_set_loss(recipe, loss, NULL, NULL));
    }
    if (activation) {
        cr_assert(!heddle_recipe_set_activation(recipe, activation, &two, NULL));
    }
    return recipe;
}

static heddle_model *model_of(const heddle_recipe *recipe, const heddle_table *table,
                              heddle_result *result)
{
    heddle_model *model;
    heddle_error err;
    cr_assert(!heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, result, &err), "%s",
              err.text);
    return model;
}

static heddle_model *custom_model(const char *options, heddle_loss loss,
                                  heddle_activation activation, const heddle_table *table)
{
    heddle_recipe *recipe = custom_recipe(options, loss, activation);
    heddle_model *model = model_of(recipe, table, NULL);
    heddle_recipe_free(recipe);
    return model;
}

static void expect_near(double got, double want, const char *what)
{
    cr_assert(fabs(got - want) <= 1e-9 * fmax(1, fabs(want)), "%s: %.17g, not %.17g", what, got,
              want);
}

/** The recipe with the functions trains to what the recipe with the built-in ones does. */
static void expect_same_run(const char *data, const char *options, const char *built_in,
                            heddle_loss loss, heddle_activation activation)
{
    heddle_table *table = table_of(data);
    heddle_recipe *recipe = custom_recipe(options, loss, activation);
    heddle_recipe *usual = recipe_of(options);
    recipe_add(usual, built_in);
    heddle_result got = {0}, want = {0};
    heddle_model *custom = model_of(recipe, table, &got), *model = model_of(usual, table, &want);
    size_t count = shape_parameters(&model->shape);
    double moved = 0;
    for (size_t i = 0; i < count; i++) {
        expect_near(custom->values[i], model->values[i], options);
        moved += fabs(model->values[i]);
    }
    cr_assert(moved > 0);
    expect_near(got.loss, want.loss, "the loss");
    expect_near(got.validation.loss, want.validation.loss, "the loss of the rows held out");
    expect_near(got.validation.r2, want.validation.r2, "R²");
    cr_assert_eq(got.validation.accuracy, want.validation.accuracy);
    heddle_result_done(&got);
    heddle_result_done(&want);
    heddle_model_free(custom);
    heddle_model_free(model);
    heddle_recipe_free(recipe);
    heddle_recipe_free(usual);
    heddle_table_free(table);
}

#define SMALL "precision=double hidden=7,5 validation=0.2 batch=20 shard=4 epochs=3 seed=3 "
#define SGD SMALL "optimizer=sgd rate=0.1 threads=2 "
#define LBFGS                                                                                      \
    "precision=double hidden=5 validation=0.2 batch=full optimizer=lbfgs steps=8 threads=2 "

/* ---------------------------------------------------------------- options -------------------- */

Test(custom, is_for_who_has_given_the_function)
{
    heddle_recipe *recipe = recipe_of("");
    heddle_error err;
    cr_assert(heddle_recipe_set(recipe, "loss", "custom", &err) == HEDDLE_E_ARGUMENT);
    cr_assert(strstr(err.text, "heddle_recipe_set_loss()"), "%s", err.text);
    cr_assert(heddle_recipe_set(recipe, "activation", "tanh,custom", &err) == HEDDLE_E_ARGUMENT);
    cr_assert(strstr(err.text, "heddle_recipe_set_activation()"), "%s", err.text);
    cr_assert(heddle_recipe_set(recipe, "output-activation", "custom", &err) == HEDDLE_E_ARGUMENT);

    cr_assert(!heddle_recipe_set_loss(recipe, mse, NULL, &err));
    cr_assert_str_eq(heddle_recipe_get(recipe, "loss"), "custom");
    cr_assert(!heddle_recipe_set(recipe, "loss", "huber", &err));
    cr_assert(!heddle_recipe_set(recipe, "loss", "custom", &err));
    cr_assert(heddle_recipe_set(recipe, "output-activation", "custom", &err) == HEDDLE_E_ARGUMENT);
    cr_assert(heddle_recipe_set(recipe, "activation", "custom", &err) == HEDDLE_E_ARGUMENT);
    cr_assert(!heddle_recipe_set_activation(recipe, tanh_of, NULL, &err));
    cr_assert(!heddle_recipe_set(recipe, "activation", "tanh,custom,relu", &err));
    cr_assert_str_eq(heddle_recipe_get(recipe, "activation"), "tanh,custom,relu");

    cr_assert(!heddle_recipe_set_loss(recipe, NULL, NULL, &err));
    cr_assert(!heddle_recipe_set_activation(recipe, NULL, NULL, &err));
    cr_assert_str_eq(heddle_recipe_get(recipe, "loss"), "auto");
    cr_assert_str_eq(heddle_recipe_get(recipe, "activation"), "relu");
    cr_assert(heddle_recipe_set(recipe, "loss", "custom", &err) == HEDDLE_E_ARGUMENT);
    heddle_recipe_free(recipe);
}

static void expect_refused(const char *options, heddle_loss loss, heddle_activation activation,
                           const char *says)
{
    heddle_table *table = table_of("builtin:spirals");
    heddle_recipe *recipe = custom_recipe(options, loss, activation);
    heddle_model *model;
    heddle_error err;
    cr_assert(heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, NULL, &err) ==
              HEDDLE_E_ARGUMENT);
    cr_assert(strstr(err.text, says), "%s", err.text);
    heddle_recipe_free(recipe);
    heddle_table_free(table);
}

Test(custom, what_cannot_be_with_it_is_refused)
{
    char checkpoint[1100];
    snprintf(checkpoint, sizeof checkpoint, SMALL "checkpoint=%s", scratch_path("custom.ck"));
    expect_refused(checkpoint, NULL, tanh_of, "--checkpoint");
    expect_refused(SMALL "resume=any.ck", NULL, tanh_of, "--resume");
    cr_assert(access(scratch_path("custom.ck"), F_OK) != 0);
    expect_refused(SMALL, mse, NULL, "softmax");
    expect_refused(SMALL "output-activation=sigmoid label-smoothing=0.1", mse, NULL,
                   "--label-smoothing");
}

/* ---------------------------------------------------------------- built-in ones again -------- */

Test(custom, a_loss_that_is_mse_trains_as_mse)
{
    expect_same_run("builtin:spirals", SGD "task=regress", "loss=mse", mse, NULL);
    expect_same_run("builtin:spirals", SGD "task=regress output-activation=tanh", "loss=mse", mse,
                    NULL);
    expect_same_run("builtin:spirals", SGD "output-activation=sigmoid", "loss=mse", mse, NULL);
    expect_same_run("builtin:digits", SMALL "output-activation=gelu steps=20", "loss=mse", mse,
                    NULL);
}

Test(custom, a_loss_that_is_cross_entropy_trains_as_cross_entropy)
{
    expect_same_run("builtin:spirals", SGD "output-activation=sigmoid", "loss=cross-entropy",
                    cross_entropy, NULL);
    expect_same_run("builtin:spirals", SGD "output-activation=sigmoid class-weights=1:3",
                    "loss=cross-entropy", cross_entropy, NULL);
    expect_same_run("builtin:digits", SMALL "output-activation=sigmoid steps=20",
                    "loss=cross-entropy", cross_entropy, NULL);
}

Test(custom, an_activation_that_is_tanh_trains_as_tanh)
{
    expect_same_run("builtin:spirals", SGD, "activation=tanh", NULL, tanh_of);
    expect_same_run("builtin:spirals", SGD "task=regress", "activation=tanh", NULL, tanh_of);
    expect_same_run("builtin:digits", SMALL "steps=20 hidden=50", "activation=tanh", NULL, tanh_of);
    expect_same_run("builtin:spirals", SGD "task=regress", "activation=tanh loss=mse", mse,
                    tanh_of);
}

Test(custom, units_are_dropped_as_usual)
{
    expect_same_run("builtin:spirals", SGD "dropout=0.4 noise=0.1", "activation=tanh", NULL,
                    tanh_of);
}

Test(custom, lbfgs_searches_along_its_lines)
{
    expect_same_run("builtin:spirals", LBFGS "task=regress", "activation=tanh loss=mse", mse,
                    tanh_of);
}

Test(custom, layers_may_be_mixed)
{
    heddle_table *table = table_of("builtin:spirals");
    heddle_recipe *recipe = custom_recipe(SGD, NULL, tanh_of);
    heddle_recipe *usual = recipe_of(SGD "activation=gelu,tanh");
    recipe_add(recipe, "activation=gelu,custom");
    heddle_model *model = model_of(usual, table, NULL), *custom = model_of(recipe, table, NULL);
    for (size_t i = 0; i < shape_parameters(&model->shape); i++) {
        expect_near(custom->values[i], model->values[i], "gelu,custom");
    }
    heddle_model_free(model);
    heddle_model_free(custom);
    heddle_recipe_free(usual);
    heddle_recipe_free(recipe);
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- bits ----------------------- */

Test(custom, same_bits_for_any_number_of_workers)
{
    static const char *const recipes[] = {
        "hidden=20,9 batch=100 shard=3 epochs=2 output-activation=sigmoid",
        "hidden=20 batch=64 shard=2 epochs=2 precision=double output-activation=sigmoid "
        "dropout=0.3"};
    heddle_table *table = table_of("builtin:spirals");
    for (size_t r = 0; r < 2; r++) {
        char want[65], got[65], options[256];
        for (int threads = 1; threads <= 8; threads++) {
            snprintf(options, sizeof options, "%s threads=%d", recipes[r], threads);
            heddle_model *model = custom_model(options, mse, root, table);
            cr_assert(!heddle_model_sha256(model, threads == 1 ? want : got, NULL));
            cr_assert(threads == 1 || strcmp(want, got) == 0, "%s", options);
            heddle_model_free(model);
        }
    }
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- using it ------------------- */

/** Two models predict and score the same, to the tolerance or to the bit. */
static void expect_same_use(const heddle_model *a, const heddle_model *b, int threads,
                            const heddle_table *table, bool exactly, bool losses)
{
    heddle_predictions p, q;
    heddle_score s, t;
    cr_assert(!heddle_model_predict(a, table, 1, &p, NULL));
    cr_assert(!heddle_model_predict(b, table, threads, &q, NULL));
    cr_assert(p.rows == q.rows && p.width == q.width && p.rows > 0);
    for (size_t i = 0; i < p.rows * p.width; i++) {
        expect_near(q.values[i], p.values[i], "a prediction");
    }
    if (exactly) {
        cr_assert(memcmp(p.values, q.values, p.rows * p.width * sizeof *p.values) == 0);
    }
    cr_assert(!heddle_model_evaluate(a, table, 1, &s, NULL));
    cr_assert(!heddle_model_evaluate(b, table, threads, &t, NULL));
    cr_assert_eq(s.accuracy, t.accuracy);
    if (losses) {
        expect_near(t.loss, s.loss, "the loss");
    } else {
        cr_assert(isfinite(s.loss) && isnan(t.loss));
    }
    heddle_score_done(&s);
    heddle_score_done(&t);
    heddle_predictions_done(&p);
    heddle_predictions_done(&q);
}

Test(custom, a_model_with_an_activation_predicts_and_is_scored)
{
    heddle_table *table = table_of("builtin:digits");
    static const char options[] = SMALL "steps=20 hidden=20";
    heddle_model *custom = custom_model(options, NULL, tanh_of, table);
    heddle_model *other =
        custom_model(SMALL "steps=20 hidden=20 activation=tanh", NULL, NULL, table);
    expect_same_use(other, custom, 3, table, false, true);
    expect_same_use(custom, custom, 4, table, true, true);
    heddle_model_free(custom);
    heddle_model_free(other);
    heddle_table_free(table);
}

Test(custom, a_model_with_an_activation_is_no_file)
{
    heddle_table *table = table_of("builtin:xor");
    heddle_model *model = custom_model("hidden=3 steps=2", NULL, root, table);
    const char *path = scratch_path("custom_activation.model");
    char hex[65];
    heddle_error err;
    cr_assert(heddle_model_write(model, path, &err) == HEDDLE_E_UNSUPPORTED);
    cr_assert(strstr(err.text, "custom"), "%s", err.text);
    cr_assert(heddle_model_export_c(model, path, NULL, &err) == HEDDLE_E_UNSUPPORTED);
    cr_assert(strstr(err.text, "custom"), "%s", err.text);
    cr_assert(heddle_model_export_onnx(model, path, NULL, &err) == HEDDLE_E_UNSUPPORTED);
    cr_assert(strstr(err.text, "custom"), "%s", err.text);
    cr_assert(access(path, F_OK) != 0);
    cr_assert(!heddle_model_sha256(model, hex, NULL) && strlen(hex) == 64);
    heddle_model_free(model);
    /* a function that no layer has is in nobody's way */
    model = custom_model("hidden=none steps=2", NULL, root, table);
    cr_assert(!heddle_model_write(model, scratch_path("no_hidden.model"), &err), "%s", err.text);
    heddle_model_free(model);
    heddle_table_free(table);
}

Test(custom, a_file_that_says_its_activation_is_custom_is_refused)
{
    heddle_table *table = table_of("builtin:xor");
    heddle_model *model = custom_model("hidden=3 steps=2", NULL, NULL, table), *read;
    const char *path = scratch_path("says_custom.model");
    heddle_error err;
    cr_assert(!model_note(model, "activations", "custom,softmax", NULL));
    cr_assert(!heddle_model_write(model, path, NULL));
    cr_assert(heddle_model_read(path, &read, &err) == HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "its activations 'custom,softmax' are not"), "%s", err.text);
    heddle_model_free(model);
    heddle_table_free(table);
}

/** What the program prints; its status must be 0. */
static void program_prints(const char *arguments, char *text, size_t size)
{
    char command[4096];
    const char *program = getenv("HEDDLE");
    snprintf(command, sizeof command, "%s %s", program ? program : "build/heddle", arguments);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe != NULL);
    text[fread(text, 1, size - 1, pipe)] = 0;
    cr_assert_eq(pclose(pipe), 0, "%s", command);
}

Test(custom, a_model_with_a_loss_is_a_file_without_it)
{
    heddle_table *table = table_of("builtin:spirals");
    heddle_model *model = custom_model(SGD "output-activation=sigmoid", mse, NULL, table), *read;
    const char *path = scratch_path("custom_loss.model");
    heddle_error err;
    cr_assert(!heddle_model_write(model, path, &err), "%s", err.text);
    cr_assert(!heddle_model_read(path, &read, &err), "%s", err.text);
    cr_assert(strcmp(model_entry(read, "loss"), "custom") == 0);
    expect_same_use(model, read, 2, table, true, false);
    cr_assert(!heddle_model_export_c(read, scratch_path("custom_loss.c"), NULL, &err), "%s",
              err.text);
    cr_assert(!heddle_model_export_onnx(read, scratch_path("custom_loss.onnx"), NULL, &err), "%s",
              err.text);
    char arguments[1200], text[8192];
    snprintf(arguments, sizeof arguments, "evaluate %s builtin:spirals", path);
    program_prints(arguments, text, sizeof text);
    cr_assert(strstr(text, ", loss - (") && !strstr(text, "nan"), "%s", text);
    snprintf(arguments, sizeof arguments, "evaluate %s builtin:spirals --json", path);
    program_prints(arguments, text, sizeof text);
    cr_assert(strstr(text, "\"loss\": null,") && !strstr(text, "nan"), "%s", text);
    snprintf(arguments, sizeof arguments, "info %s", path);
    program_prints(arguments, text, sizeof text);
    cr_assert(strstr(text, "custom"), "%s", text);
    heddle_model_free(read);
    heddle_model_free(model);
    heddle_table_free(table);
}

Test(custom, a_run_with_a_loss_goes_on_from_its_checkpoint)
{
    heddle_table *table = table_of("builtin:spirals");
    char begun[1200], options[1200], want[65], got[65];
    const char *path = scratch_path("custom_loss.ck");
    snprintf(begun, sizeof begun, SGD "output-activation=sigmoid steps=11 checkpoint=%s", path);
    snprintf(options, sizeof options, SGD "output-activation=sigmoid resume=%s", path);
    heddle_model *whole = custom_model(SGD "output-activation=sigmoid", mse, NULL, table);
    heddle_model_free(custom_model(begun, mse, NULL, table));
    heddle_model *model = custom_model(options, mse, NULL, table);
    cr_assert(!heddle_model_sha256(whole, want, NULL) && !heddle_model_sha256(model, got, NULL));
    cr_assert_str_eq(got, want);
    heddle_model_free(whole);
    heddle_model_free(model);
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- searching ------------------ */

Test(custom, candidates_have_the_functions)
{
    heddle_table *table = table_of("builtin:spirals");
    heddle_recipe *recipe = custom_recipe(SMALL "validation=auto task=regress", mse, tanh_of);
    heddle_search *search;
    heddle_search_options folds = {.folds = 3};
    heddle_trial trials[4];
    heddle_error err;
    cr_assert(!heddle_search_create(recipe, &search, NULL));
    cr_assert(!heddle_search_vary(search, "activation", "custom/tanh", &err), "%s", err.text);
    cr_assert(!heddle_search_vary(search, "loss", "custom/mse", &err), "%s", err.text);
    cr_assert(!heddle_search_run(search, table, NULL, NULL, &folds, NULL, trials, &err), "%s",
              err.text);
    for (size_t i = 1; i < 4; i++) {
        expect_near(trials[i].mean, trials[0].mean, "R²");
        expect_near(trials[i].loss, trials[0].loss, "the loss");
    }
    cr_assert(isfinite(trials[0].loss) && trials[0].loss > 0);
    heddle_trials_done(trials, 4);
    heddle_search_free(search);
    heddle_recipe_free(recipe);
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- divergence ----------------- */

static void expect_diverged(const char *options, const double *give, heddle_activation activation,
                            const char *says)
{
    heddle_table *table = table_of("builtin:spirals");
    for (int threads = 1; threads <= 3; threads++) {
        char all[256];
        snprintf(all, sizeof all, "%s threads=%d", options, threads);
        heddle_recipe *recipe = custom_recipe(all, NULL, activation);
        heddle_model *model = NULL;
        heddle_error err;
        if (give) {
            cr_assert(!heddle_recipe_set_loss(recipe, constant, (void *)give, NULL));
        }
        cr_assert(heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, NULL, &err) ==
                  HEDDLE_E_DIVERGED);
        cr_assert(!model && strstr(err.text, says), "%s", err.text);
        heddle_recipe_free(recipe);
    }
    heddle_table_free(table);
}

Test(custom, what_is_not_finite_ends_the_run)
{
    static const double no_loss[2] = {NAN, 0}, endless[2] = {INFINITY, 0}, steep[2] = {1, INFINITY},
                        huge[2] = {1, 1e300};
    expect_diverged(SMALL "task=regress", no_loss, NULL,
                    "in step 1: the loss is not finite; the largest weight, 0.");
    expect_diverged(SMALL "task=regress", endless, NULL, "in step 1: the loss");
    expect_diverged(SMALL "task=regress", steep, NULL, "in step 1: a weight delta of layer 1");
    expect_diverged(SMALL "task=regress precision=float", huge, NULL, "in step 1: a weight delta");
    expect_diverged(SMALL, NULL, no_numbers, "in step 1: a weight delta of layer 1");
    expect_diverged(LBFGS "task=regress", no_loss, NULL, "in step 1: the loss");
}

/* ---------------------------------------------------------------- stopping ------------------- */

enum { BEFORE = 5 };
#define STOPPED SMALL "optimizer=adam "

/** A second thread that is let go in step BEFORE and stops the run. */
struct stopper {
    pthread_t thread;
    sem_t go, done;
    atomic_int flag;
};

static void *raise_flag(void *context)
{
    struct stopper *s = context;
    while (sem_wait(&s->go) != 0) {
    }
    atomic_store(&s->flag, HEDDLE_STOP);
    sem_post(&s->done);
    return NULL;
}

static void on_step(void *user, uint64_t step, double loss)
{
    struct stopper *s = user;
    (void)loss;
    if (step == BEFORE) {
        sem_post(&s->go);
        while (sem_wait(&s->done) != 0) {
        }
    }
}

static int flag_of(void *user)
{
    return atomic_load(&((struct stopper *)user)->flag);
}

Test(custom, another_thread_may_stop_a_run)
{
    heddle_table *table = table_of("builtin:spirals");
    for (int threads = 1; threads <= 3; threads++) {
        static struct stopper s;
        char options[256];
        snprintf(options, sizeof options, STOPPED "epochs=1000 threads=%d", threads);
        heddle_recipe *recipe = recipe_of(options);
        heddle_callbacks callbacks = {.user = &s, .step = on_step, .stop = flag_of};
        heddle_model *model;
        heddle_result result;
        heddle_error err;
        atomic_store(&s.flag, HEDDLE_GO_ON);
        cr_assert(sem_init(&s.go, 0, 0) == 0 && sem_init(&s.done, 0, 0) == 0);
        cr_assert(pthread_create(&s.thread, NULL, raise_flag, &s) == 0);
        cr_assert(!heddle_train(recipe, table, NULL, NULL, NULL, &callbacks, &model, &result, &err),
                  "%s", err.text);
        cr_assert(pthread_join(s.thread, NULL) == 0);
        cr_assert(result.stopped);
        cr_assert_eq(result.steps, BEFORE + 1);
        /* its weights are those of a run of so many steps */
        snprintf(options, sizeof options, STOPPED "steps=%d", BEFORE + 1);
        heddle_model *planned = custom_model(options, NULL, NULL, table);
        cr_assert(memcmp(model->values, planned->values,
                         shape_parameters(&model->shape) * sizeof *model->values) == 0);
        expect_same_use(planned, model, threads, table, true, true);
        heddle_model_free(planned);
        heddle_result_done(&result);
        heddle_model_free(model);
        heddle_recipe_free(recipe);
    }
    heddle_table_free(table);
}
