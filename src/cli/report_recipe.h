/** report_recipe: every option of a run with what it was told, as a report's record has it. */
#ifndef CLI_REPORT_RECIPE_H
#define CLI_REPORT_RECIPE_H

#include <jansson.h>

#include "heddle.h"
#include "options.h"

/**
 * Options that may decide bits: [{"name", "given": as the command line has it or null, "set": as
 * the recipe has it, "initial": its default, "rule": what "auto" does, or null}, …].
 */
json_t *report_recipe_json(const struct command_line *line, const heddle_recipe *recipe);

#endif
