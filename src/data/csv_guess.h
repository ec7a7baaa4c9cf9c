/** csv_guess: which delimiter a text has, and whether its first record is a header. */
#ifndef DATA_CSV_GUESS_H
#define DATA_CSV_GUESS_H

#include <stdbool.h>
#include <stddef.h>

#include "heddle.h"

/** More columns than that are no table; what is kept of each must not take more than 32 MiB. */
enum { CSV_MAX_COLUMNS = 1 << 18 };

/**
 * The delimiter of ',' ';' '\t' '|' ' ' that cuts the first records into more than one field most
 * consistently, quotes respected; ',' if none does.
 */
char csv_guess_delimiter(const char *path, const char *text, const char *end);

/**
 * Is the first record a header? It is if it has
 *   - a word over a column of numbers; or
 *   - nothing but different words over columns of words, none of which recurs in its column; or
 *   - the numbers 0, 1, 2, … (four or more), with or without an empty first cell, but the next
 *     record does not go on like that; or
 *   - an empty cell over a column that is never empty, and otherwise different words.
 * Only the first records are looked at. Errors of the text are left to the reader: *header is
 * then as far as was understood.
 */
heddle_status csv_guess_header(const char *path, const char *text, const char *end, size_t line,
                               char delimiter, bool *header, heddle_error *err);

#endif
