/** table: lifetime, lookup and statistics of data as read. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/distinct.h"
#include "data/table.h"

/* More different numbers than this are not counted (heddle.h says so). */
enum { COUNTED_NUMBERS = 1000 };

double table_number(const heddle_table *table, size_t c, size_t i)
{
    double number;
    const double *from = table->column[c].number ? table->column[c].number : table->column[c].kept;
    if (from)
        return from[i];
    element_read(&table->block, table->column[c].byte, NULL, i, 1, &number);
    return number;
}

void table_numbers(const heddle_table *table, size_t c, const uint32_t *row, size_t first, size_t n,
                   double *number)
{
    const double *from = table->column[c].number ? table->column[c].number : table->column[c].kept;
    if (!from)
        element_read(&table->block, table->column[c].byte, row, first, n, number);
    else if (row)
        for (size_t i = 0; i < n; i++)
            number[i] = from[row[i]];
    else if (n)
        memcpy(number, from + first, n * sizeof *number);
}

void table_keep(const heddle_table *table, size_t c)
{
    struct table_column *column = &table->column[c];
    if (column->text || column->number || column->kept)
        return;
    double *kept = memory_new(table->rows, sizeof *kept);
    if (kept)
        table_numbers(table, c, NULL, 0, table->rows, kept);
    column->kept = kept;
}

void table_forget(const heddle_table *table, size_t first, size_t last)
{
    const struct element_array *block = &table->block;
    if (table->source.mapped && block->row > block->column && first <= last)
        file_forget(&table->source, block->data + first * block->row,
                    block->data + (last + 1) * block->row);
}

size_t table_find(const heddle_table *table, const char *name)
{
    for (size_t c = 0; c < table->columns; c++)
        if (strcmp(table->column[c].name, name) == 0)
            return c;
    return table->columns;
}

const char *table_where(const heddle_table *table, size_t i, char where[TABLE_WHERE_SIZE])
{
    if (table->line)
        snprintf(where, TABLE_WHERE_SIZE, "line %zu", table->line[i]);
    else
        snprintf(where, TABLE_WHERE_SIZE, "row %zu", i + 1);
    return where;
}

heddle_status table_not_finite(const heddle_table *table, size_t c, size_t i, heddle_error *err)
{
    char where[TABLE_WHERE_SIZE];
    return status_set(err, HEDDLE_E_DATA, "'%s' %s: '%s' is not a finite number", table->path,
                      table_where(table, i, where), table->column[c].name);
}

/* ---------------------------------------------------------------- making one ----------------- */

heddle_table *table_create(const char *path, size_t columns)
{
    heddle_table *table = memory_new(1, sizeof *table);
    if (!table)
        return NULL;
    table->path = memory_string(path);
    table->column = memory_new(columns, sizeof *table->column);
    if (!table->path || !table->column) {
        heddle_table_free(table);
        return NULL;
    }
    table->columns = columns;
    return table;
}

/* Add `name` to the names so far, with the first free "_2", "_3", … behind it if it is taken;
 * tried[code] says from which number on to look. */
static bool add_name(struct distinct_words *names, const char *name, uint32_t *tried)
{
    size_t before = names->count;
    uint32_t first, code;
    if (!distinct_words_add(names, name, strlen(name), &first))
        return false;
    if (names->count > before)
        return true;
    struct string longer = {0};
    bool fits = true;
    while (fits && names->count == before) {
        tried[first]++;
        longer.length = 0;
        string_print(&longer, "%s_%" PRIu32, name, tried[first] + 1);
        fits = !longer.failed && distinct_words_add(names, longer.data, longer.length, &code);
    }
    memory_free(longer.data);
    return fits;
}

bool table_set_names(heddle_table *table, const char *const *names)
{
    struct distinct_words set = {0};
    uint32_t *tried = memory_new(table->columns, sizeof *tried);
    bool fits = tried != NULL;
    for (size_t c = 0; fits && c < table->columns; c++) {
        char made_up[32];
        snprintf(made_up, sizeof made_up, "column_%zu", c + 1);
        fits = add_name(&set, names[c] && *names[c] ? names[c] : made_up, tried);
    }
    char **word = NULL, *letters = NULL;
    if (fits && distinct_words_take(&set, &word, &letters)) {
        for (size_t c = 0; c < table->columns; c++)
            table->column[c].name = word[c];
        memory_free(table->names);
        table->names = letters;
    } else {
        fits = false;
    }
    memory_free(word);
    memory_free(tried);
    distinct_words_done(&set);
    return fits;
}

bool table_number_names(heddle_table *table, const char *prefix)
{
    struct string letters = {0};
    size_t *start = memory_new(table->columns, sizeof *start);
    for (size_t c = 0; start && c < table->columns; c++) {
        start[c] = letters.length;
        string_print(&letters, "%s%zu", prefix, c);
        string_add_n(&letters, "", 1); /* the final 0 */
    }
    bool fits = start && !letters.failed;
    for (size_t c = 0; fits && c < table->columns; c++)
        table->column[c].name = letters.data + start[c];
    memory_free(start);
    if (!fits) {
        memory_free(letters.data);
        return false;
    }
    memory_free(table->names);
    table->names = letters.data;
    return true;
}

bool table_set_format(heddle_table *table, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *copy = memory_string(text);
    if (!copy)
        return false;
    memory_free(table->format);
    table->format = copy;
    return true;
}

bool table_append_labels(heddle_table *table, heddle_table *labels)
{
    assert(labels->columns == 1 && labels->rows == table->rows);
    size_t columns = table->columns;
    struct table_column *source = &labels->column[0];
    double *number = NULL;
    uint32_t *code = NULL;
    const bool copied = source->shared || (!source->text && !source->number);
    const char **names = memory_new(columns + 1, sizeof *names);
    if (copied && source->text) {
        code = memory_new(labels->rows, sizeof *code);
        if (code)
            memcpy(code, source->code, labels->rows * sizeof *code);
    } else if (copied) {
        number = memory_new(labels->rows, sizeof *number);
        if (number)
            table_numbers(labels, 0, NULL, 0, labels->rows, number);
    }
    struct table_column *grown = memory_resize(table->column, columns + 1, sizeof *grown);
    if (grown)
        table->column = grown;
    bool fits = names && grown && (!copied || number || code);
    if (fits) {
        for (size_t c = 0; c < columns; c++)
            names[c] = grown[c].name;
        names[columns] = source->name;
        grown[columns] = (struct table_column){0};
        table->columns = columns + 1;
        fits = table_set_names(table, names);
        table->columns = columns;
    }
    memory_free(names);
    if (!fits) {
        memory_free(number);
        memory_free(code);
        return false;
    }
    const bool whole = labels->block.data || labels->block.row; /* an array's, not a text's */
    char *name = grown[columns].name;
    grown[columns] = *source;
    grown[columns].name = name;
    if (copied) {
        grown[columns].number = number;
        grown[columns].code = code;
        grown[columns].shared = false;
    }
    *source = (struct table_column){0};
    table->columns = columns + 1;
    table->whole_labels = whole && element_is_whole(labels->block.type);
    table->labelled = true;
    table->targets = 1;
    return true;
}

/* ---------------------------------------------------------------- public --------------------- */

heddle_status heddle_table_from_arrays(const double *inputs, size_t inputs_width,
                                       const double *targets, size_t targets_width, size_t rows,
                                       heddle_table **table, heddle_error *err)
{
    if (!targets)
        targets_width = 0;
    size_t columns;
    if (rows == 0)
        return status_set(err, HEDDLE_E_ARGUMENT, "arrays without rows");
    if (!inputs || inputs_width == 0)
        return status_set(err, HEDDLE_E_ARGUMENT, "arrays without inputs");
    if (!size_add(inputs_width, targets_width, &columns))
        return status_set(err, HEDDLE_E_ARGUMENT, "arrays too wide");
    heddle_table *t = table_create("arrays", columns);
    bool fits = t && table_set_format(t, "arrays") && table_number_names(t, "x");
    if (fits && targets_width) {
        const char **names = memory_new(columns, sizeof *names);
        char(*made_up)[24] = memory_new(targets_width, sizeof *made_up);
        fits = names && made_up;
        for (size_t c = 0; fits && c < columns; c++)
            names[c] = t->column[c].name;
        for (size_t c = 0; fits && c < targets_width; c++) {
            snprintf(made_up[c], sizeof made_up[c], targets_width == 1 ? "y" : "y%zu", c);
            names[inputs_width + c] = made_up[c];
        }
        fits = fits && table_set_names(t, names);
        memory_free(names);
        memory_free(made_up);
    }
    for (size_t c = 0; fits && c < columns; c++)
        fits = (t->column[c].number = memory_new(rows, sizeof(double))) != NULL;
    if (!fits) {
        heddle_table_free(t);
        return status_memory(err, "a table", rows * columns * sizeof(double));
    }
    t->rows = rows;
    t->targets = targets_width;
    t->labelled = targets_width == 1;
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < inputs_width; c++)
            t->column[c].number[i] = inputs[i * inputs_width + c];
        for (size_t c = 0; c < targets_width; c++)
            t->column[inputs_width + c].number[i] = targets[i * targets_width + c];
    }
    *table = t;
    return HEDDLE_OK;
}

void heddle_table_free(heddle_table *table)
{
    if (!table)
        return;
    for (size_t c = 0; c < table->columns; c++) {
        if (!table->column[c].shared) {
            memory_free(table->column[c].number);
            memory_free(table->column[c].code);
        }
        memory_free(table->column[c].kept);
        memory_free(table->column[c].word);
        memory_free(table->column[c].letters);
        memory_free(table->column[c].flaw);
    }
    memory_free(table->column);
    memory_free(table->names);
    memory_free(table->path);
    memory_free(table->format);
    if (table->image)
        munmap(table->image, table->image_bytes);
    else
        memory_free(table->line);
    memory_free(table->owned);
    if (table->numbers)
        arena_free(table->numbers, table->numbers_bytes);
    file_release(&table->source);
    memory_free(table);
}

size_t heddle_table_rows(const heddle_table *table)
{
    return table->rows;
}

size_t heddle_table_columns(const heddle_table *table)
{
    return table->columns;
}

const char *heddle_table_format(const heddle_table *table)
{
    return table->format;
}

void heddle_table_column_kind(const heddle_table *table, size_t i, heddle_column *column)
{
    const struct table_column *source = &table->column[i];
    *column = (heddle_column){.name = source->name,
                              .text = source->text,
                              .flaw = source->flaw,
                              .minimum = NAN,
                              .maximum = NAN,
                              .mean = NAN};
}

void heddle_table_numbers(const heddle_table *table, size_t i, size_t first, size_t n,
                          double *number)
{
    table_numbers(table, i, NULL, first, n, number);
}

/* A column of bytes, of which there may be hundreds: by counting each value. */
static void count_bytes(const heddle_table *table, size_t c, heddle_column *column)
{
    const uint8_t *byte = table->block.data + table->column[c].byte * table->block.column;
    size_t times[256] = {0};
    uint64_t sum = 0;
    for (size_t i = 0; i < table->rows; i++)
        times[table->block.type == ELEMENT_BOOL ? byte[i * table->block.row] != 0
                                                : byte[i * table->block.row]]++;
    for (size_t x = 0; x < 256; x++) {
        if (!times[x])
            continue;
        column->minimum = column->distinct++ ? column->minimum : (double)x;
        column->maximum = (double)x;
        sum += x * times[x];
    }
    column->mean = (double)sum / (double)table->rows;
}

void heddle_table_column(const heddle_table *table, size_t i, heddle_column *column)
{
    const struct table_column *source = &table->column[i];
    heddle_table_column_kind(table, i, column);
    if (source->text) {
        column->distinct = source->words;
        for (size_t r = 0; r < table->rows; r++)
            column->missing += source->code[r] == TABLE_MISSING;
        return;
    }
    if (table_is_byte(table, i) && !table->block.pieces) {
        count_bytes(table, i, column);
        return;
    }
    struct distinct_numbers set = {0};
    bool counting = true;
    /* Neumaier's sum: the small parts lost by large ones are kept apart */
    double sum = 0.0, lost = 0.0;
    for (size_t r = 0; r < table->rows; r++) {
        double x = table_number(table, i, r);
        if (isnan(x)) {
            column->missing++;
            continue;
        }
        uint32_t index;
        counting =
            counting && distinct_numbers_add(&set, x, &index) && set.count <= COUNTED_NUMBERS;
        column->minimum = x >= column->minimum ? column->minimum : x;
        column->maximum = x <= column->maximum ? column->maximum : x;
        double next = sum + x;
        lost += fabs(sum) >= fabs(x) ? (sum - next) + x : (x - next) + sum;
        sum = next;
    }
    if (table->rows > column->missing)
        column->mean = (sum + lost) / (double)(table->rows - column->missing);
    column->distinct = counting ? set.count : 0;
    distinct_numbers_done(&set);
}

const char *heddle_table_cell(const heddle_table *table, size_t row, size_t column, char *buffer,
                              size_t size)
{
    const struct table_column *source = &table->column[column];
    char number[TEXT_NUMBER_SIZE] = "";
    const char *text = number;
    if (!source->text) {
        double x = table_number(table, column, row);
        if (!isnan(x))
            text_from_double(x, number);
    } else if (source->code[row] != TABLE_MISSING) {
        text = source->word[source->code[row]];
    }
    if (size) {
        size_t n = strlen(text);
        n = n < size ? n : size - 1;
        memcpy(buffer, text, n);
        buffer[n] = '\0';
    }
    return buffer;
}
