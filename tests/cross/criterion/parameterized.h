/** parameterized: see criterion.h. */
#include <criterion/criterion.h>
