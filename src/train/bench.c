/**
 * bench: how fast a training step is, for several numbers of workers in one go. It runs the trainer
 * itself: what is measured is what a run does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/status.h"
#include "kernel/dispatch.h"
#include "machine/cluster.h"
#include "machine/limit.h"
#include "train/encode.h"
#include "train/trainer.h"
#include "train/workers.h"

enum { ROWS = 16384, REPEATS = 7, REPEATS_MAX = 1000, THREADS_MAX = 64 };

/** Seconds that a measurement is meant to take, and that the limit is measured. */
#define MEASURE_SECONDS 0.15
#define LIMIT_SECONDS 0.05

/** Bytes that the memory is measured with: four times the last cache, within these. */
enum { STREAM_LEAST = 64 << 20, STREAM_MOST = 1 << 30, STREAM_ROUNDS = 5 };

struct bench {
    heddle_recipe *recipe; /* a copy, with what bench takes for granted */
    struct encoded data;
    const struct dataset *set; /* data.train */
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
    recipe_done(&b->run);
    encoded_done(&b->data);
    heddle_recipe_free(b->recipe);
}

/** The recipe, with bench's own defaults where nothing is set. All rows are trained on. */
static heddle_status copy_recipe(struct bench *b, const heddle_recipe *recipe, bool made_up,
                                 heddle_error *err)
{
    static const struct {
        const char *name, *value;
    } defaults[] = {{"activation", "sigmoid"},
                    {"output-activation", "sigmoid"},
                    {"loss", "mse"},
                    {"optimizer", "sgd"},
                    {"batch", "128"}};
    heddle_status status = heddle_recipe_create(&b->recipe, err);
    if (!status && recipe) {
        b->recipe->custom = recipe->custom;
    }
    for (size_t i = 0; !status && made_up && i < sizeof defaults / sizeof *defaults; i++) {
        status = heddle_recipe_set(b->recipe, defaults[i].name, defaults[i].value, err);
    }
    for (size_t i = 0; !status && recipe && i < OPTION_COUNT; i++) {
        if (recipe->value[i]) {
            status =
                heddle_recipe_set(b->recipe, heddle_recipe_option(i)->name, recipe->value[i], err);
        }
    }
    return status ? status : heddle_recipe_set(b->recipe, "validation", "0", err);
}

/** Split "784,128,10" into the ends and the text of the hidden widths. */
static heddle_status read_shape(struct bench *b, const char *shape, size_t *inputs, size_t *outputs,
                                heddle_error *err)
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
    char *hidden = first == last ? memory_string("none")
                                 : memory_string_n(first + 1, (size_t)(last - first) - 1);
    if (!hidden) {
        return status_memory(err, "the shape", strlen(shape));
    }
    heddle_error why;
    heddle_status status = heddle_recipe_set(b->recipe, "hidden", hidden, &why);
    memory_free(hidden);
    return status ? status_set(err, status, "--shape '%s': widths are such as 784,128,10", shape)
                  : HEDDLE_OK;
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
    b->data.train = set;
    return HEDDLE_OK;
}

/** Data, shape and recipe. */
static heddle_status prepare(struct bench *b, const heddle_table *table,
                             const heddle_bench_options *options, heddle_error *err)
{
    struct recipe_facts facts = {0};
    size_t inputs = 0, outputs = 0;
    const char *shape = options->shape ? options->shape : table ? NULL : "784,128,10";
    heddle_status status = shape ? read_shape(b, shape, &inputs, &outputs, err) : HEDDLE_OK;
    if (!status && table) {
        status = encode(b->recipe, table, NULL, NULL, NULL, NULL, &b->data, err);
        if (!status) {
            facts = encoded_facts(&b->data, NULL);
        }
        if (!status && shape && (inputs != b->set->inputs || outputs != b->set->outputs)) {
            status = status_set(err, HEDDLE_E_ARGUMENT,
                                "--shape %s does not fit data of %zu inputs and %zu outputs", shape,
                                b->set->inputs, b->set->outputs);
        }
    } else if (!status) {
        status = make_up(b, options->rows ? options->rows : ROWS, inputs, outputs, err);
        facts = (struct recipe_facts){
            .rows = b->set->rows, .inputs = inputs, .targets = outputs, .lowest_target = 0};
    }
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
    b->run.patience = 0;
    b->run.time_limit = 0;
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
            if (b->threads[i] < 1) {
                return status_set(err, HEDDLE_E_ARGUMENT, "%d threads: must be 1 or more",
                                  b->threads[i]);
            }
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

/** Three arrays, a worker's slices of which are added: what moves is what memory gives. */
struct stream {
    struct team *team;
    const struct passes *passes;
    const void *kernels;
    void *array[3];
    size_t reals; /* of an array */
    double best;  /* seconds of the fastest round; worker 0's */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stream_share(void *context, int w)
{
    struct stream *s = context;
    size_t workers = (size_t)team_workers(s->team);
    size_t unit = 16;
    size_t begin = s->reals / unit * (size_t)w / workers * unit;
    size_t count = s->reals / unit * ((size_t)w + 1) / workers * unit - begin;
    size_t size = s->passes->real_size;
    for (int i = 0; i < 3; i++) { /* a worker's pages near the worker */
        memset((char *)s->array[i] + begin * size, 0, count * size);
    }
    for (int round = 0; round < STREAM_ROUNDS; round++) {
        team_barrier(s->team, w, (int)workers);
        double start = now();
        s->passes->add(s->kernels, (char *)s->array[0] + begin * size,
                       (char *)s->array[1] + begin * size, (char *)s->array[2] + begin * size,
                       count);
        team_barrier(s->team, w, (int)workers);
        double took = now() - start;
        if (w == 0 && took > 0 && (s->best == 0 || took < s->best)) {
            s->best = took;
        }
    }
}

/** Bytes a second to and from memory, of as many workers; NaN if there is no room to measure. */
static double measure_memory(const struct bench *b, const struct workers *workers, size_t cache)
{
    size_t bytes = cache < STREAM_MOST / 4 ? 4 * cache : STREAM_MOST;
    bytes = bytes > STREAM_LEAST ? bytes : STREAM_LEAST;
    struct stream s = {
        .team = workers->team,
        .passes = passes_of(b->run.use_double),
        .kernels = kernels_find(workers->isa, b->run.use_double),
    };
    size_t each = bytes / 3 / 64 * 64;
    s.reals = each / s.passes->real_size;
    for (int i = 0; i < 3; i++) {
        s.array[i] = arena_new(each);
    }
    if (s.array[0] && s.array[1] && s.array[2]) {
        team_run(s.team, stream_share, &s);
    }
    for (int i = 0; i < 3; i++) {
        arena_free(s.array[i], each);
    }
    return s.best > 0 ? 3 * (double)each / s.best : __builtin_nan("");
}

/** What a step of each number of workers goes over, and how fast memory is if caches do not do. */
static heddle_status look_at_memory(const struct bench *b, heddle_bench_row *rows,
                                    heddle_error *err)
{
    heddle_machine machine;
    heddle_status status = heddle_machine_look(b->recipe, &machine, err);
    for (size_t i = 0; i < b->counts && !status; i++) {
        struct trainer_memory m;
        size_t workers = (size_t)b->threads[i];
        status = trainer_memory(&b->run, b->set->rows, false, b->threads[i], &m, err);
        if (status) {
            break;
        }
        size_t input = b->set->bytes ? 1 : b->run.use_double ? sizeof(double) : sizeof(float);
        rows[i].working_bytes = m.weights + m.states + m.partials + m.workspaces;
        /* each worker reads the weights forward and back; the sums are written, then read */
        rows[i].moved_bytes = 2 * workers * m.weights + 2 * m.partials +
                              2 * (m.weights + m.states) + b->run.batch * b->set->inputs * input;
        rows[i].memory_gbs = __builtin_nan("");
        if (rows[i].working_bytes > machine.l3_bytes + workers * machine.l2_bytes) {
            rows[i].memory_gbs = measure_memory(b, &b->workers[i], machine.l3_bytes) * 1e-9;
        }
    }
    return status;
}

/** Examples in the updates number a … b - 1 of a run, the last batch of an epoch being shorter. */
static double examples_between(const struct bench *b, uint64_t from, uint64_t to)
{
    uint64_t rows = b->set->rows;
    uint64_t epoch = (rows + b->run.batch - 1) / b->run.batch;
    uint64_t begun = to / epoch * rows + to % epoch * b->run.batch;
    return (double)(begun - (from / epoch * rows + from % epoch * b->run.batch));
}

/** The next lower of 10, 20, 50, 100 … so that hashes of two calls are likely to compare. */
static uint64_t round_steps(double steps)
{
    uint64_t n = 10;
    for (int i = 0; n * (i % 3 == 1 ? 5 : 4) / 2 <= (uint64_t)steps && n < 1000000000; i++) {
        n = i % 3 == 1 ? n * 5 / 2 : n * 2;
    }
    return n;
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
        trainer_run(&run, b->set, NULL, b->workers[i].team, b->workers[i].isa,
                    recipe_max_memory(b->recipe), NULL, NULL, b->values, &outcome, err);
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

static void fill_row(const struct bench *b, size_t i, uint64_t steps, uint64_t untimed,
                     const heddle_bench_row *first, heddle_bench_row *row)
{
    double *us = b->us + i * (size_t)b->repeats;
    qsort(us, (size_t)b->repeats, sizeof *us, compare);
    double median = (us[(b->repeats - 1) / 2] + us[b->repeats / 2]) / 2;
    row->batch = b->run.batch;
    row->shard = b->run.shard;
    row->shards = (b->run.batch + b->run.shard - 1) / b->run.shard;
    row->pieces = trainer_pieces(&b->run, b->threads[i]);
    row->threads = b->threads[i];
    row->ranks = cluster_ranks();
    row->use_double = b->run.use_double;
    row->steps = steps;
    row->repeats = b->repeats;
    row->parameters = shape_parameters(&b->run.shape);
    row->us_per_step = median;
    row->us_min = us[0];
    row->us_max = us[b->repeats - 1];
    row->examples_per_second =
        examples_between(b, untimed, untimed + steps) / (double)steps / (median * 1e-6);
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
    struct bench b = {.set = NULL};
    b.set = &b.data.train;
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
        steps = round_steps(us > 0 ? MEASURE_SECONDS * 1e6 / us : 1000);
    }
    uint64_t untimed = steps / 10 < 3 ? 3 : steps / 10;
    for (int r = 0; r < b.repeats && !status; r++) {
        for (size_t i = 0; i < b.counts && !status; i++) {
            status = measure(&b, i, steps, untimed, &b.us[i * (size_t)b.repeats + (size_t)r], err);
            double limit = 0;
            if (!status) {
                char hex[65];
                hash_weights(&b, hex);
                if (r > 0 && strcmp(hex, rows[i].sha256) != 0) {
                    status =
                        status_set(err, HEDDLE_E_INTERNAL,
                                   "%d workers came to other weights than before", b.threads[i]);
                    break;
                }
                memcpy(rows[i].sha256, hex, sizeof hex);
                status = limit_measure(b.workers[i].plan, topology_quota(b.workers[i].topology),
                                       kernels_fma_chains(b.workers[i].isa, b.run.use_double),
                                       LIMIT_SECONDS, &limit, err);
            }
            if (!status && limit > b.limit[i]) {
                b.limit[i] = limit;
            }
        }
    }
    for (size_t i = 0; i < b.counts && !status; i++) {
        fill_row(&b, i, steps, untimed, &rows[0], &rows[i]);
    }
    if (!status) {
        status = look_at_memory(&b, rows, err);
    }
    if (!status) {
        *count = b.counts;
    }
    bench_done(&b);
    return status;
}
