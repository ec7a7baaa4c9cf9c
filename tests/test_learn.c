/**
 * learn: weight deltas divided among workers by weights, and their update in pieces, come to the bits
 * of the other way: everybody's sums, put together and applied. So do wide layers that are divided
 * by units, whoever's turn it is first between two meetings.
 */
#include "nets.h"
#include "pass/divide.h"
#include "train/shard_plan.h"

/** A team whose weight deltas are divided by weights, its workers one after the other. */
struct divided {
    size_t shard;
    int workers;
    struct shard_plan *plan;
    struct operands *operands;
    struct workspace *ws[8];
    void *memory[8], *operands_memory;
    double *sums; /* or NULL: weight deltas are applied as they come */
};

static void divide_net(struct divided *d, const struct net *net, enum input_place inputs)
{
    size_t bytes = passes_f64.operands_bytes(&net->shape, net->batch, d->workers, inputs);
    cr_assert(d->workers <= 8);
    cr_assert(!shard_plan_create_spread(net->batch, d->shard, d->workers, &d->plan, NULL));
    d->operands_memory = new_array(bytes);
    d->operands = passes_f64.operands_place(d->operands_memory, &net->shape, best_kernels(),
                                            net->batch, d->workers, inputs);
    for (int w = 0; w < d->workers; w++) {
        d->ws[w] = workspace_of(net, d->plan->capacity, true, &d->memory[w]);
        passes_f64.admit(d->operands, w, d->ws[w]);
    }
}

/** The last `batch` examples through all workers, and an update of W by all; where it went wrong. */
static size_t learn(struct divided *d, struct net *net, size_t batch,
                    const struct update_rule *rule, double *W, double *state1, double *state2)
{
    double each[256];
    struct shard_plan *plan;
    size_t where = SIZE_MAX;
    cr_assert(!shard_plan_create_spread(batch, d->shard, d->workers, &plan, NULL));
    for (int w = d->workers; w-- > 0;) { /* in any order */
        for (size_t c = 0; c < plan->share[w].chunks; c++) {
            const struct chunk *part = &plan->share[w].chunk[c];
            passes_f64.join(d->ws[w], d->operands, batch, part->first, part->examples);
            passes_f64.gather(d->ws[w], &net->examples, NULL, net->batch - batch + part->first,
                              part->examples);
        }
        passes_f64.locate(d->operands, w, &net->examples, NULL, net->batch - batch, batch);
    }
    for (size_t leg = 0; leg < passes_f64.legs(d->operands); leg++) {
        for (int i = 0; i < d->workers; i++) {
            int w = leg % 2 ? i : d->workers - 1 - i;
            passes_f64.leg(d->operands, leg, &plan->spread, w, 0, net->W, net->loss, each);
        }
    }
    for (int w = 0; w < d->workers; w++) {
        size_t at =
            passes_f64.learn(d->operands, &plan->whole, w, rule, W, state1, state2, d->sums);
        where = at < where ? at : where;
    }
    if (d->sums) { /* the weight deltas first, the update after a meeting */
        void *all = d->sums;
        passes_f64.update(best_kernels(), &plan->program, &all, 0, shape_packed(&net->shape), rule,
                          W, state1, state2);
    }
    shard_plan_free(plan);
    return where;
}

static void divided_free(struct divided *d)
{
    for (int w = 0; w < d->workers; w++) {
        free(d->memory[w]);
    }
    free(d->operands_memory);
    free(d->sums);
    shard_plan_free(d->plan);
}

/** The net's examples become bytes, in an order that only examples.row tells. */
static uint8_t *into_bytes(struct net *net, size_t batch)
{
    size_t inputs = net->shape.width[0];
    uint8_t *bytes = new_array(batch * inputs + 64 + batch * sizeof(uint32_t));
    uint32_t *row = (void *)(bytes + (batch * inputs + 63) / 64 * 64);
    uint64_t state = batch;
    for (size_t i = 0; i < batch * inputs; i++) {
        bytes[i] = (uint8_t)test_random(&state);
    }
    for (size_t e = 0; e < batch; e++) {
        row[e] = (uint32_t)((7 * e + 3) % batch);
    }
    net->examples.real = NULL;
    net->examples.bytes = bytes;
    net->examples.byte_stride = inputs;
    net->examples.byte_scale = 1.0 / 255;
    net->examples.row = row;
    return bytes;
}

/* Weights divided among any number of workers, in pieces: the same update as of sums of everybody's
   weight deltas, the last batch of an epoch included. */
Test(learn, is_the_same_update)
{
    /* the first two have layers that are divided by units: inner, first, last and all of them */
    static const size_t widths[][5] = {{300, 100, 7}, {90, 300, 290, 90}, {40, 56, 50, 3},
                                       {150, 20},     {9, 70, 1},         {300, 120}};
    static const size_t shards[] = {16, 64, 5, 32};
    for (size_t i = 0; i < 48; i++) {
        size_t batch = i % 3 == 0 ? 64 : i % 3 == 1 ? 100 : 200;
        struct net net = net_new(widths[i % 6], i % 2 ? ACTIVATION_TANH : ACTIVATION_GELU,
                                 ACTIVATION_LINEAR, LOSS_MSE, NUMBERS, batch, i + 1);
        struct divided d = {.shard = shards[i / 4 % 4], .workers = 1 + (int)(i % 7)};
        size_t packed = shape_packed(&net.shape);
        size_t bytes = packed * sizeof(double);
        struct update_rule rule = {.optimizer = i % 5 ? OPTIMIZER_ADAM : OPTIMIZER_SGD,
                                   .scale = 0.01,
                                   .rate = 0.1,
                                   .beta1 = 0.9,
                                   .beta2 = 0.99,
                                   .epsilon = 1e-8,
                                   .l2 = i % 7 ? 0.01 : 0,
                                   .step = 3};
        double *mask = new_array(bytes), *block[2][3];
        for (int b = 0; b < 6; b++) {
            block[b / 3][b % 3] = new_array(bytes);
        }
        weights_pack(&net.shape, net.values, true, net.W);
        memcpy(block[0][0], net.W, bytes);
        memcpy(block[1][0], net.W, bytes);
        for (size_t k = 0; k < packed; k++) {
            mask[k] = k % 3 > 0;
        }
        rule.weight_mask = i / 2 % 2 ? mask : NULL;
        uint8_t *pixels = i / 3 % 3 == 0 ? into_bytes(&net, batch) : NULL;
        divide_net(&d, &net, pixels ? IN_BYTES : i % 4 < 2 ? IN_REALS : IN_WORKSPACES);
        d.sums = i % 5 == 4 ? new_array(bytes) : NULL;
        void *partial[PARTIALS_MAX] = {new_array(bytes), new_array(bytes), new_array(bytes),
                                       new_array(bytes), new_array(bytes), new_array(bytes)};
        for (size_t turn = 0; turn < 3; turn++) { /* a whole batch, a short one, a whole one */
            size_t count = turn == 1 ? batch / 4 : batch;
            cr_assert(learn(&d, &net, count, &rule, block[0][0], block[0][1], block[0][2]) ==
                      SIZE_MAX);
            double losses[256];
            struct shard_plan *plan;
            cr_assert(!shard_plan_create(count, d.shard, 1, 2 * batch, &plan, NULL));
            const struct chunk *all = &plan->share[0].chunk[0];
            cr_assert(plan->share[0].chunks == 1 && plan->partials <= 6);
            void *memory, *G[SUBTREES_MAX];
            struct workspace *ws = workspace_new(&net, batch, &memory);
            for (size_t j = 0; j < run_places(&all->run); j++) {
                G[j] = partial[all->partial[j]];
            }
            passes_f64.gather(ws, &net.examples, NULL, batch - count, count);
            passes_f64.differentiate(ws, net.W, net.loss, &all->run, losses, G);
            passes_f64.update(best_kernels(), &plan->program, partial, 0, packed, &rule,
                              block[1][0], block[1][1], block[1][2]);
            for (int b = 0; b < 3; b++) {
                cr_assert(memcmp(block[0][b], block[1][b], bytes) == 0,
                          "network %zu, %d workers, batch of %zu, block %d", i, d.workers, count,
                          b);
            }
            free(memory);
            shard_plan_free(plan);
        }
        for (int b = 0; b < 6; b++) {
            free(block[b / 3][b % 3]);
            free(partial[b]);
        }
        divided_free(&d);
        free(pixels);
        free(mask);
        net_free(&net);
    }
}

/* The first weight delta that is not finite is found, however many workers look for it. */
Test(learn, says_what_is_not_finite)
{
    static const size_t widths[] = {300, 100, 7, 0};
    size_t first[4];
    for (int workers = 1; workers <= 4; workers++) {
        struct net net =
            net_new(widths, ACTIVATION_RELU, ACTIVATION_LINEAR, LOSS_MSE, NUMBERS, 100, 3);
        struct divided d = {.shard = 16, .workers = workers};
        struct update_rule rule = {.optimizer = OPTIMIZER_SGD, .scale = 1, .rate = 0.1, .step = 1};
        divide_net(&d, &net, IN_REALS);
        weights_pack(&net.shape, net.values, true, net.W);
        net.inputs[50 * net.examples.real_stride + 200] = 1e308; /* times some deltas: infinite */
        double *W = new_array(shape_packed(&net.shape) * sizeof(double));
        double *mask = new_array(shape_packed(&net.shape) * sizeof(double));
        rule.weight_mask = workers % 2 ? mask : NULL; /* with another update, and the plain one */
        first[workers - 1] = learn(&d, &net, 100, &rule, W, NULL, NULL);
        cr_assert(first[workers - 1] < shape_packed(&net.shape) && first[workers - 1] == first[0],
                  "%zu, not %zu", first[workers - 1], first[0]);
        free(W);
        free(mask);
        divided_free(&d);
        net_free(&net);
    }
}

/* Every cell is one worker's, and nobody has many more than another. */
Test(learn, a_grid_is_divided)
{
    static unsigned char seen[256][256];
    for (size_t i = 0; i < 4000; i++) {
        struct grid grid = {.units = 16 * (1 + i % 13),
                            .block = i % 3   ? 0
                                     : i % 2 ? 16
                                             : 16 * (1 + i % 13),
                            .rows = 1 + i * 7 % 200,
                            .grain = i % 5 ? 1 : 8};
        size_t widest = grid.block ? grid.block : PACK;
        int workers = 1 + (int)(i % 17);
        memset(seen, 0, sizeof seen);
        for (int w = 0; w < workers; w++) {
            struct band band[BANDS_MAX];
            size_t bands = divide(&grid, w, workers, band);
            size_t has = 0;
            for (size_t b = 0; b < bands; b++) {
                size_t from = band[b].from;
                size_t begin = grid.block ? from - from % grid.block : pack_begin(grid.units, from);
                cr_assert(from == begin && band[b].to <= grid.units && band[b].end <= grid.rows);
                for (size_t r = band[b].begin; r < band[b].end; r++) {
                    for (size_t u = band[b].from; u < band[b].to; u++) {
                        seen[r][u]++;
                        has++;
                    }
                }
            }
            /* no more than two corners from a fair share */
            size_t most = grid.units * grid.rows / (size_t)workers;
            cr_assert(has <= most + (grid.grain + 1) * widest, "grid %zu, %d workers: %zu", i,
                      workers, has);
        }
        for (size_t r = 0; r < grid.rows; r++) {
            for (size_t u = 0; u < grid.units; u++) {
                cr_assert(seen[r][u] == 1, "grid %zu: row %zu, unit %zu: %d times", i, r, u,
                          seen[r][u]);
            }
        }
    }
}
