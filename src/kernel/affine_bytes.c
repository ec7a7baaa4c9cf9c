/**
 * affine_bytes: affine() of rows of bytes, each of which becomes byte × scale.
 *
 * Rows made into reals beforehand leave the first-level cache before they are used, and each store to
 * them waits for its line to come back. So a tile makes reals of some of its inputs at a time, in a
 * place that stays near, while the multiply-adds of those before are under way. The rows of the next
 * tile are asked for in between.
 *
 * Where registers are short or few, a block of outputs takes many tiles, and each would do it again:
 * there some rows are made into reals for all of them.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum {
    SOME = 64, /* inputs that a tile makes reals of at a time */
    LINE = 64,
    BY_TILES = TILE_WIDE && 2 * WIDE_COLUMNS * LANES >= PACK
};

/** Reals of `count` bytes; the last register of an odd number also takes some of those before. */
INLINE void widen(const uint8_t *from, size_t count, real scale, real *to)
{
    size_t i = 0;
    for (; i + (size_t)LANES <= count; i += (size_t)LANES) {
        vstore(to + i, vbytes(from + i) * vset(scale));
    }
    if (i < count) {
        vstore(to + count - LANES, vbytes(from + count - LANES) * vset(scale));
    }
}

/** Rows X, of which `next` are wanted after. */
INLINE void tile(const int rows, const int columns, const uint8_t *const *X,
                 const uint8_t *const *next, real scale, size_t m, const real *W, size_t ldw,
                 real *Z, size_t ldz)
{
    _Alignas(64) real x[TILE_ROWS][LANES + SOME];
    vec sum[TILE_ROWS][WIDE_COLUMNS];
    const real *bias = W + m * ldw;
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vload(bias + c * LANES);
        }
    }
    for (size_t i = 0; i < m; i += SOME) {
        size_t count = m - i < SOME ? m - i : SOME;
        UNROLL(1)
        for (int r = 0; r < rows; r++) {
            __builtin_prefetch(next[r] + i);
            widen(X[r] + i, count, scale, x[r] + LANES);
        }
        for (size_t j = 0; j < count; j++, W += ldw) {
            vec b[WIDE_COLUMNS];
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                b[c] = vload(W + c * LANES);
            }
            UNROLL_ROWS for (int r = 0; r < rows; r++)
            {
                vec a = vset(x[r][LANES + j]);
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
            vstore(Z + c * LANES, sum[r][c]);
        }
        Z += ldz;
    }
}

/** Ask for the rows that are next, and for the beginning of each of the others. */
static void begin(const struct REAL(source) * source, const uint32_t *rows, size_t E, size_t m)
{
    enum { NEXT = BY_TILES ? TILE_ROWS : BYTES_ROWS };
    for (size_t e = 0; e < E; e++) {
        size_t end = e < NEXT ? m : 1;
        for (size_t i = 0; i < end; i += LINE) {
            __builtin_prefetch(source->bytes + rows[e] * source->ld + i);
        }
    }
}

/** Tiles that make reals of their inputs. */
INLINE void by_tiles(const struct REAL(source) * source, const uint32_t *rows, size_t E, size_t m,
                     const real *W, size_t n, real *Z, size_t ldz)
{
    const uint8_t *X[2 * TILE_ROWS]; /* of a tile, and of the next */
    const bool any_wide = is_wide(pack_width(n, pack_begin(n, n - 1)));
    begin(source, rows, E, m);
    for (size_t e = 0; e < E;) {
        const size_t high = (size_t)(any_wide ? wide_rows(E - e) : tile_rows(E - e));
        for (size_t r = 0; r < 2 * high; r++) {
            size_t row = e + r < E ? e + r : E - 1;
            X[r] = source->bytes + rows[row] * source->ld;
        }
        for (size_t first = 0, width; first < n; first += width) {
            width = pack_width(n, first);
            size_t registers = registers_for(pack_outputs(n, first));
            for (size_t c = 0; c < registers;) {
                int columns =
                    is_wide(width) ? wide_columns(registers - c) : tile_columns(registers - c);
                const real *block = W + first * (m + 1) + c * (size_t)LANES;
                real *z = Z + e * ldz + first + c * (size_t)LANES;
                if (columns == WIDE_COLUMNS) {
                    WIDE_CALL((int)high, WIDE_COLUMNS, tile, X, X + high, source->scale, m, block,
                              width, z, ldz)
                } else {
                    TILE_CALL((int)high, columns, tile, X, X + high, source->scale, m, block, width,
                              z, ldz)
                }
                c += (size_t)columns;
            }
        }
        e += high;
    }
}

/** Some rows made into reals, then all their tiles. */
INLINE void by_rows(const struct REAL(source) * source, const uint32_t *rows, size_t E, size_t m,
                    const real *W, size_t n, real *Z, size_t ldz, real *scratch)
{
    const size_t ldx = stride_for(m + 1);
    const real *X[BYTES_ROWS];
    for (size_t e = 0, some; e < E; e += some) {
        some = E - e < BYTES_ROWS ? E - e : BYTES_ROWS;
        KERNEL(gather)(scratch, ldx, source, rows + e, 0, some, m);
        for (size_t r = 0; r < some; r++) {
            X[r] = scratch + r * ldx;
        }
        begin(source, rows + e + some, E - e - some < BYTES_ROWS ? E - e - some : BYTES_ROWS, m);
        KERNEL(affine)(X, some, m, W, n, Z + e * ldz, ldz);
    }
}

void KERNEL(affine_bytes)(const struct REAL(source) * source, const uint32_t *rows, size_t E,
                          size_t m, const real *W, size_t n, real *Z, size_t ldz, real *scratch)
{
    if (BY_TILES) {
        by_tiles(source, rows, E, m, W, n, Z, ldz);
    } else {
        by_rows(source, rows, E, m, W, n, Z, ldz, scratch);
    }
}
