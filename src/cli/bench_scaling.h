/** bench_scaling: what keeps N threads from being N times as fast as one. */
#ifndef CLI_BENCH_SCALING_H
#define CLI_BENCH_SCALING_H

#include <stddef.h>

#include "heddle.h"

enum { SCALING_TEXT = 512 };

/**
 * One or two sentences about the row with the most threads against the one with the fewest: how
 * much faster, and which of these explains it: shards that do not divide among the workers, a
 * machine that has no more arithmetic to give (more threads than processors, quota, two threads on
 * a core, clock), memory, the meetings of the workers. Returns text.
 */
const char *scaling_text(const heddle_bench_row *rows, size_t count, const heddle_machine *machine,
                         char text[SCALING_TEXT]);

#endif
