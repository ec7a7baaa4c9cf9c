/**
 * elementary_tests: exp, log, tanh and the logistic function of src/kernel/elementary.h. One body
 * for both precisions: test_elementary_f32.c and test_elementary_f64.c. That all levels have the
 * same bits is kernels_tests.h's matter; here the best one stands for all.
 */
#ifndef TESTS_ELEMENTARY_TESTS_H
#define TESTS_ELEMENTARY_TESTS_H

#include <criterion/criterion.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "kernel/kernel.h"
#include "support.h"
#include "ulp.h"

#if defined(REAL_IS_DOUBLE)
#define SUITE elementary_f64
enum { USE_DOUBLE = 1 };
#define SMALLEST 0x1p-1074
#define LARGEST DBL_MAX
#else
#define SUITE elementary_f32
enum { USE_DOUBLE = 0 };
#define SMALLEST 0x1p-149f
#define LARGEST FLT_MAX
#endif

#define ELEMENTARY_TEST(name) ELEMENTARY_TEST_1(SUITE, name)
#define ELEMENTARY_TEST_1(suite, name) Test(suite, name)

enum { BLOCK = 4096 };

static void values(char which, const real *x, real *y, size_t n)
{
    enum isa isa;
    cr_assert(isa_choose(NULL, &isa, NULL) == HEDDLE_OK);
    const struct REAL(kernels) *k = kernels_find(isa, USE_DOUBLE);
    k->elementary(which, x, y, n);
}

static real value(char which, real x)
{
    real y;
    values(which, &x, &y, 1);
    return y;
}

/** No x of the block may be off by more than is promised. */
static void expect_close(char which, const real *x, size_t n)
{
    static real y[BLOCK];
    values(which, x, y, n);
    for (size_t i = 0; i < n; i++) {
        if (ulp_applies(which, x[i])) {
            double error = ulp_error(y[i], exact_value(which, x[i]));
            cr_assert(error <= ulp_bound(which), "'%c' of %a is off by %g ulp: %a", which,
                      (double)x[i], error, (double)y[i]);
        } else {
            cr_assert(y[i] == 0);
        }
    }
}

ELEMENTARY_TEST(special_values)
{
    const real inf = (real)INFINITY, nan = (real)NAN;
    static const char which[] = "elts";
    for (size_t f = 0; f < 4; f++) {
        cr_assert(isnan(value(which[f], nan)) && isnan(value(which[f], -nan)), "%c", which[f]);
    }
    cr_assert(value('e', 0) == 1 && value('e', -(real)0) == 1);
    cr_assert(value('e', SMALLEST) == 1 && value('e', -SMALLEST) == 1);
    cr_assert(value('e', inf) == inf && value('e', LARGEST) == inf);
    cr_assert(value('e', -inf) == 0 && value('e', -LARGEST) == 0 && !signbit(value('e', -inf)));
    cr_assert(value('l', 1) == 0 && !signbit(value('l', 1)));
    cr_assert(value('l', 0) == -inf && value('l', -(real)0) == -inf && value('l', inf) == inf);
    cr_assert(isnan(value('l', -1)) && isnan(value('l', -SMALLEST)) && isnan(value('l', -inf)));
    cr_assert(value('t', inf) == 1 && value('t', -inf) == -1);
    cr_assert(value('t', LARGEST) == 1 && value('t', -LARGEST) == -1);
    cr_assert(value('t', 0) == 0 && value('t', -(real)0) == 0); /* +0 for both */
    cr_assert(value('t', SMALLEST) == SMALLEST && value('t', -SMALLEST) == -SMALLEST);
    cr_assert(value('s', 0) == (real)0.5 && value('s', -(real)0) == (real)0.5);
    cr_assert(value('s', inf) == 1 && value('s', -inf) == 0);
    cr_assert(value('s', LARGEST) == 1 && value('s', -LARGEST) == 0);
}

/* Every power of two and the values beside it: the edges of all cases there are. */
ELEMENTARY_TEST(powers_of_two)
{
    static const char which[] = "elts";
    for (int exponent = REAL_LOWEST - REAL_DIGITS; exponent < REAL_HIGHEST; exponent++) {
        real x[6];
        x[0] = (real)WIDE(ldexp)(1, exponent);
        x[1] = (real)((double)x[0] * (1 + (USE_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON)));
        x[2] = (real)((double)x[0] * (1 - (USE_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON) / 2));
        for (int i = 0; i < 3; i++) {
            x[3 + i] = -x[i];
        }
        for (size_t f = 0; f < 4; f++) {
            expect_close(which[f], x, 6);
        }
    }
}

ELEMENTARY_TEST(tanh_is_odd_and_at_most_one)
{
    uint64_t state = 1;
    for (int i = 0; i < 20000; i++) {
        real x = (real)((double)(int64_t)test_random(&state) * 0x1p-63 * (i % 2 ? 1 : 20));
        real y = value('t', x);
        cr_assert(value('t', -x) == -y && y <= 1 && y >= -1, "%a", (double)x);
    }
}

/* Where one formula takes over from another, and anywhere else, a step back is an ulp at most. */
ELEMENTARY_TEST(functions_do_not_fall_at_their_joins)
{
    static const struct {
        char which;
        double at;
    } joins[] = {{'t', 0.55},
                 {'t', 9},
                 {'t', 19},
                 {'l', 1},
                 {'l', M_SQRT2},
                 {'l', M_SQRT1_2},
                 {'l', 2 * M_SQRT2},
                 {'e', 0.5 * M_LN2},
                 {'e', -0.5 * M_LN2},
                 {'e', 10.5 * M_LN2},
                 {'s', 0},
                 {'s', 17}};
    for (size_t j = 0; j < sizeof joins / sizeof *joins; j++) {
        enum { SIDE = 2000 };
        real x = (real)joins[j].at;
        for (int i = 0; i < SIDE; i++) {
            x = USE_DOUBLE ? (real)nextafter((double)x, -INFINITY)
                           : (real)nextafterf((float)x, -INFINITY);
        }
        real last = value(joins[j].which, x);
        for (int i = 0; i < 2 * SIDE; i++) {
            x = USE_DOUBLE ? (real)nextafter((double)x, INFINITY)
                           : (real)nextafterf((float)x, INFINITY);
            real y = value(joins[j].which, x);
            wide step = (wide)last - (wide)y;
            wide ulp = (wide)(USE_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON) * WIDE(fabs)((wide)y);
            cr_assert(step <= ulp, "'%c' falls from %a to %a at %a", joins[j].which, (double)last,
                      (double)y, (double)x);
            last = y;
        }
    }
}

#endif
