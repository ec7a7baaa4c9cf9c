/** training: recipes, tables and models for tests, without a word more than is needed. */
#ifndef TESTS_TRAINING_H
#define TESTS_TRAINING_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/preprocess.h"
#include "heddle.h"
#include "model/model.h"

/** Set options from "name=value name=value …"; later ones win. */
static inline void recipe_add(heddle_recipe *recipe, const char *options)
{
    char text[512];
    snprintf(text, sizeof text, "%s", options);
    for (char *rest, *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        cr_assert(value != NULL, "'%s' has no value", word);
        *value++ = 0;
        heddle_error err;
        cr_assert(heddle_recipe_set(recipe, word, value, &err) == HEDDLE_OK, "%s", err.text);
    }
}

static inline heddle_recipe *recipe_of(const char *options)
{
    heddle_recipe *recipe;
    cr_assert(heddle_recipe_create(&recipe, NULL) == HEDDLE_OK);
    recipe_add(recipe, options);
    return recipe;
}

static inline heddle_table *table_of(const char *path)
{
    heddle_table *table;
    heddle_error err;
    cr_assert(heddle_table_read(path, NULL, &table, &err) == HEDDLE_OK, "%s", err.text);
    return table;
}

/** A model in double to start from: widths end with 0; values layer by layer, W by rows, then b. */
static inline heddle_model *first_model(const size_t *widths, const double *values)
{
    struct shape shape = {.layers = 0};
    struct preprocess *plain;
    heddle_model *model;
    for (size_t l = 0; widths[l]; l++) {
        shape.width[l] = widths[l];
        shape.activation[l] = ACTIVATION_SIGMOID;
        shape.layers = l;
    }
    cr_assert(shape_finish(&shape, NULL) == HEDDLE_OK);
    cr_assert(preprocess_plain(widths[0], widths[shape.layers], false, &plain, NULL) == HEDDLE_OK);
    cr_assert(model_create(&shape, LOSS_SSE, true, values, plain, &model, NULL) == HEDDLE_OK);
    return model;
}

/** sha256 of the model that a recipe makes of a table. */
static inline void model_hash(const heddle_table *table, const char *options, char hex[65])
{
    heddle_recipe *recipe = recipe_of(options);
    heddle_model *model;
    heddle_error err;
    cr_assert(heddle_train(recipe, table, NULL, NULL, NULL, NULL, &model, NULL, &err) == HEDDLE_OK,
              "%s: %s", options, err.text);
    cr_assert(heddle_model_sha256(model, hex, NULL) == HEDDLE_OK);
    heddle_model_free(model);
    heddle_recipe_free(recipe);
}

#endif
