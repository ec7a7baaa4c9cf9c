/**
 * run_earlier: what came before a run went on from a checkpoint, from the log of the process that
 * did it: it is there until the log of this one is written over it.
 */
#ifndef CLI_RUN_EARLIER_H
#define CLI_RUN_EARLIER_H

#include "heddle.h"
#include "run_curve.h"

/**
 * Give the curve, which has just begun, the reports of the log at `path` (NULL: none) up to where
 * this run begins. A file that is no log, or that of another network or of other data, gives none.
 */
void run_earlier_read(struct run_curve *curve, const char *path, const heddle_start *start);

#endif
