/**
 * available: see base/available.h. Control groups are looked for where every system mounts them,
 * /sys/fs/cgroup; a group whose folder is not there (in a container: it is the mount point itself)
 * is looked for further up. A limit holds for all groups below it, so every folder is asked.
 *
 * Nothing is allocated here: it is asked when memory may be short.
 */
#include "base/available.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"

enum { TEXT_SIZE = 16384 };

/* The start of a small file and a final 0; false if it cannot be read. */
static bool read_text(char text[TEXT_SIZE], const char *root, const char *folder, const char *name)
{
    char path[PATH_MAX];
    size_t length = 0;
    if (snprintf(path, sizeof path, "%s%s%s", root, folder, name) >= (int)sizeof path)
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    while (length + 1 < TEXT_SIZE) {
        ssize_t got = read(file, text + length, TEXT_SIZE - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    (void)close(file);
    text[length] = '\0';
    return length > 0;
}

/* The number behind `name` at the start of a line ("": at the start); SIZE_MAX: none, or "max". */
static size_t number_of(const char *text, const char *name)
{
    const size_t n = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) != 0)
            continue;
        const char *digits = line + n + strspn(line + n, " \t:");
        uint64_t value;
        if (text_to_u64(digits, strspn(digits, "0123456789"), &value) && value < SIZE_MAX)
            return (size_t)value;
        return SIZE_MAX;
    }
    return SIZE_MAX;
}

/* What one control group leaves. */
static size_t group_leaves(const char *root, const char *folder, bool version2)
{
    char text[TEXT_SIZE];
    if (!read_text(text, root, folder, version2 ? "/memory.max" : "/memory.limit_in_bytes"))
        return SIZE_MAX;
    const size_t most = number_of(text, "");
    if (most > SIZE_MAX / 4) /* version 1 says a very large number for none */
        return SIZE_MAX;
    size_t used = 0;
    if (read_text(text, root, folder, version2 ? "/memory.current" : "/memory.usage_in_bytes"))
        used = number_of(text, "");
    used = used == SIZE_MAX ? 0 : used;
    if (read_text(text, root, folder, "/memory.stat")) {
        /* pages of files can be dropped, those read twice, too */
        static const char *const names[] = {"total_inactive_file ", "total_active_file "};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            size_t dropped = number_of(text, names[i] + (version2 ? strlen("total_") : 0));
            dropped = dropped == SIZE_MAX ? 0 : dropped;
            used -= dropped < used ? dropped : used;
        }
    }
    return used < most ? most - used : 0;
}

/* The least that the groups from `group` up to the mount point leave. */
static size_t groups_leave(const char *root, const char *mount, const char *group, size_t n,
                           bool version2)
{
    char folder[PATH_MAX];
    size_t least = SIZE_MAX;
    const size_t top = strlen(mount);
    if (snprintf(folder, sizeof folder, "%s%.*s", mount, (int)n, group) >= (int)sizeof folder)
        return least;
    for (;;) {
        size_t left = group_leaves(root, folder, version2);
        least = left < least ? left : least;
        char *slash = strrchr(folder, '/');
        if (strlen(folder) <= top || !slash || (size_t)(slash - folder) < top)
            return least;
        *slash = '\0';
    }
}

static size_t all_groups_leave(const char *root)
{
    char text[TEXT_SIZE];
    size_t least = SIZE_MAX;
    if (!read_text(text, root, "", "/proc/self/cgroup"))
        return least;
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *controllers = strchr(line, ':'), *end = line + strcspn(line, "\n");
        const char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group || group > end)
            continue;
        group++;
        size_t n = (size_t)(end - group), left = SIZE_MAX;
        n = n == 1 ? 0 : n; /* "/" */
        if (line[0] == '0' && controllers[1] == ':')
            left = groups_leave(root, "/sys/fs/cgroup", group, n, true);
        else if (memmem(controllers, (size_t)(group - controllers), ":memory:", 8))
            left = groups_leave(root, "/sys/fs/cgroup/memory", group, n, false);
        least = left < least ? left : least;
    }
    return least;
}

/* The lesser of `least` and what a limit of the process leaves. */
static size_t limit_leaves(int resource, size_t pages, size_t least)
{
    struct rlimit limit;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return least;
    const size_t taken = pages == SIZE_MAX ? 0 : pages * page;
    const size_t left = limit.rlim_cur > taken ? (size_t)limit.rlim_cur - taken : 0;
    return left < least ? left : least;
}

size_t memory_available(const char *root, size_t processes)
{
    char text[TEXT_SIZE];
    size_t least = all_groups_leave(root);
    if (read_text(text, root, "", "/proc/meminfo")) {
        size_t kibi = number_of(text, "MemAvailable:");
        size_t swap = number_of(text, "SwapFree:");
        if (kibi < SIZE_MAX / 4096) {
            kibi += swap < SIZE_MAX / 4096 ? swap : 0;
            least = kibi * 1024 < least ? kibi * 1024 : least;
        }
    }
    least = least < SIZE_MAX ? least / processes : least;
    /* what the process has of each: the first and the sixth number, in pages */
    if (read_text(text, "", "", "/proc/self/statm")) {
        const char *data = text;
        for (int i = 0; i < 5 && data; i++) {
            data = strchr(data, ' ');
            data += data != NULL;
        }
        least = limit_leaves(RLIMIT_AS, number_of(text, ""), least);
        least = limit_leaves(RLIMIT_DATA, number_of(data, ""), least);
    }
    return least;
}
