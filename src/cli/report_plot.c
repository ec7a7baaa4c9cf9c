/** report_plot: see report_plot.h. */
#include <math.h>
#include <string.h>

#include "html.h"
#include "output.h"
#include "report_plot.h"

enum {
    WIDTH = 420,
    HEIGHT = 280,
    RIGHT = 12,
    TOP = 10,
    BOTTOM = 44,
    LETTER = 8,  /* of a tick's text: its width */
    BESIDE = 30, /* left of the ticks' texts: what the axis shows, upright */
    TICKS = 5,   /* wanted at an axis */
    DECADES = 7, /* labelled at a logarithmic one, at most */
    MOST_TICKS = 32
};

/* Far from where sums, differences and powers overflow or vanish; nobody looks at such a curve for
   its numbers. */
static const double huge = 1e270;
static const double tiny = 1e-270;

/* y spans decades if its largest is so many times its smallest. */
static const double spans_decades = 20;

/** An axis: from low to high (log: of their logarithms) on `size` units of the picture. */
struct axis {
    double low, high, size;
    bool log, up;
    double tick[MOST_TICKS];
    size_t ticks;
};

/** Where a value lies on an axis. */
static double place(const struct axis *axis, double value)
{
    double v = axis->log ? log10(fmax(value, pow(10, axis->low))) : value;
    double share = (v - axis->low) / (axis->high - axis->low);
    return axis->size * (axis->up ? 1 - share : share);
}

/* ------------------------------------------------------------------- ticks ------------------- */

double plot_tick_step(double low, double high, int wanted)
{
    double raw = (high - low) / wanted;
    double power = pow(10, floor(log10(raw)));
    double times = raw / power;
    return power * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
}

static void add_power(char text[TICK_SIZE], int power)
{
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char digits[16];
    snprintf(digits, sizeof digits, "%d", power);
    for (const char *d = digits; *d != '\0'; d++) {
        size_t length = strlen(text);
        snprintf(text + length, TICK_SIZE - length, "%s", *d == '-' ? "⁻" : raised[*d - '0']);
    }
}

const char *plot_tick_text(double value, char text[TICK_SIZE])
{
    double size = fabs(value);
    const char *sign = value < 0 ? "−" : "";
    if (size == 0) {
        return strcpy(text, "0");
    }
    if (size >= 1e-4 && size < 1e9) {
        const char *unit = size >= 1e6 ? "M" : size >= 1e4 ? "k" : "";
        size /= size >= 1e6 ? 1e6 : size >= 1e4 ? 1e3 : 1;
        snprintf(text, TICK_SIZE, "%s%.6g%s", sign, size, unit);
        return text;
    }
    int power = (int)floor(log10(size) + 1e-9);
    double times = size / pow(10, power);
    if (fabs(times - 1) < 1e-6) {
        snprintf(text, TICK_SIZE, "%s10", sign);
    } else {
        snprintf(text, TICK_SIZE, "%s%.3g×10", sign, times);
    }
    add_power(text, power);
    return text;
}

static void add_tick(struct axis *axis, double value)
{
    if (axis->ticks < MOST_TICKS) {
        axis->tick[axis->ticks++] = value;
    }
}

static void find_log_ticks(struct axis *axis)
{
    static const double times[] = {1, 2, 5};
    int first = (int)floor(axis->low);
    int last = (int)ceil(axis->high);
    int stride = (last - first + DECADES - 1) / DECADES;
    int within = axis->high - axis->low < 2.5 ? 3 : 1;
    for (int power = first; power <= last; power += stride) {
        for (int i = 0; i < within; i++) {
            double at = power + log10(times[i]);
            if (at >= axis->low && at <= axis->high) {
                add_tick(axis, times[i] * pow(10, power));
            }
        }
    }
}

static void find_ticks(struct axis *axis, double least, double most)
{
    if (axis->log) {
        find_log_ticks(axis);
        return;
    }
    double step = plot_tick_step(axis->low, axis->high, TICKS);
    double first = ceil(axis->low / step);
    for (int i = 0; i <= 2 * TICKS; i++) {
        double value = (first + i) * step;
        if (value > axis->high) {
            break;
        }
        if (value >= least && value <= most * (1 + 1e-12)) {
            add_tick(axis, value);
        }
    }
}

/** Room for the texts of the upright axis. */
static int room_for(const struct axis *axis)
{
    size_t most = 3;
    char text[TICK_SIZE];
    for (size_t i = 0; i < axis->ticks; i++) {
        size_t width = text_width(plot_tick_text(axis->tick[i], text));
        most = width > most ? width : most;
    }
    return BESIDE + LETTER * (int)most;
}

/** Lines across the picture at the ticks, and their values beside it. */
static void write_ticks(FILE *stream, const struct axis *axis, int left, double across)
{
    char text[TICK_SIZE];
    for (size_t i = 0; i < axis->ticks; i++) {
        double at = place(axis, axis->tick[i]);
        plot_tick_text(axis->tick[i], text);
        if (axis->up) {
            fprintf(stream,
                    "<path class=\"grid\" d=\"M%d %.1fh%.0f\"/>"
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                    left, TOP + at, across, left - 7, TOP + at + 4, text);
        } else {
            fprintf(stream,
                    "<path class=\"grid\" d=\"M%.1f %dv%.0f\"/>"
                    "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>",
                    left + at, TOP, across, left + at, TOP + across + 17, text);
        }
    }
}

/* ------------------------------------------------------------------- ranges ------------------ */

/** Room around what is shown, and some where all is the same. */
static void widen(struct axis *axis, double share)
{
    double range = axis->high - axis->low;
    double size = fmax(fabs(axis->low), fabs(axis->high));
    if (range <= 1e-9 * size || range == 0) {
        range = size > 0 ? 0.1 * size : 1;
        share = 0.5;
    }
    axis->low -= share * range;
    axis->high += share * range;
}

/** The point of a series, within what can be shown; false if it cannot be. */
static bool shown(const struct plot *plot, const struct plot_series *series, size_t i, double at[2])
{
    at[0] = series->point[i][0];
    at[1] = series->point[i][1];
    if (!isfinite(at[0]) || !isfinite(at[1])) {
        return false;
    }
    at[0] = fmin(fmax(at[0], -huge), huge);
    at[1] = fmin(fmax(at[1], fmax(plot->least, -huge)), fmin(plot->most, huge));
    return true;
}

/** The axes of all that is to be shown; false if that is nothing. */
static bool find_axes(const struct plot *plot, struct axis *x, struct axis *y)
{
    double smallest = INFINITY; /* above 0 */
    double low[2] = {INFINITY, INFINITY};
    double high[2] = {-INFINITY, -INFINITY};
    for (size_t s = 0; s < plot->count; s++) {
        double at[2];
        for (size_t i = 0; i < plot->series[s].points; i++) {
            if (shown(plot, &plot->series[s], i, at)) {
                for (int k = 0; k < 2; k++) {
                    low[k] = fmin(low[k], at[k]);
                    high[k] = fmax(high[k], at[k]);
                }
                smallest = at[1] > 0 ? fmin(smallest, at[1]) : smallest;
            }
        }
    }
    if (low[0] > high[0]) {
        return false;
    }
    low[0] = fmin(low[0], plot->from);
    high[0] = fmax(high[0], plot->to);
    if (plot->square) {
        low[0] = low[1] = fmin(low[0], low[1]);
        high[0] = high[1] = fmax(high[0], high[1]);
    }
    x->low = low[0];
    x->high = high[0];
    y->low = low[1];
    y->high = high[1];
    y->up = true;
    y->log = plot->may_log && low[1] >= 0 && smallest * spans_decades < high[1];
    if (y->log) {
        y->low = log10(fmax(smallest, tiny));
        y->high = log10(high[1]);
    }
    widen(x, plot->square ? 0.04 : 0.01);
    widen(y, 0.04);
    return true;
}

/* ------------------------------------------------------------------- the picture ------------- */

static void write_line(FILE *stream, const struct plot *plot, const struct plot_series *series,
                       const struct axis *x, const struct axis *y)
{
    double at[2];
    bool begun = false;
    fprintf(stream, "<path class=\"line %c\" d=\"", series->look);
    for (size_t i = 0; i < series->points; i++) {
        bool can = shown(plot, series, i, at);
        if (can) {
            fprintf(stream, "%s%.1f %.1f", begun ? "L" : "M", place(x, at[0]), place(y, at[1]));
        }
        begun = can;
    }
    fputs("\"/>", stream);
}

/** Dots are strokes of no length with round ends: a few bytes each. */
static void write_dots(FILE *stream, const struct plot *plot, const struct plot_series *series,
                       const struct axis *x, const struct axis *y)
{
    double at[2];
    fprintf(stream, "<path class=\"%s %c\" d=\"", series->points > 100 ? "dots" : "dots large",
            series->look);
    for (size_t i = 0; i < series->points; i++) {
        if (shown(plot, series, i, at)) {
            fprintf(stream, "M%.1f %.1fh0", place(x, at[0]), place(y, at[1]));
        }
    }
    fputs("\"/>", stream);
}

static void write_key(FILE *stream, const struct plot *plot, bool log)
{
    fputs("<figcaption><b>", stream);
    html_name(stream, plot->title);
    fputs("</b>", stream);
    for (size_t s = 0; s < plot->count && plot->count > 1; s++) {
        fprintf(stream, " <span class=\"key %c\">%s</span>", plot->series[s].look,
                plot->series[s].name);
    }
    if (plot->mark != NULL) {
        fprintf(stream, " <span class=\"key mark\">%s</span>", plot->mark);
    }
    fputs(log ? " <small>logarithmic</small></figcaption>" : "</figcaption>", stream);
}

void plot_write(FILE *stream, const struct plot *plot)
{
    struct axis x = {.low = 0};
    struct axis y = {.low = 0};
    if (!find_axes(plot, &x, &y)) {
        return;
    }
    find_ticks(&x, -INFINITY, INFINITY);
    find_ticks(&y, plot->least, plot->most);
    int left = room_for(&y);
    int high = plot->square ? WIDTH - left - RIGHT + TOP + BOTTOM : HEIGHT;
    x.size = WIDTH - left - RIGHT;
    y.size = high - TOP - BOTTOM;
    fputs(plot->square ? "<figure class=\"square\">" : "<figure>", stream);
    write_key(stream, plot, y.log);
    fprintf(stream, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s by %s\">", WIDTH, high,
            plot->y, plot->x);
    write_ticks(stream, &x, left, y.size);
    write_ticks(stream, &y, left, x.size);
    fprintf(stream, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">%s</text>", left + x.size / 2,
            high - 6, plot->x);
    fprintf(stream,
            "<text transform=\"translate(13 %.0f)rotate(-90)\" text-anchor=\"middle\">%s</text>",
            TOP + y.size / 2, plot->y);
    /* A picture within the picture cuts off what lies outside. */
    fprintf(stream,
            "<svg x=\"%d\" y=\"%d\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">",
            left, TOP, x.size, y.size, x.size, y.size);
    if (plot->square) {
        fprintf(stream, "<path class=\"mark\" d=\"M0 %.0fL%.0f 0\"/>", y.size, x.size);
    }
    if (plot->mark != NULL) {
        fprintf(stream, "<path class=\"mark\" d=\"M%.1f 0v%.0f\"/>", place(&x, plot->mark_x),
                y.size);
    }
    for (size_t s = 0; s < plot->count; s++) {
        if (plot->series[s].line) {
            write_line(stream, plot, &plot->series[s], &x, &y);
        }
        if (plot->series[s].dots) {
            write_dots(stream, plot, &plot->series[s], &x, &y);
        }
    }
    fprintf(stream, "</svg><path class=\"axis\" d=\"M%d %dv%.0fh%.0f\"/></svg></figure>\n", left,
            TOP, y.size, x.size);
}
