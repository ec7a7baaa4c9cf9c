/** bench_plot: speed-up against the ideal, drawn by gnuplot. */
#ifndef CLI_BENCH_PLOT_H
#define CLI_BENCH_PLOT_H

#include <stddef.h>

#include "heddle.h"

/** Can path be drawn to: FILE.svg, .png or .txt? */
int bench_plot_known(const char *path);

/**
 * Draw. Data and script are written to a temporary directory, which stays only if gnuplot is
 * missing (or fails), so that the plot can still be made. Returns 0, or complains and returns the
 * exit status: 2 without gnuplot.
 */
int bench_plot(const char *path, const heddle_bench_row *rows, size_t count,
               const heddle_machine *machine);

#endif
