/** fingerprint: see fingerprint.h. */
#include "train/fingerprint.h"

#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "base/status.h"

enum { FINGERPRINT_ROWS = 1024 };

struct job {
    const struct dataset *set;
    const double *weight;
    int workers;
    size_t parts;
    char *row; /* (workers, inputs) room for rows that are read from a view, or NULL */
    char (*part)[FINGERPRINT_SIZE];
};

/** `read`: room for a row of a view; neither where rows are kept nor how changes the digest. */
static void add_row(struct sha256 *s, const struct dataset *set, const double *weight, size_t row,
                    char *read)
{
    size_t unit = set->use_double ? sizeof(double) : sizeof(float), size;
    const void *input = dataset_row(set, row, read, &size);
    sha256_add(s, input, size);
    if (set->class_index) {
        sha256_add(s, &set->class_index[row], sizeof set->class_index[row]);
    } else if (set->target) {
        sha256_add(s, (const char *)set->target + row * set->target_stride * unit,
                   set->outputs * unit);
    }
    if (weight) {
        sha256_add(s, &weight[row], sizeof weight[row]);
    }
}

static void work(void *context, int w)
{
    const struct job *job = context;
    for (size_t p = (size_t)w; p < job->parts; p += (size_t)job->workers) {
        size_t row = p * FINGERPRINT_ROWS;
        size_t end = row + FINGERPRINT_ROWS;
        struct sha256 s;
        sha256_begin(&s);
        for (; row < end && row < job->set->rows; row++) {
            char *read = job->row + (size_t)w * job->set->inputs * sizeof(double);
            add_row(&s, job->set, job->weight, row, job->set->view ? read : NULL);
        }
        sha256_end(&s, job->part[p]);
    }
}

heddle_status fingerprint(const struct dataset *set, const double *weight, struct team *team,
                          char hex[FINGERPRINT_SIZE], heddle_error *err)
{
    hex[0] = 0;
    if (!set->rows) {
        return HEDDLE_OK;
    }
    size_t parts = (set->rows + FINGERPRINT_ROWS - 1) / FINGERPRINT_ROWS;
    struct job job = {.set = set, .weight = weight, .workers = team_workers(team), .parts = parts};
    job.part = memory_new(parts, sizeof *job.part);
    job.row = set->view ? memory_new((size_t)job.workers * set->inputs, sizeof(double)) : NULL;
    if (!job.part || (set->view && !job.row)) {
        memory_free(job.part);
        memory_free(job.row);
        return status_memory(err, "a fingerprint of the data", parts * sizeof *job.part);
    }
    team_run(team, work, &job);
    const uint64_t sizes[] = {set->rows, set->inputs, set->outputs, set->use_double};
    struct sha256 s;
    sha256_begin(&s);
    sha256_add(&s, sizes, sizeof sizes);
    sha256_add(&s, &set->byte_scale, sizeof set->byte_scale);
    sha256_add(&s, job.part, parts * sizeof *job.part);
    sha256_end(&s, hex);
    memory_free(job.part);
    memory_free(job.row);
    return HEDDLE_OK;
}
