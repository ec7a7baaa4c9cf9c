/**
 * kernels_tests: every kernel of every level equals its plain twin in reference.c, bit for bit, and
 * touches nothing but what src/kernel/kernel.h lets it touch. One body for both precisions:
 * test_kernels_f32.c and test_kernels_f64.c.
 *
 * What a kernel need not fill holds a NaN of its own before the call (`mark`), and so do borders in
 * front of and behind every block, so that reading what is undefined, or writing what is not given,
 * shows. Any NaN equals any other: which of its operands' NaNs an instruction returns is not in the
 * contract, that it returns one is.
 */
#ifndef TESTS_KERNELS_TESTS_H
#define TESTS_KERNELS_TESTS_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "kernel/kernel.h"
#include "network/function.h"
#include "support.h"
#include "train/shard_plan.h"

#if defined(REAL_IS_DOUBLE)
#define SUITE kernels_f64
#define SMALLEST 0x1p-1074
#define LARGEST DBL_MAX
enum { USE_DOUBLE = 1 };
#else
#define SUITE kernels_f32
#define SMALLEST 0x1p-149f
#define LARGEST FLT_MAX
enum { USE_DOUBLE = 0 };
#endif

typedef struct REAL(kernels) kernels;

enum { BORDER = 40, MOST_EXAMPLES = 145 };

/* Edges of registers, tiles and packs of all levels, and the widths of real networks. */
static const size_t widths[] = {1,  2,  3,  5,  8,  10, 13, 15, 16, 17, 31,  32,  33,
                                46, 47, 48, 49, 56, 61, 64, 80, 96, 97, 114, 128, 145};
static const size_t examples[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 31, 33, 64};
enum { WIDTHS = sizeof widths / sizeof *widths, EXAMPLES = sizeof examples / sizeof *examples };

static const enum activation functions[] = {
    ACTIVATION_LINEAR,     ACTIVATION_SIGMOID,  ACTIVATION_TANH,     ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU, ACTIVATION_ELU,      ACTIVATION_SELU,     ACTIVATION_GELU,
    ACTIVATION_SILU,       ACTIVATION_SOFTPLUS, ACTIVATION_SOFTSIGN, ACTIVATION_HARD_SIGMOID,
    ACTIVATION_GAUSSIAN,   ACTIVATION_SINE,     ACTIVATION_EXP,      ACTIVATION_SOFTMAX};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* ---------------------------------------------------------------- values --------------------- */

/** Values to put in: between -1 and 1; of all sizes but finite; everything a real can be. */
enum values { USUAL, HARD, WILD, VALUES };

static real any_value(enum values kind, uint64_t *state)
{
    static const real odd[] = {0,         -(real)0,    SMALLEST,     -SMALLEST,  3 * SMALLEST,
                               LARGEST,   -LARGEST,    LARGEST / 4,  1,          -1,
                               (real)0.5, (real)1e-20, -(real)1e-30, (real)1e20, 88,
                               -104,      710,         -(real)745.2, 17,         -17};
    static const real wild[] = {(real)INFINITY, -(real)INFINITY, (real)NAN};
    uint64_t random = test_random(state);
    if (kind == WILD && random % 23 == 0) {
        return wild[random / 23 % 3];
    }
    if (kind != USUAL && random % 7 == 0) {
        return odd[random / 7 % (sizeof odd / sizeof *odd)];
    }
    return (real)((double)(int64_t)random * 0x1p-63);
}

/** A NaN that no arithmetic makes: it marks what holds nothing. */
static real mark(void)
{
    real_bits bits = USE_DOUBLE ? (real_bits)0x7ff4dead0000beefLL : (real_bits)0x7fa5dead;
    real value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool same_bits(real a, real b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool same(real a, real b)
{
    return same_bits(a, b) || (isnan(a) && isnan(b));
}

/* ---------------------------------------------------------------- blocks --------------------- */

/** A matrix between two borders. Three of them make a case: before, expected, got. */
struct block {
    real *base;
    real *at;
    size_t rows, ld, total;
};

static struct block block_new(size_t rows, size_t ld)
{
    struct block block = {.rows = rows, .ld = ld, .total = rows * ld + 2 * BORDER};
    block.base = aligned_alloc(64, (block.total * sizeof(real) + 63) / 64 * 64);
    cr_assert(block.base != NULL);
    block.at = block.base + BORDER;
    for (size_t i = 0; i < block.total; i++) {
        block.base[i] = mark();
    }
    return block;
}

/** Values in the first `width` columns; what is behind stays marked. */
static struct block block_random(size_t rows, size_t ld, size_t width, enum values kind,
                                 uint64_t *state)
{
    struct block block = block_new(rows, ld);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < width; c++) {
            block.at[r * ld + c] = any_value(kind, state);
        }
    }
    return block;
}

static struct block block_copy(const struct block *from)
{
    struct block block = block_new(from->rows, from->ld);
    memcpy(block.base, from->base, from->total * sizeof(real));
    return block;
}

static void block_free(struct block *block)
{
    free(block->base);
}

/** A packed layer: weights random, padding zero. */
static struct block pack_random(size_t m, size_t n, enum values kind, uint64_t *state)
{
    struct block block = block_new(1, pack_size(m, n));
    memset(block.at, 0, block.ld * sizeof(real));
    for (size_t i = 0; i <= m; i++) {
        for (size_t o = 0; o < n; o++) {
            block.at[pack_index(m, n, i, o)] = any_value(kind, state);
        }
    }
    return block;
}

/** What becomes of a row: [0, same) as the reference, [same, zero) zero, [, open) anything. */
struct fate {
    size_t rows, same, zero, open;
};

static void expect(const char *what, const struct block *before, const struct block *want,
                   const struct block *got, struct fate fate)
{
    for (size_t i = 0; i < before->total; i++) {
        size_t r = (i - BORDER) / before->ld;
        size_t c = (i - BORDER) % before->ld;
        bool inside = i >= BORDER && r < fate.rows;
        real w = before->base[i];
        bool good;
        if (inside && c < fate.same) {
            w = want->base[i];
            good = same(w, got->base[i]);
        } else if (inside && c < fate.zero) {
            w = 0;
            good = same_bits(w, got->base[i]);
        } else {
            good = (inside && c < fate.open) || same_bits(w, got->base[i]);
        }
        cr_assert(good, "%s: row %zd column %zd is %a, not %a", what,
                  i < BORDER ? (ssize_t)-1 : (ssize_t)r, (ssize_t)c, (double)got->base[i],
                  (double)w);
    }
}

/* ---------------------------------------------------------------- levels --------------------- */

static struct criterion_test_params all_levels(void)
{
    static int levels[] = {ISA_SCALAR, ISA_NEON, ISA_AVX2, ISA_AVX512};
    return cr_make_param_array(int, levels, sizeof levels / sizeof *levels);
}

static const kernels *kernels_of(int level)
{
    if (!isa_available((enum isa)level)) {
        cr_skip_test("this machine has no %s", isa_name((enum isa)level));
    }
    const kernels *k = kernels_find((enum isa)level, USE_DOUBLE);
    cr_assert_str_eq(k->isa, isa_name((enum isa)level));
    return k;
}

/* A test that is run for each level, with the level's kernels as k. */
#define LEVEL_TEST(name) LEVEL_TEST_1(SUITE, name)
#define LEVEL_TEST_1(suite, name) LEVEL_TEST_2(suite, name)
#define LEVEL_TEST_2(suite, name)                                                                  \
    static void suite##_##name##_body(const kernels *k);                                           \
    ParameterizedTestParameters(suite, name)                                                       \
    {                                                                                              \
        return all_levels();                                                                       \
    }                                                                                              \
    ParameterizedTest(int *level, suite, name)                                                     \
    {                                                                                              \
        suite##_##name##_body(kernels_of(*level));                                                 \
    }                                                                                              \
    static void suite##_##name##_body(const kernels *k)

/** The plain twins. */
static const kernels *plain(void)
{
    return REAL(kernels_reference)();
}

LEVEL_TEST(has_every_kernel)
{
    cr_assert(k->lanes >= 1 && PACK_UNIT % k->lanes == 0, "%d lanes", k->lanes);
    cr_assert(k->affine && k->pullback && k->gradient && k->activate && k->derive && k->transpose &&
              k->output && k->loss && k->update && k->add && k->gather && k->affine_bytes &&
              k->weigh && k->drop && k->noise && k->elementary && k->fma_chains);
    double sink = 0;
    double once = k->fma_chains(1, &sink);
    cr_assert(once >= 2 * k->lanes && k->fma_chains(100, &sink) == 100 * once && isfinite(sink));
}

/* ---------------------------------------------------------------- products ------------------- */

/** Pointers to the rows of a block, some of them twice: what is gathered may lie anywhere. */
static const real **rows_of(const struct block *block, uint64_t *state)
{
    const real **rows = malloc(block->rows * sizeof *rows);
    for (size_t e = 0; e < block->rows; e++) {
        rows[e] = block->at + test_random(state) % block->rows * block->ld;
    }
    return rows;
}

static void check_affine(const kernels *k, size_t E, size_t m, size_t n, enum values kind,
                         uint64_t *state)
{
    struct block X = block_random(E, stride_for(m + 1), m + 1, kind, state);
    struct block W = pack_random(m, n, kind, state);
    struct block before = block_new(E, stride_for(n + 1));
    struct block want = block_copy(&before), got = block_copy(&before);
    const real **rows = rows_of(&X, state);
    plain()->affine(rows, E, m, W.at, n, want.at, want.ld);
    k->affine(rows, E, m, W.at, n, got.at, got.ld);
    char what[96];
    snprintf(what, sizeof what, "%s affine E %zu m %zu n %zu", k->isa, E, m, n);
    expect(what, &before, &want, &got, (struct fate){.rows = E, .same = n, .open = round16(n)});
    free(rows);
    block_free(&X);
    block_free(&W);
    block_free(&before);
    block_free(&want);
    block_free(&got);
}

static void check_pullback(const kernels *k, size_t E, size_t m, size_t n, enum values kind,
                           uint64_t *state)
{
    struct block W = pack_random(m, n, kind, state);
    struct block DT = block_random(n, stride_for(E), E, kind, state);
    struct block before = block_new(m, stride_for(E));
    struct block want = block_copy(&before), got = block_copy(&before);
    size_t end[] = {m / 3, m}; /* the lower inputs, then the others too */
    for (size_t i = 0; i < 2; i++) {
        size_t from = i > 0 ? end[i - 1] : 0;
        plain()->pullback(W.at, m, n, from, end[i], DT.at, DT.ld, E, want.at + from * DT.ld, NULL);
        struct REAL(ahead) ahead = {.x = W.at, .d = DT.at, .rows = n, .width = round16(E)};
        k->pullback(W.at, m, n, from, end[i], DT.at, DT.ld, E, got.at + from * DT.ld,
                    i > 0 ? &ahead : NULL);
        char what[96];
        snprintf(what, sizeof what, "%s pullback E %zu m %zu n %zu to %zu", k->isa, E, m, n,
                 end[i]);
        expect(what, &before, &want, &got,
               (struct fate){.rows = end[i], .same = E, .open = round16(E)});
    }
    block_free(&W);
    block_free(&DT);
    block_free(&before);
    block_free(&want);
    block_free(&got);
}

/** A product's check for all pairs of widths with some number of examples, and the reverse. */
static void check_shapes(const kernels *k,
                         void (*check)(const kernels *k, size_t E, size_t m, size_t n,
                                       enum values kind, uint64_t *state))
{
    uint64_t state = 1;
    size_t next = 0;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t o = 0; o < WIDTHS; o++, next++) {
            check(k, examples[next % (EXAMPLES - 1)], widths[i], widths[o],
                  (enum values)(next % VALUES), &state);
        }
    }
    for (size_t e = 0; e < EXAMPLES; e++) {
        for (size_t v = 0; v < VALUES; v++, next++) {
            check(k, examples[e], widths[next * 5 % WIDTHS], widths[next * 3 % WIDTHS],
                  (enum values)v, &state);
        }
    }
}

LEVEL_TEST(affine)
{
    check_shapes(k, check_affine);
}

static void check_affine_bytes(const kernels *k, size_t E, size_t m, size_t n, enum values kind,
                               uint64_t *state)
{
    if (m < 16) {
        return;
    }
    enum { ROWS = 50 };
    uint8_t *bytes = malloc(ROWS * (m + 3));
    uint32_t *rows = malloc(E * sizeof *rows);
    cr_assert(bytes != NULL && rows != NULL);
    for (size_t i = 0; i < ROWS * (m + 3); i++) {
        bytes[i] = (uint8_t)test_random(state);
    }
    for (size_t e = 0; e < E; e++) {
        rows[e] = (uint32_t)(test_random(state) % ROWS);
    }
    const struct REAL(source) source = {.bytes = bytes, .ld = m + 3, .scale = (real)1 / 255};
    struct block W = pack_random(m, n, kind, state);
    struct block scratch = block_new(BYTES_ROWS, stride_for(m + 1));
    struct block before = block_new(E, stride_for(n + 1));
    struct block want = block_copy(&before), got = block_copy(&before);
    plain()->affine_bytes(&source, rows, E, m, W.at, n, want.at, want.ld, scratch.at);
    k->affine_bytes(&source, rows, E, m, W.at, n, got.at, got.ld, scratch.at);
    char what[96];
    snprintf(what, sizeof what, "%s affine_bytes E %zu m %zu n %zu", k->isa, E, m, n);
    expect(what, &before, &want, &got, (struct fate){.rows = E, .same = n, .open = round16(n)});
    free(bytes);
    free(rows);
    block_free(&W);
    block_free(&scratch);
    block_free(&before);
    block_free(&want);
    block_free(&got);
}

LEVEL_TEST(affine_bytes)
{
    check_shapes(k, check_affine_bytes);
}

LEVEL_TEST(pullback)
{
    check_shapes(k, check_pullback);
}

/* ---------------------------------------------------------------- weight deltas -------------- */

/** Rows X[e] (m + 1) and D (E, n), from example `first` on through a run of shards, to sums or to
    weights; of some shapes the upper half of the inputs alone. */
static void check_sums(const kernels *k, const real **X, const struct block *D, size_t first,
                       const struct shard_run *run, size_t m, size_t n,
                       const struct REAL(descent) * descent)
{
    struct block before[SUBTREES_MAX], want[SUBTREES_MAX], got[SUBTREES_MAX];
    real *want_at[SUBTREES_MAX], *got_at[SUBTREES_MAX];
    uint64_t state = 8;
    size_t from = (m + n) % 3 == 0 ? m / 2 : 0;
    size_t rows = descent ? m : m - from; /* weights are of all inputs */
    m -= from;
    for (size_t j = 0; j < run_places(run); j++) {
        size_t total = pack_size(rows, n);
        before[j] = block_new(1, total);
        memset(before[j].at, 0, total * sizeof(real));
        /* sums of earlier runs, or weights */
        for (size_t i = 0; i <= rows && (j < run->before || descent); i++) {
            for (size_t o = 0; o < n; o++) {
                before[j].at[pack_index(rows, n, i, o)] = any_value(USUAL, &state);
            }
        }
        want[j] = block_copy(&before[j]);
        got[j] = block_copy(&before[j]);
        want_at[j] = want[j].at;
        got_at[j] = got[j].at;
    }
    size_t E = run->end[run->count - 1];
    struct block d = block_new(1, E * round16(n));
    for (size_t e = 0; e < E; e++) {
        for (size_t o = 0; o < round16(n); o++) {
            d.at[packed_at(E, n, e, o)] = D->at[(first + e) * D->ld + o];
        }
    }
    real want_size[16] = {0}, got_size[16] = {0};
    struct block carry = block_new(1, carry_reals(E, m, n));
    plain()->gradient(X + first, from, d.at, run, m, n, want_at, NULL, want_size, descent);
    k->gradient(X + first, from, d.at, run, m, n, got_at, carry.at, got_size, descent);
    double want_total = 0, got_total = 0;
    for (int i = 0; i < 16; i++) {
        want_total += (double)want_size[i];
        got_total += (double)got_size[i];
    }
    char what[160];
    snprintf(what, sizeof what,
             "%s gradient from %zu m %zu n %zu first %zu, %zu shards, %u examples%s", k->isa, from,
             m, n, first, run->count, run->end[run->count - 1], descent ? ", applied" : "");
    bool finite = true;
    for (size_t j = 0; j < run_places(run); j++) {
        for (size_t i = 0; i < want[j].ld; i++) {
            finite = finite && isfinite(want[j].at[i]);
        }
        /* Zero times what is not finite: padding of a sum that is refused as a whole. */
        for (size_t i = 0; i <= rows && !finite; i++) {
            for (size_t o = n; o < round16(n); o++) {
                got[j].at[pack_index(rows, n, i, o)] = 0;
            }
        }
        expect(what, &before[j], &want[j], &got[j], (struct fate){.rows = 1, .same = want[j].ld});
        block_free(&before[j]);
        block_free(&want[j]);
        block_free(&got[j]);
    }
    cr_assert(finite || !isfinite(got_total), "%s: size %g hides what is not finite", what,
              got_total);
    if (isfinite(want_total)) {
        double bound = 2.0 * (double)(run->subtrees * pack_size(m, n)) *
                       (USE_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON) * want_total;
        cr_assert(fabs(got_total - want_total) <= bound, "%s: size %g, not %g", what, got_total,
                  want_total);
    }
    block_free(&carry);
    block_free(&d);
}

static void check_run(const kernels *k, const real **X, const struct block *D, size_t first,
                      const struct shard_run *run, size_t m, size_t n)
{
    const struct REAL(descent)
        descent = {.rate = (real)0.7, .scale = (real)(1.0 / 3), .inputs = m + 1};
    check_sums(k, X, D, first, run, m, n, NULL);
    if (run_places(run) == 1 && run->before == 0) {
        check_sums(k, X, D, first, run, m, n, &descent);
    }
}

/** Rows of X as the passes leave them: the last value feeds the bias. D's padding is zero. */
static void make_rows(size_t E, size_t m, size_t n, enum values kind, uint64_t *state,
                      struct block *X, struct block *D)
{
    *X = block_random(E, stride_for(m + 1), m, kind, state);
    *D = block_random(E, stride_for(n), n, kind == WILD ? HARD : kind, state);
    for (size_t e = 0; e < E; e++) {
        X->at[e * X->ld + m] = 1;
        for (size_t o = n; o < round16(n); o++) {
            D->at[e * D->ld + o] = 0;
        }
    }
}

/** Every chunk of every worker of a plan. */
static void check_plan(const kernels *k, const real **X, const struct block *D, size_t batch,
                       size_t shard, int workers, size_t chunk, size_t m, size_t n)
{
    struct shard_plan *plan;
    cr_assert(shard_plan_create(batch, shard, workers, chunk, &plan, NULL) == HEDDLE_OK);
    for (int w = 0; w < workers; w++) {
        for (size_t c = 0; c < plan->share[w].chunks; c++) {
            const struct chunk *part = &plan->share[w].chunk[c];
            check_run(k, X, D, part->first, &part->run, m, n);
        }
    }
    shard_plan_free(plan);
}

LEVEL_TEST(gradient_of_planned_shards)
{
    static const size_t shards[] = {1, 3, 16, 64};
    static const int workers[] = {1, 2, 3, 5};
    static const size_t chunks[] = {1, 20, 64, 256};
    uint64_t state = 2;
    size_t next = 0;
    for (size_t s = 0; s < 4; s++) {
        for (size_t e = 0; e < EXAMPLES + 1; e++, next++) {
            size_t E = e < EXAMPLES ? examples[e] : MOST_EXAMPLES;
            size_t m = widths[next * 3 % WIDTHS], n = widths[next * 7 % WIDTHS];
            struct block X, D;
            make_rows(E, m, n, USUAL, &state, &X, &D);
            const real **rows = rows_of(&X, &state);
            check_plan(k, rows, &D, E, shards[s], workers[next % 4], chunks[next / 4 % 4], m, n);
            check_plan(k, rows, &D, E, shards[s], 1, 256, m, n);
            free(rows);
            block_free(&X);
            block_free(&D);
        }
    }
}

LEVEL_TEST(gradient_of_every_shape)
{
    uint64_t state = 3;
    size_t next = 0;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t o = 0; o < WIDTHS; o++, next++) {
            size_t E = examples[next % (EXAMPLES - 1)];
            struct block X, D;
            make_rows(E, widths[i], widths[o], (enum values)(next % VALUES), &state, &X, &D);
            const real **rows = rows_of(&X, &state);
            check_plan(k, rows, &D, E, 3, 1, 256, widths[i], widths[o]);
            free(rows);
            block_free(&X);
            block_free(&D);
        }
    }
}

/* Runs of several parts and groups of inputs, from any shard on, and of more parts than are cut. */
LEVEL_TEST(gradient_of_long_runs)
{
    static const struct {
        size_t E, shard, chunk, m, n;
        int workers;
    } runs[] = {{512, 16, 512, 300, 61, 1}, {512, 16, 128, 130, 10, 1},  {500, 3, 256, 150, 48, 3},
                {300, 1, 512, 143, 17, 1},  {300, 1, 512, 144, 16, 2},   {300, 9, 512, 270, 17, 1},
                {300, 8, 512, 271, 60, 2},  {200, 64, 512, 540, 26, 1},  {513, 32, 512, 10, 100, 1},
                {640, 100, 640, 20, 30, 1}, {1300, 16, 2048, 33, 13, 1}, {448, 64, 256, 200, 96, 1},
                {512, 4, 512, 160, 33, 5},  {370, 48, 512, 17, 49, 1},   {300, 8, 512, 271, 62, 2},
                {513, 32, 512, 300, 64, 1}, {300, 3, 256, 40, 160, 3},   {300, 8, 512, 271, 55, 2},
                {500, 16, 256, 20, 103, 1}};
    uint64_t state = 6;
    for (size_t r = 0; r < sizeof runs / sizeof runs[0]; r++) {
        struct block X, D;
        make_rows(runs[r].E, runs[r].m, runs[r].n, r % 2 ? HARD : USUAL, &state, &X, &D);
        const real **rows = rows_of(&X, &state);
        check_plan(k, rows, &D, runs[r].E, runs[r].shard, runs[r].workers, runs[r].chunk, runs[r].m,
                   runs[r].n);
        free(rows);
        block_free(&X);
        block_free(&D);
    }
}

/* Layers whose outputs fill few registers or lanes: whole registers of inputs, and some more; shards
   two by two and single, in one run and in runs that go on with the sums of earlier ones. */
LEVEL_TEST(gradient_of_few_outputs)
{
    enum { E = 70 };
    static const size_t inputs[] = {6, 7, 14, 15, 16, 30, 31, 32, 33, 46, 63, 64, 79, 128, 150};
    static const size_t shards[] = {16, 7, 70, 4};
    static const size_t chunks[] = {256, 20, 256};
    uint64_t state = 9;
    size_t next = 0;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        for (size_t n = 1; n <= 40; n += n < 18 ? 1 : 4, next++) {
            struct block X, D;
            make_rows(E, inputs[i], n, (enum values)(next % VALUES), &state, &X, &D);
            const real **rows = rows_of(&X, &state);
            check_plan(k, rows, &D, E, shards[next % 4], 1 + (int)(next % 2), chunks[next % 3],
                       inputs[i], n);
            free(rows);
            block_free(&X);
            block_free(&D);
        }
    }
}

/* Orders of joining that no plan makes, up to the most subtrees there may be. */
static void check_joins(const kernels *k, size_t m, size_t n)
{
    enum { SHARDS = SUBTREES_MAX, EACH = 2 };
    uint64_t state = 4;
    struct block X, D;
    make_rows(SHARDS * EACH, m, n, HARD, &state, &X, &D);
    const real **rows = rows_of(&X, &state);
    uint32_t end[SHARDS];
    uint8_t merges[SHARDS];
    for (int kind = 0; kind < 20; kind++) {
        struct shard_run run = {.end = end, .merges = merges};
        run.count = kind < 3 ? SHARDS : 1 + test_random(&state) % SHARDS;
        for (size_t s = 0; s < run.count; s++) {
            uint8_t most = (uint8_t)run.subtrees;
            end[s] = (uint32_t)((s + 1) * EACH - (kind == 19 ? s % 2 : 0));
            merges[s] = (uint8_t)(test_random(&state) % (most + 1u));
            if (kind == 0) { /* none is joined */
                merges[s] = 0;
            } else if (kind == 1) { /* a chain */
                merges[s] = most;
            } else if (kind == 2) { /* all at the end */
                merges[s] = s + 1 == run.count ? most : 0;
            }
            run.subtrees = run.subtrees - merges[s] + 1;
        }
        if (kind % 5 == 4 && run.subtrees == 1) { /* on to sums of earlier runs */
            run.before = 1 + (size_t)kind % 3;
            merges[run.count - 1] = (uint8_t)(merges[run.count - 1] + run.before);
        }
        check_run(k, rows, &D, 0, &run, m, n);
    }
    free(rows);
    block_free(&X);
    block_free(&D);
}

LEVEL_TEST(gradient_joins_as_it_is_told)
{
    check_joins(k, 17, 61);
    check_joins(k, 40, 10);
}

/* ---------------------------------------------------------------- functions ------------------ */

LEVEL_TEST(activate)
{
    uint64_t state = 5;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t f = 0; f < FUNCTIONS - 1; f++) {
            size_t n = widths[i], E = examples[(i + f) % EXAMPLES];
            struct block before =
                block_random(E, stride_for(n + 1), n, (enum values)(i % VALUES), &state);
            struct block want = block_copy(&before), got = block_copy(&before);
            plain()->activate(functions[f], want.at, want.ld, E, n);
            k->activate(functions[f], got.at, got.ld, E, n);
            char what[96];
            snprintf(what, sizeof what, "%s activate %s E %zu n %zu", k->isa,
                     activation_name(functions[f]), E, n);
            expect(what, &before, &want, &got,
                   (struct fate){.rows = E, .same = n + 1, .open = round16(n)});
            block_free(&before);
            block_free(&want);
            block_free(&got);
        }
    }
}

/* Outputs and slopes in one go. */
LEVEL_TEST(activate_keep)
{
    uint64_t state = 15;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t f = 0; f < FUNCTIONS - 1; f++) {
            size_t n = widths[i], E = examples[(i + f) % EXAMPLES];
            struct block before =
                block_random(E, stride_for(n + 1), n, (enum values)((i + f) % VALUES), &state);
            struct block slopes = block_new(E, stride_for(n + 1));
            struct block want = block_copy(&before), got = block_copy(&before);
            struct block want_S = block_copy(&slopes), got_S = block_copy(&slopes);
            plain()->activate_keep(functions[f], want.at, want.ld, E, n, want_S.at);
            k->activate_keep(functions[f], got.at, got.ld, E, n, got_S.at);
            char what[96];
            snprintf(what, sizeof what, "%s activate_keep %s E %zu n %zu", k->isa,
                     activation_name(functions[f]), E, n);
            expect(what, &before, &want, &got,
                   (struct fate){.rows = E, .same = n + 1, .open = round16(n)});
            expect(what, &slopes, &want_S, &got_S,
                   (struct fate){.rows = E, .same = n, .open = round16(n)});
            block_free(&before);
            block_free(&slopes);
            block_free(&want);
            block_free(&got);
            block_free(&want_S);
            block_free(&got_S);
        }
    }
}

/** in_place: DT is PT; or DT is another block, or none. */
static void check_derive(const kernels *k, enum activation f, size_t E, size_t m, bool in_place,
                         bool transposed, enum values kind, uint64_t *state)
{
    struct block X = block_random(E, stride_for(m + 1), m + 1, kind, state);
    struct block PT = block_random(m, stride_for(E), E, kind, state);
    struct block D = block_new(E, stride_for(m));
    struct block DT = in_place ? block_copy(&PT) : block_new(m, stride_for(E));
    struct block want = block_copy(&D), got = block_copy(&D);
    struct block want_T = block_copy(&DT), got_T = block_copy(&DT);
    const real *want_from = in_place ? want_T.at : PT.at;
    const real *got_from = in_place ? got_T.at : PT.at;
    real *want_to = transposed ? want_T.at : NULL, *got_to = transposed ? got_T.at : NULL;
    if (activation_keeps_slope(f)) { /* X stands for the slopes */
        plain()->derive_kept(want_from, PT.ld, X.at, X.ld, E, m, want.at, want.ld, want_to);
        k->derive_kept(got_from, PT.ld, X.at, X.ld, E, m, got.at, got.ld, got_to);
    } else {
        plain()->derive(f, want_from, PT.ld, X.at, X.ld, E, m, want.at, want.ld, want_to);
        k->derive(f, got_from, PT.ld, X.at, X.ld, E, m, got.at, got.ld, got_to);
    }
    char what[96];
    snprintf(what, sizeof what, "%s derive %s E %zu m %zu", k->isa, activation_name(f), E, m);
    expect(what, &D, &want, &got, (struct fate){.rows = E, .same = m, .zero = round16(m)});
    expect(what, &DT, &want_T, &got_T,
           (struct fate){.rows = transposed ? m : 0, .same = E, .open = round16(E)});
    block_free(&X);
    block_free(&PT);
    block_free(&D);
    block_free(&DT);
    block_free(&want);
    block_free(&got);
    block_free(&want_T);
    block_free(&got_T);
}

LEVEL_TEST(derive)
{
    uint64_t state = 6;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t f = 0; f < FUNCTIONS - 1; f++) {
            for (size_t way = 0; way < 3; way++) {
                size_t E = examples[(i + f + 5 * way) % EXAMPLES];
                check_derive(k, functions[f], E, widths[i], way == 0, way < 2,
                             (enum values)((i + f) % VALUES), &state);
            }
        }
    }
}

LEVEL_TEST(transpose)
{
    uint64_t state = 7;
    for (size_t r = 0; r < WIDTHS; r++) {
        for (size_t c = 0; c < WIDTHS; c++) {
            size_t rows = widths[r], columns = widths[c];
            struct block A = block_random(rows, stride_for(columns), columns, WILD, &state);
            struct block before = block_new(columns, stride_for(rows) + (r % 2) * PACK_UNIT);
            struct block want = block_copy(&before), got = block_copy(&before);
            plain()->transpose(A.at, A.ld, rows, columns, want.at, want.ld);
            k->transpose(A.at, A.ld, rows, columns, got.at, got.ld);
            char what[96];
            snprintf(what, sizeof what, "%s transpose %zu x %zu", k->isa, rows, columns);
            expect(what, &before, &want, &got,
                   (struct fate){.rows = columns, .same = rows, .zero = round16(rows)});
            block_free(&A);
            block_free(&before);
            block_free(&want);
            block_free(&got);
        }
    }
}

LEVEL_TEST(output)
{
    uint64_t state = 8;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t f = 0; f < FUNCTIONS; f++) {
            size_t n = widths[i], E = examples[(i + f) % EXAMPLES];
            struct block before =
                block_random(n, stride_for(E), E, (enum values)((i + f) % VALUES), &state);
            struct block want = block_copy(&before), got = block_copy(&before);
            plain()->output(functions[f], want.at, want.ld, E, n);
            k->output(functions[f], got.at, got.ld, E, n);
            char what[96];
            snprintf(what, sizeof what, "%s output %s E %zu n %zu", k->isa,
                     activation_name(functions[f]), E, n);
            expect(what, &before, &want, &got,
                   (struct fate){.rows = n, .same = E, .open = round16(E)});
            block_free(&before);
            block_free(&want);
            block_free(&got);
        }
    }
}

/* ---------------------------------------------------------------- loss ----------------------- */

static void check_loss(const kernels *k, enum loss loss, enum activation f, size_t E, size_t n,
                       bool classes, enum values kind, uint64_t *state)
{
    struct block before = block_random(n, stride_for(E), E, kind, state);
    struct block value = block_random(n, stride_for(E), E, kind, state);
    struct block each = block_new(1, round16(E));
    struct block want = block_copy(&before), got = block_copy(&before);
    struct block want_each = block_copy(&each), got_each = block_copy(&each);
    int32_t *class_index = malloc(E * sizeof *class_index);
    for (size_t e = 0; e < E; e++) {
        class_index[e] = (int32_t)(test_random(state) % (n == 1 ? 2 : n));
    }
    struct REAL(targets) targets = {.class_index = classes ? class_index : NULL,
                                    .value = classes ? NULL : value.at,
                                    .ld = value.ld,
                                    .smoothing = classes && E % 2 ? (real)0.1 : 0};
    plain()->loss(loss, f, want.at, want.ld, E, n, &targets, want_each.at);
    k->loss(loss, f, got.at, got.ld, E, n, &targets, got_each.at);
    char what[96];
    snprintf(what, sizeof what, "%s loss %s of %s, %s, E %zu n %zu", k->isa, loss_name(loss),
             activation_name(f), classes ? "classes" : "values", E, n);
    expect(what, &before, &want, &got, (struct fate){.rows = n, .same = E, .open = round16(E)});
    expect(what, &each, &want_each, &got_each,
           (struct fate){.rows = 1, .same = E, .open = round16(E)});
    free(class_index);
    block_free(&before);
    block_free(&value);
    block_free(&each);
    block_free(&want);
    block_free(&got);
    block_free(&want_each);
    block_free(&got_each);
}

LEVEL_TEST(loss)
{
    static const enum loss losses[] = {LOSS_SSE, LOSS_MSE,   LOSS_CROSS_ENTROPY,
                                       LOSS_MAE, LOSS_HUBER, LOSS_POISSON};
    uint64_t state = 9;
    size_t next = 0;
    for (size_t l = 0; l < sizeof losses / sizeof *losses; l++) {
        for (size_t f = 0; f < FUNCTIONS; f++) {
            if (loss_conflict(losses[l], functions[f])) {
                continue;
            }
            for (size_t i = 0; i < WIDTHS; i++) {
                for (size_t v = 0; v < 2; v++, next++) {
                    check_loss(k, losses[l], functions[f], examples[next % EXAMPLES], widths[i],
                               v == 0, (enum values)(next / 2 % VALUES), &state);
                }
            }
        }
    }
}

/* Words are random_words() of counters one after the other, also across 2^32. */
LEVEL_TEST(stream)
{
    enum { MOST = 64 };
    _Alignas(64) uint32_t got[4 * MOST + 1];
    static const uint64_t first[] = {0, 1, 77, UINT64_C(0xfffffffe), UINT64_C(0x123456789)};
    enum isa isa = 0;
    while (strcmp(isa_name(isa), k->isa) != 0) {
        isa++;
    }
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        for (size_t counters = 0; counters <= MOST; counters++) {
            uint64_t seed = UINT64_C(0x299f31d0a4093822) * (i + 1);
            uint64_t a = UINT64_C(0x0013198a2e037073) >> i;
            got[4 * MOST] = 5;
            kernels_stream(isa)(seed, RANDOM_SHUFFLE, a, first[i], counters, got);
            for (size_t c = 0; c < counters; c++) {
                uint64_t at = first[i] + c;
                uint32_t want[4];
                random_words(seed, RANDOM_SHUFFLE, a, (uint32_t)at, (uint32_t)(at >> 32), want);
                cr_assert(memcmp(want, got + 4 * c, sizeof want) == 0, "%s: %zu of %zu", k->isa, c,
                          counters);
            }
            cr_assert(got[4 * MOST] == 5);
        }
    }
}

/* ---------------------------------------------------------------- small networks ------------- */

static void check_small(const kernels *k, const size_t *width, size_t layers, size_t E,
                        enum activation hidden, enum activation output, enum loss loss,
                        bool classes, bool goes_on, enum values kind, uint64_t *state)
{
    enum activation activation[4] = {hidden, hidden, hidden, hidden};
    size_t offset[5] = {0};
    size_t scratch = 0;
    size_t widest = width[0];
    activation[layers] = output;
    for (size_t l = 1; l <= layers; l++) {
        offset[l + 1] = offset[l] + pack_size(width[l - 1], width[l]);
        scratch += (width[l - 1] + 1) * PACK_UNIT;
        widest = width[l] > widest ? width[l] : widest;
    }
    struct block W = block_new(1, offset[layers + 1]);
    for (size_t l = 1; l <= layers; l++) {
        struct block layer = pack_random(width[l - 1], width[l], kind, state);
        memcpy(W.at + offset[l], layer.at, layer.ld * sizeof(real));
        block_free(&layer);
    }
    struct block X = block_random(E, SMALL_INPUTS + 1, width[0], kind, state);
    struct block targets = block_random(E, PACK, width[layers], USUAL, state);
    struct block none = block_new(1, offset[layers + 1]);
    for (size_t l = 1; goes_on && l <= layers; l++) { /* sums that are there already */
        struct block sums = pack_random(width[l - 1], width[l], kind, state);
        memcpy(none.at + offset[l], sums.at, sums.ld * sizeof(real));
        block_free(&sums);
    }
    struct block want = block_copy(&none), got = block_copy(&none);
    struct block none_each = block_new(1, PACK_UNIT);
    struct block want_each = block_copy(&none_each), got_each = block_copy(&none_each);
    struct block XT = block_new(1, scratch);
    memset(XT.at, 0, scratch * sizeof(real)); /* as in a workspace */
    int32_t class_index[PACK_UNIT] = {0};
    for (size_t e = 0; e < E; e++) {
        class_index[e] = (int32_t)(test_random(state) % (width[layers] > 1 ? width[layers] : 2));
    }
    real weight[PACK_UNIT];
    for (size_t e = 0; e < PACK_UNIT; e++) {
        weight[e] = any_value(USUAL, state);
    }
    const real **rows = rows_of(&X, state);
    const real **target_rows = rows_of(&targets, state);
    struct REAL(small) small = {
        .layers = layers,
        .width = width,
        .offset = offset,
        .widest = widest,
        .activation = activation,
        .loss = loss,
        .E = E,
        .row = rows,
        .class_index = classes ? class_index : NULL,
        .target = classes ? NULL : target_rows,
        .weight = E % 2 ? weight : NULL,
        .W = W.at,
        .XT = XT.at,
        .each = want_each.at,
        .G = want.at,
        .goes_on = goes_on,
    };
    plain()->small(&small);
    memset(XT.at, 0, scratch * sizeof(real));
    small.each = got_each.at;
    small.G = got.at;
    k->small(&small);
    small.row = NULL; /* the same inputs again */
    memcpy(got.at, none.at, none.ld * sizeof(real));
    real size = k->small(&small);
    double sum = 0;
    for (size_t l = 1; l <= layers; l++) {
        for (size_t i = 0; i <= width[l - 1]; i++) {
            for (size_t o = width[l]; o < round16(width[l]); o++) {
                size_t at = offset[l] + pack_index(width[l - 1], width[l], i, o);
                cr_assert(kind == HARD || got.at[at] == 0 || same(got.at[at], none.at[at]),
                          "%s small, layer %zu of %zu: %g in the padding", k->isa, l, layers,
                          (double)got.at[at]);
                got.at[at] = none.at[at];
            }
            for (size_t o = 0; o < width[l]; o++) {
                size_t at = offset[l] + pack_index(width[l - 1], width[l], i, o);
                cr_assert(same(got.at[at], want.at[at]),
                          "%s small %s %s loss %d E %zu, layer %zu of %zu, %zu to %zu: %g, not %g",
                          k->isa, activation_name(hidden), activation_name(output), (int)loss, E, l,
                          layers, i, o, (double)got.at[at], (double)want.at[at]);
                sum += fabs((double)want.at[at]);
                got.at[at] = none.at[at];
            }
        }
    }
    expect("small: losses", &none_each, &want_each, &got_each,
           (struct fate){.rows = 1, .same = E, .open = PACK_UNIT});
    if (sum < (double)LARGEST / 4) {
        cr_assert(fabs((double)size - sum) <= 1e-3 * sum + 1e-30, "Σ |G| is %g, not %g",
                  (double)size, sum);
    } else {
        cr_assert(!(size < LARGEST / 8), "Σ |G| is %g, not %g", (double)size, sum);
    }
    struct block *blocks[] = {&W,   &X,         &targets,   &none,     &want,
                              &got, &none_each, &want_each, &got_each, &XT};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        block_free(blocks[i]);
    }
    free(target_rows);
    free(rows);
}

LEVEL_TEST(small)
{
    static const enum loss losses[] = {LOSS_SSE, LOSS_MSE,   LOSS_CROSS_ENTROPY,
                                       LOSS_MAE, LOSS_HUBER, LOSS_POISSON};
    static const size_t width[][4] = {{2, 2, 1}, {3, 16, 2},   {16, 1, 16},  {1, 5, 7}, {4, 3, 4},
                                      {5, 4, 3}, {64, 48, 33}, {17, 46, 10}, {2, 1, 2}};
    uint64_t state = 19;
    size_t next = 0;
    for (size_t f = 0; f < FUNCTIONS; f++) {
        for (size_t h = 0; h < FUNCTIONS - 1; h++) {
            for (size_t l = 0; l < sizeof losses / sizeof *losses; l++, next++) {
                if (loss_conflict(losses[l], functions[f]) ||
                    activation_keeps_slope(functions[h])) {
                    continue;
                }
                size_t layers = 1 + next % 3;
                size_t widths_of[4];
                memcpy(widths_of, width[next % 9], sizeof widths_of);
                widths_of[3] = 1 + next % (widths_of[1] < 4 ? 4 : 48);
                check_small(k, widths_of, layers, 1 + next % 16, functions[h], functions[f],
                            losses[l], next / 3 % 2 && widths_of[layers] > 1, next % 5 < 2,
                            next % 4 == 3 ? HARD : USUAL, &state);
            }
        }
    }
}

/* A NaN in the sums of the last layer reaches the loss and the deltas of its example. */
LEVEL_TEST(nan_stays_nan)
{
    for (size_t f = 0; f < FUNCTIONS; f++) {
        for (size_t o = 0; o < 3; o++) {
            real ZT[3 * 16] = {0}, X[16] = {0}, each[16];
            real value[16] = {0};
            struct REAL(targets) targets = {.value = value, .ld = 0}; /* all rows are these zeros */
            X[o] = (real)NAN;
            ZT[o * 16 + 1] = (real)NAN;
            if (functions[f] != ACTIVATION_SOFTMAX) {
                k->activate(functions[f], X, 16, 1, 3);
                cr_assert(isnan(X[o]), "%s %s", k->isa, activation_name(functions[f]));
            }
            real YT[3 * 16];
            memcpy(YT, ZT, sizeof YT);
            k->output(functions[f], YT, 16, 2, 3);
            cr_assert(isnan(YT[o * 16 + 1]) && !isnan(YT[o * 16]));
            enum loss loss = loss_conflict(LOSS_SSE, functions[f]) ? LOSS_CROSS_ENTROPY : LOSS_SSE;
            k->loss(loss, functions[f], ZT, 16, 2, 3, &targets, each);
            cr_assert(isnan(each[1]) && !isnan(each[0]));
        }
    }
}

/* ---------------------------------------------------------------- updates and copies --------- */

LEVEL_TEST(update)
{
    static const size_t sizes[] = {16, 32, 48, 144, 512, 1040};
    uint64_t state = 10;
    for (int optimizer = 0; optimizer < OPTIMIZER_COUNT; optimizer++) {
        for (size_t i = 0; i < 6; i++) {
            enum values kind = (enum values)(i % VALUES);
            size_t n = sizes[i];
            const struct REAL(update) u = {
                .optimizer = (enum optimizer)optimizer,
                .scale = i % 2 ? 1 : (real)1 / 30,
                .rate = (real)0.05,
                .momentum = (real)0.9,
                .beta1 = (real)0.9,
                .one_beta1 = (real)0.1,
                .beta2 = (real)0.999,
                .one_beta2 = (real)0.001,
                .step = (real)0.02,
                .root = (real)1.7,
                .epsilon = (real)1e-8,
            };
            struct block g = block_random(1, n, n, kind, &state);
            struct block before[3], want[3], got[3];
            for (int b = 0; b < 3; b++) {
                before[b] = block_random(1, n, n, kind, &state);
            }
            bool squares = optimizer == OPTIMIZER_RMSPROP || optimizer == OPTIMIZER_ADAGRAD;
            for (size_t j = 0; j < n; j++) { /* means of squares, and rprop's steps */
                before[2].at[j] = (real)fabs((double)before[2].at[j]);
                before[1].at[j] = squares ? (real)fabs((double)before[1].at[j]) : before[1].at[j];
            }
            for (int b = 0; b < 3; b++) {
                want[b] = block_copy(&before[b]);
                got[b] = block_copy(&before[b]);
            }
            int states = optimizer_states((enum optimizer)optimizer);
            bool one = states > 0, two = states > 1;
            plain()->update(&u, want[0].at, g.at, one ? want[1].at : NULL, two ? want[2].at : NULL,
                            n);
            k->update(&u, got[0].at, g.at, one ? got[1].at : NULL, two ? got[2].at : NULL, n);
            char what[96];
            snprintf(what, sizeof what, "%s update %d n %zu", k->isa, optimizer, n);
            for (int b = 0; b < 3; b++) {
                expect(what, &before[b], &want[b], &got[b], (struct fate){.rows = 1, .same = n});
                block_free(&before[b]);
                block_free(&want[b]);
                block_free(&got[b]);
            }
            block_free(&g);
        }
    }
}

/** 2^-e with e from 0 to beyond the smallest denormal's, times a number between -1 and 1. */
static real any_size(uint64_t *state)
{
    int most = USE_DOUBLE ? 1080 : 155;
    real value = any_value(USUAL, state);
    return (real)ldexp((double)value, -(int)(test_random(state) % (uint64_t)most));
}

/* Kernels leave denormal numbers out of divisions and roots, where nobody can tell. */
LEVEL_TEST(update_of_states_that_fade)
{
    enum { N = 512 };
    static const enum optimizer all[] = {OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_RMSPROP,
                                         OPTIMIZER_ADAGRAD};
    static const real epsilon[] = {(real)1e-8, (real)1e-12, (real)1e-18, (real)1e-30, 0};
    static const real rates[] = {(real)1e-3, 1, (real)1e-30, 0};
    uint64_t state = 11;
    for (int c = 0; c < 4 * 5 * 4; c++) {
        const real rate = rates[c / 20];
        const struct REAL(update) u = {.optimizer = all[c % 4],
                                       .scale = 1,
                                       .rate = rate,
                                       .beta1 = (real)0.9,
                                       .one_beta1 = (real)0.1,
                                       .beta2 = (real)0.999,
                                       .one_beta2 = (real)0.001,
                                       .step = rate,
                                       .root = (real)(c % 3 ? 1 : 31.6),
                                       .epsilon = epsilon[c / 4 % 5]};
        real g[N], before[3][N], want[3][N], got[3][N];
        for (size_t i = 0; i < N; i++) {
            g[i] = i % 2 ? any_size(&state) : 0;
            before[0][i] = any_size(&state);
            before[1][i] = (real)fabs((double)any_size(&state));
            before[2][i] = (real)fabs((double)any_size(&state));
            if (i % 4 == 0) { /* a few of the smallest number, or none, for good */
                before[1][i] = (real)(test_random(&state) % 6) * SMALLEST;
            }
        }
        memcpy(want, before, sizeof want);
        memcpy(got, before, sizeof got);
        plain()->update(&u, want[0], g, want[1], want[2], N);
        k->update(&u, got[0], g, got[1], got[2], N);
        for (size_t i = 0; i < N; i++) {
            for (int b = 0; b < 3; b++) {
                cr_assert(same(want[b][i], got[b][i]), "%s update %d, %zu: %a, not %a", k->isa,
                          (int)u.optimizer, i, (double)got[b][i], (double)want[b][i]);
            }
        }
    }
}

LEVEL_TEST(penalise)
{
    uint64_t state = 12;
    for (size_t i = 0; i < 8; i++) {
        enum { N = 144 };
        enum values kind = (enum values)(i % VALUES);
        const struct REAL(penalty) p = {
            .scale = (real)1 / 30,
            .clip = i % 2 ? (real)0.01 : (real)INFINITY,
            .l1 = (real)0.1,
            .l2 = (real)0.3,
            .decay = (real)0.01,
        };
        struct block g = block_random(1, N, N, kind, &state);
        struct block mask = block_random(1, N, N, kind, &state);
        struct block before = block_random(1, N, N, kind, &state), out = block_new(1, N);
        for (size_t j = 0; j < N; j++) {
            mask.at[j] = (real)(test_random(&state) % 2);
        }
        struct block want = block_copy(&before), got = block_copy(&before);
        struct block want_d = block_copy(&out), got_d = block_copy(&out);
        plain()->penalise(&p, want.at, g.at, mask.at, want_d.at, N);
        k->penalise(&p, got.at, g.at, mask.at, got_d.at, N);
        expect("penalise: w", &before, &want, &got, (struct fate){.rows = 1, .same = N});
        expect("penalise: d", &out, &want_d, &got_d, (struct fate){.rows = 1, .same = N});
        block_free(&g);
        block_free(&mask);
        block_free(&before);
        block_free(&out);
        block_free(&want);
        block_free(&got);
        block_free(&want_d);
        block_free(&got_d);
    }
}

/* Packed padding is zero before an update, so it is zero after, whatever the optimizer. */
LEVEL_TEST(update_keeps_zeros)
{
    const struct REAL(update) u = {.scale = 1,
                                   .rate = (real)0.1,
                                   .momentum = (real)0.9,
                                   .beta1 = (real)0.9,
                                   .one_beta1 = (real)0.1,
                                   .beta2 = (real)0.999,
                                   .one_beta2 = (real)0.001,
                                   .step = (real)0.01,
                                   .root = 30,
                                   .epsilon = (real)1e-8};
    for (int optimizer = 0; optimizer < OPTIMIZER_COUNT; optimizer++) {
        struct REAL(update) rule = u;
        real zeros[4][16] = {{0}};
        rule.optimizer = (enum optimizer)optimizer;
        k->update(&rule, zeros[0], zeros[1], zeros[2], zeros[3], 16);
        for (int i = 0; i < 64; i++) {
            cr_assert(zeros[i / 16][i % 16] == 0, "%s optimizer %d", k->isa, optimizer);
        }
    }
}

LEVEL_TEST(add)
{
    static const size_t sizes[] = {16, 32, 48, 144, 1040};
    uint64_t state = 11;
    for (size_t i = 0; i < 5; i++) {
        for (int alias = 0; alias < 3; alias++) {
            size_t n = sizes[i];
            struct block a = block_random(1, n, n, (enum values)(i % VALUES), &state);
            struct block b = block_random(1, n, n, (enum values)(i % VALUES), &state);
            struct block before = alias == 0 ? block_new(1, n) : block_copy(alias == 1 ? &a : &b);
            struct block want = block_copy(&before), got = block_copy(&before);
            plain()->add(want.at, a.at, b.at, n);
            k->add(got.at, alias == 1 ? got.at : a.at, alias == 2 ? got.at : b.at, n);
            expect(k->isa, &before, &want, &got, (struct fate){.rows = 1, .same = n});
            block_free(&a);
            block_free(&b);
            block_free(&before);
            block_free(&want);
            block_free(&got);
        }
    }
}

static void check_gather(const kernels *k, bool bytes, bool chosen, size_t E, size_t m,
                         uint64_t *state)
{
    enum { ROWS = 70 };
    struct block value = block_random(ROWS, round16(m), m, WILD, state);
    size_t gap = m % 3; /* between rows of bytes */
    size_t taken = ROWS * (m + gap) - gap;
    uint8_t *image = malloc(taken); /* exact, so that a byte read behind the end is noticed */
    for (size_t i = 0; i < taken; i++) {
        image[i] = (uint8_t)test_random(state);
    }
    uint32_t *rows = malloc(E * sizeof *rows);
    for (size_t e = 0; e < E; e++) {
        rows[e] = (uint32_t)(test_random(state) % ROWS);
    }
    struct REAL(source) source = {.value = bytes ? NULL : value.at,
                                  .ld = bytes ? m + gap : value.ld,
                                  .bytes = image,
                                  .scale = (real)(1.0 / 255)};
    size_t first = ROWS - E;
    struct block before = block_new(E, stride_for(m + 1));
    struct block want = block_copy(&before), got = block_copy(&before);
    plain()->gather(want.at, want.ld, &source, chosen ? rows : NULL, first, E, m);
    k->gather(got.at, got.ld, &source, chosen ? rows : NULL, first, E, m);
    char what[96];
    snprintf(what, sizeof what, "%s gather of %s E %zu m %zu", k->isa, bytes ? "bytes" : "reals", E,
             m);
    expect(what, &before, &want, &got, (struct fate){.rows = E, .same = m + 1, .open = round16(m)});
    free(image);
    free(rows);
    block_free(&value);
    block_free(&before);
    block_free(&want);
    block_free(&got);
}

LEVEL_TEST(gather)
{
    uint64_t state = 13;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t way = 0; way < 4; way++) {
            size_t E = examples[(i * 3 + way) % EXAMPLES];
            check_gather(k, way % 2 == 0, way / 2 == 0, E, widths[i], &state);
        }
    }
}

/* (real)byte x scale is rounded once, for all bytes. */
LEVEL_TEST(bytes_become_reals)
{
    uint8_t bytes[256];
    real X[272];
    struct REAL(source) source = {.ld = 256, .bytes = bytes, .scale = (real)(1.0 / 255)};
    for (int i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
    }
    k->gather(X, 272, &source, NULL, 0, 1, 256);
    for (int i = 0; i < 256; i++) {
        volatile real product = (real)i * (real)(1.0 / 255);
        cr_assert(X[i] == product, "%s %d", k->isa, i);
    }
}

LEVEL_TEST(weigh)
{
    uint64_t state = 16;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t j = 0; j < EXAMPLES; j++) {
            size_t E = examples[j], n = widths[i];
            enum values kind = (enum values)((i + j) % VALUES);
            struct block weight = block_random(1, round16(E), E, kind, &state);
            struct block before = block_random(n, stride_for(E), E, kind, &state);
            struct block want = block_copy(&before), got = block_copy(&before);
            struct block each = block_random(1, round16(E), E, kind, &state);
            struct block want_each = block_copy(&each), got_each = block_copy(&each);
            plain()->weigh(weight.at, want.at, want.ld, E, n, want_each.at);
            k->weigh(weight.at, got.at, got.ld, E, n, got_each.at);
            char what[64];
            snprintf(what, sizeof what, "%s weigh E %zu n %zu", k->isa, E, n);
            expect(what, &before, &want, &got,
                   (struct fate){.rows = n, .same = E, .open = round16(E)});
            expect(what, &each, &want_each, &got_each,
                   (struct fate){.rows = 1, .same = E, .open = round16(E)});
            struct block *blocks[] = {&weight, &before, &want, &got, &each, &want_each, &got_each};
            for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
                block_free(blocks[b]);
            }
        }
    }
}

/** Numbers of examples, any at all. */
static uint32_t *indices(size_t E, uint64_t *state)
{
    uint32_t *index = malloc(E * sizeof *index);
    for (size_t e = 0; e < E; e++) {
        index[e] = (uint32_t)test_random(state);
    }
    return index;
}

static void check_drop(const kernels *k, size_t E, size_t n, double share, bool slopes,
                       enum values kind, uint64_t *state)
{
    struct REAL(drop) drop = {
        .seed = test_random(state),
        .step = test_random(state),
        .below = (uint32_t)(share * 0x1p32),
        .stays = (real)(1 / (1 - share)),
    };
    uint32_t *index = indices(E, state);
    /* units are numbered from anywhere, and the number may wrap around */
    uint32_t unit = (uint32_t)test_random(state) | (n % 2 ? 0 : UINT32_MAX - 5);
    struct block before[2], want[2], got[2];
    for (int i = 0; i < 2; i++) {
        before[i] = block_random(E, stride_for(n + 1), n, kind, state);
        want[i] = block_copy(&before[i]);
        got[i] = block_copy(&before[i]);
    }
    plain()->drop(&drop, index, E, unit, n, want[0].at, slopes ? want[1].at : NULL, want[0].ld);
    k->drop(&drop, index, E, unit, n, got[0].at, slopes ? got[1].at : NULL, got[0].ld);
    for (int i = 0; i < 2; i++) {
        char what[96];
        snprintf(what, sizeof what, "%s drop %g of %s E %zu n %zu", k->isa, share,
                 i ? "slopes" : "outputs", E, n);
        expect(what, &before[i], &want[i], &got[i],
               (struct fate){.rows = i && !slopes ? 0 : E, .same = n, .open = round16(n)});
        block_free(&before[i]);
        block_free(&want[i]);
        block_free(&got[i]);
    }
    free(index);
}

LEVEL_TEST(drop)
{
    static const double shares[] = {0.2, 0.5, 1e-9, 0.999999};
    uint64_t state = 17;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t way = 0; way < 8; way++) {
            check_drop(k, examples[(i * 3 + way) % EXAMPLES], widths[i], shares[way / 2], way % 2,
                       (enum values)((i + way) % VALUES), &state);
        }
    }
    check_drop(k, 2, 1030, 0.3, true, USUAL, &state);
}

/* A layer divided among workers has the masks of the whole layer. */
LEVEL_TEST(drop_in_parts)
{
    enum { E = 3, N = 160, LD = 176 };
    const struct REAL(drop) drop = {.seed = 3, .step = 1ull << 33, .below = 1u << 31, .stays = 2};
    static const uint32_t index[E] = {7, 0, UINT32_MAX};
    static real whole[E * LD], parts[E * LD];
    for (size_t i = 0; i < E * LD; i++) {
        whole[i] = parts[i] = 1;
    }
    k->drop(&drop, index, E, 10, N, whole, NULL, LD);
    for (size_t from = 0; from < N; from += PACK) {
        size_t n = N - from < PACK ? N - from : PACK;
        k->drop(&drop, index, E, 10 + (uint32_t)from / 4, n, parts + from, NULL, LD);
    }
    cr_assert(memcmp(whole, parts, sizeof whole) == 0, "%s", k->isa);
}

static void check_noise(const kernels *k, size_t E, size_t m, bool in_place, enum values kind,
                        uint64_t *state)
{
    struct noise noise = {.seed = test_random(state),
                          .step = test_random(state),
                          .deviation = ldexp(1, (int)(m % 40) - 30) / 3};
    uint32_t *index = indices(E, state);
    struct block X = block_random(E, stride_for(m + 1), m, kind, state);
    struct block before = in_place ? block_copy(&X) : block_new(E, stride_for(m + 1));
    struct block want = block_copy(&before), got = block_copy(&before);
    const real **rows = rows_of(&X, state),
               **own[2] = {malloc(E * sizeof *rows), malloc(E * sizeof *rows)};
    for (size_t e = 0; e < E; e++) {
        own[0][e] = in_place ? want.at + e * want.ld : rows[e];
        own[1][e] = in_place ? got.at + e * got.ld : rows[e];
    }
    plain()->noise(&noise, index, own[0], E, m, want.at, want.ld);
    k->noise(&noise, index, own[1], E, m, got.at, got.ld);
    char what[96];
    snprintf(what, sizeof what, "%s noise%s E %zu m %zu", k->isa, in_place ? " in place" : "", E,
             m);
    expect(what, &before, &want, &got, (struct fate){.rows = E, .same = m + 1, .open = round16(m)});
    free(index);
    free(rows);
    free(own[0]);
    free(own[1]);
    block_free(&X);
    block_free(&before);
    block_free(&want);
    block_free(&got);
}

LEVEL_TEST(noise)
{
    uint64_t state = 18;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t way = 0; way < 4; way++) {
            check_noise(k, examples[(i * 3 + way) % EXAMPLES], widths[i], way % 2,
                        (enum values)((i + way) % VALUES), &state);
        }
    }
    check_noise(k, 3, 785, false, USUAL, &state); /* more than are made at a time */
}

LEVEL_TEST(elementary)
{
    enum { N = 20000 };
    static const char which[] = "elts";
    uint64_t state = 12;
    struct block x = block_random(1, N, N, WILD, &state);
    for (size_t i = 0; i < N; i++) {
        uint64_t random = test_random(&state);
        if (i % 4 == 1) { /* any bits at all */
            real_bits bits = (real_bits)random;
            memcpy(&x.at[i], &bits, sizeof bits);
        } else if (i % 4 == 2) { /* where exp and tanh are neither 0 nor 1 nor infinite */
            x.at[i] *= USE_DOUBLE ? 750 : 105;
        }
    }
    for (size_t f = 0; f < 4; f++) {
        for (size_t n = 1; n <= N; n = n < 40 ? n + 1 : n * N / 40) {
            struct block before = block_new(1, n);
            struct block want = block_copy(&before), got = block_copy(&before);
            plain()->elementary(which[f], x.at, want.at, n);
            k->elementary(which[f], x.at, got.at, n);
            char what[32];
            snprintf(what, sizeof what, "%s '%c' of %zu", k->isa, which[f], n);
            expect(what, &before, &want, &got, (struct fate){.rows = 1, .same = n});
            block_free(&before);
            block_free(&want);
            block_free(&got);
        }
    }
    block_free(&x);
}

#endif
