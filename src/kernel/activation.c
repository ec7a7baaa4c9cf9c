/**
 * activation: transfer functions over row-major layers, their derivatives on the way back, and the
 * transposition between row-major and transposed blocks.
 */
#include "kernel/elementary.h"
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

/** Up to so many values are moved one by one (measured: a square of 16 costs about 100 cycles). */
enum { FEW = 24 };

/** f(z) of a register. */
INLINE vec apply(enum activation f, vec z)
{
    switch (f) {
    case ACTIVATION_SIGMOID:
        return vsigmoid(z);
    case ACTIVATION_TANH:
        return vtanh(z);
    case ACTIVATION_RELU:
        return vmax(vzero(), z); /* a NaN stays a NaN: the second operand wins */
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
        break;
    }
    return z;
}

/** d f'(z) of a register, from x = f(z). */
INLINE vec chain(enum activation f, vec d, vec x)
{
    switch (f) {
    case ACTIVATION_SIGMOID:
        return d * (x * (vset(1) - x));
    case ACTIVATION_TANH:
        return d * vfma(-x, x, vset(1));
    case ACTIVATION_RELU:
        return vselect(vless(vzero(), x), d, vzero());
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
        break;
    }
    return d;
}

INLINE void activate_all(enum activation f, real *X, size_t ldx, size_t E, size_t n)
{
    size_t wide = registers_for(n) * (size_t)LANES;
    for (size_t e = 0; e < E; e++, X += ldx) {
        for (size_t i = 0; i < wide; i += (size_t)LANES) {
            vstore(X + i, apply(f, vload(X + i)));
        }
        X[n] = 1;
    }
}

void KERNEL(activate)(enum activation f, real *X, size_t ldx, size_t E, size_t n)
{
    switch (f) { /* the choice is made once, outside the loops */
    case ACTIVATION_SIGMOID:
        activate_all(ACTIVATION_SIGMOID, X, ldx, E, n);
        break;
    case ACTIVATION_TANH:
        activate_all(ACTIVATION_TANH, X, ldx, E, n);
        break;
    case ACTIVATION_RELU:
        activate_all(ACTIVATION_RELU, X, ldx, E, n);
        break;
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
        for (size_t e = 0; e < E; e++, X += ldx) {
            X[n] = 1;
        }
        break;
    }
}

/** One square of LANES x LANES: rows i of PT become rows e of D, and back into DT. */
INLINE void derive_square(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                          size_t rows, size_t columns, real *D, size_t ldd, real *DT)
{
    vec square[16];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
        square[i] = (size_t)i < rows ? vload(PT + (size_t)i * ldt) : vzero();
    }
    vtranspose(square);
#pragma GCC unroll 16
    for (int e = 0; e < LANES; e++) {
        if ((size_t)e < columns) {
            /* behind the layer's width x may be anything: keep the zeros there */
            square[e] = vkeep(chain(f, square[e], vload(X + (size_t)e * ldx)), rows);
            vstore(D + (size_t)e * ldd, square[e]);
        }
    }
    if (DT) {
        vtranspose(square);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) {
            if ((size_t)i < rows) {
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
        real lane[16] = {0};
        for (size_t i = 0; i < m; i++) {
            lane[i] = PT[i * ldt + e];
        }
        vec d = vkeep(chain(f, vload(lane), vload(X + e * ldx)), m);
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
    for (size_t i = 0; i < m && !few; i += (size_t)LANES) {
        size_t rows = m - i < (size_t)LANES ? m - i : (size_t)LANES;
        for (size_t e = 0; e < E; e += (size_t)LANES) {
            size_t columns = E - e < (size_t)LANES ? E - e : (size_t)LANES;
            derive_square(f, PT + i * ldt + e, ldt, X + e * ldx + i, ldx, rows, columns,
                          D + e * ldd + i, ldd, DT ? DT + i * ldt + e : NULL);
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
    switch (f) {
    case ACTIVATION_SIGMOID:
        derive_all(ACTIVATION_SIGMOID, PT, ldt, X, ldx, E, m, D, ldd, DT);
        break;
    case ACTIVATION_TANH:
        derive_all(ACTIVATION_TANH, PT, ldt, X, ldx, E, m, D, ldd, DT);
        break;
    case ACTIVATION_RELU:
        derive_all(ACTIVATION_RELU, PT, ldt, X, ldx, E, m, D, ldd, DT);
        break;
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
        derive_all(ACTIVATION_LINEAR, PT, ldt, X, ldx, E, m, D, ldd, DT);
        break;
    }
}

void KERNEL(transpose)(const real *A, size_t lda, size_t rows, size_t columns, real *AT, size_t ldt)
{
    if (rows * columns <= FEW) {
        for (size_t c = 0; c < columns; c++) {
            size_t wide = round16(rows);
            for (size_t r = 0; r < wide; r++) {
                AT[c * ldt + r] = r < rows ? A[r * lda + c] : 0;
            }
        }
        return;
    }
    for (size_t c = 0; c < columns; c += (size_t)LANES) {
        for (size_t r = 0; r < round16(rows); r += (size_t)LANES) {
            vec square[16];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) {
                square[i] = r + (size_t)i < rows ? vload(A + (r + (size_t)i) * lda + c) : vzero();
            }
            vtranspose(square);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) {
                if (c + (size_t)i < columns) {
                    vstore(AT + (c + (size_t)i) * ldt + r, square[i]);
                }
            }
        }
    }
}

/** The transfer functions over a transposed block of outputs; softmax is in output.c. */
void KERNEL(output)(enum activation f, real *ZT, size_t ldt, size_t E, size_t n)
{
    if (f == ACTIVATION_SOFTMAX) {
        KERNEL(softmax)(ZT, ldt, E, n);
        return;
    }
    for (size_t o = 0; o < n; o++, ZT += ldt) {
        for (size_t e = 0; e < E; e += (size_t)LANES) {
            vstore(ZT + e, apply(f, vload(ZT + e)));
        }
    }
}
