/**
 * progress: a run's reports for people, on stderr. On a terminal one line is rewritten in place;
 * else each report is a line. The tutorial's reports are always lines: its own.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "heddle.h"

enum progress_style { PROGRESS_NONE, PROGRESS_LINES, PROGRESS_IN_PLACE };

struct progress {
    enum progress_style style;
    size_t rows;  /* rows of a pass over the data, for the speed */
    size_t shown; /* columns of the line that stands on the terminal; 0: none */
    double due;   /* seconds of training before which the line stays as it is */
};

/** mode is --progress: "auto", "always" (in place even if stderr is no terminal), "never". */
void progress_begin(struct progress *progress, const char *mode, bool quiet, size_t rows);
void progress_show(struct progress *progress, const heddle_report *report);

/** So many of a search's runs are done. */
void progress_runs(struct progress *progress, size_t done, size_t runs);

/** So many of the runs that choose --l2 are done: for who waits at a terminal. */
void progress_choosing(struct progress *progress, size_t done, size_t runs);

/** Make room for a message: the line that stands is wiped and will be drawn again. */
void progress_wipe(struct progress *progress);

/** Leave the line that stands, and go to the next. */
void progress_end(struct progress *progress);

#endif
