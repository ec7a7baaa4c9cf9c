/** watch: see watch.h. */
#include "train/watch.h"

void watch_begin(struct watch *watch)
{
    double most = __builtin_inf();
    *watch = (struct watch){.best = most, .plateau_best = most, .factor = 1};
}

/** Below the best by a share of its size: PyTorch's is of its value, which fails below 0. */
static bool is_lower(double loss, double best)
{
    return best == __builtin_inf() || loss < best - 1e-4 * __builtin_fabs(best);
}

void watch_epoch(struct watch *watch, double loss, uint64_t patience, uint64_t plateau,
                 double plateau_factor)
{
    watch->improved = loss < watch->best;
    watch->waited = watch->improved ? 0 : watch->waited + 1;
    watch->best = watch->improved ? loss : watch->best;
    watch->exhausted = patience && watch->waited >= patience;
    if (plateau) {
        bool lower = is_lower(loss, watch->plateau_best);
        watch->plateau_waited = lower ? 0 : watch->plateau_waited + 1;
        watch->plateau_best = lower ? loss : watch->plateau_best;
        if (watch->plateau_waited > plateau) {
            watch->factor *= plateau_factor;
            watch->plateau_waited = 0;
        }
    }
}
