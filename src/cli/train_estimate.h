/** train_estimate: what a run would be and take, for people (stdout) and as JSON. */
#ifndef CLI_TRAIN_ESTIMATE_H
#define CLI_TRAIN_ESTIMATE_H

#include <jansson.h>

#include "compare.h"
#include "heddle.h"

/** The object of `train --dry-run --json`; compare: what is to be tried before. */
json_t *train_estimate_json(const heddle_estimate *estimate, const struct compare *compare);

void train_estimate_print(const heddle_estimate *estimate, const struct compare *compare);

#endif
