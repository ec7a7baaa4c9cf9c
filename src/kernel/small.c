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
};

/** The constant 1 behind m rows of a transposed layer. */
INLINE void put_one(real *XT, size_t m)
{
    UNROLL(16)
    for (int e = 0; e < LD; e += LANES) {
        vstore(XT + m * LD + e, vset(1));
    }
}

/** Rows [0, `some`) of a square, but for values that come one after the other. */
INLINE void store_rows(real *to, size_t ld, const vec *square, size_t some)
{
    UNROLL(16)
    for (int i = 0; i < LANES; i++) {
        if ((size_t)i < some) {
            vstore(to + (size_t)i * ld, square[i]);
        }
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
    HIGH_CASE(5, function, __VA_ARGS__)                                                            \
    HIGH_CASE(6, function, __VA_ARGS__)                                                            \
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
        HIGHER_CASES(function, __VA_ARGS__)                                                        \
    default:                                                                                       \
        __builtin_unreachable();                                                                   \
    }

/**
 * ST[r] = Σ_k W[k × down + r × across] AT[k], one chain in order of k from the bias or from 0, for
 * `high` rows r of a register of examples.
 */
INLINE void sums_tile(int high, const real *W, size_t down, size_t across, const real *bias,
                      size_t count, const real *AT, real *ST)
{
    vec s[TILE_ROWS];
    UNROLL(8)
    for (int r = 0; r < high; r++) {
        s[r] = bias ? vset(bias[(size_t)r * across]) : vzero();
    }
    for (size_t k = 0; k < count; k++) {
        vec a = vload(AT + k * LD);
        UNROLL(8)
        for (int r = 0; r < high; r++) {
            s[r] = vfma(vset(W[(size_t)r * across]), a, s[r]);
        }
        W += down;
    }
    UNROLL(8)
    for (int r = 0; r < high; r++) {
        vstore(ST + r * LD, s[r]);
    }
}

/** Z[l], transposed, of a layer's inputs XT. */
INLINE void layer_of(const size_t ldw, const real *W, size_t m, size_t n, const real *XT, size_t E,
                     real *ZT)
{
    int high;
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        for (size_t o = 0; o < n; o += (size_t)high) {
            high = tile_rows(n - o);
            HIGH_CALL(high, sums_tile, W + o, ldw, 1, W + m * ldw + o, m, XT + e, ZT + o * LD + e)
        }
    }
}

static void layer(const real *W, size_t m, size_t n, const real *XT, size_t E, real *ZT)
{
    if (n <= PACK_UNIT) {
        layer_of(PACK_UNIT, W, m, n, XT, E, ZT);
    } else {
        layer_of(round16(n), W, m, n, XT, E, ZT);
    }
}

/** What deltas DT come to at the layer's inputs, before f'. */
INLINE void layer_back_of(const size_t ldw, const real *W, size_t m, size_t n, const real *DT,
                          size_t E, real *PT)
{
    int high;
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        for (size_t i = 0; i < m; i += (size_t)high) {
            high = tile_rows(m - i);
            HIGH_CALL(high, sums_tile, W + i * ldw, 1, ldw, NULL, n, DT + e, PT + i * LD + e)
        }
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

INLINE void transfer_all(enum activation f, real *ZT, size_t E, size_t n)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        for (size_t o = 0; o < n; o++) {
            vstore(ZT + o * LD + e, transfer(f, vload(ZT + o * LD + e)));
        }
    }
}

INLINE void transfer_back_all(enum activation f, real *PT, size_t E, size_t m, const real *XT)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        for (size_t i = 0; i < m; i++) {
            real *p = PT + i * LD + e;
            vstore(p, transfer_back(f, vload(p), vload(XT + i * LD + e)));
        }
    }
}

/** A square of the deltas of `some` outputs, for examples that all exist or not. */
INLINE void turn_back_square(const real *DT, size_t some, size_t examples, real *D)
{
    vec square[16];
    UNROLL(16)
    for (int o = 0; o < LANES; o++) {
        square[o] = (size_t)o < some ? vload(DT + o * LD) : vzero();
    }
    vtranspose(square);
    store_rows(D, LDD, square, examples);
}

/** The deltas of the examples, one after the other, zeros behind. */
static void turn_back(const real *DT, size_t E, size_t n, real *D)
{
    for (size_t o = 0; o < n; o += (size_t)LANES) {
        size_t some = n - o < (size_t)LANES ? n - o : (size_t)LANES;
        for (size_t e = 0; e < E; e += (size_t)LANES) {
            const real *from = DT + o * LD + e;
            real *to = D + e * LDD + o;
            if (E - e >= (size_t)LANES) {
                turn_back_square(from, some, (size_t)LANES, to);
            } else {
                turn_back_square(from, some, E - e, to);
            }
        }
    }
}

/**
 * The same for up to QUARTER outputs: squares within quarters are all there is to do. D is
 * (QUARTER, LD): those of example e begin in row e mod QUARTER, e rounded down to QUARTER.
 */
static void turn_back_few(const real *DT, size_t E, size_t n, real *D)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        vec square[QUARTER];
        UNROLL(4)
        for (int o = 0; o < QUARTER; o++) {
            square[o] = (size_t)o < n ? vload(DT + o * LD + e) : vzero();
        }
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
    for (size_t i = 0; i < m + 1; i += (size_t)high) {
        high = tile_rows(m + 1 - i);
        HIGH_CALL(high, deltas_tile, columns, XT + i * LD, D, E, goes_on, G + i * ldg, ldg, size)
    }
}

/** deltas_tile() for up to QUARTER outputs. */
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
            deltas_columns(ldg, 3, XT, D + o, E, m, goes_on, G + o, &size);
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
        layer(s->W + s->offset[l], m, s->width[l], XT, E, next);
#define TRANSFER_ALL(f) transfer_all(f, next, E, s->width[l])
        switch (s->activation[l]) {
            TRANSFER_CASES(TRANSFER_ALL)
        }
        XT = next;
        put_one(XT, s->width[l]);
    }
    layer(s->W + s->offset[L], s->width[L - 1], s->width[L], XT, E, DT);
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
    for (size_t l = L; l >= 1; l--) {
        size_t m = s->width[l - 1];
        size_t n = s->width[l];
        if (n <= (size_t)QUARTER) {
            turn_back_few(DT, E, n, D);
            sizes = few_deltas(XT, D, E, m, s->goes_on, s->G + s->offset[l], sizes);
        } else {
            turn_back(DT, E, n, D);
            sizes = deltas(XT, D, E, m, n, s->goes_on, s->G + s->offset[l], sizes);
        }
        if (l > 1) {
            layer_back(s->W + s->offset[l], m, n, DT, E, PT);
#define TRANSFER_BACK_ALL(f) transfer_back_all(f, PT, E, m, XT)
            switch (s->activation[l - 1]) {
                TRANSFER_CASES(TRANSFER_BACK_ALL)
            }
            real *swap = DT;
            DT = PT;
            PT = swap;
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
