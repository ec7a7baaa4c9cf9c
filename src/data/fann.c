/**
 * fann: the training data of FANN: the numbers of rows, inputs and outputs, then for each row its
 * inputs and its outputs, all separated by any blanks.
 *
 * PROBEN1's files (.dt) are the same with another header: seven lines of names and numbers. Its rows
 * to train on come first, then those to validate, then those to test.
 *
 * Where there are several outputs and each row has a 1 for one of them and the same other number
 * (0 or -1) for the rest, they are a class; the table then holds its number.
 *
 * Source: S. Nissen, "Implementation of a Fast Artificial Neural Network Library (FANN)", 2003;
 * L. Prechelt, "PROBEN1: a set of neural network benchmark problems", 1994.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/readers.h"

enum { MAX_COLUMNS = 1000000, HEADER = 3 };

struct fann {
    const char *path;
    const char *p, *end;
    size_t line;
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct fann *f)
{
    for (; f->p < f->end && is_blank(*f->p); f->p++)
        f->line += *f->p == '\n';
}

static size_t word(const struct fann *f)
{
    const char *q = f->p;
    while (q < f->end && !is_blank(*q))
        q++;
    return (size_t)(q - f->p);
}

/* Words on the line at p, `most` at most; p is then at its end. */
static size_t count_words(struct fann *f, size_t most)
{
    size_t words = 0;
    while (f->p < f->end && *f->p != '\n' && words < most) {
        size_t n = word(f);
        words += n > 0;
        f->p += n > 0 ? n : 1;
    }
    return words;
}

/* The three numbers of the header; false if the first line is something else. */
static bool take_header(struct fann *f, uint64_t header[HEADER])
{
    for (size_t i = 0; i < HEADER; i++) {
        while (f->p < f->end && (*f->p == ' ' || *f->p == '\t'))
            f->p++;
        size_t n = word(f);
        if (!text_to_u64(f->p, n, &header[i]) || (i > 0 && header[i] == 0))
            return false;
        f->p += n;
    }
    while (f->p < f->end && is_blank(*f->p) && *f->p != '\n')
        f->p++;
    return f->p == f->end || *f->p == '\n';
}

/* PROBEN1's header as FANN's: rows, inputs, outputs; p is then behind it. part, if not NULL: of how
 * many rows its parts are. False: it is none. */
static bool take_proben1(struct fann *f, uint64_t header[HEADER], uint64_t part[TABLE_PARTS])
{
    static const struct {
        const char *name;
        int where;
    } lines[] = {{"bool_in=", 1},      {"real_in=", 1},           {"bool_out=", 2},
                 {"real_out=", 2},     {"training_examples=", 0}, {"validation_examples=", 0},
                 {"test_examples=", 0}};
    header[0] = header[1] = header[2] = 0;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        skip_blanks(f);
        size_t n = word(f), name = strlen(lines[i].name);
        uint64_t number;
        if (n <= name || memcmp(f->p, lines[i].name, name) != 0 ||
            !text_to_u64(f->p + name, n - name, &number) ||
            __builtin_add_overflow(header[lines[i].where], number, &header[lines[i].where]))
            return false;
        if (part && lines[i].where == 0)
            *part++ = number;
        f->p += n;
    }
    return header[1] > 0 && header[2] > 0;
}

bool fann_recognise(const struct file_bytes *bytes)
{
    struct fann f = {.p = (const char *)bytes->data};
    f.end = f.p + bytes->size;
    uint64_t header[HEADER];
    struct fann other = f;
    if (take_proben1(&other, header, NULL))
        return true;
    if (!take_header(&f, header))
        return false;
    skip_blanks(&f);
    if (f.p == f.end)
        return false;
    struct fann second = f;
    size_t words = count_words(&second, SIZE_MAX);
    double value;
    if (words != HEADER) /* no table has lines of three numbers and of another many */
        return text_to_double(f.p, word(&f), &value);
    /* Three a line may be a table too: all the numbers must be there. */
    uint64_t wanted;
    if (__builtin_add_overflow(header[1], header[2], &wanted) ||
        __builtin_mul_overflow(wanted, header[0], &wanted) || wanted > bytes->size)
        return false;
    words = 0;
    for (;; words++) {
        skip_blanks(&f);
        size_t n = word(&f);
        if (n == 0 || words > wanted)
            break;
        f.p += n;
    }
    return words == wanted;
}

/* The header that the file has; *name: whose; part: all 0 if it is FANN's. p is then behind it. */
static void take_any_header(struct fann *f, uint64_t header[HEADER], uint64_t part[TABLE_PARTS],
                            const char **name)
{
    struct fann other = *f;
    const bool proben1 = take_proben1(&other, header, part);
    *name = proben1 ? "PROBEN1" : "FANN";
    if (proben1) {
        *f = other;
    } else {
        memset(part, 0, TABLE_PARTS * sizeof *part);
        take_header(f, header);
    }
}

/* How many numbers a header promises; false: more than can be. */
static bool count_cells(const uint64_t header[HEADER], uint64_t *columns, uint64_t *cells)
{
    return !__builtin_add_overflow(header[1], header[2], columns) &&
           !__builtin_mul_overflow(*columns, header[0], cells);
}

/* Rows there must be, and no more columns than are possible. */
static heddle_status check_header(const char *path, const char *name, uint64_t rows,
                                  uint64_t columns, heddle_error *err)
{
    if (rows == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' is a %s file of no rows", path, name);
    if (columns > MAX_COLUMNS)
        return status_set(err, HEDDLE_E_DATA, "'%s' has %llu columns; %d are possible", path,
                          (unsigned long long)columns, MAX_COLUMNS);
    return HEDDLE_OK;
}

/* A number takes two bytes, the last perhaps one. */
heddle_status fann_claim(const char *path, const struct file_bytes *head, struct file_claim *claim,
                         heddle_error *err)
{
    struct fann f = {.p = (const char *)head->data};
    f.end = f.p + head->size;
    uint64_t header[HEADER], part[TABLE_PARTS], columns, cells;
    const char *name;
    take_any_header(&f, header, part, &name);
    if (!count_cells(header, &columns, &cells) || cells >= SIZE_MAX / 2) {
        claim->least = SIZE_MAX;
        return HEDDLE_OK;
    }
    claim->least = 2 * cells - (cells > 0);
    return check_header(path, name, header[0], columns, err);
}

/* The next number. */
static heddle_status take_number(struct fann *f, double *value, heddle_error *err)
{
    skip_blanks(f);
    const char *q = cell_number_fast(f->p, f->end, value);
    if (q && (q == f->end || is_blank(*q))) {
        f->p = q;
        return HEDDLE_OK;
    }
    size_t n = word(f);
    char shown[CELL_SHOWN];
    if (n == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: the file ends here, too early",
                          f->path, f->line);
    if (!text_to_double(f->p, n, value))
        return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: '%s' is not a number", f->path,
                          f->line, cell_show(f->p, n, shown));
    f->p += n;
    return HEDDLE_OK;
}

/* Which output is the 1 of row i; `outputs` if they are not one 1 and else the same 0 or -1. */
static size_t class_of(const heddle_table *table, size_t inputs, size_t outputs, double low,
                       size_t i)
{
    size_t found = outputs, ones = 0;
    for (size_t o = 0; o < outputs; o++) {
        double x = table->column[inputs + o].number[i];
        if (x == 1) {
            found = o;
            ones++;
        } else if (x != low) {
            return outputs;
        }
    }
    return ones == 1 ? found : outputs;
}

/* Outputs that are classes become one column. */
static void find_classes(heddle_table *table, size_t inputs, size_t outputs)
{
    if (outputs < 2)
        return;
    double first = table->column[inputs].number[0], second = table->column[inputs + 1].number[0];
    double low = first < second ? first : second;
    if (first == 1 && second == 1)
        return;
    if (outputs > 2 && low == 1)
        return;
    if (low != 0 && low != -1)
        return;
    for (size_t i = 0; i < table->rows; i++)
        if (class_of(table, inputs, outputs, low, i) == outputs)
            return;
    double *number = table->column[inputs].number;
    for (size_t i = 0; i < table->rows; i++)
        number[i] = (double)class_of(table, inputs, outputs, low, i);
    for (size_t o = 1; o < outputs; o++) {
        memory_free(table->column[inputs + o].number);
        table->column[inputs + o].number = NULL;
    }
    table->columns = inputs + 1;
    table->targets = 1;
    table->whole_labels = table->labelled = true;
}

static bool name_columns(heddle_table *table, size_t inputs, size_t outputs)
{
    char(*made_up)[32] = memory_new(table->columns, sizeof *made_up);
    const char **names = memory_new(table->columns, sizeof *names);
    bool classes = table->columns == inputs + 1 && outputs > 1, fits = made_up && names;
    for (size_t c = 0; fits && c < table->columns; c++) {
        if (c < inputs)
            snprintf(made_up[c], sizeof *made_up, "x%zu", c);
        else if (classes || outputs == 1)
            snprintf(made_up[c], sizeof *made_up, classes ? "class" : "y");
        else
            snprintf(made_up[c], sizeof *made_up, "y%zu", c - inputs);
        names[c] = made_up[c];
    }
    fits = fits && table_set_names(table, names);
    memory_free(made_up);
    memory_free(names);
    return fits;
}

heddle_status fann_read(const char *path, struct file_bytes *bytes,
                        const struct table_reading *reading, heddle_table **table,
                        heddle_error *err)
{
    struct fann f = {.path = path, .p = (const char *)bytes->data, .line = 1};
    f.end = f.p + bytes->size;
    uint64_t header[HEADER], part[TABLE_PARTS];
    const char *name;
    take_any_header(&f, header, part, &name);
    uint64_t rows = header[0], inputs = header[1], outputs = header[2], columns = 0, cells = 0;
    if (rows > 0 && (!count_cells(header, &columns, &cells) || cells > bytes->size / 2 + 1))
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is cut short: its %s header promises %llu rows of %llu inputs "
                          "and %llu outputs, %zu bytes are there",
                          path, name, (unsigned long long)rows, (unsigned long long)inputs,
                          (unsigned long long)outputs, bytes->size);
    heddle_status status = check_header(path, name, rows, columns, err);
    if (status == HEDDLE_OK)
        status = reader_check_size(path, reading, (size_t)(cells + rows) * sizeof(double), err);
    if (status != HEDDLE_OK)
        return status;
    heddle_table *t = table_create(path, (size_t)columns);
    if (!t || !(t->line = memory_new((size_t)rows, sizeof *t->line)))
        goto no_memory;
    for (size_t c = 0; c < columns; c++)
        if (!(t->column[c].number = memory_new((size_t)rows, sizeof(double))))
            goto no_memory;
    t->targets = (size_t)outputs;
    for (; t->rows < rows && status == HEDDLE_OK; t->rows++) {
        skip_blanks(&f);
        t->line[t->rows] = f.line;
        for (size_t c = 0; c < columns && status == HEDDLE_OK; c++)
            status = take_number(&f, &t->column[c].number[t->rows], err);
    }
    skip_blanks(&f);
    if (status == HEDDLE_OK && f.p < f.end)
        status = status_set(err, HEDDLE_E_DATA,
                            "'%s' line %zu: there is more than the %llu rows of its %s header",
                            path, f.line, (unsigned long long)rows, name);
    if (status != HEDDLE_OK) {
        heddle_table_free(t);
        return status;
    }
    for (size_t k = 0; k < TABLE_PARTS && part[TABLE_TRAIN]; k++)
        t->part[k] = (size_t)part[k];
    find_classes(t, (size_t)inputs, (size_t)outputs);
    char split[96] = "";
    if (t->part[TABLE_TRAIN])
        snprintf(split, sizeof split, ", %zu rows to train on, %zu to validate, %zu to test",
                 t->part[TABLE_TRAIN], t->part[TABLE_VALIDATE], t->part[TABLE_TEST]);
    if (!name_columns(t, (size_t)inputs, (size_t)outputs) ||
        !table_set_format(t, "%s data of %llu inputs and %llu output%s%s%s%s%s", name,
                          (unsigned long long)inputs, (unsigned long long)outputs,
                          outputs == 1 ? "" : "s", t->columns < columns ? ", one class each" : "",
                          split, *bytes->packing ? ", " : "", bytes->packing))
        goto no_memory;
    *table = t;
    return HEDDLE_OK;
no_memory:
    heddle_table_free(t);
    return status_memory(err, "a table", (size_t)(cells + rows) * sizeof(double));
}
