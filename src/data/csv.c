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
#include "data/csv_guess.h"
#include "data/csv_scan.h"
#include "data/distinct.h"
#include "data/readers.h"

enum {
    MAX_COLUMNS = CSV_MAX_COLUMNS,
    BLOCK_CELLS = 32768, /* 256 KiB of doubles: half of a common L2 */
    BLOCK_ROWS = 64,
    CHUNKS_A_WORKER = 8, /* so that a slow worker does not keep the others waiting for long */
    CHUNK_BYTES = 1 << 18,
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

struct chunk;

struct csv {
    const char *path;
    const struct table_workers *workers; /* or NULL */
    const char *text, *end;              /* without a byte order mark */
    const char *stop;                    /* records that begin here are not read */
    char delimiter;
    bool header;
    struct place first; /* record of data */
    struct place next;  /* behind the last one */
    size_t columns;
    struct column *column;
    struct chunk *chunk;
    size_t chunks;
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

/* ---------------------------------------------------------------- chunks --------------------- */

/*
 * The text is cut at line ends into chunks that are read beside each other. A line end may stand
 * within quotes, so that a chunk does not begin where a record does; nobody can know before the
 * text in front of it was read. Hence: read as if it did; then, one chunk after the other, see
 * where the one in front really ended, and read it again from there if that is somewhere else.
 */
struct chunk {
    const char *begin, *end;
    size_t line;                  /* of begin */
    size_t ends;                  /* line ends in it */
    size_t first, room;           /* row it may fill first, and how many */
    size_t rows;                  /* it has filled */
    const char *reached;          /* end of its last record: `end`, or beyond */
    size_t reached_line;          /* of that */
    struct column *column;        /* (columns) what it found */
    struct distinct_words *words; /* (columns) of the columns of words */
    const char **latin; /* (columns) its first record with a word that is not UTF-8, or NULL */
    size_t *latin_line;
    heddle_status status;
    heddle_error error;
};

struct job {
    struct csv *csv;
    void (*each)(struct csv *csv, struct chunk *chunk);
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

/* Do something with every chunk. */
static void with_chunks(struct csv *csv, void (*each)(struct csv *csv, struct chunk *chunk))
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
        return no_memory(csv, err);
    const char *p = csv->first.record;
    for (size_t k = 0; k < wanted && p < csv->stop; k++) {
        const char *aim = csv->first.record + size / wanted * (k + 1);
        const char *end = k + 1 == wanted ? csv->stop : aim <= p ? p : next_line(aim, csv->stop);
        if (end == p)
            continue;
        struct chunk *chunk = &csv->chunk[csv->chunks++];
        chunk->begin = p;
        chunk->end = p = end;
        chunk->column = memory_new(csv->columns, sizeof *chunk->column);
        if (!chunk->column)
            return no_memory(csv, err);
    }
    return HEDDLE_OK;
}

/* Line ends: CRLF is one. */
static void count_lines(struct csv *csv, struct chunk *chunk)
{
    (void)csv;
    const char *p = chunk->begin, *end = chunk->end;
    size_t ends = 0;
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
        struct chunk *chunk = &csv->chunk[k];
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
static double odd_cell(const struct csv *csv, struct column *column, const struct csv_field *field,
                       struct place place)
{
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
static heddle_status read_numbers(const struct csv *csv, struct column *found,
                                  struct csv_scan *scan, double *cells, heddle_error *err)
{
    struct place place = {scan->p, scan->line};
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
static void read_chunk(struct csv *csv, struct chunk *chunk)
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
        chunk->status = no_memory(csv, &chunk->error);
        return;
    }
    struct csv_scan scan;
    csv_scan_begin(&scan, csv->path, chunk->begin, csv->end, chunk->line, csv->delimiter);
    while (csv_record(&scan, false) && scan.p < chunk->end) {
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
static void add_up(struct column *sum, const struct column *part)
{
    if (sum->words == 0)
        sum->word = part->word;
    if (sum->infinite == 0)
        sum->infinity = part->infinity;
    sum->missing += part->missing;
    sum->words += part->words;
    sum->infinite += part->infinite;
}

/* Move the rows of the chunks together. */
static void close_up(struct csv *csv)
{
    heddle_table *table = csv->table;
    table->rows = 0;
    for (size_t k = 0; k < csv->chunks; k++) {
        struct chunk *chunk = &csv->chunk[k];
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
    with_chunks(csv, read_chunk);
    const char *reached = csv->first.record;
    size_t line = csv->first.line;
    for (size_t k = 0; k < csv->chunks; k++) {
        struct chunk *chunk = &csv->chunk[k];
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
    csv->next = (struct place){reached, line};
    close_up(csv);
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- words ---------------------- */

/* Column c cannot be used for field c of the record at `place`; whatever uses it will say so. */
static heddle_status note_flaw(struct csv *csv, size_t c, struct place place, bool shown,
                               const char *what, heddle_error *err)
{
    struct csv_scan scan;
    struct csv_field field = {.text = "", .line = place.line};
    heddle_error message = {HEDDLE_OK, ""};
    char word[CELL_SHOWN];
    csv_scan_begin(&scan, csv->path, place.record, csv->end, place.line, csv->delimiter);
    heddle_status status = HEDDLE_OK;
    for (size_t i = 0; status == HEDDLE_OK && i <= c; i++)
        status = csv_field(&scan, i + 1, &field, err);
    if (status == HEDDLE_OK && shown)
        status_set(&message, HEDDLE_E_DATA, "'%s' line %zu column %zu: '%s' %s", csv->path,
                   field.line, c + 1, cell_show(field.text, field.n, word), what);
    else
        status_set(&message, HEDDLE_E_DATA, "'%s' line %zu column %zu: %s", csv->path, field.line,
                   c + 1, what);
    csv_scan_done(&scan);
    if (status != HEDDLE_OK || csv->table->column[c].flaw)
        return status;
    csv->table->column[c].flaw = memory_string(message.text);
    return csv->table->column[c].flaw ? HEDDLE_OK : no_memory(csv, err);
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
static void read_words(struct csv *csv, struct chunk *chunk)
{
    struct csv_scan scan;
    csv_scan_begin(&scan, csv->path, chunk->begin, csv->end, chunk->line, csv->delimiter);
    heddle_status status = HEDDLE_OK;
    for (size_t i = chunk->first; i < chunk->first + chunk->rows && csv_record(&scan, false); i++) {
        struct csv_field field = {.last = false};
        const char *record = scan.p;
        const size_t line = scan.line;
        for (size_t c = 0; !field.last && status == HEDDLE_OK; c++) {
            status = csv_field(&scan, c + 1, &field, &chunk->error);
            struct table_column *column = &csv->table->column[c];
            double value;
            if (status != HEDDLE_OK || !column->text)
                continue;
            if (cell_classify(field.text, field.n, false, &value) == CELL_MISSING) {
                column->code[i] = TABLE_MISSING;
                continue;
            }
            size_t before = chunk->words[c].count;
            if (!distinct_words_add(&chunk->words[c], field.text, field.n, &column->code[i]))
                status = no_memory(csv, &chunk->error);
            else if (chunk->words[c].count > before && !chunk->latin[c] &&
                     !cell_is_utf8(field.text, field.n)) {
                chunk->latin[c] = record;
                chunk->latin_line[c] = line;
            }
        }
        if (status != HEDDLE_OK)
            break;
    }
    chunk->status = status;
    csv_scan_done(&scan);
}

/* The words of all chunks of column c, in the order of the rows; codes are changed to match. */
static heddle_status join_words(struct csv *csv, size_t c, struct distinct_words *all,
                                heddle_error *err)
{
    uint32_t *code = csv->table->column[c].code;
    for (size_t k = 0; k < csv->chunks; k++) {
        struct chunk *chunk = &csv->chunk[k];
        struct distinct_words *words = &chunk->words[c];
        if (k == 0) { /* its codes are right already */
            *all = *words;
            *words = (struct distinct_words){0};
            continue;
        }
        uint32_t *map = memory_new(words->count, sizeof *map);
        bool fits = map != NULL;
        for (size_t w = 0; fits && w < words->count; w++) {
            const char *word = distinct_words_get(words, w);
            fits = distinct_words_add(all, word, strlen(word), &map[w]);
        }
        for (size_t i = chunk->first; fits && i < chunk->first + chunk->rows; i++)
            if (code[i] != TABLE_MISSING)
                code[i] = map[code[i]];
        memory_free(map);
        distinct_words_done(words);
        if (!fits)
            return no_memory(csv, err);
    }
    return HEDDLE_OK;
}

/* What became of a column of words: its words, and whether it can be used. */
static heddle_status finish_words(struct csv *csv, size_t c, heddle_error *err)
{
    struct table_column *column = &csv->table->column[c];
    struct distinct_words all = {0};
    heddle_status status = HEDDLE_OK;
    for (size_t k = 0; k < csv->chunks && status == HEDDLE_OK; k++) {
        const struct chunk *chunk = &csv->chunk[k];
        if (chunk->latin[c] && !column->flaw)
            status = note_flaw(csv, c, (struct place){chunk->latin[c], chunk->latin_line[c]}, false,
                               "a word that is not UTF-8; convert the file with iconv -f LATIN1 "
                               "-t UTF-8",
                               err);
    }
    if (status == HEDDLE_OK)
        status = join_words(csv, c, &all, err);
    column->words = all.count;
    if (status == HEDDLE_OK && !distinct_words_take(&all, &column->word, &column->letters)) {
        status = no_memory(csv, err);
        column->words = 0;
    }
    distinct_words_done(&all);
    if (status == HEDDLE_OK && is_doubtful(csv, c) && !is_codes(csv, column))
        status = note_flaw(csv, c, csv->column[c].word, true, "is not a number", err);
    return status;
}

/* Find the columns of words and fill them. */
static heddle_status type_columns(struct csv *csv, heddle_error *err)
{
    heddle_table *table = csv->table;
    size_t texts = 0;
    heddle_status status = HEDDLE_OK;
    for (size_t c = 0; c < csv->columns && status == HEDDLE_OK; c++) {
        struct column *column = &csv->column[c];
        if (column->infinite && !column->words)
            status = note_flaw(csv, c, column->infinity, true, "is not a finite number", err);
        table->column[c].text = column->words > 0;
        texts += column->words > 0;
    }
    if (texts == 0 || status != HEDDLE_OK)
        return status;
    for (size_t c = 0; c < csv->columns; c++) {
        struct table_column *column = &table->column[c];
        if (!column->text)
            continue;
        column->code = (uint32_t *)(void *)column->number; /* its numbers are of no more use */
        column->number = NULL;
    }
    for (size_t k = 0; k < csv->chunks; k++) {
        struct chunk *chunk = &csv->chunk[k];
        chunk->words = memory_new(csv->columns, sizeof *chunk->words);
        chunk->latin = memory_new(csv->columns, sizeof *chunk->latin);
        chunk->latin_line = memory_new(csv->columns, sizeof *chunk->latin_line);
        if (!chunk->words || !chunk->latin || !chunk->latin_line)
            return no_memory(csv, err);
    }
    with_chunks(csv, read_words);
    for (size_t k = 0; k < csv->chunks; k++)
        if (csv->chunk[k].status != HEDDLE_OK)
            return status_set(err, csv->chunk[k].status, "%s", csv->chunk[k].error.text);
    for (size_t c = 0; c < csv->columns && status == HEDDLE_OK; c++)
        if (table->column[c].text)
            status = finish_words(csv, c, err);
    return status;
}

/* ---------------------------------------------------------------- the whole ------------------ */

/* A delimiter at the end of every line is no column. */
static void drop_empty_end(struct csv *csv, bool named)
{
    heddle_table *table = csv->table;
    if (csv->columns > 1 && !named && csv->column[csv->columns - 1].missing == table->rows)
        table->columns--;
}

static const char *format_name(char delimiter)
{
    return delimiter == ','    ? "CSV"
           : delimiter == '\t' ? "TSV"
           : delimiter == ' '  ? "table separated by blanks"
           : delimiter == ';'  ? "CSV with semicolons"
                               : "CSV with another delimiter";
}

static void csv_done(struct csv *csv)
{
    for (size_t k = 0; k < csv->chunks; k++) {
        struct chunk *chunk = &csv->chunk[k];
        for (size_t c = 0; chunk->words && c < csv->columns; c++)
            distinct_words_done(&chunk->words[c]);
        memory_free(chunk->words);
        memory_free(chunk->latin);
        memory_free(chunk->latin_line);
        memory_free(chunk->column);
    }
    memory_free(csv->chunk);
    memory_free(csv->column);
    heddle_table_free(csv->table);
}

heddle_status csv_read_part(const char *path, const struct file_bytes *bytes,
                            const struct table_reading *reading, struct csv_part *part,
                            heddle_table **table, heddle_error *err)
{
    struct csv csv = {.path = path, .workers = reading->workers};
    struct csv_scan scan = {0};
    struct distinct_words names = {0};
    uint32_t *name = NULL;
    const heddle_read_options *options = reading->options;
    /* the first part's reading has looked at all bytes */
    heddle_status status = part->begin ? HEDDLE_OK : check_bytes(path, bytes, err);
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
    if (status == HEDDLE_OK && part->begin)
        csv.first = (struct place){csv.text + part->begin, part->line};
    csv.stop = csv.end;
    if (status == HEDDLE_OK && part->size && part->size < (size_t)(csv.end - csv.first.record))
        csv.stop = next_line(csv.first.record + part->size, csv.end);
    if (status == HEDDLE_OK && !(csv.table = table_create(path, csv.columns)))
        status = no_memory(&csv, err);
    if (status == HEDDLE_OK)
        status = make_chunks(&csv, err);
    if (status == HEDDLE_OK) {
        with_chunks(&csv, count_lines);
        status = make_room(&csv, reading, err);
    }
    if (status == HEDDLE_OK)
        status = name_columns(&csv, &names, name, err);
    if (status == HEDDLE_OK)
        status = numbers_pass(&csv, err);
    if (status == HEDDLE_OK)
        status = type_columns(&csv, err);
    if (status == HEDDLE_OK) {
        drop_empty_end(&csv, *distinct_words_get(&names, name[csv.columns - 1]) != '\0');
        if (!table_set_format(csv.table, "%s with%s header%s%s", format_name(csv.delimiter),
                              csv.header ? " a" : "out a", *bytes->packing ? ", " : "",
                              bytes->packing))
            status = no_memory(&csv, err);
    }
    if (status == HEDDLE_OK) {
        struct csv_scan rest;
        csv_scan_begin(&rest, path, csv.next.record, csv.end, csv.next.line, csv.delimiter);
        part->more = csv_record(&rest, false);
        part->begin = (size_t)(rest.p - csv.text);
        part->line = rest.line;
        *table = csv.table;
        csv.table = NULL;
    }
    csv_done(&csv);
    memory_free(name);
    distinct_words_done(&names);
    csv_scan_done(&scan);
    return status;
}

heddle_status csv_read(const char *path, struct file_bytes *bytes,
                       const struct table_reading *reading, heddle_table **table, heddle_error *err)
{
    struct csv_part all = {.size = 0};
    return csv_read_part(path, bytes, reading, &all, table, err);
}
