/*
 * plan: how many workers, and whether and where they are bound. What it decides by is in
 * topology.h; here are the order of precedence and the words for it.
 *
 *     --threads > OMP_NUM_THREADS > the least of: cores we may use, cgroup quota, OMP_THREAD_LIMIT
 *     OMP_PROC_BIND and its like > --bind > what BIND_AUTO says
 */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "machine/cluster.h"
#include "machine/topology.h"

/* The first number of OMP_NUM_THREADS ("4", " 4 ", "4,2": the rest is for nested regions), or 0 if
 * that is none. Huge ones come back as INT_MAX. */
static int first_number(const char *text)
{
    uint64_t number;
    size_t digits, behind;

    text += strspn(text, " \t");
    digits = strspn(text, "0123456789");
    behind = digits + strspn(text + digits, " \t");
    if (digits == 0 || (text[behind] != 0 && text[behind] != ','))
        return 0;
    if (!text_to_u64(text, digits, &number) || number > INT32_MAX)
        return INT32_MAX;
    return (int)number;
}

/* Set p->workers and p->why where nobody has asked for a number. */
static void choose_workers(const struct topology *t, struct plan *p)
{
    const int cores = topology_cores(t);
    const double quota = topology_quota(t);
    const int limit = omp_get_thread_limit();

    p->workers = cores;
    if (cores < topology_all_cores(t))
        snprintf(p->why, sizeof p->why, "%d of %d cores allowed, one worker a core", cores,
                 topology_all_cores(t));
    else
        snprintf(p->why, sizeof p->why, "%d core%s, one worker a core", cores,
                 cores == 1 ? "" : "s");
    if (quota > 0 && quota <= cores - 1) {
        char number[TEXT_NUMBER_SIZE];

        p->workers = (int)quota + ((int)quota < quota);
        (void)text_fixed(quota, 2, number);
        while (number[strlen(number) - 1] == '0') /* 1.50: 1.5; 2.00: 2 */
            number[strlen(number) - 1] = 0;
        if (number[strlen(number) - 1] == '.')
            number[strlen(number) - 1] = 0;
        snprintf(p->why, sizeof p->why, "cgroup quota of %s processor%s", number,
                 strcmp(number, "1") == 0 ? "" : "s");
    }
    if (cluster_sharers() > 1 && p->workers > cores / cluster_sharers()) {
        p->workers = cores / cluster_sharers();
        p->workers = p->workers > 0 ? p->workers : 1;
        snprintf(p->why, sizeof p->why, "%d core%s for %d ranks", cores, cores == 1 ? "" : "s",
                 cluster_sharers());
    }
    if (limit < p->workers) {
        p->workers = limit;
        snprintf(p->why, sizeof p->why, "OMP_THREAD_LIMIT=%d", limit);
    }
    if (p->workers > PLAN_WORKERS_MAX)
        p->workers = PLAN_WORKERS_MAX;
}

static heddle_status decide_workers(const struct topology *t, int threads, struct plan *p,
                                    heddle_error *err)
{
    const char *variable = getenv("OMP_NUM_THREADS");
    size_t length;

    if (threads < 0 || threads > PLAN_WORKERS_MAX)
        return status_set(err, HEDDLE_E_ARGUMENT, "--threads %d: must be 1 to %d", threads,
                          PLAN_WORKERS_MAX);
    if (threads > 0) {
        p->workers = threads;
        p->fixed = true;
        snprintf(p->why, sizeof p->why, "--threads %d", threads);
        return HEDDLE_OK;
    }
    if (variable && *variable) {
        threads = first_number(variable);
        if (threads > PLAN_WORKERS_MAX)
            return status_set(err, HEDDLE_E_ARGUMENT, "OMP_NUM_THREADS='%.40s': must be 1 to %d",
                              variable, PLAN_WORKERS_MAX);
        if (threads > 0) {
            p->workers = threads;
            p->fixed = true;
            snprintf(p->why, sizeof p->why, "OMP_NUM_THREADS=%d", threads);
            return HEDDLE_OK;
        }
    }
    if (!t)
        return status_set(err, HEDDLE_E_ARGUMENT, "nobody has given a number of threads");
    choose_workers(t, p);
    length = strlen(p->why);
    if (variable && *variable)
        snprintf(p->why + length, sizeof p->why - length,
                 " (OMP_NUM_THREADS='%.40s' is no number of threads)", variable);
    return HEDDLE_OK;
}

/*
 * Launchers bind a rank to a core, or a few, before it knows how many threads it will have: Open
 * MPI's mpirun to one core each up to two ranks, then to a package each. Say so if that leaves this
 * machine's cores without work.
 */
static void remark_launcher(const struct topology *t, struct plan *p)
{
    const int cores = topology_cores(t), all = topology_all_cores(t);
    const int ranks = cluster_ranks(), share = all / cluster_neighbours();
    const int want = p->fixed ? p->workers : share;

    if (!cluster_launched() || cluster_sharers() > 1 || topology_synthetic(t) || cores >= all ||
        cores >= want || share <= cores)
        return;
    snprintf(p->remark, sizeof p->remark,
             "the launcher left %d of %d cores to this rank, for %d thread%s; to use %d: mpirun -n "
             "%d --map-by socket:PE=%d --bind-to core (or --bind-to none, or srun --cpus-per-task "
             "%d)",
             cores, all, p->workers, p->workers == 1 ? "" : "s", want < share ? want : share, ranks,
             want < share ? want : share, want < share ? want : share);
}

/*
 * Ranks whose threads take turns on cores: a rank that waits in Open MPI spins, unless told
 * otherwise, and keeps another's thread from its core. mpirun tells it by itself only if the ranks
 * alone are more than the cores.
 */
static void remark_turns(const struct topology *t, struct plan *p)
{
    const int cores = topology_cores(t), sharers = cluster_sharers();
    const char *told = getenv("OMPI_MCA_mpi_yield_when_idle");
    const char *known = getenv("OMPI_MCA_mpi_oversubscribe");
    const char *yields = told ? told : known;

    if (!getenv("OMPI_COMM_WORLD_RANK") || sharers < 2 || topology_synthetic(t) ||
        sharers * p->workers <= cores || (yields && strcmp(yields, "0") != 0))
        return;
    snprintf(
        p->remark, sizeof p->remark,
        "%d ranks of %d thread%s take turns on %d core%s, and one that waits keeps others from "
        "a core; use fewer, or mpirun -n %d --mca mpi_yield_when_idle 1",
        sharers, p->workers, p->workers == 1 ? "" : "s", cores, cores == 1 ? "" : "s",
        cluster_ranks());
}

/* Set p->how and p->bound; which placement, if any, is returned. */
static enum bind decide_binding(const struct topology *t, enum bind bind, struct plan *p)
{
    const char *variable = topology_openmp_variable();
    const int workers = p->workers, cores = topology_cores(t), processors = topology_processors(t);
    const char *share = workers <= cores        ? "a core for each worker"
                        : workers <= processors ? "a processor for each worker"
                                                : "several workers a processor";
    const char *kind;

    if (variable) {
        snprintf(p->how, sizeof p->how, "left to OpenMP (%s=%.100s)", variable, getenv(variable));
        return BIND_NONE;
    }
    if (bind == BIND_NONE) {
        snprintf(p->how, sizeof p->how, "not bound (--bind none)");
        return BIND_NONE;
    }
    if (bind == BIND_AUTO && workers > processors) {
        snprintf(p->how, sizeof p->how, "not bound: %d workers share %d processor%s", workers,
                 processors, processors == 1 ? "" : "s");
        return BIND_NONE;
    }
    if (bind == BIND_AUTO && cluster_sharers() > 1) {
        snprintf(p->how, sizeof p->how, "not bound: %d ranks share %d core%s", cluster_sharers(),
                 cores, cores == 1 ? "" : "s");
        return BIND_NONE;
    }
    if (bind == BIND_AUTO && workers < cores) {
        snprintf(p->how, sizeof p->how, "not bound: the system chooses %d of %d cores", workers,
                 cores);
        return BIND_NONE;
    }
    kind = bind == BIND_CLOSE ? "close" : "spread";
    p->bound = topology_binds(t);
    if (p->bound)
        snprintf(p->how, sizeof p->how, "%s, %s", kind, share);
    else if (topology_synthetic(t))
        snprintf(p->how, sizeof p->how, "not bound: not this machine (it would be %s, %s)", kind,
                 share);
    else
        snprintf(p->how, sizeof p->how, "not bound: this system does not bind threads");
    return bind == BIND_CLOSE ? BIND_CLOSE : BIND_SPREAD;
}

heddle_status plan_create(const struct topology *topology, int threads, enum bind bind,
                          struct plan **plan, heddle_error *err)
{
    struct plan *p = memory_new(1, sizeof *p);
    heddle_status status;

    if (!p)
        return status_memory(err, "a plan", sizeof *p);
    status = decide_workers(topology, threads, p, err);
    if (status != HEDDLE_OK)
        goto failed;
    if (topology) {
        remark_launcher(topology, p);
        remark_turns(topology, p);
        bind = decide_binding(topology, bind, p);
    } else {
        bind = BIND_NONE;
    }
    if (bind != BIND_NONE) {
        const size_t workers = (size_t)p->workers;

        p->processor = memory_new(workers, sizeof *p->processor);
        p->numa_node = memory_new(workers, sizeof *p->numa_node);
        if (!p->processor || !p->numa_node) {
            status = status_memory(err, "a plan", 2 * workers * sizeof *p->processor);
            goto failed;
        }
        status = topology_place(topology, p->workers, bind == BIND_SPREAD, p->processor,
                                p->numa_node, err);
        if (status != HEDDLE_OK)
            goto failed;
    }
    *plan = p;
    return HEDDLE_OK;
failed:
    plan_free(p);
    return status;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    memory_free(plan->processor);
    memory_free(plan->numa_node);
    memory_free(plan);
}
