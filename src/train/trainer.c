/**
 * trainer: the loop. What can fail (memory, threads) has failed before it starts; inside nothing
 * can but the numbers.
 */
#include "train/trainer.h"

#include <string.h>
#include <time.h>

#include "base/random.h"
#include "base/status.h"
#include "base/sum.h"
#include "data/view.h"
#include "kernel/dispatch.h"
#include "machine/cluster.h"
#include "train/order.h"
#include "train/run.h"

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
        .byte_stride = set->byte_stride,
        .row = set->row,
        .byte_scale = set->byte_scale,
        .read = view_row,
        .view = set->view,
        .class_index = set->class_index,
        .target = set->target,
        .target_stride = set->target_stride,
    };
}

static void shuffle(struct run *run, uint64_t epoch)
{
    if (run->recipe->shuffle_blocks) {
        order_blocks(run->recipe->seed, epoch, run->set->inputs, run->order, run->set->rows);
    } else {
        random_permutation_by(run->stream, run->recipe->seed, RANDOM_SHUFFLE, epoch, run->order,
                              run->set->rows);
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
    run_meet(run, w);
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
    run_meet(run, w);
    if (run->best && run->watch.improved) {
        size_t begin, end;
        size_t size = run->passes->real_size;
        run_slice(run, w, &begin, &end);
        memcpy((char *)run->best + begin * size, (char *)run->W + begin * size,
               (end - begin) * size);
        if (w == 0) {
            run->outcome.best_epoch = epochs;
        }
        run_meet(run, w); /* a checkpoint must have all of it */
    }
    return !run->watch.exhausted;
}

/** The weights in run->good: those after so many steps, and when to look for better ones. */
struct aside {
    double loss;
    uint64_t steps, after;
};

/**
 * Before an update: are these the best weights so far, for the case that the run diverges? The loss
 * is the epoch's mean, the last batch's in it, which is theirs: so they have not gone wrong yet,
 * whatever their weight deltas turn out to be. In the first epoch any step may be it, then the last
 * of each. Looked at after a few and then ever more steps (`after`), so that it costs nothing; all
 * workers come to the same answer.
 */
static void put_aside(struct run *run, struct aside *aside, double loss, uint64_t steps, int w)
{
    if (!(loss < aside->loss)) {
        return;
    }
    size_t begin, end;
    size_t size = run->passes->real_size;
    *aside = (struct aside){loss, steps, steps + 4 + steps / 2};
    step_settle(run, w);
    run_slice(run, w, &begin, &end);
    memcpy((char *)run->good + begin * size, (char *)run->W + begin * size, (end - begin) * size);
    run_meet(run, w);
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
            .rate = step_rate(run, steps),
            .has_validation = run->validation != NULL,
            .seconds = began - start - run->pause,
            .tutorial = recipe->tutorial,
            .last = last,
        };
        heddle_score score = {0};
        if (run->validation) {
            r.validation_loss = scorer_loss(run->validation, recipe->sum_deltas);
            bool all = callbacks->wants_score && recipe->preprocess &&
                       !scorer_score(run->validation, recipe->preprocess, recipe->sum_deltas,
                                     &score, NULL);
            r.validation = all ? &score : NULL;
            r.validation_score = scorer_headline(run->validation);
        }
        if (run->plain) {
            weights_unpack(&recipe->shape, run->W, run->set->use_double, run->plain);
            r.weights = run->plain;
            r.width = recipe->shape.width;
            r.layers = recipe->shape.layers;
        }
        run->stop_report = callbacks->report(callbacks->user, &r) != 0;
        heddle_score_done(&score);
    }
    if (w == 0) {
        cluster_broadcast(&run->stop_report, sizeof run->stop_report, 0);
        run->pause += now() - began;
    }
    run_meet(run, w);
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
    run_meet(run, w);
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
    step_settle(run, 0);
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

/** The end of a run whose update number `steps` cannot be made. */
static void diverge(struct run *run, const struct aside *aside, uint64_t steps, double loss, int w)
{
    if (w == 0) {
        run->diverged = true;
        run->diverged_layer = step_layer(run, loss);
        run->outcome.steps = steps;
        /* what a run began with is no result of it, if that is where it ends */
        run->outcome.good = aside->loss < __builtin_inf() && steps > run->first_step + 1;
        run->outcome.good_steps = aside->steps;
    }
}

/** Where work() is. */
#define STATE_NOW                                                                                  \
    .steps = steps, .epochs = epochs, .row = begin, .epoch_loss = epoch_loss, .reached = reached

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
    bool asks = run->callbacks || run->keeper || recipe->time_limit > 0;
    double start = now();
    double epoch_loss = from ? from->epoch_loss : 0;
    uint64_t epochs = from ? from->epochs : 0;
    uint64_t steps = run->first_step;
    size_t begin = from ? (size_t)from->row : 0;
    bool stop = false;
    bool kept = false;
    bool reached = from && from->reached;
    bool go_on = !run->watch.exhausted;
    bool converged = run->lbfgs && run->lbfgs->state.over != 0;
    struct aside aside = {.loss = __builtin_inf()};
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
            step_batch(run, plan, begin, w, steps);
            if (w == 0 && asks) {
                ask(run, start);
            }
            step_meet(run, w);
            stop = run->stop_step;
            loss = step_loss(run, plan);
            finite = __builtin_isfinite(loss);
        }
        if (finite && steps >= aside.after && (epochs == 0 || begin + plan->batch == rows)) {
            double seen = recipe->sum_deltas ? 1 : (double)(begin + plan->batch);
            put_aside(run, &aside, (epoch_loss + loss) / seen, steps, w);
        }
        steps++;
        if (!run->lbfgs && finite && (finite = step_finite(run, plan, w))) {
            step_update(run, plan, steps, w);
            step_end(run, w);
            finite = step_learned(run, w);
        }
        if (!finite) {
            diverge(run, &aside, steps, loss, w);
            return;
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
            run_meet(run, w);
        }

        bool epoch_ends = begin == rows;
        bool last = steps == recipe->steps || stop;
        if (!epoch_ends && !last && !run->lbfgs && !run->keeper) {
            continue; /* nothing is looked at */
        }
        if (epoch_ends || last) { /* the weights are looked at */
            step_settle(run, w);
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
        if (w == 0 && stop && run->keeper) { /* before scores: who asks does not wait for long */
            keep(run, &(struct run_state){STATE_NOW}, true);
            kept = true;
        }
        if (due || (!recipe->tutorial && last)) {
            report(run, steps, epochs, mean, last, run->watched && epoch_ends, start, w);
            stop = stop || run->stop_report;
        }
        bool ends = last || stop;
        if (w == 0 && !ends && keep_due(run, steps, epochs, epoch_ends)) {
            keep(run, &(struct run_state){STATE_NOW}, false);
        }
        if (epoch_ends && run->order && recipe->shuffle && !ends) {
            if (w == 0) {
                shuffle(run, epochs);
            }
            run_meet(run, w);
        }
    }
    if (w == 0 && run->keeper && !kept) {
        keep(run, &(struct run_state){STATE_NOW}, true);
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

/** The largest weight or bias in size, the first that is not finite before all, and its layer. */
static double largest_weight(const struct run *run, const double *values, size_t *layer)
{
    const struct shape *shape = &run->recipe->shape;
    double largest = -1;
    for (size_t l = 1; l <= shape->layers && __builtin_isfinite(largest); l++) {
        size_t begin = weights_begin(shape, l);
        size_t end = begin + (shape->width[l - 1] + 1) * shape->width[l];
        for (size_t i = begin; i < end && __builtin_isfinite(largest); i++) {
            double size = __builtin_fabs(values[i]);
            if (!(size <= largest)) {
                largest = size;
                *layer = l;
            }
        }
    }
    return largest;
}

/** What is not finite, and where; values (room for all parameters) is overwritten. */
static heddle_status diverged(const struct run *run, double *values, heddle_error *err)
{
    unsigned long long step = (unsigned long long)run->outcome.steps;
    size_t layer = run->diverged_layer;
    if (layer) {
        return status_set(err, HEDDLE_E_DIVERGED,
                          "training diverged in step %llu: a weight delta of layer %zu is not "
                          "finite; a smaller --rate may help",
                          step, layer);
    }
    weights_unpack(&run->recipe->shape, run->W, run->set->use_double, values);
    double largest = largest_weight(run, values, &layer);
    return status_set(err, HEDDLE_E_DIVERGED,
                      "training diverged in step %llu: the loss is not finite; the largest weight, "
                      "%.3g, is of layer %zu; a smaller --rate may help",
                      step, largest, layer);
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
        .stream = kernels_stream(isa),
        .examples = examples_of(set),
        .team = team,
        .workers = run_workers(team_workers(team), recipe),
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
        .evaluate = step_evaluate,
        .context = &run,
    };
    run.lbfgs = recipe->optimizer == OPTIMIZER_LBFGS ? &lbfgs : NULL;
    run.examples.weight = recipe->row_weight;
    heddle_status status = run_plan(&run, err);
    if (!status) {
        status = run_take(&run, max_memory, validation != NULL, err);
    }
    if (!status && validation) {
        status = scorer_create(&recipe->shape, recipe->loss, validation, isa, run.workers, true,
                               &run.validation, err);
    }
    if (!status && validation) {
        status = scorer_spread(run.validation, err);
    }
    if (!status && cluster_ranks() > 1) {
        const struct exchange_setup setup = run_exchange_setup(&run);
        status = exchange_create(&setup, &run.exchange, err);
        step_watch(&run);
    }
    status = cluster_agree(status, err);
    if (!status) {
        begin(&run, values);
        team_run(team, work, &run);
        if (run.diverged) {
            status = diverged(&run, values, err);
            weights_unpack(&recipe->shape, run.good, set->use_double, values);
            *outcome = run.outcome;
        } else {
            bool kept = run.best && run.outcome.best_epoch;
            weights_unpack(&recipe->shape, kept ? run.best : run.W, set->use_double, values);
            *outcome = run.outcome;
        }
    }
    run_done(&run);
    return status;
}
