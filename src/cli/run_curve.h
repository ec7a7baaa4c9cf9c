/**
 * run_curve: a run's learning curve, kept while it goes on, in room that does not grow: of a long
 * run neighbours are put together, so that it costs a few operations a step and never memory.
 */
#ifndef CLI_RUN_CURVE_H
#define CLI_RUN_CURVE_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "heddle.h"

enum { CURVE_POINTS = 512 }; /* of either kind, at most */

/** What a curve keeps of a report. */
struct curve_report {
    uint64_t step;
    double loss, rate, validation_loss, validation_score, seconds;
};

struct run_curve {
    uint64_t rows, batch, steps_per_epoch; /* trained on; of a step but an epoch's last */
    uint64_t first, last;                  /* steps done before this process; the newest step */
    uint64_t begin;      /* from where on there are reports: `first`, or less with earlier ones */
    uint64_t width, end; /* steps of a point; the last step of the newest point */
    size_t points;
    double loss[CURVE_POINTS];  /* sums over the steps of each point */
    double early[CURVE_POINTS]; /* of each of the first steps: a run may end soon */
    uint64_t every, seen;       /* of the reports each `every`-th is kept; there were `seen` */
    size_t reports;
    struct curve_report report[CURVE_POINTS];
    struct curve_report newest;
    struct curve_report best; /* of the lowest validation loss; step 0: none */
    bool tutorial, has_validation;
};

/** The run is about to begin. */
void run_curve_begin(struct run_curve *curve, const heddle_start *start);

/** A step was made, the loss summed over its batch. */
void run_curve_step(struct run_curve *curve, uint64_t step, double loss);

void run_curve_report(struct run_curve *curve, const heddle_report *report);

/**
 * The curve as an object:
 *
 *     "steps_per_epoch", "last", "tutorial", "validated"
 *     "resumed": steps done before this process; "begin": from where on the curve is
 *     "training": [[step, mean loss of the steps up to it], …], of earlier ones the reports'
 *     "reports": [{"step", "loss", "rate", "validation_loss", "validation_score", "seconds"}, …]
 *     "reports_made": how many there were before some were left out
 *     "best": the one with the lowest validation loss, or null
 *
 * sum: losses are sums over a pass, not means over its rows. broken: the run diverged, so the last
 * steps matter, however few they are.
 */
json_t *run_curve_json(const struct run_curve *curve, bool sum, bool broken);

#endif
