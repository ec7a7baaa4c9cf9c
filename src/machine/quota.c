/*
 * quota: from /proc/self/cgroup (which group) and /proc/self/mountinfo (where groups are mounted).
 *
 *     /proc/self/cgroup     0::/a/b                  version 2: its line has number 0 and no name
 *                           4:cpu,cpuacct:/a/b       version 1: the hierarchy with "cpu"
 *     /proc/self/mountinfo  31 23 0:28 /a /sys/fs/cgroup rw - cgroup2 none rw
 *                                      │  └ mount point       └ type     └ version 1: "rw,cpu"
 *                                      └ the group that appears there
 *
 * gives the folder /sys/fs/cgroup/b. A quota holds for all groups below it, so every folder from
 * there up to the mount point is asked: cpu.max ("150000 100000" or "max 100000"), or
 * cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
 *
 * No OpenMP runtime does this. More workers than the quota are worse than too few: the kernel stops
 * all of them for the rest of each period.
 *
 * A group that cannot be read counts as one without a quota.
 */
#include "machine/quota.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* The whole of a small file with a final 0, or NULL. Files of /proc have no size to ask for. */
static char *read_text(const char *path)
{
    const size_t most = (size_t)1 << 20;
    size_t room = 4096, length = 0;
    char *text;
    const int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return NULL;
    text = memory_new(room, 1);
    while (text) {
        const ssize_t got = read(file, text + length, room - length - 1);
        char *more;

        if (got <= 0)
            break;
        length += (size_t)got;
        if (room - length > 1)
            continue;
        more = room < most ? memory_resize(text, room *= 2, 1) : NULL;
        if (!more) {
            memory_free(text);
            text = NULL;
        } else {
            text = more;
        }
    }
    (void)close(file);
    if (text)
        text[length] = 0;
    return text;
}

/* The next of the words that `separator` parts, cutting it off; NULL at the end. */
static char *next(char **rest, char separator)
{
    char *word = *rest, *end;

    if (!word)
        return NULL;
    end = strchr(word, separator);
    if (end)
        *end++ = 0;
    *rest = end;
    return word;
}

/* Is `word` in the list "cpu,cpuacct"? */
static bool has_word(const char *list, const char *word)
{
    const size_t n = strlen(word);

    while (list) {
        if (strncmp(list, word, n) == 0 && (list[n] == 0 || list[n] == ','))
            return true;
        list = strchr(list, ',');
        if (list)
            list++;
    }
    return false;
}

/* mountinfo writes blank, tab, line feed and backslash as \ and three octal digits. */
static void unescape(char *text)
{
    char *out = text;

    while (*text) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
            text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
            *out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = 0;
}

/* The number at the start of a text; false for "max", "-1" and rubbish. */
static bool leading_number(const char *text, double *number)
{
    uint64_t value;

    if (!text_to_u64(text, strspn(text, "0123456789"), &value))
        return false;
    *number = (double)value;
    return true;
}

/* The quota of one folder; 0 if it has none. */
static double folder_quota(const char *folder, bool version2)
{
    char path[PATH_MAX];
    double quota = 0, period = 0;
    bool known = false;
    char *text;

    if (version2) {
        if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path)
            return 0;
        text = read_text(path);
        if (text) {
            const char *second = strchr(text, ' ');

            known = second && leading_number(text, &quota) && leading_number(second + 1, &period);
            memory_free(text);
        }
    } else {
        if (snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder) >= (int)sizeof path)
            return 0;
        text = read_text(path);
        known = text && leading_number(text, &quota);
        memory_free(text);
        if (!known ||
            snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder) >= (int)sizeof path)
            return 0;
        text = read_text(path);
        known = text && leading_number(text, &period);
        memory_free(text);
    }
    return known && quota > 0 && period > 0 ? quota / period : 0;
}

/*
 * The smallest quota from the folder of group `group` up to the mount point, where group `mounted`
 * appears. In a container whose group has no name of its own the two may have nothing in common
 * ("/../x"): then the mount point is the best there is.
 */
static double smallest_quota(const char *root, const char *point, const char *mounted,
                             const char *group, bool version2)
{
    const size_t same = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);
    char folder[PATH_MAX];
    size_t top;
    double smallest = 0;

    if (strncmp(group, mounted, same) != 0 || (group[same] != 0 && group[same] != '/') ||
        strstr(group, "/.."))
        group = "";
    else
        group += same;
    if (snprintf(folder, sizeof folder, "%s%s%s", root, point, group) >= (int)sizeof folder)
        return 0;
    top = strlen(root) + strlen(point);
    for (;;) {
        const double quota = folder_quota(folder, version2);
        char *slash = strrchr(folder, '/');

        if (quota > 0 && (smallest <= 0 || quota < smallest))
            smallest = quota;
        if (!slash || (size_t)(slash - folder) < top)
            return smallest;
        *slash = 0;
    }
}

double quota_read(const char *root)
{
    char path[PATH_MAX];
    char *groups = NULL, *mounts = NULL, *rest, *line;
    const char *group1 = NULL, *group2 = NULL;
    double smallest = 0;

    if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) < (int)sizeof path)
        groups = read_text(path);
    if (snprintf(path, sizeof path, "%s/proc/self/mountinfo", root) < (int)sizeof path)
        mounts = read_text(path);
    if (!groups || !mounts)
        goto done;

    rest = groups;
    while ((line = next(&rest, '\n'))) {
        const char *number = next(&line, ':');
        const char *controllers = next(&line, ':');

        if (!line || *line != '/')
            continue;
        if (strcmp(number, "0") == 0 && !*controllers)
            group2 = line;
        else if (has_word(controllers, "cpu"))
            group1 = line;
    }

    rest = mounts;
    while ((line = next(&rest, '\n'))) {
        /* 31 23 0:28 MOUNTED POINT options [more …] - TYPE SOURCE OPTIONS */
        char *mounted = NULL, *point = NULL, *word;
        const char *type, *options;
        double quota = 0;

        for (int i = 0; (word = next(&line, ' ')) && strcmp(word, "-") != 0; i++) {
            if (i == 3)
                mounted = word;
            else if (i == 4)
                point = word;
        }
        type = next(&line, ' ');
        (void)next(&line, ' ');
        options = next(&line, ' ');
        if (!mounted || !point || !type)
            continue;
        unescape(mounted);
        unescape(point);
        if (group2 && strcmp(type, "cgroup2") == 0)
            quota = smallest_quota(root, point, mounted, group2, true);
        else if (group1 && strcmp(type, "cgroup") == 0 && options && has_word(options, "cpu"))
            quota = smallest_quota(root, point, mounted, group1, false);
        if (quota > 0 && (smallest <= 0 || quota < smallest))
            smallest = quota;
    }
done:
    memory_free(groups);
    memory_free(mounts);
    return smallest;
}
