/** bench_kernels_f64: every kernel in double (kernels_bench.h). */
#define REAL_IS_DOUBLE 1
#include "kernels_bench.h"

int main(void)
{
    return bench_kernels();
}
