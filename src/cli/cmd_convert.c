/**
 * heddle convert: any data as NPY or CSV, by the end of the name. NPY is what large data should be
 * in: it is used where it is, without being parsed or copied.
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "input.h"
#include "options.h"
#include "output.h"

enum { BLOCK_ROWS = 256 };

static const struct option options[] = {
    {"labels-out", 0, OPTION_TEXT, "run", "FILE", NULL,
     "write the target to a file of its own (.npy or .csv), for --labels"},
    {"target", 0, OPTION_TEXT, "run", "NAME|N|last", "last", "which column --labels-out takes"},
    {"drop", 0, OPTION_TEXT, "run", "NAME,...", NULL, "columns to leave out, by name or number"},
    {"type", 0, OPTION_CHOICE, "run", "auto|u1|i4|f4|f8", "auto",
     "NPY: type of the numbers; auto: the smallest of u1, f4 and f8 that changes none"},
    {"threads", 0, OPTION_COUNT, "run", "N", NULL,
     "workers that read; never changes what is written"},
    {.name = NULL},
};

/** Data that are there as a whole or, if they are too large for that, come in parts. */
struct source {
    const char *path;
    const heddle_read_options *reading;
    heddle_table *whole; /* or NULL */
    bool *text;          /* (columns) by parts: which of the first part are text */
    size_t columns;
};

/** Some columns of a source, for one output. */
struct selection {
    struct source *source;
    const heddle_table *table; /* the whole, or the part at hand */
    size_t rows;               /* of all parts, once they were looked at */
    size_t *column;
    size_t columns;
    bool single; /* a column by itself: an NPY array of rank 1 */
};

/** What to do with each part; returns an exit status. */
typedef int part_function(struct selection *s, void *context);

struct walk {
    struct selection *selection;
    part_function *each;
    void *context;
    int status;
};

static int take_part(void *user, const heddle_table *part)
{
    struct walk *walk = user;
    struct selection *s = walk->selection;
    s->table = part;
    if (s->source->text != NULL && heddle_table_columns(part) != s->source->columns) {
        complain("'%s' has not as many columns everywhere", s->source->path);
        walk->status = EXIT_DATA;
        return 1;
    }
    for (size_t i = 0; s->source->text != NULL && i < s->columns; i++) {
        heddle_column column;
        heddle_table_column_kind(part, s->column[i], &column);
        if (column.text != s->source->text[s->column[i]] && column.flaw != NULL) {
            complain("%s", column.flaw);
            walk->status = EXIT_DATA;
            return 1;
        }
        if (column.text != s->source->text[s->column[i]]) {
            complain("column '%s' has numbers only in one part of '%s' and words in another; "
                     "leave it out with --drop",
                     column.name, s->source->path);
            walk->status = EXIT_DATA;
            return 1;
        }
    }
    walk->status = walk->each(s, walk->context);
    return walk->status;
}

static int each_part(struct selection *s, part_function *each, void *context)
{
    struct walk walk = {.selection = s, .each = each, .context = context};
    heddle_error err;
    if (s->source->whole != NULL) {
        take_part(&walk, s->source->whole);
        return walk.status;
    }
    heddle_status status =
        heddle_table_read_parts(s->source->path, s->source->reading, take_part, &walk, &err);
    return status == HEDDLE_OK || status == HEDDLE_E_STOPPED ? walk.status : give_up(&err);
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/** The column `word` (n bytes) names, or numbers from 1; their number if there is none. */
static size_t find_column(const heddle_table *table, const char *word, size_t n)
{
    size_t columns = heddle_table_columns(table);
    heddle_column column;
    for (size_t c = 0; c < columns; c++) {
        heddle_table_column_kind(table, c, &column);
        if (strlen(column.name) == n && strncmp(column.name, word, n) == 0) {
            return c;
        }
    }
    size_t number = 0;
    for (size_t i = 0; i < n; i++) {
        if (word[i] < '0' || word[i] > '9' || number > columns) {
            return columns;
        }
        number = 10 * number + (size_t)(word[i] - '0');
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
        size_t n = strcspn(drop, ",");
        size_t c = find_column(table, drop, n);
        if (c == columns) {
            status = no_column(path, drop, n);
        } else {
            out[c] = true;
        }
        drop += n + (drop[n] == ',');
    }
    if (option_given(line, "labels-out") != NULL && status == 0) {
        size_t c = find_column(table, target, strlen(target));
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

/* ------------------------------------------------------------------- NPY --------------------- */

enum type { U1, I4, F4, F8 };
static const char *const type_names[] = {"u1", "i4", "f4", "f8"};

/** Does a number keep its value as that type? */
static bool keeps(double x, enum type type)
{
    switch (type) {
    case U1:
        return x >= 0 && x <= 255 && x == trunc(x) && !(x == 0 && signbit(x));
    case I4:
        return x >= INT32_MIN && x <= INT32_MAX && x == trunc(x) && !(x == 0 && signbit(x));
    case F4:
        return isnan(x) || (double)(float)x == x;
    case F8:
        break;
    }
    return true;
}

/** What column i of the selection is. Returns 0; or complains if it cannot be used. */
static int look_at(const struct selection *s, size_t i, heddle_column *column)
{
    heddle_table_column_kind(s->table, s->column[i], column);
    if (column->flaw == NULL) {
        return 0;
    }
    complain("%s", column->flaw);
    return EXIT_DATA;
}

struct looking {
    const char *output;
    bool keep[F8 + 1];
};

/** Which types keep all values, and how many rows there are; complains of a column that has no numbers or a flaw. */
static int look(struct selection *s, void *context)
{
    struct looking *looking = context;
    bool *keep = looking->keep;
    const char *output = looking->output;
    double number[BLOCK_ROWS];
    size_t rows = heddle_table_rows(s->table);
    s->rows += rows;
    for (size_t i = 0; i < s->columns; i++) {
        heddle_column column;
        if (look_at(s, i, &column) != 0) {
            return EXIT_DATA;
        }
        if (column.text) {
            complain("column '%s' is text, which '%s' cannot hold; leave it out with --drop, or "
                     "write .csv%s",
                     column.name, output, s->single ? "" : " (a target: --labels-out FILE.csv)");
            return EXIT_DATA;
        }
    }
    for (size_t first = 0; first < rows; first += BLOCK_ROWS) {
        size_t n = rows - first < BLOCK_ROWS ? rows - first : BLOCK_ROWS;
        for (size_t i = 0; i < s->columns; i++) {
            heddle_table_numbers(s->table, s->column[i], first, n, number);
            for (size_t k = 0; k < n; k++) {
                for (enum type type = U1; type < F8; type++) {
                    keep[type] = keep[type] && keeps(number[k], type);
                }
            }
        }
    }
    return 0;
}

/** A number as the little-endian bytes of that type; returns how many. */
static size_t put(double x, enum type type, unsigned char *out)
{
    static const size_t sizes[] = {1, 4, 4, 8};
    uint64_t bits = 0;
    if (type == U1) {
        bits = (uint64_t)x;
    } else if (type == I4) {
        bits = (uint32_t)(int32_t)x;
    } else if (type == F4) {
        float single = (float)x;
        uint32_t half;
        memcpy(&half, &single, sizeof half);
        bits = half;
    } else {
        memcpy(&bits, &x, sizeof bits);
    }
    for (size_t i = 0; i < sizes[type]; i++) {
        out[i] = (unsigned char)(bits >> (8 * i));
    }
    return sizes[type];
}

static void put_header(FILE *stream, const struct selection *s, enum type type)
{
    enum { START = 10, ALIGNED = 64 };
    char text[256];
    size_t rows = s->rows;
    int n = snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (%zu,",
                     type == U1 ? '|' : '<', type_names[type], rows);
    n += s->single ? snprintf(text + n, sizeof text - (size_t)n, "), }")
                   : snprintf(text + n, sizeof text - (size_t)n, " %zu), }", s->columns);
    size_t size = (START + (size_t)n + 1 + ALIGNED - 1) / ALIGNED * ALIGNED - START;
    fwrite("\x93NUMPY\1\0", 1, 8, stream);
    putc((int)(size & 255), stream);
    putc((int)(size >> 8), stream);
    fprintf(stream, "%-*s\n", (int)size - 1, text);
}

struct putting {
    FILE *stream;
    enum type type;
};

/** Rows by blocks: a column's numbers stand together, a row's in the file. */
static int put_rows(struct selection *s, void *context)
{
    const struct putting *putting = context;
    FILE *stream = putting->stream;
    enum type type = putting->type;
    size_t rows = heddle_table_rows(s->table);
    unsigned char unused[8];
    size_t size = put(0, type, unused);
    double number[BLOCK_ROWS];
    unsigned char *block = need(BLOCK_ROWS * size, s->columns);
    for (size_t first = 0; first < rows && !ferror(stream); first += BLOCK_ROWS) {
        size_t n = rows - first < BLOCK_ROWS ? rows - first : BLOCK_ROWS;
        for (size_t i = 0; i < s->columns; i++) {
            heddle_table_numbers(s->table, s->column[i], first, n, number);
            for (size_t k = 0; k < n; k++) {
                put(number[k], type, block + (k * s->columns + i) * size);
            }
        }
        fwrite(block, size * s->columns, n, stream);
    }
    free(block);
    return 0;
}

static int write_npy(const struct command_line *line, struct selection *s, const char *path)
{
    struct looking looking = {path, {true, true, true, true}};
    const bool *keep = looking.keep;
    s->rows = 0;
    int status = each_part(s, look, &looking);
    if (status != 0) {
        return status;
    }
    enum type type = keep[U1] ? U1 : s->single && keep[I4] ? I4 : keep[F4] ? F4 : F8;
    const char *wanted = option_value(line, "type");
    for (enum type t = U1; t <= F8; t++) {
        type = strcmp(wanted, type_names[t]) == 0 ? t : type;
    }
    if (!keep[type] && type < F4) {
        complain("--type %s: not all numbers are whole, there, and in its range", wanted);
        return EXIT_DATA;
    }
    struct output_file file;
    status = output_begin(&file, path);
    if (status == 0) {
        put_header(file.stream, s, type);
        struct putting putting = {file.stream, type};
        status = each_part(s, put_rows, &putting);
        if (status == 0) {
            status = output_end(&file);
        } else {
            output_drop(&file);
        }
    }
    if (status == 0) {
        printf("%s NPY %s, %zu x %zu\n", path, type_names[type], s->rows, s->columns);
    }
    return status;
}

/* ------------------------------------------------------------------- CSV --------------------- */

/** A field by RFC 4180. What would be read as something else is quoted, too. */
static void put_field(FILE *stream, const char *text, bool alone)
{
    size_t n = strlen(text);
    bool blank = n > 0 && (strchr(" \t", text[0]) != NULL || strchr(" \t", text[n - 1]) != NULL);
    if ((n == 0 && alone) || text[0] == '#' || blank || strpbrk(text, ",\"\r\n;|\t") != NULL) {
        print_quoted_field(stream, text);
    } else {
        fputs(text, stream);
    }
}

static int check_flaws(struct selection *s, void *context)
{
    (void)context;
    s->rows += heddle_table_rows(s->table);
    for (size_t i = 0; i < s->columns; i++) {
        heddle_column column;
        if (look_at(s, i, &column) != 0) {
            return EXIT_DATA;
        }
    }
    return 0;
}

static void put_names(FILE *stream, const struct selection *s)
{
    for (size_t i = 0; i < s->columns; i++) {
        heddle_column column;
        heddle_table_column_kind(s->table, s->column[i], &column);
        fputs(i > 0 ? "," : "", stream);
        put_field(stream, column.name, s->columns == 1);
    }
    putc('\n', stream);
}

static int put_cells(struct selection *s, void *context)
{
    FILE *stream = context;
    size_t rows = heddle_table_rows(s->table), size = 256;
    char *cell = need(size, 1);
    for (size_t row = 0; row < rows && !ferror(stream); row++) {
        for (size_t i = 0; i < s->columns; i++) {
            heddle_table_cell(s->table, row, s->column[i], cell, size);
            while (strlen(cell) + 1 == size) { /* it may have been cut */
                free(cell);
                size *= 2;
                cell = need(size, 1);
                heddle_table_cell(s->table, row, s->column[i], cell, size);
            }
            if (i > 0) {
                putc(',', stream);
            }
            put_field(stream, cell, s->columns == 1);
        }
        putc('\n', stream);
    }
    free(cell);
    return 0;
}

static int put_first_names(struct selection *s, void *context)
{
    put_names(context, s);
    return 1; /* the first part is enough */
}

static int write_csv(struct selection *s, const char *path)
{
    struct output_file file;
    s->rows = 0;
    int status = each_part(s, check_flaws, NULL);
    if (status == 0) {
        status = output_begin(&file, path);
    }
    if (status != 0) {
        return status;
    }
    each_part(s, put_first_names, file.stream);
    status = each_part(s, put_cells, file.stream);
    if (status == 0) {
        status = output_end(&file);
    } else {
        output_drop(&file);
    }
    if (status == 0 && strcmp(path, "-") != 0) {
        printf("%s CSV, %zu x %zu\n", path, s->rows, s->columns);
    }
    return status;
}

/* ------------------------------------------------------------------- the command ------------- */

static int check_output(const struct command_line *line, const char *path)
{
    if (!ends_in(path, ".npy") && !ends_in(path, ".csv") && strcmp(path, "-") != 0) {
        return misuse(line->command,
                      "'%s' ends neither in .npy nor in .csv, so it is not known what to write",
                      path);
    }
    return strcmp(path, "-") == 0 ? 0 : can_create(path, true);
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
    if (ends_in(output, ".npy") || ends_in(output, ".csv") || strcmp(output, "-") == 0) {
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
        printf("model %s sha256 %s\n", output, hex);
    }
    heddle_model_free(model);
    return status;
}

static int write_selection(const struct command_line *line, struct selection *s, const char *path)
{
    return ends_in(path, ".npy") ? write_npy(line, s, path) : write_csv(s, path);
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
    status = status != 0 ? status : write_selection(line, &main, output);
    if (status == 0 && labels_output != NULL) {
        status = write_selection(line, &labels, labels_output);
    }
    free(main.column);
    free(labels.column);
    free(source.text);
    heddle_table_free(source.whole);
    return status;
}

const struct command command_convert = {
    .name = "convert",
    .operands = "DATA OUT",
    .summary = "data as .npy, which needs no reading, or .csv; a network of FANN as a model",
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
    .options = {input_label_options, input_format_options, input_memory_options, options},
    .run = run,
};
