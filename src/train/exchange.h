/**
 * exchange: how the ranks of a run make one update of their sums of weight deltas.
 *
 * Rank r owns a slice of the parameters. Each rank comes to the sums of a few subtrees of the tree
 * of shards (shard_plan.h). A step is
 *
 *     sums       every rank sends, of each of its sums, the piece in r's slice to rank r
 *     update     r adds what it has got and its own in the order of the tree, and updates its slice
 *     weights    every rank sends its slice to all
 *
 * which is what a ring's reduce-scatter and all-gather move, 2 (R - 1) / R blocks a rank, if every
 * rank has one sum: if the shards of a batch are a multiple of the ranks by a power of two, or many.
 * With the sums travel the losses of the shards and what else all ranks must decide alike.
 *
 * Slices are whole pieces of PASS_PIECE reals, so that Σ g² of a piece is one rank's.
 */
#ifndef TRAIN_EXCHANGE_H
#define TRAIN_EXCHANGE_H

#include "pass/pass.h"
#include "train/shard_plan.h"

struct exchange;

/** What a rank tells the others in a step, besides its shards' losses, and what it gets to know. */
struct exchange_word {
    double size;    /* Σ |G|: added up over the ranks, in their order */
    unsigned flags; /* of a few bits: those that any rank has set */
};

/** Bytes that are received for the own slice in a step of any of the plans (NULL: none). */
size_t exchange_bytes(const struct shard_plan *const plan[2], size_t packed, size_t real_size);

/**
 * Collective. plan: of a whole batch and of an epoch's last (or NULL). partial: as the plans' own
 * programs name them; they must stay. HEDDLE_E_MEMORY.
 */
heddle_status exchange_create(const struct shard_plan *const plan[2], size_t packed,
                              size_t real_size, void *const *partial, struct exchange **exchange,
                              heddle_error *err);
void exchange_free(struct exchange *exchange);

/** Reals of a block that slices need: `packed` filled up to whole pieces. */
size_t exchange_block(size_t packed);

/** The own slice, in reals. */
void exchange_slice(const struct exchange *exchange, size_t *begin, size_t *end);

/** What the program of plan `which` names, from the own slice's first real on. */
void *const *exchange_sums_of(const struct exchange *exchange, int which);

/**
 * Collective: the sums of plan `which` are there. shard_loss (shards) comes with the own shards'
 * losses and leaves with all; so does *word.
 */
void exchange_sums(struct exchange *exchange, int which, double *shard_loss,
                   struct exchange_word *word);

/** Collective: a block's slices, each from its owner, to all. */
void exchange_weights(struct exchange *exchange, void *block);

/** Collective: Σ g² of the pieces, each from its owner, to all. */
void exchange_squares(struct exchange *exchange, double *squares);

/**
 * Collective: *where is the first real that a rank found (or SIZE_MAX if it found none) of the first
 * rank that found any; SIZE_MAX: none did.
 */
void exchange_first(struct exchange *exchange, size_t *where);

#endif
