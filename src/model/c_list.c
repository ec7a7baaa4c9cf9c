/** c_list: see model/c_list.h. */
#include "model/c_list.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

enum { LINE_WIDTH = 100 };

void c_hex(double value, bool single, char text[C_HEX_SIZE])
{
    if (!__builtin_isfinite(value)) {
        strcpy(text, value > 0 ? "INFINITY" : value < 0 ? "-INFINITY" : "NAN");
        return;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7ff);
    size_t at = 0;
    if (bits >> 63) {
        text[at++] = '-';
    }
    if (exponent == 0 && mantissa == 0) {
        strcpy(text + at, single ? "0.0f" : "0.0");
        return;
    }
    text[at++] = '0';
    text[at++] = 'x';
    text[at++] = exponent ? '1' : '0';
    text[at++] = '.';
    size_t first = at;
    for (int shift = 48; shift >= 0 && (mantissa || at == first); shift -= 4) {
        text[at++] = "0123456789abcdef"[mantissa >> 48 & 15];
        mantissa = mantissa << 4 & (((uint64_t)1 << 52) - 1);
    }
    int power = exponent ? exponent - 1023 : -1022;
    text[at++] = 'p';
    text[at++] = power < 0 ? '-' : '+';
    unsigned size = (unsigned)(power < 0 ? -power : power);
    for (unsigned ten = 1000; ten; ten /= 10) {
        if (size >= ten || ten == 1) {
            text[at++] = (char)('0' + size / ten % 10);
        }
    }
    strcpy(text + at, single ? "f" : "");
}

void c_list_add(struct c_list *list, const char *text)
{
    size_t n = strlen(text);
    if (list->column == 0) {
        string_add(list->out, "\n    ");
        list->column = 4;
    } else if (list->column + n + 3 > LINE_WIDTH) {
        string_add(list->out, ",\n    ");
        list->column = 4;
    } else {
        string_add(list->out, ", ");
        list->column += 2;
    }
    string_add_n(list->out, text, n);
    list->column += n;
}

void c_list_add_number(struct c_list *list, double value, bool single)
{
    char text[C_HEX_SIZE];
    c_hex(value, single, text);
    c_list_add(list, text);
}

/**
 * text as a literal of C. Bytes beyond ASCII become octal, which every compiler takes; so does
 * '?', which can be the begin of a trigraph.
 */
static void quote(struct string *out, const char *text)
{
    string_add(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c > 0x7e || c == '?') {
            string_print(out, "\\%03o", (unsigned)c);
        } else if (c == '"' || c == '\\') {
            string_print(out, "\\%c", c);
        } else {
            string_add_n(out, text, 1);
        }
    }
    string_add(out, "\"");
}

void c_list_add_text(struct c_list *list, const char *text)
{
    struct string quoted = {0};
    quote(&quoted, text);
    c_list_add(list, quoted.failed ? "" : quoted.data);
    list->out->failed |= quoted.failed;
    memory_free(quoted.data);
}
