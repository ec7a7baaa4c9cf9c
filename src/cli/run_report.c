/** run_report: see run_report.h. */
#include <stdlib.h>
#include <string.h>

#include "run_report.h"
#include "json_out.h"
#include "output.h"
#include "report_facts.h"
#include "report_page.h"
#include "report_recipe.h"
#include "run_earlier.h"
#include "train_command.h"
#include "train_result.h"

enum { NOTES = 1000 }; /* nobody reads more */

void run_report_begin(struct run_report *report, const char *path)
{
    report->path = path;
    report->notes = json_array();
    report->begun = false;
}

void run_report_start(struct run_report *report, const heddle_start *start, const char *log)
{
    report->begun = true;
    run_curve_begin(&report->curve, start);
    if (report->path != NULL) {
        run_earlier_read(&report->curve, log, start);
    }
}

void run_report_note(struct run_report *report, const char *text)
{
    if (report->path != NULL && json_array_size(report->notes) < NOTES) {
        json_array_append_new(report->notes, json_text(text));
    }
}

void run_report_step(struct run_report *report, uint64_t step, double loss)
{
    if (report->path != NULL) {
        run_curve_step(&report->curve, step, loss);
    }
}

void run_report_report(struct run_report *report, const heddle_report *news)
{
    if (report->path != NULL) {
        run_curve_report(&report->curve, news);
    }
}

/** text is taken over. */
static json_t *command_json(char *text)
{
    json_t *value = json_text(text);
    free(text);
    return value;
}

static json_t *compared_json(struct compare *compare)
{
    json_t *object = json_object();
    if (compare->trials != NULL) {
        compare_json(compare, object);
    }
    return object;
}

static json_t *error_json(const heddle_error *err)
{
    json_t *object = json_object();
    json_put(object, "status", json_text(heddle_status_name(err->status)));
    json_put(object, "message", json_text(err->text));
    return object;
}

/** The record of report_page.h. */
static json_t *gather(const struct run_report *report, const struct run_outcome *outcome)
{
    const heddle_result *result = outcome->result;
    const char *resolved = json_string_value(json_object_get(outcome->start, "resolved"));
    json_t *record = json_object();
    json_t *choices = resolved != NULL ? json_loads(resolved, 0, NULL) : NULL;
    bool sum = json_is_true(json_object_get(choices, "sum"));
    bool again = result != NULL && !result->stopped && !result->late;
    json_put(record, "start", json_incref(outcome->start));
    json_put(record, "resolved", choices != NULL ? choices : json_null());
    json_put(record, "given", command_json(train_command_given(outcome->line)));
    json_put(record, "same",
             again ? command_json(train_command_same(outcome->line, outcome->recipe))
                   : json_null());
    json_put(record, "curve", run_curve_json(&report->curve, sum, result == NULL));
    json_put(record, "data",
             report_data_json(outcome->table, outcome->model,
                              heddle_recipe_get(outcome->recipe, "weights")));
    json_put(record, "network", report_network_json(outcome->model));
    json_put(record, "recipe", report_recipe_json(outcome->line, outcome->recipe));
    json_put(record, "compared", compared_json(outcome->compare));
    json_t *sample = json_object();
    if (result != NULL) {
        size_t k = (size_t)option_count(outcome->line, "top");
        json_put(record, "result", train_result_json(result, outcome->model, outcome->saved, k));
        json_put(sample, "validation", report_sample_json(&result->validation));
        json_put(sample, "test", report_sample_json(&result->test));
    }
    json_put(record, "sample", sample);
    json_put(record, "saved", json_text(outcome->saved));
    json_put(record, "error", result == NULL ? error_json(outcome->err) : json_null());
    bool stopped = outcome->signal != 0 && result != NULL && result->stopped;
    json_put(record, "signal", stopped ? json_integer(outcome->signal) : json_null());
    json_put(record, "notes", json_incref(report->notes));
    return record;
}

int run_report_end(struct run_report *report, const struct run_outcome *outcome)
{
    bool ran =
        report->begun && (outcome->model != NULL || outcome->err->status == HEDDLE_E_DIVERGED);
    if (report->path == NULL || !ran) {
        return 0;
    }
    json_t *record = gather(report, outcome);
    struct output_file file;
    int status = output_begin(&file, report->path);
    if (status == 0) {
        report_page_write(file.stream, record);
        status = output_end(&file);
    }
    json_decref(record);
    return status;
}

void run_report_done(struct run_report *report)
{
    json_decref(report->notes);
}
