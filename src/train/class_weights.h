/** class_weights: the option of that name, what an example of each class counts for. */
#ifndef TRAIN_CLASS_WEIGHTS_H
#define TRAIN_CLASS_WEIGHTS_H

#include "train/recipe.h"

/**
 * text is "none", "balanced" (the rows of each class count for the same together) or
 * "NAME:X,NAME:X"; classes not named count 1. *weights, one a class, is the caller's, also after a
 * failure: memory_free(); untouched for "none".
 *
 * HEDDLE_E_ARGUMENT, HEDDLE_E_DATA (a class to be balanced has no row), HEDDLE_E_MEMORY.
 */
heddle_status class_weights(const char *text, const struct recipe_facts *facts, double **weights,
                            heddle_error *err);

#endif
