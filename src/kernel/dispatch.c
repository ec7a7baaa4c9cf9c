/** dispatch: the only file that asks the processor what it can do. */
#include "kernel/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

#define DECLARE(isa)                                                                               \
    const struct kernels_f32 *kernels_f32_##isa(void);                                             \
    const struct kernels_f64 *kernels_f64_##isa(void);                                             \
    fma_chains fma_chains_f32_##isa, fma_chains_f64_##isa;                                         \
    random_stream stream_f32_##isa;

DECLARE(scalar)
#if defined(HEDDLE_HAVE_NEON)
DECLARE(neon)
#endif
#if defined(HEDDLE_HAVE_AVX2)
DECLARE(avx2)
#endif
#if defined(HEDDLE_HAVE_AVX512)
DECLARE(avx512)
#endif

const char *isa_name(enum isa isa)
{
    static const char *const name[ISA_COUNT] = {"scalar", "neon", "avx2", "avx512"};
    return name[isa];
}

bool isa_available(enum isa isa)
{
    switch (isa) {
    case ISA_SCALAR:
        return true;
    case ISA_NEON:
#if defined(HEDDLE_HAVE_NEON)
        return true;
#else
        return false;
#endif
    case ISA_AVX2:
#if defined(HEDDLE_HAVE_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
        return false;
#endif
    case ISA_AVX512:
#if defined(HEDDLE_HAVE_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("fma");
#else
        return false;
#endif
    case ISA_COUNT:
        break;
    }
    return false;
}

heddle_status isa_choose(const char *wanted, enum isa *isa, heddle_error *err)
{
    const char *from = "";
    if (!wanted || !*wanted || strcmp(wanted, "auto") == 0) {
        wanted = getenv("HEDDLE_ISA");
        from = "HEDDLE_ISA: ";
    }
    if (!wanted || !*wanted || strcmp(wanted, "auto") == 0) {
        for (enum isa i = ISA_COUNT; i-- > 0;) {
            if (isa_available(i)) {
                *isa = i;
                return HEDDLE_OK;
            }
        }
    }
    char have[64] = "";
    bool known = false;
    for (enum isa i = 0; wanted && i < ISA_COUNT; i++) {
        if (strcmp(wanted, isa_name(i)) == 0) {
            if (isa_available(i)) {
                *isa = i;
                return HEDDLE_OK;
            }
            known = true;
        }
        if (isa_available(i)) {
            strcat(have, *have ? ", " : "");
            strcat(have, isa_name(i));
        }
    }
    if (known) {
        return status_set(err, HEDDLE_E_UNSUPPORTED, "%sthis processor has no '%s'; it has %s",
                          from, wanted, have);
    }
    return status_set(err, HEDDLE_E_ARGUMENT, "%sno instruction set '%s'; there are %s", from,
                      wanted, have);
}

/** return what(level), a function or table of the level. */
#if defined(HEDDLE_HAVE_NEON)
#define NEON_CASE(what)                                                                            \
    case ISA_NEON:                                                                                 \
        return what(neon);
#else
#define NEON_CASE(what)
#endif
#if defined(HEDDLE_HAVE_AVX2)
#define AVX2_CASE(what)                                                                            \
    case ISA_AVX2:                                                                                 \
        return what(avx2);
#else
#define AVX2_CASE(what)
#endif
#if defined(HEDDLE_HAVE_AVX512)
#define AVX512_CASE(what)                                                                          \
    case ISA_AVX512:                                                                               \
        return what(avx512);
#else
#define AVX512_CASE(what)
#endif
#define RETURN_OF_LEVEL(isa, what)                                                                 \
    switch (isa) {                                                                                 \
        NEON_CASE(what)                                                                            \
        AVX2_CASE(what)                                                                            \
        AVX512_CASE(what)                                                                          \
    default:                                                                                       \
        return what(scalar);                                                                       \
    }                                                                                              \
    (void)0

#define KERNELS(isa)                                                                               \
    (use_double ? (const void *)kernels_f64_##isa() : (const void *)kernels_f32_##isa())
#define CHAINS(isa) (use_double ? fma_chains_f64_##isa : fma_chains_f32_##isa)
#define STREAM(isa) (stream_f32_##isa)

const void *kernels_find(enum isa isa, bool use_double)
{
    RETURN_OF_LEVEL(isa, KERNELS);
}

fma_chains *kernels_fma_chains(enum isa isa, bool use_double)
{
    RETURN_OF_LEVEL(isa, CHAINS);
}

random_stream *kernels_stream(enum isa isa)
{
    RETURN_OF_LEVEL(isa, STREAM);
}
