/** exchange: see exchange.h. */
#include "train/exchange.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "machine/cluster.h"

/** What is exchanged for one plan. */
struct route {
    const struct shard_plan *plan;
    void **sum; /* (ranks, PARTIALS_MAX) */
    struct cluster_exchange *sums;
    size_t *words; /* (ranks + 1) where each rank's words begin */
};

struct exchange {
    size_t ranks, rank;
    size_t real_size;
    size_t *slice; /* (ranks + 1) in pieces */
    size_t begin, end;
    struct route route[2];
    void *arena; /* sums of the others, for the own slice */
    size_t arena_bytes;
    double *word; /* what ranks tell each other: WORDS and then the losses, rank by rank */
};

enum { WORDS = 2 }; /* size, flags */

static size_t pieces_of(size_t packed)
{
    return (packed + PASS_PIECE - 1) / PASS_PIECE;
}

size_t exchange_block(size_t packed)
{
    return pieces_of(packed) * PASS_PIECE;
}

/** Reals of the slice of rank r. */
static void slice_of(size_t packed, size_t r, size_t *begin, size_t *end)
{
    size_t pieces = pieces_of(packed);
    size_t ranks = (size_t)cluster_ranks();
    *begin = pieces * r / ranks * PASS_PIECE;
    *end = pieces * (r + 1) / ranks * PASS_PIECE;
    *begin = *begin < packed ? *begin : packed;
    *end = *end < packed ? *end : packed;
}

/** Sums that others come to. */
static size_t foreign_sums(const struct shard_plan *plan)
{
    size_t sums = 0;
    for (int r = 0; plan && r < plan->ranks; r++) {
        sums += r == plan->rank ? 0 : plan->sums[r];
    }
    return sums;
}

size_t exchange_bytes(const struct shard_plan *const plan[2], size_t packed, size_t real_size)
{
    size_t full = foreign_sums(plan[0]);
    size_t tail = foreign_sums(plan[1]);
    size_t begin, end;
    slice_of(packed, (size_t)cluster_rank(), &begin, &end);
    return (full > tail ? full : tail) * (end - begin) * real_size;
}

static heddle_status make_route(struct exchange *x, struct route *route,
                                const struct shard_plan *plan, size_t packed, void *const *partial,
                                heddle_error *err)
{
    size_t own = plan->sums[x->rank];
    size_t most = 0;
    size_t length = (x->end - x->begin) * x->real_size;
    for (size_t r = 0; r < x->ranks; r++) {
        most += plan->sums[r];
    }
    struct cluster_message *send = memory_new(own * x->ranks + 1, sizeof *send);
    struct cluster_message *receive = memory_new(most + 1, sizeof *receive);
    route->plan = plan;
    route->sum = memory_new(x->ranks * PARTIALS_MAX, sizeof *route->sum);
    route->words = memory_new(x->ranks + 1, sizeof *route->words);
    heddle_status status = HEDDLE_OK;
    if (!send || !receive || !route->sum || !route->words) {
        status = status_memory(err, "the messages", most * sizeof *receive);
    }
    size_t sends = 0;
    size_t receives = 0;
    for (size_t r = 0; !status && r < x->ranks; r++) {
        size_t begin, end;
        slice_of(packed, r, &begin, &end);
        route->words[r] = r * WORDS + plan->begin[r];
        for (size_t j = 0; r != x->rank && end > begin && j < own; j++) {
            char *sum = partial[plan->own[j].entry[0]];
            send[sends++] = (struct cluster_message){.rank = (int)r,
                                                     .data = sum + begin * x->real_size,
                                                     .bytes = (end - begin) * x->real_size};
        }
        for (size_t j = 0; length > 0 && j < plan->sums[r]; j++) {
            void **sum = &route->sum[r * PARTIALS_MAX + j];
            if (r == x->rank) {
                *sum = (char *)partial[plan->own[j].entry[0]] + x->begin * x->real_size;
            } else {
                *sum = (char *)x->arena + receives * length;
                receive[receives++] =
                    (struct cluster_message){.rank = (int)r, .data = *sum, .bytes = length};
            }
        }
    }
    if (!status) {
        route->words[x->ranks] = x->ranks * WORDS + plan->shards;
        status = cluster_exchange_create(send, sends, receive, receives, &route->sums, err);
    }
    memory_free(send);
    memory_free(receive);
    return status;
}

heddle_status exchange_create(const struct shard_plan *const plan[2], size_t packed,
                              size_t real_size, void *const *partial, struct exchange **exchange,
                              heddle_error *err)
{
    struct exchange *x = memory_new(1, sizeof *x);
    if (!x) {
        return status_memory(err, "the exchange", sizeof *x);
    }
    *x = (struct exchange){
        .ranks = (size_t)cluster_ranks(),
        .rank = (size_t)cluster_rank(),
        .real_size = real_size,
        .arena_bytes = exchange_bytes(plan, packed, real_size),
    };
    slice_of(packed, x->rank, &x->begin, &x->end);
    x->slice = memory_new(x->ranks + 1, sizeof *x->slice);
    x->arena = arena_new(x->arena_bytes + 1);
    x->word = memory_new(x->ranks * WORDS + plan[0]->shards, sizeof *x->word);
    heddle_status status = HEDDLE_OK;
    if (!x->slice || !x->arena || !x->word) {
        status = status_memory(err, "the exchange", x->arena_bytes);
    }
    for (size_t r = 0; !status && r <= x->ranks; r++) {
        x->slice[r] = pieces_of(packed) * r / x->ranks;
    }
    for (int i = 0; !status && i < 2 && plan[i]; i++) {
        status = make_route(x, &x->route[i], plan[i], packed, partial, err);
    }
    if (status) {
        exchange_free(x);
        return status;
    }
    *exchange = x;
    return HEDDLE_OK;
}

void exchange_free(struct exchange *x)
{
    if (!x) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        cluster_exchange_free(x->route[i].sums);
        memory_free(x->route[i].sum);
        memory_free(x->route[i].words);
    }
    memory_free(x->slice);
    memory_free(x->word);
    arena_free(x->arena, x->arena_bytes + 1);
    memory_free(x);
}

void exchange_slice(const struct exchange *x, size_t *begin, size_t *end)
{
    *begin = x->begin;
    *end = x->end;
}

void *const *exchange_sums_of(const struct exchange *x, int which)
{
    return x->route[which].sum;
}

void exchange_sums(struct exchange *x, int which, double *shard_loss, struct exchange_word *word)
{
    const struct route *route = &x->route[which];
    const size_t *at = route->words;
    cluster_exchange_start(route->sums);
    double *mine = x->word + at[x->rank];
    size_t losses = at[x->rank + 1] - at[x->rank] - WORDS;
    mine[0] = word->size;
    mine[1] = (double)word->flags;
    memcpy(mine + WORDS, shard_loss + at[x->rank] - x->rank * WORDS, losses * sizeof *mine);
    cluster_gather(x->word, sizeof *x->word, at);
    *word = (struct exchange_word){0};
    for (size_t r = 0; r < x->ranks; r++) {
        const double *said = x->word + at[r];
        word->size += said[0];
        word->flags |= (unsigned)said[1];
        memcpy(shard_loss + at[r] - r * WORDS, said + WORDS,
               (at[r + 1] - at[r] - WORDS) * sizeof *said);
    }
    cluster_exchange_finish(route->sums);
}

void exchange_weights(struct exchange *x, void *block)
{
    cluster_gather(block, PASS_PIECE * x->real_size, x->slice);
}

void exchange_squares(struct exchange *x, double *squares)
{
    cluster_gather(squares, sizeof *squares, x->slice);
}

void exchange_first(struct exchange *x, size_t *where)
{
    size_t found = SIZE_MAX;
    for (size_t r = 0; r < x->ranks && found == SIZE_MAX; r++) {
        size_t said = *where;
        cluster_broadcast(&said, sizeof said, (int)r);
        found = said;
    }
    *where = found;
}
