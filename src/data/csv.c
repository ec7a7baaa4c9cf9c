/**
 * csv: delimited text, in two passes over the bytes. The first reads every cell as a number, by
 * blocks of rows that stay in the cache and are then turned into columns; it learns which columns
 * hold words. The second collects the words of those. So a numeric table costs one pass and its
 * own size in memory. Both passes, and the counting of lines before them, are made by chunks, beside
 * each other if there are workers; what is read does not depend on the chunks.
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/csv.h"
#include "data/csv_guess.h"

enum {
    BLOCK_CELLS = 32768, /* 256 KiB of doubles: half of a common L2 */
    BLOCK_ROWS = 64,
    CHUNKS_A_WORKER = 8, /* so that a slow worker does not keep the others waiting for long */
    CHUNK_BYTES = 1 << 18,
    LOOKED_AT = 1 << 20 /* bytes, before anything is understood of them */
};

heddle_status csv_no_memory(const struct csv *csv, heddle_error *err)
{
    return status_memory(err, "a table", (size_t)(csv->end - csv->text));
}

/* Text has no 0 among its bytes. */
static heddle_status check_zeros(const char *path, const struct file_bytes *bytes,
                                 const void *begin, const void *end, heddle_error *err)
{
    const uint8_t *from = begin, *zero = memchr(from, 0, (size_t)((const uint8_t *)end - from));
    if (!zero)
        return HEDDLE_OK;
    return status_set(err, HEDDLE_E_DATA,
                      "'%s' is neither a table of text nor of a known format (byte %zu is 0)", path,
                      (size_t)(zero - bytes->data));
}

/* Text at all? The chunks are looked through later, beside each other. */
static heddle_status check_bytes(const char *path, const struct file_bytes *bytes,
                                 heddle_error *err)
{
    const uint8_t *data = bytes->data;
    if (bytes->size == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' is empty", path);
    bool marked = bytes->size >= 2 &&
                  ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff));
    bool pairs = bytes->size >= 4 && !data[0] == !data[2] && !data[1] == !data[3];
    if (marked || (pairs && !data[0] != !data[1]))
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is UTF-16 text; convert it with iconv -f UTF-16 -t UTF-8", path);
    return check_zeros(path, bytes, data,
                       data + (bytes->size < LOOKED_AT ? bytes->size : LOOKED_AT), err);
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

/* ---------------------------------------------------------------- chunks --------------------- */

struct job {
    struct csv *csv;
    void (*each)(struct csv *csv, struct csv_chunk *chunk);
    atomic_size_t next;
};

static void take_chunks(void *context, int worker)
{
    (void)worker;
    struct job *job = context;
    for (;;) {
        size_t k = atomic_fetch_add(&job->next, (size_t)1);
        if (k >= job->csv->chunks)
            return;
        job->each(job->csv, &job->csv->chunk[k]);
    }
}

void csv_with_chunks(struct csv *csv, void (*each)(struct csv *csv, struct csv_chunk *chunk))
{
    struct job job = {.csv = csv, .each = each};
    atomic_init(&job.next, (size_t)0);
    if (csv->workers && csv->chunks > 1)
        csv->workers->run(csv->workers->team, take_chunks, &job);
    else
        take_chunks(&job, 0);
}

/* Behind the first line end at or behind p. */
static const char *next_line(const char *p, const char *end)
{
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return p < end ? p + (*p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1) : end;
}

static heddle_status make_chunks(struct csv *csv, heddle_error *err)
{
    const size_t size = (size_t)(csv->stop - csv->first.record);
    size_t wanted = csv->workers ? (size_t)csv->workers->count * CHUNKS_A_WORKER : 1;
    wanted = wanted < size / CHUNK_BYTES ? wanted : size / CHUNK_BYTES;
    /* what is known of the columns must not take more than the text */
    size_t known = csv->columns * (sizeof *csv->column + sizeof *csv->chunk->words);
    wanted = wanted < size / known ? wanted : size / known;
    wanted = wanted < 1 ? 1 : wanted;
    csv->chunk = memory_new(wanted, sizeof *csv->chunk);
    if (!csv->chunk)
        return csv_no_memory(csv, err);
    const char *p = csv->first.record;
    for (size_t k = 0; k < wanted && p < csv->stop; k++) {
        const char *aim = csv->first.record + size / wanted * (k + 1);
        const char *end = k + 1 == wanted ? csv->stop : aim <= p ? p : next_line(aim, csv->stop);
        if (end == p)
            continue;
        struct csv_chunk *chunk = &csv->chunk[csv->chunks++];
        chunk->begin = p;
        chunk->end = p = end;
        chunk->column = memory_new(csv->columns, sizeof *chunk->column);
        if (!chunk->column)
            return csv_no_memory(csv, err);
    }
    return HEDDLE_OK;
}

/* Line ends: CRLF is one. And are there zeros? */
static void count_lines(struct csv *csv, struct csv_chunk *chunk)
{
    const char *p = chunk->begin, *end = chunk->end;
    size_t ends = 0;
    chunk->status = check_zeros(csv->path, csv->bytes, p, end, &chunk->error);
    if (memchr(p, '\r', (size_t)(end - p))) {
        for (; p < end; p++)
            ends += *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] != '\n'));
    } else {
        for (; end - p >= 8; p += 8) {
            uint64_t bytes, low = 0x7f7f7f7f7f7f7f7fu;
            memcpy(&bytes, p, sizeof bytes);
            bytes ^= 0x0a0a0a0a0a0a0a0au;
            /* the first bit of each byte is set if the byte was a line feed; then they are added */
            bytes = ~(((bytes & low) + low) | bytes | low);
            ends += (size_t)((bytes >> 7) * 0x0101010101010101u >> 56);
        }
        for (; p < end; p++)
            ends += *p == '\n';
    }
    chunk->ends = ends;
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
    if (c != columns)
        return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: %zu field%s, expected %zu", csv->path,
                          place.line, c, c == 1 ? "" : "s", columns);
    return HEDDLE_OK;
}

/* First pass: the records that begin in a chunk, all cells as numbers. */
static void read_chunk(struct csv *csv, struct csv_chunk *chunk)
{
    size_t block_rows = BLOCK_CELLS / csv->columns, filled = 0;
    block_rows = block_rows < 1 ? 1 : block_rows > BLOCK_ROWS ? BLOCK_ROWS : block_rows;
    heddle_table *table = csv->table;
    chunk->rows = 0;
    chunk->reached = chunk->begin;
    chunk->reached_line = chunk->line;
    chunk->status = HEDDLE_OK;
    double *block = memory_new(block_rows * csv->columns, sizeof *block);
    if (!block) {
        chunk->status = csv_no_memory(csv, &chunk->error);
        return;
    }
    struct csv_scan scan;
    csv_scan_begin(&scan, csv->path, chunk->begin, csv->end, chunk->line, csv->delimiter);
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
            turn_block(table, block, chunk->first + chunk->rows, filled);
            chunk->rows += filled;
            filled = 0;
        }
    }
    turn_block(table, block, chunk->first + chunk->rows, filled);
    chunk->rows += filled;
    csv_scan_done(&scan);
    memory_free(block);
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
            memset(chunk->column, 0, csv->columns * sizeof *chunk->column);
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
    csv->table->row_names = csv->row_names;
    if (csv->row_names || (*name && strcmp(name, "Unnamed: 0") != 0))
        return HEDDLE_OK;
    heddle_status status = all_differ(csv, &differ, err);
    csv->table->row_names = differ;
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

static void csv_done(struct csv *csv)
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
        csv->text = next_line(csv->text, csv->end);
        csv->line = 2;
    }
}

/* Where the records of the part begin, and which are no longer its. */
static void find_part(struct csv *csv, const struct csv_part *part)
{
    if (part->begin)
        csv->first = (struct csv_place){(const char *)csv->bytes->data + part->begin, part->line};
    csv->stop = csv->end;
    if (part->size && part->size < (size_t)(csv->end - csv->first.record))
        csv->stop = next_line(csv->first.record + part->size, csv->end);
}

/* All passes: the records of the part become csv->table. */
static heddle_status read_records(struct csv *csv, const struct table_reading *reading,
                                  heddle_error *err)
{
    heddle_status status = make_chunks(csv, err);
    if (status == HEDDLE_OK) {
        csv_with_chunks(csv, count_lines);
        for (size_t k = 0; k < csv->chunks && status == HEDDLE_OK; k++)
            if (csv->chunk[k].status != HEDDLE_OK)
                status = status_set(err, csv->chunk[k].status, "%s", csv->chunk[k].error.text);
    }
    if (status == HEDDLE_OK) {
        status = make_room(csv, reading, err);
    }
    if (status == HEDDLE_OK)
        status = name_columns(csv, err);
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
    struct csv csv = {.path = path, .bytes = bytes, .workers = reading->workers};
    heddle_status status = part->begin ? HEDDLE_OK : check_bytes(path, bytes, err);
    if (status != HEDDLE_OK)
        return status;
    find_text(&csv, bytes, reading->options->delimiter);
    if (!csv.delimiter)
        csv.delimiter = csv_guess_delimiter(path, csv.text, csv.end);
    bool commas = csv_guess_comma(path, csv.text, csv.end, csv.delimiter);
    csv.comma = commas || csv.delimiter == ';';
    status = csv_read_header(&csv, reading, err);
    if (status == HEDDLE_OK)
        status = check_zeros(path, bytes, csv.text, csv.first.record, err);
    if (status == HEDDLE_OK) {
        find_part(&csv, part);
        csv.table = table_create(path, csv.columns);
        status = csv.table ? read_records(&csv, reading, err) : csv_no_memory(&csv, err);
    }
    if (status == HEDDLE_OK &&
        !table_set_format(csv.table, "%s%s with%s header%s%s", format_name(csv.delimiter),
                          commas ? ", decimal commas," : "", csv.header ? " a" : "out a",
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
