/** SVMlight and FANN files: src/data/svmlight.c, fann.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/preprocess.h"
#include "data/table.h"
#include "support.h"

static heddle_status read_text(const char *name, const char *text, heddle_table **table,
                               heddle_error *err)
{
    put_file(scratch_path(name), text, strlen(text));
    return heddle_table_read(scratch_path(name), NULL, table, err);
}

static heddle_table *read_well(const char *name, const char *text)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(read_text(name, text, &table, &err) == HEDDLE_OK, "%s", err.text);
    return table;
}

static void refused(const char *name, const char *text, const char *message)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(read_text(name, text, &table, &err) == HEDDLE_E_DATA, "%s: %s", text, err.text);
    cr_assert(strstr(err.text, message), "%s", err.text);
    cr_assert(table == NULL);
}

Test(svmlight, what_is_wrong_is_named_with_its_line)
{
    refused("far.svm", "1 4000000000:1\n", "line 1: '4000000000:1' names a column beyond");
    refused("far.svm", "1 1048577:1\n", "names a column beyond");
    refused("far.svm", "1 99999999999999999999999:1\n", "line 1");
    refused("small.svm", "1 1000000:1\n", "far beyond what so small a file");
    refused("twice.svm", "1 1:2\n1 3:1 3:2\n", "line 2: '3:2' names a column for the second time");
    refused("twice.svm", "1 3:1 1:1 3:2\n", "for the second time");
    refused("pair.svm", "1 1:2\n\n# c\n1 2\n", "line 4: '2' is no pair INDEX:VALUE");
    refused("pair.svm", "1 1:2\n1 2:\n", "is no pair INDEX:VALUE of a finite number");
    refused("pair.svm", "1 1:2\n1 2:inf\n", "finite number");
    refused("pair.svm", "1 1:2\n1 -2:1\n", "is no pair");
    refused("target.svm", "1 1:2\nx 2:1\n", "line 2: 'x' is not a number, as a target must be");
    refused("named.svm", "ham 1:0.3\nspam 2:1\n",
            "line 1: 'ham' is not a number, as a target must");
    refused("named.svm", "# c\nham 1:3 # c\nspam qid:1 1:1 2:1\n", "line 2: 'ham' is not a number");
    refused("many.svm", "1,2 1:2\n", "several targets");
}

Test(svmlight, words_in_front_of_times_are_a_table)
{
    static const char *const texts[] = {"Mon 12:30\nTue 11:15\n", "a 12:30 11:15\nb 13:10 12:00\n",
                                        "a 1:2:3\nb 2:3:4\n", "k: 1\nl: 2\n", "a 0.5\nb 0.25\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        heddle_table *t = read_well("times.txt", texts[i]);
        cr_assert(!t->sparse, "%s", texts[i]);
        heddle_table_free(t);
    }
}

Test(svmlight, becomes_a_dense_table_named_by_index)
{
    heddle_table *t = read_well("a.svm", "# made by hand\n-1 2:0.5 4:-1e-3 # c\n\n+1 qid:3 1:2\r\n"
                                         "-1 \n+1 4:7 2:1#no blank");
    cr_assert(t->rows == 4 && t->columns == 5 && t->named && t->sparse && t->targets == 1);
    static const double cells[4][5] = {
        {0, 0.5, 0, -1e-3, -1}, {2, 0, 0, 0, 1}, {0, 0, 0, 0, -1}, {0, 1, 0, 7, 1}};
    for (size_t i = 0; i < 4; i++)
        for (size_t c = 0; c < 5; c++)
            cr_assert(table_number(t, c, i) == cells[i][c]);
    cr_assert_str_eq(t->column[0].name, "1");
    cr_assert_str_eq(t->column[4].name, "target");
    cr_assert(t->line[0] == 2 && t->line[1] == 4);
    heddle_table_free(t);
    t = read_well("zero.svm", "1 0:1 2:3\n2 1:1\n");
    cr_assert(t->columns == 4);
    cr_assert_str_eq(t->column[0].name, "0");
    heddle_table_free(t);
}

Test(svmlight, files_of_other_widths_fit_the_same_model)
{
    heddle_table *t = read_well("train.svm", "1 1:1 3:5\n-1 2:1\n1 1:2\n-1 2:2 3:1\n");
    struct preprocess *p = NULL;
    struct preprocess_options options = {.numbers_are_classes = true, .scale = SCALE_NONE};
    cr_assert(preprocess_fit(t, &options, NULL, 0, NULL, NULL, &p, NULL) == HEDDLE_OK);
    cr_assert(p->width == 3 && p->classes == 2);
    heddle_table_free(t);
    static const struct {
        const char *text;
        float x[3];
    } cases[] = {{"1 1:4\n", {4, 0, 0}}, {"-1 2:3 9:8\n", {0, 3, 0}}};
    for (size_t i = 0; i < 2; i++) {
        struct dataset set;
        heddle_error err = {HEDDLE_OK, ""};
        t = read_well("other.svm", cases[i].text);
        cr_assert(preprocess_apply(p, t, NULL, 0, false, false, true, NULL, &set, &err) ==
                      HEDDLE_OK,
                  "%s", err.text);
        cr_assert(memcmp(set.real, cases[i].x, sizeof cases[i].x) == 0);
        dataset_done(&set);
        heddle_table_free(t);
    }
    preprocess_free(p);
}

Test(svmlight, a_table_of_times_is_none)
{
    heddle_table *t = read_well("times.csv", "1 12:30:00\n2 12:31:00\n");
    cr_assert(!t->sparse && t->columns == 2);
    heddle_table_free(t);
}

Test(fann, headers_that_lie_are_refused)
{
    refused("vast.data", "4294967296 4294967296 1\n1 2\n", "is cut short");
    refused("vast.data", "18446744073709551615 2 1\n1 2\n3\n", "is cut short");
    refused("short.data", "2 2 1\n1 2\n3\n4 5\n", "the file ends here, too early");
    refused("long.data", "1 2 1\n1 2\n3\n4\n", "line 4: there is more than the 1 rows");
    refused("word.data", "1 2 1\n1 x\n3\n", "line 2: 'x' is not a number");
    refused("inf.data", "1 2 1\n1 inf\n3\n", "'inf' is not a number");
    refused("none.data", "0 2 1\n1 2\n", "no rows");
}

Test(fann, rows_may_be_laid_out_anyhow)
{
    static const char *const texts[] = {"2 2 1\n1 2\n3\n4 5\n6\n", "2 2 1\n1 2 3\n4 5 6\n",
                                        "2 2 1\r\n1\t2\r\n3\r\n\r\n4 5\r\n6",
                                        " 2 2 1 \n\n1 2\n3 4\n5 6\n"};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        heddle_table *t = read_well("any.data", texts[k]);
        cr_assert(t->rows == 2 && t->columns == 3 && t->targets == 1, "%zu", k);
        for (size_t i = 0; i < 6; i++)
            cr_assert(table_number(t, i % 3, i / 3) == (double)(i + 1));
        cr_assert_str_eq(t->column[1].name, "x1");
        cr_assert_str_eq(t->column[2].name, "y");
        heddle_table_free(t);
    }
    heddle_table *t = read_well("table.txt", "5 2 1\n1 2 3\n4 5 6\n"); /* no: a table of blanks */
    cr_assert(t->rows == 3 && t->columns == 3);
    heddle_table_free(t);
}

Test(fann, one_of_several_outputs_is_a_class)
{
    heddle_table *t = read_well("class.data", "3 1 3\n5\n0 1 0\n6\n1 0 0\n7\n0 0 1\n");
    cr_assert(t->columns == 2 && t->targets == 1 && t->whole_labels);
    cr_assert(table_number(t, 1, 0) == 1 && table_number(t, 1, 1) == 0 &&
              table_number(t, 1, 2) == 2);
    cr_assert_str_eq(t->column[1].name, "class");
    heddle_table_free(t);
    t = read_well("class.data", "2 1 2\n5\n-1 1\n6\n1 -1\n");
    cr_assert(t->columns == 2);
    heddle_table_free(t);
    static const char *const others[] = {"2 1 2\n5\n1 1\n6\n1 0\n", "2 1 2\n5\n0 0\n6\n1 0\n",
                                         "2 1 2\n5\n0.5 1\n6\n1 0\n", "2 1 2\n5\n-1 1\n6\n1 0\n"};
    for (size_t i = 0; i < 4; i++) {
        t = read_well("other.data", others[i]);
        cr_assert(t->columns == 3 && t->targets == 2);
        heddle_table_free(t);
    }
}

Test(sparse_and_fann, every_allocation_may_fail)
{
    static const char *const texts[] = {"1 1:2 3:4\n-1 2:1\n", "2 1 2\n5\n0 1\n6\n1 0\n"};
    for (size_t k = 0; k < 2; k++) {
        put_file(scratch_path("fail.txt"), texts[k], strlen(texts[k]));
        heddle_status status = HEDDLE_E_MEMORY;
        for (size_t n = 1; status != HEDDLE_OK; n++) {
            heddle_table *table = NULL;
            memory_fail_at(n, false);
            status = heddle_table_read(scratch_path("fail.txt"), NULL, &table, NULL);
            memory_fail_at(0, false);
            cr_assert(status == HEDDLE_OK || (status == HEDDLE_E_MEMORY && !table));
            heddle_table_free(table);
        }
    }
}

#define PROBEN1                                                                                    \
    "bool_in=1\nreal_in=1\nbool_out=2\nreal_out=0\ntraining_examples=2\nvalidation_examples=1\n"   \
    "test_examples=1\n"

Test(fann, proben1_says_which_rows_are_for_what)
{
    heddle_table *table =
        read_well("split.dt", PROBEN1 "0 0.5 1 0\n1 0.25 0 1 \n1 1 1 0\n0 2 0 1\n");
    cr_assert(table->rows == 4 && table->columns == 3 && table->targets == 1);
    cr_assert(table->part[TABLE_TRAIN] == 2 && table->part[TABLE_VALIDATE] == 1 &&
              table->part[TABLE_TEST] == 1);
    cr_assert(table->line[3] == 11);
    cr_assert_str_eq(heddle_table_format(table),
                     "PROBEN1 data of 2 inputs and 2 outputs, one class each, 2 rows to train on, "
                     "1 to validate, 1 to test");
    heddle_table_free(table);
    table = read_well("whole.data", "2 1 1\n0 1\n1 0\n");
    cr_assert(table->part[TABLE_TRAIN] == 0);
    heddle_table_free(table);
    refused("short.dt", PROBEN1 "0 0.5 1 0\n1 0.25 0 1\n1 1 1 0\n0 2 0\n", "too early");
    refused("long.dt", PROBEN1 "0 0.5 1 0\n1 0.25 0 1\n1 1 1 0\n0 2 0 1\n1\n",
            "line 12: there is more than the 4 rows of its PROBEN1 header");
}
