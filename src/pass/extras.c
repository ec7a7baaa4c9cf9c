/**
 * extras: what training may do to examples besides learning them: weights, noise, dropout. Each is
 * a function of (seed, step, row of the data set, unit), so it does not matter who computes it.
 *
 * Source: dropout N. Srivastava and others, JMLR 15 (2014), "inverted": outputs that stay are
 * divided by their share, so that a network is used as it is.
 */
#include <string.h>

#include "base/random.h"
#include "kernel/dispatch.h"
#include "pass/workspace.h"

void REAL(begin_step)(struct workspace *ws, uint64_t step)
{
    ws->step = step;
}

static void add_noise(struct workspace *ws)
{
    const struct training_extras *extras = ws->extras;
    size_t n = ws->shape->width[0];
    for (size_t e = 0; e < ws->E; e++) {
        real *x = ws->X[0] + e * ws->ldx[0];
        if (ws->row[0][e] != x) { /* a row of the data set, which stays as it is */
            memcpy(x, ws->row[0][e], (n + 1) * sizeof *x);
            ws->row[0][e] = x;
        }
        for (size_t i = 0; i < n; i++) {
            uint32_t word[4];
            random_words(extras->seed, RANDOM_NOISE, ws->step, ws->index[e], (uint32_t)i, word);
            double u = ((double)word[0] + 0.5) * 0x1p-32;
            double v = ((double)word[1] + 0.5) * 0x1p-32;
            x[i] += (real)(extras->noise * elementary_normal(u, v));
        }
    }
}

void REAL(extras_gather)(struct workspace *ws, const struct examples *examples,
                         const uint32_t *rows, size_t first)
{
    const struct training_extras *extras = ws->extras;
    for (size_t e = 0; e < ws->E; e++) {
        size_t row = rows ? rows[e] : first + e;
        double weight = examples->weight ? examples->weight[row] : 1;
        if (extras->class_weight && ws->has_class) {
            weight *= extras->class_weight[examples->class_index[row]];
        }
        ws->index[e] = (uint32_t)row;
        ws->weight[e] = (real)weight;
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

void REAL(extras_drop)(struct workspace *ws, size_t l, size_t first, size_t E, size_t from,
                       size_t to)
{
    const struct training_extras *extras = ws->extras;
    uint32_t unit = first_unit(ws->shape, l);
    uint32_t below = (uint32_t)(extras->dropout * 0x1p32);
    real stays = (real)(1 / (1 - extras->dropout));
    for (size_t e = first; e < first + E; e++) {
        real *x = ws->X[l] + e * ws->ldx[l];
        real *s = ws->S[l] + e * ws->ldx[l];
        for (size_t i = from; i < to; i += 4) {
            uint32_t word[4];
            random_words(extras->seed, RANDOM_DROPOUT, ws->step, ws->index[e],
                         unit + (uint32_t)(i / 4), word);
            for (size_t j = i; j < to && j < i + 4; j++) {
                real factor = word[j - i] < below ? 0 : stays;
                x[j] *= factor;
                s[j] *= factor;
            }
        }
    }
}

void REAL(extras_weigh)(struct workspace *ws)
{
    size_t n = ws->shape->width[ws->shape->layers];
    for (size_t e = 0; e < ws->E; e++) {
        ws->each[e] *= ws->weight[e];
    }
    for (size_t first = 0; first < ws->E; first += STRETCH) {
        real *T = panel_at(ws, ws->TA, first);
        for (size_t o = 0; o < n; o++, T += ws->ldt) {
            for (size_t e = 0; e < stretch_at(ws, first); e++) {
                T[e] *= ws->weight[first + e];
            }
        }
    }
}
