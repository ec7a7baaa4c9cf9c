/** function: two tables of names. */
#include "network/function.h"

#include <stddef.h>
#include <string.h>

static const struct {
    enum activation f;
    const char *name;
} activations[] = {
    {ACTIVATION_LINEAR, "linear"},
    {ACTIVATION_SIGMOID, "sigmoid"},
    {ACTIVATION_TANH, "tanh"},
    {ACTIVATION_RELU, "relu"},
    {ACTIVATION_LEAKY_RELU, "leaky-relu"},
    {ACTIVATION_ELU, "elu"},
    {ACTIVATION_SELU, "selu"},
    {ACTIVATION_GELU, "gelu"},
    {ACTIVATION_SILU, "silu"},
    {ACTIVATION_SOFTPLUS, "softplus"},
    {ACTIVATION_SOFTSIGN, "softsign"},
    {ACTIVATION_HARD_SIGMOID, "hard-sigmoid"},
    {ACTIVATION_GAUSSIAN, "gaussian"},
    {ACTIVATION_SINE, "sine"},
    {ACTIVATION_EXP, "exp"},
    {ACTIVATION_SOFTMAX, "softmax"},
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
