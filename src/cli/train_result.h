/** train_result: what a run did, for people (stdout) and as JSON. */
#ifndef CLI_TRAIN_RESULT_H
#define CLI_TRAIN_RESULT_H

#include <jansson.h>

#include "heddle.h"

/**
 * The object of `train --json`. saved is the model's file, or NULL; k as for json_score(). Everything in it but seconds,
 * speeds, threads, ranks and isa is the same on every machine.
 */
json_t *train_result_json(const heddle_result *result, const heddle_model *model, const char *saved,
                          size_t k);

/**
 * Print what is the same on every machine on stdout, one line a result, and the machine's speed on
 * stderr unless quiet: so stdout proves the promise as the model file does.
 */
void train_result_print(const heddle_result *result, bool quiet);

/** Print the tutorial's table of inputs, outputs and targets if the data are small enough. */
void train_result_table(const heddle_model *model, const heddle_table *table);

#endif
