/**
 * options: from argv and a command's table to values, and from the table to its help.
 *
 * Accepted are --name VALUE, --name=VALUE, -o VALUE, -oVALUE, flags run together (-qh) and "--",
 * behind which everything is an operand. "-" is an operand. Options and operands mix; of a repeated
 * option the last counts.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "heddle.h"
#include "command.h"

/** A command line that was understood. Strings belong to argv, the tables or `config`. */
struct command_line {
    const struct command *command;
    int argc; /* as main() got them, for the log */
    char **argv;
    struct option *options; /* the recipe's, then the command's own */
    const char **values;    /* values[i] of options[i]; NULL: not given */
    size_t count;
    size_t own; /* options[own …] are the command's own */
    const char **operands;
    size_t operand_count;
    char *config; /* text of the --config file, cut into strings */
};

/**
 * Read argv[first …] for `command`. Returns -1 to go on, or the exit status to end with: 0 after
 * printing the help it was asked for, 2 after complaining about misuse, 66 for a --config file that
 * cannot be read. Release with options_done() in every case.
 */
int options_read(struct command_line *line, const struct command *command, int argc, char **argv,
                 int first);
void options_done(struct command_line *line);

/** What --name was given, or NULL; its value, given or default; whether a flag was given. */
const char *option_given(const struct command_line *line, const char *name);
const char *option_value(const struct command_line *line, const char *name);
bool option_flag(const struct command_line *line, const char *name);

/** The value of an OPTION_COUNT, 0 if it was not given and has no default. */
int option_count(const struct command_line *line, const char *name);

/**
 * Hand every option that was given and is the recipe's to the recipe, but for those named in
 * `except` (ends with NULL; may be NULL).
 */
heddle_status options_to_recipe(const struct command_line *line, const char *const *except,
                                heddle_recipe *recipe, heddle_error *err);

/** Print a command's help (options_help.c). */
void options_help(const struct command_line *line, FILE *stream);

/** Complain (printf format), point to the command's help (NULL: heddle's), and return 2. */
int misuse(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Complain with err, as misuse() does if an option was wrong, and return its exit status. */
int refuse(const struct command_line *line, const heddle_error *err);

#endif
