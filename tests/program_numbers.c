/**
 * program_numbers N SEED: N made-up numbers as text, read by text_to_double() and by the quicker way
 * of tables, cell_number_fast(), against strtod() in the C locale, to the bit; and printed, against
 * printf() asked for one digit more until strtod() reads back the same. See long_numbers.sh.
 *
 * Kinds: printed doubles of any bits with 1 … 17 digits, and the halves between two neighbouring
 * doubles; digits at random with and without point and exponent; those with up to 40 digits.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/cell.h"

static uint64_t state;

/* splitmix64 */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t make(char text[256])
{
    uint64_t r = next();
    switch (r % 4) {
    case 0: {
        double x;
        uint64_t bits = next();
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            x = 1;
        return (size_t)sprintf(text, "%.*g", 1 + (int)(r >> 8) % 17, x);
    }
    case 1: /* numbers as people have them */
        return (size_t)sprintf(text, "%.*f", (int)(r >> 8 & 255) % 12,
                               ((double)(next() >> 11) / 9007199254740992.0 - 0.5) *
                                   pow(10, (double)(r >> 16 & 255) / 20));
    case 2: { /* half way: 2^53 … 2^54 have only even integers, so odd ones are */
        uint64_t odd = ((uint64_t)1 << 53 | next() >> 11) | 1;
        return (size_t)sprintf(text, "%llu%se%d", (unsigned long long)odd, r >> 8 & 1 ? ".0" : "",
                               (int)(r >> 16 & 63) - 32);
    }
    default: {
        size_t n = 0;
        int before = (int)(r >> 8 & 255) % 21, after = (int)(r >> 16 & 255) % 21;
        before += before + after == 0;
        if (r >> 24 & 1)
            text[n++] = '-';
        for (int i = 0; i < before; i++)
            text[n++] = (char)('0' + next() % 10);
        if (after)
            text[n++] = '.';
        for (int i = 0; i < after; i++)
            text[n++] = (char)('0' + next() % 10);
        text[n] = '\0';
        if (r >> 25 & 1)
            n += (size_t)sprintf(text + n, "%c%d", "eE"[r >> 26 & 1],
                                 (int)(next() % 700) / (r >> 27 & 1 ? 1 : 20) -
                                     (r >> 27 & 1 ? 350 : 17));
        return n;
    }
    }
}

static int differs(const char *text, const char *how, double got, double want)
{
    if (memcmp(&got, &want, sizeof got) == 0)
        return 0;
    printf("%s: %s gives %a, strtod %a\n", text, how, got, want);
    return 1;
}

static int prints_else(double value)
{
    char want[TEXT_NUMBER_SIZE], single_want[TEXT_NUMBER_SIZE], got[TEXT_NUMBER_SIZE];
    const float single = (float)value;
    int n = 15, m = 6;
    do
        sprintf(want, "%.*g", n, value);
    while (n++ < 17 && strtod(want, NULL) != value);
    do
        sprintf(single_want, "%.*g", m, single);
    while (m++ < 9 && strtof(single_want, NULL) != single);
    text_from_double(value, got);
    int wrong = strcmp(got, want) != 0 && printf("%a: printed %s, not %s\n", value, got, want) > 0;
    text_from_float(single, got);
    return wrong + (strcmp(got, single_want) != 0 &&
                    printf("%a: printed %s, not %s\n", single, got, single_want) > 0);
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000, wrong = 0, fast = 0;
    state = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    for (unsigned long i = 0; i < count; i++) {
        char text[256];
        size_t n = make(text);
        double want = strtod(text, NULL), got = 0;
        bool read = text_to_double(text, n, &got);
        if (read != isfinite(want))
            wrong += (unsigned long)printf("%s: %s\n", text, read ? "read" : "not read") > 0;
        else if (read)
            wrong += (unsigned long)differs(text, "text_to_double", got, want);
        text[n] = ','; /* as in a table: more follows */
        memset(text + n + 1, '7', 16);
        const char *end = cell_number_fast(text, text + n + 17, &got);
        const char *tight = cell_number_fast(text, text + n, &got);
        text[n] = '\0';
        if (!end != !tight || (end && (end != text + n || tight != end)))
            wrong += (unsigned long)printf("%s: ends elsewhere\n", text) > 0;
        if (end)
            wrong += (unsigned long)differs(text, "cell_number_fast", got, want);
        fast += end != NULL;
        wrong += (unsigned long)prints_else(want);
    }
    printf("%lu numbers, %lu of them the quick way, %lu wrong\n", count, fast, wrong);
    return wrong > 0;
}
