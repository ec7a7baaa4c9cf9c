/**
 * tiny: small() where two quarters of a register hold a layer's examples and one an example's units: for
 * 2-2-1 with 4 rows choosing tiles and looping over them would be most of the work. There is one
 * register a unit, so that what a layer hands to the next need not go through memory; loops over units
 * go to QUARTER, a constant.
 */
#include "kernel/kernel_name.h"
#include "kernel/losses.h"
#include "kernel/table.h"

enum { LD = PACK_UNIT, LDW = PACK_UNIT };

/** Rows of m values, transposed; lanes without a row have the last one's, or zeros. */
INLINE void turn(const real *const *row, size_t E, size_t m, real *XT)
{
    vec square[QUARTER];
    UNROLL(4)
    for (size_t j = 0; j < (size_t)QUARTER; j++) {
        qvec part[QUARTERS];
        part[0] = qload(row[j < E ? j : E - 1]);
        UNROLL(4)
        for (size_t q = 1; q < (size_t)QUARTERS; q++) {
            size_t e = (size_t)QUARTER + j;
            part[q] = q == 1 && E > (size_t)QUARTER ? qload(row[e < E ? e : E - 1]) : qset(0);
        }
        square[j] = vjoin(part);
    }
    transpose_quarters(square);
    UNROLL(4)
    for (size_t i = 0; i < (size_t)QUARTER; i++) {
        if (i < m) {
            vstore(XT + i * LD, square[i]);
        }
    }
}

/** The constant 1 behind m rows of a transposed layer. */
INLINE void put_one(real *XT, size_t m)
{
    vstore(XT + m * LD, vset(1));
}

/** The first `count` rows of a transposed layer, zeros behind. */
INLINE void load_layer(const real *XT, size_t count, vec *x)
{
    UNROLL(4)
    for (size_t i = 0; i < (size_t)QUARTER; i++) {
        x[i] = i < count ? vload(XT + i * LD) : vzero();
    }
}

/** s + Σ_k W[k × step] x[k] of up to QUARTER k, one chain in their order. */
INLINE vec sum(const real *W, size_t step, size_t count, const vec *x, vec s)
{
    UNROLL(4)
    for (size_t k = 0; k < (size_t)QUARTER; k++) {
        if (k < count) {
            s = vfma(vset(W[k * step]), x[k], s);
        }
    }
    return s;
}

INLINE void layer(enum activation f, const real *W, size_t m, size_t n, const real *XT, real *YT)
{
    vec x[QUARTER];
    load_layer(XT, m, x);
    for (size_t o = 0; o < n; o++) {
        vstore(YT + o * LD, transfer(f, sum(W + o, LDW, m, x, vset(W[m * LDW + o]))));
    }
}

/** Losses of the outputs, and their deltas. */
INLINE void outputs(enum activation f, const struct REAL(small) * s, const real *W, const real *XT,
                    const struct REAL(targets) * targets, real *DT)
{
    size_t m = s->width[s->layers - 1];
    size_t n = s->width[s->layers];
    const vec factor = loss_factor(s->loss, n);
    vec classes = s->class_index ? load_classes(s->class_index, s->E) : vzero();
    vec total = vzero();
    vec x[QUARTER];
    load_layer(XT, m, x);
    for (size_t o = 0; o < n; o++) {
        vec z = sum(W + o, LDW, m, x, vset(W[m * LDW + o]));
        vec t = target(targets, classes, 0, o, n);
        vstore(DT + o * LD, output_loss(s->loss, f, z, t, factor, &total));
    }
    vstore(s->each, loss_of_total(s->loss, total, n));
}

/**
 * A layer's weight deltas; adds Σ |G| to size. Those of up to QUARTER examples are in registers once
 * they are turned, those of others in memory.
 */
INLINE vec deltas(const vec *DT, const real *XT, size_t E, size_t m, bool goes_on, real *G,
                  vec size)
{
    _Alignas(64) real D[QUARTER * LANES];
    vec square[QUARTER];
    qvec d[QUARTER];
    UNROLL(4)
    for (int j = 0; j < QUARTER; j++) {
        square[j] = DT[j];
    }
    transpose_quarters(square);
    UNROLL(4)
    for (int j = 0; j < QUARTER; j++) {
        d[j] = vnarrow(square[j]);
        if (E > (size_t)QUARTER) {
            vstore(D + j * LANES, square[j]);
        }
    }
    for (size_t i = 0; i <= m; i++, XT += LD, G += LDW) {
        qvec g = goes_on ? qload(G) : qset(0);
        UNROLL(4)
        for (size_t e = 0; e < (size_t)QUARTER; e++) {
            if (e < E) {
                g = qfma(d[e], qset(XT[e]), g);
            }
        }
        for (size_t e = (size_t)QUARTER; e < E; e++) {
            g = qfma(qload(D + (e - (size_t)QUARTER) * (size_t)LANES + (size_t)QUARTER),
                     qset(XT[e]), g);
        }
        vec wide = vwiden(g);
        vstore(G, wide);
        size = size + vabs(wide);
    }
    return size;
}

/** Deltas of a layer from those above, which they replace. */
INLINE void layer_back(enum activation f, const real *W, size_t m, size_t n, const real *XT, vec *d)
{
    vec below[QUARTER];
    UNROLL(4)
    for (size_t i = 0; i < (size_t)QUARTER; i++) {
        below[i] = vzero();
        if (i < m) {
            below[i] = transfer_back(f, sum(W + i * LDW, 1, n, d, vzero()), vload(XT + i * LD));
        }
    }
    UNROLL(4)
    for (size_t i = 0; i < (size_t)QUARTER; i++) {
        d[i] = below[i];
    }
}

real KERNEL(tiny)(const struct REAL(small) * s)
{
    _Alignas(64) real DT[QUARTER * LD], T[QUARTER * LD];
    size_t E = s->E;
    size_t L = s->layers;
    const size_t *width = s->width;
    real *XT = s->XT;
    if (s->row) {
        turn(s->row, E, width[0], XT);
        put_one(XT, width[0]);
    }
    for (size_t l = 1; l < L; l++) {
        const real *W = s->W + s->offset[l];
        real *YT = XT + (width[l - 1] + 1) * LD;
#define LAYER(f) layer(f, W, width[l - 1], width[l], XT, YT)
        switch (s->activation[l]) {
            TRANSFER_CASES(LAYER)
        }
        put_one(YT, width[l]);
        XT = YT;
    }
    const real *W = s->W + s->offset[L];
    const struct REAL(targets)
        targets = {.class_index = s->class_index, .value = T, .ld = LD, .smoothing = s->smoothing};
    if (!s->class_index) {
        turn(s->target, E, width[L], T);
    }
    if (s->loss == LOSS_CROSS_ENTROPY) {
        layer(ACTIVATION_LINEAR, W, width[L - 1], width[L], XT, DT);
        KERNEL(loss)(s->loss, s->activation[L], DT, LD, E, width[L], &targets, s->each);
    } else {
#define OUTPUTS(f) outputs(f, s, W, XT, &targets, DT)
        switch (s->activation[L]) {
            TRANSFER_CASES(OUTPUTS)
        }
    }
    if (s->weight) {
        KERNEL(weigh)(s->weight, DT, LD, E, width[L], s->each);
    }
    vec d[QUARTER];
    vec size = vzero();
    load_layer(DT, width[L], d);
    for (size_t l = L;; l--) {
        size_t m = width[l - 1];
        size = deltas(d, XT, E, m, s->goes_on, s->G + s->offset[l], size);
        if (l == 1) {
            break;
        }
#define LAYER_BACK(f) layer_back(f, s->W + s->offset[l], m, width[l], XT, d)
        switch (s->activation[l - 1]) {
            TRANSFER_CASES(LAYER_BACK)
        }
        XT -= (width[l - 2] + 1) * LD;
    }
    return vbound(size);
}
