/**
 * transfer: the transfer functions of a register. kernel.h's enum activation has the formulas.
 * Every function here is called with a constant `f`, so that the choice is made by the compiler.
 */
#ifndef KERNEL_TRANSFER_H
#define KERNEL_TRANSFER_H

#include "kernel/elementary.h"
#include "kernel/kernel.h"

#define SELU_SCALE ((real)1.0507009873554804934193349852946)
#define SELU_ALPHA ((real)1.6732632423543772848170429916717)
#define LEAK ((real)0.01)
#define SQRT_HALF ((real)0.70710678118654752440084436210485)
#define NORMAL_DENSITY ((real)0.39894228040143267793994605993438) /* 1 / √(2π) */

/** The standard normal distribution's share below z. */
INLINE vec vnormal_below(vec z)
{
    return vfma(vset((real)0.5), verf(z * vset(SQRT_HALF)), vset((real)0.5));
}

/** f(z) of a register. A NaN stays a NaN: vmax and vmin give the second operand then. */
INLINE vec transfer(enum activation f, vec z)
{
    vec cosine;
    switch (f) {
    case ACTIVATION_SIGMOID:
        return vsigmoid(z);
    case ACTIVATION_TANH:
        return vtanh(z);
    case ACTIVATION_RELU:
        return vmax(vzero(), z);
    case ACTIVATION_LEAKY_RELU:
        return vselect(vless(vzero(), z), z, z * vset(LEAK));
    case ACTIVATION_ELU:
        return vselect(vless(z, vzero()), vexpm1_below(z), z);
    case ACTIVATION_SELU:
        return vset(SELU_SCALE) * vselect(vless(z, vzero()), vset(SELU_ALPHA) * vexpm1_below(z), z);
    case ACTIVATION_GELU:
        return z * vnormal_below(z);
    case ACTIVATION_SILU:
        return z * vsigmoid(z);
    case ACTIVATION_SOFTPLUS:
        return vmax(vzero(), z) + vlog1p_unit(vexp(-vabs(z)));
    case ACTIVATION_SOFTSIGN:
        return z / (vset(1) + vabs(z));
    case ACTIVATION_HARD_SIGMOID:
        return vmin(vset(1), vmax(vzero(), vfma(z, vset((real)1 / 6), vset((real)0.5))));
    case ACTIVATION_GAUSSIAN:
        return vexp(-(z * z));
    case ACTIVATION_SINE:
        return vsin_cos(z, &cosine);
    case ACTIVATION_EXP:
        return vexp(z);
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
    case ACTIVATION_COUNT:
        break;
    }
    return z;
}

/**
 * d f'(z) of a register from x = f(z), for functions that need no more than x; d itself for the
 * others, whose slope is kept (activation_keeps_slope).
 */
INLINE vec transfer_back(enum activation f, vec d, vec x)
{
    switch (f) {
    case ACTIVATION_SIGMOID:
        return d * (x * (vset(1) - x));
    case ACTIVATION_TANH:
        return d * vfma(-x, x, vset(1));
    case ACTIVATION_RELU:
        return vselect(vless(vzero(), x), d, vzero());
    case ACTIVATION_LEAKY_RELU:
        return vselect(vless(vzero(), x), d, d * vset(LEAK));
    case ACTIVATION_ELU:
        return vselect(vless(x, vzero()), d * (x + vset(1)), d);
    case ACTIVATION_SELU:
        return d * vselect(vless(x, vzero()), x + vset(SELU_SCALE * SELU_ALPHA), vset(SELU_SCALE));
    case ACTIVATION_SOFTPLUS:
        return d * -vexpm1_below(-x);
    case ACTIVATION_SOFTSIGN: {
        vec rest = vset(1) - vabs(x);
        return d * (rest * rest);
    }
    case ACTIVATION_HARD_SIGMOID:
        return vselect(vless(vzero(), x) & vless(x, vset(1)), d * vset((real)1 / 6), vzero());
    case ACTIVATION_EXP:
        return d * x;
    case ACTIVATION_GELU:
    case ACTIVATION_SILU:
    case ACTIVATION_GAUSSIAN:
    case ACTIVATION_SINE:
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
    case ACTIVATION_COUNT:
        break;
    }
    return d;
}

/** f(z), and f'(z) in *slope, for any function. */
INLINE vec transfer_slope(enum activation f, vec z, vec *slope)
{
    switch (f) {
    case ACTIVATION_GELU: {
        vec below = vnormal_below(z);
        vec density = vset(NORMAL_DENSITY) * vexp(vset((real)-0.5) * (z * z));
        *slope = vfma(z, density, below);
        return z * below;
    }
    case ACTIVATION_SILU: {
        vec s = vsigmoid(z);
        *slope = s * vfma(z, vset(1) - s, vset(1));
        return z * s;
    }
    case ACTIVATION_GAUSSIAN: {
        vec x = vexp(-(z * z));
        *slope = vset(-2) * z * x;
        return x;
    }
    case ACTIVATION_SINE:
        return vsin_cos(z, slope);
    default: {
        vec x = transfer(f, z);
        *slope = transfer_back(f, vset(1), x);
        return x;
    }
    }
}

/** call(f) for the f that is ACTIVATION_…, as a constant each time. */
#define TRANSFER_CASE(f, call)                                                                     \
    case f:                                                                                        \
        call(f);                                                                                   \
        break;
#define TRANSFER_CASES(call)                                                                       \
    TRANSFER_CASE(ACTIVATION_LINEAR, call)                                                         \
    TRANSFER_CASE(ACTIVATION_SIGMOID, call)                                                        \
    TRANSFER_CASE(ACTIVATION_TANH, call)                                                           \
    TRANSFER_CASE(ACTIVATION_RELU, call)                                                           \
    TRANSFER_CASE(ACTIVATION_LEAKY_RELU, call)                                                     \
    TRANSFER_CASE(ACTIVATION_ELU, call)                                                            \
    TRANSFER_CASE(ACTIVATION_SELU, call)                                                           \
    TRANSFER_CASE(ACTIVATION_GELU, call)                                                           \
    TRANSFER_CASE(ACTIVATION_SILU, call)                                                           \
    TRANSFER_CASE(ACTIVATION_SOFTPLUS, call)                                                       \
    TRANSFER_CASE(ACTIVATION_SOFTSIGN, call)                                                       \
    TRANSFER_CASE(ACTIVATION_HARD_SIGMOID, call)                                                   \
    TRANSFER_CASE(ACTIVATION_GAUSSIAN, call)                                                       \
    TRANSFER_CASE(ACTIVATION_SINE, call)                                                           \
    TRANSFER_CASE(ACTIVATION_EXP, call)                                                            \
    case ACTIVATION_SOFTMAX:                                                                       \
    case ACTIVATION_COUNT:                                                                         \
        break;

#endif
