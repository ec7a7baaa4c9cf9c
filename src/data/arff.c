/**
 * arff: the tables of Weka and OpenML: a header that names the columns and says what they hold, then
 * rows as in CSV, but for comments that begin with '%', quotes of two kinds, and backslashes.
 *
 *     @relation weather
 *     @attribute 'wind speed' numeric
 *     @attribute play {yes, no}
 *     @data
 *     3.5, yes
 *
 * The header is read here, the rows by the passes of csv.c. Columns of a list of values, of strings
 * and of dates are words, also those that look like numbers.
 *
 * Source: Weka wiki, "ARFF (stable version)".
 */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/csv.h"
#include "data/csv_guess.h"

struct arff {
    struct csv *csv;
    const char *p, *end; /* what is left of the text */
    const char *stop;    /* end of the line that is looked at */
    size_t line;
    char *kind; /* (columns, room) of enum csv_kind */
    size_t room;
    bool data; /* @data has come */
};

/* ---------------------------------------------------------------- words ---------------------- */

static void skip_blanks(struct arff *a)
{
    while (a->p < a->stop && (*a->p == ' ' || *a->p == '\t'))
        a->p++;
}

/* The line at p: sets its end. False: there is none. */
static bool begin_line(struct arff *a)
{
    if (a->p == a->end)
        return false;
    a->stop = a->p;
    while (a->stop < a->end && *a->stop != '\n' && *a->stop != '\r')
        a->stop++;
    skip_blanks(a);
    return true;
}

static void next_line(struct arff *a)
{
    a->p = csv_next_line(a->stop, a->end);
    a->line++;
}

/* Is it the keyword? Then p is behind it. */
static bool take_keyword(struct arff *a, const char *keyword)
{
    const size_t n = strlen(keyword);
    if ((size_t)(a->stop - a->p) < n || strncasecmp(a->p, keyword, n) != 0)
        return false;
    a->p += n;
    return true;
}

static heddle_status refuse(const struct arff *a, const char *what, heddle_error *err)
{
    char shown[CELL_SHOWN];
    return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: '%s' %s", a->csv->path, a->line,
                      cell_show(a->p, (size_t)(a->stop - a->p), shown), what);
}

/* The word at p, in quotes or up to one of `ends`; p is then behind it. False: a quote is open. */
static bool take_word(struct arff *a, const char *ends, struct csv_scan *scan,
                      struct csv_field *word)
{
    if (a->p < a->stop && (*a->p == '"' || *a->p == '\'')) {
        const char *closed;
        if (!csv_escaped(scan, a->p, word, &closed))
            return false;
        a->p = closed;
        return true;
    }
    word->text = a->p;
    while (a->p < a->stop && !strchr(ends, *a->p))
        a->p++;
    word->n = (size_t)(a->p - word->text);
    while (word->n > 0 && (word->text[word->n - 1] == ' ' || word->text[word->n - 1] == '\t'))
        word->n--;
    return true;
}

/* ---------------------------------------------------------------- header --------------------- */

/* The values between braces at p: is '-' one of them? */
static heddle_status read_values(struct arff *a, struct csv_scan *scan, char *kind,
                                 heddle_error *err)
{
    struct csv_field value;
    const struct arff list = *a;
    *kind = CSV_TEXT;
    do {
        a->p++;
        skip_blanks(a);
        if (!take_word(a, ",}", scan, &value))
            return refuse(&list, "has a quote that is never closed", err);
        if (value.n == 1 && *value.text == '-')
            *kind = CSV_TEXT | CSV_MINUS;
        skip_blanks(a);
    } while (a->p < a->stop && *a->p == ',');
    return a->p < a->stop && *a->p == '}' ? HEDDLE_OK
                                          : refuse(&list, "is a list without an end", err);
}

/* What a column holds: what follows its name. */
static heddle_status read_type(struct arff *a, struct csv_scan *scan, char *kind, heddle_error *err)
{
    static const char *const numbers[] = {"numeric", "real", "integer"};
    static const char *const words[] = {"string", "date"};
    skip_blanks(a);
    if (a->p < a->stop && *a->p == '{')
        return read_values(a, scan, kind, err);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (take_keyword(a, numbers[i]))
            return HEDDLE_OK;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (take_keyword(a, words[i])) {
            *kind = CSV_TEXT;
            return HEDDLE_OK;
        }
    return refuse(a, "is no type of an attribute: numeric, real, integer, string, date or {a,b,…}",
                  err);
}

static heddle_status read_attribute(struct arff *a, struct csv_scan *scan, heddle_error *err)
{
    struct csv *csv = a->csv;
    struct csv_field name;
    skip_blanks(a);
    const struct arff attribute = *a;
    if (!take_word(a, " \t{", scan, &name) || name.n == 0)
        return refuse(&attribute, "is no name of an attribute", err);
    if (!cell_is_utf8(name.text, name.n) || memchr(name.text, 0, name.n))
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' line %zu: a name that is not UTF-8; convert the file with iconv -f "
                          "LATIN1 -t UTF-8",
                          csv->path, a->line);
    const size_t most = csv_max_columns(csv->bytes->size);
    if (csv->columns == most)
        return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: more than %zu columns", csv->path,
                          a->line, most);
    if (csv->columns == a->room) {
        const size_t room = a->room ? 2 * a->room : 64;
        uint32_t *names = memory_resize(csv->name, room, sizeof *names);
        csv->name = names ? names : csv->name;
        char *kind = names ? memory_resize(a->kind, room, 1) : NULL;
        if (!kind)
            return csv_no_memory(csv, err);
        a->kind = kind;
        a->room = room;
    }
    if (!distinct_words_add(&csv->names, name.text, name.n, &csv->name[csv->columns]))
        return csv_no_memory(csv, err);
    a->kind[csv->columns] = 0;
    return read_type(a, scan, &a->kind[csv->columns++], err);
}

/* Everything up to the line behind @data. */
static heddle_status read_header(struct arff *a, heddle_error *err)
{
    struct csv_scan scan;
    heddle_status status = HEDDLE_OK;
    csv_scan_begin(&scan, a->csv->path, a->p, a->end, 1, ',');
    for (; status == HEDDLE_OK && !a->data && begin_line(a); next_line(a)) {
        if (a->p == a->stop || *a->p == '%')
            continue;
        if (take_keyword(a, "@data"))
            a->data = true;
        else if (take_keyword(a, "@attribute"))
            status = read_attribute(a, &scan, err);
        else if (!take_keyword(a, "@relation") && !take_keyword(a, "@input") &&
                 !take_keyword(a, "@output")) /* the last two are KEEL's */
            status = refuse(a, "is no line of an ARFF header: @attribute or @data", err);
    }
    csv_scan_done(&scan);
    return status;
}

/* ---------------------------------------------------------------- rows ----------------------- */

/* Go to the first row, and find what separates its values. */
static heddle_status find_rows(struct arff *a, heddle_error *err)
{
    static const char delimiters[] = {',', '\t', ' '};
    struct csv *csv = a->csv;
    struct csv_scan scan;
    if (!a->data || csv->columns == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' ends before the %s of its ARFF header",
                          csv->path, a->data ? "first @attribute" : "@data");
    csv->delimiter = ',';
    csv_scan_at(csv, &scan, a->p, a->line);
    if (!csv_data(&scan, csv->columns))
        return status_set(err, HEDDLE_E_DATA, "'%s' has a header but no rows", csv->path);
    const char *p = scan.p;
    while (p < scan.end && (*p == ' ' || *p == '\t'))
        p++;
    if (*p == '{')
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' line %zu: a sparse row; Weka's filter SparseToNonSparse writes all "
                          "values, its LibSVMSaver a file that is read",
                          csv->path, scan.line);
    csv->first = (struct csv_place){scan.p, scan.line};
    for (size_t i = 0; i < sizeof delimiters && csv_count(&scan) != csv->columns; i++) {
        csv->delimiter = delimiters[i];
        csv_scan_at(csv, &scan, csv->first.record, csv->first.line);
    }
    if (csv_count(&scan) != csv->columns)
        csv->delimiter = ','; /* csv.c complains */
    return HEDDLE_OK;
}

bool arff_recognise(const struct file_bytes *bytes)
{
    const char *p = (const char *)bytes->data, *end = p + bytes->size;
    if (bytes->size >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    while (p < end) {
        while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r')))
            p++;
        if (p == end || *p != '%')
            break;
        p = csv_next_line(p, end);
    }
    return end - p >= 9 && strncasecmp(p, "@relation", 9) == 0;
}

heddle_status arff_read(const char *path, struct file_bytes *bytes,
                        const struct table_reading *reading, heddle_table **table,
                        heddle_error *err)
{
    struct csv csv = {.path = path,
                      .bytes = bytes,
                      .workers = reading->workers,
                      .text = (const char *)bytes->data,
                      .header = true,
                      .arff = true};
    csv.end = csv.stop = csv.text + bytes->size;
    struct arff a = {.csv = &csv, .p = csv.text, .end = csv.end, .line = 1};
    if (bytes->size >= 3 && memcmp(a.p, "\xef\xbb\xbf", 3) == 0)
        a.p += 3;
    heddle_status status = read_header(&a, err);
    if (status == HEDDLE_OK)
        status = find_rows(&a, err);
    if (status == HEDDLE_OK) {
        csv.declared = a.kind;
        csv.table = table_create(path, csv.columns);
        status = csv.table ? csv_read_records(&csv, reading, err) : csv_no_memory(&csv, err);
    }
    if (status == HEDDLE_OK &&
        !table_set_format(csv.table, "ARFF%s%s", *bytes->packing ? ", " : "", bytes->packing))
        status = csv_no_memory(&csv, err);
    if (status == HEDDLE_OK) {
        *table = csv.table;
        csv.table = NULL;
    }
    memory_free(a.kind);
    csv_done(&csv);
    return status;
}
