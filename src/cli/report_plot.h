/** report_plot: lines and dots over two axes, as a figure of inline SVG. */
#ifndef CLI_REPORT_PLOT_H
#define CLI_REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** Points that belong together; those that are not finite are left out. */
struct plot_series {
    const char *name; /* for the key */
    char look;        /* 'a', 'b', …: the colour, a class of the page's style */
    bool line, dots;
    const double (*point)[2]; /* (points) x, y */
    size_t points;
};

struct plot {
    const char *title; /* may be a name of the user's */
    const char *x, *y; /* what the axes show, in words of ours */
    double from, to; /* what the horizontal axis shows at least; INFINITY, -INFINITY: the points */
    bool may_log;    /* y is logarithmic if it spans decades */
    double least, most; /* y beyond these is cut off */
    bool square;        /* both axes have the same range, and x = y is drawn */
    const struct plot_series *series;
    size_t count;
    const char *mark; /* NULL, or what is special about mark_x */
    double mark_x;
};

/** Write the figure; nothing if no series has a point. */
void plot_write(FILE *stream, const struct plot *plot);

/** A number as it stands at an axis: "0.05", "20k", "10⁻⁵". Returns text. */
enum { TICK_SIZE = 48 };
const char *plot_tick_text(double value, char text[TICK_SIZE]);

/** The distance of about `wanted` ticks from low to high: 1, 2 or 5 times a power of ten. */
double plot_tick_step(double low, double high, int wanted);

#endif
