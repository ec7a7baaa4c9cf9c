/** bench_report: see bench_report.h. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "bench_report.h"
#include "json_out.h"
#include "output.h"

enum { COLUMNS = 11, CELL = 32, HASH_DIGITS = 12 };

/** "AMD EPYC, 2 cores" */
static void machine_text(const heddle_machine *machine, char *text, size_t size)
{
    snprintf(text, size, "%s, %d of %d core%s", machine->processor, machine->allowed_cores,
             machine->cores, machine->cores == 1 ? "" : "s");
    if (machine->quota > 0) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, ", quota %.3g", machine->quota);
    }
}

static const char *precision(const heddle_bench_row *row)
{
    return row->use_double ? "double" : "float";
}

/** A number with four digits that count, and no power of ten below a million million. */
static void number(double value, char cell[CELL])
{
    if (!isfinite(value)) {
        snprintf(cell, CELL, "-");
    } else if (fabs(value) >= 1000) {
        snprintf(cell, CELL, "%.0f", value);
    } else {
        snprintf(cell, CELL, "%#.4g", value);
        size_t length = strlen(cell);
        if (length > 0 && cell[length - 1] == '.') {
            cell[length - 1] = '\0';
        }
    }
}

static void percent(double value, char cell[CELL])
{
    if (isfinite(value)) {
        snprintf(cell, CELL, "%.1f %%", value);
    } else {
        snprintf(cell, CELL, "-");
    }
}

static void md_row(const heddle_bench_row *row, bool alone, char cells[COLUMNS][CELL])
{
    snprintf(cells[0], CELL, "%d", row->threads);
    number(row->us_per_step, cells[1]);
    number(row->us_min, cells[2]);
    number(row->us_max, cells[3]);
    number(row->examples_per_second, cells[4]);
    number(row->gflops, cells[5]);
    percent(row->percent_of_limit, cells[6]);
    number(alone ? NAN : row->speedup, cells[7]);
    percent(alone ? NAN : 100 * row->efficiency, cells[8]);
    percent(100 * row->serial, cells[9]);
    snprintf(cells[10], CELL, "%.*s", HASH_DIGITS, row->sha256);
}

void bench_print_md(const struct bench_report *report)
{
    static const char *const heads[COLUMNS] = {"threads",    "µs/step", "min",        "max",
                                               "examples/s", "GFLOP/s", "% of limit", "speed-up",
                                               "efficiency", "serial",  "sha256"};
    const heddle_bench_row *first = &report->rows[0];
    char cells[COLUMNS][CELL];
    char machine[256];
    size_t width[COLUMNS];
    machine_text(report->machine, machine, sizeof machine);
    printf("%s, batch %zu in %zu shard%s of %zu, %s: median of %d × %" PRIu64 " steps\n",
           first->shape, first->batch, first->shards, first->shards == 1 ? "" : "s", first->shard,
           precision(first), first->repeats, first->steps);
    printf("heddle %s, %s; %s\n\n", heddle_version(), first->isa, machine);
    for (size_t c = 0; c < COLUMNS; c++) {
        width[c] = text_width(heads[c]);
    }
    for (size_t i = 0; i < report->count; i++) {
        md_row(&report->rows[i], report->count == 1, cells);
        for (size_t c = 0; c < COLUMNS; c++) {
            width[c] = text_width(cells[c]) > width[c] ? text_width(cells[c]) : width[c];
        }
    }
    for (size_t c = 0; c < COLUMNS; c++) {
        printf("| %*s%s ", (int)(width[c] - text_width(heads[c])), "", heads[c]);
    }
    puts("|");
    for (size_t c = 0; c < COLUMNS; c++) {
        printf("|%.*s:", (int)width[c] + 1, "--------------------------------");
    }
    puts("|");
    for (size_t i = 0; i < report->count; i++) {
        md_row(&report->rows[i], report->count == 1, cells);
        for (size_t c = 0; c < COLUMNS; c++) {
            printf("| %*s%s ", (int)(width[c] - text_width(cells[c])), "", cells[c]);
        }
        puts("|");
    }
    printf("\n%s\n", report->scaling);
}

void bench_print_csv(const struct bench_report *report)
{
    char machine[256];
    char text[HEDDLE_NUMBER_SIZE];
    machine_text(report->machine, machine, sizeof machine);
    printf("# heddle %s bench\n# machine: %s\n# kernels: %s\n# data: %s\n", heddle_version(),
           machine, report->rows[0].isa, report->data != NULL ? report->data : "made up");
    printf("# us_per_step: median of %d measurements of %" PRIu64 " steps, whole steps\n",
           report->rows[0].repeats, report->rows[0].steps);
    puts("threads,us_per_step,us_min,us_max,examples_per_second,gflops,limit_gflops,"
         "percent_of_limit,speedup,efficiency,serial,shape,parameters,batch,shard,shards,ranks,isa,"
         "precision,sha256");
    for (size_t i = 0; i < report->count; i++) {
        const heddle_bench_row *row = &report->rows[i];
        const double values[] = {row->us_per_step,         row->us_min,  row->us_max,
                                 row->examples_per_second, row->gflops,  row->limit_gflops,
                                 row->percent_of_limit,    row->speedup, row->efficiency};
        printf("%d", row->threads);
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            printf(",%.6g", values[v]);
        }
        printf(",%s", isfinite(row->serial) ? heddle_number_text(row->serial, true, text) : "");
        printf(",%s,%zu,%zu,%zu,%zu,%d,%s,%s,%s\n", row->shape, row->parameters, row->batch,
               row->shard, row->shards, row->ranks, row->isa, precision(row), row->sha256);
    }
    printf("# %s\n", report->scaling);
}

static json_t *row_json(const heddle_bench_row *row)
{
    json_t *object = json_object();
    json_put(object, "shape", json_text(row->shape));
    json_put(object, "parameters", json_count(row->parameters));
    json_put(object, "batch", json_count(row->batch));
    json_put(object, "threads", json_integer(row->threads));
    json_put(object, "ranks", json_integer(row->ranks));
    json_put(object, "isa", json_text(row->isa));
    json_put(object, "precision", json_text(precision(row)));
    json_put(object, "shard", json_count(row->shard));
    json_put(object, "shards", json_count(row->shards));
    json_put(object, "steps", json_count(row->steps));
    json_put(object, "repeats", json_integer(row->repeats));
    json_put(object, "us_per_step", json_number(row->us_per_step));
    json_put(object, "us_min", json_number(row->us_min));
    json_put(object, "us_max", json_number(row->us_max));
    json_put(object, "examples_per_second", json_number(row->examples_per_second));
    json_put(object, "gflops", json_number(row->gflops));
    json_put(object, "percent_of_limit", json_number(row->percent_of_limit));
    json_put(object, "speedup", json_number(row->speedup));
    json_put(object, "efficiency", json_number(row->efficiency));
    json_put(object, "serial", json_number(row->serial));
    json_put(object, "sha256", json_text(row->sha256));
    return object;
}

void bench_print_json(const struct bench_report *report)
{
    char text[256];
    json_t *object = json_object();
    json_t *limits = json_object();
    json_t *rows = json_array();
    for (size_t i = 0; i < report->count; i++) {
        char threads[16];
        snprintf(threads, sizeof threads, "%d", report->rows[i].threads);
        json_put(limits, threads, json_number(report->rows[i].limit_gflops));
        json_array_append_new(rows, row_json(&report->rows[i]));
    }
    machine_text(report->machine, text, sizeof text);
    json_put(object, "version", json_text(heddle_version()));
    json_put(object, "machine", json_text(text));
    json_put(object, "data", json_text(report->data));
    json_put(object, "limit_gflops", limits);
    json_put(object, "rows", rows);
    json_put(object, "scaling", json_text(report->scaling));
    json_write(stdout, object, true);
    json_decref(object);
}
