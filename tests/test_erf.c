/** erf and the functions that came with it, in float: kernel/elementary.h against the double C library. */
#include <criterion/criterion.h>
#include <math.h>

#include "kernel/kernel.h"

static double ulps(float got, double want)
{
    double size = fabs(want) > 0x1p-126 ? fabs(want) : 0x1p-126;
    return fabs((double)got - want) / (exp2(floor(log2(size))) * 0x1p-23);
}

Test(erf, erf_and_its_like_are_within_two_ulp)
{
    const struct kernels_f32 *k = kernels_reference_f32();
    double worst[3] = {0};
    for (uint32_t bits = 0x2f000000; bits < 0x42000000; bits += 499) { /* 1e-10 to 32 */
        union {
            uint32_t bits;
            float x;
        } u = {bits};
        float y, below = -u.x;
        k->elementary('f', &u.x, &y, 1);
        worst[0] = fmax(worst[0], ulps(y, erf((double)u.x)));
        k->elementary('m', &below, &y, 1);
        worst[1] = fmax(worst[1], ulps(y, expm1((double)below)));
        if (u.x <= 1) {
            k->elementary('p', &u.x, &y, 1);
            worst[2] = fmax(worst[2], ulps(y, log1p((double)u.x)));
        }
    }
    cr_assert(worst[0] < 2 && worst[1] < 2 && worst[2] < 2, "%g %g %g ulp", worst[0], worst[1],
              worst[2]);
}

Test(erf, sine_and_cosine_are_close_in_size_and_zero_far_out)
{
    const struct kernels_f32 *k = kernels_reference_f32();
    for (double x = -1000; x < 1000; x += 0.0037) {
        float z = (float)x, s, c;
        k->elementary('i', &z, &s, 1);
        k->elementary('c', &z, &c, 1);
        cr_assert(fabs((double)s - sin((double)z)) < 1.2e-7, "sin %.9g = %.9g", z, s);
        cr_assert(fabs((double)c - cos((double)z)) < 1.2e-7, "cos %.9g = %.9g", z, c);
    }
    float far[3] = {2e6f, INFINITY, NAN}, y[3];
    k->elementary('i', far, y, 3);
    cr_assert(y[0] == 0 && isnan(y[1]) && isnan(y[2]));
}
