/** csv_scan: the general path; csv.c has a shorter one for plain numbers. */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/csv_scan.h"

enum { TITLES = 8 }; /* so many stretches between blank lines are looked at */

void csv_scan_begin(struct csv_scan *scan, const char *path, const char *text, const char *end,
                    size_t line, char delimiter)
{
    *scan = (struct csv_scan){
        .path = path, .p = text, .end = end, .line = line, .delimiter = delimiter};
    scan->stops[(unsigned char)delimiter] = true;
    scan->stops['\n'] = scan->stops['\r'] = true;
    if (delimiter == ' ')
        scan->stops['\t'] = true;
}

void csv_scan_done(struct csv_scan *scan)
{
    memory_free(scan->unquoted);
    scan->unquoted = NULL;
}

/* Over blanks; a tab is none where it separates. */
static const char *skip_blanks(const struct csv_scan *scan, const char *p)
{
    while (p < scan->end && (*p == ' ' || (*p == '\t' && scan->delimiter != '\t')))
        p++;
    return p;
}

bool csv_record(struct csv_scan *scan)
{
    for (;;) {
        const char *p = skip_blanks(scan, scan->p);
        if (p == scan->end) {
            scan->p = p;
            return false;
        }
        if (*p != '\n' && *p != '\r') {
            if (scan->delimiter == ' ')
                scan->p = p;
            return true;
        }
        csv_separator(scan, p);
    }
}

void csv_skip_line(struct csv_scan *scan)
{
    const char *p = scan->p;
    while (p < scan->end && *p != '\n' && *p != '\r')
        p++;
    csv_separator(scan, p);
}

size_t csv_count(const struct csv_scan *at)
{
    struct csv_scan scan = *at;
    struct csv_field field = {.last = false};
    scan.unquoted = NULL;
    scan.room = 0;
    size_t n = 0;
    while (!field.last && csv_field(&scan, n + 1, &field, NULL) == HEDDLE_OK)
        n++;
    csv_scan_done(&scan);
    return field.last ? n : 0;
}

bool csv_data(struct csv_scan *scan, size_t columns)
{
    while (csv_record(scan)) {
        const char *p = skip_blanks(scan, scan->p);
        if (*p != (scan->arff ? '%' : '#'))
            return true;
        if (scan->arff) {
            csv_skip_line(scan);
            continue;
        }
        bool lone = columns == 1 && p + 1 < scan->end && (p[1] == ' ' || p[1] == '\t');
        if (!lone && csv_count(scan) == columns)
            return true;
        csv_skip_line(scan);
    }
    return false;
}

/* Fields of the record at the scan, over which it goes, and blank lines behind it; *blank: there are
 * some. 0: it cannot be read. */
static size_t over_record(struct csv_scan *scan, bool *blank)
{
    struct csv_field field = {.last = false};
    size_t n = 0;
    while (!field.last && csv_field(scan, n + 1, &field, NULL) == HEDDLE_OK)
        n++;
    const char *p = skip_blanks(scan, scan->p);
    *blank = field.last && p < scan->end && (*p == '\n' || *p == '\r');
    return field.last ? n : 0;
}

/* Is the record at the scan a title over the table? Then *behind is at the next. */
static bool is_title(const struct csv_scan *scan, struct csv_scan *behind)
{
    struct csv_scan next = *scan;
    bool blank;
    size_t most = 0;
    next.unquoted = NULL;
    next.room = 0;
    const size_t fields = over_record(&next, &blank);
    bool title = blank && csv_record(&next);
    *behind = next;
    for (size_t i = 0; title && blank && i < TITLES; i++) {
        const size_t n = over_record(&next, &blank);
        most = n > most ? n : most;
        blank = blank && csv_record(&next);
    }
    csv_scan_done(&next);
    behind->unquoted = scan->unquoted;
    behind->room = scan->room;
    return title && most > fields + 1;
}

bool csv_first_record(struct csv_scan *scan, struct csv_scan *comment)
{
    if (comment)
        comment->p = NULL;
    while (csv_record(scan)) {
        const char *p = skip_blanks(scan, scan->p);
        const char sign = *p;
        if (sign == '#') {
            struct csv_scan here = *scan;
            csv_skip_line(scan);
            if (comment) {
                *comment = here;
                comment->p = p + 1;
                comment->end = scan->p;
            }
            continue;
        }
        struct csv_scan behind;
        if ((sign != '%' && sign != '|') || sign == scan->delimiter) {
            if (!is_title(scan, &behind))
                return true;
            *scan = behind;
            scan->title = true;
            continue;
        }
        behind = *scan;
        size_t n = csv_count(scan);
        do
            csv_skip_line(&behind);
        while (csv_record(&behind) && *skip_blanks(&behind, behind.p) == sign);
        if (behind.p == behind.end || csv_count(&behind) == n)
            return true;
        *scan = behind;
    }
    return false;
}

/* A quoted field; p is behind its opening quote. *closed: behind its closing quote. False: no
 * memory, or *closed is NULL as no quote closes it. */
static bool quoted(struct csv_scan *scan, const char *p, struct csv_field *field,
                   const char **closed)
{
    size_t used = 0;
    bool copied = false;
    *closed = NULL;
    for (const char *part = p;;) {
        const char *quote = part < scan->end ? memchr(part, '"', (size_t)(scan->end - part)) : NULL;
        if (!quote)
            return false;
        bool doubled = quote + 1 < scan->end && quote[1] == '"';
        if (!doubled && !copied) {
            field->text = p;
            field->n = (size_t)(quote - p);
        } else {
            size_t n = (size_t)(quote - part) + doubled; /* with one quote of two */
            if (used + n > scan->room) {
                char *grown = memory_resize(scan->unquoted, (used + n) * 2, 1);
                if (!grown) {
                    *closed = quote;
                    return false;
                }
                scan->unquoted = grown;
                scan->room = (used + n) * 2;
            }
            if (n)
                memcpy(scan->unquoted + used, part, n);
            used += n;
            copied = true;
            field->text = scan->unquoted;
            field->n = used;
        }
        if (!doubled) {
            *closed = quote + 1;
            for (; p < quote; p++)
                scan->line += *p == '\n' || (*p == '\r' && p[1] != '\n');
            return true;
        }
        part = quote + 2;
    }
}

bool csv_escaped(struct csv_scan *scan, const char *p, struct csv_field *field, const char **closed)
{
    const char quote = *p++, *end = p;
    size_t used = 0;
    *closed = NULL;
    while (end < scan->end && *end != quote && *end != '\n' && *end != '\r')
        end += *end == '\\' && end + 1 < scan->end && end[1] != '\n' && end[1] != '\r' ? 2 : 1;
    if (end >= scan->end || *end != quote)
        return false;
    *closed = end + 1;
    if ((size_t)(end - p) > scan->room) {
        char *grown = memory_resize(scan->unquoted, (size_t)(end - p), 1);
        if (!grown)
            return false;
        scan->unquoted = grown;
        scan->room = (size_t)(end - p);
    }
    for (; p < end; p++) {
        p += *p == '\\';
        scan->unquoted[used++] = *p;
    }
    field->text = used ? scan->unquoted : "";
    field->n = used;
    return true;
}

heddle_status csv_no_room(const char *path, size_t line, heddle_error *err)
{
    return status_set(err, HEDDLE_E_MEMORY,
                      "'%s' line %zu: no room for a record or a gap of so many bytes; allow more "
                      "memory",
                      path, line);
}

heddle_status csv_field(struct csv_scan *scan, size_t column, struct csv_field *field,
                        heddle_error *err)
{
    const char *p = skip_blanks(scan, scan->p), *q;
    field->line = scan->line;
    field->quoted = p < scan->end && (*p == '"' || (scan->arff && *p == '\''));
    if (field->quoted) {
        if (!(scan->arff ? csv_escaped(scan, p, field, &q) : quoted(scan, p + 1, field, &q))) {
            if (q)
                return status_memory(err, "a quoted field", scan->room);
            if (scan->cut)
                return csv_no_room(scan->path, field->line, err);
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' line %zu column %zu: the quote is never closed", scan->path,
                              field->line, column);
        }
        if (scan->delimiter != ' ')
            q = skip_blanks(scan, q);
        if (q < scan->end && !scan->stops[(unsigned char)*q]) {
            size_t n = 1;
            while (q + n < scan->end && !scan->stops[(unsigned char)q[n]])
                n++;
            char shown[CELL_SHOWN];
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' line %zu column %zu: '%s' behind a closing quote", scan->path,
                              scan->line, column, cell_show(q, n, shown));
        }
    } else {
        q = p;
        while (q < scan->end && !scan->stops[(unsigned char)*q])
            q++;
        const char *trimmed = q;
        while (trimmed > p && (trimmed[-1] == ' ' || trimmed[-1] == '\t'))
            trimmed--;
        field->text = p;
        field->n = (size_t)(trimmed - p);
    }
    field->last = csv_separator(scan, q);
    return HEDDLE_OK;
}
