/** lbfgs: see lbfgs.h for the algorithm and where it comes from. */
#include "train/lbfgs.h"

#include <string.h>

#include "base/memory.h"
#include "base/sum.h"

#define ARMIJO 1e-4   /* c1 of the sufficient decrease */
#define CURVATURE 0.9 /* c2 */
#define PAIR_LEAST 1e-10
#define CHANGE_LEAST 1e-9   /* of loss, weights and bracket: less is no change */
#define GRADIENT_LEAST 1e-7 /* its largest element */
enum {
    TRIALS = 25,   /* of a line search */
    RETREATS = 20, /* to a tenth each, from where the loss is not finite */
    SCRATCH_BLOCKS = 3
};

/** What a worker knows: where it works, and whose turn of the sums it is. */
struct self {
    struct lbfgs *l;
    int w;
    size_t first, last; /* pieces */
    unsigned turn;
};

/** A trial of the line search: f and its slope along d at x + t d. */
struct trial {
    double t, f, slope;
};

/* ------------------------------------------------------------------ memory ------------------ */

static size_t pieces_of(size_t packed)
{
    return (packed + PASS_PIECE - 1) / PASS_PIECE;
}

size_t lbfgs_bytes(size_t packed, size_t block_bytes)
{
    return (LBFGS_BLOCKS + SCRATCH_BLOCKS) * block_bytes + 2 * pieces_of(packed) * sizeof(double);
}

bool lbfgs_take(struct lbfgs *l)
{
    size_t bytes = l->block_bytes;
    l->pieces = pieces_of(l->packed);
    l->arena_bytes = lbfgs_bytes(l->packed, l->block_bytes);
    l->arena = arena_new(l->arena_bytes);
    if (!l->arena) {
        return false;
    }
    char *at = l->arena;
    for (int b = 0; b < LBFGS_BLOCKS; b++, at += bytes) {
        l->block[b] = at;
    }
    l->x = at;
    l->d = at + bytes;
    l->old = at + 2 * bytes;
    l->sums = (double *)(void *)(at + SCRATCH_BLOCKS * bytes);
    return true;
}

void lbfgs_done(struct lbfgs *l)
{
    arena_free(l->arena, l->arena_bytes);
    l->arena = NULL;
}

/** The reals of a block that worker w works on. */
static void slice(const struct lbfgs *l, int w, size_t *begin, size_t *end)
{
    size_t workers = (size_t)l->workers;
    *begin = l->pieces * (size_t)w / workers * PASS_PIECE;
    *end = l->pieces * ((size_t)w + 1) / workers * PASS_PIECE;
    *begin = *begin < l->packed ? *begin : l->packed;
    *end = *end < l->packed ? *end : l->packed;
}

/* ------------------------------------------------------------------ vectors ----------------- */

enum measure { DOT, TOTAL, LARGEST, DECAY };

/**
 * A number that is made of all pieces; takes one meeting. The sums of two turns lie apart, so that
 * nobody overwrites what another still reads: it would have to be two meetings ahead.
 */
static double measure(struct self *self, enum measure what, void *a, const void *b)
{
    struct lbfgs *l = self->l;
    double *sums = l->sums + (self->turn++ & 1) * l->pieces;
    for (size_t p = self->first; p < self->last; p++) {
        size_t begin = p * PASS_PIECE;
        size_t end = begin + PASS_PIECE < l->packed ? begin + PASS_PIECE : l->packed;
        sums[p] = what == DOT       ? l->passes->dot(a, b, begin, end)
                  : what == TOTAL   ? l->passes->total(a, begin, end)
                  : what == LARGEST ? l->passes->largest(a, begin, end)
                                    : l->passes->decay(a, l->l2, b, l->mask, begin, end);
    }
    team_barrier(l->team, self->w, l->workers);
    if (what != LARGEST) {
        return sum_tree(sums, l->pieces);
    }
    double most = 0;
    for (size_t p = 0; p < l->pieces; p++) {
        most = sums[p] > most ? sums[p] : most;
    }
    return most;
}

/** out = a x + b y, the worker's slice. */
static void blend(struct self *self, void *out, double a, const void *x, double b, const void *y)
{
    size_t begin, end;
    slice(self->l, self->w, &begin, &end);
    self->l->passes->blend(out, a, x, b, y, begin, end);
}

static void copy(struct self *self, void *out, const void *x)
{
    size_t begin, end;
    size_t size = self->l->passes->real_size;
    slice(self->l, self->w, &begin, &end);
    memcpy((char *)out + begin * size, (const char *)x + begin * size, (end - begin) * size);
}

/* ------------------------------------------------------------------ the function ------------ */

/** f and the gradient at W, of which everybody's slice is there after the first meeting. */
static bool evaluate(struct self *self, double *f)
{
    struct lbfgs *l = self->l;
    team_barrier(l->team, self->w, l->workers);
    bool finite = l->evaluate(l->context, f, self->w);
    if (self->w == 0) {
        l->evaluations++;
    }
    if (finite && l->mask) {
        *f += l->l2 / 2 * measure(self, DECAY, l->block[LBFGS_GRADIENT], l->W);
    }
    return finite;
}

/** Go to x + t d. Where f is not finite, t goes back towards `safe`, where it is. */
static struct trial try_at(struct self *self, double t, double safe)
{
    struct lbfgs *l = self->l;
    struct trial trial = {.t = t};
    for (int i = 0; i <= RETREATS; i++, trial.t = safe + (trial.t - safe) / 10) {
        blend(self, l->W, 1, l->x, trial.t, l->d);
        if (evaluate(self, &trial.f)) {
            trial.slope = measure(self, DOT, l->block[LBFGS_GRADIENT], l->d);
            if (__builtin_isfinite(trial.slope) && __builtin_isfinite(trial.f)) {
                return trial;
            }
        }
    }
    trial.t = safe;
    trial.f = __builtin_inf();
    trial.slope = 0;
    return trial;
}

/* ------------------------------------------------------------------ the line search --------- */

/** Where the cubic through two trials has its minimum (3.59), kept within low … high. */
static double interpolate(struct trial a, struct trial b, double low, double high)
{
    if (a.t > b.t) {
        struct trial c = a;
        a = b;
        b = c;
    }
    double d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t);
    double square = d1 * d1 - a.slope * b.slope;
    if (!(square >= 0)) {
        return (low + high) / 2;
    }
    double d2 = __builtin_sqrt(square);
    double t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2));
    if (t != t) {
        return (low + high) / 2;
    }
    t = t > low ? t : low;
    return t < high ? t : high;
}

/** Keep a trial away from the ends of its bracket, unless it was near one just for once. */
static double keep_off(double t, double low, double high, bool *near)
{
    double margin = 0.1 * (high - low);
    double distance = high - t < t - low ? high - t : t - low;
    if (distance >= margin) {
        *near = false;
        return t;
    }
    if (!*near && t < high && t > low) {
        *near = true;
        return t;
    }
    *near = false;
    return high - t < t - low ? high - margin : low + margin;
}

/**
 * Find t, from t = first on. `reach` is the largest element of d. The weights are at the last trial
 * (*last) afterwards, which need not be the one that is returned.
 */
static struct trial search(struct self *self, struct trial start, double first, double reach,
                           struct trial *last)
{
    const double steep = -CURVATURE * start.slope;
    struct trial before = start;
    struct trial here = try_at(self, first, 0);
    struct trial end[2] = {start, here};
    int trials = 0;
    bool bracketed = false;
    while (trials < TRIALS && !bracketed) {
        bool high =
            here.f > start.f + ARMIJO * here.t * start.slope || (trials > 1 && here.f >= before.f);
        if (!high && __builtin_fabs(here.slope) <= steep) {
            *last = here;
            return here;
        }
        bracketed = high || here.slope >= 0;
        if (bracketed) {
            end[0] = before;
            end[1] = here;
        } else {
            double t = interpolate(before, here, here.t + 0.01 * (here.t - before.t), 10 * here.t);
            before = here;
            here = try_at(self, t, before.t);
            end[1] = here;
            trials++;
        }
    }
    int low = end[0].f <= end[1].f ? 0 : 1;
    bool near = false;
    bool done = false;
    while (!done && trials < TRIALS &&
           __builtin_fabs(end[1].t - end[0].t) * reach >= CHANGE_LEAST) {
        double left = end[0].t < end[1].t ? end[0].t : end[1].t;
        double right = end[0].t < end[1].t ? end[1].t : end[0].t;
        double t = interpolate(end[0], end[1], left, right);
        here = try_at(self, keep_off(t, left, right, &near), end[low].t);
        trials++;
        if (here.f > start.f + ARMIJO * here.t * start.slope || here.f >= end[low].f) {
            end[1 - low] = here;
            low = end[0].f <= end[1].f ? 0 : 1;
        } else {
            done = __builtin_fabs(here.slope) <= steep;
            if (!done && here.slope * (end[1 - low].t - end[low].t) >= 0) {
                end[1 - low] = end[low];
            }
            end[low] = here;
        }
    }
    *last = here;
    return end[low];
}

/* ------------------------------------------------------------------ an iteration ------------ */

/** d = -H g by the two loops of algorithm 7.4. */
static void direct(struct self *self, const struct lbfgs_state *state)
{
    struct lbfgs *l = self->l;
    double alpha[LBFGS_HISTORY];
    int pairs = (int)state->pairs;
    int next = (int)state->next;
    blend(self, l->d, -1, l->block[LBFGS_GRADIENT], 0, l->block[LBFGS_GRADIENT]);
    for (int i = 1; i <= pairs; i++) {
        int k = (next + LBFGS_HISTORY - i) % LBFGS_HISTORY;
        alpha[k] = measure(self, DOT, l->d, l->block[LBFGS_S + k]) * state->rho[k];
        blend(self, l->d, 1, l->d, -alpha[k], l->block[LBFGS_Y + k]);
    }
    if (pairs) {
        blend(self, l->d, state->scale, l->d, 0, l->d);
    }
    for (int i = pairs; i >= 1; i--) {
        int k = (next + LBFGS_HISTORY - i) % LBFGS_HISTORY;
        double beta = measure(self, DOT, l->d, l->block[LBFGS_Y + k]) * state->rho[k];
        blend(self, l->d, 1, l->d, alpha[k] - beta, l->block[LBFGS_S + k]);
    }
}

/** Keep s = t d and y = g - old, unless they say nothing of the curvature. */
static void remember(struct self *self, double t, struct lbfgs_state *state)
{
    struct lbfgs *l = self->l;
    blend(self, l->old, 1, l->block[LBFGS_GRADIENT], -1, l->old);
    blend(self, l->d, t, l->d, 0, l->d);
    double sy = measure(self, DOT, l->old, l->d);
    double yy = measure(self, DOT, l->old, l->old);
    if (sy > PAIR_LEAST) {
        int k = (int)state->next;
        copy(self, l->block[LBFGS_S + k], l->d);
        copy(self, l->block[LBFGS_Y + k], l->old);
        state->rho[k] = 1 / sy;
        state->scale = sy / yy;
        state->next = (k + 1) % LBFGS_HISTORY;
        state->pairs += state->pairs < LBFGS_HISTORY;
    }
}

/** Back to x, where there is nothing left to gain. */
static void stay(struct self *self, struct lbfgs_state *state)
{
    copy(self, self->l->W, self->l->x);
    copy(self, self->l->block[LBFGS_GRADIENT], self->l->old);
    state->over = 1;
}

static void iterate(struct self *self, struct lbfgs_state *state)
{
    struct lbfgs *l = self->l;
    void *g = l->block[LBFGS_GRADIENT];
    copy(self, l->x, l->W);
    copy(self, l->old, g);
    direct(self, state);
    const struct trial start = {.f = state->loss, .slope = measure(self, DOT, g, l->d)};
    if (!(start.slope <= -CHANGE_LEAST)) {
        stay(self, state);
        return;
    }
    double first = l->rate;
    if (state->iterations == 0) {
        double total = measure(self, TOTAL, g, NULL);
        first *= total > 1 ? 1 / total : 1;
    }
    double reach = measure(self, LARGEST, l->d, NULL);
    struct trial last;
    struct trial found = search(self, start, first, reach, &last);
    if (found.t <= 0 || !(found.f < start.f)) {
        stay(self, state);
        return;
    }
    if (found.t != last.t) {
        found = try_at(self, found.t, 0);
    }
    state->loss = found.f;
    remember(self, found.t, state);
    state->over = found.t * reach <= CHANGE_LEAST || start.f - found.f < CHANGE_LEAST ||
                  measure(self, LARGEST, g, NULL) <= GRADIENT_LEAST;
}

bool lbfgs_iterate(struct lbfgs *l, int w)
{
    struct self self = {.l = l, .w = w};
    struct lbfgs_state state = l->state;
    size_t workers = (size_t)l->workers;
    self.first = l->pieces * (size_t)w / workers;
    self.last = l->pieces * ((size_t)w + 1) / workers;
    if (state.iterations == 0 && !evaluate(&self, &state.loss)) {
        if (w == 0) { /* who asks why finds it there */
            l->state.loss = state.loss;
        }
        team_barrier(l->team, w, l->workers);
        return false;
    }
    iterate(&self, &state);
    state.iterations++;
    /* All have read the old state before anyone comes to the first of these. */
    team_barrier(l->team, w, l->workers);
    if (w == 0) {
        l->state = state;
    }
    team_barrier(l->team, w, l->workers);
    return true;
}
