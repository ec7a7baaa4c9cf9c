/** table: this level's kernels of one precision. */
#include "kernel/table.h"
#include "kernel/simd.h"

#if defined(KERNEL_AVX512) && defined(HEDDLE_HAVE_AVX2)
#define NARROWER KERNEL_EXPAND(REAL(kernels), avx2)
const struct REAL(kernels) * NARROWER(void);
#else
#define NARROWER NULL
#endif

const struct REAL(kernels) * KERNEL(kernels)(void)
{
    static const struct REAL(kernels) table = {
        .isa = KERNEL_ISA_TEXT(KERNEL_ISA),
        .lanes = LANES,
        .narrower = NARROWER,
        .affine = KERNEL(affine),
        .affine_bytes = KERNEL(affine_bytes),
        .pullback = KERNEL(pullback),
        .gradient = KERNEL(gradient),
        .small = KERNEL(small),
        .activate = KERNEL(activate),
        .activate_keep = KERNEL(activate_keep),
        .derive = KERNEL(derive),
        .derive_kept = KERNEL(derive_kept),
        .transpose = KERNEL(transpose),
        .output = KERNEL(output),
        .loss = KERNEL(loss),
        .weigh = KERNEL(weigh),
        .penalise = KERNEL(penalise),
        .update = KERNEL(update),
        .add = KERNEL(add),
        .gather = KERNEL(gather),
        .drop = KERNEL(drop),
        .noise = KERNEL(noise),
        .elementary = KERNEL(elementary),
        .fma_chains = KERNEL(fma_chains),
    };
    return &table;
}
