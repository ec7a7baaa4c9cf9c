/**
 * bench_read: how fast tables are read, in MB (10^6 bytes) of text a second: the median of seven
 * readings of a file that is in the page cache.
 *
 *     build/bench/bench_read [DIRECTORY [THREADS…]]
 *
 * makes three files in DIRECTORY (the temporary directory if not given) and keeps them if one was
 * given, so that bench/read_peers.sh can let fread and pandas read the same bytes. With BENCH_ONLY
 * in the environment only the file whose name begins with that is read.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "heddle.h"

enum { ROWS = 60000, REPEATS = 7 };

static uint64_t state = 1;

/* splitmix64 */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double uniform(void)
{
    return (double)(next() >> 11) / 9007199254740992.0;
}

static void cell(FILE *f, int kind)
{
    if (kind == 0) { /* as images are: most are 0 */
        uint64_t r = next();
        fprintf(f, "%d", r % 2 ? 0 : (int)(r >> 8 & 255));
    } else if (kind == 1) {
        fprintf(f, "%.7g", uniform() * 2000 - 1000);
    } else {
        fprintf(f, "%.17g", uniform() * 2 - 1);
    }
}

static void make(const char *path, int kind, int columns)
{
    struct stat info;
    if (stat(path, &info) == 0 && info.st_size > 0)
        return;
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(1);
    }
    for (int c = 0; c < columns; c++)
        fprintf(f, c ? ",c%d" : "c%d", c);
    putc('\n', f);
    for (int i = 0; i < ROWS; i++) {
        for (int c = 0; c < columns; c++) {
            if (c)
                putc(',', f);
            cell(f, kind);
        }
        putc('\n', f);
    }
    if (fclose(f)) {
        perror(path);
        exit(1);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *name, const char *path, int threads)
{
    struct stat info;
    double seconds[REPEATS];
    stat(path, &info);
    for (int i = 0; i < REPEATS; i++) {
        heddle_read_options options = {.threads = threads};
        heddle_table *table;
        heddle_error err;
        double begin = now();
        if (heddle_table_read(path, &options, &table, &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        seconds[i] = now() - begin;
        heddle_table_free(table);
    }
    qsort(seconds, REPEATS, sizeof *seconds, compare);
    printf("%-28s %7d %9.3f %9.3f %9.0f\n", name, threads, seconds[REPEATS / 2], seconds[0],
           (double)info.st_size / 1e6 / seconds[REPEATS / 2]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *file;
        int kind, columns;
    } cases[] = {{"60000x785 small integers", "integers.csv", 0, 785},
                 {"60000x100 of 7 digits", "digits7.csv", 1, 100},
                 {"60000x100 of 17 digits", "digits17.csv", 2, 100}};
    const char *temporary = getenv("TMPDIR");
    const char *directory = argc > 1 ? argv[1] : temporary ? temporary : "/tmp";
    printf("%-28s %7s %9s %9s %9s\n", "", "threads", "seconds", "least", "MB/s");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[4096];
        const char *only = getenv("BENCH_ONLY");
        if (only && strncmp(cases[i].file, only, strlen(only)) != 0)
            continue;
        snprintf(path, sizeof path, "%s/heddle-read-%s", directory, cases[i].file);
        make(path, cases[i].kind, cases[i].columns);
        if (argc > 2)
            for (int a = 2; a < argc; a++)
                measure(cases[i].name, path, atoi(argv[a]));
        else
            for (int threads = 1; threads <= 2; threads++)
                measure(cases[i].name, path, threads);
        if (argc < 2)
            remove(path);
    }
    return 0;
}
