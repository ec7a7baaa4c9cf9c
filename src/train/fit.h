/** fit: from tables to a model, for one run by itself and for the many of a search. */
#ifndef TRAIN_FIT_H
#define TRAIN_FIT_H

#include "train/encode.h"
#include "train/workers.h"

/** What heddle_train() is asked for, and what only a search asks for. */
struct fit_request {
    const heddle_recipe *recipe;
    const heddle_table *table, *validation, *test;
    const heddle_model *initial;
    const heddle_callbacks *callbacks;
    const struct fold *fold; /* the rows to hold out, or NULL: as the recipe says */
    bool one_of_many;        /* a run of a search: it has no checkpoint */
    struct workers *lent;    /* who works, and neither they nor the machine are measured; or NULL */
};

/** As heddle_train(). */
heddle_status fit(const struct fit_request *request, heddle_model **model, heddle_result *result,
                  heddle_error *err);

/**
 * Does what a run will take, its encoded rows and checkpoints included but not its tables, keep
 * within the recipe's max-memory, and is what it will take beyond its rows to be had?
 * HEDDLE_E_MEMORY. Other ranks on the same machine are not reckoned with.
 */
heddle_status fit_check_memory(const struct fit_request *request, const struct run_recipe *run,
                               const struct encoded *data, const struct workers *workers,
                               heddle_error *err);

/** As heddle_train_estimate(). */
heddle_status fit_estimate(const struct fit_request *request, heddle_estimate *estimate,
                           heddle_error *err);

#endif
