/** workers: the team and the kernels of a call, and the work they do together outside a run. */
#ifndef TRAIN_WORKERS_H
#define TRAIN_WORKERS_H

#include "data/dataset.h"
#include "data/preprocess.h"
#include "machine/team.h"
#include "train/recipe.h"

struct workers {
    struct topology *topology;
    struct plan *plan;
    struct team *team;
    enum isa isa;
};

/** Look at the machine and start a team; recipe may be NULL. threads 0: not given. */
heddle_status workers_create(const heddle_recipe *recipe, int threads, struct workers *workers,
                             heddle_error *err);
void workers_done(struct workers *workers);

/**
 * Run body(context, w) on `count` of the workers (fewer if there are fewer) at the same time, each
 * with a team of one to work with: (*one)[w], which is there while body runs. Worker 0 is the
 * caller. HEDDLE_E_MEMORY, HEDDLE_E_THREADS.
 */
heddle_status workers_apart(const struct workers *all, size_t count, enum bind bind,
                            void (*body)(void *context, int w), void *context, struct workers **one,
                            heddle_error *err);

/**
 * Outputs (rows, n[L]) of a data set for weights `values` in plain order; outputs is the caller's.
 */
heddle_status workers_predict(struct workers *workers, const struct shape *shape,
                              const double *values, const struct dataset *set, double *outputs,
                              heddle_error *err);

/** The score of a data set that has targets. */
heddle_status workers_score(struct workers *workers, const struct shape *shape, enum loss loss,
                            const double *values, const struct dataset *set,
                            const struct preprocess *preprocess, bool sum, heddle_score *score,
                            heddle_error *err);

#endif
