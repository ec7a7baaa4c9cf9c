/** What training does to examples (pass/extras.c): its derivative is right, and its amounts are. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "network/weights.h"
#include "pass/pass.h"
#include "support.h"

enum { BATCH = 13, IN = 5, HIDDEN = 40, OUT = 3, STRIDE = 16, MOST = 1000 };

struct net {
    struct shape shape;
    double inputs[BATCH * STRIDE];
    int32_t classes[BATCH];
    double weight[BATCH];
    double values[MOST];
    double *W;
    struct workspace *ws;
    void *memory;
    struct examples examples;
};

static void *room(size_t bytes)
{
    bytes = (bytes + 63) / 64 * 64;
    void *p = aligned_alloc(64, bytes);
    cr_assert(p != NULL);
    return memset(p, 0, bytes);
}

static double random_in(uint64_t *state)
{
    return (double)(test_random(state) >> 11) * 0x1p-52 - 1;
}

static struct net *net_new(enum activation hidden, const struct training_extras *extras)
{
    struct net *net = room(sizeof *net);
    uint64_t state = 5;
    net->shape = (struct shape){.layers = 3, .width = {IN, HIDDEN, 6, OUT}};
    net->shape.activation[1] = net->shape.activation[2] = hidden;
    net->shape.activation[3] = ACTIVATION_SOFTMAX;
    cr_assert(shape_finish(&net->shape, NULL) == HEDDLE_OK);
    for (size_t i = 0; i < shape_parameters(&net->shape); i++) {
        net->values[i] = random_in(&state);
    }
    for (size_t e = 0; e < BATCH; e++) {
        for (size_t i = 0; i < IN; i++) {
            net->inputs[e * STRIDE + i] = random_in(&state);
        }
        net->inputs[e * STRIDE + IN] = 1;
        net->classes[e] = (int32_t)(e % OUT);
        net->weight[e] = (double)(e % 4);
    }
    const void *kernels = kernels_find(ISA_SCALAR, true);
    net->memory = room(passes_f64.workspace_bytes(&net->shape, BATCH, extras, false));
    net->ws = passes_f64.workspace_place(net->memory, &net->shape, kernels, BATCH, extras, false);
    net->W = room(shape_packed(&net->shape) * sizeof(double));
    net->examples = (struct examples){
        .real = net->inputs,
        .real_stride = STRIDE,
        .class_index = net->classes,
        .weight = net->weight,
    };
    return net;
}

static void net_free(struct net *net)
{
    free(net->memory);
    free(net->W);
    free(net);
}

static double loss_of(struct net *net, uint64_t step, double each[BATCH])
{
    double sum = 0;
    weights_pack(&net->shape, net->values, true, net->W);
    passes_f64.begin_step(net->ws, step);
    passes_f64.gather(net->ws, &net->examples, NULL, 0, BATCH);
    passes_f64.forward(net->ws, net->W);
    passes_f64.loss(net->ws, LOSS_CROSS_ENTROPY, each);
    for (size_t e = 0; e < BATCH; e++) {
        sum += each[e];
    }
    return sum;
}

Test(extras, deltas_are_the_derivative_with_everything_on)
{
    static const double class_weight[] = {0.5, 2, 1};
    static const enum activation hidden[] = {ACTIVATION_TANH, ACTIVATION_GELU, ACTIVATION_RELU};
    const struct training_extras extras = {
        .seed = 3,
        .smoothing = 0.1,
        .class_weight = class_weight,
        .weighted = true,
        .dropout = 0.4,
        .noise = 0.3,
    };
    for (size_t f = 0; f < 3; f++) {
        struct net *net = net_new(hidden[f], &extras);
        double each[BATCH], deltas[MOST];
        loss_of(net, 7, each);
        uint32_t end = BATCH;
        uint8_t merges = 0;
        struct shard_run run = {.count = 1, .end = &end, .merges = &merges, .subtrees = 1};
        void *G = room(shape_packed(&net->shape) * sizeof(double));
        passes_f64.backward(net->ws, net->W, &run, &G);
        weights_unpack(&net->shape, G, true, deltas);
        for (size_t i = 0; i < shape_parameters(&net->shape); i++) {
            double at = net->values[i], best = INFINITY;
            for (double h = 1e-4; h > 1e-7; h /= 10) {
                net->values[i] = at + h;
                double above = loss_of(net, 7, each);
                net->values[i] = at - h;
                double below = loss_of(net, 7, each);
                double off = fabs((above - below) / (2 * h) - deltas[i]);
                best = fmin(best, off);
            }
            net->values[i] = at;
            cr_assert(best < 1e-7 * (1 + fabs(deltas[i])), "%zu: %g off %g", i, best, deltas[i]);
        }
        free(G);
        net_free(net);
    }
}

Test(extras, differ_from_step_to_step_and_not_within_one)
{
    const struct training_extras extras = {.seed = 3, .dropout = 0.5};
    struct net *net = net_new(ACTIVATION_TANH, &extras);
    double each[BATCH];
    double first = loss_of(net, 0, each), second = loss_of(net, 1, each);
    cr_assert(first != second && loss_of(net, 0, each) == first);
    net_free(net);
}

/* A linear network: the mean over many masks is the network without. */
Test(extras, dropout_keeps_the_mean)
{
    const struct training_extras extras = {.seed = 1, .dropout = 0.3};
    struct net *net = net_new(ACTIVATION_LINEAR, &extras),
               *plain = net_new(ACTIVATION_LINEAR, NULL);
    double each[BATCH], outputs[BATCH * OUT], mean = 0;
    net->shape.activation[3] = plain->shape.activation[3] = ACTIVATION_LINEAR;
    enum { STEPS = 20000 };
    for (uint64_t step = 0; step < STEPS; step++) {
        weights_pack(&net->shape, net->values, true, net->W);
        passes_f64.begin_step(net->ws, step);
        passes_f64.gather(net->ws, &net->examples, NULL, 0, 1);
        passes_f64.forward(net->ws, net->W);
        passes_f64.outputs(net->ws, outputs);
        mean += outputs[0] / STEPS;
    }
    (void)each;
    weights_pack(&plain->shape, plain->values, true, plain->W);
    passes_f64.gather(plain->ws, &plain->examples, NULL, 0, 1);
    passes_f64.forward(plain->ws, plain->W);
    passes_f64.outputs(plain->ws, outputs);
    cr_assert(fabs(mean - outputs[0]) < 0.1, "%g, not %g", mean, outputs[0]);
    net_free(net);
    net_free(plain);
}

Test(extras, weights_multiply_the_loss_and_leave_the_data_alone)
{
    const struct training_extras weighted = {.weighted = true}, noisy = {.noise = 1};
    struct net *net = net_new(ACTIVATION_TANH, &weighted), *plain = net_new(ACTIVATION_TANH, NULL);
    struct net *noise = net_new(ACTIVATION_TANH, &noisy);
    double each[BATCH], plain_each[BATCH], before[BATCH * STRIDE];
    loss_of(net, 0, each);
    loss_of(plain, 0, plain_each);
    for (size_t e = 0; e < BATCH; e++) {
        cr_assert(each[e] == plain_each[e] * (double)(e % 4));
    }
    memcpy(before, noise->inputs, sizeof before);
    cr_assert(loss_of(noise, 0, each) != loss_of(plain, 0, plain_each));
    cr_assert(memcmp(before, noise->inputs, sizeof before) == 0);
    net_free(net);
    net_free(plain);
    net_free(noise);
}
