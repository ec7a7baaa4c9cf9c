/** From tables to inputs and targets, and back: src/data/preprocess*.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/preprocess.h"
#include "support.h"

static const struct preprocess_options defaults = {.numbers_are_classes = true};

static heddle_table *table_of(const char *name, const char *text)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    put_file(scratch_path(name), text, strlen(text));
    cr_assert(heddle_table_read(scratch_path(name), NULL, &table, &err) == HEDDLE_OK, "%s",
              err.text);
    /* short messages */
    memory_free(table->path);
    table->path = memory_string(name);
    return table;
}

/* Notes, one behind the other. */
static void take_note(void *user, const char *text)
{
    strcat(strcat(user, text), "; ");
}

static struct preprocess *fit(const heddle_table *table, const struct preprocess_options *options,
                              const char *notes)
{
    struct preprocess *p = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    char noted[2048] = "";
    heddle_status status =
        preprocess_fit(table, options ? options : &defaults, NULL, 0, take_note, noted, &p, &err);
    cr_assert(status == HEDDLE_OK, "%s", err.text);
    cr_assert_str_eq(noted, notes);
    return p;
}

static void fit_refused(heddle_table *table, const struct preprocess_options *options,
                        heddle_status wanted, const char *message)
{
    struct preprocess *p = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    heddle_status status =
        preprocess_fit(table, options ? options : &defaults, NULL, 0, NULL, NULL, &p, &err);
    cr_assert_str_eq(err.text, message);
    cr_assert(status == wanted && p == NULL);
    heddle_table_free(table);
}

static struct dataset apply(const struct preprocess *p, const heddle_table *table, bool use_double,
                            bool with_targets)
{
    struct dataset set = {0};
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(preprocess_apply(p, table, NULL, 0, use_double, false, with_targets, NULL, &set,
                               &err) == HEDDLE_OK,
              "%s", err.text);
    return set;
}

static void apply_refused(const struct preprocess *p, heddle_table *table, bool with_targets,
                          const char *message)
{
    struct dataset set = {0};
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(preprocess_apply(p, table, NULL, 0, false, false, with_targets, NULL, &set, &err) ==
              HEDDLE_E_DATA);
    cr_assert_str_eq(err.text, message);
    cr_assert(set.arena == NULL);
    heddle_table_free(table);
}

static double input_of(const struct dataset *set, size_t row, size_t j)
{
    size_t size;
    const void *x = dataset_row(set, row, NULL, &size);
    if (set->bytes)
        return (double)((const uint8_t *)x)[j];
    return set->use_double ? ((const double *)x)[j] : (double)((const float *)x)[j];
}

/* ---------------------------------------------------------------- choosing ------------------- */

Test(preprocess, columns_that_are_not_there_are_refused)
{
    const char *text = "alpha,beta,y\n1,2,0\n3,4,1\n";
    struct preprocess_options o = defaults;
    o.target = "alpho";
    fit_refused(table_of("p1.csv", text), &o, HEDDLE_E_DATA,
                "'p1.csv' has no column 'alpho'; did you mean 'alpha'?");
    o.target = "4";
    fit_refused(table_of("p1.csv", text), &o, HEDDLE_E_DATA,
                "'p1.csv' has no column '4'; it has 3: 'alpha', 'beta', 'y'");
    o.target = "0";
    fit_refused(table_of("p1.csv", text), &o, HEDDLE_E_DATA,
                "'p1.csv' has no column '0'; it has 3: 'alpha', 'beta', 'y'");
    o.target = "y,";
    fit_refused(table_of("p1.csv", text), &o, HEDDLE_E_DATA,
                "'p1.csv' has no column ''; it has 3: 'alpha', 'beta', 'y'");
    o.target = "last";
    o.drop = "y";
    fit_refused(table_of("p1.csv", text), &o, HEDDLE_E_ARGUMENT,
                "column 'y' is to be dropped and learnt");
    o.drop = "alpha,2";
    fit_refused(table_of("p1.csv", text), &o, HEDDLE_E_DATA,
                "'p1.csv' has nothing to learn from: no column but the target is left");
}

Test(preprocess, targets_are_found_by_name_number_and_list)
{
    heddle_table *table = table_of("p2.csv", "a,b,\"c,d\",2,last\n1,2,3,4,5\n3,4,5,6.5,7\n");
    static const struct {
        const char *target;
        size_t position, targets;
    } cases[] = {{NULL, 4, 1},  {"", 4, 1},    {"auto", 4, 1}, {"last", 4, 1},
                 {"a", 0, 1},   {"1", 0, 1},   {"3", 2, 1},    {"2", 3, 1},
                 {"c,d", 2, 1}, {"a,b", 0, 2}, {"b,1", 0, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct preprocess_options o = defaults;
        o.target = cases[i].target;
        o.task = TASK_REGRESS;
        struct preprocess *p = fit(table, &o, "");
        cr_assert(p->targets == cases[i].targets && p->target[0].position == cases[i].position,
                  "%zu", i);
        cr_assert(p->inputs == 5 - p->targets);
        preprocess_free(p);
    }
    heddle_table_free(table);
}

Test(preprocess, the_task_follows_from_the_target)
{
    static const struct {
        const char *name, *text;
        const char *target;
        enum task task;
    } cases[] = {
        {"t1.csv", "x,y\n1,a\n2,b\n3,a\n", "y", TASK_CLASSIFY},
        {"t2.csv", "x,y\n1,0\n2,1\n3,0\n", "y", TASK_CLASSIFY},
        {"t3.csv", "x,y\n1,0\n2,1\n3,2\n", "y", TASK_REGRESS},
        {"t4.csv",
         "x,y\n1,0\n2,1\n3,2\n1,0\n2,1\n3,2\n1,0\n2,1\n3,2\n1,0\n2,1\n3,2\n1,0\n2,1\n3,2\n", "y",
         TASK_CLASSIFY},
        {"t5.csv", "x,y\n1,0.5\n2,1\n3,0.5\n", "y", TASK_REGRESS},
        {"t6.csv", "x,y,z\n1,0,1\n2,1,0\n3,0,1\n", "y,z", TASK_REGRESS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heddle_table *table = table_of(cases[i].name, cases[i].text);
        struct preprocess_options o = defaults;
        o.target = cases[i].target;
        struct preprocess *p = fit(table, &o, "");
        cr_assert(p->task == cases[i].task, "%s", cases[i].name);
        preprocess_free(p);
        o.numbers_are_classes = false;
        p = fit(table, &o, "");
        cr_assert(p->task == (i == 0 ? TASK_CLASSIFY : TASK_REGRESS));
        preprocess_free(p);
        heddle_table_free(table);
    }
    /* from 11 values on, classes are those that count from 0 or 1 without a gap */
    static const struct {
        int values, first, step;
        enum task task;
    } wholes[] = {
        {10, 3, 7, TASK_CLASSIFY}, {11, 0, 1, TASK_CLASSIFY}, {26, 1, 1, TASK_CLASSIFY},
        {11, 2, 1, TASK_REGRESS},  {11, 0, 2, TASK_REGRESS},  {25, 12, 1, TASK_REGRESS},
        {27, 1, 1, TASK_REGRESS},
    };
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        char text[2048] = "x,y\n";
        for (int r = 0; r < 5 * wholes[i].values; r++)
            sprintf(text + strlen(text), "0.%d,%d\n", r % 7 + 1,
                    wholes[i].first + r % wholes[i].values * wholes[i].step);
        heddle_table *table = table_of("whole.csv", text);
        struct preprocess *p = fit(table, &defaults, "");
        cr_expect(p->task == wholes[i].task, "%d values from %d on", wholes[i].values,
                  wholes[i].first);
        preprocess_free(p);
        heddle_table_free(table);
    }
    struct preprocess_options o = defaults;
    o.target = "x,y";
    fit_refused(table_of("t7.csv", "w,x,y\n1,2,a\n1,3,b\n"), &o, HEDDLE_E_DATA,
                "target 'y' is text; several targets must all be numbers");
    o.target = "y";
    o.task = TASK_REGRESS;
    fit_refused(table_of("t7.csv", "w,x,y\n1,2,a\n1,3,b\n"), &o, HEDDLE_E_DATA,
                "target 'y' is text ('a'); --task regress needs numbers");
    o.target = "w,x";
    o.task = TASK_CLASSIFY;
    fit_refused(table_of("t7.csv", "w,x,y\n1,2,a\n1,3,b\n"), &o, HEDDLE_E_ARGUMENT,
                "--task classify takes one target, not 2");
    o.target = "w";
    fit_refused(table_of("t7.csv", "w,x,y\n1,2,a\n1,3,b\n"), &o, HEDDLE_E_DATA,
                "target 'w' has one class only, '1'; another column is chosen with --target");
}

Test(preprocess, classes_are_sorted)
{
    heddle_table *table = table_of("classes.csv", "x,y\n1,10\n2,9\n3,-1\n1,10\n2,9\n3,-1\n4,\n");
    struct preprocess_options o = defaults;
    o.task = TASK_CLASSIFY;
    struct preprocess *p = fit(table, &o, "1 row without a target left out; ");
    cr_assert(p->classes == 3 && p->class_number && p->class_number[2] == 10);
    cr_assert_str_eq(p->class_name[0], "-1");
    struct dataset set = apply(p, table, false, true);
    static const int32_t wanted[6] = {2, 1, 0, 2, 1, 0};
    cr_assert(set.rows == 6 && set.outputs == 3);
    cr_assert(memcmp(set.class_index, wanted, sizeof wanted) == 0);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);

    table = table_of("words.csv", "x,y\n1,b\n2,B\n3,a\n1,\xc3\xa4\n2,b\n");
    p = fit(table, NULL, "");
    cr_assert(p->classes == 4 && !p->class_number);
    cr_assert_str_eq(p->class_name[0], "B");
    cr_assert_str_eq(p->class_name[3], "\xc3\xa4");
    preprocess_free(p);
    heddle_table_free(table);
}

Test(preprocess, class_codes_are_there_before_the_fit)
{
    uint32_t codes[5];
    bool classify = false;
    heddle_table *table = table_of("codes.csv", "x,y\n1,b\n2,a\n3,\n4,c\n5,a\n");
    cr_assert(preprocess_class_codes(table, &defaults, codes, &classify, NULL) == HEDDLE_OK);
    static const uint32_t wanted[5] = {1, 0, TABLE_MISSING, 2, 0};
    cr_assert(classify && memcmp(codes, wanted, sizeof wanted) == 0);
    heddle_table_free(table);
    table = table_of("codes.csv", "x,y\n1,0.5\n2,0.25\n");
    cr_assert(preprocess_class_codes(table, &defaults, codes, &classify, NULL) == HEDDLE_OK);
    cr_assert(!classify);
    heddle_table_free(table);
}

Test(preprocess, identifiers_and_other_nonsense_are_refused)
{
    char text[8192] = "name,y\n";
    for (int i = 0; i < 12; i++)
        sprintf(text + strlen(text), "n%d,%d\n", i, i % 2);
    fit_refused(table_of("id.csv", text), NULL, HEDDLE_E_DATA,
                "column 'name' has 12 different words in 12 rows and looks like an identifier; "
                "leave it out with --drop name");
    strcpy(text, "x,name\n");
    for (int i = 0; i < 12; i++)
        sprintf(text + strlen(text), "%d,n%d\n", i, i);
    fit_refused(table_of("id_target.csv", text), NULL, HEDDLE_E_DATA,
                "target 'name' looks like an identifier: its 12 words all differ; choose another "
                "with --target");
    strcpy(text, "name,y\n");
    for (int i = 0; i < 404; i++)
        sprintf(text + strlen(text), "n%d,%d\n", i % 202, i % 2);
    fit_refused(table_of("many.csv", text), NULL, HEDDLE_E_DATA,
                "column 'name' has 202 different words in 404 rows and looks like an identifier; "
                "leave it out with --drop name");
    /* all of them at once, as an argument of a shell */
    strcpy(text, "\"my, name\",x,day,k,id,y\n");
    for (int i = 0; i < 12; i++)
        sprintf(text + strlen(text), "n%d,%d,2021-03-%02d,%s,i%d,%d\n", i, i, i + 1,
                i % 3 ? "a" : "b", i, i % 2);
    fit_refused(table_of("more.csv", text), NULL, HEDDLE_E_DATA,
                "column 'my, name' has 12 different words in 12 rows and looks like an "
                "identifier, as do 2 more; leave them out with --drop 'my, name,day,id'");
    struct preprocess_options o = defaults;
    o.missing = MISSING_MEAN;
    fit_refused(table_of("void.csv", "x,void,y\n1,,0\n2,,1\n"), &o, HEDDLE_E_DATA,
                "column 'void' has no values; leave it out with --drop");
    fit_refused(table_of("huge.csv", "x,y\n1e308,0\n-1e308,1\n"), NULL, HEDDLE_E_DATA,
                "column 'x' has numbers too large to be scaled");
    fit_refused(table_of("targetless.csv", "x,y\n1,\n2,\n"), NULL, HEDDLE_E_DATA,
                "'targetless.csv' has no row with all values to train on");
}

Test(preprocess, infinite_numbers_of_arrays_are_refused)
{
    double x[4] = {1, 2, INFINITY, 4}, y[2] = {0, 1}, z[2] = {0, -INFINITY};
    heddle_table *table = NULL;
    cr_assert(heddle_table_from_arrays(x, 2, y, 1, 2, &table, NULL) == HEDDLE_OK);
    fit_refused(table, NULL, HEDDLE_E_DATA, "'arrays' row 2: 'x0' is not a finite number");
    cr_assert(heddle_table_from_arrays(y, 1, z, 1, 2, &table, NULL) == HEDDLE_OK);
    fit_refused(table, NULL, HEDDLE_E_DATA, "'arrays' row 2: 'y' is not a finite number");
}

/* ---------------------------------------------------------------- scaling -------------------- */

/* numpy 1.24: x = [1, 2, 4, 9]; mean 4, std 3.082207001484488. */
Test(preprocess, numbers_are_standardised)
{
    heddle_table *table =
        table_of("standard.csv", "x,c,y\n1,0.1,10\n2,0.1,20\n4,0.1,30\n9,0.1,50.5\n");
    struct preprocess_options o = defaults;
    o.scale_targets = true;
    struct preprocess *p = fit(table, &o, "1 column: 'c' is constant; ");
    cr_assert(p->task == TASK_REGRESS && p->scale == SCALE_STANDARD && p->width == 2);
    cr_assert(p->input[0].shift == 4 && fabs(p->input[0].factor * 3.082207001484488 - 1) < 1e-15);
    cr_assert(p->input[1].shift == 0.1 && p->input[1].factor == 1);
    struct dataset set = apply(p, table, true, true);
    cr_assert(set.rows == 4 && set.inputs == 2 && set.outputs == 1 && !set.class_index);
    cr_assert(set.real_stride == 16 && set.target_stride == 16);
    static const double x[4] = {1, 2, 4, 9};
    double sum = 0;
    for (size_t i = 0; i < 4; i++) {
        cr_assert(input_of(&set, i, 0) == (x[i] - 4) * p->input[0].factor);
        cr_assert(input_of(&set, i, 1) == 0);
        for (size_t j = 2; j < 16; j++)
            cr_assert(input_of(&set, i, j) == (j == 2)); /* the 1 of the bias */
        double t = ((double *)set.target)[i * 16];
        sum += t;
        cr_assert(fabs(t / p->target[0].factor + p->target[0].shift - table_number(table, 2, i)) <
                  1e-12);
    }
    cr_assert(fabs(sum) < 1e-14);
    dataset_done(&set);
    set = apply(p, table, false, false);
    cr_assert(set.target == NULL && set.class_index == NULL);
    for (size_t i = 0; i < 4; i++)
        cr_assert(input_of(&set, i, 0) == (double)(float)((x[i] - 4) * p->input[0].factor));
    dataset_done(&set);
    preprocess_free(p);
    o.scale = SCALE_MINMAX;
    o.scale_targets = false;
    p = fit(table, &o, "1 column: 'c' is constant; ");
    set = apply(p, table, true, true);
    cr_assert(input_of(&set, 0, 0) == 0 && input_of(&set, 1, 0) == 0.125 &&
              input_of(&set, 3, 0) == 1);
    cr_assert(input_of(&set, 2, 1) == 0);
    cr_assert(((double *)set.target)[0] == 10);
    dataset_done(&set);
    preprocess_free(p);
    o.scale = SCALE_NONE;
    p = fit(table, &o, "");
    set = apply(p, table, true, true);
    cr_assert(input_of(&set, 3, 0) == 9 && input_of(&set, 3, 1) == 0.1);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);
}

Test(preprocess, fits_on_the_rows_it_is_given)
{
    heddle_table *table = table_of("rows.csv", "x,k,y\n1,a,0\n100,b,1\n3,a,0\n900,c,1\n5,a,1\n");
    uint32_t rows[3] = {4, 0, 2}, kept[3];
    struct preprocess *p = NULL;
    struct dataset set;
    cr_assert(preprocess_fit(table, &defaults, rows, 3, NULL, NULL, &p, NULL) == HEDDLE_OK);
    cr_assert(p->input[0].shift == 3 && p->input[1].categories == 1 && p->classes == 2);
    cr_assert(preprocess_apply(p, table, rows, 3, true, true, true, kept, &set, NULL) == HEDDLE_OK);
    cr_assert(set.rows == 3 && set.outputs == 1 && set.class_index[0] == 1 &&
              set.class_index[1] == 0);
    cr_assert(input_of(&set, 0, 0) == 2 * p->input[0].factor && input_of(&set, 2, 0) == 0);
    cr_assert(memcmp(kept, rows, sizeof rows) == 0);
    dataset_done(&set);
    /* words never seen are all 0 */
    set = apply(p, table, true, true);
    cr_assert(input_of(&set, 0, 1) == 1 && input_of(&set, 1, 1) == 0 && input_of(&set, 3, 1) == 0);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);
}

Test(preprocess, words_become_categories)
{
    heddle_table *table =
        table_of("onehot.csv", "k,x,y\nred,1,0\ngreen,2,1\n,3,0\nred,4,1\nblue,5,0\n");
    struct preprocess_options o = defaults;
    o.scale = SCALE_NONE;
    struct preprocess *p = fit(table, &o, "");
    cr_assert(p->width == 5 && p->input[0].categories == 3 && p->input[0].missing_category);
    cr_assert_str_eq(p->input[0].category[0], "blue");
    struct dataset set = apply(p, table, false, true);
    static const double wanted[5][5] = {
        {0, 0, 1, 0, 1}, {0, 1, 0, 0, 2}, {0, 0, 0, 1, 3}, {0, 0, 1, 0, 4}, {1, 0, 0, 0, 5}};
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++)
            cr_assert(input_of(&set, i, j) == wanted[i][j], "%zu %zu", i, j);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);
    /* categories that a table of digits only shows as numbers */
    table = table_of("grades.csv", "k,y\n1,0\n2,1\nA,0\n2,1\nA,1\n");
    p = fit(table, &o, "");
    heddle_table *numbers = table_of("grades2.csv", "k,y\n2,0\n1,1\n,1\n7,0\n");
    set = apply(p, numbers, true, true);
    cr_assert(input_of(&set, 0, 1) == 1 && input_of(&set, 1, 0) == 1);
    for (size_t j = 0; j < 3; j++)
        cr_assert(input_of(&set, 2, j) == 0 && input_of(&set, 3, j) == 0);
    dataset_done(&set);
    heddle_table_free(numbers);
    /* the same number, written otherwise; not where a category is written so */
    numbers = table_of("grades3.csv", "k,y\n2.0,0\n01,1\nA,1\nB,0\n");
    set = apply(p, numbers, true, true);
    cr_assert(input_of(&set, 0, 1) == 1 && input_of(&set, 1, 0) == 1 && input_of(&set, 2, 2) == 1);
    for (size_t j = 0; j < 3; j++)
        cr_assert(input_of(&set, 3, j) == 0);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);
    heddle_table_free(numbers);
}

Test(preprocess, names_in_lists_may_have_commas)
{
    heddle_table *table =
        table_of("commas.csv", "a,\"a, b\",\"b,c\",c,y\n1,2,3,4,0\n2,3,4,5,1\n3,1,2,4,0\n");
    static const struct {
        const char *drop;
        size_t left;
        const char *first;
    } cases[] = {
        {"a, b", 3, "a"},  {"a", 3, "a, b"},   {"a,a, b", 2, "b,c"},
        {"b,c,c", 2, "a"}, {"a, b,3", 2, "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct preprocess_options o = defaults;
        o.drop = cases[i].drop;
        struct preprocess *p = fit(table, &o, "");
        cr_assert(p->inputs == cases[i].left, "%s", o.drop);
        cr_assert_str_eq(p->input[0].name, cases[i].first);
        preprocess_free(p);
    }
    struct preprocess_options o = defaults;
    o.drop = "a,b";
    fit_refused(table, &o, HEDDLE_E_DATA,
                "'commas.csv' has no column 'b'; it has 5: 'a', 'a, b', 'b,c', 'c', 'y'");
}

/* What is noted of the words of a table that were not in training. */
static void unseen_of(const struct preprocess *p, const char *rows, bool scored, const char *wanted)
{
    char text[256] = "?";
    heddle_table *table = table_of("unseen.csv", rows);
    preprocess_unseen(p, table, scored, text, sizeof text);
    cr_assert_str_eq(text, wanted);
    heddle_table_free(table);
}

static void unseen(const struct preprocess *p, const char *rows, const char *wanted)
{
    unseen_of(p, rows, false, wanted);
}

Test(preprocess, words_never_seen_are_noted)
{
    heddle_table *table = table_of("seen.csv", "k,x,g,y\nred,1,1,0\ngreen,2,A,1\nred,4,1,1\n");
    struct preprocess *p = fit(table, NULL, "");
    unseen(p, "k,x,g,y\nred,7,A,0\n,8,1,1\n", ""); /* a missing word is none */
    unseen(
        p, "k,x,g\nred,7,A\nteal,8,1\n",
        "'teal' of column 'k' was not in the training data: it counts as none of the words known");
    unseen(p, "g,x,k\n3,7,red\n1,8,Red\n4,9,red\n",
           "'Red' of column 'k' was not in the training data (nor were those of 2 more cells): it "
           "counts as none of the words known");
    unseen(p, "k,y\nteal,1\n", ""); /* it cannot be used */
    /* what is scored are rows with a target */
    static const char *const some = "k,x,g,y\nteal,7,A,\nblue,8,A,1\nred,9,A,0\n";
    unseen_of(p, some, false,
              "'teal' of column 'k' was not in the training data (nor were those of 1 more cell): "
              "it counts as none of the words known");
    unseen_of(
        p, some, true,
        "'blue' of column 'k' was not in the training data: it counts as none of the words known");
    char none[] = "?";
    heddle_table *again = table_of("again.csv", "k,x,g\nteal,8,1\n");
    preprocess_unseen(p, again, false, none, 0);
    cr_assert_str_eq(none, "?");
    heddle_table_free(again);
    preprocess_free(p);
    heddle_table_free(table);
    table = table_of("numbers.csv", "x,y\n1,0\n2,1\n3,1\n");
    p = fit(table, NULL, "");
    unseen(p, "x,y\n4,0\n", "");
    preprocess_free(p);
    heddle_table_free(table);
}

/* What is noted of a text of some rows, each made by a format of its number. */
static void noted(const char *head, const char *row, size_t rows, const char *notes)
{
    char text[4096], one[64];
    struct preprocess_options o = defaults;
    strcpy(text, head);
    for (size_t i = 0; i < rows; i++) {
        snprintf(one, sizeof one, row, (int)i % 3, (int)i % 3, 10.5 + (double)i);
        strcat(text, one);
    }
    heddle_table *table = table_of("noted.csv", text);
    preprocess_free(fit(table, &o, notes));
    heddle_table_free(table);
}

Test(preprocess, a_likelier_target_is_noted)
{
    noted("label,b,pixel\n", "%d,%d,%.1f\n", 20,
          "'pixel' is learnt, the last column; --target label learns 'label'; ");
    noted("Y,b,pixel\n", "%d,%d,%.1f\n", 20, "");
    noted("class,label,pixel\n", "%d,%d,%.1f\n", 20, "");
    noted("label,b,y\n", "%d,%d,%.1f\n", 20, "");
    noted("", "%d,b%d,%.1f\n", 20,
          "'column_3' is learnt, the last column; --target column_2 learns 'column_2'; ");
    noted("", "a%d,b%d,%.1f\n", 20, "");
    noted("", "%d,1.%d,%.1f\n", 20,
          "'column_3' is learnt, the last column; --target column_1 learns 'column_1'; ");
    noted("", "1.%d,%d,%.1f\n", 20, "");
    noted("", "%d,b%d,k%.0f\n", 3, "");
    /* names that say nothing: the first column if it is of words, the only one, and they recur */
    noted("my kind,b,c,d,pixel\n", "k%d,%d,1,2,%.1f\n", 20,
          "'pixel' is learnt, the last column; --target 'my kind' learns 'my kind'; "
          "2 columns: 'c', 'd' are constant; ");
    noted("kind,b,c,d,pixel\n", "k%d,b%d,1,2,%.1f\n", 20, "2 columns: 'c', 'd' are constant; ");
    noted("kind,b,c,d,pixel\n", "k%d,%d,1,2,%.1f\n", 12, "2 columns: 'c', 'd' are constant; ");
}

Test(preprocess, dates_taken_for_categories_are_noted)
{
    noted("d,b,c\n", "2021-03-0%d,%d,%.1f\n", 20,
          "column 'd' holds dates or times, taken for 3 categories; --drop d leaves it out; ");
    noted("d,b,c\n", "1%d:30:00,%d,%.1f\n", 20,
          "column 'd' holds dates or times, taken for 3 categories; --drop d leaves it out; ");
    noted("d,b,c\n", "a-b-%d,%d,%.1f\n", 20, "");
}

Test(preprocess, missing_numbers_are_refused_filled_or_dropped)
{
    const char *text = "x,z,y\n1,1,0\n,2,1\n3,3,\n5,4,1\n";
    struct preprocess_options o = defaults;
    fit_refused(table_of("gaps.csv", text), &o, HEDDLE_E_DATA,
                "'gaps.csv' line 3 column 1: 'x' has no value; --missing mean fills such cells, "
                "--missing drop leaves such rows out");
    heddle_table *table = table_of("gaps.csv", text);
    o.missing = MISSING_MEAN;
    o.scale = SCALE_NONE;
    struct preprocess *p = fit(table, &o, "1 row without a target left out; ");
    cr_assert(p->input[0].fill == 3);
    struct dataset set = apply(p, table, true, true);
    cr_assert(set.rows == 3 && input_of(&set, 1, 0) == 3 && input_of(&set, 2, 0) == 5);
    dataset_done(&set);
    set = apply(p, table, true, false);
    cr_assert(set.rows == 4);
    dataset_done(&set);
    preprocess_free(p);
    o.missing = MISSING_DROP;
    o.scale = SCALE_STANDARD;
    p = fit(table, &o, "1 row without a target left out; 1 row with missing values left out; ");
    cr_assert(p->input[0].shift == 3 && p->input[1].shift == 2.5);
    uint32_t kept[4];
    cr_assert(preprocess_apply(p, table, NULL, 0, true, false, false, kept, &set, NULL) ==
              HEDDLE_OK);
    cr_assert(set.rows == 3 && kept[0] == 0 && kept[1] == 2 && kept[2] == 3);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);

    /* a row without a target may lack anything */
    table = table_of("lacking.csv", "x,y\n1,0\n,\n2,1\n");
    p = fit(table, NULL, "1 row without a target left out; ");
    set = apply(p, table, true, true);
    cr_assert(set.rows == 2);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);

    table = table_of("full.csv", "x,y\n1,0\n2,1\n");
    p = fit(table, NULL, "");
    apply_refused(p, table_of("gap.csv", "x,y\n1,0\n?,1\n"), true,
                  "'gap.csv' line 3 column 1: 'x' has no value, and the model was not trained with "
                  "--missing mean or --missing drop");
    preprocess_free(p);
    heddle_table_free(table);
}

/* ---------------------------------------------------------------- other tables --------------- */

Test(preprocess, columns_are_found_by_name)
{
    heddle_table *table = table_of("train.csv", "a,b,y\n1,20,no\n2,10,yes\n");
    struct preprocess_options o = defaults;
    o.scale = SCALE_NONE;
    struct preprocess *p = fit(table, &o, "");
    heddle_table *other = table_of("other.csv", "y,extra,b,a\nyes,7,3,4\n");
    struct dataset set = apply(p, other, true, true);
    cr_assert(input_of(&set, 0, 0) == 4 && input_of(&set, 0, 1) == 3 && set.class_index[0] == 1);
    dataset_done(&set);
    heddle_table_free(other);
    other = table_of("other.csv", "b,a\n3,4\n");
    set = apply(p, other, true, false);
    cr_assert(input_of(&set, 0, 0) == 4);
    dataset_done(&set);
    apply_refused(p, other, true, "'other.csv' has no column 'y', the model's target");
    apply_refused(p, table_of("lacks.csv", "a,y\n1,no\n"), true,
                  "'lacks.csv' has no column 'b' that the model needs");
    apply_refused(p, table_of("unseen.csv", "a,b,y\n1,2,no\n1,2,maybe\n"), true,
                  "'unseen.csv' line 3: class 'maybe' of 'y' was not in the training data; leave "
                  "such rows out");
    apply_refused(p, table_of("text.csv", "a,b,y\n1,x,no\n1,z,no\n"), true,
                  "'text.csv' line 2: 'x' is not a number, which column 'b' was in training");
    /* no names: by position */
    other = table_of("bare.csv", "3,4\n5,6\n");
    set = apply(p, other, true, false);
    cr_assert(set.rows == 2 && input_of(&set, 1, 1) == 6);
    dataset_done(&set);
    apply_refused(
        p, other, true,
        "'bare.csv' has the 2 columns of the inputs, but not the target; if another file has it, name "
        "that with --labels");
    apply_refused(p, table_of("bare.csv", "3,4,5,6\n7,8,9,10\n"), false,
                  "'bare.csv' has 4 columns; the model needs 2, or 3 with its target");
    preprocess_free(p);
    heddle_table_free(table);
}

Test(preprocess, a_target_in_front_is_found_by_position)
{
    heddle_table *table = table_of("front.csv", "0,10,20\n1,30,40\n");
    struct preprocess_options o = defaults;
    o.target = "1";
    o.scale = SCALE_NONE;
    struct preprocess *p = fit(table, &o, "");
    struct dataset set = apply(p, table, true, true);
    cr_assert(input_of(&set, 1, 0) == 30 && set.class_index[1] == 1);
    dataset_done(&set);
    heddle_table *inputs = table_of("inputs.csv", "50,60\n");
    set = apply(p, inputs, true, false);
    cr_assert(input_of(&set, 0, 0) == 50 && input_of(&set, 0, 1) == 60);
    dataset_done(&set);
    heddle_table_free(inputs);
    heddle_table_free(table);
    preprocess_free(p);
}

/* ---------------------------------------------------------------- bytes ---------------------- */

static heddle_table *images(void)
{
    unsigned char bytes[16 + 24] = {0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 2};
    unsigned char labels[8 + 6] = {0, 0, 8, 1, 0, 0, 0, 6, 3, 7, 3, 9, 7, 3};
    for (unsigned i = 0; i < 24; i++)
        bytes[16 + i] = (unsigned char)(i * 11);
    put_file(scratch_path("bytes.idx"), bytes, sizeof bytes);
    put_file(scratch_path("labels.idx"), labels, sizeof labels);
    heddle_read_options options = {.labels = scratch_path("labels.idx")};
    heddle_table *table = NULL;
    cr_assert(heddle_table_read(scratch_path("bytes.idx"), &options, &table, NULL) == HEDDLE_OK);
    return table;
}

Test(preprocess, images_stay_bytes)
{
    heddle_table *table = images();
    struct preprocess *p = fit(table, NULL, "");
    cr_assert(p->scale == SCALE_BYTE && p->task == TASK_CLASSIFY && p->classes == 3);
    struct dataset set = apply(p, table, false, true);
    cr_assert(set.bytes == table->bytes && !set.real && set.inputs == 4 && set.outputs == 3);
    cr_assert(set.byte_scale == (double)(float)(1.0 / 255.0));
    cr_assert(set.class_index[1] == 1 && set.class_index[3] == 2);
    dataset_done(&set);
    uint32_t rows[2] = {5, 1};
    cr_assert(preprocess_apply(p, table, rows, 2, true, false, true, NULL, &set, NULL) ==
              HEDDLE_OK);
    cr_assert(set.bytes == table->bytes && set.rows == 2 && set.byte_scale == 1.0 / 255.0);
    cr_assert(set.row[0] == 5 && set.row[1] == 1 && set.class_index[1] == 1);
    cr_assert(input_of(&set, 0, 0) == 220 && input_of(&set, 1, 3) == 77);
    cr_assert(set.arena_bytes < 2 * 4 + 2 * 64, "rows are not copied");
    dataset_done(&set);
    preprocess_free(p);
    struct preprocess_options o = defaults;
    o.drop = "p1";
    p = fit(table, &o, "");
    set = apply(p, table, false, true);
    cr_assert(set.inputs == 3 && set.bytes[0] == 0 && set.bytes[1] == 22 && set.bytes[4] == 66);
    cr_assert(set.bytes != table->bytes, "columns apart are copied");
    dataset_done(&set);
    preprocess_free(p);
    o.drop = "p0"; /* those that are left stand together */
    p = fit(table, &o, "");
    set = apply(p, table, false, true);
    cr_assert(set.inputs == 3 && set.bytes == table->bytes + 1 && set.byte_stride == 4);
    cr_assert(input_of(&set, 0, 0) == 11 && input_of(&set, 5, 2) == 253);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);
}

Test(preprocess, bytes_and_numbers_give_the_same_bits)
{
    heddle_table *table = images(), *numbers = NULL;
    struct preprocess *p = fit(table, NULL, "");
    double cells[24];
    for (size_t i = 0; i < 24; i++)
        cells[i] = table->bytes[i];
    cr_assert(heddle_table_from_arrays(cells, 4, NULL, 0, 6, &numbers, NULL) == HEDDLE_OK);
    for (int use_double = 0; use_double < 2; use_double++) {
        struct dataset a = apply(p, table, use_double, false),
                       b = apply(p, numbers, use_double, false);
        cr_assert(a.bytes && b.real);
        for (size_t i = 0; i < 6; i++)
            for (size_t j = 0; j < 4; j++) {
                double byte = input_of(&a, i, j);
                double x =
                    use_double ? byte * a.byte_scale : (double)((float)byte * (float)a.byte_scale);
                cr_assert(input_of(&b, i, j) == x);
            }
        dataset_done(&a);
        dataset_done(&b);
    }
    preprocess_free(p);
    /* standardised images are reals */
    struct preprocess_options o = defaults;
    o.scale = SCALE_STANDARD;
    p = fit(table, &o, "");
    struct dataset set = apply(p, table, true, true);
    cr_assert(set.real && fabs(input_of(&set, 0, 0) + input_of(&set, 5, 0)) < 1e-15);
    dataset_done(&set);
    preprocess_free(p);
    heddle_table_free(table);
    heddle_table_free(numbers);
}

Test(preprocess, builtin_digits_and_the_file_are_one)
{
    heddle_table *a = NULL, *b = NULL;
    cr_assert(heddle_table_read("builtin:digits", NULL, &a, NULL) == HEDDLE_OK);
    size_t size = 400000, n = 0;
    char *text = malloc(size), cell[32];
    for (size_t c = 0; c < 65; c++)
        n += (size_t)sprintf(text + n, "%s%c", a->column[c].name, c < 64 ? ',' : '\n');
    for (size_t i = 0; i < a->rows; i++)
        for (size_t c = 0; c < 65; c++)
            n += (size_t)sprintf(text + n, "%s%c", heddle_table_cell(a, i, c, cell, sizeof cell),
                                 c < 64 ? ',' : '\n');
    put_file(scratch_path("digits.csv"), text, n);
    free(text);
    cr_assert(heddle_table_read(scratch_path("digits.csv"), NULL, &b, NULL) == HEDDLE_OK);
    const char *notes = "3 columns: 'p0', 'p32', 'p39' are constant; ";
    struct preprocess *p = fit(a, NULL, notes), *q = fit(b, NULL, notes);
    cr_assert(p->task == TASK_CLASSIFY && p->classes == 10);
    char *one, *other;
    cr_assert(preprocess_to_json(p, &one, NULL) == HEDDLE_OK);
    cr_assert(preprocess_to_json(q, &other, NULL) == HEDDLE_OK);
    cr_assert_str_eq(one, other);
    struct dataset s = apply(p, a, false, true), t = apply(q, b, false, true);
    cr_assert(s.arena_bytes == t.arena_bytes && memcmp(s.arena, t.arena, s.arena_bytes) == 0);
    dataset_done(&s);
    dataset_done(&t);
    memory_free(one);
    memory_free(other);
    preprocess_free(p);
    preprocess_free(q);
    heddle_table_free(a);
    heddle_table_free(b);
}

/* ---------------------------------------------------------------- plain and JSON ------------- */

Test(preprocess, plain_takes_inputs_as_they_are)
{
    struct preprocess *p = NULL;
    double x[6] = {1, 2, 3, 4, 5, 6}, y[2] = {1, 0};
    heddle_table *table = NULL;
    struct dataset set;
    cr_assert(preprocess_plain(3, 1, true, &p, NULL) == HEDDLE_OK);
    cr_assert(p->classes == 2 && p->width == 3);
    cr_assert(heddle_table_from_arrays(x, 3, y, 1, 2, &table, NULL) == HEDDLE_OK);
    cr_assert(preprocess_apply(p, table, NULL, 0, true, true, true, NULL, &set, NULL) == HEDDLE_OK);
    cr_assert(set.outputs == 1 && set.class_index[0] == 1 && input_of(&set, 1, 2) == 6);
    dataset_done(&set);
    heddle_table_free(table);
    preprocess_free(p);
    cr_assert(preprocess_plain(2, 3, false, &p, NULL) == HEDDLE_OK);
    cr_assert(p->targets == 3 && p->columns == 5);
    cr_assert_str_eq(p->target[2].name, "y2");
    preprocess_free(p);
}

static void round_trip(const struct preprocess *p, const char *wanted)
{
    char *text = NULL, *again = NULL;
    struct preprocess *q = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(preprocess_to_json(p, &text, NULL) == HEDDLE_OK);
    if (wanted)
        cr_assert_str_eq(text, wanted);
    cr_assert(preprocess_from_json(text, &q, &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(q->task == p->task && q->scale == p->scale && q->missing == p->missing);
    cr_assert(q->named == p->named && q->columns == p->columns && q->width == p->width);
    cr_assert(q->inputs == p->inputs && q->targets == p->targets && q->classes == p->classes);
    for (size_t j = 0; j < p->inputs; j++) {
        const struct preprocess_input *a = &p->input[j], *b = &q->input[j];
        cr_assert_str_eq(a->name, b->name);
        cr_assert(a->text == b->text && a->position == b->position &&
                  a->categories == b->categories);
        cr_assert(a->missing_category == b->missing_category);
        cr_assert(a->text ||
                  (a->shift == b->shift && a->factor == b->factor && a->fill == b->fill));
    }
    for (size_t k = 0; k < p->classes; k++)
        cr_assert(!p->class_number || p->class_number[k] == q->class_number[k]);
    cr_assert(preprocess_to_json(q, &again, NULL) == HEDDLE_OK);
    cr_assert_str_eq(text, again);
    memory_free(text);
    memory_free(again);
    preprocess_free(q);
}

Test(preprocess, json_keeps_every_bit)
{
    heddle_table *table =
        table_of("json.csv", "k,\"a \"\"b\"\"\",y,z\nu,1,0.1,5\n\xc3\xa4,2,0.7,7\n,4,0.3,6\n");
    struct preprocess_options o = defaults;
    o.target = "a \"b\"";
    o.missing = MISSING_MEAN;
    o.scale_targets = true;
    struct preprocess *p = fit(table, &o, "");
    round_trip(p, NULL);
    p->input[1].shift = 0.1;
    p->input[1].factor = 1.0 / 3.0;
    p->input[1].fill = 5e-324;
    p->input[2].shift = 1e300;
    round_trip(p, NULL);
    preprocess_free(p);
    o = defaults;
    o.target = "1";
    o.drop = "2";
    o.scale = SCALE_MINMAX;
    p = fit(table, &o, "1 row without a target left out; ");
    round_trip(p, "{\"classes\":[\"u\",\"\xc3\xa4\"],\"columns\":4,\"inputs\":[{\"factor\":"
                  "1.6666666666666667,\"name\":\"y\",\"position\":2,\"shift\":0.10000000000000001},"
                  "{\"factor\":0.5,\"name\":\"z\",\"position\":3,\"shift\":5.0}],\"missing\":"
                  "\"error\",\"named\":true,\"numbers\":false,\"scale\":\"minmax\",\"targets\":"
                  "[{\"name\":\"k\",\"position\":0}],\"task\":\"classify\"}");
    preprocess_free(p);
    heddle_table_free(table);
    table = images();
    p = fit(table, NULL, "");
    round_trip(p, "{\"classes\":[\"3\",\"7\",\"9\"],\"columns\":5,\"inputs\":[{\"name\":\"p0\"},"
                  "{\"name\":\"p1\"},{\"name\":\"p2\"},{\"name\":\"p3\"}],\"missing\":\"error\","
                  "\"named\":false,\"numbers\":true,\"scale\":\"byte\",\"targets\":[{\"name\":"
                  "\"label\"}],\"task\":\"classify\"}");
    preprocess_free(p);
    heddle_table_free(table);
}

Test(preprocess, json_that_lies_is_refused)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"task\":1}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\"}],\"missing\":\"error\",\"named\":true,"
        "\"scale\":\"auto\",\"targets\":[{\"name\":\"y\"}],\"task\":\"regress\"}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\"}],\"missing\":\"error\",\"named\":true,"
        "\"scale\":\"none\",\"targets\":[],\"task\":\"regress\"}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\"}],\"missing\":\"error\",\"named\":true,"
        "\"scale\":\"none\",\"targets\":[{\"name\":\"y\",\"factor\":0}],\"task\":\"regress\"}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\",\"position\":2}],\"missing\":\"error\","
        "\"named\":true,\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],\"task\":\"regress\"}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\",\"position\":-1}],\"missing\":\"error\","
        "\"named\":true,\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],\"task\":\"regress\"}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\",\"shift\":\"1\"}],\"missing\":\"error\","
        "\"named\":true,\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],\"task\":\"regress\"}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\",\"categories\":[\"b\",\"a\"]}],\"missing\":"
        "\"error\",\"named\":true,\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],\"task\":"
        "\"regress\"}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\",\"categories\":[]}],\"missing\":\"error\","
        "\"named\":true,\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],\"task\":\"regress\"}",
        "{\"columns\":2,\"inputs\":[{\"name\":\"x\"}],\"missing\":\"error\",\"named\":true,"
        "\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],\"task\":\"classify\"}",
        "{\"classes\":[\"a\"],\"numbers\":false,\"columns\":2,\"inputs\":[{\"name\":\"x\"}],"
        "\"missing\":\"error\",\"named\":true,\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],"
        "\"task\":\"classify\"}",
        "{\"classes\":[\"2\",\"1\"],\"numbers\":true,\"columns\":2,\"inputs\":[{\"name\":\"x\"}],"
        "\"missing\":\"error\",\"named\":true,\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],"
        "\"task\":\"classify\"}",
        "{\"classes\":[\"a\",\"a\"],\"numbers\":false,\"columns\":2,\"inputs\":[{\"name\":\"x\"}],"
        "\"missing\":\"error\",\"named\":true,\"scale\":\"none\",\"targets\":[{\"name\":\"y\"}],"
        "\"task\":\"classify\"}",
        "{\"columns\":2,\"columns\":2}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct preprocess *p = NULL;
        heddle_error err = {HEDDLE_OK, ""};
        cr_assert(preprocess_from_json(bad[i], &p, &err) == HEDDLE_E_DATA, "%zu", i);
        cr_assert(p == NULL &&
                  strncmp(err.text, "the preprocessing in the model is damaged", 41) == 0);
    }
    size_t depth = 100000;
    char *deep = malloc(depth + 1);
    memset(deep, '[', depth);
    deep[depth] = '\0';
    struct preprocess *p = NULL;
    cr_assert(preprocess_from_json(deep, &p, NULL) == HEDDLE_E_DATA);
    free(deep);
}

/* ---------------------------------------------------------------- failures ------------------- */

/* Everything once: fit, codes, apply, to JSON and back. */
static heddle_status all(const heddle_table *table, const struct preprocess_options *o)
{
    struct preprocess *p = NULL, *q = NULL;
    char *text = NULL;
    struct dataset set = {0};
    uint32_t codes[16];
    bool classify;
    heddle_status status = preprocess_class_codes(table, o, codes, &classify, NULL);
    if (status == HEDDLE_OK)
        status = preprocess_fit(table, o, NULL, 0, NULL, NULL, &p, NULL);
    if (status == HEDDLE_OK)
        status = preprocess_apply(p, table, NULL, 0, false, true, true, NULL, &set, NULL);
    if (status == HEDDLE_OK)
        status = preprocess_to_json(p, &text, NULL);
    if (status == HEDDLE_OK)
        status = preprocess_from_json(text, &q, NULL);
    dataset_done(&set);
    memory_free(text);
    preprocess_free(p);
    preprocess_free(q);
    return status;
}

Test(preprocess, every_allocation_may_fail)
{
    struct preprocess_options o = defaults;
    o.missing = MISSING_MEAN;
    heddle_table *table[3];
    table[0] = table_of("fail.csv", "k,x,c,y\nred,1,1,a\ngreen,,1,b\n,3,1,a\nred,4,1,\n");
    table[1] = table_of("fail2.csv", "k,x,y\nred,1,2\ngreen,,3\n,3,2\nred,4,\n");
    table[2] = images();
    for (size_t t = 0; t < 3; t++) {
        for (int persistent = 0; persistent < 2; persistent++) {
            heddle_status status = HEDDLE_E_MEMORY;
            for (size_t n = 1; status != HEDDLE_OK; n++) {
                cr_assert(n < 1000);
                memory_fail_at(n, persistent);
                status = all(table[t], &o);
                memory_fail_at(0, false);
                cr_assert(status == HEDDLE_OK || status == HEDDLE_E_MEMORY);
            }
        }
        heddle_table_free(table[t]);
    }
}

Test(preprocess, many_rows_and_columns_are_put_in_their_places)
{
    static const size_t rows[] = {1, 63, 64, 65, 130}, widths[] = {1, 15, 16, 255, 1023};
    for (size_t r = 0; r < 5; r++)
        for (size_t w = 0; w < 5; w++) {
            size_t n = rows[r] * widths[w];
            double *x = malloc(n * sizeof *x);
            for (size_t i = 0; i < n; i++)
                x[i] = (double)(i * 7 % 1021);
            heddle_table *table = NULL;
            struct preprocess *p = NULL;
            struct dataset set;
            cr_assert(heddle_table_from_arrays(x, widths[w], NULL, 0, rows[r], &table, NULL) ==
                      HEDDLE_OK);
            cr_assert(preprocess_plain(widths[w], 1, false, &p, NULL) == HEDDLE_OK);
            for (int use_double = 0; use_double < 2; use_double++) {
                set = apply(p, table, use_double, false);
                cr_assert(set.real_stride % 16 == 0 && set.real_stride > widths[w]);
                cr_assert(set.real_stride * (use_double ? 8 : 4) % 4096 != 0);
                for (size_t i = 0; i < rows[r]; i++)
                    for (size_t j = 0; j < set.real_stride; j++)
                        cr_assert(input_of(&set, i, j) ==
                                  (j < widths[w] ? x[i * widths[w] + j] : j == widths[w]));
                dataset_done(&set);
            }
            preprocess_free(p);
            heddle_table_free(table);
            free(x);
        }
}
