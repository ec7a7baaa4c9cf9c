/**
 * heddle convert: any data as NPY or CSV, by the end of the name. NPY is what large data should be
 * in: it is used where it is, without being parsed or copied.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "convert.h"
#include "input.h"
#include "json_out.h"
#include "options.h"
#include "output.h"

static const struct option options[] = {
    {"labels-out", 0, OPTION_TEXT, "run", "FILE", NULL,
     "write the target to a file of its own (.npy or .csv), for --labels"},
    {"target", 0, OPTION_TEXT, "run", "NAME|N|last", "last", "which column --labels-out takes"},
    {"drop", 0, OPTION_TEXT, "run", "NAME,...", NULL, "columns to leave out, by name or number"},
    {"type", 0, OPTION_CHOICE, "run", "auto|u1|i4|f4|f8", "auto",
     "NPY: type of the numbers; auto: the smallest of u1, f4 and f8 that changes none"},
    {"threads", 0, OPTION_COUNT, "run", "N", NULL,
     "workers that read; never changes what is written"},
    {"json", 0, OPTION_FLAG, "run", NULL, NULL,
     "say what was written as one JSON object: outputs, of each file, format, rows and columns; or "
     "model and sha256"},
    {.name = NULL},
};

/**
 * The column that begins a comma list: the longest name that fits, for names may have commas, or
 * else a number from 1. Their number if there is none; *n: the bytes of the list that say so.
 */
static size_t find_column(const heddle_table *table, const char *list, size_t *n)
{
    size_t columns = heddle_table_columns(table);
    size_t found = columns;
    heddle_column column;
    *n = 0;
    for (size_t c = 0; c < columns; c++) {
        heddle_table_column_kind(table, c, &column);
        size_t length = strlen(column.name);
        bool fits = strncmp(list, column.name, length) == 0 &&
                    (list[length] == ',' || list[length] == '\0');
        if (fits && (found == columns || length > *n)) {
            found = c;
            *n = length;
        }
    }
    if (found < columns) {
        return found;
    }
    size_t number = 0;
    *n = strcspn(list, ",");
    for (size_t i = 0; i < *n; i++) {
        if (list[i] < '0' || list[i] > '9' || number > columns) {
            return columns;
        }
        number = 10 * number + (size_t)(list[i] - '0');
    }
    return number >= 1 && number <= columns ? number - 1 : columns;
}

static int no_column(const char *path, const char *word, size_t n)
{
    complain("'%s' has no column '%.*s'", path, (int)n, word);
    return EXIT_DATA;
}

/** Which columns go where. */
static int select_columns(const struct command_line *line, const heddle_table *table,
                          struct selection *main, struct selection *labels)
{
    const char *path = line->operands[0];
    const char *drop = option_given(line, "drop");
    const char *target = option_value(line, "target");
    size_t columns = heddle_table_columns(table);
    bool *out = need(columns, sizeof *out);
    int status = 0;
    *main = (struct selection){.table = table, .column = need(columns, sizeof *main->column)};
    *labels = (struct selection){.table = table, .column = need(1, sizeof *labels->column)};
    while (drop != NULL && *drop != '\0' && status == 0) {
        size_t n;
        size_t c = find_column(table, drop, &n);
        if (c == columns) {
            status = no_column(path, drop, n);
        } else {
            out[c] = true;
        }
        drop += n + (drop[n] == ',');
    }
    if (option_given(line, "labels-out") != NULL && status == 0) {
        size_t n;
        size_t c = find_column(table, target, &n);
        c = target[n] != '\0' ? columns : c;
        c = c == columns && strcmp(target, "last") == 0 ? columns - 1 : c;
        if (c == columns) {
            status = no_column(path, target, strlen(target));
        } else {
            out[c] = true;
            labels->column[labels->columns++] = c;
            labels->single = true;
        }
    }
    for (size_t c = 0; c < columns; c++) {
        if (!out[c]) {
            main->column[main->columns++] = c;
        }
    }
    if (status == 0 && main->columns == 0) {
        complain("'%s' has no column left to write", path);
        status = EXIT_DATA;
    }
    free(out);
    return status;
}

static int check_output(const struct command_line *line, const char *path)
{
    if (!path_ends_in(path, ".npy") && !path_ends_in(path, ".csv") && strcmp(path, "-") != 0) {
        return misuse(line->command,
                      "'%s' ends neither in .npy nor in .csv, so it is not known what to write",
                      path);
    }
    if (strcmp(path, "-") == 0) {
        return option_flag(line, "json")
                   ? misuse(line->command, "--json cannot be where the table is: "
                                           "'-' is standard output")
                   : 0;
    }
    const char *labels = option_given(line, "labels");
    if (same_file(path, line->operands[0]) || (labels != NULL && same_file(path, labels))) {
        return misuse(line->command, "the input '%s' would be overwritten", path);
    }
    return can_create(path, true);
}

/**
 * A network of others (FANN's .net, safetensors) as a model file, if that is what the first operand
 * is; -1 if it is not.
 */
static int convert_model(const struct command_line *line)
{
    const char *input = line->operands[0];
    const char *output = line->operands[1];
    heddle_model *model;
    heddle_error err;
    if (path_ends_in(output, ".npy") || path_ends_in(output, ".csv") || strcmp(output, "-") == 0) {
        return -1;
    }
    heddle_status read = heddle_model_read(input, &model, &err);
    bool builtin = read == HEDDLE_E_OPEN && strncmp(input, "builtin:", 8) == 0;
    if (builtin || (read == HEDDLE_E_DATA && !input_is_model(input))) {
        return -1;
    }
    if (read != HEDDLE_OK) {
        return give_up(&err);
    }
    char hex[65];
    int status = heddle_model_write(model, output, &err) == HEDDLE_OK &&
                         heddle_model_sha256(model, hex, &err) == HEDDLE_OK
                     ? 0
                     : give_up(&err);
    if (status == 0) {
        input_note(input, model);
        if (option_flag(line, "json")) {
            json_t *object = json_object();
            json_put(object, "model", json_text(output));
            json_put(object, "sha256", json_text(hex));
            json_write(stdout, object, true);
            json_decref(object);
        } else {
            printf("model %s sha256 %s\n", output, hex);
        }
    }
    heddle_model_free(model);
    return status;
}

/** Write an output and say so: to outputs, or if that is NULL, to people. */
static int write_selection(const struct command_line *line, struct selection *s, const char *path,
                           json_t *outputs)
{
    int status = path_ends_in(path, ".npy") ? convert_to_npy(s, path, option_value(line, "type"))
                                            : convert_to_csv(s, path);
    if (status == 0 && outputs != NULL) {
        json_t *object = json_object();
        json_put(object, "file", json_text(path));
        json_put(object, "format", json_text(s->format));
        json_put(object, "rows", json_count(s->rows));
        json_put(object, "columns", json_count(s->columns));
        json_array_append_new(outputs, object);
    } else if (status == 0 && strcmp(path, "-") != 0) {
        printf("%s %s, %zu x %zu\n", path, s->format, s->rows, s->columns);
    }
    return status;
}

/** What is known of the whole once the first part is there. */
struct first_part {
    const struct command_line *line;
    struct source *source;
    struct selection *main, *labels;
    int status;
};

static int take_first(void *user, const heddle_table *part)
{
    struct first_part *first = user;
    first->source->columns = heddle_table_columns(part);
    first->source->text = need(first->source->columns, sizeof *first->source->text);
    for (size_t c = 0; c < first->source->columns; c++) {
        heddle_column column;
        heddle_table_column_kind(part, c, &column);
        first->source->text[c] = column.text;
    }
    first->status = select_columns(first->line, part, first->main, first->labels);
    return 1;
}

/** The table if there is room for it, else its first part; and which columns go where. */
static int open_source(const struct command_line *line, struct source *source,
                       struct selection *main, struct selection *labels)
{
    heddle_error err, other;
    heddle_status status = heddle_table_read(source->path, source->reading, &source->whole, &err);
    if (status == HEDDLE_OK) {
        return select_columns(line, source->whole, main, labels);
    }
    struct first_part first = {line, source, main, labels, 0};
    if (status != HEDDLE_E_MEMORY || source->reading->labels != NULL ||
        strcmp(source->path, "-") == 0) {
        return give_up(&err);
    }
    status = heddle_table_read_parts(source->path, source->reading, take_first, &first, &other);
    if (status != HEDDLE_E_STOPPED) { /* unsupported: it is no text, so the first reason stands */
        return give_up(status == HEDDLE_E_UNSUPPORTED ? &err : &other);
    }
    return first.status;
}

static int run(const struct command_line *line)
{
    heddle_read_options reading;
    int status = input_options(line, &reading);
    if (status >= 0) {
        return status;
    }
    status = convert_model(line);
    if (status >= 0) {
        return status;
    }
    const char *output = line->operands[1];
    const char *labels_output = option_given(line, "labels-out");
    status = check_output(line, output);
    if (status == 0 && labels_output != NULL) {
        status = strcmp(output, labels_output) == 0
                     ? misuse(line->command, "both outputs are '%s'", output)
                     : check_output(line, labels_output);
    }
    struct source source = {.path = line->operands[0], .reading = &reading};
    struct selection main = {.column = NULL}, labels = {.column = NULL};
    status = status != 0 ? status : open_source(line, &source, &main, &labels);
    main.source = labels.source = &source;
    json_t *outputs = option_flag(line, "json") ? json_array() : NULL;
    status = status != 0 ? status : write_selection(line, &main, output, outputs);
    if (status == 0 && labels_output != NULL) {
        status = write_selection(line, &labels, labels_output, outputs);
    }
    if (status == 0 && outputs != NULL) {
        json_t *object = json_object();
        json_put(object, "outputs", json_incref(outputs));
        json_write(stdout, object, true);
        json_decref(object);
    }
    json_decref(outputs);
    free(main.column);
    free(labels.column);
    free(source.text);
    heddle_table_free(source.whole);
    return status;
}

const struct command command_convert = {
    .name = "convert",
    .operands = "DATA OUT",
    .summary = "data as .npy or .csv; a network of FANN as a model",
    .text =
        "Writes DATA as a NumPy array (OUT ends in .npy) or as CSV (.csv, or '-' for standard "
        "output). An array holds numbers only; it is trained on from where it is, however "
        "large. A text that is larger than the memory is converted part by part. Numbers are not "
        "changed, unless --type asks for it. A network saved by FANN or as safetensors becomes a "
        "model file of that name.",
    .examples = "  heddle convert flowers.csv flowers.npy --labels-out species.csv\n"
                "  heddle train flowers.npy --labels species.csv\n"
                "  heddle convert a9a.svm a9a.csv\n"
                "  heddle convert xor_float.net xor.model\n",
    .least = 2,
    .most = 2,
    .options = {input_category_options, input_label_options, input_format_options,
                input_memory_options, options},
    .run = run,
};
