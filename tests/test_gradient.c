/**
 * The weight deltas are the derivatives of the loss: central differences, in double, through the
 * passes as training uses them, for every transfer function and loss that go together.
 *
 * A difference quotient is off by the curvature (as h²) and by rounding (as 1 / h), so several h are
 * tried and the closest counts. The deltas of `sse` leave out the 2, as the tutorial's do.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets.h"
#include "train/shard_plan.h"

enum { BATCH = 11, PARAMETERS = 4000 };

/**
 * Small networks take one call for a block of examples: it comes to the same bits as pass after pass,
 * whatever the shards, chunks and workers.
 */
static void check_small(const size_t *width, size_t i, size_t batch, size_t shard, int workers,
                        size_t chunk)
{
    static const enum loss losses[] = {LOSS_SSE, LOSS_CROSS_ENTROPY, LOSS_HUBER, LOSS_POISSON};
    static const enum activation outputs[] = {ACTIVATION_SIGMOID, ACTIVATION_SOFTMAX,
                                              ACTIVATION_LINEAR, ACTIVATION_EXP};
    struct net net = net_new(width, i % 2 ? ACTIVATION_TANH : ACTIVATION_RELU, outputs[i % 4],
                             losses[i % 4], i % 4 == 1 ? CLASSES : NUMBERS, batch, i + 1);
    struct shard_plan *plan;
    cr_assert(shard_plan_create(batch, shard, workers, chunk, &plan, NULL) == HEDDLE_OK);
    size_t packed = shape_packed(&net.shape);
    size_t bytes = packed * sizeof(double);
    void *memory;
    struct workspace *ws = workspace_new(&net, plan->capacity, &memory);
    double *each[2] = {new_array(batch * sizeof(double)), new_array(batch * sizeof(double))};
    double *sums[2] = {new_array((size_t)plan->partials * bytes),
                       new_array((size_t)plan->partials * bytes)};
    weights_pack(&net.shape, net.values, true, net.W);
    for (int w = 0; w < workers; w++) {
        double size = 0;
        for (size_t c = 0; c < plan->share[w].chunks; c++) {
            const struct chunk *part = &plan->share[w].chunk[c];
            void *G[2][SUBTREES_MAX];
            for (size_t j = 0; j < run_places(&part->run); j++) {
                for (int way = 0; way < 2; way++) {
                    G[way][j] = sums[way] + (size_t)part->partial[j] * packed;
                }
            }
            passes_f64.gather(ws, &net.examples, NULL, part->first, part->examples);
            passes_f64.forward(ws, net.W);
            passes_f64.loss(ws, net.loss, each[0]);
            passes_f64.backward(ws, net.W, &part->run, G[0]);
            for (int again = 0; again < 2; again++) { /* a batch that stays is gathered once */
                double *of_shards = each[1] + part->first_shard;
                double sum = 0;
                if (part->run.before == 0 || !again) {
                    size +=
                        passes_f64.differentiate(ws, net.W, net.loss, &part->run, of_shards, G[1]);
                }
                for (size_t s = 0, e = 0; s < part->run.count; s++) {
                    double loss = 0;
                    for (; e < part->run.end[s]; e++) {
                        loss += each[0][e];
                    }
                    cr_assert(of_shards[s] == loss, "network %zu, %zu rows, shard %zu", i, batch,
                              s);
                }
                for (size_t j = 0; j < part->run.subtrees; j++) {
                    for (size_t at = 0; at < packed; at++) {
                        sum += fabs(((double *)G[1][j])[at]);
                    }
                    cr_assert(memcmp(G[0][j], G[1][j], bytes) == 0,
                              "network %zu, %zu rows in shards of %zu, %d workers, chunk %zu", i,
                              batch, shard, workers, c);
                }
                cr_assert(size >= sum * (1 - 1e-9), "Σ |G| is %g, not %g", size, sum);
            }
        }
    }
    for (int way = 0; way < 2; way++) {
        free(each[way]);
        free(sums[way]);
    }
    free(memory);
    shard_plan_free(plan);
    net_free(&net);
}

Test(gradient, of_small_networks_in_one_call)
{
    static const size_t widths[][5] = {{2, 2, 1},      {3, 4, 2},    {1, 5, 3, 4}, {6, 3},
                                       {2, 8, 1},      {16, 16, 16}, {4, 16, 3},   {16, 5, 16},
                                       {9, 13, 11, 7}, {15, 1, 16},  {1, 16, 1},   {20, 24, 7},
                                       {32, 17, 24}};
    static const size_t batches[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 64, 100, 128, 129, 300, 512};
    static const size_t shards[] = {16, 1, 64, 20, 2, 128, 5};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            size_t n = i + b;
            size_t shard = shards[n % 7];
            int workers = 1 + (int)(n / 2 % 3);
            check_small(widths[i], n, batches[b], shard < batches[b] ? shard : batches[b], workers,
                        n % 4 == 0 ? 4 * shard : 512);
        }
    }
}

/** The loss of the batch for weights `values`. */
static double loss_of(struct net *net, struct workspace *ws, const double *values)
{
    double each[128], sum = 0;
    cr_assert(net->batch <= 128);
    weights_pack(&net->shape, values, true, net->W);
    passes_f64.gather(ws, &net->examples, NULL, 0, net->batch);
    passes_f64.forward(ws, net->W);
    passes_f64.loss(ws, net->loss, each);
    for (size_t e = 0; e < net->batch; e++) {
        sum += each[e];
    }
    return sum;
}

/** Weight deltas of the batch in plain order, by a plan's workers one after the other. */
static void deltas_of(struct net *net, size_t shard, int workers, size_t chunk, double *deltas)
{
    struct shard_plan *plan;
    cr_assert(shard_plan_create(net->batch, shard, workers, chunk, &plan, NULL) == HEDDLE_OK);
    size_t packed = shape_packed(&net->shape);
    size_t slots = (size_t)plan->partials;
    double *block = new_array((size_t)workers * slots * packed * sizeof(double));
    void *partial[64 * PARTIALS_MAX];
    cr_assert(workers <= 64);
    for (size_t i = 0; i < (size_t)workers * slots; i++) {
        partial[i / slots * PARTIALS_MAX + i % slots] = block + i * packed;
    }
    void *memory;
    struct workspace *ws = workspace_new(net, plan->capacity, &memory);
    weights_pack(&net->shape, net->values, true, net->W);
    double each[128], total = 0, size = 0;
    for (int w = 0; w < workers; w++) {
        for (size_t c = 0; c < plan->share[w].chunks; c++) {
            const struct chunk *part = &plan->share[w].chunk[c];
            void **mine = partial + w * PARTIALS_MAX;
            void *G[SUBTREES_MAX];
            for (size_t j = 0; j < run_places(&part->run); j++) {
                G[j] = mine[part->partial[j]];
            }
            passes_f64.gather(ws, &net->examples, NULL, part->first, part->examples);
            passes_f64.forward(ws, net->W);
            passes_f64.loss(ws, net->loss, each);
            size += passes_f64.backward(ws, net->W, &part->run, G);
        }
    }
    /* 0 - 1 x G: one step of SGD from zeros is the sum itself */
    struct update_rule rule = {.optimizer = OPTIMIZER_SGD, .scale = 1, .rate = 1, .step = 1};
    double *sum = new_array(packed * sizeof(double));
    passes_f64.update(best_kernels(), &plan->program, partial, 0, packed, &rule, sum, NULL, NULL);
    weights_unpack(&net->shape, sum, true, deltas);
    for (size_t i = 0; i < shape_parameters(&net->shape); i++) {
        deltas[i] = -deltas[i];
        total += fabs(deltas[i]);
    }
    cr_assert(size >= total * (1 - 1e-12), "Σ |G| is %g, not at least %g", size, total);
    free(sum);
    free(memory);
    free(block);
    shard_plan_free(plan);
}

/** What a derivative is of a delta: 2 for sse, which leaves it out. */
static double factor(const struct net *net)
{
    return net->loss == LOSS_SSE ? 2 : 1;
}

/** The difference quotient of the loss along `direction` that is closest to `wanted`. */
static double slope_along(struct net *net, struct workspace *ws, const double *direction,
                          double wanted)
{
    double values[PARAMETERS], best = INFINITY;
    size_t count = shape_parameters(&net->shape);
    for (double h = 1e-3; h > 1e-7; h /= 8) {
        double side[2];
        for (int s = 0; s < 2; s++) {
            for (size_t i = 0; i < count; i++) {
                values[i] = net->values[i] + (s ? h : -h) * direction[i];
            }
            side[s] = loss_of(net, ws, values);
        }
        double slope = (side[1] - side[0]) / (2 * h);
        best = fabs(slope - wanted) < fabs(best - wanted) ? slope : best;
    }
    return best;
}

/** Every weight, one by one. False if nothing can be learned: all rectifiers are off. */
static bool check_every_weight(struct net *net, size_t shard)
{
    double deltas[PARAMETERS], direction[PARAMETERS] = {0}, size = 0;
    size_t count = shape_parameters(&net->shape);
    cr_assert(count <= PARAMETERS);
    deltas_of(net, shard, 2, 4, deltas);
    for (size_t i = 0; i < count; i++) {
        size = fmax(size, fabs(deltas[i]));
    }
    cr_assert(isfinite(size));
    if (size == 0) {
        return false;
    }
    void *memory;
    struct workspace *ws = workspace_new(net, net->batch, &memory);
    for (size_t i = 0; i < count; i++) {
        direction[i] = 1;
        double wanted = factor(net) * deltas[i];
        double got = slope_along(net, ws, direction, wanted);
        direction[i] = 0;
        cr_assert(fabs(got - wanted) <= 1e-7 * fmax(fabs(wanted), 0.01 * size),
                  "%s, %s, %s, %s: weight %zu of %zu has delta %.12g, slope %.12g",
                  activation_name(net->shape.activation[1]),
                  activation_name(net->shape.activation[net->shape.layers]), loss_name(net->loss),
                  net->examples.class_index ? "classes" : "numbers", i, count, wanted, got);
    }
    free(memory);
    return true;
}

static const size_t several[] = {3, 4, 3, 2, 0}, single[] = {3, 4, 1, 0}, one_layer[] = {5, 3, 0};

/** All pairs of functions that the loss allows; a softmax over one output is constant. */
static void check_functions(enum loss loss, const size_t *widths, enum kind_of_target kind)
{
    for (int hidden = 0; hidden < ACTIVATION_COUNT; hidden++) {
        for (int output = 0; output < ACTIVATION_COUNT; output++) {
            if (hidden == ACTIVATION_SOFTMAX || loss_conflict(loss, (enum activation)output) ||
                (output == ACTIVATION_SOFTMAX && widths == single)) {
                continue;
            }
            bool done = false;
            for (uint64_t seed = 1; !done; seed++) {
                struct net net = net_new(widths, (enum activation)hidden, (enum activation)output,
                                         loss, kind, BATCH, seed);
                done = check_every_weight(&net, 3);
                net_free(&net);
                cr_assert(seed < 20);
            }
        }
    }
}

Test(gradient, is_right_for_every_function_and_sse)
{
    check_functions(LOSS_SSE, several, NUMBERS);
    check_functions(LOSS_SSE, several, CLASSES);
    check_functions(LOSS_SSE, single, CLASSES);
    check_functions(LOSS_SSE, one_layer, NUMBERS);
}

Test(gradient, is_right_for_every_function_and_mse)
{
    check_functions(LOSS_MSE, several, NUMBERS);
    check_functions(LOSS_MSE, several, CLASSES);
    check_functions(LOSS_MSE, single, CLASSES);
    check_functions(LOSS_MSE, one_layer, NUMBERS);
}

Test(gradient, is_right_for_every_function_and_cross_entropy)
{
    check_functions(LOSS_CROSS_ENTROPY, several, NUMBERS);
    check_functions(LOSS_CROSS_ENTROPY, several, CLASSES);
    check_functions(LOSS_CROSS_ENTROPY, single, NUMBERS);
    check_functions(LOSS_CROSS_ENTROPY, one_layer, CLASSES);
}

Test(gradient, is_right_for_every_function_and_mae)
{
    check_functions(LOSS_MAE, several, NUMBERS);
    check_functions(LOSS_MAE, single, NUMBERS);
}

Test(gradient, is_right_for_every_function_and_huber)
{
    check_functions(LOSS_HUBER, several, NUMBERS);
    check_functions(LOSS_HUBER, several, CLASSES);
}

Test(gradient, is_right_for_every_function_and_poisson)
{
    check_functions(LOSS_POISSON, several, NUMBERS);
    check_functions(LOSS_POISSON, single, NUMBERS);
}

/** atan, and steeper for every other unit. */
static void arc(void *user, size_t n, const double *z, double *x, double *slope)
{
    const double *steeper = user;
    for (size_t i = 0; i < n; i++) {
        double a = i % 2 ? *steeper : 1;
        x[i] = atan(a * z[i]);
        slope[i] = a / (1 + a * a * z[i] * z[i]);
    }
}

/** Σ over outputs of ln cosh of the difference, the first output counting *user times. */
static double log_cosh(void *user, size_t n, const double *x, const double *t, double *slope)
{
    const double *first = user;
    double sum = 0;
    for (size_t o = 0; o < n; o++) {
        double weight = o ? 1 : *first;
        sum += weight * log(cosh(x[o] - t[o]));
        slope[o] = weight * tanh(x[o] - t[o]);
    }
    return sum;
}

Test(gradient, is_right_for_functions_of_the_callers)
{
    static double factors[2] = {1.5, 3};
    static const size_t *const widths[] = {several, single, one_layer};
    for (int i = 0; i < 3 * ACTIVATION_COUNT; i++) {
        enum activation output = (enum activation)(i / 3);
        if (loss_conflict(LOSS_CUSTOM, output)) {
            continue;
        }
        bool done = false;
        for (uint64_t seed = 1; !done; seed++) {
            struct net net = net_new(widths[i % 3], ACTIVATION_CUSTOM, output, LOSS_CUSTOM,
                                     seed % 2 ? NUMBERS : CLASSES, BATCH, seed);
            net.shape.custom = (struct custom){arc, &factors[0], log_cosh, &factors[1]};
            done = check_every_weight(&net, 3);
            net_free(&net);
            cr_assert(seed < 20);
        }
    }
}

/* A sigmoid's cross-entropy with classes 0 and 1. */
Test(gradient, is_right_for_a_single_output_and_classes)
{
    struct net net =
        net_new(single, ACTIVATION_TANH, ACTIVATION_SIGMOID, LOSS_CROSS_ENTROPY, CLASSES, BATCH, 7);
    cr_assert(check_every_weight(&net, 16));
    net_free(&net);
}

/* ---------------------------------------------------------------- larger networks ------------ */

static const size_t large[] = {20, 47, 33, 10, 0};

static void check_direction(enum activation hidden, enum activation output, enum loss loss,
                            enum kind_of_target kind)
{
    struct net net = net_new(large, hidden, output, loss, kind, 100, 5);
    size_t count = shape_parameters(&net.shape);
    static double deltas[PARAMETERS], direction[PARAMETERS];
    cr_assert(count <= PARAMETERS);
    for (size_t i = 0; i < count; i++) {
        net.values[i] /= 4;
    }
    deltas_of(&net, 16, 3, 64, deltas);
    void *memory;
    struct workspace *ws = workspace_new(&net, net.batch, &memory);
    uint64_t state = 6;
    for (int trial = 0; trial < 5; trial++) {
        double wanted = 0, size = 0;
        for (size_t i = 0; i < count; i++) {
            direction[i] = uniform(&state, -1, 1);
            wanted += factor(&net) * deltas[i] * direction[i];
            size += fabs(factor(&net) * deltas[i] * direction[i]);
        }
        double got = slope_along(&net, ws, direction, wanted);
        cr_assert(fabs(got - wanted) <= 1e-7 * size, "%s %s %s: %.12g, not %.12g",
                  activation_name(hidden), activation_name(output), loss_name(loss), wanted, got);
    }
    free(memory);
    net_free(&net);
}

Test(gradient, is_right_along_random_directions)
{
    check_direction(ACTIVATION_TANH, ACTIVATION_SOFTMAX, LOSS_CROSS_ENTROPY, CLASSES);
    check_direction(ACTIVATION_SIGMOID, ACTIVATION_SIGMOID, LOSS_SSE, CLASSES);
    check_direction(ACTIVATION_SIGMOID, ACTIVATION_SIGMOID, LOSS_CROSS_ENTROPY, NUMBERS);
    check_direction(ACTIVATION_TANH, ACTIVATION_LINEAR, LOSS_MSE, NUMBERS);
}

/* L(w - h g) = L(w) - h g² to first order. */
Test(gradient, a_small_step_lowers_the_loss_by_its_square)
{
    for (int trial = 0; trial < 6; trial++) {
        enum loss loss = (enum loss)(trial % 3);
        enum activation output = trial == 2 ? ACTIVATION_SOFTMAX : ACTIVATION_SIGMOID;
        struct net net = net_new(large, ACTIVATION_TANH, output, loss, CLASSES, 100, 8);
        static double deltas[PARAMETERS], values[PARAMETERS];
        deltas_of(&net, 16, 1, 512, deltas);
        double square = 0;
        const double h = 1e-7;
        for (size_t i = 0; i < shape_parameters(&net.shape); i++) {
            square += factor(&net) * deltas[i] * deltas[i];
            values[i] = net.values[i] - h * deltas[i];
        }
        void *memory;
        struct workspace *ws = workspace_new(&net, net.batch, &memory);
        double fall = loss_of(&net, ws, net.values) - loss_of(&net, ws, values);
        cr_assert(fall > 0 && fabs(fall / (h * square) - 1) < 0.01, "%d: %g, not %g", trial, fall,
                  h * square);
        free(memory);
        net_free(&net);
    }
}

/* ---------------------------------------------------------------- the sum -------------------- */

Test(gradient, same_bits_for_any_workers_and_chunks)
{
    static const int workers[] = {1, 2, 3, 4, 5, 7, 8, 16, 64};
    static const size_t chunks[] = {1, 30, 64, 512};
    static double want[PARAMETERS], got[PARAMETERS];
    struct net net =
        net_new(large, ACTIVATION_RELU, ACTIVATION_SOFTMAX, LOSS_CROSS_ENTROPY, CLASSES, 100, 9);
    for (size_t shard = 1; shard <= 64; shard *= 4) {
        deltas_of(&net, shard, 1, 512, want);
        for (size_t w = 0; w < 9; w++) {
            deltas_of(&net, shard, workers[w], chunks[w % 4], got);
            cr_assert(memcmp(want, got, shape_parameters(&net.shape) * sizeof *got) == 0,
                      "shards of %zu, %d workers", shard, workers[w]);
        }
    }
    net_free(&net);
}

/* A batch's deltas are the sum of its examples' own, to rounding. */
Test(gradient, is_the_sum_over_the_examples)
{
    static double all[PARAMETERS], one[PARAMETERS], sum[PARAMETERS], size[PARAMETERS];
    struct net net = net_new(large, ACTIVATION_TANH, ACTIVATION_LINEAR, LOSS_SSE, NUMBERS, 40, 10);
    size_t count = shape_parameters(&net.shape);
    deltas_of(&net, 16, 2, 64, all);
    struct examples examples = net.examples;
    net.batch = 1;
    for (size_t e = 0; e < 40; e++) {
        net.examples.real = net.inputs + e * examples.real_stride;
        net.examples.target = net.targets + e * examples.target_stride;
        deltas_of(&net, 16, 1, 64, one);
        for (size_t i = 0; i < count; i++) {
            sum[i] += one[i];
            size[i] += fabs(one[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        /* 40 terms added in two orders, each product rounded once or not at all */
        cr_assert(fabs(sum[i] - all[i]) <= 80 * 0x1p-53 * size[i], "%zu", i);
    }
    net_free(&net);
}
