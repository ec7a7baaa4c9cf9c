/**
 * activation: transfer functions over row-major layers, their derivatives on the way back, and the
 * transposition between row-major and transposed blocks.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"
#include "kernel/transfer.h"

/** Up to so many values are moved one by one (measured: a square of 16 costs about 100 cycles). */
enum { FEW = 24 };

INLINE void activate_all(enum activation f, real *X, size_t ldx, size_t E, size_t n)
{
    size_t wide = registers_for(n) * (size_t)LANES;
    for (size_t e = 0; e < E; e++, X += ldx) {
        for (size_t i = 0; i < wide; i += (size_t)LANES) {
            vstore(X + i, transfer(f, vload(X + i)));
        }
    }
}

void KERNEL(activate)(enum activation f, real *X, size_t ldx, size_t E, size_t n)
{
    if (f == ACTIVATION_LINEAR) {
        return;
    }
#define ACTIVATE(f) activate_all(f, X, ldx, E, n)
    switch (f) { /* the choice is made once, outside the loops */
        TRANSFER_CASES(ACTIVATE)
    }
}

INLINE void keep_all(enum activation f, real *X, size_t ldx, size_t E, size_t n, real *S)
{
    size_t wide = registers_for(n) * (size_t)LANES;
    for (size_t e = 0; e < E; e++, X += ldx, S += ldx) {
        for (size_t i = 0; i < wide; i += (size_t)LANES) {
            vec slope;
            vec x = transfer_slope(f, vload(X + i), &slope);
            vstore(X + i, x);
            vstore(S + i, slope);
        }
    }
}

void KERNEL(activate_keep)(enum activation f, real *X, size_t ldx, size_t E, size_t n, real *S)
{
#define ACTIVATE_KEEP(f) keep_all(f, X, ldx, E, n, S)
    switch (f) {
        TRANSFER_CASES(ACTIVATE_KEEP)
    }
}

/** How derive_all() gets from d to d f'(z): by a function of x, or by the slope that was kept. */
enum { SLOPE_KEPT = ACTIVATION_COUNT };

INLINE vec chain(enum activation f, vec d, vec x)
{
    return f == (enum activation)SLOPE_KEPT ? d * x : transfer_back(f, d, x);
}

/** One square of LANES x LANES: rows i of PT become rows e of D, and back into DT. */
INLINE void derive_square(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                          size_t rows, size_t columns, real *D, size_t ldd, real *DT)
{
    vec square[16];
    UNROLL(16)
    for (int i = 0; i < LANES; i++) {
        square[i] = (size_t)i < rows ? vload(PT + (size_t)i * ldt) : vzero();
    }
    vtranspose(square);
    UNROLL(16)
    for (int e = 0; e < LANES; e++) {
        if ((size_t)e < columns) {
            __builtin_prefetch(X + (size_t)(e + LANES) * ldx, 0, 3); /* of the next square */
            /* behind the layer's width x may be anything: keep the zeros there */
            square[e] = vkeep(chain(f, square[e], vload(X + (size_t)e * ldx)), rows);
            vstore(D + (size_t)e * ldd, square[e]);
        }
    }
    if (DT) {
        vtranspose(square);
        UNROLL(16)
        for (int i = 0; i < LANES; i++) {
            if ((size_t)i < rows) {
                __builtin_prefetch(DT + (size_t)i * ldt + LANES, 1, 3);
                vstore(DT + (size_t)i * ldt, square[i]);
            }
        }
    }
}

/** The same for a few values, where turning a whole square would be most of the work. */
INLINE void derive_few(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                       size_t E, size_t m, real *D, size_t ldd, real *DT)
{
    for (size_t e = 0; e < E; e++) {
        /* values put side by side in memory could not be read at once before they are written */
        vec d = vcollect(PT + e, ldt, m);
        d = vkeep(chain(f, d, vload(X + e * ldx)), m);
        vstore(D + e * ldd, d);
        for (size_t i = 0; DT && i < m; i++) {
            DT[i * ldt + e] = D[e * ldd + i];
        }
    }
}

INLINE void derive_all(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                       size_t E, size_t m, real *D, size_t ldd, real *DT)
{
    bool few = m * E <= FEW && m <= (size_t)LANES;
    if (few) {
        derive_few(f, PT, ldt, X, ldx, E, m, D, ldd, DT);
    }
    for (size_t e = 0; e < E && !few; e += (size_t)LANES) {
        size_t columns = E - e < (size_t)LANES ? E - e : (size_t)LANES;
        for (size_t i = 0; i < m; i += (size_t)LANES) {
            size_t rows = m - i < (size_t)LANES ? m - i : (size_t)LANES;
            const real *from = PT + i * ldt + e;
            const real *x = X + e * ldx + i;
            real *d = D + e * ldd + i;
            real *to = DT ? DT + i * ldt + e : NULL;
            if (rows == (size_t)LANES && columns == (size_t)LANES) { /* constants: no choices */
                derive_square(f, from, ldt, x, ldx, (size_t)LANES, (size_t)LANES, d, ldd, to);
            } else {
                derive_square(f, from, ldt, x, ldx, rows, columns, d, ldd, to);
            }
        }
    }
    for (size_t i = registers_for(m) * (size_t)LANES; i < round16(m); i++) {
        for (size_t e = 0; e < E; e++) {
            D[e * ldd + i] = 0;
        }
    }
}

void KERNEL(derive)(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                    size_t E, size_t m, real *D, size_t ldd, real *DT)
{
#define DERIVE(f) derive_all(f, PT, ldt, X, ldx, E, m, D, ldd, DT)
    switch (f) {
        TRANSFER_CASES(DERIVE)
    }
}

void KERNEL(derive_kept)(const real *PT, size_t ldt, const real *S, size_t lds, size_t E, size_t m,
                         real *D, size_t ldd, real *DT)
{
    derive_all((enum activation)SLOPE_KEPT, PT, ldt, S, lds, E, m, D, ldd, DT);
}

void KERNEL(transpose)(const real *A, size_t lda, size_t rows, size_t columns, real *AT, size_t ldt)
{
    if (rows * columns <= FEW) {
        for (size_t c = 0; c < columns; c++) {
            for (size_t r = 0; r < round16(rows); r += (size_t)LANES) {
                size_t here = rows > r ? rows - r : 0;
                vec v = here ? vcollect(A + r * lda + c, lda,
                                        here < (size_t)LANES ? here : (size_t)LANES)
                             : vzero();
                vstore(AT + c * ldt + r, v);
            }
        }
        return;
    }
    for (size_t c = 0; c < columns; c += (size_t)LANES) {
        for (size_t r = 0; r < round16(rows); r += (size_t)LANES) {
            vec square[16];
            UNROLL(16)
            for (int i = 0; i < LANES; i++) {
                square[i] = r + (size_t)i < rows ? vload(A + (r + (size_t)i) * lda + c) : vzero();
            }
            vtranspose(square);
            UNROLL(16)
            for (int i = 0; i < LANES; i++) {
                if (c + (size_t)i < columns) {
                    vstore(AT + (c + (size_t)i) * ldt + r, square[i]);
                }
            }
        }
    }
}

INLINE void output_all(enum activation f, real *ZT, size_t ldt, size_t E, size_t n)
{
    for (size_t o = 0; o < n; o++, ZT += ldt) {
        for (size_t e = 0; e < E; e += (size_t)LANES) {
            vstore(ZT + e, transfer(f, vload(ZT + e)));
        }
    }
}

/** The transfer functions over a transposed block of outputs; softmax is in loss.c. */
void KERNEL(output)(enum activation f, real *ZT, size_t ldt, size_t E, size_t n)
{
    if (f == ACTIVATION_SOFTMAX) {
        KERNEL(softmax)(ZT, ldt, E, n);
        return;
    }
#define OUTPUT(f) output_all(f, ZT, ldt, E, n)
    switch (f) {
        TRANSFER_CASES(OUTPUT)
    }
}
