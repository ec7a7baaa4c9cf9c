/**
 * preprocess_apply: rows of a table as a network wants them. Columns are written into rows by
 * blocks of rows that stay in the cache.
 */
#include <math.h>
#include <string.h>

#include "base/available.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/categories.h"
#include "data/cell.h"
#include "data/distinct.h"
#include "data/preprocess_choose.h"
#include "data/view.h"

enum {
    ALIGNED_REALS = 16,
    PAGE = 4096, /* a stride of whole pages would put a column of a matrix into few cache sets */
    BLOCK_ROWS = 256,
    ASKED_FROM = 64 << 20 /* bytes: less is there, or nothing is */
};

/* In place of a column: one that a sparse table does not name, for all its cells are 0. */
#define ZEROS SIZE_MAX

struct apply {
    const struct preprocess *p;
    const heddle_table *table;
    size_t *input;  /* (p->inputs) columns of the table */
    size_t *target; /* (p->targets) or NULL */
    uint32_t *row;  /* (rows) of the table, all values needed are there */
    size_t rows;
    bool whole; /* the rows are all of the table's, in order */
    bool use_double;
};

static heddle_status no_memory(const struct apply *a, heddle_error *err)
{
    return status_memory(err, "preprocessed data", a->rows * sizeof(uint32_t));
}

/* ---------------------------------------------------------------- columns -------------------- */

/* Complain that a column is missing, with the name that is most like it. */
static heddle_status no_column(const struct apply *a, const char *name, heddle_error *err)
{
    const heddle_table *table = a->table;
    const char **names = memory_new(table->columns, sizeof *names);
    for (size_t c = 0; names && c < table->columns; c++)
        names[c] = table->column[c].name;
    const char *nearest = names ? text_nearest(name, names, table->columns) : NULL;
    memory_free(names);
    return status_set(err, HEDDLE_E_DATA, "'%s' has no column '%s' that the model needs%s%s%s",
                      table->path, name, nearest ? "; is it the one named '" : "",
                      nearest ? nearest : "", nearest ? "'?" : "");
}

static heddle_status find_by_name(struct apply *a, heddle_error *err)
{
    const struct preprocess *p = a->p;
    struct distinct_words names = {0}; /* names do not repeat, so a code is a column */
    uint32_t code;
    heddle_status status = HEDDLE_OK;
    for (size_t c = 0; c < a->table->columns && status == HEDDLE_OK; c++) {
        const char *name = a->table->column[c].name;
        if (!distinct_words_add(&names, name, strlen(name), &code))
            status = no_memory(a, err);
    }
    for (size_t j = 0; j < p->inputs && status == HEDDLE_OK; j++) {
        const char *name = p->input[j].name;
        if (distinct_words_find(&names, name, strlen(name), &code))
            a->input[j] = code;
        else if (a->table->sparse && !p->input[j].text)
            a->input[j] = ZEROS;
        else
            status = no_column(a, name, err);
    }
    for (size_t t = 0; a->target && t < p->targets && status == HEDDLE_OK; t++) {
        const char *name = p->target[t].name;
        if (distinct_words_find(&names, name, strlen(name), &code))
            a->target[t] = code;
        else
            status = status_set(err, HEDDLE_E_DATA, "'%s' has no column '%s', the model's target",
                                a->table->path, name);
    }
    distinct_words_done(&names);
    return status;
}

static heddle_status find_by_position(struct apply *a, heddle_error *err)
{
    const struct preprocess *p = a->p;
    size_t columns = a->table->columns;
    bool same = columns == p->columns, inputs_only = !same && columns == p->inputs;
    if (inputs_only && a->target)
        return status_set(
            err, HEDDLE_E_DATA,
            "'%s' has the %zu column%s of the inputs, but not the target; if another file "
            "has it, name that with --labels",
            a->table->path, columns, columns == 1 ? "" : "s");
    if (!same && !inputs_only)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' has %zu column%s; the model needs %zu, or %zu with its target%s",
                          a->table->path, columns, columns == 1 ? "" : "s", p->inputs, p->columns,
                          p->targets == 1 ? "" : "s");
    for (size_t j = 0; j < p->inputs; j++)
        a->input[j] = same ? p->input[j].position : j;
    for (size_t t = 0; a->target && t < p->targets; t++)
        a->target[t] = p->target[t].position;
    return HEDDLE_OK;
}

/* Complain of the first word in a column that should hold numbers. */
static heddle_status check_types(const struct apply *a, heddle_error *err)
{
    for (size_t j = 0; j < a->p->inputs + a->p->targets; j++) {
        bool input = j < a->p->inputs;
        if (!input && !a->target)
            continue;
        const size_t c = input ? a->input[j] : a->target[j - a->p->inputs];
        if (c == ZEROS)
            continue;
        const struct table_column *column = &a->table->column[c];
        if (column->flaw)
            return status_set(err, HEDDLE_E_DATA, "%s", column->flaw);
        if (input ? a->p->input[j].text : a->p->task == TASK_CLASSIFY)
            continue;
        for (size_t i = 0; column->text && i < a->table->rows; i++) {
            if (column->code[i] == TABLE_MISSING)
                continue;
            const char *word = column->word[column->code[i]];
            char where[TABLE_WHERE_SIZE], shown[CELL_SHOWN];
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' %s: '%s' is not a number, which column '%s' was in training",
                              a->table->path, table_where(a->table, i, where),
                              cell_show(word, strlen(word), shown), column->name);
        }
    }
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- rows ----------------------- */

/* Is c a column of numbers of which one may be none? */
static bool has_numbers(const struct apply *a, size_t c)
{
    return c != ZEROS && !a->table->column[c].text && !table_is_byte(a->table, c);
}

/* Look through rows first … first+n-1 (a block at most) of a column for cells that are none. */
static heddle_status check_numbers(const struct apply *a, size_t c, bool target, size_t first,
                                   size_t n, bool *missing, heddle_error *err)
{
    char where[TABLE_WHERE_SIZE];
    double value[BLOCK_ROWS];
    if (!has_numbers(a, c))
        return HEDDLE_OK;
    table_numbers(a->table, c, a->row + first, 0, n, value);
    for (size_t i = first; i < first + n; i++) {
        double x = value[i - first];
        if (isfinite(x))
            continue;
        if (isinf(x))
            return status_set(err, HEDDLE_E_DATA, "'%s' %s: '%s' is not a finite number",
                              a->table->path, table_where(a->table, a->row[i], where),
                              a->table->column[c].name);
        if (!target && a->p->missing == MISSING_ERROR)
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' %s column %zu: '%s' has no value, and the model was not "
                              "trained with --missing mean or --missing drop",
                              a->table->path, table_where(a->table, a->row[i], where), c + 1,
                              a->table->column[c].name);
        missing[i] = missing[i] || target || a->p->missing == MISSING_DROP;
    }
    return HEDDLE_OK;
}

/* Rows of the block that begins at row i. */
static size_t block_at(const struct apply *a, size_t i)
{
    return a->rows - i < BLOCK_ROWS ? a->rows - i : BLOCK_ROWS;
}

/* The block of rows that begins at row i was read: pages of a mapped file need not stay beside what
 * is made of them. */
static void forget_block(const struct apply *a, size_t i)
{
    table_forget(a->table, a->row[i], a->row[i + block_at(a, i) - 1]);
}

/* Leave out the rows of which missing[i], and set all of missing to false. */
static void leave_out(struct apply *a, bool *missing)
{
    size_t n = 0;
    for (size_t i = 0; i < a->rows; i++)
        if (!missing[i])
            a->row[n++] = a->row[i];
    memset(missing, 0, a->rows * sizeof *missing);
    a->rows = n;
}

static heddle_status choose_rows(struct apply *a, const uint32_t *rows, size_t count,
                                 heddle_error *err)
{
    const heddle_table *table = a->table;
    if (table->rows > UINT32_MAX - 1)
        return status_set(err, HEDDLE_E_DATA, "'%s' has too many rows", table->path);
    a->rows = rows ? count : table->rows;
    a->row = memory_new(a->rows, sizeof *a->row);
    bool *missing = memory_new(a->rows, sizeof *missing);
    heddle_status status = a->row && missing ? HEDDLE_OK : no_memory(a, err);
    for (size_t i = 0; i < a->rows && status == HEDDLE_OK; i++)
        a->row[i] = rows ? rows[i] : (uint32_t)i;
    for (size_t t = 0; a->target && t < a->p->targets && status == HEDDLE_OK; t++) {
        const struct table_column *column = &table->column[a->target[t]];
        for (size_t i = 0; column->text && i < a->rows; i++)
            missing[i] = missing[i] || column->code[a->row[i]] == TABLE_MISSING;
        for (size_t i = 0; i < a->rows && status == HEDDLE_OK; i += BLOCK_ROWS)
            status = check_numbers(a, a->target[t], true, i, block_at(a, i), missing, err);
    }
    /* what a row without a target lacks besides is nobody's business */
    if (status == HEDDLE_OK)
        leave_out(a, missing);
    /* by rows: an array's columns stand side by side, and it may be larger than the memory */
    for (size_t i = 0; i < a->rows && status == HEDDLE_OK; i += BLOCK_ROWS) {
        bool any = false;
        for (size_t j = 0; j < a->p->inputs && status == HEDDLE_OK; j++)
            if (!a->p->input[j].text && has_numbers(a, a->input[j])) {
                any = true;
                status = check_numbers(a, a->input[j], false, i, block_at(a, i), missing, err);
            }
        if (any)
            forget_block(a, i);
    }
    if (status == HEDDLE_OK)
        leave_out(a, missing);
    memory_free(missing);
    if (status != HEDDLE_OK)
        return status;
    if (a->rows == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' has no row with all values that are needed",
                          table->path);
    a->whole = a->rows == table->rows;
    for (size_t i = 0; a->whole && i < a->rows; i++)
        a->whole = a->row[i] == i;
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- cells ---------------------- */

/* Write value[0 … n) into column j of rows first … of a matrix of float or double. */
static void put_column(const struct apply *a, void *matrix, size_t stride, size_t first, size_t j,
                       const double *value, size_t n)
{
    if (a->use_double) {
        double *out = (double *)matrix + first * stride + j;
        for (size_t i = 0; i < n; i++)
            out[i * stride] = value[i];
    } else {
        float *out = (float *)matrix + first * stride + j;
        for (size_t i = 0; i < n; i++)
            out[i * stride] = (float)value[i];
    }
}

/* value[0 … n) = column c of the rows from `first` on. */
static void get_column(const struct apply *a, size_t c, size_t first, double *value, size_t n)
{
    if (c == ZEROS)
        memset(value, 0, n * sizeof *value);
    else
        table_numbers(a->table, c, a->whole ? NULL : a->row + first, a->whole ? first : 0, n,
                      value);
}

/* (real)(1/255), as a double. */
static double byte_scale(bool use_double)
{
    return use_double ? 1.0 / 255.0 : (double)(float)(1.0 / 255.0);
}

/* How a column of numbers is scaled. */
static struct view_scale scale_of(const struct apply *a, const struct preprocess_input *input)
{
    if (a->p->scale == SCALE_BYTE)
        return (struct view_scale){.factor = byte_scale(a->use_double), .fill = input->fill};
    return (struct view_scale){input->shift, input->factor, input->fill};
}

static void scale_column(const struct apply *a, const struct preprocess_input *input, double *value,
                         size_t n)
{
    const struct view_scale scale = scale_of(a, input);
    const bool fills = a->p->missing == MISSING_MEAN, in_real = a->p->scale == SCALE_BYTE;
    for (size_t i = 0; i < n; i++)
        view_scale(&scale, fills, in_real, a->use_double, &value[i]);
}

/* category[i] of each word of the column, or of each kept row if the column holds numbers. */
static heddle_status map_categories(const struct apply *a, const struct preprocess_input *input,
                                    size_t c, uint32_t **map, heddle_error *err)
{
    const struct table_column *column = &a->table->column[c];
    size_t n = column->text ? column->words : a->rows;
    struct categories set = {.known = 0};
    bool fits = (*map = memory_new(n, sizeof **map)) != NULL &&
                categories_know(&set, input->category, input->categories);
    for (size_t i = 0; i < n && fits; i++) {
        char number[TEXT_NUMBER_SIZE] = "";
        double x = column->text ? 0.0 : table_number(a->table, c, a->row[i]);
        if (isnan(x)) {
            (*map)[i] = input->missing_category ? (uint32_t)input->categories : NO_CATEGORY;
            continue;
        }
        if (!column->text)
            text_from_double(x, number);
        fits = categories_find(&set, column->text ? column->word[i] : number, &(*map)[i]);
    }
    categories_done(&set);
    return fits ? HEDDLE_OK : no_memory(a, err);
}

/* Ones for the categories of all rows, from column j of the matrix on. */
static heddle_status put_categories(const struct apply *a, const struct preprocess_input *input,
                                    size_t c, void *matrix, size_t stride, size_t j,
                                    heddle_error *err)
{
    uint32_t *map = NULL;
    const struct table_column *column = &a->table->column[c];
    heddle_status status = map_categories(a, input, c, &map, err);
    uint32_t missing = input->missing_category ? (uint32_t)input->categories : NO_CATEGORY;
    for (size_t i = 0; i < a->rows && status == HEDDLE_OK; i++) {
        uint32_t category;
        if (!column->text)
            category = map[i];
        else if (column->code[a->row[i]] == TABLE_MISSING)
            category = missing;
        else
            category = map[column->code[a->row[i]]];
        if (category != NO_CATEGORY)
            put_column(a, matrix, stride, i, j + category, &(double){1.0}, 1);
    }
    memory_free(map);
    return status;
}

static heddle_status put_inputs(const struct apply *a, void *matrix, size_t stride,
                                heddle_error *err)
{
    const struct preprocess *p = a->p;
    for (size_t first = 0; first < a->rows; first += BLOCK_ROWS) {
        double value[BLOCK_ROWS];
        size_t n = a->rows - first < BLOCK_ROWS ? a->rows - first : BLOCK_ROWS, at = 0;
        for (size_t j = 0; j < p->inputs; j++) {
            const struct preprocess_input *input = &p->input[j];
            if (input->text) {
                at += input->categories + input->missing_category;
                continue;
            }
            get_column(a, a->input[j], first, value, n);
            scale_column(a, input, value, n);
            put_column(a, matrix, stride, first, at++, value, n);
        }
        for (size_t i = 0; i < n; i++)
            value[i] = 1; /* feeds the bias */
        put_column(a, matrix, stride, first, p->width, value, n);
        forget_block(a, first);
    }
    heddle_status status = HEDDLE_OK;
    for (size_t j = 0, at = 0; j < p->inputs && status == HEDDLE_OK; j++) {
        const struct preprocess_input *input = &p->input[j];
        if (input->text)
            status = put_categories(a, input, a->input[j], matrix, stride, at, err);
        at += input->text ? input->categories + input->missing_category : 1;
    }
    return status;
}

static void put_targets(const struct apply *a, void *matrix, size_t stride)
{
    for (size_t first = 0; first < a->rows; first += BLOCK_ROWS) {
        double value[BLOCK_ROWS];
        size_t n = a->rows - first < BLOCK_ROWS ? a->rows - first : BLOCK_ROWS;
        for (size_t t = 0; t < a->p->targets; t++) {
            const struct preprocess_target *target = &a->p->target[t];
            get_column(a, a->target[t], first, value, n);
            for (size_t i = 0; i < n; i++)
                value[i] = (value[i] - target->shift) * target->factor;
            put_column(a, matrix, stride, first, t, value, n);
        }
    }
}

/* ---------------------------------------------------------------- the dataset ---------------- */

/* Do the inputs stay bytes? */
static bool stays_bytes(const struct apply *a)
{
    if (a->p->scale != SCALE_BYTE && a->p->scale != SCALE_NONE)
        return false;
    for (size_t j = 0; j < a->p->inputs; j++) {
        if (a->input[j] == ZEROS || a->p->input[j].text || !table_is_byte(a->table, a->input[j]))
            return false;
    }
    return true;
}

/* Do the inputs, bytes, stand side by side in the table, so that its rows are the network's? */
static bool stand_together(const struct apply *a)
{
    const struct table_column *column = a->table->column;
    bool together = !a->table->block.pieces;
    for (size_t j = 0; together && j < a->p->inputs; j++)
        together = column[a->input[j]].byte == column[a->input[0]].byte + j;
    return together;
}

static void copy_bytes(const struct apply *a, uint8_t *out)
{
    size_t width = a->p->inputs;
    for (size_t i = 0; i < a->rows; i++) {
        const uint8_t *row = a->table->bytes + (size_t)a->row[i] * a->table->byte_columns;
        if (a->table->block.pieces)
            for (size_t j = 0; j < width; j++)
                out[i * width + j] = (uint8_t)table_number(a->table, a->input[j], a->row[i]);
        else
            for (size_t j = 0; j < width; j++)
                out[i * width + j] = row[a->table->column[a->input[j]].byte];
    }
}

/* Reals of a row of `width`: aligned, and no whole pages. */
static size_t stride_of(size_t width, size_t real_size)
{
    size_t stride = (width + ALIGNED_REALS - 1) / ALIGNED_REALS * ALIGNED_REALS;
    return stride * real_size % PAGE == 0 ? stride + ALIGNED_REALS : stride;
}

/* Room for count × size bytes more in an arena of *bytes; *at = where. */
static bool reserve(size_t *bytes, size_t count, size_t size, size_t *at)
{
    size_t room;
    *at = *bytes;
    return size_multiply(count, size, &room) && size_add(room, 63, &room) &&
           size_add(*bytes, room / 64 * 64, bytes);
}

/* Can rows be read from the array instead of being kept? */
static bool can_be_read(const struct apply *a)
{
    for (size_t j = 0; j < a->p->inputs; j++)
        if (a->input[j] == ZEROS || a->table->column[a->input[j]].text ||
            a->table->column[a->input[j]].number || a->p->input[j].text)
            return false;
    return true;
}

/* Would `bytes` be more than half of what there is? */
static bool is_half_the_memory(size_t bytes)
{
    return bytes >= ASKED_FROM && bytes > memory_available("") / 2;
}

/* … more than half of what may be taken? The other half is for the file. */
static bool is_too_much(const struct apply *a, size_t bytes)
{
    return a->table->limit ? bytes > a->table->limit / 2 : is_half_the_memory(bytes);
}

/* Are the inputs used where they are in the table, which would take so many bytes if they were
 * copied? Some rows of a file larger than the memory are better read by a view, which tells the
 * system of them beforehand. */
static bool is_in_table(const struct apply *a, size_t bytes)
{
    return stays_bytes(a) && stand_together(a) &&
           (a->whole || !a->table->source.mapped || !is_half_the_memory(bytes));
}

/* The rows to be read from the array, still without their numbers. NULL: no memory. */
static struct view *make_view(const struct apply *a)
{
    const size_t inputs = a->p->inputs;
    struct view *view = memory_new(1, sizeof *view);
    if (!view)
        return NULL;
    *view = (struct view){.array = a->table->block,
                          .inputs = inputs,
                          .straight = true,
                          .fills = a->p->missing == MISSING_MEAN,
                          .in_real = a->p->scale == SCALE_BYTE,
                          .use_double = a->use_double,
                          .source = a->table->source.data,
                          .size = a->table->source.size,
                          .mapped = a->table->source.mapped,
                          .limit = a->table->limit / 8,
                          .column = memory_new(inputs, sizeof *view->column),
                          .scale = memory_new(inputs, sizeof *view->scale)};
    if (!view->column || !view->scale) {
        view_free(view);
        return NULL;
    }
    for (size_t j = 0; j < inputs; j++) {
        view->column[j] = a->table->column[a->input[j]].byte;
        view->straight = view->straight && view->column[j] == view->column[0] + j;
        view->scale[j] = scale_of(a, &a->p->input[j]);
    }
    return view;
}

static heddle_status fill(const struct apply *a, bool single_output, struct dataset *set,
                          heddle_error *err)
{
    const struct preprocess *p = a->p;
    size_t real_size = a->use_double ? sizeof(double) : sizeof(float), cells;
    size_t bytes = 0, input_at = 0, row_at = 0, target_at = 0;
    bool read = false, stay = stays_bytes(a), classify = p->task == TASK_CLASSIFY;
    set->rows = a->rows;
    set->inputs = p->width;
    set->outputs = !classify ? p->targets : p->classes == 2 && single_output ? 1 : p->classes;
    set->use_double = a->use_double;
    set->byte_scale = p->scale == SCALE_BYTE ? byte_scale(a->use_double) : 1.0;
    set->real_stride = stay ? 0 : stride_of(p->width + 1, real_size);
    set->target_stride = classify || !a->target ? 0 : stride_of(p->targets, real_size);
    bool fits = size_multiply(a->rows, stay ? p->width : set->real_stride, &cells) &&
                reserve(&bytes, cells, stay ? 1 : real_size, &input_at);
    const bool in_table = is_in_table(a, bytes);
    if (in_table) {
        bytes = 0;
        fits = a->whole || reserve(&bytes, a->rows, sizeof *a->row, &row_at);
    } else if ((!fits || a->table->block.pieces || is_too_much(a, bytes)) && can_be_read(a)) {
        read = fits = true;
        bytes = set->real_stride = 0;
        set->view = make_view(a);
        if (!set->view)
            return no_memory(a, err);
        set->view->bytes = stay;
    }
    if (a->target)
        fits = fits && size_multiply(a->rows, classify ? 1 : set->target_stride, &cells) &&
               reserve(&bytes, cells, classify ? sizeof(int32_t) : real_size, &target_at);
    /* A large arena is only mapped, so it would be had, and the end would come later. */
    if (fits && bytes >= ASKED_FROM) {
        const size_t available = memory_available("");
        const double mebi = 1024.0 * 1024.0;
        if (bytes > available)
            return status_set(
                err, HEDDLE_E_MEMORY,
                "'%s' needs %.1f MiB as inputs of a network, there are %.1f MiB; an array in a "
                "file is used where it is: 'heddle convert %s FILE.npy'",
                a->table->path, (double)bytes / mebi, (double)available / mebi, a->table->path);
    }
    char *arena = NULL;
    if (fits && bytes)
        fits = (arena = arena_new(bytes)) != NULL;
    if (!fits)
        return status_memory(err, "preprocessed data", bytes);
    set->arena = arena;
    set->arena_bytes = bytes;
    heddle_status status = HEDDLE_OK;
    if (read) {
        /* nothing is written down */
    } else if (in_table) {
        set->bytes = a->table->bytes + a->table->column[a->input[0]].byte;
        set->byte_stride = a->table->byte_columns;
        set->row = a->whole ? NULL : memcpy(arena + row_at, a->row, a->rows * sizeof *a->row);
    } else if (stay) {
        copy_bytes(a, (uint8_t *)arena + input_at);
        set->bytes = (uint8_t *)arena + input_at;
        set->byte_stride = p->width;
    } else {
        set->real = arena + input_at;
        status = put_inputs(a, arena + input_at, set->real_stride, err);
    }
    if (!a->target || status != HEDDLE_OK)
        return status;
    if (classify) {
        set->class_index = (int32_t *)(void *)(arena + target_at);
        return choose_class_index(p, a->table, a->target[0], a->row, a->rows, set->class_index,
                                  err);
    }
    set->target = arena + target_at;
    put_targets(a, set->target, set->target_stride);
    return HEDDLE_OK;
}

heddle_status preprocess_apply(const struct preprocess *preprocess, const heddle_table *table,
                               const uint32_t *rows, size_t count, bool use_double,
                               bool single_output, bool with_targets, uint32_t *kept,
                               struct dataset *set, heddle_error *err)
{
    struct apply a = {.p = preprocess, .table = table, .use_double = use_double};
    struct dataset made = {0};
    a.input = memory_new(preprocess->inputs, sizeof *a.input);
    if (with_targets)
        a.target = memory_new(preprocess->targets, sizeof *a.target);
    heddle_status status = a.input && (a.target || !with_targets) ? HEDDLE_OK : no_memory(&a, err);
    if (status == HEDDLE_OK)
        status =
            preprocess->named && table->named ? find_by_name(&a, err) : find_by_position(&a, err);
    if (status == HEDDLE_OK)
        status = check_types(&a, err);
    if (status == HEDDLE_OK)
        status = choose_rows(&a, rows, count, err);
    if (status == HEDDLE_OK)
        status = fill(&a, single_output, &made, err);
    if (status == HEDDLE_OK && kept)
        memcpy(kept, a.row, a.rows * sizeof *kept);
    if (status == HEDDLE_OK && made.view) {
        made.view->row = a.row;
        a.row = NULL;
        view_begin(made.view, made.rows, 0);
    }
    memory_free(a.input);
    memory_free(a.target);
    memory_free(a.row);
    if (status != HEDDLE_OK) {
        dataset_done(&made);
        return status;
    }
    *set = made;
    return HEDDLE_OK;
}
