/** preprocess_take: columns by name or position, and the rows that have all values needed. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/distinct.h"
#include "data/preprocess_take.h"

static heddle_status no_memory(const struct taken *taken, heddle_error *err)
{
    return status_memory(err, "preprocessed data", taken->rows * sizeof *taken->row);
}

/* ---------------------------------------------------------------- columns -------------------- */

/* Complain that a column is missing, with the name that is most like it. */
static heddle_status no_column(const struct taken *taken, const char *name, heddle_error *err)
{
    const heddle_table *table = taken->table;
    const char **names = memory_new(table->columns, sizeof *names);
    for (size_t c = 0; names && c < table->columns; c++)
        names[c] = table->column[c].name;
    const char *nearest = names ? text_nearest(name, names, table->columns) : NULL;
    memory_free(names);
    return status_set(err, HEDDLE_E_DATA, "'%s' has no column '%s' that the model needs%s%s%s",
                      table->path, name, nearest ? "; is it the one named '" : "",
                      nearest ? nearest : "", nearest ? "'?" : "");
}

static heddle_status find_by_name(struct taken *taken, heddle_error *err)
{
    const struct preprocess *p = taken->p;
    struct distinct_words names = {0}; /* names do not repeat, so a code is a column */
    uint32_t code;
    heddle_status status = HEDDLE_OK;
    for (size_t c = 0; c < taken->table->columns && status == HEDDLE_OK; c++) {
        const char *name = taken->table->column[c].name;
        if (!distinct_words_add(&names, name, strlen(name), &code))
            status = no_memory(taken, err);
    }
    for (size_t j = 0; j < p->inputs && status == HEDDLE_OK; j++) {
        const char *name = p->input[j].name;
        if (distinct_words_find(&names, name, strlen(name), &code))
            taken->input[j] = code;
        else if (taken->table->sparse && !p->input[j].text)
            taken->input[j] = COLUMN_OF_ZEROS;
        else
            status = no_column(taken, name, err);
    }
    for (size_t t = 0; taken->target && t < p->targets && status == HEDDLE_OK; t++) {
        const char *name = p->target[t].name;
        if (distinct_words_find(&names, name, strlen(name), &code))
            taken->target[t] = code;
        else
            status = status_set(err, HEDDLE_E_DATA, "'%s' has no column '%s', the model's target",
                                taken->table->path, name);
    }
    distinct_words_done(&names);
    return status;
}

static heddle_status find_by_position(struct taken *taken, heddle_error *err)
{
    const struct preprocess *p = taken->p;
    size_t columns = taken->table->columns;
    bool same = columns == p->columns, inputs_only = !same && columns == p->inputs;
    if (inputs_only && taken->target)
        return status_set(
            err, HEDDLE_E_DATA,
            "'%s' has the %zu column%s of the inputs, but not the target; if another file "
            "has it, name that with --labels",
            taken->table->path, columns, columns == 1 ? "" : "s");
    if (!same && !inputs_only)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' has %zu column%s; the model needs %zu, or %zu with its target%s",
                          taken->table->path, columns, columns == 1 ? "" : "s", p->inputs,
                          p->columns, p->targets == 1 ? "" : "s");
    for (size_t j = 0; j < p->inputs; j++)
        taken->input[j] = same ? p->input[j].position : j;
    for (size_t t = 0; taken->target && t < p->targets; t++)
        taken->target[t] = p->target[t].position;
    return HEDDLE_OK;
}

/* Complain of the first word in a column that should hold numbers. */
static heddle_status check_types(const struct taken *taken, heddle_error *err)
{
    for (size_t j = 0; j < taken->p->inputs + taken->p->targets; j++) {
        bool input = j < taken->p->inputs;
        if (!input && !taken->target)
            continue;
        const size_t c = input ? taken->input[j] : taken->target[j - taken->p->inputs];
        if (c == COLUMN_OF_ZEROS)
            continue;
        const struct table_column *column = &taken->table->column[c];
        if (column->flaw)
            return status_set(err, HEDDLE_E_DATA, "%s", column->flaw);
        if (input ? taken->p->input[j].text : taken->p->task == TASK_CLASSIFY)
            continue;
        for (size_t i = 0; column->text && i < taken->table->rows; i++) {
            if (column->code[i] == TABLE_MISSING)
                continue;
            const char *word = column->word[column->code[i]];
            char where[TABLE_WHERE_SIZE], shown[CELL_SHOWN];
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' %s: '%s' is not a number, which column '%s' was in training",
                              taken->table->path, table_where(taken->table, i, where),
                              cell_show(word, strlen(word), shown), column->name);
        }
    }
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- rows ----------------------- */

/* Is c a column of numbers of which one may be none? */
static bool has_numbers(const struct taken *taken, size_t c)
{
    return c != COLUMN_OF_ZEROS && !taken->table->column[c].text && !table_is_byte(taken->table, c);
}

/* Look through rows first … first+n-1 (a block at most) of a column for cells that are none. */
static heddle_status check_numbers(const struct taken *taken, size_t c, bool target, size_t first,
                                   size_t n, bool *missing, heddle_error *err)
{
    char where[TABLE_WHERE_SIZE];
    double value[TAKEN_BLOCK];
    if (!has_numbers(taken, c))
        return HEDDLE_OK;
    table_numbers(taken->table, c, taken->row + first, 0, n, value);
    for (size_t i = first; i < first + n; i++) {
        double x = value[i - first];
        if (isfinite(x))
            continue;
        if (isinf(x))
            return table_not_finite(taken->table, c, taken->row[i], err);
        if (!target && taken->p->missing == MISSING_ERROR)
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' %s column %zu: '%s' has no value, and the model was not "
                              "trained with --missing mean or --missing drop",
                              taken->table->path, table_where(taken->table, taken->row[i], where),
                              c + 1, taken->table->column[c].name);
        missing[i] = missing[i] || target || taken->p->missing == MISSING_DROP;
    }
    return HEDDLE_OK;
}

/* Leave out the rows of which missing[i], and set all of missing to false. */
static void leave_out(struct taken *taken, bool *missing)
{
    size_t n = 0;
    for (size_t i = 0; i < taken->rows; i++)
        if (!missing[i])
            taken->row[n++] = taken->row[i];
    memset(missing, 0, taken->rows * sizeof *missing);
    taken->rows = n;
}

static heddle_status choose_rows(struct taken *taken, const uint32_t *rows, size_t count,
                                 heddle_error *err)
{
    const heddle_table *table = taken->table;
    if (table->rows > UINT32_MAX - 1)
        return status_set(err, HEDDLE_E_DATA, "'%s' has too many rows", table->path);
    taken->rows = rows ? count : table->rows;
    taken->row = memory_new(taken->rows, sizeof *taken->row);
    bool *missing = memory_new(taken->rows, sizeof *missing);
    heddle_status status = taken->row && missing ? HEDDLE_OK : no_memory(taken, err);
    for (size_t i = 0; i < taken->rows && status == HEDDLE_OK; i++)
        taken->row[i] = rows ? rows[i] : (uint32_t)i;
    for (size_t t = 0; taken->target && t < taken->p->targets && status == HEDDLE_OK; t++) {
        const struct table_column *column = &table->column[taken->target[t]];
        for (size_t i = 0; column->text && i < taken->rows; i++)
            missing[i] = missing[i] || column->code[taken->row[i]] == TABLE_MISSING;
        for (size_t i = 0; i < taken->rows && status == HEDDLE_OK; i += TAKEN_BLOCK)
            status = check_numbers(taken, taken->target[t], true, i, taken_block(taken, i), missing,
                                   err);
    }
    /* what a row without a target lacks besides is nobody's business */
    if (status == HEDDLE_OK)
        leave_out(taken, missing);
    /* by rows: an array's columns stand side by side, and it may be larger than the memory */
    for (size_t i = 0; i < taken->rows && status == HEDDLE_OK; i += TAKEN_BLOCK) {
        bool any = false;
        for (size_t j = 0; j < taken->p->inputs && status == HEDDLE_OK; j++)
            if (!taken->p->input[j].text && has_numbers(taken, taken->input[j])) {
                any = true;
                status = check_numbers(taken, taken->input[j], false, i, taken_block(taken, i),
                                       missing, err);
            }
        if (any)
            taken_forget(taken, i);
    }
    if (status == HEDDLE_OK)
        leave_out(taken, missing);
    memory_free(missing);
    if (status != HEDDLE_OK)
        return status;
    if (taken->rows == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' has no row with all values that are needed",
                          table->path);
    taken->whole = taken->rows == table->rows;
    for (size_t i = 0; taken->whole && i < taken->rows; i++)
        taken->whole = taken->row[i] == i;
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- cells ---------------------- */

heddle_status take_cells(const struct preprocess *p, const heddle_table *table,
                         const uint32_t *rows, size_t count, bool with_targets, struct taken *taken,
                         heddle_error *err)
{
    *taken = (struct taken){.p = p, .table = table};
    taken->input = memory_new(p->inputs, sizeof *taken->input);
    if (with_targets)
        taken->target = memory_new(p->targets, sizeof *taken->target);
    if (!taken->input || (with_targets && !taken->target))
        return no_memory(taken, err);
    heddle_status status =
        p->named && table->named ? find_by_name(taken, err) : find_by_position(taken, err);
    if (status == HEDDLE_OK)
        status = check_types(taken, err);
    if (status == HEDDLE_OK)
        status = choose_rows(taken, rows, count, err);
    return status;
}

void taken_forget(const struct taken *taken, size_t i)
{
    table_forget(taken->table, taken->row[i], taken->row[i + taken_block(taken, i) - 1]);
}

void taken_done(struct taken *taken)
{
    memory_free(taken->input);
    memory_free(taken->target);
    memory_free(taken->row);
    *taken = (struct taken){0};
}
