/** run_earlier: see run_earlier.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run_earlier.h"
#include "json_out.h"

/** Two recipes that make the same steps, but for how many, where the rate does not depend on it. */
static bool same_steps(const char *then, const char *now)
{
    if (strcmp(then, now) == 0) {
        return true;
    }
    json_t *a = json_loads(then, 0, NULL);
    json_t *b = json_loads(now, 0, NULL);
    const char *schedule = text_of(b, "schedule");
    bool bound = strcmp(schedule, "one-cycle") == 0 || strcmp(schedule, "cosine") == 0;
    json_object_del(a, "epochs");
    json_object_del(b, "epochs");
    json_object_del(a, "steps");
    json_object_del(b, "steps");
    bool same = !bound && a != NULL && json_equal(a, b);
    json_decref(a);
    json_decref(b);
    return same;
}

/** Is this the first record of a run that this one may go on from? */
static bool is_ours(const json_t *record, const heddle_start *start)
{
    return strcmp(text_of(record, "event"), "start") == 0 &&
           strcmp(text_of(record, "data_sha256"), start->data) == 0 &&
           strcmp(text_of(record, "shape"), start->shape) == 0 &&
           same_steps(text_of(record, "resolved"), start->recipe);
}

/** Does it tell of steps that this run does not make again? */
static bool is_earlier(const json_t *record, uint64_t resumed)
{
    const char *event = text_of(record, "event");
    if (strcmp(event, "start") == 0) {
        return count_of(record, "resumed") <= resumed;
    }
    return (strcmp(event, "step") == 0 || strcmp(event, "report") == 0) &&
           count_of(record, "step") <= resumed;
}

/** Go over the records of what came before, first to last; returns how many bytes they are. */
static size_t go_over(const char *path, const heddle_start *start,
                      void (*take)(struct run_curve *curve, const json_t *record),
                      struct run_curve *curve)
{
    struct stat seen;
    if (path == NULL || start->resumed == 0 || stat(path, &seen) != 0 || !S_ISREG(seen.st_mode)) {
        return 0;
    }
    FILE *stream = fopen(path, "r");
    if (stream == NULL) {
        return 0;
    }
    char *line = NULL;
    size_t room = 0;
    size_t length = 0;
    bool earlier = true;
    for (ssize_t n; earlier && (n = getline(&line, &room, stream)) > 0 && line[n - 1] == '\n';) {
        json_t *record = json_loadb(line, (size_t)n, 0, NULL);
        earlier = length == 0 ? is_ours(record, start) : is_earlier(record, start->resumed);
        if (earlier) {
            length += (size_t)n;
            take(curve, record);
        }
        json_decref(record);
    }
    free(line);
    fclose(stream);
    return length;
}

static void take_report(struct run_curve *curve, const json_t *record)
{
    const json_t *validation = member(record, "validation_loss");
    uint64_t step = count_of(record, "step");
    if (strcmp(text_of(record, "event"), "start") == 0 &&
        count_of(record, "resumed") < curve->begin) {
        curve->begin = count_of(record, "resumed");
    }
    if (strcmp(text_of(record, "event"), "report") != 0 || step > curve->first ||
        step <= curve->newest.step) {
        return;
    }
    const heddle_report report = {
        .step = step,
        .loss = number_of(record, "loss"),
        .rate = number_of(record, "rate"),
        .has_validation = validation != NULL,
        .validation_loss = number_of(record, "validation_loss"),
        .validation_score = number_of(record, "validation_score"),
        .seconds = number_of(record, "seconds"),
        .tutorial = curve->tutorial,
    };
    run_curve_report(curve, &report);
}

void run_earlier_read(struct run_curve *curve, const char *path, const heddle_start *start)
{
    go_over(path, start, take_report, curve);
}

static void take_none(struct run_curve *curve, const json_t *record)
{
    (void)curve;
    (void)record;
}

size_t run_earlier_length(const char *path, const heddle_start *start)
{
    return go_over(path, start, take_none, NULL);
}
