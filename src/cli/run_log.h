/**
 * run_log: the file of --log, one JSON object a line, each written and flushed as it happens:
 *
 *     {"event": "start", version, command line, data, recipe, machine}     all it takes to repeat it
 *     {"event": "step", step, loss}                     the first steps, and then ever fewer
 *     {"event": "report", step, epoch, loss, …}         once a report, with its trace (trace.h)
 *                                                       and all metrics of the validation rows
 *     {"event": "end", …}  or  {"event": "error", status, message}
 *
 * The file is made when training really begins, so that a run that was refused leaves none. A run
 * that goes on from a checkpoint goes on with its log: what it has of later steps is cut off, and a
 * second "start" follows. A log that cannot be written does not end the run: it is said once, and
 * the program ends with 73 or 74.
 */
#ifndef CLI_RUN_LOG_H
#define CLI_RUN_LOG_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>

#include "heddle.h"

struct run_log {
    const char *path; /* NULL: no log is wanted */
    FILE *stream;
    json_t *start; /* the first record, until it is written */
    size_t keep;   /* bytes of the file that is there that are this run's */
    bool begun;    /* it is complete: shorter runs that choose something come before, and ask for
                      signals too */
    int status;    /* 0, or the exit status of what went wrong */
};

/** A log at path (NULL: none), beginning with the record start, which is taken over. */
void run_log_begin(struct run_log *log, const char *path, json_t *start);

/** Training goes on: the file is made now if it is not there and the run has begun. */
void run_log_touch(struct run_log *log);

/** The first record is complete, the run is about to make its first step. */
void run_log_start(struct run_log *log, const heddle_start *start);

/** Steps 1 … RUN_LOG_STEPS, and the powers of two after them. */
enum { RUN_LOG_STEPS = 16 };
void run_log_step(struct run_log *log, uint64_t step, double loss);

/** A report, with the validation rows' metrics, of which "topK" is of this k. */
void run_log_report(struct run_log *log, const heddle_report *report, size_t k);

/** The run's result, taken over. */
void run_log_result(struct run_log *log, json_t *result);
void run_log_error(struct run_log *log, const heddle_error *err);

/** Close. Returns 0, 73 or 74 (complained about already). */
int run_log_end(struct run_log *log);

#endif
