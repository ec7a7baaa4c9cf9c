/**
 * trace: what a log keeps of the weights at a report, so that a repeated run can say where it
 * differs: of a small network every weight, of a large one a CRC-32 of the weights of each unit.
 *
 *     "weights": "3fb999999999999a…"    16 hex digits each, the order of heddle_report.weights
 *     "units":   "8f41c2d0…"            8 hex digits each: layer by layer, unit by unit
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "heddle.h"

/** Put the trace of a report that has weights into its record. */
void trace_write(const heddle_report *report, json_t *record);

/**
 * Are the weights of the report those of the record? A record without a trace says yes; *compared
 * tells whether there was one. If not, `where` says which layer, unit and, if it is known, weight
 * is the first that differs.
 */
bool trace_same(const heddle_report *report, const json_t *record, bool *compared, char *where,
                size_t size);

#endif
