/** power: whole powers that no C library decides. */
#ifndef BASE_POWER_H
#define BASE_POWER_H

#include <stdint.h>

/**
 * q^n by squaring: exact where the products are, and a function of q and n alone, so that a run that
 * goes on gets the same.
 */
static inline double power_whole(double q, uint64_t n)
{
    double result = 1;
    for (; n; n >>= 1, q *= q) {
        if (n & 1) {
            result *= q;
        }
    }
    return result;
}

#endif
