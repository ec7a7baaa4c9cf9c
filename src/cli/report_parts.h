/**
 * report_parts: the parts of a report's page, each a pure function of the record of the run that
 * report_page.h describes, and what they share.
 */
#ifndef CLI_REPORT_PARTS_H
#define CLI_REPORT_PARTS_H

#include <stdio.h>
#include <jansson.h>

#include "json_out.h"

/** A column of a table that keeps to the right: numbers. */
#define RIGHT " class=\"n\""

/** The style sheet. */
extern const char report_style[];

/** Learning curves. */
void report_curves(FILE *stream, const json_t *record);

/** Scores of the validation and test rows: metrics, classes, who was taken for whom. */
void report_scores(FILE *stream, const json_t *record);

/** Folds of --cv, ranks of --search. */
void report_compared(FILE *stream, const json_t *record);

/** What was understood of the data. */
void report_data(FILE *stream, const json_t *record);

/** The network's layers, and every option with its value, and why. */
void report_recipe(FILE *stream, const json_t *record);

#endif
