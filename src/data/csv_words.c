/**
 * csv_words: the second pass over delimited text, which collects the words of the columns that have
 * any, and says which of them cannot be used.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/csv.h"

enum {
    FEW_WORDS = 26
}; /* so many different words may be codes of which some are numbers: grades … */

/* Column c cannot be used for field c of the record at `place`; whatever uses it will say so. */
static heddle_status note_flaw(struct csv *csv, size_t c, struct csv_place place, bool shown,
                               const char *what, heddle_error *err)
{
    struct csv_scan scan;
    struct csv_field field = {.text = "", .line = place.line};
    heddle_error message = {HEDDLE_OK, ""};
    char word[CELL_SHOWN];
    csv_scan_at(csv, &scan, place.record, place.line);
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
    return csv->table->column[c].flaw ? HEDDLE_OK : csv_no_memory(csv, err);
}

/* Is a column with words one of numbers with a slip in it? Then it has one word only, a twentieth
 * of words at most, or no more words than numbers, and many of these. */
static bool is_doubtful(const struct csv *csv, size_t c, size_t different_numbers)
{
    const struct csv_column *column = &csv->column[c];
    size_t rows = csv->table->rows, words = column->words + column->infinite;
    size_t numbers = rows - column->missing - words;
    return (words == 1 && numbers >= 6) || (rows >= 20 && words * 20 <= numbers + words) ||
           (different_numbers > FEW_WORDS && words <= numbers);
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
        if (times[w] < 2 && cell_classify(word, strlen(word), csv->comma, &number) != CELL_NUMBER)
            return false;
    }
    return true;
}

/* How many of the column's words are numbers; *dressed: why the others are none, if they all are
 * for the same reason, or NULL. */
static size_t count_numbers(const struct csv *csv, const struct table_column *column,
                            const char **dressed)
{
    size_t numbers = 0;
    bool same = true;
    *dressed = NULL;
    for (size_t w = 0; w < column->words; w++) {
        double number;
        const char *word = column->word[w];
        if (cell_classify(word, strlen(word), csv->comma, &number) == CELL_NUMBER) {
            numbers++;
            continue;
        }
        const char *why = same ? cell_dressed(word, strlen(word)) : NULL;
        same = same && why && (!*dressed || *dressed == why);
        *dressed = why;
    }
    *dressed = same ? *dressed : NULL;
    return numbers;
}

/* Is '-' a word of the column? It is if '+' is one, or if it was one before. */
static bool has_minus(const struct csv *csv, size_t c)
{
    return csv->column[c].plus || csv->kind[c] & CSV_MINUS;
}

/* Make a column of words that are numbers but for signs one of numbers; *numeric: they are. */
static heddle_status undress(const struct csv *csv, size_t c, bool *numeric, heddle_error *err)
{
    struct table_column *column = &csv->table->column[c];
    double *value = memory_new(column->words, sizeof *value);
    const char *sign = NULL;
    bool fits = column->words > 0;
    if (!value)
        return csv_no_memory(csv, err);
    /* it is no point where it separates */
    const enum cell_comma comma = csv->comma              ? COMMA_AS_POINT
                                  : csv->delimiter == ',' ? COMMA_OF_THOUSANDS
                                                          : COMMA_UNCLEAR;
    for (size_t w = 0; fits && w < column->words; w++) {
        const char *word = column->word[w];
        const size_t n = strlen(word);
        fits = cell_classify(word, n, csv->comma, &value[w]) == CELL_NUMBER ||
               cell_undress(word, n, comma, &sign, &value[w]);
    }
    /* a number takes the room of two codes, so from the last row on */
    double *number = (double *)(void *)column->code;
    for (size_t i = csv->table->rows; fits && i-- > 0;) {
        const uint32_t code = column->code[i];
        number[i] = code == TABLE_MISSING ? NAN : value[code];
    }
    memory_free(value);
    *numeric = fits;
    if (!fits)
        return HEDDLE_OK;
    memory_free(column->word);
    memory_free(column->letters);
    column->word = NULL;
    column->letters = NULL;
    column->words = 0;
    column->code = NULL;
    column->number = number;
    column->text = false;
    return HEDDLE_OK;
}

/* Second pass: the words of the columns that have any. */
static void read_chunk(struct csv *csv, struct csv_chunk *chunk)
{
    struct csv_scan scan;
    csv_scan_at(csv, &scan, chunk->begin, chunk->line);
    heddle_status status = HEDDLE_OK;
    for (size_t i = chunk->first; i < chunk->first + chunk->rows && csv_data(&scan, csv->columns);
         i++) {
        struct csv_field field = {.last = false};
        const char *record = scan.p;
        const size_t line = scan.line;
        for (size_t c = 0; !field.last && status == HEDDLE_OK; c++) {
            status = csv_field(&scan, c + 1, &field, &chunk->error);
            struct table_column *column = &csv->table->column[c];
            double value;
            if (status != HEDDLE_OK || !column->text)
                continue;
            const bool minus = field.n == 1 && *field.text == '-' && has_minus(csv, c);
            if (!minus && cell_classify(field.text, field.n, false, &value) == CELL_MISSING) {
                column->code[i] = TABLE_MISSING;
                continue;
            }
            size_t before = chunk->words[c].count;
            if (!distinct_words_add(&chunk->words[c], field.text, field.n, &column->code[i]))
                status = csv_no_memory(csv, &chunk->error);
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
        struct csv_chunk *chunk = &csv->chunk[k];
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
            return csv_no_memory(csv, err);
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
        const struct csv_chunk *chunk = &csv->chunk[k];
        if (chunk->latin[c] && !column->flaw)
            status =
                note_flaw(csv, c, (struct csv_place){chunk->latin[c], chunk->latin_line[c]}, false,
                          "a word that is not UTF-8; convert the file with iconv -f LATIN1 "
                          "-t UTF-8",
                          err);
    }
    if (status == HEDDLE_OK)
        status = join_words(csv, c, &all, err);
    column->words = all.count;
    if (status == HEDDLE_OK && !distinct_words_take(&all, &column->word, &column->letters)) {
        status = csv_no_memory(csv, err);
        column->words = 0;
    }
    distinct_words_done(&all);
    if (status != HEDDLE_OK)
        return status;
    const char *dressed;
    if (csv->kind[c] & CSV_TEXT)
        return HEDDLE_OK;
    bool numeric = false;
    status = undress(csv, c, &numeric, err);
    csv->dressed = csv->dressed || numeric;
    if (status != HEDDLE_OK || numeric)
        return status;
    size_t numbers = count_numbers(csv, column, &dressed);
    if (dressed && column->words > FEW_WORDS)
        return note_flaw(csv, c, csv->column[c].word, true, dressed, err);
    if (is_doubtful(csv, c, numbers) && !is_codes(csv, column))
        return note_flaw(csv, c, csv->column[c].word, true, "is not a number", err);
    return status;
}

heddle_status csv_read_words(struct csv *csv, heddle_error *err)
{
    heddle_table *table = csv->table;
    size_t texts = 0;
    heddle_status status = HEDDLE_OK;
    for (size_t c = 0; c < csv->columns && status == HEDDLE_OK; c++) {
        struct csv_column *column = &csv->column[c];
        const bool known = csv->kind[c] & CSV_TEXT;
        if (column->infinite && !column->words && !known)
            status = note_flaw(csv, c, column->infinity, true, "is not a finite number", err);
        const size_t cells = table->rows - column->missing - column->words - column->infinite;
        if (column->words && column->words == column->absent && cells && !known) {
            column->missing += column->words; /* NaN they are already */
            column->words = 0;
        }
        table->column[c].text = column->words > 0 || known;
        texts += table->column[c].text;
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
        struct csv_chunk *chunk = &csv->chunk[k];
        chunk->words = memory_new(csv->columns, sizeof *chunk->words);
        chunk->latin = memory_new(csv->columns, sizeof *chunk->latin);
        chunk->latin_line = memory_new(csv->columns, sizeof *chunk->latin_line);
        if (!chunk->words || !chunk->latin || !chunk->latin_line)
            return csv_no_memory(csv, err);
    }
    csv_with_chunks(csv, read_chunk);
    for (size_t k = 0; k < csv->chunks; k++)
        if (csv->chunk[k].status != HEDDLE_OK)
            return status_set(err, csv->chunk[k].status, "%s", csv->chunk[k].error.text);
    for (size_t c = 0; c < csv->columns && status == HEDDLE_OK; c++)
        if (table->column[c].text)
            status = finish_words(csv, c, err);
    return status;
}
