/**
 * csv: delimited text, in two passes over the bytes. The first reads every cell as a number, by
 * blocks of rows that stay in the cache and are then turned into columns; it learns which columns
 * hold words. The second collects the words of those. So a numeric table costs one pass and its
 * own size in memory. Both passes, and the counting of lines before them, are made by chunks, beside
 * each other if there are workers; what is read does not depend on the chunks.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/columns.h"
#include "data/csv.h"
#include "data/csv_guess.h"

enum {
    BLOCK_CELLS = 32768, /* 256 KiB of doubles: half of a common L2 */
    BLOCK_ROWS = 64,
    LOOKED_AT = 1 << 20 /* bytes, before anything is understood of them */
};

heddle_status csv_no_memory(const struct csv *csv, heddle_error *err)
{
    return status_memory(err, "a table", (size_t)(csv->end - csv->text));
}

void csv_scan_at(const struct csv *csv, struct csv_scan *scan, const char *p, size_t line)
{
    csv_scan_begin(scan, csv->path, p, csv->end, line, csv->delimiter);
    scan->cut = csv->cut;
    scan->arff = csv->arff;
}

heddle_status csv_check_zeros(const char *path, const uint8_t *bytes, const void *begin,
                              const void *end, heddle_error *err)
{
    const uint8_t *from = begin, *zero = memchr(from, 0, (size_t)((const uint8_t *)end - from));
    if (!zero)
        return HEDDLE_OK;
    return status_set(err, HEDDLE_E_DATA,
                      "'%s' is neither a table of text nor of a known format (byte %zu is 0)", path,
                      (size_t)((uintptr_t)zero - (uintptr_t)bytes));
}

/* The chunks are looked through later, beside each other. */
heddle_status csv_check_text(const char *path, const struct file_bytes *bytes, heddle_error *err)
{
    const uint8_t *data = bytes->data;
    if (bytes->size == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' is empty", path);
    bool pairs = bytes->size >= 4 && !data[0] == !data[2] && !data[1] == !data[3];
    if (pairs && !data[0] != !data[1])
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is UTF-16 text; convert it with iconv -f UTF-16 -t UTF-8", path);
    return csv_check_zeros(path, data, data,
                           data + (bytes->size < LOOKED_AT ? bytes->size : LOOKED_AT), err);
}

/* What the columns are known to hold before they are read. */
static heddle_status find_kinds(struct csv *csv, const struct table_reading *reading,
                                heddle_error *err)
{
    const struct csv_known *known = reading->known;
    const bool whole = known && csv->columns == known->columns;
    csv->kind = memory_new(csv->columns, 1);
    if (!csv->kind)
        return csv_no_memory(csv, err);
    const char *categories = reading->options->categories;
    heddle_status status =
        categories ? columns_mark(csv->table, categories, false, csv->kind, CSV_TEXT, err)
                   : HEDDLE_OK;
    for (size_t c = 0; csv->declared && c < csv->columns; c++)
        csv->kind[c] |= csv->declared[c];
    for (size_t c = 0; known && known->named && csv->header && c < csv->columns; c++) {
        const char *name = csv->table->column[c].name;
        uint32_t code;
        if (distinct_words_find(&known->names, name, strlen(name), &code))
            csv->kind[c] |= known->kind[code];
    }
    if (known && !(known->named && csv->header) && (whole || csv->columns == known->inputs))
        for (size_t k = 0; k < known->names.count && (whole || k < known->inputs); k++)
            csv->kind[whole ? known->place[k] : k] |= known->kind[k];
    return status;
}

static heddle_status name_columns(struct csv *csv, heddle_error *err)
{
    const char **list = memory_new(csv->columns, sizeof *list);
    for (size_t c = 0; list && c < csv->columns; c++)
        list[c] = distinct_words_get(&csv->names, csv->name[c]);
    bool fits = list && table_set_names(csv->table, list);
    memory_free(list);
    csv->table->named = csv->header;
    return fits ? HEDDLE_OK : csv_no_memory(csv, err);
}

/* Room for the rows: no fewer than the records that begin in each chunk, which are its lines, and
 * as many as its bytes allow for records of so many fields. The second bound keeps a file of blank
 * lines from asking for the moon. */
static heddle_status make_room(struct csv *csv, const struct table_reading *reading,
                               heddle_error *err)
{
    size_t bytes, rows = 0, line = csv->first.line;
    for (size_t k = 0; k < csv->chunks; k++) {
        struct csv_chunk *chunk = &csv->chunk[k];
        size_t size = (size_t)(chunk->end - chunk->begin);
        size_t most = size / (csv->columns > 1 ? csv->columns : 2) + 1;
        chunk->room = chunk->ends + (k + 1 == csv->chunks);
        chunk->room = chunk->room < most ? chunk->room : most;
        chunk->first = rows;
        chunk->line = line;
        rows += chunk->room;
        line += chunk->ends;
    }
    if (!size_multiply(csv->columns + 1, sizeof(double), &bytes) ||
        !size_multiply(bytes, rows, &bytes))
        return status_memory(err, "a table", SIZE_MAX);
    heddle_status status = reader_check_size(csv->path, reading, bytes, err);
    if (status != HEDDLE_OK)
        return status;
    heddle_table *table = csv->table;
    csv->column = memory_new(csv->columns, sizeof *csv->column);
    table->line = memory_new(rows, sizeof *table->line);
    table->numbers_bytes = rows * csv->columns * sizeof(double);
    table->numbers = arena_new(table->numbers_bytes);
    if (!csv->column || !table->line || !table->numbers)
        return status_memory(err, "a table", bytes);
    for (size_t c = 0; c < csv->columns; c++) {
        table->column[c].number = (double *)table->numbers + c * rows;
        table->column[c].shared = true;
    }
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- numbers -------------------- */

/* A field that is no plain number: its value, NaN if it has none. */
static double odd_cell(const struct csv *csv, struct csv_column *column,
                       const struct csv_field *field, struct csv_place place)
{
    double value;
    switch (cell_classify(field->text, field->n, csv->comma, &value)) {
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
        column->absent += cell_is_absent(field->text, field->n);
        column->plus = column->plus || (field->n == 1 && *field->text == '+');
        if (column->words++ == 0)
            column->word = place;
        break;
    }
    return NAN;
}

/* Columns from … to-1 of a block (rows, columns) become rows first … first+rows-1 of theirs. */
static inline void turn_columns(heddle_table *table, const double *block, size_t first, size_t rows,
                                size_t from, size_t to)
{
    const size_t columns = table->columns;
    for (size_t c = from; c < to; c++) {
        double *number = table->column[c].number + first;
        for (size_t i = 0; i < rows; i++)
            number[i] = block[i * columns + c];
    }
}

/* The record at the scan as numbers, cells (columns). */
static heddle_status read_numbers(const struct csv *csv, struct csv_column *found,
                                  struct csv_scan *scan, double *cells, heddle_error *err)
{
    struct csv_place place = {scan->p, scan->line};
    /* where a run of blanks separates, nothing matches and csv_separator() does it */
    const char delimiter = scan->delimiter == ' ' ? '\0' : scan->delimiter;
    const char *const end = scan->end;
    const size_t columns = csv->columns;
    const char *p = scan->p;
    size_t c = 0;
    /* the commonest by far: a few digits and the delimiter */
    for (uint64_t bytes; end - p >= 8 && c < columns; c++) {
        memcpy(&bytes, p, sizeof bytes);
        unsigned n = cell_digits(bytes);
        if (n - 1 >= 7 || p[n] != delimiter || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
            break;
        cells[c] = (double)(int64_t)cell_eight(bytes, n);
        p += n + 1;
    }
    scan->p = p;
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
                value = odd_cell(csv, &found[c], &field, place);
        }
        if (c < columns)
            cells[c] = value;
    }
    if (scan->cut && scan->p == end) /* perhaps it goes on there */
        return csv_no_room(csv->path, place.line, err);
    char skip[160] = "";
    /* below one line, which may be a title */
    if (c > columns && place.line == csv->first.line + !csv->header && !csv->arff)
        snprintf(skip, sizeof skip,
                 "; if the table begins here, tail -n +%zu '%.100s' gives it alone", place.line,
                 csv->path);
    if (c != columns)
        return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: %zu field%s, expected %zu%s",
                          csv->path, place.line, c, c == 1 ? "" : "s", columns, skip);
    return HEDDLE_OK;
}

/* The column that a chunk's blocks are turned from. Workers begin at distances: nobody has touched
 * the table's pages yet, each of which spans a few columns, and if two come to one at the same time
 * both make a page of zeros, of which one is thrown away. */
static size_t first_column(const struct csv *csv, const struct csv_chunk *chunk)
{
    const size_t workers = csv->workers ? (size_t)csv->workers->count : 1;
    return (size_t)(chunk - csv->chunk) % workers * csv->columns / workers;
}

/* A whole block, column `begin` first. */
static void turn_block(heddle_table *table, const double *block, size_t first, size_t rows,
                       size_t begin)
{
    turn_columns(table, block, first, rows, begin, table->columns);
    turn_columns(table, block, first, rows, 0, begin);
}

/* First pass: the records that begin in a chunk, all cells as numbers. */
static void read_chunk(struct csv *csv, struct csv_chunk *chunk)
{
    size_t block_rows = BLOCK_CELLS / csv->columns, filled = 0;
    block_rows = block_rows < 1 ? 1 : block_rows > BLOCK_ROWS ? BLOCK_ROWS : block_rows;
    heddle_table *table = csv->table;
    const size_t begin = first_column(csv, chunk);
    chunk->rows = 0;
    chunk->reached = chunk->begin;
    chunk->reached_line = chunk->line;
    chunk->status = HEDDLE_OK;
    memory_free(chunk->column);
    chunk->column = memory_new(csv->columns, sizeof *chunk->column);
    double *block = memory_new(block_rows * csv->columns, sizeof *block);
    if (!block || !chunk->column) {
        memory_free(block);
        chunk->status = csv_no_memory(csv, &chunk->error);
        return;
    }
    struct csv_scan scan;
    csv_scan_at(csv, &scan, chunk->begin, chunk->line);
    while (csv_data(&scan, csv->columns) && scan.p < chunk->end) {
        if (chunk->rows + filled == chunk->room) {
            chunk->status =
                status_set(&chunk->error, HEDDLE_E_INTERNAL, "'%s': rows miscounted", csv->path);
            break;
        }
        table->line[chunk->first + chunk->rows + filled] = scan.line;
        chunk->status =
            read_numbers(csv, chunk->column, &scan, block + filled * csv->columns, &chunk->error);
        if (chunk->status != HEDDLE_OK)
            break;
        chunk->reached = scan.p;
        chunk->reached_line = scan.line;
        if (++filled == block_rows) {
            turn_block(table, block, chunk->first + chunk->rows, filled, begin);
            chunk->rows += filled;
            filled = 0;
        }
    }
    turn_block(table, block, chunk->first + chunk->rows, filled, begin);
    chunk->rows += filled;
    csv_scan_done(&scan);
    memory_free(block);
    size_t words = 0;
    for (size_t c = 0; c < csv->columns; c++)
        words += chunk->column[c].words;
    if (!words)
        file_forget(csv->bytes, chunk->begin, chunk->end);
}

/* What the columns are known to hold, of one chunk more. */
static void add_up(struct csv_column *sum, const struct csv_column *part)
{
    if (sum->words == 0)
        sum->word = part->word;
    if (sum->infinite == 0)
        sum->infinity = part->infinity;
    sum->missing += part->missing;
    sum->words += part->words;
    sum->absent += part->absent;
    sum->plus = sum->plus || part->plus;
    sum->infinite += part->infinite;
}

/* Move the rows of the chunks together. */
static void close_up(struct csv *csv)
{
    heddle_table *table = csv->table;
    table->rows = 0;
    for (size_t k = 0; k < csv->chunks; k++) {
        struct csv_chunk *chunk = &csv->chunk[k];
        const size_t from = chunk->first, to = table->rows;
        if (from != to && chunk->rows) {
            memmove(table->line + to, table->line + from, chunk->rows * sizeof *table->line);
            for (size_t c = 0; c < csv->columns; c++) {
                double *number = table->column[c].number;
                memmove(number + to, number + from, chunk->rows * sizeof *number);
            }
        }
        chunk->first = to;
        table->rows += chunk->rows;
    }
}

static heddle_status numbers_pass(struct csv *csv, heddle_error *err)
{
    csv_with_chunks(csv, read_chunk);
    const char *reached = csv->first.record;
    size_t line = csv->first.line;
    for (size_t k = 0; k < csv->chunks; k++) {
        struct csv_chunk *chunk = &csv->chunk[k];
        if (reached > chunk->begin) {
            /* A record of the chunk in front ends in this one: it is not what it seemed. */
            chunk->begin = reached < chunk->end ? reached : chunk->end;
            chunk->line = line;
            read_chunk(csv, chunk);
        }
        if (chunk->status != HEDDLE_OK)
            return status_set(err, chunk->status, "%s", chunk->error.text);
        if (chunk->reached > reached) {
            reached = chunk->reached;
            line = chunk->reached_line;
        }
        for (size_t c = 0; c < csv->columns; c++)
            add_up(&csv->column[c], &chunk->column[c]);
    }
    csv->next = (struct csv_place){reached, line};
    close_up(csv);
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- the whole ------------------ */

/* Delimiters at the end of every line are no columns. */
static void drop_empty_end(struct csv *csv)
{
    heddle_table *table = csv->table;
    while (table->columns > 1) {
        const size_t last = table->columns - 1;
        if (*distinct_words_get(&csv->names, csv->name[last]) ||
            csv->column[last].missing < table->rows)
            return;
        memory_free(table->column[last].word); /* an empty list, if it is known to be text */
        memory_free(table->column[last].letters);
        table->columns--;
    }
}

/* Are all numbers of the first column whole and different, or all its words? */
static heddle_status all_differ(const struct csv *csv, bool *differ, heddle_error *err)
{
    const struct table_column *column = &csv->table->column[0];
    struct distinct_numbers set = {0};
    bool fits = true;
    *differ = csv->column[0].missing == 0 && csv->table->rows > 1;
    if (column->text)
        *differ = *differ && column->words == csv->table->rows;
    for (size_t i = 0; !column->text && *differ && fits && i < csv->table->rows; i++) {
        uint32_t index;
        double x = column->number[i];
        *differ = x == trunc(x) && x >= 0;
        fits = !*differ || distinct_numbers_add(&set, x, &index);
        *differ = *differ && set.count == i + 1;
    }
    distinct_numbers_done(&set);
    return fits ? HEDDLE_OK : csv_no_memory(csv, err);
}

/* A first column without a name of its own, of which no cell is there twice, holds the names of the
 * rows, as R and pandas write them. */
static heddle_status find_row_names(struct csv *csv, heddle_error *err)
{
    const char *name = csv->header ? distinct_words_get(&csv->names, csv->name[0]) : "x";
    bool differ = false;
    if (!csv->row_names && *name && strcmp(name, "Unnamed: 0") != 0)
        return HEDDLE_OK;
    heddle_status status = all_differ(csv, &differ, err);
    csv->table->row_names = differ || (csv->row_names && csv->table->rows == 1);
    return status;
}

static const char *format_name(char delimiter)
{
    return delimiter == ','    ? "CSV"
           : delimiter == '\t' ? "TSV"
           : delimiter == ' '  ? "table separated by blanks"
           : delimiter == ';'  ? "CSV separated by semicolons"
                               : "table separated by '|'";
}

void csv_done(struct csv *csv)
{
    for (size_t k = 0; k < csv->chunks; k++) {
        struct csv_chunk *chunk = &csv->chunk[k];
        for (size_t c = 0; chunk->words && c < csv->columns; c++)
            distinct_words_done(&chunk->words[c]);
        memory_free(chunk->words);
        memory_free(chunk->latin);
        memory_free(chunk->latin_line);
        memory_free(chunk->column);
    }
    memory_free(csv->chunk);
    memory_free(csv->column);
    memory_free(csv->name);
    memory_free(csv->kind);
    distinct_words_done(&csv->names);
    heddle_table_free(csv->table);
}

/* The text of a table, without what is before and behind it: a byte order mark, the line "sep=;" of
 * Excel, the end of a file as DOS wrote it. */
static void find_text(struct csv *csv, const struct file_bytes *bytes, char delimiter)
{
    csv->text = (const char *)bytes->data;
    csv->end = csv->text + bytes->size;
    csv->line = 1;
    if (bytes->size >= 3 && memcmp(csv->text, "\xef\xbb\xbf", 3) == 0)
        csv->text += 3;
    if (csv->end > csv->text && csv->end[-1] == '\x1a')
        csv->end--;
    csv->delimiter = delimiter;
    if (csv->end - csv->text > 5 && memcmp(csv->text, "sep=", 4) == 0 &&
        strchr(",;\t| ", csv->text[4]) && (csv->text[5] == '\n' || csv->text[5] == '\r')) {
        csv->delimiter = delimiter ? delimiter : csv->text[4];
        csv->text = csv_next_line(csv->text, csv->end);
        csv->line = 2;
    }
    /* over blank lines here, so that not every guess has to go over them */
    for (; csv->text < csv->end && (*csv->text == '\n' || *csv->text == '\r'); csv->line++)
        csv->text = csv_next_line(csv->text, csv->end);
}

/* Lines of delimiters alone at the end, as spreadsheets leave them, are no records. */
static void cut_end(struct csv *csv)
{
    const char *p = csv->end;
    while (p > csv->text && (p[-1] == csv->delimiter || memchr(" \t\r\n", p[-1], 4)))
        p--;
    if (p > csv->text)
        csv->end = csv_next_line(p, csv->end);
}

/* Where the records of the part begin, and which are no longer its. */
static void find_part(struct csv *csv, const struct csv_part *part)
{
    if (part->begin)
        csv->first = (struct csv_place){(const char *)csv->bytes->data + part->begin, part->line};
    csv->stop = csv->end;
    if (part->size && part->size < (size_t)(csv->end - csv->first.record))
        csv->stop = csv_next_line(csv->first.record + part->size, csv->end);
}

heddle_status csv_read_records(struct csv *csv, const struct table_reading *reading,
                               heddle_error *err)
{
    heddle_status status = csv_make_chunks(csv, err);
    if (status == HEDDLE_OK)
        status = csv_count_lines(csv, err);
    if (status == HEDDLE_OK)
        status = make_room(csv, reading, err);
    if (status == HEDDLE_OK)
        status = name_columns(csv, err);
    if (status == HEDDLE_OK)
        status = find_kinds(csv, reading, err);
    if (status == HEDDLE_OK)
        status = numbers_pass(csv, err);
    if (status == HEDDLE_OK)
        status = csv_read_words(csv, err);
    if (status == HEDDLE_OK)
        status = find_row_names(csv, err);
    if (status == HEDDLE_OK)
        drop_empty_end(csv);
    return status;
}

heddle_status csv_read_part(const char *path, const struct file_bytes *bytes,
                            const struct table_reading *reading, struct csv_part *part,
                            heddle_table **table, heddle_error *err)
{
    struct csv csv = {.path = path,
                      .bytes = bytes,
                      .workers = reading->workers,
                      .cut = part->cut,
                      .moved = part->moved};
    heddle_status status = part->begin ? HEDDLE_OK : csv_check_text(path, bytes, err);
    if (status != HEDDLE_OK)
        return status;
    find_text(&csv, bytes, reading->options->delimiter);
    if (!csv.delimiter)
        csv.delimiter = csv_guess_delimiter(path, csv.text, csv.end);
    if (!csv.cut)
        cut_end(&csv);
    bool commas = csv_guess_comma(path, csv.text, csv.end, csv.delimiter);
    csv.comma = commas || csv.delimiter == ';';
    status = csv_read_header(&csv, reading, err);
    if (status == HEDDLE_OK)
        status = csv_check_zeros(path, bytes->data, csv.text, csv.first.record, err);
    if (status == HEDDLE_OK) {
        find_part(&csv, part);
        csv.table = table_create(path, csv.columns);
        status = csv.table ? csv_read_records(&csv, reading, err) : csv_no_memory(&csv, err);
    }
    if (status == HEDDLE_OK &&
        !table_set_format(csv.table, "%s%s with%s header%s%s%s%s%s", format_name(csv.delimiter),
                          commas ? ", decimal commas," : "", csv.header ? " a" : "out a",
                          csv.units ? " and a line of units" : "",
                          csv.title ? ", titles left out" : "",
                          csv.dressed ? ", signs taken off numbers" : "",
                          *bytes->packing ? ", " : "", bytes->packing))
        status = csv_no_memory(&csv, err);
    if (status == HEDDLE_OK) {
        struct csv_scan rest;
        csv_scan_begin(&rest, path, csv.next.record, csv.end, csv.next.line, csv.delimiter);
        part->more = csv_data(&rest, csv.columns);
        part->begin = (size_t)(rest.p - (const char *)bytes->data);
        part->line = rest.line;
        *table = csv.table;
        csv.table = NULL;
    }
    csv_done(&csv);
    return status;
}

heddle_status csv_read(const char *path, struct file_bytes *bytes,
                       const struct table_reading *reading, heddle_table **table, heddle_error *err)
{
    struct csv_part all = {.size = 0};
    return csv_read_part(path, bytes, reading, &all, table, err);
}
