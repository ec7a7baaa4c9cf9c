/**
 * export: what both exports need: the name that everything in the file begins with, and rows that
 * any model can be tried on.
 */
#ifndef MODEL_EXPORT_H
#define MODEL_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "model/model.h"

enum { EXPORT_NAME_SIZE = 64 };

/**
 * The name asked for in options (NULL allowed), or one made of path: "out/my-net.c" gives "my_net".
 * HEDDLE_E_ARGUMENT if the one asked for is no identifier of C or is too long.
 */
heddle_status export_name(const char *path, const heddle_export_options *options,
                          char name[EXPORT_NAME_SIZE], heddle_error *err);

/** Columns of numbers and of text among a model's inputs. */
size_t export_numbers(const struct preprocess *preprocess);
size_t export_texts(const struct preprocess *preprocess);

/** What one column of text adds to the inputs of the network. */
size_t export_width(const struct preprocess_input *input);

/** Are the inputs shifted and multiplied at all? Not if every shift is 0 and every factor 1. */
bool export_scales(const struct preprocess *preprocess);

#endif
