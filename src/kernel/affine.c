/**
 * affine: Z = X Wᵀ + b, the forward pass of a layer.
 *
 * Registers run over outputs. A strip of W (m + 1 rows of three registers) is read front to back
 * for each group of examples, so it streams from the second-level cache while the group's inputs
 * stay in the first. A group takes its tiles of all outputs at once if W as a whole stays in the
 * second-level cache: then there is the more time for the next group's rows, which may have to come
 * from memory. Otherwise block follows block; while one is at work the next is asked for.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum {
    LINE = 64 / (int)sizeof(real),
    LONG = 64,        /* rows from which on they are asked for */
    WHOLE = 448 << 10 /* bytes of W that stay in a second-level cache of 512 KiB */
};

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
    const size_t at_once = pack_size(m, n) * sizeof(real) <= WHOLE ? n : PACK;
    for (size_t from = 0; from < n; from += at_once) {
        size_t to = n - from < at_once ? n : from + at_once;
        size_t tiles = (registers_for(to - from) + TILE_COLUMNS - 1) / TILE_COLUMNS;
        const real *soon = W + to * (m + 1); /* the next block */
        const real *soon_end = soon + (to < n ? (m + 1) * pack_width(n, to) : 0);
        for (size_t e = 0; e < E;) {
            int high = tile_rows(E - e);
            const real *const *next = X + e + high; /* the rows of the next tiles */
            size_t left = E - e - (size_t)high < TILE_ROWS ? E - e - (size_t)high : TILE_ROWS;
            size_t each = from == 0 && m >= LONG ? (left + tiles - 1) / tiles : 0;
            for (size_t first = from; first < to; first += PACK) {
                size_t width = pack_width(n, first);
                size_t registers = registers_for(n - first < PACK ? n - first : PACK);
                const real *block = W + first * (m + 1);
                for (size_t c = 0; c < registers;) {
                    int columns = tile_columns(registers - c);
                    size_t o = c * (size_t)LANES;
                    size_t rows = left < each ? left : each;
                    struct ahead ahead = {.place = &soon, .share = m};
                    if (rows > 0) {
                        ahead = (struct ahead){next, (m + rows - 1) / rows, rows};
                        next += rows;
                        left -= rows;
                    } else if (soon < soon_end) {
                        /* evenly over all tiles: in a burst the loads that are needed now would
                           wait behind */
                        size_t step = (size_t)columns * LANES * TILE_ROWS / E + 1;
                        ahead.step = step < LINE ? step : LINE;
                    }
                    TILE_CALL(high, columns, tile, X + e, m, &ahead, block + o, width,
                              Z + e * ldz + first + o, ldz)
                    if (rows == 0) {
                        soon += m * ahead.step;
                    }
                    c += (size_t)columns;
                }
            }
            e += (size_t)high;
        }
    }
}
