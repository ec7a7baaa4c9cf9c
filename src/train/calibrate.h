/**
 * calibrate: how many workers a run is worth, when nobody has said. The weights do not depend on
 * it, so it may be found out by trying.
 */
#ifndef TRAIN_CALIBRATE_H
#define TRAIN_CALIBRATE_H

#include "train/trainer.h"
#include "train/workers.h"

/** Will calibrate() try steps, for which it takes a copy of the weights? */
bool calibrate_tries(const struct run_recipe *run, const struct dataset *set,
                     const struct plan *plan);

/**
 * Let `workers` have as many workers as make this run fastest: steps are timed on a copy of the
 * first weights with 1, 2, 4 … the planned number, and of those within 3 % of the fastest the
 * fewest are kept. plan->why then says what was measured. Nothing is tried
 * - if the user gave the number (plan->fixed) or there is one worker only;
 * - if the whole run is a matter of milliseconds: one worker;
 * - if the run is only a few long steps: all workers.
 *
 * values  first weights, plain order; only read
 *
 * A trial that fails (memory, divergence) is no failure: the run itself will tell. Returns
 * HEDDLE_OK, or what plan_create() and team_create() return.
 */
heddle_status calibrate(const struct run_recipe *run, const struct dataset *set, enum bind bind,
                        size_t max_memory, const double *values, struct workers *workers,
                        heddle_error *err);

#endif
