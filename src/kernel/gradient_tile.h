/**
 * gradient_tile: a tile of weight deltas over a part of the examples, shard by shard.
 *
 * Within a part the tile's sums over shards are joined on a small stack, like the carry of a binary
 * counter; the stack goes on in `carry`, where the tile's sums of earlier parts wait. After the last
 * part the sums go to G, or W descends by them.
 *
 * Where a tile goes row by row through G, a pointer moves on: gcc would have all rows' distances
 * computed beforehand, put aside on the stack for all sizes of tiles.
 */
#ifndef KERNEL_GRADIENT_TILE_H
#define KERNEL_GRADIENT_TILE_H

#include <string.h>

#include "kernel/parts.h"

/* Twice hides the loop's own instructions; with 16 registers it would spill sums to memory. */
#if TILE_ROWS == 8 && defined(__clang__)
#define UNROLL_EXAMPLES _Pragma("clang loop unroll_count(2)")
#elif TILE_ROWS == 8
#define UNROLL_EXAMPLES _Pragma("GCC unroll 2")
#else
#define UNROLL_EXAMPLES
#endif

enum { LINE = 64 / (int)sizeof(real), TILE_REALS = TILE_ROWS * TILE_COLUMNS * 16 };

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

/** sum += those of the shard behind it. */
INLINE void add_sums(const int rows, const int columns, vec (*second)[WIDE_COLUMNS],
                     vec (*sum)[WIDE_COLUMNS])
{
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = sum[r][c] + second[r][c];
        }
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

/** total + Σ |sum| of a row: added up apart, since the next row need not wait for it then. */
INLINE vec with_row(const int columns, vec total, const vec *sum)
{
    vec row = vabs(sum[0]);
    UNROLL_COLUMNS for (int c = 1; c < columns; c++)
    {
        row = row + vabs(sum[c]);
    }
    return total + row;
}

/** Finished sums to their place in G; returns total + Σ |sum|. */
INLINE vec finish(const int rows, const int columns, vec (*sum)[WIDE_COLUMNS], real *G, size_t ldg,
                  vec total)
{
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            vstore(G + c * LANES, sum[r][c]);
        }
        total = with_row(columns, total, sum[r]);
        G += ldg;
    }
    return total;
}

/** The same of sums that lie on a stack. */
INLINE vec finish_from(const int rows, const int columns, const real *from, real *G, size_t ldg,
                       vec total)
{
    vec sum[TILE_TALL][WIDE_COLUMNS];
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vload(from + (r * columns + c) * LANES);
        }
    }
    return finish(rows, columns, sum, G, ldg, total);
}

/** What a descent multiplies by, in registers: gcc reads it anew after each store of a weight. */
struct factors {
    vec rate, scale; /* the rate negative */
};

INLINE struct factors factors_of(const struct REAL(descent) * descent)
{
    return (struct factors){.rate = vset(-descent->rate), .scale = vset(descent->scale)};
}

/** Weights w after the plain update by a finished sum. */
INLINE vec descend(const struct factors *f, vec sum, vec w)
{
    return vfma(f->rate, sum * f->scale, w);
}

/** W descends by finished sums; returns total + Σ |sum|. */
INLINE vec descend_tile(const int rows, const int columns, const struct REAL(descent) * descent,
                        vec (*sum)[WIDE_COLUMNS], real *W, size_t ldw, vec total)
{
    const struct factors factors = factors_of(descent);
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        total = with_row(columns, total, sum[r]);
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            real *w = W + c * LANES;
            vstore(w, descend(&factors, sum[r][c], vload(w)));
        }
        W += ldw;
    }
    return total;
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
            if (!turned) {
                __builtin_prefetch(soon, 1, 3);
            }
            add_deltas(rows, columns, turned, X[e] + first, d, ahead, sum);
            if (shards == 2) {
                add_deltas(rows, columns, turned, X[e + length] + first, other, ahead, second);
            }
        }
        merges = run->merges[s];
        if (shards == 2) {
            add_sums(rows, columns, second, sum);
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
        vstore(place->size, descend_tile(rows, columns, place->descent, sum,
                                         place->G[0] + place->at, place->ldg, vload(place->size)));
    } else if (part->last) {
        real *const *to = place->G + base;
        const size_t at = place->at;
        const size_t ldg = place->ldg;
        vec total = vload(place->size);
        total = finish(rows, columns, sum, to[below + depth] + at, ldg, total);
        for (size_t j = 0; j < below; j++) {
            const real *from = place->carry + j * place->level;
            total = finish_from(rows, columns, from, to[j] + at, ldg, total);
        }
        for (size_t j = 0; j < depth; j++) {
            total = finish_from(rows, columns, stack[j], to[below + j] + at, ldg, total);
        }
        vstore(place->size, total);
    } else {
        push(rows, columns, place->carry + (below + depth) * place->level, sum);
        for (size_t j = 0; j < depth; j++) {
            memcpy(place->carry + (below + j) * place->level, stack[j],
                   (size_t)(rows * columns) * LANES * sizeof(real));
        }
    }
}

#endif
