/**
 * schedule: the learning rate as a function of the step alone (and, for plateau, of the losses at
 * the ends of epochs, see watch.h): any worker can compute it, and so can a run that was resumed.
 *
 * s counts steps from 0, after the warm-up; r is --rate, q --schedule-factor, h the steps of
 * --schedule-every, S the run's steps after the warm-up.
 *
 *     constant     r
 *     step         r q^⌊s/h⌋
 *     exponential  r q^(s/h)
 *     inverse      r / (1 + s/h)^q
 *     cosine       r (q + (1 - q) (1 + cos(π s/S)) / 2)
 *     one-cycle    cosine from r/25 up to r over 30 % of the run, then down to r/250,000
 *     plateau      r × q each time the loss has not fallen for --schedule-every epochs
 *     warm-up      r (step + 1) / (warmup + 1) for step < warmup, whatever follows
 *
 * Sources: cosine I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, without restarts; one-cycle L. Smith,
 * N. Topin, "Super-convergence", arXiv 1708.07120, with the constants and the positions of PyTorch's
 * OneCycleLR; inverse as scikit-learn's "invscaling" with steps in place of examples.
 */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdint.h>

enum schedule_kind {
    SCHEDULE_CONSTANT,
    SCHEDULE_STEP,
    SCHEDULE_EXPONENTIAL,
    SCHEDULE_INVERSE,
    SCHEDULE_COSINE,
    SCHEDULE_ONE_CYCLE,
    SCHEDULE_PLATEAU,
    SCHEDULE_COUNT
};

struct schedule {
    enum schedule_kind kind;
    double rate;     /* r */
    double factor;   /* q */
    double every;    /* h, in steps, above 0 */
    uint64_t warmup; /* steps */
    uint64_t steps;  /* of the whole run, warm-up included */
};

/** The rate of update `step`, counted from 0. */
double schedule_rate(const struct schedule *schedule, uint64_t step);

/** Does the schedule need to know how many steps there will be? */
int schedule_needs_end(enum schedule_kind kind);

#endif
