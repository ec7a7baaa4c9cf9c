/**
 * exchange: how the ranks of a run make one update of their sums of weight deltas.
 *
 * The block of parameters is cut into parts, and each part into slices, one a rank. A rank comes to
 * the sums of a few subtrees of the tree of shards (shard_plan.h). For each part
 *
 *     sums       every rank sends, of each of its sums, what lies in r's slice to rank r
 *     update     r adds what it has got and its own in the order of the tree, and updates its slice
 *     weights    every rank sends its slice to all
 *
 * which is what a ring's reduce-scatter and all-gather move, 2 (R - 1) / R blocks a rank, if every
 * rank has one sum: if the shards of a batch are a multiple of the ranks by a power of two, or many.
 *
 * Nobody waits for a message before its content is needed. Back-propagation knows the deltas from
 * the end of the block to its begin, and a part's sums leave as soon as all workers know it; the
 * weights come while the next forward pass, from the begin of the block on, is under way:
 *
 *     backward   part 2 known, sent | part 1 known, sent | part 0 known, sent
 *     update     part 2 there, updated, sent | part 1 … | part 0 …
 *     forward    part 0 there, used | part 1 there, used | part 2 there, used
 *
 * Messages move when worker 0, the only one that speaks to the cluster, calls anything here; the
 * passes do in between. Workers do not meet for that: each tells how far it is by a number that
 * only grows.
 *
 * Before the update ranks tell each other the losses of their shards and what else all of them must
 * decide alike. A recipe that needs a number made of all weight deltas before the first update is
 * given a single part, whose slices are whole pieces of PASS_PIECE reals, so that Σ g² of a piece is
 * one rank's.
 */
#ifndef TRAIN_EXCHANGE_H
#define TRAIN_EXCHANGE_H

#include "pass/pass.h"
#include "train/shard_plan.h"

struct exchange;

/** What is exchanged, and for whom. Everything must stay. */
struct exchange_setup {
    const struct shard_plan *plan[2]; /* of a whole batch and of an epoch's last, or NULL */
    size_t packed;                    /* reals of a block */
    bool whole;                       /* in a single part */
    const struct passes *passes;
    const void *kernels;
    int workers;          /* as many as the plans' */
    void *const *partial; /* as the plans' own programs name them */
    void *W;
};

/** What a rank tells the others in a step, besides its shards' losses, and what it gets to know. */
struct exchange_word {
    double size;    /* Σ |G|: added up over the ranks, in their order */
    unsigned flags; /* of a few bits: those that any rank has set */
};

/** Bytes that are received for the own slices in a step of any of the plans. */
size_t exchange_bytes(const struct exchange_setup *setup);

/** Collective. HEDDLE_E_MEMORY. */
heddle_status exchange_create(const struct exchange_setup *setup, struct exchange **exchange,
                              heddle_error *err);

/** Collective, as what is under way must come to its end. */
void exchange_free(struct exchange *exchange);

/** Reals of a block that slices need: `packed` filled up to whole pieces. */
size_t exchange_block(size_t packed);

/* ---------------------------------------------------------------- a step, by every worker ----- */

/** A step of plan `which` begins; the partial sums may be written once all weights are there. */
void exchange_begin(struct exchange *exchange, int which, int w);

/** Wait until weights [0, end) of the block are there. */
void exchange_need(struct exchange *exchange, int w, size_t end);

/** Worker w knows its partial sums from real `begin` on. */
void exchange_known(struct exchange *exchange, int w, size_t begin);

/** After a meeting of workers that know all: sum what is left to sum. */
void exchange_rest(struct exchange *exchange, int w);

/** Parts, to be updated in the order … 2, 1, 0. */
size_t exchange_parts(const struct exchange *exchange);

/** The own slice of a part: reals [begin, end), and what the plan's program names, from begin on. */
struct exchange_slice {
    size_t begin, end;
    void *const *partial;
};
struct exchange_slice exchange_slice(const struct exchange *exchange, size_t part);

/** Wait until the sums of a part are there. */
void exchange_await(struct exchange *exchange, int w, size_t part);

/** Worker w has updated what is its in the own slice of a part. */
void exchange_updated(struct exchange *exchange, int w, size_t part);

/* ---------------------------------------------------------------- by worker 0, collective ----- */

/**
 * After a meeting that followed exchange_rest(): shard_loss (shards) comes with the own shards'
 * losses and leaves with all; so does *word.
 */
void exchange_words(struct exchange *exchange, double *shard_loss, struct exchange_word *word);

/** After a meeting of workers that have updated all parts: the rest of the weights is on its way. */
void exchange_weights(struct exchange *exchange);

/** A block's slices, each from its owner, to all. */
void exchange_gather(struct exchange *exchange, void *block);

/** Σ g² of the pieces, each from its owner, to all; of a single part. */
void exchange_squares(struct exchange *exchange, double *squares);

/** *where is the first real that any rank found, SIZE_MAX of those that found none. */
void exchange_first(struct exchange *exchange, size_t *where);

#endif
