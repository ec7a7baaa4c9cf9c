/** run: the plan and the memory of a run, from before its first step to after its last. */
#include "train/run.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/view.h"
#include "machine/cluster.h"
#include "train/order.h"

/**
 * Floating-point operations of a step from which on another worker gains something: the two meetings
 * of a step cost up to 2 µs where the workers' cores lie far apart, 64-32-10 with 32 rows (0.33 M)
 * takes 2.6 µs on one worker and 2.1 to 5.5 on two, 10-46-46-10 with 128 (2.2 M) 16 and 9 to 13.
 */
#define WORTH_A_WORKER 0.25e6

/** Parameters from which on dividing them by weights is worth a call for each piece. */
enum { LEAST_DIVIDED = 4096 };

/**
 * Are weight deltas divided by weights? By examples, each of several workers writes as many reals as
 * there are parameters and reads its slice of everybody's; by weights it reads all examples' deltas,
 * and their rows at its inputs, which is worth the more the more workers would have no shard of their
 * own. L-BFGS takes a gradient, and other ranks get sums. The norm of --clip is of all weight deltas, so
 * they are written in any case, which a worker alone does as well by examples.
 */
static bool divides_weights(const struct run_recipe *recipe, int workers)
{
    const struct shape *shape = &recipe->shape;
    if (cluster_ranks() > 1 || (recipe->clip > 0 && workers == 1) ||
        recipe->optimizer == OPTIMIZER_LBFGS || shape->custom.loss ||
        shape_packed(shape) < LEAST_DIVIDED ||
        spread_examples(recipe->batch, workers) > RUN_BLOCK) {
        return false;
    }
    double read = 0;
    for (size_t l = 1; l <= shape->layers; l++) {
        read += (double)shape->width[l - 1] / workers + (double)shape->width[l];
    }
    size_t shards = (recipe->batch + recipe->shard - 1) / recipe->shard;
    double idle = shards < (size_t)workers ? (double)workers / (double)shards : 1;
    return workers == 1 || (double)recipe->batch * read <= 2 * idle * (double)shape_packed(shape);
}

/**
 * Blocks of units that a worker's examples are divided into besides, where the weights are divided:
 * those of the narrowest layer that is divided by units, if such layers are nearly all of the work.
 */
static size_t blocks_of(const struct run_recipe *recipe)
{
    const struct shape *shape = &recipe->shape;
    const struct passes *passes = passes_of(recipe->use_double);
    double all = 0;
    double divided = 0;
    size_t narrowest = SIZE_MAX;
    for (size_t l = 1; l <= shape->layers; l++) {
        size_t n = shape->width[l];
        double weights = (double)shape->width[l - 1] * (double)n;
        all += weights;
        if (passes->is_by_units(shape, l)) {
            divided += weights;
            narrowest = n < narrowest ? n : narrowest;
        }
    }
    return divided >= 0.9 * all ? (narrowest + PACK - 1) / PACK : 1;
}

size_t trainer_pieces(const struct run_recipe *recipe, int workers)
{
    return divides_weights(recipe, workers) ? spread_workers(recipe->batch) * blocks_of(recipe)
                                            : (recipe->batch + recipe->shard - 1) / recipe->shard;
}

size_t trainer_feeds(const struct run_recipe *recipe)
{
    size_t ranks = (size_t)cluster_ranks();
    size_t most = spread_workers(recipe->batch) * blocks_of(recipe);
    size_t pieces = trainer_pieces(recipe, most < PLAN_WORKERS_MAX ? (int)most : PLAN_WORKERS_MAX);
    return (pieces + ranks - 1) / ranks;
}

/**
 * Most examples of a block that a worker sums the weight deltas of. Half of RUN_BLOCK where so many
 * do not fit the second-level cache and the sums that each block writes are few beside them: for
 * 784-128-10 that takes half the memory and no more time.
 */
static size_t block_of(const struct run_recipe *recipe)
{
    enum { CACHE = 1 << 20, FEW = 4 }; /* bytes; of the examples' size one in so many */
    const struct shape *shape = &recipe->shape;
    size_t real_size = recipe->use_double ? sizeof(double) : sizeof(float);
    size_t widths = 0;
    for (size_t l = 0; l <= shape->layers; l++) {
        widths += shape->width[l];
    }
    return widths > CACHE / real_size / RUN_BLOCK && widths > FEW * shape_packed(shape) / RUN_BLOCK
               ? RUN_BLOCK / 2
               : RUN_BLOCK;
}

/** A plan of the run's workers for so many rows. */
static heddle_status plan_batch(const struct run *run, size_t batch, struct shard_plan **plan,
                                heddle_error *err)
{
    size_t shard = run->recipe->shard;
    return run->by_weights ? shard_plan_create_spread(batch, shard, run->workers, plan, err)
                           : shard_plan_create_for(batch, shard, cluster_rank(), cluster_ranks(),
                                                   run->workers, block_of(run->recipe), plan, err);
}

heddle_status run_plan(struct run *run, heddle_error *err)
{
    const struct run_recipe *recipe = run->recipe;
    run->by_weights = divides_weights(recipe, run->workers);
    heddle_status status = plan_batch(run, recipe->batch, &run->full, err);
    size_t rest = run->set->rows % recipe->batch;
    if (!status && rest) {
        status = plan_batch(run, rest, &run->tail, err);
    }
    if (!status) {
        run->slots = run->full->partials;
        if (run->tail && run->tail->partials > run->slots) {
            run->slots = run->tail->partials;
        }
        run->capacity = run->full->capacity;
        if (run->tail && run->tail->capacity > run->capacity) {
            run->capacity = run->tail->capacity;
        }
    }
    return status;
}

/** Does the update treat weights and biases differently? A mask of ones and zeros says which is which. */
static bool has_mask(const struct run_recipe *recipe)
{
    return recipe->weight_decay > 0 || recipe->l1 > 0 || recipe->l2 > 0 || recipe->clip_value > 0;
}

/** Weights put aside, and what only some recipes need: the mask, the squares, the best weights. */
static bool take_more(struct run *run, bool validates)
{
    const struct run_recipe *recipe = run->recipe;
    run->watched = recipe->patience || recipe->plateau;
    run->good = arena_new(run->block_bytes);
    if (!run->good) {
        return false;
    }
    if (recipe->clip > 0) {
        run->pieces = (run->packed + PASS_PIECE - 1) / PASS_PIECE;
        run->squares = memory_new(run->pieces, sizeof *run->squares);
        run->sums = run->by_weights ? arena_new(run->block_bytes) : NULL;
        if (!run->squares || (run->by_weights && !run->sums)) {
            return false;
        }
        if (run->sums) {
            run->partial[0] = run->sums;
        }
    }
    if (run->lbfgs) {
        run->lbfgs->packed = run->packed;
        run->lbfgs->block_bytes = run->block_bytes;
        run->lbfgs->W = run->W;
        if (!lbfgs_take(run->lbfgs)) {
            return false;
        }
    }
    if (recipe->patience && validates) {
        run->best = arena_new(run->block_bytes);
    }
    if (run->callbacks && run->callbacks->wants_weights) {
        run->plain = memory_new(shape_parameters(&recipe->shape), sizeof *run->plain);
        if (!run->plain) {
            return false;
        }
    }
    if (has_mask(recipe)) {
        run->mask = arena_new(run->block_bytes);
        if (!run->mask) {
            return false;
        }
        weights_mask(&recipe->shape, run->set->use_double, run->mask);
        if (run->lbfgs) {
            run->lbfgs->mask = run->mask;
        }
    }
    return !recipe->patience || !validates || run->best;
}

struct exchange_setup run_exchange_setup(const struct run *run)
{
    return (struct exchange_setup){
        .plan = {run->full, run->tail},
        .packed = run->packed,
        .whole = run->recipe->clip > 0,
        .passes = run->passes,
        .kernels = run->kernels,
        .workers = run->workers,
        .partial = run->partial,
        .W = run->W,
    };
}

/** Has worker w examples in one of the plans? Only then it needs a workspace. */
static bool has_examples(const struct run *run, size_t w)
{
    return run->full->share[w].chunks > 0 || (run->tail && run->tail->share[w].chunks > 0);
}

/** Partial sums that worker w holds in a step of a plan. */
static size_t partials_held(const struct shard_plan *plan, size_t w)
{
    int last = -1;
    for (size_t c = 0; plan && c < plan->share[w].chunks; c++) {
        const struct chunk *chunk = &plan->share[w].chunk[c];
        for (size_t k = 0; k < chunk->run.subtrees; k++) {
            last = chunk->partial[k] > last ? chunk->partial[k] : last;
        }
    }
    return (size_t)(last + 1);
}

/** Bytes of a worker's workspace. */
static size_t space_bytes(const struct run *run)
{
    const struct run_recipe *recipe = run->recipe;
    return run->passes->workspace_bytes(&recipe->shape, run->capacity,
                                        recipe->has_extras ? &recipe->extras : NULL,
                                        run->by_weights);
}

/** Where inputs lie; of rows that are not there yet what takes most memory. */
static enum input_place inputs_of(const struct run *run)
{
    bool elsewhere = run->set->view || run->recipe->extras.noise > 0;
    return elsewhere ? IN_WORKSPACES : run->set->real ? IN_REALS : IN_BYTES;
}

struct trainer_memory run_count(struct run *run, bool validates)
{
    const struct run_recipe *recipe = run->recipe;
    size_t workers = (size_t)run->workers;
    run->packed = shape_packed(&recipe->shape);
    bool alone = cluster_ranks() == 1;
    const struct exchange_setup setup = run_exchange_setup(run);
    size_t busy = 0;
    size_t sums = 0;
    run->operands_bytes = run->by_weights
                              ? run->passes->operands_bytes(&recipe->shape, recipe->batch,
                                                            run->workers, inputs_of(run))
                              : 0;
    for (size_t w = 0; w < workers; w++) {
        size_t full = partials_held(run->full, w);
        size_t tail = partials_held(run->tail, w);
        sums += full > tail ? full : tail;
        busy += has_examples(run, w);
    }
    run->block_bytes = (alone ? run->packed : exchange_block(run->packed)) * run->passes->real_size;
    return (struct trainer_memory){
        .weights = run->block_bytes,
        .states = recipe->optimizer == OPTIMIZER_LBFGS
                      ? lbfgs_bytes(run->packed, run->block_bytes)
                      : (size_t)optimizer_states(recipe->optimizer) * run->block_bytes,
        .partials = (run->by_weights ? recipe->clip > 0 : sums) * run->block_bytes,
        .foreign = alone ? 0 : exchange_bytes(&setup),
        .workspaces = busy * space_bytes(run) + workers * sizeof *run->worker + run->operands_bytes,
        .order = run->full->shards * sizeof *run->shard_loss +
                 (run->by_weights ? recipe->batch * sizeof *run->each : 0) +
                 (recipe->shuffle ? run->set->rows * sizeof *run->order : 0),
        .others = run->block_bytes + (has_mask(recipe) ? run->block_bytes : 0) +
                  (recipe->patience && validates ? run->block_bytes : 0),
    };
}

static struct update_rule rule_of(const struct run_recipe *recipe)
{
    return (struct update_rule){
        .optimizer = recipe->optimizer,
        .momentum = recipe->momentum,
        .beta1 = recipe->beta1,
        .beta2 = recipe->beta2,
        .epsilon = recipe->epsilon,
        .clip_value = recipe->clip_value,
        .l1 = recipe->l1,
        .l2 = recipe->l2,
    };
}

heddle_status run_take(struct run *run, size_t max_memory, bool validates, heddle_error *err)
{
    const struct run_recipe *recipe = run->recipe;
    size_t workers = (size_t)run->workers;
    int states = optimizer_states(recipe->optimizer);
    const struct training_extras *extras = recipe->has_extras ? &recipe->extras : NULL;
    struct trainer_memory m = run_count(run, validates);
    size_t space = space_bytes(run);
    size_t deltas = run->operands_bytes ? 0 : (size_t)run->slots * run->block_bytes;
    size_t total =
        m.weights + m.states + m.partials + m.foreign + m.workspaces + m.order + m.others;
    if (max_memory && total > max_memory) {
        return status_set(err, HEDDLE_E_MEMORY,
                          "training needs %zu bytes, --max-memory allows %zu: fewer threads or a "
                          "smaller batch need less",
                          total, max_memory);
    }
    run->W = arena_new(run->block_bytes);
    run->state1 = states > 0 ? arena_new(run->block_bytes) : NULL;
    run->state2 = states > 1 ? arena_new(run->block_bytes) : NULL;
    run->partial = memory_new(workers * PARTIALS_MAX, sizeof *run->partial);
    run->worker = arena_new(workers * sizeof *run->worker);
    run->shard_loss = memory_new(run->full->shards, sizeof *run->shard_loss);
    run->each = run->by_weights ? arena_new(recipe->batch * sizeof *run->each) : NULL;
    bool complete = run->W && (states < 1 || run->state1) && (states < 2 || run->state2) &&
                    run->partial && run->worker && run->shard_loss &&
                    (!run->by_weights || run->each);
    if (complete && run->operands_bytes) {
        void *memory = arena_new(run->operands_bytes);
        run->operands =
            memory ? run->passes->operands_place(memory, &recipe->shape, run->kernels,
                                                 recipe->batch, run->workers, inputs_of(run))
                   : NULL;
        complete = run->operands != NULL;
    }
    for (size_t w = 0; complete && w < workers; w++) {
        struct worker *worker = &run->worker[w];
        worker->rule = rule_of(recipe);
        worker->arena_bytes = space;
        worker->deltas_bytes = deltas;
        worker->deltas = deltas ? arena_new(deltas) : NULL;
        complete = !deltas || worker->deltas;
        for (int s = 0; complete && deltas && s < run->slots; s++) {
            run->partial[w * PARTIALS_MAX + (size_t)s] =
                (char *)worker->deltas + (size_t)s * run->block_bytes;
        }
        if (!complete || !has_examples(run, w)) {
            continue;
        }
        worker->arena = arena_new(space);
        complete = worker->arena != NULL;
        if (complete) {
            worker->ws = run->passes->workspace_place(worker->arena, &recipe->shape, run->kernels,
                                                      run->capacity, extras, run->by_weights);
            if (run->operands) {
                run->passes->admit(run->operands, (int)w, worker->ws);
            }
        }
    }
    if (complete && recipe->shuffle) {
        run->order = memory_new(run->set->rows, sizeof *run->order);
        complete = run->order != NULL;
    }
    if (complete && recipe->shuffle_blocks && run->set->view) {
        view_begin(run->set->view, run->set->rows, order_window(run->set->inputs));
    }
    complete = complete && take_more(run, validates);
    return complete ? HEDDLE_OK : status_memory(err, "training", total);
}

void run_done(struct run *run)
{
    for (int w = 0; run->worker && w < run->workers; w++) {
        arena_free(run->worker[w].arena, run->worker[w].arena_bytes);
        arena_free(run->worker[w].deltas, run->worker[w].deltas_bytes);
    }
    exchange_free(run->exchange);
    arena_free(run->worker, (size_t)run->workers * sizeof *run->worker);
    arena_free(run->W, run->block_bytes);
    arena_free(run->operands, run->operands_bytes);
    arena_free(run->state1, run->block_bytes);
    arena_free(run->state2, run->block_bytes);
    arena_free(run->mask, run->block_bytes);
    arena_free(run->best, run->block_bytes);
    arena_free(run->good, run->block_bytes);
    arena_free(run->sums, run->block_bytes);
    memory_free(run->plain);
    if (run->lbfgs) {
        lbfgs_done(run->lbfgs);
    }
    memory_free(run->squares);
    memory_free(run->partial);
    memory_free(run->shard_loss);
    arena_free(run->each, run->recipe->batch * sizeof *run->each);
    memory_free(run->order);
    shard_plan_free(run->full);
    shard_plan_free(run->tail);
    scorer_free(run->validation);
}

void run_state_blocks(const struct run_recipe *run, bool validates, bool has[STATE_BLOCKS])
{
    int states = optimizer_states(run->optimizer);
    has[STATE_WEIGHTS] = true;
    has[STATE_FIRST] = states > 0;
    has[STATE_SECOND] = states > 1;
    has[STATE_BEST] = run->patience && validates;
    for (int b = STATE_LBFGS; b < STATE_BLOCKS; b++) {
        has[b] = run->optimizer == OPTIMIZER_LBFGS;
    }
}

int run_workers(int workers, const struct run_recipe *recipe)
{
    enum { SMALL = 16384 }; /* reals */
    if (shape_packed(&recipe->shape) >= SMALL) {
        return workers;
    }
    size_t feeds = trainer_feeds(recipe);
    int most = feeds < (size_t)workers ? (int)feeds : workers;
    if (!getenv("HEDDLE_ALL_WORKERS")) {
        double enough = (double)recipe->batch * shape_flop(&recipe->shape) / WORTH_A_WORKER;
        most = enough < most ? (int)enough : most;
    }
    return most > 1 ? most : 1;
}

heddle_status trainer_memory(const struct run_recipe *recipe, size_t rows, bool validates,
                             int workers, struct trainer_memory *memory, heddle_error *err)
{
    struct dataset set = {.rows = rows};
    struct run run = {
        .recipe = recipe,
        .set = &set,
        .passes = passes_of(recipe->use_double),
        .workers = run_workers(workers, recipe),
    };
    heddle_status status = run_plan(&run, err);
    if (!status) {
        *memory = run_count(&run, validates);
    }
    run_done(&run);
    return status;
}
