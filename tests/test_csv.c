/** Delimited text: src/data/csv*.c, cell.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/cell.h"
#include "data/csv.h"
#include "data/readers.h"
#include "data/table.h"
#include "support.h"
#include "table_text.h"

/* ---------------------------------------------------------------- refused -------------------- */

Test(csv, names_the_place_of_what_is_wrong)
{
    refused("empty.csv", "", "'@' is empty");
    refused("blank.csv", "\n \n\r\n  \n", "'@' holds no rows");
    refused("header_only.csv", "a,b\n", "'@' has a header but no rows");
    refused("ragged.csv", "a,b,c\n1,2,3\n4,5\n", "'@' line 3: 2 fields, expected 3");
    refused("ragged_long.csv", "a,b\n\n1,2\n3,4,5,6\n", "'@' line 4: 4 fields, expected 2");
    refused("ragged_late.csv", "\n\r\n\ra,b\n1\n", "'@' line 5: 1 field, expected 2");
    refused("one_field.csv", "a,b\n1,2\n3\n", "'@' line 3: 1 field, expected 2");
    refused("open_quote.csv", "a,b\n1,2\n\"3,4\n5,6\n",
            "'@' line 3 column 1: the quote is never closed");
    refused("junk.csv", "a,b\n1,\"2\"x\n", "'@' line 2 column 2: 'x' behind a closing quote");
    refused("quote_lines.csv", "a,b\n\"x\ny\",1\n\"x\ny\"\n", "'@' line 4: 1 field, expected 2");
}

Test(csv, a_slip_in_a_column_of_numbers_is_an_error)
{
    refused("slip.csv", "a,b,c\n1,2,3\n1,2,3\n1,2,3\n1,2,3\n1,2,3\n1,2,abc\n1,2,3\n",
            "'@' line 7 column 3: 'abc' is not a number");
    char text[4096] = "x\n";
    for (int i = 0; i < 40; i++)
        sprintf(text + strlen(text), "%d.5\n", i);
    strcat(text, "1.2.3\n7\n7e\n");
    refused("slips.csv", text, "'@' line 42 column 1: '1.2.3' is not a number");
}

/* Thirty rows of a cell made of the row's number. */
static const char *dressed_rows(char text[4096], const char *cell)
{
    strcpy(text, "a,b\n");
    for (int i = 0; i < 30; i++) {
        char one[64];
        snprintf(one, sizeof one, cell, i);
        sprintf(text + strlen(text), "%s,%d\n", one, i);
    }
    return text;
}

Test(csv, numbers_in_other_dress_are_refused_with_the_reason)
{
    static const struct {
        const char *cell, *first, *why;
    } cases[] = {
        {"\"1%d,25\"", "10,25",
         "has commas, for thousands or for the point, which numbers may not"},
        {"1%d 00", "10 00", "has blanks among its digits, which numbers may not"},
        {"\"0%d,250\"", "00,250",
         "has commas, for thousands or for the point, which numbers may not"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[4096], message[256];
        snprintf(message, sizeof message, "'@' line 2 column 1: '%s' %s", cases[k].first,
                 cases[k].why);
        refused("refused.csv", dressed_rows(text, cases[k].cell), message);
    }
    /* the comma may be the point */
    char text[4096] = "a\tb\n";
    for (int i = 0; i < 30; i++)
        sprintf(text + strlen(text), "%d,250\t%d\n", i + 1, i);
    refused("refused.tsv", text,
            "'@' line 2 column 1: '1,250' has commas, for thousands or for the point, which "
            "numbers may not");
}

Test(csv, numbers_in_other_dress_are_read_where_it_is_plain)
{
    static const struct {
        const char *cell;
        double first, last;
    } cases[] = {
        {"%d.5%%", 0.5, 29.5},
        {"$%d", 0, 29},
        {"\"$%d.50\"", 0.5, 29.5},
        {"-$%d", -0.0, -29},
        {"%d \xe2\x82\xac", 0, 29},
        {"\"1%d,250\"", 10250, 129250},
        {"\"2,3%02d,250.5\"", 2300250.5, 2329250.5},
        {"\xe2\x88\x92%d", -0.0, -29},
        {"1%d 000", 10000, 129000},
        {"1%02d'000", 100000, 129000},
        {"%d.5D+01", 5, 295},
    };
    char text[4096];
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        heddle_table *table = read_text("undressed.csv", dressed_rows(text, cases[k].cell));
        cr_assert(!table->column[0].text && !table->column[0].flaw, "%s", cases[k].cell);
        cr_assert(table_number(table, 0, 0) == cases[k].first, "%s", cases[k].cell);
        cr_assert(table_number(table, 0, 29) == cases[k].last, "%s", cases[k].cell);
        cr_assert_str_eq(heddle_table_format(table), "CSV with a header, signs taken off numbers");
        heddle_table_free(table);
    }
    table_is(read_text("few.csv", "a,b\n10%,1\n20,2\n?,3\n"), "a|b/10|1/20|2/|3/");
    table_is(read_text("mixed_dress.csv", "a,b\n\"1,234\",1\n999,2\n\"12,345.5\",3\n"),
             "a|b/1234|1/999|2/12345.5|3/");
    table_is(read_text("euro.csv", "a;b\n12,5 %;1\n3 %;2\n"), "a|b/12.5|1/3|2/");
    table_is(read_text("groups.csv", "a;b\n1.234,5 %;1\n3 %;2\n"), "a|b/1.234,5 %|1/3 %|2/");
    table_is(read_text("both.csv", "a,b\n10%,1\n$20,2\n10%,3\n"), "a|b/10%|1/$20|2/10%|3/");
}

Test(csv, many_numbers_and_words_are_no_categories)
{
    char text[4096] = "a,b\n";
    for (int i = 0; i < 60; i++)
        sprintf(text + strlen(text), i % 3 ? "%d.5,1\n" : "low%d,1\n", i);
    refused("mixed.csv", text, "'@' line 2 column 1: 'low0' is not a number");
}

Test(csv, words_for_missing_are_so_among_numbers_only)
{
    heddle_table *table =
        read_text("absent.csv", "a,b\n1.5,None\n.,Mild\nNone,None\n#DIV/0!,Severe\n2,None\n");
    heddle_column a, b;
    heddle_table_column(table, 0, &a);
    heddle_table_column(table, 1, &b);
    cr_assert(!a.text && a.missing == 3 && b.text && b.missing == 0 && b.distinct == 3);
    heddle_table_free(table);
}

Test(csv, comments_among_the_data_are_skipped)
{
    table_is(read_text("comment.csv", "a,b\n1,2\n# nothing\n3,4\n  # more, and, more\n5,6\n#\n"),
             "a|b/1|2/3|4/5|6/");
    table_is(read_text("comment_words.csv", "a,b\nx,2\n# \"nothing\ny,4\n#ff0000,4\n"),
             "a|b/x|2/y|4/#ff0000|4/");
    char many[2000] = "a,b\n1,2\n";
    for (int i = 0; i < 100; i++)
        strcat(many, "# note\n");
    table_is(read_text("comment_many.csv", strcat(many, "3,4\n")), "a|b/1|2/3|4/");
    table_is(read_text("comment_one.csv", "a\n1\n# two\n3\n"), "a/1/3/");
}

Test(csv, what_programs_put_around_a_table_is_no_part_of_it)
{
    table_is(read_text("sep.csv", "sep=;\r\na;b\r\n1,5;2\r\n"), "a|b/1.5|2/");
    table_is(read_text("dos.csv", "a,b\r\n1,2\r\n\x1a"), "a|b/1|2/");
    table_is(read_text("excel.csv", "a;b;;\n1;2;;\n3;4;;\n;;;\n"), "a|b/1|2/3|4/");
    table_is(read_text("middle.csv", "a,b\n1,2\n,\n3,4\n,\n , \n\n"), "a|b/1|2/|/3|4/");
    table_is(read_text("wrapped_rows.csv", "a,b\n1,2,\n3,4,\n"), "a|b/1|2/3|4/");
}

Test(csv, names_of_rows_are_told_from_data)
{
    heddle_table *table = read_text("r.txt", "\"a\" \"b\"\n\"x 1\" 1 2\n\"x 2\" 3 4\n");
    cr_assert(table->row_names);
    table_is(table, "column_1|a|b/x 1|1|2/x 2|3|4/");
    table = read_text("pandas.csv", ",a,b\n7,1,2\n3,3,4\n");
    cr_assert(table->row_names);
    heddle_table_free(table);
    table = read_text("twice.csv", ",a,b\n7,1,2\n7,3,4\n");
    cr_assert(!table->row_names);
    heddle_table_free(table);
    table = read_text("shorter.csv", "a,b\nx,1,2\nx,3,4\n");
    cr_assert(!table->row_names);
    table_is(table, "column_1|a|b/x|1|2/x|3|4/");
    table = read_text("named.csv", "id,a,b\n7,1,2\n3,3,4\n");
    cr_assert(!table->row_names);
    heddle_table_free(table);
}

Test(csv, titles_and_units_are_no_rows)
{
    heddle_table *table = read_text("title.csv", "Table 1\n\na,b,c\n1,2,3\n4,5,6\n");
    cr_assert_str_eq(heddle_table_format(table), "CSV with a header, titles left out");
    table_is(table, "a|b|c/1|2|3/4|5|6/");
    table_is(read_text("titles.csv", "x,y\n\nof 2020\r\n \r\na,b,c,d\n1,2,3,4\n"),
             "a|b|c|d/1|2|3|4/");
    heddle_error err;
    char wanted[600];
    const char *path = scratch_path("no_title.csv"), *text = "x,y\na,b,c,d\n1,2,3,4\n";
    cr_assert(read_bytes("no_title.csv", text, strlen(text), NULL, &table, &err) == HEDDLE_E_DATA);
    snprintf(
        wanted, sizeof wanted,
        "'%s' line 2: 4 fields, expected 2; if the table begins here, tail -n +2 '%.100s' gives "
        "it alone",
        path, path);
    cr_assert_str_eq(err.text, wanted);
    table_is(read_text("one_less.csv", "a,b\n\nx,1,2\ny,3,4\n"), "column_1|a|b/x|1|2/y|3|4/");
    table = read_text("units.csv", "t,v,y\n[s],m/s,\n1,2,a\n3,4,b\n");
    cr_assert_str_eq(heddle_table_format(table), "CSV with a header and a line of units");
    cr_assert(table->line[0] == 3);
    table_is(table, "t|v|y/1|2|a/3|4|b/");
    /* one word may be a slip, and a number is no unit */
    refused("unit.csv", "t,y\ns,1\n1,1\n2,1\n3,2\n4,2\n5,3\n6,3\n",
            "'@' line 2 column 1: 's' is not a number");
    table_is(read_text("none.csv", "t,v\nNone,none\n1,2\n3,4\n"), "t|v/|/1|2/3|4/");
    table = read_text("titled_rows.csv", "t,v\na,b\nc,d\n");
    table_is(table, "t|v/a|b/c|d/");
}

Test(csv, a_minus_is_a_word_where_a_plus_is)
{
    table_is(read_text("signs.csv", "a,b\n+,1\n-,2\n?,3\n"), "a|b/+|1/-|2/|3/");
    table_is(read_text("dashes.csv", "a,b\nx,1\n-,2\ny,-\n"), "a|b/x|1/|2/y|/");
}

Test(csv, columns_of_a_list_are_words)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    heddle_read_options options = {.categories = "zip,3"};
    const char *text = "zip,n,code\n02139,1,007\n2139,2,inf\n?,3,1.5\n";
    cr_assert(read_bytes("zip.csv", text, strlen(text), &options, &table, &err) == HEDDLE_OK);
    cr_assert(table->column[0].text && !table->column[1].text && table->column[2].text);
    cr_assert(!table->column[2].flaw);
    table_is(table, "zip|n|code/02139|1|007/2139|2|inf/|3|1.5/");
    options.categories = "zip,zap";
    cr_assert(read_bytes("zip.csv", text, strlen(text), &options, &table, &err) == HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "has no column 'zap'; did you mean 'zip'?"), "%s", err.text);
    /* a word among many numbers is none too many there */
    char codes[8192] = "code,y\n";
    for (int i = 0; i < 200; i++)
        sprintf(codes + strlen(codes), i == 150 ? "V27,%d\n" : "%d,1\n", 250 + i % 50);
    refused("code.csv", codes, "'@' line 152 column 1: 'V27' is not a number");
    options.categories = "code";
    cr_assert(read_bytes("code.csv", codes, strlen(codes), &options, &table, &err) == HEDDLE_OK);
    cr_assert(table->column[0].text && !table->column[0].flaw && table->column[0].words == 51);
    heddle_table_free(table);
    /* formats that have numbers only */
    options.categories = "2,target";
    text = "1 1:0.5 2:3\n2 2:4.25\n1 1:2\n";
    cr_assert(read_bytes("codes.svm", text, strlen(text), &options, &table, &err) == HEDDLE_OK);
    cr_assert(!table->column[0].text && table->column[1].text && table->column[2].text);
    table_is(table, "1|2|target/0.5|3|1/0|4.25|2/2|0|1/");
}

Test(csv, what_is_text_in_a_table_is_text_in_those_like_it)
{
    heddle_table *like = read_text("like.csv", "a,b,c\n5,+,1\nx,-,2\nx,+,3\n");
    heddle_table *table = NULL;
    heddle_read_options options = {.like = like};
    const char *text = "c,b,a\n1,-,05\n2,-,6\n";
    cr_assert(read_bytes("alike.csv", text, strlen(text), &options, &table, NULL) == HEDDLE_OK);
    table_is(table, "c|b|a/1|-|05/2|-|6/");
    heddle_table_free(like);
    like = read_text("like.csv", "1,+,5\n1,-,x\n");
    options.like = like;
    text = "1,-,5\n1,-,6\n";
    cr_assert(read_bytes("alike.csv", text, strlen(text), &options, &table, NULL) == HEDDLE_OK);
    cr_assert(!table->column[0].text && table->column[1].text && table->column[2].text);
    table_is(table, "column_1|column_2|column_3/1|-|5/1|-|6/");
    heddle_table_free(like);
}

Test(csv, words_that_recur_among_few_numbers_are_codes)
{
    char text[4096] = "grade,y\n";
    for (int i = 0; i < 60; i++)
        sprintf(text + strlen(text), "%s,%d\n", i % 30 ? "12" : "K", i);
    heddle_table *table = read_text("recurring_codes.csv", text);
    cr_assert(table->column[0].text && table->column[0].words == 2);
    heddle_table_free(table);
}

Test(csv, infinite_numbers_are_refused)
{
    refused("inf.csv", "a,b\n1,2\n3,inf\n", "'@' line 3 column 2: 'inf' is not a finite number");
    refused("minus_inf.csv", "a\n1\n-Infinity\n",
            "'@' line 3 column 1: '-Infinity' is not a finite number");
    refused("infinite.csv", "a,b\n1,2\n1e999,2\n",
            "'@' line 3 column 1: '1e999' is not a finite number");
    heddle_table *table = read_text("inf_word.csv", "a,b\ninf,1\nsup,2\n");
    cr_assert(table->column[0].text);
    heddle_table_free(table);
}

Test(csv, bytes_that_are_no_text_are_refused)
{
    refused_bytes("zero.csv", "a,b\n1,\0002\n", 9, NULL,
                  "'@' is neither a table of text nor of a known format (byte 6 is 0)");
    refused("latin1.csv", "name,y\nJos\xe9,1\nAnn,2\n",
            "'@' line 2 column 1: a word that is not UTF-8; convert the file with iconv -f LATIN1 "
            "-t UTF-8");
    refused("latin1_name.csv", "caf\xe9,y\n1,1\n",
            "'@' line 1 column 1: a name that is not UTF-8; convert the file with iconv -f LATIN1 "
            "-t UTF-8");
    refused_bytes("utf16_bare.csv", "a\0,\0b\0\n\0", 8, NULL,
                  "'@' is UTF-16 text; convert it with iconv -f UTF-16 -t UTF-8");
    refused("page_late.csv", "\n  <!DOCTYPE html>\n",
            "'@' is a web page; was the download refused?");
    refused("log_of_run.jsonl",
            "{\"event\": \"start\", \"version\": \"0\"}\n{\"event\": \"end\"}\n",
            "'@' is the log of a run, no data; 'heddle verify' repeats that run, and 'heddle train "
            "--report FILE.html' writes a page about one");
    refused("looks_like_json.csv", "[ {\"a\": 1} ]\n", "'@' is a JSON file; save the table as CSV");
    refused("page.csv", "<!DOCTYPE html>\n", "'@' is a web page; was the download refused?");
    refused_bytes("sheet.xlsx", "PK\3\4 and so on", 13, NULL,
                  "'@' is a zip archive (perhaps a spreadsheet or .npz); save the table as CSV or "
                  ".npy");
}

Test(csv, long_and_wild_cells_are_shown_cut)
{
    refused("wild.csv",
            "a\n1\n2\n3\n4\n5\n6\n\"\x01"
            "2345678901234567890123456789012345678\xc3\xa4\xc3\xa4 and so on\"\n",
            "'@' line 8 column 1: '?2345678901234567890123456789012345678\xc3\xa4...' is not a "
            "number");
}

Test(csv, a_limit_of_memory_is_kept)
{
    heddle_read_options options = {.max_bytes = 100};
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    const char *text = "1,2,3\n4,5,6\n7,8,9\n1,2,3\n";
    cr_assert(read_bytes("limit.csv", text, strlen(text), &options, &table, &err) ==
              HEDDLE_E_MEMORY);
    cr_assert(strstr(err.text, "as a table, the limit is"), "%s", err.text);
    options.max_bytes = 4096;
    cr_assert(read_bytes("limit.csv", text, strlen(text), &options, &table, &err) == HEDDLE_OK);
    heddle_table_free(table);
}

Test(csv, a_table_may_be_narrow_wide_or_hollow_without_asking_for_the_moon)
{
    /* a wide header over many blank lines: rows × columns cells would be 8 GB */
    size_t n = 0, columns = 20000, blanks = 50000;
    char *text = malloc(2 * columns + blanks + 8);
    for (size_t c = 0; c < columns; c++) {
        text[n++] = 'a';
        text[n++] = c + 1 < columns ? ',' : '\n';
    }
    memset(text + n, '\n', blanks);
    n += blanks;
    heddle_read_options options = {.header = HEDDLE_HEADER_NO, .max_bytes = (size_t)4 << 20};
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(read_bytes("hollow.csv", text, n, &options, &table, &err) == HEDDLE_OK, "%s",
              err.text);
    cr_assert(table->rows == 1 && table->columns == columns);
    heddle_table_free(table);
    free(text);
}

/* ---------------------------------------------------------------- what is understood --------- */

Test(csv, reads_a_table_with_a_header)
{
    heddle_table *table = read_text("plain.csv", "a,b,c\n1,-2.5,x\n3e2,+4,y\n");
    cr_assert_str_eq(heddle_table_format(table), "CSV with a header");
    cr_assert(table->named && table->line[0] == 2 && table->line[1] == 3);
    cr_assert(!table->column[0].text && !table->column[1].text && table->column[2].text);
    table_is(table, "a|b|c/1|-2.5|x/300|4|y/");
}

Test(csv, line_ends_and_byte_order_marks_do_not_matter)
{
    table_is(read_text("crlf.csv", "a,b\r\n1,2\r\n3,4\r\n"), "a|b/1|2/3|4/");
    table_is(read_text("cr.csv", "a,b\r1,2\r3,4"), "a|b/1|2/3|4/");
    table_is(read_text("bom.csv", "\xef\xbb\xbf"
                                  "a,b\n1,2\n3,4"),
             "a|b/1|2/3|4/");
    table_is(read_text("mixed_ends.csv", "a,b\r\n1,2\n\n\r\n3,4\r"), "a|b/1|2/3|4/");
    heddle_table *table = read_text("lines.csv", "a,b\r\n\r\n1,2\r\n\"3\",4\r\n");
    cr_assert(table->line[0] == 3 && table->line[1] == 4);
    heddle_table_free(table);
}

Test(csv, quotes_are_those_of_rfc_4180)
{
    heddle_table *table = read_text("quotes.csv", "name,\"say \"\"what\"\"\",y\n"
                                                  "\"Smith, J.\",\"two\nlines\",1\n"
                                                  "\"\"\"\"\"\",\"plain\" ,2\n"
                                                  " \"blanks before\",in \"side\",\"3\"\n");
    cr_assert(table->line[1] == 4);
    table_is(table, "name|say \"what\"|y/Smith, J.|two\nlines|1/\"\"|plain|2/"
                    "blanks before|in \"side\"|3/");
}

Test(csv, missing_values_have_many_names)
{
    heddle_table *table =
        read_text("missing.csv", "a,b\n1,x\n,\nNA,NA\nN/A,N/A\nnan,nan\nNaN,NaN\nnull,null\n"
                                 "NULL,NULL\n?,?\n-,-\n\"\",\"\"\n2,y\n");
    heddle_column a, b;
    heddle_table_column(table, 0, &a);
    heddle_table_column(table, 1, &b);
    cr_assert(table->rows == 12 && !a.text && b.text);
    cr_assert(a.missing == 10 && b.missing == 10 && b.distinct == 2);
    heddle_table_free(table);
}

Test(csv, names_do_not_repeat)
{
    table_is(read_text("names.csv", "x,x,,x_2,x\n1,2,3,4,5\n"),
             "x|x_2|column_3|x_2_2|x_3/1|2|3|4|5/");
}

Test(csv, a_delimiter_at_every_line_end_is_no_column)
{
    table_is(read_text("trailing.csv", "a,b,\n1,2,\n3,4,\n"), "a|b/1|2/3|4/");
    table_is(read_text("trailing_no_header.csv", "1,2,\n3,4,\n"), "column_1|column_2/1|2/3|4/");
    table_is(read_text("trailing_named.csv", "a,b,c\n1,2,\n3,4,\n"), "a|b|c/1|2|/3|4|/");
}

Test(csv, more_rows_and_columns_than_a_block)
{
    static const size_t rows[] = {1, 63, 64, 65, 200}, columns[] = {1, 2, 511, 513, 1000};
    char *text = malloc(200 * 1000 * 8);
    for (size_t r = 0; r < 5; r++) {
        for (size_t k = 0; k < 5; k++) {
            size_t n = 0;
            for (size_t i = 0; i < rows[r]; i++)
                for (size_t c = 0; c < columns[k]; c++)
                    n += (size_t)sprintf(text + n, "%zu%c", (i * 1000 + c) % 99991,
                                         c + 1 < columns[k] ? ',' : '\n');
            heddle_table *table = NULL;
            heddle_read_options options = {.header = HEDDLE_HEADER_NO};
            cr_assert(read_bytes("block.csv", text, n, &options, &table, NULL) == HEDDLE_OK);
            cr_assert(table->rows == rows[r] && table->columns == columns[k]);
            for (size_t i = 0; i < rows[r]; i++)
                for (size_t c = 0; c < columns[k]; c++)
                    cr_assert(table_number(table, c, i) == (double)((i * 1000 + c) % 99991));
            heddle_table_free(table);
        }
    }
    free(text);
}

/* ---------------------------------------------------------------- cells ---------------------- */

Test(csv, fast_numbers_are_those_of_strtod)
{
    uint64_t state = 1;
    for (int k = 0; k < 200000; k++) {
        char text[64];
        uint64_t mantissa = test_random(&state) >> (test_random(&state) % 64);
        int decimals = (int)(test_random(&state) % 20);
        int n = sprintf(text, "%s%020llu", k % 2 ? "-" : "", (unsigned long long)mantissa);
        if (decimals) {
            memmove(text + n - decimals + 1, text + n - decimals, (size_t)decimals + 1);
            text[n - decimals] = '.';
        }
        const char *start = text + (k % 2);
        while (*start == '0' && start[1] >= '0' && test_random(&state) % 8)
            start++;
        char *number = text;
        if (k % 2 == 0)
            number = text + (start - text);
        double value = 0, fast;
        cr_assert(cell_classify(number, strlen(number), false, &value) == CELL_NUMBER, "%s",
                  number);
        double wanted = strtod(number, NULL);
        cr_assert(memcmp(&value, &wanted, sizeof value) == 0, "%s: %a, not %a", number, value,
                  wanted);
        const char *end = number + strlen(number);
        if (cell_number_fast(number, end, &fast))
            cr_assert(memcmp(&fast, &wanted, sizeof fast) == 0, "%s: fast", number);
    }
}

Test(csv, cells_are_classified)
{
    static const struct {
        const char *text;
        enum cell kind;
    } cases[] = {
        {"1", CELL_NUMBER},
        {"+1", CELL_NUMBER},
        {"-.5", CELL_NUMBER},
        {"5.", CELL_NUMBER},
        {"1E-3", CELL_NUMBER},
        {".", CELL_WORD},
        {"1e", CELL_WORD},
        {"0x10", CELL_WORD},
        {"1_0", CELL_WORD},
        {"", CELL_MISSING},
        {"-", CELL_MISSING},
        {"--", CELL_WORD},
        {"nan", CELL_MISSING},
        {"Nancy", CELL_WORD},
        {"INF", CELL_INFINITE},
        {"+inf", CELL_INFINITE},
        {"info", CELL_WORD},
        {"1e400", CELL_INFINITE},
        {"-1e400", CELL_INFINITE},
        {"1e-400", CELL_NUMBER},
        {"12345678901234567890123", CELL_NUMBER},
        {"1,5", CELL_WORD},
        {"#N/A", CELL_MISSING},
        {"\xd9\xa1", CELL_WORD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value;
        cr_assert(cell_classify(cases[i].text, strlen(cases[i].text), false, &value) ==
                      cases[i].kind,
                  "'%s'", cases[i].text);
    }
    double value;
    cr_assert(cell_classify("1,5", 3, true, &value) == CELL_NUMBER && value == 1.5);
    cr_assert(cell_classify("1,5,5", 5, true, &value) == CELL_WORD);
    cr_assert(cell_classify("1.234,5", 7, true, &value) == CELL_WORD);
}

Test(csv, utf8_is_that_of_rfc_3629)
{
    static const char *const good[] = {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    static const char *const bad[] = {"\x80",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\xed\xa0\x80",
                                      "\xe0\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xe2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert(cell_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert(!cell_is_utf8(bad[i], strlen(bad[i])));
}

/* ---------------------------------------------------------------- failures ------------------- */

Test(csv, every_allocation_may_fail)
{
    const char *text = "name,\"sa\"\"y\",y,d,a\n\"Smith, J.\",\"t\"\"wo\nlines\",1,10%,\n"
                       "b,c,2,20%,\nb,c,2,,5\n\"q\"\"\",c,2,3%,6\n";
    const char *path = scratch_path("allocation.csv");
    put_file(path, text, strlen(text));
    for (int persistent = 0; persistent < 2; persistent++) {
        heddle_status status = HEDDLE_E_MEMORY;
        for (size_t n = 1; status != HEDDLE_OK; n++) {
            heddle_table *table = NULL;
            heddle_error err = {HEDDLE_OK, ""};
            cr_assert(n < 1000);
            memory_fail_at(n, persistent);
            status = heddle_table_read(path, NULL, &table, &err);
            size_t asked = memory_count();
            memory_fail_at(0, false);
            if (status == HEDDLE_OK) {
                /* giving back room may fail without harm */
                cr_assert(table->rows == 4 && table->columns == 5 && !table->column[3].text);
                heddle_table_free(table);
                if (asked >= n)
                    status = HEDDLE_E_MEMORY;
            } else {
                cr_assert(status == HEDDLE_E_MEMORY && table == NULL, "%zu: %s", n, err.text);
                cr_assert(*err.text);
            }
        }
    }
}

Test(csv, any_bytes_are_read_or_refused)
{
    static const char letters[] = "0123456789.,;\t \"\"\n\r\n-eaN?#|x";
    uint64_t state = 7;
    for (int k = 0; k < 3000; k++) {
        char text[200];
        size_t n = test_random(&state) % sizeof text;
        for (size_t i = 0; i < n; i++)
            text[i] = letters[test_random(&state) % (sizeof letters - 1)];
        heddle_table *table = NULL;
        heddle_error err = {HEDDLE_OK, ""};
        heddle_status status = read_bytes("any.csv", text, n, NULL, &table, &err);
        if (status == HEDDLE_OK) {
            cr_assert(table->rows > 0 && table->columns > 0);
            heddle_table_free(table);
        } else {
            cr_assert(status == HEDDLE_E_DATA && strchr(err.text, '\''), "%s", err.text);
        }
    }
}

/* ---------------------------------------------------------------- by chunks ------------------ */

/* Workers one after the other: the chunks are the same as if they ran beside each other. */
static void run_in_turn(void *team, void (*body)(void *context, int worker), void *context)
{
    for (int w = 0; w < *(int *)team; w++)
        body(context, w);
}

static heddle_status read_by(int workers, const char *path, heddle_table **table, heddle_error *err)
{
    heddle_read_options options = {0};
    struct table_workers help = {workers, run_in_turn, &workers};
    struct table_reading reading = {
        .options = &options, .workers = workers > 1 ? &help : NULL, .limit = SIZE_MAX};
    return table_read(path, &reading, table, err);
}

/* A table of 1.5 MB with words, missing cells, blank lines, and line ends within quotes: some
 * longer than a chunk's distance to the next line end, one (`vast`) longer than a whole chunk. */
static size_t wild_table(char *text, uint64_t seed, size_t vast)
{
    size_t n = (size_t)sprintf(text, "id,number,word,note\n");
    uint64_t state = seed;
    for (size_t i = 0; n < 1500000; i++) {
        uint64_t r = test_random(&state);
        n += (size_t)sprintf(text + n, "%zu,", i);
        if (r % 7)
            n += (size_t)sprintf(text + n, "%.17g", (double)(int64_t)test_random(&state) / 1e15);
        n += (size_t)sprintf(text + n, ",word%u,", (unsigned)(r >> 40) % 50);
        if (r % 5 == 0)
            n += (size_t)sprintf(text + n, "\"a note\n1,2,3,4\n\"\"of\"\" lines %u\"",
                                 (unsigned)(r >> 50) % 9);
        else if (r % 5 == 1)
            n += (size_t)sprintf(text + n, "note %u 5\"", (unsigned)(r >> 50) % 9);
        n += (size_t)sprintf(text + n, r % 3 ? "\n" : r % 2 ? "\r\n" : "\n\n");
        if (vast && i == 5000) {
            n += (size_t)sprintf(text + n, "%zu,1,word1,\"", i);
            for (size_t k = 0; k < vast; k += 8)
                n += (size_t)sprintf(text + n, "1,2,3,4\n");
            n += (size_t)sprintf(text + n, "\"\n");
        }
    }
    return n;
}

Test(csv, chunks_make_no_difference)
{
    char *text = malloc(4000000);
    for (int k = 0; k < 6; k++) {
        size_t n = wild_table(text, (uint64_t)k + 1, k % 2 ? 700000 : 0);
        if (k == 4) /* something wrong near the end */
            n += (size_t)sprintf(text + n, "1,2\n3,4,5,6\n");
        if (k == 5)
            n += (size_t)sprintf(text + n, "\"never closed,1\n2,3,4,5\n");
        const char *path = scratch_path("chunks.csv");
        put_file(path, text, n);
        heddle_table *a = NULL, *b = NULL;
        heddle_error first = {HEDDLE_OK, ""}, second = {HEDDLE_OK, ""};
        heddle_status status = read_by(1, path, &a, &first);
        cr_assert((status == HEDDLE_OK) == (k < 4), "%s", first.text);
        for (int workers = 2; workers < 6; workers++) {
            cr_assert(read_by(workers, path, &b, &second) == status, "%s", second.text);
            cr_assert_str_eq(first.text, second.text);
            if (status != HEDDLE_OK)
                continue;
            cr_assert(a->rows == b->rows && a->columns == b->columns);
            cr_assert(memcmp(a->line, b->line, a->rows * sizeof *a->line) == 0);
            for (size_t c = 0; c < a->columns; c++) {
                const struct table_column *x = &a->column[c], *y = &b->column[c];
                cr_assert(x->text == y->text && x->words == y->words && !x->flaw == !y->flaw);
                if (x->text)
                    cr_assert(memcmp(x->code, y->code, a->rows * sizeof *x->code) == 0);
                else
                    cr_assert(memcmp(x->number, y->number, a->rows * sizeof *x->number) == 0);
                for (size_t w = 0; w < x->words; w++)
                    cr_assert_str_eq(x->word[w], y->word[w]);
            }
            heddle_table_free(b);
        }
        heddle_table_free(a);
    }
    free(text);
}

/* Lengths around a register and around the slices that lines are counted in. */
Test(csv, line_ends_are_counted_wherever_they_stand)
{
    static const size_t length[] = {1, 15, 16, 17, 4079, 4080, 4081, 8160, 8161, 20000};
    char *text = malloc(20000);
    uint64_t state = 1;
    for (size_t i = 0; i < 100 * sizeof length / sizeof *length; i++) {
        const size_t n = length[i / 100];
        const uint64_t rare = i % 3 ? 3 : 500;
        size_t ends = 0;
        for (size_t k = 0; k < n; k++) {
            uint64_t r = test_random(&state);
            text[k] = r % rare ? 'a' : i % 2 && r >> 40 & 1 ? '\r' : '\n';
        }
        for (size_t k = 0; k < n; k++)
            ends += text[k] == '\n' || (text[k] == '\r' && (k + 1 == n || text[k + 1] != '\n'));
        struct file_bytes bytes = {.data = (uint8_t *)text, .size = n};
        struct csv_chunk chunk = {.begin = text, .end = text + n};
        struct csv csv = {.path = "x", .bytes = &bytes, .chunk = &chunk, .chunks = 1};
        cr_assert(csv_count_lines(&csv, NULL) == HEDDLE_OK);
        cr_assert(chunk.ends == ends, "%zu bytes: %zu, not %zu", n, chunk.ends, ends);
        text[test_random(&state) % n] = 0;
        cr_assert(csv_count_lines(&csv, NULL) == HEDDLE_E_DATA);
    }
    free(text);
}
