/** recipe_json: a resolved recipe as the text that models, logs and checkpoints hold. */
#ifndef TRAIN_RECIPE_JSON_H
#define TRAIN_RECIPE_JSON_H

#include "train/recipe.h"

/** In the order of enum optimizer and enum schedule_kind; NULL ends them. */
extern const char *const optimizer_names[];
extern const char *const schedule_names[];

/**
 * Append to run->text every choice that decides bits, as canonical JSON; younger options only where
 * they are used. from_model: the weights begin as a model's.
 */
void recipe_write(struct run_recipe *run, bool from_model, size_t classes);

#endif
