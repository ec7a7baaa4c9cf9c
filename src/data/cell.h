/** cell: what one field of a text file is: a number, a word, or nothing. */
#ifndef DATA_CELL_H
#define DATA_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

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

/**
 * Does the word text[0 … n) say that there is no value, if nothing but numbers stands beside it?
 * None, NaT, a lone point and the errors of spreadsheets do; among words they are words.
 */
bool cell_is_absent(const char *text, size_t n);

/**
 * Why the word text[0 … n) is no number although it says one: a percent sign, thousands separators,
 * …: the end of a sentence about it. NULL if it says none.
 */
const char *cell_dressed(const char *text, size_t n);

/**
 * The number that the word text[0 … n) says, without a percent or currency sign, separators between
 * thousands, or the like. False: it is written in no such way, or in one that may mean another number.
 *
 * comma  what a comma is in it; UNCLEAR: then there must be none. AS_POINT: there must be no point
 * sign   the sign that it may have; NULL: any, and out: which. It stays NULL if there is none
 */
enum cell_comma { COMMA_OF_THOUSANDS, COMMA_AS_POINT, COMMA_UNCLEAR };
bool cell_undress(const char *text, size_t n, enum cell_comma comma, const char **sign,
                  double *value);

/** Is text[0 … n) numbers with two signs of dates and times or more between them, "2021-03-01"? */
bool cell_is_date(const char *text, size_t n);

/** Does text[0 … n) keep to UTF-8 (RFC 3629)? */
bool cell_is_utf8(const char *text, size_t n);

/** text[0 … n) for a message: at most 40 bytes, cut between characters, control bytes as '?'. */
enum { CELL_SHOWN = 48 };
const char *cell_show(const char *text, size_t n, char shown[CELL_SHOWN]);

/** What must stand around text where a shell reads it as one argument: "", "'" or "\"". */
const char *cell_quote(const char *text);

extern const double cell_power_of_ten[23];

/* mantissa × 10^-decimals, with the exponent that may stand at p; NULL as cell_number_fast(). */
const char *cell_number_scaled(const char *p, const char *end, uint64_t mantissa, size_t decimals,
                               double *value);

/* How many of 8 bytes of text, the first the lowest, are digits before the first that is none. */
static inline unsigned cell_digits(uint64_t bytes)
{
    uint64_t from_zero = bytes ^ 0x3030303030303030u;
    /* 6 more carries 10 … 15 into the high half; a carry out of a byte only reaches later ones */
    uint64_t other = ((from_zero + 0x0606060606060606u) | from_zero) & 0xf0f0f0f0f0f0f0f0u;
    return other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
}

/* The number that the first n = 1 … 8 of 8 bytes, all digits, are: pairs, then fours, then eight. */
static inline uint64_t cell_eight(uint64_t bytes, unsigned n)
{
    bytes <<= 64 - 8 * n; /* zeros in front; the high halves go next */
    bytes = (bytes & 0x0f0f0f0f0f0f0f0fu) * 2561 >> 8;
    bytes = (bytes & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    return (bytes & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
}

/* Go over digits, taking them on to *mantissa (modulo 2^64). */
static inline const char *cell_take_digits(const char *p, const char *end, uint64_t *mantissa)
{
    static const uint32_t power[9] = {1,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
    unsigned digit;
    while (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && end - p >= 8) {
        uint64_t bytes;
        memcpy(&bytes, p, sizeof bytes);
        unsigned n = cell_digits(bytes);
        if (n == 0)
            return p;
        *mantissa = *mantissa * power[n] + cell_eight(bytes, n);
        p += n;
        if (n < 8)
            return p;
    }
    for (; p < end && (digit = (unsigned)(unsigned char)*p - '0') < 10; p++)
        *mantissa = *mantissa * 10 + digit;
    return p;
}

/**
 * Read a number that starts at p and ends before `end` at the latest, if a few steps can tell what
 * strtod would. Returns where it ended, or NULL: use cell_classify().
 *
 * Source: W. Clinger, "How to read floating point numbers accurately", PLDI 1990: a mantissa that
 * a double holds, divided by a power of ten that it holds too, is rounded but once.
 */
static inline const char *cell_number_fast(const char *p, const char *end, double *value)
{
    bool negative = p < end && *p == '-';
    p += negative;
    const char *first = p;
    uint64_t mantissa = 0;
    p = cell_take_digits(p, end, &mantissa);
    size_t digits = (size_t)(p - first), decimals = 0;
    if (p < end && *p == '.') {
        const char *point = p + 1;
        p = cell_take_digits(point, end, &mantissa);
        decimals = (size_t)(p - point);
        digits += decimals;
    }
    /* 19 digits fit 64 bits, so mantissa has not wrapped */
    if (digits == 0 || digits > 19)
        return NULL;
    double magnitude = (double)mantissa;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = cell_number_scaled(p, end, mantissa, decimals, &magnitude);
        if (!p)
            return NULL;
    } else if (mantissa > (uint64_t)1 << 53) {
        if (!text_scale(mantissa, -(int64_t)decimals, &magnitude))
            return NULL;
    } else if (decimals) {
        magnitude /= cell_power_of_ten[decimals];
    }
    /* no branch: a sign is as good as random */
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    bits |= (uint64_t)negative << 63;
    memcpy(value, &bits, sizeof bits);
    return p;
}

#endif
