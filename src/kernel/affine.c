/**
 * affine: Z = X Wᵀ + b, the forward pass of a layer.
 *
 * Registers run over outputs. A strip of W (m + 1 rows of three registers) is read front to back
 * for each group of examples, so it streams from the second-level cache while the group's inputs
 * stay in the first. While a block is at work, the next one is asked for, a line a step.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum { LINE = 64 / (int)sizeof(real), ROW_BYTES = 512 };

INLINE void tile(const int rows, const int columns, const real *const *X, size_t m,
                 const real *soon, size_t soon_step, const real *W, size_t ldw, real *Z, size_t ldz)
{
    vec sum[TILE_ROWS][TILE_COLUMNS];
    const real *bias = W + m * ldw;
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vload(bias + c * LANES);
        }
    }
    const real *w = W;
    for (size_t i = 0; i < m; i++, w += ldw, soon += soon_step) {
        vec b[TILE_COLUMNS];
        __builtin_prefetch(soon, 0, 2);
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            b[c] = vload(w + c * LANES);
        }
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            vec a = vset(X[r][i]);
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                sum[r][c] = vfma(a, b[c], sum[r][c]);
            }
        }
    }
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            vstore(Z + (size_t)r * ldz + c * LANES, sum[r][c]);
        }
    }
}

/** Ask for the rows of the tile that begins at e: they may come from anywhere in a data set. */
static void ask_for_rows(const real *const *X, size_t e, size_t E, size_t m)
{
    size_t last = e + TILE_ROWS < E ? e + TILE_ROWS : E;
    size_t bytes = m * sizeof(real) < ROW_BYTES ? m * sizeof(real) : ROW_BYTES;
    for (; e < last; e++) {
        for (size_t b = 0; b < bytes; b += 64) {
            __builtin_prefetch((const char *)X[e] + b, 0, 2);
        }
    }
}

void KERNEL(affine)(const real *const *X, size_t E, size_t m, const real *W, size_t n, real *Z,
                    size_t ldz)
{
    for (size_t first = 0; first < n; first += PACK) {
        size_t width = pack_width(n, first);
        size_t registers = registers_for(n - first < PACK ? n - first : PACK);
        const real *block = W + first * (m + 1);
        const real *soon = block + (m + 1) * width;
        const real *soon_end = soon + (first + PACK < n ? (m + 1) * width : 0);
        for (size_t c = 0; c < registers;) {
            int columns = tile_columns(registers - c);
            size_t o = c * (size_t)LANES;
            for (size_t e = 0; e < E;) {
                int high = tile_rows(E - e);
                if (first + c == 0) {
                    ask_for_rows(X, e + (size_t)high, E, m);
                }
                size_t step = soon < soon_end ? LINE : 0;
                TILE_CALL(high, columns, tile, X + e, m, soon, step, block + o, width,
                          Z + e * ldz + first + o, ldz)
                soon += m * step;
                e += (size_t)high;
            }
            c += (size_t)columns;
        }
    }
}
