/**
 * cluster: the processes of a run, called ranks. cluster_single.c is a single process,
 * cluster_mpi.c any number of them; which one is linked makes the difference between heddle and
 * heddle-mpi. What both share is in cluster.c.
 *
 * A rank calls these from the thread that called cluster_begin(), and all ranks call the collective
 * ones (marked so) in the same order. Bytes only: nothing is ever added by MPI, whose order of
 * adding is its own.
 */
#ifndef MACHINE_CLUSTER_H
#define MACHINE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle.h"

/**
 * Join the others, if this process was started by mpirun, srun or their like. HEDDLE_E_UNSUPPORTED
 * if the launcher speaks of more ranks than the MPI library that is linked, or MPI cannot be used
 * from a program with threads.
 */
heddle_status cluster_begin(heddle_error *err);

/** Collective: leave. Nothing may follow but the end of the program. */
void cluster_end(void);

/** Did a launcher start this process? It may have bound it. */
bool cluster_launched(void);

/** Number of processes, and which one this is (0 … ranks-1). */
int cluster_ranks(void);
int cluster_rank(void);

/** Ranks on this machine that may use the very same processors as this one, itself included. */
int cluster_sharers(void);

/** Ranks on this machine, this one included. */
int cluster_neighbours(void);

/*
 * Among the ranks of a machine, collective for them. cluster_neighbour() is this one's number, from
 * 0: the first one's bytes go to all, who sleep while they wait; have all the same bytes?; memory
 * that all of them see, page-aligned and zero, or NULL for all (release it with munmap()).
 */
int cluster_neighbour(void);
void cluster_tell_neighbours(void *data, size_t bytes);
bool cluster_neighbours_alike(const void *data, size_t bytes);
void *cluster_share(size_t bytes);

/** Collective: everybody gets rank 0's bytes (of `root`). */
void cluster_broadcast(void *data, size_t bytes, int root);

/**
 * Collective: data is an array of units of so many bytes, of which units [begin[r], begin[r + 1])
 * are rank r's (begin has ranks + 1 numbers). Afterwards everybody has all.
 */
void cluster_gather(void *data, size_t unit, const size_t *begin);

/** Bytes for another rank, or from it. */
struct cluster_message {
    int rank;
    void *data;
    size_t bytes;
};

/** Messages that are exchanged again and again, always in the same places. */
struct cluster_exchange;

/**
 * Collective. The k-th message that a sends to b is the k-th that b receives from a, and as long.
 * What is pointed to must stay. HEDDLE_E_MEMORY.
 */
heddle_status cluster_exchange_create(const struct cluster_message *send, size_t sends,
                                      const struct cluster_message *receive, size_t receives,
                                      struct cluster_exchange **exchange, heddle_error *err);
/** NULL is none; what was started is finished first. */
void cluster_exchange_free(struct cluster_exchange *exchange);

/**
 * Start: what is received must not be touched from receive() on, what is sent not be written from
 * send() on, until all of it is finished. MPI moves little by itself: progress() in between lets it,
 * and returns whether all that was started is finished; finish() waits for that.
 */
void cluster_exchange_receive(struct cluster_exchange *exchange);
void cluster_exchange_send(struct cluster_exchange *exchange);
bool cluster_exchange_progress(struct cluster_exchange *exchange);
void cluster_exchange_finish(struct cluster_exchange *exchange);

/* ---------------------------------------------------------------- made of these --------------- */

/** Collective: heddle_cluster_agree() for a status of the library and its reason. */
heddle_status cluster_agree(heddle_status status, heddle_error *err);

/** Something all ranks must have alike. */
struct cluster_item {
    const char *name;     /* "the data" */
    heddle_status status; /* what it is if they have not: HEDDLE_E_DATA, HEDDLE_E_ARGUMENT */
    uint64_t print[4];    /* made of its content, of whatever length */
};

/** Collective: all items alike? If not the first rank that differs from rank 0, and in what. */
heddle_status cluster_compare(const struct cluster_item *item, size_t items, heddle_error *err);

#endif
