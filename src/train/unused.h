/** unused: options that were given and change nothing, such as --beta1 with --optimizer sgd. */
#ifndef TRAIN_UNUSED_H
#define TRAIN_UNUSED_H

#include "train/recipe.h"

/**
 * Tell callbacks (NULL allowed) of each option that was given, as something else than its default,
 * and that a resolved run does not go by. It is no error: a search may try several optimizers.
 */
void recipe_note_unused(const heddle_recipe *recipe, const struct run_recipe *run,
                        const heddle_callbacks *callbacks);

#endif
