/** ARFF files: src/data/arff.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "table_text.h"

#define BEGIN "@relation r\n@attribute a numeric\n@attribute b {x,y}\n"

Test(arff, what_is_wrong_is_named_with_its_line)
{
    refused("end.arff", "@relation r\n@attribute a real\n",
            "'@' ends before the @data of its ARFF header");
    refused("empty.arff", "% c\n@RELATION r\n@DATA\n1\n",
            "'@' ends before the first @attribute of its ARFF header");
    refused("rows.arff", BEGIN "@data\n% none\n\n", "'@' has a header but no rows");
    refused("line.arff", "@relation r\nattribute a real\n",
            "'@' line 2: 'attribute a real' is no line of an ARFF header: @attribute or @data");
    refused("type.arff", "@relation r\n@attribute a number\n",
            "'@' line 2: 'number' is no type of an attribute: numeric, real, integer, string, date "
            "or {a,b,…}");
    refused("relational.arff", "@relation r\n@attribute a relational\n",
            "'@' line 2: 'relational' is no type of an attribute: numeric, real, integer, string, "
            "date or {a,b,…}");
    refused("name.arff", "@relation r\n@attribute\n", "'@' line 2: '' is no name of an attribute");
    refused("quote.arff", "@relation r\n@attribute 'a real\n",
            "'@' line 2: ''a real' is no name of an attribute");
    refused("list.arff", "@relation r\n@attribute a {x,y\n",
            "'@' line 2: '{x,y' is a list without "
            "an end");
    refused("list.arff", "@relation r\n@attribute a {x,'y}\n",
            "'@' line 2: '{x,'y}' has a quote that is never closed");
    refused("latin.arff", "@relation r\n@attribute Jos\xe9 real\n",
            "'@' line 2: a name that is not UTF-8; convert the file with iconv -f LATIN1 -t UTF-8");
    refused("ragged.arff", BEGIN "@data\n1,x\n2,y,3\n", "'@' line 6: 3 fields, expected 2");
    refused("first.arff", BEGIN "@data\n1,x,2\n2,y\n", "'@' line 5: 3 fields, expected 2");
    refused("open.arff", BEGIN "@data\n1,'x\n2,y'\n",
            "'@' line 5 column 2: the quote is never closed");
    refused("word.arff", BEGIN "@data\nfar,x\n1,x\n2,x\n3,y\n4,x\n5,x\n6,y\n",
            "'@' line 5 column 1: 'far' is not a number");
    refused("sparse.arff", BEGIN "@data\n{0 1, 1 y}\n",
            "'@' line 5: a sparse row; Weka's filter SparseToNonSparse writes all values, its "
            "LibSVMSaver a file that is read");
}

Test(arff, the_table_is_the_one_that_is_declared)
{
    heddle_table *table =
        read_text("plain.arff", "\n% Title: r\n@RELATION 'r s'\n\n"
                                "@ATTRIBUTE 'wind speed'\tREAL\n@attribute \"it's\" {1, 2,3}\n"
                                "@Attribute sign{+,-}\n@attribute t date 'yyyy-MM-dd'\n"
                                "@attribute s string\n@attribute n INTEGER\n@attribute n Numeric\n"
                                "\n@DATA\n% first\n"
                                "1.5, 01,+ ,'2020-01-01' , \"a 'b', c\",3,?\n\n"
                                "?,1,-,?,'it\\'s 5%',4,5e-1\r\n  % last\n"
                                "-2,?,?,\"2020-01-02\",'',5,7\n%\n");
    cr_assert_str_eq(heddle_table_format(table), "ARFF");
    cr_assert(table->named && table->columns == 7 && table->line[1] == 17);
    for (size_t c = 0; c < 7; c++)
        cr_assert(table->column[c].text == (c > 0 && c < 5) && !table->column[c].flaw);
    table_is(table, "wind speed|it's|sign|t|s|n|n_2/"
                    "1.5|01|+|2020-01-01|a 'b', c|3|/|1|-||it's 5%|4|0.5/"
                    "-2|||2020-01-02||5|7/");
    /* marked, with tabs or blanks for commas, and with what looks like a comment of CSV */
    table_is(read_text("bom.arff", "\xef\xbb\xbf" BEGIN "@data\n1\tx\n2\ty\n"), "a|b/1|x/2|y/");
    table_is(read_text("keel.dat", "@relation r\n@attribute a real [0.5, 2]\n@attribute b {x, y}\n"
                                   "@inputs a\n@outputs b\n@data\n1, x\n2, y\n"),
             "a|b/1|x/2|y/");
    table_is(read_text("blanks.arff", BEGIN "@data \n1 x\n2   y\n"), "a|b/1|x/2|y/");
    table_is(read_text("hash.arff", "@relation r\n@attribute a string\n@data\n#x\n%y\n# z\n"),
             "a/#x/# z/");
}

Test(arff, every_allocation_may_fail)
{
    const char *path = scratch_path("memory.arff"),
               *text = BEGIN "@attribute 'a\\'b' {'c,d'}\n@data\n1,x,'c,d'\n2,?,'c,d'\n";
    put_file(path, text, strlen(text));
    for (long n = 1;; n++) {
        heddle_table *table = NULL;
        memory_fail_at((size_t)n, false);
        heddle_status status = heddle_table_read(path, NULL, &table, NULL);
        memory_fail_at(0, false);
        heddle_table_free(table);
        if (status == HEDDLE_OK)
            break;
        cr_assert(status == HEDDLE_E_MEMORY, "%ld: %d", n, (int)status);
    }
}
