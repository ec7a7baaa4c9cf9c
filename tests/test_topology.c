/* topology, plan, quota: on made-up machines and with made-up control groups. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "machine/quota.h"
#include "machine/topology.h"

/* Nothing of the environment of whoever runs the tests is to be seen. */
static void clean(void)
{
    static const char *const names[] = {"OMP_NUM_THREADS",   "OMP_PROC_BIND",   "OMP_PLACES",
                                        "GOMP_CPU_AFFINITY", "KMP_AFFINITY",    "HWLOC_XMLFILE",
                                        "HWLOC_SYNTHETIC",   "HWLOC_THISSYSTEM"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

TestSuite(topology, .init = clean);
TestSuite(plan, .init = clean);

static struct topology *load(const char *synthetic)
{
    struct topology *t = NULL;
    heddle_error err = {0};

    if (synthetic)
        setenv("HWLOC_SYNTHETIC", synthetic, 1);
    cr_assert(topology_create(&t, &err) == HEDDLE_OK, "%s", err.text);
    return t;
}

static struct plan *plan_of(const struct topology *t, int threads, enum bind bind)
{
    struct plan *p = NULL;
    heddle_error err = {0};

    cr_assert(plan_create(t, threads, bind, &p, &err) == HEDDLE_OK, "%s", err.text);
    return p;
}

/* ---------------------------------------------------------------- the machine ----------------- */

Test(topology, describes_a_made_up_machine)
{
    struct topology *t = load("pack:2 [numa(memory=8GB)] l3:4(size=32MB) l2:8(size=1MB) "
                              "l1d:1(size=32kB) core:1 pu:2");
    heddle_machine m;

    memset(&m, 0, sizeof m);
    topology_describe(t, &m);
    cr_expect(m.synthetic);
    cr_expect(m.packages == 2 && m.numa_nodes == 2);
    cr_expect(m.cores == 64 && m.processors == 128);
    cr_expect(m.allowed_cores == 64 && m.allowed_processors == 128);
    cr_expect(m.l1_bytes == 32000 || m.l1_bytes == 32768, "%zu", m.l1_bytes);
    cr_expect(m.l2_bytes >= 1000000 && m.l2_bytes <= 1048576, "%zu", m.l2_bytes);
    cr_expect(m.l3_bytes >= 32000000 && m.l3_bytes <= 33554432, "%zu", m.l3_bytes);
    cr_expect(m.memory_bytes >= 16000000000u, "%zu", m.memory_bytes);
    cr_expect(m.quota == 0);
    cr_expect(strcmp(m.processor, "unknown") == 0);
    topology_free(t);
}

Test(topology, describes_this_machine)
{
    struct topology *t = load(NULL);
    heddle_machine m;

    memset(&m, 0, sizeof m);
    topology_describe(t, &m);
    cr_expect(!m.synthetic);
    cr_expect(m.packages >= 1 && m.cores >= m.packages && m.processors >= m.cores);
    cr_expect(m.allowed_cores >= 1 && m.allowed_cores <= m.cores);
    cr_expect(m.allowed_processors >= m.allowed_cores);
    cr_expect(m.memory_bytes > 0);
    cr_expect(m.processor[0] != 0);
    topology_free(t);
}

Test(topology, a_missing_description_is_an_error_or_this_machine)
{
    struct topology *t = NULL;
    heddle_error err = {0};

    setenv("HWLOC_XMLFILE", "/nonexistent/machine.xml", 1);
    if (topology_create(&t, &err) == HEDDLE_OK)
        topology_free(t);
    else
        cr_expect(err.status == HEDDLE_E_UNSUPPORTED);
    topology_free(NULL);
}

#ifdef __linux__

Test(topology, honours_the_affinity_of_the_process)
{
    cpu_set_t set;
    struct topology *t;
    heddle_machine m;
    int last = -1;

    cr_assert(sched_getaffinity(0, sizeof set, &set) == 0);
    for (int p = 0; p < CPU_SETSIZE; p++)
        last = CPU_ISSET(p, &set) ? p : last;
    CPU_ZERO(&set);
    CPU_SET(last, &set);
    cr_assert(sched_setaffinity(0, sizeof set, &set) == 0);
    t = load(NULL);
    topology_describe(t, &m);
    cr_expect(m.allowed_cores == 1 && m.allowed_processors == 1);
    struct plan *p = plan_of(t, 0, BIND_SPREAD);
    cr_expect(p->workers == 1);
    cr_expect(p->bound && p->processor[0] == last);
    plan_free(p);
    topology_free(t);
}

#endif

/* ---------------------------------------------------------------- placing --------------------- */

struct placing {
    const char *machine;
    int threads;
    enum bind bind;
    int processor[40];
};

static const struct placing placings[] = {
    /* one core each, evenly over the packages and within them */
    {"pack:2 [numa] core:64 pu:2", 1, BIND_SPREAD, {0}},
    {"pack:2 [numa] core:64 pu:2", 2, BIND_SPREAD, {0, 128}},
    {"pack:2 [numa] core:64 pu:2", 4, BIND_SPREAD, {0, 64, 128, 192}},
    {"pack:2 [numa] core:64 pu:2", 5, BIND_SPREAD, {0, 42, 84, 128, 192}},
    {"pack:2 [numa] core:64 pu:2", 4, BIND_CLOSE, {0, 2, 4, 6}},
    /* NUMA nodes first, then their L3 caches, then cores */
    {"numa:4 l3:2 core:4 pu:1", 2, BIND_SPREAD, {0, 16}},
    {"numa:4 l3:2 core:4 pu:1", 8, BIND_SPREAD, {0, 4, 8, 12, 16, 20, 24, 28}},
    {"numa:4 l3:2 core:4 pu:1", 9, BIND_SPREAD, {0, 2, 4, 8, 12, 16, 20, 24, 28}},
    {"numa:4 l3:2 core:4 pu:1", 5, BIND_CLOSE, {0, 1, 2, 3, 4}},
    /* more than the cores: their second processors */
    {"core:4 pu:2", 4, BIND_SPREAD, {0, 2, 4, 6}},
    {"core:4 pu:2", 6, BIND_SPREAD, {0, 1, 2, 4, 5, 6}},
    {"core:4 pu:2", 6, BIND_CLOSE, {0, 1, 2, 3, 4, 6}},
    {"core:4 pu:2", 8, BIND_AUTO, {0, 1, 2, 3, 4, 5, 6, 7}},
    /* more than the processors: from the beginning */
    {"core:2 pu:2", 6, BIND_CLOSE, {0, 1, 0, 2, 3, 2}},
    {"core:2 pu:1", 5, BIND_SPREAD, {0, 0, 0, 1, 1}},
    /* numbers that the system gives out across the cores */
    {"pack:2 core:2 pu:2(indexes=0,4,1,5,2,6,3,7)", 4, BIND_SPREAD, {0, 1, 2, 3}},
    {"pack:2 core:2 pu:2(indexes=0,4,1,5,2,6,3,7)", 2, BIND_SPREAD, {0, 2}},
    {"pack:2 core:2 pu:2(indexes=0,4,1,5,2,6,3,7)", 2, BIND_CLOSE, {0, 1}},
    /* no cores known */
    {"pu:3", 2, BIND_SPREAD, {0, 1}},
    {"pu:3", 3, BIND_AUTO, {0, 1, 2}},
};

Test(plan, places_workers)
{
    for (size_t i = 0; i < sizeof placings / sizeof placings[0]; i++) {
        const struct placing *c = &placings[i];
        struct topology *t = load(c->machine);
        struct plan *p = plan_of(t, c->threads, c->bind);

        cr_expect(p->workers == c->threads && p->fixed);
        cr_expect(!p->bound, "threads would be bound to a made-up machine");
        cr_assert(p->processor && p->numa_node);
        for (int w = 0; w < c->threads; w++)
            cr_expect(p->processor[w] == c->processor[w],
                      "'%s', %d threads: worker %d on %d, not %d", c->machine, c->threads, w,
                      p->processor[w], c->processor[w]);
        plan_free(p);
        topology_free(t);
    }
}

Test(plan, every_core_of_a_large_machine_has_its_worker)
{
    struct topology *t = load("pack:2 [numa] l3:8 core:8 pu:2");
    struct plan *p = plan_of(t, 0, BIND_AUTO);

    cr_expect(p->workers == 128 && !p->fixed);
    for (int w = 0; w < p->workers; w++) {
        cr_expect(p->processor[w] == 2 * w);
        cr_expect(p->numa_node[w] == w / 64);
    }
    cr_expect(strcmp(p->why, "128 cores, one worker a core") == 0, "%s", p->why);
    cr_expect(strstr(p->how, "not this machine") != NULL, "%s", p->how);
    plan_free(p);
    topology_free(t);
}

Test(plan, each_number_of_workers_uses_different_cores)
{
    struct topology *t = load("pack:3 [numa] l3:2 core:5 pu:2");

    for (int workers = 1; workers <= 30; workers++) {
        for (int bind = BIND_CLOSE; bind <= BIND_SPREAD; bind++) {
            struct plan *p = plan_of(t, workers, (enum bind)bind);
            int package[3] = {0};

            for (int w = 0; w < workers; w++) {
                cr_expect(p->processor[w] % 2 == 0);
                cr_expect(w == 0 || p->processor[w] > p->processor[w - 1]);
                package[p->processor[w] / 20]++;
            }
            if (bind == BIND_SPREAD) {
                for (int i = 0; i < 3; i++)
                    cr_expect(package[i] == workers / 3 || package[i] == (workers + 2) / 3);
            }
            plan_free(p);
        }
    }
    topology_free(t);
}

/* A machine of which only some processors may be used, with a hole in every level: package 0 has
 * cores 0 (one processor), 2 and 3; package 1 has core 5 only. */
Test(plan, knows_of_processors_that_are_not_allowed)
{
    char path[] = "/tmp/heddle_topology_XXXXXX";
    const int file = mkstemp(path);
    hwloc_topology_t whole;
    hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
    const int usable[] = {1, 4, 5, 6, 10, 11};
    const int spread3[] = {1, 4, 10}, close3[] = {1, 4, 6}, six[] = {1, 4, 5, 6, 10, 11};
    heddle_machine m;

    cr_assert(file >= 0);
    close(file);
    for (size_t i = 0; i < sizeof usable / sizeof usable[0]; i++)
        hwloc_bitmap_set(allowed, (unsigned)usable[i]);
    cr_assert(hwloc_topology_init(&whole) == 0);
    cr_assert(hwloc_topology_set_synthetic(whole, "pack:2 [numa] core:4 pu:2") == 0);
    hwloc_topology_set_flags(whole, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    cr_assert(hwloc_topology_load(whole) == 0);
    cr_assert(hwloc_topology_allow(whole, allowed, NULL, HWLOC_ALLOW_FLAG_CUSTOM) == 0);
    cr_assert(hwloc_topology_export_xml(whole, path, 0) == 0);
    hwloc_topology_destroy(whole);
    hwloc_bitmap_free(allowed);
    setenv("HWLOC_XMLFILE", path, 1);

    struct topology *t = load(NULL);
    unlink(path);
    memset(&m, 0, sizeof m);
    topology_describe(t, &m);
    cr_expect(m.synthetic);
    cr_expect(m.cores == 8 && m.processors == 16);
    cr_expect(m.allowed_cores == 4 && m.allowed_processors == 6);

    struct plan *p = plan_of(t, 0, BIND_AUTO);
    cr_expect(p->workers == 4);
    cr_expect(strcmp(p->why, "4 of 8 cores allowed, one worker a core") == 0, "%s", p->why);
    plan_free(p);
    p = plan_of(t, 3, BIND_SPREAD);
    cr_expect(memcmp(p->processor, spread3, sizeof spread3) == 0);
    cr_expect(p->numa_node[0] == 0 && p->numa_node[1] == 0 && p->numa_node[2] == 1);
    plan_free(p);
    p = plan_of(t, 3, BIND_CLOSE);
    cr_expect(memcmp(p->processor, close3, sizeof close3) == 0);
    plan_free(p);
    p = plan_of(t, 6, BIND_SPREAD);
    cr_expect(memcmp(p->processor, six, sizeof six) == 0);
    plan_free(p);
    topology_free(t);
}

/* ---------------------------------------------------------------- deciding -------------------- */

struct decision {
    const char *variable, *value;
    int threads;
    enum bind bind;
    int workers;
    bool fixed, placed;
    const char *why, *how; /* how: a part of it */
};

static const struct decision decisions[] = {
    {NULL, NULL, 0, BIND_AUTO, 8, false, true, "8 cores, one worker a core", "spread"},
    {NULL, NULL, 3, BIND_AUTO, 3, true, false, "--threads 3", "chooses 3 of 8 cores"},
    {NULL, NULL, 3, BIND_CLOSE, 3, true, true, "--threads 3", "close"},
    {NULL, NULL, 16, BIND_AUTO, 16, true, true, "--threads 16", "spread"},
    {NULL, NULL, 17, BIND_AUTO, 17, true, false, "--threads 17", "17 workers share 16 processors"},
    {NULL, NULL, 17, BIND_SPREAD, 17, true, true, "--threads 17", "several workers a processor"},
    {NULL, NULL, 0, BIND_NONE, 8, false, false, "8 cores, one worker a core", "--bind none"},
    {"OMP_NUM_THREADS", "5", 0, BIND_AUTO, 5, true, false, "OMP_NUM_THREADS=5", "not bound"},
    {"OMP_NUM_THREADS", " 4 , 2", 0, BIND_AUTO, 4, true, false, "OMP_NUM_THREADS=4", "not bound"},
    {"OMP_NUM_THREADS", "5", 2, BIND_AUTO, 2, true, false, "--threads 2", "not bound"},
    {"OMP_NUM_THREADS", "", 0, BIND_AUTO, 8, false, true, "8 cores, one worker a core", "spread"},
    {"OMP_NUM_THREADS", "0", 0, BIND_AUTO, 8, false, true,
     "8 cores, one worker a core (OMP_NUM_THREADS='0' is no number of threads)", "spread"},
    {"OMP_NUM_THREADS", "four", 0, BIND_AUTO, 8, false, true,
     "8 cores, one worker a core (OMP_NUM_THREADS='four' is no number of threads)", "spread"},
    {"OMP_NUM_THREADS", "-2", 0, BIND_AUTO, 8, false, true,
     "8 cores, one worker a core (OMP_NUM_THREADS='-2' is no number of threads)", "spread"},
    {"OMP_PROC_BIND", "close", 0, BIND_SPREAD, 8, false, false, "8 cores, one worker a core",
     "left to OpenMP (OMP_PROC_BIND=close)"},
    {"GOMP_CPU_AFFINITY", "0-3", 0, BIND_AUTO, 8, false, false, "8 cores, one worker a core",
     "left to OpenMP (GOMP_CPU_AFFINITY=0-3)"},
};

Test(plan, decides_by_what_was_asked_for)
{
    struct topology *t = load("pack:2 [numa] core:4 pu:2");

    for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
        const struct decision *d = &decisions[i];
        struct plan *p;

        if (d->variable)
            setenv(d->variable, d->value, 1);
        p = plan_of(t, d->threads, d->bind);
        cr_expect(p->workers == d->workers && p->fixed == d->fixed, "decision %zu", i);
        cr_expect((p->processor != NULL) == d->placed, "decision %zu", i);
        cr_expect(strcmp(p->why, d->why) == 0, "decision %zu: %s", i, p->why);
        cr_expect(strstr(p->how, d->how) != NULL, "decision %zu: %s", i, p->how);
        plan_free(p);
        if (d->variable)
            unsetenv(d->variable);
    }
    topology_free(t);
}

Test(plan, a_number_that_was_given_needs_no_look_at_the_machine)
{
    struct plan *p = NULL;

    cr_assert(plan_create(NULL, 3, BIND_AUTO, &p, NULL) == HEDDLE_OK);
    cr_expect(p->workers == 3 && p->fixed && !p->bound && !p->processor);
    plan_free(p);
    setenv("OMP_NUM_THREADS", "5", 1);
    cr_assert(plan_create(NULL, 0, BIND_AUTO, &p, NULL) == HEDDLE_OK);
    cr_expect(p->workers == 5 && p->fixed && !p->bound);
    plan_free(p);
    unsetenv("OMP_NUM_THREADS");
    cr_expect(plan_create(NULL, 0, BIND_AUTO, &p, NULL) == HEDDLE_E_ARGUMENT);
}

Test(plan, refuses_numbers_that_make_no_sense)
{
    struct topology *t = load("core:2 pu:1");
    struct plan *p = NULL;
    heddle_error err = {0};

    cr_expect(plan_create(t, -1, BIND_AUTO, &p, &err) == HEDDLE_E_ARGUMENT);
    cr_expect(plan_create(t, PLAN_WORKERS_MAX + 1, BIND_AUTO, &p, NULL) == HEDDLE_E_ARGUMENT);
    setenv("OMP_NUM_THREADS", "99999999999999999999", 1);
    cr_expect(plan_create(t, 0, BIND_AUTO, &p, &err) == HEDDLE_E_ARGUMENT);
    cr_expect(strstr(err.text, "OMP_NUM_THREADS") != NULL, "%s", err.text);
    cr_expect(p == NULL);
    plan_free(NULL);
    topology_free(t);
}

Test(plan, every_failing_allocation_is_reported)
{
    heddle_status status = HEDDLE_E_MEMORY;
    struct topology *t = NULL;
    struct plan *p = NULL;
    size_t n;

    setenv("HWLOC_SYNTHETIC", "pack:2 core:4 pu:2", 1);
    for (n = 1; status != HEDDLE_OK && n < 100; n++) {
        memory_fail_at(n, false);
        status = topology_create(&t, NULL);
        memory_fail_at(0, false);
        cr_expect(status == HEDDLE_OK || (status == HEDDLE_E_MEMORY && t == NULL));
    }
    cr_assert(status == HEDDLE_OK && n > 2);
    status = HEDDLE_E_MEMORY;
    for (n = 1; status != HEDDLE_OK && n < 100; n++) {
        memory_fail_at(n, false);
        status = plan_create(t, 6, BIND_SPREAD, &p, NULL);
        memory_fail_at(0, false);
        cr_expect(status == HEDDLE_OK || (status == HEDDLE_E_MEMORY && p == NULL));
    }
    cr_expect(status == HEDDLE_OK && n > 4);
    plan_free(p);
    topology_free(t);
}

/* ---------------------------------------------------------------- quota ----------------------- */

static char root[64];

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
    (void)s;
    (void)kind;
    (void)where;
    return remove(path);
}

static void make_root(void)
{
    snprintf(root, sizeof root, "/tmp/heddle_quota_XXXXXX");
    cr_assert(mkdtemp(root) != NULL);
}

static void remove_root(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(quota, .init = make_root, .fini = remove_root);

/* Write a file below root and the folders on the way to it. */
static void put(const char *path, const char *text)
{
    char whole[512];
    FILE *file;

    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(whole, 0700);
        *slash = '/';
    }
    file = fopen(whole, "w");
    cr_assert(file != NULL);
    fputs(text, file);
    fclose(file);
}

#define MOUNT2 "30 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

Test(quota, is_none_without_files_or_with_rubbish)
{
    cr_expect(quota_read(root) == 0);
    put("/proc/self/cgroup", "");
    cr_expect(quota_read(root) == 0);
    put("/proc/self/mountinfo", "");
    cr_expect(quota_read(root) == 0);
    put("/proc/self/cgroup", "0\n::\n0::\nxyz\n0:::\n\n0::/a\n");
    put("/proc/self/mountinfo", "\n - \n1 2 3\n1 2 3 / /x - cgroup2\n- cgroup2 a b\n" MOUNT2);
    cr_expect(quota_read(root) == 0);
    put("/sys/fs/cgroup/a/cpu.max", "");
    cr_expect(quota_read(root) == 0);
    put("/sys/fs/cgroup/a/cpu.max", "max");
    cr_expect(quota_read(root) == 0);
    put("/sys/fs/cgroup/a/cpu.max", "100000 0\n");
    cr_expect(quota_read(root) == 0);
}

Test(quota, version_2_is_the_smallest_of_all_groups_around_us)
{
    put("/proc/self/cgroup", "0::/a/b/c\n");
    put("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" MOUNT2);
    put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    cr_expect(quota_read(root) == 0);
    put("/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
    cr_expect(quota_read(root) == 4);
    put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    cr_expect(quota_read(root) == 1.5);
    put("/sys/fs/cgroup/cpu.max", "60000 80000\n");
    cr_expect(quota_read(root) == 0.75);
    put("/sys/fs/cgroup/a/b/c/cpu.max", "5000 10000\n");
    cr_expect(quota_read(root) == 0.5);
    put("/sys/fs/cpu.max", "1000 100000\n"); /* above the mount point: not ours */
    cr_expect(quota_read(root) == 0.5);
}

Test(quota, version_1_reads_the_hierarchy_with_cpu)
{
    put("/proc/self/cgroup", "9:cpuset:/x\n5:cpuacct,cpu:/job/1\n1:name=systemd:/y\n0::/z\n");
    put("/proc/self/mountinfo", "31 23 0:2 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
                                "32 23 0:3 / /cg/cpu,acct rw shared:9 master:1 - cgroup none "
                                "rw,cpuacct,cpu\n");
    put("/cg/cpuset/x/cpu.cfs_quota_us", "1000\n");
    put("/cg/cpuset/x/cpu.cfs_period_us", "100000\n");
    cr_expect(quota_read(root) == 0);
    put("/cg/cpu,acct/job/1/cpu.cfs_quota_us", "-1\n");
    put("/cg/cpu,acct/job/1/cpu.cfs_period_us", "100000\n");
    cr_expect(quota_read(root) == 0);
    put("/cg/cpu,acct/job/cpu.cfs_quota_us", "250000\n");
    cr_expect(quota_read(root) == 0, "a quota without a period");
    put("/cg/cpu,acct/job/cpu.cfs_period_us", "100000\n");
    cr_expect(quota_read(root) == 2.5);
}

Test(quota, both_versions_at_once_give_the_smaller)
{
    put("/proc/self/cgroup", "5:cpu:/\n0::/\n");
    put("/proc/self/mountinfo", "32 23 0:3 / /v1 rw - cgroup none rw,cpu\n"
                                "33 23 0:4 / /v2 rw - cgroup2 none rw\n");
    put("/v1/cpu.cfs_quota_us", "300000\n");
    put("/v1/cpu.cfs_period_us", "100000\n");
    cr_expect(quota_read(root) == 3);
    put("/v2/cpu.max", "200000 100000\n");
    cr_expect(quota_read(root) == 2);
    put("/v2/cpu.max", "700000 100000\n");
    cr_expect(quota_read(root) == 3);
}

Test(quota, a_container_sees_its_group_at_the_mount_point)
{
    put("/proc/self/cgroup", "0::/docker/ab12/task\n");
    put("/proc/self/mountinfo", "30 23 0:28 /docker/ab12 /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    cr_expect(quota_read(root) == 2);
    put("/sys/fs/cgroup/task/cpu.max", "100000 100000\n");
    cr_expect(quota_read(root) == 1);
    /* a group of which nothing is mounted here, and one with a longer name */
    put("/proc/self/cgroup", "0::/../other\n");
    cr_expect(quota_read(root) == 2);
    put("/proc/self/cgroup", "0::/docker/ab123/task\n");
    cr_expect(quota_read(root) == 2);
}

Test(quota, names_with_blanks_are_understood)
{
    put("/proc/self/cgroup", "0::/a b\n");
    put("/proc/self/mountinfo", "30 23 0:28 / /c\\040d\\134 rw - cgroup2 cgroup rw\n");
    put("/c d\\/a b/cpu.max", "100000 50000\n");
    cr_expect(quota_read(root) == 2);
}

Test(quota, of_this_system_can_be_read)
{
    cr_expect(quota_read("") >= 0);
}
