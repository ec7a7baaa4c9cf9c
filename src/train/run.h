/**
 * run: what a run of the trainer is made of while it lasts, for the three files that make it: run.c
 * takes its memory, step.c makes one step, trainer.c goes from the first step to the last.
 */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/random.h"
#include "machine/team.h"
#include "pass/pass.h"
#include "train/exchange.h"
#include "train/score.h"
#include "train/shard_plan.h"
#include "train/trainer.h"
#include "train/watch.h"

/** What ranks tell each other: the run is to end, because it is late; its state is to be kept. */
enum { WORD_STOP = 1, WORD_LATE = 2, WORD_KEEP = 4 };

/** A worker's own things, a cache line apart from the next worker's. */
struct worker {
    struct workspace *ws;
    void *arena;
    size_t arena_bytes;
    void *deltas; /* its partial sums, one block each */
    size_t deltas_bytes;
    double size;  /* Σ |G| of the step */
    size_t where; /* first weight delta of its slice that is not finite; SIZE_MAX: none */
    struct update_rule rule;

    /* With other ranks, what is sent to them while the passes go on. */
    struct run *run;
    int w;
    bool last; /* is the chunk at hand the step's last? */
    struct pass_watcher watcher;
    char pad[64];
};

/** Most examples that a workspace holds, so that memory is bounded; only a single shard may be
    larger. With 256 more of a step goes to partial sums, with 1,024 activations leave the caches. */
enum { RUN_BLOCK = 512 };

struct run {
    const struct run_recipe *recipe;
    const struct dataset *set;
    const struct passes *passes;
    const void *kernels;
    random_stream *stream; /* of random words, for the order of the rows */
    struct examples examples;
    struct team *team;
    int workers;
    struct shard_plan *full, *tail; /* plans of a whole batch and of an epoch's last */
    int slots;                      /* partial sums a worker */
    size_t packed;                  /* reals of a block */
    void *W, *state1, *state2;
    size_t block_bytes;
    void **partial; /* (workers, PARTIALS_MAX) */

    /*
     * Weight deltas are divided among the workers by examples, each summing its own into partials
     * that the update adds up; or, where that moves less, by weights: each worker finds its slice of
     * them from all examples' rows and deltas, which lie here.
     */
    bool by_weights;
    struct operands *operands; /* NULL: by examples */
    size_t operands_bytes;
    struct exchange *exchange; /* with the other ranks; NULL: there are none */
    struct worker *worker;
    size_t capacity;
    double *shard_loss; /* (shards of a batch); by weights: */
    double *each;       /* (batch) losses, since a shard's examples may be of two workers */
    uint32_t *order;    /* (rows), or NULL: as they are */
    size_t asked;       /* rows of the order that are read ahead (worker 0's) */
    bool resident;      /* the batch never changes: gather it once */
    struct scorer *validation;
    const heddle_callbacks *callbacks;
    void *mask;      /* block: 1 for weights, 0 for biases; NULL: no penalties */
    double *plain;   /* weights for reports, or NULL */
    double *squares; /* (pieces) Σ g² for --clip, or NULL */
    void *sums;      /* block: all weight deltas, for --clip where weights are divided; or NULL */
    size_t pieces;
    bool watched;        /* ends of epochs decide something */
    struct watch watch;  /* worker 0's, read by all after a meeting */
    void *best;          /* block: weights of the best epoch, or NULL */
    void *good;          /* block: weights put aside for the case that the run diverges */
    struct lbfgs *lbfgs; /* in place of updates, or NULL */
    const struct keeper *keeper;
    uint64_t first_step; /* steps that were done before this run began */

    /*
     * Written by worker 0 before a meeting and read by all after it. Two of them, so that worker 0
     * cannot write the next answer while another still reads the last one.
     */
    bool stop_step, stop_report;
    bool keep_step;            /* the state is kept after this step */
    struct exchange_word word; /* all ranks' */
    size_t where;              /* the first weight delta, of all ranks, that is not finite */

    /* worker 0's */
    struct run_outcome outcome;
    double pause; /* seconds of reports and validation */
    bool diverged;
    size_t diverged_layer;
};

/** Meet the other workers; alone, at the cost of a look. */
static inline void run_meet(const struct run *run, int w)
{
    if (run->workers > 1) {
        team_barrier(run->team, w, run->workers);
    }
}

/** Worker w's slice of so many reals (a multiple of PACK_UNIT). */
static inline void run_slice_of(const struct run *run, size_t reals, int w, size_t *begin,
                                size_t *end)
{
    if (run->workers == 1) { /* tiny networks notice the divisions */
        *begin = 0;
        *end = reals;
        return;
    }
    size_t units = reals / PACK_UNIT;
    size_t workers = (size_t)run->workers;
    *begin = units * (size_t)w / workers * PACK_UNIT;
    *end = units * ((size_t)w + 1) / workers * PACK_UNIT;
}

/** Worker w's slice of the block of parameters. */
static inline void run_slice(const struct run *run, int w, size_t *begin, size_t *end)
{
    run_slice_of(run, run->packed, w, begin, end);
}

/** The place of real `at` of a block, NULL for none. */
static inline void *run_block(const struct run *run, void *block, size_t at)
{
    return block ? (char *)block + at * run->passes->real_size : NULL;
}

/* ---------------------------------------------------------------- run.c: before and after ----- */

/**
 * Workers of the team that take part. Of a network whose update is not worth sharing: no more than
 * there are shards, nor than the work is worth meeting for; the others sit out. With the environment
 * variable HEDDLE_ALL_WORKERS no work is too little (for tests: the bits are the same).
 */
int run_workers(int workers, const struct run_recipe *recipe);

/** Plan the batches; the recipe, the rows, `block` and `workers` are there. */
heddle_status run_plan(struct run *run, heddle_error *err);

/**
 * Sizes of everything a run writes in; the batches are planned already. (Workers without examples
 * leave their pages untouched.)
 */
struct trainer_memory run_count(struct run *run, bool validates);

/** All memory of a run. */
heddle_status run_take(struct run *run, size_t max_memory, bool validates, heddle_error *err);

/** What the run exchanges with other ranks. */
struct exchange_setup run_exchange_setup(const struct run *run);

/** Give everything back; what was not taken is NULL. */
void run_done(struct run *run);

/* ---------------------------------------------------------------- step.c: by every worker ----- */

/** The passes tell the exchange how far they are. */
void step_watch(struct run *run);

/** Worker w's examples of the batch that begins at row `begin` of the order. */
void step_batch(struct run *run, const struct shard_plan *plan, size_t begin, int w, uint64_t step);

/** What ranks do in the first meeting of a step, once their workers have met. */
void step_meet_ranks(struct run *run, int w);

/**
 * The first meeting of a step: all partial sums and losses are there, those of other ranks too.
 * What ranks decide alike is made of what they told each other.
 */
static inline void step_meet(struct run *run, int w)
{
    run_meet(run, w);
    if (run->exchange) {
        step_meet_ranks(run, w);
    }
}

/** The loss of a batch, after the meeting: its shards' sums in the tree. */
double step_loss(const struct run *run, const struct shard_plan *plan);

/**
 * Are the weight deltas finite, as far as they are known before the update? All workers come to the
 * same answer, whatever their number: Σ |G| below the safe size proves every sum finite; only if it
 * does not, the sums themselves are looked at, which costs a meeting more.
 */
bool step_finite_all(struct run *run, const struct shard_plan *plan, int w); /* the slow answer */
static inline bool step_finite(struct run *run, const struct shard_plan *plan, int w)
{
    double size = run->exchange ? run->word.size : run->worker[0].size;
    for (int v = 1; !run->exchange && v < run->workers; v++) {
        size += run->worker[v].size;
    }
    return run->operands || size < run->passes->safe_size || step_finite_all(run, plan, w);
}

/** After step_end(): were the weight deltas finite that the update found by itself? */
bool step_learned_all(struct run *run, int w);
static inline bool step_learned(struct run *run, int w)
{
    return !run->operands || step_learned_all(run, w);
}

/** Which layer the first weight delta that is not finite belongs to; 0: the loss itself. */
size_t step_layer(const struct run *run, double loss);

/** The rate of the update that is number `step`, from 1. */
double step_rate(const struct run *run, uint64_t step);

/** The update of this worker's slices of the parameters. Step is its number, from 1. */
void step_update(struct run *run, const struct shard_plan *plan, uint64_t step, int w);

/** What is left to do in the last meeting of a step, once all workers have met. */
void step_end_rest(struct run *run, int w);

/** The last meeting of a step: the weights are new, or on their way. */
static inline void step_end(struct run *run, int w)
{
    run_meet(run, w);
    if (run->exchange || run->recipe->max_norm > 0) {
        step_end_rest(run, w);
    }
}

/** All weights are there, those of other ranks too. */
void step_settle(const struct run *run, int w);

/** The loss and its gradient at the weights, for L-BFGS: lbfgs.h says who calls it. */
bool step_evaluate(void *context, double *loss, int w);

#endif
