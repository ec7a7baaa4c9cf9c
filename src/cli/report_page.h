/**
 * report_page: the page of `heddle train --report`, one file that needs nothing else: no script, no
 * font, no network. It is HTML and well-formed XML. What it shows is a function of one record:
 *
 *     "start"      the log's first record (train_start.h)
 *     "given"      the command line, for a shell
 *     "same"       the one that makes the same model, or null
 *     "curve"      run_curve.h
 *     "data"       report_facts.h, and "network", "sample": {"validation", "test"}
 *     "recipe"     report_recipe.h, and "resolved": what the library made of it
 *     "compared"   members "cv" and "search" of `train --json`
 *     "saved"      the model's file, or null
 *     "result"     as `train --json`, or null if the run has none
 *     "error"      {"status", "message"} of a run that diverged, or null
 *     "signal"     what asked the run to end, or null
 *     "notes"      what the run said of itself
 */
#ifndef CLI_REPORT_PAGE_H
#define CLI_REPORT_PAGE_H

#include <stdio.h>
#include <jansson.h>

/** Write the page. Nothing is allocated. */
void report_page_write(FILE *stream, const json_t *record);

#endif
