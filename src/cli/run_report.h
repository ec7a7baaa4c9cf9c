/**
 * run_report: the page of --report: gathered while a run goes on, written when it is over, however
 * it ended. A run that was refused before its first step leaves none.
 */
#ifndef CLI_RUN_REPORT_H
#define CLI_RUN_REPORT_H

#include <stdbool.h>
#include <jansson.h>

#include "compare.h"
#include "heddle.h"
#include "options.h"
#include "run_curve.h"

struct run_report {
    const char *path; /* NULL: no page is wanted; nothing is then gathered */
    json_t *notes;
    bool begun;
    struct run_curve curve;
};

/** What came of the run. */
struct run_outcome {
    const struct command_line *line;
    const heddle_recipe *recipe;
    const heddle_table *table;
    struct compare *compare;
    json_t *start;               /* the log's first record */
    const heddle_model *model;   /* NULL: none was made */
    const heddle_result *result; /* NULL: it failed */
    const char *saved;           /* file of the model, or NULL */
    const heddle_error *err;     /* why it failed */
    int signal;                  /* that ended it, or 0 */
};

void run_report_begin(struct run_report *report, const char *path);

/** The run is about to begin; log: of --log, still as a process before left it, or NULL. */
void run_report_start(struct run_report *report, const heddle_start *start, const char *log);
void run_report_note(struct run_report *report, const char *text);
void run_report_step(struct run_report *report, uint64_t step, double loss);
void run_report_report(struct run_report *report, const heddle_report *news);

/** Write the page, if there is anything to say. Returns 0, or complains and returns 73 or 74. */
int run_report_end(struct run_report *report, const struct run_outcome *outcome);

/** Release what it holds. */
void run_report_done(struct run_report *report);

#endif
