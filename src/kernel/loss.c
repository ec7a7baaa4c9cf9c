/**
 * loss: the output layer's losses and deltas, and softmax. Blocks are transposed (n, E): registers
 * run over examples, so that sums over the outputs of one example are chains in order.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"
#include "kernel/transfer.h"

/** Largest of one column of registers over the outputs. */
INLINE vec column_max(const real *ZT, size_t ldt, size_t n)
{
    vec most = vload(ZT);
    for (size_t o = 1; o < n; o++) {
        most = vmax(most, vload(ZT + o * ldt));
    }
    return most;
}

/** ZT = e^(ZT - most) for one column; returns the sums over the outputs. */
INLINE vec column_exp(real *ZT, size_t ldt, size_t n, vec most)
{
    vec sum = vzero();
    for (size_t o = 0; o < n; o++) {
        vec p = vexp(vload(ZT + o * ldt) - most);
        vstore(ZT + o * ldt, p);
        sum = sum + p;
    }
    return sum;
}

void KERNEL(softmax)(real *ZT, size_t ldt, size_t E, size_t n)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        vec sum = column_exp(ZT + e, ldt, n, column_max(ZT + e, ldt, n));
        for (size_t o = 0; o < n; o++) {
            vstore(ZT + o * ldt + e, vload(ZT + o * ldt + e) / sum);
        }
    }
}

/** Classes of up to LANES examples as reals; -1 behind. */
INLINE vec load_classes(const int32_t *p, size_t count)
{
    real lane[16];
    for (size_t i = 0; i < (size_t)LANES; i++) {
        lane[i] = i < count ? (real)p[i] : (real)-1;
    }
    return vload(lane);
}

/** Target of output o: from the classes, or from the rows of values. */
INLINE vec target(const struct REAL(targets) *targets, vec classes, size_t e, size_t o, size_t n)
{
    if (targets->class_index) {
        if (n == 1) {
            return classes;
        }
        return vselect(vequal(classes, vset((real)o)), vset(1), vzero());
    }
    return vload(targets->value + o * targets->ld + e);
}

/** f(z) and f'(z), whatever the function. */
INLINE vec any_transfer(enum activation f, vec z, vec *slope)
{
    vec x = z;
    *slope = vset(1);
#define TRANSFER(f) x = transfer_slope(f, z, slope)
    switch (f) {
        TRANSFER_CASES(TRANSFER)
    }
    return x;
}

void KERNEL(loss)(enum loss loss, enum activation f, real *ZT, size_t ldt, size_t E, size_t n,
                  const struct REAL(targets) *targets, real *each)
{
    vec factor = loss == LOSS_MSE ? vset((real)2 / (real)n) : vset(1);
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        real *column = ZT + e;
        vec classes =
            targets->class_index ? load_classes(targets->class_index + e, E - e) : vzero();
        vec total = vzero();
        if (loss == LOSS_CROSS_ENTROPY && f == ACTIVATION_SOFTMAX) {
            vec most = column_max(column, ldt, n);
            vec wanted = vzero(); /* Σ t (z - most) */
            for (size_t o = 0; o < n; o++) {
                vec t = target(targets, classes, e, o, n);
                wanted = vfma(t, vload(column + o * ldt) - most, wanted);
            }
            vec sum = column_exp(column, ldt, n, most);
            total = vlog(sum) - wanted;
            for (size_t o = 0; o < n; o++) {
                vec t = target(targets, classes, e, o, n);
                vstore(column + o * ldt, vload(column + o * ldt) / sum - t);
            }
        } else if (loss == LOSS_CROSS_ENTROPY) {
            for (size_t o = 0; o < n; o++) {
                vec z = vload(column + o * ldt);
                vec t = target(targets, classes, e, o, n);
                /* ln(1 + e^z) - t z, with e^-|z| so that nothing overflows */
                vec tail = vlog(vset(1) + vexp(-vabs(z)));
                total = total + (vfma(-t, z, vmax(vzero(), z)) + tail);
                vstore(column + o * ldt, vsigmoid(z) - t);
            }
        } else {
            for (size_t o = 0; o < n; o++) {
                vec slope;
                vec x = any_transfer(f, vload(column + o * ldt), &slope);
                vec d = x - target(targets, classes, e, o, n);
                total = vfma(d, d, total);
                vstore(column + o * ldt, factor * (d * slope));
            }
            if (loss == LOSS_MSE) {
                total = total / vset((real)n);
            }
        }
        vstore(each + e, total);
    }
}
