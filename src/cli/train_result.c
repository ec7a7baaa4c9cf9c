/** train_result: see train_result.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train_result.h"
#include "json_out.h"
#include "output.h"
#include "score_text.h"

enum { TABLE_ROWS = 16 }; /* "small data": what one glance takes in */

json_t *train_result_json(const heddle_result *result, const heddle_model *model, const char *saved,
                          size_t k)
{
    json_t *object = json_object();
    json_put(object, "shape", json_text(result->shape));
    json_put(object, "parameters", json_count(result->parameters));
    json_put(object, "rows", json_count(result->rows));
    json_put(object, "steps", json_count(result->steps));
    json_put(object, "epochs", json_count(result->epochs));
    json_put(object, "loss", json_number(result->loss));
    json_put(object, "validation",
             result->has_validation ? json_score(&result->validation, model, k) : json_null());
    json_put(object, "test", result->has_test ? json_score(&result->test, model, k) : json_null());
    json_put(object, "seconds", json_number(result->seconds));
    json_put(object, "examples_per_second", json_number(result->examples_per_second));
    json_put(object, "gflops", json_number(result->gflops));
    json_put(object, "percent_of_limit", json_number(result->percent_of_limit));
    json_put(object, "threads", json_integer(result->threads));
    json_put(object, "threads_why", json_text(result->why));
    json_put(object, "ranks", json_integer(result->ranks));
    json_put(object, "isa", json_text(result->isa));
    json_put(object, "batch", json_count(result->batch));
    json_put(object, "shard", json_count(result->shard));
    json_put(object, "seed", json_count(result->seed));
    json_put(object, "stopped", json_boolean(result->stopped));
    json_put(object, "min_error", json_boolean(result->min_error));
    json_put(object, "impatient", json_boolean(result->impatient));
    json_put(object, "late", json_boolean(result->late));
    json_put(object, "converged", json_boolean(result->converged));
    json_put(object, "best_epoch", json_count(result->best_epoch));
    if (result->resumed > 0) {
        json_put(object, "resumed", json_count(result->resumed));
    }
    if (result->checkpoint > 0) {
        json_put(object, "checkpoint", json_count(result->checkpoint));
    }
    json_put(object, "model", json_text(saved));
    json_put(object, "sha256", json_text(result->sha256));
    return object;
}

void train_result_print(const heddle_result *result, bool quiet)
{
    print_cell(stdout, "network", 12);
    printf("%s, %zu parameters\n", result->shape, result->parameters);
    print_cell(stdout, "rows", 12);
    printf("%zu\n", result->rows);
    print_cell(stdout, "epochs", 12);
    printf("%" PRIu64 " (%" PRIu64 " step%s of %zu rows, seed %" PRIu64 ")\n", result->epochs,
           result->steps, result->steps == 1 ? "" : "s", result->batch, result->seed);
    if (result->impatient || result->late || result->converged) {
        print_cell(stdout, "stopped", 12);
        fputs(result->late        ? "by --time-limit"
              : result->converged ? "converged: nothing left to gain"
                                  : "no lower loss for --patience epochs",
              stdout);
        putchar('\n');
    }
    if (result->best_epoch) {
        print_cell(stdout, "best epoch", 12);
        printf("%" PRIu64 ", whose weights the model has\n", result->best_epoch);
    }
    print_cell(stdout, "loss", 12);
    printf("%.6g\n", result->loss);
    if (result->has_validation) {
        score_print("validation", &result->validation);
    }
    if (result->has_test) {
        score_print("test", &result->test);
    }
    if (quiet || result->steps == 0) {
        return;
    }
    fflush(stdout);                         /* on a terminal the lines are to come in this order */
    if (result->examples_per_second <= 0) { /* resumed where it had ended */
        fputs("no step was left to do\n", stderr);
        return;
    }
    fprintf(stderr, "%.3g s, %.0f examples/s, %.3g GFLOP/s", result->seconds,
            result->examples_per_second, result->gflops);
    if (isfinite(result->percent_of_limit)) {
        double percent = result->percent_of_limit;
        fprintf(stderr, percent < 10 ? " (%.2g %% of the limit)" : " (%.0f %% of the limit)",
                percent);
    }
    fprintf(stderr, ", %d %s", result->threads, result->threads == 1 ? "thread" : "threads");
    if (result->ranks > 1) {
        fprintf(stderr, " on each of %d ranks", result->ranks);
    }
    fprintf(stderr, ", %s", result->isa);
    if (strncmp(result->why, "calibrated", 10) == 0) {
        fprintf(stderr, " (%s)", result->why);
    }
    fputc('\n', stderr);
}

/* ------------------------------------------------------------------- the tutorial's table ---- */

/** A number as numpy printed it: eight decimals less the zeros at the end, "0." for 0. */
static void print_numpy(double value)
{
    char text[64];
    snprintf(text, sizeof text, fabs(value) < 1e8 ? "%.8f" : "%.8e", value);
    size_t length = strlen(text);
    while (length > 0 && strchr(text, 'e') == NULL && text[length - 1] == '0') {
        text[--length] = '\0';
    }
    printf("%s%s", value < 0 ? "" : " ", text);
}

/** Where the column called name is; the number of columns if nowhere. */
static size_t find_column(const heddle_table *table, const char *name)
{
    size_t columns = heddle_table_columns(table);
    for (size_t i = 0; i < columns; i++) {
        heddle_column column;
        heddle_table_column(table, i, &column);
        if (strcmp(column.name, name) == 0) {
            return i;
        }
    }
    return columns;
}

static void print_inputs(const heddle_model *model, const heddle_table *table, size_t row)
{
    const char *name;
    putchar('[');
    for (size_t i = 0; (name = heddle_model_input_name(model, i)) != NULL; i++) {
        char cell[64];
        heddle_table_cell(table, row, find_column(table, name), cell, sizeof cell);
        fputs(i > 0 ? " " : "", stdout);
        print_cell(stdout, cell, 0);
    }
    putchar(']');
}

static void print_targets(const heddle_model *model, const heddle_table *table, size_t row)
{
    putchar('[');
    for (size_t i = 0; i < heddle_model_targets(model); i++) {
        char cell[64];
        double value;
        heddle_table_cell(table, row, find_column(table, heddle_model_target_name(model, i)), cell,
                          sizeof cell);
        fputs(i > 0 ? " " : "", stdout);
        if (text_number(cell, &value)) {
            print_numpy(value);
        } else {
            print_cell(stdout, cell, 0);
        }
    }
    putchar(']');
}

/** Are all columns that the model names in the table? */
static bool has_columns(const heddle_model *model, const heddle_table *table)
{
    size_t columns = heddle_table_columns(table);
    const char *name;
    for (size_t i = 0; (name = heddle_model_input_name(model, i)) != NULL; i++) {
        if (find_column(table, name) == columns) {
            return false;
        }
    }
    for (size_t i = 0; i < heddle_model_targets(model); i++) {
        if (find_column(table, heddle_model_target_name(model, i)) == columns) {
            return false;
        }
    }
    return true;
}

void train_result_table(const heddle_model *model, const heddle_table *table)
{
    heddle_predictions predictions;
    if (heddle_table_rows(table) > TABLE_ROWS || heddle_model_targets(model) == 0 ||
        !has_columns(model, table) ||
        heddle_model_predict(model, table, 1, &predictions, NULL) != HEDDLE_OK) {
        return;
    }
    puts("Input \tOutput \t\tTarget");
    for (size_t row = 0; row < predictions.rows; row++) {
        print_inputs(model, table, row);
        fputs("\t [", stdout);
        for (size_t i = 0; i < predictions.width; i++) {
            fputs(i > 0 ? " " : "", stdout);
            print_numpy(predictions.values[row * predictions.width + i]);
        }
        fputs("] \t", stdout);
        print_targets(model, table, row);
        putchar('\n');
    }
    heddle_predictions_done(&predictions);
}
