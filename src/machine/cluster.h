/**
 * cluster: the processes of a run. One implementation for a single process, one for MPI, chosen by
 * which file is linked.
 */
#ifndef MACHINE_CLUSTER_H
#define MACHINE_CLUSTER_H

/** Number of processes, and which one this is (0 … ranks-1). */
int cluster_ranks(void);
int cluster_rank(void);

#endif
