/*
 * team: the only `omp parallel` of the project, and the barrier used inside it.
 *
 * The barrier. Each number of participants has a barrier of its own, so that workers 0 and 1 may
 * meet many times among themselves while workers 2 … 7 already wait for all eight. Arriving is a
 * tree of two levels: a worker counts itself in its group, the last one of a group counts the group
 * in the root, the last one of all moves `generation`, the only word anybody waits for:
 *
 *     worker     0 1 2 3 4 5 6 7   8 9 …            active = 10
 *     group[]    └───── 0 ─────┘   └ 1 ┘            8 and 2 arrivals
 *     root       └──────────┬──────────┘            2 arrivals
 *     generation            +1                      seen by all ten
 *
 * Neighbours share a cache (topology_hwloc.c places them so), hence few counts cross a socket. With
 * one group the root is left out.
 *
 * Waiting. While workers have a processor each, spin, then sleep in the kernel. They do not offer
 * their processors: if another program wants one, it keeps it for a whole turn of some
 * milliseconds, step after step, and all other workers wait. Who wakes from sleep has used less
 * than his share and comes at once. Where workers are more than processors, it is one of them
 * who waits behind us mostly: there the processor is offered first, until that takes so long that
 * it must have been another program's turn.
 *
 * Threads. libgomp ends the process when it cannot start a thread. So before it is asked, as many
 * plain threads are started and let go (probe): if that fails it is an error like any other.
 */
#include "machine/team.h"

#include <errno.h>
#include <limits.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "machine/cluster.h"
#include "machine/float_mode.h"

enum {
    LINE = 64, /* bytes of a cache line */
    GROUPS = 16,
    GROUP_SMALLEST = 8,      /* eight arrivals on one line cost less than another level */
    SPINS = 200,             /* between two looks at the clock, some 5 µs of pause instructions */
    SPIN_NS = 300000,        /* several times what it takes to wake a worker */
    YIELDS = 20,             /* where crowded: sleeping at once is 1.3 to 15 times slower */
    YIELDS_AWAIT = 1000,     /* for a message: some 300 µs */
    YIELD_LONG_NS = 1000000, /* a turn of a worker's is shorter, of another program's longer */
    WARY = 100,              /* waits after such a turn in which nothing is offered */
    PROCESSORS_MAX = 8192    /* the largest NR_CPUS of Linux */
};

/* Only `generation` is read by those who wait, so it has a line for itself. */
struct barrier {
    _Alignas(LINE) _Atomic uint32_t generation;
    _Alignas(LINE) _Atomic uint32_t root;
    _Atomic uint32_t sleeping;
    struct {
        _Alignas(LINE) _Atomic uint32_t arrived;
    } group[GROUPS];
};

struct team {
    int workers;
    int group;               /* workers of a group */
    int processors;          /* we may run on: our share, if ranks have the same ones */
    int *processor;          /* (workers) where worker w is bound, or NULL */
    struct barrier *barrier; /* (workers): barrier[a - 1] is for a participants */
    _Atomic int unbound;     /* bindings refused */
    char note[128];
};

/*
 * ThreadSanitizer sees neither that the OpenMP runtime begins a region after all that came before
 * it, nor that it goes on after all workers' ends: it is told, or each region is a race to it. One
 * place for all teams, since a worker cannot read which is his before he has been told: a race
 * between two teams may hide behind their beginnings.
 */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
static char region_begins, region_ends;
static void before_region(void)
{
    __tsan_release(&region_begins);
}
static void begin_of_worker(void)
{
    __tsan_acquire(&region_begins);
}
static void end_of_worker(void)
{
    __tsan_release(&region_ends);
}
static void after_region(void)
{
    __tsan_acquire(&region_ends);
}
#else
static inline void before_region(void)
{
}
static inline void begin_of_worker(void)
{
}
static inline void end_of_worker(void)
{
}
static inline void after_region(void)
{
}
#endif

/* Threads the OpenMP runtime keeps for this thread since our last region: no need to probe them. */
static _Thread_local int threads_started = 1;

/* ---------------------------------------------------------------- binding --------------------- */

#ifdef __linux__

struct affinity {
    unsigned long bits[PROCESSORS_MAX / CHAR_BIT / sizeof(unsigned long)];
    size_t bytes; /* that the kernel filled; 0: unknown */
};

/* The system call itself: the C library's function takes sets of 1,024 processors or malloc. */
static void affinity_get(struct affinity *found)
{
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof found->bits, found->bits);
    found->bytes = bytes > 0 ? (size_t)bytes : 0;
}

static void affinity_restore(const struct affinity *found)
{
    if (found->bytes > 0)
        (void)syscall(SYS_sched_setaffinity, 0, found->bytes, found->bits);
}

static bool affinity_set(int processor)
{
    struct affinity want = {.bytes = 0};
    const size_t word = CHAR_BIT * sizeof want.bits[0];

    if (processor < 0 || processor >= PROCESSORS_MAX)
        return false;
    want.bits[(size_t)processor / word] = 1UL << ((size_t)processor % word);
    return syscall(SYS_sched_setaffinity, 0, sizeof want.bits, want.bits) == 0;
}

#else

struct affinity {
    size_t bytes;
};

static void affinity_get(struct affinity *found)
{
    found->bytes = 0;
}

static void affinity_restore(const struct affinity *found)
{
    (void)found;
}

static bool affinity_set(int processor)
{
    (void)processor;
    return false;
}

#endif

/* ---------------------------------------------------------------- regions --------------------- */

/* What one worker does in a region. Its binding and its mode are lent: the threads belong to the
 * OpenMP runtime, and so to the program that called us. */
static void work(struct team *team, int worker, void (*body)(void *, int), void *context)
{
    struct affinity affinity;
    const struct float_mode mode = float_mode_force();

    if (team->processor) {
        affinity_get(&affinity);
        if (!affinity_set(team->processor[worker]))
            atomic_fetch_add_explicit(&team->unbound, 1, memory_order_relaxed);
    }
    body(context, worker);
    if (team->processor)
        affinity_restore(&affinity);
    float_mode_restore(mode);
}

/*
 * Run body on all workers if the runtime gives us that many, on none if not. Returns how many it
 * gave. The settings of the program that called us come back.
 */
static int region(struct team *team, void (*body)(void *, int), void *context)
{
    const int workers = team->workers;
    const int dynamic = omp_get_dynamic();
    const int levels = omp_get_max_active_levels();
    int came = 1;

    if (workers == 1) {
        work(team, 0, body, context);
        return 1;
    }
    omp_set_dynamic(0);
    if (levels <= omp_get_active_level()) /* called from inside a region of the program's */
        omp_set_max_active_levels(omp_get_active_level() + 1);
    before_region();
#pragma omp parallel num_threads(workers) default(none) shared(team, body, context, workers, came)
    {
        begin_of_worker();
        const int worker = omp_get_thread_num();

        if (worker == 0)
            came = omp_get_num_threads();
        if (omp_get_num_threads() == workers)
            work(team, worker, body, context);
        end_of_worker();
    }
    after_region();
    if (omp_get_max_active_levels() != levels)
        omp_set_max_active_levels(levels);
    omp_set_dynamic(dynamic);
    threads_started = came;
    return came;
}

void team_run(struct team *team, void (*body)(void *context, int worker), void *context)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};

    /* team_create() has seen them all. They can be fewer now only while another region of this
     * program counts against OMP_THREAD_LIMIT. */
    while (region(team, body, context) != team->workers)
        nanosleep(&millisecond, NULL);
}

/* ---------------------------------------------------------------- starting -------------------- */

/* The stack OpenMP will give a thread: "512k", "2 M", "100" (kilobytes); 0 if nothing is set. */
static size_t openmp_stack_bytes(void)
{
    const char *text = getenv("OMP_STACKSIZE");
    uint64_t number;
    size_t digits, bytes = 0, unit = 1024;

    if (!text)
        text = getenv("GOMP_STACKSIZE");
    if (!text)
        return 0;
    text += strspn(text, " \t");
    digits = strspn(text, "0123456789");
    if (!text_to_u64(text, digits, &number))
        return 0;
    text += digits;
    text += strspn(text, " \t");
    if (*text == 'b' || *text == 'B')
        unit = 1;
    else if (*text == 'm' || *text == 'M')
        unit = (size_t)1 << 20;
    else if (*text == 'g' || *text == 'G')
        unit = (size_t)1 << 30;
    if (number > SIZE_MAX || !size_multiply((size_t)number, unit, &bytes))
        return 0;
    return bytes;
}

static void *probe_thread(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Can `count` more threads live at once? Some 15 µs for each. */
static heddle_status probe(int count, int workers, heddle_error *err)
{
    const size_t stack = openmp_stack_bytes();
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_attr_t attributes;
    pthread_t *threads = memory_new((size_t)count, sizeof *threads);
    int started = 0, failure = 0;

    if (!threads)
        return status_memory(err, "a list of threads", (size_t)count * sizeof *threads);
    if (pthread_attr_init(&attributes) != 0) {
        memory_free(threads);
        return status_set(err, HEDDLE_E_THREADS, "cannot start threads");
    }
    if (stack > 0)
        (void)pthread_attr_setstacksize(&attributes, stack);
    pthread_mutex_lock(&gate);
    while (started < count && failure == 0) {
        failure = pthread_create(&threads[started], &attributes, probe_thread, &gate);
        if (failure == 0)
            started++;
    }
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attributes);
    memory_free(threads);
    if (failure == 0)
        return HEDDLE_OK;
    return status_set(err, HEDDLE_E_THREADS,
                      "cannot start %d threads: the system gives %d (limits: ulimit -u, ulimit -v, "
                      "cgroup pids; --threads N asks for fewer)",
                      workers, workers - count + started);
}

static void nothing(void *context, int worker)
{
    (void)context;
    (void)worker;
}

/* Start the workers of a team that is otherwise complete. */
static heddle_status start(struct team *team, heddle_error *err)
{
    const int workers = team->workers;
    heddle_status status;
    int came;

    if (workers > omp_get_thread_limit())
        return status_set(err, HEDDLE_E_THREADS, "cannot start %d threads: OMP_THREAD_LIMIT is %d",
                          workers, omp_get_thread_limit());
    if (workers > threads_started) {
        status = probe(workers - threads_started, workers, err);
        if (status != HEDDLE_OK)
            return status;
    }
    came = region(team, nothing, NULL);
    if (came != workers)
        return status_set(err, HEDDLE_E_THREADS,
                          "cannot start %d threads: OpenMP gives %d (OMP_THREAD_LIMIT is %d)",
                          workers, came, omp_get_thread_limit());
    return HEDDLE_OK;
}

heddle_status team_create(const struct plan *plan, struct team **team, heddle_error *err)
{
    const int workers = plan->workers;
    struct team *t;
    heddle_status status;
    int unbound;

    if (workers < 1 || workers > PLAN_WORKERS_MAX)
        return status_set(err, HEDDLE_E_ARGUMENT, "%d threads: must be 1 to %d", workers,
                          PLAN_WORKERS_MAX);
    t = memory_new(1, sizeof *t);
    if (!t)
        return status_memory(err, "a team", sizeof *t);
    t->workers = workers;
    t->processors = omp_get_num_procs() / cluster_sharers();
    t->group = (workers + GROUPS - 1) / GROUPS;
    if (t->group < GROUP_SMALLEST)
        t->group = GROUP_SMALLEST;
    t->barrier = arena_new((size_t)workers * sizeof *t->barrier);
    if (!t->barrier) {
        status = status_memory(err, "barriers", (size_t)workers * sizeof *t->barrier);
        goto failed;
    }
    if (plan->bound && plan->processor) {
        t->processor = memory_new((size_t)workers, sizeof *t->processor);
        if (!t->processor) {
            status = status_memory(err, "a team", (size_t)workers * sizeof *t->processor);
            goto failed;
        }
        memcpy(t->processor, plan->processor, (size_t)workers * sizeof *t->processor);
    }
    status = start(t, err);
    if (status != HEDDLE_OK)
        goto failed;
    unbound = atomic_load(&t->unbound);
    if (unbound > 0)
        snprintf(t->note, sizeof t->note, "%d of %d workers could not be bound", unbound, workers);
    *team = t;
    return HEDDLE_OK;
failed:
    team_free(t);
    return status;
}

void team_free(struct team *team)
{
    if (!team)
        return;
    arena_free(team->barrier, (size_t)team->workers * sizeof *team->barrier);
    memory_free(team->processor);
    memory_free(team);
}

int team_workers(const struct team *team)
{
    return team->workers;
}

const char *team_note(const struct team *team)
{
    return team->note;
}

/* ---------------------------------------------------------------- the barrier ----------------- */

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct spin {
    uint32_t rounds;
    uint64_t begin;
};

/* Pass the time of a look at what is waited for; false when it has been long enough. */
static bool spin(struct spin *s)
{
    relax();
    if (++s->rounds % SPINS != 0)
        return true;
    if (s->rounds == SPINS) {
        s->begin = now_ns();
        return true;
    }
    return now_ns() - s->begin < SPIN_NS;
}

/* Waits that this thread goes through before it offers its processor again. */
static _Thread_local int wary;

/* Offer the processor; false when another program took it, or did lately. */
static bool offer(void)
{
    uint64_t begin;

    if (wary > 0) {
        wary--;
        return false;
    }
    begin = now_ns();
    sched_yield();
    if (now_ns() - begin > YIELD_LONG_NS)
        wary = WARY;
    return wary == 0;
}

static void wait_past(struct barrier *b, uint32_t generation, bool crowded)
{
    struct spin s = {0};
    int yields = YIELDS;

    do {
        if (atomic_load_explicit(&b->generation, memory_order_acquire) != generation)
            return;
    } while (crowded ? yields-- > 0 && offer() : spin(&s));
#ifdef __linux__
    /* Count first, look second; who releases moves first, counts second. One of us sees the other. */
    atomic_fetch_add(&b->sleeping, 1);
    while (atomic_load(&b->generation) == generation)
        (void)syscall(SYS_futex, &b->generation, FUTEX_WAIT_PRIVATE, generation, NULL, NULL, 0);
    atomic_fetch_sub(&b->sleeping, 1);
#else
    while (atomic_load_explicit(&b->generation, memory_order_acquire) == generation)
        sched_yield();
#endif
}

static void release(struct barrier *b)
{
    atomic_fetch_add(&b->generation, 1);
#ifdef __linux__
    if (atomic_load(&b->sleeping) > 0)
        (void)syscall(SYS_futex, &b->generation, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#endif
}

/* Count one arrival of n: true for the last, which also sets the count back. */
static bool arrive(_Atomic uint32_t *arrived, int n)
{
    if (atomic_fetch_add_explicit(arrived, 1, memory_order_acq_rel) + 1 != (uint32_t)n)
        return false;
    atomic_store_explicit(arrived, 0, memory_order_relaxed);
    return true;
}

void team_barrier(struct team *team, int worker, int active)
{
    struct barrier *b;
    uint32_t generation;
    int group, groups, members;

    if (active <= 1)
        return;
    b = &team->barrier[active - 1];
    group = worker / team->group;
    groups = (active + team->group - 1) / team->group;
    members = group == groups - 1 ? active - group * team->group : team->group;
    /* It cannot move before we have arrived. */
    generation = atomic_load_explicit(&b->generation, memory_order_relaxed);
    if (arrive(&b->group[group].arrived, members) && (groups == 1 || arrive(&b->root, groups)))
        release(b);
    else
        wait_past(b, generation, active > team->processors);
}

void team_await(const _Atomic uint64_t *number, uint64_t least)
{
    const struct timespec shortly = {.tv_nsec = 50000};

    for (int i = 0; atomic_load_explicit(number, memory_order_acquire) < least; i++) {
        if (i < SPINS)
            relax();
        else if (i >= SPINS + YIELDS_AWAIT || !offer())
            nanosleep(&shortly, NULL);
    }
}
