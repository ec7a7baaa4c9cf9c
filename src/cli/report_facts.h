/** report_facts: what a report says of the data and the network, gathered when the run is over. */
#ifndef CLI_REPORT_FACTS_H
#define CLI_REPORT_FACTS_H

#include <jansson.h>

#include "heddle.h"

/**
 * What was understood of the table a run trained on:
 *
 *     "rows", "columns", "format"
 *     "missing": cells without a value, null if there are too many cells to look at all
 *     "column": the first REPORT_COLUMNS: [{"name", "role": "input" | "target" | "weight" |
 *               "left out", null without a model, "type", "missing", "distinct", "minimum", "mean",
 *               "maximum", and of an input "categories" and "for_none" or "shift", "factor", "fill"}, …]
 *     "inputs": columns that are inputs, null without a model
 *     "classes": [{"name", "rows"}, …] of a class target, null if there are none or too many
 *
 * model: NULL if none was made. weights: name of the column of weights, or NULL.
 */
enum { REPORT_COLUMNS = 100 };
json_t *report_data_json(const heddle_table *table, const heddle_model *model, const char *weights);

/** The network: {"widths", and the members of the model's metadata}; null without a model. */
json_t *report_network_json(const heddle_model *model);

/** True and predicted numbers: [target][row][true, predicted]; null of classes. */
json_t *report_sample_json(const heddle_score *score);

#endif
