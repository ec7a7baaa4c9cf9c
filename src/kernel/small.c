/**
 * small: all passes of a network and a block of a few values each, in one call. For them the moves
 * between the layouts of the other kernels would be most of the work: here registers run over the
 * examples all the way, and weight deltas, of which there are few, are chains of single reals.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"
#include "kernel/transfer.h"

enum {
    LD = PACK_UNIT,    /* examples of a transposed layer */
    LDD = SMALL_UNITS, /* units of an example's deltas */
    BOTH = 2           /* registers of examples that share a tile's weights, if there are more */
};

/** The constant 1 behind m rows of a transposed layer. */
INLINE void put_one(real *XT, size_t m)
{
    UNROLL(16)
    for (int e = 0; e < LD; e += LANES) {
        vstore(XT + m * LD + e, vset(1));
    }
}

/** Ask for the lines of some rows that value i is in: every LANES values, all rows have had a turn. */
INLINE void ask(const real *const *soon, size_t i)
{
    UNROLL(4)
    for (size_t j = 0; j < (size_t)QUARTER; j++) {
        __builtin_prefetch(soon[i % (size_t)LANES + j] + i);
    }
}

/**
 * A register of rows of m values, transposed: quarters of rows, side by side, are squares of their
 * own (simd.h).
 */
INLINE void turn_rows(const int quarters, const real *const *row, const real *const *soon, size_t m,
                      real *XT)
{
    for (size_t i = 0; i < m; i += (size_t)QUARTER) {
        if (soon) {
            ask(soon, i);
        }
        vec square[QUARTER];
        UNROLL(4)
        for (int j = 0; j < QUARTER; j++) {
            qvec part[QUARTERS];
            UNROLL(4)
            for (int q = 0; q < quarters; q++) {
                part[q] = qload(row[q * QUARTER + j] + i);
            }
            square[j] = quarters == 1 ? vwiden(part[0]) : vjoin(part);
        }
        transpose_quarters(square);
        UNROLL(4)
        for (size_t j = 0; j < (size_t)QUARTER; j++) {
            if (i + j < m) {
                vstore(XT + (i + j) * LD, square[j]);
            }
        }
    }
    for (size_t i = (m + QUARTER - 1) / QUARTER * QUARTER; soon && i < (size_t)LANES;
         i += QUARTER) {
        ask(soon, i); /* rows shorter than that: each has one line all the same */
    }
}

/**
 * Rows of m values, transposed. Lanes without a row have the last one's. Rows that are wanted soon are
 * asked for in between: all at once they would hold up the loads behind them.
 */
static void turn(const real *const *row, const real *const *soon, size_t E, size_t m, real *XT)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        const real *all[LANES];
        const real *const *from = row + e;
        size_t some = E - e;
        size_t wanted = some <= (size_t)QUARTER ? (size_t)QUARTER : (size_t)LANES;
        if (some < wanted) {
            for (size_t j = 0; j < wanted; j++) {
                all[j] = from[j < some ? j : some - 1];
            }
            from = all;
        }
        if (wanted == (size_t)QUARTER) {
            turn_rows(1, from, NULL, m, XT + e);
        } else {
            turn_rows(QUARTERS, from, soon ? soon + e : NULL, m, XT + e);
        }
    }
}

/** Call function(high, …) for a tile of 1 to TILE_ROWS rows. */
#define HIGH_CASE(high, function, ...)                                                             \
    case high:                                                                                     \
        function(high, __VA_ARGS__);                                                               \
        break;
#if TILE_ROWS == 8
#define HIGHER_CASES(function, ...)                                                                \
    HIGH_CASE(7, function, __VA_ARGS__)                                                            \
    HIGH_CASE(8, function, __VA_ARGS__)
#else
#define HIGHER_CASES(function, ...)
#endif
#define HIGH_CALL(high, function, ...)                                                             \
    switch (high) {                                                                                \
        HIGH_CASE(1, function, __VA_ARGS__)                                                        \
        HIGH_CASE(2, function, __VA_ARGS__)                                                        \
        HIGH_CASE(3, function, __VA_ARGS__)                                                        \
        HIGH_CASE(4, function, __VA_ARGS__)                                                        \
        HIGH_CASE(5, function, __VA_ARGS__)                                                        \
        HIGH_CASE(6, function, __VA_ARGS__)                                                        \
        HIGHER_CASES(function, __VA_ARGS__)                                                        \
    default:                                                                                       \
        __builtin_unreachable();                                                                   \
    }

/**
 * ST[r] = Σ_k W[k × down + r × across] AT[k], one chain in order of k from the bias or from 0, for
 * `high` rows r of `columns` registers of examples.
 */
INLINE void sums_tile(int high, const int columns, const real *W, size_t down, size_t across,
                      const real *bias, size_t count, const real *AT, real *ST)
{
    vec s[TILE_ROWS][BOTH];
    UNROLL(8)
    for (int r = 0; r < high; r++) {
        UNROLL(2)
        for (int c = 0; c < columns; c++) {
            s[r][c] = bias ? vset(bias[(size_t)r * across]) : vzero();
        }
    }
    for (size_t k = 0; k < count; k++) {
        vec a[BOTH];
        UNROLL(2)
        for (int c = 0; c < columns; c++) {
            a[c] = vload(AT + k * LD + c * LANES);
        }
        UNROLL(8)
        for (int r = 0; r < high; r++) {
            vec w = vset(W[(size_t)r * across]);
            UNROLL(2)
            for (int c = 0; c < columns; c++) {
                s[r][c] = vfma(w, a[c], s[r][c]);
            }
        }
        W += down;
    }
    UNROLL(8)
    for (int r = 0; r < high; r++) {
        UNROLL(2)
        for (int c = 0; c < columns; c++) {
            vstore(ST + r * LD + c * LANES, s[r][c]);
        }
    }
}

/** f of some rows of so many registers of examples. */
INLINE void transfer_rows_of(enum activation f, const int columns, real *ZT, size_t rows)
{
    for (size_t o = 0; o < rows; o++) {
        UNROLL(2)
        for (int c = 0; c < columns; c++) {
            real *z = ZT + o * LD + c * LANES;
            vstore(z, transfer(f, vload(z)));
        }
    }
}

INLINE void transfer_rows(enum activation f, const int columns, real *ZT, size_t rows)
{
#define TRANSFER_ROWS(f) transfer_rows_of(f, columns, ZT, rows)
    switch (f) {
        TRANSFER_CASES(TRANSFER_ROWS)
    }
}

/** Functions of their own: the room they take would be a layer's, too. */
static __attribute__((noinline)) void transfer_one(enum activation f, real *ZT, size_t rows)
{
    transfer_rows(f, 1, ZT, rows);
}

static __attribute__((noinline)) void transfer_both(enum activation f, real *ZT, size_t rows)
{
    transfer_rows(f, BOTH, ZT, rows);
}

/**
 * X[l], transposed, of `columns` registers of examples. A tile has its transfer function when the
 * next tile's sums are under way: right behind its own it would wait for them, and what is next would
 * wait for it. Tiles of 16 registers are too small for that.
 */
#define TRAILS (TILE_ROWS == 8)
INLINE void layer_columns(const size_t ldw, const int columns, enum activation f, const real *W,
                          size_t m, size_t n, const real *XT, real *ZT)
{
    size_t done = 0;
    int high;
    for (size_t o = 0; o < n; o += (size_t)high) {
        high = tile_rows(n - o);
        HIGH_CALL(high, sums_tile, columns, W + o, ldw, 1, W + m * ldw + o, m, XT, ZT + o * LD)
        if (TRAILS) {
            (columns == 1 ? transfer_one : transfer_both)(f, ZT + done * LD, o - done);
            done = o;
        }
    }
    (columns == 1 ? transfer_one : transfer_both)(f, ZT + done * LD, n - done);
}

/** X[l], transposed, of a layer's inputs XT. */
INLINE void layer_of(const size_t ldw, enum activation f, const real *W, size_t m, size_t n,
                     const real *XT, size_t E, real *ZT)
{
    size_t e = 0;
    for (; E > e + (size_t)LANES; e += (size_t)(BOTH * LANES)) {
        if (BOTH * LANES <= LD) {
            layer_columns(ldw, BOTH, f, W, m, n, XT + e, ZT + e);
        }
    }
    if (e < E) {
        layer_columns(ldw, 1, f, W, m, n, XT + e, ZT + e);
    }
}

static void layer(enum activation f, const real *W, size_t m, size_t n, const real *XT, size_t E,
                  real *ZT)
{
    if (n <= PACK_UNIT) {
        layer_of(PACK_UNIT, f, W, m, n, XT, E, ZT);
    } else {
        layer_of(round16(n), f, W, m, n, XT, E, ZT);
    }
}

INLINE void layer_back_columns(const size_t ldw, const int columns, const real *W, size_t m,
                               size_t n, const real *DT, real *PT)
{
    int high;
    for (size_t i = 0; i < m; i += (size_t)high) {
        high = tile_rows(m - i);
        HIGH_CALL(high, sums_tile, columns, W + i * ldw, 1, ldw, NULL, n, DT, PT + i * LD)
    }
}

/** What deltas DT come to at the layer's inputs, before f'. */
INLINE void layer_back_of(const size_t ldw, const real *W, size_t m, size_t n, const real *DT,
                          size_t E, real *PT)
{
    size_t e = 0;
    for (; E > e + (size_t)LANES; e += (size_t)(BOTH * LANES)) {
        if (BOTH * LANES <= LD) {
            layer_back_columns(ldw, BOTH, W, m, n, DT + e, PT + e);
        }
    }
    if (e < E) {
        layer_back_columns(ldw, 1, W, m, n, DT + e, PT + e);
    }
}

static void layer_back(const real *W, size_t m, size_t n, const real *DT, size_t E, real *PT)
{
    if (n <= PACK_UNIT) {
        layer_back_of(PACK_UNIT, W, m, n, DT, E, PT);
    } else {
        layer_back_of(round16(n), W, m, n, DT, E, PT);
    }
}

/**
 * The deltas of up to `rows` units of a register of examples, zeros behind: f' times what is in DT,
 * where they are put, too, if they are to be kept there.
 */
INLINE void take_deltas(enum activation f, const real *XT, bool keep, const int rows, size_t some,
                        real *DT, vec *delta)
{
    UNROLL(16)
    for (int i = 0; i < rows; i++) {
        delta[i] = vzero();
        if ((size_t)i < some) {
            delta[i] = transfer_back(f, vload(DT + i * LD), vload(XT + i * LD));
            if (keep) {
                vstore(DT + i * LD, delta[i]);
            }
        }
    }
}

/** The same, one example after the other; returns g and the sum over the examples. */
INLINE vec turn_back_square(enum activation f, const real *XT, bool keep, size_t some, real *DT,
                            size_t examples, real *D, vec g)
{
    vec square[16];
    take_deltas(f, XT, keep, LANES, some, DT, square);
    vtranspose(square);
    UNROLL(16)
    for (int i = 0; i < LANES; i++) {
        if ((size_t)i < examples) {
            vstore(D + i * LDD, square[i]);
            g = g + square[i];
        }
    }
    return g;
}

/**
 * The deltas of the examples, one after the other, zeros behind. G, the biases' weight deltas, grow by
 * them: adding is free here, and as good as a product with the constant 1.
 */
INLINE vec turn_back(enum activation f, const real *XT, bool keep, size_t E, size_t n, real *DT,
                     real *D, bool goes_on, real *G, vec size)
{
    for (size_t o = 0; o < n; o += (size_t)LANES) {
        size_t some = n - o < (size_t)LANES ? n - o : (size_t)LANES;
        vec g = goes_on ? vload(G + o) : vzero();
        for (size_t e = 0; e < E; e += (size_t)LANES) {
            g = turn_back_square(f, XT + o * LD + e, keep, some, DT + o * LD + e, E - e,
                                 D + e * LDD + o, g);
        }
        vstore(G + o, g);
        size = size + vabs(g);
    }
    return size;
}

/**
 * The same for up to QUARTER units, without the biases: squares within quarters are all there is to
 * do. D is (QUARTER, LD): those of example e begin in row e mod QUARTER, e rounded down to QUARTER.
 */
INLINE void turn_back_few(enum activation f, const real *XT, bool keep, size_t E, size_t n,
                          real *DT, real *D)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        vec square[QUARTER];
        take_deltas(f, XT + e, keep, QUARTER, n, DT + e, square);
        transpose_quarters(square);
        UNROLL(4)
        for (int j = 0; j < QUARTER; j++) {
            vstore(D + j * LD + e, square[j]);
        }
    }
}

/** Weight deltas of `high` inputs for `columns` registers of outputs; adds Σ |G| to *size. */
INLINE void deltas_tile(int high, const int columns, const real *XT, const real *D, size_t E,
                        bool goes_on, real *G, const size_t ldg, vec *size)
{
    vec g[TILE_ROWS][TILE_COLUMNS];
    UNROLL(8)
    for (int i = 0; i < high; i++) {
        UNROLL(3)
        for (int c = 0; c < columns; c++) {
            g[i][c] = goes_on ? vload(G + (size_t)i * ldg + c * LANES) : vzero();
        }
    }
    for (size_t e = 0; e < E; e++) {
        vec d[TILE_COLUMNS];
        UNROLL(3)
        for (int c = 0; c < columns; c++) {
            d[c] = vload(D + e * LDD + (size_t)(c * LANES));
        }
        UNROLL(8)
        for (int i = 0; i < high; i++) {
            vec x = vset(XT[(size_t)i * LD + e]);
            UNROLL(3)
            for (int c = 0; c < columns; c++) {
                g[i][c] = vfma(d[c], x, g[i][c]);
            }
        }
    }
    UNROLL(8)
    for (int i = 0; i < high; i++) {
        UNROLL(3)
        for (int c = 0; c < columns; c++) {
            vstore(G + (size_t)i * ldg + c * LANES, g[i][c]);
            *size = *size + vabs(g[i][c]);
        }
    }
}

INLINE void deltas_columns(const size_t ldg, const int columns, const real *XT, const real *D,
                           size_t E, size_t m, bool goes_on, real *G, vec *size)
{
    int high;
    for (size_t i = 0; i < m; i += (size_t)high) {
        high = tile_rows(m - i);
        HIGH_CALL(high, deltas_tile, columns, XT + i * LD, D, E, goes_on, G + i * ldg, ldg, size)
    }
}

/** deltas_tile() for up to QUARTER outputs; the biases are an input more. */
INLINE void few_deltas_tile(int high, const real *XT, const real *D, size_t E, bool goes_on,
                            real *G, vec *size)
{
    qvec g[TILE_ROWS];
    UNROLL(8)
    for (int i = 0; i < high; i++) {
        g[i] = goes_on ? qload(G + i * PACK_UNIT) : qset(0);
    }
    for (size_t e = 0; e < E; e += (size_t)QUARTER) {
        UNROLL(4)
        for (size_t j = 0; j < (size_t)QUARTER; j++) {
            if (e + j >= E) {
                break;
            }
            qvec d = qload(D + j * LD + e);
            UNROLL(8)
            for (int i = 0; i < high; i++) {
                g[i] = qfma(d, qset(XT[(size_t)i * LD + e + j]), g[i]);
            }
        }
    }
    UNROLL(8)
    for (int i = 0; i < high; i++) {
        vec wide = vwiden(g[i]);
        vstore(G + i * PACK_UNIT, wide);
        *size = *size + vabs(wide);
    }
}

static vec few_deltas(const real *XT, const real *D, size_t E, size_t m, bool goes_on, real *G,
                      vec size)
{
    int high;
    for (size_t i = 0; i < m + 1; i += (size_t)high) {
        high = tile_rows(m + 1 - i);
        HIGH_CALL(high, few_deltas_tile, XT + i * LD, D, E, goes_on, G + i * PACK_UNIT, &size)
    }
    return size;
}

/** The stride is a constant, so that a tile has one address and no room is needed for others. */
INLINE vec deltas_of(const size_t ldg, const real *XT, const real *D, size_t E, size_t m, size_t n,
                     bool goes_on, real *G, vec size)
{
    if (LANES == PACK_UNIT) {
        deltas_columns(ldg, (int)(ldg / (size_t)LANES), XT, D, E, m, goes_on, G, &size);
        return size;
    }
    int columns;
    for (size_t o = 0; o < n; o += (size_t)(columns * LANES)) {
        columns = tile_columns(registers_for(n - o));
        if (columns == 1) {
            deltas_columns(ldg, 1, XT, D + o, E, m, goes_on, G + o, &size);
        } else if (columns == 2) {
            deltas_columns(ldg, 2, XT, D + o, E, m, goes_on, G + o, &size);
        } else {
            deltas_columns(ldg, TILE_COLUMNS, XT, D + o, E, m, goes_on, G + o, &size);
        }
    }
    return size;
}

static vec deltas(const real *XT, const real *D, size_t E, size_t m, size_t n, bool goes_on,
                  real *G, vec size)
{
    switch (round16(n)) {
    case 16:
        return deltas_of(16, XT, D, E, m, n, goes_on, G, size);
    case 32:
        return deltas_of(32, XT, D, E, m, n, goes_on, G, size);
    default:
        return deltas_of(48, XT, D, E, m, n, goes_on, G, size);
    }
}

/** In a function of its own: the room it takes would be tiny()'s, too. */
static __attribute__((noinline)) real small(const struct REAL(small) * s)
{
    _Alignas(64) real block[3][SMALL_UNITS * LD];
    real *DT = block[0];
    real *PT = block[1];
    real *D = block[2];
    size_t E = s->E;
    size_t L = s->layers;
    real *XT = s->XT;
    if (s->row) {
        turn(s->row, s->soon, E, s->width[0], XT);
        put_one(XT, s->width[0]);
    }
    for (size_t l = 1; l < L; l++) {
        size_t m = s->width[l - 1];
        real *next = XT + (m + 1) * LD;
        layer(s->activation[l], s->W + s->offset[l], m, s->width[l], XT, E, next);
        XT = next;
        put_one(XT, s->width[l]);
    }
    layer(ACTIVATION_LINEAR, s->W + s->offset[L], s->width[L - 1], s->width[L], XT, E, DT);
    const struct REAL(targets)
        targets = {.class_index = s->class_index, .value = PT, .ld = LD, .smoothing = s->smoothing};
    if (!s->class_index) {
        turn(s->target, s->soon_target, E, s->width[L], PT);
    }
    KERNEL(loss)(s->loss, s->activation[L], DT, LD, E, s->width[L], &targets, s->each);
    if (s->weight) {
        KERNEL(weigh)(s->weight, DT, LD, E, s->width[L], s->each);
    }
    vec sizes = vzero();
    enum activation f = ACTIVATION_LINEAR; /* the last layer's deltas are there */
    const real *above = XT;                /* of layer l */
    for (size_t l = L; l >= 1; l--) {
        size_t m = s->width[l - 1];
        size_t n = s->width[l];
        real *G = s->G + s->offset[l];
        bool keep = l > 1;
        bool few = n <= (size_t)QUARTER;
#define TURN_BACK_FEW(f) turn_back_few(f, above, keep, E, n, DT, D)
#define TURN_BACK(f)                                                                               \
    sizes = turn_back(f, above, keep, E, n, DT, D, s->goes_on, G + m * round16(n), sizes)
        if (few) {
            switch (f) {
                TRANSFER_CASES(TURN_BACK_FEW)
            }
        } else {
            switch (f) {
                TRANSFER_CASES(TURN_BACK)
            }
        }
        if (l > 1) { /* before the weight deltas, which wait for D */
            layer_back(s->W + s->offset[l], m, n, DT, E, PT);
        }
        sizes = few ? few_deltas(XT, D, E, m, s->goes_on, G, sizes)
                    : deltas(XT, D, E, m, n, s->goes_on, G, sizes);
        if (l > 1) {
            real *swap = DT;
            DT = PT;
            PT = swap;
            above = XT;
            f = s->activation[l - 1];
            XT -= (s->width[l - 2] + 1) * LD;
        }
    }
    return vbound(sizes);
}

real KERNEL(small)(const struct REAL(small) * s)
{
    enum { TINY = LANES < 2 * QUARTER ? LANES : 2 * QUARTER }; /* examples */
    return s->widest <= (size_t)QUARTER && s->E <= (size_t)TINY ? KERNEL(tiny)(s) : small(s);
}
