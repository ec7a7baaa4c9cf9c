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

double elementary_cos_turns(double u)
{
    return vcos_turns(u);
}

double elementary_normal(double u, double v)
{
    return vnormal(u, v);
}
