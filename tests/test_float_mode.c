/* float_mode: what the mode does to arithmetic, not only which bits are set. */
#include <criterion/criterion.h>
#include <fenv.h>
#include <float.h>

#include "machine/float_mode.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
enum { FTZ = 0x8000, DAZ = 0x0040 };
#endif

/* volatile: computed here and now. */
static float half_of_smallest_normal(void)
{
    volatile float a = FLT_MIN, b = 0.5f;
    return a * b;
}

static float twice_a_denormal(void)
{
    volatile float a = 1e-40f, b = 2.0f;
    return a * b;
}

Test(float_mode, is_good_when_a_program_starts)
{
    cr_expect(float_mode_ok());
}

Test(float_mode, rounding_is_forced_and_given_back)
{
    volatile double one = 1.0, three = 3.0;
    double usual = one / three, upward;

    fesetround(FE_UPWARD);
    upward = one / three;
    cr_expect(!float_mode_ok());
    struct float_mode found = float_mode_force();
    cr_expect(float_mode_ok());
    cr_expect(one / three == usual);
    float_mode_restore(found);
    cr_expect(fegetround() == FE_UPWARD);
    cr_expect(one / three == upward);
    cr_expect(upward != usual);
}

Test(float_mode, denormals_are_kept_and_the_old_mode_comes_back)
{
#if defined(__x86_64__)
    const float half = half_of_smallest_normal(), twice = twice_a_denormal();
    const unsigned strange = _mm_getcsr() | FTZ | DAZ;

    cr_assert(half > 0 && twice > 0);
    _mm_setcsr(strange);
    cr_expect(half_of_smallest_normal() == 0);
    cr_expect(!float_mode_ok());
    struct float_mode found = float_mode_force();
    cr_expect(float_mode_ok());
    cr_expect(half_of_smallest_normal() == half);
    cr_expect(twice_a_denormal() == twice);
    float_mode_restore(found);
    cr_expect((_mm_getcsr() & (FTZ | DAZ)) == (FTZ | DAZ));
    _mm_setcsr(strange & ~(unsigned)DAZ);
    cr_expect(!float_mode_ok());
    _mm_setcsr(strange & ~(unsigned)FTZ);
    cr_expect(!float_mode_ok());
#else
    cr_skip_test("knows only x86");
#endif
}

Test(float_mode, exceptions_that_happened_do_not_make_it_bad)
{
    volatile double one = 1.0, zero = 0.0, infinite;

    infinite = one / zero;
    cr_expect(infinite > 1);
    cr_expect(float_mode_ok());
}
