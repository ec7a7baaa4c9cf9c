/**
 * score: outputs and losses of a data set's rows, and what they are worth.
 *
 * Rows are cut into blocks of SCORE_BLOCK; a block's sums are chains, blocks are joined by the
 * fixed tree of base/sum.h, so a score does not depend on who computed which block.
 */
#ifndef TRAIN_SCORE_H
#define TRAIN_SCORE_H

#include "data/dataset.h"
#include "data/preprocess.h"
#include "kernel/dispatch.h"
#include "machine/team.h"
#include "network/shape.h"
#include "pass/pass.h"

enum { SCORE_BLOCK = 64 };

/** Outputs of all rows, computed by all workers of a team. */
struct scorer;

/** wants_loss: the set has targets. All memory is taken here. */
heddle_status scorer_create(const struct shape *shape, enum loss loss, const struct dataset *set,
                            enum isa isa, int workers, bool wants_loss, struct scorer **scorer,
                            heddle_error *err);
void scorer_free(struct scorer *scorer);

/**
 * Let each rank score its part of the rows, where all would score all; scorer_gather() must then
 * follow. HEDDLE_E_MEMORY is the only failure.
 */
heddle_status scorer_spread(struct scorer *scorer, heddle_error *err);

/** Worker w's share, for weights W (packed). Call from every worker, then meet at a barrier. */
void scorer_work(struct scorer *scorer, const void *W, int worker);

/** Collective, after the barrier, by one thread: all ranks have the outputs of all. */
void scorer_gather(struct scorer *scorer);

/** After that: mean loss over the rows (their sum if `sum`). */
double scorer_loss(const struct scorer *scorer, bool sum);

/** After that: outputs (rows, n[L]). */
const double *scorer_outputs(const struct scorer *scorer);

/** Accuracy, or R² (mean over the targets; scaling does not matter to it). */
double scorer_headline(const struct scorer *scorer);

/** Everything, in the targets' own units. HEDDLE_E_MEMORY is the only failure. */
heddle_status scorer_score(const struct scorer *scorer, const struct preprocess *preprocess,
                           bool sum, heddle_score *score, heddle_error *err);

/** The class that a row of outputs says: the largest, or one output's half. */
size_t output_class(const double *outputs, size_t width);

#endif
