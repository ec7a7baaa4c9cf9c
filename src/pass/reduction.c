/**
 * reduction: the partial sums of all workers become one update, slice by slice.
 *
 * The program says in which order partials are added: the order of the shards' tree, whoever
 * computed them. A slice is worked through in pieces that stay in the first-level cache, so each
 * partial is read from memory once and nothing but weights and state is written.
 */
#include <string.h>

#include "pass/workspace.h"

enum { PIECE = PASS_PIECE };

/** The sum of reals [at, at + count) of the partials: in `scratch`, or in a partial itself. */
static const real *sum_piece(const struct REAL(kernels) * k, const struct sum_program *program,
                             void *const *partial, size_t at, size_t count, real (*scratch)[PIECE])
{
    const real *stack[SUM_DEPTH_MAX];
    stack[0] = (const real *)partial[program->entry[0]] + at;
    size_t depth = 1;
    for (size_t p = 1; p < program->count; p++) {
        int entry = program->entry[p];
        if (entry >= 0) {
            stack[depth++] = (const real *)partial[entry] + at;
        } else {
            depth--;
            k->add(scratch[depth - 1], stack[depth - 1], stack[depth], count);
            stack[depth - 1] = scratch[depth - 1];
        }
    }
    return stack[0];
}

/** The update of sums that are still to be made: apart, for the room that they take. */
static __attribute__((noinline)) void update_sums(const void *kernels,
                                                  const struct sum_program *program,
                                                  void *const *partial, size_t begin, size_t end,
                                                  const struct REAL(rule) * r, const real *mask,
                                                  void *W, void *state1, void *state2)
{
    _Alignas(64) real scratch[SUM_DEPTH_MAX][PIECE];
    for (size_t at = begin; at < end; at += PIECE) {
        size_t count = end - at < PIECE ? end - at : PIECE;
        const real *g = sum_piece(kernels, program, partial, at, count, scratch);
        REAL(rule_apply)(kernels, r, g, mask, W, state1, state2, at, count);
    }
}

void REAL(update)(const void *kernels, const struct sum_program *program, void *const *partial,
                  size_t begin, size_t end, const struct update_rule *rule, void *W, void *state1,
                  void *state2)
{
    struct REAL(rule) r;
    REAL(rule_of)(rule, &r);
    if (program->count == 1) { /* all there is of a small network */
        const real *g = (const real *)partial[program->entry[0]] + begin;
        REAL(rule_apply)
        (kernels, &r, g, rule->weight_mask, W, state1, state2, begin, end - begin);
    } else {
        update_sums(kernels, program, partial, begin, end, &r, rule->weight_mask, W, state1,
                    state2);
    }
}

void REAL(sum)(const void *kernels, const struct sum_program *program, void *const *partial,
               size_t begin, size_t end)
{
    _Alignas(64) real scratch[SUM_DEPTH_MAX][PIECE];
    real *sum = partial[program->entry[0]];
    for (size_t at = begin; program->count > 1 && at < end; at += PIECE) {
        size_t count = end - at < PIECE ? end - at : PIECE;
        memcpy(sum + at, sum_piece(kernels, program, partial, at, count, scratch),
               count * sizeof *sum);
    }
}

void REAL(squares)(const void *kernels, const struct sum_program *program, void *const *partial,
                   size_t count, size_t begin, size_t end, double *squares)
{
    _Alignas(64) real scratch[SUM_DEPTH_MAX][PIECE];
    for (size_t p = begin; p < end; p++) {
        size_t at = p * PIECE;
        size_t here = count - at < PIECE ? count - at : PIECE;
        const real *g = sum_piece(kernels, program, partial, at, here, scratch);
        double lane[PACK_UNIT] = {0};
        for (size_t i = 0; i < here; i += PACK_UNIT) {
            for (size_t j = 0; j < PACK_UNIT; j++) {
                lane[j] += (double)g[i + j] * (double)g[i + j];
            }
        }
        squares[p] = 0;
        for (size_t j = 0; j < PACK_UNIT; j++) {
            squares[p] += lane[j];
        }
    }
}

void REAL(combine)(const void *kernels, const struct sum_program *program, void *const *partial,
                   size_t begin, size_t end, double scale, void *out)
{
    _Alignas(64) real scratch[SUM_DEPTH_MAX][PIECE];
    const real factor = (real)scale;
    for (size_t at = begin; at < end; at += PIECE) {
        size_t count = end - at < PIECE ? end - at : PIECE;
        const real *g = sum_piece(kernels, program, partial, at, count, scratch);
        for (size_t i = 0; i < count; i++) {
            ((real *)out)[at + i] = factor * g[i];
        }
    }
}

/** The units of one packed block of a layer with m inputs. */
static void limit_block(real *block, size_t m, size_t width, double limit)
{
    double square[PACK] = {0};
    real factor[PACK];
    for (size_t i = 0; i < m; i++) {
        for (size_t o = 0; o < width; o++) {
            double w = (double)block[i * width + o];
            square[o] += w * w;
        }
    }
    for (size_t o = 0; o < width; o++) {
        double norm = __builtin_sqrt(square[o]);
        factor[o] = norm > limit ? (real)(limit / norm) : 1;
    }
    for (size_t i = 0; i < m; i++) {
        for (size_t o = 0; o < width; o++) {
            block[i * width + o] *= factor[o];
        }
    }
}

void REAL(limit_norms)(const struct shape *shape, void *W, double limit, int w, int workers)
{
    size_t number = 0;
    for (size_t l = 1; l <= shape->layers; l++) {
        size_t m = shape->width[l - 1];
        size_t n = shape->width[l];
        for (size_t first = 0; first < n; first += pack_width(n, first), number++) {
            if (number % (size_t)workers == (size_t)w) {
                real *block = (real *)W + shape->offset[l] + first * (m + 1);
                limit_block(block, m, pack_width(n, first), limit);
            }
        }
    }
}

bool REAL(finite)(const void *kernels, const struct sum_program *program, void *const *partial,
                  size_t begin, size_t end, size_t *where)
{
    _Alignas(64) real scratch[SUM_DEPTH_MAX][PIECE];
    for (size_t at = begin; at < end; at += PIECE) {
        size_t count = end - at < PIECE ? end - at : PIECE;
        const real *g = sum_piece(kernels, program, partial, at, count, scratch);
        for (size_t i = 0; i < count; i++) {
            if (!__builtin_isfinite(g[i])) {
                *where = at + i;
                return false;
            }
        }
    }
    return true;
}

void REAL(add)(const void *kernels, void *sum, const void *a, const void *b, size_t count)
{
    const struct REAL(kernels) *k = kernels;
    k->add(sum, a, b, count);
}

const struct passes REAL(passes) = {
    .real_size = sizeof(real),
    .workspace_bytes = REAL(workspace_bytes),
    .workspace_place = REAL(workspace_place),
    .watch = REAL(watch),
    .begin_step = REAL(begin_step),
    .gather = REAL(gather),
    .expect = REAL(expect),
    .forward = REAL(forward),
    .loss = REAL(loss),
    .outputs = REAL(outputs),
    .backward = REAL(backward),
    .differentiate = REAL(differentiate),
    .operands_bytes = REAL(operands_bytes),
    .operands_place = REAL(operands_place),
    .join = REAL(join),
    .is_by_units = REAL(is_by_units),
    .admit = REAL(admit),
    .locate = REAL(locate),
    .legs = REAL(legs),
    .leg = REAL(leg),
    .learn = REAL(learn),
    .add = REAL(add),
    .update = REAL(update),
    .sum = REAL(sum),
    .squares = REAL(squares),
    .limit_norms = REAL(limit_norms),
    .finite = REAL(finite),
    .combine = REAL(combine),
    .dot = REAL(dot),
    .total = REAL(total),
    .largest = REAL(largest),
    .blend = REAL(blend),
    .decay = REAL(decay),
    .safe_size = SAFE_SIZE,
};
