/**
 * reference: every kernel again, one value at a time, as its declaration says. The tests compare
 * all levels with these bit for bit, and whoever wants to know what a kernel does reads this.
 *
 * The elementary functions are those of elementary.h on registers of one value.
 */
#define KERNEL_SCALAR
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

static void pullback(const real *W, size_t m, size_t n, const real *DT, size_t ldt, size_t E,
                     real *PT)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t e = 0; e < E; e++) {
            real p = 0;
            for (size_t o = 0; o < n; o++) {
                p = FMA(W[pack_index(m, n, i, o)], DT[o * ldt + e], p);
            }
            PT[i * ldt + e] = p;
        }
    }
}

static void gradient(const real *const *X, const real *D, size_t ldd,
                     const struct shard_run *run, size_t m, size_t n, real *const *G, real *size)
{
    for (size_t i = 0; i <= m; i++) {
        for (size_t o = 0; o < n; o++) {
            real stack[SUBTREES_MAX];
            size_t depth = 0;
            size_t e = 0;
            for (size_t s = 0; s < run->count; s++) {
                real sum = 0;
                for (; e < run->end[s]; e++) {
                    sum = FMA(D[e * ldd + o], X[e][i], sum);
                }
                for (unsigned merge = 0; merge < run->merges[s]; merge++) {
                    sum = stack[--depth] + sum;
                }
                stack[depth++] = sum;
            }
            for (size_t j = 0; j < depth; j++) {
                G[j][pack_index(m, n, i, o)] = stack[j];
                *size += ABS(stack[j]);
            }
        }
    }
}

static real apply(enum activation f, real z)
{
    switch (f) {
    case ACTIVATION_SIGMOID:
        return vsigmoid(z);
    case ACTIVATION_TANH:
        return vtanh(z);
    case ACTIVATION_RELU:
        return z < 0 ? 0 : z;
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
        break;
    }
    return z;
}

static real slope(enum activation f, real x)
{
    switch (f) {
    case ACTIVATION_SIGMOID:
        return x * (1 - x);
    case ACTIVATION_TANH:
        return FMA(-x, x, (real)1);
    case ACTIVATION_RELU:
        return x > 0 ? 1 : 0;
    case ACTIVATION_LINEAR:
    case ACTIVATION_SOFTMAX:
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
        X[e * ldx + n] = 1;
    }
}

static void derive(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                   size_t E, size_t m, real *D, size_t ldd, real *DT)
{
    for (size_t e = 0; e < E; e++) {
        for (size_t i = 0; i < m; i++) {
            real x = X[e * ldx + i];
            real p = PT[i * ldt + e];
            real d = f == ACTIVATION_RELU ? (x > 0 ? p : 0) : p * slope(f, x);
            D[e * ldd + i] = d;
            if (DT) {
                DT[i * ldt + e] = d;
            }
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

static real target(const struct REAL(targets) *targets, size_t e, size_t o, size_t n)
{
    if (!targets->class_index) {
        return targets->value[o * targets->ld + e];
    }
    if (n == 1) {
        return (real)targets->class_index[e];
    }
    return targets->class_index[e] == (int32_t)o ? 1 : 0;
}

static real loss_softmax(real *ZT, size_t ldt, size_t e, size_t n,
                         const struct REAL(targets) *targets)
{
    real most = ZT[e];
    for (size_t o = 1; o < n; o++) {
        most = most > ZT[o * ldt + e] ? most : ZT[o * ldt + e];
    }
    real wanted = 0;
    real sum = 0;
    for (size_t o = 0; o < n; o++) {
        wanted = FMA(target(targets, e, o, n), ZT[o * ldt + e] - most, wanted);
    }
    for (size_t o = 0; o < n; o++) {
        ZT[o * ldt + e] = vexp(ZT[o * ldt + e] - most);
        sum += ZT[o * ldt + e];
    }
    for (size_t o = 0; o < n; o++) {
        ZT[o * ldt + e] = ZT[o * ldt + e] / sum - target(targets, e, o, n);
    }
    return vlog(sum) - wanted;
}

static void loss_all(enum loss loss, enum activation f, real *ZT, size_t ldt, size_t E, size_t n,
                     const struct REAL(targets) *targets, real *each)
{
    for (size_t e = 0; e < E; e++) {
        if (loss == LOSS_CROSS_ENTROPY && f == ACTIVATION_SOFTMAX) {
            each[e] = loss_softmax(ZT, ldt, e, n, targets);
            continue;
        }
        real total = 0;
        for (size_t o = 0; o < n; o++) {
            real z = ZT[o * ldt + e];
            real t = target(targets, e, o, n);
            if (loss == LOSS_CROSS_ENTROPY) {
                real above = z < 0 ? 0 : z;
                total += FMA(-t, z, above) + vlog(1 + vexp(-ABS(z)));
                ZT[o * ldt + e] = vsigmoid(z) - t;
            } else {
                real x = apply(f, z);
                real d = x - t;
                total = FMA(d, d, total);
                ZT[o * ldt + e] = (loss == LOSS_MSE ? 2 / (real)n : 1) * (d * slope(f, x));
            }
        }
        each[e] = loss == LOSS_MSE ? total / (real)n : total;
    }
}

static void update(const struct REAL(update) *u, real *w, const real *g, real *s1, real *s2,
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
            s1[i] = FMA(u->beta1, s1[i], u->one_beta1 * d);
            s2[i] = FMA(u->beta2, s2[i], u->one_beta2 * d * d);
            w[i] = FMA(-u->step, s1[i] / FMA(SQRT(s2[i]), u->root, u->epsilon), w[i]);
            break;
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

static void gather(real *X, size_t ldx, const struct REAL(source) *source, const uint32_t *rows,
                   size_t first, size_t E, size_t m)
{
    for (size_t e = 0; e < E; e++) {
        size_t row = rows ? rows[e] : first + e;
        for (size_t i = 0; i < m; i++) {
            X[e * ldx + i] = source->value ? source->value[row * source->ld + i] :
                                             (real)source->bytes[row * m + i] * source->scale;
        }
        X[e * ldx + m] = 1;
    }
}

static void elementary(char which, const real *x, real *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = which == 'e' ? vexp(x[i]) :
               which == 'l' ? vlog(x[i]) :
               which == 't' ? vtanh(x[i]) :
                              vsigmoid(x[i]);
    }
}

static double fma_chains(long rounds, double *sink)
{
    real chain = 1;
    for (long round = 0; round < rounds; round++) {
        chain = FMA(chain, (real)0.999, (real)0.001);
    }
    *sink += (double)chain;
    return 2.0 * (double)rounds;
}

const struct REAL(kernels) *REAL(kernels_reference)(void)
{
    static const struct REAL(kernels) table = {
        .isa = "reference",
        .lanes = 1,
        .affine = affine,
        .pullback = pullback,
        .gradient = gradient,
        .activate = activate,
        .derive = derive,
        .transpose = transpose,
        .output = output,
        .loss = loss_all,
        .update = update,
        .add = add,
        .gather = gather,
        .elementary = elementary,
        .fma_chains = fma_chains,
    };
    return &table;
}
