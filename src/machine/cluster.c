/* cluster: what ranks agree on, made of what cluster_single.c or cluster_mpi.c has. */
#include "machine/cluster.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "base/status.h"

/* (ranks + 1) r × count, for cluster_gather(); or NULL. */
static size_t *alike(size_t count)
{
    const size_t ranks = (size_t)cluster_ranks();
    size_t *begin = memory_new(ranks + 1, sizeof *begin);

    for (size_t r = 0; begin && r <= ranks; r++)
        begin[r] = r * count;
    return begin;
}

/* For heddle_cluster_agree(), which has to work when there is no memory: (ranks), (ranks + 1). */
static struct {
    int *status;
    size_t *begin;
} all;

int heddle_cluster_agree(int status, char *text, size_t size)
{
    const int ranks = cluster_ranks();
    const int rank = cluster_rank();
    int first = 0;
    char reason[1024] = "";

    if (ranks == 1)
        return status;
    all.status[rank] = status;
    cluster_gather(all.status, sizeof *all.status, all.begin);
    while (first < ranks && all.status[first] == 0)
        first++;
    status = first < ranks ? all.status[first] : 0;
    if (status == 0)
        return 0;
    if (rank == first && first > 0)
        snprintf(reason, sizeof reason, "rank %d: %s", first, text);
    else if (rank == first)
        snprintf(reason, sizeof reason, "%s", text);
    cluster_broadcast(reason, sizeof reason, first);
    if (rank != first)
        snprintf(text, size, "%s", reason);
    return status;
}

heddle_status cluster_agree(heddle_status status, heddle_error *err)
{
    heddle_error own = {.status = status};
    heddle_status agreed;

    if (status != HEDDLE_OK && err)
        own = *err;
    agreed = (heddle_status)heddle_cluster_agree((int)status, own.text, sizeof own.text);
    if (agreed != HEDDLE_OK)
        status_set(err, agreed, "%s", own.text);
    return agreed;
}

heddle_status cluster_compare(const struct cluster_item *item, size_t items, heddle_error *err)
{
    const size_t ranks = (size_t)cluster_ranks();
    const size_t rank = (size_t)cluster_rank();
    const size_t bytes = sizeof item->print;
    heddle_status status = HEDDLE_OK;
    uint64_t *prints = NULL;
    size_t *begin = NULL;

    if (ranks == 1)
        return HEDDLE_OK;
    prints = memory_new(ranks * items, bytes);
    begin = alike(items);
    if (!prints || !begin)
        status = status_memory(err, "the fingerprints", ranks * items * bytes);
    status = cluster_agree(status, err);
    if (status == HEDDLE_OK) {
        for (size_t i = 0; i < items; i++)
            memcpy(prints + 4 * (rank * items + i), item[i].print, bytes);
        cluster_gather(prints, bytes, begin);
    }
    for (size_t k = items; status == HEDDLE_OK && k < ranks * items; k++) {
        const struct cluster_item *one = &item[k % items];

        if (memcmp(prints + 4 * k, prints + 4 * (k % items), bytes) != 0)
            status = status_set(err, one->status,
                                "rank %zu has not the same %s as rank 0: all ranks must be started "
                                "with the same program, options and files",
                                k / items, one->name);
    }
    memory_free(prints);
    memory_free(begin);
    return status;
}

/* ---------------------------------------------------------------- for the public -------------- */

/* Who could not join the others is by itself, and tells why. */
static bool joined;

heddle_status heddle_cluster_begin(heddle_error *err)
{
    heddle_status status = cluster_begin(err);

    if (status == HEDDLE_OK && cluster_ranks() > 1) {
        all.status = memory_new((size_t)cluster_ranks(), sizeof *all.status);
        all.begin = alike(1);
        if (!all.status || !all.begin)
            status = status_memory(err, "the ranks", 0);
    }
    joined = status == HEDDLE_OK;
    return status;
}

void heddle_cluster_end(void)
{
    memory_free(all.status);
    memory_free(all.begin);
    all.status = NULL;
    all.begin = NULL;
    cluster_end();
}

heddle_status heddle_cluster_compare(const char *name, const char *text, heddle_error *err)
{
    struct cluster_item item = {.name = name, .status = HEDDLE_E_ARGUMENT};
    struct sha256 sum;
    char hex[65];

    sha256_begin(&sum);
    sha256_add(&sum, text, strlen(text));
    sha256_end(&sum, hex);
    memcpy(item.print, hex, sizeof item.print);
    return cluster_compare(&item, 1, err);
}

int heddle_cluster_ranks(void)
{
    return cluster_ranks();
}

int heddle_cluster_rank(void)
{
    return joined ? cluster_rank() : 0;
}
