/** progress: see progress.h. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.h"
#include "output.h"

/* A terminal shows no more than this often; faster only flickers and costs the run time. */
static const double interval_seconds = 0.1;

void progress_begin(struct progress *progress, const char *mode, bool quiet, size_t rows)
{
    *progress = (struct progress){.style = PROGRESS_LINES, .rows = rows};
    if (quiet || strcmp(mode, "never") == 0) {
        progress->style = PROGRESS_NONE;
    } else if (strcmp(mode, "always") == 0 || isatty(STDERR_FILENO)) {
        progress->style = PROGRESS_IN_PLACE;
    }
}

/** Columns of the terminal, less the last, in which a character may wrap. */
static size_t terminal_width(void)
{
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? (size_t)size.ws_col - 1 : 79;
}

/** A line made of fields, each added only if it fits. */
struct fields {
    char text[512];
    size_t length, most;
};

static void add(struct fields *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct fields *line, const char *format, ...)
{
    char field[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(field, sizeof field, format, arguments);
    va_end(arguments);
    size_t length = strlen(field);
    size_t gap = line->length > 0 ? 2 : 0;
    if (line->length + gap + length > line->most) {
        return;
    }
    memcpy(line->text + line->length, "  ", gap);
    memcpy(line->text + line->length + gap, field, length + 1);
    line->length += gap + length;
}

/** "0:07", "12:34", "3:05:00" */
static void clock_text(double seconds, char *text, size_t size)
{
    unsigned long long whole = seconds < 1e9 ? (unsigned long long)(seconds + 0.5) : 1000000000;
    if (whole >= 3600) {
        snprintf(text, size, "%llu:%02llu:%02llu", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        snprintf(text, size, "%llu:%02llu", whole / 60, whole % 60);
    }
}

/** 1234567 → "1.23M" */
static void short_number(double value, char *text, size_t size)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    size_t unit = 0;
    while (value >= 1000 && unit < 4) {
        value /= 1000;
        unit++;
    }
    snprintf(text, size, "%.3g%s", value, units[unit]);
}

static void describe(const struct progress *progress, const heddle_report *report,
                     struct fields *line)
{
    double part = report->steps > 0 ? (double)report->step / (double)report->steps : 0;
    if (report->epochs > 0) {
        add(line, "epoch %" PRIu64 "/%" PRIu64, report->epoch, report->epochs);
    } else {
        add(line, "step %" PRIu64 "/%" PRIu64, report->step, report->steps);
    }
    if (progress->style == PROGRESS_IN_PLACE) {
        add(line, "%3.0f%%", 100 * part);
    }
    add(line, "loss %.5g", report->loss);
    if (report->has_validation) {
        /* an R² of numbers that were blown up needs no digits behind the point */
        const char *format = report->validation_score > -1e4 ? "validation %.4f (loss %.5g)"
                                                             : "validation %.5g (loss %.5g)";
        add(line, format, report->validation_score, report->validation_loss);
    }
    char text[HEDDLE_NUMBER_SIZE];
    if (progress->style == PROGRESS_IN_PLACE && part > 0 && part < 1) {
        clock_text(report->seconds * (1 - part) / part, text, sizeof text);
        add(line, "ETA %s", text);
    }
    if (report->seconds > 0 && report->epochs > 0) {
        double passes = part * (double)report->epochs;
        short_number(passes * (double)progress->rows / report->seconds, text, sizeof text);
        add(line, "%s examples/s", text);
    } else if (report->seconds > 0) {
        short_number((double)report->step / report->seconds, text, sizeof text);
        add(line, "%s steps/s", text);
    }
}

void progress_show(struct progress *progress, const heddle_report *report)
{
    if (progress->style == PROGRESS_NONE) {
        return;
    }
    if (report->tutorial) {
        fprintf(stderr, "Iteration %" PRIu64 "\tError: %0.6f\n", report->step, report->loss);
        return;
    }
    struct fields line = {.most = sizeof line.text - 1};
    if (progress->style == PROGRESS_LINES) {
        describe(progress, report, &line);
        fprintf(stderr, "%s\n", line.text);
        return;
    }
    if (report->seconds < progress->due && !report->last) {
        return;
    }
    progress->due = report->seconds + interval_seconds;
    size_t width = terminal_width();
    line.most = width < line.most ? width : line.most;
    describe(progress, report, &line);
    size_t blanks = progress->shown > line.length ? progress->shown - line.length : 0;
    fprintf(stderr, "\r%s%*s", line.text, (int)blanks, "");
    fflush(stderr);
    progress->shown = line.length;
}

void progress_wipe(struct progress *progress)
{
    if (progress->shown > 0) {
        fprintf(stderr, "\r%*s\r", (int)progress->shown, "");
        progress->shown = 0;
        progress->due = 0;
    }
}

void progress_end(struct progress *progress)
{
    if (progress->shown > 0) {
        putc('\n', stderr);
        progress->shown = 0;
    }
}

/** The line that stands: so many runs, of this sort. */
static void show_runs(struct progress *progress, const char *sort, size_t done, size_t runs)
{
    int shown = fprintf(stderr, "\r%srun %zu of %zu", sort, done, runs) - 1;
    progress->shown = shown > 0 ? (size_t)shown : 0;
    fflush(stderr);
}

void progress_choosing(struct progress *progress, size_t done, size_t runs)
{
    if (progress->style == PROGRESS_IN_PLACE) {
        show_runs(progress, "choosing --l2: ", done, runs);
    }
}

void progress_runs(struct progress *progress, size_t done, size_t runs)
{
    if (progress->style == PROGRESS_IN_PLACE) {
        show_runs(progress, "", done, runs);
    } else if (progress->style == PROGRESS_LINES &&
               (done == runs || done * 10 / runs != (done - 1) * 10 / runs)) {
        fprintf(stderr, "run %zu of %zu\n", done, runs);
    }
}
