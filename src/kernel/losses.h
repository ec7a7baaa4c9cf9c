/**
 * losses: an output's loss and delta of a register of examples, for those losses in which outputs do not
 * depend on each other. Included by kernel bodies, whose blocks are transposed (n, E).
 */
#ifndef KERNEL_LOSSES_H
#define KERNEL_LOSSES_H

#include "kernel/kernel.h"
#include "kernel/transfer.h"

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
INLINE vec target(const struct REAL(targets) * targets, vec classes, size_t e, size_t o, size_t n)
{
    if (targets->class_index) {
        if (n == 1) {
            return classes;
        }
        return vselect(vequal(classes, vset((real)o)), vset(1), vzero());
    }
    return vload(targets->value + o * targets->ld + e);
}

/**
 * Losses of f(z) and the target t alone: *total grows by an output's part. Returns its delta, `factor`
 * times its derivative by z.
 */
INLINE vec output_loss(enum loss loss, enum activation f, vec z, vec t, vec factor, vec *total)
{
    vec slope;
    vec x = transfer_slope(f, z, &slope);
    vec d = x - t;
    vec one = vset(1);
    switch (loss) {
    case LOSS_MAE:
        *total = *total + vabs(d);
        d = vselect(vless(vzero(), d), one, vselect(vless(d, vzero()), -one, d));
        break;
    case LOSS_HUBER: {
        vec near = vmin(one, vabs(d));
        *total = vfma(near, vfma(vset((real)-0.5), near, vabs(d)), *total);
        d = vmax(-one, vmin(one, d));
        break;
    }
    case LOSS_POISSON:
        *total = *total + vfma(-t, z, x);
        slope = one;
        break;
    default:
        *total = vfma(d, d, *total);
        break;
    }
    return factor * (d * slope);
}

/** What output_loss() takes for n outputs. */
INLINE vec loss_factor(enum loss loss, size_t n)
{
    const real mean = loss == LOSS_SSE ? 1 : (real)1 / (real)n;
    return vset(loss == LOSS_MSE ? (real)2 / (real)n : mean);
}

/** The loss of an example from the total of its n outputs. */
INLINE vec loss_of_total(enum loss loss, vec total, size_t n)
{
    return loss == LOSS_SSE ? total : total / vset((real)n);
}

#endif
