/**
 * real: float or double, for files that are compiled once for each.
 *
 * The build defines REAL_IS_FLOAT or REAL_IS_DOUBLE. REAL(name) is name_f32 or name_f64, so that
 * both objects can live in one program.
 */
#ifndef BASE_REAL_H
#define BASE_REAL_H

#include <stdint.h>

#if defined(REAL_IS_DOUBLE)
typedef double real;
typedef int64_t real_bits;
#define REAL(name) name##_f64
#else
typedef float real;
typedef int32_t real_bits;
#define REAL(name) name##_f32
#endif

#endif
