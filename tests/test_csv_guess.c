/** What is guessed of delimited text: src/data/csv_guess.c, csv_header.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "data/csv_guess.h"
#include "data/table.h"
#include "support.h"
#include "table_text.h"

Test(csv_guess, finds_the_delimiter)
{
    table_is(read_text("tab.tsv", "a b\tc\n1\t2\n3\t4\n"), "a b|c/1|2/3|4/");
    table_is(read_text("semicolon.csv", "a;b\n1,5;2\n-3,25;4.5\n"), "a|b/1.5|2/-3.25|4.5/");
    table_is(read_text("bar.txt", "a|b\n1|2\n"), "a|b/1|2/");
    table_is(read_text("blanks.txt", "  a   b\tc\n 1  2 3 \n4 5    6\n"), "a|b|c/1|2|3/4|5|6/");
    table_is(read_text("one.txt", "1\n2\n3\n"), "column_1/1/2/3/");
    table_is(read_text("quoted.csv", "x,\"a;b;c\"\ny,\"d;e;f\"\nx,\"a;b;c\"\n"),
             "column_1|column_2/x|a;b;c/y|d;e;f/x|a;b;c/");
    table_is(read_text("comma_blank.csv", "a, b\n1, 2\n3, 4\n"), "a|b/1|2/3|4/");
    heddle_table *table;
    heddle_read_options options = {.delimiter = ','};
    cr_assert(read_bytes("given.csv", "a;b,c\n1,2\n", 10, &options, &table, NULL) == HEDDLE_OK);
    table_is(table, "a;b|c/1|2/");
    options.delimiter = 'x';
    cr_assert(read_bytes("given.csv", "a", 1, &options, &table, NULL) == HEDDLE_E_ARGUMENT);
}

Test(csv_guess, finds_the_header)
{
    static const struct {
        const char *text;
        bool header;
    } cases[] = {
        {"a,b\n1,2\n", true},
        {"a,b\n1,2\n3,4\na,b\n5,6\n", true}, /* a file behind a file */
        {"red,hot\nred,hot\nblue,cold\n", false},
        {"1,2\n3,4\n", false},
        {"1,2\n", false},
        {"1,2,3\n4,5,6\n", false},
        {"5.1,3.5,setosa\n4.9,3.0,setosa\n6.0,3.0,virginica\n", false},
        {"x,y,kind\n5.1,3.5,setosa\n4.9,3.0,setosa\n", true},
        {"p,x,s\ne,x,s\np,y,t\n", false},          /* recurs below */
        {"class,shape\np,x\ne,x\np,y\n", true},    /* words over words */
        {"a,a\np,x\ne,y\n", false},                /* not all different */
        {"2019,2020,label\n1,2,3\n4,5,6\n", true}, /* one word is enough */
        {"0,1,2,3\n0.5,2,7,1\n0,4,4,4\n", true},   /* counted columns */
        {"0,1,2,3\n4,5,6,7\n8,9,10,11\n", false},  /* counting goes on */
        {"0,1,2,3\n0,1,2,3\n", false},
        {",0,1,2,3\n0,5,5,5,5\n1,6,6,6,6\n", true}, /* pandas with an index */
        {",one,two\na,x,y\nb,x,z\n", true},
        {"NA,2\n3,4\n", false},
        {"a,b\n?,?\nNA,\n1,2\n", true},
        {"# made by hand\n#\n\na,b\n1,2\n", true},
        {"1,2,3,4\n7,0,255,9\n8,1,3,3\n", true},    /* counted from 1 */
        {"1,2,3,4\n5,6,7,8\n9,10,11,12\n", false},  /* counting goes on */
        {"2019,2020,2021\n7.5,8,1\n9,3,2\n", true}, /* equally spaced, and beyond */
        {"land,code,1960,1961,1962\nA,a,7,9,2\nB,b,,1970,1\n", true}, /* years behind names */
        {"\"land\",\"1990\",\"1995\",\"2000\",\n\"A\",\"7\",\"9\",\"2\",\n", true},
        {"A,1960,1961,1962\nB,2001,2002,2003\nC,1,9,2\n", false},   /* years in data */
        {"A,1960,1961,1962\nB,1970,1952,1960\nA,1,9,2\n", false},   /* the name recurs */
        {"A,1960,1962,1963\nB,1970,1952,1960\n", false},            /* not equally spaced */
        {"A,60,61,62\nB,7,2,9\n", false},                           /* no years */
        {"10,20,30\n40,50,60\n70,80,90\n", false},                  /* so are the others */
        {"10,20,30\n5,50,20\n70,80,90\n", false},                   /* not beyond */
        {"100,200,400,900\n0.5,1.5,2.5,1\n0.25,9.5,7.5,0\n", true}, /* whole over fractions */
        {"0,0,0,0\n0.5,1.5,2.5,1\n0.25,9.5,7.5,2\n", false},        /* names differ */
        {"\"1\",\"7\"\n1,2\n7,7\n", true},                          /* quotes over none */
        {"\"1\",\"7\"\n\"1\",\"2\"\n", false},
        {"# a b c\n1 2 3\n4 5 6\n", true}, /* as numpy.savetxt writes it */
        {"#a,b\n1,2\n", true},
        {"# of a kind\n1,2\n", false}, /* not as many words */
        {"# 1 2\n3 4\n", false},
        {"% MATLAB's\n% comment\n1,2\n", false},
        {"|1x3 as C4.5\n1,a\n2,a\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heddle_table *table = read_text("header.csv", cases[i].text);
        cr_assert(table->named == cases[i].header, "%s", cases[i].text);
        heddle_table_free(table);
    }
    heddle_table *table;
    heddle_read_options options = {.header = HEDDLE_HEADER_YES};
    cr_assert(read_bytes("forced.csv", "1,2\n3,4\n", 8, &options, &table, NULL) == HEDDLE_OK);
    table_is(table, "1|2/3|4/");
    options.header = HEDDLE_HEADER_NO;
    cr_assert(read_bytes("forced.csv", "a,b\nc,d\n", 8, &options, &table, NULL) == HEDDLE_OK);
    table_is(table, "column_1|column_2/a|b/c|d/");
}

/* As the World Bank's files begin: titles, blank lines, lines that end in a comma. */
Test(csv_guess, finds_years_below_titles)
{
    heddle_table *table = read_text(
        "world.csv",
        "\xef\xbb\xbf\"Data Source\",\"World Development Indicators\",\r\n\r\n"
        "\"Last Updated Date\",\"2023-05-10\",\r\n\r\n"
        "\"Country Name\",\"Country Code\",\"Indicator Name\",\"1960\",\"1961\",\"1962\",\r\n"
        "\"Aruba\",\"ABW\",\"GDP, in US$\",\"\",\"405463417.1\",\"487602457.7\",\r\n"
        "\"Chad\",\"TCD\",\"GDP, in US$\",\"313582727.6\",\"\",\"357635713.8\",\r\n");
    cr_assert(table->named && table->rows == 2);
    cr_assert_str_eq(table->column[0].name, "Country Name");
    cr_assert_str_eq(table->column[3].name, "1960");
    cr_assert(table->column[2].text && !table->column[3].text && !table->column[5].text);
    heddle_table_free(table);
}

Test(csv_guess, finds_the_decimal_comma)
{
    table_is(read_text("comma.tsv", "a\tb\n0,5\t1\n-1,25\t2,75\n"), "a|b/0.5|1/-1.25|2.75/");
    table_is(read_text("comma.txt", "0,5 1,25 1\n2,75 1,5 0\n"),
             "column_1|column_2|column_3/0.5|1.25|1/2.75|1.5|0/");
    table_is(read_text("comma_not.txt", "1, 2, 3\n4, 5, 6\n"),
             "column_1|column_2|column_3/1|2|3/4|5|6/");
    /* thousands, perhaps: they stay words */
    heddle_table *table = read_text("thousands.tsv", "a\tb\n1,234\t1\n2,345\t2\n");
    cr_assert(table->column[0].text);
    heddle_table_free(table);
    table = read_text("comma.csv", "a;b\n0,5;1\n");
    cr_assert_str_eq(heddle_table_format(table),
                     "CSV separated by semicolons, decimal commas, with a header");
    heddle_table_free(table);
}

Test(csv_guess, two_tabs_here_and_there_are_one)
{
    table_is(read_text("tabs.txt", "1\t2\t3\n4\t\t5\t6\n7\t8\t9\n"),
             "column_1|column_2|column_3/1|2|3/4|5|6/7|8|9/");
    table_is(read_text("tabs.tsv", "1.5\t2\t3\n4\t\t6\n7\t8\t9\n"),
             "column_1|column_2|column_3/1.5|2|3/4||6/7|8|9/");
}

Test(csv_guess, what_known_names_say_goes_first)
{
    const char *text = "2020,2019\n0.5,1\n", *path = scratch_path("known.csv");
    heddle_table *like = read_text("known_names.csv", "2019,2020,y\n1,2,3\n"), *table = NULL;
    heddle_read_options options = {.like = like};
    put_file(path, text, strlen(text));
    cr_assert(heddle_table_read(path, &options, &table, NULL) == HEDDLE_OK);
    table_is(table, "2020|2019/0.5|1/");
    heddle_table_free(like);
    /* without names words are data, even a single row of them */
    options.like = like = read_text("nameless.csv", "p,x\ne,x\np,y\n");
    cr_assert(!like->named);
    put_file(path, "p,x\n", 4);
    cr_assert(heddle_table_read(path, &options, &table, NULL) == HEDDLE_OK);
    table_is(table, "column_1|column_2/p|x/");
    heddle_table_free(like);
}

static bool begins(const char *text)
{
    return csv_begins(text, text + strlen(text));
}

Test(csv_guess, knows_whether_a_record_is_there)
{
    static const char *const none[] = {"",
                                       "\n\r\n",
                                       "# a\n# b\n",
                                       "a,b",
                                       "1,2,3\n",
                                       "1,2\n\n \n",
                                       "\"1,2\n3,4\n5,6\n",
                                       "a,b\n\"1,2\n3,4\n",
                                       "\"\"\"\"\"\n1\n"};
    static const char *const one[] = {"1\n2",           "a,b\n1,2\n",        "# a\na,b\r\n1,2",
                                      "\"a\nb\",c\n1",  "5\" pipe,1\n6,2\n", "a;b\n1;\"2\n3\"\n",
                                      "\"a\"x,b\n1,2\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_assert(!begins(none[i]), "%zu", i);
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        cr_assert(begins(one[i]), "%zu", i);
}

Test(csv_guess, more_columns_are_possible_in_a_larger_file)
{
    cr_assert(csv_max_columns(0) == 1 << 18);
    cr_assert(csv_max_columns(64 << 10) == (1 << 18) + 1024);
    cr_assert(csv_max_columns((size_t)786431 * 64) == (1 << 20) - 1);
    cr_assert(csv_max_columns(SIZE_MAX) == 1 << 20);
}
