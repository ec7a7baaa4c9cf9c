/** exchange: see exchange.h. */
#include "train/exchange.h"

#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "machine/cluster.h"
#include "machine/team.h"

/**
 * A part's slices are messages of this size or more, as far as the network allows: below, what a
 * message costs by itself is not hidden by anything. More parts than the most gain nothing.
 */
enum { MESSAGE_LEAST = 128 << 10, PARTS_MOST = 16 };

enum { WORDS = 2 }; /* size, flags */

struct part {
    size_t begin, end; /* reals of the block */
    size_t *bound;     /* (ranks + 1) in pieces, where the slices begin */
    void **sum[2];     /* (ranks, PARTIALS_MAX) for each plan */
    struct cluster_exchange *sums[2];
    struct cluster_exchange *weights;
};

/** What a worker does to one part after the other. */
enum stage { KNOWN, SUMMED, UPDATED, STAGES };

/**
 * A worker's way through the parts, in numbers that grow from step to step: `base` when a step
 * begins, i + 1 more when part (parts - 1 - i), the i-th to be known, is past a stage.
 */
struct lane {
    _Alignas(64) _Atomic uint64_t past[STAGES];
    uint64_t base, next; /* from here on the worker's own */
    uint64_t weights;    /* parts of weights that are to come, since the beginning */
};

struct exchange {
    struct exchange_setup setup;
    size_t ranks, rank;
    size_t real_size;
    size_t parts;
    struct part *part;
    size_t *bounds;   /* of all parts */
    void **tables;    /* of all parts and plans */
    size_t *words[2]; /* (ranks + 1) where each rank's words begin */
    struct lane *lane;
    size_t lane_bytes;
    void *arena; /* sums of the others, for the own slices */
    size_t arena_bytes;
    double *word;        /* what ranks tell each other: WORDS and then the losses, rank by rank */
    size_t *found, *one; /* (ranks), (ranks + 1): for exchange_first() */

    /* Worker 0's, read by the others: counted as in a lane; weights from part 0 on. */
    _Alignas(64) _Atomic uint64_t arrived;
    _Atomic uint64_t fresh;
    /* Worker 0's alone. */
    uint64_t sent, passed_on; /* parts whose sums, and whose weights, are under way */
    int which;
};

/* ---------------------------------------------------------------- parts and slices ------------ */

static size_t pieces_of(size_t packed)
{
    return (packed + PASS_PIECE - 1) / PASS_PIECE;
}

size_t exchange_block(size_t packed)
{
    return pieces_of(packed) * PASS_PIECE;
}

static size_t count_parts(const struct exchange_setup *setup)
{
    size_t least = (size_t)MESSAGE_LEAST * (size_t)cluster_ranks();
    size_t parts = setup->packed * setup->passes->real_size / least;
    parts = parts < PARTS_MOST ? parts : PARTS_MOST;
    return parts > 0 && !setup->whole ? parts : 1;
}

/** Where the slice of rank r of a part begins, in pieces; that of rank `ranks` where the part ends. */
static size_t slice_begin(const struct exchange_setup *setup, size_t parts, size_t p, size_t r)
{
    size_t pieces = pieces_of(setup->packed);
    size_t begin = pieces * p / parts;
    size_t end = pieces * (p + 1) / parts;
    return begin + (end - begin) * r / (size_t)cluster_ranks();
}

/** A place in pieces as one in reals; the last piece may be shorter. */
static size_t reals_of(const struct exchange_setup *setup, size_t pieces)
{
    size_t reals = pieces * PASS_PIECE;
    return reals < setup->packed ? reals : setup->packed;
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

size_t exchange_bytes(const struct exchange_setup *setup)
{
    size_t full = foreign_sums(setup->plan[0]);
    size_t tail = foreign_sums(setup->plan[1]);
    size_t rank = (size_t)cluster_rank();
    size_t parts = count_parts(setup);
    size_t reals = 0;
    for (size_t p = 0; p < parts; p++) {
        reals += reals_of(setup, slice_begin(setup, parts, p, rank + 1)) -
                 reals_of(setup, slice_begin(setup, parts, p, rank));
    }
    return (full > tail ? full : tail) * reals * setup->passes->real_size;
}

size_t exchange_parts(const struct exchange *x)
{
    return x->parts;
}

struct exchange_slice exchange_slice(const struct exchange *x, size_t p)
{
    const size_t *bound = x->part[p].bound;
    return (struct exchange_slice){
        .begin = reals_of(&x->setup, bound[x->rank]),
        .end = reals_of(&x->setup, bound[x->rank + 1]),
        .partial = x->part[p].sum[x->which],
    };
}

/* ---------------------------------------------------------------- messages -------------------- */

/** Real `at` of a block. */
static void *real_at(const struct exchange *x, void *block, size_t at)
{
    return (char *)block + at * x->real_size;
}

/** Messages while they are listed. */
struct list {
    struct cluster_message *message;
    size_t count;
};

/** Reals [begin, end) of a block to rank r, or from it; an empty message is none. */
static void list_add(const struct exchange *x, struct list *list, size_t r, void *block,
                     size_t begin, size_t end)
{
    if (end > begin) {
        list->message[list->count++] =
            (struct cluster_message){.rank = (int)r,
                                     .data = real_at(x, block, begin),
                                     .bytes = (end - begin) * x->real_size};
    }
}

/** The sums of a part: *at is where the arena is free, and moves on. */
static heddle_status make_sums(struct exchange *x, struct part *part, int which, char **at,
                               struct list *send, struct list *receive, heddle_error *err)
{
    const struct shard_plan *plan = x->setup.plan[which];
    size_t begin = reals_of(&x->setup, part->bound[x->rank]);
    size_t end = reals_of(&x->setup, part->bound[x->rank + 1]);
    send->count = receive->count = 0;
    for (size_t r = 0; r < x->ranks; r++) {
        for (size_t j = 0; r != x->rank && j < plan->sums[x->rank]; j++) {
            list_add(x, send, r, x->setup.partial[plan->own[j].entry[0]],
                     reals_of(&x->setup, part->bound[r]), reals_of(&x->setup, part->bound[r + 1]));
        }
        for (size_t j = 0; j < plan->sums[r]; j++) {
            void **sum = &part->sum[which][r * PARTIALS_MAX + j];
            if (r == x->rank) {
                *sum = real_at(x, x->setup.partial[plan->own[j].entry[0]], begin);
            } else {
                *sum = *at;
                list_add(x, receive, r, *at, 0, end - begin);
                *at += (end - begin) * x->real_size;
            }
        }
    }
    return cluster_exchange_create(send->message, send->count, receive->message, receive->count,
                                   &part->sums[which], err);
}

static heddle_status make_weights(struct exchange *x, struct part *part, struct list *send,
                                  struct list *receive, heddle_error *err)
{
    const size_t *bound = part->bound;
    send->count = receive->count = 0;
    for (size_t i = 1; i < x->ranks; i++) { /* everybody begins with another one */
        size_t to = (x->rank + i) % x->ranks;
        size_t from = (x->rank + x->ranks - i) % x->ranks;
        list_add(x, send, to, x->setup.W, reals_of(&x->setup, bound[x->rank]),
                 reals_of(&x->setup, bound[x->rank + 1]));
        list_add(x, receive, from, x->setup.W, reals_of(&x->setup, bound[from]),
                 reals_of(&x->setup, bound[from + 1]));
    }
    return cluster_exchange_create(send->message, send->count, receive->message, receive->count,
                                   &part->weights, err);
}

static heddle_status make_messages(struct exchange *x, heddle_error *err)
{
    size_t most = PARTIALS_MAX * x->ranks;
    struct list send = {.message = memory_new(most, sizeof *send.message)};
    struct list receive = {.message = memory_new(most, sizeof *receive.message)};
    heddle_status status = HEDDLE_OK;
    if (!send.message || !receive.message) {
        status = status_memory(err, "the messages", most * sizeof *send.message);
    }
    for (int which = 0; !status && which < 2 && x->setup.plan[which]; which++) {
        char *at = x->arena;
        for (size_t p = x->parts; !status && p-- > 0;) {
            status = make_sums(x, &x->part[p], which, &at, &send, &receive, err);
        }
    }
    for (size_t p = x->parts; !status && x->parts > 1 && p-- > 0;) {
        status = make_weights(x, &x->part[p], &send, &receive, err);
    }
    memory_free(send.message);
    memory_free(receive.message);
    return status;
}

/* ---------------------------------------------------------------- before and after ------------ */

/** Where the words of each rank begin, for each plan. */
static void place_words(struct exchange *x)
{
    for (int which = 0; which < 2 && x->setup.plan[which]; which++) {
        const struct shard_plan *plan = x->setup.plan[which];
        for (size_t r = 0; r <= x->ranks; r++) {
            x->words[which][r] = r * WORDS + plan->begin[r];
        }
    }
}

static void place_parts(struct exchange *x)
{
    size_t table = x->ranks * PARTIALS_MAX;
    for (size_t p = 0; p < x->parts; p++) {
        struct part *part = &x->part[p];
        part->bound = x->bounds + p * (x->ranks + 1);
        part->sum[0] = x->tables + 2 * p * table;
        part->sum[1] = part->sum[0] + table;
        for (size_t r = 0; r <= x->ranks; r++) {
            part->bound[r] = slice_begin(&x->setup, x->parts, p, r);
            x->one[r] = r;
        }
        part->begin = reals_of(&x->setup, part->bound[0]);
        part->end = reals_of(&x->setup, part->bound[x->ranks]);
    }
}

heddle_status exchange_create(const struct exchange_setup *setup, struct exchange **exchange,
                              heddle_error *err)
{
    struct exchange *x = arena_new(sizeof *x);
    if (!x) {
        return status_memory(err, "the exchange", sizeof *x);
    }
    size_t ranks = (size_t)cluster_ranks();
    x->setup = *setup;
    x->ranks = ranks;
    x->rank = (size_t)cluster_rank();
    x->real_size = setup->passes->real_size;
    x->parts = count_parts(setup);
    x->arena_bytes = exchange_bytes(setup);
    x->lane_bytes = (size_t)setup->workers * sizeof *x->lane;
    x->part = memory_new(x->parts, sizeof *x->part);
    x->bounds = memory_new(x->parts * (ranks + 1), sizeof *x->bounds);
    x->tables = memory_new(2 * x->parts * ranks * PARTIALS_MAX, sizeof *x->tables);
    x->words[0] = memory_new(ranks + 1, sizeof *x->words[0]);
    x->words[1] = memory_new(ranks + 1, sizeof *x->words[1]);
    x->lane = arena_new(x->lane_bytes);
    x->arena = arena_new(x->arena_bytes + 1);
    x->word = memory_new(ranks * WORDS + setup->plan[0]->shards, sizeof *x->word);
    x->found = memory_new(ranks, sizeof *x->found);
    x->one = memory_new(ranks + 1, sizeof *x->one);
    heddle_status status = HEDDLE_OK;
    if (!x->part || !x->bounds || !x->tables || !x->words[0] || !x->words[1] || !x->lane ||
        !x->arena || !x->word || !x->found || !x->one) {
        status = status_memory(err, "the exchange", x->arena_bytes);
    } else {
        place_words(x);
        place_parts(x);
        status = make_messages(x, err);
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
    for (size_t p = 0; x->part && p < x->parts; p++) {
        cluster_exchange_free(x->part[p].sums[0]);
        cluster_exchange_free(x->part[p].sums[1]);
        cluster_exchange_free(x->part[p].weights);
    }
    memory_free(x->part);
    memory_free(x->bounds);
    memory_free(x->tables);
    memory_free(x->words[0]);
    memory_free(x->words[1]);
    arena_free(x->lane, x->lane_bytes);
    arena_free(x->arena, x->arena_bytes + 1);
    memory_free(x->word);
    memory_free(x->found);
    memory_free(x->one);
    arena_free(x, sizeof *x);
}

/* ---------------------------------------------------------------- a step ---------------------- */

static uint64_t get(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_acquire);
}

static void put(_Atomic uint64_t *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_release);
}

/** The part whose turn it is at a count of parts that are known one after the other. */
static struct part *part_at(const struct exchange *x, uint64_t count)
{
    return &x->part[x->parts - 1 - count % x->parts];
}

/** How far all workers have come. */
static uint64_t all_past(const struct exchange *x, enum stage stage)
{
    uint64_t least = UINT64_MAX;
    for (int w = 0; w < x->setup.workers; w++) {
        uint64_t number = get(&x->lane[w].past[stage]);
        least = number < least ? number : least;
    }
    return least;
}

/**
 * The own slice of weights to all. A single part is too small to be hidden by anything, or is needed
 * whole: MPI knows the best way for its size.
 */
static void pass_on(struct exchange *x, struct part *part)
{
    if (x->parts == 1) {
        exchange_gather(x, x->setup.W);
        put(&x->fresh, x->passed_on + 1);
    } else {
        cluster_exchange_receive(part->weights);
        cluster_exchange_send(part->weights);
    }
}

/** Worker 0: what can be sent is, and what has come is told. */
static void move_on(struct exchange *x)
{
    for (uint64_t least = all_past(x, SUMMED); x->sent < least; x->sent++) {
        cluster_exchange_send(part_at(x, x->sent)->sums[x->which]);
    }
    for (uint64_t least = all_past(x, UPDATED); x->passed_on < least; x->passed_on++) {
        pass_on(x, part_at(x, x->passed_on));
    }
    uint64_t fresh = get(&x->fresh);
    while (x->passed_on % x->parts == 0 && fresh < x->passed_on &&
           cluster_exchange_progress(x->part[fresh % x->parts].weights)) {
        put(&x->fresh, ++fresh);
    }
    uint64_t arrived = get(&x->arrived);
    while (arrived < x->sent && cluster_exchange_progress(part_at(x, arrived)->sums[x->which])) {
        put(&x->arrived, ++arrived);
    }
}

void exchange_begin(struct exchange *x, int which, int w)
{
    struct lane *lane = &x->lane[w];
    lane->base = lane->next;
    lane->next += x->parts;
    if (w == 0) {
        x->which = which;
        for (size_t p = x->parts; p-- > 0;) { /* whoever is early finds us waiting */
            cluster_exchange_receive(x->part[p].sums[which]);
        }
    }
}

void exchange_need(struct exchange *x, int w, size_t end)
{
    struct lane *lane = &x->lane[w];
    size_t needed = 0;
    while (needed < x->parts && x->part[needed].begin < end) {
        needed++;
    }
    uint64_t least = lane->weights ? lane->weights - x->parts + needed : 0;
    if (w > 0) {
        team_await(&x->fresh, least);
        return;
    }
    for (uint64_t fresh = get(&x->fresh); fresh < least;) {
        cluster_exchange_finish(x->part[fresh % x->parts].weights);
        put(&x->fresh, ++fresh);
    }
    if (get(&x->fresh) < lane->weights) {
        move_on(x);
    }
}

/** Worker w's share of reals [begin, end): where that of worker w begins. */
static size_t share_begin(const struct exchange *x, const struct part *part, int w)
{
    size_t units = (part->end - part->begin) / PACK_UNIT;
    return part->begin + units * (size_t)w / (size_t)x->setup.workers * PACK_UNIT;
}

/** Worker w sums its share of the parts that all workers know. */
static void sum_known(struct exchange *x, int w)
{
    const struct exchange_setup *setup = &x->setup;
    _Atomic uint64_t *summed = &x->lane[w].past[SUMMED];
    uint64_t known = all_past(x, KNOWN);
    for (uint64_t at = get(summed); at < known; put(summed, ++at)) {
        const struct shard_plan *plan = setup->plan[x->which]; /* worker 0 is in the step, too */
        const struct part *part = part_at(x, at);
        for (size_t j = 0; j < plan->sums[x->rank]; j++) {
            setup->passes->sum(setup->kernels, &plan->own[j], setup->partial,
                               share_begin(x, part, w), share_begin(x, part, w + 1));
        }
    }
}

void exchange_known(struct exchange *x, int w, size_t begin)
{
    struct lane *lane = &x->lane[w];
    uint64_t known = get(&lane->past[KNOWN]);
    while (known < lane->next && part_at(x, known)->begin >= begin) {
        known++;
    }
    put(&lane->past[KNOWN], known);
    sum_known(x, w);
    if (w == 0) {
        move_on(x);
    }
}

void exchange_rest(struct exchange *x, int w)
{
    sum_known(x, w);
}

void exchange_words(struct exchange *x, double *shard_loss, struct exchange_word *word)
{
    const size_t *at = x->words[x->which];
    move_on(x);
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
}

void exchange_await(struct exchange *x, int w, size_t p)
{
    const uint64_t least = x->lane[w].base + x->parts - p;
    if (w > 0) {
        team_await(&x->arrived, least);
        return;
    }
    for (uint64_t arrived = get(&x->arrived); arrived < least;) {
        cluster_exchange_finish(part_at(x, arrived)->sums[x->which]);
        put(&x->arrived, ++arrived);
    }
}

void exchange_updated(struct exchange *x, int w, size_t p)
{
    struct lane *lane = &x->lane[w];
    put(&lane->past[UPDATED], get(&lane->past[UPDATED]) + 1);
    lane->weights += p == 0 ? x->parts : 0;
    if (w == 0) {
        move_on(x);
    }
}

void exchange_weights(struct exchange *x)
{
    move_on(x);
}

void exchange_gather(struct exchange *x, void *block)
{
    for (size_t p = 0; p < x->parts; p++) {
        cluster_gather(block, PASS_PIECE * x->real_size, x->part[p].bound);
    }
}

void exchange_squares(struct exchange *x, double *squares)
{
    cluster_gather(squares, sizeof *squares, x->part[0].bound);
}

void exchange_first(struct exchange *x, size_t *where)
{
    x->found[x->rank] = *where;
    cluster_gather(x->found, sizeof *x->found, x->one);
    for (size_t r = 0; r < x->ranks; r++) {
        *where = x->found[r] < *where ? x->found[r] : *where;
    }
}
