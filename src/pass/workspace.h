/**
 * workspace: what one worker computes in, laid out once, so that no step allocates.
 *
 *     X[0] … X[L]   row-major, stride ldx[l] with room for the constant 1 behind n[l]
 *     S[l]          f'(Z[l]) where X[l] does not tell it, shaped as X[l]
 *     D             row-major deltas of the layer at hand
 *     TA, TB        transposed deltas of the layer at hand and of the one below, a panel (n, ldt) for
 *                   each stretch of examples, so that what is read together lies together
 */
#ifndef PASS_WORKSPACE_H
#define PASS_WORKSPACE_H

#include "pass/pass.h"

/**
 * Examples that go through a layer at a time: what a layer of a thousand takes of them (inputs and
 * outputs, 1 MiB in float) fits the second-level cache. Weight deltas are summed over the whole
 * block of the workspace.
 */
enum { STRETCH = 128 };

struct workspace {
    const struct shape *shape;
    const struct training_extras *extras; /* or NULL */
    const struct pass_watcher *watcher;   /* or NULL */
    uint64_t step;                        /* for extras; likewise the next two */
    uint32_t *index;                      /* (capacity) rows of the data set the examples are */
    real *weight;                         /* (capacity) what they count for */
    const struct REAL(kernels) * k;
    size_t capacity;
    size_t E;                               /* examples gathered */
    const real **row[SHAPE_MAX_LAYERS + 1]; /* (capacity) rows of X[l]; those of X[0] may lie in
                                               the data set */
    real *X[SHAPE_MAX_LAYERS + 1];
    real *S[SHAPE_MAX_LAYERS + 1]; /* NULL where not needed */
    size_t ldx[SHAPE_MAX_LAYERS + 1];
    real *D;
    real *TA, *TB;
    real *carry;          /* gradient()'s scratch */
    size_t ldt;           /* of a panel */
    size_t panel;         /* reals from panel to panel of TA and TB */
    real *each;           /* (capacity) losses */
    int32_t *class_index; /* (capacity) */
    real *target;         /* panels (n[L], ldt), transposed, `panel` apart */
    double *custom;       /* (3, widest) what functions of the caller's take and give, or NULL */
    real size[16];        /* Σ |G|, a lane each */
    bool has_class, has_target;
    struct REAL(small) small; /* XT NULL: not for this network */
};

/** Where the panel of the stretch that begins at example e (a multiple of STRETCH) lies. */
static inline real *panel_at(const struct workspace *ws, real *T, size_t e)
{
    return T + e / STRETCH * ws->panel;
}

/** Examples of the stretch that begins at e. */
static inline size_t stretch_at(const struct workspace *ws, size_t e)
{
    return ws->E - e < STRETCH ? ws->E - e : STRETCH;
}

size_t REAL(workspace_bytes)(const struct shape *shape, size_t capacity,
                             const struct training_extras *extras);
struct workspace *REAL(workspace_place)(void *memory, const struct shape *shape,
                                        const void *kernels, size_t capacity,
                                        const struct training_extras *extras);
void REAL(watch)(struct workspace *ws, const struct pass_watcher *watcher);
void REAL(begin_step)(struct workspace *ws, uint64_t step);

/* extras.c: what the passes call where a workspace has extras. */
void REAL(extras_gather)(struct workspace *ws, const struct examples *examples,
                         const uint32_t *rows, size_t first);
void REAL(extras_drop)(struct workspace *ws, size_t l, size_t first, size_t E);
void REAL(extras_weigh)(struct workspace *ws);

/* custom.c: functions of the caller's, for examples [first, first + E), a stretch of them. */
void REAL(custom_activate)(struct workspace *ws, size_t l, size_t first, size_t E);
void REAL(custom_loss)(struct workspace *ws, size_t first, size_t E);

void REAL(squares)(const void *kernels, const struct sum_program *program, void *const *partial,
                   size_t count, size_t begin, size_t end, double *squares);
void REAL(limit_norms)(const struct shape *shape, void *W, double limit, int w, int workers);
void REAL(gather)(struct workspace *ws, const struct examples *examples, const uint32_t *rows,
                  size_t first, size_t E);
void REAL(forward)(struct workspace *ws, const void *W);
void REAL(outputs)(struct workspace *ws, double *outputs);
void REAL(loss)(struct workspace *ws, enum loss loss, double *each);
double REAL(backward)(struct workspace *ws, const void *W, const struct shard_run *run,
                      void *const *G);
bool REAL(is_small)(const struct shape *shape, size_t capacity,
                    const struct training_extras *extras);
double REAL(differentiate)(struct workspace *ws, const void *W, enum loss loss,
                           const struct shard_run *run, double *each, void *const *G);
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
