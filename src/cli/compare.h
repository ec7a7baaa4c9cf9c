/**
 * compare: --cv and --search of `heddle train`: candidates are trained and ranked, the best one is
 * then the recipe of the run.
 */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include <jansson.h>

#include "heddle.h"
#include "options.h"
#include "progress.h"

struct compare {
    size_t folds; /* 0: no cross-validation */
    size_t draw;  /* 0: the whole grid */
    heddle_search *search;
    heddle_trial *trials; /* (count) best first, once they are done */
    size_t count;
};

/** Does the command line ask for any of it? */
bool compare_wanted(const struct command_line *line);

/**
 * Set the recipe from the command line: lists of values become a search. `except` as for
 * options_to_recipe(). Returns 0, or complains.
 */
int compare_recipe(struct compare *compare, const struct command_line *line,
                   const char *const *except, heddle_recipe *recipe);

/** Train and rank, and put the best one's values into the recipe. */
heddle_status compare_run(struct compare *compare, const heddle_table *table,
                          const heddle_table *validation, const heddle_model *initial,
                          struct progress *progress, const heddle_callbacks *callbacks,
                          heddle_recipe *recipe, heddle_error *err);

/**
 * What the model would be and take that is made of the recipe, or of the candidate that takes the most
 * memory, whose values may then stand in it.
 */
heddle_status compare_estimate(struct compare *compare, const heddle_table *table,
                               const heddle_table *validation, const heddle_table *test,
                               const heddle_model *initial, const heddle_callbacks *callbacks,
                               heddle_recipe *recipe, heddle_estimate *estimate, heddle_error *err);

void compare_print(struct compare *compare);

/** Members "cv" and "search" of the results. */
void compare_json(struct compare *compare, json_t *object);

void compare_done(struct compare *compare);

#endif
