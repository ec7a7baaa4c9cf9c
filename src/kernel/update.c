/**
 * update: one step of an optimizer over packed weights, and the sums it needs.
 *
 * Sources: momentum and Nesterov in the form of I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On
 * the importance of initialization and momentum in deep learning", ICML 2013, as PyTorch states
 * them; Adam: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm
 * 1, with the bias corrections folded into `step` and `root`; AdamW: I. Loshchilov, F. Hutter,
 * "Decoupled weight decay regularization", ICLR 2019; RMSprop: T. Tieleman, G. Hinton, Coursera
 * lecture 6.5 (2012), as PyTorch states it; Adagrad: J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011);
 * iRprop-: C. Igel, M. Hüsken, "Improving the Rprop learning algorithm", NC 2000.
 */
#include "kernel/elementary.h"
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

void KERNEL(penalise)(const struct REAL(penalty) * p, real *w, const real *g, const real *mask,
                      real *d, size_t n)
{
    const vec scale = vset(p->scale), clip = vset(p->clip);
    const vec l1 = vset(p->l1), l2 = vset(p->l2), decay = vset(-p->decay);
    for (size_t i = 0; i < n; i += (size_t)LANES) {
        vec old = vload(w + i), on = vload(mask + i);
        vec sign =
            vselect(vless(vzero(), old), vset(1), vselect(vless(old, vzero()), vset(-1), vzero()));
        vec delta = vmax(-clip, vmin(clip, vload(g + i) * scale));
        delta = vfma(l2 * on, old, delta);
        vstore(d + i, vfma(l1 * on, sign, delta));
        vstore(w + i, vfma(decay * on, old, old));
    }
}

/*
 * Where a weight has had no weight deltas for long, its states end as denormal numbers, and stay:
 * 0.9 times a few of the smallest is rounded to as many. Processors take several times as long for a
 * division or a root of one, so both are made of 0 instead where that cannot change a bit.
 */

#if defined(REAL_IS_DOUBLE)
#define SMALLEST_ROOT 0x1p-511 /* of SMALLEST_NORMAL */
#else
#define SMALLEST_ROOT 0x1p-63f
#endif
#define NOT_SEEN ((real)(1ull << (REAL_MANTISSA_BITS + 4))) /* 1 + less than 1 / this is 1 */

/** Below what squares are taken for 0: nothing is left of √square factor beside epsilon. */
INLINE vec least_square(real factor, real epsilon)
{
    bool seen = !(factor * SMALLEST_ROOT * NOT_SEEN < epsilon);
    return seen ? vzero() : vset(SMALLEST_NORMAL);
}

INLINE vec root_of(vec square, vec least)
{
    return vsqrt(vselect(vless(square, least), vzero(), square));
}

/** Above what weights do not see `rate` times a denormal number by epsilon or more. */
INLINE vec unmoved_from(real rate, real epsilon)
{
    return vset((rate < 0 ? -rate : rate) / epsilon * (SMALLEST_NORMAL * NOT_SEEN));
}

/** a / below, for a weight w. */
INLINE vec ratio(vec a, vec below, vec w, vec unmoved)
{
    vmask nothing = vless(vabs(a), vset(SMALLEST_NORMAL)) & vless(unmoved, vabs(w));
    return vselect(nothing, vzero(), a) / below;
}

/** Plain descent needs none of what the others do, and tiny networks notice how soon it begins. */
INLINE void descend(const struct REAL(update) * u, real *w, const real *g, size_t n)
{
    const vec scale = vset(u->scale);
    const vec rate = vset(-u->rate);
    for (size_t i = 0; i < n; i += (size_t)LANES) {
        vstore(w + i, vfma(rate, vload(g + i) * scale, vload(w + i)));
    }
}

void KERNEL(update)(const struct REAL(update) * u, real *w, const real *g, real *s1, real *s2,
                    size_t n)
{
    if (u->optimizer == OPTIMIZER_SGD) {
        descend(u, w, g, n);
        return;
    }
    const vec scale = vset(u->scale);
    const vec rate = vset(-u->rate);
    const vec momentum = vset(u->momentum);
    const vec beta1 = vset(u->beta1), one_beta1 = vset(u->one_beta1);
    const vec beta2 = vset(u->beta2), one_beta2 = vset(u->one_beta2);
    const vec step = vset(-u->step), root = vset(u->root), epsilon = vset(u->epsilon);
    vec least, unmoved;
    switch (u->optimizer) {
    case OPTIMIZER_MOMENTUM:
        for (size_t i = 0; i < n; i += (size_t)LANES) {
            vec v = vfma(momentum, vload(s1 + i), vload(g + i) * scale);
            vstore(s1 + i, v);
            vstore(w + i, vfma(rate, v, vload(w + i)));
        }
        break;
    case OPTIMIZER_NESTEROV:
        for (size_t i = 0; i < n; i += (size_t)LANES) {
            vec d = vload(g + i) * scale;
            vec v = vfma(momentum, vload(s1 + i), d);
            vstore(s1 + i, v);
            vstore(w + i, vfma(rate, vfma(momentum, v, d), vload(w + i)));
        }
        break;
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
        least = least_square(u->root, u->epsilon);
        unmoved = unmoved_from(u->step, u->epsilon);
        for (size_t i = 0; i < n; i += (size_t)LANES) {
            vec d = vload(g + i) * scale;
            vec mean = vfma(beta1, vload(s1 + i), one_beta1 * d);
            vec square = vfma(beta2, vload(s2 + i), one_beta2 * d * d);
            vstore(s1 + i, mean);
            vstore(s2 + i, square);
            vec below = vfma(root_of(square, least), root, epsilon);
            vec old = vload(w + i);
            vstore(w + i, vfma(step, ratio(mean, below, old, unmoved), old));
        }
        break;
    case OPTIMIZER_RMSPROP:
        least = least_square(1, u->epsilon);
        unmoved = unmoved_from(u->rate, u->epsilon);
        for (size_t i = 0; i < n; i += (size_t)LANES) {
            vec d = vload(g + i) * scale;
            vec square = vfma(beta2, vload(s1 + i), one_beta2 * d * d);
            vstore(s1 + i, square);
            vec below = root_of(square, least) + epsilon;
            vec old = vload(w + i);
            vstore(w + i, vfma(rate, ratio(d, below, old, unmoved), old));
        }
        break;
    case OPTIMIZER_ADAGRAD:
        least = least_square(1, u->epsilon);
        unmoved = unmoved_from(u->rate, u->epsilon);
        for (size_t i = 0; i < n; i += (size_t)LANES) {
            vec d = vload(g + i) * scale;
            vec square = vfma(d, d, vload(s1 + i));
            vstore(s1 + i, square);
            vec below = root_of(square, least) + epsilon;
            vec old = vload(w + i);
            vstore(w + i, vfma(rate, ratio(d, below, old, unmoved), old));
        }
        break;
    case OPTIMIZER_RPROP:
        for (size_t i = 0; i < n; i += (size_t)LANES) {
            vec d = vload(g + i) * scale;
            vec far = vload(s2 + i);
            vec first = vselect(vequal(d, vzero()), vzero(), vset(u->rate));
            far = vselect(vequal(far, vzero()), first, far);
            vec before = vload(s1 + i);
            vmask same = (vless(vzero(), d) & vless(vzero(), before)) |
                         (vless(d, vzero()) & vless(before, vzero()));
            vmask turned = (vless(vzero(), d) & vless(before, vzero())) |
                           (vless(d, vzero()) & vless(vzero(), before));
            far = vselect(same, vmin(vset(RPROP_MOST), far * vset(RPROP_UP)), far);
            far = vselect(turned, vmax(vset(RPROP_LEAST), far * vset(RPROP_DOWN)), far);
            d = vselect(turned, vzero(), d);
            vstore(s1 + i, d);
            vstore(s2 + i, far);
            vec move = vselect(vless(vzero(), d), far, vselect(vless(d, vzero()), -far, vzero()));
            vstore(w + i, vload(w + i) - move);
        }
        break;
    case OPTIMIZER_SGD:
    case OPTIMIZER_LBFGS:
    case OPTIMIZER_COUNT:
        break;
    }
}

void KERNEL(add)(real *sum, const real *a, const real *b, size_t n)
{
    for (size_t i = 0; i < n; i += (size_t)LANES) {
        vstore(sum + i, vload(a + i) + vload(b + i));
    }
}

void KERNEL(elementary)(char which, const real *x, real *y, size_t n)
{
    for (size_t i = 0; i < n; i += (size_t)LANES) {
        real lane[16] = {0};
        size_t some = n - i < (size_t)LANES ? n - i : (size_t)LANES;
        for (size_t j = 0; j < some; j++) {
            lane[j] = x[i + j];
        }
        vec v = vload(lane);
        vec other;
        switch (which) {
        case 'e':
            v = vexp(v);
            break;
        case 'l':
            v = vlog(v);
            break;
        case 't':
            v = vtanh(v);
            break;
        case 'f':
            v = verf(v);
            break;
        case 'i':
            v = vsin_cos(v, &other);
            break;
        case 'c':
            vsin_cos(v, &other);
            v = other;
            break;
        case 'm':
            v = vexpm1_below(v);
            break;
        case 'p':
            v = vlog1p_unit(v);
            break;
        default:
            v = vsigmoid(v);
            break;
        }
        vstore(lane, v);
        for (size_t j = 0; j < some; j++) {
            y[i + j] = lane[j];
        }
    }
}

/*
 * Twelve chains that start from different values and converge to 1: enough to fill two units of
 * latency 4, with nothing for the compiler to share between them.
 */
double KERNEL(fma_chains)(long rounds, double *sink)
{
    enum { CHAINS = 12 };
    vec chain[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        chain[i] = vset((real)1 + (real)(i + 1) / 64); /* 1 stays 1: a compiler leaves it out */
    }
    const vec a = vset((real)0.999), b = vset((real)0.001);
    for (long round = 0; round < rounds; round++) {
        UNROLL(12)
        for (int i = 0; i < CHAINS; i++) {
            chain[i] = vfma(chain[i], a, b);
        }
    }
    real lane[16];
    double total = 0;
    for (int i = 0; i < CHAINS; i++) {
        vstore(lane, chain[i]);
        total += (double)lane[0];
    }
    *sink += total;
    return 2.0 * LANES * CHAINS * (double)rounds;
}
