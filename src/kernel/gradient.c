/**
 * gradient: G = Dᵀ X, shard by shard, the shards' sums joined in a tree while they are in reach.
 *
 * Registers run over outputs, rows of a tile over inputs (the last input is the constant 1 of the
 * bias). Examples are taken in parts whose deltas stay in the first-level cache for all tiles of a
 * group of inputs; the group's values stay in the second-level cache for all outputs. Within a part
 * a tile's sums over shards are joined on a small stack, like the carry of a binary counter; what a
 * part comes to waits in `carry`, on the same stack continued, for the parts after it. So a weight
 * delta leaves for memory once, however many shards it is made of.
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
 *
 * Where a tile goes row by row through G, a pointer moves on: gcc would have all rows' distances
 * computed beforehand, put aside on the stack for all sizes of tiles.
 */
#include <string.h>

#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

/* Twice hides the loop's own instructions; with 16 registers it would spill sums to memory. */
#if TILE_ROWS == 8 && defined(__clang__)
#define UNROLL_EXAMPLES _Pragma("clang loop unroll_count(2)")
#elif TILE_ROWS == 8
#define UNROLL_EXAMPLES _Pragma("GCC unroll 2")
#else
#define UNROLL_EXAMPLES
#endif

enum {
    PART = CARRY_FREE, /* examples of a part: 12 KiB of deltas in float */
    PARTS_MAX = 16,    /* in a run; the last takes what is left */
    LINE = 64 / (int)sizeof(real),
    TILE_REALS = TILE_ROWS * TILE_COLUMNS * 16,
    TURNED = TILE_COLUMNS * LANES, /* outputs, or inputs, of turned tiles at most */
    TURNED_PLACES = 8              /* for their sums: more are rare */
};

/** Shards [begin, end) of a run, from `example` on, when `depth` sums wait in the carry. */
struct part {
    size_t begin, end, example, depth;
    bool paired; /* shards are of one length two by two, and the two are joined first */
    bool last;
};

/** Where a tile's sums go: its place in the carry's lowest level, or in G. */
struct place {
    real *carry;
    size_t level; /* reals from level to level of the carry */
    real *const *G;
    size_t at, ldg;
    real *size;       /* in memory, so that it takes no register from the tile's sums */
    const char *soon; /* what is wanted next: asked for in the meantime, so many bytes an example */
    size_t step;      /* (of a pair of shards: two of them) */
    size_t ahead;     /* turned: from an example's inputs to those asked for */
    bool pairs;       /* are there parts of pairs: all parts' tiles have as many columns */
    const struct REAL(descent) * descent; /* NULL: G is for sums; else it holds weights */
};

static bool is_paired(const struct shard_run *run, size_t begin, size_t end)
{
    if (!TILE_PAIRS || (end - begin) % 2 != 0) {
        return false;
    }
    for (size_t s = begin; s < end; s += 2) {
        uint32_t before = s ? run->end[s - 1] : 0;
        if (run->merges[s] != 0 || run->merges[s + 1] == 0 ||
            run->end[s + 1] - run->end[s] != run->end[s] - before) {
            return false;
        }
    }
    return true;
}

/**
 * A part ends where a subtree of PART examples is complete, or with a shard of as many, and what
 * is not joined yet fits the carry.
 */
static size_t cut(const struct shard_run *run, struct part part[PARTS_MAX])
{
    if (run->count == 1) {
        part[0] = (struct part){.end = 1, .last = true};
        return 1;
    }
    size_t parts = 0;
    size_t depth = 0;
    struct part now = {0};
    for (size_t s = 0; s < run->count; s++) {
        depth = depth + 1 - run->merges[s];
        now.last = s + 1 == run->count;
        bool complete =
            run->end[s] - now.example >= PART && (size_t)run->end[0] << run->merges[s] >= PART;
        if (now.last || (complete && depth <= CARRY_DEPTH && parts + 1 < PARTS_MAX)) {
            now.end = s + 1;
            now.paired = is_paired(run, now.begin, now.end);
            part[parts++] = now;
            now = (struct part){.begin = s + 1, .example = run->end[s], .depth = depth};
        }
    }
    return parts;
}

/** sum[r][c] += row[r] column[c] for one example. */
INLINE void add_example(const int rows, const int columns, const real *row, const real *column,
                        vec (*sum)[WIDE_COLUMNS])
{
    vec b[WIDE_COLUMNS];
    UNROLL_COLUMNS for (int c = 0; c < columns; c++)
    {
        b[c] = vload(column + c * LANES);
    }
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        vec a = vset(row[r]);
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vfma(a, b[c], sum[r][c]);
        }
    }
}

/** The same for an example's inputs x and deltas d; the inputs that are wanted next are asked for. */
INLINE void add_deltas(const int rows, const int columns, const bool turned, const real *x,
                       const real *d, size_t ahead, vec (*sum)[WIDE_COLUMNS])
{
    __builtin_prefetch(x + (turned ? ahead : LINE), 0, 3);
    if (turned) {
        add_example(rows, columns, d, x, sum);
    } else {
        add_example(rows, columns, x, d, sum);
    }
}

/** sum += what lies in rows ld apart. */
INLINE void join(const int rows, const int columns, size_t ld, const real *left,
                 vec (*sum)[WIDE_COLUMNS])
{
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vload(left + c * LANES) + sum[r][c];
        }
        left += ld;
    }
}

/** The same from a stack. */
INLINE void pop(const int rows, const int columns, const real *left, vec (*sum)[WIDE_COLUMNS])
{
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vload(left + (r * columns + c) * LANES) + sum[r][c];
        }
    }
}

INLINE void push(const int rows, const int columns, real *top, vec (*sum)[WIDE_COLUMNS])
{
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            vstore(top + (r * columns + c) * LANES, sum[r][c]);
        }
    }
}

/** Weights w after the plain update by a finished sum. */
INLINE vec descend(const struct REAL(descent) * descent, vec sum, vec w)
{
    return vfma(vset(-descent->rate), sum * vset(descent->scale), w);
}

/** A finished sum, from a stack of either kind, to its place in G. */
INLINE void finish(const int rows, const int columns, const real *from, const struct place *place,
                   real *G)
{
    vec total = vload(place->size);
    G += place->at;
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            vec value = vload(from + (r * columns + c) * LANES);
            vstore(G + c * LANES, value);
            total = total + vabs(value);
        }
        G += place->ldg;
    }
    vstore(place->size, total);
}

/** Room for the sums that wait in a tile, one for all tiles of a function: each is many cases. */
typedef real waiting[SUBTREES_MAX][TILE_REALS];

/**
 * `shards` at a time, 1 or 2: a tile of rows x columns over the examples of a part, its rows inputs
 * and its columns registers of outputs, or `turned`, the other way around.
 */
INLINE void tile(const int rows, const int columns, const int shards, const bool turned,
                 const bool descends, const real *const *X, size_t first, const real *D, size_t ldd,
                 const struct shard_run *run, const struct part *part, struct place *place,
                 waiting stack)
{
    vec sum[TILE_TALL][WIDE_COLUMNS];
    vec second[TILE_TALL][WIDE_COLUMNS];
    size_t depth = 0;
    size_t below = part->depth;
    size_t base = run->before;
    size_t e = part->example;
    size_t s = part->begin;
    const char *soon = place->soon;
    const size_t step = place->step;
    const size_t ahead = place->ahead;
    unsigned merges;
    do { /* a part has at least one shard */
        size_t end = run->end[s];
        size_t length = end - e;
        const real *d = D + e * ldd;
        const real *other = d + length * ldd; /* deltas of the pair's other shard */
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                sum[r][c] = vzero();
                second[r][c] = vzero();
            }
        }
        UNROLL_EXAMPLES for (; e < end; e++, d += ldd, other += ldd, soon += step)
        {
            if (!turned) { /* few outputs' deltas stay in the first-level cache */
                __builtin_prefetch(soon, 0, 2);
            }
            add_deltas(rows, columns, turned, X[e] + first, d, ahead, sum);
            if (shards == 2) {
                add_deltas(rows, columns, turned, X[e + length] + first, other, ahead, second);
            }
        }
        merges = run->merges[s];
        if (shards == 2) {
            UNROLL_ROWS for (int r = 0; r < rows; r++)
            {
                UNROLL_COLUMNS for (int c = 0; c < columns; c++)
                {
                    sum[r][c] = sum[r][c] + second[r][c];
                }
            }
            e += length;
            merges = run->merges[s + 1] - 1u;
        }
        for (; merges > 0 && depth + below > 0; merges--) {
            const real *left = depth > 0 ? stack[--depth] : place->carry + --below * place->level;
            pop(rows, columns, left, sum);
        }
        s += (size_t)shards;
        if (s < part->end) {
            push(rows, columns, stack[depth++], sum);
        }
    } while (s < part->end);
    place->soon = soon;
    for (; merges > 0; merges--) {
        real *left = place->G[--base];
        join(rows, columns, place->ldg, left + place->at, sum);
    }
    if (descends && part->last) {
        vec total = vload(place->size);
        real *W = place->G[0] + place->at;
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                real *w = W + c * LANES;
                vstore(w, descend(place->descent, sum[r][c], vload(w)));
                total = total + vabs(sum[r][c]);
            }
            W += place->ldg;
        }
        vstore(place->size, total);
    } else if (part->last) {
        vec total = vload(place->size);
        real *const *to = place->G + base;
        real *G = to[below + depth] + place->at;
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                vstore(G + c * LANES, sum[r][c]);
                total = total + vabs(sum[r][c]);
            }
            G += place->ldg;
        }
        vstore(place->size, total);
        for (size_t j = 0; j < below; j++) {
            finish(rows, columns, place->carry + j * place->level, place, to[j]);
        }
        for (size_t j = 0; j < depth; j++) {
            finish(rows, columns, stack[j], place, to[below + j]);
        }
    } else {
        push(rows, columns, place->carry + (below + depth) * place->level, sum);
        for (size_t j = 0; j < depth; j++) {
            memcpy(place->carry + (below + j) * place->level, stack[j],
                   (size_t)(rows * columns) * LANES * sizeof(real));
        }
    }
}

/**
 * During a tile of the last part its place in G is asked for that the next will be joined to, stored
 * to or descend: those lines are wanted sooner than deltas, and stores that miss wait for each other.
 */
INLINE void ask_for_place(struct place *place, int high, const struct shard_run *run,
                          const struct part *part)
{
    const real *G = place->G[run->before > 0 ? run->before - 1 : 0];
    size_t bytes = (size_t)high * place->ldg * sizeof(real);
    place->soon = (const char *)(G + place->at) + bytes;
    place->step = bytes * (part->paired ? 2 : 1) / (run->end[part->end - 1] - part->example);
}

/**
 * Whole tiles of a part that is one shard and not the last: most tiles of a large batch. A function
 * of its own, because there is little to do between two of them, and where a tile may be anything
 * gcc makes much of it. Returns the first input that is left.
 */
INLINE size_t waiting_tiles(const int rows, const int columns, size_t begin, size_t end,
                            const real *const *X, size_t from, const real *D, size_t ldd,
                            const struct shard_run *run, const struct part *part,
                            struct place *place)
{
    const size_t sums = (size_t)(rows * columns) * LANES;
    const real *const *first = X + part->example;
    const real *const *behind = X + run->end[part->begin];
    const size_t merges = run->merges[part->begin];
    const size_t level = place->level;
    const size_t step = place->step;
    real *top = place->carry + (part->depth - merges) * level;
    const char *soon = place->soon;
    size_t i = begin;
    D += part->example * ldd;
    for (; (columns == WIDE_COLUMNS ? wide_rows(end - i) : tile_rows(end - i)) == rows;
         i += (size_t)rows, top += sums) {
        vec sum[TILE_ROWS][WIDE_COLUMNS];
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                sum[r][c] = vzero();
            }
        }
        const real *const *row = first;
        const real *d = D;
        UNROLL_EXAMPLES for (; row < behind; row++, d += ldd, soon += step)
        {
            __builtin_prefetch(soon, 0, 2);
            add_deltas(rows, columns, false, *row + from + i, d, 0, sum);
        }
        for (size_t j = merges; j > 0; j--) {
            pop(rows, columns, top + (j - 1) * level, sum);
        }
        push(rows, columns, top, sum);
    }
    place->soon = soon;
    place->carry += (i - begin) * (size_t)columns * LANES;
    place->at += (i - begin) * place->ldg;
    return i;
}

static __attribute__((noinline)) size_t waiting_slim(size_t begin, size_t end, const real *const *X,
                                                     size_t from, const real *D, size_t ldd,
                                                     const struct shard_run *run,
                                                     const struct part *part, struct place *place)
{
    return waiting_tiles(TILE_ROWS, TILE_COLUMNS, begin, end, X, from, D, ldd, run, part, place);
}

static __attribute__((noinline)) size_t waiting_wide(size_t begin, size_t end, const real *const *X,
                                                     size_t from, const real *D, size_t ldd,
                                                     const struct shard_run *run,
                                                     const struct part *part, struct place *place)
{
    return waiting_tiles(WIDE_ROWS, WIDE_COLUMNS, begin, end, X, from, D, ldd, run, part, place);
}

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
    if (part->end - part->begin == 1 && !part->last) {
        if (wide) {
            i = waiting_wide(begin, end, X, from, D, ldd, run, part, &place);
        } else if (columns == TILE_COLUMNS) {
            i = waiting_slim(begin, end, X, from, D, ldd, run, part, &place);
        }
    }
    while (i < end) {
        size_t left = end - i;
        int high = part->paired ? (wide ? wide_pair_rows(left) : pair_rows(left, columns))
                                : (wide ? wide_rows(left) : tall_rows(left, columns));
        if (part->last) {
            ask_for_place(&place, high, run, part);
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

/** AT (columns, rows) = A (rows, columns), whole registers of either; or weights AT descend by it. */
static void turn(const real *A, size_t lda, size_t rows, size_t columns, real *AT, size_t ldt,
                 const struct REAL(descent) * descent)
{
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
                vstore(to, descent ? descend(descent, square[i], vload(to)) : square[i]);
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

INLINE void gradient(const bool descends, const real *const *X, size_t from, const real *D,
                     const struct shard_run *run, size_t m, size_t n, real *const *G, real *carry,
                     real *size, const struct REAL(descent) * descent)
{
    const size_t inputs = descends ? descent->inputs : m + 1; /* rows of a block of G */
    const size_t above = descends ? from : 0;                 /* those that are not X's */
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
                    if (columns == WIDE_COLUMNS && descends) {
                        wide_descent(i, end, X, from, d, width, run, &part[p], &place);
                        continue;
                    }
                    if (columns == WIDE_COLUMNS) {
                        wide_sums(i, end, X, from, d, width, run, &part[p], &place);
                        continue;
                    }
                    size_t rest = turned ? turned_tiles(i, end, high, X, from, d, width, run,
                                                        &part[p], &place)
                                         : i;
                    tiles(false, descends, rest, end, columns, X, from, d, width, run, &part[p],
                          place);
                }
                c += (size_t)columns;
            }
        }
        i = end;
    }
}

/** A function of its own: in one with the other gcc has fewer registers for either. */
static __attribute__((noinline)) void descend_all(const real *const *X, size_t from, const real *D,
                                                  const struct shard_run *run, size_t m, size_t n,
                                                  real *const *W, real *carry, real *size,
                                                  const struct REAL(descent) * descent)
{
    gradient(true, X, from, D, run, m, n, W, carry, size, descent);
}

void KERNEL(gradient)(const real *const *X, size_t from, const real *D, const struct shard_run *run,
                      size_t m, size_t n, real *const *G, real *carry, real *size,
                      const struct REAL(descent) * descent)
{
    if (descent) {
        descend_all(X, from, D, run, m, n, G, carry, size, descent);
    } else {
        gradient(false, X, from, D, run, m, n, G, carry, size, NULL);
    }
}
