/** bench_report: the rows of a benchmark as Markdown, CSV or JSON on standard output. */
#ifndef CLI_BENCH_REPORT_H
#define CLI_BENCH_REPORT_H

#include <stddef.h>

#include "heddle.h"

/** What was measured, where, and what a reader should know of it. */
struct bench_report {
    const heddle_bench_row *rows;
    size_t count;
    const heddle_machine *machine;
    const char *data;    /* where the rows came from, or NULL: made up */
    const char *scaling; /* one line (bench_scaling.h) */
};

void bench_print_md(const struct bench_report *report);
void bench_print_csv(const struct bench_report *report);
void bench_print_json(const struct bench_report *report);

#endif
