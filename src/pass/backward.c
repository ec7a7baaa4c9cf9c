/**
 * backward: D[L] from the loss, then D[l-1] = (D[l] W[l]) ∘ f'(Z[l-1]) layer by layer, and the weight
 * deltas G[l] = D[l]ᵀ X[l-1].
 *
 * Source: D. Rumelhart, G. Hinton, R. Williams, Nature 323 (1986) 533-536, eqs. 4-7, for a block of
 * examples.
 */
#include "pass/workspace.h"

void REAL(loss)(struct workspace *ws, enum loss loss, double *each)
{
    size_t L = ws->shape->layers;
    size_t n = ws->shape->width[L];
    for (size_t e = 0; e < ws->E; e += STRETCH) {
        size_t E = stretch_at(ws, e);
        if (loss == LOSS_CUSTOM) {
            REAL(custom_loss)(ws, e, E);
            continue;
        }
        real *T = panel_at(ws, ws->TA, e);
        struct REAL(targets) targets = {
            .class_index = ws->has_class ? ws->class_index + e : NULL,
            .value = target_at(ws, e),
            .ld = ws->ldt,
            .smoothing = ws->extras ? (real)ws->extras->smoothing : 0,
        };
        ws->k->transpose(ws->X[L] + e * ws->ldx[L], ws->ldx[L], E, n, T, ws->ldt);
        ws->k->loss(loss, ws->shape->activation[L], T, ws->ldt, E, n, &targets, ws->each + e);
    }
    if (ws->extras && ws->extras->weighted) {
        REAL(extras_weigh)(ws);
    }
    for (size_t e = 0; each && e < ws->E; e++) {
        each[e] = (double)ws->each[e];
    }
}

void REAL(pack_deltas)(struct workspace *ws)
{
    size_t n = ws->shape->width[ws->shape->layers];
    for (size_t e = 0; e < ws->E; e += STRETCH) {
        const real *DT = panel_at(ws, ws->TA, e);
        for (size_t first = 0; first < n; first += pack_width(n, first)) {
            ws->k->transpose(DT + first * ws->ldt, ws->ldt, pack_outputs(n, first),
                             stretch_at(ws, e), deltas_at(ws, ws->shape->layers, first, e),
                             pack_width(n, first));
        }
    }
}

/** Whoever watches is told that weight deltas from real `begin` on are there. */
static void tell(const struct workspace *ws, size_t begin)
{
    if (ws->watcher) {
        ws->watcher->known(ws->watcher->context, begin);
    }
}

/** G[l], the last outputs first, in blocks that can leave. */
static void gradient_watched(struct workspace *ws, size_t l, const struct shard_run *run,
                             void *const *G)
{
    size_t m = ws->shape->width[l - 1];
    size_t n = ws->shape->width[l];
    size_t places = run_places(run);
    for (size_t end = n; end > 0;) {
        size_t first = pack_begin(n, end - 1);
        size_t at = ws->shape->offset[l] + first * (m + 1);
        real *delta[SUBTREES_MAX];
        for (size_t j = 0; j < places; j++) {
            delta[j] = (real *)G[j] + at;
        }
        ws->k->gradient(ws->row[l - 1], 0, deltas_at(ws, l, first, 0), run, m, end - first, delta,
                        ws->carry, ws->size, NULL);
        tell(ws, at);
        end = first;
    }
}

static void gradient(struct workspace *ws, size_t l, const struct shard_run *run, void *const *G)
{
    real *delta[SUBTREES_MAX];
    for (size_t j = 0; j < run_places(run); j++) {
        delta[j] = (real *)G[j] + ws->shape->offset[l];
    }
    ws->k->gradient(ws->row[l - 1], 0, ws->D[l], run, ws->shape->width[l - 1], ws->shape->width[l],
                    delta, ws->carry, ws->size, NULL);
}

/**
 * The transposed deltas of layer l, of the stretch that begins at e. Hidden layers have one place for
 * all stretches, which stays in the cache, if each stretch is pulled back through all layers at
 * once; then those of the outputs that lie there have been used.
 */
static real *transposed_at(const struct workspace *ws, size_t l, size_t e)
{
    size_t L = ws->shape->layers;
    real *T = (L - l) % 2 == 0 ? ws->TA : ws->TB;
    return l == L || goes_by_layers(ws) ? panel_at(ws, T, e) : T;
}

void REAL(pull_back_units)(struct workspace *ws, const real *weights, size_t l, size_t e,
                           size_t from, size_t to, real *PT)
{
    const struct shape *shape = ws->shape;
    size_t m = shape->width[l - 1];
    size_t E = stretch_at(ws, e);
    size_t ldx = ws->ldx[l - 1];
    const real *S = ws->S[l - 1];
    const real *above = transposed_at(ws, l, e);
    real *below = l > 2 ? transposed_at(ws, l - 1, e) : NULL;
    for (size_t first = from; first < to;) {
        size_t block = pack_begin(m, first);
        size_t width = pack_width(m, block);
        size_t end = block + width < to ? block + width : to;
        size_t units = end - first;
        const real *X = (S ? S : ws->X[l - 1]) + e * ldx + first;
        real *D = deltas_at(ws, l - 1, block, e) + (first - block);
        real *DT = below ? below + first * ws->ldt : NULL;
        bool whole = round16(units) == width;
        struct REAL(ahead) ahead = {.x = X, .ldx = ldx, .d = D, .rows = E, .width = width};
        ws->k->pullback(weights + shape->offset[l], m, shape->width[l], first, first + units, above,
                        ws->ldt, E, PT, whole ? &ahead : NULL);
        if (S) {
            ws->k->derive_kept(PT, ws->ldt, X, ldx, E, units, D, width, DT);
        } else {
            ws->k->derive(shape->activation[l - 1], PT, ws->ldt, X, ldx, E, units, D, width, DT);
        }
        first += units;
    }
}

/** The same for all units: D[l-1] of a stretch. */
static void pull_back(struct workspace *ws, const real *weights, size_t l, size_t e)
{
    tell(ws, ws->shape->offset[l]);
    REAL(pull_back_units)(ws, weights, l, e, 0, ws->shape->width[l - 1], ws->PT);
}

void REAL(pull_back_layer)(struct workspace *ws, const real *weights, size_t l)
{
    for (size_t e = 0; e < ws->E; e += STRETCH) {
        pull_back(ws, weights, l, e);
    }
}

/* flatten: as in forward() */
__attribute__((flatten)) double REAL(backward)(struct workspace *ws, const void *W,
                                               const struct shard_run *run, void *const *G)
{
    const struct shape *shape = ws->shape;
    const real *weights = W;
    size_t L = shape->layers;
    for (int i = 0; i < PACK_UNIT; i++) {
        ws->size[i] = 0;
    }
    REAL(pack_deltas)(ws);
    for (size_t e = 0; e < ws->E && !ws->watcher; e += STRETCH) {
        for (size_t l = L; l > 1; l--) {
            pull_back(ws, weights, l, e);
        }
    }
    for (size_t l = L; l >= 1; l--) {
        if (ws->watcher) { /* layer by layer, so that weight deltas can leave early */
            gradient_watched(ws, l, run, G);
            if (l > 1) {
                REAL(pull_back_layer)(ws, weights, l);
            }
        } else if (run) {
            gradient(ws, l, run, G);
        }
    }
    real size = 0;
    for (int i = 0; i < 4; i++) {
        size += (ws->size[i] + ws->size[i + 4]) + (ws->size[i + 8] + ws->size[i + 12]);
    }
    return (double)size;
}
