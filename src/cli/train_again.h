/** train_again: the run of a command line of `heddle train`, once more, writing nothing. */
#ifndef CLI_TRAIN_AGAIN_H
#define CLI_TRAIN_AGAIN_H

#include <jansson.h>

#include "heddle.h"
#include "options.h"

/**
 * Read what `line` names and train by it, from the beginning and without outputs, time limit or
 * test data. start: the record of a log, with its "recipe", {"name": "value", …}, and the shard that
 * came of it; threads: "4", or NULL: as the
 * machine has it. Returns 0 with *model and *result the caller's, or complains and returns the exit
 * status.
 */
int train_again(const struct command_line *line, const json_t *start, const char *threads,
                const heddle_callbacks *callbacks, heddle_model **model, heddle_result *result);

#endif
