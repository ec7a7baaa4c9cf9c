/** cell: what one field of a text file is: a number, a word, or nothing. */
#ifndef DATA_CELL_H
#define DATA_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cell {
    CELL_NUMBER,
    CELL_MISSING,  /* empty, NA, N/A, NaN, null, ? and -, in their usual spellings */
    CELL_INFINITE, /* inf, or a number beyond the range of double */
    CELL_WORD
};

/**
 * What text[0 … n) is; *value is set for a number. decimal_comma: one comma may stand for the
 * point.
 */
enum cell cell_classify(const char *text, size_t n, bool decimal_comma, double *value);

/** Does text[0 … n) keep to UTF-8 (RFC 3629)? */
bool cell_is_utf8(const char *text, size_t n);

/** text[0 … n) for a message: at most 40 bytes, cut between characters, control bytes as '?'. */
enum { CELL_SHOWN = 48 };
const char *cell_show(const char *text, size_t n, char shown[CELL_SHOWN]);

extern const double cell_power_of_ten[23];

/**
 * Read a number that starts at p and ends before `end` at the latest, if it is one that a double
 * holds exactly up to a division by a power of ten: then the quotient is correctly rounded, as
 * strtod's is. Returns where it ended, or NULL: use cell_classify().
 *
 * Source: W. Clinger, "How to read floating point numbers accurately", PLDI 1990.
 */
static inline const char *cell_number_fast(const char *p, const char *end, double *value)
{
    bool negative = p < end && *p == '-';
    p += negative;
    const char *first = p;
    uint64_t mantissa = 0;
    unsigned digit;
    while (p < end && (digit = (unsigned)(unsigned char)*p - '0') < 10) {
        mantissa = mantissa * 10 + digit;
        p++;
    }
    size_t digits = (size_t)(p - first), decimals = 0;
    if (p < end && *p == '.') {
        const char *point = p++;
        while (p < end && (digit = (unsigned)(unsigned char)*p - '0') < 10) {
            mantissa = mantissa * 10 + digit;
            p++;
        }
        decimals = (size_t)(p - point) - 1;
        digits += decimals;
    }
    /* 19 digits fit 64 bits, so mantissa has not wrapped */
    if (digits == 0 || digits > 19 || mantissa > (uint64_t)1 << 53)
        return NULL;
    if (p < end && (*p == 'e' || *p == 'E'))
        return NULL;
    double magnitude = (double)mantissa;
    if (decimals)
        magnitude /= cell_power_of_ten[decimals];
    *value = negative ? -magnitude : magnitude;
    return p;
}

#endif
