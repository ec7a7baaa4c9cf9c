/**
 * html: text and numbers as they stand in a page. Whatever a text holds, the page stays well-formed
 * as HTML and as XML, and nothing in it is obeyed.
 */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include <stdint.h>
#include <stdio.h>

/**
 * Write UTF-8 text: what means something to HTML is escaped, control characters become their
 * pictures (U+2400 …). Of more than `most` characters the rest is "…"; 0: all.
 */
void html_text(FILE *stream, const char *text, size_t most);

/** Write a name of the user's (a column, a class): cut, and isolated if it runs right to left. */
void html_name(FILE *stream, const char *name);

/** Write a number for people, of five significant digits; "–" if it is not finite. */
void html_number(FILE *stream, double value);

/** Write a whole number, its thousands apart: 1,234,567. */
void html_count(FILE *stream, uint64_t value);

/** Where only some of a list's rows are shown: a paragraph "50 of 1,234 columns.", else nothing. */
void html_listed(FILE *stream, uint64_t listed, uint64_t of, const char *what);

/** Write a share 0 … 1 for people, 0.9876; "–" if it is not finite. */
void html_share(FILE *stream, double value);

#endif
