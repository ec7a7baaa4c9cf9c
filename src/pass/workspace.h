/**
 * workspace: what one worker computes in, laid out once, so that no step allocates.
 *
 *     X[0] … X[L]   row-major, stride ldx[l] with room for the constant 1 behind n[l]
 *     S[l]          f'(Z[l]) where X[l] does not tell it, shaped as X[l]
 *     D[l]          packed deltas, or where they lie among those of the other workers' examples
 *                   (struct operands), and then not in here
 *     TA, TB        transposed deltas, a panel (n, ldt) for each stretch of examples, so that what is
 *                   read together lies together: of the outputs in TA, of the layers below in TB and
 *                   TA by turns
 *     PT            what a block of units is pulled back to, before f'
 */
#ifndef PASS_WORKSPACE_H
#define PASS_WORKSPACE_H

#include <float.h>

#include "pass/pass.h"

/** What Σ |G| may be so that no sum of weight deltas made of it is too large. */
#if defined(REAL_IS_DOUBLE)
#define SAFE_SIZE (DBL_MAX / 4)
#else
#define SAFE_SIZE (FLT_MAX / 4)
#endif

/**
 * Examples that go through a layer at a time: what a layer of a thousand takes of them (inputs and
 * outputs, 1 MiB in float) fits the second-level cache. Weight deltas are summed over the whole
 * block of the workspace.
 */
enum { STRETCH = 128 };

/** Targets that are still in the data set. */
struct targets_left {
    const struct examples *examples;
    const uint32_t *rows;
    size_t first;
};

/** A worker's inputs that stay bytes until a kernel takes them (bytes.c). */
struct bytes {
    struct REAL(source) source;
    uint32_t *place; /* (capacity) rows of the source that are a batch's examples */
    real *X;         /* inputs that are reals at the time */
    const real **row;
};

/** Rows of X[l - 1] that a layer takes: reals, or bytes of the batch's examples from `at` on. */
struct inputs {
    const real *const *row;
    const struct bytes *bytes; /* or NULL */
    size_t at;
};

struct workspace {
    const struct shape *shape;
    const struct training_extras *extras; /* or NULL */
    const struct pass_watcher *watcher;   /* or NULL */
    uint64_t step;                        /* for extras; likewise the next two */
    uint32_t *index;                      /* (capacity) rows of the data set the examples are */
    real *weight;                         /* (round16(capacity)) what they count for */
    const struct REAL(kernels) * k;
    size_t capacity;
    size_t E;                               /* examples gathered */
    size_t ones;                            /* rows of the hidden layers that end with a 1 */
    const real **row[SHAPE_MAX_LAYERS + 1]; /* (capacity) rows of X[l]; those of X[0] may lie in
                                               the data set */
    real *X[SHAPE_MAX_LAYERS + 1];
    real *S[SHAPE_MAX_LAYERS + 1]; /* NULL where not needed */
    size_t ldx[SHAPE_MAX_LAYERS + 1];
    real *D[SHAPE_MAX_LAYERS + 1];
    const struct operands *operands; /* or NULL */
    const struct bytes *bytes;       /* its worker's, or NULL */
    size_t at;                       /* where the examples begin in D, of so many: */
    size_t of;
    real *TA, *TB;
    real *PT;                    /* (PACK, ldt) */
    real *carry;                 /* gradient()'s scratch */
    size_t ldt;                  /* of a panel */
    size_t panel;                /* reals from panel to panel of TA and TB */
    real *each;                  /* (capacity) losses */
    int32_t *class_index;        /* (capacity) */
    const real **target_row;     /* (capacity) in the data set */
    const real *soon[PACK_UNIT]; /* rows of the next batch that small() asks for, if it is to, */
    const real *soon_target[PACK_UNIT]; /* and of their targets, if those are rows */
    bool asks;
    real *target;        /* panels (n[L], ldt), transposed */
    size_t target_panel; /* reals from one to the next */
    double *custom;      /* (3, widest) what functions of the caller's take and give, or NULL */
    real size[16];       /* Σ |G|, a lane each */
    bool has_class, has_target;
    struct targets_left left; /* small() reads them; should forward() be called, it moves them */
    struct REAL(small) small; /* XT NULL: not for this network */
    real *waiting; /* its sums of shards that wait for others, blocks of so many reals: */
    size_t packed;
};

/** Takes pieces from a block of memory, or only counts them (base NULL). */
struct taker {
    char *base;
    size_t used;
};

static inline void *take(struct taker *taker, size_t bytes)
{
    void *piece = taker->base ? taker->base + taker->used : NULL;
    taker->used += (bytes + 63) / 64 * 64;
    return piece;
}

/** Where the panel of the stretch that begins at example e (a multiple of STRETCH) lies. */
static inline real *panel_at(const struct workspace *ws, real *T, size_t e)
{
    return T + e / STRETCH * ws->panel;
}

/** The targets of that stretch. */
static inline real *target_at(const struct workspace *ws, size_t e)
{
    return ws->target + e / STRETCH * ws->target_panel;
}

/** Examples of the stretch that begins at e. */
static inline size_t stretch_at(const struct workspace *ws, size_t e)
{
    return ws->E - e < STRETCH ? ws->E - e : STRETCH;
}

/** Deltas of layer l for the outputs from `first` (where a block begins) on, at example e. */
static inline real *deltas_at(const struct workspace *ws, size_t l, size_t first, size_t e)
{
    return ws->D[l] + first * ws->of + (ws->at + e) * pack_width(ws->shape->width[l], first);
}

/**
 * What the weight deltas of a whole batch are made of, whoever took its examples through the passes:
 * G[l] = D[l]ᵀ X[l-1]. Each workspace that joins puts its rows and deltas in the place of its
 * examples.
 */
struct operands {
    const struct shape *shape;
    const struct REAL(kernels) * k;
    int workers;
    struct workspace **space;           /* (workers) of the examples that are a worker's own */
    const real **row[SHAPE_MAX_LAYERS]; /* (capacity) rows of X[l] */
    real *D[SHAPE_MAX_LAYERS + 1];      /* (capacity, n[l]) packed */
    struct scratch *scratch;            /* (workers) */
    struct pieces *pieces;              /* (workers) */
    bool grouped;                       /* weight deltas are made of groups of inputs, not of all */

    bool by_units[SHAPE_MAX_LAYERS + 1]; /* is the layer divided by units (by_units.c)? */
    bool in_place; /* inputs lie in the data set, where everybody finds them without a meeting: */
    bool bytes;    /* as bytes */
    size_t legs;
};

/** What random numbers of a block of examples are functions of: their rows of the data set, and the
    step. */
struct origin {
    const uint32_t *index;
    uint64_t step;
};

/** What a worker needs for himself. */
struct scratch {
    real *G;             /* a piece of the weight deltas */
    real *carry;         /* gradient()'s own */
    real *PT;            /* (PACK, ldt) */
    const real **row;    /* (capacity) if in_place: rows of X[0], everybody's */
    struct bytes *bytes; /* if inputs stay bytes */
    uint32_t *index;     /* (capacity) everybody's rows of the data set */
};

/**
 * Does back-propagation take all stretches through a layer before the next layer? Where others wait
 * for what a layer comes to, it must; else each stretch is taken through all layers.
 */
static inline bool goes_by_layers(const struct workspace *ws)
{
    return ws->watcher || (ws->operands && ws->operands->legs > 1);
}

/** An update rule in the passes' precision, worked out once for all that it is applied to. */
struct REAL(rule) {
    struct REAL(update) update;
    struct REAL(penalty) penalty;
    bool penalised;
};
void REAL(rule_of)(const struct update_rule *rule, struct REAL(rule) * r);

/** The rule for `count` reals of weights, weight deltas and the rest, with penalties. */
void REAL(rule_penalise)(const struct REAL(kernels) * k, const struct REAL(rule) * rule,
                         const real *g, const real *mask, real *w, real *s1, real *s2,
                         size_t count);

/** The rule for `count` reals (a multiple of 16) from `at` on of the blocks W, mask and states; g
    are their weight deltas. */
static inline void REAL(rule_apply)(const struct REAL(kernels) * k, const struct REAL(rule) * rule,
                                    const real *g, const real *mask, real *W, real *s1, real *s2,
                                    size_t at, size_t count)
{
    s1 = s1 ? s1 + at : NULL;
    s2 = s2 ? s2 + at : NULL;
    if (rule->penalised) {
        REAL(rule_penalise)(k, rule, g, mask + at, W + at, s1, s2, count);
    } else {
        k->update(&rule->update, W + at, g, s1, s2, count);
    }
}

/*
 * Parts of the passes: of units [from, to) of layer l, for examples [e, e + E) or the stretch that
 * begins at e. Forward, from and to are the ends of blocks, `inputs` and `origin` those examples';
 * back, they are multiples of 16 or the layer's end. D[L] is packed by itself, once the loss is known.
 */
void REAL(forward_units)(struct workspace *ws, const struct inputs *inputs,
                         const struct origin *origin, const real *weights, size_t l, size_t e,
                         size_t E, size_t from, size_t to);
void REAL(pull_back_units)(struct workspace *ws, const real *weights, size_t l, size_t e,
                           size_t from, size_t to, real *PT);
void REAL(forward_layer)(struct workspace *ws, const real *weights, size_t l);
void REAL(pull_back_layer)(struct workspace *ws, const real *weights, size_t l);
void REAL(pack_deltas)(struct workspace *ws);

/*
 * bytes.c: do inputs stay bytes, if they are? Room for a worker's of a batch and for the reals that are
 * made at a time; rows of the batch; and rows of all E examples' inputs [from, to) of m and the 1
 * behind, for gradient().
 */
bool REAL(stays_bytes)(const struct shape *shape, size_t capacity);
struct bytes *REAL(bytes_take)(struct taker *taker, const struct shape *shape, size_t capacity,
                               size_t group);
void REAL(bytes_locate)(struct bytes *bytes, const struct examples *examples, const uint32_t *rows,
                        size_t first, size_t E);
const real *const *REAL(inputs_of_bytes)(const struct REAL(kernels) * k, const struct bytes *bytes,
                                         size_t E, size_t m, size_t from, size_t to);

/* by_units.c */
bool REAL(is_by_units)(const struct shape *shape, size_t l);
void REAL(by_units_choose)(struct operands *operands);
size_t REAL(legs)(const struct operands *operands);
void REAL(leg)(const struct operands *operands, size_t leg, const struct spread *spread, int w,
               uint64_t step, const void *W, enum loss loss, double *each);
void REAL(locate)(const struct operands *operands, int w, const struct examples *examples,
                  const uint32_t *rows, size_t first, size_t E);

size_t REAL(operands_bytes)(const struct shape *shape, size_t capacity, int workers,
                            enum input_place inputs);
struct operands *REAL(operands_place)(void *memory, const struct shape *shape, const void *kernels,
                                      size_t capacity, int workers, enum input_place inputs);
void REAL(admit)(struct operands *operands, int w, struct workspace *ws);
void REAL(join)(struct workspace *ws, const struct operands *operands, size_t batch, size_t at,
                size_t E);
size_t REAL(learn)(const struct operands *operands, const struct shard_run *batch, int w,
                   const struct update_rule *rule, void *W, void *state1, void *state2, void *sums);
size_t REAL(workspace_bytes)(const struct shape *shape, size_t capacity,
                             const struct training_extras *extras, bool joins);
struct workspace *REAL(workspace_place)(void *memory, const struct shape *shape,
                                        const void *kernels, size_t capacity,
                                        const struct training_extras *extras, bool joins);
void REAL(watch)(struct workspace *ws, const struct pass_watcher *watcher);
void REAL(begin_step)(struct workspace *ws, uint64_t step);

/* workspace.c: targets of the gathered examples into panels, before the forward pass. */
void REAL(gather_targets)(struct workspace *ws, const struct examples *examples,
                          const uint32_t *rows, size_t first);

/* extras.c: what the passes call where a workspace has extras. */
void REAL(extras_gather)(struct workspace *ws, const struct examples *examples,
                         const uint32_t *rows, size_t first);
void REAL(extras_drop)(struct workspace *ws, const struct origin *origin, size_t l, size_t first,
                       size_t E, size_t from, size_t to);
void REAL(extras_weigh)(struct workspace *ws);

/* custom.c: functions of the caller's, for examples [first, first + E), a stretch of them. */
void REAL(custom_activate)(struct workspace *ws, size_t l, size_t first, size_t E);
void REAL(custom_loss)(struct workspace *ws, size_t first, size_t E);

void REAL(squares)(const void *kernels, const struct sum_program *program, void *const *partial,
                   size_t count, size_t begin, size_t end, double *squares);
void REAL(limit_norms)(const struct shape *shape, void *W, double limit, int w, int workers);
void REAL(gather)(struct workspace *ws, const struct examples *examples, const uint32_t *rows,
                  size_t first, size_t E);
void REAL(expect)(struct workspace *ws, const struct examples *examples, const uint32_t *rows,
                  size_t E);
void REAL(forward)(struct workspace *ws, const void *W);
void REAL(outputs)(struct workspace *ws, double *outputs);
void REAL(loss)(struct workspace *ws, enum loss loss, double *each);
double REAL(backward)(struct workspace *ws, const void *W, const struct shard_run *run,
                      void *const *G);
bool REAL(is_small)(const struct shape *shape, size_t capacity,
                    const struct training_extras *extras, size_t lanes);
double REAL(differentiate)(struct workspace *ws, const void *W, enum loss loss,
                           const struct shard_run *run, double *losses, void *const *G);
void REAL(add)(const void *kernels, void *sum, const void *a, const void *b, size_t count);
void REAL(update)(const void *kernels, const struct sum_program *program, void *const *partial,
                  size_t begin, size_t end, const struct update_rule *rule, void *W, void *state1,
                  void *state2);
void REAL(sum)(const void *kernels, const struct sum_program *program, void *const *partial,
               size_t begin, size_t end);
void REAL(combine)(const void *kernels, const struct sum_program *program, void *const *partial,
                   size_t begin, size_t end, double scale, void *out);
double REAL(dot)(const void *a, const void *b, size_t begin, size_t end);
double REAL(total)(const void *a, size_t begin, size_t end);
double REAL(largest)(const void *a, size_t begin, size_t end);
void REAL(blend)(void *out, double a, const void *x, double b, const void *y, size_t begin,
                 size_t end);
double REAL(decay)(void *g, double l2, const void *W, const void *mask, size_t begin, size_t end);
bool REAL(finite)(const void *kernels, const struct sum_program *program, void *const *partial,
                  size_t begin, size_t end, size_t *where);

#endif
