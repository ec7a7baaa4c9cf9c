/**
 * step: one step of a run, by every worker of the team: its examples through the passes, a meeting,
 * its slices of the update, a meeting.
 */
#include "base/sum.h"
#include "machine/cluster.h"
#include "train/run.h"

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
        exchange_known(run->exchange, me->w, begin);
    }
}

/** Take worker w's examples of the batch that begins at row `begin` of the order into its workspace. */
static void gather(struct run *run, const struct shard_plan *plan, const struct chunk *chunk,
                   size_t begin, int w)
{
    const struct passes *passes = run->passes;
    struct worker *me = &run->worker[w];
    size_t first = begin + chunk->first;
    size_t next = first + plan->batch;
    if (run->operands) { /* before gather(), which knows where the rows are */
        passes->join(me->ws, run->operands, plan->batch, chunk->first, chunk->examples);
    }
    passes->gather(me->ws, &run->examples, run->order ? run->order + first : NULL, first,
                   chunk->examples);
    if (run->order && next + chunk->examples <= run->set->rows) {
        passes->expect(me->ws, &run->examples, run->order + next, chunk->examples);
    }
}

/** The passes of a batch whose weight deltas are divided by weights. */
static void step_together(struct run *run, const struct shard_plan *plan, size_t begin, int w,
                          uint64_t step, bool anew)
{
    const struct passes *passes = run->passes;
    size_t legs = passes->legs(run->operands);
    if (anew && plan->share[w].chunks > 0) {
        gather(run, plan, plan->share[w].chunk, begin, w);
    }
    if (anew) {
        passes->locate(run->operands, w, &run->examples, run->order ? run->order + begin : NULL,
                       begin, plan->batch);
    }
    for (size_t leg = 0; leg < legs; leg++) {
        if (leg > 0) {
            run_meet(run, w);
        }
        passes->leg(run->operands, leg, &plan->spread, w, step, run->W, run->recipe->loss,
                    run->each);
    }
}

void step_batch(struct run *run, const struct shard_plan *plan, size_t begin, int w, uint64_t step)
{
    const struct passes *passes = run->passes;
    struct worker *me = &run->worker[w];
    const struct worker_share *share = &plan->share[w];
    void **partial = run->partial + (size_t)w * PARTIALS_MAX;
    bool anew = step == run->first_step || !run->resident;
    me->size = 0;
    if (run->exchange) {
        exchange_begin(run->exchange, plan == run->tail, w);
    }
    if (run->recipe->has_extras && share->chunks > 0) {
        passes->begin_step(me->ws, step);
    }
    if (run->operands) {
        step_together(run, plan, begin, w, step, anew);
        return;
    }
    for (size_t c = 0; c < share->chunks; c++) {
        const struct chunk *chunk = &share->chunk[c];
        me->last = run->exchange && c + 1 == share->chunks;
        if (anew || share->chunks > 1) {
            gather(run, plan, chunk, begin, w);
        }
        void *deltas[SUBTREES_MAX];
        for (size_t j = 0; j < run_places(&chunk->run); j++) {
            deltas[j] = partial[chunk->partial[j]];
        }
        me->size += passes->differentiate(me->ws, run->W, run->recipe->loss, &chunk->run,
                                          run->shard_loss + chunk->first_shard, deltas);
    }
    if (run->exchange) { /* a worker without a shard has told nothing yet */
        exchange_need(run->exchange, w, run->packed);
        exchange_known(run->exchange, w, 0);
    }
}

double step_loss(const struct run *run, const struct shard_plan *plan)
{
    return run->by_weights ? sum_leaves(run->each, plan->batch, plan->shard)
                           : sum_tree(run->shard_loss, plan->shards);
}

void step_settle(const struct run *run, int w)
{
    if (run->exchange) {
        exchange_need(run->exchange, w, run->packed);
    }
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

/** Part p, once other ranks' sums are there. */
static struct part part_of_ranks(const struct run *run, size_t p, int w)
{
    exchange_await(run->exchange, w, p);
    struct exchange_slice own = exchange_slice(run->exchange, p);
    return (struct part){.partial = own.partial, .first = own.begin, .count = own.end - own.begin};
}

/** Part p, once its sums are there. */
static inline struct part part_of(const struct run *run, size_t p, int w)
{
    struct part part = {.partial = run->partial, .count = run->packed};
    if (run->exchange) {
        part = part_of_ranks(run, p, w);
    }
    run_slice_of(run, part.count, w, &part.begin, &part.end);
    return part;
}

void step_meet_ranks(struct run *run, int w)
{
    exchange_rest(run->exchange, w);
    run_meet(run, w);
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
    run_meet(run, w);
}

void step_end_rest(struct run *run, int w)
{
    if (run->exchange && w == 0) {
        exchange_weights(run->exchange);
    }
    if (run->recipe->max_norm > 0) {
        step_settle(run, w);
        run_meet(run, w);
        run->passes->limit_norms(&run->recipe->shape, run->W, run->recipe->max_norm, w,
                                 run->workers);
        run_meet(run, w);
    }
}

/** What the workers have found, put together. */
static size_t first_found(const struct run *run)
{
    size_t where = SIZE_MAX;
    for (int v = 0; v < run->workers; v++) {
        where = run->worker[v].where < where ? run->worker[v].where : where;
    }
    return where;
}

bool step_finite_all(struct run *run, const struct shard_plan *plan, int w)
{
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
    run_meet(run, w);
    if (w == 0) {
        run->where = first_found(run);
        if (run->exchange) {
            exchange_first(run->exchange, &run->where);
        }
    }
    run_meet(run, w);
    return run->where == SIZE_MAX;
}

bool step_learned_all(struct run *run, int w)
{
    size_t where = first_found(run);
    if (w == 0) {
        run->where = where;
    }
    return where == SIZE_MAX;
}

size_t step_layer(const struct run *run, double loss)
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
    run_meet(run, w);
    if (run->exchange) {
        if (w == 0) {
            exchange_squares(run->exchange, run->squares);
        }
        run_meet(run, w);
    }
    double norm = scale * __builtin_sqrt(sum_tree(run->squares, run->pieces));
    double factor = run->recipe->clip / (norm + 1e-6);
    return factor < 1 ? factor : 1;
}

double step_rate(const struct run *run, uint64_t step)
{
    double rate = schedule_rate(&run->recipe->schedule, step - 1);
    return run->recipe->plateau ? rate * run->watch.factor : rate;
}

void step_update(struct run *run, const struct shard_plan *plan, uint64_t step, int w)
{
    const struct run_recipe *recipe = run->recipe;
    struct update_rule *rule = &run->worker[w].rule;
    double scale = recipe->sum_deltas ? 1 : plan->mean;
    double rate = step_rate(run, step);
    /* loads that span what has just been written wait for it, which tiny networks notice */
    if (rule->scale != scale || rule->rate != rate) {
        rule->scale = scale;
        rule->rate = rate;
        rule->decay = rate * recipe->weight_decay;
    }
    rule->step = step;
    if (run->operands) {
        rule->weight_mask = run->mask;
        run->worker[w].where = run->passes->learn(run->operands, &plan->whole, w, rule, run->W,
                                                  run->state1, run->state2, run->sums);
        if (!run->sums) {
            return;
        }
        run_meet(run, w);
        if (first_found(run) != SIZE_MAX) {
            return;
        }
    }
    if (run->squares) {
        rule->scale = scale * clip_factor(run, plan, scale, w);
    }
    for (size_t p = parts_of(run); p-- > 0;) {
        struct part part = part_of(run, p, w);
        rule->weight_mask = run_block(run, run->mask, part.first);
        run->passes->update(run->kernels, &plan->program, part.partial, part.begin, part.end, rule,
                            run_block(run, run->W, part.first),
                            run_block(run, run->state1, part.first),
                            run_block(run, run->state2, part.first));
        if (run->exchange) {
            exchange_updated(run->exchange, w, p);
        }
    }
}

bool step_evaluate(void *context, double *loss, int w)
{
    struct run *run = context;
    const struct shard_plan *plan = run->full;
    const double scale = run->recipe->sum_deltas ? 1 : plan->mean;
    void *gradient = run->lbfgs->block[LBFGS_GRADIENT];
    step_batch(run, plan, 0, w, run->first_step);
    step_meet(run, w);
    double sum = step_loss(run, plan);
    *loss = scale * sum;
    if (!__builtin_isfinite(sum) || !step_finite(run, plan, w)) {
        return false;
    }
    for (size_t p = parts_of(run); p-- > 0;) {
        struct part part = part_of(run, p, w);
        run->passes->combine(run->kernels, &plan->program, part.partial, part.begin, part.end,
                             scale, run_block(run, gradient, part.first));
    }
    run_meet(run, w);
    if (run->exchange) {
        if (w == 0) {
            exchange_gather(run->exchange, gradient);
        }
        run_meet(run, w);
    }
    return true;
}

void step_watch(struct run *run)
{
    for (int w = 0; run->exchange && w < run->workers; w++) {
        struct worker *worker = &run->worker[w];
        worker->run = run;
        worker->w = w;
        worker->watcher =
            (struct pass_watcher){.context = worker, .need = on_need, .known = on_known};
        if (worker->ws) { /* else it has no examples */
            run->passes->watch(worker->ws, &worker->watcher);
        }
    }
}
