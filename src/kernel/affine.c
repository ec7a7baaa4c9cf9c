/**
 * affine: Z = X Wᵀ + b, the forward pass of a layer.
 *
 * Registers run over outputs. A strip of W (m + 1 rows of three registers) is read front to back
 * for each group of examples, so it streams from the second-level cache while the group's inputs
 * stay in the first. A group takes its tiles of all outputs at once if W as a whole stays in the
 * second-level cache: then there is the more time for the next group's rows, which may have to come
 * from memory. Otherwise block follows block; while one is at work the next is asked for.
 *
 * Rows are asked for into the first-level cache: a line has several requests, and while it is under
 * way to the second one each of them goes there. A request also holds up the tile around it until
 * its page is found, and each row may have a page of its own; so all rows' pages are looked up at
 * first, several at a time.
 *
 * If the last outputs are few, lanes would be empty, or tiles of one column wait for loads: there the
 * inputs are turned, some at a time, so that registers run over examples, and what they come to is
 * turned back.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum {
    LINE = 64 / (int)sizeof(real),
    LONG = 2 * LINE,      /* rows from which on they are asked for here, not by whoever gathers */
    BEGINNING = 8 * LINE, /* of a row; the processor foresees what follows */
    WHOLE = 448 << 10     /* bytes of W, or of Z, that stay in a second-level cache of 512 KiB */
};

/** What is asked for during a tile: from each place, for `share` inputs, `step` reals further each time. */
struct ahead {
    struct place {
        const real *at;
        size_t step;
    } place[2 * TILE_ROWS];
    size_t share;
};

INLINE void tile(const int rows, const int columns, const real *const *X, size_t m,
                 const struct ahead *ahead, const real *W, size_t ldw, real *Z, size_t ldz)
{
    vec sum[TILE_ROWS][WIDE_COLUMNS];
    const real *bias = W + m * ldw;
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = vload(bias + c * LANES);
        }
    }
    const real *w = W;
    const struct place *place = ahead->place;
    size_t i = 0;
    while (i < m) {
        const real *soon = place->at;
        size_t step = place->step;
        size_t end = m - i < ahead->share ? m : i + ahead->share;
        for (place++; i < end; i++, w += ldw, soon += step) {
            vec b[WIDE_COLUMNS];
            __builtin_prefetch(soon);
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
            vstore(Z + c * LANES, sum[r][c]);
        }
        Z += ldz;
    }
}

/** Ask for so many rows. */
static void ask_for_rows(struct ahead *ahead, const real *const *row, size_t rows, size_t m)
{
    ahead->share = (m + rows - 1) / rows;
    for (size_t r = 0; r < rows; r++) {
        ahead->place[r] = (struct place){row[r], rows};
    }
}

/** Ask for where the tile's rows will be stored, and in between for weights, each time `step` further. */
static void ask_for_stores(struct ahead *ahead, const real *Z, size_t ldz, int rows,
                           const real *weights, size_t step, size_t m)
{
    size_t share = (m + 2 * TILE_ROWS - 1) / (2 * TILE_ROWS);
    ahead->share = share;
    for (int r = 0; r < TILE_ROWS; r++) {
        ahead->place[2 * r] = (struct place){weights, step};
        ahead->place[2 * r + 1] = (struct place){Z, TILE_COLUMNS * LANES / share + 1};
        weights += step * share;
        Z += r + 1 < rows ? ldz : 0;
    }
}

/** Blocks of one width: n outputs, of blocks that begin at W, in tiles of so many rows at most. */
INLINE void blocks(const bool wide, const real *const *X, size_t E, size_t m, const real *W,
                   size_t width, size_t n, bool rows_wanted, real *Z, size_t ldz)
{
    const size_t most = wide ? WIDE_ROWS : TILE_ROWS;
    const size_t at_once = pack_size(m, n) * sizeof(real) <= WHOLE ? n : width;
    /* Z does not stay near either; with 16 registers tiles take too little time for the requests */
    const bool stores =
        TILE_ROWS == 8 && at_once < n && m >= LONG * TILE_ROWS && E * ldz * sizeof(real) > WHOLE;
    struct ahead ahead;
    for (size_t from = 0; from < n; from += at_once) {
        size_t to = n - from < at_once ? n : from + at_once;
        size_t tiles = (registers_for(to - from) + TILE_COLUMNS - 1) / TILE_COLUMNS;
        const real *soon = W + to * (m + 1); /* the next block */
        const real *soon_end = soon + (to < n ? (m + 1) * width : 0);
        for (size_t e = 0; e < E;) {
            int high = wide ? wide_rows(E - e) : tile_rows(E - e);
            const real *const *next = X + e + high; /* the rows of the next tiles */
            size_t left = E - e - (size_t)high < most ? E - e - (size_t)high : most;
            size_t each = rows_wanted && from == 0 && m >= LONG ? (left + tiles - 1) / tiles : 0;
            for (size_t first = from; first < to; first += width) {
                size_t registers = registers_for(to - first < width ? to - first : width);
                const real *block = W + first * (m + 1);
                for (size_t c = 0; c < registers;) {
                    int columns = wide ? wide_columns(registers - c) : tile_columns(registers - c);
                    size_t o = c * (size_t)LANES;
                    real *z = Z + e * ldz + first + o;
                    size_t rows = left < each ? left : each;
                    size_t step = 0;
                    if (soon < soon_end && rows == 0) {
                        /* evenly over all tiles: in a burst the loads that are needed now would
                           wait behind */
                        step = (size_t)columns * LANES * most * (stores ? 2 : 1) / E + 1;
                        step = step < LINE ? step : LINE;
                    }
                    if (rows > 0) {
                        ask_for_rows(&ahead, next, rows, m);
                        next += rows;
                        left -= rows;
                    } else if (stores) {
                        ask_for_stores(&ahead, z, ldz, high, soon, step, m);
                        soon += step * m / 2;
                    } else {
                        ahead.share = m;
                        ahead.place[0] = (struct place){soon, step};
                        soon += step * m;
                    }
                    if (columns == WIDE_COLUMNS) {
                        WIDE_CALL(high, WIDE_COLUMNS, tile, X + e, m, &ahead, block + o, width, z,
                                  ldz)
                    } else {
                        TILE_CALL(high, columns, tile, X + e, m, &ahead, block + o, width, z, ldz)
                    }
                    c += (size_t)columns;
                }
            }
            e += (size_t)high;
        }
    }
}

/** Functions of their own, for their registers' sake. */
static __attribute__((noinline)) void slim_blocks(const real *const *X, size_t E, size_t m,
                                                  const real *W, size_t width, size_t n,
                                                  bool rows_wanted, real *Z, size_t ldz)
{
    blocks(false, X, E, m, W, width, n, rows_wanted, Z, ldz);
}

static __attribute__((noinline)) void wide_blocks(const real *const *X, size_t E, size_t m,
                                                  const real *W, size_t n, bool rows_wanted,
                                                  real *Z, size_t ldz)
{
    blocks(true, X, E, m, W, PACK, n, rows_wanted, Z, ldz);
}

/* Inputs, and examples, that are turned at a time. */
enum { SOME = 48, BAND = TILE_COLUMNS * LANES };

/** ZT[r][e] += Σ_i W[i][r] XT[i][e], from the bias at first. */
INLINE void turned_tile(const int rows, const int columns, const real *XT, size_t inputs,
                        const real *W, size_t ldw, const real *bias, real *ZT)
{
    vec sum[TILE_ROWS][TILE_COLUMNS];
    UNROLL_ROWS for (int r = 0; r < rows; r++)
    {
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            sum[r][c] = bias ? vset(bias[r]) : vload(ZT + r * BAND + c * LANES);
        }
    }
    for (size_t i = 0; i < inputs; i++, W += ldw, XT += BAND) {
        vec b[TILE_COLUMNS];
        UNROLL_COLUMNS for (int c = 0; c < columns; c++)
        {
            b[c] = vload(XT + c * LANES);
        }
        UNROLL_ROWS for (int r = 0; r < rows; r++)
        {
            vec a = vset(W[r]);
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
            vstore(ZT + r * BAND + c * LANES, sum[r][c]);
        }
    }
}

/** Inputs [from, from + inputs) of `examples` rows, transposed; those of the next rows are asked for. */
static void turn(const real *const *X, size_t examples, size_t left, size_t from, size_t inputs,
                 real *XT)
{
    for (size_t e = 0; e < examples; e += (size_t)LANES) {
        for (size_t i = 0; i < inputs; i += (size_t)LANES) {
            vec square[16];
            UNROLL(16)
            for (int j = 0; j < LANES; j++) {
                size_t row = e + (size_t)j;
                square[j] = row < examples ? vload(X[row] + from + i) : vzero();
                if (row + BAND < left) {
                    __builtin_prefetch(X[row + BAND] + from + i);
                }
            }
            vtranspose(square);
            UNROLL(16)
            for (int j = 0; j < LANES; j++) {
                vstore(XT + (i + (size_t)j) * BAND + e, square[j]);
            }
        }
    }
}

/** Rows of Z from ZT; what lies behind n in a register may be anything. */
static void turn_back(const real *ZT, size_t examples, size_t n, real *Z, size_t ldz)
{
    for (size_t e = 0; e < examples; e += (size_t)LANES) {
        vec square[16];
        UNROLL(16)
        for (int j = 0; j < LANES; j++) {
            square[j] = (size_t)j < n ? vload(ZT + j * BAND + e) : vzero();
        }
        vtranspose(square);
        UNROLL(16)
        for (int j = 0; j < LANES; j++) {
            if (e + (size_t)j < examples) {
                vstore(Z + (e + (size_t)j) * ldz, square[j]);
            }
        }
    }
}

/** The same as affine() for a block of few outputs, of a width of ldw. */
static __attribute__((noinline)) void turned(const real *const *X, size_t E, size_t m,
                                             const real *W, size_t ldw, size_t n, real *Z,
                                             size_t ldz)
{
    _Alignas(64) real XT[SOME * BAND];
    _Alignas(64) real ZT[PACK_UNIT * BAND];
    for (size_t e = 0; e < E;) {
        int columns = tile_columns(registers_for(E - e));
        size_t examples = (size_t)columns * LANES;
        examples = E - e < examples ? E - e : examples;
        for (size_t i = 0; i < m; i += SOME) {
            size_t inputs = m - i < SOME ? m - i : SOME;
            turn(X + e, examples, E - e, i, inputs, XT);
            for (size_t o = 0; o < n;) {
                int rows = tile_rows(n - o);
                const real *bias = i == 0 ? W + m * ldw + o : NULL;
                TILE_CALL(rows, columns, turned_tile, XT, inputs, W + i * ldw + o, ldw, bias,
                          ZT + o * BAND)
                o += (size_t)rows;
            }
        }
        turn_back(ZT, examples, n, Z + e * ldz, ldz);
        e += examples;
    }
}

/** Is a last block of so many outputs turned? Not where turning would be too much of the work. */
static bool is_turned(size_t E, size_t m, size_t outputs)
{
    return E >= (size_t)LANES && m >= (size_t)LANES && outputs > 0 &&
           4 * outputs <= 3 * (size_t)LANES;
}

/** Ask for the beginning of the first tile's rows, and for something of each of the others. */
static void begin(const real *const *X, size_t E, size_t m)
{
    for (size_t e = 0; e < E; e++) {
        size_t end = e >= TILE_ROWS ? 1 : m < BEGINNING ? m : BEGINNING;
        for (size_t i = 0; i < end; i += LINE) {
            __builtin_prefetch(X[e] + i);
        }
    }
}

/** Do rows lie anywhere? The values of a layer do not: they are near, side by side. */
static bool is_scattered(const real *const *X, size_t E)
{
    return E > 1 && X[E - 1] - X[0] != (ptrdiff_t)(E - 1) * (X[1] - X[0]);
}

void KERNEL(affine)(const real *const *X, size_t E, size_t m, const real *W, size_t n, real *Z,
                    size_t ldz)
{
    if (m >= LONG && is_scattered(X, E)) {
        begin(X, E, m);
    }
    for (size_t from = 0, to; from < n; from = to) {
        const size_t width = pack_width(n, from);
        size_t last = from; /* of the blocks in a row that have this width */
        while (last + width < n && pack_width(n, last + width) == width) {
            last += width;
        }
        to = last + width < n ? last + width : n;
        size_t few = to < n ? 0 : (n - last) % PACK_SLIM;
        /* together with those before few outputs are faster unless that leaves many lanes empty */
        if (!is_turned(E, m, few) || (is_wide(width) && few + 8 > (size_t)LANES)) {
            few = 0;
        }
        size_t rest = to - few;
        if (is_wide(width)) {
            wide_blocks(X, E, m, W + from * (m + 1), rest - from, from == 0, Z + from, ldz);
        } else {
            slim_blocks(X, E, m, W + from * (m + 1), width, rest - from, from == 0, Z + from, ldz);
        }
        if (few > 0) {
            turned(X, E, m, W + last * (m + 1) + (rest - last), width, few, Z + rest, ldz);
        }
    }
}
