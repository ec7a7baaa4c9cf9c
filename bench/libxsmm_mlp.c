/*
 * libxsmm_mlp: what LIBXSMM-DNN's MLP does in a step, with the package's kernels: batch-reduce
 * products of blocks, everything in blocks beforehand. Activations lie as [rows / block][width /
 * block][block of rows][block of features], weights as [outputs / block][inputs / block][block of
 * inputs][block of outputs]. Forward with bias and sigmoid; squared error; deltas from transposed
 * weights; weight deltas; plain gradient descent.
 *
 * The package's own layers (libxsmm_dnn_fullyconnected) are these kernels within fixed loops, and
 * cannot train a sigmoid network: they take the derivative at the delta, not at the output. So
 * layers are built here, and can only gain by it: bias, sigmoid and derivative are done to a block
 * while it is in the cache, either loop is the outer one, and, if fused, a block of weights is
 * updated and transposed as soon as its weight deltas are there, which then are never in memory.
 * Left out, since it was never faster: the summed index in parts that leave theirs of the weights in
 * the first-level cache, and the kernels that ask for the next block (LIBXSMM_GEMM_PREFETCH_*).
 */
#include "libxsmm_mlp.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <libxsmm.h>
#include <libxsmm_sync.h>

static const float rate = 1;

struct layer {
    int inputs, outputs;       /* widths */
    int in_block, out_block;   /* block sizes */
    int in_blocks, out_blocks; /* their numbers */
    float *weights;            /* blocks of outputs by blocks of inputs */
    float *turned;             /* the same, blocks and all transposed; of the first layer NULL */
    float *gradient;           /* weight deltas, laid out as weights; NULL if fused */
    float *bias;
    libxsmm_smmfunction_reducebatch_strd product[MLP_PASSES];
    libxsmm_xtransfunction transpose;
};

struct mlp {
    struct mlp_shape shape;
    struct mlp_settings set;
    struct layer layer[MLP_LAYERS_MOST];
    float *values[MLP_LAYERS_MOST + 1]; /* activations, [0] the inputs */
    float *deltas[MLP_LAYERS_MOST + 1];
    float *targets;
    float *block[MLP_THREADS_MOST]; /* a thread's weight deltas if fused */
    libxsmm_barrier *barrier;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Memory of whole huge pages where the system gives them, as Heddle's is. */
static float *floats(size_t count)
{
    const size_t page = (size_t)1 << 21;
    const size_t bytes = (count * sizeof(float) + page - 1) / page * page;
    float *memory = aligned_alloc(page, bytes);
    if (!memory) {
        fputs("peer_libxsmm: out of memory\n", stderr);
        exit(1);
    }
    madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 0, bytes);
    return memory;
}

/* ------------------------------------------------------------------ where things lie */

static int block_of(const struct mlp_shape *shape, const struct mlp_settings *set, int level)
{
    return set->block[level == 0 ? 0 : level < shape->layers ? 1 : 2];
}

static size_t at_value(const struct mlp *m, int level, int row, int feature)
{
    const int block = block_of(&m->shape, &m->set, level);
    const int blocks = m->shape.width[level] / block;
    const int rows = m->set.rows;
    const size_t which = (size_t)(row / rows) * (size_t)blocks + (size_t)(feature / block);
    return (which * (size_t)rows + (size_t)(row % rows)) * (size_t)block +
           (size_t)(feature % block);
}

static size_t block_size(const struct layer *l)
{
    return (size_t)l->in_block * (size_t)l->out_block;
}

static size_t at_weight(const struct layer *l, int output, int input)
{
    const int which = output / l->out_block * l->in_blocks + input / l->in_block;
    return (size_t)which * block_size(l) +
           (size_t)(input % l->in_block * l->out_block + output % l->out_block);
}

float mlp_value(const struct mlp *m, int level, int row, int feature)
{
    return m->values[level][at_value(m, level, row, feature)];
}

float mlp_target(const struct mlp *m, int row, int output)
{
    return m->targets[at_value(m, m->shape.layers, row, output)];
}

float mlp_weight(const struct mlp *m, int layer, int output, int input)
{
    return m->layer[layer].weights[at_weight(&m->layer[layer], output, input)];
}

float mlp_rate(void)
{
    return rate;
}

const char *mlp_isa(void)
{
    return libxsmm_get_target_arch();
}

/* ------------------------------------------------------------------ making a network */

bool mlp_fits(const struct mlp_shape *shape, const struct mlp_settings *set)
{
    for (int level = 0; level <= shape->layers; level++) {
        const int block = block_of(shape, set, level);
        if (block < 1 || shape->width[level] % block) {
            return false;
        }
    }
    return set->rows > 0 && shape->batch % set->rows == 0;
}

/* The sum of products of blocks, m by k and k by n, so many floats from one pair to the next. */
static libxsmm_smmfunction_reducebatch_strd product(int m, int n, int k, int stride_a, int stride_b,
                                                    int flags)
{
    const float one = 1;
    const float zero = 0;
    const int ldb = flags & LIBXSMM_GEMM_FLAG_TRANS_B ? n : k;
    const int bytes = (int)sizeof(float);
    libxsmm_smmfunction_reducebatch_strd made = libxsmm_smmdispatch_reducebatch_strd(
        m, n, k, stride_a * bytes, stride_b * bytes, &m, &ldb, &m, &one, &zero, &flags, NULL);
    if (!made) {
        fprintf(stderr, "peer_libxsmm: no kernel for blocks of %d x %d x %d\n", m, n, k);
        exit(1);
    }
    return made;
}

static void make_layer(struct mlp *m, int index)
{
    struct layer *l = &m->layer[index];
    const int rows = m->set.rows;
    libxsmm_descriptor_blob blob;
    l->inputs = m->shape.width[index];
    l->outputs = m->shape.width[index + 1];
    l->in_block = block_of(&m->shape, &m->set, index);
    l->out_block = block_of(&m->shape, &m->set, index + 1);
    l->in_blocks = l->inputs / l->in_block;
    l->out_blocks = l->outputs / l->out_block;
    const size_t count = (size_t)l->inputs * (size_t)l->outputs;
    l->weights = floats(count);
    l->turned = index > 0 ? floats(count) : NULL;
    l->gradient = m->set.fused ? NULL : floats(count);
    l->bias = floats((size_t)l->outputs);
    const int in = l->in_block;
    const int out = l->out_block;
    l->product[MLP_FORWARD] = product(out, rows, in, in * out, rows * in, 0);
    l->product[MLP_BACKWARD] = product(in, rows, out, in * out, rows * out, 0);
    l->product[MLP_UPDATE] =
        product(out, in, rows, rows * l->outputs, rows * l->inputs, LIBXSMM_GEMM_FLAG_TRANS_B);
    l->transpose = libxsmm_dispatch_trans(libxsmm_trans_descriptor_init(
        &blob, sizeof(float), (unsigned)out, (unsigned)in, (unsigned)in));
}

static void turn(const struct layer *l, int out, int in)
{
    const unsigned out_block = (unsigned)l->out_block;
    const unsigned in_block = (unsigned)l->in_block;
    l->transpose(l->weights + (size_t)(out * l->in_blocks + in) * block_size(l), &out_block,
                 l->turned + (size_t)(in * l->out_blocks + out) * block_size(l), &in_block);
}

/* From 0 to 1. */
static float made_up(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (float)(*state >> 8) / (float)(1 << 24);
}

static void make_up(struct mlp *m)
{
    const struct mlp_shape *shape = &m->shape;
    unsigned state = 1;
    for (int r = 0; r < shape->batch; r++) {
        for (int i = 0; i < shape->width[0]; i++) {
            m->values[0][at_value(m, 0, r, i)] = made_up(&state);
        }
        for (int o = 0; o < shape->width[shape->layers]; o++) {
            m->targets[at_value(m, shape->layers, r, o)] = made_up(&state);
        }
    }
    for (int k = 0; k < shape->layers; k++) {
        struct layer *l = &m->layer[k];
        for (int o = 0; o < l->outputs; o++) {
            for (int i = 0; i < l->inputs; i++) {
                l->weights[at_weight(l, o, i)] = (made_up(&state) - 0.5F) / sqrtf((float)l->inputs);
            }
        }
        for (int o = 0; l->turned && o < l->out_blocks; o++) {
            for (int i = 0; i < l->in_blocks; i++) {
                turn(l, o, i);
            }
        }
    }
}

struct mlp *mlp_new(const struct mlp_shape *shape, const struct mlp_settings *settings)
{
    struct mlp *m = calloc(1, sizeof *m);
    if (!m) {
        fputs("peer_libxsmm: out of memory\n", stderr);
        exit(1);
    }
    libxsmm_init();
    m->shape = *shape;
    m->set = *settings;
    size_t largest = 0;
    for (int k = 0; k < shape->layers; k++) {
        make_layer(m, k);
        const size_t size = block_size(&m->layer[k]);
        largest = size > largest ? size : largest;
    }
    for (int level = 0; level <= shape->layers; level++) {
        const size_t count = (size_t)shape->batch * (size_t)shape->width[level];
        m->values[level] = floats(count);
        m->deltas[level] = level > 0 ? floats(count) : NULL;
    }
    m->targets = floats((size_t)shape->batch * (size_t)shape->width[shape->layers]);
    for (int t = 0; t < shape->threads; t++) {
        m->block[t] = floats(largest);
    }
    m->barrier = libxsmm_barrier_create(shape->threads, 1);
    make_up(m);
    return m;
}

void mlp_free(struct mlp *m)
{
    for (int k = 0; k < m->shape.layers; k++) {
        free(m->layer[k].weights);
        free(m->layer[k].turned);
        free(m->layer[k].gradient);
        free(m->layer[k].bias);
    }
    for (int level = 0; level <= m->shape.layers; level++) {
        free(m->values[level]);
        free(m->deltas[level]);
    }
    free(m->targets);
    for (int t = 0; t < m->shape.threads; t++) {
        free(m->block[t]);
    }
    libxsmm_barrier_destroy(m->barrier);
    free(m);
}

/* ------------------------------------------------------------------ what is done to a block */

/* values = sigmoid(values + bias), of rows by width values. */
static void activate(float *restrict values, const float *restrict bias, int rows, int width)
{
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < width; i++) {
            values[r * width + i] = 1 / (1 + expf(-(values[r * width + i] + bias[i])));
        }
    }
}

static void first_deltas(float *restrict deltas, const float *restrict values,
                         const float *restrict targets, int count)
{
    for (int i = 0; i < count; i++) {
        deltas[i] = (values[i] - targets[i]) * values[i] * (1 - values[i]);
    }
}

static void derive(float *restrict deltas, const float *restrict values, int count)
{
    for (int i = 0; i < count; i++) {
        deltas[i] *= values[i] * (1 - values[i]);
    }
}

static void descend(float *restrict weights, const float *restrict gradient, float by, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        weights[i] -= by * gradient[i];
    }
}

/* ------------------------------------------------------------------ a block of a pass's results */

/* Block `first` of outputs (backwards: inputs) of block `second` of rows (update: of inputs). */
struct task {
    int thread, layer;
    int first, second;
};

static void forward(const struct mlp *m, const struct task *t)
{
    const struct layer *l = &m->layer[t->layer];
    const int size = m->set.rows * l->out_block;
    const size_t result = (size_t)(t->second * l->out_blocks + t->first) * (size_t)size;
    const unsigned long long count = (unsigned long long)l->in_blocks;
    float *out = m->values[t->layer + 1] + result;
    l->product[MLP_FORWARD](
        l->weights + (size_t)(t->first * l->in_blocks) * block_size(l),
        m->values[t->layer] + (size_t)t->second * (size_t)(m->set.rows * l->inputs), out, &count);
    activate(out, l->bias + t->first * l->out_block, m->set.rows, l->out_block);
    if (t->layer + 1 == m->shape.layers) {
        first_deltas(m->deltas[t->layer + 1] + result, out, m->targets + result, size);
    }
}

static void backward(const struct mlp *m, const struct task *t)
{
    const struct layer *l = &m->layer[t->layer];
    const int size = m->set.rows * l->in_block;
    const size_t result = (size_t)(t->second * l->in_blocks + t->first) * (size_t)size;
    const unsigned long long count = (unsigned long long)l->out_blocks;
    float *out = m->deltas[t->layer] + result;
    l->product[MLP_BACKWARD](l->turned + (size_t)(t->first * l->out_blocks) * block_size(l),
                             m->deltas[t->layer + 1] +
                                 (size_t)t->second * (size_t)(m->set.rows * l->outputs),
                             out, &count);
    derive(out, m->values[t->layer] + result, size);
}

static void update_bias(const struct mlp *m, const struct layer *l, const float *deltas, int out)
{
    const int rows = m->set.rows;
    const int width = l->out_block;
    float sum[width];
    memset(sum, 0, sizeof sum);
    for (int b = 0; b < m->shape.batch / rows; b++) {
        const float *d = deltas + (size_t)(b * l->out_blocks + out) * (size_t)(rows * width);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < width; i++) {
                sum[i] += d[r * width + i];
            }
        }
    }
    descend(l->bias + out * width, sum, rate / (float)m->shape.batch, (size_t)width);
}

static void update(const struct mlp *m, const struct task *t)
{
    const struct layer *l = &m->layer[t->layer];
    const float *deltas = m->deltas[t->layer + 1];
    const int rows = m->set.rows;
    const size_t result = (size_t)(t->first * l->in_blocks + t->second) * block_size(l);
    const unsigned long long count = (unsigned long long)(m->shape.batch / rows);
    float *out = m->set.fused ? m->block[t->thread] : l->gradient + result;
    l->product[MLP_UPDATE](deltas + t->first * rows * l->out_block,
                           m->values[t->layer] + t->second * rows * l->in_block, out, &count);
    if (t->second == 0) {
        update_bias(m, l, deltas, t->first);
    }
    if (m->set.fused) {
        descend(l->weights + result, out, rate / (float)m->shape.batch, block_size(l));
        if (l->turned) {
            turn(l, t->first, t->second);
        }
    }
}

/* ------------------------------------------------------------------ steps */

/* A thread's share of count, from *from to *to. */
static void share(const struct mlp *m, int thread, int count, int *from, int *to)
{
    *from = count * thread / m->shape.threads;
    *to = count * (thread + 1) / m->shape.threads;
}

/* A thread's part of a pass over one layer: the outer loop is shared, the inner one if that is too
   short. */
static void run(const struct mlp *m, enum mlp_pass pass, struct task *t, int firsts, int seconds)
{
    static void (*const visit[MLP_PASSES])(const struct mlp *,
                                           const struct task *) = {forward, backward, update};
    const int swap = m->set.swap[pass];
    int outer[2] = {0, swap ? seconds : firsts};
    int inner[2] = {0, swap ? firsts : seconds};
    int *shared = outer[1] >= m->shape.threads ? outer : inner;
    share(m, t->thread, shared[1], &shared[0], &shared[1]);
    for (int o = outer[0]; o < outer[1]; o++) {
        for (int i = inner[0]; i < inner[1]; i++) {
            t->first = swap ? i : o;
            t->second = swap ? o : i;
            visit[pass](m, t);
        }
    }
}

/* A thread's share of a layer's weights, transposed for the pass backwards or updated after it. */
static void turn_weights(const struct mlp *m, int thread, const struct layer *l)
{
    int from, to;
    share(m, thread, l->in_blocks * l->out_blocks, &from, &to);
    for (int i = from; i < to; i++) {
        turn(l, i / l->in_blocks, i % l->in_blocks);
    }
}

static void update_weights(const struct mlp *m, int thread, const struct layer *l)
{
    int from, to;
    share(m, thread, l->in_blocks * l->out_blocks, &from, &to);
    descend(l->weights + (size_t)from * block_size(l), l->gradient + (size_t)from * block_size(l),
            rate / (float)m->shape.batch, (size_t)(to - from) * block_size(l));
}

/* A step as one thread sees it. */
static void step(const struct mlp *m, int thread, double seconds[MLP_PASSES])
{
    const int layers = m->shape.layers;
    const int row_blocks = m->shape.batch / m->set.rows;
    struct task t = {.thread = thread};
    const double begin = now();
    for (t.layer = 0; t.layer < layers; t.layer++) {
        run(m, MLP_FORWARD, &t, m->layer[t.layer].out_blocks, row_blocks);
        libxsmm_barrier_wait(m->barrier, thread);
    }
    const double forward_done = now();
    for (t.layer = layers - 1; t.layer > 0; t.layer--) {
        if (!m->set.fused) {
            turn_weights(m, thread, &m->layer[t.layer]);
            libxsmm_barrier_wait(m->barrier, thread);
        }
        run(m, MLP_BACKWARD, &t, m->layer[t.layer].in_blocks, row_blocks);
        libxsmm_barrier_wait(m->barrier, thread);
    }
    const double backward_done = now();
    for (t.layer = layers - 1; t.layer >= 0; t.layer--) {
        run(m, MLP_UPDATE, &t, m->layer[t.layer].out_blocks, m->layer[t.layer].in_blocks);
    }
    libxsmm_barrier_wait(m->barrier, thread);
    if (!m->set.fused) {
        for (int k = 0; k < layers; k++) {
            update_weights(m, thread, &m->layer[k]);
        }
        libxsmm_barrier_wait(m->barrier, thread);
    }
    if (thread == 0) {
        seconds[MLP_FORWARD] += forward_done - begin;
        seconds[MLP_BACKWARD] += backward_done - forward_done;
        seconds[MLP_UPDATE] += now() - backward_done;
    }
}

double mlp_steps(struct mlp *m, long steps, double seconds[MLP_PASSES])
{
    const double begin = now();
#pragma omp parallel num_threads(m->shape.threads)
    {
        const int thread = omp_get_thread_num();
        libxsmm_barrier_init(m->barrier, thread);
        for (long i = 0; i < steps; i++) {
            step(m, thread, seconds);
        }
    }
    return now() - begin;
}
