/**
 * series: the numbers that kernel/elementary.h computes with, by name, for programs and graphs that
 * compute the same elsewhere. Who changes one there changes it here (tests/check_export_c.sh and
 * check_export_onnx.sh compare the results).
 */
#ifndef MODEL_SERIES_H
#define MODEL_SERIES_H

#include <stdbool.h>
#include <stddef.h>

/** In groups: what a function needs stands together. */
enum series_id {
    SERIES_LOG2_E, /* exp */
    SERIES_LN2_HIGH,
    SERIES_LN2_LOW,
    SERIES_EXP_LOWEST,
    SERIES_EXP_HIGHEST,
    SERIES_EXP,
    SERIES_SIGMOID,   /* sigmoid */
    SERIES_TANH,      /* tanh */
    SERIES_SQRT_HALF, /* log */
    SERIES_LOG,
    SERIES_ERF_SLOPE, /* erf */
    SERIES_ERF_CENTER,
    SERIES_ERF_END,
    SERIES_ERF,
    SERIES_ERFC,
    SERIES_TWO_BY_PI, /* sin */
    SERIES_HALF_PI,
    SERIES_HALF_PI_LOW,
    SERIES_HALF_PI_LOWEST,
    SERIES_SIN,
    SERIES_COS,
    SERIES_COUNT
};

enum { SERIES_MAX = 15 };

/** A constant (n = 1), or the coefficients of a polynomial, the highest first. */
struct series {
    const char *name; /* in C */
    size_t n;
    double value[SERIES_MAX];
};

/** Of float or of double. */
const struct series *series_find(enum series_id id, bool use_double);

#endif
