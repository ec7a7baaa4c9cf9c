/**
 * onnx_functions: transfer functions as nodes of a graph. What they are made of depends on the graph:
 *
 * - float: the operators of ONNX where they are as exact as a float can tell, else their parts;
 * - double: the same, and parts where runtimes have the operator in float alone, or inexact;
 * - double that `rounds`: kernel/elementary.h for float, operation by operation, each rounded to
 *   float. A double holds the product of two floats, so that a * b + c rounded once more is their
 *   fused multiply-add: but where the exact sum is nearer than 2^-53 of itself to the middle of two
 *   floats, which happens about once in 2^29 times.
 */
#ifndef MODEL_ONNX_FUNCTIONS_H
#define MODEL_ONNX_FUNCTIONS_H

#include <stdbool.h>

#include "model/onnx_graph.h"
#include "network/shape.h"

/** Is there a graph for this function? The others must not be asked for. */
bool onnx_knows(enum activation f);

/** f(z) of every value (softmax: along the last axis); returns the name. */
char *onnx_transfer(struct onnx_graph *g, enum activation f, char *z);

/** In a graph that rounds: x rounded to float, as a double; else x. */
char *onnx_round(struct onnx_graph *g, char *x);

/** x (N, n) as n columns (N, 1) for a Scan; the first of them as well. */
char *onnx_columns(struct onnx_graph *g, char *x, char **first);

#endif
