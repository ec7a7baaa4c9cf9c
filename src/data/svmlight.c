/**
 * svmlight: the sparse text of SVMlight and LibSVM, made dense:
 *
 *     # comment
 *     +1 qid:3 1:0.5 7:2 # comment
 *
 * A line is an example: its target, perhaps the query it belongs to (of no use here), and pairs of
 * index and value; what is not named is 0. Columns are named by their index, so that files of one
 * kind agree whether they begin at 0 or 1 and whichever index happens to be their last. Two passes:
 * one to check and to count, one to fill.
 *
 * Source: T. Joachims, svmlight.joachims.org, "How to use"; C.-C. Chang, C.-J. Lin, LIBSVM, README.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/readers.h"

enum {
    MAX_COLUMNS = 1 << 20,
    /* An index is a claim: a file of n bytes, packed ones counted, may name columns up to
     * 16384 + 64 n. */
    FREE_COLUMNS = 16384,
    COLUMNS_PER_BYTE = 64,
    LOOKED_AT = 50 /* lines, for a pair of index and value */
};

struct svm {
    const char *path;
    const char *p, *end;
    size_t line;
};

/* ---------------------------------------------------------------- words ---------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool ends_line(const struct svm *s)
{
    return s->p == s->end || *s->p == '\n' || *s->p == '\r' || *s->p == '#';
}

static void skip_blanks(struct svm *s)
{
    while (s->p < s->end && is_blank(*s->p))
        s->p++;
}

/* To the next example: over blank and comment lines. False: there is none. */
static bool next_line(struct svm *s)
{
    for (;;) {
        skip_blanks(s);
        if (s->p == s->end)
            return false;
        if (!ends_line(s))
            return true;
        while (s->p < s->end && *s->p != '\n' && *s->p != '\r')
            s->p++;
        if (s->p == s->end)
            return false;
        s->p += *s->p == '\r' && s->p + 1 < s->end && s->p[1] == '\n' ? 2 : 1;
        s->line++;
    }
}

/* The word at p, up to a blank, the line's end, or `stop`. */
static size_t word(const struct svm *s, char stop)
{
    const char *q = s->p;
    while (q < s->end && !is_blank(*q) && *q != '\n' && *q != '\r' && *q != '#' && *q != stop)
        q++;
    return (size_t)(q - s->p);
}

/* The number at p; false if there is none that ends there. */
static bool take_number(struct svm *s, double *value)
{
    const char *q = cell_number_fast(s->p, s->end, value);
    if (!q || !(q == s->end || is_blank(*q) || *q == '\n' || *q == '\r' || *q == '#')) {
        size_t n = word(s, '\0');
        if (!text_to_double(s->p, n, value))
            return false;
        q = s->p + n;
    }
    s->p = q;
    return true;
}

/* "17:" at p. False: it is something else. */
static bool take_index(struct svm *s, uint64_t *index)
{
    const char *q = s->p;
    uint64_t value = 0;
    for (; q < s->end && *q >= '0' && *q <= '9'; q++)
        value = value < UINT64_MAX / 16 ? value * 10 + (uint64_t)(*q - '0') : value;
    if (q == s->p || q == s->end || *q != ':')
        return false;
    s->p = q + 1;
    *index = value;
    return true;
}

static bool take_qid(struct svm *s)
{
    if (s->end - s->p < 4 || memcmp(s->p, "qid:", 4) != 0)
        return false;
    s->p += word(s, '\0');
    return true;
}

/* ---------------------------------------------------------------- is it one? ----------------- */

/* What a line is that begins with a word. */
enum named { NOT_NAMED, PERHAPS_NAMED, NAMED };

/* A class by its name in front of pairs, which pass() will complain of? One pair of whole numbers
 * may be a time, "Mon 12:30"; a fraction or a second, larger index makes it sure. */
static enum named named_line(struct svm *s)
{
    enum named named = NOT_NAMED;
    uint64_t index, last = 0;
    s->p += word(s, ':');
    if (s->p == s->end || !is_blank(*s->p))
        return NOT_NAMED;
    skip_blanks(s);
    if (take_qid(s))
        skip_blanks(s);
    for (; !ends_line(s); skip_blanks(s)) {
        double value;
        if (!take_index(s, &index) || !take_number(s, &value) ||
            (named != NOT_NAMED && index <= last))
            return NOT_NAMED;
        bool fraction = value > -1e15 && value < 1e15 && value != (double)(int64_t)value;
        named = named != NOT_NAMED || fraction ? NAMED : PERHAPS_NAMED;
        last = index;
    }
    return named;
}

/* At p, an index that is none, such as -1 or 1.5, before a number? p is then at the line's end. */
static bool take_near_pair(struct svm *s)
{
    double value;
    const size_t n = word(s, ':');
    if (n == word(s, '\0') || !text_to_double(s->p, n, &value))
        return false;
    s->p += n + 1;
    if (!take_number(s, &value))
        return false;
    while (s->p < s->end && *s->p != '\n' && *s->p != '\r')
        s->p++;
    return true;
}

bool svmlight_recognise(const struct file_bytes *bytes)
{
    struct svm s = {.p = (const char *)bytes->data};
    s.end = s.p + bytes->size;
    if (bytes->size >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
        s.p += 3;
    for (size_t looked = 0; looked < LOOKED_AT && next_line(&s); looked++) {
        double value;
        uint64_t index;
        bool label = take_number(&s, &value);
        if (!label) { /* several, "2,5", as multilabel files have */
            const size_t n = word(&s, ':');
            size_t numbers = 0;
            while (numbers < n &&
                   (s.p[numbers] == ',' || (s.p[numbers] >= '0' && s.p[numbers] <= '9')))
                numbers++;
            if (n == 0)
                return false;
            if (numbers < n) {
                const enum named named = named_line(&s);
                if (named == PERHAPS_NAMED)
                    continue;
                return named == NAMED;
            }
            s.p += n;
        }
        skip_blanks(&s);
        if (take_qid(&s))
            skip_blanks(&s);
        if (ends_line(&s))
            continue; /* all is 0: the next line may tell */
        if (!take_index(&s, &index)) {
            if (take_near_pair(&s))
                continue; /* pass() will complain of it, if the next line is of this kind */
            return false;
        }
        /* a time, "1 12:30:00", has a second colon */
        return take_number(&s, &value) || !memchr(s.p, ':', word(&s, '\0'));
    }
    return false;
}

/* ---------------------------------------------------------------- reading -------------------- */

static heddle_status refuse(const struct svm *s, const char *what, heddle_error *err)
{
    char shown[CELL_SHOWN];
    return status_set(err, HEDDLE_E_DATA, "'%s' line %zu: '%s' %s", s->path, s->line,
                      cell_show(s->p, word(s, '\0'), shown), what);
}

/* What the first pass finds. */
struct extent {
    size_t rows;
    size_t first, last; /* index of the columns */
    size_t pairs;
};

/* Where the second pass puts it. */
struct filling {
    double *target, *cell;
    size_t first, columns;
    size_t *line;
    size_t *seen; /* (columns) row in which the column was last named, from 1 */
};

/* All examples: look, and fill if `to`. */
static heddle_status pass(struct svm s, size_t most, struct extent *extent, struct filling *to,
                          heddle_error *err)
{
    for (; next_line(&s); extent->rows++) {
        double value;
        size_t line = s.line;
        const struct svm start = s;
        if (!take_number(&s, &value)) {
            if (memchr(s.p, ',', word(&s, '\0')))
                return refuse(
                    &s,
                    "are several targets, and one is possible; write a table with a column of 0 "
                    "and 1 for each, and name them in --target",
                    err);
            return refuse(&s,
                          "is not a number, as a target must be in SVMlight: give classes numbers, "
                          "such as 0 and 1",
                          err);
        }
        if (!ends_line(&s) && !is_blank(*s.p))
            return refuse(&start, "is not a number, as a target must be", err);
        if (to) {
            to->target[extent->rows] = value;
            to->line[extent->rows] = line;
        }
        skip_blanks(&s);
        if (take_qid(&s))
            skip_blanks(&s);
        for (; !ends_line(&s); skip_blanks(&s)) {
            uint64_t index;
            const struct svm pair = s;
            if (!take_index(&s, &index))
                return refuse(&pair, "is no pair INDEX:VALUE", err);
            if (index > most)
                return refuse(&pair,
                              index > MAX_COLUMNS
                                  ? "names a column beyond the 1048576 that are possible"
                                  : "names a column far beyond what so small a file can fill",
                              err);
            if (!take_number(&s, &value))
                return refuse(&pair, "is no pair INDEX:VALUE of a finite number", err);
            if (to) {
                size_t c = (size_t)index - to->first;
                if (to->seen[c] == extent->rows + 1)
                    return refuse(&pair, "names a column for the second time", err);
                to->seen[c] = extent->rows + 1;
                to->cell[extent->rows * to->columns + c] = value;
            }
            extent->first = index < extent->first ? (size_t)index : extent->first;
            extent->last = index > extent->last ? (size_t)index : extent->last;
            extent->pairs++;
        }
    }
    return HEDDLE_OK;
}

/* Columns `first`, `first` + 1, … and the target. */
static bool name_columns(heddle_table *table, size_t first)
{
    struct string letters = {0};
    const char **names = memory_new(table->columns, sizeof *names);
    size_t *start = memory_new(table->columns, sizeof *start);
    bool fits = names && start;
    for (size_t c = 0; fits && c + 1 < table->columns; c++) {
        start[c] = letters.length;
        string_print(&letters, "%zu", first + c);
        string_add_n(&letters, "", 1);
    }
    fits = fits && !letters.failed;
    for (size_t c = 0; fits && c + 1 < table->columns; c++)
        names[c] = letters.data + start[c];
    if (fits) {
        names[table->columns - 1] = "target";
        fits = table_set_names(table, names);
    }
    memory_free(names);
    memory_free(start);
    memory_free(letters.data);
    return fits;
}

heddle_status svmlight_read(const char *path, struct file_bytes *bytes,
                            const struct table_reading *reading, heddle_table **table,
                            heddle_error *err)
{
    struct svm s = {.path = path, .p = (const char *)bytes->data, .line = 1};
    s.end = s.p + bytes->size;
    if (bytes->size >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
        s.p += 3;
    const size_t stored = bytes->stored ? bytes->stored : bytes->size;
    size_t most = stored > MAX_COLUMNS ? MAX_COLUMNS : FREE_COLUMNS + COLUMNS_PER_BYTE * stored;
    most = most > MAX_COLUMNS ? MAX_COLUMNS : most;
    struct extent extent = {.first = SIZE_MAX};
    heddle_status status = pass(s, most, &extent, NULL, err);
    if (status != HEDDLE_OK)
        return status;
    if (extent.rows == 0 || extent.pairs == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' holds no values", path);
    extent.first = extent.first > 0 ? 1 : 0;
    struct filling to = {.first = extent.first, .columns = extent.last - extent.first + 1};
    size_t cells, size = SIZE_MAX;
    heddle_table *t = NULL;
    if (size_multiply(extent.rows, to.columns, &cells) &&
        size_add(cells, 2 * extent.rows, &cells) && !size_multiply(cells, sizeof(double), &size))
        size = SIZE_MAX;
    status = reader_check_size(path, reading, size, err);
    if (status != HEDDLE_OK)
        return status;
    to.seen = memory_new(to.columns, sizeof *to.seen);
    t = table_create(path, to.columns + 1);
    if (!to.seen || !t)
        goto no_memory;
    to.cell = t->owned = memory_new(extent.rows * to.columns, sizeof *to.cell);
    to.target = t->column[to.columns].number = memory_new(extent.rows, sizeof *to.target);
    to.line = t->line = memory_new(extent.rows, sizeof *to.line);
    if (!to.cell || !to.target || !to.line || !name_columns(t, to.first) ||
        !table_set_format(t, "SVMlight, indices from %zu, %.1f %% of the cells named%s%s", to.first,
                          100.0 * (double)extent.pairs / ((double)extent.rows * (double)to.columns),
                          *bytes->packing ? ", " : "", bytes->packing))
        goto no_memory;
    t->rows = extent.rows;
    t->named = t->sparse = true;
    t->targets = 1;
    t->block = (struct element_array){.data = t->owned,
                                      .type = ELEMENT_F64,
                                      .row = to.columns * sizeof(double),
                                      .column = sizeof(double)};
    for (size_t c = 0; c < to.columns; c++)
        t->column[c].byte = c;
    status = pass(s, most, &(struct extent){.first = SIZE_MAX}, &to, err);
    memory_free(to.seen);
    if (status != HEDDLE_OK) {
        heddle_table_free(t);
        return status;
    }
    *table = t;
    return HEDDLE_OK;
no_memory:
    memory_free(to.seen);
    heddle_table_free(t);
    return status_memory(err, "a table", size);
}
