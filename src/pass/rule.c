/** rule: an update rule in the passes' precision, and its application to a stretch of the block. */
#include "base/power.h"
#include "pass/workspace.h"

void REAL(rule_of)(const struct update_rule *rule, struct REAL(rule) * r)
{
    struct REAL(update) *update = &r->update;
    r->penalised = rule->weight_mask != NULL;
    update->optimizer = rule->optimizer;
    update->scale = (real)rule->scale;
    update->rate = (real)rule->rate;
    if (rule->optimizer == OPTIMIZER_SGD && !r->penalised) { /* all it takes */
        return;
    }
    update->momentum = (real)rule->momentum;
    update->beta1 = (real)rule->beta1;
    update->one_beta1 = (real)(1 - rule->beta1);
    update->beta2 = (real)rule->beta2;
    update->one_beta2 = (real)(1 - rule->beta2);
    update->epsilon = (real)rule->epsilon;
    if (rule->optimizer == OPTIMIZER_ADAM || rule->optimizer == OPTIMIZER_ADAMW) {
        update->step = (real)(rule->rate / (1 - power_whole(rule->beta1, rule->step)));
        update->root = (real)(1 / __builtin_sqrt(1 - power_whole(rule->beta2, rule->step)));
    }
    if (r->penalised) {
        r->penalty = (struct REAL(penalty)){
            .scale = (real)rule->scale,
            .clip = rule->clip_value > 0 ? (real)rule->clip_value : (real)__builtin_inf(),
            .l1 = (real)rule->l1,
            .l2 = (real)rule->l2,
            .decay = (real)rule->decay,
        };
        update->scale = 1; /* penalise() has scaled already */
    }
}

void REAL(rule_penalise)(const struct REAL(kernels) * k, const struct REAL(rule) * rule,
                         const real *g, const real *mask, real *w, real *s1, real *s2, size_t count)
{
    _Alignas(64) real d[PASS_PIECE];
    for (size_t i = 0; i < count; i += PASS_PIECE) {
        size_t here = count - i < PASS_PIECE ? count - i : PASS_PIECE;
        k->penalise(&rule->penalty, w + i, g + i, mask + i, d, here);
        k->update(&rule->update, w + i, d, s1 ? s1 + i : NULL, s2 ? s2 + i : NULL, here);
    }
}
