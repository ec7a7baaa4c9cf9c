/* team and limit: exact numbers of workers, their arithmetic, their meeting point. */
#include <criterion/criterion.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "machine/float_mode.h"
#include "machine/limit.h"
#include "machine/team.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
enum { FTZ = 0x8000, DAZ = 0x0040 };
#endif

enum { MOST = 64 };

static const int sizes[] = {1, 2, 3, 8, 13, 64};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static struct team *team_of(int workers)
{
    const struct plan plan = {.workers = workers};
    struct team *team = NULL;
    heddle_error err = {0};

    cr_assert(team_create(&plan, &team, &err) == HEDDLE_OK, "%d workers: %s", workers, err.text);
    cr_assert(team_workers(team) == workers);
    return team;
}

/* ---------------------------------------------------------------- how many -------------------- */

struct census {
    _Atomic int ran[MOST];
    pthread_t thread[MOST];
    _Atomic int wrong;
};

static void count(void *context, int worker)
{
    struct census *c = context;

    if (worker < 0 || worker >= MOST) {
        atomic_fetch_add(&c->wrong, 1);
        return;
    }
    atomic_fetch_add(&c->ran[worker], 1);
    c->thread[worker] = pthread_self();
}

static void expect_each_once(struct team *team)
{
    struct census c = {0};
    const int workers = team_workers(team);

    team_run(team, count, &c);
    cr_expect(c.wrong == 0);
    for (int w = 0; w < MOST; w++)
        cr_expect(c.ran[w] == (w < workers), "worker %d of %d ran %d times", w, workers, c.ran[w]);
    cr_expect(pthread_equal(c.thread[0], pthread_self()), "worker 0 is not the caller");
    for (int w = 1; w < workers; w++) {
        for (int v = 0; v < w; v++)
            cr_expect(!pthread_equal(c.thread[v], c.thread[w]), "%d and %d are one", v, w);
    }
}

Test(team, refuses_numbers_that_make_no_sense)
{
    const int bad[] = {0, -1, PLAN_WORKERS_MAX + 1};
    struct team *team = NULL;

    for (int i = 0; i < 3; i++) {
        const struct plan plan = {.workers = bad[i]};
        heddle_error err = {0};

        cr_expect(team_create(&plan, &team, &err) == HEDDLE_E_ARGUMENT);
        cr_expect(err.status == HEDDLE_E_ARGUMENT);
        cr_expect(team == NULL);
    }
    team_free(NULL);
}

Test(team, runs_every_worker_once)
{
    for (int i = 0; i < SIZES; i++) {
        struct team *team = team_of(sizes[i]);

        expect_each_once(team);
        expect_each_once(team);
        team_free(team);
    }
}

Test(team, two_teams_of_different_size_live_side_by_side)
{
    struct team *large = team_of(5), *small = team_of(2);

    for (int i = 0; i < 3; i++) {
        expect_each_once(large);
        expect_each_once(small);
    }
    team_free(small);
    team_free(large);
}

Test(team, has_the_exact_number_whatever_omp_dynamic_says)
{
    struct team *team;

    omp_set_dynamic(1);
    team = team_of(8);
    expect_each_once(team);
    cr_expect(omp_get_dynamic() != 0, "the caller's setting is lost");
    team_free(team);
}

Test(team, works_inside_a_parallel_region_of_the_program)
{
    const int levels = omp_get_max_active_levels();
    struct census c[2] = {{.wrong = 0}, {.wrong = 0}};
    int ok[2] = {0};

#pragma omp parallel num_threads(2)
    {
        const int me = omp_get_thread_num();
        const struct plan plan = {.workers = 3};
        struct team *team;

        if (team_create(&plan, &team, NULL) == HEDDLE_OK) {
            team_run(team, count, &c[me]);
            ok[me] = 1;
            team_free(team);
        }
    }
    for (int me = 0; me < 2; me++) {
        cr_expect(ok[me]);
        for (int w = 0; w < 4; w++)
            cr_expect(c[me].ran[w] == (w < 3));
    }
    cr_expect(omp_get_max_active_levels() == levels);
}

static void *use_a_team(void *unused)
{
    struct team *team = team_of(4);

    (void)unused;
    for (int i = 0; i < 50; i++)
        expect_each_once(team);
    team_free(team);
    return NULL;
}

Test(team, teams_of_different_threads_run_at_the_same_time)
{
    pthread_t other;

    cr_assert(pthread_create(&other, NULL, use_a_team, NULL) == 0);
    use_a_team(NULL);
    pthread_join(other, NULL);
}

Test(team, threads_that_cannot_start_are_an_error_of_ours)
{
    const struct plan plan = {.workers = 9};
    struct team *team = NULL;
    heddle_error err = {0};

    (void)omp_get_max_threads(); /* OpenMP has read its own settings when this is back */
    setenv("OMP_STACKSIZE", " 4000000 G", 1);
    cr_expect(team_create(&plan, &team, &err) == HEDDLE_E_THREADS);
    cr_expect(err.status == HEDDLE_E_THREADS);
    cr_expect(strstr(err.text, "9 threads") != NULL, "%s", err.text);
    cr_expect(team == NULL);
    unsetenv("OMP_STACKSIZE");
    team_free(team_of(9));
}

Test(team, every_failing_allocation_is_reported)
{
    int processor[3] = {0, 0, 0};
    const struct plan plan = {.workers = 3, .bound = true, .processor = processor};
    struct team *team = NULL;
    heddle_status status = HEDDLE_E_MEMORY;
    size_t n;

    for (n = 1; status != HEDDLE_OK && n < 100; n++) {
        memory_fail_at(n, false);
        status = team_create(&plan, &team, NULL);
        memory_fail_at(0, false);
        cr_expect(status == HEDDLE_OK || (status == HEDDLE_E_MEMORY && team == NULL));
    }
    cr_expect(n > 4 && n < 100);
    team_free(team);
}

/* ---------------------------------------------------------------- the barrier ----------------- */

struct meeting {
    struct team *team;
    int steps;
    long cell[MOST]; /* written by one worker between two barriers, read by the others */
    _Atomic int wrong;
};

/* How many take part in a step: runs through 1 … workers in an order that jumps. */
static int active_in(int step, int workers)
{
    return 1 + (step * 7 + step / 5) % workers;
}

static void meet(void *context, int worker)
{
    struct meeting *m = context;
    const int workers = team_workers(m->team);

    for (int step = 0; step < m->steps; step++) {
        const int active = active_in(step, workers);

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

Test(team, barrier_holds_while_the_number_of_participants_changes)
{
    for (int i = 0; i < SIZES; i++) {
        struct meeting m = {.steps = sizes[i] <= 3 ? 20000 : 1000};

        m.team = team_of(sizes[i]);
        team_run(m.team, meet, &m);
        cr_expect(m.wrong == 0, "%d workers: %d wrong", sizes[i], m.wrong);
        team_free(m.team);
    }
}

static void meet_late(void *context, int worker)
{
    struct meeting *m = context;
    const struct timespec pause = {.tv_nsec = 3000000};

    for (int step = 0; step < m->steps; step++) {
        if (worker == step % team_workers(m->team))
            nanosleep(&pause, NULL);
        m->cell[worker] = step;
        team_barrier(m->team, worker, team_workers(m->team));
        for (int w = 0; w < team_workers(m->team); w++) {
            if (m->cell[w] != step)
                atomic_fetch_add(&m->wrong, 1);
        }
        team_barrier(m->team, worker, team_workers(m->team));
    }
}

Test(team, barrier_wakes_those_who_had_gone_to_sleep)
{
    for (int i = 1; i < SIZES; i++) {
        struct meeting m = {.steps = 20};

        m.team = team_of(sizes[i]);
        team_run(m.team, meet_late, &m);
        cr_expect(m.wrong == 0);
        team_free(m.team);
    }
}

/* ---------------------------------------------------------------- what a worker is lent ------- */

static void check_mode(void *context, int worker)
{
    _Atomic int *bad = context;
    volatile float tiny = 1e-40f, one = 1.0f;

    (void)worker;
    if (!float_mode_ok() || tiny * one == 0)
        atomic_fetch_add(bad, 1);
}

Test(team, workers_keep_denormals_and_the_caller_gets_its_mode_back)
{
#if defined(__x86_64__)
    const unsigned strange = (_mm_getcsr() | FTZ | DAZ) & ~0x3fU;

    _mm_setcsr(strange); /* before the threads are born: they inherit it */
    for (int i = 0; i < SIZES; i++) {
        struct team *team = team_of(sizes[i]);
        _Atomic int bad = 0;

        cr_expect((_mm_getcsr() & ~0x3fU) == strange);
        team_run(team, check_mode, (void *)&bad);
        cr_expect(bad == 0, "%d of %d workers flush denormals", bad, sizes[i]);
        cr_expect((_mm_getcsr() & ~0x3fU) == strange);
        team_free(team);
    }
#else
    cr_skip_test("knows only x86");
#endif
}

#ifdef __linux__

struct place {
    const int *processor;
    _Atomic int wrong;
};

static void check_place(void *context, int worker)
{
    struct place *p = context;

    if (sched_getcpu() != p->processor[worker])
        atomic_fetch_add(&p->wrong, 1);
}

struct freedom {
    int processors[MOST];
};

static void note_freedom(void *context, int worker)
{
    struct freedom *f = context;
    cpu_set_t set;

    f->processors[worker] = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

Test(team, workers_are_bound_while_they_run_and_free_after)
{
    cpu_set_t before, after;
    int processor[4], most = 0;
    struct place place = {.processor = processor};
    struct plan plan = {.workers = 4, .bound = true, .processor = processor};
    struct freedom during, afterwards;
    struct team *team, *free_team;

    cr_assert(sched_getaffinity(0, sizeof before, &before) == 0);
    for (int p = 0; p < CPU_SETSIZE && most < 4; p++) {
        if (CPU_ISSET(p, &before))
            processor[most++] = p;
    }
    for (int w = most; w < 4; w++)
        processor[w] = processor[w % most];
    cr_assert(team_create(&plan, &team, NULL) == HEDDLE_OK);
    cr_expect(strcmp(team_note(team), "") == 0, "%s", team_note(team));
    team_run(team, check_place, &place);
    cr_expect(place.wrong == 0);
    team_run(team, note_freedom, &during);
    free_team = team_of(4);
    team_run(free_team, note_freedom, &afterwards);
    for (int w = 0; w < 4; w++) {
        cr_expect(during.processors[w] == 1);
        cr_expect(afterwards.processors[w] == CPU_COUNT(&before));
    }
    cr_assert(sched_getaffinity(0, sizeof after, &after) == 0);
    cr_expect(CPU_EQUAL(&before, &after));
    team_free(free_team);
    team_free(team);
}

Test(team, a_refused_binding_is_a_note)
{
    int processor[3] = {8191, -1, 100000};
    const struct plan plan = {.workers = 3, .bound = true, .processor = processor};
    struct team *team;

    cr_assert(team_create(&plan, &team, NULL) == HEDDLE_OK);
    cr_expect(strcmp(team_note(team), "3 of 3 workers could not be bound") == 0, "%s",
              team_note(team));
    expect_each_once(team);
    team_free(team);
}

#endif

/* ---------------------------------------------------------------- limit ----------------------- */

static _Atomic int chain_calls;

static double chains(long rounds, double *sink)
{
    double a = *sink;

    atomic_fetch_add(&chain_calls, 1);
    for (long i = 0; i < rounds; i++)
        a = a * 0.999 + 0.001;
    *sink += a;
    return 2.0 * (double)rounds;
}

Test(limit, is_what_all_workers_do_together)
{
    for (int workers = 1; workers <= 3; workers++) {
        const struct plan plan = {.workers = workers};
        double rate = 0;

        chain_calls = 0;
        cr_assert(limit_measure(&plan, 0, chains, 0.02, &rate, NULL) == HEDDLE_OK);
        cr_expect(rate > 1e6 && rate < 1e12, "%g", rate);
        cr_expect(chain_calls > 5 * workers);
    }
}

Test(limit, is_no_more_than_a_quota_leaves)
{
    const struct plan plan = {.workers = 1};
    double all = 0, share = 0;

    cr_assert(limit_measure(&plan, 0, chains, 0.02, &all, NULL) == HEDDLE_OK);
    cr_assert(limit_measure(&plan, 0.01, chains, 0.02, &share, NULL) == HEDDLE_OK);
    cr_expect(share > 0 && share < 0.5 * all, "%g of %g", share, all);
}

Test(limit, more_workers_than_processors_have_what_the_processors_have)
{
    const struct plan plan = {.workers = 500};
    double rate = 0;

    chain_calls = 0;
    cr_assert(limit_measure(&plan, 0, chains, 0.006, &rate, NULL) == HEDDLE_OK);
    cr_expect(rate > 1e6, "%g", rate);
    cr_expect(chain_calls < 50 + 4 * omp_get_num_procs(), "%d", chain_calls);
}

Test(limit, passes_on_why_there_is_no_team)
{
    const struct plan plan = {.workers = 0};
    double rate = -1;

    cr_expect(limit_measure(&plan, 0, chains, 0.02, &rate, NULL) == HEDDLE_E_ARGUMENT);
    cr_expect(rate == -1);
}
