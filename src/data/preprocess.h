/**
 * preprocess: from a table's columns to a network's inputs and targets, and back. Fitted on the
 * training rows, stored in the model by column name.
 *
 *   number column    one input, by `scale`: standard (x - mean) / deviation, minmax
 *                    (x - min) / (max - min), byte x × (real)(1/255), none x
 *   text column      one input a category, 1 for the row's own and 0 for the others; a category
 *                    never seen in training, or a missing cell, is all 0 (a missing cell seen in
 *                    training is a category of its own, the last)
 *   class target     the class's index among the sorted names
 *   number target    standardised if asked for (scale_targets), as it is otherwise
 *
 * Means and deviations are summed in double by the tree of base/sum.h over fixed blocks of rows,
 * so they do not depend on who computes them.
 */
#ifndef DATA_PREPROCESS_H
#define DATA_PREPROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/dataset.h"
#include "data/table.h"

enum task { TASK_AUTO, TASK_CLASSIFY, TASK_REGRESS };
enum scale { SCALE_AUTO, SCALE_STANDARD, SCALE_MINMAX, SCALE_BYTE, SCALE_NONE };
enum missing { MISSING_ERROR, MISSING_MEAN, MISSING_DROP };

/** What the recipe says about the data. */
struct preprocess_options {
    const char *target; /* "last", a name, a number from 1, or a comma list; "" or NULL: auto */
    const char *drop;   /* comma list of names or numbers, or "" */
    enum task task;
    enum scale scale;
    bool scale_targets;       /* numbers to be predicted are standardised */
    bool numbers_are_classes; /* TASK_AUTO: may few whole numbers be classes? */
    enum missing missing;
};

struct preprocess_input {
    char *name;
    size_t position; /* column of the training table */
    bool text;
    double shift, factor; /* numbers: x' = (x - shift) × factor, in double */
    double fill;          /* what a missing number becomes, before scaling */
    char **category;      /* (categories) text: sorted by bytes */
    size_t categories;
    bool missing_category; /* a missing cell is one category more, the last */
};

struct preprocess_target {
    char *name;
    size_t position;      /* column of the training table */
    double shift, factor; /* t' = (t - shift) × factor; prediction back: y / factor + shift */
};

struct preprocess {
    enum task task;   /* never AUTO */
    enum scale scale; /* never AUTO */
    enum missing missing;
    bool named;     /* columns are found by name if the table has names, else by position */
    size_t columns; /* of the training table, for positions */
    struct preprocess_input *input;
    size_t inputs; /* columns */
    size_t width;  /* inputs of the network */
    struct preprocess_target *target;
    size_t targets;
    char **class_name; /* TASK_CLASSIFY: sorted (numbers by value, words by bytes) */
    size_t classes;
    double *class_number; /* value of each class if all are numbers, else NULL */
};

/**
 * Choose the targets, task and scaling from table and options, and fit on the rows listed.
 *
 * rows, count  which rows to fit on; NULL: all `table->rows`. Whether there are classes and which
 *              is asked of the whole table, so that folds of one table agree.
 * note         called with things worth knowing (a constant or dropped column); NULL allowed
 *
 * HEDDLE_E_DATA: no such column, nothing left to learn from, text with a missing cell under
 * --missing error, non-finite numbers, a column of words all different (an identifier), one class
 * only; names the column, and line and column of the first bad cell.
 */
heddle_status preprocess_fit(const heddle_table *table, const struct preprocess_options *options,
                             const uint32_t *rows, size_t count,
                             void (*note)(void *user, const char *text), void *user,
                             struct preprocess **preprocess, heddle_error *err);

/**
 * Is this a task of classes, and if so, of which class is each row? For a split that keeps the
 * shares of the classes, made before fitting.
 *
 * codes  (table->rows) out: index among the sorted class names, TABLE_MISSING where the target has
 *        no value; written only if *classify
 *
 * Errors as preprocess_fit()'s that concern the target.
 */
heddle_status preprocess_class_codes(const heddle_table *table,
                                     const struct preprocess_options *options, uint32_t *codes,
                                     bool *classify, heddle_error *err);

/** No scaling, no names: inputs as they are, `outputs` numbers or classes "0", "1", …. */
heddle_status preprocess_plain(size_t inputs, size_t outputs, bool classify,
                               struct preprocess **preprocess, heddle_error *err);

void preprocess_free(struct preprocess *preprocess);

/**
 * Rows of a table as a network wants them.
 *
 * single_output  two classes are one output 0/1 rather than two
 * with_targets   fill the targets too; a missing target column is then HEDDLE_E_DATA
 *
 * HEDDLE_E_DATA names the column that is missing, or line and column of a cell that does not fit
 * (text where a number was, a class never seen). With MISSING_DROP rows that miss a value are left
 * out, and with_targets leaves out those whose target is missing; kept (room for count indices, or
 * NULL) receives the table rows that stayed, set->rows of them. It is an error if none does.
 *
 * By position, a table must have as many columns as the one trained on, or only the inputs.
 * Bytes that stand together in the table's rows are used there: keep it until dataset_done().
 */
heddle_status preprocess_apply(const struct preprocess *preprocess, const heddle_table *table,
                               const uint32_t *rows, size_t count, bool use_double,
                               bool single_output, bool with_targets, uint32_t *kept,
                               struct dataset *set, heddle_error *err);

/**
 * Into text (size bytes) a note on the words of a table's columns of categories that were never
 * seen in training; "" if there are none, or if the table cannot be used at all. with_targets: in
 * the rows that have a target.
 */
void preprocess_unseen(const struct preprocess *preprocess, const heddle_table *table,
                       bool with_targets, char *text, size_t size);

/** Canonical JSON text of a preprocessing (exact numbers), and back. memory_free() the text. */
heddle_status preprocess_to_json(const struct preprocess *preprocess, char **text,
                                 heddle_error *err);
heddle_status preprocess_from_json(const char *text, struct preprocess **preprocess,
                                   heddle_error *err);

#endif
