/**
 * dataset: examples ready for a network: inputs (rows, inputs) and targets, encoded.
 *
 * Inputs are either reals, already scaled, or the bytes of images, scaled when a batch is
 * assembled: x = (real)byte × byte_scale, byte_scale = (real)(1/255) or 1. Where neither fits into
 * memory, rows are read from the table's array when they are wanted (data/view.h).
 *
 * A data set may be some rows of what is kept elsewhere, in the table or in another data set: then
 * it has an index of them, and splitting rows copies no inputs.
 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle.h"

struct view;

struct dataset {
    size_t rows, inputs, outputs;
    bool use_double;      /* reals are double, else float */
    const void *real;     /* (…, real_stride) or NULL; behind the inputs stands a 1, which feeds
                              the bias: a row is a layer's input as it is */
    size_t real_stride;   /* reals a row takes: more than inputs, a multiple of 16; zeros fill up */
    const uint8_t *bytes; /* (…, byte_stride) if !real, or NULL */
    size_t byte_stride;   /* inputs or more */
    const uint32_t *row;  /* (rows) which row of real or bytes each is; NULL: they are in order */
    struct view *view;    /* if !real and !bytes */
    double byte_scale;
    int32_t *class_index; /* (rows) for classes, 0 … outputs-1 (one output: 0 or 1); or NULL */
    void *target;         /* (rows, target_stride) reals if !class_index; NULL: no targets */
    size_t target_stride; /* a multiple of 16 */
    void *arena;          /* what is the data set's own: row, class_index, target, and the inputs
                              unless they lie elsewhere */
    size_t arena_bytes;
};

/**
 * The inputs of row r, without their scale where they are bytes: the same whether rows are kept or
 * read. room: for a row of reals; *size: the bytes that it takes. For any thread.
 */
const void *dataset_row(const struct dataset *set, size_t r, void *room, size_t *size);

/** Do the inputs lie in the table that the data set was made of? */
bool dataset_in_place(const struct dataset *set);

/**
 * Rows row[0 … count) of a data set. Their inputs stay where they are, so the set must, too; only
 * targets are copied. HEDDLE_E_MEMORY is the only failure.
 */
heddle_status dataset_take(const struct dataset *set, const uint32_t *row, size_t count,
                           struct dataset *taken, heddle_error *err);

/** Bytes that dataset_take() takes for so many rows. */
size_t dataset_take_bytes(const struct dataset *set, size_t count);

/** Release what a dataset holds and zero it. */
void dataset_done(struct dataset *set);

#endif
