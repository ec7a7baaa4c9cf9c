/**
 * shape: the layers of a network, their widths and functions, and where each layer's weights lie
 * in the one block that holds all parameters.
 */
#ifndef NETWORK_SHAPE_H
#define NETWORK_SHAPE_H

#include <stddef.h>

#include "heddle.h"
#include "network/function.h"

enum { SHAPE_MAX_LAYERS = 64 };

/** Functions of the caller's, where a layer or the loss is custom; NULL where none is. */
struct custom {
    heddle_activation activation;
    void *activation_user;
    heddle_loss loss;
    void *loss_user;
};

/** Letters as in design: L layers, n[0] … n[L] widths; layer l goes from n[l-1] to n[l]. */
struct shape {
    size_t layers;                                    /* L */
    size_t width[SHAPE_MAX_LAYERS + 1];               /* n[0] … n[L] */
    enum activation activation[SHAPE_MAX_LAYERS + 1]; /* of layer l = 1 … L */
    size_t offset[SHAPE_MAX_LAYERS + 2]; /* packed weights of layer l begin at offset[l], in reals;
                                            offset[L + 1] is the size of the block */
    struct custom custom;
};

/**
 * Fill offsets and check: 1 to SHAPE_MAX_LAYERS layers, every width 1 … 2^24, softmax only at the
 * end, a block that fits into memory's address space. HEDDLE_E_ARGUMENT says what is wrong.
 */
heddle_status shape_finish(struct shape *shape, heddle_error *err);

/** Reals in the packed block, and weights and biases really there. */
size_t shape_packed(const struct shape *shape);
size_t shape_parameters(const struct shape *shape);

/** Multiply-adds × 2 of one example's training step: 2 (3 Σ n[l-1] n[l] - n[0] n[1]). */
double shape_flop(const struct shape *shape);

/** "784-128-10", cut to fit. */
void shape_text(const struct shape *shape, char *text, size_t size);

#endif
