/*
 * topology: hwloc describes, OpenMP is asked.
 *
 * What we may use is not simply this thread's affinity: libgomp binds the first thread to one place
 * as soon as the program is loaded when OMP_PROC_BIND or the like is set, and then one processor is
 * what the thread's affinity shows. OpenMP's places are asked in that case.
 *
 * The usable cores are kept as a list in hwloc's logical order, in which neighbours share caches;
 * everything else is counted on that list. A core is a PU where hwloc knows of no cores.
 */
#include "machine/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"
#include "machine/quota.h"

struct core {
    hwloc_obj_t object;
    int processors; /* usable ones of it: 1, or 2 and more with SMT */
};

struct topology {
    hwloc_topology_t hwloc;
    hwloc_bitmap_t usable; /* processors */
    bool synthetic;
    int all_cores, cores, processors;
    int core_depth;
    int smt;           /* the most processors a usable core has */
    struct core *core; /* (cores) */
    double quota;
};

/* ---------------------------------------------------------------- loading --------------------- */

const char *topology_openmp_variable(void)
{
    static const char *const names[] = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY",
                                        "KMP_AFFINITY"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return names[i];
    }
    return NULL;
}

/* The processors of all places OpenMP has; false if it has no places. */
static bool openmp_processors(hwloc_bitmap_t set, heddle_status *status, heddle_error *err)
{
    const int places = omp_get_num_places();

    hwloc_bitmap_zero(set);
    for (int place = 0; place < places; place++) {
        const int count = omp_get_place_num_procs(place);
        int *ids = memory_new((size_t)count, sizeof *ids);

        if (!ids) {
            *status = status_memory(err, "a list of processors", (size_t)count * sizeof *ids);
            return false;
        }
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < count; i++) {
            if (ids[i] >= 0)
                hwloc_bitmap_set(set, (unsigned)ids[i]);
        }
        memory_free(ids);
    }
    return !hwloc_bitmap_iszero(set);
}

/* Set t->usable: what hwloc allows and this thread's affinity leave. */
static heddle_status find_usable(struct topology *t, heddle_error *err)
{
    heddle_status status = HEDDLE_OK;
    hwloc_bitmap_t ours;
    bool known;

    if (hwloc_bitmap_copy(t->usable, hwloc_topology_get_allowed_cpuset(t->hwloc)) != 0)
        return status_memory(err, "a set of processors", 0);
    if (t->synthetic)
        return HEDDLE_OK;
    ours = hwloc_bitmap_alloc();
    if (!ours)
        return status_memory(err, "a set of processors", 0);
    known = topology_openmp_variable() && openmp_processors(ours, &status, err);
    if (!known && status == HEDDLE_OK)
        known = hwloc_get_cpubind(t->hwloc, ours, HWLOC_CPUBIND_THREAD) == 0 &&
                hwloc_bitmap_weight(ours) >= (topology_openmp_variable() ? omp_get_num_procs() : 1);
    /* What the two say of different machines (HWLOC_XMLFILE with HWLOC_THISSYSTEM=1) has nothing in
     * common: then hwloc is believed. */
    if (known && hwloc_bitmap_intersects(t->usable, ours))
        (void)hwloc_bitmap_and(t->usable, t->usable, ours);
    hwloc_bitmap_free(ours);
    return status;
}

static int usable_in(const struct topology *t, hwloc_obj_t object)
{
    int count = 0;

    for (int i = hwloc_bitmap_first(object->cpuset); i >= 0;
         i = hwloc_bitmap_next(object->cpuset, i))
        count += hwloc_bitmap_isset(t->usable, (unsigned)i);
    return count;
}

static heddle_status find_cores(struct topology *t, heddle_error *err)
{
    hwloc_obj_t object = NULL;

    t->core_depth = hwloc_get_type_or_below_depth(t->hwloc, HWLOC_OBJ_CORE);
    t->all_cores = (int)hwloc_get_nbobjs_by_depth(t->hwloc, t->core_depth);
    t->core = memory_new((size_t)t->all_cores, sizeof *t->core);
    if (!t->core)
        return status_memory(err, "a list of cores", (size_t)t->all_cores * sizeof *t->core);
    while ((object = hwloc_get_next_obj_by_depth(t->hwloc, t->core_depth, object))) {
        const int processors = usable_in(t, object);

        if (processors == 0)
            continue;
        t->core[t->cores].object = object;
        t->core[t->cores++].processors = processors;
        t->processors += processors;
        if (processors > t->smt)
            t->smt = processors;
    }
    if (t->cores == 0)
        return status_set(err, HEDDLE_E_UNSUPPORTED, "hwloc finds no processor that may be used");
    return HEDDLE_OK;
}

heddle_status topology_create(struct topology **topology, heddle_error *err)
{
    struct topology *t = memory_new(1, sizeof *t);
    heddle_status status;

    if (!t)
        return status_memory(err, "the machine's description", sizeof *t);
    t->usable = hwloc_bitmap_alloc();
    if (!t->usable || hwloc_topology_init(&t->hwloc) != 0) {
        t->hwloc = NULL;
        status = status_memory(err, "the machine's description", 0);
        goto failed;
    }
    if (hwloc_topology_set_flags(t->hwloc, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) != 0 ||
        hwloc_topology_load(t->hwloc) != 0) {
        const char *why = strerror(errno);
        bool told = getenv("HWLOC_XMLFILE") || getenv("HWLOC_SYNTHETIC");
        status = status_set(err, told ? HEDDLE_E_UNSUPPORTED : HEDDLE_E_IO,
                            "hwloc cannot describe this machine: %s%s", why,
                            told ? " (are HWLOC_XMLFILE and HWLOC_SYNTHETIC right?)" : "");
        goto failed;
    }
    t->synthetic = !hwloc_topology_is_thissystem(t->hwloc);
    if (!t->synthetic)
        t->quota = quota_read("");
    status = find_usable(t, err);
    if (status == HEDDLE_OK)
        status = find_cores(t, err);
    if (status != HEDDLE_OK)
        goto failed;
    *topology = t;
    return HEDDLE_OK;
failed:
    topology_free(t);
    return status;
}

void topology_free(struct topology *topology)
{
    if (!topology)
        return;
    if (topology->hwloc)
        hwloc_topology_destroy(topology->hwloc);
    hwloc_bitmap_free(topology->usable);
    memory_free(topology->core);
    memory_free(topology);
}

/* ---------------------------------------------------------------- telling --------------------- */

int topology_all_cores(const struct topology *topology)
{
    return topology->all_cores;
}

int topology_cores(const struct topology *topology)
{
    return topology->cores;
}

int topology_processors(const struct topology *topology)
{
    return topology->processors;
}

double topology_quota(const struct topology *topology)
{
    return topology->quota;
}

bool topology_synthetic(const struct topology *topology)
{
    return topology->synthetic;
}

bool topology_binds(const struct topology *topology)
{
#ifdef __linux__
    return !topology->synthetic &&
           hwloc_topology_get_support(topology->hwloc)->cpubind->set_thisthread_cpubind;
#else
    (void)topology;
    return false; /* nor does team.c */
#endif
}

/* The data cache of a level that core 0 of ours uses; 0 if there is none. */
static size_t cache_bytes(const struct topology *t, unsigned level)
{
    for (hwloc_obj_t o = t->core[0].object; o; o = o->parent) {
        if (hwloc_obj_type_is_dcache(o->type) && o->attr->cache.depth == level)
            return (size_t)o->attr->cache.size;
    }
    return 0;
}

static const char *processor_name(const struct topology *t)
{
    static const char *const keys[] = {"CPUModel", "Architecture"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (hwloc_obj_t o = t->core[0].object; o; o = o->parent) {
            const char *name = hwloc_obj_get_info_by_name(o, keys[i]);

            if (name && *name)
                return name;
        }
    }
    return "unknown";
}

void topology_describe(const struct topology *topology, heddle_machine *machine)
{
    const int packages = hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_PACKAGE);
    const hwloc_obj_t all = hwloc_get_root_obj(topology->hwloc);

    machine->packages = packages > 0 ? packages : 1;
    machine->numa_nodes = hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE);
    machine->cores = topology->all_cores;
    machine->processors = hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_PU);
    machine->allowed_cores = topology->cores;
    machine->allowed_processors = topology->processors;
    machine->quota = topology->quota;
    machine->l1_bytes = cache_bytes(topology, 1);
    machine->l2_bytes = cache_bytes(topology, 2);
    machine->l3_bytes = cache_bytes(topology, 3);
    machine->memory_bytes = (size_t)all->total_memory;
    snprintf(machine->processor, sizeof machine->processor, "%s", processor_name(topology));
    machine->synthetic = topology->synthetic;
}

/* ---------------------------------------------------------------- placing --------------------- */

/* In round r workers go to cores that have a processor r for them: round 0 fills the cores, round 1
 * their second processors, … and when all are used it starts again. */
static bool has_room(const struct topology *t, int core, int round)
{
    return t->core[core].processors > round % t->smt;
}

/* Cores with room within an object. */
static int room(const struct topology *t, hwloc_obj_t object, int round)
{
    int count = 0;

    for (int i = 0; i < t->cores; i++)
        count += has_room(t, i, round) &&
                 hwloc_bitmap_isincluded(t->core[i].object->cpuset, object->cpuset);
    return count;
}

/* Workers that the children of an object take if none may take more than `level`. */
static int taken(const struct topology *t, hwloc_obj_t object, int level, int round)
{
    int count = 0;

    for (unsigned i = 0; i < object->arity; i++) {
        const int r = room(t, object->children[i], round);

        count += r < level ? r : level;
    }
    return count;
}

/*
 * Add n ≤ room(object) workers to cores within an object, one each: count[core] is how many it has.
 *
 * Every child gets `level`, or all it has room for; level is the largest for which that is not too
 * many. The rest go to children that have room left, at equal distances: 2 among 4 to the first and
 * the third.
 */
static void spread_over(const struct topology *t, hwloc_obj_t object, int n, int round, int *count)
{
    int level, left, open = 0, place = 0;

    if (n == 0)
        return;
    if (object->depth >= t->core_depth) {
        for (int i = 0; i < t->cores; i++)
            count[i] += t->core[i].object == object;
        return;
    }
    level = n / (int)object->arity;
    while (taken(t, object, level, round) < n && taken(t, object, level + 1, round) <= n)
        level++;
    left = n - taken(t, object, level, round);
    for (unsigned i = 0; i < object->arity; i++)
        open += room(t, object->children[i], round) > level;
    for (unsigned i = 0; i < object->arity; i++) {
        const int r = room(t, object->children[i], round);
        int share = r < level ? r : level;

        if (r > level) {
            share += ((place + 1) * left + open - 1) / open - (place * left + open - 1) / open;
            place++;
        }
        spread_over(t, object->children[i], share, round, count);
    }
}

/* Usable processor number k of a core (OS index). */
static int processor_of(const struct topology *t, int core, int k)
{
    const hwloc_const_bitmap_t set = t->core[core].object->cpuset;
    int id = -1;

    k %= t->core[core].processors;
    do
        id = hwloc_bitmap_next(set, id);
    while (!hwloc_bitmap_isset(t->usable, (unsigned)id) || k-- > 0);
    return id;
}

heddle_status topology_place(const struct topology *topology, int workers, bool spread,
                             int *processor, int *numa_node, heddle_error *err)
{
    const struct topology *t = topology;
    const hwloc_obj_t all = hwloc_get_root_obj(t->hwloc);
    int *count = memory_new((size_t)t->cores, sizeof *count);
    int left = workers, w = 0;

    if (!count)
        return status_memory(err, "a plan", (size_t)t->cores * sizeof *count);
    for (int round = 0; left > 0; round++) {
        const int most = room(t, all, round);
        const int now = left < most ? left : most;

        if (spread) {
            spread_over(t, all, now, round, count);
        } else {
            for (int i = 0, n = now; n > 0; i++) {
                if (has_room(t, i, round)) {
                    count[i]++;
                    n--;
                }
            }
        }
        left -= now;
    }
    for (int i = 0; i < t->cores; i++) {
        const int node = hwloc_bitmap_first(t->core[i].object->nodeset);

        for (int k = 0; k < count[i]; k++, w++) {
            processor[w] = processor_of(t, i, k);
            numa_node[w] = node < 0 ? 0 : node;
        }
    }
    memory_free(count);
    return HEDDLE_OK;
}
