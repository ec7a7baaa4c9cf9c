/** preprocess_fit: means, deviations, ranges and categories of the training rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/distinct.h"
#include "data/moments.h"
#include "data/preprocess_choose.h"

enum {
    MAX_CATEGORIES = 1000,
    FEW_CATEGORIES = 100, /* more words than this in one column are names, not categories … */
    ROWS_EACH = 10,       /* … if there are not so many rows for each */
    IDENTIFIER_ROWS = 10, /* fewer different words in as many rows prove nothing */
    NUMBERED_ROWS = 50,   /* nor do fewer different whole numbers */
    MAX_ONE_HOT = 100000,
    NAMES_NOTED = 8,
    TILE = 64 /* rows that stay in the cache while all their columns are looked through */
};

struct fit {
    const heddle_table *table;
    const struct preprocess_options *options;
    void (*note)(void *user, const char *text);
    void *user;
    struct choice choice;
    uint32_t *row; /* (rows) of the table to fit on: all values needed are there */
    size_t rows;
    double *value;               /* (rows) scratch for … */
    struct moments_rows numbers; /* … the columns of numbers in these rows */
    struct string constant;      /* names of constant columns */
    size_t constants;
    struct preprocess *p;
};

static heddle_status no_memory(const struct fit *fit, heddle_error *err)
{
    return status_memory(err, "preprocessing", fit->rows * sizeof(double));
}

static void note(const struct fit *fit, const char *text)
{
    if (fit->note)
        fit->note(fit->user, text);
}

/* ---------------------------------------------------------------- rows ----------------------- */

static bool is_missing(const heddle_table *table, size_t c, size_t i)
{
    const struct table_column *column = &table->column[c];
    if (column->text)
        return column->code[i] == TABLE_MISSING;
    return !table_is_byte(table, c) && isnan(table_number(table, c, i));
}

/* Leave out the rows of which `missing[i]`; returns how many. */
static size_t leave_out(struct fit *fit, const bool *missing)
{
    size_t kept = 0, rows = fit->rows;
    for (size_t i = 0; i < rows; i++)
        if (!missing[i])
            fit->row[kept++] = fit->row[i];
    fit->rows = kept;
    return rows - kept;
}

/* Look through rows first … first+n-1 (a tile at most) of a column for cells that are none. */
static heddle_status check_numbers(const struct fit *fit, size_t c, size_t first, size_t n,
                                   bool *missing, heddle_error *err)
{
    const heddle_table *table = fit->table;
    char where[TABLE_WHERE_SIZE];
    double value[TILE];
    if (table->column[c].text || table_is_byte(table, c))
        return HEDDLE_OK;
    table_numbers(table, c, fit->row + first, 0, n, value);
    for (size_t i = first; i < first + n; i++) {
        double x = value[i - first];
        if (isfinite(x))
            continue;
        if (isinf(x))
            return table_not_finite(table, c, fit->row[i], err);
        if (fit->options->missing == MISSING_ERROR)
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' %s column %zu: '%s' has no value; --missing mean fills such "
                              "cells, --missing drop leaves such rows out",
                              table->path, table_where(table, fit->row[i], where), c + 1,
                              table->column[c].name);
        missing[i] = true;
    }
    return HEDDLE_OK;
}

/* The rows that have a target, and with --missing drop all their numbers. */
static heddle_status choose_rows(struct fit *fit, const uint32_t *rows, size_t count,
                                 heddle_error *err)
{
    const heddle_table *table = fit->table;
    fit->rows = rows ? count : table->rows;
    if (table->rows > UINT32_MAX - 1)
        return status_set(err, HEDDLE_E_DATA, "'%s' has too many rows", table->path);
    fit->row = memory_new(fit->rows, sizeof *fit->row);
    fit->value = memory_new(fit->rows, sizeof *fit->value);
    bool *missing = memory_new(fit->rows, sizeof *missing);
    if (!fit->row || !fit->value || !missing) {
        memory_free(missing);
        return no_memory(fit, err);
    }
    for (size_t i = 0; i < fit->rows; i++) {
        fit->row[i] = rows ? rows[i] : (uint32_t)i;
        for (size_t t = 0; t < fit->choice.targets; t++)
            missing[i] = missing[i] || is_missing(table, fit->choice.target[t], fit->row[i]);
    }
    char text[128];
    size_t out = leave_out(fit, missing);
    if (out) {
        snprintf(text, sizeof text, "%zu row%s without a target left out", out,
                 out == 1 ? "" : "s");
        note(fit, text);
    }
    memset(missing, 0, fit->rows * sizeof *missing);
    heddle_status status = HEDDLE_OK;
    /* by rows: an array's columns stand side by side, and it may be larger than the memory */
    for (size_t i = 0; i < fit->rows; i += TILE) {
        const size_t n = fit->rows - i < TILE ? fit->rows - i : TILE;
        for (size_t j = 0; j < fit->choice.inputs && status == HEDDLE_OK; j++)
            status = check_numbers(fit, fit->choice.input[j], i, n, missing, err);
    }
    if (status == HEDDLE_OK && fit->options->missing == MISSING_DROP) {
        out = leave_out(fit, missing);
        if (out) {
            snprintf(text, sizeof text, "%zu row%s with missing values left out", out,
                     out == 1 ? "" : "s");
            note(fit, text);
        }
    }
    memory_free(missing);
    if (status == HEDDLE_OK && fit->rows == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' has no row with all values to train on",
                          table->path);
    return status;
}

/* ---------------------------------------------------------------- notes ---------------------- */

/* Does the column of a text, all whole numbers, look like one that counts or names the rows? Then
 * no number is there twice, and either it is the first column or they are a range without gaps. */
static heddle_status note_identifier(struct fit *fit, size_t c, const struct moments *m,
                                     heddle_error *err)
{
    const heddle_table *table = fit->table;
    const double *number = table->column[c].number;
    struct distinct_numbers set = {0};
    bool differ = table->line && number && m->numbers == fit->rows && fit->rows >= NUMBERED_ROWS &&
                  m->minimum >= 0 && (c == 0 || m->maximum - m->minimum + 1 == (double)table->rows);
    bool fits = true;
    for (size_t i = 0; differ && fits && i < fit->rows; i++) {
        double x = number[fit->row[i]];
        uint32_t index;
        differ = x == trunc(x);
        fits = !differ || distinct_numbers_add(&set, x, &index);
        differ = differ && set.count == i + 1;
    }
    distinct_numbers_done(&set);
    if (!fits)
        return no_memory(fit, err);
    if (differ) {
        char text[400], shown[CELL_SHOWN];
        cell_show(table->column[c].name, strlen(table->column[c].name), shown);
        const char *quote = cell_quote(shown);
        snprintf(text, sizeof text,
                 "column '%s' looks like an identifier: whole numbers, all different; --drop "
                 "%s%s%s leaves it out",
                 shown, quote, shown, quote);
        note(fit, text);
    }
    return HEDDLE_OK;
}

/* Is the last column learnt only because nothing was said, and another one likelier meant? */
static heddle_status note_target(struct fit *fit, heddle_error *err)
{
    const heddle_table *table = fit->table;
    size_t c;
    heddle_status status = choose_likelier(table, fit->options, &fit->choice, &c, err);
    if (status != HEDDLE_OK || c == table->columns)
        return status;
    const char *target = table->column[fit->choice.target[0]].name, *name = table->column[c].name;
    char text[400], shown[2][CELL_SHOWN];
    cell_show(target, strlen(target), shown[0]);
    cell_show(name, strlen(name), shown[1]);
    const char *quote = cell_quote(shown[1]);
    snprintf(text, sizeof text, "'%s' is learnt, the last column; --target %s%s%s learns '%s'",
             shown[0], quote, shown[1], quote, shown[1]);
    note(fit, text);
    return HEDDLE_OK;
}

/* Are all words of a column of categories dates? */
static void note_dates(struct fit *fit, const struct preprocess_input *input)
{
    char text[400], shown[CELL_SHOWN];
    size_t dates = 0;
    while (dates < input->categories &&
           cell_is_date(input->category[dates], strlen(input->category[dates])))
        dates++;
    if (dates < input->categories || dates < 2)
        return;
    cell_show(input->name, strlen(input->name), shown);
    const char *quote = cell_quote(shown);
    snprintf(text, sizeof text,
             "column '%s' holds dates or times, taken for %zu categories; --drop %s%s%s leaves it "
             "out",
             shown, dates, quote, shown, quote);
    note(fit, text);
}

static void note_constant(struct fit *fit, const char *name)
{
    if (fit->constants++ < NAMES_NOTED)
        string_print(&fit->constant, "%s'%s'", fit->constants > 1 ? ", " : "", name);
}

/* ---------------------------------------------------------------- numbers -------------------- */

/* 1 / width, or 1 where that is no number: a constant column becomes 0. */
static double inverse(double width)
{
    double factor = 1.0 / width;
    return width > 0.0 && isfinite(factor) ? factor : 1.0;
}

static heddle_status fit_number(struct fit *fit, size_t c, struct preprocess_input *input,
                                heddle_error *err)
{
    enum scale scale = fit->p->scale;
    bool fill = fit->options->missing == MISSING_MEAN && !table_is_byte(fit->table, c);
    input->shift = 0.0;
    input->factor = scale == SCALE_BYTE ? 1.0 / 255.0 : 1.0;
    if (!fill && (scale == SCALE_BYTE || scale == SCALE_NONE))
        return HEDDLE_OK;
    struct moments m;
    heddle_status status = moments_find(&fit->numbers, c, &m, err);
    if (status != HEDDLE_OK)
        return status;
    if (m.minimum == m.maximum)
        note_constant(fit, input->name);
    if (fill)
        input->fill = m.mean;
    status = note_identifier(fit, c, &m, err);
    if (status != HEDDLE_OK)
        return status;
    if (scale == SCALE_STANDARD) {
        input->shift = m.mean;
        input->factor = inverse(m.deviation);
    } else if (scale == SCALE_MINMAX) {
        input->shift = m.minimum;
        input->factor = inverse(m.maximum - m.minimum);
    }
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- words ---------------------- */

/* What the rows have of a column of words. */
struct words {
    bool *used; /* (words of the column) */
    size_t categories, cells;
    bool missing;
};

static heddle_status count_words(struct fit *fit, size_t c, struct words *words, heddle_error *err)
{
    const struct table_column *column = &fit->table->column[c];
    *words = (struct words){.used = memory_new(column->words, sizeof *words->used)};
    if (!words->used)
        return no_memory(fit, err);
    for (size_t i = 0; i < fit->rows; i++) {
        uint32_t code = column->code[fit->row[i]];
        if (code == TABLE_MISSING) {
            words->missing = true;
            continue;
        }
        words->cells++;
        words->categories += !words->used[code];
        words->used[code] = true;
    }
    return HEDDLE_OK;
}

static bool name_rows(const struct words *words)
{
    size_t categories = words->categories, cells = words->cells;
    return (categories > FEW_CATEGORIES && categories * ROWS_EACH > cells) ||
           (categories == cells && cells >= IDENTIFIER_ROWS) ||
           (categories * 10 > cells * 9 && cells >= NUMBERED_ROWS);
}

/* Refuse the words of input j, with the other columns behind it that would be refused next. */
static heddle_status refuse_identifiers(struct fit *fit, size_t j, const struct words *words,
                                        heddle_error *err)
{
    const struct table_column *column = fit->table->column;
    const struct choice *choice = &fit->choice;
    const char *name = column[choice->input[j]].name;
    enum { LENGTH = 160 }; /* of names in a message, which has an end */
    struct string list = {0};
    heddle_status status = HEDDLE_OK;
    size_t count = 1;
    string_add(&list, name);
    for (size_t k = j + 1; k < choice->inputs && status == HEDDLE_OK; k++) {
        size_t c = choice->input[k];
        struct words more = {0};
        if (!column[c].text || list.length + strlen(column[c].name) > LENGTH)
            continue;
        status = count_words(fit, c, &more, err);
        if (status == HEDDLE_OK && name_rows(&more)) {
            string_print(&list, ",%s", column[c].name);
            count++;
        }
        memory_free(more.used);
    }
    if (status == HEDDLE_OK && list.failed)
        status = no_memory(fit, err);
    if (status == HEDDLE_OK) {
        const char *quote = cell_quote(list.data);
        char others[64] = "";
        if (count > 1)
            snprintf(others, sizeof others, ", as %s %zu more", count == 2 ? "does" : "do",
                     count - 1);
        status = status_set(err, HEDDLE_E_DATA,
                            "column '%s' has %zu different words in %zu rows and looks like an "
                            "identifier%s; leave %s out with --drop %s%s%s",
                            name, words->categories, words->cells, others,
                            count > 1 ? "them" : "it", quote, list.data, quote);
    }
    memory_free(list.data);
    return status;
}

static heddle_status fit_words(struct fit *fit, size_t j, struct preprocess_input *input,
                               heddle_error *err)
{
    const size_t c = fit->choice.input[j];
    const struct table_column *column = &fit->table->column[c];
    const char *quote = cell_quote(column->name);
    struct words words;
    heddle_status status = count_words(fit, c, &words, err);
    if (status != HEDDLE_OK)
        return status;
    input->missing_category = words.missing;
    if (name_rows(&words))
        status = refuse_identifiers(fit, j, &words, err);
    else if (words.categories > MAX_CATEGORIES)
        status =
            status_set(err, HEDDLE_E_DATA,
                       "column '%s' has %zu different words, at most %d can be categories; "
                       "leave it out with --drop %s%s%s",
                       column->name, words.categories, MAX_CATEGORIES, quote, column->name, quote);
    if (status == HEDDLE_OK && !(input->category = memory_new(words.categories, sizeof(char *))))
        status = no_memory(fit, err);
    for (size_t w = 0; w < column->words && status == HEDDLE_OK; w++) {
        if (!words.used[w])
            continue;
        char *word = memory_string(column->word[w]);
        if (word)
            input->category[input->categories++] = word;
        else
            status = no_memory(fit, err);
    }
    memory_free(words.used);
    if (status != HEDDLE_OK)
        return status;
    text_sort(input->category, input->categories);
    note_dates(fit, input);
    if (input->categories + input->missing_category == 1)
        note_constant(fit, input->name);
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- fit ------------------------ */

static heddle_status fit_inputs(struct fit *fit, heddle_error *err)
{
    struct preprocess *p = fit->p;
    size_t one_hot = 0;
    for (size_t j = 0; j < fit->choice.inputs; j++) {
        size_t c = fit->choice.input[j];
        struct preprocess_input *input = &p->input[j];
        p->inputs = j + 1;
        input->position = c;
        input->text = fit->table->column[c].text;
        input->name = memory_string(fit->table->column[c].name);
        if (!input->name)
            return no_memory(fit, err);
        heddle_status status =
            input->text ? fit_words(fit, j, input, err) : fit_number(fit, c, input, err);
        if (status != HEDDLE_OK)
            return status;
        size_t width = input->text ? input->categories + input->missing_category : 1;
        one_hot += input->text ? width : 0;
        if (one_hot > MAX_ONE_HOT)
            return status_set(err, HEDDLE_E_DATA,
                              "the columns of words make more than %d inputs; leave some out with "
                              "--drop",
                              MAX_ONE_HOT);
        p->width += width;
    }
    return HEDDLE_OK;
}

static heddle_status fit_targets(struct fit *fit, heddle_error *err)
{
    struct preprocess *p = fit->p;
    for (size_t t = 0; t < fit->choice.targets; t++) {
        size_t c = fit->choice.target[t];
        struct preprocess_target *target = &p->target[t];
        p->targets = t + 1;
        *target = (struct preprocess_target){.position = c, .shift = 0.0, .factor = 1.0};
        target->name = memory_string(fit->table->column[c].name);
        if (!target->name)
            return no_memory(fit, err);
        if (p->task == TASK_CLASSIFY)
            return choose_classes(fit->table, c, p, err);
        for (size_t i = 0; i < fit->rows; i++)
            if (isinf(table_number(fit->table, c, fit->row[i])))
                return table_not_finite(fit->table, c, fit->row[i], err);
        struct moments m;
        heddle_status status = moments_find(&fit->numbers, c, &m, err);
        if (status != HEDDLE_OK)
            return status;
        if (m.minimum == m.maximum)
            note_constant(fit, target->name);
        if (fit->options->scale_targets) {
            target->shift = m.mean;
            target->factor = inverse(m.deviation);
        }
    }
    return HEDDLE_OK;
}

static enum scale choose_scale(const struct fit *fit)
{
    if (fit->options->scale != SCALE_AUTO)
        return fit->options->scale;
    for (size_t j = 0; j < fit->choice.inputs; j++)
        if (!table_is_byte(fit->table, fit->choice.input[j]))
            return SCALE_STANDARD;
    return fit->table->images ? SCALE_BYTE : SCALE_STANDARD;
}

static heddle_status fit_all(struct fit *fit, const uint32_t *rows, size_t count, heddle_error *err)
{
    heddle_status status = choose_columns(fit->table, fit->options, &fit->choice, err);
    if (status == HEDDLE_OK)
        status = choose_rows(fit, rows, count, err);
    if (status == HEDDLE_OK)
        status = note_target(fit, err);
    if (status != HEDDLE_OK)
        return status;
    fit->numbers = (struct moments_rows){
        .table = fit->table, .row = fit->row, .rows = fit->rows, .value = fit->value};
    if (fit->table->row_names && fit->choice.target[0] != 0)
        note(fit, "the first column has no name and no cell twice: the rows' names, left out");
    if (fit->table->block.pieces && fit->table->block.row < fit->table->block.column)
        note(fit, "the array holds column after column and is read in pieces, each row from many; "
                  "what 'heddle convert' writes holds row after row and is trained on faster, "
                  "unless rows are shuffled by blocks");
    struct preprocess *p = fit->p = memory_new(1, sizeof *p);
    if (!p)
        return no_memory(fit, err);
    p->task = fit->choice.task;
    p->scale = choose_scale(fit);
    p->missing = fit->options->missing;
    p->named = fit->table->named;
    p->columns = fit->table->columns;
    p->input = memory_new(fit->choice.inputs, sizeof *p->input);
    p->target = memory_new(fit->choice.targets, sizeof *p->target);
    if (!p->input || !p->target)
        return no_memory(fit, err);
    status = fit_targets(fit, err);
    if (status == HEDDLE_OK)
        status = fit_inputs(fit, err);
    if (status != HEDDLE_OK || fit->constants == 0)
        return status;
    string_print(&fit->constant, "%s %s constant", fit->constants > NAMES_NOTED ? ", …" : "",
                 fit->constants == 1 ? "is" : "are");
    if (fit->constant.failed)
        return no_memory(fit, err);
    char text[400];
    snprintf(text, sizeof text, "%zu column%s: %s", fit->constants, fit->constants == 1 ? "" : "s",
             fit->constant.data);
    note(fit, text);
    return HEDDLE_OK;
}

heddle_status preprocess_fit(const heddle_table *table, const struct preprocess_options *options,
                             const uint32_t *rows, size_t count,
                             void (*on_note)(void *user, const char *text), void *user,
                             struct preprocess **preprocess, heddle_error *err)
{
    struct fit fit = {.table = table, .options = options, .note = on_note, .user = user};
    heddle_status status = fit_all(&fit, rows, count, err);
    choice_done(&fit.choice);
    memory_free(fit.row);
    memory_free(fit.value);
    moments_done(&fit.numbers);
    memory_free(fit.constant.data);
    if (status != HEDDLE_OK) {
        preprocess_free(fit.p);
        return status;
    }
    *preprocess = fit.p;
    return HEDDLE_OK;
}
