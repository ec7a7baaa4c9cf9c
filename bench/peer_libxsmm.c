/**
 * peer_libxsmm: training steps of a network of LIBXSMM's kernels (libxsmm-dev), for peers.py.
 *
 *     peer_libxsmm 768,1024,1024,64 BATCH SECONDS THREADS FUSED       tries settings (FUSED 0 or 1)
 *     peer_libxsmm 768,1024,1024,64 BATCH SECONDS THREADS SETTINGS    measures with these
 *
 * Both print an object of JSON: the microseconds of a step ("us") and of its passes, the limit of as
 * many threads in between, as Heddle measures it ("limit_gflops"), the settings (struct mlp_settings,
 * in its order), the instruction set, and, where settings were tried, "error": how far the weights
 * are after a step from those of plain loops in double, in terms of the largest change of a weight.
 * An error of more than 0.001 is exit status 1: then these would not be training steps.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "heddle.h"
#include "libxsmm_mlp.h"

enum { REPEATS = 3 };

static const double error_most = 1e-3;
static const double trial_seconds = 0.05;

struct result {
    double us;
    double pass[MLP_PASSES];
    double limit; /**< the most that was seen between the repeats, GFLOP/s */
};

static int by_time(const void *a, const void *b)
{
    const double x = ((const struct result *)a)->us;
    const double y = ((const struct result *)b)->us;
    return (x > y) - (x < y);
}

/** The median of REPEATS that take so many seconds together, with the limit; of one without. */
static struct result measure(const struct mlp_shape *shape, const struct mlp_settings *settings,
                             double seconds, bool with_limit)
{
    struct mlp *m = mlp_new(shape, settings);
    struct result seen[REPEATS];
    double warm[MLP_PASSES] = {0};
    double limit = 0;
    const int repeats = with_limit ? REPEATS : 1;
    mlp_steps(m, 1, warm);
    long steps = 1;
    double took = mlp_steps(m, steps, warm);
    while (took < seconds / 20) {
        steps *= 2;
        took = mlp_steps(m, steps, warm);
    }
    steps = (long)((double)steps * seconds / repeats / took) + 1;
    for (int r = 0; r < repeats; r++) {
        double pass[MLP_PASSES] = {0};
        double now = 0;
        seen[r].us = 1e6 * mlp_steps(m, steps, pass) / (double)steps;
        for (int p = 0; p < MLP_PASSES; p++) {
            seen[r].pass[p] = 1e6 * pass[p] / (double)steps;
        }
        if (with_limit && heddle_machine_limit(shape->threads, false, NULL, &now, NULL)) {
            fputs("peer_libxsmm: the limit cannot be measured\n", stderr);
            exit(1);
        }
        limit = now > limit ? now : limit;
    }
    mlp_free(m);
    qsort(seen, (size_t)repeats, sizeof seen[0], by_time);
    seen[repeats / 2].limit = limit;
    return seen[repeats / 2];
}

/* ------------------------------------------------------------------ the best settings */

/** Is other faster than best by more than noise, twice, each time beside it? */
static bool faster(const struct mlp_shape *shape, const struct mlp_settings *other,
                   const struct mlp_settings *best)
{
    for (int i = 0; i < 2; i++) {
        const double tried = measure(shape, other, trial_seconds, false).us;
        if (tried > 0.99 * measure(shape, best, trial_seconds, false).us) {
            return false;
        }
    }
    return true;
}

/** One setting after the other takes the fastest of its values, twice. */
static struct mlp_settings search(const struct mlp_shape *shape, int fused)
{
    static const int sizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 0};
    struct mlp_settings best = {.fused = fused, .rows = 64, .block = {64, 64, 64}};
    if (!mlp_fits(shape, &best)) {
        fputs("peer_libxsmm: widths and batch have to be multiples of 64\n", stderr);
        exit(2);
    }
    for (int sweep = 0; sweep < 2; sweep++) {
        for (int at = 1; at < MLP_SETTINGS; at++) {
            const bool is_size = at < 5;
            for (int i = 0; is_size ? sizes[i] : i < 2; i++) {
                struct mlp_settings other = best;
                int *value = (int *)&other + at;
                const int before = *value;
                *value = is_size ? sizes[i] : i;
                if (*value != before && mlp_fits(shape, &other) && faster(shape, &other, &best)) {
                    best = other;
                }
            }
        }
    }
    return best;
}

/* ------------------------------------------------------------------ is it right? */

static double *doubles(int rows, int columns)
{
    double *memory = calloc((size_t)rows * (size_t)columns, sizeof(double));
    if (!memory) {
        fputs("peer_libxsmm: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/** What a layer of inputs by outputs does, in plain loops: out = sigmoid(in weights'). */
static void plain_forward(int batch, int inputs, int outputs, const double *weights,
                          const double *in, double *out)
{
    for (int r = 0; r < batch; r++, in += inputs, out += outputs) {
        for (int o = 0; o < outputs; o++) {
            const double *w = weights + (size_t)o * (size_t)inputs;
            double sum = 0;
            for (int i = 0; i < inputs; i++) {
                sum += w[i] * in[i];
            }
            out[o] = 1 / (1 + exp(-sum));
        }
    }
}

/** Deltas below a layer, those above times its weights, and the change of its weights. */
static void plain_backward(int batch, int inputs, int outputs, const double *weights,
                           const double *in, const double *deltas, double *below, double *change)
{
    for (int r = 0; r < batch; r++, in += inputs, deltas += outputs, below += inputs) {
        for (int o = 0; o < outputs; o++) {
            const size_t row = (size_t)o * (size_t)inputs;
            const double by = -(double)mlp_rate() / batch * deltas[o];
            for (int i = 0; i < inputs; i++) {
                below[i] += deltas[o] * weights[row + (size_t)i];
                change[row + (size_t)i] += by * in[i];
            }
        }
        for (int i = 0; i < inputs; i++) {
            below[i] *= in[i] * (1 - in[i]);
        }
    }
}

/** A first step in plain loops, and with the kernels: the largest difference in a weight by the
    largest change of a weight of that layer, in the layer where it is largest. Biases start at 0. */
static double compare(const struct mlp_shape *shape, const struct mlp_settings *settings)
{
    struct mlp *m = mlp_new(shape, settings);
    const int batch = shape->batch;
    const int last = shape->layers;
    double *values[MLP_LAYERS_MOST + 1];
    double *weights[MLP_LAYERS_MOST];
    double error = 0;
    for (int level = 0; level <= last; level++) {
        values[level] = doubles(batch, shape->width[level]);
    }
    for (int r = 0; r < batch; r++) {
        for (int i = 0; i < shape->width[0]; i++) {
            values[0][r * shape->width[0] + i] = (double)mlp_value(m, 0, r, i);
        }
    }
    for (int k = 0; k < last; k++) {
        const int inputs = shape->width[k];
        const int outputs = shape->width[k + 1];
        weights[k] = doubles(outputs, inputs);
        for (int o = 0; o < outputs; o++) {
            for (int i = 0; i < inputs; i++) {
                weights[k][o * inputs + i] = (double)mlp_weight(m, k, o, i);
            }
        }
        plain_forward(batch, inputs, outputs, weights[k], values[k], values[k + 1]);
    }
    double *deltas = doubles(batch, shape->width[last]);
    for (int r = 0; r < batch; r++) {
        for (int o = 0; o < shape->width[last]; o++) {
            const int at = r * shape->width[last] + o;
            const double y = values[last][at];
            deltas[at] = (y - (double)mlp_target(m, r, o)) * y * (1 - y);
        }
    }
    double pass[MLP_PASSES] = {0};
    mlp_steps(m, 1, pass);
    for (int k = last - 1; k >= 0; k--) {
        const int inputs = shape->width[k];
        const int outputs = shape->width[k + 1];
        double *below = doubles(batch, inputs);
        double *change = doubles(outputs, inputs);
        double most = 0;
        double off = 0;
        plain_backward(batch, inputs, outputs, weights[k], values[k], deltas, below, change);
        for (int o = 0; o < outputs; o++) {
            for (int i = 0; i < inputs; i++) {
                const int at = o * inputs + i;
                const double expected = weights[k][at] + change[at];
                most = fmax(most, fabs(change[at]));
                off = fmax(off, fabs(expected - (double)mlp_weight(m, k, o, i)));
            }
        }
        error = fmax(error, off / most);
        free(deltas);
        free(change);
        free(weights[k]);
        deltas = below;
    }
    free(deltas);
    for (int level = 0; level <= last; level++) {
        free(values[level]);
    }
    mlp_free(m);
    return error;
}

/* ------------------------------------------------------------------ the command line */

/** Numbers with commas between them, at most so many; how many, or -1. */
static int numbers(const char *text, int *number, int most)
{
    for (int count = 0; count < most; text++) {
        char *end;
        number[count++] = (int)strtol(text, &end, 10);
        if (end == text || (*end && *end != ',')) {
            return -1;
        }
        if (!*end) {
            return count;
        }
        text = end;
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct mlp_shape shape = {0};
    struct mlp_settings settings;
    double error = -1;
    const int widths = argc == 6 ? numbers(argv[1], shape.width, MLP_LAYERS_MOST + 1) : -1;
    const int given = argc == 6 ? numbers(argv[5], (int *)&settings, MLP_SETTINGS) : -1;
    if (widths < 2 || (given != 1 && given != MLP_SETTINGS)) {
        fputs("peer_libxsmm: SHAPE BATCH SECONDS THREADS FUSED|SETTINGS\n", stderr);
        return 2;
    }
    shape.layers = widths - 1;
    shape.batch = (int)strtol(argv[2], NULL, 10);
    shape.threads = (int)strtol(argv[4], NULL, 10);
    const double seconds = strtod(argv[3], NULL);
    if (shape.batch < 1 || shape.threads < 1 || shape.threads > MLP_THREADS_MOST) {
        fputs("peer_libxsmm: no such batch or number of threads\n", stderr);
        return 2;
    }
    if (given == 1) {
        settings = search(&shape, settings.fused);
        error = compare(&shape, &settings);
    } else if (!mlp_fits(&shape, &settings)) {
        fputs("peer_libxsmm: blocks that do not divide what they are of\n", stderr);
        return 2;
    }
    const struct result r = measure(&shape, &settings, seconds, true);
    printf("{\"us\": %.3f, \"forward\": %.3f, \"backward\": %.3f, \"update\": %.3f, ", r.us,
           r.pass[MLP_FORWARD], r.pass[MLP_BACKWARD], r.pass[MLP_UPDATE]);
    printf("\"limit_gflops\": %.1f, \"isa\": \"%s\", \"settings\": \"", r.limit, mlp_isa());
    for (int i = 0; i < MLP_SETTINGS; i++) {
        printf("%s%d", i > 0 ? "," : "", ((const int *)&settings)[i]);
    }
    printf("\"");
    if (error >= 0) {
        printf(", \"error\": %.2g", error);
    }
    printf("}\n");
    return error > error_most || isnan(error) ? 1 : 0;
}
