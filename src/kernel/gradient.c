/**
 * gradient: G = Dᵀ X, shard by shard, the shards' sums joined in a tree while the tile is in reach.
 *
 * Registers run over outputs, rows of a tile over inputs (the last input is the constant 1 of the
 * bias). A tile's sum over one shard ends in registers; it is pushed on a small stack of tiles in
 * the first-level cache and joined there as the run of shards says, like the carry of a binary
 * counter. So a weight delta leaves for memory once, however many shards it is made of.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum { TILE_REALS = TILE_ROWS * TILE_COLUMNS * 16 };

/** Inputs ahead that are asked for: the line of X that the tile after the next begins with. */
enum { LINE = 64, AHEAD = 2 * LINE / (int)sizeof(real) };

/* Twice hides the loop's own instructions; with 16 registers it would spill sums to memory. */
#if TILE_ROWS == 8 && defined(__clang__)
#define UNROLL_EXAMPLES _Pragma("clang loop unroll_count(2)")
#elif TILE_ROWS == 8
#define UNROLL_EXAMPLES _Pragma("GCC unroll 2")
#else
#define UNROLL_EXAMPLES
#endif

/** The sums of `size` are in memory so that they take no register from the tile's. */
INLINE void tile(const int rows, const int columns, const real *const *X, size_t first,
                 const real *D, size_t ldd, const struct shard_run *run, real *const *G, size_t at,
                 size_t ldg, real *size)
{
    _Alignas(64) real stack[SUBTREES_MAX][TILE_REALS];
    vec sum[TILE_ROWS][TILE_COLUMNS];
    size_t depth = 0;
    size_t e = 0;
    size_t s = 0;
    do { /* a run has at least one shard */
        size_t end = run->end[s];
        const real *d = D + e * ldd;
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                sum[r][c] = vzero();
            }
        }
        UNROLL_EXAMPLES for (; e < end; e++, d += ldd)
        {
            vec b[TILE_COLUMNS];
            const real *x = X[e] + first;
            __builtin_prefetch(x + AHEAD, 0, 2);
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
        for (unsigned merge = run->merges[s]; merge > 0; merge--) {
            const real *left = stack[--depth];
            UNROLL_ROWS for (int r = 0; r < rows; r++)
            {
                UNROLL_COLUMNS for (int c = 0; c < columns; c++)
                {
                    sum[r][c] = vload(left + (r * columns + c) * LANES) + sum[r][c];
                }
            }
        }
        if (s + 1 < run->count) {
            real *top = stack[depth++];
            UNROLL_ROWS for (int r = 0; r < rows; r++)
            {
                UNROLL_COLUMNS for (int c = 0; c < columns; c++)
                {
                    vstore(top + (r * columns + c) * LANES, sum[r][c]);
                }
            }
        }
    } while (++s < run->count);
    vec total = vload(size);
    real *last = G[depth] + at;
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            vstore(last + (size_t)r * ldg + c * LANES, sum[r][c]);
            total = total + vabs(sum[r][c]);
        }
    }
    for (size_t j = 0; j < depth; j++) {
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                vec value = vload(stack[j] + (r * columns + c) * LANES);
                vstore(G[j] + at + (size_t)r * ldg + c * LANES, value);
                total = total + vabs(value);
            }
        }
    }
    vstore(size, total);
}

void KERNEL(gradient)(const real *const *X, const real *D, const struct shard_run *run, size_t m,
                      size_t n, real *const *G, real *size)
{
    size_t E = run->end[run->count - 1];
    for (size_t first = 0; first < n; first += PACK) {
        size_t width = pack_width(n, first);
        size_t registers = registers_for(n - first < PACK ? n - first : PACK);
        for (size_t c = 0; c < registers;) {
            int columns = tile_columns(registers - c);
            size_t o = c * (size_t)LANES;
            for (size_t i = 0; i < m + 1;) {
                int high = tile_rows(m + 1 - i);
                size_t at = first * (m + 1) + i * width + o;
                TILE_CALL(high, columns, tile, X, i, D + first * E + o, width, run, G, at, width,
                          size)
                i += (size_t)high;
            }
            c += (size_t)columns;
        }
    }
}
