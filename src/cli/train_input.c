/** train_input: see train_input.h. */
#include <string.h>
#include <unistd.h>

#include "train_input.h"
#include "input.h"
#include "output.h"

/** Options of the recipe's table that may also name a file, and so are handled here. */
static const char *const maybe_files[] = {"init", "validation", NULL};

/** Check the outputs before anything takes time. Returns 0, or complains. */
static int check_outputs(const struct command_line *line)
{
    static const char *const outputs[] = {"output", "log", "checkpoint", "report"};
    static const char *const inputs[] = {"labels", "validation",  "validation-labels",
                                         "test",   "test-labels", "config"};
    enum { OUTPUTS = sizeof outputs / sizeof outputs[0] };
    for (size_t o = 0; o < OUTPUTS; o++) {
        const char *path = option_given(line, outputs[o]);
        if (path == NULL) {
            continue;
        }
        if (strcmp(path, "-") == 0) {
            return misuse(line->command, "--%s cannot be '-': standard output is for the results",
                          outputs[o]);
        }
        bool clash = same_file(path, line->operands[0]);
        for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
            const char *input = option_given(line, inputs[i]);
            clash = clash || (input != NULL && same_file(path, input));
        }
        if (clash) {
            return misuse(line->command, "--%s would overwrite the input '%s'", outputs[o], path);
        }
        for (size_t i = 0; i < o; i++) {
            const char *other = option_given(line, outputs[i]);
            if (other != NULL && same_file(path, other)) {
                return misuse(line->command, "--%s and --%s are the same file '%s'", outputs[i],
                              outputs[o], path);
            }
        }
        int status = can_create(path, strcmp(outputs[o], "log") != 0);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/**
 * --init: a name the recipe knows, or a model file to read. What is neither a name nor a file that
 * is there is taken for a misspelt name, unless it looks like a path.
 */
static int set_init(struct train_input *input)
{
    const char *value = option_given(input->line, "init");
    heddle_error err;
    if (value == NULL || heddle_recipe_set(input->recipe, "init", value, &err) == HEDDLE_OK) {
        return 0;
    }
    if (access(value, F_OK) != 0 && strpbrk(value, "/.") == NULL) {
        return misuse(input->line->command, "%s, or a model file", err.text);
    }
    int status = input_model(value, &input->initial);
    if (status != 0 || option_given(input->line, "hidden") != NULL) {
        return status;
    }
    /* The model's own hidden layers, so that they need not be repeated. */
    char widths[1024] = "";
    size_t length = 0;
    for (size_t l = 1; l < heddle_model_layers(input->initial) && length < sizeof widths; l++) {
        length += (size_t)snprintf(widths + length, sizeof widths - length, "%s%zu",
                                   l > 1 ? "," : "", heddle_model_width(input->initial, l));
    }
    if (length > 0 && length < sizeof widths &&
        heddle_recipe_set(input->recipe, "hidden", widths, &err) != HEDDLE_OK) {
        return refuse(input->line, &err);
    }
    return 0;
}

/** --validation: something the recipe takes, such as 0.1, or else a file (*file). */
static int set_validation(struct train_input *input, const char **file)
{
    const char *value = option_given(input->line, "validation");
    double fraction;
    heddle_error err;
    *file = NULL;
    if (value == NULL) {
        return 0;
    }
    bool number = text_number(value, &fraction);
    if (!number && access(value, F_OK) == 0) {
        *file = value;
        return 0;
    }
    if (heddle_recipe_set(input->recipe, "validation", value, &err) == HEDDLE_OK) {
        return 0;
    }
    if (number) {
        return refuse(input->line, &err);
    }
    *file = value; /* reading it will say why it cannot be read */
    return 0;
}

/** Ranks that read other files, or other things than files, would wait for each other for ever. */
static int compare_ways(const struct command_line *line, const char *validation)
{
    char way[64];
    heddle_error err;
    snprintf(way, sizeof way, "%d%d%d%d%d", compare_wanted(line),
             strcmp(line->operands[0], "-") == 0, validation != NULL,
             option_given(line, "test") != NULL, option_flag(line, "dry-run"));
    return heddle_cluster_compare("options", way, &err) == HEDDLE_OK ? 0 : give_up(&err);
}

int train_input_read(struct train_input *input, const struct command_line *line, bool writes)
{
    *input = (struct train_input){.line = line};
    heddle_read_options reading;
    heddle_error err;
    int status = input_options(line, &reading);
    if (status >= 0) {
        return status;
    }
    if (heddle_recipe_create(&input->recipe, &err) != HEDDLE_OK) {
        return refuse(line, &err);
    }
    const char *validation;
    status = set_validation(input, &validation);
    status = status != 0 || !writes || !speaks() ? status : check_outputs(line);
    status = status != 0 ? status : set_init(input);
    status =
        status != 0 ? status : compare_recipe(&input->compare, line, maybe_files, input->recipe);
    const char *test = option_given(line, "test");
    const char *validation_labels = option_given(line, "validation-labels");
    const char *test_labels = option_given(line, "test-labels");
    if (status == 0 && validation_labels != NULL && validation == NULL) {
        status = misuse(line->command, "--validation-labels needs a file in --validation");
    }
    if (status == 0 && test_labels != NULL && test == NULL) {
        status = misuse(line->command, "--test-labels needs a file in --test");
    }
    status = together(status);
    status = status != 0 ? status : compare_ways(line, validation);
    if (status != 0) {
        return status;
    }
    status = together(input_read(line->operands[0], &reading, reading.labels, &input->table));
    reading.like = input->table;
    reading.categories = NULL; /* they are words in that table */
    if (status == 0 && validation != NULL) {
        status = together(input_read(validation, &reading, validation_labels, &input->validation));
    }
    if (status == 0 && test != NULL) {
        status = together(input_read(test, &reading, test_labels, &input->test));
    }
    return status;
}

void train_input_done(struct train_input *input)
{
    compare_done(&input->compare);
    heddle_model_free(input->initial);
    heddle_table_free(input->test);
    heddle_table_free(input->validation);
    heddle_table_free(input->table);
    heddle_recipe_free(input->recipe);
}
