/** encode: hold rows out, fit the preprocessing on the others, apply it to all. */
#include "train/encode.h"

#include "base/memory.h"
#include "base/status.h"
#include "data/split.h"

/** From this many rows on a share of them is held out if nothing else is said. */
enum { AUTO_VALIDATION_ROWS = 100 };
#define AUTO_VALIDATION 0.1

/** Choose the rows to hold out, the classes in proportion. */
static heddle_status hold_out(struct encoded *encoded, const heddle_recipe *recipe,
                              const heddle_table *table, bool wanted,
                              const struct preprocess_options *options, heddle_error *err)
{
    double fraction = recipe_validation(recipe);
    if (fraction < 0) {
        fraction = wanted && table->rows >= AUTO_VALIDATION_ROWS ? AUTO_VALIDATION : 0;
    }
    encoded->rows = memory_new(table->rows, sizeof *encoded->rows);
    encoded->held = memory_new(table->rows, sizeof *encoded->held);
    if (!encoded->rows || !encoded->held) {
        return status_memory(err, "the rows to train on", table->rows * sizeof *encoded->rows);
    }
    uint32_t *codes = memory_new(table->rows, sizeof *codes);
    if (!codes) {
        return status_memory(err, "the rows' classes", table->rows * sizeof *codes);
    }
    bool classify = false;
    heddle_status status = preprocess_class_codes(table, options, codes, &classify, err);
    if (!status) {
        status = split_rows(recipe_seed(recipe), fraction, classify ? codes : NULL, table->rows,
                            encoded->rows, &encoded->row_count, encoded->held,
                            &encoded->held_count, err);
    }
    memory_free(codes);
    return status;
}

heddle_status encode(const heddle_recipe *recipe, const heddle_table *table,
                     const heddle_table *validation, const heddle_table *test,
                     const heddle_callbacks *callbacks, struct encoded *encoded, heddle_error *err)
{
    struct preprocess_options options;
    bool use_double = recipe_use_double(recipe);
    bool single = recipe_single_output(recipe);
    recipe_preprocess(recipe, &options);
    heddle_status status =
        hold_out(encoded, recipe, table, !validation && !test, &options, err);
    if (!status) {
        status = preprocess_fit(table, &options, encoded->rows, encoded->row_count,
                                callbacks ? callbacks->note : NULL,
                                callbacks ? callbacks->user : NULL, &encoded->preprocess, err);
    }
    if (!status) {
        status = preprocess_apply(encoded->preprocess, table, encoded->rows, encoded->row_count,
                                  use_double, single, true, NULL, &encoded->train, err);
    }
    if (!status && validation) {
        status = preprocess_apply(encoded->preprocess, validation, NULL, validation->rows,
                                  use_double, single, true, NULL, &encoded->validation, err);
    } else if (!status && encoded->held_count) {
        status = preprocess_apply(encoded->preprocess, table, encoded->held, encoded->held_count,
                                  use_double, single, true, NULL, &encoded->validation, err);
    }
    if (!status && test) { /* now, so that a bad test file is told before the training */
        status = preprocess_apply(encoded->preprocess, test, NULL, test->rows, use_double, single,
                                  true, NULL, &encoded->test, err);
    }
    return status;
}

struct recipe_facts encoded_facts(const struct encoded *encoded, const struct shape *initial)
{
    return (struct recipe_facts){
        .rows = encoded->train.rows,
        .inputs = encoded->train.inputs,
        .classes = encoded->preprocess->classes,
        .targets = encoded->preprocess->targets,
        .initial = initial,
    };
}

heddle_status encoded_check_initial(const struct shape *shape, const struct shape *initial,
                                    heddle_error *err)
{
    char wanted[128], have[128];
    bool fits = shape->layers == initial->layers;
    for (size_t l = 0; fits && l <= shape->layers; l++) {
        fits = shape->width[l] == initial->width[l];
    }
    if (fits) {
        return HEDDLE_OK;
    }
    shape_text(shape, wanted, sizeof wanted);
    shape_text(initial, have, sizeof have);
    return status_set(err, HEDDLE_E_DATA,
                      "the initial model is %s, but data and recipe make a network of %s", have,
                      wanted);
}

void encoded_done(struct encoded *encoded)
{
    memory_free(encoded->rows);
    memory_free(encoded->held);
    preprocess_free(encoded->preprocess);
    dataset_done(&encoded->train);
    dataset_done(&encoded->validation);
    dataset_done(&encoded->test);
}
