/** keep: see keep.h. */
#include "train/keep.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/status.h"
#include "machine/cluster.h"

/** Without `checkpoint-every`: seconds of training from one checkpoint to the next. */
#define AUTO_SECONDS 30

enum { PATH_SIZE = 4096 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void note(const struct keep *keep, const char *text)
{
    if (keep->callbacks && keep->callbacks->note) {
        keep->callbacks->note(keep->callbacks->user, text);
    }
}

/* ---------------------------------------------------------------- while it runs -------------- */

static bool asked(void *user)
{
    const struct keep *keep = user;
    return keep->path && keep->seconds > 0 && now() - keep->written_at >= keep->seconds;
}

static void write_state(void *user, const struct run_state *state, bool last)
{
    struct keep *keep = user;
    if (!keep->path || (last && keep->written == state->steps && !keep->status)) {
        return;
    }
    heddle_error err;
    keep->status = checkpoint_write(keep->writer, state, keep->path, &err);
    keep->written_at = now();
    if (!keep->status) {
        keep->before = keep->written                   ? keep->written
                       : keep->own && !keep->source[0] ? keep->from.steps
                                                       : 0;
        keep->written = state->steps;
    } else {
        char text[sizeof err.text + 64];
        snprintf(text, sizeof text, last ? "%s" : "%s; training goes on", err.text);
        note(keep, text);
    }
}

/* ---------------------------------------------------------------- before --------------------- */

/** checkpoint-every: "100s", "100" or "2e"; "auto" is by the clock. */
static void read_every(struct keep *keep, const char *text)
{
    uint64_t n = 0;
    size_t length = strlen(text);
    char unit = text[length - 1];
    if (!text_to_u64(text, length - (unit == 's' || unit == 'e'), &n)) {
        keep->seconds = AUTO_SECONDS;
    } else if (unit == 'e') {
        keep->keeper.every_epochs = n;
    } else {
        keep->keeper.every_steps = n;
    }
}

/** The name of the checkpoint before the last one; false: it is too long. */
static bool name_previous(const char *path, char previous[PATH_SIZE])
{
    return (size_t)snprintf(previous, PATH_SIZE, "%s" FILE_PREVIOUS, path) < PATH_SIZE;
}

/** The checkpoint before the last one, after the last could not be used. */
static heddle_status read_previous(struct keep *keep, const heddle_error *why)
{
    char previous[PATH_SIZE];
    if (!name_previous(keep->path, previous)) {
        return HEDDLE_E_OPEN;
    }
    heddle_error reason;
    heddle_status status = checkpoint_read(previous, &keep->owner, &keep->from, &reason);
    if (!status) {
        char text[sizeof why->text + 128];
        snprintf(text, sizeof text, "%s; going on from '%.100s'", why->text, previous);
        note(keep, text);
    }
    return status;
}

static heddle_status resume_auto(struct keep *keep, heddle_error *err)
{
    if (!keep->path) {
        return status_set(err, HEDDLE_E_ARGUMENT, "--resume auto needs --checkpoint FILE");
    }
    heddle_error reason;
    heddle_status status = checkpoint_read(keep->path, &keep->owner, &keep->from, &reason);
    heddle_status second = HEDDLE_OK;
    if (status == HEDDLE_E_OPEN || status == HEDDLE_E_DATA || status == HEDDLE_E_IO) {
        second = read_previous(keep, &reason);
        if (!second) {
            keep->resumed = true;
            keep->source = FILE_PREVIOUS;
            return HEDDLE_OK;
        }
    }
    if (status == HEDDLE_E_OPEN && second == HEDDLE_E_OPEN) {
        note(keep, "no checkpoint yet, training begins at the beginning");
        return HEDDLE_OK;
    }
    keep->resumed = !status;
    return status ? status_set(err, status, "%s", reason.text) : HEDDLE_OK;
}

static heddle_status resume(struct keep *keep, const char *from, heddle_error *err)
{
    heddle_status status;
    bool automatic = strcmp(from, "auto") == 0;
    keep->own = automatic || (keep->path && strcmp(from, keep->path) == 0);
    if (automatic) {
        status = resume_auto(keep, err);
    } else {
        status = checkpoint_read(from, &keep->owner, &keep->from, err);
        keep->resumed = !status;
    }
    if (!status && keep->resumed) {
        char text[64];
        snprintf(text, sizeof text, "going on after step %llu",
                 (unsigned long long)keep->from.steps);
        note(keep, text);
    }
    return status;
}

size_t keep_shard(const heddle_recipe *recipe)
{
    const char *from = recipe_text(recipe, OPTION_RESUME);
    const char *path = recipe_text(recipe, OPTION_CHECKPOINT);
    if (strcmp(from, "none") == 0 || strcmp(recipe_text(recipe, OPTION_SHARD), "auto") != 0) {
        return 0;
    }
    if (strcmp(from, "auto") != 0) {
        return checkpoint_shard(from);
    }
    char previous[PATH_SIZE];
    size_t shard = checkpoint_shard(path);
    return shard || !name_previous(path, previous) ? shard : checkpoint_shard(previous);
}

heddle_status keep_begin(struct keep *keep, const heddle_recipe *recipe,
                         const struct run_recipe *run, const struct encoded *data,
                         const heddle_model *initial, struct workers *workers,
                         const heddle_callbacks *callbacks, const struct keeper **keeper,
                         heddle_error *err)
{
    const char *path = recipe_text(recipe, OPTION_CHECKPOINT);
    const char *from = recipe_text(recipe, OPTION_RESUME);
    bool resumes = strcmp(from, "none") != 0;
    *keep = (struct keep){
        .keeper = {.user = keep, .asked = asked, .keep = write_state},
        .owner = {recipe, run, data->preprocess, data->validation.rows > 0, "", "", ""},
        .path = strcmp(path, "none") != 0 ? path : NULL,
        .callbacks = callbacks,
        .source = "",
        .written_at = now(),
    };
    *keeper = NULL;
    if (!keep->path && !resumes && !(callbacks && callbacks->begin)) {
        return HEDDLE_OK;
    }
    read_every(keep, recipe_text(recipe, OPTION_CHECKPOINT_EVERY));
    bool writes = keep->path && cluster_rank() == 0;
    heddle_status status = writes ? file_can_keep(keep->path, err) : HEDDLE_OK;
    if (!status) {
        status = fingerprint(&data->train, data->weight, workers->team, keep->owner.data, err);
    }
    if (!status) {
        status = fingerprint(&data->validation, NULL, workers->team, keep->owner.validation, err);
    }
    if (!status && initial) {
        status = heddle_model_sha256(initial, keep->owner.initial, err);
    }
    if (!status && writes) {
        status = checkpoint_writer_create(&keep->owner, &keep->writer, err);
    }
    if (!status && resumes) {
        status = resume(keep, from, err);
    }
    if (!status && callbacks && callbacks->begin) {
        heddle_start start = {
            .recipe = run->text.data,
            .data = keep->owner.data,
            .validation = keep->owner.validation,
            .shard = run->shard,
            .resumed = keep->from.steps,
            .parameters = shape_parameters(&run->shape),
            .rows = data->train.rows,
            .validation_rows = data->validation.rows,
            .batch = run->batch,
            .steps = run->steps,
            .steps_per_epoch = (data->train.rows + run->batch - 1) / run->batch,
        };
        shape_text(&run->shape, start.shape, sizeof start.shape);
        callbacks->begin(callbacks->user, &start);
    }
    keep->keeper.begin = keep->resumed ? &keep->from : NULL;
    *keeper = keep->path || resumes ? &keep->keeper : NULL;
    return status;
}

void keep_diverged(const struct keep *keep, uint64_t step, heddle_error *err)
{
    const char *from = recipe_text(keep->owner.recipe, OPTION_RESUME);
    const struct {
        const char *path, *behind;
        uint64_t steps;
    } left[] = {{keep->path, "", keep->written},
                {keep->path, FILE_PREVIOUS, keep->before},
                {strcmp(from, "auto") == 0 ? keep->path : from, keep->source,
                 keep->own && keep->written ? 0 : keep->from.steps}};
    for (size_t i = 0; err && i < sizeof left / sizeof *left; i++) {
        if (left[i].steps && left[i].steps + 1 < step) {
            size_t used = strlen(err->text);
            snprintf(err->text + used, sizeof err->text - used,
                     "; '%.100s%s' holds the state after step %llu: --init goes on from its "
                     "weights",
                     left[i].path, left[i].behind, (unsigned long long)left[i].steps);
            return;
        }
    }
}

void keep_done(struct keep *keep)
{
    checkpoint_writer_free(keep->writer);
    checkpoint_state_done(&keep->from);
    *keep = (struct keep){.writer = NULL};
}
