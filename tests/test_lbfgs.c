/** L-BFGS on functions whose minimum is known, and its line search where the loss is not finite. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/memory.h"
#include "machine/topology.h"
#include "train/lbfgs.h"

enum { SIZE = 1040 }; /* three pieces */

struct problem {
    struct lbfgs lbfgs;
    double W[SIZE];
    bool (*f)(const double *x, double *loss, double *g);
};

/** Σ over pairs of Rosenbrock's (1 - x)² + 100 (y - x²)². */
static bool rosenbrock(const double *x, double *loss, double *g)
{
    *loss = 0;
    for (int i = 0; i < SIZE; i += 2) {
        double a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
        *loss += a * a + 100 * b * b;
        g[i] = -2 * a - 400 * b * x[i];
        g[i + 1] = 200 * b;
    }
    return true;
}

/** Σ w x² with weights from 1 to 1,000. */
static bool bowl(const double *x, double *loss, double *g)
{
    *loss = 0;
    for (int i = 0; i < SIZE; i++) {
        double w = 1 + 999.0 * i / (SIZE - 1);
        *loss += w * x[i] * x[i];
        g[i] = 2 * w * x[i];
    }
    return true;
}

/** Σ x - ln x: not finite from x = 0 down, where the first step leads. */
static bool wall(const double *x, double *loss, double *g)
{
    *loss = 0;
    for (int i = 0; i < SIZE; i++) {
        *loss += x[i] - log(x[i]);
        g[i] = 1 - 1 / x[i];
    }
    return isfinite(*loss);
}

static bool nowhere(const double *x, double *loss, double *g)
{
    (void)x, (void)g;
    *loss = NAN;
    return false;
}

/** Worker 0 computes it for all. */
static bool evaluate(void *context, double *loss, int w)
{
    struct problem *p = context;
    static bool finite;
    static double value;
    if (w == 0) {
        finite = p->f(p->W, &value, p->lbfgs.block[LBFGS_GRADIENT]);
    }
    team_barrier(p->lbfgs.team, w, p->lbfgs.workers);
    *loss = value;
    return finite;
}

static int iterations;

static void work(void *context, int w)
{
    struct problem *p = context;
    bool going = true;
    for (int i = 0; i < 500 && going; i++) {
        going = lbfgs_iterate(&p->lbfgs, w) && p->lbfgs.state.over == 0;
        if (w == 0) {
            iterations = i + 1;
        }
    }
}

/** Minimise from W; how many iterations it took. */
static void minimise(struct problem *p, bool (*f)(const double *, double *, double *), double first,
                     double second, int workers)
{
    struct topology *topology;
    struct plan *plan;
    struct team *team;
    cr_assert(!topology_create(&topology, NULL));
    cr_assert(!plan_create(topology, workers, BIND_NONE, &plan, NULL));
    cr_assert(!team_create(plan, &team, NULL));
    p->f = f;
    p->lbfgs = (struct lbfgs){.passes = &passes_f64,
                              .team = team,
                              .workers = workers,
                              .packed = SIZE,
                              .block_bytes = SIZE * sizeof(double),
                              .rate = 1,
                              .W = p->W,
                              .evaluate = evaluate,
                              .context = p};
    for (int i = 0; i < SIZE; i++) {
        p->W[i] = i % 2 ? second : first;
    }
    cr_assert(lbfgs_take(&p->lbfgs));
    team_run(team, work, p);
    team_free(team);
    plan_free(plan);
    topology_free(topology);
}

Test(lbfgs, finds_known_minima)
{
    static struct problem p;
    minimise(&p, rosenbrock, -1.2, 1, 1);
    for (int i = 0; i < SIZE; i++) {
        cr_assert(fabs(p.W[i] - 1) < 1e-4, "%g", p.W[i]);
    }
    cr_assert(iterations < 100 && p.lbfgs.evaluations < 200, "%d", iterations);
    lbfgs_done(&p.lbfgs);
    minimise(&p, bowl, 3, -2, 1);
    for (int i = 0; i < SIZE; i++) {
        cr_assert(fabs(p.W[i]) < 1e-4, "%g", p.W[i]);
    }
    cr_assert(p.lbfgs.state.over == 1);
    lbfgs_done(&p.lbfgs);
}

Test(lbfgs, steps_back_from_where_the_loss_is_not_finite)
{
    static struct problem p;
    minimise(&p, wall, 1e-3, 30, 1);
    for (int i = 0; i < SIZE; i++) {
        cr_assert(fabs(p.W[i] - 1) < 1e-3, "%g", p.W[i]);
    }
    lbfgs_done(&p.lbfgs);
}

Test(lbfgs, says_so_where_there_is_no_number_to_begin_with)
{
    static struct problem p;
    minimise(&p, nowhere, 1, 1, 1);
    cr_assert(p.lbfgs.state.iterations == 0 && iterations == 1);
    lbfgs_done(&p.lbfgs);
}

Test(lbfgs, same_bits_for_any_number_of_workers)
{
    static struct problem one, many;
    minimise(&one, rosenbrock, -1.2, 1, 1);
    for (int workers = 2; workers <= 8; workers *= 2) {
        minimise(&many, rosenbrock, -1.2, 1, workers);
        cr_assert(memcmp(one.W, many.W, sizeof one.W) == 0, "%d workers", workers);
        cr_assert(memcmp(&one.lbfgs.state, &many.lbfgs.state, sizeof one.lbfgs.state) == 0);
        lbfgs_done(&many.lbfgs);
    }
    lbfgs_done(&one.lbfgs);
}
