/**
 * trainer: the run itself. Plan → steps of gather, passes, reduction, update → stopping.
 *
 * One team works through the whole run in one parallel region. A step is two meetings:
 *
 *     each worker: its shards' forward pass, loss, back-propagation → its partial sums
 *     ---- barrier: all partial sums and losses are there; all workers decide the same
 *     each worker: its slice of the parameters: sum in tree order, update
 *     ---- barrier: the weights are new
 *
 * Where wide layers of a small batch are divided by units (pass/by_units.c) there are meetings within
 * the passes besides, and no partial sums.
 *
 * With several ranks sums leave for them and weights come from them while the passes go on
 * (exchange.h); after the first meeting worker 0 makes the losses known to all.
 *
 * At the end of an epoch the workers score the validation rows together, and worker 0 reports and
 * makes the next order of the rows.
 */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "data/dataset.h"
#include "machine/team.h"
#include "train/lbfgs.h"
#include "train/recipe.h"
#include "train/watch.h"

/** How far a run came. */
struct run_outcome {
    uint64_t steps, epochs;
    double loss;
    double seconds;    /* of training alone */
    uint64_t examples; /* taken through the passes */
    bool stopped, min_error;
    bool impatient;      /* --patience ran out */
    bool late;           /* --time-limit was reached */
    bool converged;      /* L-BFGS has nothing left to gain */
    uint64_t best_epoch; /* whose weights are the model's, counted from 1; 0: the last */
    bool good;           /* of a run that diverged: some weights had a finite loss */
    uint64_t good_steps; /* …the best of them after so many steps */
};

/** The blocks of packed parameters that a run carries from step to step. */
enum {
    STATE_WEIGHTS,
    STATE_FIRST,
    STATE_SECOND,
    STATE_BEST,
    STATE_LBFGS, /* the first of LBFGS_BLOCKS */
    STATE_BLOCKS = STATE_LBFGS + LBFGS_BLOCKS
};

/**
 * Where a run stands between two steps. With the recipe and the data it decides all that follows,
 * so a run that is begun from here ends with the bits of one that was never interrupted.
 */
struct run_state {
    uint64_t steps, epochs;
    uint64_t row;      /* place in the epoch's order where the next batch begins */
    double epoch_loss; /* summed since the epoch's first row */
    double loss;       /* mean, as a report would tell it */
    struct watch watch;
    uint64_t best_epoch;       /* whose weights STATE_BEST are, from 1; 0: none yet */
    bool reached;              /* min-error */
    struct lbfgs_state lbfgs;  /* used if the run has those blocks */
    void *block[STATE_BLOCKS]; /* NULL: the run has none */
};

/** Which of the blocks a run has. */
void run_state_blocks(const struct run_recipe *run, bool validates, bool has[STATE_BLOCKS]);

/** Keeps the states of a run; worker 0 asks. */
struct keeper {
    void *user;
    /** Is it time to keep the state, by the clock or because someone asks? Asked once a step. */
    bool (*asked)(void *user);
    uint64_t every_steps, every_epochs; /* 0: not by counting */
    /** Keep this; `last`: the run is over. The blocks are the run's. */
    void (*keep)(void *user, const struct run_state *state, bool last);
    const struct run_state *begin; /* go on from there, or NULL: from the beginning */
};

/**
 * Train.
 *
 * values      in: first weights, plain order (weights.h); out: the trained ones
 * validation  rows to watch, or NULL
 * callbacks   NULL allowed
 * keeper      NULL allowed
 *
 * HEDDLE_E_DIVERGED: outcome->steps says in which step, and `values` are the best weights before
 * that, after outcome->good_steps; of no use if outcome->good does not say so;
 * HEDDLE_E_MEMORY, HEDDLE_E_THREADS.
 */
heddle_status trainer_run(const struct run_recipe *run, const struct dataset *set,
                          const struct dataset *validation, struct team *team, enum isa isa,
                          size_t max_memory, const heddle_callbacks *callbacks,
                          const struct keeper *keeper, double *values, struct run_outcome *outcome,
                          heddle_error *err);

/**
 * Pieces that the work of a batch is cut into for so many workers: its shards; or, where
 * weight deltas are divided by weights, so that it does not matter whose rows they are, SPREAD_UNIT
 * rows, of a block of units if layers are divided by units.
 */
size_t trainer_pieces(const struct run_recipe *run, int workers);

/** The most workers of this rank that have a piece each. */
size_t trainer_feeds(const struct run_recipe *run);

/** What a run takes while it lasts, in bytes, besides the data. */
struct trainer_memory {
    size_t weights;
    size_t states;   /* the optimizer's */
    size_t partials; /* sums of weight deltas, of all workers */
    size_t foreign;  /* sums of other ranks, for the part of the parameters that is updated here */
    size_t workspaces; /* of all workers */
    size_t order;      /* of the rows, and the losses of the shards */
    size_t others;     /* weights put aside, and what only some recipes need: a mask, the best */
};

/**
 * Work it out for so many rows and a team of so many workers, as trainer_run() will take it.
 *
 * validates  will there be a validation set?
 */
heddle_status trainer_memory(const struct run_recipe *run, size_t rows, bool validates, int workers,
                             struct trainer_memory *memory, heddle_error *err);

/** The passes' view of a data set. */
struct examples examples_of(const struct dataset *set);

#endif
