/**
 * peer_fann: training steps of FANN (libfann-dev, package libfann of Debian), for peers.py.
 *
 *     peer_fann 784,128,10 BATCH SECONDS
 *
 * prints the microseconds of one step: an epoch of batch training over BATCH rows in memory, sigmoid
 * units, squared error, plain gradient descent. No batch is assembled, FANN trains on what it is
 * given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <floatfann.h>

enum { LAYERS_MOST = 16 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/** Random numbers between 0 and 1 for both inputs and targets. */
static void FANN_API fill(unsigned int row, unsigned int inputs, unsigned int outputs,
                          fann_type *input, fann_type *output)
{
    (void)row;
    for (unsigned int i = 0; i < inputs; i++) {
        input[i] = (fann_type)rand() / (fann_type)RAND_MAX;
    }
    for (unsigned int o = 0; o < outputs; o++) {
        output[o] = (fann_type)rand() / (fann_type)RAND_MAX;
    }
}

int main(int argc, char **argv)
{
    unsigned int width[LAYERS_MOST];
    unsigned int layers = 0;
    if (argc != 4) {
        fputs("peer_fann: SHAPE BATCH SECONDS\n", stderr);
        return 2;
    }
    for (char *at = argv[1]; layers < LAYERS_MOST && *at; at += *at == ',') {
        width[layers++] = (unsigned int)strtoul(at, &at, 10);
    }
    unsigned int batch = (unsigned int)strtoul(argv[2], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    struct fann *net = fann_create_standard_array(layers, width);
    struct fann_train_data *data =
        fann_create_train_from_callback(batch, width[0], width[layers - 1], fill);
    if (!net || !data) {
        fputs("peer_fann: out of memory\n", stderr);
        return 1;
    }
    fann_set_training_algorithm(net, FANN_TRAIN_BATCH);
    fann_set_activation_function_hidden(net, FANN_SIGMOID);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_learning_rate(net, 0.1f);
    fann_train_epoch(net, data);
    long steps = 0;
    double begin = now();
    double took;
    long block = 1;
    do {
        for (long i = 0; i < block; i++) {
            fann_train_epoch(net, data);
        }
        steps += block;
        took = now() - begin;
        block *= 2;
    } while (took < seconds);
    printf("%.6f\n", took * 1e6 / (double)steps);
    fann_destroy_train(data);
    fann_destroy(net);
    return 0;
}
