/** Tests of src/kernel/elementary.h in float: see elementary_tests.h. */
#define REAL_IS_FLOAT 1
#include "elementary_tests.h"

/* Every 2,129th of all 2^32 floats, with some jitter; long_elementary.sh takes all of them. */
static void sample(char which)
{
    enum { STEP = 2129 };
    static float x[BLOCK];
    uint64_t state = (uint64_t)which;
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        size_t n = 0;
        for (; n < BLOCK && bits <= UINT32_MAX; n++, bits += STEP) {
            uint32_t pattern = (uint32_t)(bits + test_random(&state) % STEP);
            memcpy(&x[n], &pattern, sizeof pattern);
        }
        expect_close(which, x, n);
    }
}

Test(elementary_f32, exp_is_within_one_and_a_half_ulp)
{
    sample('e');
}

Test(elementary_f32, log_is_within_one_and_a_half_ulp)
{
    sample('l');
}

Test(elementary_f32, tanh_is_within_one_and_a_half_ulp)
{
    sample('t');
}

Test(elementary_f32, logistic_is_within_three_ulp)
{
    sample('s');
}
