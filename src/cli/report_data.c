/** report_data: the data of a report; see report_parts.h. */
#include <math.h>
#include <string.h>

#include "html.h"
#include "report_facts.h"
#include "report_parts.h"

enum { LISTED_CLASSES = 60, BAR = 120, OPEN_COLUMNS = 25 };

static void row_begin(FILE *stream, const char *label)
{
    fprintf(stream, "<tr><td>%s</td><td class=\"long\">", label);
}

static void row_end(FILE *stream)
{
    fputs("</td></tr>\n", stream);
}

/** How the rows of the table were used. */
static void write_rows(FILE *stream, const json_t *record)
{
    const json_t *start = member(record, "start");
    const json_t *result = member(record, "result");
    const json_t *test = member(result, "test");
    uint64_t held_out = count_of(start, "validation_rows");
    row_begin(stream, "rows");
    html_count(stream, count_of(member(record, "data"), "rows"));
    row_end(stream);
    row_begin(stream, "trained on");
    html_count(stream, count_of(start, "training_rows"));
    row_end(stream);
    if (held_out > 0) {
        row_begin(stream, "validation");
        html_count(stream, held_out);
        row_end(stream);
    }
    if (test != NULL) {
        row_begin(stream, "test");
        html_count(stream, count_of(test, "rows"));
        row_end(stream);
    }
}

static void write_facts(FILE *stream, const json_t *record)
{
    const json_t *data = member(record, "data");
    const json_t *network = member(record, "network");
    const json_t *inputs = member(data, "inputs");
    fputs("<div><h3>As understood</h3>\n<table class=\"pair\"><tbody>\n", stream);
    row_begin(stream, "file");
    html_text(stream, text_of(member(member(record, "start"), "data"), "path"), 300);
    row_end(stream);
    row_begin(stream, "format");
    html_text(stream, text_of(data, "format"), 300);
    row_end(stream);
    write_rows(stream, record);
    row_begin(stream, "columns");
    html_count(stream, count_of(data, "columns"));
    if (inputs != NULL) {
        fputs(", ", stream);
        html_count(stream, (uint64_t)json_integer_value(inputs));
        fputs(" of them inputs", stream);
    }
    row_end(stream);
    if (network != NULL) {
        const json_t *targets = member(network, "targets");
        uint64_t count = count_of(network, "target_count");
        row_begin(stream, count == 1 ? "target" : "targets");
        for (size_t i = 0; i < json_array_size(targets); i++) {
            fputs(i > 0 ? ", " : "", stream);
            html_name(stream, json_string_value(json_array_get(targets, i)));
        }
        fputs(count > json_array_size(targets) ? ", …" : "", stream);
        row_end(stream);
        row_begin(stream, "task");
        fputs(strcmp(text_of(network, "task"), "classify") == 0 ? "classes" : "numbers", stream);
        row_end(stream);
        row_begin(stream, "inputs are scaled");
        const char *scale = text_of(network, "scale");
        fputs(strcmp(scale, "standard") == 0 ? "to mean 0 and deviation 1, by the training rows"
              : strcmp(scale, "minmax") == 0 ? "to 0 … 1, by the training rows"
              : strcmp(scale, "byte") == 0   ? "from bytes, divided by 255"
                                             : "not at all",
              stream);
        row_end(stream);
    }
    row_begin(stream, "missing cells");
    if (member(data, "missing") != NULL) {
        html_count(stream, count_of(data, "missing"));
        const char *missing = text_of(network, "missing");
        fputs(count_of(data, "missing") == 0 ? ""
              : strcmp(missing, "mean") == 0
                  ? "; of numbers the training rows’ mean takes their place"
              : strcmp(missing, "drop") == 0 ? "; their rows were left out"
                                             : "",
              stream);
    } else {
        fputs("not counted, the data are large", stream);
    }
    row_end(stream);
    fputs("</tbody></table></div>\n", stream);
}

static void write_number(FILE *stream, const json_t *object, const char *key)
{
    fputs("<td" RIGHT ">", stream);
    html_number(stream, number_of(object, key));
    fputs("</td>", stream);
}

static void write_count(FILE *stream, const json_t *object, const char *key)
{
    fputs("<td" RIGHT ">", stream);
    if (member(object, key) != NULL) {
        html_count(stream, count_of(object, key));
    } else {
        fputs("–", stream);
    }
    fputs("</td>", stream);
}

/** What becomes of an input before it goes in. */
static void write_scaling(FILE *stream, const json_t *column)
{
    double shift = member(column, "shift") != NULL ? number_of(column, "shift") : 0;
    double factor = member(column, "factor") != NULL ? number_of(column, "factor") : 1;
    fputs("<td class=\"whole\">", stream);
    if (member(column, "categories") != NULL) {
        fputs("one input a word: ", stream);
        html_count(stream, count_of(column, "categories"));
        fputs(json_is_true(member(column, "for_none")) ? ", and one for none" : "", stream);
    } else if (strcmp(text_of(column, "role"), "input") == 0 && (shift != 0 || factor != 1)) {
        fputs(shift < 0 ? "(x + " : "(x − ", stream);
        html_number(stream, fabs(shift));
        fputs(") ÷ ", stream);
        html_number(stream, 1 / factor);
    }
    fputs("</td>", stream);
}

static void write_columns(FILE *stream, const json_t *data)
{
    const json_t *columns = member(data, "column");
    size_t listed = json_array_size(columns);
    fprintf(stream, "<details%s><summary>Columns</summary>\n",
            listed <= OPEN_COLUMNS ? " open=\"open\"" : "");
    fputs("<div class=\"wide\"><table><thead><tr><th>column</th><th>role</th>"
          "<th>type</th><th" RIGHT ">missing</th><th" RIGHT ">distinct</th><th" RIGHT
          ">minimum</th><th" RIGHT ">mean</th><th" RIGHT ">maximum</th><th>scaled</th></tr></thead>"
          "<tbody>\n",
          stream);
    for (size_t i = 0; i < listed; i++) {
        const json_t *column = json_array_get(columns, i);
        fputs("<tr><td class=\"long\">", stream);
        html_name(stream, text_of(column, "name"));
        const char *role = text_of(column, "role");
        fprintf(stream, "</td><td>%s</td><td>%s</td>", *role != '\0' ? role : "–",
                text_of(column, "type"));
        write_count(stream, column, "missing");
        write_count(stream, column, "distinct");
        write_number(stream, column, "minimum");
        write_number(stream, column, "mean");
        write_number(stream, column, "maximum");
        write_scaling(stream, column);
        fputs("</tr>\n", stream);
    }
    fputs("</tbody></table></div>\n", stream);
    html_listed(stream, listed, count_of(data, "columns"), "columns");
    fputs("</details>\n", stream);
}

/** The classes and how many rows each has in the whole table. */
static void write_classes(FILE *stream, const json_t *data)
{
    const json_t *classes = member(data, "classes");
    size_t count = json_array_size(classes);
    uint64_t most = 1;
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t rows = count_of(json_array_get(classes, i), "rows");
        most = rows > most ? rows : most;
    }
    fputs("<div><h3>Classes</h3>\n<div class=\"wide\"><table><thead><tr><th>class</th><th" RIGHT
          ">rows</th><th" RIGHT ">share</th><th></th></tr></thead><tbody>\n",
          stream);
    for (size_t i = 0; i < count && i < LISTED_CLASSES; i++) {
        const json_t *class = json_array_get(classes, i);
        uint64_t rows = count_of(class, "rows");
        fputs("<tr><td>", stream);
        html_name(stream, text_of(class, "name"));
        fputs("</td><td" RIGHT ">", stream);
        html_count(stream, rows);
        fprintf(stream,
                "</td><td" RIGHT ">%.3g %%</td><td><span class=\"bar\" style=\"width:%.0fpx\">"
                "</span></td></tr>\n",
                100 * (double)rows / fmax(1, number_of(data, "rows")),
                fmax(1, BAR * (double)rows / (double)most));
    }
    fputs("</tbody></table></div>\n", stream);
    if (count > LISTED_CLASSES) {
        fprintf(stream, "<p class=\"dim\">%d of %zu classes.</p>\n", LISTED_CLASSES, count);
    }
    fputs("</div>\n", stream);
}

void report_data(FILE *stream, const json_t *record)
{
    const json_t *data = member(record, "data");
    fputs("<h2>Data</h2>\n<div class=\"columns\">\n", stream);
    write_facts(stream, record);
    write_classes(stream, data);
    fputs("</div>\n", stream);
    write_columns(stream, data);
}
