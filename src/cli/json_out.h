/**
 * json_out: JSON trees to text. Members keep the order in which they were put; numbers are written
 * with as many digits as it takes to read the same double back (jansson 2.14 can only fix one
 * number of digits for all); what is not finite becomes null; text that is not UTF-8 is repaired.
 */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

#include "heddle.h"
#include "options.h"

/** Let jansson allocate with need(): no call of it then fails for want of memory. */
void json_begin(void);

/** object[key] = value, which is taken over. */
void json_put(json_t *object, const char *key, json_t *value);

/** Values; text may be NULL: null. */
json_t *json_number(double value);
json_t *json_count(uint64_t value);
json_t *json_text(const char *text);

/** Members of an object: NULL, "", NaN, 0 or false if there is none such, or of another kind. */
json_t *member(const json_t *object, const char *key);
const char *text_of(const json_t *object, const char *key);
double number_of(const json_t *object, const char *key);
uint64_t count_of(const json_t *object, const char *key);
bool true_of(const json_t *object, const char *key);

/**
 * The keys of an `evaluate --json`: a score, with the names of its model; k: of "topK". model NULL:
 * without names and confusion, classes and targets in the model's order.
 */
json_t *json_score(const heddle_score *score, const heddle_model *model, size_t k);

/** What is known of a column; cells: also what stands in it, not only its name and type. */
json_t *json_column(const heddle_column *column, bool cells);

/** Write value on one line, or with `indent` over several, and a newline. */
void json_write(FILE *stream, const json_t *value, bool indent);

#endif
