/**
 * kernels_bench: how fast each kernel of each level is, over the shapes that networks have. One
 * body for both precisions: bench_kernels.c and bench_kernels_f64.c.
 *
 * The three products are given in GFLOP/s and in percent of what the level's own fused
 * multiply-adds reach from registers, measured in between; the others, which are bound by loads,
 * stores or elementary functions, in 10^9 elements a second. Levels take turns within a repeat, the
 * median of REPEATS is shown; operands stay in the caches as they do in a step.
 */
#ifndef BENCH_KERNELS_BENCH_H
#define BENCH_KERNELS_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/dispatch.h"
#include "kernel/kernel.h"

#if defined(REAL_IS_DOUBLE)
enum { USE_DOUBLE = 1 };
#define PRECISION "double"
#else
enum { USE_DOUBLE = 0 };
#define PRECISION "float"
#endif

typedef struct REAL(kernels) kernels;

enum { REPEATS = 7, SLOTS = 8, SHARDS_MOST = 64 };
#define SLICE_SECONDS 0.002

/** A layer of m inputs and n outputs, E examples in shards of K. */
static const struct layer {
    size_t E, m, n, K;
} layers[] = {
    {128, 784, 128, 16}, {128, 128, 10, 16}, {128, 1024, 1024, 16}, {512, 1024, 1024, 64},
    {64, 784, 1024, 16}, {128, 10, 46, 16},  {128, 46, 46, 16},     {32, 64, 32, 16},
    {128, 61, 13, 16},   {32, 4, 16, 16},    {4, 2, 2, 4},
};
enum { LAYERS = sizeof layers / sizeof layers[0] };

/** Operands of a layer; every kernel takes what it needs. */
struct operands {
    struct layer is;
    size_t ldx, ldz, ldt;
    real *W, *X, *Z, *D, *S, *DT, *PT, *G, *carry, *each, *state1, *state2;
    const real **row;
    uint8_t *bytes;
    uint32_t *order;
    int32_t *class_index;
    uint32_t end[SHARDS_MOST];
    uint8_t merges[SHARDS_MOST];
    struct shard_run run;
    real size[16];
};

static void *room(size_t count, size_t size)
{
    void *block = aligned_alloc(64, (count * size + 64 + 63) / 64 * 64);
    if (!block) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    memset(block, 0, (count * size + 64 + 63) / 64 * 64);
    return block;
}

/** Small numbers of both signs, from a counter. */
static real *numbers(size_t count)
{
    real *x = room(count, sizeof *x);
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        x[i] = (real)((int32_t)state >> 8) * (real)0x1p-23;
    }
    return x;
}

static void prepare(struct operands *o, struct layer is)
{
    size_t E = is.E, m = is.m, n = is.n;
    size_t rows = round16(E);
    size_t wide = m > n ? m : n;
    memset(o, 0, sizeof *o);
    o->is = is;
    o->ldx = stride_for(m + 1);
    o->ldz = stride_for(n + 1);
    o->ldt = stride_for(E);
    o->W = numbers(pack_size(m, n));
    o->X = numbers(rows * o->ldx);
    o->Z = numbers(rows * o->ldz);
    o->D = numbers(rows * (o->ldz > o->ldx ? o->ldz : o->ldx));
    o->S = numbers(rows * (o->ldz > o->ldx ? o->ldz : o->ldx));
    o->DT = numbers(round16(wide) * o->ldt);
    o->PT = numbers(round16(wide) * o->ldt);
    o->G = numbers(pack_size(m, n));
    o->carry = room(carry_reals(E, m, n), sizeof(real));
    o->state1 = room(pack_size(m, n), sizeof(real));
    o->state2 = room(pack_size(m, n), sizeof(real));
    o->each = room(rows, sizeof(real));
    o->row = room(E, sizeof *o->row);
    o->bytes = room(E * m, 1);
    o->order = room(E, sizeof *o->order);
    o->class_index = room(rows, sizeof *o->class_index);
    for (size_t e = 0; e < E; e++) {
        o->row[e] = o->X + e * o->ldx;
        o->X[e * o->ldx + m] = 1;
        o->order[e] = (uint32_t)((e * 7 + 3) % E);
        o->class_index[e] = (int32_t)(e % n);
    }
    size_t count = E / is.K;
    for (size_t s = 0; s < count; s++) {
        o->end[s] = (uint32_t)((s + 1) * is.K);
        o->merges[s] = (uint8_t)__builtin_ctzll(s + 1);
    }
    o->run = (struct shard_run){.count = count, .end = o->end, .merges = o->merges, .subtrees = 1};
}

static void release(struct operands *o)
{
    void *blocks[] = {o->W,     o->X,     o->Z,           o->D,          o->S,      o->DT,
                      o->PT,    o->G,     o->carry,       o->each,       o->state1, o->state2,
                      o->bytes, o->order, o->class_index, (void *)o->row};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        free(blocks[i]);
    }
}

/* ------------------------------------------------------------------- the kernels ------------- */

static void run_affine(const kernels *k, struct operands *o)
{
    k->affine(o->row, o->is.E, o->is.m, o->W, o->is.n, o->Z, o->ldz);
}

static void run_pullback(const kernels *k, struct operands *o)
{
    k->pullback(o->W, o->is.m, o->is.n, 0, o->is.m, o->DT, o->ldt, o->is.E, o->PT, NULL);
}

static void run_gradient(const kernels *k, struct operands *o)
{
    real *G[1] = {o->G};
    k->gradient(o->row, 0, o->D, &o->run, o->is.m, o->is.n, G, o->carry, o->size, NULL);
}

static void run_sigmoid(const kernels *k, struct operands *o)
{
    k->activate(ACTIVATION_SIGMOID, o->Z, o->ldz, o->is.E, o->is.n);
}

static void run_tanh(const kernels *k, struct operands *o)
{
    k->activate(ACTIVATION_TANH, o->Z, o->ldz, o->is.E, o->is.n);
}

static void run_relu(const kernels *k, struct operands *o)
{
    k->activate(ACTIVATION_RELU, o->Z, o->ldz, o->is.E, o->is.n);
}

/* Of its own outputs it would make denormals in the end; the copy is a tenth of the time. */
static void run_gelu(const kernels *k, struct operands *o)
{
    memcpy(o->Z, o->D, o->is.E * o->ldz * sizeof *o->Z);
    k->activate_keep(ACTIVATION_GELU, o->Z, o->ldz, o->is.E, o->is.n, o->S);
}

static void run_derive(const kernels *k, struct operands *o)
{
    k->derive(ACTIVATION_SIGMOID, o->PT, o->ldt, o->Z, o->ldz, o->is.E, o->is.n, o->D, o->ldz,
              o->DT);
}

static void run_transpose(const kernels *k, struct operands *o)
{
    k->transpose(o->Z, o->ldz, o->is.E, o->is.n, o->PT, o->ldt);
}

static void run_softmax(const kernels *k, struct operands *o)
{
    k->output(ACTIVATION_SOFTMAX, o->DT, o->ldt, o->is.E, o->is.n);
}

static void run_loss(const kernels *k, struct operands *o)
{
    struct REAL(targets) targets = {.class_index = o->class_index};
    k->loss(LOSS_CROSS_ENTROPY, ACTIVATION_SOFTMAX, o->DT, o->ldt, o->is.E, o->is.n, &targets,
            o->each);
}

static void run_update(const kernels *k, struct operands *o, enum optimizer optimizer)
{
    struct REAL(update) update = {
        .optimizer = optimizer,
        .scale = (real)0x1p-7,
        .rate = (real)0x1p-20,
        .momentum = (real)0.9,
        .beta1 = (real)0.9,
        .one_beta1 = (real)0.1,
        .beta2 = (real)0.999,
        .one_beta2 = (real)0.001,
        .step = (real)0x1p-20,
        .root = 1,
        .epsilon = (real)1e-8,
    };
    k->update(&update, o->W, o->G, o->state1, o->state2, pack_size(o->is.m, o->is.n));
}

static void run_sgd(const kernels *k, struct operands *o)
{
    run_update(k, o, OPTIMIZER_SGD);
}

static void run_adam(const kernels *k, struct operands *o)
{
    run_update(k, o, OPTIMIZER_ADAM);
}

static void run_add(const kernels *k, struct operands *o)
{
    k->add(o->G, o->state1, o->state2, pack_size(o->is.m, o->is.n));
}

static void run_gather(const kernels *k, struct operands *o)
{
    struct REAL(source) source = {.ld = o->is.m, .bytes = o->bytes, .scale = (real)(1 / 255.0)};
    k->gather(o->X, o->ldx, &source, o->order, 0, o->is.E, o->is.m);
}

static void run_drop(const kernels *k, struct operands *o)
{
    const struct REAL(drop) drop = {.seed = 1, .step = 2, .below = 1u << 30, .stays = 1};
    k->drop(&drop, o->order, o->is.E, 0, o->is.n, o->Z, o->S, o->ldz);
}

static void run_noise(const kernels *k, struct operands *o)
{
    const struct noise noise = {.seed = 1, .step = 2, .deviation = 0x1p-40};
    k->noise(&noise, o->order, o->row, o->is.E, o->is.m, o->X, o->ldx);
}

static double flop_of(const struct layer *l)
{
    return 2.0 * (double)l->E * (double)l->m * (double)l->n;
}

static double outputs_of(const struct layer *l)
{
    return (double)l->E * (double)l->n;
}

static double inputs_of(const struct layer *l)
{
    return (double)l->E * (double)l->m;
}

static double weights_of(const struct layer *l)
{
    return (double)(l->m + 1) * (double)l->n;
}

static const struct job {
    const char *name;
    void (*run)(const kernels *k, struct operands *o);
    double (*work)(const struct layer *layer);
    size_t layers; /* the first so many are worth it */
} jobs[] = {
    {"affine (forward)", run_affine, flop_of, LAYERS},
    {"pullback", run_pullback, flop_of, LAYERS},
    {"gradient (weight deltas)", run_gradient, flop_of, LAYERS},
    {"activate sigmoid", run_sigmoid, outputs_of, 3},
    {"activate tanh", run_tanh, outputs_of, 3},
    {"activate relu", run_relu, outputs_of, 3},
    {"activate_keep gelu", run_gelu, outputs_of, 3},
    {"derive sigmoid", run_derive, outputs_of, 3},
    {"transpose", run_transpose, outputs_of, 3},
    {"output softmax", run_softmax, outputs_of, 2},
    {"loss softmax cross-entropy", run_loss, outputs_of, 2},
    {"update sgd", run_sgd, weights_of, 3},
    {"update adam", run_adam, weights_of, 3},
    {"add", run_add, weights_of, 3},
    {"gather bytes", run_gather, inputs_of, 3},
    {"drop", run_drop, outputs_of, 3},
    {"noise", run_noise, inputs_of, 3},
};
enum { JOBS = sizeof jobs / sizeof jobs[0] };

/* ------------------------------------------------------------------- measuring --------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/** Calls that take about SLICE_SECONDS. */
static long find_calls(const struct job *job, const kernels *k, struct operands *o)
{
    for (long calls = 1;; calls *= 2) {
        double begin = now();
        for (long i = 0; i < calls; i++) {
            job->run(k, o);
        }
        if (now() - begin > SLICE_SECONDS || calls > 1L << 26) {
            return calls;
        }
    }
}

static double flop_rate(const kernels *k)
{
    double sink = 0, begin, took, flop;
    long rounds = 1000;
    do {
        rounds *= 2;
        begin = now();
        flop = k->fma_chains(rounds, &sink);
        took = now() - begin;
    } while (took < SLICE_SECONDS);
    return flop / took;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, REPEATS, sizeof *values, compare);
    return values[REPEATS / 2];
}

/** Measure one job on one layer on all levels and print its row. */
static void bench(const struct job *job, const struct layer *layer, const kernels *const *level,
                  size_t levels, double *limit, FILE *out)
{
    struct operands o;
    double rate[SLOTS][REPEATS];
    long calls[SLOTS];
    bool products = job->work == flop_of;
    prepare(&o, *layer);
    for (size_t l = 0; l < levels; l++) {
        calls[l] = find_calls(job, level[l], &o);
    }
    for (int r = 0; r < REPEATS; r++) {
        for (size_t l = 0; l < levels; l++) {
            double begin = now();
            for (long i = 0; i < calls[l]; i++) {
                job->run(level[l], &o);
            }
            rate[l][r] = job->work(layer) * (double)calls[l] / (now() - begin) * 1e-9;
            double seen = products ? flop_rate(level[l]) * 1e-9 : 0;
            limit[l] = seen > limit[l] ? seen : limit[l];
        }
    }
    fprintf(out, "| %-26s | %4zu × %4zu → %4zu |", job->name, layer->E, layer->m, layer->n);
    for (size_t l = 0; l < levels; l++) {
        double speed = median(rate[l]);
        if (products) {
            fprintf(out, " %7.2f (%3.0f %%) |", speed, 100 * speed / limit[l]);
        } else {
            fprintf(out, " %7.2f         |", speed);
        }
    }
    fputc('\n', out);
    fflush(out);
    release(&o);
}

/** Everything, as Markdown: to standard output, and to kernels-PRECISION.md in $HEDDLE_BENCH. */
static int bench_kernels(void)
{
    const kernels *level[SLOTS];
    double limit[SLOTS] = {0}; /* the most that was seen: others may use the machine */
    size_t levels = 0;
    const char *room_for_results = getenv("HEDDLE_BENCH");
    char path[1024] = "";
    FILE *out = stdout;
    if (room_for_results) {
        snprintf(path, sizeof path, "%s/kernels-%s.md", room_for_results, PRECISION);
        out = fopen(path, "w");
        if (!out) {
            perror(path);
            return 1;
        }
    }
    for (enum isa isa = 0; isa < ISA_COUNT; isa++) {
        if (isa_available(isa)) {
            level[levels++] = kernels_find(isa, USE_DOUBLE);
        }
    }
    for (int r = 0; r < 10 * REPEATS; r++) {
        for (size_t l = 0; l < levels; l++) {
            double seen = flop_rate(level[l]) * 1e-9;
            limit[l] = seen > limit[l] ? seen : limit[l];
        }
    }
    fprintf(out,
            "Kernels in %s, one thread, operands in cache. Products: GFLOP/s (%% of the level's "
            "fused multiply-adds in registers); others: 10⁹ elements a second.\n\n",
            PRECISION);
    fputs("| kernel                     | E × m → n          |", out);
    for (size_t l = 0; l < levels; l++) {
        fprintf(out, " %15s |", level[l]->isa);
    }
    fputs("\n|----------------------------|-------------------:|", out);
    for (size_t l = 0; l < levels; l++) {
        fputs("----------------:|", out);
    }
    fputc('\n', out);
    for (size_t j = 0; j < JOBS; j++) {
        for (size_t i = 0; i < jobs[j].layers; i++) {
            bench(&jobs[j], &layers[i], level, levels, limit, out);
        }
    }
    if (out != stdout && fclose(out) != 0) {
        perror(path);
        return 1;
    }
    if (*path) {
        printf("kernels, %s: %s\n", PRECISION, path);
    }
    return 0;
}

#endif
