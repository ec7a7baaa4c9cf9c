/** report_score: scores, classes and confusions of a report; see report_parts.h. */
#include <math.h>
#include <string.h>

#include "html.h"
#include "report_parts.h"
#include "report_plot.h"

enum {
    MATRIX_CLASSES = 40, /* of more the commonest mistakes are listed */
    SMALL_MATRIX = 15,   /* a larger one is written smaller */
    LISTED_CLASSES = 60, /* of more those with the lowest F1 */
    MISTAKES = 20,
    FEW_MISTAKES = 8, /* beside a matrix */
    SAMPLE = 1000
};

static const char *const sets[] = {"validation", "test"};
enum { SETS = sizeof sets / sizeof sets[0] };

/* ------------------------------------------------------------------- metrics ----------------- */

/** What a score may have, in this order, under the names of the JSON. */
static const struct metric {
    const char *key, *name;
    bool share;
} metrics[] = {
    {"accuracy", "accuracy", true},
    {"balanced_accuracy", "balanced accuracy", true},
    {"top", "among the likeliest", true}, /* "top3": see below */
    {"log_loss", "log loss", false},
    {"auc", "area under the ROC curve", true},
    {"r2", "R²", true},
    {"rmse", "root mean squared error", false},
    {"mae", "mean absolute error", false},
    {"loss", "loss", false},
};
enum { METRICS = sizeof metrics / sizeof metrics[0] };

/** A number with all its digits for programs and a few for people. */
static void write_value(FILE *stream, const char *set, const char *key, double value, bool share)
{
    if (!isfinite(value)) {
        fputs("–", stream);
        return;
    }
    fprintf(stream, "<data id=\"%s-%s\" value=\"%.17g\">", set, key, value);
    (share ? html_share : html_number)(stream, value);
    fputs("</data>", stream);
}

/** The name under which a score has the metric: "top3" for "top"; NULL if it has none such. */
static const char *key_in(const json_t *score, const char *key)
{
    bool top = strcmp(key, "top") == 0;
    for (void *at = json_object_iter((json_t *)score); at != NULL;
         at = json_object_iter_next((json_t *)score, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, key) == 0 || (top && strncmp(name, "top", 3) == 0)) {
            return name;
        }
    }
    return NULL;
}

static void write_metrics(FILE *stream, const json_t *const score[SETS])
{
    fputs("<div><h3>Metrics</h3>\n<table><thead><tr><th></th>", stream);
    for (size_t s = 0; s < SETS; s++) {
        if (score[s] != NULL) {
            fprintf(stream, "<th" RIGHT ">%s</th>", sets[s]);
        }
    }
    fputs("</tr></thead><tbody>\n<tr><td>rows</td>", stream);
    for (size_t s = 0; s < SETS; s++) {
        if (score[s] != NULL) {
            fprintf(stream, "<td" RIGHT ">");
            html_count(stream, count_of(score[s], "rows"));
            fputs("</td>", stream);
        }
    }
    fputs("</tr>\n", stream);
    for (size_t m = 0; m < METRICS; m++) {
        const char *key = key_in(score[score[0] == NULL], metrics[m].key);
        if (key == NULL) {
            continue;
        }
        bool top = strcmp(metrics[m].key, "top") == 0;
        fprintf(stream, "<tr><td>%s%s%s</td>", top ? "among the " : metrics[m].name,
                top ? key + 3 : "", top ? " likeliest" : "");
        for (size_t s = 0; s < SETS; s++) {
            if (score[s] != NULL) {
                fputs("<td" RIGHT ">", stream);
                write_value(stream, sets[s], key, number_of(score[s], key), metrics[m].share);
                fputs("</td>", stream);
            }
        }
        fputs("</tr>\n", stream);
    }
    fputs("</tbody></table></div>\n", stream);
}

/* ------------------------------------------------------------------- classes ----------------- */

static double at(const json_t *score, const char *key, size_t i)
{
    const json_t *value = json_array_get(member(score, key), i);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static uint64_t count_at(const json_t *matrix, size_t i, size_t j)
{
    return (uint64_t)json_integer_value(json_array_get(json_array_get(matrix, i), j));
}

static uint64_t rows_of_class(const json_t *matrix, size_t i)
{
    uint64_t rows = 0;
    for (size_t j = 0; j < json_array_size(matrix); j++) {
        rows += count_at(matrix, i, j);
    }
    return rows;
}

/** F1 of a class, for sorting: one that has no rows comes last. */
static double rank_of(const json_t *score, size_t i)
{
    double f1 = at(score, "f1", i);
    bool empty = rows_of_class(member(score, "confusion"), i) == 0;
    return empty || !isfinite(f1) ? 2 : f1;
}

/** The LISTED_CLASSES classes with the lowest F1, in its order. */
static void find_worst(const json_t *score, size_t classes, size_t worst[LISTED_CLASSES])
{
    double rank[LISTED_CLASSES];
    size_t found = 0;
    for (size_t i = 0; i < classes; i++) {
        double one = rank_of(score, i);
        if (found == LISTED_CLASSES && one >= rank[found - 1]) {
            continue;
        }
        size_t k = found < LISTED_CLASSES ? found++ : found - 1;
        for (; k > 0 && rank[k - 1] > one; k--) {
            rank[k] = rank[k - 1];
            worst[k] = worst[k - 1];
        }
        rank[k] = one;
        worst[k] = i;
    }
}

static void write_class(FILE *stream, const json_t *score, size_t i)
{
    static const char *const keys[] = {"precision", "recall", "f1"};
    fputs("<tr><td>", stream);
    html_name(stream, json_string_value(json_array_get(member(score, "classes"), i)));
    fputs("</td><td" RIGHT ">", stream);
    html_count(stream, rows_of_class(member(score, "confusion"), i));
    fputs("</td>", stream);
    for (size_t k = 0; k < 3; k++) {
        fputs("<td" RIGHT ">", stream);
        html_share(stream, at(score, keys[k], i));
        fputs("</td>", stream);
    }
    fputs("</tr>\n", stream);
}

static void write_classes(FILE *stream, const json_t *score, const char *set)
{
    size_t classes = json_array_size(member(score, "classes"));
    if (classes == 0 || json_array_size(member(score, "precision")) != classes) {
        return;
    }
    fprintf(stream, "<div><h3>Classes of the %s rows</h3>\n", set);
    if (classes > LISTED_CLASSES) {
        fprintf(stream, "<p class=\"dim\">The %d of %zu with the lowest F1.</p>\n", LISTED_CLASSES,
                classes);
    }
    fputs("<div class=\"wide\"><table><thead><tr><th>class</th><th" RIGHT ">rows</th><th" RIGHT
          ">precision</th><th" RIGHT ">recall</th><th" RIGHT ">F1</th></tr></thead><tbody>\n",
          stream);
    size_t worst[LISTED_CLASSES];
    if (classes > LISTED_CLASSES) {
        find_worst(score, classes, worst);
    }
    for (size_t i = 0; i < classes && i < LISTED_CLASSES; i++) {
        write_class(stream, score, classes > LISTED_CLASSES ? worst[i] : i);
    }
    fputs("</tbody></table></div></div>\n", stream);
}

/* ------------------------------------------------------------------- confusion --------------- */

struct mistake {
    uint64_t count;
    size_t actual, predicted;
};

/** Keep the most frequent mistakes, in their order; of equals the first. Returns how many. */
static size_t find_mistakes(const json_t *matrix, struct mistake mistake[MISTAKES], size_t most)
{
    size_t n = json_array_size(matrix);
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            uint64_t count = count_at(matrix, i, j);
            if (i == j || count == 0 || (found == most && count <= mistake[found - 1].count)) {
                continue;
            }
            size_t k = found < most ? found++ : found - 1;
            for (; k > 0 && mistake[k - 1].count < count; k--) {
                mistake[k] = mistake[k - 1];
            }
            mistake[k] = (struct mistake){count, i, j};
        }
    }
    return found;
}

static void write_mistakes(FILE *stream, const json_t *score, const char *set, size_t most)
{
    const json_t *matrix = member(score, "confusion");
    const json_t *names = member(score, "classes");
    struct mistake mistake[MISTAKES];
    size_t found = find_mistakes(matrix, mistake, most);
    if (found == 0) {
        return;
    }
    fprintf(stream,
            "<div><h3>Commonest mistakes, %s</h3>\n<div class=\"wide\"><table><thead><tr>"
            "<th" RIGHT ">times</th><th>true class</th><th>taken for</th><th" RIGHT
            ">of the class</th></tr></thead><tbody>\n",
            set);
    for (size_t i = 0; i < found; i++) {
        fputs("<tr><td" RIGHT ">", stream);
        html_count(stream, mistake[i].count);
        fputs("</td><td>", stream);
        html_name(stream, json_string_value(json_array_get(names, mistake[i].actual)));
        fputs("</td><td>", stream);
        html_name(stream, json_string_value(json_array_get(names, mistake[i].predicted)));
        double share = (double)mistake[i].count / (double)rows_of_class(matrix, mistake[i].actual);
        fprintf(stream, "</td><td" RIGHT ">%.3g %%</td></tr>\n", 100 * share);
    }
    fputs("</tbody></table></div></div>\n", stream);
}

static void write_matrix(FILE *stream, const json_t *score, const char *set)
{
    const json_t *matrix = member(score, "confusion");
    const json_t *names = member(score, "classes");
    size_t n = json_array_size(matrix);
    fprintf(stream,
            "<div><h3>True class by predicted class, %s</h3>\n<div class=\"wide\">"
            "<table class=\"matrix%s\"><thead><tr class=\"up\"><th>true \\ predicted</th>",
            set, n > SMALL_MATRIX ? " many" : "");
    for (size_t j = 0; j < n; j++) {
        const char *name = json_string_value(json_array_get(names, j));
        bool upright = strlen(name) > 3;
        fputs(upright ? "<th><span>" : "<th>", stream);
        html_name(stream, name);
        fputs(upright ? "</span></th>" : "</th>", stream);
    }
    fputs("</tr></thead><tbody>\n", stream);
    for (size_t i = 0; i < n; i++) {
        uint64_t rows = rows_of_class(matrix, i);
        fputs("<tr><th>", stream);
        html_name(stream, json_string_value(json_array_get(names, i)));
        fputs("</th>", stream);
        for (size_t j = 0; j < n; j++) {
            uint64_t count = count_at(matrix, i, j);
            if (count == 0) {
                fputs("<td></td>", stream);
                continue;
            }
            /* Few mistakes are to be seen too: their colour grows with the root of their share. */
            double share = (double)count / (double)rows;
            fprintf(stream, "<td class=\"%c\" style=\"--p:%.2f\">", i == j ? 'r' : 'w',
                    i == j ? 0.08 + 0.47 * share : 0.1 + 0.6 * sqrt(share));
            html_count(stream, count);
            fputs("</td>", stream);
        }
        fputs("</tr>\n", stream);
    }
    fputs("</tbody></table></div></div>\n", stream);
}

static void write_confusion(FILE *stream, const json_t *score, const char *set)
{
    size_t n = json_array_size(member(score, "confusion"));
    if (n == 0) {
        return;
    }
    if (n > MATRIX_CLASSES) {
        write_mistakes(stream, score, set, MISTAKES);
        return;
    }
    write_matrix(stream, score, set);
    if (n > 5) {
        write_mistakes(stream, score, set, FEW_MISTAKES);
    }
}

/* ------------------------------------------------------------------- numbers ----------------- */

static void write_targets(FILE *stream, const json_t *score, const char *set)
{
    enum { LISTED_TARGETS = 100 };
    static const char *const keys[] = {"rmse", "mae", "r2"};
    const json_t *targets = member(score, "targets");
    size_t count = json_array_size(targets);
    if (count < 2) {
        return;
    }
    fprintf(stream,
            "<div><h3>Targets of the %s rows</h3>\n<div class=\"wide\"><table><thead><tr>"
            "<th>target</th><th" RIGHT ">root mean squared error</th><th" RIGHT
            ">mean absolute error</th><th" RIGHT ">R²</th></tr></thead><tbody>\n",
            set);
    for (size_t i = 0; i < count && i < LISTED_TARGETS; i++) {
        const json_t *target = json_array_get(targets, i);
        fputs("<tr><td>", stream);
        html_name(stream, text_of(target, "target"));
        for (size_t k = 0; k < 3; k++) {
            fputs("</td><td" RIGHT ">", stream);
            (k < 2 ? html_number : html_share)(stream, number_of(target, keys[k]));
        }
        fputs("</td></tr>\n", stream);
    }
    fputs("</tbody></table></div>\n", stream);
    if (count > LISTED_TARGETS) {
        fprintf(stream, "<p class=\"dim\">… and %zu more.</p>\n", count - LISTED_TARGETS);
    }
    fputs("</div>\n", stream);
}

/** Predicted against true numbers: a cloud along the diagonal if all is well. */
static void write_sample(FILE *stream, const json_t *record, const json_t *score, const char *set)
{
    const json_t *targets = member(member(record, "sample"), set);
    const json_t *names = member(score, "targets");
    size_t count = json_array_size(targets);
    if (count == 0) {
        return;
    }
    fprintf(stream,
            "<div class=\"full\"><h3>Predicted by true value, %s</h3>\n<div class=\"figures\">\n",
            set);
    for (size_t t = 0; t < count; t++) {
        const json_t *rows = json_array_get(targets, t);
        double point[SAMPLE][2];
        size_t n = json_array_size(rows) < SAMPLE ? json_array_size(rows) : SAMPLE;
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < 2; k++) {
                const json_t *value = json_array_get(json_array_get(rows, i), k);
                point[i][k] = json_is_number(value) ? json_number_value(value) : (double)NAN;
            }
        }
        const struct plot_series dots = {.name = "rows",
                                         .look = 'a',
                                         .dots = true,
                                         .point = (const double(*)[2])point,
                                         .points = n};
        const struct plot plot = {.title = text_of(json_array_get(names, t), "target"),
                                  .from = INFINITY,
                                  .to = -INFINITY,
                                  .x = "true value",
                                  .y = "predicted value",
                                  .least = -INFINITY,
                                  .most = INFINITY,
                                  .square = true,
                                  .series = &dots,
                                  .count = 1};
        plot_write(stream, &plot);
    }
    fputs("</div>\n", stream);
    uint64_t all = count_of(score, "rows");
    size_t shown = json_array_size(json_array_get(targets, 0));
    if (shown < all || json_array_size(names) > count) {
        fprintf(stream, "<p class=\"dim\">%zu of ", shown);
        html_count(stream, all);
        fputs(" rows", stream);
        if (json_array_size(names) > count) {
            fprintf(stream, ", %zu of %zu targets", count, json_array_size(names));
        }
        fputs(".</p>\n", stream);
    }
    fputs("</div>\n", stream);
}

void report_scores(FILE *stream, const json_t *record)
{
    const json_t *result = member(record, "result");
    const json_t *score[SETS] = {member(result, "validation"), member(result, "test")};
    if (score[0] == NULL && score[1] == NULL) {
        return;
    }
    fputs("<h2>Results</h2>\n<div class=\"columns\">\n", stream);
    write_metrics(stream, score);
    for (size_t s = 0; s < SETS; s++) {
        if (score[s] != NULL && member(score[s], "accuracy") != NULL) {
            write_confusion(stream, score[s], sets[s]);
        } else if (score[s] != NULL) {
            write_targets(stream, score[s], sets[s]);
            write_sample(stream, record, score[s], sets[s]);
        }
    }
    for (size_t s = 0; s < SETS; s++) {
        if (score[s] != NULL) {
            write_classes(stream, score[s], sets[s]);
        }
    }
    fputs("</div>\n", stream);
}
