/**
 * stream: the words of (seed, use, a) one after the other, for orders of rows. They know no precision:
 * the floats' object has them.
 */
#include "kernel/kernel_name.h"
#include "kernel/philox.h"
#include "kernel/table.h"

#if defined(REAL_IS_FLOAT)
/** Words of `some` registers of counters, a constant, from `first` on. */
INLINE void words_of(const struct philox *p, uint64_t a, int some, uint64_t first, uint32_t *words)
{
    wide x0[PHILOX_MOST], x1[PHILOX_MOST], x2[PHILOX_MOST], x3[PHILOX_MOST];
    UNROLL(4)
    for (int i = 0; i < some; i++) {
        x0[i] = wide_set(a);
        x1[i] = wide_set(p->a1);
        x2[i] = philox_counters(first + (uint64_t)(i * WIDE_LANES));
        x3[i] = x2[i] >> 32;
    }
    philox_rounds(p, 0, some, x0, x1, x2, x3);
    UNROLL(4)
    for (int i = 0; i < some; i++) {
        philox_in_order(x0[i], x1[i], x2[i], x3[i], words + i * PHILOX_WORDS);
    }
}

void KERNEL(stream)(uint64_t seed, enum random_use use, uint64_t a, uint64_t first, size_t counters,
                    uint32_t *words)
{
    enum { SOME = 2, BLOCK = SOME * WIDE_LANES };
    struct philox p = philox_of(seed, use, a);
    size_t i = 0;
    for (; i + BLOCK <= counters; i += BLOCK) {
        words_of(&p, a, SOME, first + i, words + 4 * i);
    }
    for (; i < counters; i += WIDE_LANES) {
        words_of(&p, a, 1, first + i, words + 4 * i);
    }
}
#endif
