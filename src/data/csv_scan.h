/**
 * csv_scan: walking over the records and fields of delimited text.
 *
 * RFC 4180 with what occurs in practice: lines end with LF, CRLF or CR; blank lines are no
 * records; blanks around a field do not belong to it; a quoted field may hold delimiters, line
 * ends and doubled quotes. With the delimiter ' ' any run of blanks and tabs separates.
 */
#ifndef DATA_CSV_SCAN_H
#define DATA_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "heddle.h"

struct csv_scan {
    const char *path; /* for messages */
    const char *p, *end;
    size_t line; /* of p, from 1 */
    char delimiter;
    bool cut;   /* the text goes on behind `end`, where it is not seen */
    bool arff;  /* comments begin with '%', ' quotes too, and \ stands for the byte behind it */
    bool title; /* csv_first_record() has gone over one */
    bool stops[256]; /* bytes that end an unquoted field */
    char *unquoted;  /* a field with doubled quotes, without them */
    size_t room;
};

struct csv_field {
    const char *text; /* valid until the next field */
    size_t n;
    size_t line;
    bool quoted;
    bool last; /* of its record; p is at the next line */
};

void csv_scan_begin(struct csv_scan *scan, const char *path, const char *text, const char *end,
                    size_t line, char delimiter);
void csv_scan_done(struct csv_scan *scan);

/** Go to the next record, over blank lines. False: there is none. */
bool csv_record(struct csv_scan *scan);

/**
 * Go to the first record of a text: over blank lines, lines that begin with '#', lines that begin
 * with '%' or '|' (as MATLAB's and C4.5's comments do) if they have not as many fields as the first
 * line behind them that does not, and titles: a record in front of a blank line that has at least
 * two fields less than one behind such a line.
 *
 * comment  out: a scan of the last line of '#' over it, behind that sign, p NULL if there is none;
 *          it has no memory of its own. Or NULL
 */
bool csv_first_record(struct csv_scan *scan, struct csv_scan *comment);

/**
 * csv_record() among the data of a table: over comments, too. A line that begins with '#' is one if
 * it has not as many fields as there are columns or, where there is one only, if a blank follows.
 */
bool csv_data(struct csv_scan *scan, size_t columns);

/** Over the rest of the line, whatever it holds. */
void csv_skip_line(struct csv_scan *scan);

/** How many fields the record at the scan has; 0 if it cannot be read. The scan stays there. */
size_t csv_count(const struct csv_scan *scan);

/** HEDDLE_E_MEMORY: the record that begins at the line does not end in what is seen of the text. */
heddle_status csv_no_room(const char *path, size_t line, heddle_error *err);

/**
 * The next field of the record; column (from 1) is for messages.
 *
 * HEDDLE_E_DATA: a quote that is never closed, or something behind a closing quote. csv_no_room().
 */
heddle_status csv_field(struct csv_scan *scan, size_t column, struct csv_field *field,
                        heddle_error *err);

/**
 * A word within quotes, or apostrophes, of ARFF; p is at the first, *closed behind the last. False:
 * no memory, or *closed is NULL as the line ends before.
 */
bool csv_escaped(struct csv_scan *scan, const char *p, struct csv_field *field,
                 const char **closed);

/**
 * q is at the end of a field: at a stop, or at the end of the text. Go over the separator or the
 * line end; returns whether the field was its record's last.
 */
static inline bool csv_separator(struct csv_scan *scan, const char *q)
{
    const char *end = scan->end;
    if (scan->delimiter == ' ')
        while (q < end && (*q == ' ' || *q == '\t'))
            q++;
    if (q < end && *q != '\n' && *q != '\r') {
        scan->p = q + (scan->delimiter != ' ');
        return false;
    }
    if (q < end) {
        q += *q == '\r' && q + 1 < end && q[1] == '\n' ? 2 : 1;
        scan->line++;
    }
    scan->p = q;
    return true;
}

#endif
