/**
 * alike: do all ranks have the same run before them? A rank that read another file or was
 * given another option would make another model, or leave the others waiting for ever.
 */
#ifndef TRAIN_ALIKE_H
#define TRAIN_ALIKE_H

#include "data/dataset.h"
#include "train/encode.h"
#include "train/recipe.h"
#include "train/trainer.h"

/**
 * Collective: compare what decides the bits and the course of a run: program, options (but not
 * those of the machine), data, first weights (values, plain order) and the state to go on from (NULL:
 * none). HEDDLE_E_ARGUMENT or
 * HEDDLE_E_DATA names the first rank that differs from rank 0, and in what.
 */
heddle_status alike(const heddle_recipe *recipe, const struct run_recipe *run,
                    const struct encoded *data, const double *values, const struct run_state *from,
                    heddle_error *err);

#endif
