/**
 * encode: from the tables of a call to data sets: which rows are trained on and which held out, how
 * they are preprocessed, and the numbers that a network sees.
 */
#ifndef TRAIN_ENCODE_H
#define TRAIN_ENCODE_H

#include "data/dataset.h"
#include "data/preprocess.h"
#include "train/recipe.h"

/** Which fold of a cross-validation is held out. */
struct fold {
    size_t number, folds; /* number 0 … folds - 1 */
};

struct encoded {
    uint32_t *rows, *held; /* rows of the table to train on, rows held out */
    size_t row_count, held_count;
    struct preprocess *preprocess;          /* fitted on the rows to train on */
    struct dataset train, validation, test; /* without rows where there are none */
    double *weight;                         /* (train.rows) what rows count for; NULL: 1 */
    size_t *class_rows;                     /* (classes) rows to train on, or NULL */
    double lowest_target, highest_target;   /* of the rows to train on, for numbers */
};

/**
 * Encode. validation and test may be NULL; without either, the recipe says how many rows are held
 * out; if it leaves that open and the file of the table says which are, they are: also for a test.
 * fold, if not NULL, says which rows are, whatever the recipe says. Notes go to callbacks (NULL
 * allowed). Release with encoded_done() in any case.
 *
 * The tables must stay: bytes may be used where they are.
 */
heddle_status encode(const heddle_recipe *recipe, const heddle_table *table,
                     const heddle_table *validation, const heddle_table *test,
                     const struct fold *fold, const heddle_callbacks *callbacks,
                     struct encoded *encoded, heddle_error *err);

/** What the data say to a recipe; initial is the model to start from, or NULL. */
struct recipe_facts encoded_facts(const struct encoded *encoded, const struct shape *initial);

/** Tell callbacks (NULL allowed) if a network of `shape` cannot give some of the numbers wanted. */
void encoded_note_reach(const struct encoded *encoded, const struct shape *shape,
                        const heddle_callbacks *callbacks);

/** Can a run of a network of `shape` start from a model of that other shape? HEDDLE_E_DATA if not. */
heddle_status encoded_check_initial(const struct shape *shape, const struct shape *initial,
                                    heddle_error *err);

/** Release what it holds; a preprocess that was given away must be NULL. */
void encoded_done(struct encoded *encoded);

#endif
