/** bench_kernels: every kernel in float (kernels_bench.h). */
#define REAL_IS_FLOAT 1
#include "kernels_bench.h"

int main(void)
{
    return bench_kernels();
}
