/**
 * single: the elementary functions on single doubles, for what is computed once: initial weights,
 * schedules. They are elementary.h's own, so no C library has a say in a weight.
 */
#define KERNEL_SCALAR
#define REAL_IS_DOUBLE 1
#include "kernel/dispatch.h"
#include "kernel/elementary.h"

double elementary_exp(double x)
{
    return vexp(x);
}

double elementary_log(double x)
{
    return vlog(x);
}

double elementary_normal(double u, double v)
{
    return __builtin_sqrt(-2 * vlog(u)) * elementary_cos_turns(v);
}

/**
 * The turn is folded into an eighth, |r| ≤ π/4, where the Taylor series of cos or sin to r^17 is
 * exact to rounding. Folding is exact: u has at most 52 bits behind the point.
 */
double elementary_cos_turns(double u)
{
    static const double cosine[] = {0x1p0,
                                    -0x1p-1,
                                    0x1.5555555555555p-5,
                                    -0x1.6c16c16c16c17p-10,
                                    0x1.a01a01a01a01ap-16,
                                    -0x1.27e4fb7789f5cp-22,
                                    0x1.1eed8eff8d898p-29,
                                    -0x1.93974a8c07c9dp-37,
                                    0x1.ae7f3e733b81fp-45};
    static const double sine[] = {0x1p0,
                                  -0x1.5555555555555p-3,
                                  0x1.1111111111111p-7,
                                  -0x1.a01a01a01a01ap-13,
                                  0x1.71de3a556c734p-19,
                                  -0x1.ae64567f544e4p-26,
                                  0x1.6124613a86d09p-33,
                                  -0x1.ae7f3e733b81fp-41,
                                  0x1.952c77030ad4ap-49};
    if (u > 0.5) {
        u = 1 - u; /* cos is even around a whole turn */
    }
    double sign = 1;
    if (u > 0.25) {
        u = 0.5 - u; /* cos(π - a) = -cos a */
        sign = -1;
    }
    bool use_sine = u > 0.125;
    double r = (use_sine ? 0.25 - u : u) * 0x1.921fb54442d18p+2;
    double z = r * r;
    const double *c = use_sine ? sine : cosine;
    double p = c[8];
    for (int i = 7; i >= 0; i--) {
        p = __builtin_fma(p, z, c[i]);
    }
    return sign * (use_sine ? p * r : p);
}
