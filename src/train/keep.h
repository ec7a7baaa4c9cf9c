/**
 * keep: the recipe's `checkpoint`, `checkpoint-every` and `resume`: when the state of a run is
 * written, and which state it goes on from.
 */
#ifndef TRAIN_KEEP_H
#define TRAIN_KEEP_H

#include "train/checkpoint.h"
#include "train/workers.h"

struct keep {
    struct keeper keeper; /* for trainer_run() */
    struct checkpoint_owner owner;
    struct checkpoint_writer *writer;
    const char *path; /* of the checkpoints; NULL: none are wanted */
    const heddle_callbacks *callbacks;
    struct run_state from; /* to go on from */
    bool resumed;
    bool own;                   /* …from a file that the next checkpoint takes the place of */
    const char *source;         /* "", or what is behind the name of that file */
    double seconds, written_at; /* by the clock: so often, the last time */
    uint64_t written, before;   /* steps of the last one written and of the previous; 0: none */
    heddle_status status;       /* of the last try */
};

/**
 * Read the checkpoint to go on from, if one is asked for, prepare to write others, and tell
 * callbacks->begin what the run will be. initial is the model that the run begins from, or NULL.
 * *keeper is what trainer_run() takes: NULL if nothing is kept or resumed. Release with keep_done()
 * in any case; keep, recipe, run and data must stay where they are until then.
 *
 * HEDDLE_E_ARGUMENT (resume auto without a checkpoint), HEDDLE_E_CREATE, what checkpoint_read()
 * returns. `resume auto` falls back to the previous checkpoint if the last is damaged, and starts
 * anew if there is none at all; notes say so.
 */
heddle_status keep_begin(struct keep *keep, const heddle_recipe *recipe,
                         const struct run_recipe *run, const struct encoded *data,
                         const heddle_model *initial, struct workers *workers,
                         const heddle_callbacks *callbacks, const struct keeper **keeper,
                         heddle_error *err);
void keep_done(struct keep *keep);

/** The shard of the run that this one goes on with, so that another default is no other run; or 0. */
size_t keep_shard(const heddle_recipe *recipe);

/**
 * The run diverged in a step, as err says (NULL allowed): say there which good state is left. That
 * of the step before is none: it is what was not finite.
 */
void keep_diverged(const struct keep *keep, uint64_t step, heddle_error *err);

#endif
