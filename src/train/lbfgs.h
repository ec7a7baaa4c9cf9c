/**
 * lbfgs: limited-memory BFGS with a line search for the strong Wolfe conditions.
 *
 * With g the gradient of the loss f at the weights x, s = x' - x and y = g' - g of the last
 * HISTORY iterations:
 *
 *     d = -H g          H from the pairs (s, y) by two loops, from γ = s·y / y·y on
 *     x' = x + t d      f(x') ≤ f(x) + 10^-4 t d·g   and   |d·g'| ≤ 0.9 |d·g|
 *
 * The first t of the first iteration is min(1, 1 / Σ|g|) times the rate, later the rate (1). A pair
 * with s·y ≤ 10^-10 is not kept.
 *
 * The whole team iterates: vectors are worked on in slices, and every number that decides is a sum
 * over pieces of PASS_PIECE reals, joined by the tree of base/sum.h, that each worker forms for
 * itself. So the iterates do not depend on the number of workers.
 *
 * Sources: J. Nocedal, S. Wright, "Numerical Optimization", 2nd ed. (2006), algorithms 7.4 (two
 * loops), 3.5 and 3.6 (line search), equation 3.59 (cubic interpolation); the safeguards of the
 * interpolation (the next trial at 1.01 to 10 times the last; not within a tenth of the bracket
 * from its ends twice in turn) and the constants are those of M. Schmidt's minFunc, which PyTorch's
 * LBFGS follows too: iterates agree with it.
 */
#ifndef TRAIN_LBFGS_H
#define TRAIN_LBFGS_H

#include "machine/team.h"
#include "pass/pass.h"

enum { LBFGS_HISTORY = 10 };

/** Blocks that last from iteration to iteration: the gradient, s and y. */
enum {
    LBFGS_GRADIENT,
    LBFGS_S,
    LBFGS_Y = LBFGS_S + LBFGS_HISTORY,
    LBFGS_BLOCKS = LBFGS_Y + LBFGS_HISTORY
};

/** Numbers that do. All zero is the beginning. */
struct lbfgs_state {
    double loss;               /* f at the weights */
    double scale;              /* γ */
    double rho[LBFGS_HISTORY]; /* 1 / s·y of each pair */
    double pairs;              /* how many there are */
    double next;               /* where the next one goes */
    double iterations;         /* 0: loss and gradient are not known yet */
    double over;               /* 1: there is nothing left to gain */
};

struct lbfgs {
    const struct passes *passes;
    struct team *team;
    int workers;
    size_t packed;      /* reals of a block */
    size_t block_bytes; /* … and its room */
    double rate;
    double l2;        /* f has l2/2 Σ w² over the weights that the mask has 1 for */
    const void *mask; /* block, or NULL if l2 is 0 */
    void *W;          /* block: the weights, where f is evaluated */
    void *block[LBFGS_BLOCKS];
    struct lbfgs_state state;
    uint64_t evaluations;

    /**
     * Called by all workers: the loss at W, and its gradient into block LBFGS_GRADIENT, which is
     * there for all when they return. All get the same loss and answer; false: one of them is not
     * finite.
     */
    bool (*evaluate)(void *context, double *loss, int w);
    void *context;

    void *arena; /* what the blocks live in */
    size_t arena_bytes;
    void *x, *d, *old; /* blocks that last for an iteration */
    double *sums;      /* (2, pieces) */
    size_t pieces;
};

/** Bytes that lbfgs_take() allocates. */
size_t lbfgs_bytes(size_t packed, size_t block_bytes);

/** Take all memory, packed and block_bytes being set; false if there is none. */
bool lbfgs_take(struct lbfgs *lbfgs);
void lbfgs_done(struct lbfgs *lbfgs);

/**
 * One iteration, called by all workers, who get the same answer: false if f or the gradient at the
 * weights is not finite. Before the first, W is set; after each, W are the new weights.
 */
bool lbfgs_iterate(struct lbfgs *lbfgs, int w);

#endif
