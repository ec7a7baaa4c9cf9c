/**
 * watch: what the losses at the ends of epochs decide: when to lower the rate (plateau), which
 * weights are the best so far, and when to give up (patience). One worker keeps it, all obey.
 */
#ifndef TRAIN_WATCH_H
#define TRAIN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/** All there is to remember; begin with watch_begin(). */
struct watch {
    double best;         /* lowest loss so far */
    uint64_t waited;     /* epochs since */
    double plateau_best; /* the same for the plateau, with its threshold */
    uint64_t plateau_waited;
    double factor;  /* what the rate is multiplied by */
    bool improved;  /* the last loss was the lowest */
    bool exhausted; /* patience has run out */
};

void watch_begin(struct watch *watch);

/**
 * The loss at the end of an epoch. patience 0: never exhausted. plateau 0: the rate stays; else
 * after so many epochs without a loss below (1 - 1e-4) times the best (PyTorch's threshold),
 * `factor` is multiplied by plateau_factor and the count starts again. As in PyTorch, the drop
 * comes with the first epoch *more* than `plateau`.
 */
void watch_epoch(struct watch *watch, double loss, uint64_t patience, uint64_t plateau,
                 double plateau_factor);

#endif
