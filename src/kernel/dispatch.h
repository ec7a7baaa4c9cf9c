/**
 * dispatch: from what the processor can do to a table of kernels.
 *
 * Levels are ordered, slowest first; every level gives the same bits. HEDDLE_ISA=NAME in the
 * environment overrides the choice.
 */
#ifndef KERNEL_DISPATCH_H
#define KERNEL_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/random.h"
#include "heddle.h"

enum isa { ISA_SCALAR, ISA_NEON, ISA_AVX2, ISA_AVX512, ISA_COUNT };

/** "scalar", "neon", "avx2", "avx512". */
const char *isa_name(enum isa isa);

/** Is the level built in, and does this processor have it? */
bool isa_available(enum isa isa);

/**
 * The level to use: `wanted` by name, or for NULL, "" and "auto" what HEDDLE_ISA says, or the
 * best there is. HEDDLE_E_ARGUMENT for an unknown name, HEDDLE_E_UNSUPPORTED for one that this
 * processor has not; the text lists those it has.
 */
heddle_status isa_choose(const char *wanted, enum isa *isa, heddle_error *err);

/** The table of a level: a struct kernels_f32 or kernels_f64 (kernel.h). */
const void *kernels_find(enum isa isa, bool use_double);

/** The level's independent fma chains, for measuring the machine (machine/limit.h). */
typedef double fma_chains(long rounds, double *sink);
fma_chains *kernels_fma_chains(enum isa isa, bool use_double);

/** The level's random words, one after the other. */
random_stream *kernels_stream(enum isa isa);

/** The same elementary functions on single doubles, for what is computed once. */
double elementary_exp(double x);
double elementary_log(double x);
/** cos(2π u) for 0 ≤ u < 1. */
double elementary_cos_turns(double u);
/** N(0, 1) from two uniform numbers in (0, 1). Source: G. Box, M. Muller 1958. */
double elementary_normal(double u, double v);

#endif
