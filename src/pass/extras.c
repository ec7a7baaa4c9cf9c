/**
 * extras: what training may do to examples besides learning them: weights, noise, dropout. Each is
 * a function of (seed, step, row of the data set, unit), so it does not matter who computes it.
 *
 * Source: dropout N. Srivastava and others, JMLR 15 (2014), "inverted": outputs that stay are
 * divided by their share, so that a network is used as it is.
 */
#include "pass/workspace.h"

void REAL(begin_step)(struct workspace *ws, uint64_t step)
{
    ws->step = step;
}

static void add_noise(struct workspace *ws)
{
    const struct noise noise = {
        .seed = ws->extras->seed, .step = ws->step, .deviation = ws->extras->noise};
    ws->k->noise(&noise, ws->index, ws->row[0], ws->E, ws->shape->width[0], ws->X[0], ws->ldx[0]);
    for (size_t e = 0; e < ws->E; e++) { /* rows of the data set stay as they are */
        ws->row[0][e] = ws->X[0] + e * ws->ldx[0];
    }
}

void REAL(extras_gather)(struct workspace *ws, const struct examples *examples,
                         const uint32_t *rows, size_t first)
{
    const struct training_extras *extras = ws->extras;
    bool draws = extras->dropout > 0 || extras->noise > 0;
    bool by_class = extras->class_weight && ws->has_class;
    for (size_t e = 0; draws && e < ws->E; e++) {
        ws->index[e] = rows ? rows[e] : (uint32_t)(first + e);
    }
    for (size_t e = 0; extras->weighted && e < ws->E; e++) {
        double weight = examples->weight ? examples->weight[rows ? rows[e] : first + e] : 1;
        ws->weight[e] =
            (real)(by_class ? weight * extras->class_weight[ws->class_index[e]] : weight);
    }
    if (extras->noise > 0) {
        add_noise(ws);
    }
}

/** A unit's number for the masks: layers one after the other, each from a multiple of 4. */
static uint32_t first_unit(const struct shape *shape, size_t l)
{
    size_t units = 0;
    for (size_t k = 1; k < l; k++) {
        units += (shape->width[k] + 3) / 4;
    }
    return (uint32_t)units;
}

void REAL(extras_drop)(struct workspace *ws, const struct origin *origin, size_t l, size_t first,
                       size_t E, size_t from, size_t to)
{
    const struct training_extras *extras = ws->extras;
    const struct REAL(drop) drop = {
        .seed = extras->seed,
        .step = origin->step,
        .below = (uint32_t)(extras->dropout * 0x1p32),
        .stays = (real)(1 / (1 - extras->dropout)),
    };
    size_t at = first * ws->ldx[l] + from;
    ws->k->drop(&drop, origin->index, E, first_unit(ws->shape, l) + (uint32_t)(from / 4), to - from,
                ws->X[l] + at, ws->S[l] + at, ws->ldx[l]);
}

void REAL(extras_weigh)(struct workspace *ws)
{
    size_t n = ws->shape->width[ws->shape->layers];
    for (size_t first = 0; first < ws->E; first += STRETCH) {
        ws->k->weigh(ws->weight + first, panel_at(ws, ws->TA, first), ws->ldt,
                     stretch_at(ws, first), n, ws->each + first);
    }
}
