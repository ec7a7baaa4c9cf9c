/**
 * team: the OpenMP team. One parallel region per run; inside it workers meet at a barrier of our
 * own that spins, then sleeps, so that it is quick on idle cores and shares busy ones; where workers
 * are more than cores it yields first.
 */
#ifndef MACHINE_TEAM_H
#define MACHINE_TEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "heddle.h"
#include "machine/topology.h"

struct team;

/**
 * Start the workers of a plan, so that what can fail has failed before any output is opened. The
 * team has exactly plan->workers workers whatever OMP_DYNAMIC and OMP_THREAD_LIMIT say, or
 * HEDDLE_E_THREADS.
 */
heddle_status team_create(const struct plan *plan, struct team **team, heddle_error *err);
void team_free(struct team *team);

int team_workers(const struct team *team);

/** A remark about binding ("2 of 8 workers could not be bound"), or ""; known after creation. */
const char *team_note(const struct team *team);

/**
 * Run body(context, w) on worker w = 0 … workers-1, worker 0 being the caller. Every worker runs
 * with round-to-nearest and denormals kept (float_mode.h); the caller's own mode comes back after.
 */
void team_run(struct team *team, void (*body)(void *context, int worker), void *context);

/**
 * Wait inside body until all of the first `active` workers have come; what they wrote is seen.
 * Meetings of different numbers are independent: worker 7 may wait for all 8 while 0 and 1 meet.
 */
void team_barrier(struct team *team, int worker, int active);

/** Wait inside body until another worker has raised the number to `least`; what it wrote is seen. */
void team_await(const _Atomic uint64_t *number, uint64_t least);

#endif
