/**
 * shard_plan: who computes which shards of a batch, and how the partial sums are put together.
 *
 * A batch of B examples is S = ceil(B / K) shards. Worker w of T takes the contiguous run of shards
 * [S w / T, S (w + 1) / T), cut into chunks that fit a workspace. What it keeps are the sums of
 * maximal aligned subtrees: a subtree of level v is the 2^v shards from a multiple of 2^v on. The
 * tree over all shards is the same whoever computes which part of it:
 *
 *     S = 7, T = 2            ((0+1) + (2+3)) + ((4+5) + 6)
 *     worker 0: 0 1 2         keeps (0+1), 2
 *     worker 1: 3 4 5 6       keeps 3, (4+5), 6
 *     program                 (0+1) 2 3 + +  (4+5) 6 +  +
 *
 * Workers that divide the weight deltas by weights add up nothing of each other's: whose examples
 * they are does not matter then, and each takes a run of them through the passes, wherever shards
 * begin.
 */
#ifndef TRAIN_SHARD_PLAN_H
#define TRAIN_SHARD_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "heddle.h"
#include "pass/pass.h"

/** More partial sums than a worker can come to hold: two for every level of a tree of 2^32. */
enum { PARTIALS_MAX = 80 };

/** A block of examples that one worker takes through the passes at once. */
struct chunk {
    size_t first; /* example of the batch */
    size_t examples;
    size_t first_shard;
    struct shard_run
        run;      /* its shards, `end` counted from `first`; none where weights are divided */
    int *partial; /* (run_places) which of the worker's partial sums the run has for G */
};

struct worker_share {
    struct chunk *chunk;
    size_t chunks;
    size_t examples;
};

struct shard_plan {
    size_t batch, shard, shards;
    double mean; /* 1 / batch */
    int rank, ranks;
    size_t *begin;              /* (ranks + 1) first shard of each rank */
    int workers;                /* of this rank */
    size_t capacity;            /* most examples of a chunk */
    struct worker_share *share; /* (workers) */
    struct shard_run whole;     /* all shards of the batch, joined to one sum; a single rank's */
    struct spread spread;       /* where weights are divided: the shares once more */
    int partials;               /* most partial sums that a worker holds at a time */

    /*
     * The sum over the whole batch. One rank: entry k is partial k % PARTIALS_MAX of worker
     * k / PARTIALS_MAX (the first is all, where weights are divided). More: entry k is sum k % PARTIALS_MAX of rank k / PARTIALS_MAX.
     */
    struct sum_program program;

    /* More than one rank: */
    size_t *sums;            /* (ranks) how many sums of subtrees each rank comes to */
    struct sum_program *own; /* (sums[rank]) each of this rank's, of its workers' partials; its
                                place is the first partial it names */
    void *memory;
};

/** Plan a batch. chunk: most examples a workspace should hold; rounded to 2^v shards, at least 1. */
heddle_status shard_plan_create(size_t batch, size_t shard, int workers, size_t chunk,
                                struct shard_plan **plan, heddle_error *err);

/**
 * The same for one rank of several: it takes shards [begin[rank], begin[rank + 1]), which its
 * workers share as those of a single rank share all, and comes to the sums of the maximal aligned
 * subtrees of that run. A rank may have none.
 */
heddle_status shard_plan_create_for(size_t batch, size_t shard, int rank, int ranks, int workers,
                                    size_t chunk, struct shard_plan **plan, heddle_error *err);

/**
 * The same for one rank whose workers divide the weight deltas by weights: all shards are in
 * `whole`, and each worker's examples in one chunk that begins at a multiple of SPREAD_UNIT.
 */
heddle_status shard_plan_create_spread(size_t batch, size_t shard, int workers,
                                       struct shard_plan **plan, heddle_error *err);

/** Examples that are worth a worker: a tile of the forward pass. */
enum { SPREAD_UNIT = 8 };

/** The most workers that have examples of a batch then, and the most examples that one of them has. */
size_t spread_workers(size_t batch);
size_t spread_examples(size_t batch, int workers);

void shard_plan_free(struct shard_plan *plan);

#endif
