/*
 * program_team N: a team of N meets many times, in changing numbers. Says "N workers" and ends with
 * 0, or says why there is no team and ends with its heddle_status. For what must be known before a
 * program starts (OMP_THREAD_LIMIT, limits of the shell) and for ThreadSanitizer, under which
 * Criterion does not run. See check_team.sh.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "machine/team.h"

enum { STEPS = 500 };

struct meeting {
    struct team *team;
    long *cell;
    _Atomic int came, wrong;
};

static void meet(void *context, int worker)
{
    struct meeting *m = context;
    const int workers = team_workers(m->team);

    atomic_fetch_add(&m->came, 1);
    for (int step = 0; step < STEPS; step++) {
        const int active = 1 + (step * 7 + step / 5) % workers;

        if (worker >= active)
            continue;
        m->cell[worker] = step;
        team_barrier(m->team, worker, active);
        for (int w = 0; w < active; w++) {
            if (m->cell[w] != step)
                atomic_fetch_add(&m->wrong, 1);
        }
        team_barrier(m->team, worker, active);
    }
}

int main(int argc, char **argv)
{
    const struct plan plan = {.workers = argc > 1 ? atoi(argv[1]) : 0};
    struct meeting m = {.came = 0};
    heddle_error err = {.status = HEDDLE_OK};
    int good;

    if (team_create(&plan, &m.team, &err) != HEDDLE_OK) {
        printf("%s\n", err.text);
        return (int)err.status;
    }
    m.cell = memory_new((size_t)plan.workers, sizeof *m.cell);
    if (!m.cell)
        return HEDDLE_E_MEMORY;
    team_run(m.team, meet, &m);
    good = m.came == plan.workers && m.wrong == 0;
    printf("%d workers%s\n", m.came, m.wrong ? ", and a barrier that does not hold" : "");
    memory_free(m.cell);
    team_free(m.team);
    return good ? 0 : HEDDLE_E_INTERNAL;
}
