/**
 * preprocess_apply: rows of a table as a network wants them. Columns are written into rows by
 * blocks of rows that stay in the cache.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/available.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/categories.h"
#include "data/cell.h"
#include "data/preprocess_choose.h"
#include "data/preprocess_take.h"
#include "data/view.h"

enum {
    ALIGNED_REALS = 16,
    PAGE = 4096, /* a stride of whole pages would put a column of a matrix into few cache sets */
    ASKED_FROM = 64 << 20 /* bytes: less is there, or nothing is */
};

/* ---------------------------------------------------------------- cells ---------------------- */

/* Rows of reals, float or double, that are written. */
struct matrix {
    void *real;
    size_t stride;
    bool use_double;
};

/* Write value[0 … n) into column j of rows first … of a matrix. */
static void put_column(const struct matrix *matrix, size_t first, size_t j, const double *value,
                       size_t n)
{
    const size_t stride = matrix->stride;
    if (matrix->use_double) {
        double *out = (double *)matrix->real + first * stride + j;
        for (size_t i = 0; i < n; i++)
            out[i * stride] = value[i];
    } else {
        float *out = (float *)matrix->real + first * stride + j;
        for (size_t i = 0; i < n; i++)
            out[i * stride] = (float)value[i];
    }
}

/* value[0 … n) = column c of the rows from `first` on. */
static void get_column(const struct taken *taken, size_t c, size_t first, double *value, size_t n)
{
    if (c == COLUMN_OF_ZEROS)
        memset(value, 0, n * sizeof *value);
    else
        table_numbers(taken->table, c, taken->whole ? NULL : taken->row + first,
                      taken->whole ? first : 0, n, value);
}

/* (real)(1/255), as a double. */
static double byte_scale(bool use_double)
{
    return use_double ? 1.0 / 255.0 : (double)(float)(1.0 / 255.0);
}

/* How a column of numbers is scaled. */
static struct view_scale scale_of(const struct preprocess *p, const struct preprocess_input *input,
                                  bool use_double)
{
    if (p->scale == SCALE_BYTE)
        return (struct view_scale){.factor = byte_scale(use_double), .fill = input->fill};
    return (struct view_scale){input->shift, input->factor, input->fill};
}

static void scale_column(const struct preprocess *p, const struct preprocess_input *input,
                         bool use_double, double *value, size_t n)
{
    const struct view_scale scale = scale_of(p, input, use_double);
    const bool fills = p->missing == MISSING_MEAN, in_real = p->scale == SCALE_BYTE;
    for (size_t i = 0; i < n; i++)
        view_scale(&scale, fills, in_real, use_double, &value[i]);
}

/* category[i] of each word of the column, or of each kept row if the column holds numbers. False: no
 * memory. */
static bool map_categories(const struct taken *taken, const struct preprocess_input *input,
                           size_t c, uint32_t **map)
{
    const struct table_column *column = &taken->table->column[c];
    size_t n = column->text ? column->words : taken->rows;
    struct categories set = {.known = 0};
    bool fits = (*map = memory_new(n, sizeof **map)) != NULL &&
                categories_know(&set, input->category, input->categories);
    for (size_t i = 0; i < n && fits; i++) {
        char number[TEXT_NUMBER_SIZE] = "";
        double x = column->text ? 0.0 : table_number(taken->table, c, taken->row[i]);
        if (isnan(x)) {
            (*map)[i] = input->missing_category ? (uint32_t)input->categories : NO_CATEGORY;
            continue;
        }
        if (!column->text)
            text_from_double(x, number);
        fits = categories_find(&set, column->text ? column->word[i] : number, &(*map)[i]);
    }
    categories_done(&set);
    return fits;
}

/* The category of row i as map_categories() has it: NO_CATEGORY is a word never seen, or no value. */
static uint32_t category_of(const struct taken *taken, const struct preprocess_input *input,
                            const struct table_column *column, const uint32_t *map, size_t i)
{
    if (!column->text)
        return map[i];
    uint32_t code = column->code[taken->row[i]];
    if (code != TABLE_MISSING)
        return map[code];
    return input->missing_category ? (uint32_t)input->categories : NO_CATEGORY;
}

/* Ones for the categories of all rows, from column j of the matrix on. False: no memory. */
static bool put_categories(const struct taken *taken, const struct preprocess_input *input,
                           size_t c, const struct matrix *matrix, size_t j)
{
    uint32_t *map = NULL;
    const struct table_column *column = &taken->table->column[c];
    bool fits = map_categories(taken, input, c, &map);
    for (size_t i = 0; i < taken->rows && fits; i++) {
        uint32_t category = category_of(taken, input, column, map, i);
        if (category != NO_CATEGORY)
            put_column(matrix, i, j + category, &(double){1.0}, 1);
    }
    memory_free(map);
    return fits;
}

/* False: no memory. */
static bool put_inputs(const struct taken *taken, const struct matrix *matrix)
{
    const struct preprocess *p = taken->p;
    for (size_t first = 0; first < taken->rows; first += TAKEN_BLOCK) {
        double value[TAKEN_BLOCK];
        size_t n = taken_block(taken, first), at = 0;
        for (size_t j = 0; j < p->inputs; j++) {
            const struct preprocess_input *input = &p->input[j];
            if (input->text) {
                at += input->categories + input->missing_category;
                continue;
            }
            get_column(taken, taken->input[j], first, value, n);
            scale_column(p, input, matrix->use_double, value, n);
            put_column(matrix, first, at++, value, n);
        }
        for (size_t i = 0; i < n; i++)
            value[i] = 1; /* feeds the bias */
        put_column(matrix, first, p->width, value, n);
        taken_forget(taken, first);
    }
    bool fits = true;
    for (size_t j = 0, at = 0; j < p->inputs && fits; j++) {
        const struct preprocess_input *input = &p->input[j];
        if (input->text)
            fits = put_categories(taken, input, taken->input[j], matrix, at);
        at += input->text ? input->categories + input->missing_category : 1;
    }
    return fits;
}

static void put_targets(const struct taken *taken, const struct matrix *matrix)
{
    for (size_t first = 0; first < taken->rows; first += TAKEN_BLOCK) {
        double value[TAKEN_BLOCK];
        size_t n = taken_block(taken, first);
        for (size_t t = 0; t < taken->p->targets; t++) {
            const struct preprocess_target *target = &taken->p->target[t];
            get_column(taken, taken->target[t], first, value, n);
            for (size_t i = 0; i < n; i++)
                value[i] = (value[i] - target->shift) * target->factor;
            put_column(matrix, first, t, value, n);
        }
    }
}

/* ---------------------------------------------------------------- the dataset ---------------- */

/* Do the inputs stay bytes? */
static bool stays_bytes(const struct taken *taken)
{
    if (taken->p->scale != SCALE_BYTE && taken->p->scale != SCALE_NONE)
        return false;
    for (size_t j = 0; j < taken->p->inputs; j++) {
        if (taken->input[j] == COLUMN_OF_ZEROS || taken->p->input[j].text ||
            !table_is_byte(taken->table, taken->input[j]))
            return false;
    }
    return true;
}

/* Do the inputs, bytes, stand side by side in the table, so that its rows are the network's? */
static bool stand_together(const struct taken *taken)
{
    const struct table_column *column = taken->table->column;
    bool together = !taken->table->block.pieces;
    for (size_t j = 0; together && j < taken->p->inputs; j++)
        together = column[taken->input[j]].byte == column[taken->input[0]].byte + j;
    return together;
}

static void copy_bytes(const struct taken *taken, uint8_t *out)
{
    const heddle_table *table = taken->table;
    size_t width = taken->p->inputs;
    for (size_t i = 0; i < taken->rows; i++) {
        const uint8_t *row = table->bytes + (size_t)taken->row[i] * table->byte_columns;
        if (table->block.pieces)
            for (size_t j = 0; j < width; j++)
                out[i * width + j] = (uint8_t)table_number(table, taken->input[j], taken->row[i]);
        else
            for (size_t j = 0; j < width; j++)
                out[i * width + j] = row[table->column[taken->input[j]].byte];
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
static bool can_be_read(const struct taken *taken)
{
    const heddle_table *table = taken->table;
    for (size_t j = 0; j < taken->p->inputs; j++)
        if (taken->input[j] == COLUMN_OF_ZEROS || table->column[taken->input[j]].text ||
            table->column[taken->input[j]].number || taken->p->input[j].text)
            return false;
    return true;
}

/* Would `bytes` be more than half of what there is? */
static bool is_half_the_memory(size_t bytes)
{
    return bytes >= ASKED_FROM && bytes > memory_available("", 1) / 2;
}

/* … more than half of what may be taken? The other half is for the file. */
static bool is_too_much(const struct taken *taken, size_t bytes)
{
    return taken->table->limit ? bytes > taken->table->limit / 2 : is_half_the_memory(bytes);
}

/* Are the inputs used where they are in the table, which would take so many bytes if they were
 * copied? Some rows of a file larger than the memory are better read by a view, which tells the
 * system of them beforehand. */
static bool is_in_table(const struct taken *taken, size_t bytes)
{
    return stays_bytes(taken) && stand_together(taken) &&
           (taken->whole || !taken->table->source.mapped || !is_half_the_memory(bytes));
}

/* The rows to be read from the array, still without their numbers. NULL: no memory. */
static struct view *make_view(const struct taken *taken, bool use_double)
{
    const heddle_table *table = taken->table;
    const struct preprocess *p = taken->p;
    const size_t inputs = p->inputs;
    struct view *view = memory_new(1, sizeof *view);
    if (!view)
        return NULL;
    *view = (struct view){.array = table->block,
                          .inputs = inputs,
                          .straight = true,
                          .fills = p->missing == MISSING_MEAN,
                          .in_real = p->scale == SCALE_BYTE,
                          .use_double = use_double,
                          .source = table->source.data,
                          .size = table->source.size,
                          .mapped = table->source.mapped,
                          .limit = table->limit / 8,
                          .column = memory_new(inputs, sizeof *view->column),
                          .scale = memory_new(inputs, sizeof *view->scale)};
    if (!view->column || !view->scale) {
        view_free(view);
        return NULL;
    }
    for (size_t j = 0; j < inputs; j++) {
        view->column[j] = table->column[taken->input[j]].byte;
        view->straight = view->straight && view->column[j] == view->column[0] + j;
        view->scale[j] = scale_of(p, &p->input[j], use_double);
    }
    return view;
}

static heddle_status fill(const struct taken *taken, bool use_double, bool single_output,
                          struct dataset *set, heddle_error *err)
{
    const heddle_table *table = taken->table;
    const struct preprocess *p = taken->p;
    size_t real_size = use_double ? sizeof(double) : sizeof(float), cells;
    size_t bytes = 0, input_at = 0, row_at = 0, target_at = 0;
    bool read = false, stay = stays_bytes(taken), classify = p->task == TASK_CLASSIFY;
    set->rows = taken->rows;
    set->inputs = p->width;
    set->outputs = !classify ? p->targets : p->classes == 2 && single_output ? 1 : p->classes;
    set->use_double = use_double;
    set->byte_scale = p->scale == SCALE_BYTE ? byte_scale(use_double) : 1.0;
    set->real_stride = stay ? 0 : stride_of(p->width + 1, real_size);
    set->target_stride = classify || !taken->target ? 0 : stride_of(p->targets, real_size);
    bool fits = size_multiply(taken->rows, stay ? p->width : set->real_stride, &cells) &&
                reserve(&bytes, cells, stay ? 1 : real_size, &input_at);
    const bool in_table = is_in_table(taken, bytes);
    if (in_table) {
        bytes = 0;
        fits = taken->whole || reserve(&bytes, taken->rows, sizeof *taken->row, &row_at);
    } else if ((!fits || table->block.pieces || is_too_much(taken, bytes)) && can_be_read(taken)) {
        read = fits = true;
        bytes = set->real_stride = 0;
        set->view = make_view(taken, use_double);
        if (!set->view)
            return status_memory(err, "preprocessed data", taken->rows * sizeof *taken->row);
        set->view->bytes = stay;
    }
    if (taken->target)
        fits = fits && size_multiply(taken->rows, classify ? 1 : set->target_stride, &cells) &&
               reserve(&bytes, cells, classify ? sizeof(int32_t) : real_size, &target_at);
    /* A large arena is only mapped, so it would be had, and the end would come later. */
    if (fits && bytes >= ASKED_FROM) {
        const size_t available = memory_available("", 1);
        const double mebi = 1024.0 * 1024.0;
        if (bytes > available)
            return status_set(
                err, HEDDLE_E_MEMORY,
                "'%s' needs %.1f MiB as inputs of a network, there are %.1f MiB; an array in a "
                "file is used where it is: 'heddle convert %s FILE.npy'",
                table->path, (double)bytes / mebi, (double)available / mebi, table->path);
    }
    char *arena = NULL;
    if (fits && bytes)
        fits = (arena = arena_new(bytes)) != NULL;
    if (!fits)
        return status_memory(err, "preprocessed data", bytes);
    set->arena = arena;
    set->arena_bytes = bytes;
    if (read) {
        /* nothing is written down */
    } else if (in_table) {
        set->bytes = table->bytes + table->column[taken->input[0]].byte;
        set->byte_stride = table->byte_columns;
        set->row = taken->whole
                       ? NULL
                       : memcpy(arena + row_at, taken->row, taken->rows * sizeof *taken->row);
    } else if (stay) {
        copy_bytes(taken, (uint8_t *)arena + input_at);
        set->bytes = (uint8_t *)arena + input_at;
        set->byte_stride = p->width;
    } else {
        set->real = arena + input_at;
        const struct matrix matrix = {arena + input_at, set->real_stride, use_double};
        if (!put_inputs(taken, &matrix))
            return status_memory(err, "preprocessed data", taken->rows * sizeof *taken->row);
    }
    if (!taken->target)
        return HEDDLE_OK;
    if (classify) {
        set->class_index = (int32_t *)(void *)(arena + target_at);
        return choose_class_index(p, table, taken->target[0], taken->row, taken->rows,
                                  set->class_index, err);
    }
    set->target = arena + target_at;
    put_targets(taken, &(struct matrix){set->target, set->target_stride, use_double});
    return HEDDLE_OK;
}

heddle_status preprocess_apply(const struct preprocess *preprocess, const heddle_table *table,
                               const uint32_t *rows, size_t count, bool use_double,
                               bool single_output, bool with_targets, uint32_t *kept,
                               struct dataset *set, heddle_error *err)
{
    struct taken taken;
    struct dataset made = {0};
    heddle_status status = take_cells(preprocess, table, rows, count, with_targets, &taken, err);
    if (status == HEDDLE_OK)
        status = fill(&taken, use_double, single_output, &made, err);
    if (status == HEDDLE_OK && kept)
        memcpy(kept, taken.row, taken.rows * sizeof *kept);
    if (status == HEDDLE_OK && made.view) {
        made.view->row = taken.row;
        taken.row = NULL;
        view_begin(made.view, made.rows, 0);
    }
    taken_done(&taken);
    if (status != HEDDLE_OK) {
        dataset_done(&made);
        return status;
    }
    *set = made;
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- words never seen ----------- */

/* Count the cells of input j whose words were not in training; *first is the first one's row. */
static size_t count_unseen(const struct taken *taken, size_t j, size_t *first)
{
    const struct preprocess_input *input = &taken->p->input[j];
    const size_t c = taken->input[j];
    const struct table_column *column = &taken->table->column[c];
    uint32_t *map = NULL;
    size_t cells = 0;
    bool fits = map_categories(taken, input, c, &map);
    for (size_t i = 0; i < taken->rows && fits; i++) {
        size_t row = taken->row[i];
        if (category_of(taken, input, column, map, i) != NO_CATEGORY)
            continue;
        bool missing = column->text ? column->code[row] == TABLE_MISSING
                                    : isnan(table_number(taken->table, c, row));
        if (!missing && cells++ == 0)
            *first = row;
    }
    memory_free(map);
    return cells;
}

void preprocess_unseen(const struct preprocess *p, const heddle_table *table, bool with_targets,
                       char *text, size_t size)
{
    struct taken taken = {0};
    size_t cells = 0, column = 0, row = 0;
    bool any = false;
    if (size == 0)
        return;
    *text = 0;
    for (size_t j = 0; j < p->inputs; j++)
        any = any || p->input[j].text;
    if (any && take_cells(p, table, NULL, 0, with_targets, &taken, NULL) == HEDDLE_OK) {
        for (size_t j = 0; j < p->inputs; j++) {
            size_t first = 0;
            size_t found = p->input[j].text ? count_unseen(&taken, j, &first) : 0;
            if (found && !cells) {
                column = taken.input[j];
                row = first;
            }
            cells += found;
        }
    }
    taken_done(&taken);
    if (cells) {
        char word[CELL_SHOWN], more[64] = "";
        heddle_table_cell(table, row, column, word, sizeof word);
        if (cells > 1)
            snprintf(more, sizeof more, " (nor were those of %zu more cell%s)", cells - 1,
                     cells == 2 ? "" : "s");
        snprintf(text, size,
                 "'%s' of column '%.100s' was not in the training data%s: it counts as "
                 "none of the words known",
                 word, table->column[column].name, more);
    }
}
