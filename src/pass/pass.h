/**
 * pass: the forward pass, back-propagation and the reduction, on the slice of examples they are
 * given. They know no threads: each worker has a workspace of its own and calls them for its share.
 *
 * The code is compiled once for float and once for double; a struct passes is the way in for
 * callers that know the precision only at run time. Arrays of reals are `void *` here: float or
 * double as the passes are.
 *
 * Letters: E examples of a block; n[l] width of layer l = 0 … L; X[l] (E, n[l]) outputs of layer l;
 * D[l] (E, n[l]) deltas; W[l], G[l] packed weights and weight deltas (kernel/kernel.h).
 */
#ifndef PASS_PASS_H
#define PASS_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/shape.h"

/** Where examples are taken from: a whole data set; rows are chosen by index. */
struct examples {
    const void *real; /* (rows, real_stride) reals, or NULL; a 1 follows the n[0] inputs */
    size_t real_stride;
    const uint8_t *bytes; /* (rows, byte_stride) if !real: x = byte × byte_scale */
    size_t byte_stride;
    double byte_scale;
    const uint32_t *row; /* (rows) which row of real or bytes each is; NULL: they are in order */
    void (*read)(const void *view, size_t row, void *x); /* if neither: x (n[0]) reals = a row */
    const void *view;
    const int32_t *class_index; /* (rows), or NULL */
    const void *target;         /* (rows, target_stride) reals, or NULL */
    size_t target_stride;
    const double *weight; /* (rows) what an example counts for in training, or NULL: 1 */
};

/** Where inputs lie that all workers find by themselves: as reals, or bytes, of the data set. */
enum input_place { IN_WORKSPACES, IN_REALS, IN_BYTES };

/** What is done to examples in training and never when a model is used. All zero: nothing. */
struct training_extras {
    uint64_t seed;
    double smoothing; /* share of a class target that goes to all classes alike */
    const double
        *class_weight; /* (classes) loss and deltas of a class's examples × this; or NULL */
    bool weighted;     /* class_weight or examples.weight is there */
    double dropout;    /* share of hidden outputs that become 0; the others × 1/(1 - share) */
    double noise;      /* deviation of the normal noise added to inputs */
};

/** The numbers of one update, in double; the passes round them to their precision. */
struct update_rule {
    enum optimizer optimizer;
    double scale; /* weight deltas are multiplied by this first: 1 / examples, or 1 */
    double rate;
    double momentum;
    double beta1, beta2, epsilon;
    double clip_value;    /* weight deltas are kept within ± this; 0: they are not */
    double l1, l2, decay; /* penalties; decay is the share of a weight lost in this update */
    const void
        *weight_mask; /* block of reals, 1 for weights and 0 for biases; NULL: none of these */
    uint64_t step;    /* this update's number, from 1 (Adam's bias correction) */
};

/**
 * How partial sums are put together: a program in postfix order. An entry k ≥ 0 pushes partial k,
 * -1 replaces the two on top by their sum (lower one first).
 */
struct sum_program {
    const int *entry;
    size_t count;
    size_t depth; /* the most that is ever on the stack */
};
enum { SUM_DEPTH_MAX = 32 };

enum { PASS_PIECE = 512 }; /* reals that the sums are worked through at a time */

/**
 * Who is told how far the passes are, every now and then, because weights may still be on their way
 * when the forward pass begins, and weight deltas leave before back-propagation ends. Reals are
 * counted as in a block.
 */
struct pass_watcher {
    void *context;
    void (*need)(void *context, size_t end);    /* weights [0, end) are read next */
    void (*known)(void *context, size_t begin); /* weight deltas [begin, …) will not change */
};

/** Whose examples are whose, where workers divide the weights: worker v's are [begin[v], begin[v + 1]). */
struct spread {
    const size_t *begin; /* (workers + 1) */
};

struct workspace; /* a worker's activations and deltas for up to `capacity` examples */
struct operands;  /* what workspaces share, where weight deltas are divided by weights */

struct passes {
    size_t real_size;

    /**
     * Bytes of a workspace; place one into that much zeroed memory, aligned to 64. extras, which
     * must stay, is NULL for a workspace that does not train or has none. One that joins has no
     * room for deltas and sums of its own: join() before every backward(), which sums nothing.
     */
    size_t (*workspace_bytes)(const struct shape *shape, size_t capacity,
                              const struct training_extras *extras, bool joins);
    struct workspace *(*workspace_place)(void *memory, const struct shape *shape,
                                         const void *kernels, size_t capacity,
                                         const struct training_extras *extras, bool joins);

    /** From now on the watcher (it must stay) is told of forward() and backward(). */
    void (*watch)(struct workspace *ws, const struct pass_watcher *watcher);

    /** The update's number from 0, before its first gather() or forward(): dropout, noise. */
    void (*begin_step)(struct workspace *ws, uint64_t step);

    /**
     * Take examples rows[0 … E) (rows NULL: first, first + 1, …): targets are copied, bytes become
     * reals (now, or where they are taken, if the workspace joined operands of bytes), reals are used
     * in place, so examples and rows must stay until backward() is done.
     */
    void (*gather)(struct workspace *ws, const struct examples *examples, const uint32_t *rows,
                   size_t first, size_t E);

    /**
     * These rows will be gathered into the workspace next: short ones are asked for at once, longer
     * ones of a small network with the inputs of its last block; where neither is, affine() asks.
     * So are their targets, at once where affine() asks for the rows.
     */
    void (*expect)(struct workspace *ws, const struct examples *examples, const uint32_t *rows,
                   size_t E);

    /** X[1] … X[L-1] and Z[L] of the gathered examples. */
    void (*forward)(struct workspace *ws, const void *W);

    /** After forward: losses of the examples, each (E) in double or NULL, and the output deltas. A
        custom loss leaves f(Z[L]) where Z[L] was. */
    void (*loss)(struct workspace *ws, enum loss loss, double *each);

    /** After forward: f(Z[L]) as doubles, outputs (E, n[L]). loss() may still be called after. */
    void (*outputs)(struct workspace *ws, double *outputs);

    /**
     * After loss: weight deltas of the run's subtrees, G[j] packed blocks of the whole network.
     * Returns at least Σ |G| of the examples, in no fixed order: if its sum over a step is finite
     * and below `safe_size`, so is every sum of weight deltas made in it.
     */
    double (*backward)(struct workspace *ws, const void *W, const struct shard_run *run,
                       void *const *G);

    /**
     * forward(), loss() and backward() in one: for small networks they are one kernel's call. Losses
     * are of the run's shards, their examples' in order from 0. Of a workspace that has joined others,
     * run and G are NULL, losses are of the examples, and 0 is returned.
     */
    double (*differentiate)(struct workspace *ws, const void *W, enum loss loss,
                            const struct shard_run *run, double *losses, void *const *G);

    /**
     * The operands of a batch's weight deltas, for up to `capacity` examples and so many workers:
     * bytes of them; place them into that much zeroed memory, aligned to 64. Inputs that get noise
     * are in workspaces. Then admit each worker's workspace, NULL for one that never has examples of
     * its own.
     */
    size_t (*operands_bytes)(const struct shape *shape, size_t capacity, int workers,
                             enum input_place inputs);
    struct operands *(*operands_place)(void *memory, const struct shape *shape, const void *kernels,
                                       size_t capacity, int workers, enum input_place inputs);
    void (*admit)(struct operands *operands, int w, struct workspace *ws);

    /**
     * Before each gather(), which then says where the rows are: the workspace takes the E examples
     * from `at` on of a batch, and what their weight deltas are made of is put where learn() finds
     * it. Workspaces of one batch join the same operands; no two examples have one place.
     */
    void (*join)(struct workspace *ws, const struct operands *operands, size_t batch, size_t at,
                 size_t E);

    /** Are the units of layer l divided where several workers divide the weights? */
    bool (*is_by_units)(const struct shape *shape, size_t l);

    /**
     * What the workers who joined do together with a batch: the passes in so many legs, between
     * which they must all meet. Each of them takes every leg, whether it has examples of its own in
     * the batch or not, and gathers these and locates all E of the batch (rows and first as in
     * gather()) before the first. The step is begin_step()'s. Losses go to each (E), by the examples'
     * owners.
     */
    size_t (*legs)(const struct operands *operands);
    void (*locate)(const struct operands *operands, int w, const struct examples *examples,
                   const uint32_t *rows, size_t first, size_t E);
    void (*leg)(const struct operands *operands, size_t leg, const struct spread *spread, int w,
                uint64_t step, const void *W, enum loss loss, double *each);

    /**
     * When all examples of the batch are through the last leg(): the weight deltas of worker w's
     * share of the weights, and their update, a piece at a time while it is in the cache; then pieces
     * of others' shares, if those are long. `batch` is all its shards, which come to one subtree.
     * Returns the place in the block of the first weight delta that is not finite of those w has made,
     * after which w updates nothing, or SIZE_MAX. With a block `sums` the weight deltas are put there,
     * and nothing is updated. The weights are there when all workers have met.
     */
    size_t (*learn)(const struct operands *operands, const struct shard_run *batch, int w,
                    const struct update_rule *rule, void *W, void *state1, void *state2,
                    void *sums);

    /** sum = a + b over the whole block of `count` reals (a multiple of 16). */
    void (*add)(const void *kernels, void *sum, const void *a, const void *b, size_t count);

    /**
     * Sum the partials by the program for reals [begin, end) of the block (multiples of 16) and
     * apply the update to W and the optimizer's state (blocks of the same layout, or NULL).
     */
    void (*update)(const void *kernels, const struct sum_program *program, void *const *partial,
                   size_t begin, size_t end, const struct update_rule *rule, void *W, void *state1,
                   void *state2);

    /**
     * The sums of partials by the program for reals [begin, end), into the first partial that it
     * names.
     */
    void (*sum)(const void *kernels, const struct sum_program *program, void *const *partial,
                size_t begin, size_t end);

    /**
     * squares[p] = Σ g² over the sums of partials in piece p (PASS_PIECE reals, the last one what
     * is left of `count`), for p in [begin, end), in an order that depends on nothing.
     */
    void (*squares)(const void *kernels, const struct sum_program *program, void *const *partial,
                    size_t count, size_t begin, size_t end, double *squares);

    /**
     * Scale down the weights of every unit whose norm (bias not counted) is above `limit`; worker
     * w of `workers` takes its share of the units.
     */
    void (*limit_norms)(const struct shape *shape, void *W, double limit, int w, int workers);

    /**
     * Is every sum of partials in [begin, end) finite? *where is the first that is not. The slow
     * answer, asked when backward()'s is doubtful.
     */
    bool (*finite)(const void *kernels, const struct sum_program *program, void *const *partial,
                   size_t begin, size_t end, size_t *where);

    /** out = scale × the sum of partials by the program, for reals [begin, end). */
    void (*combine)(const void *kernels, const struct sum_program *program, void *const *partial,
                    size_t begin, size_t end, double scale, void *out);

    /**
     * Blocks as vectors, reals [begin, end) of them (multiples of 16): Σ a b, Σ |a|, max |a|; out =
     * a x + b y, rounded at each operation; g += l2 mask W, which returns Σ (mask W)².
     */
    double (*dot)(const void *a, const void *b, size_t begin, size_t end);
    double (*total)(const void *a, size_t begin, size_t end);
    double (*largest)(const void *a, size_t begin, size_t end);
    void (*blend)(void *out, double a, const void *x, double b, const void *y, size_t begin,
                  size_t end);
    double (*decay)(void *g, double l2, const void *W, const void *mask, size_t begin, size_t end);

    double safe_size;
};

extern const struct passes passes_f32, passes_f64;

/** The passes of a precision. */
static inline const struct passes *passes_of(bool use_double)
{
    return use_double ? &passes_f64 : &passes_f32;
}

#endif
