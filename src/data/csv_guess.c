/** csv_guess: looks at the first records only, so it costs nothing on large files. */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/csv_guess.h"
#include "data/csv_scan.h"

enum {
    DELIMITER_RECORDS = 32,
    HEADER_RECORDS = 200,
    COUNTED_HEADER = 4 /* 0,1,2 may well be data, 0,1,2,3 hardly is */
};

/* Fields of the record; 0 if it does not read well: an error, or a quote within a field, as when
 * the delimiter stands within the quotes of the true one. */
static size_t count_fields(struct csv_scan *scan)
{
    struct csv_field field = {.last = false};
    size_t n = 0;
    bool well = true;
    while (!field.last) {
        if (csv_field(scan, ++n, &field, NULL) != HEDDLE_OK) {
            scan->p = scan->end;
            return 0;
        }
        well = well && (field.quoted || !memchr(field.text, '"', field.n));
    }
    return well ? n : 0;
}

/* Share of the first records that have the commonest number of fields, if that is more than one. */
static double consistency(const char *path, const char *text, const char *end, char delimiter)
{
    size_t fields[DELIMITER_RECORDS], records = 0, best = 0;
    struct csv_scan scan;
    csv_scan_begin(&scan, path, text, end, 1, delimiter);
    while (records < DELIMITER_RECORDS && csv_record(&scan, records == 0)) {
        fields[records] = count_fields(&scan);
        records++;
    }
    csv_scan_done(&scan);
    for (size_t i = 0; i < records; i++) {
        size_t same = 0;
        for (size_t j = 0; j < records; j++)
            same += fields[j] == fields[i];
        if (fields[i] > 1 && same > best)
            best = same;
    }
    return records ? (double)best / (double)records : 0.0;
}

/* Fields of the widest of the first records. */
static size_t widest(const char *path, const char *text, const char *end, char delimiter)
{
    size_t most = 0;
    struct csv_scan scan;
    csv_scan_begin(&scan, path, text, end, 1, delimiter);
    for (size_t i = 0; i < DELIMITER_RECORDS && csv_record(&scan, i == 0); i++) {
        size_t n = count_fields(&scan);
        most = n > most ? n : most;
    }
    csv_scan_done(&scan);
    return most;
}

char csv_guess_delimiter(const char *path, const char *text, const char *end)
{
    /* ';' before ',' for files with decimal commas; of equals the first wins */
    static const char candidates[] = {'\t', ';', ',', '|'};
    const double enough = 0.6; /* a ragged line or two shall be complained of, not reinterpreted */
    double best = 0.0;
    char delimiter = ',';
    for (size_t i = 0; i < sizeof candidates; i++) {
        double share = consistency(path, text, end, candidates[i]);
        if (share > best) {
            best = share;
            delimiter = candidates[i];
        }
    }
    if (best < enough && consistency(path, text, end, ' ') >= enough)
        return ' ';
    /* a tab before the last field alone, as in a table made with printf and a comment */
    if (delimiter == '\t' && widest(path, text, end, '\t') == 2 &&
        widest(path, text, end, ' ') > 4 && consistency(path, text, end, ' ') >= best)
        return ' ';
    return delimiter;
}

/* A column as the guess sees it. */
struct sight {
    double number;     /* its first cell, if that is a number */
    uint32_t start, n; /* where its first cell stands in `letters` */
    enum cell first;
    unsigned char numbers, words, missing; /* cells below, HEADER_RECORDS at most */
    bool recurs;                           /* its first cell is there again below */
    bool counts_on; /* the cell below is its number, or what counting on would make it */
};

struct sights {
    struct sight *column;
    size_t columns, room;
    char *letters;
    size_t used, letters_room;
};

static bool grow(void **block, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return true;
    void *grown = memory_resize(*block, needed * 2, size);
    if (!grown)
        return false;
    *block = grown;
    *room = needed * 2;
    return true;
}

static bool see_first(struct sights *s, const struct csv_field *field, bool comma)
{
    void *column = s->column, *letters = s->letters;
    bool fits = grow(&column, &s->room, s->columns + 1, sizeof *s->column);
    s->column = column;
    if (!fits)
        return false;
    fits = grow(&letters, &s->letters_room, s->used + field->n + 1, 1);
    s->letters = letters;
    if (!fits)
        return false;
    struct sight *c = &s->column[s->columns++];
    *c = (struct sight){.start = (uint32_t)s->used, .n = (uint32_t)field->n};
    c->first = cell_classify(field->text, field->n, comma, &c->number);
    if (field->n)
        memcpy(s->letters + s->used, field->text, field->n);
    s->used += field->n;
    return true;
}

static void see_below(struct sights *s, size_t i, const struct csv_field *field, bool comma,
                      bool second)
{
    if (i >= s->columns)
        return;
    struct sight *c = &s->column[i];
    double number;
    enum cell kind = cell_classify(field->text, field->n, comma, &number);
    if (kind == CELL_NUMBER || kind == CELL_INFINITE)
        c->numbers++;
    else if (kind == CELL_WORD)
        c->words++;
    else
        c->missing++;
    c->recurs = c->recurs ||
                (c->n == field->n && c->n && memcmp(s->letters + c->start, field->text, c->n) == 0);
    if (second)
        c->counts_on =
            kind == CELL_NUMBER && (number == (double)i || number == (double)(i + s->columns));
}

static bool same_words(const struct sights *s, size_t i, size_t j)
{
    const struct sight *a = &s->column[i], *b = &s->column[j];
    return a->n == b->n && memcmp(s->letters + a->start, s->letters + b->start, a->n) == 0;
}

/* A word over numbers, of which one or a twentieth may be slips that csv.c complains of. */
static bool is_over_numbers(const struct sight *c)
{
    if (c->first != CELL_WORD || c->numbers == 0)
        return false;
    return c->words == 0 ||
           (!c->recurs && ((c->words == 1 && c->numbers >= 6) || c->words * 20 <= c->numbers));
}

static bool is_header(const struct sights *s, bool below)
{
    size_t empty = 0, words = 0, counted = 0, counted_on = 0;
    bool over_numbers = false, over_words = true, recurs = false;
    for (size_t i = 0; i < s->columns; i++) {
        const struct sight *c = &s->column[i];
        empty += c->n == 0;
        words += c->first == CELL_WORD;
        recurs = recurs || (c->n && c->recurs);
        over_numbers = over_numbers || is_over_numbers(c);
        over_words = over_words && !c->numbers;
        counted_on += c->counts_on;
    }
    /* pandas writes an unnamed index column first */
    size_t index = empty == 1 && s->column[0].n == 0 && !s->column[0].missing;
    for (size_t i = index; i < s->columns; i++)
        counted += s->column[i].first == CELL_NUMBER && s->column[i].number == (double)(i - index);
    if (over_numbers)
        return true;
    if (!below) /* nothing to compare with: words alone must be names */
        return words == s->columns;
    if (counted + index == s->columns && counted >= COUNTED_HEADER)
        return index || counted_on < s->columns;
    if (recurs || words + index < s->columns || (!index && !over_words))
        return false;
    /* quadratic, so only where the names are few; many different words are taken on trust */
    for (size_t i = 0; i < s->columns && s->columns <= 1000; i++)
        for (size_t j = 0; j < i; j++)
            if (same_words(s, i, j))
                return false;
    return true;
}

heddle_status csv_guess_header(const char *path, const char *text, const char *end, size_t line,
                               char delimiter, bool *header, heddle_error *err)
{
    struct sights s = {0};
    struct csv_scan scan;
    bool comma = delimiter == ';', fits = true, readable = true;
    csv_scan_begin(&scan, path, text, end, line, delimiter);
    size_t record = 0;
    while (fits && readable && record < HEADER_RECORDS && csv_record(&scan, record == 0)) {
        struct csv_field field = {.last = false};
        for (size_t i = 0; fits && readable && !field.last; i++) {
            heddle_error unused;
            heddle_status status = csv_field(&scan, i + 1, &field, &unused);
            readable = status == HEDDLE_OK && i < CSV_MAX_COLUMNS && s.used < UINT32_MAX / 2 &&
                       field.n < UINT32_MAX / 2;
            fits = status != HEDDLE_E_MEMORY;
            if (!readable)
                continue;
            if (record == 0)
                fits = see_first(&s, &field, comma);
            else
                see_below(&s, i, &field, comma, record == 1);
        }
        record++;
    }
    if (fits)
        *header = is_header(&s, record > 1);
    csv_scan_done(&scan);
    memory_free(s.column);
    memory_free(s.letters);
    return fits ? HEDDLE_OK : status_memory(err, "the first lines of a table", s.used);
}
