/**
 * loss: the output layer's losses and deltas, and softmax. Blocks are transposed (n, E): registers
 * run over examples, so that sums over the outputs of one example are chains in order.
 */
#include "kernel/kernel_name.h"
#include "kernel/losses.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

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

/** What of an example's targets goes to all classes alike, for class targets. */
INLINE real shared(const struct REAL(targets) * targets, enum activation f, size_t n)
{
    size_t classes = f == ACTIVATION_SOFTMAX && n > 1 ? n : 2;
    return targets->smoothing / (real)classes;
}

/** Losses of all outputs of a column of registers, whose deltas take their places. */
INLINE vec output_losses(enum loss loss, enum activation f, real *ZT, size_t ldt, size_t e,
                         size_t n, const struct REAL(targets) * targets, vec classes, vec factor)
{
    vec total = vzero();
    for (size_t o = 0; o < n; o++) {
        vec t = target(targets, classes, e, o, n);
        vstore(ZT + o * ldt, output_loss(loss, f, vload(ZT + o * ldt), t, factor, &total));
    }
    return total;
}

void KERNEL(loss)(enum loss loss, enum activation f, real *ZT, size_t ldt, size_t E, size_t n,
                  const struct REAL(targets) * targets, real *each)
{
    const vec share = vset(shared(targets, f, n));
    const vec rest = vset(1 - targets->smoothing);
    const vec factor = loss_factor(loss, n);
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        real *column = ZT + e;
        vec classes =
            targets->class_index ? load_classes(targets->class_index + e, E - e) : vzero();
        vec total = vzero();
        if (loss == LOSS_CROSS_ENTROPY && f == ACTIVATION_SOFTMAX) {
            vec most = column_max(column, ldt, n);
            vec wanted = vzero(); /* Σ t (z - most) */
            for (size_t o = 0; o < n; o++) {
                vec t = vfma(target(targets, classes, e, o, n), rest, share);
                wanted = vfma(t, vload(column + o * ldt) - most, wanted);
            }
            vec sum = column_exp(column, ldt, n, most);
            total = vlog(sum) - wanted;
            for (size_t o = 0; o < n; o++) {
                vec t = vfma(target(targets, classes, e, o, n), rest, share);
                vstore(column + o * ldt, vload(column + o * ldt) / sum - t);
            }
        } else if (loss == LOSS_CROSS_ENTROPY) {
            for (size_t o = 0; o < n; o++) {
                vec z = vload(column + o * ldt);
                vec t = vfma(target(targets, classes, e, o, n), rest, share);
                /* ln(1 + e^z) - t z, with e^-|z| so that nothing overflows */
                vec tail = vlog(vset(1) + vexp(-vabs(z)));
                total = total + (vfma(-t, z, vmax(vzero(), z)) + tail);
                vstore(column + o * ldt, vsigmoid(z) - t);
            }
        } else {
#define OUTPUT_LOSSES(f) total = output_losses(loss, f, column, ldt, e, n, targets, classes, factor)
            switch (f) {
                TRANSFER_CASES(OUTPUT_LOSSES)
            }
            total = loss_of_total(loss, total, n);
        }
        vstore(each + e, total);
    }
}

void KERNEL(weigh)(const real *weight, real *DT, size_t ldt, size_t E, size_t n, real *each)
{
    for (size_t e = 0; e < E; e += (size_t)LANES) {
        vec w = vload(weight + e);
        vstore(each + e, vload(each + e) * w);
        for (size_t o = 0; o < n; o++) {
            vstore(DT + o * ldt + e, vload(DT + o * ldt + e) * w);
        }
    }
}
