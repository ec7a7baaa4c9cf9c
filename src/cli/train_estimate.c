/** train_estimate: see train_estimate.h. */
#include <inttypes.h>
#include <stdio.h>

#include "train_estimate.h"
#include "json_out.h"

json_t *train_estimate_json(const heddle_estimate *e, const struct compare *compare)
{
    json_t *object = json_object();
    json_put(object, "dry_run", json_true());
    if (compare->search != NULL) {
        json_put(object, "candidates", json_count(compare->count));
        json_put(object, "folds", json_count(compare->folds));
    }
    json_put(object, "shape", json_text(e->shape));
    json_put(object, "parameters", json_count(e->parameters));
    json_put(object, "rows", json_count(e->rows));
    json_put(object, "validation_rows", json_count(e->validation_rows));
    json_put(object, "epochs", json_count(e->epochs));
    json_put(object, "steps", json_count(e->steps));
    json_put(object, "steps_per_epoch", json_count(e->steps_per_epoch));
    json_put(object, "flop_per_epoch", json_number(e->flop_per_epoch));
    json_put(object, "batch", json_count(e->batch));
    json_put(object, "shard", json_count(e->shard));
    json_put(object, "shards", json_count(e->shards));
    json_put(object, "most_workers", json_count(e->feeds));
    json_put(object, "seed", json_count(e->seed));
    json_put(object, "threads", json_integer(e->threads));
    json_put(object, "threads_why", json_text(e->why));
    json_put(object, "ranks", json_integer(e->ranks));
    json_put(object, "isa", json_text(e->isa));
    json_t *memory = json_object();
    json_put(memory, "data", json_count(e->data_bytes));
    json_put(memory, "parameters", json_count(e->parameter_bytes));
    json_put(memory, "states", json_count(e->state_bytes));
    json_put(memory, "partial_sums", json_count(e->partial_bytes));
    json_put(memory, "workspaces", json_count(e->workspace_bytes));
    json_put(memory, "checkpoints", json_count(e->keep_bytes));
    json_put(memory, "mapped", json_count(e->mapped_bytes));
    json_put(memory, "peak", e->peak_bytes > 0 ? json_count(e->peak_bytes) : json_null());
    json_put(object, "memory_bytes", memory);
    return object;
}

/** "  data        1.5 MB" */
static void print_bytes(const char *what, size_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1000 && unit < 4; unit++) {
        value /= 1000;
    }
    printf("  %-20s%.3g %s\n", what, value, units[unit]);
}

/** "tries       4 candidates, 3 folds each; then this, the largest of them" */
static void print_tries(const struct compare *compare)
{
    if (compare->search == NULL) {
        return;
    }
    printf("tries       ");
    if (compare->count > 1) {
        printf("%zu candidates%s", compare->count, compare->folds > 0 ? ", " : "");
    }
    if (compare->folds > 0) {
        printf("%zu folds%s", compare->folds, compare->count > 1 ? " each" : "");
    }
    puts(compare->count > 1 ? "; then the best of them, this is the largest" : "; then this");
}

void train_estimate_print(const heddle_estimate *e, const struct compare *compare)
{
    print_tries(compare);
    printf("network     %s, %zu parameters\n", e->shape, e->parameters);
    printf("rows        %zu", e->rows);
    printf(e->validation_rows > 0 ? ", and %zu to watch\n" : "\n", e->validation_rows);
    if (e->epochs > 0) {
        printf("epochs      %" PRIu64 " of %" PRIu64 " step%s\n", e->epochs, e->steps_per_epoch,
               e->steps_per_epoch == 1 ? "" : "s");
    }
    printf("steps       %" PRIu64 "\n", e->steps);
    printf("work        %.3g GFLOP an epoch\n", e->flop_per_epoch * 1e-9);
    printf("batch       %zu rows: %zu shard%s of %zu, enough for %zu worker%s\n", e->batch,
           e->shards, e->shards == 1 ? "" : "s", e->shard, e->feeds, e->feeds == 1 ? "" : "s");
    printf("machine     %d %s", e->threads, e->threads == 1 ? "thread" : "threads");
    if (e->ranks > 1) {
        printf(" on each of %d ranks", e->ranks);
    }
    printf(", %s (%s)\n", e->isa, e->why);
    puts(e->ranks > 1 ? "memory of a rank" : "memory");
    print_bytes("rows, encoded", e->data_bytes);
    print_bytes("parameters", e->parameter_bytes);
    print_bytes("optimizer's states", e->state_bytes);
    print_bytes("partial sums", e->partial_bytes);
    print_bytes("workspaces", e->workspace_bytes);
    if (e->keep_bytes > 0) {
        print_bytes("checkpoints, log", e->keep_bytes);
    }
    if (e->peak_bytes > 0) {
        print_bytes("all, with the data", e->peak_bytes);
        if (e->mapped_bytes > 0) {
            print_bytes("  of it mapped files", e->mapped_bytes);
        }
    }
    puts("dry run: nothing was trained or written");
}
