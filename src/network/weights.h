/**
 * weights: the parameters of a network in plain order: layer by layer W[l] (n[l], n[l-1])
 * row-major, then b[l] (n[l]). This is the order of files and of initial values; the packed order
 * of the kernels is made from it (weights_pack).
 */
#ifndef NETWORK_WEIGHTS_H
#define NETWORK_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/shape.h"

/** How weights begin. */
enum init_rule {
    INIT_NORMAL, /* N(0, spread²), biases too: the tutorial's, spread 0.1 */
    INIT_GLOROT, /* U(-a, a), a = √(6 / (n[l-1] + n[l])), biases 0 */
    INIT_HE,     /* N(0, 2 / n[l-1]), biases 0 */
    INIT_ZEROS
};

/** Begin of layer l's W in the plain order; its bias follows at + n[l-1] n[l]. */
size_t weights_begin(const struct shape *shape, size_t l);

/**
 * Initial values (shape_parameters() doubles, plain order). Each is a function of (seed, layer,
 * output, input) alone.
 *
 * Sources: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
 * networks", AISTATS 2010, eq. 16; K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers",
 * ICCV 2015, eq. 10. Normals: G. Box, M. Muller 1958.
 */
void weights_init(const struct shape *shape, enum init_rule rule, double spread, uint64_t seed,
                  double *values);

/** Plain order in doubles → packed reals (padding zero), and back (exact for float). */
void weights_pack(const struct shape *shape, const double *values, bool use_double, void *packed);

/** Packed reals that are 1 where a weight is, 0 where a bias or padding is. */
void weights_mask(const struct shape *shape, bool use_double, void *packed);
void weights_unpack(const struct shape *shape, const void *packed, bool use_double, double *values);

#endif
