/** schedule: see schedule.h. Own exp, log and cos, so that no C library decides a bit. */
#include "train/schedule.h"

#include "base/power.h"
#include "kernel/dispatch.h"

/** q^x for q ≥ 0. */
static double power(double q, double x)
{
    return x == 0 ? 1 : q == 0 ? 0 : elementary_exp(x * elementary_log(q));
}

/** From `from` at 0 to `to` at 1 along half a turn of a cosine. */
static double glide(double from, double to, double at)
{
    return to + (from - to) * ((1 + elementary_cos_turns(at < 1 ? at / 2 : 0.5)) / 2);
}

static double one_cycle(double rate, double s, double steps)
{
    double low = rate / 25;
    double top = 0.3 * steps - 1; /* PyTorch's: the position of the highest rate */
    double end = steps - 1;
    if (s <= top) {
        return top > 0 ? glide(low, rate, s / top) : rate;
    }
    top = top > 0 ? top : 0;
    return glide(rate, low * 1e-4, end > top ? (s - top) / (end - top) : 1);
}

double schedule_rate(const struct schedule *schedule, uint64_t step)
{
    double rate = schedule->rate;
    double factor = schedule->factor;
    if (step < schedule->warmup) {
        return rate * ((double)(step + 1) / (double)(schedule->warmup + 1));
    }
    if (schedule->kind == SCHEDULE_CONSTANT) {
        return rate;
    }
    double s = (double)(step - schedule->warmup);
    double steps = (double)(schedule->steps - schedule->warmup);
    switch (schedule->kind) {
    case SCHEDULE_STEP:
        return rate * power_whole(factor, (uint64_t)(s / schedule->every));
    case SCHEDULE_EXPONENTIAL:
        return rate * power(factor, s / schedule->every);
    case SCHEDULE_INVERSE:
        return rate / power(1 + s / schedule->every, factor);
    case SCHEDULE_COSINE:
        return glide(rate, factor * rate, s / steps);
    case SCHEDULE_ONE_CYCLE:
        return one_cycle(rate, s, steps);
    case SCHEDULE_CONSTANT:
    case SCHEDULE_PLATEAU:
    case SCHEDULE_COUNT:
        break;
    }
    return rate;
}

int schedule_needs_end(enum schedule_kind kind)
{
    return kind == SCHEDULE_COSINE || kind == SCHEDULE_ONE_CYCLE;
}
