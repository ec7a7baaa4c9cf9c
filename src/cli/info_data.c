/**
 * info_data: what heddle info says of data: how they were understood, column by column, which
 * columns may be classes, and the first rows as read.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "info_data.h"
#include "json_out.h"
#include "options.h"
#include "output.h"

enum {
    FULL_COLUMNS = 40, /* of wider data a summary is shown */
    HEAD_ROWS = 5,     /* first rows that are shown as read */
    HEAD_WIDTH = 80,   /* columns of a terminal that they may take */
    NAMES = 20,        /* so many names are listed, of more the number */
    CLASSES = 256,     /* different values in the last column: more are no classes … */
    FEW_CLASSES = 26,  /* … and in the others */
    LABEL = 12         /* width of the labels at the left */
};

static void label(const char *text)
{
    print_cell(stdout, text, LABEL);
}

/** The values of a column that may be classes, in `value`; returns how many, 0 if it holds none. */
static size_t class_values(const heddle_table *table, size_t i, heddle_value value[CLASSES])
{
    heddle_column column;
    heddle_table_column(table, i, &column);
    bool last = i + 1 == heddle_table_columns(table);
    if (column.flaw != NULL || column.distinct == 0 ||
        column.distinct > (last ? CLASSES : FEW_CLASSES) || (!column.text && !last)) {
        return 0;
    }
    size_t count = heddle_table_values(table, i, value, CLASSES);
    for (size_t k = 0; k < count && !column.text; k++) {
        double number;
        if (!text_number(value[k].text, &number) || number != trunc(number)) {
            return 0;
        }
    }
    return count;
}

static void data_json(const char *path, const heddle_table *table)
{
    size_t rows = heddle_table_rows(table);
    size_t columns = heddle_table_columns(table);
    json_t *object = json_object();
    json_put(object, "data", json_text(path));
    json_put(object, "format", json_text(heddle_table_format(table)));
    json_put(object, "rows", json_count(rows));
    json_t *list = json_array();
    heddle_value *value = need(CLASSES, sizeof *value);
    for (size_t i = 0; i < columns; i++) {
        heddle_column column;
        heddle_table_column(table, i, &column);
        json_t *entry = json_column(&column, true);
        if (column.flaw != NULL) {
            json_put(entry, "flaw", json_text(column.flaw));
        }
        size_t count = class_values(table, i, value);
        json_t *classes = json_object();
        for (size_t k = 0; k < count; k++) {
            json_put(classes, value[k].text, json_count(value[k].rows));
        }
        json_put(entry, "classes", count > 0 ? classes : json_null());
        if (count == 0) {
            json_decref(classes);
        }
        json_array_append_new(list, entry);
    }
    free(value);
    json_put(object, "columns", list);
    json_t *head = json_array();
    for (size_t row = 0; row < rows && row < HEAD_ROWS; row++) {
        json_t *cells = json_array();
        for (size_t i = 0; i < columns; i++) {
            char cell[256];
            json_array_append_new(cells,
                                  json_text(heddle_table_cell(table, row, i, cell, sizeof cell)));
        }
        json_array_append_new(head, cells);
    }
    json_put(object, "head", head);
    json_write(stdout, object, true);
    json_decref(object);
}

/** A number in a table for people; "-" if there is none. */
static void print_number(double value)
{
    if (isfinite(value)) {
        printf("  %11.6g", value);
    } else {
        printf("  %11s", "-");
    }
}

static void columns_print(const heddle_table *table)
{
    size_t columns = heddle_table_columns(table);
    size_t width = sizeof "column" - 1;
    heddle_column column;
    for (size_t i = 0; i < columns; i++) {
        heddle_table_column(table, i, &column);
        size_t name = text_width(column.name);
        width = name > width ? name : width;
    }
    print_cell(stdout, "column", width);
    puts("  type     missing  distinct      minimum      maximum         mean");
    for (size_t i = 0; i < columns; i++) {
        heddle_table_column(table, i, &column);
        print_cell(stdout, column.name, width);
        printf("  %-6s  %8zu", column.text ? "text" : "number", column.missing);
        if (column.distinct > 0) {
            printf("  %8zu", column.distinct);
        } else {
            printf("  %8s", "-");
        }
        print_number(column.minimum);
        print_number(column.maximum);
        print_number(column.mean);
        putchar('\n');
        if (column.flaw != NULL) {
            fputs("  cannot be used: ", stdout);
            print_cell(stdout, column.flaw, 0);
            putchar('\n');
        }
    }
}

/** Which columns may be classes, and how many rows each of these has; of many columns the last. */
static void classes_print(const heddle_table *table)
{
    heddle_value *value = need(CLASSES, sizeof *value);
    size_t columns = heddle_table_columns(table);
    bool headed = false;
    for (size_t i = columns > FULL_COLUMNS ? columns - 1 : 0; i < columns; i++) {
        size_t count = class_values(table, i, value);
        heddle_column column;
        if (count == 0) {
            continue;
        }
        if (!headed) {
            puts("classes, and rows of each");
            headed = true;
        }
        heddle_table_column_kind(table, i, &column);
        fputs("  ", stdout);
        print_cell(stdout, column.name, 0);
        for (size_t k = 0; k < count && k < NAMES; k++) {
            fputs(k > 0 ? ", " : ": ", stdout);
            print_cell(stdout, value[k].text, 0);
            printf(" %zu", value[k].rows);
        }
        puts(count > NAMES ? ", …" : "");
    }
    free(value);
}

/** What can be said of many columns at once. */
static void summary_print(const heddle_table *table)
{
    size_t columns = heddle_table_columns(table);
    size_t text = 0;
    size_t constant = 0;
    size_t missing = 0;
    double minimum = INFINITY;
    double maximum = -INFINITY;
    heddle_column column;
    for (size_t i = 0; i < columns; i++) {
        heddle_table_column(table, i, &column);
        text += column.text;
        constant += column.distinct == 1;
        missing += column.missing;
        if (column.flaw != NULL) {
            label("cannot use");
            print_cell(stdout, column.flaw, 0);
            putchar('\n');
        }
        minimum = column.minimum < minimum ? column.minimum : minimum;
        maximum = column.maximum > maximum ? column.maximum : maximum;
    }
    label("numbers");
    printf("%zu columns", columns - text);
    if (minimum <= maximum) {
        printf(", from %.6g to %.6g", minimum, maximum);
    }
    putchar('\n');
    label("text");
    printf("%zu columns\n", text);
    label("constant");
    printf("%zu columns\n", constant);
    label("missing");
    printf("%zu cells\n", missing);
    heddle_table_column(table, columns - 1, &column);
    label("last column");
    print_cell(stdout, column.name, 0);
    printf(", %s", column.text ? "text" : "number");
    if (column.distinct > 0) {
        printf(", %zu different values", column.distinct);
    }
    putchar('\n');
}

/** A cell for people: a missing one is a question mark. */
static const char *shown_cell(const heddle_table *table, size_t row, size_t i, char cell[64])
{
    heddle_table_cell(table, row, i, cell, 64);
    return *cell != '\0' ? cell : "?";
}

/** Print the first rows, as many columns of them as fit a terminal; the last always. */
static void head_print(const heddle_table *table)
{
    size_t rows = heddle_table_rows(table);
    size_t columns = heddle_table_columns(table);
    char last_cell[64];
    char next_cell[64];
    puts(rows > HEAD_ROWS ? "first rows" : "rows");
    for (size_t row = 0; row < rows && row < HEAD_ROWS; row++) {
        const char *last = shown_cell(table, row, columns - 1, last_cell);
        size_t used = 2 + text_width(last) + sizeof " … " - 1;
        fputs("  ", stdout);
        for (size_t i = 0; i + 1 < columns; i++) {
            const char *cell = shown_cell(table, row, i, next_cell);
            used += text_width(cell) + 2;
            if (used > HEAD_WIDTH) {
                fputs("…, ", stdout);
                break;
            }
            print_cell(stdout, cell, 0);
            fputs(", ", stdout);
        }
        print_cell(stdout, last, 0);
        putchar('\n');
    }
}

void info_data_print(const char *path, const heddle_table *table, bool json)
{
    if (json) {
        data_json(path, table);
        return;
    }
    label("data");
    print_cell(stdout, path, 0);
    putchar('\n');
    label("format");
    puts(heddle_table_format(table));
    label("rows");
    printf("%zu\n", heddle_table_rows(table));
    label("columns");
    printf("%zu\n", heddle_table_columns(table));
    if (heddle_table_columns(table) <= FULL_COLUMNS) {
        columns_print(table);
    } else {
        summary_print(table);
    }
    classes_print(table);
    head_print(table);
}
