/** Tables in memory: src/data/table.c, distinct.c, split.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/distinct.h"
#include "data/split.h"
#include "data/table.h"
#include "support.h"

static heddle_table *arrays(void)
{
    static const double inputs[3][2] = {{1, 2}, {3, NAN}, {-0.5, 2}}, targets[3] = {0, 1, 1};
    heddle_table *table = NULL;
    cr_assert(heddle_table_from_arrays(inputs[0], 2, targets, 1, 3, &table, NULL) == HEDDLE_OK);
    return table;
}

Test(table, arrays_without_rows_or_inputs_are_refused)
{
    double x[1] = {1};
    heddle_table *table = NULL;
    heddle_error err;
    cr_assert(heddle_table_from_arrays(x, 1, NULL, 0, 0, &table, &err) == HEDDLE_E_ARGUMENT);
    cr_assert_str_eq(err.text, "arrays without rows");
    cr_assert(heddle_table_from_arrays(x, 0, x, 1, 1, &table, &err) == HEDDLE_E_ARGUMENT);
    cr_assert_str_eq(err.text, "arrays without inputs");
    cr_assert(table == NULL);
    heddle_table_free(NULL);
}

Test(table, arrays_become_named_columns)
{
    heddle_table *table = arrays();
    cr_assert(heddle_table_rows(table) == 3 && heddle_table_columns(table) == 3);
    cr_assert(table->targets == 1 && !table->named);
    cr_assert_str_eq(table->column[1].name, "x1");
    cr_assert_str_eq(table->column[2].name, "y");
    cr_assert(table_number(table, 0, 2) == -0.5 && isnan(table_number(table, 1, 1)));
    cr_assert(table_find(table, "y") == 2 && table_find(table, "z") == 3);
    heddle_table_free(table);
    double one[4] = {1, 2, 3, 4};
    cr_assert(heddle_table_from_arrays(one, 1, one, 3, 1, &table, NULL) == HEDDLE_OK);
    cr_assert_str_eq(table->column[3].name, "y2");
    cr_assert(table->targets == 3);
    heddle_table_free(table);
    cr_assert(heddle_table_from_arrays(one, 2, NULL, 0, 2, &table, NULL) == HEDDLE_OK);
    cr_assert(table->targets == 0 && table->columns == 2);
    heddle_table_free(table);
}

Test(table, columns_know_their_statistics)
{
    heddle_table *table = arrays();
    heddle_column column;
    heddle_table_column(table, 0, &column);
    cr_assert(!column.text && column.missing == 0 && column.distinct == 3);
    cr_assert(column.minimum == -0.5 && column.maximum == 3 && column.mean == 3.5 / 3);
    heddle_table_column(table, 1, &column);
    cr_assert(column.missing == 1 && column.distinct == 1 && column.mean == 2);
    heddle_table_free(table);
    double many[1001];
    for (int i = 0; i < 1001; i++)
        many[i] = i;
    cr_assert(heddle_table_from_arrays(many, 1, NULL, 0, 1000, &table, NULL) == HEDDLE_OK);
    heddle_table_column(table, 0, &column);
    cr_assert(column.distinct == 1000);
    heddle_table_free(table);
    cr_assert(heddle_table_from_arrays(many, 1, NULL, 0, 1001, &table, NULL) == HEDDLE_OK);
    heddle_table_column(table, 0, &column);
    cr_assert(column.distinct == 0);
    heddle_table_free(table);
    double none[2] = {NAN, NAN};
    cr_assert(heddle_table_from_arrays(none, 1, NULL, 0, 2, &table, NULL) == HEDDLE_OK);
    heddle_table_column(table, 0, &column);
    cr_assert(column.missing == 2 && isnan(column.mean) && isnan(column.minimum));
    heddle_table_free(table);
}

Test(table, cells_are_cut_to_fit)
{
    heddle_table *table = arrays();
    char cell[8];
    cr_assert_str_eq(heddle_table_cell(table, 2, 0, cell, sizeof cell), "-0.5");
    cr_assert_str_eq(heddle_table_cell(table, 1, 1, cell, sizeof cell), "");
    cr_assert_str_eq(heddle_table_cell(table, 2, 0, cell, 3), "-0");
    cr_assert_str_eq(heddle_table_cell(table, 2, 0, cell, 1), "");
    heddle_table_cell(table, 2, 0, cell, 0);
    heddle_table_free(table);
}

Test(table, every_allocation_may_fail)
{
    double x[4] = {1, 2, 3, 4};
    heddle_status status = HEDDLE_E_MEMORY;
    for (size_t n = 1; status != HEDDLE_OK; n++) {
        heddle_table *table = NULL;
        memory_fail_at(n, false);
        status = heddle_table_from_arrays(x, 1, x, 1, 4, &table, NULL);
        memory_fail_at(0, false);
        cr_assert((status == HEDDLE_OK) == (table != NULL));
        heddle_table_free(table);
    }
}

Test(table, distinct_words_keep_their_order)
{
    struct distinct_words set = {0};
    uint32_t code;
    char word[16];
    cr_assert(!distinct_words_find(&set, "a", 1, &code));
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 5000; i++) {
            int n = snprintf(word, sizeof word, "w%u", i * 7919 % 5000);
            cr_assert(distinct_words_add(&set, word, (size_t)n, &code) && code == i);
        }
    cr_assert(set.count == 5000);
    cr_assert(distinct_words_add(&set, "", 0, &code) && code == 5000);
    cr_assert(distinct_words_find(&set, "", 0, &code) && code == 5000);
    cr_assert(distinct_words_find(&set, "w7919xyz", 5, &code) == false);
    cr_assert(distinct_words_find(&set, "w2919xyz", 5, &code) && code == 1);
    cr_assert_str_eq(distinct_words_get(&set, 1), "w2919");
    char **words, *letters;
    cr_assert(distinct_words_take(&set, &words, &letters));
    cr_assert_str_eq(words[1], "w2919");
    memory_free(words);
    memory_free(letters);
    distinct_words_done(&set);
}

Test(table, distinct_numbers_know_one_zero)
{
    struct distinct_numbers set = {0};
    uint32_t index;
    for (int i = 0; i < 3000; i++)
        cr_assert(distinct_numbers_add(&set, i % 1000 / 8.0, &index) &&
                  index == (uint32_t)i % 1000);
    cr_assert(distinct_numbers_add(&set, -0.0, &index) && index == 0 && set.count == 1000);
    distinct_numbers_done(&set);
}

/* ---------------------------------------------------------------- splits --------------------- */

static void check_split(size_t rows, double fraction, const uint32_t *codes, size_t wanted)
{
    uint32_t train[1000], held[1000], again[1000], other[1000];
    size_t n_train, n_held, n_other;
    cr_assert(split_rows(3, fraction, codes, rows, train, &n_train, held, &n_held, NULL) ==
              HEDDLE_OK);
    cr_assert(n_held == wanted && n_train + n_held == rows, "%zu of %zu held", n_held, rows);
    unsigned char seen[1000] = {0};
    for (size_t i = 0; i < n_train; i++)
        seen[train[i]]++;
    for (size_t i = 0; i < n_held; i++)
        seen[held[i]]++;
    for (size_t i = 0; i < rows; i++)
        cr_assert(seen[i] == 1);
    for (size_t i = 1; i < n_held; i++)
        cr_assert(held[i - 1] < held[i]);
    for (size_t i = 1; i < n_train; i++)
        cr_assert(train[i - 1] < train[i]);
    split_rows(3, fraction, codes, rows, train, &n_train, again, &n_other, NULL);
    cr_assert(n_other == n_held && memcmp(held, again, n_held * sizeof *held) == 0);
    split_rows(4, fraction, codes, rows, train, &n_train, other, &n_other, NULL);
    if (n_held > 5 && n_held + 5 < rows)
        cr_assert(memcmp(held, other, n_held * sizeof *held) != 0);
}

Test(table, splits_hold_out_the_wanted_share)
{
    check_split(100, 0.2, NULL, 20);
    check_split(1000, 0.25, NULL, 250);
    check_split(7, 0.1, NULL, 1);
    check_split(4, 0.1, NULL, 1);
    check_split(1, 0.5, NULL, 0);
    check_split(2, 0.99, NULL, 1);
    check_split(10, 0.0, NULL, 0);
    uint32_t one[2];
    size_t n;
    cr_assert(split_rows(1, 1.0, NULL, 2, one, &n, one, &n, NULL) == HEDDLE_E_ARGUMENT);
    cr_assert(split_rows(1, (double)NAN, NULL, 2, one, &n, one, &n, NULL) == HEDDLE_E_ARGUMENT);
}

Test(table, splits_keep_the_shares_of_the_classes)
{
    uint32_t codes[1000], train[1000], held[1000];
    size_t n_train, n_held, of[4] = {0};
    for (size_t i = 0; i < 1000; i++)
        codes[i] = i == 500 ? 3 : i < 100 ? 0 : i < 400 ? 1 : i < 990 ? 2 : TABLE_MISSING;
    check_split(1000, 0.2, codes, 198);
    split_rows(3, 0.2, codes, 1000, train, &n_train, held, &n_held, NULL);
    for (size_t i = 0; i < n_held; i++) {
        cr_assert(codes[held[i]] < 4);
        of[codes[held[i]]]++;
    }
    cr_assert(of[0] == 20 && of[1] == 60 && of[2] == 118 && of[3] == 0);
    uint32_t lone[4] = {0, 1, 2, 3};
    check_split(4, 0.5, lone, 0);
    uint32_t pairs[4] = {0, 0, 1, 1};
    check_split(4, 0.25, pairs, 1);
    check_split(4, 0.01, pairs, 1);
}
