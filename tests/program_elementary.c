/**
 * program_elementary PART PARTS: exp, log, tanh and the logistic function of every float there is
 * (of every PARTS-th block of them, from PART on) on all levels of this machine: all the same bits,
 * and how far from double libm. A line per function: name, worst ulp, where. See long_elementary.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "kernel/kernel.h"
#include "ulp.h"

enum { BLOCK_BITS = 16, BLOCK = 1 << BLOCK_BITS };

static const struct {
    char which;
    const char *name;
} functions[] = {{'e', "exp"}, {'l', "log"}, {'t', "tanh"}, {'s', "logistic"}};

static bool same(const float *a, const float *b)
{
    bool good = true;
    for (size_t i = 0; i < BLOCK; i++) {
        uint32_t x, y;
        memcpy(&x, &a[i], sizeof x);
        memcpy(&y, &b[i], sizeof y);
        good &= x == y || (isnan(a[i]) && isnan(b[i]));
    }
    return good;
}

int main(int argc, char **argv)
{
    static float x[BLOCK], y[BLOCK], other[BLOCK];
    uint32_t part = argc > 2 ? (uint32_t)atoi(argv[1]) : 0;
    uint32_t parts = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
    enum isa best;
    int failed = 0;
    if (isa_choose(NULL, &best, NULL) != HEDDLE_OK) {
        return 2;
    }
    for (size_t f = 0; f < 4; f++) {
        char which = functions[f].which;
        double worst = 0;
        float where = 0;
        for (uint64_t block = part; block < (uint64_t)1 << (32 - BLOCK_BITS); block += parts) {
            for (uint32_t i = 0; i < BLOCK; i++) {
                uint32_t bits = (uint32_t)(block << BLOCK_BITS) + i;
                memcpy(&x[i], &bits, sizeof bits);
            }
            const struct kernels_f32 *k = kernels_find(best, false);
            k->elementary(which, x, y, BLOCK);
            for (enum isa level = 0; level < ISA_COUNT; level++) {
                if (level == best || !isa_available(level)) {
                    continue;
                }
                k = kernels_find(level, false);
                k->elementary(which, x, other, BLOCK);
                if (!same(y, other)) {
                    printf("%s: %s and %s differ between %a and %a\n", functions[f].name,
                           isa_name(best), isa_name(level), (double)x[0], (double)x[BLOCK - 1]);
                    failed = 1;
                }
            }
            for (size_t i = 0; i < BLOCK; i++) {
                double exact = exact_value(which, x[i]);
                if (y[i] == (float)exact || !ulp_applies(which, x[i])) {
                    continue; /* within half an ulp, as most are */
                }
                double error = ulp_error(y[i], exact);
                if (error > worst) {
                    worst = error;
                    where = x[i];
                }
            }
        }
        printf("%s %.4f %a\n", functions[f].name, worst, (double)where);
        fflush(stdout);
        failed |= worst > ulp_bound(which);
    }
    return failed;
}
