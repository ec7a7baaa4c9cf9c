/*
 * limit: all workers run at once, since processors slow down together when all are busy. The median
 * of slices keeps out a moment in which somebody else had a processor.
 */
#include "machine/limit.h"

#include <time.h>

#include "base/memory.h"
#include "base/status.h"
#include "machine/team.h"

enum { SLICES = 5 };

/* One worker's measurements, on lines of its own. */
struct slice {
    _Alignas(64) double begin[SLICES];
    double end[SLICES], flop[SLICES];
    double sink;
};

struct measurement {
    struct team *team;
    double (*chains)(long rounds, double *sink);
    double seconds;
    long rounds; /* of a slice; set by worker 0 */
    struct slice *slices;
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
    const double wanted = m->seconds / SLICES;
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
    struct slice *s = &m->slices[worker];
    const int workers = team_workers(m->team);

    if (worker == 0)
        m->rounds = find_rounds(m, &s->sink);
    for (int i = 0; i < SLICES; i++) {
        team_barrier(m->team, worker, workers);
        s->begin[i] = now();
        s->flop[i] = m->chains(m->rounds, &s->sink);
        s->end[i] = now();
    }
}

heddle_status limit_measure(const struct plan *plan, double (*chains)(long rounds, double *sink),
                            double seconds, double *flop_per_second, heddle_error *err)
{
    struct measurement m = {.chains = chains, .seconds = seconds};
    double rate[SLICES];
    size_t bytes;
    heddle_status status = team_create(plan, &m.team, err);

    if (status != HEDDLE_OK)
        return status;
    bytes = (size_t)plan->workers * sizeof *m.slices;
    m.slices = arena_new(bytes);
    if (!m.slices) {
        team_free(m.team);
        return status_memory(err, "measurements", bytes);
    }
    team_run(m.team, measure, &m);
    for (int i = 0; i < SLICES; i++) {
        double begin = m.slices[0].begin[i], end = m.slices[0].end[i], flop = 0;
        int place = i;

        for (int w = 0; w < plan->workers; w++) {
            const struct slice *s = &m.slices[w];

            begin = s->begin[i] < begin ? s->begin[i] : begin;
            end = s->end[i] > end ? s->end[i] : end;
            flop += s->flop[i];
        }
        flop /= end > begin ? end - begin : 1e-9;
        for (; place > 0 && rate[place - 1] > flop; place--)
            rate[place] = rate[place - 1];
        rate[place] = flop;
    }
    *flop_per_second = rate[SLICES / 2];
    arena_free(m.slices, bytes);
    team_free(m.team);
    return HEDDLE_OK;
}
