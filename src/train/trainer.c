/**
 * trainer: the loop. What can fail (memory, threads) has failed before it starts; inside nothing
 * can but the numbers.
 */
#include "train/trainer.h"

#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "base/sum.h"
#include "data/view.h"
#include "machine/cluster.h"
#include "pass/pass.h"
#include "train/exchange.h"
#include "train/order.h"
#include "train/score.h"
#include "train/shard_plan.h"
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
    double *each; /* (capacity) losses of a chunk, behind the workspace */
    double size;  /* Σ |G| of the step */
    size_t where; /* the slow check: first weight delta of its slice that is not finite */

    /* With other ranks, what is sent to them while the passes go on. */
    struct run *run;
    int w;
    const struct chunk *last; /* the chunk at hand, if it is the step's last */
    size_t known;             /* reals from which on its partial sums are joined */
    struct pass_watcher watcher;
    char pad[64];
};

struct run {
    const struct run_recipe *recipe;
    const struct dataset *set;
    const struct passes *passes;
    const void *kernels;
    size_t block; /* most examples that a workspace holds: bounded memory, activations that stay in
                     the caches; only a single shard may be larger */
    struct examples examples;
    struct team *team;
    int workers;
    struct shard_plan *full, *tail; /* plans of a whole batch and of an epoch's last */
    int slots;                      /* partial sums a worker */
    size_t packed;                  /* reals of a block */
    void *W, *state1, *state2;
    size_t block_bytes;
    void **partial;            /* (workers, PARTIALS_MAX) */
    struct exchange *exchange; /* with the other ranks; NULL: there are none */
    struct worker *worker;
    size_t capacity;
    double *shard_loss; /* (shards of a batch) */
    uint32_t *order;    /* (rows), or NULL: as they are */
    size_t asked;       /* rows of the order that are read ahead (worker 0's) */
    bool resident;      /* the batch never changes: gather it once */
    struct scorer *validation;
    const heddle_callbacks *callbacks;
    void *mask;      /* block: 1 for weights, 0 for biases; NULL: no penalties */
    double *plain;   /* weights for reports, or NULL */
    double *squares; /* (pieces) Σ g² for --clip, or NULL */
    size_t pieces;
    bool watched;        /* ends of epochs decide something */
    struct watch watch;  /* worker 0's, read by all after a meeting */
    void *best;          /* block: weights of the best epoch, or NULL */
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

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct examples examples_of(const struct dataset *set)
{
    return (struct examples){
        .real = set->real,
        .real_stride = set->real_stride,
        .bytes = set->bytes,
        .byte_scale = set->byte_scale,
        .read = view_row,
        .view = set->view,
        .class_index = set->class_index,
        .target = set->target,
        .target_stride = set->target_stride,
    };
}

/* ------------------------------------------------------------------ one step ---------------- */

/** Meet the other workers; alone, at the cost of a look. */
static inline void meet_others(const struct run *run, int w)
{
    if (run->workers > 1) {
        team_barrier(run->team, w, run->workers);
    }
}

/** After a chunk: reals [begin, end) of partial sums that the tree joins. */
static void join(const struct run *run, const struct chunk *chunk, void **partial, size_t begin,
                 size_t end)
{
    size_t at = begin * run->passes->real_size;
    for (size_t j = 0; j < chunk->joins; j++) {
        char *left = partial[chunk->join[j][0]];
        const char *right = partial[chunk->join[j][1]];
        run->passes->add(run->kernels, left + at, left + at, right + at, end - begin);
    }
}

/** Weights [0, end) are needed by a worker's forward pass. */
static void on_need(void *context, size_t end)
{
    struct worker *me = context;
    exchange_need(me->run->exchange, me->w, end);
}

/** A worker's weight deltas of a chunk are there from real `begin` on. */
static void on_known(void *context, size_t begin)
{
    struct worker *me = context;
    struct run *run = me->run;
    if (me->last) {
        join(run, me->last, run->partial + (size_t)me->w * PARTIALS_MAX, begin, me->known);
        me->known = begin;
        exchange_known(run->exchange, me->w, begin);
    }
}

/** Worker w's shards of the batch that begins at row `begin` of the order. */
static void work_batch(struct run *run, const struct shard_plan *plan, size_t begin, int w,
                       uint64_t step)
{
    const struct passes *passes = run->passes;
    struct worker *me = &run->worker[w];
    const struct worker_share *share = &plan->share[w];
    void **partial = run->partial + (size_t)w * PARTIALS_MAX;
    me->size = 0;
    me->known = run->packed;
    if (run->exchange) {
        exchange_begin(run->exchange, plan == run->tail, w);
    }
    for (size_t c = 0; c < share->chunks; c++) {
        const struct chunk *chunk = &share->chunk[c];
        size_t first = begin + chunk->first;
        me->last = run->exchange && c + 1 == share->chunks ? chunk : NULL;
        if (run->recipe->has_extras) {
            passes->begin_step(me->ws, step);
        }
        if (step == run->first_step || !run->resident || share->chunks > 1) {
            passes->gather(me->ws, &run->examples, run->order ? run->order + first : NULL, first,
                           chunk->examples);
        }
        passes->forward(me->ws, run->W);
        passes->loss(me->ws, run->recipe->loss, me->each);
        size_t e = 0;
        for (size_t s = 0; s < chunk->run.count; s++) {
            double loss = 0;
            for (; e < chunk->run.end[s]; e++) {
                loss += me->each[e];
            }
            run->shard_loss[chunk->first_shard + s] = loss;
        }
        void *deltas[SUBTREES_MAX];
        for (size_t j = 0; j < chunk->run.subtrees; j++) {
            deltas[j] = partial[chunk->partial[j]];
        }
        me->size += passes->backward(me->ws, run->W, &chunk->run, deltas);
        if (!me->last) {
            join(run, chunk, partial, 0, run->packed);
        }
    }
    if (run->exchange) { /* a worker without a shard has told nothing yet */
        exchange_need(run->exchange, w, run->packed);
        exchange_known(run->exchange, w, 0);
    }
}

/** Worker w's slice of so many reals (a multiple of PACK_UNIT). */
static void slice_of(const struct run *run, size_t reals, int w, size_t *begin, size_t *end)
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

/** All weights are there, those of other ranks too. */
static void settle(const struct run *run, int w)
{
    if (run->exchange) {
        exchange_need(run->exchange, w, run->packed);
    }
}

/** Worker w's slice of the block of parameters. */
static void slice(const struct run *run, int w, size_t *begin, size_t *end)
{
    slice_of(run, run->packed, w, begin, end);
}

/**
 * A part of the parameters that this rank updates, and what its sums of weight deltas are made of:
 * reals [first, first + count) of the block, of which worker w takes [begin, end) counted from
 * `first`, which is also where the partials begin. A single rank has one part, which is all.
 */
struct part {
    void *const *partial;
    size_t first, count, begin, end;
};

static size_t parts_of(const struct run *run)
{
    return run->exchange ? exchange_parts(run->exchange) : 1;
}

/** Part p, once its sums are there. */
static struct part part_of(const struct run *run, size_t p, int w)
{
    struct part part = {.partial = run->partial, .count = run->packed};
    if (run->exchange) {
        exchange_await(run->exchange, w, p);
        struct exchange_slice own = exchange_slice(run->exchange, p);
        part =
            (struct part){.partial = own.partial, .first = own.begin, .count = own.end - own.begin};
    }
    slice_of(run, part.count, w, &part.begin, &part.end);
    return part;
}

/** The place of real `at` of a block, NULL for none. */
static void *block_at(const struct run *run, void *block, size_t at)
{
    return block ? (char *)block + at * run->passes->real_size : NULL;
}

/**
 * The first meeting of a step: all partial sums and losses are there, those of other ranks too.
 * What ranks decide alike is made of what they told each other.
 */
static void meet(struct run *run, int w)
{
    meet_others(run, w);
    if (!run->exchange) {
        return;
    }
    exchange_rest(run->exchange, w);
    meet_others(run, w);
    if (w == 0) {
        run->word = (struct exchange_word){.flags = (run->stop_step ? WORD_STOP : 0) |
                                                    (run->outcome.late ? WORD_LATE : 0) |
                                                    (run->keep_step ? WORD_KEEP : 0)};
        for (int v = 0; v < run->workers; v++) {
            run->word.size += run->worker[v].size;
        }
        exchange_words(run->exchange, run->shard_loss, &run->word);
        run->stop_step = run->word.flags & WORD_STOP;
        run->outcome.late = run->word.flags & WORD_LATE;
        run->keep_step = run->word.flags & WORD_KEEP;
    }
    meet_others(run, w);
}

/** The last meeting of a step: the weights are new, or on their way. */
static void part_again(struct run *run, int w)
{
    meet_others(run, w);
    if (run->exchange && w == 0) {
        exchange_weights(run->exchange);
    }
    if (run->recipe->max_norm > 0) {
        settle(run, w);
        meet_others(run, w);
        run->passes->limit_norms(&run->recipe->shape, run->W, run->recipe->max_norm, w,
                                 run->workers);
        meet_others(run, w);
    }
}

/**
 * Are loss and weight deltas finite? All workers come to the same answer, whatever their number:
 * Σ |G| below the safe size proves every sum finite; only if it does not, the sums themselves are
 * looked at, which costs a meeting more.
 */
static bool all_finite(struct run *run, const struct shard_plan *plan, double loss, int w)
{
    double size = run->word.size;
    for (int v = 0; !run->exchange && v < run->workers; v++) {
        size += run->worker[v].size;
    }
    if (!__builtin_isfinite(loss)) {
        return false;
    }
    if (size < run->passes->safe_size) {
        return true;
    }
    size_t found = SIZE_MAX;
    for (size_t p = parts_of(run); p-- > 0;) {
        struct part part = part_of(run, p, w);
        size_t at;
        if (!run->passes->finite(run->kernels, &plan->program, part.partial, part.begin, part.end,
                                 &at)) {
            found = part.first + at;
        }
    }
    run->worker[w].where = found;
    meet_others(run, w);
    if (w == 0) {
        run->where = SIZE_MAX;
        for (int v = 0; v < run->workers; v++) {
            run->where = run->worker[v].where < run->where ? run->worker[v].where : run->where;
        }
        if (run->exchange) {
            exchange_first(run->exchange, &run->where);
        }
    }
    meet_others(run, w);
    return run->where == SIZE_MAX;
}

/** Which layer the first weight delta that is not finite belongs to; 0: the loss itself. */
static size_t find_layer(const struct run *run, double loss)
{
    if (!__builtin_isfinite(loss)) {
        return 0;
    }
    const struct shape *shape = &run->recipe->shape;
    size_t l = 1;
    while (l < shape->layers && run->where >= shape->offset[l + 1]) {
        l++;
    }
    return l;
}

/** What the weight deltas are multiplied by so that their norm is at most --clip; takes a meeting. */
static double clip_factor(struct run *run, const struct shard_plan *plan, double scale, int w)
{
    size_t workers = (size_t)run->workers;
    struct part part = part_of(run, 0, w); /* there is no other */
    size_t pieces = (part.count + PASS_PIECE - 1) / PASS_PIECE;
    run->passes->squares(run->kernels, &plan->program, part.partial, part.count,
                         pieces * (size_t)w / workers, pieces * ((size_t)w + 1) / workers,
                         run->squares + part.first / PASS_PIECE);
    meet_others(run, w);
    if (run->exchange) {
        if (w == 0) {
            exchange_squares(run->exchange, run->squares);
        }
        meet_others(run, w);
    }
    double norm = scale * __builtin_sqrt(sum_tree(run->squares, run->pieces));
    double factor = run->recipe->clip / (norm + 1e-6);
    return factor < 1 ? factor : 1;
}

/** The rate of the update that is number `step`, from 1. */
static double rate_of(const struct run *run, uint64_t step)
{
    double rate = schedule_rate(&run->recipe->schedule, step - 1);
    return run->recipe->plateau ? rate * run->watch.factor : rate;
}

static void update_slice(struct run *run, const struct shard_plan *plan, uint64_t step, int w)
{
    const struct run_recipe *recipe = run->recipe;
    struct update_rule rule = {
        .optimizer = recipe->optimizer,
        .scale = recipe->sum_deltas ? 1 : 1 / (double)plan->batch,
        .rate = rate_of(run, step),
        .momentum = recipe->momentum,
        .beta1 = recipe->beta1,
        .beta2 = recipe->beta2,
        .epsilon = recipe->epsilon,
        .step = step,
        .clip_value = recipe->clip_value,
        .l1 = recipe->l1,
        .l2 = recipe->l2,
    };
    rule.decay = rule.rate * recipe->weight_decay;
    if (run->squares) {
        rule.scale *= clip_factor(run, plan, rule.scale, w);
    }
    for (size_t p = parts_of(run); p-- > 0;) {
        struct part part = part_of(run, p, w);
        rule.weight_mask = block_at(run, run->mask, part.first);
        run->passes->update(run->kernels, &plan->program, part.partial, part.begin, part.end, &rule,
                            block_at(run, run->W, part.first),
                            block_at(run, run->state1, part.first),
                            block_at(run, run->state2, part.first));
        if (run->exchange) {
            exchange_updated(run->exchange, w, p);
        }
    }
}

/** The loss and its gradient at the weights, for L-BFGS: lbfgs.h says who calls it. */
static bool evaluate(void *context, double *loss, int w)
{
    struct run *run = context;
    const struct shard_plan *plan = run->full;
    const double scale = run->recipe->sum_deltas ? 1 : 1 / (double)plan->batch;
    void *gradient = run->lbfgs->block[LBFGS_GRADIENT];
    work_batch(run, plan, 0, w, run->first_step);
    meet(run, w);
    double sum = sum_tree(run->shard_loss, plan->shards);
    *loss = scale * sum;
    if (!all_finite(run, plan, sum, w)) {
        return false;
    }
    for (size_t p = parts_of(run); p-- > 0;) {
        struct part part = part_of(run, p, w);
        run->passes->combine(run->kernels, &plan->program, part.partial, part.begin, part.end,
                             scale, block_at(run, gradient, part.first));
    }
    meet_others(run, w);
    if (run->exchange) {
        if (w == 0) {
            exchange_gather(run->exchange, gradient);
        }
        meet_others(run, w);
    }
    return true;
}

/* ------------------------------------------------------------------ the loop ---------------- */

static void shuffle(struct run *run, uint64_t epoch)
{
    if (run->recipe->shuffle_blocks) {
        order_blocks(run->recipe->seed, epoch, run->set->inputs, run->order, run->set->rows);
    } else {
        random_permutation(run->recipe->seed, RANDOM_SHUFFLE, epoch, run->order, run->set->rows);
    }
}

/** The blocks of rows [begin, end) of the order will be read, or not again in this epoch. */
static void hint(const struct run *run, size_t begin, size_t end, bool wanted)
{
    size_t rows = run->set->rows;
    size_t height = order_height(run->set->inputs);
    for (size_t i = begin; i < end; i++) {
        size_t row = run->order[i];
        if (row % height == 0) { /* a block is where its first row is */
            view_hint(run->set->view, row, rows - row < height ? rows - row : height, wanted);
        }
    }
}

/** Before row `begin` of the order: what is in the window after it is asked for, once. */
static void read_ahead(struct run *run, size_t begin)
{
    size_t rows = run->set->rows;
    size_t window = order_window(run->set->inputs);
    run->asked = begin == 0 ? 0 : run->asked;
    while (run->asked < rows && run->asked <= begin + window) {
        size_t end = rows - run->asked < window ? rows : run->asked + window;
        hint(run, run->asked, end, true);
        if (run->asked >= 3 * window) { /* the two before may still be in use */
            hint(run, run->asked - 3 * window, run->asked - 2 * window, false);
        }
        run->asked = end;
    }
}

/** Outputs and losses of the validation rows; the rank's workers meet, then the ranks. */
static void validate(struct run *run, int w)
{
    scorer_work(run->validation, run->W, w);
    meet_others(run, w);
    if (w == 0) {
        scorer_gather(run->validation);
    }
}

/**
 * The end of an epoch: validation by all workers, worker 0 decides, and what was the best is put
 * aside. Returns whether to go on.
 */
static bool watch_over(struct run *run, uint64_t epochs, double loss, int w)
{
    const struct run_recipe *recipe = run->recipe;
    if (run->validation) {
        validate(run, w);
    }
    if (w == 0) {
        if (run->validation && !recipe->watch_training) {
            loss = scorer_loss(run->validation, recipe->sum_deltas);
        }
        watch_epoch(&run->watch, loss, recipe->patience, recipe->plateau, recipe->schedule.factor);
    }
    meet_others(run, w);
    if (run->best && run->watch.improved) {
        size_t begin, end;
        size_t size = run->passes->real_size;
        slice(run, w, &begin, &end);
        memcpy((char *)run->best + begin * size, (char *)run->W + begin * size,
               (end - begin) * size);
        if (w == 0) {
            run->outcome.best_epoch = epochs;
        }
    }
    return !run->watch.exhausted;
}

/** Validation by all workers unless they just did it, the report by worker 0; ends with a meeting. */
static void report(struct run *run, uint64_t steps, uint64_t epochs, double loss, bool last,
                   bool scored, double start, int w)
{
    const heddle_callbacks *callbacks = run->callbacks;
    double began = now();
    if (run->validation && !scored) {
        validate(run, w);
    }
    if (w == 0 && callbacks && callbacks->report) {
        const struct run_recipe *recipe = run->recipe;
        heddle_report r = {
            .step = recipe->tutorial ? steps - 1 : steps,
            .epoch = epochs,
            .epochs = recipe->epochs,
            .steps = recipe->steps,
            .loss = loss,
            .rate = rate_of(run, steps),
            .has_validation = run->validation != NULL,
            .seconds = began - start - run->pause,
            .tutorial = recipe->tutorial,
            .last = last,
        };
        if (run->validation) {
            r.validation_loss = scorer_loss(run->validation, recipe->sum_deltas);
            r.validation_score = scorer_headline(run->validation);
        }
        if (run->plain) {
            weights_unpack(&recipe->shape, run->W, run->set->use_double, run->plain);
            r.weights = run->plain;
            r.width = recipe->shape.width;
            r.layers = recipe->shape.layers;
        }
        run->stop_report = callbacks->report(callbacks->user, &r) != 0;
    }
    if (w == 0) {
        cluster_broadcast(&run->stop_report, sizeof run->stop_report, 0);
        run->pause += now() - began;
    }
    meet_others(run, w);
}

/** What worker 0 is told from outside, and by the clock, before the others hear of it. */
static void ask(struct run *run, double start)
{
    const heddle_callbacks *callbacks = run->callbacks;
    const struct keeper *keeper = run->keeper;
    int asked = callbacks && callbacks->stop ? callbacks->stop(callbacks->user) : HEDDLE_GO_ON;
    run->stop_step = asked == HEDDLE_STOP;
    bool leads = cluster_rank() == 0; /* its clock is everybody's */
    run->keep_step =
        keeper && ((leads && keeper->asked(keeper->user)) || asked == HEDDLE_CHECKPOINT);
    if (leads && run->recipe->time_limit > 0 && now() - start >= run->recipe->time_limit) {
        run->outcome.late = true;
        run->stop_step = true;
    }
}

/** An iteration of L-BFGS; *loss as a batch has it, at the new weights. False: not finite. */
static bool step_of_lbfgs(struct run *run, double start, int w, double *loss)
{
    const struct shard_plan *plan = run->full;
    if (w == 0) {
        ask(run, start);
    }
    meet_others(run, w);
    uint64_t before = run->lbfgs->evaluations;
    bool finite = lbfgs_iterate(run->lbfgs, w);
    *loss = run->lbfgs->state.loss * (run->recipe->sum_deltas ? 1 : (double)plan->batch);
    if (w == 0) {
        run->outcome.examples += (run->lbfgs->evaluations - before) * plan->batch;
    }
    return finite;
}

/**
 * Worker 0 of rank 0 keeps the state; of the optimizer's each rank has its slice alone. The other
 * workers are on their way to the next meeting, up to which nobody changes a weight.
 */
static void keep(struct run *run, struct run_state *state, bool last)
{
    double began = now();
    settle(run, 0);
    state->watch = run->watch;
    state->best_epoch = run->outcome.best_epoch;
    state->loss = run->outcome.loss;
    state->block[STATE_WEIGHTS] = run->W;
    state->block[STATE_FIRST] = run->state1;
    state->block[STATE_SECOND] = run->state2;
    state->block[STATE_BEST] = run->best;
    if (run->lbfgs) {
        state->lbfgs = run->lbfgs->state;
        memcpy(&state->block[STATE_LBFGS], run->lbfgs->block, sizeof run->lbfgs->block);
    }
    for (int b = STATE_FIRST; run->exchange && b <= STATE_SECOND; b++) {
        if (state->block[b]) {
            exchange_gather(run->exchange, state->block[b]);
        }
    }
    if (cluster_rank() == 0) {
        run->keeper->keep(run->keeper->user, state, last);
    }
    run->pause += now() - began;
}

/** Is the state after this step to be kept? All workers come to the same answer. */
static bool keep_due(const struct run *run, uint64_t steps, uint64_t epochs, bool epoch_ends)
{
    const struct keeper *keeper = run->keeper;
    return keeper && (run->keep_step || (keeper->every_steps && steps % keeper->every_steps == 0) ||
                      (keeper->every_epochs && epoch_ends && epochs % keeper->every_epochs == 0));
}

/** What each worker does from the first step to the last. All take the same decisions. */
static void work(void *context, int w)
{
    struct run *run = context;
    if (w >= run->workers) {
        return;
    }
    const struct run_recipe *recipe = run->recipe;
    const struct run_state *from = run->keeper ? run->keeper->begin : NULL;
    size_t rows = run->set->rows;
    double start = now();
    double epoch_loss = from ? from->epoch_loss : 0;
    uint64_t epochs = from ? from->epochs : 0;
    uint64_t steps = run->first_step;
    size_t begin = from ? (size_t)from->row : 0;
    bool stop = false;
    bool reached = from && from->reached;
    bool go_on = !run->watch.exhausted;
    bool converged = run->lbfgs && run->lbfgs->state.over != 0;
    while (steps < recipe->steps && !stop && !reached && !converged && go_on) {
        if (steps == recipe->untimed) {
            start = now();
        }
        size_t left = rows - begin;
        const struct shard_plan *plan = left >= recipe->batch ? run->full : run->tail;
        double loss;
        bool finite;
        if (w == 0 && run->set->view && recipe->shuffle_blocks) {
            read_ahead(run, begin);
        }
        if (run->lbfgs) {
            finite = step_of_lbfgs(run, start, w, &loss);
            stop = run->stop_step;
        } else {
            work_batch(run, plan, begin, w, steps);
            if (w == 0) {
                ask(run, start);
            }
            meet(run, w);
            stop = run->stop_step;
            loss = sum_tree(run->shard_loss, plan->shards);
            finite = all_finite(run, plan, loss, w);
        }
        if (!finite) {
            if (w == 0) {
                run->diverged = true;
                run->diverged_layer = find_layer(run, loss);
                run->outcome.steps = steps + 1;
            }
            return;
        }
        steps++;
        if (!run->lbfgs) {
            update_slice(run, plan, steps, w);
        }
        if (w == 0 && run->callbacks && run->callbacks->step) {
            run->callbacks->step(run->callbacks->user, steps, loss);
        }
        epoch_loss += loss;
        begin += plan->batch;
        if (w == 0) {
            run->outcome.examples += run->lbfgs ? 0 : plan->batch;
        }
        if (run->lbfgs) {
            meet_others(run, w);
        } else {
            part_again(run, w);
        }

        bool epoch_ends = begin == rows;
        bool last = steps == recipe->steps || stop;
        if (epoch_ends || last) { /* the weights are looked at */
            settle(run, w);
        }
        double mean = recipe->sum_deltas ? epoch_loss : epoch_loss / (double)begin;
        if (epoch_ends) {
            begin = 0;
            epochs++;
            epoch_loss = 0;
            reached = recipe->min_error >= 0 && mean <= recipe->min_error;
            if (run->watched) {
                go_on = watch_over(run, epochs, mean, w);
            }
        }
        converged = run->lbfgs && run->lbfgs->state.over != 0;
        if (w == 0) {
            run->outcome.loss = mean;
        }
        bool due = recipe->tutorial ? epoch_ends && (epochs - 1) % recipe->report_every == 0
                                    : epoch_ends && epochs % recipe->report_every == 0;
        last = last || reached || converged || !go_on;
        if (due || (!recipe->tutorial && last)) {
            report(run, steps, epochs, mean, last, run->watched && epoch_ends, start, w);
            stop = stop || run->stop_report;
        }
        bool ends = last || stop;
        if (w == 0 && !ends && keep_due(run, steps, epochs, epoch_ends)) {
            struct run_state state = {
                .steps = steps, .epochs = epochs, .row = begin, .epoch_loss = epoch_loss};
            keep(run, &state, false);
        }
        if (epoch_ends && run->order && recipe->shuffle && !ends) {
            if (w == 0) {
                shuffle(run, epochs);
            }
            meet_others(run, w);
        }
    }
    if (w == 0 && run->keeper) {
        struct run_state state = {.steps = steps,
                                  .epochs = epochs,
                                  .row = begin,
                                  .epoch_loss = epoch_loss,
                                  .reached = reached};
        keep(run, &state, true);
    }
    if (w == 0) {
        run->outcome.steps = steps;
        run->outcome.epochs = epochs;
        run->outcome.seconds = now() - start - run->pause;
        run->outcome.stopped = stop;
        run->outcome.min_error = reached;
        run->outcome.impatient = !go_on;
        run->outcome.converged = converged;
    }
}

/* ------------------------------------------------------------------ before and after -------- */

static void run_done(struct run *run)
{
    for (int w = 0; run->worker && w < run->workers; w++) {
        arena_free(run->worker[w].arena, run->worker[w].arena_bytes);
        arena_free(run->worker[w].deltas, run->worker[w].deltas_bytes);
    }
    exchange_free(run->exchange);
    arena_free(run->worker, (size_t)run->workers * sizeof *run->worker);
    arena_free(run->W, run->block_bytes);
    arena_free(run->state1, run->block_bytes);
    arena_free(run->state2, run->block_bytes);
    arena_free(run->mask, run->block_bytes);
    arena_free(run->best, run->block_bytes);
    memory_free(run->plain);
    if (run->lbfgs) {
        lbfgs_done(run->lbfgs);
    }
    memory_free(run->squares);
    memory_free(run->partial);
    memory_free(run->shard_loss);
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

/** The state to go on from, or the beginning. */
static void begin(struct run *run, const double *values)
{
    const struct run_state *from = run->keeper ? run->keeper->begin : NULL;
    if (!from) {
        weights_pack(&run->recipe->shape, values, run->set->use_double, run->W);
        watch_begin(&run->watch);
    } else {
        void *block[STATE_BLOCKS] = {run->W, run->state1, run->state2, run->best};
        if (run->lbfgs) {
            memcpy(&block[STATE_LBFGS], run->lbfgs->block, sizeof run->lbfgs->block);
            run->lbfgs->state = from->lbfgs;
        }
        for (int i = 0; i < STATE_BLOCKS; i++) {
            if (block[i]) {
                memcpy(block[i], from->block[i], run->packed * run->passes->real_size);
            }
        }
        run->watch = from->watch;
        run->first_step = from->steps;
        run->outcome.best_epoch = from->best_epoch;
        run->outcome.loss = from->loss;
    }
    if (run->order) {
        shuffle(run, from ? from->epochs : 0);
    }
}

static heddle_status plan_batches(struct run *run, heddle_error *err)
{
    const struct run_recipe *recipe = run->recipe;
    int rank = cluster_rank();
    int ranks = cluster_ranks();
    heddle_status status = shard_plan_create_for(recipe->batch, recipe->shard, rank, ranks,
                                                 run->workers, run->block, &run->full, err);
    size_t rest = run->set->rows % recipe->batch;
    if (!status && rest) {
        status = shard_plan_create_for(rest, recipe->shard, rank, ranks, run->workers, run->block,
                                       &run->tail, err);
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

/** What only some recipes need: the mask, the squares, the best weights. */
static bool take_more(struct run *run, bool validates)
{
    const struct run_recipe *recipe = run->recipe;
    run->watched = recipe->patience || recipe->plateau;
    if (recipe->clip > 0) {
        run->pieces = (run->packed + PASS_PIECE - 1) / PASS_PIECE;
        run->squares = memory_new(run->pieces, sizeof *run->squares);
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
        size_t count = shape_parameters(&recipe->shape);
        double *ones = memory_new(count, sizeof *ones);
        run->mask = arena_new(run->block_bytes);
        for (size_t l = 1; ones && l <= recipe->shape.layers; l++) {
            double *weight = ones + weights_begin(&recipe->shape, l);
            for (size_t i = 0; i < recipe->shape.width[l - 1] * recipe->shape.width[l]; i++) {
                weight[i] = 1;
            }
        }
        if (ones && run->mask) {
            weights_pack(&recipe->shape, ones, run->set->use_double, run->mask);
            if (run->lbfgs) {
                run->lbfgs->mask = run->mask;
            }
        }
        bool complete = ones && run->mask;
        memory_free(ones);
        if (!complete) {
            return false;
        }
    }
    return (recipe->clip <= 0 || run->squares) && (!recipe->patience || !validates || run->best);
}

static struct exchange_setup exchange_setup_of(const struct run *run)
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

/** Grow *workers to those of a plan that have examples, *sums to the partial sums of all of them. */
static void look_at_shares(const struct shard_plan *plan, size_t *workers, size_t *sums)
{
    size_t busy = 0;
    size_t held = 0;
    for (int w = 0; plan && w < plan->workers; w++) {
        const struct worker_share *share = &plan->share[w];
        int last = -1;
        for (size_t c = 0; c < share->chunks; c++) {
            const struct chunk *chunk = &share->chunk[c];
            for (size_t k = 0; k < chunk->run.subtrees; k++) {
                last = chunk->partial[k] > last ? chunk->partial[k] : last;
            }
        }
        busy += share->chunks > 0;
        held += (size_t)(last + 1);
    }
    *workers = busy > *workers ? busy : *workers;
    *sums = held > *sums ? held : *sums;
}

/** Bytes of a worker's workspace, and of the losses behind it. */
static size_t space_bytes(const struct run *run)
{
    const struct run_recipe *recipe = run->recipe;
    return run->passes->workspace_bytes(&recipe->shape, run->capacity,
                                        recipe->has_extras ? &recipe->extras : NULL) +
           run->capacity * sizeof(double);
}

/**
 * Sizes of everything a run writes in; the batches are planned already. (Workers without examples
 * leave their pages untouched.)
 */
static struct trainer_memory count_memory(struct run *run, bool validates)
{
    const struct run_recipe *recipe = run->recipe;
    size_t workers = (size_t)run->workers;
    run->packed = shape_packed(&recipe->shape);
    bool alone = cluster_ranks() == 1;
    const struct exchange_setup setup = exchange_setup_of(run);
    size_t busy = 0;
    size_t sums = 0;
    look_at_shares(run->full, &busy, &sums);
    look_at_shares(run->tail, &busy, &sums);
    run->block_bytes = (alone ? run->packed : exchange_block(run->packed)) * run->passes->real_size;
    return (struct trainer_memory){
        .weights = run->block_bytes,
        .states = recipe->optimizer == OPTIMIZER_LBFGS
                      ? lbfgs_bytes(run->packed, run->block_bytes)
                      : (size_t)optimizer_states(recipe->optimizer) * run->block_bytes,
        .partials = sums * run->block_bytes,
        .foreign = alone ? 0 : exchange_bytes(&setup),
        .workspaces = busy * space_bytes(run) + workers * sizeof *run->worker,
        .order = run->full->shards * sizeof *run->shard_loss +
                 (recipe->shuffle ? run->set->rows * sizeof *run->order : 0),
        .others = (has_mask(recipe) ? run->block_bytes : 0) +
                  (recipe->patience && validates ? run->block_bytes : 0),
    };
}

/** All memory of a run. */
static heddle_status take_memory(struct run *run, size_t max_memory, bool validates,
                                 heddle_error *err)
{
    const struct run_recipe *recipe = run->recipe;
    size_t workers = (size_t)run->workers;
    int states = optimizer_states(recipe->optimizer);
    const struct training_extras *extras = recipe->has_extras ? &recipe->extras : NULL;
    struct trainer_memory m = count_memory(run, validates);
    size_t space = space_bytes(run);
    size_t deltas = (size_t)run->slots * run->block_bytes;
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
    bool complete = run->W && (states < 1 || run->state1) && (states < 2 || run->state2) &&
                    run->partial && run->worker && run->shard_loss;
    for (size_t w = 0; complete && w < workers; w++) {
        struct worker *worker = &run->worker[w];
        worker->arena_bytes = space;
        worker->deltas_bytes = deltas;
        worker->arena = arena_new(space);
        worker->deltas = arena_new(deltas);
        complete = worker->arena && worker->deltas;
        if (complete) {
            worker->each = (double *)((char *)worker->arena + space) - run->capacity;
            worker->ws = run->passes->workspace_place(worker->arena, &recipe->shape, run->kernels,
                                                      run->capacity, extras);
            for (int s = 0; s < run->slots; s++) {
                run->partial[w * PARTIALS_MAX + (size_t)s] =
                    (char *)worker->deltas + (size_t)s * run->block_bytes;
            }
        }
    }
    if (complete && recipe->shuffle) {
        run->order = memory_new(run->set->rows, sizeof *run->order);
        complete = run->order != NULL;
    }
    complete = complete && take_more(run, validates);
    return complete ? HEDDLE_OK : status_memory(err, "training", total);
}

/** The passes tell the exchange how far they are. */
static void watch_passes(struct run *run)
{
    for (int w = 0; run->exchange && w < run->workers; w++) {
        struct worker *worker = &run->worker[w];
        worker->run = run;
        worker->w = w;
        worker->watcher =
            (struct pass_watcher){.context = worker, .need = on_need, .known = on_known};
        run->passes->watch(worker->ws, &worker->watcher);
    }
}

static heddle_status diverged(const struct run *run, heddle_error *err)
{
    unsigned long long step = (unsigned long long)run->outcome.steps;
    if (run->diverged_layer) {
        return status_set(err, HEDDLE_E_DIVERGED,
                          "training diverged in step %llu: a weight delta of layer %zu is not "
                          "finite; a smaller --rate may help",
                          step, run->diverged_layer);
    }
    return status_set(err, HEDDLE_E_DIVERGED,
                      "training diverged in step %llu: the loss is not finite; a smaller --rate "
                      "may help",
                      step);
}

/**
 * Workers of the team that have something to do: one a shard, and where the network is large enough
 * for the update to be worth sharing, all.
 */
static int useful_workers(int workers, const struct run_recipe *recipe)
{
    enum { SMALL = 16384 }; /* reals */
    size_t shards = (recipe->batch + recipe->shard - 1) / recipe->shard;
    bool small = shape_packed(&recipe->shape) < SMALL;
    return small && shards < (size_t)workers ? (int)shards : workers;
}

heddle_status trainer_memory(const struct run_recipe *recipe, size_t rows, bool validates,
                             int workers, enum isa isa, struct trainer_memory *memory,
                             heddle_error *err)
{
    struct dataset set = {.rows = rows};
    struct run run = {
        .recipe = recipe,
        .set = &set,
        .passes = passes_of(recipe->use_double),
        .block = kernels_block(isa),
        .workers = useful_workers(workers, recipe),
    };
    heddle_status status = plan_batches(&run, err);
    if (!status) {
        *memory = count_memory(&run, validates);
    }
    run_done(&run);
    return status;
}

heddle_status trainer_run(const struct run_recipe *recipe, const struct dataset *set,
                          const struct dataset *validation, struct team *team, enum isa isa,
                          size_t max_memory, const heddle_callbacks *callbacks,
                          const struct keeper *keeper, double *values, struct run_outcome *outcome,
                          heddle_error *err)
{
    struct run run = {
        .recipe = recipe,
        .set = set,
        .passes = passes_of(set->use_double),
        .kernels = kernels_find(isa, set->use_double),
        .block = kernels_block(isa),
        .examples = examples_of(set),
        .team = team,
        .workers = useful_workers(team_workers(team), recipe),
        .callbacks = callbacks,
        .keeper = keeper,
        .resident = recipe->batch == set->rows && !recipe->shuffle && recipe->extras.noise <= 0,
    };
    struct lbfgs lbfgs = {
        .passes = run.passes,
        .team = team,
        .workers = run.workers,
        .rate = recipe->rate,
        .l2 = recipe->l2,
        .evaluate = evaluate,
        .context = &run,
    };
    run.lbfgs = recipe->optimizer == OPTIMIZER_LBFGS ? &lbfgs : NULL;
    run.examples.weight = recipe->row_weight;
    heddle_status status = plan_batches(&run, err);
    if (!status) {
        status = take_memory(&run, max_memory, validation != NULL, err);
    }
    if (!status && validation) {
        status = scorer_create(&recipe->shape, recipe->loss, validation, isa, run.workers, true,
                               &run.validation, err);
    }
    if (!status && validation) {
        status = scorer_spread(run.validation, err);
    }
    if (!status && cluster_ranks() > 1) {
        const struct exchange_setup setup = exchange_setup_of(&run);
        status = exchange_create(&setup, &run.exchange, err);
        watch_passes(&run);
    }
    status = cluster_agree(status, err);
    if (!status) {
        begin(&run, values);
        team_run(team, work, &run);
        if (run.diverged) {
            status = diverged(&run, err);
            outcome->steps = run.outcome.steps;
        } else {
            bool kept = run.best && run.outcome.best_epoch;
            weights_unpack(&recipe->shape, kept ? run.best : run.W, set->use_double, values);
            *outcome = run.outcome;
        }
    }
    run_done(&run);
    return status;
}
