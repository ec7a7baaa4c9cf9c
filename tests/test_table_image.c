/* table_image: a table in a stretch of memory, for several processes. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include "data/table.h"
#include "data/table_image.h"
#include "support.h"

enum { ROOM = 1 << 20 };

/* The table of a text, by way of an image that lies elsewhere when it is read. */
static heddle_table *through_image(const char *name, const char *text)
{
    const char *path = scratch_path(name);
    heddle_table *table = NULL;
    heddle_error err;
    put_file(path, text, strlen(text));
    cr_assert(heddle_table_read(path, NULL, &table, &err) == HEDDLE_OK);
    size_t bytes = table_image_size(table);
    cr_assert(bytes > 0 && bytes <= ROOM);
    char *image = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *moved = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(image != MAP_FAILED && moved != MAP_FAILED);
    table_image_write(table, image);
    heddle_table_free(table);
    memcpy(moved, image, ROOM);
    munmap(image, ROOM);
    mprotect(moved, ROOM, PROT_READ);
    heddle_table *copy = table_image_read(moved, ROOM);
    cr_assert(copy != NULL);
    return copy;
}

Test(table_image, holds_numbers_words_and_missing_cells)
{
    heddle_table *table = through_image(
        "image_cells.csv", "a,word,b\n1,one,-2.5\n,two,1e300\n3,\"o,\"\"ne\",0\n4,,7\n");
    cr_assert(heddle_table_rows(table) == 4);
    cr_assert(heddle_table_columns(table) == 3);
    cr_assert_str_eq(table->column[0].name, "a");
    cr_assert_str_eq(table->column[1].name, "word");
    cr_assert(table->named);
    double a[4], b[4];
    table_numbers(table, 0, NULL, 0, 4, a);
    table_numbers(table, 2, NULL, 0, 4, b);
    cr_assert(a[0] == 1 && a[1] != a[1] && a[2] == 3 && a[3] == 4);
    cr_assert(b[0] == -2.5 && b[1] == 1e300 && b[2] == 0 && b[3] == 7);
    const struct table_column *word = &table->column[1];
    cr_assert(word->text);
    cr_assert(word->words == 3);
    cr_assert_str_eq(word->word[word->code[0]], "one");
    cr_assert_str_eq(word->word[word->code[1]], "two");
    cr_assert_str_eq(word->word[word->code[2]], "o,\"ne");
    cr_assert(word->code[3] == TABLE_MISSING);
    heddle_table_free(table);
}

Test(table_image, knows_the_lines_for_messages)
{
    char where[TABLE_WHERE_SIZE];
    heddle_table *table = through_image("image_lines.csv", "a,b\n1,2\n\n3,4\n5,6\n");
    cr_assert_str_eq(table_where(table, 1, where), "line 4");
    cr_assert(strstr(table->path, "image_lines.csv") != NULL);
    cr_assert(strlen(heddle_table_format(table)) > 0);
    heddle_table_free(table);
}

Test(table_image, knows_what_rows_and_columns_are_for)
{
    heddle_table *table = through_image("image_names.csv", ",a,b\n7,1,2\n3,3,4\n");
    cr_assert(table->row_names && table->part[TABLE_TRAIN] == 0);
    heddle_table_free(table);
    table = through_image("image_parts.dt",
                          "bool_in=1\nreal_in=0\nbool_out=0\nreal_out=1\ntraining_examples=1\n"
                          "validation_examples=2\ntest_examples=1\n1 2\n0 3\n1 4\n0 5\n");
    cr_assert(table->part[TABLE_TRAIN] == 1 && table->part[TABLE_VALIDATE] == 2 &&
              table->part[TABLE_TEST] == 1 && !table->row_names);
    heddle_table_free(table);
}

Test(table_image, a_table_that_lies_in_a_file_has_none)
{
    static const char bytes[] = "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"
                                "abcdef";
    const char *path = scratch_path("image.idx");
    heddle_table *table = NULL;
    heddle_error err;
    put_file(path, bytes, sizeof bytes - 1);
    cr_assert(heddle_table_read(path, NULL, &table, &err) == HEDDLE_OK);
    cr_assert(table->block.data || table->bytes);
    cr_assert(table_image_size(table) == 0);
    heddle_table_free(table);
}
