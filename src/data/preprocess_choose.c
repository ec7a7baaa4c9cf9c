/** preprocess_choose: columns by name or number, and the guess between classes and numbers. */
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/columns.h"
#include "data/distinct.h"
#include "data/preprocess_choose.h"

enum {
    AUTO_CLASSES = 26,   /* whole numbers with no more values are taken for classes … */
    AUTO_ROWS = 5,       /* … if there are so many rows for each, … */
    AUTO_ANY = 10,       /* … and if more values than these are 0, 1, 2, … or 1, 2, 3, … */
    LABEL_CLASSES = 256, /* labels of images: always */
    FRACTION_CLASSES = 1000, /* more classes of numbers that are not whole are a mistake */
    MAX_CLASSES = 100000,
    CLASS_INPUTS = 4,    /* a first column of words before fewer numbers may well be an input … */
    CLASS_ROWS = 5,      /* … and so may one whose words are not there so many times */
    IDENTIFIER_ROWS = 10 /* fewer different words in as many rows prove nothing */
};

static heddle_status no_memory(const heddle_table *table, heddle_error *err)
{
    return status_memory(err, "preprocessing", table->columns * sizeof(size_t));
}

/* ---------------------------------------------------------------- columns -------------------- */

enum mark { INPUT, DROPPED, TARGET };

static heddle_status mark_columns(const heddle_table *table,
                                  const struct preprocess_options *options, char *mark,
                                  heddle_error *err)
{
    const char *target = options->target ? options->target : "";
    size_t columns = table->columns;
    bool automatic =
        !*target || (strcmp(target, "auto") == 0 && table_find(table, target) == columns);
    if (table->row_names)
        *mark = DROPPED; /* unless it is the target */
    if (automatic && table->pictures && !table->targets)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' holds images and no labels, and none are beside it: name the file "
                          "that has them with --labels FILE, or a column with --target",
                          table->path);
    if (automatic && table->targets > 0 && table->targets <= columns)
        memset(mark + columns - table->targets, TARGET, table->targets);
    else if (automatic || (strcmp(target, "last") == 0 && table_find(table, target) == columns))
        mark[columns - 1] = TARGET;
    else {
        heddle_status status = columns_mark(table, target, true, mark, TARGET, err);
        if (status != HEDDLE_OK)
            return status;
    }
    if (!options->drop || !*options->drop)
        return HEDDLE_OK;
    char *dropped = memory_new(columns, 1);
    if (!dropped)
        return no_memory(table, err);
    heddle_status status = columns_mark(table, options->drop, true, dropped, 1, err);
    for (size_t c = 0; c < columns && status == HEDDLE_OK; c++) {
        if (dropped[c] && mark[c] == TARGET)
            status = status_set(err, HEDDLE_E_ARGUMENT, "column '%s' is to be dropped and learnt",
                                table->column[c].name);
        if (dropped[c])
            mark[c] = DROPPED;
    }
    memory_free(dropped);
    return status;
}

/* ---------------------------------------------------------------- the task ------------------- */

/* Are numbers classes? Whole ones with few values are; with some more, if they count the classes:
   years, ages and miles a gallon have gaps, and do not begin at 0 or 1. */
static heddle_status guess_task(const heddle_table *table, size_t c, enum task *task,
                                heddle_error *err)
{
    *task = TASK_CLASSIFY;
    if (table->column[c].text)
        return HEDDLE_OK;
    bool labels =
        table->labelled && (table->images || table->whole_labels) && c + 1 == table->columns;
    size_t most = labels ? LABEL_CLASSES : AUTO_CLASSES, rows = 0;
    struct distinct_numbers set = {0};
    double lowest = INFINITY, highest = -INFINITY;
    heddle_status status = HEDDLE_OK;
    for (size_t i = 0; i < table->rows; i++) {
        double x = table_number(table, c, i);
        if (isnan(x))
            continue;
        uint32_t index;
        rows++;
        lowest = fmin(lowest, x);
        highest = fmax(highest, x);
        if (x != trunc(x) || set.count > most) {
            *task = TASK_REGRESS;
            break;
        }
        if (!distinct_numbers_add(&set, x, &index)) {
            status = no_memory(table, err);
            break;
        }
    }
    bool counted = (lowest == 0 || lowest == 1) && highest - lowest + 1 == (double)set.count;
    if (set.count > most || (!labels && set.count > 2 && rows < AUTO_ROWS * set.count) ||
        (!labels && set.count > AUTO_ANY && !counted))
        *task = TASK_REGRESS;
    distinct_numbers_done(&set);
    return status;
}

static heddle_status choose_task(const heddle_table *table,
                                 const struct preprocess_options *options, struct choice *choice,
                                 heddle_error *err)
{
    enum task wanted = options->task;
    for (size_t t = 0; t < choice->targets; t++) {
        const struct table_column *column = &table->column[choice->target[t]];
        if (column->text && choice->targets > 1)
            return status_set(err, HEDDLE_E_DATA,
                              "target '%s' is text; several targets must all be numbers",
                              column->name);
        if (column->text && wanted == TASK_REGRESS)
            return status_set(err, HEDDLE_E_DATA,
                              "target '%s' is text ('%s'); --task regress needs numbers",
                              column->name, column->word[0]);
    }
    if (choice->targets > 1 && wanted == TASK_CLASSIFY)
        return status_set(err, HEDDLE_E_ARGUMENT, "--task classify takes one target, not %zu",
                          choice->targets);
    choice->task = wanted != TASK_AUTO ? wanted : TASK_REGRESS;
    if (wanted == TASK_AUTO && choice->targets == 1 &&
        (options->numbers_are_classes || table->column[choice->target[0]].text))
        return guess_task(table, choice->target[0], &choice->task, err);
    return HEDDLE_OK;
}

static heddle_status complain_of_flaw(const struct table_column *column, bool input,
                                      heddle_error *err)
{
    if (!input)
        return status_set(err, HEDDLE_E_DATA, "%s", column->flaw);
    const char *quote = cell_quote(column->name);
    char take[400] = "";
    if (column->text)
        snprintf(take, sizeof take, ", --categories %s%s%s takes its words as they are", quote,
                 column->name, quote);
    return status_set(err, HEDDLE_E_DATA, "%s; --drop %s%s%s leaves the column out%s", column->flaw,
                      quote, column->name, quote, take);
}

heddle_status choose_columns(const heddle_table *table, const struct preprocess_options *options,
                             struct choice *choice, heddle_error *err)
{
    *choice = (struct choice){0};
    size_t columns = table->columns;
    char *mark = memory_new(columns, 1);
    choice->input = memory_new(columns, sizeof *choice->input);
    choice->target = memory_new(columns, sizeof *choice->target);
    heddle_status status = HEDDLE_OK;
    if (!mark || !choice->input || !choice->target)
        status = no_memory(table, err);
    if (status == HEDDLE_OK)
        status = mark_columns(table, options, mark, err);
    for (size_t c = 0; c < columns && status == HEDDLE_OK; c++) {
        if (mark[c] == INPUT)
            choice->input[choice->inputs++] = c;
        else if (mark[c] == TARGET)
            choice->target[choice->targets++] = c;
    }
    for (size_t c = 0; c < columns && status == HEDDLE_OK; c++)
        if (mark[c] != DROPPED && table->column[c].flaw)
            status = complain_of_flaw(&table->column[c], mark[c] == INPUT, err);
    memory_free(mark);
    if (status == HEDDLE_OK && choice->inputs == 0)
        status = status_set(err, HEDDLE_E_DATA,
                            "'%s' has nothing to learn from: no column but the target%s is left",
                            table->path, choice->targets == 1 ? "" : "s");
    for (size_t t = 0; t < choice->targets && status == HEDDLE_OK; t++)
        table_keep(table, choice->target[t]);
    if (status == HEDDLE_OK)
        status = choose_task(table, options, choice, err);
    return status;
}

/* "class", "Label", … */
static bool names_target(const char *name)
{
    static const char *const names[] = {"class", "label", "labels", "target", "outcome"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return strcmp(name, "y") == 0; /* Y is a place */
}

static bool is_said(const heddle_table *table, const struct preprocess_options *options)
{
    const char *target = options->target ? options->target : "";
    return table->targets > 0 || (*target && strcmp(target, "auto") != 0);
}

/* Is the first column the only one of words, few and each there several times, before numbers? */
static bool is_class_first(const heddle_table *table, const struct choice *choice)
{
    const struct table_column *first = &table->column[0];
    bool numbers = choice->inputs >= CLASS_INPUTS && choice->input[0] == 0;
    for (size_t j = 1; j < choice->inputs && numbers; j++)
        numbers = !table->column[choice->input[j]].text;
    return numbers && first->text && first->words > 1 && first->words <= AUTO_CLASSES &&
           table->rows / first->words >= CLASS_ROWS;
}

heddle_status choose_likelier(const heddle_table *table, const struct preprocess_options *options,
                              const struct choice *choice, size_t *likelier, heddle_error *err)
{
    const struct table_column *target = &table->column[choice->target[0]];
    size_t found = 0;
    *likelier = table->columns;
    if (is_said(table, options) || target->text || (table->named && names_target(target->name)))
        return HEDDLE_OK;
    for (size_t j = 0; j < choice->inputs; j++) {
        const struct table_column *column = &table->column[choice->input[j]];
        if (table->named ? !names_target(column->name) : !column->text)
            continue;
        const bool few = table->named || (column->words > 1 && column->words <= AUTO_CLASSES);
        *likelier = few ? choice->input[j] : *likelier;
        found++;
    }
    if (found > 1)
        *likelier = table->columns;
    if (!found && table->named && choice->task != TASK_CLASSIFY && is_class_first(table, choice))
        *likelier = 0;
    if (found || table->named || !table->line || choice->task == TASK_CLASSIFY ||
        choice->input[0] != 0)
        return HEDDLE_OK;
    enum task task;
    heddle_status status = guess_task(table, 0, &task, err);
    *likelier = status == HEDDLE_OK && task == TASK_CLASSIFY ? 0 : table->columns;
    return status;
}

void choice_done(struct choice *choice)
{
    memory_free(choice->input);
    memory_free(choice->target);
    *choice = (struct choice){0};
}

/* ---------------------------------------------------------------- classes -------------------- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static heddle_status check_classes(const heddle_table *table, size_t c, size_t classes,
                                   size_t missing, heddle_error *err)
{
    const struct table_column *column = &table->column[c];
    if (missing == table->rows)
        return status_set(err, HEDDLE_E_DATA, "target '%s' has no values", column->name);
    if (classes == 1) {
        char value[CELL_SHOWN] = "";
        for (size_t i = 0; !*value; i++)
            heddle_table_cell(table, i, c, value, sizeof value);
        return status_set(
            err, HEDDLE_E_DATA,
            "target '%s' has one class only, '%s'; another column is chosen with --target",
            column->name, value);
    }
    if (column->text && classes == table->rows - missing && table->rows >= IDENTIFIER_ROWS)
        return status_set(err, HEDDLE_E_DATA,
                          "target '%s' looks like an identifier: its %zu words all differ; choose "
                          "another with --target",
                          column->name, classes);
    if (classes > MAX_CLASSES)
        return status_set(err, HEDDLE_E_DATA,
                          "target '%s' has %zu classes, at most %d are possible", column->name,
                          classes, MAX_CLASSES);
    return HEDDLE_OK;
}

static heddle_status number_classes(const heddle_table *table, size_t c, struct preprocess *p,
                                    heddle_error *err)
{
    struct distinct_numbers set = {0};
    heddle_status status = HEDDLE_OK;
    size_t missing = 0;
    bool whole = true;
    for (size_t i = 0; i < table->rows && status == HEDDLE_OK; i++) {
        double x = table_number(table, c, i);
        uint32_t index;
        if (isnan(x)) {
            missing++;
            continue;
        }
        whole = whole && x == trunc(x);
        if (isinf(x))
            status = table_not_finite(table, c, i, err);
        else if (!distinct_numbers_add(&set, x, &index))
            status = no_memory(table, err);
        else if (set.count > (whole ? MAX_CLASSES : FRACTION_CLASSES))
            status = status_set(err, HEDDLE_E_DATA,
                                "target '%s' has more than %zu different numbers, too many for "
                                "classes; --task regress predicts them as numbers",
                                table->column[c].name, set.count - 1);
    }
    if (status == HEDDLE_OK)
        status = check_classes(table, c, set.count, missing, err);
    if (status == HEDDLE_OK) {
        qsort(set.value, set.count, sizeof *set.value, compare_numbers);
        p->class_name = memory_new(set.count, sizeof *p->class_name);
        p->class_number = set.value;
        set.value = NULL;
        p->classes = p->class_name ? set.count : 0;
        if (!p->class_name)
            status = no_memory(table, err);
    }
    for (size_t k = 0; k < p->classes && status == HEDDLE_OK; k++) {
        char name[TEXT_NUMBER_SIZE];
        text_from_double(p->class_number[k], name);
        p->class_name[k] = memory_string(name);
        if (!p->class_name[k])
            status = no_memory(table, err);
    }
    distinct_numbers_done(&set);
    return status;
}

heddle_status choose_classes(const heddle_table *table, size_t c, struct preprocess *p,
                             heddle_error *err)
{
    const struct table_column *column = &table->column[c];
    if (!column->text)
        return number_classes(table, c, p, err);
    size_t missing = 0;
    for (size_t i = 0; i < table->rows; i++)
        missing += column->code[i] == TABLE_MISSING;
    heddle_status status = check_classes(table, c, column->words, missing, err);
    if (status != HEDDLE_OK)
        return status;
    p->class_name = memory_new(column->words, sizeof *p->class_name);
    if (!p->class_name)
        return no_memory(table, err);
    p->classes = column->words;
    for (size_t k = 0; k < p->classes; k++)
        if (!(p->class_name[k] = memory_string(column->word[k])))
            return no_memory(table, err);
    text_sort(p->class_name, p->classes);
    return HEDDLE_OK;
}

/* Class of a number, or -1. */
static int32_t class_of_number(const struct preprocess *p, double x)
{
    size_t low = 0, high = p->classes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->class_number[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low < p->classes && p->class_number[low] == x ? (int32_t)low : -1;
}

/* Class of each word of a text column, -1 for a word that is none. */
static heddle_status map_words(const struct distinct_words *names,
                               const struct table_column *column, int32_t **map, heddle_error *err)
{
    *map = memory_new(column->words, sizeof **map);
    if (!*map)
        return status_memory(err, "classes", column->words * sizeof **map);
    for (size_t w = 0; w < column->words; w++) {
        uint32_t code;
        const char *word = column->word[w];
        size_t n = strlen(word);
        bool known =
            distinct_words_find(names, word, n, &code) ||
            /* C4.5 ends each line with a full stop, or those of one file of two */
            (n > 1 && word[n - 1] == '.' && distinct_words_find(names, word, n - 1, &code));
        (*map)[w] = known ? (int32_t)code : -1;
    }
    return HEDDLE_OK;
}

heddle_status choose_class_index(const struct preprocess *p, const heddle_table *table, size_t c,
                                 const uint32_t *rows, size_t count, int32_t *index,
                                 heddle_error *err)
{
    const struct table_column *column = &table->column[c];
    struct distinct_words names = {0};
    int32_t *map = NULL;
    heddle_status status = HEDDLE_OK;
    uint32_t code;
    for (size_t k = 0; k < p->classes && status == HEDDLE_OK; k++)
        if (!distinct_words_add(&names, p->class_name[k], strlen(p->class_name[k]), &code))
            status = no_memory(table, err);
    if (status == HEDDLE_OK && column->text)
        status = map_words(&names, column, &map, err);
    for (size_t i = 0; i < count && status == HEDDLE_OK; i++) {
        bool missing;
        index[i] = -1;
        if (column->text) {
            missing = column->code[rows[i]] == TABLE_MISSING;
            if (!missing)
                index[i] = map[column->code[rows[i]]];
        } else {
            double x = table_number(table, c, rows[i]);
            char name[TEXT_NUMBER_SIZE];
            missing = isnan(x);
            if (!missing && p->class_number)
                index[i] = class_of_number(p, x);
            else if (!missing &&
                     distinct_words_find(&names, name, text_from_double(x, name), &code))
                index[i] = (int32_t)code;
        }
        if (index[i] < 0 && !missing) {
            char value[CELL_SHOWN], where[TABLE_WHERE_SIZE];
            heddle_table_cell(table, rows[i], c, value, sizeof value);
            status =
                status_set(err, HEDDLE_E_DATA,
                           "'%s' %s: class '%s' of '%s' was not in the training data; leave "
                           "such rows out",
                           table->path, table_where(table, rows[i], where), value, column->name);
        }
    }
    memory_free(map);
    distinct_words_done(&names);
    return status;
}

heddle_status preprocess_class_codes(const heddle_table *table,
                                     const struct preprocess_options *options, uint32_t *codes,
                                     bool *classify, heddle_error *err)
{
    struct choice choice;
    heddle_status status = choose_columns(table, options, &choice, err);
    bool classes = status == HEDDLE_OK && choice.task == TASK_CLASSIFY;
    struct preprocess *p = NULL;
    uint32_t *rows = NULL;
    int32_t *index = NULL;
    if (classes) {
        p = memory_new(1, sizeof *p);
        rows = memory_new(table->rows, sizeof *rows);
        index = memory_new(table->rows, sizeof *index);
        if (!p || !rows || !index)
            status = no_memory(table, err);
        else
            status = choose_classes(table, choice.target[0], p, err);
    }
    if (classes && status == HEDDLE_OK) {
        for (size_t i = 0; i < table->rows; i++)
            rows[i] = (uint32_t)i;
        status = choose_class_index(p, table, choice.target[0], rows, table->rows, index, err);
    }
    if (status == HEDDLE_OK) {
        for (size_t i = 0; classes && i < table->rows; i++)
            codes[i] = index[i] < 0 ? TABLE_MISSING : (uint32_t)index[i];
        *classify = classes;
    }
    preprocess_free(p);
    memory_free(rows);
    memory_free(index);
    choice_done(&choice);
    return status;
}
