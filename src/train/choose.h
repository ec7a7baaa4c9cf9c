/**
 * choose: how strongly a network's weights are held back, and for few rows of numbers how wide it
 * is, found out by cross-validation.
 *
 * What suits best depends on how noisy the data are, which only rows that were not trained on can
 * tell: clean data lose by a penalty, noisy ones without it; a curve takes more units than a trend.
 * With no option given, small data are therefore trained on some times in short before they are
 * trained on in earnest.
 *
 * With a class's cross-entropy or half a squared error as each row's loss, L2 with c / rows is a
 * normal prior of variance 1 / c on every weight, so the candidates are c / rows too. The middle one
 * is taken unless another is better on the rows held out by more than a standard error of the
 * difference: few rows cannot tell small differences. Better is first who finds more of the
 * classes, then whose loss is lower.
 *
 * Source: M. Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", JRSS B 36
 * (1974) 111-147; the standard error as threshold: L. Breiman et al., "Classification and
 * Regression Trees" (1984).
 */
#ifndef TRAIN_CHOOSE_H
#define TRAIN_CHOOSE_H

#include "train/encode.h"
#include "train/workers.h"

/** A network to choose: its run, resolved with the middle candidate, and its first weights. */
struct choose_network {
    const struct run_recipe *run;
    const double *values; /* plain order; only read */
};

enum { CHOOSE_NETWORKS = 2 };

/**
 * How many runs choose() makes at a time, each by one worker: one for each worker, but no more than
 * there are to make, nor than take half of max_memory (0: of what the machine has left); *bytes is
 * what they take. 1 if all workers make each run together: with other ranks, or where two are too
 * many.
 *
 * run   the larger of the networks
 */
size_t choose_at_once(const struct run_recipe *run, const struct dataset *train, size_t workers,
                      size_t max_memory, size_t *bytes);

/**
 * Choose among the networks, each with run->l2 / 10, run->l2 (of the first network: the middle one)
 * and 10 run->l2; for classes run->l2 / 100 too, without which spirals are not learned. Small tables
 * of numbers are too noisy for it.
 *
 * network    the networks (1 … CHOOSE_NETWORKS), the usual one first
 * data       rows to train on, and what they count for
 * workers    who works: several runs at a time, each by one of them, as choose_at_once() says;
 *            `lent`: one after the other by all of them
 * callbacks  stop is asked, choosing is told; NULL allowed
 * chosen     out: which network
 * l2         out: the choice
 * why        out (size bytes): what was found, for people
 *
 * HEDDLE_E_MEMORY, HEDDLE_E_THREADS, HEDDLE_E_STOPPED: a callback asked for it.
 */
heddle_status choose(const struct choose_network *network, size_t networks,
                     const struct encoded *data, struct workers *workers, bool lent, enum bind bind,
                     size_t max_memory, const heddle_callbacks *callbacks, size_t *chosen,
                     double *l2, char *why, size_t size, heddle_error *err);

#endif
