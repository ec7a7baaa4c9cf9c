/** csv_guess: looks at the first records only, so it costs nothing on large files. */
#include <string.h>

#include "data/cell.h"
#include "data/csv_guess.h"
#include "data/csv_scan.h"

enum { DELIMITER_RECORDS = 32, COMMA_RECORDS = 200, GUESSED_FROM = 1 << 20 };

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

/* To the next record; `fields` of the first, 0 if that is the next. */
static bool next(struct csv_scan *scan, size_t fields)
{
    return fields ? csv_data(scan, fields) : csv_first_record(scan, NULL);
}

/* Share of the first records that have the commonest number of fields, if that is more than one. */
static double consistency(const char *path, const char *text, const char *end, char delimiter)
{
    size_t fields[DELIMITER_RECORDS], records = 0, best = 0;
    struct csv_scan scan;
    csv_scan_begin(&scan, path, text, end, 1, delimiter);
    while (records < DELIMITER_RECORDS && next(&scan, records ? fields[0] + !fields[0] : 0)) {
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
    size_t most = 0, first = 0;
    struct csv_scan scan;
    csv_scan_begin(&scan, path, text, end, 1, delimiter);
    for (size_t i = 0; i < DELIMITER_RECORDS && next(&scan, first); i++) {
        size_t n = count_fields(&scan);
        first = first ? first : n + !n;
        most = n > most ? n : most;
    }
    csv_scan_done(&scan);
    return most;
}

/* What the cells of the first records are, a comma taken for the point. */
struct cells {
    size_t numbers, others; /* a missing one is neither */
    size_t commas;          /* numbers with a comma … */
    size_t thousands;       /* … and three digits behind it */
    size_t grouped;         /* such as 1,234,567 or 1,234.5 */
};

/* "1,234,567", "1,234.5": digits, commas and at most one point, with a comma. */
static bool is_grouped(const char *text, size_t n)
{
    size_t commas = 0, points = 0;
    for (size_t i = 0; i < n; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (!digit && text[i] != ',' && text[i] != '.' && (i || text[i] != '-'))
            return false;
        commas += text[i] == ',';
        points += text[i] == '.';
    }
    return commas && commas + points > 1 && points < 2;
}

static struct cells look_at_cells(const char *path, const char *text, const char *end,
                                  char delimiter)
{
    struct cells cells = {0};
    struct csv_scan scan;
    csv_scan_begin(&scan, path, text, end, 1, delimiter);
    for (size_t i = 0, first = 0; i < COMMA_RECORDS && next(&scan, first); i++) {
        struct csv_field field = {.last = false};
        size_t fields = 0;
        while (!field.last) {
            double value;
            if (csv_field(&scan, ++fields, &field, NULL) != HEDDLE_OK)
                break;
            enum cell kind = cell_classify(field.text, field.n, true, &value);
            const char *comma = field.n ? memchr(field.text, ',', field.n) : NULL;
            if (comma == field.text || (comma && comma + 1 == field.text + field.n))
                kind = CELL_WORD; /* it separates */
            cells.numbers += kind == CELL_NUMBER;
            cells.others += kind == CELL_WORD || kind == CELL_INFINITE;
            if (comma && kind == CELL_NUMBER) {
                cells.commas++;
                cells.thousands += comma + 4 == field.text + field.n;
            } else if (comma) {
                cells.grouped += is_grouped(field.text, field.n);
            }
        }
        if (!field.last)
            break;
        first = first ? first : fields;
    }
    csv_scan_done(&scan);
    return cells;
}

bool csv_guess_comma(const char *path, const char *text, const char *end, char delimiter)
{
    if (delimiter == ',')
        return false;
    struct cells cells = look_at_cells(path, text, end, delimiter);
    if (delimiter == ';')
        return cells.commas > 0;
    return cells.commas > cells.thousands && !cells.grouped;
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
    if (delimiter == '\t') {
        double blanks = consistency(path, text, end, ' ');
        /* a tab before the last field alone, as in a table made with printf and a comment */
        if (widest(path, text, end, '\t') == 2 && widest(path, text, end, ' ') > 4 &&
            blanks >= best)
            return ' ';
        /* two tabs here and there where others have one */
        if (best < 1 && blanks == 1)
            return ' ';
    }
    /* "0,5 1,25": commas within numbers between blanks, rather than the reverse */
    if (delimiter == ',' && consistency(path, text, end, ' ') >= best) {
        struct cells cells = look_at_cells(path, text, end, ' ');
        if (cells.commas > cells.thousands && cells.others * 20 <= cells.numbers)
            return ' ';
    }
    return delimiter;
}

/* Go over a record. False: a quote in it is not closed. */
static bool skip_record(struct csv_scan *scan, size_t *fields)
{
    struct csv_field field = {.last = false};
    heddle_status status = HEDDLE_OK;
    for (*fields = 0; !field.last && status == HEDDLE_OK; ++*fields)
        status = csv_field(scan, *fields + 1, &field, NULL);
    return status != HEDDLE_E_MEMORY; /* what else is wrong the reader complains of */
}

bool csv_begins(const char *text, const char *end)
{
    struct csv_scan scan;
    size_t fields;
    csv_scan_begin(&scan, "", text, end, 1, ',');
    if (!csv_first_record(&scan, NULL))
        return false;
    text = scan.p;
    const size_t n = (size_t)(end - text);
    if (!memchr(text, '\n', n) && !memchr(text, '\r', n))
        return false;
    const char *seen = n < GUESSED_FROM ? end : text + GUESSED_FROM;
    csv_scan_begin(&scan, "", text, end, 1, csv_guess_delimiter("", text, seen));
    scan.cut = true;
    bool begins = csv_record(&scan) && skip_record(&scan, &fields);
    begins = begins && csv_data(&scan, fields) && skip_record(&scan, &fields);
    csv_scan_done(&scan);
    return begins;
}
