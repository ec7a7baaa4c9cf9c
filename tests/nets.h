/** nets: networks with random weights and a batch of random examples, for tests of the passes. */
#ifndef TESTS_NETS_H
#define TESTS_NETS_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "network/weights.h"
#include "pass/pass.h"
#include "support.h"

/** A network, its weights in plain order, and a batch of examples. */
struct net {
    struct shape shape;
    enum loss loss;
    size_t batch;
    double *values;
    struct examples examples;
    double *inputs, *targets;
    int32_t *class_index;
    double *W; /* packed */
};

enum kind_of_target { CLASSES, NUMBERS };

static inline double uniform(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(test_random(state) >> 11) * 0x1p-53;
}

static inline void *new_array(size_t bytes)
{
    void *array = aligned_alloc(64, (bytes + 63) / 64 * 64);
    cr_assert(array != NULL);
    return memset(array, 0, (bytes + 63) / 64 * 64);
}

/** widths end with 0. */
static inline struct net net_new(const size_t *widths, enum activation hidden,
                                 enum activation output, enum loss loss, enum kind_of_target kind,
                                 size_t batch, uint64_t seed)
{
    struct net net = {.loss = loss, .batch = batch};
    uint64_t state = seed;
    while (widths[net.shape.layers]) {
        net.shape.width[net.shape.layers] = widths[net.shape.layers];
        net.shape.activation[net.shape.layers] = hidden;
        net.shape.layers++;
    }
    net.shape.layers--;
    net.shape.activation[net.shape.layers] = output;
    cr_assert(shape_finish(&net.shape, NULL) == HEDDLE_OK);
    size_t in = net.shape.width[0], out = net.shape.width[net.shape.layers];
    size_t count = shape_parameters(&net.shape);
    net.values = new_array(count * sizeof(double));
    for (size_t i = 0; i < count; i++) {
        net.values[i] = uniform(&state, -1, 1);
    }
    /* a 1 behind the inputs: rows of reals are used where they are */
    size_t stride = in / 16 * 16 + 16, target_stride = out / 16 * 16 + 16;
    net.inputs = new_array(batch * stride * sizeof(double));
    net.targets = new_array(batch * target_stride * sizeof(double));
    net.class_index = new_array(batch * sizeof(int32_t));
    for (size_t e = 0; e < batch; e++) {
        double sum = 0;
        for (size_t i = 0; i < in; i++) {
            net.inputs[e * stride + i] = uniform(&state, -2, 2);
        }
        net.inputs[e * stride + in] = 1;
        for (size_t o = 0; o < out; o++) {
            sum += net.targets[e * target_stride + o] = uniform(&state, 0, 1);
        }
        for (size_t o = 0; o < out && output == ACTIVATION_SOFTMAX; o++) {
            net.targets[e * target_stride + o] /= sum; /* probabilities */
        }
        net.class_index[e] = (int32_t)(test_random(&state) % (out > 1 ? out : 2));
    }
    net.examples = (struct examples){
        .real = net.inputs,
        .real_stride = stride,
        .class_index = kind == CLASSES ? net.class_index : NULL,
        .target = kind == CLASSES ? NULL : net.targets,
        .target_stride = target_stride,
    };
    net.W = new_array(shape_packed(&net.shape) * sizeof(double));
    return net;
}

static inline void net_free(struct net *net)
{
    free(net->values);
    free(net->inputs);
    free(net->targets);
    free(net->class_index);
    free(net->W);
}

static inline const void *best_kernels(void)
{
    enum isa isa;
    cr_assert(isa_choose(NULL, &isa, NULL) == HEDDLE_OK);
    return kernels_find(isa, true);
}

static inline struct workspace *workspace_of(const struct net *net, size_t capacity, bool joins,
                                             void **memory)
{
    *memory = new_array(passes_f64.workspace_bytes(&net->shape, capacity, NULL, joins));
    return passes_f64.workspace_place(*memory, &net->shape, best_kernels(), capacity, NULL, joins);
}

static inline struct workspace *workspace_new(const struct net *net, size_t capacity, void **memory)
{
    return workspace_of(net, capacity, false, memory);
}

#endif
