/**
 * parts: how gradient() takes the examples of a run, whole shards at a time.
 *
 * The deltas of a part stay in the first-level cache for all tiles of a group of inputs. What a part
 * comes to is the sum of a complete subtree, which waits in the carry for the parts after it, or of
 * several, so that what waits is never more than the carry holds.
 */
#ifndef KERNEL_PARTS_H
#define KERNEL_PARTS_H

#include <stdbool.h>

#include "kernel/tiles.h"

enum {
    PART = CARRY_FREE, /* examples of a part: 12 or 16 KiB of deltas in float */
    PARTS_MAX = 16     /* in a run; the last takes what is left */
};

/** Shards [begin, end) of a run, from `example` on, when `depth` sums wait in the carry. */
struct part {
    size_t begin, end, example, depth;
    bool paired; /* shards are of one length two by two, and the two are joined first */
    bool last;
};

/** Are a part's shards of one length two by two? */
static inline bool is_paired(const struct shard_run *run, size_t begin, size_t end)
{
    if (!TILE_PAIRS || (end - begin) % 2 != 0) {
        return false;
    }
    for (size_t s = begin; s < end; s += 2) {
        uint32_t before = s ? run->end[s - 1] : 0;
        if (run->merges[s] != 0 || run->merges[s + 1] == 0 ||
            run->end[s + 1] - run->end[s] != run->end[s] - before) {
            return false;
        }
    }
    return true;
}

/**
 * A part ends where a subtree of PART examples is complete, or with a shard of as many, and what
 * is not joined yet fits the carry.
 */
static __attribute__((noinline, unused)) size_t cut(const struct shard_run *run,
                                                    struct part part[PARTS_MAX])
{
    if (run->count == 1) {
        part[0] = (struct part){.end = 1, .last = true};
        return 1;
    }
    size_t parts = 0;
    size_t depth = 0;
    struct part now = {0};
    for (size_t s = 0; s < run->count; s++) {
        depth = depth + 1 - run->merges[s];
        now.last = s + 1 == run->count;
        bool complete =
            run->end[s] - now.example >= PART && (size_t)run->end[0] << run->merges[s] >= PART;
        if (now.last || (complete && depth <= CARRY_DEPTH && parts + 1 < PARTS_MAX)) {
            now.end = s + 1;
            now.paired = is_paired(run, now.begin, now.end);
            part[parts++] = now;
            now = (struct part){.begin = s + 1, .example = run->end[s], .depth = depth};
        }
    }
    return parts;
}

#endif
