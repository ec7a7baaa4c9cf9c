/** Tests of src/kernel/elementary.h in double, see elementary_tests.h, and of src/kernel/single.c. */
#define REAL_IS_DOUBLE 1
#include "elementary_tests.h"

/* Any bits at all, and numbers where the function is neither 0 nor 1 nor infinite. */
static void sample(char which)
{
    enum { BLOCKS = 100 };
    static double x[BLOCK];
    uint64_t state = (uint64_t)which;
    for (int b = 0; b < BLOCKS; b++) {
        for (size_t i = 0; i < BLOCK; i++) {
            uint64_t bits = test_random(&state);
            double u = (double)(int64_t)test_random(&state) * 0x1p-63;
            switch (i % 4) {
            case 0:
                memcpy(&x[i], &bits, sizeof bits);
                break;
            case 1:
                x[i] = u * 750;
                break;
            case 2:
                x[i] = which == 'l' ? 1 + 0.9 * u : 2 * u;
                break;
            default:
                x[i] = u * 40;
            }
        }
        expect_close(which, x, BLOCK);
    }
}

Test(elementary_f64, exp_is_within_two_ulp)
{
    sample('e');
}

Test(elementary_f64, log_is_within_two_ulp)
{
    sample('l');
}

Test(elementary_f64, tanh_is_within_two_ulp)
{
    sample('t');
}

Test(elementary_f64, logistic_is_within_three_ulp)
{
    sample('s');
}

/* ---------------------------------------------------------------- single values -------------- */

Test(elementary_f64, single_values_have_the_bits_of_the_kernels)
{
    uint64_t state = 3;
    for (int i = 0; i < 20000; i++) {
        double x = (double)(int64_t)test_random(&state) * 0x1p-63 * (i % 2 ? 2 : 700);
        cr_assert(elementary_exp(x) == value('e', x), "%a", x);
        cr_assert(elementary_log(fabs(x)) == value('l', fabs(x)), "%a", x);
    }
    cr_assert(elementary_exp(0) == 1 && elementary_log(1) == 0);
}

/** cos(2π u), with the turn folded exactly so that the wide value is good near its zeros too. */
static long double exact_cos_turns(double u)
{
    const long double turn = 6.283185307179586476925286766559005768L;
    long double v = u > 0.5 ? 1 - (long double)u : (long double)u;
    return v > 0.125L && v < 0.375L ? sinl(turn * (0.25L - v)) : cosl(turn * v);
}

Test(elementary_f64, cos_of_turns_is_within_two_and_a_half_ulp)
{
    uint64_t state = 4;
    for (int i = 0; i < 400000; i++) {
        /* any number with 52 bits behind the point, and numbers near the zeros */
        double u = (double)(test_random(&state) >> 12) * 0x1p-52;
        if (i % 4 == 1) {
            u = 0.25 + (u - 0.5) * 0x1p-20;
        } else if (i % 4 == 2) {
            u = 0.75 + (u - 0.5) * 0x1p-20;
        }
        double error = ulp_error(elementary_cos_turns(u), exact_cos_turns(u));
        cr_assert(error <= 2.5, "cos of %a turns is off by %g ulp", u, error);
        cr_assert(fabsl((long double)elementary_cos_turns(u) - exact_cos_turns(u)) <= DBL_EPSILON);
    }
}

Test(elementary_f64, cos_of_eighths_of_a_turn)
{
    const double half = 0x1.6a09e667f3bcdp-1; /* √½ */
    cr_assert(elementary_cos_turns(0) == 1);
    cr_assert(elementary_cos_turns(0.25) == 0);
    cr_assert(elementary_cos_turns(0.5) == -1);
    cr_assert(elementary_cos_turns(0.75) == 0);
    for (int eighth = 1; eighth < 8; eighth += 2) {
        double want = eighth == 1 || eighth == 7 ? half : -half;
        cr_assert(fabs(elementary_cos_turns(eighth / 8.0) - want) <= DBL_EPSILON / 2);
    }
}
