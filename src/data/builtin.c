/** builtin: data sets that are always there. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/builtin_digits.h"
#include "data/readers.h"

static heddle_table *make(const char *path, size_t rows, size_t columns, const char *const *names)
{
    heddle_table *table = table_create(path, columns);
    bool fits = table && table_set_names(table, names);
    for (size_t c = 0; fits && c < columns; c++)
        fits = (table->column[c].number = memory_new(rows, sizeof(double))) != NULL;
    if (!fits) {
        heddle_table_free(table);
        return NULL;
    }
    table->rows = rows;
    table->named = true;
    table->targets = 1;
    return table;
}

/* Exclusive or, in the order of the tutorial. */
static heddle_table *make_xor(const char *path)
{
    static const double rows[4][3] = {{0, 0, 0}, {1, 1, 0}, {0, 1, 1}, {1, 0, 1}};
    static const char *const names[] = {"a", "b", "y"};
    heddle_table *table = make(path, 4, 3, names);
    for (size_t i = 0; table && i < 4; i++)
        for (size_t c = 0; c < 3; c++)
            table->column[c].number[i] = rows[i][c];
    return table;
}

/* sin(k π / 16) for k = 0 … 8, rounded to double. */
static const double sine[9] = {0.0,
                               0.19509032201612826785,
                               0.38268343236508977173,
                               0.55557023301960222474,
                               0.70710678118654752440,
                               0.83146961230254523708,
                               0.92387953251128675613,
                               0.98078528040323044913,
                               1.0};

/* sin(k π / 16) by the symmetries of the circle. */
static double sine_of(size_t k)
{
    k %= 32;
    double sign = k < 16 ? 1.0 : -1.0;
    k %= 16;
    return sign * sine[k <= 8 ? k : 16 - k];
}

/*
 * Two spirals of 97 points each, three turns, one the other turned by half a turn: point i is at
 * the angle i π / 16 and the radius 6.5 (104 - i) / 104. From a table of sines, so that the points
 * are the same bits on every machine.
 *
 * Source: K. Lang, M. Witbrock, "Learning to tell two spirals apart", Proceedings of the 1988
 * Connectionist Models Summer School, 52-59.
 */
static heddle_table *make_spirals(const char *path)
{
    static const char *const names[] = {"x", "y", "spiral"};
    heddle_table *table = make(path, 2 * 97, 3, names);
    for (size_t i = 0; table && i < 97; i++) {
        double radius = 6.5 * (double)(104 - i) / 104.0;
        double x = radius * sine_of(i), y = radius * sine_of(i + 8);
        for (size_t s = 0; s < 2; s++) {
            table->column[0].number[2 * i + s] = s ? -x : x;
            table->column[1].number[2 * i + s] = s ? -y : y;
            table->column[2].number[2 * i + s] = s ? 0.0 : 1.0;
        }
    }
    return table;
}

static unsigned letter_value(char letter)
{
    unsigned c = (unsigned char)letter;
    return c - 35 - (c > '?') - (c > '\\');
}

static heddle_table *make_digits(const char *path)
{
    char made_up[DIGITS_PIXELS][8];
    const char *names[DIGITS_PIXELS + 1];
    for (size_t c = 0; c < DIGITS_PIXELS; c++) {
        snprintf(made_up[c], sizeof made_up[c], "p%zu", c);
        names[c] = made_up[c];
    }
    names[DIGITS_PIXELS] = "digit";
    heddle_table *table = make(path, DIGITS_ROWS, DIGITS_PIXELS + 1, names);
    for (size_t i = 0; table && i < DIGITS_ROWS; i++) {
        const char *row = builtin_digits[i];
        for (size_t c = 0; c <= DIGITS_PIXELS; c++) {
            const char *pair = row + c / 3 * 2;
            unsigned n = letter_value(pair[0]) * 71 + letter_value(pair[1]);
            unsigned value = c % 3 == 0 ? n / (17 * 17) : c % 3 == 1 ? n / 17 % 17 : n % 17;
            table->column[c].number[i] = value;
        }
    }
    return table;
}

static const struct builtin {
    const char *name;
    const char *format;
    heddle_table *(*make)(const char *path);
} builtins[] = {
    {"xor", "builtin: exclusive or", make_xor},
    {"spirals", "builtin: two spirals (Lang & Witbrock 1988)", make_spirals},
    {"digits", "builtin: handwritten digits of 8x8 (Alpaydin & Kaynak 1998)", make_digits},
};

enum { BUILTINS = sizeof builtins / sizeof *builtins };

const char *heddle_builtin_name(size_t i)
{
    return i < BUILTINS ? builtins[i].name : NULL;
}

heddle_status builtin_read(const char *path, heddle_table **table, heddle_error *err)
{
    const char *colon = strchr(path, ':');
    const char *name = colon ? colon + 1 : path;
    for (size_t i = 0; i < BUILTINS; i++) {
        if (strcmp(name, builtins[i].name) != 0)
            continue;
        heddle_table *t = builtins[i].make(path);
        if (!t || !table_set_format(t, "%s", builtins[i].format)) {
            heddle_table_free(t);
            return status_memory(err, "a builtin data set", 0);
        }
        *table = t;
        return HEDDLE_OK;
    }
    return status_set(err, HEDDLE_E_ARGUMENT,
                      "no builtin data set '%s'; there are builtin:xor, builtin:spirals and "
                      "builtin:digits",
                      name);
}
