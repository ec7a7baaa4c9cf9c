/** bench_plot: see bench_plot.h. gnuplot is run as a program of its own, without a shell. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_plot.h"
#include "output.h"
#include "steady.h"

enum { PATH_SIZE = 512 };

/** Kinds of pictures and the terminal of gnuplot that makes them. */
static const char *const kinds[][2] = {
    {".svg", "svg size 720,540 enhanced font 'Helvetica,15' background rgb 'white'"},
    {".png", "pngcairo size 1080,810 enhanced font 'Helvetica,16' linewidth 1.5"},
    {".txt", "dumb size 76,24 noenhanced"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const char *terminal_for(const char *path)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < KINDS; i++) {
        size_t n = strlen(kinds[i][0]);
        if (length > n && strcmp(path + length - n, kinds[i][0]) == 0) {
            return kinds[i][1];
        }
    }
    return NULL;
}

int bench_plot_known(const char *path)
{
    return terminal_for(path) != NULL;
}

/** Write text for a string of gnuplot's in double quotes. */
static void print_quoted(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            putc('\\', stream);
        }
        putc(*text, stream);
    }
}

static void write_data(FILE *stream, const heddle_bench_row *rows, size_t count)
{
    double base = rows[0].us_per_step;
    fputs("# threads speedup lowest highest ideal us_per_step gflops percent_of_limit\n", stream);
    for (size_t i = 0; i < count; i++) {
        const heddle_bench_row *row = &rows[i];
        fprintf(stream, "%d %.4f %.4f %.4f %.4f %.4f %.4f %.1f\n", row->threads, row->speedup,
                base / row->us_max, base / row->us_min, (double)row->threads / rows[0].threads,
                row->us_per_step, row->gflops, row->percent_of_limit);
    }
}

/**
 * What is written at each point: below it, but above one that lies lower than `low`, next to the
 * axis. Labels of their own: gnuplot 5.4 crashes on a plot "with labels" that has none to show.
 */
static void write_labels(FILE *stream, const heddle_bench_row *rows, size_t count, double low)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(stream,
                "set label \"%.2f×\\n%.0f %%\" at %d,%.4f left offset 1,%s "
                "font ',11' tc rgb '#333333'\n",
                rows[i].speedup, rows[i].percent_of_limit, rows[i].threads, rows[i].speedup,
                rows[i].speedup > low ? "-0.9" : "1.7");
    }
}

static void write_script(FILE *stream, const char *data, const char *terminal,
                         const heddle_bench_row *rows, size_t count, const heddle_machine *machine)
{
    int most = rows[0].threads;
    int least = rows[0].threads;
    bool text = strncmp(terminal, "dumb", 4) == 0;
    for (size_t i = 0; i < count; i++) {
        most = rows[i].threads > most ? rows[i].threads : most;
        least = rows[i].threads < least ? rows[i].threads : least;
    }
    double lowest = 0.5;
    double highest = (double)most / rows[0].threads;
    for (size_t i = 0; i < count; i++) {
        double slowest = rows[0].us_per_step / rows[i].us_max;
        double fastest = rows[0].us_per_step / rows[i].us_min;
        lowest = slowest < 1.3 * lowest ? slowest / 1.3 : lowest;
        highest = fastest > highest ? fastest : highest;
    }
    bool wide = most >= 16 * least; /* then doubling is what the eye should see */
    fprintf(stream, "set terminal %s\nset encoding utf8\n", terminal);
    fprintf(stream, "set title \"%s, batch %zu in %zu shard%s, %s\\n", rows[0].shape, rows[0].batch,
            rows[0].shards, rows[0].shards == 1 ? "" : "s",
            rows[0].use_double ? "double" : "float");
    print_quoted(stream, machine->processor);
    fprintf(stream, ", %s\" noenhanced\n", rows[0].isa);
    fprintf(stream, "set xlabel 'threads'\nset ylabel 'speed-up over %d thread%s'\n",
            rows[0].threads, rows[0].threads == 1 ? "" : "s");
    fputs(
        "set key tmargin left vertical maxrows 2 Left reverse samplen 3\nset tics out nomirror\nset border 3\n",
        stream);
    fputs(text ? "unset grid\n" : "set grid lc rgb '#dddddd' lt 1 lw 0.7\n", stream);
    if (wide) {
        fprintf(stream, "set logscale xy 2\nset xrange [%g:%g]\nset yrange [%g:%g]\n", least / 1.3,
                most * 1.5, lowest, 1.5 * highest);
    } else {
        double pad = most > least ? 0.15 * (most - least) : 0.5;
        fprintf(stream, "set xrange [%g:%g]\nset yrange [0:%g]\n", least - pad, most + 1.6 * pad,
                1.15 * highest);
    }
    fputs("set xtics (", stream);
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "%s%d", i > 0 ? ", " : "", rows[i].threads);
    }
    fprintf(stream, ")\nideal(x) = x / %d.0\ndata = \"", rows[0].threads);
    print_quoted(stream, data);
    fputs("\"\n", stream);
    if (text) {
        fputs("plot ideal(x) with lines title 'ideal', data using 1:2 with points pt 'O' "
              "title 'measured'\n",
              stream);
        return;
    }
    write_labels(stream, rows, count, wide ? 1.5 * lowest : 0.15 * highest);
    fputs("plot ideal(x) with lines lc rgb '#999999' dt 2 lw 2 title 'ideal', \\\n"
          "     data using 1:2 with linespoints lc rgb '#0b6e99' lw 2.5 pt 7 ps 1.2 "
          "title 'measured: median; bars: fastest, slowest; % of the machine''s limit', \\\n"
          "     data using 1:2:3:4 with yerrorbars lc rgb '#0b6e99' lw 1.5 pt 0 notitle\n",
          stream);
}

/** Write one of the two files. Returns 0, or complains. */
static int write_file(const char *path, void (*write)(FILE *, const void *), const void *context)
{
    FILE *stream = steady_open(path, NULL);
    if (stream == NULL) {
        complain("cannot create '%s': %s", path, strerror(errno));
        return EXIT_CREATE;
    }
    write(stream, context);
    bool failed = ferror(stream) != 0;
    if (fclose(stream) != 0 || failed) {
        complain("cannot write '%s': %s", path, strerror(errno));
        return EXIT_IO;
    }
    return 0;
}

struct plot {
    const heddle_bench_row *rows;
    size_t count;
    const heddle_machine *machine;
    const char *terminal;
    char directory[PATH_SIZE - 16];
    char data[PATH_SIZE];
    char script[PATH_SIZE];
    bool for_later; /* gnuplot did not draw it: data and script stay */
};

static void data_of(FILE *stream, const void *context)
{
    const struct plot *plot = context;
    write_data(stream, plot->rows, plot->count);
}

static void script_of(FILE *stream, const void *context)
{
    const struct plot *plot = context;
    write_script(stream, plot->data, plot->terminal, plot->rows, plot->count, plot->machine);
}

/** Run gnuplot on the script, its picture into `out`. Returns its status; 127: there is none. */
static int run_gnuplot(const char *script, int out)
{
    fflush(NULL);
    pid_t child = fork(); /* it calls nothing of the library's before it becomes gnuplot */
    if (child == 0) {
        if (dup2(out, STDOUT_FILENO) >= 0) {
            execlp("gnuplot", "gnuplot", script, (char *)NULL);
        }
        _exit(errno == ENOENT ? 127 : 126);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static int draw(struct plot *plot, const char *path)
{
    struct output_file file;
    int status = output_begin(&file, path);
    if (status != 0) {
        return status;
    }
    int ended = run_gnuplot(plot->script, file.descriptor);
    if (ended == 0) {
        return output_end(&file);
    }
    output_drop(&file);
    plot->for_later = true;
    if (ended == 127) {
        complain("'%s' was not drawn: gnuplot is not installed; try 'apt-get install gnuplot-nox' "
                 "(dnf, brew: gnuplot), then 'gnuplot %s >%s'",
                 path, plot->script, path);
        return EXIT_MISUSE;
    }
    complain("'%s' was not drawn: 'gnuplot %s' failed", path, plot->script);
    return EXIT_IO;
}

int bench_plot(const char *path, const heddle_bench_row *rows, size_t count,
               const heddle_machine *machine)
{
    struct plot plot = {
        .rows = rows, .count = count, .machine = machine, .terminal = terminal_for(path)};
    const char *room = getenv("TMPDIR");
    snprintf(plot.directory, sizeof plot.directory, "%s/heddle-plot-XXXXXX",
             room != NULL && room[0] == '/' ? room : "/tmp");
    if (mkdtemp(plot.directory) == NULL) {
        complain("cannot create '%s': %s", plot.directory, strerror(errno));
        return EXIT_CREATE;
    }
    snprintf(plot.data, sizeof plot.data, "%s/scaling.dat", plot.directory);
    snprintf(plot.script, sizeof plot.script, "%s/scaling.gp", plot.directory);
    int status = write_file(plot.data, data_of, &plot);
    status = status != 0 ? status : write_file(plot.script, script_of, &plot);
    status = status != 0 ? status : draw(&plot, path);
    if (!plot.for_later) {
        unlink(plot.data);
        unlink(plot.script);
        rmdir(plot.directory);
    }
    return status;
}
