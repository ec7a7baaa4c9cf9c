/** table_safetensors: a table from a safetensors file of arrays. */
#ifndef MODEL_TABLE_SAFETENSORS_H
#define MODEL_TABLE_SAFETENSORS_H

#include "data/readers.h"

/**
 * The inputs are the tensor "inputs", "x", "X", "data", "images" or "features", or the only one
 * there is; the targets, if any, "targets", "target", "y", "Y", "labels" or "label". Of rank 1 and
 * more; the first index is the row.
 */
extern const struct table_format table_safetensors;

#endif
