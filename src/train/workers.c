/** workers: a team for prediction and scoring. */
#include "train/workers.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "network/weights.h"
#include "train/score.h"

heddle_status workers_create(const heddle_recipe *recipe, int threads, struct workers *workers,
                             heddle_error *err)
{
    const char *isa = recipe ? recipe_text(recipe, OPTION_ISA) : NULL;
    enum bind bind = recipe ? recipe_bind(recipe) : BIND_AUTO;
    heddle_status status = isa_choose(isa, &workers->isa, err);
    if (!status) {
        status = topology_create(&workers->topology, err);
    }
    if (!status) {
        status = plan_create(workers->topology, threads, bind, &workers->plan, err);
    }
    if (!status) {
        status = team_create(workers->plan, &workers->team, err);
    }
    if (status) {
        workers_done(workers);
    }
    return status;
}

void workers_done(struct workers *workers)
{
    team_free(workers->team);
    plan_free(workers->plan);
    topology_free(workers->topology);
    *workers = (struct workers){0};
}

heddle_status workers_apart(const struct workers *all, size_t count, enum bind bind,
                            void (*body)(void *context, int w), void *context, struct workers **one,
                            heddle_error *err)
{
    struct plan *plan = NULL;
    struct team *team = NULL;
    size_t most = (size_t)all->plan->workers;
    count = count < most ? count : most;
    heddle_status status = plan_create(all->topology, (int)count, bind, &plan, err);
    if (!status) {
        status = team_create(plan, &team, err);
    }
    if (!status) {
        *one = memory_new(count, sizeof **one);
        status = *one ? HEDDLE_OK : status_memory(err, "workers", count * sizeof **one);
    }
    for (size_t w = 0; !status && w < count; w++) {
        (*one)[w].isa = all->isa;
        status = plan_create(all->topology, 1, BIND_NONE, &(*one)[w].plan, err);
        if (!status) {
            status = team_create((*one)[w].plan, &(*one)[w].team, err);
        }
    }
    if (!status) {
        team_run(team, body, context);
    }
    for (size_t w = 0; *one && w < count; w++) {
        workers_done(&(*one)[w]);
    }
    memory_free(*one);
    *one = NULL;
    team_free(team);
    plan_free(plan);
    return status;
}

struct scoring {
    struct scorer *scorer;
    const void *W;
};

static void score_share(void *context, int worker)
{
    struct scoring *scoring = context;
    scorer_work(scoring->scorer, scoring->W, worker);
}

/** Score all rows; the scorer is the caller's on success. */
static heddle_status score_rows(struct workers *workers, const struct shape *shape, enum loss loss,
                                const double *values, const struct dataset *set, bool wants_loss,
                                struct scorer **scorer, heddle_error *err)
{
    size_t bytes = shape_packed(shape) * (set->use_double ? sizeof(double) : sizeof(float));
    void *W = arena_new(bytes);
    if (!W) {
        return status_memory(err, "the weights", bytes);
    }
    struct scoring scoring = {.W = W};
    heddle_status status =
        scorer_create(shape, loss, set, workers->isa, team_workers(workers->team), wants_loss,
                      &scoring.scorer, err);
    if (!status) {
        weights_pack(shape, values, set->use_double, W);
        team_run(workers->team, score_share, &scoring);
        *scorer = scoring.scorer;
    }
    arena_free(W, bytes);
    return status;
}

heddle_status workers_predict(struct workers *workers, const struct shape *shape,
                              const double *values, const struct dataset *set, double *outputs,
                              heddle_error *err)
{
    struct scorer *scorer;
    heddle_status status = score_rows(workers, shape, LOSS_MSE, values, set, false, &scorer, err);
    if (!status) {
        memcpy(outputs, scorer_outputs(scorer),
               set->rows * shape->width[shape->layers] * sizeof *outputs);
        scorer_free(scorer);
    }
    return status;
}

heddle_status workers_score(struct workers *workers, const struct shape *shape, enum loss loss,
                            const double *values, const struct dataset *set,
                            const struct preprocess *preprocess, bool sum, heddle_score *score,
                            heddle_error *err)
{
    struct scorer *scorer;
    heddle_status status = score_rows(workers, shape, loss, values, set, true, &scorer, err);
    if (!status) {
        status = scorer_score(scorer, preprocess, sum, score, err);
        scorer_free(scorer);
    }
    return status;
}
