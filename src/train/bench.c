/**
 * bench: how fast a training step is, for several numbers of workers in one go. It runs the trainer
 * itself: what is measured is what a run does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/status.h"
#include "data/preprocess.h"
#include "kernel/dispatch.h"
#include "machine/cluster.h"
#include "machine/limit.h"
#include "train/trainer.h"
#include "train/workers.h"

enum { ROWS = 16384, REPEATS = 7, REPEATS_MAX = 1000, THREADS_MAX = 64 };

/** Seconds that a measurement is meant to take, and that the limit is measured. */
#define MEASURE_SECONDS 0.1
#define LIMIT_SECONDS 0.05

struct bench {
    heddle_recipe *recipe; /* a copy, with what bench takes for granted */
    struct preprocess *preprocess;
    struct dataset set;
    struct run_recipe run;
    double *values;
    struct workers *workers; /* (counts) a team each */
    double *us;              /* (counts, repeats) */
    double *limit;           /* (counts) */
    int threads[THREADS_MAX];
    size_t counts;
    int repeats;
};

static void bench_done(struct bench *b)
{
    for (size_t i = 0; b->workers && i < b->counts; i++) {
        workers_done(&b->workers[i]);
    }
    memory_free(b->workers);
    memory_free(b->us);
    memory_free(b->limit);
    memory_free(b->values);
    memory_free(b->run.text.data);
    dataset_done(&b->set);
    preprocess_free(b->preprocess);
    heddle_recipe_free(b->recipe);
}

/** The recipe, with bench's own defaults where nothing is set. */
static heddle_status copy_recipe(struct bench *b, const heddle_recipe *recipe, bool made_up,
                                 heddle_error *err)
{
    static const struct {
        const char *name, *value;
    } defaults[] = {{"activation", "sigmoid"}, {"output-activation", "sigmoid"}, {"loss", "mse"},
                    {"optimizer", "sgd"},      {"batch", "128"}};
    heddle_status status = heddle_recipe_create(&b->recipe, err);
    for (size_t i = 0; !status && made_up && i < sizeof defaults / sizeof *defaults; i++) {
        status = heddle_recipe_set(b->recipe, defaults[i].name, defaults[i].value, err);
    }
    for (size_t i = 0; !status && recipe && i < OPTION_COUNT; i++) {
        if (recipe->value[i]) {
            status = heddle_recipe_set(b->recipe, heddle_recipe_option(i)->name, recipe->value[i],
                                       err);
        }
    }
    return status;
}

/** Split "784,128,10" into the ends and the text of the hidden widths. */
static heddle_status read_shape(struct bench *b, const char *shape, size_t *inputs,
                                size_t *outputs, heddle_error *err)
{
    const char *first = strchr(shape, ',');
    const char *last = strrchr(shape, ',');
    uint64_t in = 0, out = 0;
    if (!first || !text_to_u64(shape, (size_t)(first - shape), &in) ||
        !text_to_u64(last + 1, strlen(last + 1), &out) || in < 1 || out < 1 || in > 1 << 24 ||
        out > 1 << 24) {
        return status_set(err, HEDDLE_E_ARGUMENT, "--shape '%s': widths are such as 784,128,10",
                          shape);
    }
    *inputs = (size_t)in;
    *outputs = (size_t)out;
    if (first == last) {
        return heddle_recipe_set(b->recipe, "hidden", "none", err);
    }
    char *hidden = memory_string_n(first + 1, (size_t)(last - first) - 1);
    if (!hidden) {
        return status_memory(err, "the shape", strlen(shape));
    }
    heddle_status status = heddle_recipe_set(b->recipe, "hidden", hidden, err);
    memory_free(hidden);
    return status;
}

/** Rows of uniform numbers in (0, 1), inputs and targets. */
static heddle_status make_up(struct bench *b, size_t rows, size_t inputs, size_t outputs,
                             heddle_error *err)
{
    bool use_double = recipe_use_double(b->recipe);
    size_t size = use_double ? sizeof(double) : sizeof(float);
    size_t wide = round16(inputs + 1);
    size_t bytes;
    if (!size_multiply(rows, (wide + round16(outputs)) * size, &bytes)) {
        return status_memory(err, "made-up rows", SIZE_MAX);
    }
    struct dataset set = {
        .rows = rows,
        .inputs = inputs,
        .outputs = outputs,
        .use_double = use_double,
        .real_stride = wide,
        .target_stride = round16(outputs),
        .arena = arena_new(bytes),
        .arena_bytes = bytes,
    };
    if (!set.arena) {
        return status_memory(err, "made-up rows", bytes);
    }
    set.real = set.arena;
    set.target = (char *)set.arena + rows * wide * size;
    for (size_t r = 0; r < rows; r++) {
        if (use_double) {
            ((double *)set.arena)[r * wide + inputs] = 1;
        } else {
            ((float *)set.arena)[r * wide + inputs] = 1;
        }
        for (size_t i = 0; i < inputs + outputs; i++) {
            size_t at = i < inputs ? r * wide + i : rows * wide + r * round16(outputs) + i - inputs;
            uint32_t word[4];
            random_words(0, RANDOM_SYNTHETIC, r, (uint32_t)i, 0, word);
            double x = (word[0] + 0.5) * 0x1p-32;
            if (use_double) {
                ((double *)set.arena)[at] = x;
            } else {
                ((float *)set.arena)[at] = (float)x;
            }
        }
    }
    b->set = set;
    return HEDDLE_OK;
}

/** Data, shape and recipe. */
static heddle_status prepare(struct bench *b, const heddle_table *table,
                             const heddle_bench_options *options, heddle_error *err)
{
    struct recipe_facts facts = {0};
    heddle_status status = HEDDLE_OK;
    if (table) {
        struct preprocess_options how;
        recipe_preprocess(b->recipe, &how);
        status = preprocess_fit(table, &how, NULL, table->rows, NULL, NULL, &b->preprocess, err);
        if (!status) {
            status = preprocess_apply(b->preprocess, table, NULL, table->rows,
                                      recipe_use_double(b->recipe),
                                      recipe_single_output(b->recipe), true, NULL, &b->set, err);
        }
        if (!status) {
            facts.classes = b->preprocess->classes;
            facts.targets = b->preprocess->targets;
        }
        if (!status && options->shape) {
            size_t inputs, outputs;
            status = read_shape(b, options->shape, &inputs, &outputs, err);
            if (!status && (inputs != b->set.inputs || outputs != b->set.outputs)) {
                status = status_set(err, HEDDLE_E_ARGUMENT,
                                    "--shape %s does not fit data of %zu inputs and %zu outputs",
                                    options->shape, b->set.inputs, b->set.outputs);
            }
        }
    } else {
        size_t inputs = 0;
        status = read_shape(b, options->shape ? options->shape : "784,128,10", &inputs,
                            &facts.targets, err);
        if (!status) {
            status = make_up(b, options->rows ? options->rows : ROWS, inputs, facts.targets, err);
        }
    }
    facts.rows = b->set.rows;
    facts.inputs = b->set.inputs;
    if (!status) {
        status = recipe_resolve(b->recipe, &facts, &b->run, err);
    }
    if (!status) {
        size_t count = shape_parameters(&b->run.shape);
        b->values = memory_new(count, sizeof *b->values);
        status = b->values ? HEDDLE_OK : status_memory(err, "the weights", count * 8);
    }
    b->run.epochs = 0;
    b->run.min_error = -1;
    b->run.report_every = UINT64_MAX;
    return status;
}

/** Numbers of workers to measure: those given, or powers of two up to what a run would take. */
static heddle_status choose_threads(struct bench *b, const heddle_bench_options *options,
                                    size_t room, heddle_error *err)
{
    if (options->threads) {
        b->counts = options->thread_counts;
        for (size_t i = 0; i < b->counts && i < THREADS_MAX; i++) {
            b->threads[i] = options->threads[i];
        }
    } else {
        heddle_machine machine;
        heddle_status status = heddle_machine_look(b->recipe, &machine, err);
        if (status) {
            return status;
        }
        for (int t = 1; t < machine.threads && b->counts < THREADS_MAX - 1; t *= 2) {
            b->threads[b->counts++] = t;
        }
        b->threads[b->counts++] = machine.threads;
    }
    if (!b->counts || b->counts > THREADS_MAX || b->counts > room) {
        return status_set(err, HEDDLE_E_ARGUMENT, "1 to %d numbers of threads can be measured",
                          THREADS_MAX);
    }
    b->workers = memory_new(b->counts, sizeof *b->workers);
    b->us = memory_new(b->counts * (size_t)b->repeats, sizeof *b->us);
    b->limit = memory_new(b->counts, sizeof *b->limit);
    if (!b->workers || !b->us || !b->limit) {
        return status_memory(err, "measurements", b->counts * (size_t)b->repeats * sizeof *b->us);
    }
    heddle_status status = HEDDLE_OK;
    for (size_t i = 0; !status && i < b->counts; i++) {
        status = workers_create(b->recipe, b->threads[i], &b->workers[i], err);
    }
    return status;
}

/** Run `steps` updates from the first weights; microseconds of one. */
static heddle_status measure(struct bench *b, size_t i, uint64_t steps, uint64_t untimed,
                             double *us, heddle_error *err)
{
    struct run_outcome outcome;
    struct run_recipe run = b->run;
    run.steps = steps + untimed;
    run.untimed = untimed;
    weights_init(&run.shape, run.init, run.init_spread, run.seed, b->values);
    heddle_status status =
        trainer_run(&run, &b->set, NULL, b->workers[i].team, b->workers[i].isa,
                    recipe_max_memory(b->recipe), NULL, b->values, &outcome, err);
    if (!status) {
        *us = outcome.seconds * 1e6 / (double)steps;
    }
    return status;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void hash_weights(const struct bench *b, char hex[65])
{
    struct sha256 s;
    sha256_begin(&s);
    sha256_add(&s, b->values, shape_parameters(&b->run.shape) * sizeof *b->values);
    sha256_end(&s, hex);
}

static void fill_row(const struct bench *b, size_t i, uint64_t steps, const heddle_bench_row *first,
                     heddle_bench_row *row)
{
    double *us = b->us + i * (size_t)b->repeats;
    qsort(us, (size_t)b->repeats, sizeof *us, compare);
    double median = us[b->repeats / 2];
    row->batch = b->run.batch;
    row->shard = b->run.shard;
    row->shards = (b->run.batch + b->run.shard - 1) / b->run.shard;
    row->threads = b->threads[i];
    row->ranks = cluster_ranks();
    row->use_double = b->run.use_double;
    row->steps = steps;
    row->us_per_step = median;
    row->us_min = us[0];
    row->us_max = us[b->repeats - 1];
    row->examples_per_second = (double)b->run.batch / (median * 1e-6);
    row->gflops = row->examples_per_second * shape_flop(&b->run.shape) * 1e-9;
    row->limit_gflops = b->limit[i] * 1e-9;
    row->percent_of_limit = 100 * row->gflops / row->limit_gflops;
    double times = (double)row->threads / first->threads;
    row->speedup = first->us_per_step / median;
    row->efficiency = row->speedup / times;
    row->serial = times > 1 ? (1 / row->speedup - 1 / times) / (1 - 1 / times) : __builtin_nan("");
    shape_text(&b->run.shape, row->shape, sizeof row->shape);
    snprintf(row->isa, sizeof row->isa, "%s", isa_name(b->workers[i].isa));
}

heddle_status heddle_bench(const heddle_recipe *recipe, const heddle_table *table,
                           const heddle_bench_options *options, heddle_bench_row *rows,
                           size_t *count, heddle_error *err)
{
    static const heddle_bench_options none;
    struct bench b = {0};
    options = options ? options : &none;
    b.repeats = options->repeats > 0 ? options->repeats : REPEATS;
    b.repeats = b.repeats < REPEATS_MAX ? b.repeats : REPEATS_MAX;
    heddle_status status = copy_recipe(&b, recipe, table == NULL, err);
    if (!status) {
        status = prepare(&b, table, options, err);
    }
    if (!status) {
        status = choose_threads(&b, options, *count, err);
    }
    uint64_t steps = options->steps;
    double us = 0;
    if (!status && !steps) {
        status = measure(&b, 0, 20, 3, &us, err);
        steps = us > 0 ? (uint64_t)(MEASURE_SECONDS * 1e6 / us) : 1000;
        steps = steps < 10 ? 10 : steps;
    }
    uint64_t untimed = steps / 10 < 3 ? 3 : steps / 10;
    for (int r = 0; r < b.repeats && !status; r++) {
        for (size_t i = 0; i < b.counts && !status; i++) {
            status = measure(&b, i, steps, untimed, &b.us[i * (size_t)b.repeats + (size_t)r], err);
            double limit = 0;
            if (!status) {
                hash_weights(&b, rows[i].sha256);
                status = limit_measure(b.workers[i].plan,
                                       kernels_fma_chains(b.workers[i].isa, b.run.use_double),
                                       LIMIT_SECONDS, &limit, err);
            }
            b.limit[i] = !status && limit > b.limit[i] ? limit : b.limit ? b.limit[i] : 0;
        }
    }
    for (size_t i = 0; i < b.counts && !status; i++) {
        fill_row(&b, i, steps, &rows[0], &rows[i]);
    }
    if (!status) {
        *count = b.counts;
    }
    bench_done(&b);
    return status;
}
