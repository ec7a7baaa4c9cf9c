/*
 * limit: all workers run at once, since processors slow down together when all are busy. Slices are
 * shorter than the turns that the system gives to programs, and what the fastest quarter of them
 * reaches counts: on a busy machine some have had all processors for themselves, and on a quiet one
 * the clock is not always at its highest.
 */
#include "machine/limit.h"

#include <omp.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/status.h"
#include "machine/team.h"

/* Seconds of a slice: the meeting before it, some microseconds, is not to show. */
#define SLICE 0.002

enum { SLICES_MIN = 3, SLICES_MAX = 64 };

/* One worker's measurements, on lines of its own. */
struct slice {
    _Alignas(64) double begin[SLICES_MAX];
    double end[SLICES_MAX], flop[SLICES_MAX];
    double sink;
};

struct measurement {
    struct team *team;
    double (*chains)(long rounds, double *sink);
    double wanted; /* seconds of a slice */
    int slices;
    long rounds; /* of a slice; set by worker 0 */
    struct slice *slice;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Rounds for a slice: what takes a sixteenth of it, times 16. That also warms the processor up. */
static long find_rounds(const struct measurement *m, double *sink)
{
    const double wanted = m->wanted;
    long rounds = 1;

    for (;;) {
        const double begin = now();
        double took;

        (void)m->chains(rounds, sink);
        took = now() - begin;
        if (took >= wanted / 16 || rounds > (1L << 29))
            return took > 0 ? (long)((double)rounds * (wanted / took)) + 1 : rounds;
        rounds *= 2;
    }
}

static void measure(void *context, int worker)
{
    struct measurement *m = context;
    struct slice *s = &m->slice[worker];
    const int workers = team_workers(m->team);

    if (worker == 0)
        m->rounds = find_rounds(m, &s->sink);
    for (int i = 0; i < m->slices; i++) {
        team_barrier(m->team, worker, workers);
        s->begin[i] = now();
        s->flop[i] = m->chains(m->rounds, &s->sink);
        s->end[i] = now();
    }
}

/* Operations a second of all workers in slice i: from the first start to the last end. */
static double rate(const struct measurement *m, int i)
{
    double begin = m->slice[0].begin[i], end = m->slice[0].end[i], flop = 0;

    for (int w = 0; w < team_workers(m->team); w++) {
        const struct slice *s = &m->slice[w];

        begin = s->begin[i] < begin ? s->begin[i] : begin;
        end = s->end[i] > end ? s->end[i] : end;
        flop += s->flop[i];
    }
    return flop / (end > begin ? end - begin : 1e-9);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

heddle_status limit_measure(const struct plan *plan, double quota,
                            double (*chains)(long rounds, double *sink), double seconds,
                            double *flop_per_second, heddle_error *err)
{
    /* workers that take turns on processors have what the processors have */
    const struct plan few = {.workers = omp_get_num_procs()};
    struct measurement m = {.chains = chains, .slices = (int)(seconds / SLICE)};
    double slices[SLICES_MAX], fast;
    size_t bytes;
    heddle_status status;

    if (plan->workers > few.workers)
        plan = &few;
    status = team_create(plan, &m.team, err);

    if (status != HEDDLE_OK)
        return status;
    m.slices = m.slices > SLICES_MIN ? m.slices : SLICES_MIN;
    m.slices = m.slices < SLICES_MAX ? m.slices : SLICES_MAX;
    m.wanted = seconds / m.slices;
    bytes = (size_t)plan->workers * sizeof *m.slice;
    m.slice = arena_new(bytes);
    if (!m.slice) {
        team_free(m.team);
        return status_memory(err, "measurements", bytes);
    }
    team_run(m.team, measure, &m);
    for (int i = 0; i < m.slices; i++)
        slices[i] = rate(&m, i);
    qsort(slices, (size_t)m.slices, sizeof *slices, ascending);
    fast = slices[m.slices * 3 / 4];
    /* A group may run on all processors for a moment, and stands still for the rest of a period. */
    if (quota > 0 && quota < plan->workers)
        fast *= quota / plan->workers;
    *flop_per_second = fast;
    arena_free(m.slice, bytes);
    team_free(m.team);
    return HEDDLE_OK;
}
