/**
 * model: a trained network with all that is needed to use it, and its file.
 *
 * The file is safetensors: tensors layers.0.weight (n[1], n[0]), layers.0.bias (n[1]),
 * layers.1.weight … in that order, F32 or F64; __metadata__ maps strings to strings. It holds no
 * time, path, host, thread or rank count, so equal models are equal files.
 *
 *     key           value
 *     format        "heddle"
 *     numerics      MODEL_NUMERICS
 *     activations   of layers 1 … L: "relu,softmax"
 *     loss          "cross-entropy"
 *     preprocess    JSON (data/preprocess.h)
 *     classes       JSON list of the class names, for others; only if there are classes
 *     digest        sha256 of the file with this value as 64 zeros: a changed byte is noticed
 *     …             what train/ notes of the recipe
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/file.h"
#include "data/preprocess.h"
#include "heddle.h"
#include "model/safetensors.h"
#include "network/shape.h"

/** Raised when a change of arithmetic is meant to change results: 2 was the logistic function. */
#define MODEL_NUMERICS "2"

struct model_entry {
    char *key, *value;
};

struct heddle_model {
    struct shape shape;
    enum loss loss;
    bool use_double;               /* the weights' precision, in training and in the file */
    double *values;                /* shape_parameters() of them, plain order (weights.h); exact */
    struct preprocess *preprocess; /* never NULL */
    struct model_entry *entry;     /* what __metadata__ says but "digest", sorted by key */
    size_t entries;
};

/**
 * A model of its own: shape (finished) and values (plain order; NULL: zeros, to be filled in) are
 * copied, preprocess becomes the model's and is released also on failure. Metadata for "format",
 * "numerics", "activations", "loss", "preprocess" and "classes" are made here; more comes by
 * model_note().
 *
 * HEDDLE_E_ARGUMENT: loss and output function, or preprocess and the widths at the ends, do not go
 * together. HEDDLE_E_MEMORY.
 */
heddle_status model_create(const struct shape *shape, enum loss loss, bool use_double,
                           const double *values, struct preprocess *preprocess,
                           heddle_model **model, heddle_error *err);

/**
 * Set metadata `key` to `value`, kept sorted. HEDDLE_E_ARGUMENT if they are not UTF-8 or the key is
 * "digest"; HEDDLE_E_MEMORY.
 */
heddle_status model_note(heddle_model *model, const char *key, const char *value,
                         heddle_error *err);

/** Most tensors that a file may hold besides the weights. */
enum { MODEL_MORE_TENSORS = 32 };

/**
 * Write the model with more tensors behind its weights (none may be called layers.…), keeping the
 * file that was there as path.previous. Errors as heddle_model_write().
 */
heddle_status model_write_more(const heddle_model *model, const struct safetensors_tensor *tensor,
                               size_t tensors, const char *path, heddle_error *err);

/** What is no model by its first bytes is refused: a file_look, whose context is the path. */
heddle_status model_look(void *path, const struct file_bytes *head, struct file_claim *claim,
                         heddle_error *err);

/** heddle_model_read() of a file's bytes; path is for messages. */
heddle_status model_parse(const struct file_bytes *bytes, const char *path, heddle_model **model,
                          heddle_error *err);

/** Value of a key, or NULL. A file that is not Heddle's has the "format" "foreign". */
const char *model_entry(const heddle_model *model, const char *key);

#endif
