/** What memory is left, on machines made up: src/base/available.c. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/available.h"
#include "support.h"

/* A file of a made-up machine, and the folders it needs. */
static void put(const char *root, const char *path, const char *text)
{
    char whole[1024];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cr_assert(mkdir(whole, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
    put_file(whole, text, strlen(text));
}

static const char *new_root(char root[512], const char *name)
{
    snprintf(root, 512, "%s", scratch_path(name));
    cr_assert(mkdir(root, 0777) == 0 || errno == EEXIST);
    return root;
}

#define MEBI ((size_t)1 << 20)

Test(available, nothing_known_is_no_limit)
{
    char root[512];
    cr_assert(memory_available(new_root(root, "bare"), 1) == SIZE_MAX);
}

Test(available, the_machine_and_its_swap_are_asked)
{
    char root[512];
    put(new_root(root, "machine"), "/proc/meminfo",
        "MemTotal:  8192 kB\nMemAvailable:   4096 kB\nSwapFree:  1024 kB\n");
    cr_assert(memory_available(root, 1) == 5 * MEBI);
}

Test(available, what_is_everybodys_is_shared_out)
{
    char root[512];
    cr_assert(memory_available(new_root(root, "bare"), 4) == SIZE_MAX);
    put(root, "/proc/meminfo", "MemAvailable:   4096 kB\nSwapFree:  0 kB\n");
    cr_assert(memory_available(root, 4) == MEBI);
    put(root, "/proc/self/cgroup", "0::/a\n");
    put(root, "/sys/fs/cgroup/a/memory.max", "2097152\n");
    cr_assert(memory_available(root, 2) == MEBI);
    /* a limit of the process is its own */
    struct rlimit old, small;
    getrlimit(RLIMIT_AS, &old);
    small = (struct rlimit){.rlim_cur = 1, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_AS, &small);
    const size_t none = memory_available(root, 2);
    setrlimit(RLIMIT_AS, &old);
    cr_assert(none == 0);
}

Test(available, groups_of_version_2_limit_all_below_them)
{
    char root[512];
    put(new_root(root, "two"), "/proc/meminfo", "MemAvailable: 1048576 kB\nSwapFree: 0 kB\n");
    put(root, "/proc/self/cgroup", "0::/a/b\n");
    put(root, "/sys/fs/cgroup/a/b/memory.max", "max\n");
    cr_assert(memory_available(root, 1) == 1024 * MEBI);
    put(root, "/sys/fs/cgroup/a/memory.max", "104857600\n");
    put(root, "/sys/fs/cgroup/a/memory.current", "41943040\n");
    cr_assert(memory_available(root, 1) == 60 * MEBI);
    put(root, "/sys/fs/cgroup/a/memory.stat", "anon 1\nfile 2\ninactive_file 31457280\n");
    cr_assert(memory_available(root, 1) == 90 * MEBI);
    put(root, "/sys/fs/cgroup/a/memory.stat", "inactive_file 31457280\nactive_file 5242880\n");
    cr_assert(memory_available(root, 1) == 95 * MEBI);
    put(root, "/sys/fs/cgroup/a/memory.current", "409430400\n");
    cr_assert(memory_available(root, 1) == 0);
}

Test(available, groups_of_version_1_and_containers_are_known)
{
    char root[512];
    put(new_root(root, "one"), "/proc/self/cgroup",
        "5:cpu,cpuacct:/x\n4:memory:/docker/0123\n0::/\n");
    /* in a container the mount point is the group itself */
    put(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    cr_assert(memory_available(root, 1) == SIZE_MAX);
    put(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
    put(root, "/sys/fs/cgroup/memory/memory.usage_in_bytes", "1048576\n");
    cr_assert(memory_available(root, 1) == 99 * MEBI);
}
