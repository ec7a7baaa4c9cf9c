/** encode: hold rows out, fit the preprocessing on the others, apply it to all. */
#include "train/encode.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/split.h"

/** From this many rows on a share of them is held out if nothing else is said. */
enum { AUTO_VALIDATION_ROWS = 100 };
#define AUTO_VALIDATION 0.1

/** Row numbers from `first` on. */
static void number_rows(uint32_t *rows, size_t count, size_t first)
{
    for (size_t i = 0; i < count; i++) {
        rows[i] = (uint32_t)(first + i);
    }
}

/** Choose the rows to hold out as the file of the table says. */
static void hold_out_parts(struct encoded *encoded, const heddle_table *table,
                           const heddle_callbacks *callbacks)
{
    const size_t *part = table->part;
    encoded->row_count = part[TABLE_TRAIN];
    encoded->held_count = part[TABLE_VALIDATE];
    number_rows(encoded->rows, part[TABLE_TRAIN], 0);
    number_rows(encoded->held, part[TABLE_VALIDATE], part[TABLE_TRAIN]);
    if (callbacks && callbacks->note) {
        char text[160];
        snprintf(text, sizeof text,
                 "the file says which rows: %zu are trained on, %zu validate, %zu test; "
                 "--validation says otherwise",
                 part[TABLE_TRAIN], part[TABLE_VALIDATE], part[TABLE_TEST]);
        callbacks->note(callbacks->user, text);
    }
}

/** Encode the rows that the file of the table means to be tests. */
static heddle_status encode_test_part(struct encoded *encoded, const heddle_table *table,
                                      bool use_double, bool single, heddle_error *err)
{
    const size_t count = table->part[TABLE_TEST];
    uint32_t *rows = memory_new(count, sizeof *rows);
    if (!rows) {
        return status_memory(err, "the rows to test", count * sizeof *rows);
    }
    number_rows(rows, count, table->rows - count);
    heddle_status status = preprocess_apply(encoded->preprocess, table, rows, count, use_double,
                                            single, true, NULL, &encoded->test, err);
    memory_free(rows);
    return status;
}

/** Choose the rows to hold out, the classes in proportion. */
static heddle_status hold_out(struct encoded *encoded, const heddle_recipe *recipe,
                              const heddle_table *table, bool wanted, const struct fold *fold,
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
    if (!status && fold) {
        status = split_fold(recipe_seed(recipe), fold->folds, fold->number, classify ? codes : NULL,
                            table->rows, encoded->rows, &encoded->row_count, encoded->held,
                            &encoded->held_count, err);
    } else if (!status) {
        status = split_rows(recipe_seed(recipe), fraction, classify ? codes : NULL, table->rows,
                            encoded->rows, &encoded->row_count, encoded->held, &encoded->held_count,
                            err);
    }
    memory_free(codes);
    return status;
}

/** The options' list of columns to drop, and the column of weights with it. memory_free() it. */
static char *drop_more(const char *drop, const char *name)
{
    size_t n = strlen(drop);
    size_t size = n + strlen(name) + 2;
    char *all = memory_new(size, 1);
    if (all) {
        memcpy(all, drop, n);
        all[n] = ',';
        memcpy(n ? all + n + 1 : all, name, strlen(name));
    }
    return all;
}

/** Which column the weights are in; table->columns: none are wanted. */
static heddle_status find_weights(const heddle_recipe *recipe, const heddle_table *table,
                                  size_t *column, heddle_error *err)
{
    const char *name = recipe_text(recipe, OPTION_WEIGHTS);
    *column = table->columns;
    if (strcmp(name, "none") == 0) {
        return HEDDLE_OK;
    }
    size_t c = table_find(table, name);
    if (c == table->columns) {
        return status_set(err, HEDDLE_E_DATA, "--weights: there is no column '%s'", name);
    }
    if (table->column[c].text) {
        return status_set(err, HEDDLE_E_DATA, "--weights: column '%s' holds words", name);
    }
    *column = c;
    return HEDDLE_OK;
}

/** weight[i] = what row rows[i] counts for. */
static heddle_status read_weights(const heddle_table *table, size_t c, const uint32_t *rows,
                                  size_t count, double *weight, heddle_error *err)
{
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        weight[i] = table_number(table, c, rows[i]);
        if (!(weight[i] >= 0 && weight[i] <= 1e30)) {
            return status_set(err, HEDDLE_E_DATA,
                              "--weights: column '%s' of row %zu is no weight: numbers from 0 on "
                              "are",
                              table->column[c].name, (size_t)rows[i] + 1);
        }
        total += weight[i];
    }
    return total > 0 ? HEDDLE_OK
                     : status_set(err, HEDDLE_E_DATA, "--weights: column '%s' is 0 in all rows",
                                  table->column[c].name);
}

/** Words of a file of rows to score that are in no row trained on. */
static void note_unseen(const struct encoded *encoded, const heddle_table *table,
                        const heddle_callbacks *callbacks)
{
    char text[320], note[400];
    if (!table || !callbacks || !callbacks->note) {
        return;
    }
    preprocess_unseen(encoded->preprocess, table, true, text, sizeof text);
    if (*text) {
        snprintf(note, sizeof note, "'%.60s': %s", table->path, text);
        callbacks->note(callbacks->user, note);
    }
}

/** Classes all of whose rows were left out, for a value that is missing. */
static void note_empty_classes(const struct encoded *encoded, const heddle_callbacks *callbacks)
{
    const struct preprocess *preprocess = encoded->preprocess;
    size_t empty = 0, first = 0;
    for (size_t c = preprocess->classes; encoded->class_rows && c-- > 0;) {
        if (!encoded->class_rows[c]) {
            empty++;
            first = c;
        }
    }
    if (empty && callbacks && callbacks->note) {
        char text[256], more[48] = "";
        if (empty > 1) {
            snprintf(more, sizeof more, " (and %zu more)", empty - 1);
        }
        snprintf(text, sizeof text, "class '%.100s'%s has no row to train on: it cannot be learned",
                 preprocess->class_name[first], more);
        callbacks->note(callbacks->user, text);
    }
}

/** What a recipe wants to know of the rows to train on. */
static heddle_status take_stock(struct encoded *encoded, heddle_error *err)
{
    const struct dataset *set = &encoded->train;
    size_t classes = encoded->preprocess->classes;
    encoded->lowest_target = __builtin_inf();
    encoded->highest_target = -__builtin_inf();
    for (size_t r = 0; set->target && r < set->rows; r++) {
        for (size_t o = 0; o < set->outputs; o++) {
            size_t at = r * set->target_stride + o;
            double t = set->use_double ? ((const double *)set->target)[at]
                                       : (double)((const float *)set->target)[at];
            encoded->lowest_target = t < encoded->lowest_target ? t : encoded->lowest_target;
            encoded->highest_target = t > encoded->highest_target ? t : encoded->highest_target;
        }
    }
    if (!set->class_index) {
        return HEDDLE_OK;
    }
    encoded->class_rows = memory_new(classes, sizeof *encoded->class_rows);
    if (!encoded->class_rows) {
        return status_memory(err, "the classes' sizes", classes * sizeof *encoded->class_rows);
    }
    for (size_t r = 0; r < set->rows; r++) {
        encoded->class_rows[set->class_index[r]]++;
    }
    return HEDDLE_OK;
}

heddle_status encode(const heddle_recipe *recipe, const heddle_table *table,
                     const heddle_table *validation, const heddle_table *test,
                     const struct fold *fold, const heddle_callbacks *callbacks,
                     struct encoded *encoded, heddle_error *err)
{
    struct preprocess_options options;
    bool use_double = recipe_use_double(recipe);
    bool single = recipe_single_output(recipe);
    char *drop = NULL;
    uint32_t *kept = NULL;
    size_t weights;
    const bool parts = table->part[TABLE_TRAIN] > 0 && !validation && !test && !fold &&
                       recipe_validation(recipe) < 0;
    recipe_preprocess(recipe, &options);
    heddle_status status = find_weights(recipe, table, &weights, err);
    if (!status && weights < table->columns) {
        options.drop = drop = drop_more(options.drop, recipe_text(recipe, OPTION_WEIGHTS));
        status = drop ? HEDDLE_OK : status_memory(err, "the columns to drop", 0);
    }
    if (!status) {
        status =
            hold_out(encoded, recipe, table, !validation && !test && !parts, fold, &options, err);
    }
    if (!status && parts) {
        hold_out_parts(encoded, table, callbacks);
    }
    if (!status) {
        status = preprocess_fit(table, &options, encoded->rows, encoded->row_count,
                                callbacks ? callbacks->note : NULL,
                                callbacks ? callbacks->user : NULL, &encoded->preprocess, err);
    }
    if (!status && weights < table->columns) {
        kept = memory_new(encoded->row_count, sizeof *kept);
        encoded->weight = memory_new(encoded->row_count, sizeof *encoded->weight);
        if (!kept || !encoded->weight) {
            status = status_memory(err, "the rows' weights", encoded->row_count * sizeof(double));
        }
    }
    if (!status) {
        status = preprocess_apply(encoded->preprocess, table, encoded->rows, encoded->row_count,
                                  use_double, single, true, kept, &encoded->train, err);
    }
    if (!status && weights < table->columns) {
        status = read_weights(table, weights, kept, encoded->train.rows, encoded->weight, err);
    }
    if (!status) {
        status = take_stock(encoded, err);
    }
    if (!status) {
        note_empty_classes(encoded, callbacks);
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
    if (!status) {
        note_unseen(encoded, validation, callbacks);
        note_unseen(encoded, test, callbacks);
    }
    if (!status && parts && table->part[TABLE_TEST]) {
        status = encode_test_part(encoded, table, use_double, single, err);
    }
    memory_free(drop);
    memory_free(kept);
    return status;
}

struct recipe_facts encoded_facts(const struct encoded *encoded, const struct shape *initial)
{
    return (struct recipe_facts){
        .rows = encoded->train.rows,
        .inputs = encoded->train.inputs,
        .classes = encoded->preprocess->classes,
        .targets = encoded->preprocess->targets,
        .class_name = encoded->preprocess->class_name,
        .class_rows = encoded->class_rows,
        .validates = encoded->validation.rows > 0,
        .lowest_target = encoded->lowest_target,
        .row_weight = encoded->weight,
        .initial = initial,
    };
}

void encoded_note_reach(const struct encoded *encoded, const struct shape *shape,
                        const heddle_callbacks *callbacks)
{
    enum activation output = shape->activation[shape->layers];
    double lowest, highest;
    activation_range(output, &lowest, &highest);
    bool reached = encoded->lowest_target >= lowest && encoded->highest_target <= highest;
    if (reached || encoded->preprocess->classes || !callbacks || !callbacks->note) {
        return;
    }
    char text[256];
    snprintf(text, sizeof text,
             "targets go from %.6g to %.6g, but outputs of --output-activation %s %s: linear "
             "reaches all",
             encoded->lowest_target, encoded->highest_target, activation_name(output),
             highest == 1  ? lowest == 0 ? "lie between 0 and 1" : "lie between -1 and 1"
             : lowest == 0 ? "are never below 0"
                           : "stop a little below 0");
    callbacks->note(callbacks->user, text);
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
    memory_free(encoded->weight);
    memory_free(encoded->class_rows);
    preprocess_free(encoded->preprocess);
    dataset_done(&encoded->train);
    dataset_done(&encoded->validation);
    dataset_done(&encoded->test);
}
