/** cell: numbers by base/text.h, with the words that stand for a missing or infinite value. */
#include <string.h>

#include "base/text.h"
#include "data/cell.h"

const double cell_power_of_ten[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool is_one_of(const char *const *words, size_t count, const char *text, size_t n)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == n && memcmp(words[i], text, n) == 0)
            return true;
    return false;
}

static bool is_missing(const char *text, size_t n)
{
    if (n && *text >= '0' && *text <= '9')
        return false;
    static const char *const words[] = {"NA",   "N/A",  "n/a",  "NaN", "nan", "NAN",
                                        "null", "NULL", "Null", "?",   "-",   "#N/A"};
    return n == 0 || (n <= 4 && is_one_of(words, sizeof words / sizeof *words, text, n));
}

bool cell_is_absent(const char *text, size_t n)
{
    static const char *const words[] = {
        "None",   "none",    ".",       "na",    "n.a.",  "<NA>",    "NaT",     "nil",
        "-nan",   "missing", "Missing", "#NUM!", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?",
        "#NULL!", "--",      "-NaN",    "+nan",  "*",     "unknown"};
    return n <= 7 && is_one_of(words, sizeof words / sizeof *words, text, n);
}

/* Behind the prefix, if text begins with it. */
static const char *behind(const char *text, const char *end, const char *prefix)
{
    size_t n = strlen(prefix);
    return (size_t)(end - text) >= n && memcmp(text, prefix, n) == 0 ? text + n : NULL;
}

const char *cell_dressed(const char *text, size_t n)
{
    static const struct {
        const char *sign, *why;
        bool within; /* among the digits, or else before or behind them */
    } signs[] = {
        {"%", "has a percent sign, which numbers may not", false},
        {"$", "has a currency sign, which numbers may not", false},
        {"\xe2\x82\xac", "has a currency sign, which numbers may not", false},
        {"\xc2\xa3", "has a currency sign, which numbers may not", false},
        {"\xc2\xa5", "has a currency sign, which numbers may not", false},
        {"\xe2\x88\x92", "has a typographic minus; numbers are written with '-'", false},
        {",", "has commas, for thousands or for the point, which numbers may not", true},
        {"'", "has separators of thousands, which numbers may not", true},
        {"\xe2\x80\xaf", "has blanks among its digits, which numbers may not", true},
        {"\xc2\xa0", "has blanks among its digits, which numbers may not", true},
        {" ", "has blanks among its digits, which numbers may not", true},
        {"D", "has an exponent with D; numbers are written with E", true},
    };
    const char *p = text, *end = text + n, *why = NULL;
    bool digits = false;
    p += p < end && (*p == '-' || *p == '+');
    while (p < end) {
        const char *next = NULL;
        if (*p >= '0' && *p <= '9') {
            digits = true;
            p++;
            continue;
        }
        if (*p == '.' || ((*p == '-' || *p == '+') && p > text && p[-1] == 'D')) {
            p++;
            continue;
        }
        for (size_t i = 0; !next && i < sizeof signs / sizeof *signs; i++) {
            next = behind(p, end, signs[i].sign);
            if (next && (!signs[i].within || digits))
                why = why ? why : signs[i].why;
            else
                next = NULL;
        }
        if (!next)
            return NULL;
        p = next;
    }
    return digits ? why : NULL;
}

/* The separator of thousands that stands at p; 0 bytes: none. */
static size_t separator_at(const char *p, const char *end, enum cell_comma comma)
{
    static const char *const separators[] = {",", "'", " ", "\xc2\xa0", "\xe2\x80\xaf"};
    for (size_t i = comma != COMMA_OF_THOUSANDS; i < sizeof separators / sizeof *separators; i++)
        if (behind(p, end, separators[i]))
            return strlen(separators[i]);
    return 0;
}

static size_t count_digits(const char *p, const char *end)
{
    size_t n = 0;
    while (n < (size_t)(end - p) && p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

/* Over a sign of percent or money and blanks around it; *sign: see cell_undress(). */
static const char *skip_sign(const char *p, const char *end, const char **sign)
{
    static const char *const signs[] = {"%", "$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5"};
    while (p < end && *p == ' ')
        p++;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const char *next = behind(p, end, signs[i]);
        if (!next || (*sign && *sign != signs[i]))
            continue;
        *sign = signs[i];
        p = next;
    }
    while (p < end && *p == ' ')
        p++;
    return p;
}

bool cell_undress(const char *text, size_t n, enum cell_comma comma, const char **sign,
                  double *value)
{
    char plain[64];
    size_t used = 0;
    const char *p = text, *end = text + n, *minus = behind(p, end, "\xe2\x88\x92");
    const char point = comma == COMMA_AS_POINT ? ',' : '.';
    if (n >= sizeof plain)
        return false;
    if (minus || (n && (*p == '-' || *p == '+'))) {
        plain[used++] = minus || *p == '-' ? '-' : '+';
        p = minus ? minus : p + 1;
    }
    p = skip_sign(p, end, sign);
    if (used == 0 && p < end && *p == '-')
        plain[used++] = *p++;
    /* digits, perhaps in groups of three behind the first, all separated alike */
    const char *first = p;
    size_t digits = count_digits(p, end);
    memcpy(plain + used, p, digits);
    used += digits;
    p += digits;
    const size_t length = separator_at(p, end, comma);
    const char *separator = p;
    const bool grouped = length && count_digits(p + length, end) > 0;
    if (grouped && (digits < 1 || digits > 3 || *first == '0'))
        return false;
    while (grouped && (size_t)(end - p) > length && memcmp(p, separator, length) == 0) {
        if (count_digits(p + length, end) != 3)
            break;
        memcpy(plain + used, p + length, 3);
        used += 3;
        p += length + 3;
    }
    /* what may stand behind: a fraction, an exponent, a sign */
    if (p < end && *p == point) {
        plain[used++] = '.';
        p++;
    }
    while (p < end && ((*p >= '0' && *p <= '9') || memchr("eE+-", *p, 4)))
        plain[used++] = *p++;
    if (p < end && *p == 'D') {
        plain[used++] = 'E';
        for (p++; p < end && ((*p >= '0' && *p <= '9') || *p == '+' || *p == '-'); p++)
            plain[used++] = *p;
    }
    return skip_sign(p, end, sign) == end && text_to_double(plain, used, value);
}

static bool is_infinity(const char *text, size_t n)
{
    if (n && (*text == '+' || *text == '-')) {
        text++;
        n--;
    }
    static const char word[] = "infinity";
    if (n != 3 && n != 8)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((text[i] | 0x20) != word[i])
            return false;
    return true;
}

bool cell_is_date(const char *text, size_t n)
{
    size_t signs = 0;
    bool digit = false;
    for (size_t i = 0; i < n; i++) {
        const bool sign = memchr("-/.:", text[i], 4);
        if (sign && !digit)
            return false;
        signs += sign;
        digit = text[i] >= '0' && text[i] <= '9';
        if (!digit && !sign && !memchr(" TZ", text[i], 3))
            return false;
    }
    return signs >= 2;
}

/* Is it written like a number? One that text_to_double() refuses is then too large. */
static bool is_numeral(const char *text, size_t n)
{
    const char *end = text + n;
    size_t digits = 0;
    text += text < end && (*text == '+' || *text == '-');
    for (bool point = false; text < end; text++) {
        if (*text >= '0' && *text <= '9')
            digits++;
        else if (*text == '.' && !point)
            point = true;
        else
            break;
    }
    if (digits == 0 || text == end)
        return digits > 0;
    if (*text++ != 'e' && text[-1] != 'E')
        return false;
    text += text < end && (*text == '+' || *text == '-');
    const char *exponent = text;
    while (text < end && *text >= '0' && *text <= '9')
        text++;
    return text == end && text > exponent;
}

const char *cell_number_scaled(const char *p, const char *end, uint64_t mantissa, size_t decimals,
                               double *value)
{
    enum { DIGITS = 4 }; /* more are zeros in front, or nothing that is finite */
    int exponent = 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool negative = p < end && *p == '-';
        p += p < end && (*p == '-' || *p == '+');
        const char *first = p;
        for (; p < end && *p >= '0' && *p <= '9' && p - first <= DIGITS; p++)
            exponent = exponent * 10 + (*p - '0');
        if (p == first || p - first > DIGITS)
            return NULL;
        exponent = negative ? -exponent : exponent;
    }
    exponent -= (int)decimals;
    if (mantissa <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22) {
        *value = exponent < 0 ? (double)mantissa / cell_power_of_ten[-exponent]
                              : (double)mantissa * cell_power_of_ten[exponent];
        return p;
    }
    return text_scale(mantissa, exponent, value) ? p : NULL;
}

enum cell cell_classify(const char *text, size_t n, bool decimal_comma, double *value)
{
    if (is_missing(text, n))
        return CELL_MISSING;
    if (cell_number_fast(text, text + n, value) == text + n)
        return CELL_NUMBER;
    char pointed[64];
    if (decimal_comma && n < sizeof pointed) {
        const char *comma = memchr(text, ',', n);
        if (comma && !memchr(text, '.', n)) {
            memcpy(pointed, text, n);
            pointed[comma - text] = '.'; /* a second comma makes it no number below */
            text = pointed;
        }
    }
    if (text_to_double(text, n, value))
        return CELL_NUMBER;
    return is_numeral(text, n) || is_infinity(text, n) ? CELL_INFINITE : CELL_WORD;
}

/* Bytes of the UTF-8 character at text[0 … n), 0 if there is none. */
static size_t utf8_length(const unsigned char *text, size_t n)
{
    unsigned lead = text[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    /* overlong forms, surrogates, beyond U+10FFFF */
    if ((lead == 0xe0 && text[1] < 0xa0) || (lead == 0xed && text[1] > 0x9f) ||
        (lead == 0xf0 && text[1] < 0x90) || (lead == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

bool cell_is_utf8(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = utf8_length((const unsigned char *)text + i, n - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

const char *cell_show(const char *text, size_t n, char shown[CELL_SHOWN])
{
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        size_t length = utf8_length((const unsigned char *)text + i, n - i);
        if (used + (length ? length : 1) > 40) {
            memcpy(shown + used, "...", 3);
            used += 3;
            break;
        }
        if (length == 0 || (unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            shown[used++] = '?';
            i++;
        } else {
            memcpy(shown + used, text + i, length);
            used += length;
            i += length;
        }
    }
    shown[used] = '\0';
    return shown;
}

const char *cell_quote(const char *text)
{
    if (strpbrk(text, " \t()[]{}$&;<>|*?#!`\"'\\~") == NULL && *text)
        return "";
    return strchr(text, '\'') ? "\"" : "'";
}
