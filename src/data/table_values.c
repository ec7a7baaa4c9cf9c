/** table_values: which values stand in a column, and how often. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/distinct.h"
#include "data/table.h"

bool table_make_words(heddle_table *table, size_t c)
{
    struct table_column *column = &table->column[c];
    struct distinct_numbers numbers = {0};
    struct distinct_words words = {0};
    uint32_t *code = memory_new(table->rows, sizeof *code), w;
    bool fits = code != NULL;
    for (size_t i = 0; fits && i < table->rows; i++) {
        double x = table_number(table, c, i);
        code[i] = TABLE_MISSING;
        fits = isnan(x) || distinct_numbers_add(&numbers, x, &code[i]);
    }
    for (size_t k = 0; fits && k < numbers.count; k++) {
        char text[TEXT_NUMBER_SIZE];
        size_t n = text_from_double(numbers.value[k], text);
        fits = distinct_words_add(&words, text, n, &w);
    }
    const size_t count = words.count;
    fits = fits && distinct_words_take(&words, &column->word, &column->letters);
    distinct_numbers_done(&numbers);
    distinct_words_done(&words);
    if (!fits) {
        memory_free(code);
        return false;
    }
    if (!column->shared)
        memory_free(column->number);
    column->number = NULL;
    column->code = code;
    column->words = count;
    column->shared = false;
    column->text = true;
    return true;
}

struct tally {
    double number;    /* of a column of numbers … */
    const char *word; /* … of words */
    size_t rows;
};

static int compare(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    if (x->word)
        return strcmp(x->word, y->word);
    return (x->number > y->number) - (x->number < y->number);
}

/* Rows of each number; false: there are more than `most`, or no memory. */
static bool count_numbers(const heddle_table *table, size_t c, size_t most, struct tally *tally,
                          size_t *count)
{
    struct distinct_numbers set = {0};
    bool fits = true;
    for (size_t i = 0; fits && i < table->rows; i++) {
        double x = table_number(table, c, i);
        uint32_t index;
        if (isnan(x))
            continue;
        fits = distinct_numbers_add(&set, x, &index) && set.count <= most;
        if (fits) {
            tally[index].number = x;
            tally[index].rows++;
        }
    }
    *count = set.count;
    distinct_numbers_done(&set);
    return fits;
}

/* Rows of each word, likewise. */
static bool count_words(const heddle_table *table, size_t c, size_t most, struct tally *tally,
                        size_t *count)
{
    const struct table_column *column = &table->column[c];
    *count = column->words;
    if (column->words > most)
        return false;
    for (size_t w = 0; w < column->words; w++)
        tally[w].word = column->word[w];
    for (size_t i = 0; i < table->rows; i++)
        if (column->code[i] != TABLE_MISSING)
            tally[column->code[i]].rows++;
    return true;
}

size_t heddle_table_values(const heddle_table *table, size_t i, heddle_value *value, size_t most)
{
    size_t count = 0;
    const bool text = table->column[i].text;
    struct tally *tally = memory_new(most, sizeof *tally);
    bool fits = tally && (text ? count_words : count_numbers)(table, i, most, tally, &count);
    if (fits && count)
        qsort(tally, count, sizeof *tally, compare);
    for (size_t k = 0; fits && k < count; k++) {
        char number[TEXT_NUMBER_SIZE];
        const char *word = text ? tally[k].word : number;
        if (!text)
            text_from_double(tally[k].number, number);
        size_t n = strlen(word);
        n = n < sizeof value[k].text ? n : sizeof value[k].text - 1;
        memcpy(value[k].text, word, n);
        value[k].text[n] = '\0';
        value[k].rows = tally[k].rows;
    }
    memory_free(tally);
    return fits ? count : 0;
}
