/**
 * shard_plan: one rule, applied four times (to the shards of a chunk, to the chunks of a worker, to
 * the workers of a rank, to the ranks of a batch): two neighbouring subtrees of the same level join if the left one
 * begins at a multiple of twice their size.
 */
#include "train/shard_plan.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

struct subtree {
    size_t first; /* shard */
    unsigned level;
    int slot;     /* whose sum it is: a partial, or nothing yet */
    size_t begin; /* of a program: where its part begins */
};

static bool joins(const struct subtree *left, const struct subtree *right)
{
    return left->level == right->level && (left->first >> left->level) % 2 == 0;
}

/** Hands out zeroed pieces of one allocation; with base NULL it only counts. */
struct pieces {
    char *base;
    size_t used;
};

static void *piece(struct pieces *p, size_t count, size_t size)
{
    void *at = p->base ? p->base + p->used : NULL;
    p->used += (count * size + 15) / 16 * 16;
    return at;
}

static int free_slot(const bool used[PARTIALS_MAX + SUBTREES_MAX])
{
    int slot = 0;
    while (used[slot]) {
        slot++;
    }
    return slot;
}

/** The shards of one chunk, pushed one by one; returns the subtrees that stay. */
static size_t plan_chunk(struct pieces *pieces, const struct shard_plan *plan, size_t first,
                         size_t count, struct chunk *chunk, uint8_t **merges_of,
                         struct subtree stays[SUBTREES_MAX])
{
    uint32_t *end = piece(pieces, count, sizeof *end);
    uint8_t *merges = piece(pieces, count, sizeof *merges);
    *merges_of = merges;
    size_t depth = 0;
    size_t begin = first * plan->shard;
    size_t last = begin;
    for (size_t s = 0; s < count; s++) {
        size_t stop = (first + s + 1) * plan->shard;
        last = stop < plan->batch ? stop : plan->batch;
        stays[depth++] = (struct subtree){.first = first + s, .slot = -1};
        uint8_t merged = 0;
        while (depth > 1 && joins(&stays[depth - 2], &stays[depth - 1])) {
            depth--;
            stays[depth - 1].level++;
            merged++;
        }
        if (end) {
            end[s] = (uint32_t)(last - begin);
            merges[s] = merged;
        }
    }
    *chunk = (struct chunk){
        .first = begin,
        .examples = last - begin,
        .first_shard = first,
        .run = {.count = count, .end = end, .merges = merges, .subtrees = depth},
    };
    return depth;
}

/** The chunks of one worker; returns the subtrees it keeps, and the slots it needs at most. */
static size_t plan_worker(struct pieces *pieces, const struct shard_plan *plan, size_t first,
                          size_t count, size_t chunk_shards, struct worker_share *share,
                          struct subtree keeps[PARTIALS_MAX], int *slots)
{
    size_t most = count / chunk_shards + 2;
    struct chunk *chunks = piece(pieces, count ? most : 0, sizeof *chunks);
    bool used[PARTIALS_MAX + SUBTREES_MAX] = {false};
    size_t depth = 0;
    size_t made = 0;
    for (size_t s = first; s < first + count; made++) {
        /* up to the next multiple of the chunk's size, so that inner chunks are one subtree each */
        size_t next = (s / chunk_shards + 1) * chunk_shards;
        size_t stop = next < first + count ? next : first + count;
        struct subtree stays[SUBTREES_MAX];
        struct chunk chunk;
        uint8_t *merges;
        size_t subtrees = plan_chunk(pieces, plan, s, stop - s, &chunk, &merges, stays);
        /* the sum of a whole chunk goes on joining those of the chunks before it */
        while (subtrees == 1 && chunk.run.before < depth &&
               joins(&keeps[depth - 1 - chunk.run.before], &stays[0])) {
            stays[0] = keeps[depth - 1 - chunk.run.before];
            stays[0].level++;
            chunk.run.before++;
        }
        size_t places = run_places(&chunk.run);
        chunk.partial = piece(pieces, places, sizeof *chunk.partial);
        depth -= chunk.run.before;
        for (size_t j = 0; j < places; j++) {
            int slot = j < chunk.run.before ? keeps[depth + j].slot : free_slot(used);
            used[slot] = j < subtrees;
            *slots = slot + 1 > *slots ? slot + 1 : *slots;
            if (chunk.partial) {
                chunk.partial[j] = slot;
            }
            if (j < subtrees) {
                stays[j].slot = slot;
            }
        }
        for (size_t j = 0; j < subtrees; j++) {
            keeps[depth++] = stays[j];
        }
        if (chunks) {
            merges[chunk.run.count - 1] += (uint8_t)chunk.run.before;
            chunks[made] = chunk;
            share->examples += chunk.examples;
        }
        s = stop;
    }
    share->chunk = chunks;
    share->chunks = made;
    return depth;
}

/** A program as it is written down; the stack holds the subtrees whose sums would be on it. */
struct writer {
    int *entry; /* NULL: only count */
    size_t count, depth, deepest;
    struct subtree stack[SUM_DEPTH_MAX + PARTIALS_MAX];
};

static void write_entry(struct writer *writer, int entry)
{
    if (writer->entry) {
        writer->entry[writer->count] = entry;
    }
    writer->count++;
}

/** Push a subtree's sum and join as much as can be. */
static void write_push(struct writer *writer, struct subtree subtree, int entry)
{
    subtree.begin = writer->count;
    write_entry(writer, entry);
    writer->stack[writer->depth++] = subtree;
    writer->deepest = writer->depth > writer->deepest ? writer->depth : writer->deepest;
    while (writer->depth > 1 &&
           joins(&writer->stack[writer->depth - 2], &writer->stack[writer->depth - 1])) {
        writer->depth--;
        writer->stack[writer->depth - 1].level++;
        write_entry(writer, -1);
    }
}

/** What is left: the last ones first. */
static struct sum_program write_end(struct writer *writer)
{
    for (; writer->depth > 1; writer->depth--) {
        write_entry(writer, -1);
    }
    return (struct sum_program){
        .entry = writer->entry, .count = writer->count, .depth = writer->deepest};
}

/** First shard of a part, of so many parts alike. */
static size_t part_begin(size_t shards, size_t part, size_t parts)
{
    return shards * part / parts;
}

/** The most shards of a rank, if ranks begin at multiples of `align`. */
static size_t most_shards(size_t shards, size_t ranks, size_t align)
{
    size_t units = shards / align;
    size_t most = 0;
    for (size_t r = 0; r < ranks; r++) {
        size_t begin = part_begin(units, r, ranks) * align;
        size_t end = r + 1 < ranks ? part_begin(units, r + 1, ranks) * align : shards;
        most = end - begin > most ? end - begin : most;
    }
    return most;
}

/**
 * Where ranks begin: at multiples of the largest power of two that leaves the busiest one with as
 * few shards as any. Fewer and larger subtrees are fewer bytes to send, at no cost.
 */
static void plan_begins(struct shard_plan *plan)
{
    size_t ranks = (size_t)plan->ranks;
    size_t least = most_shards(plan->shards, ranks, 1);
    size_t align = 1;
    for (size_t next = 2; next <= plan->shards / ranks; next *= 2) {
        align = most_shards(plan->shards, ranks, next) <= least ? next : align;
    }
    for (size_t r = 0; r < ranks; r++) {
        plan->begin[r] = part_begin(plan->shards / align, r, ranks) * align;
    }
    plan->begin[ranks] = plan->shards;
}

/** The maximal aligned subtrees of rank r's shards. */
static size_t rank_subtrees(const struct shard_plan *plan, size_t r,
                            struct subtree keeps[PARTIALS_MAX])
{
    size_t depth = 0;
    for (size_t s = plan->begin[r]; s < plan->begin[r + 1]; s++) {
        keeps[depth++] = (struct subtree){.first = s};
        while (depth > 1 && joins(&keeps[depth - 2], &keeps[depth - 1])) {
            depth--;
            keeps[depth - 1].level++;
        }
    }
    return depth;
}

/** The sums of all ranks, put together. */
static void plan_ranks(struct pieces *pieces, struct shard_plan *plan)
{
    size_t ranks = (size_t)plan->ranks;
    struct writer all = {.entry = piece(pieces, 2 * ranks * PARTIALS_MAX, sizeof *all.entry)};
    plan->sums = piece(pieces, ranks, sizeof *plan->sums);
    for (size_t r = 0; r < ranks; r++) {
        struct subtree keeps[PARTIALS_MAX];
        size_t kept = rank_subtrees(plan, r, keeps);
        for (size_t j = 0; j < kept; j++) {
            write_push(&all, keeps[j], (int)(r * PARTIALS_MAX + j));
        }
        if (plan->sums) {
            plan->sums[r] = kept;
        }
    }
    plan->program = write_end(&all);
}

/** All shards in one run, the subtrees that are left joined as a program joins them. */
static void plan_whole(struct pieces *pieces, struct shard_plan *plan)
{
    struct chunk all;
    struct subtree stays[SUBTREES_MAX];
    uint8_t *merges;
    size_t left = plan_chunk(pieces, plan, 0, plan->shards, &all, &merges, stays);
    if (merges) {
        merges[plan->shards - 1] += (uint8_t)(left - 1);
    }
    plan->whole = all.run;
    plan->whole.subtrees = 1;
}

size_t spread_workers(size_t batch)
{
    return (batch + SPREAD_UNIT - 1) / SPREAD_UNIT;
}

size_t spread_examples(size_t batch, int workers)
{
    size_t units = spread_workers(batch);
    return (units + (size_t)workers - 1) / (size_t)workers * SPREAD_UNIT;
}

/** Each worker's examples, wherever shards begin. */
static void plan_spread(struct pieces *pieces, struct shard_plan *plan)
{
    size_t workers = (size_t)plan->workers;
    size_t units = spread_workers(plan->batch);
    plan->share = piece(pieces, workers, sizeof *plan->share);
    size_t *begins = piece(pieces, workers + 1, sizeof *begins);
    plan->program = (struct sum_program){piece(pieces, 1, sizeof(int)), 1, 1}; /* partial 0 */
    plan->spread = (struct spread){begins};
    for (size_t w = 0; w < workers; w++) {
        struct chunk *chunk = piece(pieces, 1, sizeof *chunk);
        size_t begin = part_begin(units, w, workers) * SPREAD_UNIT;
        size_t end = part_begin(units, w + 1, workers) * SPREAD_UNIT;
        end = end < plan->batch ? end : plan->batch;
        if (begins) {
            begins[w] = begin < end ? begin : end;
            begins[w + 1] = end;
        }
        if (plan->share && begin < end) {
            *chunk = (struct chunk){.first = begin, .examples = end - begin};
            plan->share[w] =
                (struct worker_share){.chunk = chunk, .chunks = 1, .examples = end - begin};
        }
    }
    plan_whole(pieces, plan);
}

/** The plan of workers with shards of their own. */
static void plan_all(struct pieces *pieces, struct shard_plan *plan, size_t chunk_shards)
{
    size_t workers = (size_t)plan->workers;
    size_t begin = plan->begin[plan->rank];
    size_t shards = plan->begin[plan->rank + 1] - begin;
    plan->share = piece(pieces, workers, sizeof *plan->share);
    struct writer own = {.entry = piece(pieces, 2 * workers * PARTIALS_MAX, sizeof *own.entry)};
    for (size_t w = 0; w < workers; w++) {
        size_t first = begin + part_begin(shards, w, workers);
        size_t count = begin + part_begin(shards, w + 1, workers) - first;
        struct worker_share share = {0};
        struct subtree keeps[PARTIALS_MAX];
        size_t kept =
            plan_worker(pieces, plan, first, count, chunk_shards, &share, keeps, &plan->partials);
        for (size_t j = 0; j < kept; j++) {
            write_push(&own, keeps[j], (int)w * PARTIALS_MAX + keeps[j].slot);
        }
        if (plan->share) {
            plan->share[w] = share;
        }
    }
    if (plan->ranks == 1) {
        plan_whole(pieces, plan);
        plan->program = write_end(&own);
        return;
    }
    plan->own = piece(pieces, own.depth, sizeof *plan->own);
    for (size_t j = 0; plan->own && j < own.depth; j++) {
        size_t at = own.stack[j].begin;
        size_t end = j + 1 < own.depth ? own.stack[j + 1].begin : own.count;
        plan->own[j] =
            (struct sum_program){.entry = own.entry + at, .count = end - at, .depth = own.deepest};
    }
    plan_ranks(pieces, plan);
}

static size_t largest_chunk(const struct shard_plan *plan)
{
    size_t most = 1;
    for (int w = 0; w < plan->workers; w++) {
        for (size_t c = 0; c < plan->share[w].chunks; c++) {
            size_t examples = plan->share[w].chunk[c].examples;
            most = examples > most ? examples : most;
        }
    }
    return most;
}

heddle_status shard_plan_create(size_t batch, size_t shard, int workers, size_t chunk,
                                struct shard_plan **plan, heddle_error *err)
{
    return shard_plan_create_for(batch, shard, 0, 1, workers, chunk, plan, err);
}

static void fill_plan(struct pieces *pieces, struct shard_plan *plan, size_t chunk_shards)
{
    if (chunk_shards == 0) {
        plan_spread(pieces, plan);
    } else {
        plan_all(pieces, plan, chunk_shards);
    }
}

/** chunk_shards 0: examples are spread. */
static heddle_status create(size_t batch, size_t shard, int rank, int ranks, int workers,
                            size_t chunk_shards, struct shard_plan **plan, heddle_error *err)
{
    struct shard_plan draft = {
        .batch = batch,
        .mean = 1 / (double)batch,
        .shard = shard,
        .shards = (batch + shard - 1) / shard,
        .rank = rank,
        .ranks = ranks,
        .workers = workers,
    };
    struct pieces pieces = {0};
    draft.begin = memory_new((size_t)ranks + 1, sizeof *draft.begin);
    if (!draft.begin) {
        return status_memory(err, "the plan of the shards", 0);
    }
    plan_begins(&draft);
    fill_plan(&pieces, &draft, chunk_shards);
    struct shard_plan *made = memory_new(1, sizeof *made);
    void *memory = memory_new(1, pieces.used);
    if (!made || !memory) {
        memory_free(made);
        memory_free(memory);
        memory_free(draft.begin);
        return status_memory(err, "the plan of the shards", pieces.used);
    }
    pieces = (struct pieces){.base = memory};
    draft.partials = 0;
    *made = draft;
    fill_plan(&pieces, made, chunk_shards);
    made->memory = memory;
    made->capacity = largest_chunk(made);
    *plan = made;
    return HEDDLE_OK;
}

heddle_status shard_plan_create_for(size_t batch, size_t shard, int rank, int ranks, int workers,
                                    size_t chunk, struct shard_plan **plan, heddle_error *err)
{
    size_t chunk_shards = 1;
    while (chunk_shards * 2 * shard <= chunk) {
        chunk_shards *= 2;
    }
    return create(batch, shard, rank, ranks, workers, chunk_shards, plan, err);
}

heddle_status shard_plan_create_spread(size_t batch, size_t shard, int workers,
                                       struct shard_plan **plan, heddle_error *err)
{
    return create(batch, shard, 0, 1, workers, 0, plan, err);
}

void shard_plan_free(struct shard_plan *plan)
{
    if (plan) {
        memory_free(plan->memory);
        memory_free(plan->begin);
        memory_free(plan);
    }
}
