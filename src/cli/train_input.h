/** train_input: what a run is made of, from its command line: recipe, tables, first weights. */
#ifndef CLI_TRAIN_INPUT_H
#define CLI_TRAIN_INPUT_H

#include <stdbool.h>

#include "compare.h"
#include "heddle.h"
#include "options.h"

struct train_input {
    const struct command_line *line;
    heddle_recipe *recipe;
    heddle_table *table, *validation, *test; /* the last two may be NULL */
    heddle_model *initial;                   /* of --init, or NULL */
    struct compare compare;                  /* what --cv and --search are to try */
};

/**
 * Check the command line and its outputs (unless the run writes none) before anything takes time,
 * then read the inputs. Returns 0, or complains and returns the exit status. Release with
 * train_input_done() in every case.
 */
int train_input_read(struct train_input *input, const struct command_line *line, bool writes);
void train_input_done(struct train_input *input);

#endif
