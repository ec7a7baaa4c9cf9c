/**
 * elementary: exp, log and tanh of a register, the same bits on every level because they are made
 * of +, -, *, / and fma only. Included by kernel bodies.
 *
 * The polynomials are minimax fits made with mpmath's chebyfit; the relative error of each is below
 * 2^-26 (float) or 2^-55 (double), so rounding dominates: at most 1.5 ulp in float over all inputs
 * (tests/long_elementary.sh runs through all 2^32 of them).
 */
#ifndef KERNEL_ELEMENTARY_H
#define KERNEL_ELEMENTARY_H

#include "kernel/simd.h"

#if defined(REAL_IS_DOUBLE)
#define LOG2_E 0x1.71547652b82fep+0
#define LN2_HIGH 0x1.62e42fee00000p-1 /* 32 bits: exact when multiplied by an exponent */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define ROUND_MAGIC 0x1.8p52
#define EXP_LOWEST (-746.0)
#define EXP_HIGHEST 710.0
#define SMALLEST_NORMAL 0x1p-1022
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdLL
#else
#define LOG2_E 0x1.715476p+0f
#define LN2_HIGH 0x1.62e4p-1f /* 15 bits */
#define LN2_LOW 0x1.7f7d1cp-20f
#define ROUND_MAGIC 0x1.8p23f
#define EXP_LOWEST (-104.0f)
#define EXP_HIGHEST 89.0f
#define SMALLEST_NORMAL 0x1p-126f
#define SQRT_HALF_BITS 0x3f3504f3
#endif

/**
 * e^x: x = n ln 2 + r with |r| ≤ ln 2 / 2, e^x = 2^n (1 + r + r² p(r)). 2^n is applied in two
 * halves, so that results down to the smallest denormal are rounded once.
 */
INLINE vec vexp(vec x)
{
    x = vmin(vset(EXP_HIGHEST), vmax(vset(EXP_LOWEST), x));
    vec shifted = vfma(x, vset(LOG2_E), vset(ROUND_MAGIC));
    vec n = shifted - vset(ROUND_MAGIC);
    ivec whole = vbits(shifted) - vbits(vset(ROUND_MAGIC));
    vec r = vfma(-n, vset(LN2_HIGH), x);
    r = vfma(-n, vset(LN2_LOW), r);
#if defined(REAL_IS_DOUBLE)
    vec p = vset(0x1.af389ecfc4b9cp-26);
    p = vfma(p, r, vset(0x1.28917c89a43a7p-22));
    p = vfma(p, r, vset(0x1.71de0db2f6b19p-19));
    p = vfma(p, r, vset(0x1.a019b9149a41cp-16));
    p = vfma(p, r, vset(0x1.a01a01a7c2efep-13));
    p = vfma(p, r, vset(0x1.6c16c17889ef1p-10));
    p = vfma(p, r, vset(0x1.11111111109b5p-7));
    p = vfma(p, r, vset(0x1.5555555553d68p-5));
    p = vfma(p, r, vset(0x1.5555555555556p-3));
#else
    vec p = vset(0x1.6d10fcp-10f);
    p = vfma(p, r, vset(0x1.120b62p-7f));
    p = vfma(p, r, vset(0x1.55551ap-5f));
    p = vfma(p, r, vset(0x1.5554dep-3f));
#endif
    p = vfma(p, r, vset((real)0.5));
    p = vfma(p, r * r, r);
    p = p + vset(1);
    ivec half = whole >> 1;
    return p * vpower_of_two(half) * vpower_of_two(whole - half);
}

/**
 * ln x: x = 2^n m with √½ ≤ m < √2, s = (m - 1) / (m + 1), ln m = 2 s + s³ p(s²), arranged as
 * f - (f²/2 - s (f²/2 + s² p)) with f = m - 1, so that the leading term is exact.
 * ln 0 = -∞, ln of a negative number is NaN.
 */
INLINE vec vlog(vec x)
{
    ivec denormal = vless(x, vset(SMALLEST_NORMAL));
    vec scaled = vselect(denormal, x * vset((real)(1ull << (REAL_MANTISSA_BITS + 2))), x);
    ivec bits = vbits(scaled);
    ivec shift = iset((real_bits)REAL_EXPONENT_BIAS << REAL_MANTISSA_BITS) - iset(SQRT_HALF_BITS);
    ivec above = bits + shift; /* its exponent field counts from √½, not from 1 */
    ivec whole = (above >> REAL_MANTISSA_BITS) - iset(REAL_EXPONENT_BIAS);
    ivec mantissa = (above & iset(((real_bits)1 << REAL_MANTISSA_BITS) - 1)) + iset(SQRT_HALF_BITS);
    vec f = vfrom_bits(mantissa) - vset(1);
    /* the exponent as a real: add it to the integer hidden in the magic number */
    vec n = vfrom_bits(whole + vbits(vset(ROUND_MAGIC))) - vset(ROUND_MAGIC);
    n = n - vselect(denormal, vset((real)(REAL_MANTISSA_BITS + 2)), vzero());
    vec s = f / (vset(2) + f);
    vec z = s * s;
#if defined(REAL_IS_DOUBLE)
    vec p = vset(0x1.2b59b713616c9p-3);
    p = vfma(p, z, vset(0x1.39fe42e9740a7p-3));
    p = vfma(p, z, vset(0x1.7462b58e46ebep-3));
    p = vfma(p, z, vset(0x1.c71c62e26208bp-3));
    p = vfma(p, z, vset(0x1.2492492df3ba9p-2));
    p = vfma(p, z, vset(0x1.99999999952ccp-2));
    p = vfma(p, z, vset(0x1.5555555555558p-1));
#else
    vec p = vset(0x1.2ee69cp-2f);
    p = vfma(p, z, vset(0x1.997c2ep-2f));
    p = vfma(p, z, vset(0x1.55555cp-1f));
#endif
    vec halved = vset((real)0.5) * f * f;
    vec low = vfma(s, vfma(z, p, halved), n * vset(LN2_LOW));
    vec result = vfma(n, vset(LN2_HIGH), f - (halved - low));
    vec infinite = vset((real)__builtin_inf());
    result = vselect(vequal(x, infinite), x, result);
    result = vselect(vequal(x, vzero()), -infinite, result);
    vec none = vset((real)__builtin_nan(""));
    result = vselect(vless(x, vzero()), none, result);
    return vselect(vequal(x, x), result, x);
}

/**
 * tanh x: x + x³ p(x²) for |x| < 0.55, else 1 - 2 / (e^(2|x|) + 1) with the sign of x.
 */
INLINE vec vtanh(vec x)
{
    vec z = x * x;
#if defined(REAL_IS_DOUBLE)
    vec p = vset(-0x1.59a834187ce22p-16);
    p = vfma(p, z, vset(0x1.64fd88e9900a5p-14));
    p = vfma(p, z, vset(-0x1.ec1091436eb2ap-13));
    p = vfma(p, z, vset(0x1.34c5a8a996cd4p-11));
    p = vfma(p, z, vset(-0x1.7d97cfd138c28p-10));
    p = vfma(p, z, vset(0x1.d6d339333f329p-9));
    p = vfma(p, z, vset(-0x1.226e32f00cf0cp-7));
    p = vfma(p, z, vset(0x1.664f487713373p-6));
    p = vfma(p, z, vset(-0x1.ba1ba1b9fec84p-5));
    p = vfma(p, z, vset(0x1.1111111111032p-3));
    p = vfma(p, z, vset(-0x1.5555555555555p-2));
#else
    vec p = vset(-0x1.b13538p-8f);
    p = vfma(p, z, vset(0x1.5d220ep-6f));
    p = vfma(p, z, vset(-0x1.b9a044p-5f));
    p = vfma(p, z, vset(0x1.110feap-3f));
    p = vfma(p, z, vset(-0x1.555554p-2f));
#endif
    vec small = vfma(p * z, x, x);
    vec size = vabs(x);
    vec large = vset(1) - vset(2) / (vexp(size + size) + vset(1));
    return vselect(vless(size, vset((real)0.55)), small, vwith_sign(large, x));
}

/** 1 / (1 + e^-x), the logistic function. */
INLINE vec vsigmoid(vec x)
{
    return vset(1) / (vset(1) + vexp(-x));
}

#endif
