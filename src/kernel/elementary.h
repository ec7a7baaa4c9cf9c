/**
 * elementary: exp, log, tanh, erf, sin and cos of a register, the same bits on every level because
 * they are made of +, -, *, / and fma only. Included by kernel bodies.
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
#define EXP_LOWEST (-746.0)
#define EXP_HIGHEST 710.0
#define SMALLEST_NORMAL 0x1p-1022
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdLL
#else
#define LOG2_E 0x1.715476p+0f
#define LN2_HIGH 0x1.62e4p-1f /* 15 bits */
#define LN2_LOW 0x1.7f7d1cp-20f
#define EXP_LOWEST (-104.0f)
#define EXP_HIGHEST 89.0f
#define SMALLEST_NORMAL 0x1p-126f
#define SQRT_HALF_BITS 0x3f3504f3
#endif

/** x = n ln 2 + r with |r| ≤ ln 2 / 2: r, and n + ROUND_MAGIC. */
INLINE vec exp_remainder(vec x, vec *shifted)
{
    *shifted = vfma(x, vset(LOG2_E), vset(ROUND_MAGIC));
    vec n = *shifted - vset(ROUND_MAGIC);
    vec r = vfma(n, vset(-LN2_HIGH), x);
    return vfma(n, vset(-LN2_LOW), r);
}

/** The same with e^r - 1 = r + r² p(r) in place of r. */
INLINE vec exp_fraction(vec x, vec *shifted)
{
    vec r = exp_remainder(x, shifted);
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
    return vfma(p, r * r, r);
}

/** e^x = 2^n (1 + (e^r - 1)). Results down to the smallest denormal are rounded once. */
INLINE vec vexp(vec x)
{
    x = vmin(vset(EXP_HIGHEST), vmax(vset(EXP_LOWEST), x));
    vec shifted;
    vec p = exp_fraction(x, &shifted) + vset(1);
    return vscale(p, shifted);
}

/** e^x - 1 for x ≤ 0, without the loss of digits near 0: 2^n (e^r - 1) + (2^n - 1). */
INLINE vec vexpm1_below(vec x)
{
    vec shifted;
    vec p = exp_fraction(vmax(vset(-40), x), &shifted); /* e^-40 is nothing beside 1 */
    vec power = vpower_of_two(vbits(shifted) - vbits(vset(ROUND_MAGIC)));
    return vfma(p, power, power - vset(1));
}

/**
 * ln x of a normal x > 0 that has been multiplied by 2^less: x = 2^n m with √½ ≤ m < √2, s = (m - 1)
 * / (m + 1), ln m = 2 s + s³ p(s²), arranged as f - (f²/2 - s (f²/2 + s² p)) with f = m - 1, so that
 * the leading term is exact.
 */
INLINE vec vlog_scaled(vec scaled, vec less)
{
    ivec bits = vbits(scaled);
    ivec shift = iset((real_bits)REAL_EXPONENT_BIAS << REAL_MANTISSA_BITS) - iset(SQRT_HALF_BITS);
    ivec above = iadd(bits, shift); /* its exponent field counts from √½, not from 1 */
    ivec whole = (above >> REAL_MANTISSA_BITS) - iset(REAL_EXPONENT_BIAS);
    ivec mantissa = (above & iset(((real_bits)1 << REAL_MANTISSA_BITS) - 1)) + iset(SQRT_HALF_BITS);
    vec f = vfrom_bits(mantissa) - vset(1);
    /* the exponent as a real: add it to the integer hidden in the magic number */
    vec n = vfrom_bits(whole + vbits(vset(ROUND_MAGIC))) - vset(ROUND_MAGIC);
    n = n - less;
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
    return vfma(n, vset(LN2_HIGH), f - (halved - low));
}

/** ln x. ln 0 = -∞, ln of a negative number is NaN. */
INLINE vec vlog(vec x)
{
    vmask denormal = vless(x, vset(SMALLEST_NORMAL));
    vec scaled = vselect(denormal, x * vset((real)(1ull << (REAL_MANTISSA_BITS + 2))), x);
    vec less = vselect(denormal, vset((real)(REAL_MANTISSA_BITS + 2)), vzero());
    vec result = vlog_scaled(scaled, less);
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

/** ln(1 + x) for 0 ≤ x ≤ 1: what 1 + x loses of x is put back. */
INLINE vec vlog1p_unit(vec x)
{
    vec y = vset(1) + x;
    return vlog(y) - ((y - vset(1)) - x) / y;
}

/**
 * erf x: for |x| < 1, x (2/√π + p(x²)); else 1 - e^(-x²) q(u) with the sign of x, u = (|x| - c) /
 * (|x| + c). Both polynomials are minimax fits as above, of erf(x) / x and e^(x²) erfc(x).
 */
INLINE vec verf(vec x)
{
    vec z = x * x;
#if defined(REAL_IS_DOUBLE)
    const real center = 3, end = 6;
    vec p = vset(-0x1.ac9585a44fe29p-31);
    p = vfma(p, z, vset(0x1.d76af6ca49787p-27));
    p = vfma(p, z, vset(-0x1.5c131500d3f88p-23));
    p = vfma(p, z, vset(0x1.b981d78881a5dp-20));
    p = vfma(p, z, vset(-0x1.f4ca838adb73bp-17));
    p = vfma(p, z, vset(0x1.f9a2be4f731a1p-14));
    p = vfma(p, z, vset(-0x1.c02db0665e53dp-11));
    p = vfma(p, z, vset(0x1.565bccfa44156p-8));
    p = vfma(p, z, vset(-0x1.b82ce31203772p-6));
    p = vfma(p, z, vset(0x1.ce2f21a040f66p-4));
    p = vfma(p, z, vset(-0x1.812746b0379c1p-2));
    p = vfma(p, z, vset(0x1.263d2a84e2ddap-57));
    vec small = vfma(x, vset(0x1.20dd750429b6dp+0), x * p);
#else
    const real center = 1.5f, end = 4;
    vec p = vset(0x1.4a569p-14f);
    p = vfma(p, z, vset(-0x1.a45088p-11f));
    p = vfma(p, z, vset(0x1.54127p-8f));
    p = vfma(p, z, vset(-0x1.b7fabap-6f));
    p = vfma(p, z, vset(0x1.ce2d1p-4f));
    p = vfma(p, z, vset(-0x1.81273ep-2f));
    p = vfma(p, z, vset(-0x1.01318ep-24f));
    vec small = vfma(x, vset(0x1.20dd76p+0f), x * p);
#endif
    vec size = vmin(vset(end), vabs(x));
    vec u = (size - vset(center)) / (size + vset(center));
#if defined(REAL_IS_DOUBLE)
    vec q = vset(0x1.57a5fe2b9b75ep-20);
    q = vfma(q, u, vset(0x1.0f9a79cee3e31p-19));
    q = vfma(q, u, vset(-0x1.0cb4611cc29f6p-17));
    q = vfma(q, u, vset(-0x1.af2329d757293p-17));
    q = vfma(q, u, vset(0x1.0cb1db32e0c9fp-14));
    q = vfma(q, u, vset(0x1.7b9fc8eb630e9p-15));
    q = vfma(q, u, vset(-0x1.39085a31b18abp-11));
    q = vfma(q, u, vset(0x1.73101ea8fe252p-11));
    q = vfma(q, u, vset(0x1.17c838fea5806p-8));
    q = vfma(q, u, vset(-0x1.8fa58eb5bd68fp-6));
    q = vfma(q, u, vset(0x1.258b13b0139fep-4));
    q = vfma(q, u, vset(-0x1.336ffbef08cbbp-3));
    q = vfma(q, u, vset(0x1.f6ff20410599bp-3));
    q = vfma(q, u, vset(-0x1.4e102b9cf8512p-2));
    q = vfma(q, u, vset(0x1.6e9827d229d2dp-3));
#else
    vec q = vset(0x1.b4dd36p-9f);
    q = vfma(q, u, vset(-0x1.f95f86p-12f));
    q = vfma(q, u, vset(-0x1.31a214p-6f));
    q = vfma(q, u, vset(-0x1.301abcp-7f));
    q = vfma(q, u, vset(0x1.8e5144p-3f));
    q = vfma(q, u, vset(-0x1.f6a65p-2f));
    q = vfma(q, u, vset(0x1.494dbp-2f));
#endif
    vec large = vset(1) - vexp(-(size * size)) * q;
    /* a NaN is not below 1, and vmin has lost it */
    large = vselect(vequal(x, x), vwith_sign(large, x), x);
    return vselect(vless(size, vset(1)), small, large);
}

/**
 * sin x and cos x: x = n π/2 + r with |r| ≤ π/4, π/2 in three parts; polynomials for both of r.
 * Sizes from 2^20 on (where a float knows its angle to a quarter of a turn at best) give 0, and
 * what is not finite gives NaN.
 */
INLINE vec vsin_cos(vec x, vec *cosine)
{
    vmask fits = vless(vabs(x), vset(0x1p20));
    vec beyond = x * vzero();
    x = vselect(fits, x, vzero());
#if defined(REAL_IS_DOUBLE)
    vec shifted = vfma(x, vset(0x1.45f306dc9c883p-1), vset(ROUND_MAGIC));
    vec n = shifted - vset(ROUND_MAGIC);
    vec r = vfma(-n, vset(0x1.921fb54442d18p+0), x);
    r = vfma(-n, vset(0x1.1a62633145c07p-54), r);
    r = vfma(-n, vset(-0x1.f1976b7ed8fbcp-110), r);
    vec z = r * r;
    vec s = vset(-0x1.ab161757f0c63p-41);
    s = vfma(s, z, vset(0x1.61217c1864fa1p-33));
    s = vfma(s, z, vset(-0x1.ae64540f0ba18p-26));
    s = vfma(s, z, vset(0x1.71de3a545e7p-19));
    s = vfma(s, z, vset(-0x1.a01a01a019926p-13));
    s = vfma(s, z, vset(0x1.111111111111p-7));
    s = vfma(s, z, vset(-0x1.5555555555555p-3));
    vec c = vset(-0x1.907c0e63adbb6p-37);
    c = vfma(c, z, vset(0x1.1eeb66b683028p-29));
    c = vfma(c, z, vset(-0x1.27e4fa15bd814p-22));
    c = vfma(c, z, vset(0x1.a01a019f4d0edp-16));
    c = vfma(c, z, vset(-0x1.6c16c16c1696p-10));
    c = vfma(c, z, vset(0x1.5555555555555p-5));
#else
    vec shifted = vfma(x, vset(0x1.45f306p-1f), vset(ROUND_MAGIC));
    vec n = shifted - vset(ROUND_MAGIC);
    vec r = vfma(-n, vset(0x1.921fb6p+0f), x);
    r = vfma(-n, vset(-0x1.777a5cp-25f), r);
    r = vfma(-n, vset(-0x1.ee59dap-50f), r);
    vec z = r * r;
    vec s = vset(0x1.6dbbeep-19f);
    s = vfma(s, z, vset(-0x1.a013a2p-13f));
    s = vfma(s, z, vset(0x1.11110ep-7f));
    s = vfma(s, z, vset(-0x1.555556p-3f));
    vec c = vset(0x1.9bd67p-16f);
    c = vfma(c, z, vset(-0x1.6c12cep-10f));
    c = vfma(c, z, vset(0x1.555554p-5f));
#endif
    s = vfma(s * z, r, r);
    c = vfma(c, z * z, vfma(vset((real)-0.5), z, vset(1)));
    ivec quarter = vbits(shifted) - vbits(vset(ROUND_MAGIC));
    vmask odd = vodd(quarter);
    vmask sine_below = vodd(quarter >> 1);
    vmask cosine_below = vodd((quarter + iset(1)) >> 1);
    vec sine = vselect(odd, c, s);
    vec other = vselect(odd, s, c);
    sine = vselect(sine_below, -sine, sine);
    *cosine = vselect(fits, vselect(cosine_below, -other, other), beyond);
    return vselect(fits, sine, beyond);
}

/**
 * 1 / (1 + e^-x), the logistic function. With -x = n ln 2 + r and q = r coth(r / 2), e^r is (q + r) /
 * (q - r), so that one division makes both quotients. q is even: 2 + z p(z) with z = r².
 */
INLINE vec vsigmoid(vec x)
{
    x = vmin(vset(-EXP_LOWEST), vmax(vset(-EXP_HIGHEST), x));
    vec shifted;
    vec r = exp_remainder(-x, &shifted); /* negative by way of the fma, not by an instruction */
    vec z = r * r;
#if defined(REAL_IS_DOUBLE)
    vec p = vset(0x1.6348bb8c314d5p-25);
    p = vfma(p, z, vset(-0x1.bbd3aa2158cbep-20));
    p = vfma(p, z, vset(0x1.1566aac042c58p-14));
    p = vfma(p, z, vset(-0x1.6c16c16bd9e67p-9));
    p = vfma(p, z, vset(0x1.555555555552dp-3));
#else
    vec p = vfma(vset(-0x1.6a8b1ep-9f), z, vset(0x1.555514p-3f));
#endif
    vec q = vfma(p, z, vset(2));
    vec rest = q - r;
    return rest / (rest + vscale(q + r, shifted));
}

#if defined(REAL_IS_DOUBLE)

/**
 * cos(2π u) for 0 ≤ u < 1: the turn is folded into an eighth, |r| ≤ π/4, where the Taylor series of
 * cos or sin to r^17 is exact to rounding. Folding is exact: u has at most 52 bits behind the point.
 */
INLINE vec vcos_turns(vec u)
{
    u = vmin(u, vset(1) - u);   /* cos is even around a whole turn */
    vec below = vset(0.25) - u; /* its sign is the result's: cos(π - a) = -cos a */
    u = vmin(u, vset(0.5) - u);
    vec other = vset(0.25) - u;
    vmask sine = vless(other, u);
    vec r = vmin(u, other) * vset(0x1.921fb54442d18p+2);
    vec z = r * r;
#define COEFFICIENT(of_sine, of_cosine) vselect(sine, vset(of_sine), vset(of_cosine))
    vec p = COEFFICIENT(0x1.952c77030ad4ap-49, 0x1.ae7f3e733b81fp-45);
    p = vfma(p, z, COEFFICIENT(-0x1.ae7f3e733b81fp-41, -0x1.93974a8c07c9dp-37));
    p = vfma(p, z, COEFFICIENT(0x1.6124613a86d09p-33, 0x1.1eed8eff8d898p-29));
    p = vfma(p, z, COEFFICIENT(-0x1.ae64567f544e4p-26, -0x1.27e4fb7789f5cp-22));
    p = vfma(p, z, COEFFICIENT(0x1.71de3a556c734p-19, 0x1.a01a01a01a01ap-16));
    p = vfma(p, z, COEFFICIENT(-0x1.a01a01a01a01ap-13, -0x1.6c16c16c16c17p-10));
    p = vfma(p, z, COEFFICIENT(0x1.1111111111111p-7, 0x1.5555555555555p-5));
    p = vfma(p, z, COEFFICIENT(-0x1.5555555555555p-3, -0x1p-1));
    p = vfma(p, z, vset(1));
#undef COEFFICIENT
    p = vselect(sine, p * r, p);
    return vfrom_bits(vbits(p) ^ (vbits(below) & iset(REAL_SIGN)));
}

/** N(0, 1) from two uniform numbers in (0, 1), normal ones. Source: G. Box, M. Muller 1958. */
INLINE vec vnormal(vec u, vec v)
{
    return vsqrt(vset(-2) * vlog_scaled(u, vzero())) * vcos_turns(v);
}

#endif

#endif
