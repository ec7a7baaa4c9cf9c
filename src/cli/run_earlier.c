/** run_earlier: see run_earlier.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run_earlier.h"
#include "json_out.h"

enum { MOST_BYTES = 1 << 26 }; /* of a log that are read: a moment's work */

/** Is this the first record of a run that this one may go on from? */
static bool is_ours(const json_t *record, const heddle_start *start)
{
    return strcmp(text_of(record, "event"), "start") == 0 &&
           strcmp(text_of(record, "data_sha256"), start->data) == 0 &&
           strcmp(text_of(record, "shape"), start->shape) == 0;
}

static void take_report(struct run_curve *curve, const json_t *record)
{
    const json_t *validation = member(record, "validation_loss");
    uint64_t step = count_of(record, "step");
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
    struct stat seen;
    if (path == NULL || start->resumed == 0 || stat(path, &seen) != 0 || !S_ISREG(seen.st_mode)) {
        return;
    }
    FILE *stream = fopen(path, "r");
    if (stream == NULL) {
        return;
    }
    char *line = NULL;
    size_t room = 0;
    size_t read = 0;
    bool ours = false;
    for (ssize_t n; read < MOST_BYTES && (n = getline(&line, &room, stream)) > 0;) {
        json_t *record = json_loadb(line, (size_t)n, 0, NULL);
        if (read == 0) {
            ours = is_ours(record, start);
            curve->begin = ours ? count_of(record, "resumed") : curve->begin;
        } else if (ours) {
            take_report(curve, record);
        }
        json_decref(record);
        read += (size_t)n;
        if (!ours) {
            break;
        }
    }
    free(line);
    fclose(stream);
}
