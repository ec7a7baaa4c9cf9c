/**
 * kernel: the inner loops, as a table of functions for each instruction set and precision. Callers
 * ask the table, never an instruction set. Every function gives the same bits on every level, and
 * the same as its plain twin in reference.c.
 *
 * Letters: E examples; m inputs and n outputs of a layer; X (E, m) the layer's inputs; Z (E, n)
 * before and after activation; D (E, n) deltas; W the layer's weights; G weight deltas. A matrix
 * ending in T is transposed, examples along the rows of memory: DT (n, E).
 *
 * Layout
 *   Row-major matrices have a stride in reals, ld…; rows of X have room for m + 1 values, the last
 *   being the constant 1 that feeds the bias. Strides are multiples of 16 and whole registers are
 *   read and written, so every row has round16(width) readable and writable reals. What lies
 *   between width and round16(width) is undefined in X and zero in D.
 *
 *   W, G and, for the weight deltas, D are packed: outputs in blocks of 48 and then of 64, as few of
 *   48 as will do; only up to 32, and 65 to 80, outputs make a narrower one. Each block is a row-major
 *   matrix of its own, of W and G ((m + 1), block width) with the bias as the last row, of D (E,
 *   block width):
 *
 *       block 0                 block 1 …
 *       w00 w10 … w47,0         w48,0 …         row 0: weights from input 0
 *       w01 w11 …                               row 1: from input 1
 *       …
 *       b0  b1  …                               row m: the bias
 *
 *   48 and 64 are 3 and 4 registers of 16 floats: what tiles hold. A block is read from front to back
 *   by the forward pass and written so by the weight deltas. Blocks of 64 are what most layers divide
 *   into evenly, so that workers have blocks of their own. Padding is zero and stays zero.
 *
 * No pointer may overlap another unless said so. Nothing here allocates or fails.
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

/* Outputs of a block at most, and what its width is a multiple of. */
enum { PACK = 64, PACK_UNIT = 16 };

/** n rounded up to a whole number of registers of the widest level. */
static inline size_t round16(size_t n)
{
    return (n + PACK_UNIT - 1) / PACK_UNIT * PACK_UNIT;
}

enum { PACK_SLIM = PACK - PACK_UNIT };

/** Width of the block of outputs that begins at `first`. Blocks in a row are packed as if alone. */
static inline size_t pack_width(size_t n, size_t first)
{
    size_t rest = round16(n) - first;
    return rest <= PACK_SLIM ? rest : rest % PACK == 0 ? PACK : PACK_SLIM;
}

/** Outputs of that block. */
static inline size_t pack_outputs(size_t n, size_t first)
{
    size_t width = pack_width(n, first);
    return n - first < width ? n - first : width;
}

/** Where the block of output o begins. */
static inline size_t pack_begin(size_t n, size_t o)
{
    /* behind so many of 48 the rest is a multiple of 64 */
    size_t slim = (PACK - round16(n) % PACK) % PACK / PACK_UNIT * PACK_SLIM;
    return o < slim ? o / PACK_SLIM * PACK_SLIM : slim + (o - slim) / PACK * PACK;
}

/** Where value o of row r is in a packed matrix of so many rows of n values. */
static inline size_t packed_at(size_t rows, size_t n, size_t r, size_t o)
{
    size_t first = pack_begin(n, o);
    return first * rows + r * pack_width(n, first) + (o - first);
}

/** Reals that a packed layer of m inputs and n outputs takes. */
static inline size_t pack_size(size_t m, size_t n)
{
    return (m + 1) * round16(n);
}

/** Where in the pack the weight from input i (m: the bias) to output o lies. */
static inline size_t pack_index(size_t m, size_t n, size_t i, size_t o)
{
    return packed_at(m + 1, n, i, o);
}

/**
 * A stride for rows of `width` reals: a multiple of 16 that is no multiple of 1 KiB, so that a
 * column of a matrix does not fall into a few sets of the cache.
 */
static inline size_t stride_for(size_t width)
{
    size_t ld = round16(width);
    return ld * sizeof(real) % 1024 == 0 ? ld + PACK_UNIT : ld;
}

/**
 * Transfer functions; formula and derivative f'(z) as used, in terms of x = f(z) where that is
 * enough. Φ and φ are the standard normal distribution and density, σ the logistic function.
 *
 * Sources: leaky-relu A. Maas and others, ICML 2013; elu D.-A. Clevert and others, ICLR 2016; selu
 * G. Klambauer and others, NIPS 2017 (λ = 1.0507…, α = 1.6733…); gelu D. Hendrycks, K. Gimpel,
 * arXiv 1606.08415 (the exact form, not its tanh approximation); silu S. Elfwing and others, Neural
 * Networks 107 (2018); softplus C. Dugas and others, NIPS 2000; softsign J. Bergstra and others
 * 2009; hard-sigmoid as PyTorch defines it; gaussian and sine as in FANN, of z itself.
 */
enum activation {
    ACTIVATION_LINEAR,       /* z                        1 */
    ACTIVATION_SIGMOID,      /* 1 / (1 + e^-z)           x (1 - x) */
    ACTIVATION_TANH,         /* tanh z                   1 - x x */
    ACTIVATION_RELU,         /* z < 0 ? 0 : z            x > 0 ? 1 : 0 */
    ACTIVATION_SOFTMAX,      /* e^z[o] / Σ e^z           output layer only, with its own loss */
    ACTIVATION_LEAKY_RELU,   /* z > 0 ? z : 0.01 z       x > 0 ? 1 : 0.01 */
    ACTIVATION_ELU,          /* z < 0 ? e^z - 1 : z      x < 0 ? x + 1 : 1 */
    ACTIVATION_SELU,         /* λ (z < 0 ? α (e^z - 1) : z)   x < 0 ? x + λ α : λ */
    ACTIVATION_GELU,         /* z Φ(z)                   Φ(z) + z φ(z) */
    ACTIVATION_SILU,         /* z σ(z)                   σ(z) (1 + z (1 - σ(z))) */
    ACTIVATION_SOFTPLUS,     /* ln(1 + e^z)              1 - e^-x */
    ACTIVATION_SOFTSIGN,     /* z / (1 + |z|)            (1 - |x|)² */
    ACTIVATION_HARD_SIGMOID, /* z/6 + 1/2 within 0 … 1   0 < x < 1 ? 1/6 : 0 */
    ACTIVATION_GAUSSIAN,     /* e^(-z²)                  -2 z x */
    ACTIVATION_SINE,         /* sin z                    cos z */
    ACTIVATION_EXP,          /* e^z                      x; outputs that are rates */
    ACTIVATION_COUNT
};

/** Is x = f(z) not enough to tell f'(z), so that a layer has to keep it? */
static inline bool activation_keeps_slope(enum activation f)
{
    return f == ACTIVATION_GELU || f == ACTIVATION_SILU || f == ACTIVATION_GAUSSIAN ||
           f == ACTIVATION_SINE;
}

/**
 * Losses of one example over its n outputs x with targets t, and the deltas they give; d = x - t.
 * Sources: huber P. Huber, Annals of Mathematical Statistics 35 (1964), with the threshold 1;
 * poisson: minus the log-likelihood of counts t at rates x, without ln t!, as PyTorch's
 * PoissonNLLLoss(log_input=True) of z; its outputs are exp.
 */
enum loss {
    LOSS_SSE, /* Σ d²                       D = d f'(z): the tutorial's, without the 2 */
    LOSS_MSE, /* Σ d² / n                   D = 2 / n d f'(z) */
    LOSS_CROSS_ENTROPY, /* softmax: ln Σ e^z - Σ t z; sigmoid: Σ ln(1 + e^z) - t z; D = x - t */
    LOSS_MAE,           /* Σ |d| / n                  D = sign(d) / n f'(z) */
    LOSS_HUBER,   /* Σ (|d| < 1 ? d²/2 : |d| - 1/2) / n    D = min(1, max(-1, d)) / n f'(z) */
    LOSS_POISSON, /* Σ (x - t z) / n, x = e^z   D = d / n */
    LOSS_COUNT
};

/** Targets of a block of examples: rows gathered by index from the data set. */
struct REAL(targets) {
    const int32_t *class_index; /* (E) class of each example, or NULL */
    const real *value;          /* (n, ld) targets, transposed, if !class_index */
    size_t ld;
    real smoothing; /* cross-entropy with classes: t = (1 - s) t + s / classes (the two of a
                                   sigmoid: s / 2) */
};

/** Where inputs are taken from: rows of reals, or of bytes that become byte × scale. */
struct REAL(source) {
    const real *value;    /* (rows, ld), or NULL */
    size_t ld;            /* from row to row, of reals a multiple of 16 */
    const uint8_t *bytes; /* (rows, ld) if !value */
    real scale;
};

/** Rows of bytes that affine_bytes() makes reals of at a time, if it does: whole tiles. */
enum { BYTES_ROWS = 24 };

/**
 * Shards of a block of examples in order, and how their sums join the tree: after shard s, the
 * sums on top of the stack are joined merges[s] times (struct sum_program, src/pass/pass.h).
 */
struct shard_run {
    size_t count;          /* at least 1 */
    const uint32_t *end;   /* (count) one past the last example of each shard */
    const uint8_t *merges; /* (count) */
    size_t before;         /* sums of earlier runs on the stack at the beginning, which the last
                              shard's merges go on to */
    size_t subtrees;       /* what is left on the stack at the end, at most SUBTREES_MAX */
};
enum { SUBTREES_MAX = 32 };

/** Blocks of weight deltas that a run reads or writes. */
static inline size_t run_places(const struct shard_run *run)
{
    return run->before > run->subtrees ? run->before : run->subtrees;
}

/** Inputs of a group, whose values for 512 examples are half a MiB, which stays in the second-level
    cache; the last group has up to CARRY_INPUTS. */
enum { GRADIENT_GROUP = 1024 / (int)sizeof(real) };

/** gradient()'s scratch: examples that need none, levels of sums, inputs whose sums are in it. */
enum { CARRY_FREE = 64, CARRY_DEPTH = 6, CARRY_INPUTS = GRADIENT_GROUP + 16 };

/** How many of the inputs that are left the next group takes. */
static inline size_t gradient_group(size_t left)
{
    return left < CARRY_INPUTS ? left : GRADIENT_GROUP;
}

/** Reals of a level, for a layer of m inputs and n outputs: a block's. */
static inline size_t carry_level(size_t m, size_t n)
{
    return (m + 1 < CARRY_INPUTS ? m + 1 : CARRY_INPUTS) * (n < PACK ? round16(n) : PACK);
}

/** Reals of the scratch for E examples. */
static inline size_t carry_reals(size_t E, size_t m, size_t n)
{
    return E <= CARRY_FREE ? 0 : CARRY_DEPTH * carry_level(m, n);
}

/** Inputs of a network that small() takes, and units of a layer, at most. */
enum { SMALL_INPUTS = 64, SMALL_UNITS = 48 };

/**
 * The passes of a whole network, for up to PACK_UNIT examples of one shard, SMALL_INPUTS inputs and
 * layers of up to SMALL_UNITS that keep no slope. Layers and offsets as in a shape
 * (network/shape.h). Larger shards take several calls, each of which goes on with the sums of the
 * one before.
 */
struct REAL(small) {
    size_t layers;
    const size_t *width, *offset;
    size_t widest; /* width[0 … layers] */
    const enum activation *activation;
    enum loss loss;
    size_t E;
    const real *const *row;         /* (E) inputs; NULL: those of the last call, which are in XT */
    const real *const *soon;        /* (PACK_UNIT) the next block's, to be asked for, or NULL */
    const int32_t *class_index;     /* as in targets, or NULL: */
    const real *const *target;      /* (E) rows of targets; 16 bytes at a time are read of them */
    const real *const *soon_target; /* (PACK_UNIT) likewise */
    real smoothing;
    const real *weight; /* (PACK_UNIT) for weigh(), or NULL */
    const real *W;
    real *XT;     /* scratch: (Σ (width[0 … layers - 1] + 1), PACK_UNIT) */
    real *each;   /* (PACK_UNIT) losses */
    real *G;      /* weight deltas; their padding becomes 0 or is left alone */
    bool goes_on; /* G holds those of the shard's examples before */
};

enum optimizer {
    OPTIMIZER_SGD,
    OPTIMIZER_MOMENTUM,
    OPTIMIZER_NESTEROV,
    OPTIMIZER_ADAM,
    OPTIMIZER_ADAMW,   /* Adam; the decay is penalise()'s */
    OPTIMIZER_RMSPROP, /* v = β2 v + (1 - β2) g²    w -= rate g / (√v + ε) */
    OPTIMIZER_ADAGRAD, /* v = v + g²                w -= rate g / (√v + ε) */
    OPTIMIZER_RPROP,   /* iRprop-: by the sign of g and a step of its own for each weight */
    OPTIMIZER_LBFGS,   /* no update of its own: train/lbfgs.h */
    OPTIMIZER_COUNT
};

/** States that an optimizer keeps for each weight: s1, s2. */
static inline int optimizer_states(enum optimizer optimizer)
{
    switch (optimizer) {
    case OPTIMIZER_SGD:
    case OPTIMIZER_LBFGS:
        return 0;
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
    case OPTIMIZER_RPROP:
        return 2;
    default:
        return 1;
    }
}

/** iRprop-: what a step is multiplied by where the sign stays or changes, and its bounds. */
#define RPROP_UP ((real)1.2)
#define RPROP_DOWN ((real)0.5)
#define RPROP_LEAST ((real)1e-6)
#define RPROP_MOST ((real)50)

/** What is done to weight deltas g and weights w before an update; mask is 0 for biases, else 1. */
struct REAL(penalty) {
    real scale;  /* d = scale g */
    real clip;   /* d = within ± clip, which may be infinite */
    real l1, l2; /* d += mask (l2 w + l1 sign(w)) */
    real decay;  /* w -= mask decay w */
};

/** One update's numbers; G is first multiplied by `scale` (1 / examples, or 1 for a sum). */
struct REAL(update) {
    enum optimizer optimizer;
    real scale;
    real rate;
    real momentum;         /* v = momentum v + g */
    real beta1, one_beta1; /* Adam: β1, 1 - β1 */
    real beta2, one_beta2;
    real step; /* Adam: rate / (1 - β1^t) */
    real root; /* Adam: 1 / √(1 - β2^t) */
    real epsilon;
};

/** An update by OPTIMIZER_SGD where weight deltas end. */
struct REAL(descent) {
    real rate, scale; /* as an update's */
    size_t inputs;    /* rows of a block of the weights */
};

/** Which outputs become 0 in a step. */
struct REAL(drop) {
    uint64_t seed, step;
    uint32_t below; /* those whose word is below */
    real stays;     /* what the others are multiplied by */
};

/** What is added to inputs in a step: normal numbers of this deviation. */
struct noise {
    uint64_t seed, step;
    double deviation;
};

/** What the kernel after the one at hand will want: rows of x to read, and of d to write. */
struct REAL(ahead) {
    const real *x, *d;
    size_t ldx;         /* rows of d lie one behind the other */
    size_t rows, width; /* width a multiple of 16 */
};

struct REAL(kernels) {
    const char *isa;
    int lanes;

    /**
     * A level of narrower registers, or NULL: what goes from one operation's store to the next one's
     * load is sooner there, so it is faster where half a register of this level holds everything.
     */
    const struct REAL(kernels) * (*narrower)(void);

    /**
     * Z[e][o] = b[o] + Σ_i W[o][i] X[e][i], one chain of fma in order of i from the bias. X is E
     * pointers to rows, which may lie anywhere: in a data set, say.
     */
    void (*affine)(const real *const *X, size_t E, size_t m, const real *W, size_t n, real *Z,
                   size_t ldz);

    /**
     * affine() of rows of a source of bytes, of which m, at least 16, are read each. `scratch` has
     * BYTES_ROWS rows of stride_for(m + 1) reals.
     */
    void (*affine_bytes)(const struct REAL(source) * source, const uint32_t *rows, size_t E,
                         size_t m, const real *W, size_t n, real *Z, size_t ldz, real *scratch);

    /**
     * PT[i - from][e] = Σ_o W[o][i] DT[o][e] for inputs i in [from, to), one chain of fma in order of
     * o from 0. DT and PT have the stride ldt, a multiple of 16; columns up to round16(E) are read and
     * written. What `ahead` names is asked for in the meantime, unless it is NULL.
     */
    void (*pullback)(const real *W, size_t m, size_t n, size_t from, size_t to, const real *DT,
                     size_t ldt, size_t E, real *PT, const struct REAL(ahead) * ahead);

    /**
     * G[j] = the weight deltas of subtree j of the run, of the deltas D, both packed, for the m + 1
     * inputs from `from` on (0, and the last is the constant 1 of the bias; or a group of them):
     * within a shard one chain of fma over the examples in order from 0, the shards' sums joined in
     * the order of `run`; the first run->before of G hold sums on entry. `carry` is scratch of
     * carry_reals(examples, m, n). The |G| are added to size[0 … 15] (in no fixed order: only their
     * being finite means anything).
     *
     * With a `descent`, for a run that comes to one sum, G[0] are weights, of all inputs: their rows
     * [from, from + m] become what update() makes of them by OPTIMIZER_SGD.
     */
    void (*gradient)(const real *const *X, size_t from, const real *D, const struct shard_run *run,
                     size_t m, size_t n, real *const *G, real *carry, real *size,
                     const struct REAL(descent) * descent);

    /**
     * What affine(), activate(), loss(), weigh(), gradient(), pullback() and derive() would come to,
     * bit for bit, in one call: worth it where a layer has fewer multiply-adds than moves between
     * their layouts. Returns Σ |G|.
     */
    real (*small)(const struct REAL(small) * small);

    /** X = f(X), in place. Not for softmax. */
    void (*activate)(enum activation f, real *X, size_t ldx, size_t E, size_t n);

    /** The same, and S[e][i] = f'(z), S with the stride of X. For any function but softmax. */
    void (*activate_keep)(enum activation f, real *X, size_t ldx, size_t E, size_t n, real *S);

    /**
     * D[e][i] = PT[i][e] f'(X[e][i]), with zeros from m to round16(m), and DT its transpose unless
     * DT is NULL. PT and DT may be the same. Not for functions that keep their slope.
     */
    void (*derive)(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                   size_t E, size_t m, real *D, size_t ldd, real *DT);

    /** The same with the slopes that activate_keep() left in S: D[e][i] = PT[i][e] S[e][i]. */
    void (*derive_kept)(const real *PT, size_t ldt, const real *S, size_t lds, size_t E, size_t m,
                        real *D, size_t ldd, real *DT);

    /**
     * AT (columns, rows) = A (rows, columns); whole registers of either are read and written, and
     * where AT's rows are wider than `rows`, they are filled with zeros to round16(rows).
     */
    void (*transpose)(const real *A, size_t lda, size_t rows, size_t columns, real *AT, size_t ldt);

    /** ZT (n, E) → f(ZT), in place; softmax too: the sum is a chain in order of the outputs. */
    void (*output)(enum activation f, real *ZT, size_t ldt, size_t E, size_t n);

    /**
     * Loss of each example, and the output deltas: on entry ZT (n, E) holds Z, on return D,
     * transposed. each (round16(E)) receives the losses. With class_index, target o of an example
     * is 1 for its class and 0 for the others (n = 1: the class itself).
     */
    void (*loss)(enum loss loss, enum activation f, real *ZT, size_t ldt, size_t E, size_t n,
                 const struct REAL(targets) * targets, real *each);

    /** D (DT, its transpose) and losses of each example × its weight. */
    void (*weigh)(const real *weight, real *DT, size_t ldt, size_t E, size_t n, real *each);

    /** d and w from w and the weight deltas g (penalty's formulas, l1 and l2 of the old w). */
    void (*penalise)(const struct REAL(penalty) * penalty, real *w, const real *g, const real *mask,
                     real *d, size_t n);

    /** w and the optimizer's state s1, s2 (n values each) after the weight deltas g. */
    void (*update)(const struct REAL(update) * update, real *w, const real *g, real *s1, real *s2,
                   size_t n);

    /** sum = a + b; sum may be a or b. */
    void (*add)(real *sum, const real *a, const real *b, size_t n);

    /** X (E, m) = rows[0 … E) of the source (rows NULL: first, first + 1, …), and X[e][m] = 1. */
    void (*gather)(real *X, size_t ldx, const struct REAL(source) * source, const uint32_t *rows,
                   size_t first, size_t E, size_t m);

    /**
     * X[e][i] and, unless S is NULL, S[e][i] are multiplied by 0 or drop->stays: by 0 if word i % 4
     * of random_words(seed, RANDOM_DROPOUT, step, index[e], unit + i / 4) is below drop->below.
     */
    void (*drop)(const struct REAL(drop) * drop, const uint32_t *index, size_t E, uint32_t unit,
                 size_t n, real *X, real *S, size_t ld);

    /**
     * X[e][i] = row[e][i] + (real)(deviation × N(0, 1)), of the uniform numbers (word + 1/2) / 2^32
     * of the first two of random_words(seed, RANDOM_NOISE, step, index[e], i), and X[e][m] = 1.
     * row[e] may be X's own.
     */
    void (*noise)(const struct noise *noise, const uint32_t *index, const real *const *row,
                  size_t E, size_t m, real *X, size_t ldx);

    /**
     * y[i] = elementary function `which` of x[i]: 'e' exp, 'l' log, 't' tanh, 's' sigmoid, 'f' erf,
     * 'i' sin, 'c' cos, 'm' e^x - 1 (x ≤ 0), 'p' ln(1 + x) (0 ≤ x ≤ 1).
     */
    void (*elementary)(char which, const real *x, real *y, size_t n);

    /** Independent chains of fma in registers for `rounds` rounds; returns the flop done. */
    double (*fma_chains)(long rounds, double *sink);
};

/** The plain twin of every kernel, without an instruction set's help (reference.c). */
const struct REAL(kernels) * REAL(kernels_reference)(void);

#endif
