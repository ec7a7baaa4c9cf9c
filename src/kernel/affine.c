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

enum { LINE = 64 / (int)sizeof(real), ROW_STEP = TILE_ROWS, LONG = 64 };

/** What is asked for during a tile: from each place, for `share` inputs, `step` reals further each time. */
struct ahead {
    const real *const *place;
    size_t share, step;
};

INLINE void tile(const int rows, const int columns, const real *const *X, size_t m,
                 const struct ahead *ahead, const real *W, size_t ldw, real *Z, size_t ldz)
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
    const real *const *place = ahead->place;
    size_t i = 0;
    while (i < m) {
        const real *soon = *place++;
        size_t end = m - i < ahead->share ? m : i + ahead->share;
        for (; i < end; i++, w += ldw, soon += ahead->step) {
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
    }
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            vstore(Z + (size_t)r * ldz + c * LANES, sum[r][c]);
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
            /* evenly over all tiles: in a burst the loads that are needed now would wait behind */
            size_t step = (size_t)columns * LANES * TILE_ROWS / E + 1;
            step = step < LINE ? step : LINE;
            for (size_t e = 0; e < E;) {
                int high = tile_rows(E - e);
                struct ahead ahead = {.place = &soon, .share = m};
                if (first + c == 0 && m >= LONG && e + (size_t)high < E) {
                    size_t left = E - e - (size_t)high; /* the rows of the next tile */
                    size_t rows = left < TILE_ROWS ? left : TILE_ROWS;
                    ahead.place = X + e + high;
                    ahead.share = (m + rows - 1) / rows;
                    ahead.step = ROW_STEP;
                } else if (soon < soon_end) {
                    ahead.step = step;
                }
                TILE_CALL(high, columns, tile, X + e, m, &ahead, block + o, width,
                          Z + e * ldz + first + o, ldz)
                if (ahead.place == &soon)
                    soon += m * ahead.step;
                e += (size_t)high;
            }
            c += (size_t)columns;
        }
    }
}
