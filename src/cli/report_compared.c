/** report_compared: folds and ranks of a report; see report_parts.h. */
#include <math.h>
#include <string.h>

#include "html.h"
#include "report_parts.h"

enum { LISTED = 100 };

/** Metrics in the order of the tables, under the names of the JSON. */
static const char *const keys[][2] = {
    {"accuracy", "accuracy"},
    {"balanced_accuracy", "balanced"},
    {"log_loss", "log loss"},
    {"auc", "AUC"},
    {"r2", "R²"},
    {"rmse", "RMSE"},
    {"mae", "MAE"},
    {"loss", "loss"},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static void write_row(FILE *stream, const json_t *metrics, const json_t *values, const char *part)
{
    for (size_t k = 0; k < KEYS; k++) {
        const json_t *metric = member(metrics, keys[k][0]);
        if (metric != NULL) {
            fputs("<td" RIGHT ">", stream);
            html_number(stream,
                        part != NULL ? number_of(metric, part) : number_of(values, keys[k][0]));
            fputs("</td>", stream);
        }
    }
    fputs("</tr>\n", stream);
}

static void write_folds(FILE *stream, const json_t *cv)
{
    const json_t *metrics = member(cv, "metrics");
    const json_t *runs = member(cv, "runs");
    size_t folds = json_array_size(runs);
    fprintf(stream,
            "<h2>Cross-validation, %zu folds</h2>\n<p>Each fold was held out once, and a network "
            "trained on the others. The model of this report is trained on all rows.</p>\n"
            "<div class=\"wide\"><table><thead><tr><th>fold</th><th" RIGHT ">rows</th>",
            folds);
    for (size_t k = 0; k < KEYS; k++) {
        if (member(metrics, keys[k][0]) != NULL) {
            fprintf(stream, "<th" RIGHT ">%s</th>", keys[k][1]);
        }
    }
    fputs("</tr></thead><tbody>\n<tr><td><b>mean</b></td><td></td>", stream);
    write_row(stream, metrics, NULL, "mean");
    fputs("<tr><td><b>deviation</b></td><td></td>", stream);
    write_row(stream, metrics, NULL, "deviation");
    for (size_t r = 0; r < folds && r < LISTED; r++) {
        const json_t *run = json_array_get(runs, r);
        fprintf(stream, "<tr><td>%zu</td><td" RIGHT ">", r + 1);
        html_count(stream, count_of(run, "rows"));
        fputs("</td>", stream);
        write_row(stream, metrics, run, NULL);
    }
    fputs("</tbody></table></div>\n", stream);
    if (folds > LISTED) {
        fprintf(stream, "<p class=\"dim\">… and %zu more.</p>\n", folds - LISTED);
    }
}

/** One number of a candidate: the mean over its runs. */
static double mean_of(const json_t *trial, const char *key, const char *part)
{
    return number_of(member(member(trial, "metrics"), key), part);
}

static void write_candidate(FILE *stream, const json_t *trial, const char *score, bool folds)
{
    fputs("<tr><td" RIGHT ">", stream);
    html_count(stream, count_of(trial, "rank"));
    fputs("</td><td" RIGHT ">", stream);
    if (true_of(trial, "diverged")) {
        fputs("diverged", stream);
    } else {
        html_number(stream, mean_of(trial, score, "mean"));
    }
    if (folds) {
        fputs("</td><td" RIGHT ">", stream);
        html_number(stream, mean_of(trial, score, "deviation"));
    }
    fputs("</td><td" RIGHT ">", stream);
    html_number(stream, mean_of(trial, "loss", "mean"));
    fputs("</td><td" RIGHT ">", stream);
    html_count(stream, count_of(trial, "parameters"));
    fputs("</td><td" RIGHT ">", stream);
    html_number(stream, number_of(trial, "seconds"));
    fputs("</td><td class=\"long\"><code>", stream);
    const char *separator = "";
    json_t *options = member(trial, "options");
    for (void *at = json_object_iter(options); at != NULL;
         at = json_object_iter_next(options, at)) {
        fprintf(stream, "%s--", separator);
        html_text(stream, json_object_iter_key(at), 60);
        fputs(" ", stream);
        html_text(stream, json_string_value(json_object_iter_value(at)), 100);
        separator = " ";
    }
    fputs("</code></td></tr>\n", stream);
}

static void write_ranks(FILE *stream, const json_t *search, bool folds)
{
    size_t count = json_array_size(search);
    const json_t *best = json_array_get(search, 0);
    bool classes = member(member(best, "metrics"), "accuracy") != NULL;
    fprintf(stream,
            "<h2>Search, %zu candidates</h2>\n<p>Ranked by the %s of the %s. The model of this "
            "report is that of the first.</p>\n<div class=\"wide\"><table><thead><tr><th" RIGHT
            ">rank</th><th" RIGHT ">%s</th>%s<th" RIGHT ">loss</th><th" RIGHT
            ">parameters</th><th" RIGHT ">seconds</th><th>options</th></tr></thead><tbody>\n",
            count, classes ? "accuracy" : "R²", folds ? "folds" : "validation rows",
            classes ? "accuracy" : "R²", folds ? "<th" RIGHT ">deviation</th>" : "");
    for (size_t i = 0; i < count && i < LISTED; i++) {
        write_candidate(stream, json_array_get(search, i), classes ? "accuracy" : "r2", folds);
    }
    fputs("</tbody></table></div>\n", stream);
    if (count > LISTED) {
        fprintf(stream, "<p class=\"dim\">… and %zu more.</p>\n", count - LISTED);
    }
}

void report_compared(FILE *stream, const json_t *record)
{
    const json_t *compared = member(record, "compared");
    const json_t *cv = member(compared, "cv");
    const json_t *search = member(compared, "search");
    if (search != NULL) {
        write_ranks(stream, search, cv != NULL);
    }
    if (cv != NULL) {
        write_folds(stream, cv);
    }
}
