/**
 * export_c: an exported C file while it is written; for export_c.c, export_c_words.c and
 * export_c_test.c.
 */
#ifndef MODEL_EXPORT_C_H
#define MODEL_EXPORT_C_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "model/export.h"

struct c_file {
    const heddle_model *model;
    const struct preprocess *p;
    struct string out;
    char name[EXPORT_NAME_SIZE];  /* what public names begin with, */
    char upper[EXPORT_NAME_SIZE]; /* and macros */
    bool portable;
    size_t numbers, texts; /* columns */
    size_t outputs;        /* values of a prediction */
};

/** Is any category of the input a number, which other spellings of it are then, too? */
bool export_c_has_numbers(const struct preprocess_input *input);

/** Of the columns of text: their categories, what makes inputs of a word, and its calls. */
void export_c_add_categories(struct c_file *f);
void export_c_add_one_hot(struct c_file *f);
void export_c_add_one_hot_calls(struct c_file *f);

/** The self-test. HEDDLE_E_MEMORY, and what heddle_model_predict() returns. */
heddle_status export_c_add_test(struct c_file *f, heddle_error *err);

#endif
