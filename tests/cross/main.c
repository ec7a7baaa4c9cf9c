/** main: runs the tests of criterion/criterion.h beside it, and says how many were not skipped. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "support.h"

struct cross_test *cross_tests;
jmp_buf cross_skipped;

/* splitmix64, as in support.c, which needs Criterion itself */
uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int main(void)
{
    volatile int run = 0;
    for (struct cross_test *volatile test = cross_tests; test; test = test->next) {
        struct criterion_test_params params = test->params();
        for (volatile size_t i = 0; i < params.length; i++) {
            if (setjmp(cross_skipped) == 0) {
                test->run((char *)params.params + i * params.size);
                run++;
            }
        }
    }
    printf("%d passed, 0 failed\n", run);
    return 0;
}
