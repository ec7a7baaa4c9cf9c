/**
 * gradient: G = Dᵀ X, shard by shard, the shards' sums joined in a tree while they are in reach.
 *
 * Registers run over outputs, rows of a tile over inputs (the last input is the constant 1 of the
 * bias). Examples are taken in parts whose deltas stay in the first-level cache for all tiles of a
 * group of inputs (parts.h); the group's values stay in the second-level cache for all outputs. A
 * weight delta leaves for memory once, however many shards it is made of (gradient_tile.h).
 *
 * Where shards come in pairs, tiles are half as high and hold both shards' sums: every second join
 * is then between registers.
 *
 * Few outputs would leave lanes of a register empty, or make tiles of one column, which wait for
 * loads. Such tiles are turned: registers over inputs, rows over outputs. They are the same tiles of
 * the transposed problem, and what they come to is turned back at the end.
 *
 * The plainest of updates takes no more than a weight delta, so it is done while that is in a register:
 * the weight deltas need no place at all, and weights come from their cache during the multiply-adds.
 */
#include "kernel/gradient_tile.h"
#include "kernel/kernel_name.h"
#include "kernel/table.h"

enum {
    TURNED = TILE_COLUMNS * LANES, /* outputs, or inputs, of turned tiles at most */
    TURNED_PLACES = 8              /* for their sums: more are rare */
};

/**
 * During a tile of the last part its place in G is asked for that the next will be joined to, stored
 * to or descend: those lines are wanted sooner than deltas, and stores that miss wait for each other.
 * They are asked for to be written: others may have read them as weights, and a line that is only
 * read is shared with them until a store asks for it once more.
 */
INLINE void ask_for_place(struct place *place, int high, const struct shard_run *run,
                          const struct part *part)
{
    const real *G = place->G[run->before > 0 ? run->before - 1 : 0];
    size_t bytes = (size_t)high * place->ldg * sizeof(real);
    place->soon = (const char *)(G + place->at) + bytes;
    place->step = bytes * (part->paired ? 2 : 1) / (run->end[part->end - 1] - part->example);
}

/** Rows of the next tile in a column of tiles of so many columns, for one shard or two at a time. */
INLINE int next_rows(size_t left, const int columns, const int shards)
{
    if (shards == 2) {
        return columns == WIDE_COLUMNS ? wide_pair_rows(left) : pair_rows(left, columns);
    }
    return columns == WIDE_COLUMNS ? wide_rows(left) : tile_rows(left);
}

/**
 * Whole tiles of a part that is one shard, or two of one length: most tiles of all batches. `last`: of
 * the last part, when it is joined to all that waits and nothing else. A function of its own, because
 * there is little to do between two of them, and where a tile may be anything gcc makes much of it.
 * Returns the first input that is left.
 */
INLINE size_t whole_tiles(const int rows, const int columns, const int shards, const bool last,
                          size_t begin, size_t end, const real *const *X, size_t from,
                          const real *D, size_t ldd, const struct shard_run *run,
                          const struct part *part, struct place *place)
{
    const size_t sums = (size_t)(rows * columns) * LANES;
    const real *const *first = X + part->example;
    const real *const *behind = X + run->end[part->begin];
    const size_t length = (size_t)(behind - first);
    const size_t merges = (size_t)run->merges[part->end - 1] + 1 - (size_t)shards;
    const size_t level = place->level;
    const size_t ldg = place->ldg;
    const struct REAL(descent) *descent = place->descent;
    real *top = place->carry + (part->depth - merges) * level;
    real *G = place->G[0] + place->at;
    vec total; /* of the last part: elsewhere it would take a register from the sums */
    size_t i = begin;
    if (last) {
        ask_for_place(place, rows, run, part);
        total = vload(place->size);
    }
    const char *soon = place->soon;
    const size_t step = place->step;
    const size_t share = sums * sizeof(real) / length; /* of a tile's sums, for each example */
    D += part->example * ldd;
    for (; next_rows(end - i, columns, shards) == rows; i += (size_t)rows, top += sums) {
        vec sum[TILE_ROWS][WIDE_COLUMNS];
        vec second[TILE_ROWS][WIDE_COLUMNS];
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                sum[r][c] = vzero();
                second[r][c] = vzero();
            }
        }
        const real *const *row = first;
        const real *d = D;
        const real *other = D + length * ldd; /* deltas of the second shard */
        const char *waits = (const char *)top;
        UNROLL_EXAMPLES for (; row < behind; row++, d += ldd, other += ldd, soon += step)
        {
            if (last) { /* the next tile's place in G, wanted right behind this one */
                __builtin_prefetch(soon, 1, 3);
            } else { /* the next part's deltas */
                __builtin_prefetch(soon, 0, 2);
            }
            if (TILE_WIDE && !last) { /* where this tile's sums will wait; others may wait there */
                __builtin_prefetch(waits, 1, 3);
                waits += share;
            }
            add_deltas(rows, columns, false, *row + from + i, d, 0, sum);
            if (shards == 2) {
                add_deltas(rows, columns, false, row[length] + from + i, other, 0, second);
            }
        }
        if (shards == 2) {
            add_sums(rows, columns, second, sum);
        }
        for (size_t j = merges; j > 0; j--) {
            pop(rows, columns, top + (j - 1) * level, sum);
        }
        if (last) {
            total = descent ? descend_tile(rows, columns, descent, sum, G, ldg, total)
                            : finish(rows, columns, sum, G, ldg, total);
            G += (size_t)rows * ldg;
            soon = (const char *)(G + (size_t)rows * ldg);
        } else {
            push(rows, columns, top, sum);
        }
    }
    place->soon = soon;
    place->carry += (i - begin) * (size_t)columns * LANES;
    place->at += (i - begin) * ldg;
    if (last) {
        vstore(place->size, total);
    }
    return i;
}

/** The functions of its own: of one shard or two, of a part before the last or the last. */
#define WHOLE_TILES(name, rows, columns, shards, last)                                             \
    static __attribute__((noinline)) size_t name(                                                  \
        size_t begin, size_t end, const real *const *X, size_t from, const real *D, size_t ldd,    \
        const struct shard_run *run, const struct part *part, struct place *place)                 \
    {                                                                                              \
        return whole_tiles(rows, columns, shards, last, begin, end, X, from, D, ldd, run, part,    \
                           place);                                                                 \
    }
WHOLE_TILES(waiting_slim, TILE_ROWS, TILE_COLUMNS, 1, false)
WHOLE_TILES(waiting_wide, WIDE_ROWS, WIDE_COLUMNS, 1, false)
WHOLE_TILES(last_slim, TILE_ROWS, TILE_COLUMNS, 1, true)
WHOLE_TILES(last_wide, WIDE_ROWS, WIDE_COLUMNS, 1, true)
WHOLE_TILES(last_wide_pair, WIDE_ROWS / 2, WIDE_COLUMNS, 2, true)
WHOLE_TILES(last_slim_pair, TILE_ROWS / 2, TILE_COLUMNS, 2, true)

/** All tiles for the rows of a group of inputs [begin, end) and one column of tiles. */
INLINE void tiles(const bool wide, const bool descends, size_t begin, size_t end, int columns,
                  const real *const *X, size_t from, const real *D, size_t ldd,
                  const struct shard_run *run, const struct part *part, struct place place)
{
    _Alignas(64) waiting stack;
    const size_t high_most = wide ? WIDE_ROWS : TILE_ROWS;
    /* behind a part's deltas lie those of the next part, or of the next outputs' first */
    place.soon = (const char *)(D + run->end[part->end - 1] * ldd);
    place.step = ldd * sizeof(real) * high_most / (end - begin + 1) + 1;
    size_t i = begin;
    const size_t shards = part->end - part->begin;
    const bool whole = columns == (wide ? WIDE_COLUMNS : TILE_COLUMNS);
    const bool joins_all =
        part->last && run->before == 0 && run->merges[part->end - 1] + 1u == part->depth + shards;
    if (whole && shards == 1 && !part->last) {
        i = (wide ? waiting_wide : waiting_slim)(begin, end, X, from, D, ldd, run, part, &place);
    } else if (whole && shards == 1 && joins_all) {
        i = (wide ? last_wide : last_slim)(begin, end, X, from, D, ldd, run, part, &place);
    } else if (whole && shards == 2 && part->paired && joins_all) {
        i = (wide ? last_wide_pair : last_slim_pair)(begin, end, X, from, D, ldd, run, part,
                                                     &place);
    }
    while (i < end) {
        size_t left = end - i;
        int high = part->paired ? (wide ? wide_pair_rows(left) : pair_rows(left, columns))
                                : (wide ? wide_rows(left) : tall_rows(left, columns));
        if (part->last) {
            ask_for_place(&place, high, run, part);
        } else { /* of a line that is its own: deltas are asked for by whole tiles */
            place.soon = (const char *)place.size;
            place.step = 0;
        }
        if (wide && part->paired) {
            WIDE_PAIR_CALL(high, WIDE_COLUMNS, tile, 2, false, descends, X, from + i, D, ldd, run,
                           part, &place, stack)
        } else if (wide) {
            WIDE_CALL(high, WIDE_COLUMNS, tile, 1, false, descends, X, from + i, D, ldd, run, part,
                      &place, stack)
        } else if (TILE_PAIRS && part->paired) {
            PAIR_CALL(high, columns, tile, 2, false, descends, X, from + i, D, ldd, run, part,
                      &place, stack)
        } else {
            TALL_CALL(high, columns, tile, 1, false, descends, X, from + i, D, ldd, run, part,
                      &place, stack)
        }
        place.carry += high * columns * LANES;
        place.at += (size_t)high * place.ldg;
        i += (size_t)high;
    }
}

/** Are the tiles of a column turned? Not where turning back would be too much of the work. */
INLINE bool is_turned(const struct shard_run *run, size_t inputs, size_t outputs, int columns)
{
    enum { FEW_EXAMPLES = 32 };
    return LANES >= 4 && run->end[run->count - 1] >= FEW_EXAMPLES && inputs >= 2 * (size_t)LANES &&
           run_places(run) <= TURNED_PLACES &&
           (columns == 1 || 4 * outputs <= 3 * (size_t)columns * LANES);
}

/** How many registers the next tiles take of a block of that width, of which so many outputs are left. */
INLINE int columns_of(const struct shard_run *run, size_t inputs, size_t left, size_t width)
{
    size_t registers = registers_for(left);
    if (!is_wide(width)) {
        return tile_columns(registers);
    }
    int columns = wide_columns(registers);
    size_t few = left - (size_t)(columns - 1) * LANES; /* if it is the last */
    bool apart =
        registers == WIDE_COLUMNS && 4 * few <= 3 * (size_t)LANES && is_turned(run, inputs, few, 1);
    return apart ? TILE_COLUMNS : columns;
}

/** Functions of their own, for their registers' sake. */
static __attribute__((noinline)) void wide_sums(size_t begin, size_t end, const real *const *X,
                                                size_t from, const real *D, size_t ldd,
                                                const struct shard_run *run,
                                                const struct part *part, const struct place *place)
{
    tiles(true, false, begin, end, WIDE_COLUMNS, X, from, D, ldd, run, part, *place);
}

static __attribute__((noinline)) void
wide_descent(size_t begin, size_t end, const real *const *X, size_t from, const real *D, size_t ldd,
             const struct shard_run *run, const struct part *part, const struct place *place)
{
    tiles(true, true, begin, end, WIDE_COLUMNS, X, from, D, ldd, run, part, *place);
}

static __attribute__((noinline)) void slim_sums(size_t begin, size_t end, int columns,
                                                const real *const *X, size_t from, const real *D,
                                                size_t ldd, const struct shard_run *run,
                                                const struct part *part, const struct place *place)
{
    tiles(false, false, begin, end, columns, X, from, D, ldd, run, part, *place);
}

static __attribute__((noinline)) void slim_descent(size_t begin, size_t end, int columns,
                                                   const real *const *X, size_t from, const real *D,
                                                   size_t ldd, const struct shard_run *run,
                                                   const struct part *part,
                                                   const struct place *place)
{
    tiles(false, true, begin, end, columns, X, from, D, ldd, run, part, *place);
}

/** AT (columns, rows) = A (rows, columns), whole registers of either; or weights AT descend by it. */
static void turn(const real *A, size_t lda, size_t rows, size_t columns, real *AT, size_t ldt,
                 const struct REAL(descent) * descent)
{
    const struct factors factors =
        descent ? factors_of(descent) : (struct factors){vzero(), vzero()};
    for (size_t r = 0; r < rows; r += (size_t)LANES) {
        for (size_t c = 0; c < columns; c += (size_t)LANES) {
            vec square[16];
            UNROLL(16)
            for (int i = 0; i < LANES; i++) {
                square[i] = vload(A + (r + (size_t)i) * lda + c);
            }
            vtranspose(square);
            UNROLL(16)
            for (int i = 0; i < LANES; i++) {
                real *to = AT + (c + (size_t)i) * ldt + r;
                vstore(to, descent ? descend(&factors, square[i], vload(to)) : square[i]);
            }
        }
    }
}

/**
 * Turned tiles for so many outputs and the inputs [begin, end) but the last, less than a register of
 * them; returns where those begin. A function of its own: in one with the other tiles gcc has no
 * registers for addresses.
 */
static __attribute__((noinline)) size_t turned_tiles(size_t begin, size_t end, size_t outputs,
                                                     const real *const *X, size_t from,
                                                     const real *D, size_t ldd,
                                                     const struct shard_run *run,
                                                     const struct part *part, struct place *place)
{
    _Alignas(64) waiting stack;
    _Alignas(64) real sums[TURNED_PLACES][TURNED * TURNED];
    real *G[TURNED_PLACES];
    size_t rows = registers_for(outputs) * (size_t)LANES;
    size_t most = part->paired ? PAIR_ROWS : TILE_ROWS;
    size_t passes = (outputs + most - 1) / most;
    /* tiles of pairs are high or wide */
    bool slim = place->pairs && outputs > (outputs + PAIR_ROWS - 1) / PAIR_ROWS * TILE_ROWS / 2;
    struct place turned = *place;
    turned.G = G;
    turned.descent = NULL;
    for (size_t j = 0; j < run_places(run); j++) {
        G[j] = sums[j];
    }
    while (end - begin >= (size_t)LANES) {
        int columns = tile_columns((end - begin) / (size_t)LANES);
        if (slim && columns == 3) {
            columns = 2;
        }
        size_t inputs = (size_t)columns * LANES;
        turned.ldg = inputs;
        for (size_t j = 0; part->last && j < run_places(run); j++) {
            if (j < run->before) {
                turn(place->G[j] + place->at, place->ldg, inputs, rows, G[j], inputs, NULL);
            } else {
                memset(G[j] + outputs * inputs, 0, (rows - outputs) * inputs * sizeof(real));
            }
        }
        size_t o = 0;
        for (size_t pass = 0; pass < passes; pass++) {
            int high = (int)((outputs - o) / (passes - pass));
            turned.at = o * inputs;
            turned.ahead = inputs + pass * LINE % inputs; /* a line of the next tiles in each */
            if (TILE_PAIRS && part->paired) {
                PAIR_LOW_CALL(high, columns, tile, 2, true, false, X, from + begin, D + o, ldd, run,
                              part, &turned, stack)
            } else {
                TILE_CALL(high, columns, tile, 1, true, false, X, from + begin, D + o, ldd, run,
                          part, &turned, stack)
            }
            turned.carry += high * columns * LANES;
            o += (size_t)high;
        }
        for (size_t j = 0; part->last && j < run->subtrees; j++) {
            turn(G[j], inputs, rows, inputs, place->G[j] + place->at, place->ldg, place->descent);
        }
        place->at += inputs * place->ldg;
        begin += inputs;
    }
    place->carry = turned.carry;
    return begin;
}

void KERNEL(gradient)(const real *const *X, size_t from, const real *D, const struct shard_run *run,
                      size_t m, size_t n, real *const *G, real *carry, real *size,
                      const struct REAL(descent) * descent)
{
    const size_t inputs = descent ? descent->inputs : m + 1; /* rows of a block of G */
    const size_t above = descent ? from : 0;                 /* those that are not X's */
    struct part part[PARTS_MAX];
    size_t parts = cut(run, part);
    size_t E = run->end[run->count - 1];
    bool pairs = false;
    for (size_t p = 0; p < parts; p++) {
        pairs = pairs || part[p].paired;
    }
    for (size_t i = 0; i < m + 1;) {
        size_t end = parts == 1 ? m + 1 : i + gradient_group(m + 1 - i);
        for (size_t first = 0, width; first < n; first += width) {
            width = pack_width(n, first);
            size_t outputs = pack_outputs(n, first);
            size_t registers = registers_for(outputs);
            for (size_t c = 0; c < registers;) {
                size_t o = c * (size_t)LANES;
                size_t left = outputs - o;
                int columns = columns_of(run, end - i, left, width);
                size_t high = left < (size_t)columns * LANES ? left : (size_t)columns * LANES;
                bool turned = is_turned(run, end - i, high, columns);
                const real *d = D + first * E + o;
                for (size_t p = 0; p < parts; p++) {
                    struct place place = {.carry = carry,
                                          .level = carry_level(m, n),
                                          .G = G,
                                          .at = first * inputs + (above + i) * width + o,
                                          .ldg = width,
                                          .size = size,
                                          .pairs = pairs,
                                          .descent = descent};
                    if (columns == WIDE_COLUMNS) {
                        (descent ? wide_descent : wide_sums)(i, end, X, from, d, width, run,
                                                             &part[p], &place);
                        continue;
                    }
                    size_t rest = turned ? turned_tiles(i, end, high, X, from, d, width, run,
                                                        &part[p], &place)
                                         : i;
                    (descent ? slim_descent : slim_sums)(rest, end, columns, X, from, d, width, run,
                                                         &part[p], &place);
                }
                c += (size_t)columns;
            }
        }
        i = end;
    }
}
