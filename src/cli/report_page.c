/** report_page: see report_page.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "html.h"
#include "report_page.h"
#include "report_parts.h"

enum {
    COMMAND_SHOWN = 8000, /* characters of a command line */
    NOTES_SHOWN = 100,
    NOTE_SHOWN = 1000
};

/* ------------------------------------------------------------------- headline ---------------- */

/** The number a run is judged by. */
struct headline {
    const char *name, *rows; /* "accuracy", "test rows" */
    double value;
    const json_t *score; /* it is in, or NULL */
};

static struct headline headline_of(const json_t *record)
{
    const json_t *result = member(record, "result");
    const json_t *test = member(result, "test");
    const json_t *score = test != NULL ? test : member(result, "validation");
    const char *rows = test != NULL ? "test rows" : "validation rows";
    if (score != NULL) {
        bool classes = member(score, "accuracy") != NULL;
        return (struct headline){classes ? "accuracy" : "R²", rows,
                                 number_of(score, classes ? "accuracy" : "r2"), score};
    }
    const json_t *metrics = member(member(member(record, "compared"), "cv"), "metrics");
    const json_t *accuracy = member(metrics, "accuracy");
    if (metrics != NULL) {
        return (struct headline){
            accuracy != NULL ? "accuracy" : "R²", "cross-validation",
            number_of(accuracy != NULL ? accuracy : member(metrics, "r2"), "mean"), NULL};
    }
    double loss = result != NULL ? number_of(result, "loss") : (double)NAN;
    return (struct headline){"loss", "training rows", loss, NULL};
}

/** The file's name without the directories before it. */
static const char *data_name(const json_t *record)
{
    const char *path = text_of(member(member(record, "start"), "data"), "path");
    const char *slash = strrchr(path, '/');
    return strcmp(path, "-") == 0 ? "standard input" : slash != NULL && slash[1] ? slash + 1 : path;
}

static void write_headline(FILE *stream, const struct headline *headline)
{
    if (strcmp(headline->name, "accuracy") == 0) {
        fprintf(stream, "%.2f %%", 100 * headline->value);
    } else {
        html_number(stream, headline->value);
    }
}

static void write_head(FILE *stream, const json_t *record)
{
    const struct headline headline = headline_of(record);
    fputs("<!DOCTYPE html>\n"
          "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\"><head><meta charset=\"utf-8\"/>"
          "<title>",
          stream);
    html_text(stream, data_name(record), 60);
    if (isfinite(headline.value)) {
        fprintf(stream, ": %s ", headline.name);
        write_headline(stream, &headline);
        fprintf(stream, ", %s", headline.rows);
    }
    fputs("</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"generator\" content=\"heddle ",
          stream);
    html_text(stream, text_of(member(record, "start"), "version"), 0);
    /* Whatever a browser would fetch is forbidden, though there is nothing to be fetched. */
    fprintf(stream,
            "\"/>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "style-src 'unsafe-inline'\"/>\n<style>\n%s</style></head>\n<body>\n",
            report_style);
}

/** "classification into 10 classes · 64-96-10 · 7,210 parameters" */
static void write_title(FILE *stream, const json_t *record)
{
    const json_t *start = member(record, "start");
    const json_t *network = member(record, "network");
    fputs("<h1>", stream);
    html_text(stream, data_name(record), 120);
    fputs("</h1>\n<p class=\"sub\">", stream);
    if (strcmp(text_of(network, "task"), "classify") == 0) {
        const json_t *score = headline_of(record).score;
        size_t classes = json_array_size(member(score, "classes"));
        classes =
            classes > 0 ? classes : json_array_size(member(member(record, "data"), "classes"));
        fprintf(stream, classes > 0 ? "classification, %zu classes · " : "classification · ",
                classes);
    } else if (network != NULL) {
        uint64_t targets = count_of(network, "target_count");
        fputs("regression", stream);
        fprintf(stream, targets > 1 ? ", %" PRIu64 " targets · " : " · ", targets);
    }
    html_text(stream, text_of(start, "shape"), 0);
    fputs(" · ", stream);
    html_count(stream, count_of(start, "parameters"));
    fputs(" parameters · trained by heddle ", stream);
    html_text(stream, text_of(start, "version"), 0);
    fputs(" · begun ", stream);
    const char *time = text_of(start, "time"); /* 2026-11-25T23:53:31Z */
    fprintf(stream, "%.10s %.5s UTC", time, strlen(time) > 11 ? time + 11 : "");
    fputs("</p>\n", stream);
}

/* ------------------------------------------------------------------- how it ended ------------ */

static void write_signal(FILE *stream, const json_t *record)
{
    const json_t *result = member(record, "result");
    const json_t *checkpoint = member(result, "checkpoint");
    const char *file = text_of(member(member(record, "start"), "options"), "checkpoint");
    file = *file ? file : text_of(member(member(record, "start"), "recipe"), "checkpoint");
    fprintf(stream, "<p class=\"status bad\"><b>Ended by signal %" PRIu64 "</b> after update ",
            count_of(record, "signal"));
    html_count(stream, count_of(result, "steps"));
    fputs("; no model was written, and the scores are those of the weights it had then.", stream);
    if (checkpoint != NULL && json_equal(checkpoint, member(result, "steps"))) {
        fputs(" The same command with <code>--resume auto</code> goes on from <code>", stream);
        html_text(stream, file, 200);
        fputs("</code>.", stream);
    }
    fputs("</p>\n", stream);
}

static void write_status(FILE *stream, const json_t *record)
{
    const json_t *result = member(record, "result");
    const json_t *error = member(record, "error");
    const char *ended = true_of(result, "late")        ? "--time-limit ended the run."
                        : true_of(result, "impatient") ? "--patience ended the run: no lower loss."
                        : true_of(result, "converged") ? "Converged: nothing was left to gain."
                        : true_of(result, "min_error") ? "The error went to or below --min-error."
                                                       : NULL;
    if (error != NULL) {
        fputs("<p class=\"status bad\"><b>Diverged.</b> What heddle said: ", stream);
        html_text(stream, text_of(error, "message"), 0);
        fputs("</p>\n", stream);
    } else if (member(record, "signal") != NULL) {
        write_signal(stream, record);
    } else if (ended != NULL) {
        fprintf(stream, "<p class=\"status\">%s", ended);
        if (count_of(result, "best_epoch") > 0) {
            fputs(" The model has the weights of epoch ", stream);
            html_count(stream, count_of(result, "best_epoch"));
            fputs(", the best.", stream);
        }
        fputs("</p>\n", stream);
    }
}

/* ------------------------------------------------------------------- tiles ------------------- */

static void tile_begin(FILE *stream, const char *label)
{
    fprintf(stream, "<div><dt>%s</dt><dd>", label);
}

static void tile_end(FILE *stream)
{
    fputs("</dd></div>\n", stream);
}

static void write_seconds(FILE *stream, double seconds)
{
    if (seconds < 120) {
        html_number(stream, seconds < 10 ? round(seconds * 1000) / 1000 : round(seconds * 10) / 10);
        fputs(" s", stream);
    } else {
        fprintf(stream, "%.0f:%02.0f:%02.0f h", floor(seconds / 3600),
                floor(fmod(seconds, 3600) / 60), floor(fmod(seconds, 60)));
    }
}

/** Was a step left to do? If not, there are no times and no speed. */
static bool made_steps(const json_t *result)
{
    return number_of(result, "examples_per_second") > 0;
}

static void write_result_tiles(FILE *stream, const json_t *record)
{
    const struct headline headline = headline_of(record);
    const json_t *result = member(record, "result");
    if (isfinite(headline.value)) {
        tile_begin(stream, headline.name);
        write_headline(stream, &headline);
        fprintf(stream, "<small>%s</small>", headline.rows);
        tile_end(stream);
    }
    if (member(headline.score, "rmse") != NULL) {
        tile_begin(stream, "root mean squared error");
        html_number(stream, number_of(headline.score, "rmse"));
        fprintf(stream, "<small>%s</small>", headline.rows);
        tile_end(stream);
    }
    if (strcmp(headline.name, "loss") != 0) {
        tile_begin(stream, "training loss");
        html_number(stream, number_of(result, "loss"));
        if (headline.score != NULL) {
            fputs("<small>", stream);
            html_number(stream, number_of(headline.score, "loss"));
            fprintf(stream, " on the %s</small>", headline.rows);
        }
        tile_end(stream);
    }
}

static void write_tiles(FILE *stream, const json_t *record)
{
    const json_t *result = member(record, "result");
    fputs("<dl class=\"tiles\">\n", stream);
    if (result != NULL) {
        write_result_tiles(stream, record);
        tile_begin(stream, "epochs");
        html_count(stream, count_of(result, "epochs"));
        fputs("<small>", stream);
        html_count(stream, count_of(result, "steps"));
        fputs(" updates of ", stream);
        html_count(stream, count_of(result, "batch"));
        fputs(" rows</small>", stream);
        tile_end(stream);
        if (made_steps(result)) {
            tile_begin(stream, "training");
            write_seconds(stream, number_of(result, "seconds"));
            fprintf(stream, "<small>%" PRIu64 " thread%s", count_of(result, "threads"),
                    count_of(result, "threads") == 1 ? "" : "s");
            if (count_of(result, "ranks") > 1) {
                fprintf(stream, " on each of %" PRIu64 " ranks", count_of(result, "ranks"));
            }
            fputs("</small>", stream);
            tile_end(stream);
        }
    } else {
        tile_begin(stream, "updates made");
        html_count(stream, count_of(member(record, "curve"), "last"));
        tile_end(stream);
    }
    fputs("</dl>\n", stream);
}

/* ------------------------------------------------------------------- machine ----------------- */

static void row(FILE *stream, const char *label, const char *text)
{
    if (*text != '\0') {
        fprintf(stream, "<tr><td>%s</td><td class=\"long\">", label);
        html_text(stream, text, 300);
        fputs("</td></tr>\n", stream);
    }
}

static void row_number(FILE *stream, const char *label, double value, const char *unit)
{
    if (isfinite(value)) {
        fprintf(stream, "<tr><td>%s</td><td>", label);
        if (value >= 1e5) {
            html_count(stream, (uint64_t)fmin(value, 1e18));
        } else {
            html_number(stream, value);
        }
        fprintf(stream, "%s</td></tr>\n", unit);
    }
}

static void write_machine(FILE *stream, const json_t *record)
{
    const json_t *machine = member(member(record, "start"), "machine");
    const json_t *result = member(record, "result");
    fputs("<h2>Machine</h2>\n<table class=\"pair\"><tbody>\n", stream);
    row(stream, "processor", text_of(machine, "processor"));
    row_number(stream, "cores", number_of(machine, "cores"), "");
    row_number(stream, "threads", number_of(result != NULL ? result : machine, "threads"), "");
    row(stream, "why that many", text_of(result, "threads_why"));
    row_number(stream, "ranks", number_of(result, "ranks"), "");
    row(stream, "instruction set", text_of(result != NULL ? result : machine, "isa"));
    if (made_steps(result)) {
        row_number(stream, "training", number_of(result, "seconds"), " s");
        row_number(stream, "speed", number_of(result, "examples_per_second"), " examples/s");
        row_number(stream, "arithmetic", number_of(result, "gflops"), " GFLOP/s");
        row_number(stream, "of the machine’s limit", number_of(result, "percent_of_limit"), " %");
    }
    fputs("</tbody></table>\n"
          "<p class=\"dim\">Nothing in this section changes the model: its bytes are the same for "
          "any number of threads and ranks and any instruction set.</p>\n",
          stream);
}

/* ------------------------------------------------------------------- again ------------------- */

static void write_command(FILE *stream, const char *heading, const char *command)
{
    fprintf(stream, "<h3>%s</h3>\n", heading);
    fputs("<pre>", stream);
    html_text(stream, command, COMMAND_SHOWN);
    fputs("</pre>\n", stream);
    if (strlen(command) > COMMAND_SHOWN) {
        fprintf(stream, "<p class=\"dim\">Cut: it has %zu bytes.</p>\n", strlen(command));
    }
}

static void write_again(FILE *stream, const json_t *record)
{
    const json_t *start = member(record, "start");
    const json_t *result = member(record, "result");
    const char *log = text_of(member(start, "options"), "log");
    fputs("<h2>To get the same model</h2>\n", stream);
    write_command(stream, "The command of this run", text_of(record, "given"));
    fputs("<p class=\"dim\">In the directory <code>", stream);
    html_text(stream, text_of(start, "directory"), 500);
    fputs("</code>.</p>\n", stream);
    if (member(record, "same") != NULL) {
        write_command(stream, "The command that makes the same model, bit for bit",
                      text_of(record, "same"));
        fputs("<p class=\"dim\">On any machine, with any number of threads or ranks; straight "
              "through or interrupted and resumed.",
              stream);
        if (strcmp(text_of(member(start, "data"), "path"), "-") == 0) {
            fputs(" It reads the data from standard input.", stream);
        }
        if (*log != '\0') {
            fputs(" <code>heddle verify ", stream);
            html_text(stream, log, 300);
            fputs("</code> does so and compares.", stream);
        }
        fputs("</p>\n", stream);
    } else if (true_of(result, "late")) {
        fputs("<p>How far a run with --time-limit comes depends on the machine: no command makes "
              "this model again for certain.</p>\n",
              stream);
    }
    fputs("<table class=\"pair\"><tbody>\n", stream);
    row(stream, "model", member(record, "saved") != NULL ? text_of(record, "saved") : "not saved");
    fputs("<tr><td>sha256 of the model</td><td class=\"long\"><code id=\"model-sha256\">", stream);
    html_text(stream, result != NULL ? text_of(result, "sha256") : "–", 0);
    fputs("</code></td></tr>\n<tr><td>sha256 of the training rows</td><td class=\"long\"><code "
          "id=\"data-sha256\">",
          stream);
    html_text(stream, text_of(start, "data_sha256"), 0);
    fputs("</code> <small>as the network sees them</small></td></tr>\n", stream);
    row(stream, "sha256 of the validation rows", text_of(start, "validation_sha256"));
    row(stream, "seed", text_of(member(start, "recipe"), "seed"));
    row(stream, "heddle", text_of(start, "version"));
    row(stream, "numerics", text_of(member(record, "network"), "numerics"));
    fputs("</tbody></table>\n", stream);
}

static void write_notes(FILE *stream, const json_t *record)
{
    const json_t *notes = member(record, "notes");
    size_t count = json_array_size(notes);
    if (count == 0) {
        return;
    }
    fputs("<h2>Notes of the run</h2>\n<ul>\n", stream);
    for (size_t i = 0; i < count && i < NOTES_SHOWN; i++) {
        fputs("<li>", stream);
        html_text(stream, json_string_value(json_array_get(notes, i)), NOTE_SHOWN);
        fputs("</li>\n", stream);
    }
    fputs("</ul>\n", stream);
    if (count > NOTES_SHOWN) {
        fprintf(stream, "<p class=\"dim\">… and %zu more.</p>\n", count - NOTES_SHOWN);
    }
}

void report_page_write(FILE *stream, const json_t *record)
{
    write_head(stream, record);
    fputs("<header>\n", stream);
    write_title(stream, record);
    write_status(stream, record);
    write_tiles(stream, record);
    fputs("</header>\n<main>\n", stream);
    report_curves(stream, record);
    report_scores(stream, record);
    report_compared(stream, record);
    report_data(stream, record);
    report_recipe(stream, record);
    write_machine(stream, record);
    write_again(stream, record);
    write_notes(stream, record);
    fputs("</main>\n</body></html>\n", stream);
}
