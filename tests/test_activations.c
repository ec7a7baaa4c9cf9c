/** Transfer functions: kernel/transfer.h, on every level, in double. */
#define REAL_IS_DOUBLE 1
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "kernel/kernel.h"
#include "network/function.h"
#include "support.h"

enum { E = 37, N = 19, LD = 32, LDT = 48 };

/** Numbers of all sizes that matter, NaN and infinities not among them. */
static double number(uint64_t *state)
{
    double u = (double)(test_random(state) >> 11) * 0x1p-53 * 2 - 1;
    double size[] = {1e-9, 1e-3, 1, 4, 12, 40};
    return u * size[test_random(state) % 6];
}

static double formula(enum activation f, double z)
{
    switch (f) {
    case ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-z));
    case ACTIVATION_TANH:
        return tanh(z);
    case ACTIVATION_RELU:
        return fmax(0, z);
    case ACTIVATION_LEAKY_RELU:
        return z > 0 ? z : 0.01 * z;
    case ACTIVATION_ELU:
        return z > 0 ? z : expm1(z);
    case ACTIVATION_SELU:
        return 1.0507009873554804934193349852946 *
               (z > 0 ? z : 1.6732632423543772848170429916717 * expm1(z));
    case ACTIVATION_GELU:
        return 0.5 * z * (1 + erf(z / sqrt(2)));
    case ACTIVATION_SILU:
        return z / (1 + exp(-z));
    case ACTIVATION_SOFTPLUS:
        return fmax(z, 0) + log1p(exp(-fabs(z)));
    case ACTIVATION_SOFTSIGN:
        return z / (1 + fabs(z));
    case ACTIVATION_HARD_SIGMOID:
        return fmin(1, fmax(0, z / 6 + 0.5));
    case ACTIVATION_GAUSSIAN:
        return exp(-z * z);
    case ACTIVATION_SINE:
        return sin(z);
    case ACTIVATION_EXP:
        return exp(z);
    default:
        return z;
    }
}

static void fill(double *Z)
{
    uint64_t state = 1;
    for (size_t i = 0; i < E * LD; i++) {
        Z[i] = number(&state);
    }
}

Test(activations, every_function_is_its_formula)
{
    static double Z[E * LD], X[E * LD];
    fill(Z);
    const struct kernels_f64 *k = kernels_reference_f64();
    for (int f = 0; f < ACTIVATION_COUNT; f++) {
        if (f == ACTIVATION_SOFTMAX) {
            continue;
        }
        memcpy(X, Z, sizeof X);
        k->activate((enum activation)f, X, LD, E, N);
        for (size_t e = 0; e < E; e++) {
            for (size_t i = 0; i < N; i++) {
                double want = formula((enum activation)f, Z[e * LD + i]);
                double got = X[e * LD + i];
                cr_assert(fabs(got - want) <= 4e-16 * fabs(want) + 3e-16,
                          "%s(%.17g) = %.17g, not %.17g", activation_name((enum activation)f),
                          Z[e * LD + i], got, want);
            }
        }
    }
}

Test(activations, every_slope_is_the_derivative)
{
    static double Z[E * LD], X[E * LD], S[E * LD], T[N * LDT], D[E * LD];
    fill(Z);
    const struct kernels_f64 *k = kernels_reference_f64();
    for (int f = 0; f < ACTIVATION_COUNT; f++) {
        if (f == ACTIVATION_SOFTMAX) {
            continue;
        }
        memcpy(X, Z, sizeof X);
        k->activate_keep((enum activation)f, X, LD, E, N, S);
        for (size_t e = 0; e < E; e++) {
            for (size_t i = 0; i < N; i++) {
                double z = Z[e * LD + i];
                double h = 1e-5 * (1 + fabs(z));
                bool corner = fabs(z) < 2 * h || fabs(fabs(z) - 3) < 2 * h;
                double want =
                    (formula((enum activation)f, z + h) - formula((enum activation)f, z - h)) /
                    (2 * h);
                double size = fabs(formula((enum activation)f, z)) + 1;
                cr_assert(corner || fabs(S[e * LD + i] - want) <= 1e-7 * size,
                          "%s'(%.17g) = %.17g, not %.17g", activation_name((enum activation)f), z,
                          S[e * LD + i], want);
            }
        }
        /* derive() gives from x what was kept, where x is enough */
        if (!activation_keeps_slope((enum activation)f)) {
            for (size_t i = 0; i < N * LDT; i++) {
                T[i] = 1;
            }
            k->derive((enum activation)f, T, LDT, X, LD, E, N, D, LD, NULL);
            for (size_t e = 0; e < E; e++) {
                cr_assert(memcmp(D + e * LD, S + e * LD, N * sizeof *D) == 0, "%s",
                          activation_name((enum activation)f));
            }
        }
    }
}

Test(activations, same_bits_on_every_level)
{
    static double Z[E * LD], X[2][E * LD], S[2][E * LD], T[N * LDT], D[2][E * LD], DT[2][N * LDT];
    fill(Z);
    uint64_t state = 7;
    for (size_t i = 0; i < N * LDT; i++) {
        T[i] = number(&state);
    }
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_available((enum isa)isa)) {
            continue;
        }
        const struct kernels_f64 *k[2] = {kernels_reference_f64(),
                                          kernels_find((enum isa)isa, true)};
        for (int f = 0; f < ACTIVATION_COUNT; f++) {
            if (f == ACTIVATION_SOFTMAX) {
                continue;
            }
            const char *name = activation_name((enum activation)f);
            for (int j = 0; j < 2; j++) {
                memcpy(X[j], Z, sizeof Z);
                memset(D[j], 0, sizeof D[j]);
                memset(DT[j], 0, sizeof DT[j]);
                k[j]->activate((enum activation)f, X[j], LD, E, N);
                if (!activation_keeps_slope((enum activation)f)) {
                    k[j]->derive((enum activation)f, T, LDT, X[j], LD, E, N, D[j], LD, DT[j]);
                }
            }
            for (size_t e = 0; e < E; e++) {
                cr_assert(memcmp(X[0] + e * LD, X[1] + e * LD, N * sizeof(double)) == 0, "%s %s",
                          name, k[1]->isa);
                cr_assert(memcmp(D[0] + e * LD, D[1] + e * LD, LD * sizeof(double)) == 0, "%s %s",
                          name, k[1]->isa);
            }
            for (size_t i = 0; i < N; i++) {
                cr_assert(memcmp(DT[0] + i * LDT, DT[1] + i * LDT, E * sizeof(double)) == 0,
                          "%s %s", name, k[1]->isa);
            }
            for (int j = 0; j < 2; j++) {
                memcpy(X[j], Z, sizeof Z);
                k[j]->activate_keep((enum activation)f, X[j], LD, E, N, S[j]);
                k[j]->derive_kept(T, LDT, S[j], LD, E, N, D[j], LD, NULL);
            }
            for (size_t e = 0; e < E; e++) {
                cr_assert(memcmp(X[0] + e * LD, X[1] + e * LD, N * sizeof(double)) == 0, "%s %s",
                          name, k[1]->isa);
                cr_assert(memcmp(S[0] + e * LD, S[1] + e * LD, N * sizeof(double)) == 0, "%s %s",
                          name, k[1]->isa);
                cr_assert(memcmp(D[0] + e * LD, D[1] + e * LD, LD * sizeof(double)) == 0, "%s %s",
                          name, k[1]->isa);
            }
        }
    }
}

Test(activations, what_is_not_a_number_stays_so)
{
    const struct kernels_f64 *k = kernels_reference_f64();
    for (int f = 0; f < ACTIVATION_COUNT; f++) {
        double X[16] = {NAN};
        k->activate((enum activation)f, X, 16, 1, 1);
        cr_assert(f == ACTIVATION_SOFTMAX || isnan(X[0]), "%s",
                  activation_name((enum activation)f));
    }
}

Test(activations, elementary_functions_are_close)
{
    const struct kernels_f64 *k = kernels_reference_f64();
    uint64_t state = 3;
    for (int i = 0; i < 200000; i++) {
        double z = number(&state), y;
        k->elementary('f', &z, &y, 1);
        cr_assert(fabs(y - erf(z)) <= 4.5e-16 * fabs(erf(z)), "erf(%.17g) = %.17g", z, y);
        k->elementary('i', &z, &y, 1);
        cr_assert(fabs(y - sin(z)) <= 2.3e-16, "sin(%.17g) = %.17g", z, y);
        k->elementary('c', &z, &y, 1);
        cr_assert(fabs(y - cos(z)) <= 2.3e-16, "cos(%.17g) = %.17g", z, y);
        double below = -fabs(z);
        k->elementary('m', &below, &y, 1);
        cr_assert(fabs(y - expm1(below)) <= 4.5e-16 * fabs(expm1(below)), "expm1(%.17g) = %.17g",
                  below, y);
        double unit = fmin(1, fabs(z));
        k->elementary('p', &unit, &y, 1);
        cr_assert(fabs(y - log1p(unit)) <= 4.5e-16 * log1p(unit), "log1p(%.17g) = %.17g", unit, y);
    }
}
