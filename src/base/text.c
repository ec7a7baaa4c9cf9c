/**
 * text: see base/text.h; text_print.c is the way back.
 *
 * No locale can change a result: strtod is only given digits and an exponent, never a point.
 */
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---------------------------------------------------------------- numbers from text ---------- */

/* Digits that decide the nearest double: the longest decimal expansion halfway between two of
 * them has 767 significant digits; one more that is not zero says "above". */
enum { DIGITS_KEPT = 780 };

/* A number as its digits: 0.DDDD… without the point, that is D … D × 10^exponent. */
struct decimal {
    bool negative;
    const char *first, *last; /* from the first digit that is not 0 to behind the last digit */
    uint64_t value;           /* the first 19 significant digits */
    size_t digits;            /* number of significant digits, with trailing zeros */
    int64_t exponent;         /* of ten, if all significant digits are read as an integer */
};

static bool is_digit(char c)
{
    return (unsigned)(c - '0') <= 9;
}

static bool read_decimal(const char *p, const char *end, struct decimal *d)
{
    d->negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    const char *start = p, *point = NULL;
    uint64_t value = 0;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (digit <= 9) {
            value = value * 10 + digit; /* may wrap: counted again below if it did */
        } else if (*p == '.' && point == NULL) {
            point = p;
        } else {
            break;
        }
    }
    const char *stop = p;
    size_t seen = (size_t)(stop - start) - (point != NULL);
    if (seen == 0) {
        return false;
    }
    int64_t exponent = 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool down = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) {
            p++;
        }
        if (p == end) {
            return false;
        }
        for (; p < end && is_digit(*p); p++) {
            if (exponent < INT64_C(1000000000000000)) {
                exponent = exponent * 10 + (*p - '0');
            }
        }
        if (!is_digit(p[-1])) {
            return false;
        }
        exponent = down ? -exponent : exponent;
    }
    if (p != end) {
        return false;
    }
    d->exponent = exponent - (point != NULL ? stop - point - 1 : 0);
    d->first = start;
    d->last = stop;
    if (seen > 19) {
        while (d->first < stop && (*d->first == '0' || *d->first == '.')) {
            d->first++;
        }
        seen = (size_t)(stop - d->first) - (point != NULL && point > d->first);
        value = 0;
        size_t taken = 0;
        for (p = d->first; p < stop && taken < 19; p++) {
            if (*p != '.') {
                value = value * 10 + (unsigned)(*p - '0');
                taken++;
            }
        }
    }
    d->value = value;
    d->digits = seen;
    return true;
}

/* The exact way, for numbers that the short one cannot do: digits and exponent to strtod. */
static double convert_long(const struct decimal *d)
{
    char buffer[DIGITS_KEPT + 32];
    size_t n = 0, dropped = 0;
    bool more = false;
    for (const char *p = d->first; p < d->last; p++) {
        if (*p == '.') {
            continue;
        }
        if (n < DIGITS_KEPT) {
            buffer[n++] = *p;
        } else {
            dropped++;
            more = more || *p != '0';
        }
    }
    int64_t exponent = d->exponent + (int64_t)dropped;
    if (more) {
        buffer[n++] = '1';
        exponent--;
    }
    /* Beyond this every number of so few digits is 0 or infinite. */
    exponent = exponent > 9999 ? 9999 : exponent < -9999 ? -9999 : exponent;
    snprintf(buffer + n, sizeof(buffer) - n, "e%d", (int)exponent);
    return strtod(buffer, NULL);
}

bool text_to_double(const char *text, size_t n, double *value)
{
    /* All exact in double; so is an integer below 2^53, so one rounding is left: that of the
     * product or quotient. Source: W. Clinger, "How to read floating point numbers accurately",
     * PLDI 1990, section 3. */
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal d;
    if (n == 0 || !read_decimal(text, text + n, &d)) {
        return false;
    }
    double x;
    if (d.digits <= 19 && d.value <= (UINT64_C(1) << 53) && d.exponent >= -22 && d.exponent <= 22) {
        x = (double)d.value;
        x = d.exponent < 0 ? x / power[-d.exponent] : x * power[d.exponent];
    } else if (d.digits > 19 || !text_scale(d.value, d.exponent, &x)) {
        x = convert_long(&d);
        if (isinf(x)) {
            return false;
        }
    }
    *value = d.negative ? -x : x;
    return true;
}

bool text_to_u64(const char *text, size_t n, uint64_t *value)
{
    uint64_t result = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(text[i]) || __builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, (uint64_t)(text[i] - '0'), &result)) {
            return false;
        }
    }
    if (n == 0) {
        return false;
    }
    *value = result;
    return true;
}

/* ---------------------------------------------------------------- words ---------------------- */

enum { WORD_MAX = 63 };

/* Letters of one case, and both dashes, count as the same. */
static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b; both at most
 * WORD_MAX long. row[i % 3][j] is the distance of the first i letters of a from j of b. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t row[3][WORD_MAX + 1];
    for (size_t j = 0; j <= nb; j++) {
        row[0][j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        size_t *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = up[j - 1] + (folded(a[i - 1]) != folded(b[j - 1]));
            best = up[j] + 1 < best ? up[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1]) && up2[j - 2] + 1 < best) {
                best = up2[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return row[na % 3][nb];
}

const char *text_nearest(const char *word, const char *const *names, size_t n)
{
    size_t length = strlen(word);
    const char *nearest = NULL;
    /* One slip in three letters: more, and the suggestion is a guess. */
    size_t limit = 1 + length / 3, best = limit + 1;
    for (size_t i = 0; i < n && length <= WORD_MAX; i++) {
        size_t other = strlen(names[i]);
        if (other > WORD_MAX) {
            continue;
        }
        size_t d = distance(word, length, names[i], other);
        /* Nothing in common is no likeness, however short the words. */
        if (d < best && d < (length > other ? length : other)) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void text_sort(char **text, size_t n)
{
    qsort(text, n, sizeof *text, compare);
}

/* ---------------------------------------------------------------- strings that grow ---------- */

/* Make room for n more bytes and the final 0. */
static bool reserve(struct string *s, size_t n)
{
    size_t needed;
    if (s->failed || !size_add(s->length, n, &needed) || !size_add(needed, 1, &needed)) {
        s->failed = true;
        return false;
    }
    if (needed <= s->capacity) {
        return true;
    }
    size_t capacity = s->capacity < 64 ? 64 : s->capacity;
    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    char *grown = memory_resize(s->data, capacity, 1);
    if (grown == NULL) {
        s->failed = true;
        return false;
    }
    s->data = grown;
    s->capacity = capacity;
    return true;
}

void string_add_n(struct string *s, const char *text, size_t n)
{
    if (!reserve(s, n)) {
        return;
    }
    if (n > 0) {
        memcpy(s->data + s->length, text, n);
    }
    s->length += n;
    s->data[s->length] = '\0';
}

void string_add(struct string *s, const char *text)
{
    string_add_n(s, text, strlen(text));
}

void string_print(struct string *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        s->failed = true;
    }
    if (length < 0 || !reserve(s, (size_t)length)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(s->data + s->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    s->length += (size_t)length;
}
