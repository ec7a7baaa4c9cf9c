/** csv_guess: which delimiter a text has, which decimal point, and whether its first record is a header. */
#ifndef DATA_CSV_GUESS_H
#define DATA_CSV_GUESS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/csv_known.h"
#include "heddle.h"

/**
 * More columns than that are no table of so many bytes: what is kept of them must not take more than
 * 32 MiB and twice the file's size.
 */
static inline size_t csv_max_columns(size_t bytes)
{
    enum { FREE = 1 << 18, MOST = 1 << 20, BYTES_EACH = 64 };
    return bytes / BYTES_EACH < MOST - FREE ? FREE + bytes / BYTES_EACH : MOST;
}

/**
 * The delimiter of ',' ';' '\t' '|' ' ' that cuts the first records into more than one field most
 * consistently, quotes respected; ',' if none does. Of blanks one or many separate; so do tabs if
 * that makes fields of lines that have not as many tabs as the others.
 */
char csv_guess_delimiter(const char *path, const char *text, const char *end);

/**
 * Do the first records hold numbers with a comma for the point? With the delimiter ';' one cell
 * like that is enough; with others none may look like 1,234,567 or 1,234.5, and not all like 1,234.
 */
bool csv_guess_comma(const char *path, const char *text, const char *end, char delimiter);

/**
 * Is there a whole record at the beginning of the text, and the beginning of another? That it is
 * not there takes no longer than to go through the text a few times.
 */
bool csv_begins(const char *text, const char *end);

/** What stands above the data. */
struct csv_top {
    bool header; /* the first record names the columns … */
    bool units;  /* … and the second says what they are measured in */
};

/**
 * Is the first record a header? It is if it has
 *   - a word over a column of numbers; or
 *   - nothing but different words over columns of words, none of which recurs in its column; or
 *   - the numbers 0, 1, 2, … or 1, 2, 3, … (four or more), with or without an empty first cell, but
 *     the next record does not go on like that; or
 *   - different whole numbers, each beyond all numbers of its column, that are equally spaced (three
 *     or more) or stand over fractions (four or more); or
 *   - different words, none of which recurs in its column, and behind them three years or more,
 *     equally spaced, as the records below do not go on; or
 *   - numbers in quotes over numbers that are not; or
 *   - an empty cell over a column that is never empty, and otherwise different words; or
 *   - a word, and one field less than each of the next two records, as R writes names of rows; or
 *   - mostly names of `known` columns, if it is not NULL. If those have no names, only a word over
 *     numbers makes a header.
 * The record below it is one of units if it holds no number, and words over two columns of numbers
 * or more, in which no other words are.
 *
 * Only the first records are looked at, from `text` on, where the first begins. Errors of the text
 * are left to the reader: *top is then as far as was understood.
 */
heddle_status csv_guess_header(const char *path, const char *text, const char *end, size_t line,
                               char delimiter, bool comma, const struct csv_known *known,
                               struct csv_top *top, heddle_error *err);

#endif
