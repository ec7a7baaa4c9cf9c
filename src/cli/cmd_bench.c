/**
 * heddle bench: how fast training steps are for several numbers of threads, against what the
 * machine could do, and what stops the scaling.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench_plot.h"
#include "bench_report.h"
#include "bench_scaling.h"
#include "command.h"
#include "input.h"
#include "options.h"
#include "output.h"

enum { COUNTS = 64, THREADS_MOST = 4096 };

static const struct option options[] = {
    {"shape", 0, OPTION_TEXT, "network", "WIDTHS", NULL,
     "all widths, inputs and outputs included: 784,128,10; without DATA that is the default"},
    {"rows", 0, OPTION_COUNT, "data", "N", "16384", "how many rows to make up without DATA"},
    {"threads", 0, OPTION_TEXT, "machine", "LIST", NULL,
     "numbers of threads to compare, such as 1,2,4; without it 1, 2, 4 … all cores"},
    {"steps", 0, OPTION_COUNT, "run", "N", NULL,
     "updates in a measurement; without it as many as take about 0.1 s"},
    {"repeats", 0, OPTION_COUNT, "run", "N", "7",
     "measurements of each number of threads, taken in turn; the median is shown"},
    {"format", 0, OPTION_CHOICE, "output", "md|csv|json", "md", "a Markdown table, CSV, or JSON"},
    {"json", 0, OPTION_FLAG, "output", NULL, NULL, "as --format json"},
    {"plot", 0, OPTION_TEXT, "output", "FILE", NULL,
     "draw the speed-up against the ideal: FILE.svg, .png, or .txt (needs gnuplot)"},
    {.name = NULL},
};

/** Options of the recipe that say when a run ends, what is told of it, and what is kept. */
static const char *const meaningless[] = {
    "epochs",       "min-error",  "patience",         "watch",  "time-limit", "validation",
    "report-every", "checkpoint", "checkpoint-every", "resume", NULL};

/** "1,2,4" as numbers. Returns how many, or 0 if it is not such a list. */
static size_t read_threads(const char *text, int threads[COUNTS])
{
    size_t count = 0;
    for (;;) {
        char *end;
        long n = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
        if (n < 1 || n > THREADS_MOST || count == COUNTS) {
            return 0;
        }
        threads[count++] = (int)n;
        if (*end == '\0') {
            return count;
        }
        if (*end != ',') {
            return 0;
        }
        text = end + 1;
    }
}

struct bench {
    const struct command_line *line;
    heddle_recipe *recipe;
    heddle_table *table;
    heddle_bench_options asked;
    int threads[COUNTS];
    heddle_bench_row *rows;
    size_t count;
};

/** What only makes sense with DATA, or only without. Returns 0, or complains. */
static int check_options(const struct bench *bench)
{
    const struct command_line *line = bench->line;
    for (size_t i = 0; meaningless[i] != NULL; i++) {
        if (option_given(line, meaningless[i]) != NULL) {
            return misuse(line->command,
                          "--%s means nothing here: --steps updates are measured, and forgotten",
                          meaningless[i]);
        }
    }
    if (line->operand_count > 0 && option_given(line, "rows") != NULL) {
        return misuse(line->command, "--rows is for made-up rows, and '%s' has its own",
                      line->operands[0]);
    }
    if (option_given(line, "hidden") != NULL &&
        (line->operand_count == 0 || option_given(line, "shape") != NULL)) {
        return misuse(line->command, "--hidden is for DATA; --shape names all widths");
    }
    if (line->operand_count == 0 && option_given(line, "categories") != NULL) {
        return misuse(line->command, "--categories is for columns of DATA");
    }
    if (option_flag(line, "json") && option_given(line, "format") != NULL &&
        strcmp(option_given(line, "format"), "json") != 0) {
        return misuse(line->command, "--json and --format %s contradict each other",
                      option_given(line, "format"));
    }
    const char *plot = option_given(line, "plot");
    if (plot != NULL && !bench_plot_known(plot)) {
        return misuse(line->command, "--plot '%s': a plot is FILE.svg, FILE.png or FILE.txt", plot);
    }
    return plot != NULL ? can_create(plot, true) : 0;
}

/** Everything before the measurement. Returns 0, or complains and returns the exit status. */
static int prepare(struct bench *bench)
{
    static const char *const ours[] = {"threads", "steps", NULL};
    const struct command_line *line = bench->line;
    heddle_read_options reading;
    heddle_error err;
    int status = input_options(line, &reading);
    if (status >= 0) {
        return status;
    }
    status = check_options(bench);
    if (status != 0) {
        return status;
    }
    const char *threads = option_given(line, "threads");
    if (threads != NULL) {
        bench->asked.thread_counts = read_threads(threads, bench->threads);
        bench->asked.threads = bench->threads;
        if (bench->asked.thread_counts == 0) {
            return misuse(line->command,
                          "--threads '%s': it takes numbers from 1 to %d, such as 1,2,4", threads,
                          THREADS_MOST);
        }
    }
    bench->asked.shape = option_given(line, "shape");
    bench->asked.rows = (size_t)option_count(line, "rows");
    bench->asked.steps = (uint64_t)option_count(line, "steps");
    bench->asked.repeats = option_count(line, "repeats");
    if (heddle_recipe_create(&bench->recipe, &err) != HEDDLE_OK ||
        options_to_recipe(line, ours, bench->recipe, &err) != HEDDLE_OK) {
        return refuse(line, &err);
    }
    if (line->operand_count > 0) {
        return input_read(line->operands[0], &reading, reading.labels, &bench->table);
    }
    return 0;
}

static int measure(struct bench *bench)
{
    const struct command_line *line = bench->line;
    heddle_error err;
    heddle_machine machine;
    char scaling[SCALING_TEXT];
    bench->rows = need(COUNTS, sizeof *bench->rows);
    bench->count = COUNTS;
    if (heddle_bench(bench->recipe, bench->table, &bench->asked, bench->rows, &bench->count,
                     &err) != HEDDLE_OK ||
        heddle_machine_look(bench->recipe, &machine, &err) != HEDDLE_OK) {
        return refuse(line, &err);
    }
    struct bench_report report = {
        .rows = bench->rows,
        .count = bench->count,
        .machine = &machine,
        .data = line->operand_count > 0 ? line->operands[0] : NULL,
        .scaling = scaling_text(bench->rows, bench->count, &machine, scaling),
    };
    const char *format = option_flag(line, "json") ? "json" : option_value(line, "format");
    if (strcmp(format, "json") == 0) {
        bench_print_json(&report);
    } else if (strcmp(format, "csv") == 0) {
        bench_print_csv(&report);
    } else {
        bench_print_md(&report);
    }
    for (size_t i = 1; i < bench->count; i++) {
        if (strcmp(bench->rows[i].sha256, bench->rows[0].sha256) != 0) {
            complain("the weights of %d and of %d threads differ: please report this",
                     bench->rows[0].threads, bench->rows[i].threads);
            return EXIT_INTERNAL;
        }
    }
    const char *plot = option_given(line, "plot");
    return plot != NULL ? bench_plot(plot, bench->rows, bench->count, &machine) : 0;
}

static int run(const struct command_line *line)
{
    struct bench bench = {.line = line};
    int status = prepare(&bench);
    if (status == 0) {
        status = measure(&bench);
    }
    free(bench.rows);
    heddle_table_free(bench.table);
    heddle_recipe_free(bench.recipe);
    return status;
}

const struct command command_bench = {
    .name = "bench",
    .operands = "[DATA]",
    .summary = "how fast training is, for several numbers of threads",
    .text = "Measures whole training steps: assembling a shuffled batch, both passes, the sum of "
            "the weight deltas and the update. Each row shows examples/s, the share of the fused "
            "multiply-adds that the machine can do on as many threads (measured in between), "
            "speed-up, efficiency, the serial share after Karp and Flatt, and the sha256 of the "
            "weights, which is the same in every row. The last line says what stops the scaling. "
            "Without DATA, rows are made up and the network is a sigmoid one trained on squared "
            "errors by plain gradient descent, in batches of 128, unless options say otherwise.",
    .examples = "  heddle bench\n"
                "  heddle bench --shape 784,1024,1024,10 --batch 1024 --threads 1,2,4,8\n"
                "  heddle bench flowers.csv --hidden 64 --plot scaling.svg\n"
                "  heddle bench --shape 64,32,10 --batch 32 --steps 1000 --isa avx2 --format csv\n",
    .most = 1,
    .recipe = RECIPE_ALL,
    .meaningless = meaningless,
    .options = {input_category_options, input_label_options, input_format_options, options},
    .run = run,
};
