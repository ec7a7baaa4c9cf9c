/**
 * topology: what the machine has, what we may use of it, and which worker goes where.
 */
#ifndef MACHINE_TOPOLOGY_H
#define MACHINE_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "heddle.h"

enum bind { BIND_AUTO, BIND_NONE, BIND_CLOSE, BIND_SPREAD };

struct topology; /* hwloc's view, and the cgroup quota */

/**
 * Load it (HWLOC_SYNTHETIC and HWLOC_XMLFILE are honoured). What we may use is what hwloc's allowed
 * set and the affinity of this thread have in common.
 *
 * Returns HEDDLE_OK, HEDDLE_E_UNSUPPORTED (hwloc cannot tell by what
 * HWLOC_XMLFILE or HWLOC_SYNTHETIC say), HEDDLE_E_IO (… by the system), HEDDLE_E_MEMORY.
 */
heddle_status topology_create(struct topology **topology, heddle_error *err);
void topology_free(struct topology *topology);

/** Fill the fields of *machine that do not depend on a plan or on the kernels. */
void topology_describe(const struct topology *topology, heddle_machine *machine);

/** Cores of the machine, and the cores and processors of it that we may use (1 at least). */
int topology_all_cores(const struct topology *topology);
int topology_cores(const struct topology *topology);
int topology_processors(const struct topology *topology);

/** The cgroup quota in processors; 0: none. */
double topology_quota(const struct topology *topology);

/** Is it a made-up machine? Can threads be bound to its processors? */
bool topology_synthetic(const struct topology *topology);
bool topology_binds(const struct topology *topology);

/**
 * Name of the first of OpenMP's own binding variables that is set (OMP_PROC_BIND, OMP_PLACES,
 * GOMP_CPU_AFFINITY, KMP_AFFINITY), or NULL.
 */
const char *topology_openmp_variable(void);

/**
 * Place workers, in the order of the machine, so that neighbours in number are neighbours in place.
 * A core has no second worker before every core has one, a processor none before every processor
 * has one.
 *
 * spread        evenly over packages, then over the NUMA nodes and caches in each; false: the first
 *               cores
 * processor     (workers) out: OS index of each one's processor
 * numa_node     (workers) out: OS index of the memory node nearest to it
 *
 * HEDDLE_E_MEMORY is the only failure.
 */
heddle_status topology_place(const struct topology *topology, int workers, bool spread,
                             int *processor, int *numa_node, heddle_error *err);

/** More workers than this are a mistake, not a wish. */
enum { PLAN_WORKERS_MAX = 4096 };

/** Where the workers of a run go. */
struct plan {
    int workers;
    bool fixed;       /* the user gave the number: it is not to be calibrated */
    bool bound;       /* processor[] is to be used */
    int *processor;   /* (workers) OS index of each worker's processor, or NULL */
    int *numa_node;   /* (workers) OS index of its memory node, or NULL */
    char why[256];    /* why that many */
    char how[256];    /* how they are bound, and why */
    char remark[400]; /* that the launcher has left this rank too few cores, or its ranks take turns
                         on them, and what to do; or "" */
};

/**
 * Decide.
 *
 * topology NULL: the machine was not looked at, which takes some milliseconds. Then there is a plan
 *          only if the user gave a number (else HEDDLE_E_ARGUMENT), and nobody is bound
 * threads  N given by the user (--threads), or 0: OMP_NUM_THREADS if set, else one worker a core
 *          that affinity, hwloc's allowed set and the cgroup quota leave us
 * bind     OpenMP's own variables win over it if set.
 *          BIND_AUTO: spread when there is at least a worker for every core and at most one for
 *          every processor, else none. Fewer workers than cores are left to the system: two runs
 *          of two workers each would otherwise meet on the same two cores of a large machine
 *
 * Returns HEDDLE_OK, HEDDLE_E_ARGUMENT (fewer than 0 or more than PLAN_WORKERS_MAX threads),
 * HEDDLE_E_MEMORY.
 */
heddle_status plan_create(const struct topology *topology, int threads, enum bind bind,
                          struct plan **plan, heddle_error *err);
void plan_free(struct plan *plan);

#endif
