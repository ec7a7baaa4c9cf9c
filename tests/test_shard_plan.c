/**
 * Tests of src/train/shard_plan.c by brute force: whatever the number of workers and the size of
 * chunks, each example is taken once, and carrying out the plan builds the tree that base/sum.h
 * describes. Sums are followed as symbols: a partial sum is a 64-bit hash of the expression that
 * made it, so two sums are equal only if they add the same things in the same order.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sum.h"
#include "support.h"
#include "train/shard_plan.h"

static uint64_t mix(uint64_t z)
{
    return test_random(&z);
}

/** The symbol of a shard's own sum, and of a + b; a + b and b + a differ. */
static uint64_t leaf(size_t shard)
{
    return mix(shard + 1);
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return mix(3 * mix(a) + b);
}

/** The tree over `count` shards from `first` on, from its definition: halves are powers of two. */
static uint64_t tree(size_t first, size_t count)
{
    if (count == 1) {
        return leaf(first);
    }
    size_t half = 1;
    while (half * 2 < count) {
        half *= 2;
    }
    return plus(tree(first, half), tree(first + half, count - half));
}

/** One chunk as a workspace would do it: shards in order, and merges after each. */
static void run_chunk(const struct shard_plan *plan, const struct chunk *chunk, uint64_t *partial,
                      unsigned char *seen)
{
    uint64_t stack[SUBTREES_MAX];
    size_t depth = chunk->run.before;
    size_t e = 0;
    for (size_t j = 0; j < depth; j++) {
        int slot = chunk->partial[j];
        cr_assert(slot >= 0 && slot < plan->partials && partial[slot] != 0);
        stack[j] = partial[slot];
        partial[slot] = 0;
    }
    cr_assert(chunk->run.count >= 1 && chunk->run.subtrees <= SUBTREES_MAX);
    cr_assert(chunk->examples <= plan->capacity && chunk->examples >= 1);
    cr_assert(chunk->first == chunk->first_shard * plan->shard);
    for (size_t s = 0; s < chunk->run.count; s++) {
        size_t shard = chunk->first_shard + s;
        size_t begin = shard * plan->shard;
        size_t end = begin + plan->shard < plan->batch ? begin + plan->shard : plan->batch;
        cr_assert(chunk->first + chunk->run.end[s] == end);
        for (; e < chunk->run.end[s]; e++) {
            cr_assert(chunk->first + e >= begin && !seen[chunk->first + e]);
            seen[chunk->first + e] = 1;
        }
        uint64_t sum = leaf(shard);
        cr_assert(chunk->run.merges[s] <= depth);
        if (s + 1 < chunk->run.count) { /* earlier sums are only for the last */
            cr_assert(depth - chunk->run.merges[s] >= chunk->run.before);
        }
        for (unsigned merge = 0; merge < chunk->run.merges[s]; merge++) {
            depth--;
            sum = plus(stack[depth], sum);
        }
        cr_assert(depth < SUBTREES_MAX);
        stack[depth++] = sum;
    }
    cr_assert(e == chunk->examples && depth == chunk->run.subtrees);
    for (size_t j = 0; j < depth; j++) {
        int slot = chunk->partial[j];
        cr_assert(slot >= 0 && slot < plan->partials && partial[slot] == 0);
        partial[slot] = stack[j];
    }
}

/** The whole plan; returns the symbol of the sum. */
static uint64_t run_plan(const struct shard_plan *plan)
{
    uint64_t *partial = calloc((size_t)plan->workers * PARTIALS_MAX, sizeof *partial);
    unsigned char *seen = calloc(plan->batch, 1);
    uint64_t stack[SUM_DEPTH_MAX];
    size_t depth = 0;
    cr_assert(plan->partials >= 1 && plan->partials <= PARTIALS_MAX);
    cr_assert(plan->program.depth <= SUM_DEPTH_MAX);
    for (int w = 0; w < plan->workers; w++) {
        const struct worker_share *share = &plan->share[w];
        size_t examples = 0;
        for (size_t c = 0; c < share->chunks; c++) {
            run_chunk(plan, &share->chunk[c], partial + (size_t)w * PARTIALS_MAX, seen);
            examples += share->chunk[c].examples;
        }
        cr_assert(share->examples == examples, "worker %d: %zu, not %zu examples", w,
                  share->examples, examples);
    }
    for (size_t e = 0; e < plan->batch; e++) {
        cr_assert(seen[e], "example %zu is nobody's", e);
    }
    for (size_t p = 0; p < plan->program.count; p++) {
        int entry = plan->program.entry[p];
        if (entry >= 0) {
            cr_assert(entry < plan->workers * PARTIALS_MAX && partial[entry] != 0);
            cr_assert(depth < plan->program.depth);
            stack[depth++] = partial[entry];
            partial[entry] = 0;
        } else {
            cr_assert(entry == -1 && depth >= 2);
            depth--;
            stack[depth - 1] = plus(stack[depth - 1], stack[depth]);
        }
    }
    cr_assert(depth == 1);
    for (size_t i = 0; i < (size_t)plan->workers * PARTIALS_MAX; i++) {
        cr_assert(partial[i] == 0, "a partial sum of worker %zu is left over", i / PARTIALS_MAX);
    }
    free(partial);
    free(seen);
    return stack[0];
}

static void check(size_t batch, size_t shard, int workers, size_t chunk)
{
    struct shard_plan *plan = NULL;
    cr_assert(shard_plan_create(batch, shard, workers, chunk, &plan, NULL) == HEDDLE_OK);
    cr_assert(plan->batch == batch && plan->shard == shard && plan->workers == workers);
    cr_assert(plan->shards == (batch + shard - 1) / shard);
    cr_assert(run_plan(plan) == tree(0, plan->shards),
              "another tree: batch %zu shard %zu workers %d chunk %zu", batch, shard, workers,
              chunk);
    shard_plan_free(plan);
}

static const int workers_of[] = {1, 2, 3, 4, 5, 7, 8, 16, 64};
static const size_t chunks_of[] = {1, 3, 16, 50, 64, 256, 512};
enum {
    WORKERS = sizeof workers_of / sizeof *workers_of,
    CHUNKS = sizeof chunks_of / sizeof *chunks_of
};

Test(shard_plan, the_tree_is_that_of_sum_tree)
{
    /* tree() above against base/sum.c, with numbers whose sum depends on the order */
    uint64_t state = 1;
    for (size_t n = 1; n <= 70; n++) {
        double value[70], stack[70];
        for (size_t i = 0; i < n; i++) {
            value[i] = (double)(int64_t)test_random(&state) * (i % 3 == 0 ? 1 : 0x1p-40);
        }
        /* level by level: what tree() says, without recursion on values */
        size_t width = n;
        memcpy(stack, value, n * sizeof *value);
        while (width > 1) {
            size_t next = 0;
            for (size_t i = 0; i < width; i += 2) {
                stack[next++] = i + 1 < width ? stack[i] + stack[i + 1] : stack[i];
            }
            width = next;
        }
        cr_assert(stack[0] == sum_tree(value, n), "%zu", n);
    }
    cr_assert(tree(0, 7) == plus(plus(plus(leaf(0), leaf(1)), plus(leaf(2), leaf(3))),
                                 plus(plus(leaf(4), leaf(5)), leaf(6))));
}

Test(shard_plan, symbols_tell_orders_apart)
{
    uint64_t a = leaf(0), b = leaf(1), c = leaf(2);
    cr_assert(plus(a, b) != plus(b, a));
    cr_assert(plus(plus(a, b), c) != plus(a, plus(b, c)));
}

/* Shards of one example: every number of shards up to 300, every number of workers. */
Test(shard_plan, every_number_of_shards_gives_one_tree)
{
    for (size_t batch = 1; batch <= 300; batch++) {
        for (size_t w = 0; w < WORKERS; w++) {
            check(batch, 1, workers_of[w], chunks_of[(batch + w) % CHUNKS]);
        }
    }
}

Test(shard_plan, every_size_of_chunks_gives_one_tree)
{
    static const size_t shards[] = {3, 16, 64};
    for (size_t batch = 1; batch <= 300; batch += batch < 70 ? 1 : 7) {
        for (size_t s = 0; s < 3; s++) {
            for (size_t c = 0; c < CHUNKS; c++) {
                check(batch, shards[s], workers_of[(batch + s + c) % WORKERS], chunks_of[c]);
                check(batch, shards[s], 1, chunks_of[c]);
            }
        }
    }
}

Test(shard_plan, large_batches)
{
    static const size_t batches[] = {1000, 1024, 1025, 4095, 60000, 65536, 99991};
    for (size_t i = 0; i < 7; i++) {
        for (size_t w = 0; w < WORKERS; w++) {
            check(batches[i], 1, workers_of[w], 256);
            check(batches[i], 64, workers_of[w], 512);
            check(batches[i], 7, workers_of[w], 1);
        }
    }
    check(99991, 1, 1000, 256); /* as many workers as a large machine has */
    check(300, 1, 4096, 256);
}

/* One shard of more examples than a chunk holds is a chunk of its own. */
Test(shard_plan, a_shard_is_never_cut)
{
    struct shard_plan *plan;
    cr_assert(shard_plan_create(2500, 1000, 2, 256, &plan, NULL) == HEDDLE_OK);
    cr_assert(plan->capacity == 1000);
    cr_assert(plan->share[0].chunks == 1 && plan->share[1].chunks == 2);
    cr_assert(plan->share[1].chunk[1].examples == 500);
    shard_plan_free(plan);
    check(2500, 1000, 2, 256);
    check(5, 100000, 3, 256);
}

/* S = 7, T = 2, as drawn in shard_plan.h. */
Test(shard_plan, spread_examples_are_each_taken_once)
{
    for (size_t batch = 1; batch < 300; batch += batch < 70 ? 1 : 23) {
        for (int workers = 1; workers <= 40; workers++) {
            struct shard_plan *plan;
            size_t shard = batch % 3 ? 16 : 5;
            cr_assert(!shard_plan_create_spread(batch, shard, workers, &plan, NULL));
            size_t at = 0;
            size_t busy = 0;
            size_t most = 0;
            for (int w = 0; w < workers; w++) {
                const struct worker_share *share = &plan->share[w];
                cr_assert(share->chunks <= 1 && (share->chunks == 1) == (share->examples > 0));
                if (share->chunks) {
                    cr_assert(share->chunk->first == at && at % SPREAD_UNIT == 0);
                    cr_assert(share->chunk->examples == share->examples);
                    at += share->examples;
                    busy++;
                    most = share->examples > most ? share->examples : most;
                }
            }
            size_t can = spread_workers(batch);
            cr_assert(at == batch && busy == (can < (size_t)workers ? can : (size_t)workers));
            cr_assert(most == plan->capacity && most <= spread_examples(batch, workers));
            cr_assert(plan->whole.count == (batch + shard - 1) / shard && !plan->partials);
            shard_plan_free(plan);
        }
    }
}

Test(shard_plan, seven_shards_of_two_workers_by_hand)
{
    struct shard_plan *plan;
    cr_assert(shard_plan_create(7, 1, 2, 256, &plan, NULL) == HEDDLE_OK);
    const struct chunk *a = plan->share[0].chunk, *b = plan->share[1].chunk;
    cr_assert(plan->share[0].chunks == 1 && plan->share[1].chunks == 1);
    cr_assert(a->first == 0 && a->examples == 3 && a->run.subtrees == 2);
    cr_assert(b->first == 3 && b->examples == 4 && b->run.subtrees == 3);
    static const uint8_t merges_a[] = {0, 1, 0}, merges_b[] = {0, 0, 1, 0};
    cr_assert(memcmp(a->run.merges, merges_a, 3) == 0 && memcmp(b->run.merges, merges_b, 4) == 0);
    enum { A = 0, B = PARTIALS_MAX };
    static const int program[] = {A, A + 1, B, -1, -1, B + 1, B + 2, -1, -1};
    cr_assert(plan->program.count == 9);
    cr_assert(memcmp(plan->program.entry, program, sizeof program) == 0);
    cr_assert(plan->partials == 3);
    shard_plan_free(plan);
    shard_plan_free(NULL);
}

/** The plans of all ranks; returns the symbol of the sum that each of them comes to. */
static uint64_t run_ranks(size_t batch, size_t shard, int ranks, int workers, size_t chunk)
{
    uint64_t *sum = calloc((size_t)ranks * PARTIALS_MAX, sizeof *sum);
    unsigned char *seen = calloc(batch, 1);
    struct shard_plan *plan = NULL;
    uint64_t stack[SUM_DEPTH_MAX];
    size_t depth = 0;
    for (int r = 0; r < ranks; r++) {
        int team = 1 + (workers + r) % workers; /* ranks need not be alike */
        uint64_t *partial = calloc((size_t)team * PARTIALS_MAX, sizeof *partial);
        shard_plan_free(plan);
        cr_assert(shard_plan_create_for(batch, shard, r, ranks, team, chunk, &plan, NULL) ==
                  HEDDLE_OK);
        for (int w = 0; w < team; w++) {
            for (size_t c = 0; c < plan->share[w].chunks; c++) {
                run_chunk(plan, &plan->share[w].chunk[c], partial + (size_t)w * PARTIALS_MAX, seen);
            }
        }
        for (size_t j = 0; j < plan->sums[r]; j++) {
            const struct sum_program *own = &plan->own[j];
            cr_assert(own->count >= 1 && own->entry[0] >= 0);
            for (size_t p = 0; p < own->count; p++) {
                if (own->entry[p] >= 0) {
                    cr_assert(partial[own->entry[p]] != 0 && depth < own->depth);
                    stack[depth++] = partial[own->entry[p]];
                    partial[own->entry[p]] = 0;
                } else {
                    depth--;
                    stack[depth - 1] = plus(stack[depth - 1], stack[depth]);
                }
            }
            cr_assert(depth == 1);
            sum[(size_t)r * PARTIALS_MAX + j] = stack[--depth];
        }
        for (size_t i = 0; i < (size_t)team * PARTIALS_MAX; i++) {
            cr_assert(partial[i] == 0);
        }
        free(partial);
    }
    for (size_t e = 0; e < batch; e++) {
        cr_assert(seen[e]);
    }
    for (size_t p = 0; p < plan->program.count; p++) {
        int entry = plan->program.entry[p];
        if (entry >= 0) {
            cr_assert(sum[entry] != 0 && depth < plan->program.depth);
            stack[depth++] = sum[entry];
            sum[entry] = 0;
        } else {
            depth--;
            stack[depth - 1] = plus(stack[depth - 1], stack[depth]);
        }
    }
    cr_assert(depth == 1);
    for (size_t i = 0; i < (size_t)ranks * PARTIALS_MAX; i++) {
        cr_assert(sum[i] == 0, "a sum of rank %zu is left over", i / PARTIALS_MAX);
    }
    shard_plan_free(plan);
    free(sum);
    free(seen);
    return stack[0];
}

Test(shard_plan, ranks_build_the_same_tree)
{
    static const int ranks_of[] = {2, 3, 4, 5, 7, 8, 64};
    for (size_t batch = 1; batch <= 200; batch += batch < 40 ? 1 : 9) {
        for (size_t r = 0; r < sizeof ranks_of / sizeof *ranks_of; r++) {
            int workers = workers_of[(batch + r) % 4];
            cr_assert(run_ranks(batch, 1, ranks_of[r], workers, chunks_of[batch % CHUNKS]) ==
                          tree(0, batch),
                      "another tree: batch %zu, %d ranks, up to %d workers", batch, ranks_of[r],
                      workers);
        }
    }
    cr_assert(run_ranks(65536, 64, 1000, 3, 512) == tree(0, 1024));
}

Test(shard_plan, every_failing_allocation_is_reported)
{
    heddle_status status = HEDDLE_E_MEMORY;
    size_t n = 0;
    while (status != HEDDLE_OK && n < 10) {
        struct shard_plan *plan = NULL;
        heddle_error err;
        memory_fail_at(++n, false);
        status = shard_plan_create(100, 16, 3, 256, &plan, &err);
        memory_fail_at(0, false);
        cr_assert(status == HEDDLE_OK || (status == HEDDLE_E_MEMORY && plan == NULL));
        shard_plan_free(plan);
    }
    cr_assert(n > 2 && n < 10);
}
