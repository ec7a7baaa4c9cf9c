/** limit: the floating-point operations a second that the machine has, measured. */
#ifndef MACHINE_LIMIT_H
#define MACHINE_LIMIT_H

#include "heddle.h"
#include "machine/topology.h"

/**
 * Measure what the workers of a plan reach together; of more workers than processors as many as
 * there are processors.
 *
 * quota            processors' worth of time that we have at most; 0: no such bound
 * chains           runs `rounds` rounds of independent fused multiply-adds in registers, adds
 *                  something made of the results to *sink (so that they are needed), and returns
 *                  the operations done
 * seconds          about how long to measure
 * flop_per_second  out: what the fastest quarter of some slices reaches; of a slice it is the
 *                  operations of all workers over the time from the first start to the last end
 *
 * Returns HEDDLE_OK, or what team_create() returns.
 */
heddle_status limit_measure(const struct plan *plan, double quota,
                            double (*chains)(long rounds, double *sink), double seconds,
                            double *flop_per_second, heddle_error *err);

#endif
