/** train_start: what a run is told, as the first record of its log. */
#ifndef CLI_TRAIN_START_H
#define CLI_TRAIN_START_H

#include <jansson.h>

#include "heddle.h"
#include "options.h"

/** All it takes to repeat the run: version, command line, data, recipe, machine. */
json_t *train_start_json(const struct command_line *line, const heddle_recipe *recipe,
                         const heddle_table *table);

/** Add what the library says of the run before its first step. */
void train_start_add(json_t *record, const heddle_start *start);

#endif
