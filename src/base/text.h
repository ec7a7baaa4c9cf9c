/** text: numbers to and from text whatever the locale, and strings that grow. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * Read the decimal number that fills text[0 … n): optional sign, digits with an optional point,
 * optional exponent; no white space, no hexadecimal; "inf", "nan" are no numbers here. *value is
 * what strtod gives in the C locale, to the bit. False, and nothing written, if it is none or is too
 * large for a double.
 */
bool text_to_double(const char *text, size_t n, double *value);

/** The powers of ten from 10^FIRST to 10^LAST, 64 bits of each: text_power.c. */
enum { TEXT_POWER_FIRST = -326, TEXT_POWER_LAST = 308, TEXT_POWER_EXACT = 27 };
extern const uint64_t text_power[TEXT_POWER_LAST - TEXT_POWER_FIRST + 1];

/**
 * *value = digits × 10^exponent, rounded to the nearest double (of two, the even one). False, and
 * nothing written, where that takes more than 128 bits to tell: about once in a thousand, and
 * always where the result is not a normal number.
 */
static inline bool text_scale(uint64_t digits, int64_t exponent, double *value)
{
    /* Both factors begin with a set bit, so the product of 128 bits has its first at 127 or, before
     * it is shifted, at 126. It is off by less than 2^64 for the rounding of the power: only if the
     * 11 bits that are cut off its upper half are those next to one half can that matter.
     *
     * Source: W. Clinger, "How to read floating point numbers accurately", PLDI 1990, AlgorithmR; D.
     * Lemire, "Number parsing at a gigabyte per second", Software: Practice and Experience 51
     * (2021), who takes 128 bits of the power. */
    enum { MANTISSA = 52, BIAS = 1023, CUT = 11, HALF = 1 << (CUT - 1) };
    if (digits == 0) {
        *value = 0.0;
        return true;
    }
    if (exponent < TEXT_POWER_FIRST || exponent > TEXT_POWER_LAST) {
        return false;
    }
    const int shift = __builtin_clzll(digits);
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(digits << shift) * text_power[exponent - TEXT_POWER_FIRST];
    const int first = (int)(product >> 127);
    product <<= 1 - first;
    /* 10^exponent begins at this power of two: log2(10) × 2^16 = 217706 */
    const int64_t power = ((exponent * 217706) >> 16) + 63 - shift + first;
    const uint64_t high = (uint64_t)(product >> 64), cut = high & (2 * HALF - 1);
    const bool exact = exponent >= 0 && exponent <= TEXT_POWER_EXACT;
    if (power < 1 - BIAS || power > BIAS - 1 || (!exact && cut - (HALF - 1) <= 1)) {
        return false;
    }
    uint64_t bits = high >> CUT;
    bits += (cut > HALF) | ((cut == HALF) & (((uint64_t)product != 0) | (bits & 1)));
    /* the first bit of the mantissa adds 1 to the exponent, and so does a carry */
    bits += (uint64_t)(power + BIAS - 1) << MANTISSA;
    memcpy(value, &bits, sizeof *value);
    return true;
}

/** Read the unsigned number that fills text[0 … n); false if it is none or does not fit. */
bool text_to_u64(const char *text, size_t n, uint64_t *value);

/**
 * The shortest of %.15g, %.16g, %.17g that reads back as the same double (%.6g to %.9g, as the same
 * float), with a decimal point in every locale. NaN is "nan", infinities "inf", "-inf". Returns the
 * length.
 */
enum { TEXT_NUMBER_SIZE = 32 };
size_t text_from_double(double value, char text[TEXT_NUMBER_SIZE]);
size_t text_from_float(float value, char text[TEXT_NUMBER_SIZE]);

/**
 * value with exactly `decimals` digits behind a decimal point, in every locale; as
 * text_from_double() if it is not finite or does not fit.
 */
size_t text_fixed(double value, int decimals, char text[TEXT_NUMBER_SIZE]);

/**
 * Which of names[0 … n) is most like `word`: the fewest letters changed, left out, put in or
 * swapped, whatever the case, - and _ alike. NULL if it takes more than one and one in three.
 */
const char *text_nearest(const char *word, const char *const *names, size_t n);

/** Sort text[0 … n) by their bytes, the same in every locale. */
void text_sort(char **text, size_t n);

/**
 * A string that grows. Start it as {0}. After a failed append (no memory) `failed` is set and
 * further appends do nothing, so only the end needs a check. Release `data` with memory_free().
 * Print numbers with a point through text_from_double(): %g follows the locale.
 */
struct string {
    char *data; /* with a final 0 once anything was appended */
    size_t length, capacity;
    bool failed;
};

void string_add(struct string *s, const char *text);
void string_add_n(struct string *s, const char *text, size_t n);
void string_print(struct string *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
