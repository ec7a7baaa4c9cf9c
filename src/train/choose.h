/**
 * choose: how strongly a network's weights are held back, found out by cross-validation.
 *
 * What suits best depends on how noisy the data are, which only rows that were not trained on can
 * tell: clean data lose by a penalty, noisy ones without it. With no option given, small data are
 * therefore trained on some times in short before they are trained on in earnest.
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

/**
 * Choose among run->l2 / 10, run->l2 (the middle one) and 10 run->l2; for classes run->l2 / 100 too,
 * without which spirals are not learned. Small tables of numbers are too noisy for it.
 *
 * run        resolved with the middle candidate
 * data       its rows to train on, and what they count for
 * values     first weights, plain order; only read
 * workers    who works: several runs at a time, each by one of them; `lent`: one after the other
 *            by all of them, and so with several ranks
 * callbacks  stop is asked; NULL allowed
 * l2         out: the choice
 * why        out (size bytes): what was found, for people
 *
 * HEDDLE_E_MEMORY, HEDDLE_E_THREADS, HEDDLE_E_STOPPED: a callback asked for it.
 */
heddle_status choose_l2(const struct run_recipe *run, const struct encoded *data,
                        const double *values, struct workers *workers, bool lent, enum bind bind,
                        size_t max_memory, const heddle_callbacks *callbacks, double *l2, char *why,
                        size_t size, heddle_error *err);

#endif
