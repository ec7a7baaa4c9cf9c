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
