/** Numbers to and from text, words, strings: base/text.h. */
#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "heddle.h"
#include "support.h"

static bool same(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Read text both ways and compare the bits. */
static void check_number(const char *text)
{
    double got = 12345, want = strtod(text, NULL);
    bool ok = text_to_double(text, strlen(text), &got);
    if (isinf(want)) {
        cr_assert(!ok && got == 12345, "%s overflows", text);
    } else {
        cr_assert(ok && same(got, want), "%s: %a, not %a", text, got, want);
    }
}

/* A locale whose decimal point is a comma, made on the spot if the machine has none. */
static void use_german(void)
{
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        char command[1400];
        const char *directory = scratch_path("locale");
        mkdir(directory, 0777);
        snprintf(command, sizeof(command),
                 "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >/dev/null 2>&1", directory);
        if (system(command) != 0) {
            cr_log_info("localedef says no; trying all the same");
        }
        setenv("LOCPATH", directory, 1);
        if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
            cr_skip_test("no locale with a decimal comma");
        }
    }
    cr_assert_str_eq(localeconv()->decimal_point, ",");
}

Test(text, refuses_what_is_no_decimal_number)
{
    static const char *const bad[] = {
        "",    " ",   "1 ",    " 1",       "+",     "-",   ".",     "-.",    "e1",    ".e1",
        "1e",  "1e+", "1e-",   "1e1.5",    "1.2.3", "--1", "+-1",   "1,5",   "0x10",  "0x1p3",
        "inf", "nan", "-inf",  "Infinity", "NaN",   "1d5", "1_000", "1e5e5", "1e 5",  "1f",
        "12a", "a12", "1e++5", "\xd9\xa1", "1\t",   "1\n", "$1",    "1e400", "-1e309"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        double value = 12345;
        cr_assert_not(text_to_double(bad[i], strlen(bad[i]), &value), "'%s'", bad[i]);
        cr_assert(value == 12345);
    }
    double value;
    cr_assert_not(text_to_double("1\0002", 3, &value));
}

Test(text, reads_the_hard_cases_as_strtod_does)
{
    static const char *const text[] = {
        "0",
        "-0",
        "+0",
        "00000",
        "0.0",
        "-0.0e99999999999999999999",
        "0e-99999999999999999999",
        "1",
        "-1",
        "+1",
        "1.",
        ".5",
        "-.5e1",
        "007",
        "1e0",
        "1E5",
        "1e+5",
        "1e-5",
        "5e-1",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994.5",
        "9007199254740993.00000000000000000000000000000000000000000001",
        "18446744073709551615",
        "18446744073709551616",
        "9999999999999999999",
        "99999999999999999999",
        "123456789012345678901234567890",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "123456789e22",
        "8.98846567431158e307",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "17976931348623157e292",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "4.9406564584124654e-324",
        "5e-324",
        "2.5e-324",
        "2.4e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-400",
        "1e400",
        "-1e400",
        "1e-99999999999999999999",
        "1e99999999999999999999",
        "0.1",
        "0.2",
        "0.3",
        "3.14159265358979",
        "6.02214076e23",
        "1.00000000000000011102230246251565404",
        "1.00000000000000011102230246251565405",
        "1.00000000000000011102230246251565403",
        "7.2057594037927933e+16",
        "0.000000000000000000000000000000000000000000000000001e51",
        "100000000000000000000000000000000000000000000000000e-50"};
    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        check_number(text[i]);
    }
}

Test(text, reads_numbers_of_any_length)
{
    enum { SIZE = 6000 };
    static char text[SIZE];
    uint64_t state = 3;
    for (int round = 0; round < 300; round++) {
        size_t n = 0, digits = 1 + test_random(&state) % 5000;
        size_t point = test_random(&state) % digits;
        int kind = (int)(test_random(&state) % 4);
        for (size_t i = 0; i < digits; i++) {
            if (i == point) {
                text[n++] = '.';
            }
            text[n++] = kind == 0 ? '0' : kind == 1 ? '9' : (char)('0' + test_random(&state) % 10);
        }
        snprintf(text + n, SIZE - n, "e%d", (int)(test_random(&state) % 700) - (int)point);
        check_number(text);
    }
    /* Half way between two doubles to 767 digits, and one digit more or less. */
    snprintf(text, SIZE, "%.1100f", 0x1p-1074);
    double tiny = 0;
    cr_assert(text_to_double(text, strlen(text), &tiny) && tiny == 0x1p-1074);
    static char half[SIZE];
    FILE *file = fmemopen(half, SIZE, "w");
    fprintf(file, "%.1100Lf", (long double)0x1p-1074L / 2 * 3);
    fclose(file);
    check_number(half);
    size_t n = strlen(half);
    memset(half + n, '0', 500);
    check_number(half);
    half[n + 499] = '1';
    check_number(half);
}

Test(text, reads_two_hundred_thousand_made_up_numbers_as_strtod_does)
{
    uint64_t state = 1;
    char text[128];
    for (int i = 0; i < 200000; i++) {
        int before = (int)(test_random(&state) % 12), after = (int)(test_random(&state) % 14);
        before += before + after == 0;
        size_t n = 0;
        if (test_random(&state) % 2) {
            text[n++] = "+-"[test_random(&state) % 2];
        }
        for (int k = 0; k < before; k++) {
            text[n++] = (char)('0' + test_random(&state) % 10);
        }
        if (after > 0 || test_random(&state) % 4 == 0) {
            text[n++] = '.';
        }
        for (int k = 0; k < after; k++) {
            text[n++] = (char)('0' + test_random(&state) % 10);
        }
        if (test_random(&state) % 2) {
            int exponent = (int)(test_random(&state) % 700) - 350;
            if (test_random(&state) % 2) {
                exponent /= 12;
            }
            snprintf(text + n, sizeof(text) - n, "%c%d", "eE"[test_random(&state) % 2], exponent);
        } else {
            text[n] = '\0';
        }
        check_number(text);
    }
}

Test(text, reads_no_byte_behind_the_end)
{
    char *exact = memory_string_n("123.5", 5);
    exact = memory_resize(exact, 4, 1); /* ASan watches the fifth byte */
    double value;
    cr_assert(text_to_double(exact, 4, &value) && value == 123);
    uint64_t number;
    cr_assert(text_to_u64(exact, 3, &number) && number == 123);
    memory_free(exact);
}

Test(text, unsigned_numbers)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1e3",
                                      "0x1",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t value = 7;
        cr_assert_not(text_to_u64(bad[i], strlen(bad[i]), &value), "'%s'", bad[i]);
        cr_assert(value == 7);
    }
    uint64_t value;
    cr_assert(text_to_u64("0", 1, &value) && value == 0);
    cr_assert(text_to_u64("00042", 5, &value) && value == 42);
    cr_assert(text_to_u64("18446744073709551615", 20, &value) && value == UINT64_MAX);
}

Test(text, prints_the_shortest_that_reads_back)
{
    static const struct {
        double value;
        const char *text;
    } row[] = {{0, "0"},
               {-0.0, "-0"},
               {1, "1"},
               {-42, "-42"},
               {0.1, "0.1"},
               {0.1 + 0.2, "0.30000000000000004"},
               {1e15, "1e+15"},
               {999999999999999, "999999999999999"},
               {123456, "123456"},
               {1e-5, "1e-05"},
               {DBL_MAX, "1.7976931348623157e+308"},
               {0x1p-1074, "4.94065645841247e-324"},
               {INFINITY, "inf"},
               {-INFINITY, "-inf"},
               {NAN, "nan"}};
    char text[TEXT_NUMBER_SIZE];
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t n = text_from_double(row[i].value, text);
        cr_assert_str_eq(text, row[i].text);
        cr_assert(n == strlen(text));
    }
}

/* What is to come out: printf's, of the fewest digits that read back. */
static void check_printed(double value)
{
    char text[TEXT_NUMBER_SIZE], want[TEXT_NUMBER_SIZE];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(want, sizeof want, "%.*g", digits, value);
        if (strtod(want, NULL) == value) {
            break;
        }
    }
    cr_assert(text_from_double(value, text) == strlen(want));
    cr_assert_str_eq(text, want);
    const float single = (float)value;
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(want, sizeof want, "%.*g", digits, (double)single);
        if (strtof(want, NULL) == single) {
            break;
        }
    }
    cr_assert(text_from_float(single, text) == strlen(want));
    cr_assert_str_eq(text, want);
    cr_assert_str_eq(heddle_number_text((double)single, true, text), want);
}

Test(text, prints_what_printf_would_be_asked_for)
{
    uint64_t state = 12;
    for (int i = 0; i < 60000; i++) {
        uint64_t bits = test_random(&state);
        double any;
        float single;
        memcpy(&any, &bits, sizeof any);
        memcpy(&single, &bits, sizeof single);
        if (isfinite(any)) {
            check_printed(any);
        }
        if (isfinite(single)) {
            check_printed((double)single);
        }
        /* a probability; what somebody typed; a number between two that are equally near */
        check_printed((double)(bits >> 11) * 0x1p-53);
        check_printed(round((double)(bits >> 40) * 0.01) / 1000);
        check_printed((double)(bits >> 11) * 0.5);
    }
    for (int e = -1080; e <= 1023; e++) {
        double power = ldexp(1, e);
        check_printed(power);
        check_printed(-nextafter(power, 0));
        check_printed(nextafter(power, INFINITY));
        check_printed((double)nextafterf((float)power, 0));
        check_printed((double)nextafterf((float)power, INFINITY));
    }
    for (int e = -330; e <= 308; e++) {
        double power = pow(10, e);
        check_printed(power);
        check_printed(nextafter(power, 0));
        check_printed(nextafter(power, INFINITY));
        check_printed((double)nextafterf((float)power, 0));
        check_printed(power * (1 - 1e-7));
        check_printed(power * (1 - 5e-10));
    }
}

static void check_round_trips(int rounds)
{
    uint64_t state = 2;
    for (int i = 0; i < rounds; i++) {
        char text[TEXT_NUMBER_SIZE];
        uint64_t bits = test_random(&state);
        double value, back = 0;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value)) {
            size_t n = text_from_double(value, text);
            cr_assert(text_to_double(text, n, &back) && same(back, value), "%s", text);
        }
        double tame = (double)(int64_t)(bits >> 40) / 1000;
        size_t n = text_from_double(tame, text);
        cr_assert(text_to_double(text, n, &back) && same(back, tame), "%s", text);
    }
}

Test(text, what_is_printed_reads_back_to_the_bit)
{
    check_round_trips(100000);
}

Test(text, integers_print_as_printf_does)
{
    uint64_t state = 4;
    for (int i = 0; i < 20000; i++) {
        double value = (double)(int64_t)(test_random(&state) >> (11 + test_random(&state) % 50));
        value = i % 2 ? -value : value;
        char text[TEXT_NUMBER_SIZE], want[TEXT_NUMBER_SIZE];
        text_from_double(value, text);
        snprintf(want, sizeof(want), "%.15g", value);
        if (strtod(want, NULL) == value) {
            cr_assert_str_eq(text, want);
        }
    }
}

Test(text, a_decimal_comma_changes_nothing)
{
    use_german();
    char text[TEXT_NUMBER_SIZE];
    text_from_double(1234.5, text);
    cr_assert_str_eq(text, "1234.5");
    text_fixed(1234567.891, 2, text);
    cr_assert_str_eq(text, "1234567.89");
    double value;
    cr_assert(text_to_double("1.5", 3, &value) && value == 1.5);
    cr_assert_not(text_to_double("1,5", 3, &value));
    cr_assert(text_to_double("1.00000000000000011102230246251565404", 37, &value));
    cr_assert(same(value, 1.0));
    check_round_trips(20000);
}

Test(text, a_fixed_number_of_decimals)
{
    char text[TEXT_NUMBER_SIZE];
    cr_assert(text_fixed(0.5, 3, text) == 5);
    cr_assert_str_eq(text, "0.500");
    text_fixed(-2.0 / 3, 2, text);
    cr_assert_str_eq(text, "-0.67");
    text_fixed(12, 0, text);
    cr_assert_str_eq(text, "12");
    text_fixed(1e300, 2, text);
    cr_assert_str_eq(text, "1e+300");
    text_fixed(NAN, 2, text);
    cr_assert_str_eq(text, "nan");
    text_fixed(-INFINITY, 2, text);
    cr_assert_str_eq(text, "-inf");
}

Test(text, the_nearest_word_is_found_and_nonsense_is_not)
{
    static const char *const name[] = {"threads", "epochs", "batch", "rate", "min-error", "seed"};
    enum { N = sizeof(name) / sizeof(name[0]) };
    cr_assert_str_eq(text_nearest("thread", name, N), "threads");
    cr_assert_str_eq(text_nearest("Treads", name, N), "threads");
    cr_assert_str_eq(text_nearest("epcohs", name, N), "epochs");
    cr_assert_str_eq(text_nearest("bathc", name, N), "batch");
    cr_assert_str_eq(text_nearest("min_eror", name, N), "min-error");
    cr_assert_str_eq(text_nearest("seed", name, N), "seed");
    cr_assert(text_nearest("wheelbarrow", name, N) == NULL);
    cr_assert(text_nearest("", name, N) == NULL);
    cr_assert(text_nearest("x", name, N) == NULL);
    cr_assert(text_nearest("seed", name, 0) == NULL);
    char longer[1000];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    cr_assert(text_nearest(longer, name, N) == NULL);
}

Test(text, strings_grow)
{
    struct string s = {0};
    string_add(&s, "");
    cr_assert_str_eq(s.data, "");
    for (int i = 0; i < 1000; i++) {
        string_print(&s, "%d,", i);
    }
    string_add_n(&s, "end and more", 3);
    cr_assert(!s.failed && s.length == strlen(s.data) && s.length == 3893);
    cr_assert(strncmp(s.data, "0,1,2,3,", 8) == 0);
    cr_assert_str_eq(s.data + s.length - 7, "999,end");
    memory_free(s.data);
}

Test(text, a_string_remembers_that_memory_ran_out)
{
    struct string s = {0};
    string_add(&s, "kept");
    memory_fail_at(1, false);
    for (int i = 0; i < 100; i++) {
        string_print(&s, "%d", i);
        string_add(&s, "x");
    }
    memory_fail_at(0, false);
    cr_assert(s.failed);
    string_add(&s, "y");
    cr_assert(s.failed && strncmp(s.data, "kept", 4) == 0 && s.data[s.length] == '\0');
    memory_free(s.data);
}

Test(text, every_power_of_ten_scales_as_strtod_does)
{
    uint64_t state = 3;
    size_t told = 0, asked = 0;
    double value;
    for (int e = TEXT_POWER_FIRST; e <= TEXT_POWER_LAST; e++) {
        for (int k = 0; k < 300; k++) {
            char text[64];
            uint64_t digits = test_random(&state) >> (k % 60);
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, e);
            asked++;
            if (!text_scale(digits, e, &value)) {
                continue;
            }
            told++;
            double want = strtod(text, NULL);
            cr_assert(memcmp(&value, &want, sizeof want) == 0, "%s", text);
        }
    }
    cr_assert(told > asked / 100 * 95); /* the rest is too large or too small */
    cr_assert(!text_scale(1, TEXT_POWER_FIRST - 1, &value));
    cr_assert(!text_scale(1, TEXT_POWER_LAST + 1, &value));
    cr_assert(!text_scale(9007199254740993, -1000000000000, &value));
    cr_assert(text_scale(0, 1000000, &value) && value == 0);
    /* half way, where the power is exact: the even one */
    cr_assert(text_scale(9007199254740993, 0, &value) && value == 9007199254740992.0);
    cr_assert(text_scale(9007199254740995, 0, &value) && value == 9007199254740996.0);
}

Test(text, sorts_by_bytes)
{
    char b[] = "b", e[] = "\xc3\xa9", B[] = "B", none[] = "", ab[] = "ab", a[] = "a", b2[] = "b";
    char *words[] = {b, e, B, none, ab, a, b2};
    static const char *const sorted[] = {"", "B", "a", "ab", "b", "b", "\xc3\xa9"};
    text_sort(words, 0);
    text_sort(words, 1);
    cr_assert_str_eq(words[0], "b");
    text_sort(words, 7);
    for (size_t i = 0; i < 7; i++) {
        cr_assert_str_eq(words[i], sorted[i]);
    }
}
