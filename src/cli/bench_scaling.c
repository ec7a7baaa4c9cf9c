/**
 * bench_scaling: see bench_scaling.h.
 *
 * Every cause says how many times faster it lets the larger team be at most. The lowest of these
 * bounds is the answer if the measurement comes near it; if it stays well below, what is left over
 * is the cost of working together.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench_scaling.h"

/** From this efficiency on nothing needs an explanation. */
#define GOOD 0.95

/** A bound explains a measurement that reaches this share of it. */
#define EXPLAINED 0.85

/** Memory is what matters when moving the bytes alone takes this share of a step. */
#define MEMORY_SHARE 0.5

/** Microseconds of a step under which the meetings of the workers show. */
#define SHORT_STEP 100.0

/** Measurements of the same thing that differ so many times tell of other programs. */
#define APART 1.5

static void append(char text[SCALING_TEXT], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(char text[SCALING_TEXT], const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, SCALING_TEXT - used, format, arguments);
    va_end(arguments);
}

/** "0.19", "12.3", "4567": no powers of ten. */
static const char *us_text(double us, char text[32])
{
    snprintf(text, 32, us < 1000 ? "%.3g" : "%.0f", us);
    return text;
}

/** Workers' worth of work that `threads` of them get done at once: the longest share decides. */
static double pieces_width(const heddle_bench_row *row)
{
    size_t threads = (size_t)row->threads;
    size_t longest = (row->pieces + threads - 1) / threads;
    return (double)row->pieces / (double)longest;
}

static void say_pieces(char text[SCALING_TEXT], const heddle_bench_row *row, double bound)
{
    bool split = row->pieces != row->shards;
    const char *piece = split ? "piece" : "shard";
    if (row->pieces < (size_t)row->threads) {
        char size[32] = "";
        if (!split) {
            snprintf(size, sizeof size, " of %zu", row->shard);
        }
        append(text, "a batch of %zu is %zu %s%s%s, so that %d of %d workers have nothing to do",
               row->batch, row->pieces, piece, row->pieces == 1 ? "" : "s", size,
               row->threads - (int)row->pieces, row->threads);
    } else {
        append(text,
               "the %zu %ss of a batch do not divide by %d workers, which makes %.3g times the "
               "most",
               row->pieces, piece, row->threads, bound);
    }
    append(text, "; a larger --batch%s feeds more",
           !split && row->shard > 16 ? " or a smaller --shard" : "");
}

/** Is there a reason why so many threads have less arithmetic than as many cores? */
static bool shares_processors(const heddle_bench_row *row, const heddle_machine *machine)
{
    return row->threads > machine->allowed_cores ||
           (machine->quota > 0 && row->threads > machine->quota);
}

static void say_arithmetic(char text[SCALING_TEXT], const heddle_bench_row *row,
                           const heddle_machine *machine, double bound)
{
    int threads = row->threads;
    if (machine->quota > 0 && threads > machine->quota &&
        machine->quota < machine->allowed_processors) {
        append(text, "the cgroup quota is %.3g processor%s: %.3g times the multiply-adds a second",
               machine->quota, machine->quota == 1 ? "" : "s", bound);
        return;
    }
    if (threads > machine->allowed_processors) {
        append(text, "%d threads share %d processor%s", threads, machine->allowed_processors,
               machine->allowed_processors == 1 ? "" : "s");
    } else if (threads > machine->allowed_cores) {
        append(text, "%d threads share %d cores, and two on a core (SMT) share its arithmetic",
               threads, machine->allowed_cores);
    } else {
        append(text, "the processor slows down or other programs use it");
    }
    append(text, ": %.3g times the multiply-adds a second, measured", bound);
}

/** The largest quotient of two measurements of the same number of threads. */
static double spread(const heddle_bench_row *row)
{
    return row->us_max / row->us_min;
}

const char *scaling_text(const heddle_bench_row *rows, size_t count, const heddle_machine *machine,
                         char text[SCALING_TEXT])
{
    const heddle_bench_row *few = &rows[0];
    const heddle_bench_row *many = &rows[0];
    for (size_t i = 1; i < count; i++) {
        few = rows[i].threads < few->threads ? &rows[i] : few;
        many = rows[i].threads > many->threads ? &rows[i] : many;
    }
    text[0] = '\0';
    if (few->threads == many->threads) {
        append(text, "Scaling: only %d thread%s measured; --threads 1,2,4 compares.", few->threads,
               few->threads == 1 ? " was" : "s were");
        return text;
    }
    double ideal = (double)many->threads / few->threads;
    double speedup = few->us_per_step / many->us_per_step;
    append(text, "Scaling: %d threads are %.3g times as fast as %d (%.0f %% of ideal)",
           many->threads, speedup, few->threads, 100 * speedup / ideal);
    double parts = pieces_width(many) / pieces_width(few);
    double apart = fmax(spread(few), spread(many));
    bool known = shares_processors(many, machine) || parts < GOOD * ideal;
    if (apart >= APART && !known) {
        append(text,
               "; but measurements of the same number of threads lie up to %.2g times apart: other "
               "programs are running, so measure again.",
               apart);
        return text;
    }
    if (speedup >= GOOD * ideal) {
        append(text, "; nothing stops it yet.");
        return text;
    }
    append(text, ": ");
    /* what was reached there was to be had, whatever the limit's own measurement says */
    double arithmetic = fmax(many->limit_gflops / few->limit_gflops, speedup);
    double moving = many->memory_gbs > 0
                        ? (double)many->moved_bytes / (many->memory_gbs * 1e3) / many->us_per_step
                        : 0;
    double bound = parts < arithmetic ? parts : arithmetic;
    bound = bound < ideal ? bound : ideal;
    bool explains = bound < GOOD * ideal && speedup >= EXPLAINED * bound;
    if (!explains && moving >= MEMORY_SHARE) {
        append(text,
               "memory; a step moves at least %.3g MB that the caches do not hold, and that takes "
               "%.0f %% of its time at the %.3g GB/s measured.",
               (double)many->moved_bytes * 1e-6, 100 * fmin(moving, 1), many->memory_gbs);
        return text;
    }
    if (bound < GOOD * ideal) {
        if (parts <= arithmetic) {
            say_pieces(text, many, parts);
        } else {
            say_arithmetic(text, many, machine, arithmetic);
        }
        append(text, explains ? "." : "; besides, ");
    }
    if (!explains) {
        double left = many->us_per_step - few->us_per_step / bound;
        char more[32], step[32];
        us_text(left, more);
        if (many->us_per_step < SHORT_STEP || many->us_per_step > few->us_per_step) {
            append(text,
                   "a step of %s µs is short for the meetings of %d workers and what they read of "
                   "each other: about %s µs more than its share of the work.",
                   us_text(few->us_per_step, step), many->threads, more);
        } else {
            append(text,
                   "%s µs of each step (%.0f %%) are not divided: sums and weights that travel "
                   "between caches, workers waiting for the slowest.",
                   more, 100 * left / many->us_per_step);
        }
    }
    return text;
}
