/**
 * estimate: heddle_train_estimate(): everything heddle_train() does before the first step, and in
 * place of the steps what they would take. Memory is counted by the code that takes it
 * (trainer_memory(), workspace_bytes()), so the two cannot disagree.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/available.h"
#include "base/memory.h"
#include "base/status.h"
#include "data/table.h"
#include "data/view.h"
#include "kernel/dispatch.h"
#include "machine/cluster.h"
#include "model/model.h"
#include "train/calibrate.h"
#include "train/checkpoint.h"
#include "train/choose.h"
#include "train/encode.h"
#include "train/fit.h"
#include "train/keep.h"
#include "train/order.h"
#include "train/score.h"
#include "train/trainer.h"
#include "train/unused.h"
#include "train/workers.h"

/**
 * Bytes of memory this process holds now, and which of them are of files; 0 where the system does
 * not tell.
 */
static size_t resident_now(size_t *of_files)
{
    uint64_t pages[2] = {0, 0}; /* the second and the third number of the line */
    char line[128] = "";
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    FILE *stream = fopen("/proc/self/statm", "r");
    if (stream) {
        const char *at = fgets(line, sizeof line, stream) ? line : "";
        for (int i = 0; i < 2 && (at = strchr(at, ' ')); i++) {
            at++;
            if (!text_to_u64(at, strcspn(at, " "), &pages[i])) {
                break;
            }
        }
        fclose(stream);
    }
    *of_files = (size_t)pages[1] * page;
    return (size_t)pages[0] * page;
}

static size_t resident_most(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

/** Of the bytes of files those that are the program and its libraries, about. */
enum { LIBRARY_BYTES = 5 << 20 };

/**
 * Bytes of a workspace that scoring looks at: the layers; of the deltas' blocks, each as large as
 * the widest layer, no more than their beginnings, for which the system may take a huge page.
 */
static size_t score_touched(const struct run_recipe *run, size_t space)
{
    enum { DELTA_BLOCKS = 3, HUGE_PAGE = 2 << 20 };
    const size_t *width = run->shape.width;
    size_t row = run->use_double ? sizeof(double) : sizeof(float);
    size_t sum = width[0];
    size_t widest = 0;
    for (size_t l = 1; l <= run->shape.layers; l++) {
        sum += width[l];
        widest = width[l] > widest ? width[l] : widest;
    }
    size_t block = widest * row * SCORE_BLOCK;
    size_t begin = block < HUGE_PAGE ? block : HUGE_PAGE;
    size_t touched = sum * row * SCORE_BLOCK + DELTA_BLOCKS * begin;
    return touched < space ? touched : space;
}

/** Outputs and losses of a data set that is scored, and the workspaces for it. */
static size_t score_bytes(const struct run_recipe *run, const struct dataset *set, size_t workers)
{
    if (!set->rows) {
        return 0;
    }
    size_t space =
        passes_of(run->use_double)->workspace_bytes(&run->shape, SCORE_BLOCK, NULL, false);
    size_t blocks = (set->rows + SCORE_BLOCK - 1) / SCORE_BLOCK;
    size_t busy = blocks < workers ? blocks : workers;
    return set->rows * (run->shape.width[run->shape.layers] + 1) * sizeof(double) +
           busy * score_touched(run, space);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/** Bytes of a table's file that rows of a data set are used in. */
static size_t mapped_bytes(const heddle_table *table, const struct dataset *set)
{
    return table && dataset_in_place(set) && table->source.mapped ? table->source.size : 0;
}

/** Bytes for rows of a data set that are read as they are wanted. */
static size_t tiles_of(const struct dataset *set, bool by_blocks)
{
    size_t window = by_blocks ? order_window(set->inputs) : 0;
    return set->view ? view_bytes_taken(set->view, set->rows, window) : 0;
}

/** What is kept of the run besides: checkpoints, and the weights for a log. */
static size_t keep_bytes(const struct fit_request *request, const struct run_recipe *run,
                         bool validates)
{
    const heddle_recipe *recipe = request->recipe;
    bool writes = strcmp(recipe_text(recipe, OPTION_CHECKPOINT), "none") != 0;
    bool reads = strcmp(recipe_text(recipe, OPTION_RESUME), "none") != 0;
    bool logs = request->callbacks && request->callbacks->wants_weights;
    return (writes ? checkpoint_write_bytes(run, validates) : 0) +
           (reads ? checkpoint_read_bytes(run, validates) : 0) +
           (logs ? shape_parameters(&run->shape) * sizeof(double) : 0);
}

/** Returns the most that a run takes at a time, besides what it has been given. */
static size_t count_memory(const struct fit_request *request, const struct run_recipe *run,
                           const struct encoded *data, const struct plan *plan,
                           const struct trainer_memory *memory, heddle_estimate *e)
{
    size_t workers = (size_t)plan->workers;
    size_t copy = calibrate_tries(run, &data->train, plan) ? e->parameters * sizeof(double) : 0;
    size_t values = e->parameters * sizeof(double);
    size_t saved = e->parameters * (run->use_double ? sizeof(double) : sizeof(float));
    size_t watched = score_bytes(run, &data->validation, workers);
    size_t tested = score_bytes(run, &data->test, workers);
    size_t tiles = tiles_of(&data->train, run->shuffle_blocks) +
                   tiles_of(&data->validation, false) + tiles_of(&data->test, false);
    e->data_bytes = data->train.arena_bytes + data->validation.arena_bytes +
                    data->test.arena_bytes + memory->order + tiles;
    e->parameter_bytes = memory->weights + values;
    e->state_bytes = memory->states;
    e->partial_bytes = memory->partials + memory->foreign;
    e->workspace_bytes = memory->workspaces + watched;
    e->mapped_bytes = mapped_bytes(request->table, &data->train) +
                      mapped_bytes(request->validation, &data->validation) +
                      mapped_bytes(request->test, &data->test);
    e->keep_bytes = keep_bytes(request, run, data->validation.rows > 0);
    /* while it trains (calibrating takes a copy of the weights), and while it is wrapped up */
    size_t training = memory->weights + memory->states + memory->partials + memory->foreign +
                      memory->workspaces + memory->order + memory->others + larger(watched, copy) +
                      tiles;
    size_t choosing = 0;
    if (run->choose_epochs) {
        choose_at_once(run, &data->train, workers, recipe_max_memory(request->recipe), &choosing);
    }
    size_t ending = values + larger(saved, larger(watched, tested));
    return e->keep_bytes + values + larger(larger(training, choosing), ending);
}

/** What the process will hold at most if it takes so much more; 0 where the system does not tell. */
static size_t peak_bytes(const heddle_estimate *e, size_t more)
{
    size_t seen;
    size_t now = resident_now(&seen);
    /* of a mapped file what has not been looked at yet, and as much as the system has room for */
    seen = seen > LIBRARY_BYTES ? seen - LIBRARY_BYTES : 0;
    size_t file_left = e->mapped_bytes > seen ? e->mapped_bytes - seen : 0;
    size_t available = memory_available("", 1);
    file_left = file_left < available ? file_left : available;
    return now ? larger(now + file_left + more, resident_most()) : 0;
}

static void fill(const struct run_recipe *run, const struct encoded *data, heddle_estimate *e)
{
    size_t rows = data->train.rows;
    shape_text(&run->shape, e->shape, sizeof e->shape);
    e->parameters = shape_parameters(&run->shape);
    e->rows = rows;
    e->validation_rows = data->validation.rows;
    e->batch = run->batch;
    e->shard = run->shard;
    e->shards = (run->batch + run->shard - 1) / run->shard;
    e->feeds = trainer_feeds(run);
    e->steps_per_epoch = (rows + run->batch - 1) / run->batch;
    e->epochs = run->epochs;
    e->steps = run->steps;
    if (run->epochs && run->epochs <= UINT64_MAX / e->steps_per_epoch &&
        run->epochs * e->steps_per_epoch < e->steps) {
        e->steps = run->epochs * e->steps_per_epoch;
    }
    e->flop_per_epoch = shape_flop(&run->shape) * (double)rows;
    e->seed = run->seed;
}

/** Plan the run in memory, everything before it being done. */
static heddle_status measure(const struct fit_request *request, const struct run_recipe *run,
                             const struct encoded *data, const struct workers *workers,
                             heddle_estimate *e, size_t *most, heddle_error *err)
{
    struct trainer_memory memory;
    heddle_status status = trainer_memory(run, data->train.rows, data->validation.rows > 0,
                                          workers->plan->workers, &memory, err);
    if (!status) {
        fill(run, data, e);
        *most = count_memory(request, run, data, workers->plan, &memory, e);
    }
    return status;
}

/**
 * Are so many bytes to be had, by every rank of this machine? Arenas are only mapped: they would be
 * had, and the end come later.
 */
static heddle_status check_available(size_t most, heddle_error *err)
{
    enum { ASKED_FROM = 64 << 20 }; /* less is there, or nothing is */
    const double mebi = 1024.0 * 1024.0;
    const size_t ranks = (size_t)cluster_neighbours();
    const size_t available = most < ASKED_FROM / ranks ? SIZE_MAX : memory_available("", ranks);
    char share[64] = "";
    if (most <= available) {
        return HEDDLE_OK;
    }
    if (ranks > 1) {
        snprintf(share, sizeof share, " for each of the machine's %zu ranks", ranks);
    }
    return status_set(err, HEDDLE_E_MEMORY,
                      "training needs %.1f MiB besides the data, there are %.1f MiB%s: fewer "
                      "threads, a smaller batch or a smaller network need less",
                      (double)most / mebi, (double)available / mebi, share);
}

heddle_status fit_check_memory(const struct fit_request *request, const struct run_recipe *run,
                               const struct encoded *data, const struct workers *workers,
                               heddle_error *err)
{
    size_t limit = recipe_max_memory(request->recipe);
    size_t most = 0;
    heddle_estimate e = {0};
    heddle_status status = measure(request, run, data, workers, &e, &most, err);
    size_t all =
        most + data->train.arena_bytes + data->validation.arena_bytes + data->test.arena_bytes;
    if (!status && limit && all > limit) {
        return status_set(err, HEDDLE_E_MEMORY,
                          "training needs %zu bytes, --max-memory allows %zu: fewer threads or a "
                          "smaller batch need less",
                          all, limit);
    }
    return status ? status : check_available(most, err);
}

static void note_choice(const heddle_callbacks *callbacks)
{
    if (callbacks && callbacks->note) {
        callbacks->note(callbacks->user,
                        "cross-validation will choose one of two networks; this is "
                        "the larger");
    }
}

heddle_status fit_estimate(const struct fit_request *request, heddle_estimate *estimate,
                           heddle_error *err)
{
    const heddle_recipe *recipe = request->recipe;
    const heddle_model *initial = request->initial;
    struct encoded data = {0};
    struct run_recipe run = {0};
    heddle_estimate e = {0};
    struct workers workers = {0};
    size_t most = 0;
    heddle_status status = encode(recipe, request->table, request->validation, request->test,
                                  request->fold, request->callbacks, &data, err);
    if (!status) {
        struct recipe_facts facts = encoded_facts(&data, initial ? &initial->shape : NULL);
        facts.shard = request->one_of_many ? 0 : keep_shard(recipe);
        status = recipe_resolve(recipe, &facts, &run, err);
        if (!status && run.choose_width) { /* the larger of two networks */
            recipe_done(&run);
            facts.wide = true;
            status = recipe_resolve(recipe, &facts, &run, err);
            note_choice(request->callbacks);
        }
    }
    if (!status) {
        encoded_note_reach(&data, &run.shape, request->callbacks);
        if (!request->one_of_many) {
            recipe_note_unused(recipe, &run, request->callbacks);
        }
    }
    if (!status && initial) {
        status = encoded_check_initial(&run.shape, &initial->shape, err);
    }
    if (!status) {
        status = workers_create(recipe, recipe_threads(recipe), &workers, err);
    }
    if (!status) {
        status = measure(request, &run, &data, &workers, &e, &most, err);
    }
    if (!status) {
        const heddle_callbacks *callbacks = request->callbacks;
        heddle_error few;
        if (check_available(most, &few) && callbacks && callbacks->note) {
            callbacks->note(callbacks->user, few.text);
        }
        e.threads = workers.plan->workers;
        e.ranks = cluster_ranks();
        snprintf(e.why, sizeof e.why, "%s", workers.plan->why);
        snprintf(e.isa, sizeof e.isa, "%s", isa_name(workers.isa));
        e.peak_bytes = peak_bytes(&e, most);
        *estimate = e;
    }
    workers_done(&workers);
    recipe_done(&run);
    encoded_done(&data);
    return status;
}

heddle_status heddle_train_estimate(const heddle_recipe *recipe, const heddle_table *table,
                                    const heddle_table *validation, const heddle_table *test,
                                    const heddle_model *initial, const heddle_callbacks *callbacks,
                                    heddle_estimate *estimate, heddle_error *err)
{
    const struct fit_request request = {.recipe = recipe,
                                        .table = table,
                                        .validation = validation,
                                        .test = test,
                                        .initial = initial,
                                        .callbacks = callbacks};
    return fit_estimate(&request, estimate, err);
}
