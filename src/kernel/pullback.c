/**
 * pullback: PT = W DT, the deltas of a layer pulled back through its weights.
 *
 * Registers run over examples; single weights are spread over them. The sum runs over outputs,
 * block after block of the pack, with the sums kept in registers from block to block. The weights of
 * the next tile's inputs lie far apart, a stretch in each block: they are asked for evenly, a part of
 * each stretch during every tile of the inputs at hand. So is what comes after the pull-back: lines
 * asked for in a burst would keep those waiting that are needed now. Where the sums go has left the
 * first-level cache since the inputs before; a tile asks for it during its last blocks.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum {
    LINE = 64 / (int)sizeof(real),
    LAST = 4 /* blocks during which a tile asks for where it is stored: what was asked for earlier
                would be gone again */
};

/** What is left of a struct ahead, `each` lines of x and of d at a time. */
struct asking {
    const real *x, *d;
    size_t ldx, width, at, left, each;
};

static struct asking asking_for(const struct REAL(ahead) * ahead, size_t times)
{
    if (!ahead) {
        return (struct asking){0};
    }
    size_t lines = ahead->rows * (ahead->width / LINE);
    return (struct asking){.x = ahead->x,
                           .d = ahead->d,
                           .ldx = ahead->ldx,
                           .width = ahead->width,
                           .left = lines,
                           .each = (lines + times - 1) / times};
}

INLINE void ask(struct asking *a)
{
    size_t lines = a->left < a->each ? a->left : a->each;
    a->left -= lines;
    for (; lines > 0; lines--) {
        __builtin_prefetch(a->x + a->at, 0, 2);
        __builtin_prefetch(a->d, 1, 2);
        a->d += LINE;
        a->at += LINE;
        if (a->at == a->width) {
            a->at = 0;
            a->x += a->ldx;
        }
    }
}

/** Ask for a part of a tile's rows, as `left` of the sums' outputs are left. */
INLINE void ask_for_stores(const real *PT, size_t ldt, const int columns, size_t left)
{
    enum { SOME = (TILE_ROWS + LAST - 1) / LAST };
    if (left <= LAST * PACK) {
        PT += (left - 1) / PACK * SOME * ldt;
        UNROLL_ROWS for (int r = 0; r < SOME; r++)
        {
            UNROLL_COLUMNS for (int c = 0; c < columns; c++)
            {
                __builtin_prefetch(PT + (size_t)r * ldt + c * LANES, 1);
            }
        }
    }
}

INLINE void tile(const int rows, const int columns, const real *W, size_t m, size_t n, size_t i,
                 const real *DT, size_t ldt, real *PT, size_t done, size_t step,
                 struct asking *asking)
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
    for (size_t first = 0, width; first < n; first += width) {
        width = pack_width(n, first);
        size_t outputs = n - first < width ? n - first : width;
        const real *w = W + first * (m + 1) + i * width;
        const char *soon = (const char *)(w + (size_t)rows * width) + done * outputs;
        ask(asking);
        ask_for_stores(PT, ldt, columns, n - first);
        for (size_t o = 0; o < outputs; o++, d += ldt) {
            vec b[TILE_COLUMNS];
            __builtin_prefetch(soon + o * step, 0, 2);
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

void KERNEL(pullback)(const real *W, size_t m, size_t n, size_t from, size_t to, const real *DT,
                      size_t ldt, size_t E, real *PT, const struct REAL(ahead) * ahead)
{
    size_t registers = registers_for(E);
    size_t down = (to - from + TILE_ROWS - 1) / TILE_ROWS;
    size_t across = (registers + TILE_COLUMNS - 1) / TILE_COLUMNS;
    struct asking asking = asking_for(ahead, down * across * ((n + PACK - 1) / PACK));
    for (size_t i = from; i < to;) {
        int rows = tile_rows(to - i);
        size_t next = (size_t)rows * sizeof(real);
        for (size_t c = 0; c < registers;) {
            int columns = tile_columns(registers - c);
            size_t e = c * (size_t)LANES;
            size_t done = next * c / registers; /* bytes for each output */
            size_t step = next * (size_t)columns / registers + 1;
            TILE_CALL(rows, columns, tile, W, m, n, i, DT + e, ldt, PT + (i - from) * ldt + e, done,
                      step, &asking)
            c += (size_t)columns;
        }
        i += (size_t)rows;
    }
}
