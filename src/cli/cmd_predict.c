/**
 * heddle predict: what a model makes of every row of a table, as CSV with a header. Values are the
 * shortest text that reads back as the same number, so the file says exactly what was computed.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "input.h"
#include "json_out.h"
#include "options.h"
#include "output.h"

static const struct option options[] = {
    {"threads", 0, OPTION_COUNT, "run", "N", NULL,
     "workers; without it OMP_NUM_THREADS, else what the machine leaves us; never changes a "
     "result"},
    {"output", 'o', OPTION_TEXT, "run", "FILE", NULL,
     "write to FILE instead of standard output; it appears whole or not at all"},
    {"json", 0, OPTION_FLAG, "run", NULL, NULL, "JSON: one object a row, keys as in the CSV"},
    {.name = NULL},
};

/**
 * A prediction as text: the shortest that reads back as the same float if it is one, as the same
 * double otherwise. (That a double of a model in double precision is a float by chance happens once
 * in 2^29; its text may then be one float's and not one double's.)
 */
static const char *value_text(double value, char text[HEDDLE_NUMBER_SIZE])
{
    bool single = (double)(float)value == value;
    return heddle_number_text(value, single, text);
}

/** Name of column i of the values: "p_CLASS" or the target's; the caller's to free. */
static char *column_name(const heddle_model *model, size_t i)
{
    if (heddle_model_classes(model) == 0) {
        return need_text(heddle_model_target_name(model, i));
    }
    const char *name = heddle_model_class_name(model, i);
    size_t size = strlen(name) + sizeof "p_";
    char *text = need(size, 1);
    snprintf(text, size, "p_%s", name);
    return text;
}

static void write_csv(FILE *stream, const heddle_model *model,
                      const heddle_predictions *predictions, char **names)
{
    bool classes = predictions->classes != NULL;
    if (classes) {
        fputs("prediction", stream);
    }
    for (size_t i = 0; i < predictions->width; i++) {
        fputs(classes || i > 0 ? "," : "", stream);
        print_field(stream, names[i]);
    }
    putc('\n', stream);
    for (size_t row = 0; row < predictions->rows && !ferror(stream); row++) {
        const double *values = predictions->values + row * predictions->width;
        if (classes) {
            print_field(stream, heddle_model_class_name(model, predictions->classes[row]));
        }
        for (size_t i = 0; i < predictions->width; i++) {
            char text[HEDDLE_NUMBER_SIZE];
            fputs(classes || i > 0 ? "," : "", stream);
            fputs(value_text(values[i], text), stream);
        }
        putc('\n', stream);
    }
}

static void write_json(FILE *stream, const heddle_model *model,
                       const heddle_predictions *predictions, char **names)
{
    json_t *rows = json_array();
    for (size_t row = 0; row < predictions->rows; row++) {
        const double *values = predictions->values + row * predictions->width;
        json_t *object = json_object();
        if (predictions->classes != NULL) {
            json_put(object, "prediction",
                     json_text(heddle_model_class_name(model, predictions->classes[row])));
        }
        for (size_t i = 0; i < predictions->width; i++) {
            char text[HEDDLE_NUMBER_SIZE];
            json_put(object, names[i], json_number(strtod(value_text(values[i], text), NULL)));
        }
        json_array_append_new(rows, object);
    }
    json_t *root = json_object();
    json_put(root, "rows", json_count(predictions->rows));
    json_put(root, "predictions", rows);
    json_write(stream, root, true);
    json_decref(root);
}

/** Write the predictions where they are wanted. */
static int write_predictions(const struct command_line *line, const heddle_model *model,
                             const heddle_predictions *predictions)
{
    char **names = need(predictions->width, sizeof *names);
    for (size_t i = 0; i < predictions->width; i++) {
        names[i] = column_name(model, i);
    }
    struct output_file file;
    int status = output_begin(&file, option_given(line, "output"));
    if (status == 0) {
        if (option_flag(line, "json")) {
            write_json(file.stream, model, predictions, names);
        } else {
            write_csv(file.stream, model, predictions, names);
        }
        status = output_end(&file);
    }
    for (size_t i = 0; i < predictions->width; i++) {
        free(names[i]);
    }
    free(names);
    return status;
}

static int run(const struct command_line *line)
{
    heddle_read_options reading;
    int status = input_options(line, &reading);
    if (status >= 0) {
        return status;
    }
    const char *output = option_given(line, "output");
    for (int i = 0; output != NULL && i < 2; i++) {
        if (same_file(output, line->operands[i])) {
            return misuse(line->command, "--output would overwrite the input '%s'",
                          line->operands[i]);
        }
    }
    status = output != NULL && strcmp(output, "-") != 0 ? can_create(output, true) : 0;
    heddle_model *model = NULL;
    heddle_table *table = NULL;
    status = status != 0 ? status : input_model(line->operands[0], &model);
    reading.model = model;
    status = status != 0 ? status : input_read(line->operands[1], &reading, NULL, &table);
    if (status == 0) {
        heddle_error err;
        heddle_predictions predictions;
        if (heddle_model_predict(model, table, option_count(line, "threads"), &predictions, &err) ==
            HEDDLE_OK) {
            input_note_unseen(line->operands[1], model, table, false);
            status = write_predictions(line, model, &predictions);
            heddle_predictions_done(&predictions);
        } else {
            status = give_up(&err);
        }
    }
    heddle_table_free(table);
    heddle_model_free(model);
    return status;
}

const struct command command_predict = {
    .name = "predict",
    .operands = "MODEL DATA",
    .summary = "what a model makes of new data, as CSV",
    .text = "Predicts every row of DATA and writes CSV with a header: for classes the column "
            "'prediction' and a probability p_CLASS for each class, for numbers one column for "
            "each target. Columns of DATA are found by name; the target may be missing. Each "
            "row's result depends on that row alone.",
    .examples = "  heddle predict flowers.model new.csv\n"
                "  heddle predict flowers.model new.csv.gz -o answers.csv\n"
                "  heddle predict digits.model builtin:digits --json | jq '.predictions[0]'\n",
    .least = 2,
    .most = 2,
    .options = {input_format_options, input_memory_options, options},
    .run = run,
};
