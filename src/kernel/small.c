/**
 * small: all passes of a network and a block of a few values each, in one call. For them the moves
 * between the layouts of the other kernels would be most of the work: here registers run over the
 * examples all the way, and weight deltas, of which there are few, are chains of single reals.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"
#include "kernel/transfer.h"

enum { LD = PACK_UNIT };

/** The constant 1 behind m rows of a transposed layer. */
INLINE void put_one(real *XT, size_t m)
{
    UNROLL(16)
    for (int e = 0; e < LD; e += LANES) {
        vstore(XT + m * LD + e, vset(1));
    }
}

/** Inputs, transposed; put together in registers, because they are read at once. */
static void turn(const real *const *row, size_t E, size_t m, real *XT)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        size_t some = E - e < (size_t)LANES ? E - e : (size_t)LANES;
        for (size_t i = 0; i < m; i++) {
            vec x = vset(row[e][i]);
            for (size_t j = 1; j < some; j++) {
                x = vfrom(x, j, vset(row[e + j][i]));
            }
            vstore(XT + i * LD + e, x);
        }
    }
    put_one(XT, m);
}

INLINE void layer(enum activation f, const real *W, size_t m, size_t n, const real *XT, size_t E,
                  real *ZT)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        for (size_t o = 0; o < n; o++) {
            vec z = vset(W[m * LD + o]);
            for (size_t i = 0; i < m; i++) {
                z = vfma(vset(W[i * LD + o]), vload(XT + i * LD + e), z);
            }
            vstore(ZT + o * LD + e, transfer(f, z));
        }
    }
}

INLINE void layer_back(enum activation f, const real *W, size_t m, size_t n, const real *DT,
                       size_t E, const real *XT, real *PT)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        for (size_t i = 0; i < m; i++) {
            vec p = vzero();
            for (size_t o = 0; o < n; o++) {
                p = vfma(vset(W[i * LD + o]), vload(DT + o * LD + e), p);
            }
            vstore(PT + i * LD + e, transfer_back(f, p, vload(XT + i * LD + e)));
        }
    }
}

/** The deltas of the examples, one after the other, zeros behind. */
static void turn_back(const real *DT, size_t E, size_t n, real *D)
{
    for (size_t o = 0; o < n; o += (size_t)LANES) {
        size_t some = n - o < (size_t)LANES ? n - o : (size_t)LANES;
        for (size_t e = 0; e < E; e++) {
            vstore(D + e * LD + o, vcollect(DT + o * LD + e, LD, some));
        }
    }
}

enum { HIGH = 4 }; /* inputs at a time */

/** Weight deltas of some inputs for a register of outputs; adds Σ |G| to *size. */
INLINE void deltas_tile(int high, const real *XT, const real *D, size_t E, real *G, vec *size)
{
    vec g[HIGH];
    UNROLL(4)
    for (int i = 0; i < high; i++) {
        g[i] = vzero();
    }
    for (size_t e = 0; e < E; e++) {
        vec d = vload(D + e * LD);
        UNROLL(4)
        for (int i = 0; i < high; i++) {
            g[i] = vfma(d, vset(XT[(size_t)i * LD + e]), g[i]);
        }
    }
    UNROLL(4)
    for (int i = 0; i < high; i++) {
        vstore(G + i * LD, g[i]);
        *size = *size + vabs(g[i]);
    }
}

INLINE void deltas(const real *XT, const real *D, size_t E, size_t m, size_t n, real *G, vec *size)
{
    for (size_t o = 0; o < n; o += (size_t)LANES) {
        size_t i = 0;
        for (; m + 1 - i > HIGH; i += HIGH) {
            deltas_tile(HIGH, XT + i * LD, D + o, E, G + i * LD + o, size);
        }
#define DELTAS_CASE(high)                                                                          \
    case high:                                                                                     \
        deltas_tile(high, XT + i * LD, D + o, E, G + i * LD + o, size);                            \
        break;
        switch (m + 1 - i) {
            DELTAS_CASE(1) DELTAS_CASE(2) DELTAS_CASE(3) DELTAS_CASE(4)
        }
    }
}

real KERNEL(small)(const struct REAL(small) * s)
{
    _Alignas(64) real block[3][LD * LD];
    real *DT = block[0];
    real *PT = block[1];
    real *D = block[2];
    size_t E = s->E;
    size_t L = s->layers;
    real *XT = s->XT;
    if (s->row) {
        turn(s->row, E, s->width[0], XT);
    }
    for (size_t l = 1; l < L; l++) {
        size_t m = s->width[l - 1];
        real *next = XT + (m + 1) * LD;
#define LAYER(f) layer(f, s->W + s->offset[l], m, s->width[l], XT, E, next)
        switch (s->activation[l]) {
            TRANSFER_CASES(LAYER)
        }
        XT = next;
        put_one(XT, s->width[l]);
    }
    layer(ACTIVATION_LINEAR, s->W + s->offset[L], s->width[L - 1], s->width[L], XT, E, DT);
    KERNEL(loss)(s->loss, s->activation[L], DT, LD, E, s->width[L], &s->targets, s->each);
    if (s->weight) {
        KERNEL(weigh)(s->weight, DT, LD, E, s->width[L], s->each);
    }
    vec sizes = vzero();
    for (size_t l = L; l >= 1; l--) {
        size_t m = s->width[l - 1];
        size_t n = s->width[l];
        turn_back(DT, E, n, D);
        deltas(XT, D, E, m, n, s->G + s->offset[l], &sizes);
        if (l > 1) {
#define LAYER_BACK(f) layer_back(f, s->W + s->offset[l], m, n, DT, E, XT, PT)
            switch (s->activation[l - 1]) {
                TRANSFER_CASES(LAYER_BACK)
            }
            real *swap = DT;
            DT = PT;
            PT = swap;
            XT -= (s->width[l - 2] + 1) * LD;
        }
    }
    real lane[LANES];
    vstore(lane, sizes);
    real size = 0;
    for (int i = 0; i < LANES; i++) {
        size += lane[i];
    }
    return size;
}
