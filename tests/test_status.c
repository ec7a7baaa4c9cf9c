/** Messages and names: base/status.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/status.h"

Test(status, no_error_wanted_is_fine)
{
    cr_assert(status_set(NULL, HEDDLE_E_IO, "x") == HEDDLE_E_IO);
}

Test(status, text_is_cut_to_fit_at_a_whole_character)
{
    heddle_error err;
    char longer[2048];
    for (size_t i = 0; i + 2 < sizeof(longer); i += 2) {
        memcpy(longer + i, "\xc3\xa4", 3); /* two bytes each */
    }
    cr_assert(status_set(&err, HEDDLE_E_DATA, "%s", longer) == HEDDLE_E_DATA);
    cr_assert(err.status == HEDDLE_E_DATA);
    cr_assert(strlen(err.text) == sizeof(err.text) - 2);
    status_set(&err, HEDDLE_E_DATA, "x%s", longer);
    cr_assert(strlen(err.text) == sizeof(err.text) - 1);
}

Test(status, control_characters_do_not_reach_the_terminal)
{
    heddle_error err;
    status_set(&err, HEDDLE_E_DATA, "'%s' is no number", "\033[2J\n");
    cr_assert_str_eq(err.text, "'?[2J?' is no number");
}

Test(status, every_status_has_a_name)
{
    for (int i = HEDDLE_OK; i <= HEDDLE_E_INTERNAL; i++) {
        cr_assert(strncmp(heddle_status_name((heddle_status)i), "HEDDLE_", 7) == 0, "%d", i);
    }
    cr_assert_str_eq(heddle_status_name((heddle_status)99), "unknown");
    cr_assert_str_eq(heddle_status_name(HEDDLE_E_DATA), "HEDDLE_E_DATA");
    cr_assert_str_eq(heddle_version(), HEDDLE_VERSION);
}

Test(status, memory_says_how_much_of_what)
{
    heddle_error err;
    cr_assert(status_memory(&err, "the table", (size_t)5 << 30) == HEDDLE_E_MEMORY);
    cr_assert_str_eq(err.text, "out of memory: no 5120 MiB for the table");
    status_memory(&err, "the table", 0);
    cr_assert_str_eq(err.text, "out of memory for the table");
}
