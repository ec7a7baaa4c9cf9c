/**
 * calibrate: candidates are the powers of two below the planned number, and that number. Where steps
 * are short, workers may cost more than they do, and one is tried first, then more; where they are
 * long, all are tried first, which is where a trial costs least. As a function of the number of
 * workers the time of a step has one valley, so the search ends when it climbs.
 */
#include "train/calibrate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/status.h"
#include "machine/cluster.h"

/**
 * A trial is the fastest of TRIES, each of at least so many steps and seconds; the first steps are
 * not counted. (Others use the machine too: the fastest of three is what it can do.)
 */
enum { TRIES = 3, STEPS = 3, UNTIMED = 2 };
#define SECONDS 0.0007

/** Steps up to this many seconds of one worker are short. */
#define SHORT_STEP 0.001

/** A run shorter than this is not worth the start of a second thread. */
#define TINY_SECONDS 0.005

/** All trials together: less than this share of the run, unless they take less than FREE_SECONDS. */
#define SHARE 0.02
#define FREE_SECONDS 0.03

/** Fewer workers are kept if they take at most so much longer. */
#define WITHIN 1.03

/** So much slower than the best means that the valley lies behind. */
#define CLIMB 1.25

/**
 * For a first guess at the length of a run, one worker: so many flop and so many seconds a step.
 * Between what the scalar kernels reach (2 GFLOP/s) and the widest (100); only its magnitude
 * matters.
 */
#define GUESS_FLOP 2e10
#define GUESS_STEP 2e-7

/** 1, 2, 4 … 4,096 and a number between. */
enum { CANDIDATES = 14 };

/** A trial looks at so many rows at most, or at a batch if that is more. */
enum { ROWS = 65536 };

struct trial {
    const struct run_recipe *run;
    struct dataset set; /* the first rows of the data: no long order to be shuffled */
    size_t max_memory;
    const double *values;
    double *scratch;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/** Steps of the run ahead, as far as the recipe tells. */
static double planned_steps(const struct run_recipe *run, const struct dataset *set)
{
    double steps = (double)run->steps;
    if (run->epochs) {
        double all = (double)run->epochs * (double)((set->rows + run->batch - 1) / run->batch);
        steps = all < steps ? all : steps;
    }
    return steps;
}

/** Seconds of a step with this team; 0 if it could not be tried. *spent grows by all it took. */
static double try_team(const struct trial *trial, const struct workers *workers, struct team *team,
                       double *spent)
{
    size_t count = shape_parameters(&trial->run->shape);
    double fastest = 0;
    uint64_t steps = STEPS;
    for (int tries = 0; tries < TRIES;) {
        struct run_recipe run = *trial->run;
        struct run_outcome outcome;
        double begin = now();
        run.steps = UNTIMED + steps;
        run.untimed = UNTIMED;
        run.epochs = 0;
        run.min_error = -1;
        run.patience = 0;
        run.time_limit = 0;
        run.report_every = UINT64_MAX;
        memcpy(trial->scratch, trial->values, count * sizeof *trial->scratch);
        if (trainer_run(&run, &trial->set, NULL, team, workers->isa, trial->max_memory, NULL, NULL,
                        trial->scratch, &outcome, NULL) != HEDDLE_OK ||
            outcome.seconds <= 0) {
            return 0;
        }
        double step = outcome.seconds / (double)steps;
        *spent += now() - begin;
        if (outcome.seconds < SECONDS && steps < 1000000) {
            steps = (uint64_t)(1.3 * SECONDS / step) + 1 + steps; /* so that the next is enough */
            continue;
        }
        fastest = fastest == 0 || step < fastest ? step : fastest;
        /* long steps are steady enough */
        tries = outcome.seconds > TRIES * SECONDS ? TRIES : tries + 1;
    }
    return fastest;
}

/** Seconds as people read them: "0.19 µs", "3.4 ms". */
static const char *time_text(double seconds, char text[32])
{
    double us = seconds * 1e6;
    snprintf(text, 32, us < 1000 ? "%.3g µs" : "%.3g ms", us < 1000 ? us : us / 1000);
    return text;
}

/** Another plan and its team in place of those of `workers`. */
static heddle_status change_workers(struct workers *workers, int count, enum bind bind,
                                    const char *why, heddle_error *err)
{
    struct plan *plan;
    struct team *team;
    heddle_status status = plan_create(workers->topology, count, bind, &plan, err);
    if (status) {
        return status;
    }
    status = team_create(plan, &team, err);
    if (status) {
        plan_free(plan);
        return status;
    }
    plan->fixed = false;
    snprintf(plan->why, sizeof plan->why, "%s", why);
    team_free(workers->team);
    plan_free(workers->plan);
    workers->team = team;
    workers->plan = plan;
    return HEDDLE_OK;
}

/** Seconds of a step of one worker, guessed. */
static double guess_step(const struct run_recipe *run)
{
    return shape_flop(&run->shape) * (double)run->batch / GUESS_FLOP + GUESS_STEP;
}

/** Seconds of a step with `count` workers, bound as a run would have them; 0: could not be tried. */
static heddle_status try_count(const struct trial *trial, struct workers *workers, enum bind bind,
                               int count, double *step, double *spent, heddle_error *err)
{
    struct plan *plan;
    struct team *team;
    if (count == workers->plan->workers) {
        *step = try_team(trial, workers, workers->team, spent);
        return HEDDLE_OK;
    }
    heddle_status status = plan_create(workers->topology, count, bind, &plan, err);
    if (status) {
        return status;
    }
    status = team_create(plan, &team, err);
    if (!status) {
        *step = try_team(trial, workers, team, spent);
        team_free(team);
    }
    plan_free(plan);
    return status;
}

/** Time the candidates; *best is the number to take, `why` what was measured. */
static heddle_status search(const struct trial *trial, struct workers *workers, enum bind bind,
                            double steps, int *best, char why[256], heddle_error *err)
{
    int candidate[CANDIDATES];
    double step[CANDIDATES] = {0};
    int count = 0;
    for (int n = 1; n < workers->plan->workers; n *= 2) {
        candidate[count++] = n;
    }
    candidate[count++] = workers->plan->workers;
    bool upward = guess_step(trial->run) <= SHORT_STEP;
    double fastest = 0;
    double spent = 0;
    for (int k = 0; k < count; k++) {
        int i = upward ? k : count - 1 - k;
        heddle_status status = try_count(trial, workers, bind, candidate[i], &step[i], &spent, err);
        if (status) {
            return status;
        }
        if (step[i] > 0) {
            fastest = fastest == 0 || step[i] < fastest ? step[i] : fastest;
        }
        /* half the workers take at most twice as long */
        double next = (upward ? 1 : 2) * step[i] * (UNTIMED + STEPS);
        bool dear = spent + next > FREE_SECONDS && spent + next > SHARE * steps * fastest;
        if (step[i] > fastest * CLIMB || dear) {
            break;
        }
    }
    *best = workers->plan->workers;
    for (int i = count; i-- > 0;) {
        if (step[i] > 0 && step[i] <= fastest * WITHIN) {
            *best = candidate[i];
        }
    }
    int used = snprintf(why, 256, "calibrated:");
    for (int i = 0; i < count && used < 200; i++) {
        char text[32];
        if (step[i] > 0) {
            used += snprintf(why + used, 256 - (size_t)used, "%s %d worker%s %s%s",
                             used > 11 ? "," : "", candidate[i], candidate[i] == 1 ? "" : "s",
                             time_text(step[i], text), used > 11 ? "" : " a step");
        }
    }
    return HEDDLE_OK;
}

static bool tiny(const struct run_recipe *run, const struct dataset *set)
{
    return planned_steps(run, set) * guess_step(run) < TINY_SECONDS;
}

bool calibrate_tries(const struct run_recipe *run, const struct dataset *set,
                     const struct plan *plan)
{
    /* Ranks would have to try the same numbers at the same time. */
    if (plan->fixed || plan->workers == 1 || tiny(run, set) || cluster_ranks() > 1) {
        return false;
    }
    /* A few long steps: trying would take as long as the run. */
    double step = guess_step(run) / plan->workers;
    double trial = step * (UNTIMED + STEPS);
    return trial <= FREE_SECONDS || trial <= SHARE * planned_steps(run, set) * step;
}

heddle_status calibrate(const struct run_recipe *run, const struct dataset *set, enum bind bind,
                        size_t max_memory, const double *values, struct workers *workers,
                        heddle_error *err)
{
    const struct plan *plan = workers->plan;
    if (!plan->fixed && plan->workers > 1 && tiny(run, set)) {
        return change_workers(workers, 1, bind, "the run is too short for a second worker", err);
    }
    size_t feeds = trainer_feeds(run);
    if (!plan->fixed && feeds < (size_t)plan->workers) {
        char few[64];
        snprintf(few, sizeof few, "a batch has work for %zu worker%s%s", feeds,
                 feeds == 1 ? "" : "s", cluster_ranks() > 1 ? " of a rank" : "");
        heddle_status capped = change_workers(workers, (int)feeds, bind, few, err);
        if (capped) {
            return capped;
        }
        plan = workers->plan;
    }
    if (!calibrate_tries(run, set, plan)) {
        return HEDDLE_OK;
    }
    size_t count = shape_parameters(&run->shape);
    struct trial trial = {.run = run, .set = *set, .max_memory = max_memory, .values = values};
    size_t rows = run->batch > ROWS ? run->batch : ROWS;
    trial.set.rows = set->rows < rows ? set->rows : rows;
    trial.scratch = memory_new(count, sizeof *trial.scratch);
    if (!trial.scratch) {
        return status_memory(err, "a copy of the weights", count * sizeof *trial.scratch);
    }
    int best = plan->workers;
    char why[256];
    heddle_status status = search(&trial, workers, bind, planned_steps(run, set), &best, why, err);
    memory_free(trial.scratch);
    if (status) {
        return status;
    }
    if (best != plan->workers) {
        return change_workers(workers, best, bind, why, err);
    }
    snprintf(workers->plan->why, sizeof workers->plan->why, "%s", why);
    return HEDDLE_OK;
}
