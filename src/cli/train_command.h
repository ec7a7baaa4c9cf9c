/** train_command: command lines of `heddle train` as text for a shell. */
#ifndef CLI_TRAIN_COMMAND_H
#define CLI_TRAIN_COMMAND_H

#include "heddle.h"
#include "options.h"

/** The command line as it was given; the caller's to free. */
char *train_command_given(const struct command_line *line);

/**
 * The command line that makes the same model by itself: of what was given the options that decide
 * bits, with the values that --search chose and without what --cv held out. recipe: as trained
 * with. The caller's to free.
 */
char *train_command_same(const struct command_line *line, const heddle_recipe *recipe);

#endif
