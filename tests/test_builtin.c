/** Builtin data sets: src/data/builtin.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "data/table.h"

static heddle_table *read_builtin(const char *path)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(heddle_table_read(path, NULL, &table, &err) == HEDDLE_OK, "%s", err.text);
    return table;
}

Test(builtin, an_unknown_name_is_refused)
{
    heddle_table *table = NULL;
    heddle_error err;
    cr_assert(heddle_table_read("builtin:iris", NULL, &table, &err) == HEDDLE_E_ARGUMENT);
    cr_assert_str_eq(err.text, "no builtin data set 'iris'; there are builtin:xor, builtin:spirals "
                               "and builtin:digits");
    cr_assert(heddle_table_read("builtin:", NULL, &table, &err) == HEDDLE_E_ARGUMENT);
}

Test(builtin, names_are_listed)
{
    cr_assert_str_eq(heddle_builtin_name(0), "xor");
    cr_assert_str_eq(heddle_builtin_name(1), "spirals");
    cr_assert_str_eq(heddle_builtin_name(2), "digits");
    cr_assert(heddle_builtin_name(3) == NULL);
}

Test(builtin, xor_is_in_the_order_of_the_tutorial)
{
    static const double wanted[4][3] = {{0, 0, 0}, {1, 1, 0}, {0, 1, 1}, {1, 0, 1}};
    heddle_table *table = read_builtin("builtin:xor");
    cr_assert(table->rows == 4 && table->columns == 3 && table->targets == 1);
    for (size_t i = 0; i < 4; i++)
        for (size_t c = 0; c < 3; c++)
            cr_assert(table_number(table, c, i) == wanted[i][c]);
    cr_assert_str_eq(table->column[2].name, "y");
    heddle_table_free(table);
}

Test(builtin, spirals_are_symmetrical_and_the_same_everywhere)
{
    heddle_table *table = read_builtin("builtin:spirals");
    const double *x = table->column[0].number, *y = table->column[1].number;
    cr_assert(table->rows == 194 && table->columns == 3);
    for (size_t i = 0; i < 97; i++) {
        double radius = 6.5 * (double)(104 - i) / 104.0;
        double error = x[2 * i] * x[2 * i] + y[2 * i] * y[2 * i] - radius * radius;
        cr_assert(error < 1e-13 && error > -1e-13);
        cr_assert(x[2 * i + 1] == -x[2 * i] && y[2 * i + 1] == -y[2 * i]);
        cr_assert(table->column[2].number[2 * i] == 1 && table->column[2].number[2 * i + 1] == 0);
    }
    cr_assert(x[0] == 0 && y[0] == 6.5 && x[16] == 6.5 * 96 / 104 && y[16] == 0);
    heddle_table_free(table);
}

/* scikit-learn 1.2.1, load_digits(): sum of data 561718; 178, 182, 177, 183, 181, 182, 181, 179,
 * 174, 180 digits of each kind. The sha256 is that of digits-8x8.csv without its header. */
Test(builtin, digits_are_those_of_uci)
{
    static const size_t kinds[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
    heddle_table *table = read_builtin("builtin:digits");
    size_t count[10] = {0};
    double sum = 0;
    struct sha256 hash;
    char hex[65], cell[32];
    cr_assert(table->rows == 1797 && table->columns == 65 && table->named);
    cr_assert_str_eq(table->column[63].name, "p63");
    cr_assert_str_eq(table->column[64].name, "digit");
    sha256_begin(&hash);
    for (size_t i = 0; i < table->rows; i++) {
        for (size_t c = 0; c < 65; c++) {
            heddle_table_cell(table, i, c, cell, sizeof cell - 1);
            strcat(cell, c < 64 ? "," : "\n");
            sha256_add(&hash, cell, strlen(cell));
            sum += c < 64 ? table_number(table, c, i) : 0;
        }
        count[(size_t)table_number(table, 64, i)]++;
    }
    sha256_end(&hash, hex);
    cr_assert_str_eq(hex, "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8");
    cr_assert(sum == 561718, "%g", sum);
    for (size_t k = 0; k < 10; k++)
        cr_assert(count[k] == kinds[k]);
    heddle_table_free(table);
}

Test(builtin, every_allocation_may_fail)
{
    heddle_status status = HEDDLE_E_MEMORY;
    for (size_t n = 1; status != HEDDLE_OK; n++) {
        heddle_table *table = NULL;
        memory_fail_at(n, true);
        status = heddle_table_read("builtin:digits", NULL, &table, NULL);
        memory_fail_at(0, false);
        cr_assert(status == HEDDLE_OK || status == HEDDLE_E_MEMORY);
        heddle_table_free(table);
    }
}
