/** input: the options about reading data that several commands share, and reading by them. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "heddle.h"
#include "options.h"

/** Tables of options for commands that read data: how; where the targets are; how much. */
extern const struct option input_format_options[];
extern const struct option input_label_options[];
extern const struct option input_memory_options[];

/**
 * How to read, from --labels, --delimiter, --header and --max-memory. Returns -1 to go on, or 2
 * after a complaint.
 */
int input_options(const struct command_line *line, heddle_read_options *options);

/** Read path, with `labels` (may be NULL) instead of options->labels. Returns 0, or complains. */
int input_read(const char *path, const heddle_read_options *options, const char *labels,
               heddle_table **table);

/** Read a model. Returns 0, or complains and returns the exit status. */
int input_model(const char *path, heddle_model **model);

#endif
