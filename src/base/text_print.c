/**
 * text_print: numbers to text, see base/text.h. No locale can change a result: what printf made of
 * the point is replaced.
 *
 * Tables of predictions are mostly numbers, and asking printf for one digit more until strtod reads
 * back the same takes a microsecond each. So the digits are computed, in 128 bits, and printf is
 * asked only where those do not tell.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "heddle.h"

__extension__ typedef unsigned __int128 wide;

/* What a kind of number needs: digits that always survive it, and digits that always tell two of it
 * apart; its bits. */
struct kind {
    int least, most;
    int mantissa, bias;
};
static const struct kind kind_double = {15, 17, 52, 1023};
static const struct kind kind_float = {6, 9, 23, 127};

/* DIGITS × 10^(exponent - count + 1), printed as %.{precision}g does. */
struct digits {
    uint64_t value;
    int count, exponent, precision;
};

/* Put a '.' where printf put the locale's decimal point, which may be several bytes long. */
static size_t plain_point(char *text)
{
    size_t n = 0;
    bool in_point = false;
    for (const char *p = text; *p != '\0'; p++) {
        bool plain = (*p >= '0' && *p <= '9') || *p == '-' || *p == '+' || *p == 'e';
        if (plain) {
            text[n++] = *p;
        } else if (!in_point) {
            text[n++] = '.';
        }
        in_point = !plain;
    }
    text[n] = '\0';
    return n;
}

static size_t copy_word(const char *word, char text[TEXT_NUMBER_SIZE])
{
    size_t n = strlen(word);
    memcpy(text, word, n + 1);
    return n;
}

static const char *word_for(double value)
{
    return isnan(value) ? "nan" : isfinite(value) ? NULL : value > 0 ? "inf" : "-inf";
}

/* The slow way that defines what is right. strtod and strtof read the locale's point, too. */
static size_t ask_printf(double value, const struct kind *kind, char text[TEXT_NUMBER_SIZE])
{
    for (int digits = kind->least; digits <= kind->most; digits++) {
        snprintf(text, TEXT_NUMBER_SIZE, "%.*g", digits, value);
        if (kind == &kind_float ? strtof(text, NULL) == (float)value
                                : strtod(text, NULL) == value) {
            break;
        }
    }
    return plain_point(text);
}

/* The power of two that 10^k begins at, floor(log2 10^k): log2(10) × 2^16 = 217706. */
static int binary_exponent(int k)
{
    return (k * 217706) >> 16;
}

static uint64_t power_of_ten(int n)
{
    uint64_t power = 1;
    while (n-- > 0) {
        power *= 10;
    }
    return power;
}

/*
 * The fewest digits from kind->least on that read back as mantissa × 2^exponent, a positive normal
 * number that is no power of two: those lie as far from the number below as from the one above.
 *
 * Scaled by a power of ten so that kind->most digits stand before the point, the number is `whole`
 * and a fraction of `shift` bits. N digits are the nearest multiple of a power of ten, and read back
 * if they are nearer than half the distance to the next number of its kind, which is scaled alike.
 * The power is rounded to 64 bits, so the product is off by less than 2^63: where that could decide,
 * false.
 */
static bool find_digits(uint64_t mantissa, int exponent, const struct kind *kind,
                        struct digits *digits)
{
    const int normal = __builtin_clzll(mantissa);
    /* log10(2) × 2^18 = 78913; the decimal exponent may be one more than this says */
    int decimal = ((exponent + kind->mantissa) * 78913) >> 18;
    const uint64_t most = power_of_ten(kind->most);
    uint64_t whole, power;
    wide product;
    int shift, k;
    for (;; decimal++) {
        k = kind->most - 1 - decimal;
        if (k < TEXT_POWER_FIRST || k > TEXT_POWER_LAST) {
            return false;
        }
        power = text_power[k - TEXT_POWER_FIRST];
        product = (wide)(mantissa << normal) * power;
        shift = normal + 63 - exponent - binary_exponent(k);
        whole = (uint64_t)(product >> shift);
        if (whole < most) {
            break;
        }
    }
    const wide fraction = product & (((wide)1 << shift) - 1);
    const wide half_step = (wide)power << (normal - 1);
    const wide doubt = k >= 0 && k <= TEXT_POWER_EXACT ? 0 : (wide)1 << 64;
    uint64_t unit = power_of_ten(kind->most - kind->least);
    for (int n = kind->least; n <= kind->most; n++, unit /= 10) {
        const wide rest = ((wide)(whole % unit) << shift) | fraction;
        const wide all = (wide)unit << shift;
        const bool up = rest > all / 2;
        const wide off = up ? all - rest : rest;
        if (all / 2 - off <= doubt ||
            (off > half_step ? off - half_step : half_step - off) <= doubt) {
            return false;
        }
        if (off < half_step) {
            *digits = (struct digits){whole / unit + up, n, decimal, n};
            return true;
        }
    }
    return false;
}

/* As %g: no zeros at the end, and an exponent if it is less than -4 or not less than the precision. */
static size_t print_digits(struct digits d, bool negative, char text[TEXT_NUMBER_SIZE])
{
    char digit[20];
    if (d.value == power_of_ten(d.count)) { /* 9.99… was rounded up */
        d.value /= 10;
        d.exponent++;
    }
    for (int i = d.count; i-- > 0; d.value /= 10) {
        digit[i] = (char)('0' + d.value % 10);
    }
    while (d.count > 1 && digit[d.count - 1] == '0') {
        d.count--;
    }
    char *at = text;
    const bool scientific = d.exponent < -4 || d.exponent >= d.precision;
    const int before = scientific ? 1 : d.exponent + 1; /* digits before the point */
    if (negative) {
        *at++ = '-';
    }
    if (before <= 0) {
        *at++ = '0';
        *at++ = '.';
        for (int i = before; i < 0; i++) {
            *at++ = '0';
        }
    }
    for (int i = 0; i < d.count; i++) {
        if (i > 0 && i == before) {
            *at++ = '.';
        }
        *at++ = digit[i];
    }
    for (int i = d.count; i < before; i++) {
        *at++ = '0';
    }
    if (scientific) {
        const int e = abs(d.exponent);
        *at++ = 'e';
        *at++ = d.exponent < 0 ? '-' : '+';
        if (e >= 100) {
            *at++ = (char)('0' + e / 100);
        }
        *at++ = (char)('0' + e / 10 % 10);
        *at++ = (char)('0' + e % 10);
    }
    *at = '\0';
    return (size_t)(at - text);
}

/* Integers, of as many digits as always survive: what most columns hold. Gives what %g does. */
static size_t print_integer(double value, char text[TEXT_NUMBER_SIZE])
{
    char reversed[20];
    size_t digits = 0, n = 0;
    uint64_t left = (uint64_t)fabs(value);
    do {
        reversed[digits++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (signbit(value)) {
        text[n++] = '-';
    }
    while (digits > 0) {
        text[n++] = reversed[--digits];
    }
    text[n] = '\0';
    return n;
}

static size_t print(double value, const struct kind *kind, char text[TEXT_NUMBER_SIZE])
{
    value = kind == &kind_float ? (double)(float)value : value;
    if (!isfinite(value)) {
        return copy_word(word_for(value), text);
    }
    if (fabs(value) < (kind == &kind_float ? 1e6 : 1e15) && value == trunc(value)) {
        return print_integer(value, text);
    }
    uint64_t bits;
    if (kind == &kind_float) {
        const float single = (float)value;
        uint32_t half;
        memcpy(&half, &single, sizeof half);
        bits = half & 0x7fffffff;
    } else {
        memcpy(&bits, &value, sizeof bits);
        bits &= UINT64_MAX >> 1;
    }
    const uint64_t hidden = (uint64_t)1 << kind->mantissa;
    const uint64_t fraction = bits & (hidden - 1);
    const int biased = (int)(bits >> kind->mantissa);
    struct digits digits;
    if (fraction != 0 && biased != 0 &&
        find_digits(fraction | hidden, biased - kind->bias - kind->mantissa, kind, &digits)) {
        return print_digits(digits, signbit(value), text);
    }
    return ask_printf(value, kind, text);
}

size_t text_from_double(double value, char text[TEXT_NUMBER_SIZE])
{
    return print(value, &kind_double, text);
}

size_t text_from_float(float value, char text[TEXT_NUMBER_SIZE])
{
    return print((double)value, &kind_float, text);
}

const char *heddle_number_text(double value, bool single, char text[HEDDLE_NUMBER_SIZE])
{
    (void)print(value, single ? &kind_float : &kind_double, text);
    return text;
}

size_t text_fixed(double value, int decimals, char text[TEXT_NUMBER_SIZE])
{
    int length = isfinite(value) ? snprintf(text, TEXT_NUMBER_SIZE, "%.*f", decimals, value) : -1;
    if (length < 0 || length >= TEXT_NUMBER_SIZE) {
        return text_from_double(value, text);
    }
    return plain_point(text);
}
