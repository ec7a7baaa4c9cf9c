/**
 * float_mode: how this thread rounds, and what becomes of denormals.
 *
 * The mode belongs to a thread and is inherited when the thread is born; any library compiled with
 * -ffast-math switches denormals off for the thread that loads it. So every worker sets it.
 */
#ifndef MACHINE_FLOAT_MODE_H
#define MACHINE_FLOAT_MODE_H

#include <stdbool.h>
#include <stdint.h>

/** A mode that was found, to be given back. */
struct float_mode {
    uint64_t bits;
};

/**
 * Put this thread into the mode in which all results are defined: round to nearest, denormals kept
 * (FTZ and DAZ off), no traps. Returns the mode that was found.
 */
struct float_mode float_mode_force(void);

/** Give a mode back, with the exception flags it had. */
void float_mode_restore(struct float_mode mode);

/** Is this thread in the mode that float_mode_force() sets? */
bool float_mode_ok(void);

#endif
