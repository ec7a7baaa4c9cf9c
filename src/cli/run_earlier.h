/**
 * run_earlier: what came before a run went on from a checkpoint, from the log of the processes that
 * did it. A log that is none, or that of another network, other data or another recipe, has nothing
 * of it.
 */
#ifndef CLI_RUN_EARLIER_H
#define CLI_RUN_EARLIER_H

#include "heddle.h"
#include "run_curve.h"

/** Give the curve, which has just begun, the reports of the log at `path` (NULL: none). */
void run_earlier_read(struct run_curve *curve, const char *path, const heddle_start *start);

/** How many bytes of the log at `path` tell of the steps before this run goes on; 0: none. */
size_t run_earlier_length(const char *path, const heddle_start *start);

#endif
