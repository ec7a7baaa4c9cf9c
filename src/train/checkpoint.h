/**
 * checkpoint: the state of a run (trainer.h) as a file, and back.
 *
 * The file is a model file (model.h) of the weights at that step, with more in it:
 *
 *     tensor run.state      F64: the numbers of struct run_state in their order
 *     tensor run.first, run.second, run.best   the blocks the run has, plain order
 *     tensor run.lbfgs, run.gradient, run.s0 …, run.y0 …   those of L-BFGS (lbfgs.h)
 *     "data", "validation"  fingerprints of the rows trained on and watched
 *     "initial"             sha256 of the model the run began from, if it did from one
 *     "sums"                RUN_SUMS, if sums over all weights decide in the run
 *     "options"             JSON of the options as given, to name the one that differs
 *
 * and the digest over everything. Threads, kernels and paths are not in it: any machine can go on.
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "train/encode.h"
#include "train/fingerprint.h"
#include "train/recipe.h"
#include "train/trainer.h"

/** What a checkpoint must agree with. The pointers are the caller's. */
struct checkpoint_owner {
    const heddle_recipe *recipe;
    const struct run_recipe *run;
    const struct preprocess *preprocess;
    bool validates;
    char data[FINGERPRINT_SIZE], validation[FINGERPRINT_SIZE];
    char initial[FINGERPRINT_SIZE]; /* or "" */
};

/** Writes the checkpoints of a run. */
struct checkpoint_writer;

/** Bytes that writing checkpoints takes, and reading one takes until the run is over. */
size_t checkpoint_write_bytes(const struct run_recipe *run, bool validates);
size_t checkpoint_read_bytes(const struct run_recipe *run, bool validates);

/** HEDDLE_E_MEMORY. */
heddle_status checkpoint_writer_create(const struct checkpoint_owner *owner,
                                       struct checkpoint_writer **writer, heddle_error *err);
void checkpoint_writer_free(struct checkpoint_writer *writer);

/** Write path; the one that was there stays as path.previous. HEDDLE_E_CREATE, _IO, _MEMORY. */
heddle_status checkpoint_write(struct checkpoint_writer *writer, const struct run_state *state,
                               const char *path, heddle_error *err);

/**
 * Read a state; its blocks are the caller's, to be released by checkpoint_state_done(), which takes
 * a zeroed one too.
 *
 * HEDDLE_E_OPEN, HEDDLE_E_DATA (damaged, or no checkpoint), HEDDLE_E_MEMORY; HEDDLE_E_RESUME: it
 * belongs to another run, and the text names what differs.
 */
heddle_status checkpoint_read(const char *path, const struct checkpoint_owner *owner,
                              struct run_state *state, heddle_error *err);
void checkpoint_state_done(struct run_state *state);

/** The shard of the run that wrote path; 0: that cannot be read, as checkpoint_read() will say. */
size_t checkpoint_shard(const char *path);

#endif
