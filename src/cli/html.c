/** html: see html.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "html.h"

enum { NAME_MOST = 60 }; /* characters of a name that are shown */

/** Is this the beginning of U+FFFE or U+FFFF, which XML does not allow? */
static int is_no_character(const unsigned char *c)
{
    return c[0] == 0xEF && c[1] == 0xBF && (c[2] == 0xBE || c[2] == 0xBF);
}

void html_text(FILE *stream, const char *text, size_t most)
{
    const unsigned char *c = (const unsigned char *)text;
    for (size_t shown = 0; *c != '\0'; shown++) {
        if (most > 0 && shown == most) {
            fputs("…", stream);
            return;
        }
        if (*c == '&') {
            fputs("&amp;", stream);
        } else if (*c == '<') {
            fputs("&lt;", stream);
        } else if (*c == '>') {
            fputs("&gt;", stream);
        } else if (*c == '"') {
            fputs("&quot;", stream);
        } else if (*c == '\'') {
            fputs("&#39;", stream);
        } else if (*c < ' ') {
            fprintf(stream, "\xE2\x90%c", 0x80 + *c); /* U+2400 + c */
        } else if (*c == 127) {
            fputs("\xE2\x90\xA1", stream);
        } else if (is_no_character(c)) {
            fputs("\xEF\xBF\xBD", stream);
            c += 2;
        } else {
            putc(*c, stream);
            while ((c[1] & 0xC0) == 0x80) { /* the rest of the character */
                putc(*++c, stream);
            }
        }
        c++;
    }
}

void html_name(FILE *stream, const char *name)
{
    fputs("<bdi>", stream);
    html_text(stream, name, NAME_MOST);
    fputs("</bdi>", stream);
}

/** Write "1234567.8" with its thousands apart. */
static void write_grouped(FILE *stream, const char *digits)
{
    size_t whole = strspn(digits, "0123456789");
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0) {
            putc(',', stream);
        }
        putc(digits[i], stream);
    }
    fputs(digits + whole, stream);
}

void html_number(FILE *stream, double value)
{
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char text[64];
    double size = fabs(value);
    if (!isfinite(value)) {
        fputs("–", stream);
        return;
    }
    fputs(value < 0 ? "−" : "", stream);
    snprintf(text, sizeof text, size >= 1e5 && size < 1e12 ? "%.0f" : "%.5g", size);
    char *power = strchr(text, 'e');
    if (power == NULL) {
        write_grouped(stream, text);
        return;
    }
    fprintf(stream, "%.*s×10%s", (int)(power - text), text, power[1] == '-' ? "⁻" : "");
    for (power += 1 + strspn(power + 1, "+-0"); *power != '\0'; power++) {
        fputs(raised[*power - '0'], stream);
    }
}

void html_count(FILE *stream, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    write_grouped(stream, digits);
}

void html_listed(FILE *stream, uint64_t listed, uint64_t of, const char *what)
{
    if (listed < of) {
        fputs("<p class=\"dim\">", stream);
        html_count(stream, listed);
        fputs(" of ", stream);
        html_count(stream, of);
        fprintf(stream, " %s.</p>\n", what);
    }
}

void html_share(FILE *stream, double value)
{
    if (isfinite(value)) {
        fprintf(stream, "%.4f", value);
    } else {
        fputs("–", stream);
    }
}
