/**
 * pullback: PT = W DT, the deltas of a layer pulled back through its weights.
 *
 * Registers run over examples; single weights are spread over them. The sum runs over outputs,
 * block after block of the pack, with the sums kept in registers from block to block.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum { LINE = 64 };

INLINE void tile(const int rows, const int columns, const real *W, size_t m, size_t n, size_t i,
                 const real *DT, size_t ldt, real *PT)
{
    vec sum[TILE_ROWS][TILE_COLUMNS];
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vzero();
        }
    }
    const real *d = DT;
    for (size_t first = 0; first < n; first += PACK) {
        size_t width = pack_width(n, first);
        size_t outputs = n - first < PACK ? n - first : PACK;
        const real *w = W + first * (m + 1) + i * width;
        /* the next block's rows lie far away: ask for them now */
        const char *next = (const char *)(w + (m + 1) * width);
        for (size_t b = 0; b < (size_t)rows * PACK * sizeof(real) && first + PACK < n; b += LINE) {
            __builtin_prefetch(next + b, 0, 2);
        }
        for (size_t o = 0; o < outputs; o++, d += ldt) {
            vec b[TILE_COLUMNS];
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                b[c] = vload(d + c * LANES);
            }
            UNROLL_ROWS for (int r = 0; r < rows; r++)
            {
                vec a = vset(w[(size_t)r * width + o]);
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
            vstore(PT + (size_t)r * ldt + c * LANES, sum[r][c]);
        }
    }
}

void KERNEL(pullback)(const real *W, size_t m, size_t n, const real *DT, size_t ldt, size_t E,
                      real *PT)
{
    size_t registers = registers_for(E);
    for (size_t i = 0; i < m;) {
        int rows = tile_rows(m - i);
        for (size_t c = 0; c < registers;) {
            int columns = tile_columns(registers - c);
            size_t e = c * (size_t)LANES;
            TILE_CALL(rows, columns, tile, W, m, n, i, DT + e, ldt, PT + i * ldt + e)
            c += (size_t)columns;
        }
        i += (size_t)rows;
    }
}
