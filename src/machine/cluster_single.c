/* cluster: a single process. */
#include "machine/cluster.h"

heddle_status cluster_begin(heddle_error *err)
{
    (void)err;
    return HEDDLE_OK;
}

void cluster_end(void)
{
}

bool cluster_launched(void)
{
    return false;
}

int cluster_ranks(void)
{
    return 1;
}

int cluster_rank(void)
{
    return 0;
}

int cluster_sharers(void)
{
    return 1;
}

int cluster_neighbours(void)
{
    return 1;
}

int cluster_neighbour(void)
{
    return 0;
}

void cluster_tell_neighbours(void *data, size_t bytes)
{
    (void)data;
    (void)bytes;
}

bool cluster_neighbours_alike(const void *data, size_t bytes)
{
    (void)data;
    (void)bytes;
    return true;
}

void *cluster_share(size_t bytes)
{
    (void)bytes;
    return NULL;
}

void cluster_broadcast(void *data, size_t bytes, int root)
{
    (void)data;
    (void)bytes;
    (void)root;
}

void cluster_gather(void *data, size_t unit, const size_t *begin)
{
    (void)data;
    (void)unit;
    (void)begin;
}

heddle_status cluster_exchange_create(const struct cluster_message *send, size_t sends,
                                      const struct cluster_message *receive, size_t receives,
                                      struct cluster_exchange **exchange, heddle_error *err)
{
    (void)send;
    (void)sends;
    (void)receive;
    (void)receives;
    (void)err;
    *exchange = NULL;
    return HEDDLE_OK;
}

void cluster_exchange_free(struct cluster_exchange *exchange)
{
    (void)exchange;
}

void cluster_exchange_receive(struct cluster_exchange *exchange)
{
    (void)exchange;
}

void cluster_exchange_send(struct cluster_exchange *exchange)
{
    (void)exchange;
}

bool cluster_exchange_progress(struct cluster_exchange *exchange)
{
    (void)exchange;
    return true;
}

void cluster_exchange_finish(struct cluster_exchange *exchange)
{
    (void)exchange;
}
