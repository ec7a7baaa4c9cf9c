/** csv_header: whether there is a header, by the first records only; and the columns' names. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/csv.h"
#include "data/csv_guess.h"

enum {
    HEADER_RECORDS = 200,
    HEADER_CELLS = 1 << 15, /* … fewer records if they are long, but … */
    HEADER_LEAST = 32,
    COUNTED_HEADER = 4, /* 0,1,2 may well be data, 0,1,2,3 hardly is */
    SPACED_HEADER = 3,  /* … nor 2019,2020,2021 over smaller numbers … */
    YEAR_FIRST = 1500,  /* … nor such years behind names, over whatever */
    YEAR_LAST = 2999
};

/* ---------------------------------------------------------------- is there a header? --------- */

/* A column as the guess sees it. */
struct sight {
    double number;     /* its first cell, if that is a number */
    float low, high;   /* numbers below; rounded, which keeps their order */
    uint32_t start, n; /* where its first cell stands in `letters` */
    enum cell first;
    unsigned char numbers, words, missing; /* cells below, HEADER_RECORDS at most */
    unsigned char quotes;                  /* numbers of these in quotes */
    bool quoted;                           /* its first cell is */
    bool fraction;                         /* a number below is not whole */
    bool recurs;                           /* its first cell is there again below */
    bool counts_on;   /* the cell below is its number, or what counting on would make it */
    enum cell second; /* what the cell below is */
};

struct sights {
    struct sight *column;
    size_t columns, room;
    size_t lead; /* words that its first record begins with */
    char *letters;
    size_t used, letters_room;
    size_t longer;   /* how many of the two records below the first have a field more */
    size_t below;    /* records below */
    size_t second;   /* fields of the first of them */
    size_t spaced;   /* … whose numbers, behind as many cells, are equally spaced */
    double step;     /* from the first number of a record to its second … */
    double previous; /* … and its last number so far */
    bool even;       /* all of its steps are that one */
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

/* One number more of a record: is it equally spaced still? */
static void see_step(struct sights *s, size_t i, enum cell kind, double number)
{
    double step = number - s->previous;
    s->even = kind == CELL_NUMBER && (i == 0 || s->even);
    if (i == 1)
        s->step = step;
    s->even = s->even && (i == 0 || (step != 0 && fabs(step - s->step) <= 1e-9 * fabs(s->step)));
    s->previous = number;
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
    *c = (struct sight){.start = (uint32_t)s->used,
                        .n = (uint32_t)field->n,
                        .quoted = field->quoted,
                        .low = INFINITY,
                        .high = -INFINITY};
    c->first = cell_classify(field->text, field->n, comma, &c->number);
    s->lead += c->first == CELL_WORD && s->lead + 1 == s->columns;
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
    double number = NAN;
    enum cell kind = cell_classify(field->text, field->n, comma, &number);
    if (kind == CELL_WORD && cell_is_absent(field->text, field->n))
        kind = CELL_MISSING;
    if (kind == CELL_NUMBER || kind == CELL_INFINITE)
        c->numbers++;
    else if (kind == CELL_WORD)
        c->words++;
    else
        c->missing++;
    if (kind == CELL_NUMBER) {
        c->low = (float)number < c->low ? (float)number : c->low;
        c->high = (float)number > c->high ? (float)number : c->high;
        c->fraction = c->fraction || number != trunc(number);
        c->quotes += field->quoted;
    }
    if (i >= s->lead)
        see_step(s, i - s->lead, kind, number);
    c->recurs = c->recurs ||
                (c->n == field->n && c->n && memcmp(s->letters + c->start, field->text, c->n) == 0);
    if (second)
        c->second = kind;
    if (second)
        c->counts_on = kind == CELL_NUMBER && (number == (double)i || number == (double)(i + 1) ||
                                               number == (double)(i + s->columns) ||
                                               number == (double)(i + 1 + s->columns));
}

/* Is the field the first record's in its column? */
static bool is_first(const struct sights *s, size_t i, const struct csv_field *field)
{
    return i < s->columns && s->column[i].n == field->n &&
           (!field->n || memcmp(s->letters + s->column[i].start, field->text, field->n) == 0);
}

/* Is the record at the scan the first one again, as where files were put one behind the other? */
static bool is_repeated(const struct sights *s, const struct csv_scan *at)
{
    struct csv_scan scan = *at;
    struct csv_field field = {.last = false};
    size_t n = 0;
    bool same = true;
    scan.unquoted = NULL;
    scan.room = 0;
    for (; same && !field.last; n++)
        same = csv_field(&scan, n + 1, &field, NULL) == HEDDLE_OK && is_first(s, n, &field);
    csv_scan_done(&scan);
    return same && n == s->columns && n > 1;
}

static bool same_words(const struct sights *s, size_t i, size_t j)
{
    const struct sight *a = &s->column[i], *b = &s->column[j];
    return a->n == b->n && memcmp(s->letters + a->start, s->letters + b->start, a->n) == 0;
}

/* A word over numbers, of which one or a twentieth may be slips that csv.c complains of; a unit
 * under it is no slip. */
static bool is_over_numbers(const struct sight *c, bool units)
{
    const size_t words = c->words - (size_t)(units && c->second == CELL_WORD);
    if (c->first != CELL_WORD || c->numbers == 0)
        return false;
    return words == 0 ||
           (!c->recurs && ((words == 1 && c->numbers >= 6) || words * 20 <= c->numbers));
}

/* Numbers that count 0, 1, 2, … or 1, 2, 3, … from column `index` on. */
static bool is_counted(const struct sights *s, size_t index)
{
    size_t from = 0, on = 0;
    for (size_t i = 0; i < s->columns; i++)
        on += s->column[i].counts_on;
    if (s->columns - index < COUNTED_HEADER || (!index && on == s->columns))
        return false;
    if (s->column[index].first == CELL_NUMBER)
        from = s->column[index].number == 1;
    for (size_t i = index; i < s->columns; i++)
        if (s->column[i].first != CELL_NUMBER || s->column[i].number != (double)(i - index + from))
            return false;
    return true;
}

/* Whole numbers that all are beyond those of their columns, and either equally spaced, as no
 * record below is, or over fractions but for one column. */
static bool is_beyond(const struct sights *s, size_t index)
{
    size_t numbers = s->columns - index, fractions = 0;
    bool even = true;
    const struct sight *first = &s->column[index];
    if (numbers < SPACED_HEADER || s->below < 2)
        return false;
    double step = first[1].number - first->number;
    for (size_t i = index; i < s->columns; i++) {
        const struct sight *c = &s->column[i];
        if (c->first != CELL_NUMBER || c->number != trunc(c->number) || c->numbers == 0 ||
            ((float)c->number >= c->low && (float)c->number <= c->high))
            return false;
        fractions += c->fraction;
        even = even && (i == index || c->number - c[-1].number == step);
        for (size_t j = index; j < i && numbers <= 1000; j++)
            if (s->column[j].number == c->number)
                return false;
    }
    if (even && step != 0 && s->spaced * 10 <= s->below)
        return true;
    return numbers >= COUNTED_HEADER && fractions + 1 >= numbers;
}

/* Different words and then years, equally spaced, as no record below goes on; the last cell may be
 * empty, for a delimiter may end all lines. */
static bool is_years(const struct sights *s)
{
    const size_t end = s->columns - (s->columns && s->column[s->columns - 1].n == 0);
    if (s->lead == 0 || end < s->lead + SPACED_HEADER || !s->below || s->spaced * 10 > s->below)
        return false;
    for (size_t i = 0; i < s->lead; i++) {
        for (size_t j = 0; j < i && s->lead <= 1000; j++)
            if (same_words(s, i, j))
                return false;
        if (s->column[i].recurs)
            return false;
    }
    const double step = s->column[s->lead + 1].number - s->column[s->lead].number;
    for (size_t i = s->lead; i < end; i++) {
        const struct sight *c = &s->column[i];
        if (c->first != CELL_NUMBER || c->number != trunc(c->number) || c->number < YEAR_FIRST ||
            c->number > YEAR_LAST || (i > s->lead && c->number - c[-1].number != step))
            return false;
    }
    return step != 0;
}

/* Numbers, all in quotes, over numbers that are in none. */
static bool is_quoted(const struct sights *s, size_t index)
{
    for (size_t i = index; i < s->columns; i++) {
        const struct sight *c = &s->column[i];
        if (!c->quoted || c->first == CELL_MISSING || c->quotes || !c->numbers)
            return false;
    }
    return s->columns > index;
}

/* Does the second record hold words over numbers, "[s]", "m/s", and no number? */
static bool has_units(const struct sights *s)
{
    size_t units = 0;
    for (size_t i = 0; i < s->columns && s->second == s->columns; i++) {
        const struct sight *c = &s->column[i];
        bool word = c->second == CELL_WORD;
        if (c->second == CELL_NUMBER || c->second == CELL_INFINITE ||
            (c->numbers && c->words > word))
            return false;
        units += word && c->numbers;
    }
    return units > 1;
}

static bool is_header(const struct sights *s, bool units, const struct csv_known *known)
{
    size_t empty = 0, words = 0, familiar = 0;
    bool over_numbers = false, over_words = true, recurs = false;
    for (size_t i = 0; i < s->columns; i++) {
        const struct sight *c = &s->column[i];
        uint32_t code;
        empty += c->n == 0;
        words += c->first == CELL_WORD;
        recurs = recurs || (c->n && c->recurs);
        over_numbers = over_numbers || is_over_numbers(c, units);
        over_words = over_words && !c->numbers;
        familiar += known && known->named && c->n &&
                    distinct_words_find(&known->names, s->letters + c->start, c->n, &code);
    }
    if (familiar * 2 >= s->columns)
        return familiar > 0;
    /* pandas writes an unnamed index column first */
    size_t index = empty == 1 && s->column[0].n == 0 && !s->column[0].missing;
    if (over_numbers)
        return true;
    if (known && !known->named)
        return false;
    if (s->longer == (s->below < 2 ? s->below : 2) && s->longer && words)
        return true;
    if (!s->below) /* nothing to compare with: words alone must be names */
        return words == s->columns;
    if (is_counted(s, index) || (s->columns > index && is_beyond(s, index)) ||
        is_quoted(s, index) || is_years(s))
        return true;
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
                               char delimiter, bool comma, const struct csv_known *known,
                               struct csv_top *top, heddle_error *err)
{
    struct sights s = {0};
    struct csv_scan scan;
    const size_t most = csv_max_columns((size_t)(end - text));
    bool fits = true, readable = true;
    csv_scan_begin(&scan, path, text, end, line, delimiter);
    size_t records = HEADER_RECORDS;
    for (size_t record = 0; fits && readable && record < records; record++) {
        struct csv_field field = {.last = false};
        size_t fields = 0;
        if (!(record == 0 ? csv_record(&scan) : csv_data(&scan, s.columns)))
            break;
        const bool repeated = record > 0 && is_repeated(&s, &scan);
        for (; fits && readable && !field.last; fields++) {
            heddle_error unused;
            heddle_status status = csv_field(&scan, fields + 1, &field, &unused);
            readable = status == HEDDLE_OK && fields < most && s.used < UINT32_MAX / 2 &&
                       field.n < UINT32_MAX / 2;
            fits = status != HEDDLE_E_MEMORY;
            if (!readable)
                continue;
            if (record == 0)
                fits = see_first(&s, &field, comma);
            else if (!repeated || s.column[fields].first != CELL_WORD ||
                     !s.column[fields].numbers) /* a header there is no word among numbers */
                see_below(&s, fields, &field, comma, record == 1);
        }
        if (record == 0) {
            while (records > HEADER_LEAST && records * s.columns > HEADER_CELLS)
                records--;
            continue;
        }
        s.second = s.below++ ? s.second : fields;
        s.longer += record <= 2 && fields == s.columns + 1;
        s.spaced += s.even && fields == s.columns;
    }
    if (fits && s.columns) {
        const bool units = has_units(&s);
        *top = (struct csv_top){is_header(&s, units, known), units};
    }
    csv_scan_done(&scan);
    memory_free(s.column);
    memory_free(s.letters);
    return fits ? HEDDLE_OK : status_memory(err, "the first lines of a table", s.used);
}

/* ---------------------------------------------------------------- names ---------------------- */

/* The fields of the record at the scan as columns; their names if it is a header. */
static heddle_status read_names(struct csv *csv, struct csv_scan *scan, heddle_error *err)
{
    struct csv_field field = {.last = false};
    const size_t most = csv_max_columns(csv->bytes->size);
    size_t room = 0, line = scan->line;
    while (!field.last) {
        heddle_status status = csv_field(scan, csv->columns + 1, &field, err);
        if (status != HEDDLE_OK)
            return status;
        if (csv->columns == most)
            return status_set(
                err, HEDDLE_E_DATA,
                "'%s' line %zu: more than %zu columns, the most of a file of its size", csv->path,
                line, most);
        if (csv->columns + 1 >= room) { /* with one to spare */
            room = room ? room * 2 : 64;
            uint32_t *grown = memory_resize(csv->name, room, sizeof *grown);
            if (!grown)
                return csv_no_memory(csv, err);
            csv->name = grown;
        }
        if (csv->header && !cell_is_utf8(field.text, field.n))
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' line %zu column %zu: a name that is not UTF-8; convert the "
                              "file with iconv -f LATIN1 -t UTF-8",
                              csv->path, field.line, csv->columns + 1);
        if (!distinct_words_add(&csv->names, csv->header ? field.text : "",
                                csv->header ? field.n : 0, &csv->name[csv->columns]))
            return csv_no_memory(csv, err);
        csv->columns++;
    }
    return HEDDLE_OK;
}

/* Does the line of '#' have a word for each of `columns` columns, all different? */
static bool names_columns(const struct csv *csv, const struct csv_scan *comment, size_t columns)
{
    struct csv_scan scan = *comment;
    struct csv_field field = {.last = false};
    struct distinct_words set = {0};
    bool names = columns > 1 && csv_record(&scan);
    size_t n = 0;
    while (names && !field.last) {
        double value;
        uint32_t code;
        names = csv_field(&scan, n + 1, &field, NULL) == HEDDLE_OK && n < columns &&
                (cell_classify(field.text, field.n, csv->comma, &value) == CELL_WORD ||
                 (n == 0 && field.n == 0)) &&
                distinct_words_add(&set, field.text, field.n, &code) && set.count == n + 1;
        n++;
    }
    distinct_words_done(&set);
    csv_scan_done(&scan);
    return names && n == columns;
}

/* Is the last field of the record at the scan empty? */
static bool ends_empty(const struct csv_scan *at)
{
    struct csv_scan scan = *at;
    struct csv_field field = {.last = false};
    scan.unquoted = NULL;
    scan.room = 0;
    for (size_t c = 0; !field.last && csv_field(&scan, c + 1, &field, NULL) == HEDDLE_OK; c++) {
    }
    csv_scan_done(&scan);
    return field.last && field.n == 0;
}

/* A header of one name less than the record at the scan has fields: a delimiter ends all lines of
 * data, or R has written names of rows, which have none. */
static heddle_status lengthen(struct csv *csv, const struct csv_scan *scan, heddle_error *err)
{
    uint32_t unnamed;
    if (csv_count(scan) != csv->columns + 1)
        return HEDDLE_OK;
    if (!distinct_words_add(&csv->names, "", 0, &unnamed))
        return csv_no_memory(csv, err);
    csv->row_names = !ends_empty(scan);
    if (csv->row_names) {
        memmove(csv->name + 1, csv->name, csv->columns * sizeof *csv->name);
        *csv->name = unnamed;
    } else {
        csv->name[csv->columns] = unnamed;
    }
    csv->columns++;
    return HEDDLE_OK;
}

heddle_status csv_read_header(struct csv *csv, const struct table_reading *reading,
                              heddle_error *err)
{
    const heddle_header wanted = reading->options->header;
    struct csv_scan scan, comment;
    csv_scan_begin(&scan, csv->path, csv->text, csv->end, csv->line, csv->delimiter);
    scan.cut = csv->cut;
    if (!csv_first_record(&scan, &comment))
        return csv->cut ? csv_no_room(csv->path, csv->line, err)
                        : status_set(err, HEDDLE_E_DATA, "'%s' holds no rows", csv->path);
    heddle_status status = HEDDLE_OK;
    csv->title = scan.title;
    struct csv_top top = {.header = false};
    bool above = false;
    if (wanted != HEDDLE_HEADER_NO)
        status = csv_guess_header(csv->path, scan.p, scan.end, scan.line, csv->delimiter,
                                  csv->comma, reading->known, &top, err);
    if (status == HEDDLE_OK && wanted != HEDDLE_HEADER_NO && !top.header && comment.p)
        above = names_columns(csv, &comment, csv_count(&scan));
    csv->header = above || wanted == HEDDLE_HEADER_YES || top.header;
    csv->units = csv->header && !above && top.units;
    csv->first = (struct csv_place){scan.p, scan.line};
    if (status == HEDDLE_OK && above) {
        csv_record(&comment);
        status = read_names(csv, &comment, err);
        csv_scan_done(&comment);
    } else if (status == HEDDLE_OK) {
        status = read_names(csv, &scan, err);
        if (status == HEDDLE_OK && csv->header) {
            if (!csv_data(&scan, csv->columns))
                status = csv->cut ? csv_no_room(csv->path, csv->line, err)
                                  : status_set(err, HEDDLE_E_DATA, "'%s' has a header but no rows",
                                               csv->path);
            else
                status = lengthen(csv, &scan, err);
            if (status == HEDDLE_OK && csv->units) {
                csv_skip_line(&scan);
                csv_data(&scan, csv->columns);
            }
            csv->first = (struct csv_place){scan.p, scan.line};
        }
    }
    csv_scan_done(&scan);
    return status;
}
