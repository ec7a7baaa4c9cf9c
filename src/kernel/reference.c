/**
 * reference: every kernel again, one value at a time, as its declaration says. The tests compare
 * all levels with these bit for bit, and whoever wants to know what a kernel does reads this.
 *
 * The elementary functions are those of elementary.h on registers of one value.
 */
#define KERNEL_SCALAR
#include "base/random.h"
#include "kernel/dispatch.h"
#include "kernel/elementary.h"
#include "kernel/kernel.h"

#if defined(REAL_IS_DOUBLE)
#define FMA __builtin_fma
#define SQRT __builtin_sqrt
#define ABS __builtin_fabs
#else
#define FMA __builtin_fmaf
#define SQRT __builtin_sqrtf
#define ABS __builtin_fabsf
#endif

static void affine(const real *const *X, size_t E, size_t m, const real *W, size_t n, real *Z,
                   size_t ldz)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t o = 0; o < n; o++) {
            real z = W[pack_index(m, n, m, o)];
            for (size_t i = 0; i < m; i++) {
                z = FMA(X[e][i], W[pack_index(m, n, i, o)], z);
            }
            Z[e * ldz + o] = z;
        }
    }
}

static void pullback(const real *W, size_t m, size_t n, size_t from, size_t to, const real *DT,
                     size_t ldt, size_t E, real *PT, const struct REAL(ahead) * ahead)
{
    (void)ahead;
    for (size_t i = from; i < to; i++) {
        for (size_t e = 0; e < E; e++) {
            real p = 0;
            for (size_t o = 0; o < n; o++) {
                p = FMA(W[pack_index(m, n, i, o)], DT[o * ldt + e], p);
            }
            PT[(i - from) * ldt + e] = p;
        }
    }
}

static void gradient(const real *const *X, size_t from, const real *D, const struct shard_run *run,
                     size_t m, size_t n, real *const *G, real *carry, real *size,
                     const struct REAL(descent) * descent)
{
    (void)carry;
    size_t E = run->end[run->count - 1];
    for (size_t i = 0; i <= m; i++) {
        for (size_t o = 0; o < n; o++) {
            real stack[SUBTREES_MAX];
            size_t depth = run->before;
            size_t e = 0;
            for (size_t j = 0; j < depth; j++) {
                stack[j] = G[j][pack_index(m, n, i, o)];
            }
            for (size_t s = 0; s < run->count; s++) {
                real sum = 0;
                for (; e < run->end[s]; e++) {
                    sum = FMA(D[packed_at(E, n, e, o)], X[e][from + i], sum);
                }
                for (unsigned merge = 0; merge < run->merges[s]; merge++) {
                    sum = stack[--depth] + sum;
                }
                stack[depth++] = sum;
            }
            for (size_t j = 0; j < depth; j++) {
                if (descent) {
                    real *w = G[j] + pack_index(descent->inputs - 1, n, from + i, o);
                    *w = FMA(-descent->rate, stack[j] * descent->scale, *w);
                } else {
                    G[j][pack_index(m, n, i, o)] = stack[j];
                }
                *size += ABS(stack[j]);
            }
        }
    }
}

#define SELU_SCALE ((real)1.0507009873554804934193349852946)
#define SELU_ALPHA ((real)1.6732632423543772848170429916717)
#define SQRT_HALF ((real)0.70710678118654752440084436210485)

static real apply(enum activation f, real z)
{
    real cosine;
    switch (f) {
    case ACTIVATION_SIGMOID:
        return vsigmoid(z);
    case ACTIVATION_TANH:
        return vtanh(z);
    case ACTIVATION_RELU:
        return z < 0 ? 0 : z;
    case ACTIVATION_LEAKY_RELU:
        return z > 0 ? z : z * (real)0.01;
    case ACTIVATION_ELU:
        return z < 0 ? vexpm1_below(z) : z;
    case ACTIVATION_SELU:
        return SELU_SCALE * (z < 0 ? SELU_ALPHA * vexpm1_below(z) : z);
    case ACTIVATION_GELU:
        return z * FMA((real)0.5, verf(z * SQRT_HALF), (real)0.5);
    case ACTIVATION_SILU:
        return z * vsigmoid(z);
    case ACTIVATION_SOFTPLUS:
        return (z < 0 ? 0 : z) + vlog1p_unit(vexp(-ABS(z)));
    case ACTIVATION_SOFTSIGN:
        return z / (1 + ABS(z));
    case ACTIVATION_HARD_SIGMOID:
        z = FMA(z, (real)1 / 6, (real)0.5);
        return z < 0 ? 0 : z > 1 ? 1 : z;
    case ACTIVATION_GAUSSIAN:
        return vexp(-(z * z));
    case ACTIVATION_SINE:
        return vsin_cos(z, &cosine);
    case ACTIVATION_EXP:
        return vexp(z);
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
    case ACTIVATION_COUNT:
        break;
    }
    return z;
}

/** f'(z) from z and x = f(z). */
static real slope(enum activation f, real z, real x)
{
    real s;
    switch (f) {
    case ACTIVATION_SIGMOID:
        return x * (1 - x);
    case ACTIVATION_TANH:
        return FMA(-x, x, (real)1);
    case ACTIVATION_RELU:
        return x > 0 ? 1 : 0;
    case ACTIVATION_LEAKY_RELU:
        return x > 0 ? 1 : (real)0.01;
    case ACTIVATION_ELU:
        return x < 0 ? x + 1 : 1;
    case ACTIVATION_SELU:
        return x < 0 ? x + SELU_SCALE * SELU_ALPHA : SELU_SCALE;
    case ACTIVATION_GELU:
        s = (real)0.39894228040143267793994605993438 * vexp((real)-0.5 * (z * z));
        return FMA(z, s, FMA((real)0.5, verf(z * SQRT_HALF), (real)0.5));
    case ACTIVATION_SILU:
        s = vsigmoid(z);
        return s * FMA(z, 1 - s, (real)1);
    case ACTIVATION_SOFTPLUS:
        return -vexpm1_below(-x);
    case ACTIVATION_SOFTSIGN:
        return (1 - ABS(x)) * (1 - ABS(x));
    case ACTIVATION_HARD_SIGMOID:
        return x > 0 && x < 1 ? (real)1 / 6 : 0;
    case ACTIVATION_GAUSSIAN:
        return -2 * z * x;
    case ACTIVATION_SINE:
        vsin_cos(z, &s);
        return s;
    case ACTIVATION_EXP:
        return x;
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
    case ACTIVATION_COUNT:
        break;
    }
    return 1;
}

static void activate(enum activation f, real *X, size_t ldx, size_t E, size_t n)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t i = 0; i < n; i++) {
            X[e * ldx + i] = apply(f, X[e * ldx + i]);
        }
    }
}

static void activate_keep(enum activation f, real *X, size_t ldx, size_t E, size_t n, real *S)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t i = 0; i < n; i++) {
            real z = X[e * ldx + i];
            real x = apply(f, z);
            X[e * ldx + i] = x;
            S[e * ldx + i] = slope(f, z, x);
        }
    }
}

/** d f'(z) from x = f(z), for functions that do not need z. A sum of weights of 0 stays +0. */
static real back(enum activation f, real d, real x)
{
    if (f == ACTIVATION_RELU || f == ACTIVATION_HARD_SIGMOID) {
        return slope(f, 0, x) != 0 ? d * slope(f, 0, x) : 0;
    }
    return d * slope(f, 0, x);
}

static void put_delta(real d, size_t e, size_t i, size_t ldt, real *D, size_t ldd, real *DT)
{
    D[e * ldd + i] = d;
    if (DT) {
        DT[i * ldt + e] = d;
    }
}

static void derive(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                   size_t E, size_t m, real *D, size_t ldd, real *DT)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t i = 0; i < m; i++) {
            put_delta(back(f, PT[i * ldt + e], X[e * ldx + i]), e, i, ldt, D, ldd, DT);
        }
        for (size_t i = m; i < round16(m); i++) {
            D[e * ldd + i] = 0;
        }
    }
}

static void derive_kept(const real *PT, size_t ldt, const real *S, size_t lds, size_t E, size_t m,
                        real *D, size_t ldd, real *DT)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t i = 0; i < m; i++) {
            put_delta(PT[i * ldt + e] * S[e * lds + i], e, i, ldt, D, ldd, DT);
        }
        for (size_t i = m; i < round16(m); i++) {
            D[e * ldd + i] = 0;
        }
    }
}

static void transpose(const real *A, size_t lda, size_t rows, size_t columns, real *AT, size_t ldt)
{
    for (size_t c = 0; c < columns; c++) {
        for (size_t r = 0; r < round16(rows); r++) {
            AT[c * ldt + r] = r < rows ? A[r * lda + c] : 0;
        }
    }
}

static void softmax(real *ZT, size_t ldt, size_t E, size_t n)
{
    for (size_t e = 0; e < E; e++) {
        real most = ZT[e];
        for (size_t o = 1; o < n; o++) {
            most = most > ZT[o * ldt + e] ? most : ZT[o * ldt + e];
        }
        real sum = 0;
        for (size_t o = 0; o < n; o++) {
            ZT[o * ldt + e] = vexp(ZT[o * ldt + e] - most);
            sum += ZT[o * ldt + e];
        }
        for (size_t o = 0; o < n; o++) {
            ZT[o * ldt + e] /= sum;
        }
    }
}

static void output(enum activation f, real *ZT, size_t ldt, size_t E, size_t n)
{
    if (f == ACTIVATION_SOFTMAX) {
        softmax(ZT, ldt, E, n);
        return;
    }
    for (size_t o = 0; o < n; o++) {
        for (size_t e = 0; e < E; e++) {
            ZT[o * ldt + e] = apply(f, ZT[o * ldt + e]);
        }
    }
}

static real target(const struct REAL(targets) * targets, size_t e, size_t o, size_t n)
{
    if (!targets->class_index) {
        return targets->value[o * targets->ld + e];
    }
    if (n == 1) {
        return (real)targets->class_index[e];
    }
    return targets->class_index[e] == (int32_t)o ? 1 : 0;
}

/** Target o of a cross-entropy: smoothed. */
static real smooth(const struct REAL(targets) * targets, enum activation f, size_t e, size_t o,
                   size_t n)
{
    size_t classes = f == ACTIVATION_SOFTMAX && n > 1 ? n : 2;
    return FMA(target(targets, e, o, n), 1 - targets->smoothing,
               targets->smoothing / (real)classes);
}

static real loss_softmax(real *ZT, size_t ldt, size_t e, size_t n,
                         const struct REAL(targets) * targets)
{
    real most = ZT[e];
    for (size_t o = 1; o < n; o++) {
        most = most > ZT[o * ldt + e] ? most : ZT[o * ldt + e];
    }
    real wanted = 0;
    real sum = 0;
    for (size_t o = 0; o < n; o++) {
        real t = smooth(targets, ACTIVATION_SOFTMAX, e, o, n);
        wanted = FMA(t, ZT[o * ldt + e] - most, wanted);
    }
    for (size_t o = 0; o < n; o++) {
        ZT[o * ldt + e] = vexp(ZT[o * ldt + e] - most);
        sum += ZT[o * ldt + e];
    }
    for (size_t o = 0; o < n; o++) {
        ZT[o * ldt + e] = ZT[o * ldt + e] / sum - smooth(targets, ACTIVATION_SOFTMAX, e, o, n);
    }
    return vlog(sum) - wanted;
}

/** What output o adds to the loss of its example, and D in place of Z. */
static real loss_output(enum loss loss, enum activation f, real *at, real t, size_t n, real total)
{
    real z = *at;
    real x = apply(f, z);
    real d = x - t;
    real size = ABS(d);
    real near = size < 1 ? size : 1;
    switch (loss) {
    case LOSS_MAE:
        *at = (real)1 / (real)n * ((d > 0 ? 1 : d < 0 ? -1 : d) * slope(f, z, x));
        return total + size;
    case LOSS_HUBER:
        *at = (real)1 / (real)n * ((d > 1 ? 1 : d < -1 ? -1 : d) * slope(f, z, x));
        return FMA(near, FMA((real)-0.5, near, size), total);
    case LOSS_POISSON:
        *at = (real)1 / (real)n * d;
        return total + FMA(-t, z, x);
    default:
        *at = (loss == LOSS_MSE ? 2 / (real)n : 1) * (d * slope(f, z, x));
        return FMA(d, d, total);
    }
}

static void loss_all(enum loss loss, enum activation f, real *ZT, size_t ldt, size_t E, size_t n,
                     const struct REAL(targets) * targets, real *each)
{
    for (size_t e = 0; e < E; e++) {
        if (loss == LOSS_CROSS_ENTROPY && f == ACTIVATION_SOFTMAX) {
            each[e] = loss_softmax(ZT, ldt, e, n, targets);
            continue;
        }
        real total = 0;
        for (size_t o = 0; o < n; o++) {
            real z = ZT[o * ldt + e];
            if (loss == LOSS_CROSS_ENTROPY) {
                real t = smooth(targets, f, e, o, n);
                real above = z < 0 ? 0 : z;
                total += FMA(-t, z, above) + vlog(1 + vexp(-ABS(z)));
                ZT[o * ldt + e] = vsigmoid(z) - t;
            } else {
                total = loss_output(loss, f, &ZT[o * ldt + e], target(targets, e, o, n), n, total);
            }
        }
        each[e] = loss == LOSS_SSE || loss == LOSS_CROSS_ENTROPY ? total : total / (real)n;
    }
}

static void weigh(const real *weight, real *DT, size_t ldt, size_t E, size_t n, real *each)
{
    for (size_t e = 0; e < E; e++) {
        each[e] *= weight[e];
        for (size_t o = 0; o < n; o++) {
            DT[o * ldt + e] *= weight[e];
        }
    }
}

static void penalise(const struct REAL(penalty) * p, real *w, const real *g, const real *mask,
                     real *d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real old = w[i];
        real delta = g[i] * p->scale;
        delta = delta > p->clip ? p->clip : delta < -p->clip ? -p->clip : delta;
        delta = FMA(p->l2 * mask[i], old, delta);
        d[i] = FMA(p->l1 * mask[i], (real)(old > 0 ? 1 : old < 0 ? -1 : 0), delta);
        w[i] = FMA(-p->decay * mask[i], old, old);
    }
}

static void rprop(const struct REAL(update) * u, real d, real *w, real *before, real *far)
{
    if (*far == 0 && d != 0) {
        *far = u->rate;
    }
    if ((d > 0 && *before > 0) || (d < 0 && *before < 0)) {
        *far = RPROP_MOST < *far * RPROP_UP ? RPROP_MOST : *far * RPROP_UP;
    } else if ((d > 0 && *before < 0) || (d < 0 && *before > 0)) {
        *far = RPROP_LEAST > *far * RPROP_DOWN ? RPROP_LEAST : *far * RPROP_DOWN;
        d = 0;
    }
    *before = d;
    *w -= d > 0 ? *far : d < 0 ? -*far : 0;
}

static void update(const struct REAL(update) * u, real *w, const real *g, real *s1, real *s2,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real d = g[i] * u->scale;
        switch (u->optimizer) {
        case OPTIMIZER_SGD:
            w[i] = FMA(-u->rate, d, w[i]);
            break;
        case OPTIMIZER_MOMENTUM:
            s1[i] = FMA(u->momentum, s1[i], d);
            w[i] = FMA(-u->rate, s1[i], w[i]);
            break;
        case OPTIMIZER_NESTEROV:
            s1[i] = FMA(u->momentum, s1[i], d);
            w[i] = FMA(-u->rate, FMA(u->momentum, s1[i], d), w[i]);
            break;
        case OPTIMIZER_ADAM:
        case OPTIMIZER_ADAMW:
            s1[i] = FMA(u->beta1, s1[i], u->one_beta1 * d);
            s2[i] = FMA(u->beta2, s2[i], u->one_beta2 * d * d);
            w[i] = FMA(-u->step, s1[i] / FMA(SQRT(s2[i]), u->root, u->epsilon), w[i]);
            break;
        case OPTIMIZER_RMSPROP:
            s1[i] = FMA(u->beta2, s1[i], u->one_beta2 * d * d);
            w[i] = FMA(-u->rate, d / (SQRT(s1[i]) + u->epsilon), w[i]);
            break;
        case OPTIMIZER_ADAGRAD:
            s1[i] = FMA(d, d, s1[i]);
            w[i] = FMA(-u->rate, d / (SQRT(s1[i]) + u->epsilon), w[i]);
            break;
        case OPTIMIZER_RPROP:
            rprop(u, d, &w[i], &s1[i], &s2[i]);
            break;
        case OPTIMIZER_LBFGS:
        case OPTIMIZER_COUNT:
            break;
        }
    }
}

static void add(real *sum, const real *a, const real *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] = a[i] + b[i];
    }
}

static void affine_bytes(const struct REAL(source) * source, const uint32_t *rows, size_t E,
                         size_t m, const real *W, size_t n, real *Z, size_t ldz, real *scratch)
{
    (void)scratch;
    for (size_t e = 0; e < E; e++) {
        for (size_t o = 0; o < n; o++) {
            real z = W[pack_index(m, n, m, o)];
            for (size_t i = 0; i < m; i++) {
                real x = (real)source->bytes[rows[e] * source->ld + i] * source->scale;
                z = FMA(x, W[pack_index(m, n, i, o)], z);
            }
            Z[e * ldz + o] = z;
        }
    }
}

static void gather(real *X, size_t ldx, const struct REAL(source) * source, const uint32_t *rows,
                   size_t first, size_t E, size_t m)
{
    for (size_t e = 0; e < E; e++) {
        size_t row = rows ? rows[e] : first + e;
        for (size_t i = 0; i < m; i++) {
            X[e * ldx + i] = source->value
                                 ? source->value[row * source->ld + i]
                                 : (real)source->bytes[row * source->ld + i] * source->scale;
        }
        X[e * ldx + m] = 1;
    }
}

static void drop(const struct REAL(drop) * drop, const uint32_t *index, size_t E, uint32_t unit,
                 size_t n, real *X, real *S, size_t ld)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t i = 0; i < n; i++) {
            uint32_t word[4];
            random_words(drop->seed, RANDOM_DROPOUT, drop->step, index[e], unit + (uint32_t)(i / 4),
                         word);
            real factor = word[i % 4] < drop->below ? 0 : drop->stays;
            X[e * ld + i] *= factor;
            if (S) {
                S[e * ld + i] *= factor;
            }
        }
    }
}

static void noise(const struct noise *noise, const uint32_t *index, const real *const *row,
                  size_t E, size_t m, real *X, size_t ldx)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t i = 0; i < m; i++) {
            uint32_t word[4];
            random_words(noise->seed, RANDOM_NOISE, noise->step, index[e], (uint32_t)i, word);
            double u = ((double)word[0] + 0.5) * 0x1p-32;
            double v = ((double)word[1] + 0.5) * 0x1p-32;
            X[e * ldx + i] = row[e][i] + (real)(noise->deviation * elementary_normal(u, v));
        }
        X[e * ldx + m] = 1;
    }
}

static void elementary(char which, const real *x, real *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real other;
        switch (which) {
        case 'e':
            y[i] = vexp(x[i]);
            break;
        case 'l':
            y[i] = vlog(x[i]);
            break;
        case 't':
            y[i] = vtanh(x[i]);
            break;
        case 'f':
            y[i] = verf(x[i]);
            break;
        case 'i':
            y[i] = vsin_cos(x[i], &other);
            break;
        case 'c':
            vsin_cos(x[i], &y[i]);
            break;
        case 'm':
            y[i] = vexpm1_below(x[i]);
            break;
        case 'p':
            y[i] = vlog1p_unit(x[i]);
            break;
        default:
            y[i] = vsigmoid(x[i]);
            break;
        }
    }
}

static double chains(long rounds, double *sink)
{
    real chain = 1;
    for (long round = 0; round < rounds; round++) {
        chain = FMA(chain, (real)0.999, (real)0.001);
    }
    *sink += (double)chain;
    return 2.0 * (double)rounds;
}

/** The weight deltas of layer l, on top of those that are there; returns Σ |G|. */
static real deltas(const struct REAL(small) * s, size_t l, const real *X, size_t ldx, const real *D,
                   size_t ldd)
{
    real size = 0;
    for (size_t i = 0; i <= s->width[l - 1]; i++) {
        for (size_t o = 0; o < s->width[l]; o++) {
            real *g = s->G + s->offset[l] + pack_index(s->width[l - 1], s->width[l], i, o);
            *g = s->goes_on ? *g : 0;
            for (size_t e = 0; e < s->E; e++) {
                *g = FMA(D[e * ldd + o], X[e * ldx + i], *g);
            }
            size += ABS(*g);
        }
    }
    return size;
}

/** Layer by layer with the functions above; what they want row by row is turned around in between. */
static real small(const struct REAL(small) * s)
{
    enum { LD = PACK_UNIT, LDX = SMALL_INPUTS + PACK_UNIT, LDD = SMALL_UNITS };
    size_t L = s->layers;
    real X[PACK_UNIT * LDX], Z[PACK_UNIT * LDX], D[PACK_UNIT * LDD], T[SMALL_UNITS * LD];
    real value[SMALL_UNITS * LD];
    const struct REAL(targets) targets = {
        .class_index = s->class_index, .value = value, .ld = LD, .smoothing = s->smoothing};
    const real *row[PACK_UNIT];
    real *XT = s->XT; /* layer after layer, as a stack */
    real size = 0;
    for (size_t e = 0; e < s->E; e++) {
        for (size_t i = 0; s->row && i < s->width[0]; i++) {
            XT[i * LD + e] = s->row[e][i];
        }
        for (size_t o = 0; !s->class_index && o < s->width[L]; o++) {
            value[o * LD + e] = s->target[e][o];
        }
        row[e] = X + e * LDX;
    }
    for (size_t l = 1; l <= 2 * L; l++) { /* forward to the loss, and back */
        size_t at = l <= L ? l : 2 * L + 1 - l;
        size_t m = s->width[at - 1];
        size_t n = s->width[at];
        if (l > L) {
            XT -= m * LD;
        }
        for (size_t e = 0; e < s->E; e++) {
            for (size_t i = 0; i < m; i++) {
                X[e * LDX + i] = XT[i * LD + e];
            }
            X[e * LDX + m] = 1;
        }
        if (l <= L) {
            XT += m * LD;
            affine(row, s->E, m, s->W + s->offset[at], n, Z, LDX);
            if (l < L) {
                activate(s->activation[at], Z, LDX, s->E, n);
            }
            for (size_t o = 0; o < n; o++) {
                for (size_t e = 0; e < s->E; e++) {
                    (l < L ? XT : T)[o * LD + e] = Z[e * LDX + o];
                }
            }
            if (l == L) {
                loss_all(s->loss, s->activation[at], T, LD, s->E, n, &targets, s->each);
                if (s->weight) {
                    weigh(s->weight, T, LD, s->E, n, s->each);
                }
                transpose(T, LD, n, s->E, D, LDD);
            }
        } else {
            size += deltas(s, at, X, LDX, D, LDD);
            pullback(s->W + s->offset[at], m, n, 0, m, T, LD, s->E, Z, NULL);
            if (at > 1) {
                derive(s->activation[at - 1], Z, LD, X, LDX, s->E, m, D, LDD, T);
            }
        }
    }
    return size;
}

const struct REAL(kernels) * REAL(kernels_reference)(void)
{
    static const struct REAL(kernels) table = {
        .isa = "reference",
        .lanes = 1,
        .affine = affine,
        .pullback = pullback,
        .gradient = gradient,
        .small = small,
        .activate = activate,
        .activate_keep = activate_keep,
        .derive = derive,
        .derive_kept = derive_kept,
        .transpose = transpose,
        .output = output,
        .loss = loss_all,
        .weigh = weigh,
        .penalise = penalise,
        .update = update,
        .add = add,
        .affine_bytes = affine_bytes,
        .gather = gather,
        .drop = drop,
        .noise = noise,
        .elementary = elementary,
        .fma_chains = chains,
    };
    return &table;
}
