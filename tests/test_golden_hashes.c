/** The table golden_hashes.txt: recipe → sha256 of the model file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "training.h"

/* The path of the table, which is a text for people, not one of the data files. */
static FILE *open_table(void)
{
    char path[512];
    const char *tests = getenv("HEDDLE_TESTS");
    snprintf(path, sizeof path, "%s/golden_hashes.txt", tests ? tests : "tests");
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL, "no '%s'", path);
    return file;
}

/* Lines 0, 1, … of the table that are recipes: hash, data and options; false at its end. */
static bool next_row(FILE *file, char hash[65], char data[64], char options[256])
{
    char line[512];
    while (fgets(line, sizeof line, file)) {
        int at = 0;
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#' || line[0] == 0) {
            continue;
        }
        cr_assert(sscanf(line, "%64s %63s %n", hash, data, &at) == 2, "'%s'", line);
        snprintf(options, 256, "%s", line + at);
        if (strcmp(hash, "numerics") != 0) {
            return true;
        }
        cr_assert_str_eq(data, MODEL_NUMERICS,
                         "the table is of other arithmetic: run tests/update_golden_hashes.sh");
    }
    return false;
}

static void check(const char *machine)
{
    FILE *file = open_table();
    char want[65], got[65], data[64], options[256], all[512];
    int rows = 0;
    for (; next_row(file, want, data, options); rows++) {
        heddle_table *table = table_of(data);
        snprintf(all, sizeof all, "%s %s", options, machine);
        model_hash(table, all, got);
        cr_expect_str_eq(got, want,
                         "%s with %s gives %s, not %s: a bug, unless it is a decision (see the "
                         "table's head)",
                         data, all, got, want);
        heddle_table_free(table);
    }
    cr_assert(rows >= 12);
    fclose(file);
}

Test(golden_hashes, are_those_of_one_thread)
{
    check("threads=1");
}

Test(golden_hashes, are_those_of_three_threads)
{
    check("threads=3");
}

Test(golden_hashes, are_those_of_plain_c)
{
    check("threads=2 isa=scalar");
}
