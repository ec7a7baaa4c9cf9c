/** input: the options about reading data that several commands share, and reading by them. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "heddle.h"
#include "options.h"

/** Tables of options for commands that read data: how; where the targets are; how much. */
extern const struct option input_format_options[];
extern const struct option input_category_options[];
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

/**
 * Is path a file that begins as a model does: safetensors (a length of 8 bytes, little-endian, then
 * '{') or a network of FANN's? What is packed or cannot be read twice is not looked into.
 */
bool input_is_model(const char *path);

/** Say what the metadata "note" of a model read from path has to say. */
void input_note(const char *path, const heddle_model *model);

/** Read a model, with input_note(). Returns 0, or complains and returns the exit status. */
int input_model(const char *path, heddle_model **model);

/**
 * Say which words of a table read from path the model has never seen; with_targets: in the rows that
 * have a target.
 */
void input_note_unseen(const char *path, const heddle_model *model, const heddle_table *table,
                       bool with_targets);

#endif
