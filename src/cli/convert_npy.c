/** convert_npy: a NumPy array, which is trained on from where it is, neither parsed nor copied. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "output.h"

enum { BLOCK_ROWS = 256 };

enum type { U1, I4, F4, F8 };
static const char *const type_names[] = {"u1", "i4", "f4", "f8"};
static const char *const formats[] = {"NPY u1", "NPY i4", "NPY f4", "NPY f8"};

/** Does a number keep its value as that type? */
static bool keeps(double x, enum type type)
{
    switch (type) {
    case U1:
        return x >= 0 && x <= 255 && x == trunc(x) && !(x == 0 && signbit(x));
    case I4:
        return x >= INT32_MIN && x <= INT32_MAX && x == trunc(x) && !(x == 0 && signbit(x));
    case F4:
        return isnan(x) || (double)(float)x == x;
    case F8:
        break;
    }
    return true;
}

struct looking {
    const char *output;
    bool keep[F8 + 1];
};

/** Which types keep all values, and how many rows there are; complains
    of a column that has no numbers or a flaw. */
static int look(struct selection *s, void *context)
{
    struct looking *looking = context;
    bool *keep = looking->keep;
    const char *output = looking->output;
    double number[BLOCK_ROWS];
    size_t rows = heddle_table_rows(s->table);
    s->rows += rows;
    for (size_t i = 0; i < s->columns; i++) {
        heddle_column column;
        if (convert_column(s, i, &column) != 0) {
            return EXIT_DATA;
        }
        if (column.text) {
            complain("column '%s' is text, which '%s' cannot hold; leave it out with --drop, or "
                     "write .csv%s",
                     column.name, output, s->single ? "" : " (a target: --labels-out FILE.csv)");
            return EXIT_DATA;
        }
    }
    for (size_t first = 0; first < rows; first += BLOCK_ROWS) {
        size_t n = rows - first < BLOCK_ROWS ? rows - first : BLOCK_ROWS;
        for (size_t i = 0; i < s->columns; i++) {
            heddle_table_numbers(s->table, s->column[i], first, n, number);
            for (size_t k = 0; k < n; k++) {
                for (enum type type = U1; type < F8; type++) {
                    keep[type] = keep[type] && keeps(number[k], type);
                }
            }
        }
    }
    return 0;
}

/** A number as the little-endian bytes of that type; returns how many. */
static size_t put(double x, enum type type, unsigned char *out)
{
    static const size_t sizes[] = {1, 4, 4, 8};
    uint64_t bits = 0;
    if (type == U1) {
        bits = (uint64_t)x;
    } else if (type == I4) {
        bits = (uint32_t)(int32_t)x;
    } else if (type == F4) {
        float single = (float)x;
        uint32_t half;
        memcpy(&half, &single, sizeof half);
        bits = half;
    } else {
        memcpy(&bits, &x, sizeof bits);
    }
    for (size_t i = 0; i < sizes[type]; i++) {
        out[i] = (unsigned char)(bits >> (8 * i));
    }
    return sizes[type];
}

static void put_header(FILE *stream, const struct selection *s, enum type type)
{
    enum { START = 10, ALIGNED = 64 };
    char text[256];
    size_t rows = s->rows;
    int n = snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (%zu,",
                     type == U1 ? '|' : '<', type_names[type], rows);
    n += s->single ? snprintf(text + n, sizeof text - (size_t)n, "), }")
                   : snprintf(text + n, sizeof text - (size_t)n, " %zu), }", s->columns);
    size_t size = (START + (size_t)n + 1 + ALIGNED - 1) / ALIGNED * ALIGNED - START;
    fwrite("\x93NUMPY\1\0", 1, 8, stream);
    putc((int)(size & 255), stream);
    putc((int)(size >> 8), stream);
    fprintf(stream, "%-*s\n", (int)size - 1, text);
}

struct putting {
    FILE *stream;
    enum type type;
};

/** Rows by blocks: a column's numbers stand together, a row's in the file. */
static int put_rows(struct selection *s, void *context)
{
    const struct putting *putting = context;
    FILE *stream = putting->stream;
    enum type type = putting->type;
    size_t rows = heddle_table_rows(s->table);
    unsigned char unused[8];
    size_t size = put(0, type, unused);
    double number[BLOCK_ROWS];
    unsigned char *block = need(BLOCK_ROWS * size, s->columns);
    for (size_t first = 0; first < rows && !ferror(stream); first += BLOCK_ROWS) {
        size_t n = rows - first < BLOCK_ROWS ? rows - first : BLOCK_ROWS;
        for (size_t i = 0; i < s->columns; i++) {
            heddle_table_numbers(s->table, s->column[i], first, n, number);
            for (size_t k = 0; k < n; k++) {
                put(number[k], type, block + (k * s->columns + i) * size);
            }
        }
        fwrite(block, size * s->columns, n, stream);
    }
    free(block);
    return 0;
}

int convert_to_npy(struct selection *s, const char *path, const char *wanted)
{
    struct looking looking = {path, {true, true, true, true}};
    const bool *keep = looking.keep;
    s->rows = 0;
    int status = convert_each_part(s, look, &looking);
    if (status != 0) {
        return status;
    }
    enum type type = keep[U1] ? U1 : s->single && keep[I4] ? I4 : keep[F4] ? F4 : F8;
    for (enum type t = U1; t <= F8; t++) {
        type = strcmp(wanted, type_names[t]) == 0 ? t : type;
    }
    if (!keep[type] && type < F4) {
        complain("--type %s: not all numbers are whole, there, and in its range", wanted);
        return EXIT_DATA;
    }
    struct output_file file;
    status = output_begin(&file, path);
    if (status == 0) {
        put_header(file.stream, s, type);
        struct putting putting = {file.stream, type};
        status = convert_each_part(s, put_rows, &putting);
        if (status == 0) {
            status = output_end(&file);
        } else {
            output_drop(&file);
        }
    }
    s->format = formats[type];
    return status;
}
