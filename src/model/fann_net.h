/**
 * fann_net: networks saved by FANN (the Fast Artificial Neural Network Library), format
 * FANN_FLO_2.1, as models.
 *
 *     fann                       becomes
 *     layers, weights            the same; FANN's bias neuron is our bias, what is not connected a
 *                                weight of 0
 *     steepness s                folded into the weights (FANN computes f(s z); its sigmoid is
 *                                1 / (1 + e^(-2 s z)))
 *     linear, sigmoid,           linear, sigmoid, tanh, gaussian, softsign, sine
 *       sigmoid_symmetric, gaussian, elliot_symmetric, sin_symmetric
 *     gaussian_symmetric, elliot, linear_piece, linear_piece_symmetric, sin, cos, cos_symmetric
 *                                a f(z + c) + b with an f of ours: a and b are folded into the next
 *                                layer's weights or the targets' scaling, c into the bias
 *     sigmoid_stepwise, sigmoid_symmetric_stepwise
 *                                sigmoid, tanh; the model's metadata "note" says how far off that is
 *     scaling of the data        preprocessing: a model takes and gives what fann_scale_input() takes
 *                                and fann_descale_output() gives
 *     float or double            float if every weight is exactly a float, else double
 *
 * Refused are layers that skip layers, layers of several functions, and other functions. FANN cuts
 * s z off beyond ±150 / s, which only shows where a linear output is that large; Heddle does not.
 * How FANN trains is not taken over.
 */
#ifndef MODEL_FANN_NET_H
#define MODEL_FANN_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "heddle.h"

/** Do the bytes of a file begin as a network of FANN's does? */
bool fann_net_is(const void *bytes, size_t size);

/**
 * A model from the bytes of such a file; path is for messages. HEDDLE_E_DATA says what is wrong or
 * cannot be taken over; HEDDLE_E_MEMORY.
 */
heddle_status fann_net_parse(const void *bytes, size_t size, const char *path, heddle_model **model,
                             heddle_error *err);

#endif
