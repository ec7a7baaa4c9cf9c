/**
 * ulp: how far an elementary function of src/kernel/elementary.h is from the exact value. That is
 * taken from the C library in the next wider type, double for float and long double for double,
 * whose own error is far below what is measured (where long double is wider).
 *
 * An ulp is the distance between reals around the exact value, and no less than that of the
 * denormals. A value rounded once is within 0.5 ulp.
 */
#ifndef TESTS_ULP_H
#define TESTS_ULP_H

#include <float.h>
#include <math.h>

#include "base/real.h"

#if defined(REAL_IS_DOUBLE)
typedef long double wide;
#define WIDE(function) function##l
enum { REAL_DIGITS = DBL_MANT_DIG, REAL_LOWEST = DBL_MIN_EXP - 1, REAL_HIGHEST = DBL_MAX_EXP };
#else
typedef double wide;
#define WIDE(function) function
enum { REAL_DIGITS = FLT_MANT_DIG, REAL_LOWEST = FLT_MIN_EXP - 1, REAL_HIGHEST = FLT_MAX_EXP };
#endif

/** 'e' exp, 'l' log, 't' tanh, 's' the logistic function. */
static inline wide exact_value(char which, real x)
{
    switch (which) {
    case 'e':
        return WIDE(exp)((wide)x);
    case 'l':
        return WIDE(log)((wide)x);
    case 't':
        return WIDE(tanh)((wide)x);
    default:
        return 1 / (1 + WIDE(exp)(-(wide)x));
    }
}

/** |got - exact| in ulp. An infinity counts as the first power of two that is too large. */
static inline double ulp_error(real got, wide exact)
{
    if (isnan(exact) || isnan(got)) {
        return isnan(exact) && isnan(got) ? 0 : INFINITY;
    }
    if ((wide)got == exact) {
        return 0;
    }
    wide above = WIDE(ldexp)(1, REAL_HIGHEST);
    wide value = isinf(got) ? WIDE(copysign)(above, (wide)got) : (wide)got;
    wide wanted = exact > above ? above : exact < -above ? -above : exact;
    int exponent = wanted == 0 ? REAL_LOWEST : WIDE(ilogb)(wanted);
    exponent = exponent < REAL_LOWEST ? REAL_LOWEST : exponent;
    exponent = exponent < REAL_HIGHEST ? exponent : REAL_HIGHEST - 1;
    return (double)(WIDE(fabs)(value - wanted) / WIDE(ldexp)(1, exponent - REAL_DIGITS + 1));
}

/**
 * What is promised: 1.5 ulp in float, 2 in double. The logistic function is (q - r) / (q - r + 2^n
 * (q + r)): four results are rounded, and r is, which counts up to double where a quotient falls just
 * below a power of two. Where 2 e^-x is infinite it may be 0 instead of a denormal.
 */
static inline double ulp_bound(char which)
{
    return which == 's' ? 3 : REAL_DIGITS == FLT_MANT_DIG ? 1.5 : 2;
}

static inline int ulp_applies(char which, real x)
{
    return which != 's' || !isinf((real)(2 * exact_value('e', -x)));
}

#endif
