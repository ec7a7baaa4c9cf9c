/** report_curve: the learning curves of a report; see report_parts.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "html.h"
#include "report_parts.h"
#include "report_plot.h"
#include "run_curve.h"

enum {
    POINTS = 2 * CURVE_POINTS + 2, /* a curve's, with those of a process before */
    DOTTED = 60,                   /* so many points are also seen one by one */
    LISTED = 100                   /* reports in the table */
};

/** What the horizontal axis counts, and from where to where. */
struct unit {
    const char *name;
    double steps; /* in one */
    double from, to;
};

static struct unit unit_of(const json_t *curve)
{
    struct unit unit = {.name = "update", .steps = 1};
    double an_epoch = number_of(curve, "steps_per_epoch");
    if (true_of(curve, "tutorial")) {
        unit.name = "iteration";
    } else if (number_of(curve, "last") >= 2 * an_epoch) {
        unit = (struct unit){.name = "epoch", .steps = an_epoch};
    }
    unit.from = number_of(curve, "begin") / unit.steps;
    unit.to = number_of(curve, "last") / unit.steps;
    return unit;
}

/** The losses of the training rows. */
static size_t training_points(const json_t *curve, const struct unit *unit, double point[POINTS][2])
{
    const json_t *list = member(curve, "training");
    size_t count = json_array_size(list) < POINTS ? json_array_size(list) : POINTS;
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i);
        const json_t *loss = json_array_get(pair, 1);
        point[i][0] = json_number_value(json_array_get(pair, 0)) / unit->steps;
        point[i][1] = json_is_number(loss) ? json_number_value(loss) : (double)NAN;
    }
    return count;
}

/** One number of each report. */
static size_t report_points(const json_t *curve, const char *key, const struct unit *unit,
                            double point[POINTS][2])
{
    const json_t *list = member(curve, "reports");
    size_t count = json_array_size(list) < POINTS ? json_array_size(list) : POINTS;
    for (size_t i = 0; i < count; i++) {
        const json_t *report = json_array_get(list, i);
        point[i][0] = number_of(report, "step") / unit->steps;
        point[i][1] = number_of(report, key);
    }
    return count;
}

static struct plot_series series(const char *name, char look, double point[POINTS][2], size_t count)
{
    return (struct plot_series){.name = name,
                                .look = look,
                                .line = true,
                                .dots = count <= DOTTED,
                                .point = (const double(*)[2])point,
                                .points = count};
}

/** What is special about an epoch: that its weights were kept, or that it was the best. */
static void mark_best(const json_t *record, const struct unit *unit, struct plot *plot,
                      char text[96])
{
    const json_t *curve = member(record, "curve");
    const json_t *best = member(curve, "best");
    uint64_t kept = count_of(member(record, "result"), "best_epoch");
    double an_epoch = number_of(curve, "steps_per_epoch");
    if (kept > 0) {
        snprintf(text, 96, "best epoch, %" PRIu64 ": the model’s", kept);
        plot->mark_x = (double)kept * an_epoch / unit->steps;
    } else if (best != NULL && count_of(best, "step") != count_of(curve, "last")) {
        plot->mark_x = number_of(best, "step") / unit->steps;
        snprintf(text, 96, "lowest validation loss, %s %.6g", unit->name, plot->mark_x);
    } else {
        return;
    }
    plot->mark = text;
}

static void plot_losses(FILE *stream, const json_t *record, const struct unit *unit)
{
    const json_t *curve = member(record, "curve");
    double training[POINTS][2];
    double validation[POINTS][2];
    char mark[96];
    size_t points[2] = {training_points(curve, unit, training),
                        report_points(curve, "validation_loss", unit, validation)};
    const struct plot_series both[] = {series("training", 'a', training, points[0]),
                                       series("validation", 'b', validation, points[1])};
    struct plot plot = {.title = "Loss",
                        .x = unit->name,
                        .from = unit->from,
                        .to = unit->to,
                        .y = "loss",
                        .may_log = true,
                        .least = -INFINITY,
                        .most = INFINITY,
                        .series = both,
                        .count = true_of(curve, "validated") ? 2 : 1};
    mark_best(record, unit, &plot, mark);
    plot_write(stream, &plot);
}

/** The validation rows' score; an R² of numbers that were blown up is cut off. */
static void plot_score(FILE *stream, const json_t *record, const struct unit *unit)
{
    const json_t *curve = member(record, "curve");
    const json_t *score = member(member(record, "result"), "validation");
    bool classes = member(score, "accuracy") != NULL;
    double point[POINTS][2];
    size_t count = report_points(curve, "validation_score", unit, point);
    double highest = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        highest = fmax(highest, point[i][1]);
    }
    const struct plot_series one = series("validation", 'b', point, count);
    struct plot plot = {.title = classes         ? "Accuracy of the validation rows"
                                 : score != NULL ? "R² of the validation rows"
                                                 : "Score of the validation rows",
                        .x = unit->name,
                        .from = unit->from,
                        .to = unit->to,
                        .y = classes         ? "accuracy"
                             : score != NULL ? "R²"
                                             : "accuracy or R²",
                        .least = highest > -0.5 ? -1 : -INFINITY,
                        .most = 1,
                        .series = &one,
                        .count = 1};
    char mark[96];
    mark_best(record, unit, &plot, mark);
    plot_write(stream, &plot);
}

static void plot_rate(FILE *stream, const json_t *record, const struct unit *unit)
{
    double point[POINTS][2];
    size_t count = report_points(member(record, "curve"), "rate", unit, point);
    const struct plot_series one = series("rate", 'c', point, count);
    const struct plot plot = {.title = "Learning rate",
                              .x = unit->name,
                              .from = unit->from,
                              .to = unit->to,
                              .y = "rate",
                              .least = 0,
                              .most = INFINITY,
                              .series = &one,
                              .count = 1};
    plot_write(stream, &plot);
}

/** The reports as numbers, for who wants to read them off. */
static void list_reports(FILE *stream, const json_t *curve)
{
    static const char *const keys[] = {"loss", "validation_loss", "validation_score", "rate",
                                       "seconds"};
    static const char *const heads[] = {"training loss", "validation loss", "validation score",
                                        "rate", "seconds"};
    enum { KEYS = sizeof keys / sizeof keys[0] };
    bool validated = true_of(curve, "validated");
    const json_t *reports = member(curve, "reports");
    size_t count = json_array_size(reports);
    size_t stride = (count + LISTED - 1) / LISTED;
    double an_epoch = number_of(curve, "steps_per_epoch");
    if (count == 0) {
        return;
    }
    fputs("<details><summary>The reports as numbers</summary><div class=\"wide\"><table><thead><tr>"
          "<th" RIGHT ">epoch</th><th" RIGHT ">update</th>",
          stream);
    for (size_t k = 0; k < KEYS; k++) {
        if (validated || strncmp(keys[k], "validation", 10) != 0) {
            fprintf(stream, "<th" RIGHT ">%s</th>", heads[k]);
        }
    }
    fputs("</tr></thead><tbody>", stream);
    size_t written = 0;
    for (size_t i = (count - 1) % stride; i < count; i += stride, written++) { /* the last too */
        const json_t *report = json_array_get(reports, i);
        fputs("<tr><td" RIGHT ">", stream);
        html_number(stream, number_of(report, "step") / an_epoch);
        fputs("</td><td" RIGHT ">", stream);
        html_count(stream, count_of(report, "step"));
        fputs("</td>", stream);
        for (size_t k = 0; k < KEYS; k++) {
            if (validated || strncmp(keys[k], "validation", 10) != 0) {
                fputs("<td" RIGHT ">", stream);
                html_number(stream, number_of(report, keys[k]));
                fputs("</td>", stream);
            }
        }
        fputs("</tr>\n", stream);
    }
    fputs("</tbody></table></div>", stream);
    html_listed(stream, written, count_of(curve, "reports_made"), "reports");
    fputs("</details>\n", stream);
}

void report_curves(FILE *stream, const json_t *record)
{
    const json_t *curve = member(record, "curve");
    uint64_t resumed = count_of(curve, "resumed");
    uint64_t begin = count_of(curve, "begin");
    if (json_array_size(member(curve, "training")) == 0 &&
        json_array_size(member(curve, "reports")) == 0) {
        return;
    }
    const struct unit unit = unit_of(curve);
    fputs("<h2>Learning curves</h2>\n", stream);
    if (resumed > 0) {
        fputs("<p>The run went on from a checkpoint after update ", stream);
        html_count(stream, resumed);
        fputs(begin == resumed
                  ? ": the curves begin there. What came before is with the process that made it."
                  : "; the reports before it are those of the log that was there",
              stream);
        if (begin > 0 && begin < resumed) {
            fputs(", which began after update ", stream);
            html_count(stream, begin);
        }
        fputs(begin == resumed ? "</p>\n" : ".</p>\n", stream);
    }
    fputs("<div class=\"figures\">\n", stream);
    plot_losses(stream, record, &unit);
    plot_score(stream, record, &unit);
    plot_rate(stream, record, &unit);
    fputs("</div>\n", stream);
    list_reports(stream, curve);
}
