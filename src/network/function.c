/** function: two tables. */
#include "network/function.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct {
    enum activation f;
    const char *name;
    double lowest, highest; /* rounded outwards */
} activations[] = {
    {ACTIVATION_LINEAR, "linear", -INFINITY, INFINITY},
    {ACTIVATION_SIGMOID, "sigmoid", 0, 1},
    {ACTIVATION_TANH, "tanh", -1, 1},
    {ACTIVATION_RELU, "relu", 0, INFINITY},
    {ACTIVATION_LEAKY_RELU, "leaky-relu", -INFINITY, INFINITY},
    {ACTIVATION_ELU, "elu", -1, INFINITY},
    {ACTIVATION_SELU, "selu", -1.7581, INFINITY},
    {ACTIVATION_GELU, "gelu", -0.17, INFINITY},
    {ACTIVATION_SILU, "silu", -0.2785, INFINITY},
    {ACTIVATION_SOFTPLUS, "softplus", 0, INFINITY},
    {ACTIVATION_SOFTSIGN, "softsign", -1, 1},
    {ACTIVATION_HARD_SIGMOID, "hard-sigmoid", 0, 1},
    {ACTIVATION_GAUSSIAN, "gaussian", 0, 1},
    {ACTIVATION_SINE, "sine", -1, 1},
    {ACTIVATION_EXP, "exp", 0, INFINITY},
    {ACTIVATION_SOFTMAX, "softmax", 0, 1},
};

static const struct {
    enum loss loss;
    const char *name;
} losses[] = {
    {LOSS_SSE, "sse"},       {LOSS_MSE, "mse"},     {LOSS_CROSS_ENTROPY, "cross-entropy"},
    {LOSS_MAE, "mae"},       {LOSS_HUBER, "huber"}, {LOSS_POISSON, "poisson"},
    {LOSS_CUSTOM, "custom"},
};

enum {
    ACTIVATIONS = sizeof(activations) / sizeof(*activations),
    LOSSES = sizeof(losses) / sizeof(*losses)
};

const char *activation_name(enum activation f)
{
    for (size_t i = 0; i < ACTIVATIONS; i++) {
        if (activations[i].f == f) {
            return activations[i].name;
        }
    }
    return f == ACTIVATION_CUSTOM ? "custom" : "?";
}

bool activation_find(const char *name, enum activation *f)
{
    for (size_t i = 0; i < ACTIVATIONS; i++) {
        if (strcmp(activations[i].name, name) == 0) {
            *f = activations[i].f;
            return true;
        }
    }
    return false;
}

void activation_range(enum activation f, double *lowest, double *highest)
{
    *lowest = -INFINITY;
    *highest = INFINITY;
    for (size_t i = 0; i < ACTIVATIONS; i++) {
        if (activations[i].f == f) {
            *lowest = activations[i].lowest;
            *highest = activations[i].highest;
        }
    }
}

const char *activation_names(void)
{
    return "linear, sigmoid, tanh, relu, leaky-relu, elu, selu, gelu, silu, softplus, softsign, "
           "hard-sigmoid, gaussian, sine, exp, softmax";
}

const char *loss_name(enum loss loss)
{
    for (size_t i = 0; i < LOSSES; i++) {
        if (losses[i].loss == loss) {
            return losses[i].name;
        }
    }
    return "?";
}

bool loss_find(const char *name, enum loss *loss)
{
    for (size_t i = 0; i < LOSSES; i++) {
        if (strcmp(losses[i].name, name) == 0) {
            *loss = losses[i].loss;
            return true;
        }
    }
    return false;
}

const char *loss_names(void)
{
    return "sse, mse, mae, huber, cross-entropy, poisson";
}

const char *loss_conflict(enum loss loss, enum activation output)
{
    if (loss == LOSS_CROSS_ENTROPY) {
        return output == ACTIVATION_SOFTMAX || output == ACTIVATION_SIGMOID
                   ? NULL
                   : "cross-entropy needs softmax or sigmoid outputs";
    }
    if (loss == LOSS_POISSON) {
        return output == ACTIVATION_EXP ? NULL : "poisson needs exp outputs: they are rates";
    }
    if (loss == LOSS_CUSTOM && output == ACTIVATION_SOFTMAX) {
        return "a custom loss needs outputs with a derivative of their own, but softmax's is "
               "computed together with cross-entropy's: choose another --output-activation";
    }
    return output == ACTIVATION_SOFTMAX ? "softmax outputs need the loss cross-entropy" : NULL;
}
