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
    TILE_REALS = TILE_ROWS * TILE_COLUMNS * 16
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
    const char *soon; /* deltas of the next part: asked for during this one, so many bytes */
    size_t step;      /* an example (of a pair of shards: two of them) */
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

/** sum += X[e][first + r] D[e][c] for one example. */
INLINE void add_example(const int rows, const int columns, const real *x, const real *d,
                        vec (*sum)[TILE_COLUMNS])
{
    vec b[TILE_COLUMNS];
    __builtin_prefetch(x + LINE, 0, 3);
    UNROLL_COLUMNS for (int c = 0; c < columns; c++)
    {
        b[c] = vload(d + c * LANES);
    }
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        vec a = vset(x[r]);
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vfma(a, b[c], sum[r][c]);
        }
    }
}

INLINE void join(const int rows, const int columns, size_t ld, const real *left,
                 vec (*sum)[TILE_COLUMNS])
{
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vload(left + (size_t)r * ld + c * LANES) + sum[r][c];
        }
    }
}

INLINE void push(const int rows, const int columns, real *top, vec (*sum)[TILE_COLUMNS])
{
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            vstore(top + (r * columns + c) * LANES, sum[r][c]);
        }
    }
}

/** A finished sum, from a stack of either kind, to its place in G. */
INLINE void finish(const int rows, const int columns, const real *from, const struct place *place,
                   real *G)
{
    vec total = vload(place->size);
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            vec value = vload(from + (r * columns + c) * LANES);
            vstore(G + place->at + (size_t)r * place->ldg + c * LANES, value);
            total = total + vabs(value);
        }
    }
    vstore(place->size, total);
}

/** `shards` at a time, 1 or 2: a tile of rows x columns over the examples of a part. */
INLINE void tile(const int rows, const int columns, const int shards, const real *const *X,
                 size_t first, const real *D, size_t ldd, const struct shard_run *run,
                 const struct part *part, struct place *place)
{
    _Alignas(64) real stack[SUBTREES_MAX][TILE_REALS];
    vec sum[TILE_TALL][TILE_COLUMNS];
    vec second[TILE_TALL][TILE_COLUMNS];
    size_t depth = 0;
    size_t below = part->depth;
    size_t base = run->before;
    size_t e = part->example;
    size_t s = part->begin;
    const char *soon = place->soon;
    const size_t step = place->step;
    unsigned merges;
    if (part->last && base > 0) { /* sums of earlier runs, for the last joins */
        for (int r = 0; r < rows; r++) {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                __builtin_prefetch(
                    place->G[base - 1] + place->at + (size_t)r * place->ldg + c * LANES, 1, 3);
            }
        }
    }
    do { /* a part has at least one shard */
        size_t end = run->end[s];
        size_t length = end - e;
        const real *d = D + e * ldd;
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                sum[r][c] = vzero();
                second[r][c] = vzero();
            }
        }
        UNROLL_EXAMPLES for (; e < end; e++, d += ldd, soon += step)
        {
            __builtin_prefetch(soon, 0, 2);
            add_example(rows, columns, X[e] + first, d, sum);
            if (shards == 2) {
                add_example(rows, columns, X[e + length] + first, d + length * ldd, second);
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
            join(rows, columns, (size_t)(columns * LANES), left, sum);
        }
        s += (size_t)shards;
        if (s < part->end) {
            push(rows, columns, stack[depth++], sum);
        }
    } while (s < part->end);
    place->soon = soon;
    for (; merges > 0; merges--) {
        join(rows, columns, place->ldg, place->G[--base] + place->at, sum);
    }
    if (part->last) {
        vec total = vload(place->size);
        real *const *to = place->G + base;
        real *G = to[below + depth] + place->at;
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                vstore(G + (size_t)r * place->ldg + c * LANES, sum[r][c]);
                total = total + vabs(sum[r][c]);
            }
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

/** The same for the rows of a group of inputs [begin, end) and one column of tiles. */
INLINE void tiles(size_t begin, size_t end, int columns, const real *const *X, size_t from,
                  const real *D, size_t ldd, const struct shard_run *run, const struct part *part,
                  struct place place)
{
    const size_t high_most = part->paired ? TILE_ROWS / 2 : TILE_ROWS;
    /* behind a part's deltas lie those of the next part, or of the next outputs' first */
    place.soon = (const char *)(D + run->end[part->end - 1] * ldd);
    place.step = ldd * sizeof(real) * (part->paired ? 2 : 1) * high_most / (end - begin) + 1;
    for (size_t i = begin; i < end;) {
        int high = part->paired ? pair_rows(end - i, columns) : tall_rows(end - i, columns);
        if (TILE_PAIRS && part->paired) {
            PAIR_CALL(high, columns, tile, 2, X, from + i, D, ldd, run, part, &place)
        } else {
            TALL_CALL(high, columns, tile, 1, X, from + i, D, ldd, run, part, &place)
        }
        place.carry += high * columns * LANES;
        place.at += (size_t)high * place.ldg;
        i += (size_t)high;
    }
}

void KERNEL(gradient)(const real *const *X, size_t from, const real *D, const struct shard_run *run,
                      size_t m, size_t n, real *const *G, real *carry, real *size)
{
    struct part part[PARTS_MAX];
    size_t parts = cut(run, part);
    size_t E = run->end[run->count - 1];
    for (size_t i = 0; i < m + 1;) {
        size_t end = parts == 1 ? m + 1 : i + gradient_group(m + 1 - i);
        for (size_t first = 0; first < n; first += PACK) {
            size_t width = pack_width(n, first);
            size_t registers = registers_for(n - first < PACK ? n - first : PACK);
            for (size_t c = 0; c < registers;) {
                int columns = tile_columns(registers - c);
                size_t o = c * (size_t)LANES;
                struct place place = {.carry = carry,
                                      .level = carry_level(m, n),
                                      .G = G,
                                      .at = first * (m + 1) + i * width + o,
                                      .ldg = width,
                                      .size = size};
                for (size_t p = 0; p < parts; p++) {
                    tiles(i, end, columns, X, from, D + first * E + o, width, run, &part[p], place);
                }
                c += (size_t)columns;
            }
        }
        i = end;
    }
}
