/** c_list: constants as C99 writes them, and lists of them broken into lines. */
#ifndef MODEL_C_LIST_H
#define MODEL_C_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/** value in hexadecimal, exact whatever the locale; with an f behind if `single`. */
enum { C_HEX_SIZE = 40 };
void c_hex(double value, bool single, char text[C_HEX_SIZE]);

/** What goes between the braces of an array; begins as {out, 0}. */
struct c_list {
    struct string *out;
    size_t column; /* 0: before the first */
};

void c_list_add(struct c_list *list, const char *text);
void c_list_add_number(struct c_list *list, double value, bool single);

/** text as a literal, in ASCII. */
void c_list_add_text(struct c_list *list, const char *text);

#endif
