/**
 * csv: delimited text, in two passes over the bytes. The first reads every cell as a number, by
 * blocks of rows that stay in the cache and are then turned into columns; it learns which columns
 * hold words. The second collects the words of those. So a numeric table costs one pass and its
 * own size in memory.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/csv_guess.h"
#include "data/csv_scan.h"
#include "data/distinct.h"
#include "data/readers.h"

enum {
    MAX_COLUMNS = 1000000,
    BLOCK_CELLS = 32768, /* 256 KiB of doubles: half of a common L2 */
    BLOCK_ROWS = 64,
    FEW_WORDS = 26 /* so many different words may be codes of which some are numbers: grades, … */
};

/* Where a cell is: its record and that record's line. */
struct place {
    const char *record;
    size_t line;
};

struct column {
    size_t missing, words, infinite; /* cells that are no number */
    struct place word, infinity;     /* the first such cells */
};

struct csv {
    const char *path;
    const char *text, *end; /* without a byte order mark */
    char delimiter;
    bool header;
    struct place first; /* record of data */
    size_t columns;
    struct column *column;
    heddle_table *table;
};

static heddle_status no_memory(const struct csv *csv, heddle_error *err)
{
    return status_memory(err, "a table", (size_t)(csv->end - csv->text));
}

/* Text at all? */
static heddle_status check_bytes(const char *path, const struct file_bytes *bytes,
                                 heddle_error *err)
{
    const uint8_t *data = bytes->data;
    if (bytes->size == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' is empty", path);
    if (bytes->size >= 2 &&
        ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff)))
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is UTF-16 text; convert it with iconv -f UTF-16 -t UTF-8", path);
    const uint8_t *zero = memchr(data, 0, bytes->size);
    if (zero)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is neither a table of text nor of a known format (byte %zu is 0)",
                          path, (size_t)(zero - data));
    return HEDDLE_OK;
}

/* The first record: how many fields, and their names if it is a header. */
static heddle_status read_header(struct csv *csv, struct csv_scan *scan, heddle_header header,
                                 struct distinct_words *names, uint32_t **name, heddle_error *err)
{
    if (!csv_record(scan, true))
        return status_set(err, HEDDLE_E_DATA, "'%s' holds no rows", csv->path);
    csv->first = (struct place){scan->p, scan->line};
    csv->header = header == HEDDLE_HEADER_YES;
    if (header == HEDDLE_HEADER_AUTO) {
        heddle_status status = csv_guess_header(csv->path, scan->p, scan->end, scan->line,
                                                csv->delimiter, &csv->header, err);
        if (status != HEDDLE_OK)
            return status;
    }
    struct csv_field field = {.last = false};
    size_t room = 0;
    while (!field.last) {
        heddle_status status = csv_field(scan, csv->columns + 1, &field, err);
        if (status != HEDDLE_OK)
            return status;
        if (csv->columns == MAX_COLUMNS)
            return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: more than %d columns", csv->path,
                              csv->first.line, MAX_COLUMNS);
        if (csv->columns == room) {
            room = room ? room * 2 : 64;
            uint32_t *grown = memory_resize(*name, room, sizeof **name);
            if (!grown)
                return no_memory(csv, err);
            *name = grown;
        }
        if (csv->header && !cell_is_utf8(field.text, field.n))
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' line %zu column %zu: a name that is not UTF-8; convert the "
                              "file with iconv -f LATIN1 -t UTF-8",
                              csv->path, field.line, csv->columns + 1);
        if (!distinct_words_add(names, csv->header ? field.text : "", csv->header ? field.n : 0,
                                &(*name)[csv->columns]))
            return no_memory(csv, err);
        csv->columns++;
    }
    if (csv->header) {
        if (!csv_record(scan, false))
            return status_set(err, HEDDLE_E_DATA, "'%s' has a header but no rows", csv->path);
        csv->first = (struct place){scan->p, scan->line};
    }
    return HEDDLE_OK;
}

static heddle_status name_columns(struct csv *csv, const struct distinct_words *names,
                                  const uint32_t *name, heddle_error *err)
{
    const char **list = memory_new(csv->columns, sizeof *list);
    for (size_t c = 0; list && c < csv->columns; c++)
        list[c] = distinct_words_get(names, name[c]);
    bool fits = list && table_set_names(csv->table, list);
    memory_free(list);
    csv->table->named = csv->header;
    return fits ? HEDDLE_OK : no_memory(csv, err);
}

/* No fewer than the records from p on: line ends (CRLF is one), and the bytes that a record of so
 * many fields takes. The second bound keeps a file of blank lines from asking for the moon. */
static size_t bound_rows(const struct csv *csv)
{
    const char *p = csv->first.record, *end = csv->end;
    size_t ends = 1, size = (size_t)(end - p);
    if (memchr(p, '\r', size)) {
        for (; p < end; p++)
            ends += *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] != '\n'));
    } else {
        while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
            ends++;
            p++;
        }
    }
    size_t most = size / (csv->columns > 1 ? csv->columns : 2) + 1;
    return ends < most ? ends : most;
}

static heddle_status make_room(struct csv *csv, const heddle_read_options *options, size_t rows,
                               heddle_error *err)
{
    size_t bytes;
    if (!size_multiply(csv->columns + 1, sizeof(double), &bytes) ||
        !size_multiply(bytes, rows, &bytes))
        return status_memory(err, "a table", SIZE_MAX);
    heddle_status status = reader_check_size(csv->path, options, bytes, err);
    if (status != HEDDLE_OK)
        return status;
    csv->column = memory_new(csv->columns, sizeof *csv->column);
    csv->table->line = memory_new(rows, sizeof *csv->table->line);
    bool fits = csv->column && csv->table->line;
    for (size_t c = 0; fits && c < csv->columns; c++)
        fits = (csv->table->column[c].number = memory_new(rows, sizeof(double))) != NULL;
    return fits ? HEDDLE_OK : status_memory(err, "a table", bytes);
}

/* A field that is no plain number: its value, NaN if it has none. */
static double odd_cell(struct csv *csv, size_t c, const struct csv_field *field, struct place place)
{
    struct column *column = &csv->column[c];
    double value;
    switch (cell_classify(field->text, field->n, csv->delimiter == ';', &value)) {
    case CELL_NUMBER:
        return value;
    case CELL_MISSING:
        column->missing++;
        break;
    case CELL_INFINITE:
        if (column->infinite++ == 0)
            column->infinity = place;
        break;
    case CELL_WORD:
        if (column->words++ == 0)
            column->word = place;
        break;
    }
    return NAN;
}

/* block (rows, columns) becomes rows first … first+rows-1 of the columns. */
static void turn_block(heddle_table *table, const double *block, size_t first, size_t rows)
{
    size_t columns = table->columns;
    for (size_t c = 0; c < columns; c++) {
        double *number = table->column[c].number + first;
        for (size_t i = 0; i < rows; i++)
            number[i] = block[i * columns + c];
    }
}

/* The record at the scan as numbers, cells (columns). */
static heddle_status read_numbers(struct csv *csv, struct csv_scan *scan, double *cells,
                                  heddle_error *err)
{
    struct place place = {scan->p, scan->line};
    /* where a run of blanks separates, nothing matches and csv_separator() does it */
    const char delimiter = scan->delimiter == ' ' ? '\0' : scan->delimiter;
    const char *const end = scan->end;
    const size_t columns = csv->columns;
    size_t c = 0;
    for (bool last = false; !last; c++) {
        double value;
        const char *q = cell_number_fast(scan->p, end, &value);
        if (q && q < end && *q == delimiter) {
            scan->p = q + 1;
        } else if (q && (q == end || scan->stops[(unsigned char)*q])) {
            last = csv_separator(scan, q);
        } else {
            struct csv_field field;
            heddle_status status = csv_field(scan, c + 1, &field, err);
            if (status != HEDDLE_OK)
                return status;
            last = field.last;
            if (c < columns)
                value = odd_cell(csv, c, &field, place);
        }
        if (c < columns)
            cells[c] = value;
    }
    if (c != columns)
        return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: %zu field%s, expected %zu", csv->path,
                          place.line, c, c == 1 ? "" : "s", columns);
    return HEDDLE_OK;
}

/* First pass: all cells as numbers. */
static heddle_status numbers_pass(struct csv *csv, struct csv_scan *scan, heddle_error *err)
{
    size_t block_rows = BLOCK_CELLS / csv->columns, filled = 0;
    block_rows = block_rows < 1 ? 1 : block_rows > BLOCK_ROWS ? BLOCK_ROWS : block_rows;
    double *block = memory_new(block_rows * csv->columns, sizeof *block);
    if (!block)
        return no_memory(csv, err);
    heddle_table *table = csv->table;
    heddle_status status = HEDDLE_OK;
    while (csv_record(scan, false)) {
        table->line[table->rows + filled] = scan->line;
        status = read_numbers(csv, scan, block + filled * csv->columns, err);
        if (status != HEDDLE_OK)
            break;
        if (++filled == block_rows) {
            turn_block(table, block, table->rows, filled);
            table->rows += filled;
            filled = 0;
        }
    }
    turn_block(table, block, table->rows, filled);
    table->rows += filled;
    memory_free(block);
    return status;
}

/* Complain of field c of the record at `place`. */
static heddle_status complain(const struct csv *csv, size_t c, struct place place, const char *what,
                              heddle_error *err)
{
    struct csv_scan scan;
    struct csv_field field = {.text = "", .line = place.line};
    csv_scan_begin(&scan, csv->path, place.record, csv->end, place.line, csv->delimiter);
    heddle_status status = HEDDLE_OK;
    for (size_t i = 0; status == HEDDLE_OK && i <= c; i++)
        status = csv_field(&scan, i + 1, &field, err);
    char shown[CELL_SHOWN];
    if (status == HEDDLE_OK)
        status = status_set(err, HEDDLE_E_DATA, "'%s' line %zu column %zu: '%s' %s", csv->path,
                            field.line, c + 1, cell_show(field.text, field.n, shown), what);
    csv_scan_done(&scan);
    return status;
}

/* Is a column with words one of numbers with a slip in it? Then it has one word only, or a
 * twentieth of words at most. */
static bool is_doubtful(const struct csv *csv, size_t c)
{
    const struct column *column = &csv->column[c];
    size_t rows = csv->table->rows, words = column->words + column->infinite;
    size_t numbers = rows - column->missing - words;
    return (words == 1 && numbers >= 6) || (rows >= 20 && words * 20 <= numbers + words);
}

/* … unless the words recur among few different cells: codes, of which some are numbers. */
static bool is_codes(const struct csv *csv, const struct table_column *column)
{
    if (column->words > FEW_WORDS)
        return false;
    size_t times[FEW_WORDS] = {0};
    for (size_t i = 0; i < csv->table->rows; i++)
        if (column->code[i] != TABLE_MISSING)
            times[column->code[i]]++;
    for (size_t w = 0; w < column->words; w++) {
        double number;
        const char *word = column->word[w];
        if (times[w] < 2 &&
            cell_classify(word, strlen(word), csv->delimiter == ';', &number) != CELL_NUMBER)
            return false;
    }
    return true;
}

/* Second pass: the words of the columns that have any. */
static heddle_status words_pass(struct csv *csv, struct csv_scan *scan, struct distinct_words *set,
                                heddle_error *err)
{
    heddle_table *table = csv->table;
    for (size_t i = 0; i < table->rows && csv_record(scan, false); i++) {
        struct csv_field field = {.last = false};
        for (size_t c = 0; !field.last; c++) {
            heddle_status status = csv_field(scan, c + 1, &field, err);
            if (status != HEDDLE_OK)
                return status;
            struct table_column *column = &table->column[c];
            double value;
            if (!column->text)
                continue;
            if (cell_classify(field.text, field.n, false, &value) == CELL_MISSING) {
                column->code[i] = TABLE_MISSING;
                continue;
            }
            size_t before = set[c].count;
            if (!distinct_words_add(&set[c], field.text, field.n, &column->code[i]))
                return no_memory(csv, err);
            if (set[c].count > before && !cell_is_utf8(field.text, field.n))
                return status_set(err, HEDDLE_E_DATA,
                                  "'%s' line %zu column %zu: a word that is not UTF-8; convert "
                                  "the file with iconv -f LATIN1 -t UTF-8",
                                  csv->path, field.line, c + 1);
        }
    }
    return HEDDLE_OK;
}

/* Find the columns of words and fill them. */
static heddle_status type_columns(struct csv *csv, heddle_error *err)
{
    heddle_table *table = csv->table;
    size_t texts = 0;
    for (size_t c = 0; c < csv->columns; c++) {
        struct column *column = &csv->column[c];
        if (column->infinite && !column->words)
            return complain(csv, c, column->infinity, "is not a finite number", err);
        table->column[c].text = column->words > 0;
        texts += column->words > 0;
    }
    if (texts == 0)
        return HEDDLE_OK;
    for (size_t c = 0; c < csv->columns; c++) {
        struct table_column *column = &table->column[c];
        if (!column->text)
            continue;
        memory_free(column->number);
        column->number = NULL;
        column->code = memory_new(table->rows, sizeof *column->code);
        if (!column->code)
            return no_memory(csv, err);
    }
    struct distinct_words *set = memory_new(csv->columns, sizeof *set);
    if (!set)
        return no_memory(csv, err);
    struct csv_scan scan;
    csv_scan_begin(&scan, csv->path, csv->first.record, csv->end, csv->first.line, csv->delimiter);
    heddle_status status = words_pass(csv, &scan, set, err);
    for (size_t c = 0; c < csv->columns && status == HEDDLE_OK; c++) {
        struct table_column *column = &table->column[c];
        if (!column->text)
            continue;
        column->words = set[c].count;
        bool numbers = is_doubtful(csv, c);
        if (!distinct_words_take(&set[c], &column->word, &column->letters))
            status = no_memory(csv, err);
        else if (numbers && !is_codes(csv, column))
            status = complain(csv, c, csv->column[c].word, "is not a number", err);
    }
    for (size_t c = 0; c < csv->columns; c++)
        distinct_words_done(&set[c]);
    memory_free(set);
    csv_scan_done(&scan);
    return status;
}

/* Give back what the bound on the rows took too much. */
static void shrink(heddle_table *table, size_t room)
{
    if (table->rows == room)
        return;
    void *line = memory_resize(table->line, table->rows, sizeof *table->line);
    table->line = line ? line : table->line;
    for (size_t c = 0; c < table->columns; c++) {
        struct table_column *column = &table->column[c];
        void *number =
            column->number ? memory_resize(column->number, table->rows, sizeof(double)) : NULL;
        column->number = number ? number : column->number;
    }
}

/* A delimiter at the end of every line is no column. */
static void drop_empty_end(struct csv *csv, bool named)
{
    heddle_table *table = csv->table;
    if (csv->columns > 1 && !named && csv->column[csv->columns - 1].missing == table->rows)
        memory_free(table->column[--table->columns].number);
}

static const char *format_name(char delimiter)
{
    return delimiter == ','    ? "CSV"
           : delimiter == '\t' ? "TSV"
           : delimiter == ' '  ? "table separated by blanks"
           : delimiter == ';'  ? "CSV with semicolons"
                               : "CSV with another delimiter";
}

heddle_status csv_read(const char *path, const struct file_bytes *bytes,
                       const heddle_read_options *options, heddle_table **table, heddle_error *err)
{
    struct csv csv = {.path = path};
    struct csv_scan scan = {0};
    struct distinct_words names = {0};
    uint32_t *name = NULL;
    heddle_status status = check_bytes(path, bytes, err);
    if (status != HEDDLE_OK)
        return status;
    csv.text = (const char *)bytes->data;
    csv.end = csv.text + bytes->size;
    if (bytes->size >= 3 && memcmp(csv.text, "\xef\xbb\xbf", 3) == 0)
        csv.text += 3;
    csv.delimiter =
        options->delimiter ? options->delimiter : csv_guess_delimiter(path, csv.text, csv.end);
    csv_scan_begin(&scan, path, csv.text, csv.end, 1, csv.delimiter);
    status = read_header(&csv, &scan, options->header, &names, &name, err);
    if (status != HEDDLE_OK)
        goto done;
    csv.table = table_create(path, csv.columns);
    if (!csv.table) {
        status = no_memory(&csv, err);
        goto done;
    }
    size_t room = bound_rows(&csv);
    status = make_room(&csv, options, room, err);
    if (status == HEDDLE_OK)
        status = name_columns(&csv, &names, name, err);
    if (status != HEDDLE_OK)
        goto done;
    csv_scan_done(&scan);
    csv_scan_begin(&scan, path, csv.first.record, csv.end, csv.first.line, csv.delimiter);
    status = numbers_pass(&csv, &scan, err);
    if (status != HEDDLE_OK)
        goto done;
    shrink(csv.table, room);
    status = type_columns(&csv, err);
    if (status != HEDDLE_OK)
        goto done;
    drop_empty_end(&csv, *distinct_words_get(&names, name[csv.columns - 1]) != '\0');
    if (!table_set_format(csv.table, "%s with%s header%s%s", format_name(csv.delimiter),
                          csv.header ? " a" : "out a", *bytes->packing ? ", " : "",
                          bytes->packing)) {
        status = no_memory(&csv, err);
        goto done;
    }
    *table = csv.table;
    csv.table = NULL;
done:
    heddle_table_free(csv.table);
    memory_free(csv.column);
    memory_free(name);
    distinct_words_done(&names);
    csv_scan_done(&scan);
    return status;
}
