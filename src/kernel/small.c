/**
 * small: all passes of a network and a block of a few values each, in one call. For them the moves
 * between the layouts of the other kernels would be most of the work: here registers run over the
 * examples all the way, and weight deltas, of which there are few, are chains of single reals.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"
#include "kernel/transfer.h"

#if defined(REAL_IS_DOUBLE)
#define FMA __builtin_fma
#define ABS __builtin_fabs
#else
#define FMA __builtin_fmaf
#define ABS __builtin_fabsf
#endif

enum { LD = PACK_UNIT };

/** Inputs, transposed. */
static void turn(const real *const *row, size_t E, size_t m, real *XT)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t i = 0; i < m; i++) {
            XT[i * LD + e] = row[e][i];
        }
    }
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

/** Returns Σ |G|. */
static real deltas(const real *XT, const real *DT, size_t E, size_t m, size_t n, real *G)
{
    real size = 0;
    for (size_t o = 0; o < n; o++) {
        const real *d = DT + o * LD;
        real sum = 0;
        for (size_t e = 0; e < E; e++) {
            sum += d[e];
        }
        G[m * LD + o] = sum;
        size += ABS(sum);
        for (size_t i = 0; i < m; i++) {
            sum = 0;
            for (size_t e = 0; e < E; e++) {
                sum = FMA(d[e], XT[i * LD + e], sum);
            }
            G[i * LD + o] = sum;
            size += ABS(sum);
        }
    }
    return size;
}

real KERNEL(small)(const struct REAL(small) * s)
{
    _Alignas(64) real block[2][LD * LD];
    real *DT = block[0];
    real *PT = block[1];
    size_t E = s->E;
    size_t L = s->layers;
    real *XT = s->XT;
    turn(s->row, E, s->width[0], XT);
    for (size_t l = 1; l < L; l++) {
        size_t m = s->width[l - 1];
        real *next = XT + m * LD;
#define LAYER(f) layer(f, s->W + s->offset[l], m, s->width[l], XT, E, next)
        switch (s->activation[l]) {
            TRANSFER_CASES(LAYER)
        }
        XT = next;
    }
    layer(ACTIVATION_LINEAR, s->W + s->offset[L], s->width[L - 1], s->width[L], XT, E, DT);
    KERNEL(loss)(s->loss, s->activation[L], DT, LD, E, s->width[L], &s->targets, s->each);
    real size = 0;
    for (size_t l = L; l >= 1; l--) {
        size_t m = s->width[l - 1];
        size_t n = s->width[l];
        size += deltas(XT, DT, E, m, n, s->G + s->offset[l]);
        if (l > 1) {
#define LAYER_BACK(f) layer_back(f, s->W + s->offset[l], m, n, DT, E, XT, PT)
            switch (s->activation[l - 1]) {
                TRANSFER_CASES(LAYER_BACK)
            }
            real *swap = DT;
            DT = PT;
            PT = swap;
            XT -= s->width[l - 2] * LD;
        }
    }
    return size;
}
