/** train_start: what a run is told, as the first record of its log. */
#ifndef CLI_TRAIN_START_H
#define CLI_TRAIN_START_H

#include <jansson.h>

#include "heddle.h"
#include "options.h"

/** All it takes to repeat the run: version, command line, data, recipe, machine. */
json_t *train_start_json(const struct command_line *line, const heddle_recipe *recipe,
                         const heddle_table *table);

#endif
