/* report_plot and html: axes that can be read whatever the numbers, and text that is only text. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/html.h"
#include "cli/report_plot.h"

static void expect_tick(double value, const char *wanted)
{
    char text[TICK_SIZE];
    cr_assert_str_eq(plot_tick_text(value, text), wanted);
}

Test(report_plot, ticks_are_short)
{
    expect_tick(0, "0");
    expect_tick(0.05, "0.05");
    expect_tick(-2.5, "−2.5");
    expect_tick(9000, "9000");
    expect_tick(20000, "20k");
    expect_tick(1.5e6, "1.5M");
    expect_tick(1e-5, "10⁻⁵");
    expect_tick(2e-5, "2×10⁻⁵");
    expect_tick(-1e12, "−10¹²");
    expect_tick(1e300, "10³⁰⁰");
}

Test(report_plot, steps_are_1_2_or_5)
{
    cr_assert(plot_tick_step(0, 1, 5) == 0.2);
    cr_assert(plot_tick_step(0, 100, 5) == 20);
    cr_assert(plot_tick_step(-3, 7, 5) == 2);
    cr_assert(plot_tick_step(0, 4.1, 4) == 1);
    cr_assert(fabs(plot_tick_step(0, 3e-7, 5) - 5e-8) < 1e-20);
}

/** What the plot of these y writes. The caller's to free. */
static char *drawn(const double *y, size_t count, bool log, bool square)
{
    double point[8][2];
    char *text = NULL;
    size_t size;
    for (size_t i = 0; i < count; i++) {
        point[i][0] = square ? y[i] : (double)i;
        point[i][1] = y[i];
    }
    const struct plot_series series = {.name = "s",
                                       .look = 'a',
                                       .line = true,
                                       .dots = true,
                                       .point = (const double(*)[2])point,
                                       .points = count};
    const struct plot plot = {.title = "t",
                              .x = "x",
                              .y = "y",
                              .from = INFINITY,
                              .to = -INFINITY,
                              .may_log = log,
                              .least = -INFINITY,
                              .most = INFINITY,
                              .square = square,
                              .series = &series,
                              .count = 1};
    FILE *stream = open_memstream(&text, &size);
    plot_write(stream, &plot);
    fclose(stream);
    return text;
}

Test(report_plot, every_number_can_be_drawn)
{
    static const double cases[][4] = {
        {1, 1, 1, 1},
        {0, 0, 0, 0},
        {1e-300, 1e300, 1, 5},
        {-1.7e308, 1.7e308, 0, 1},
        {NAN, 1, INFINITY, 2},
        {NAN, NAN, -INFINITY, 3},
        {1e16, 1e16 + 2, 1e16 + 4, 1e16},
        {4e-324, 8e-324, 1e-323, 5e-324},
        {0, 1e-8, 1, 10},
        {1, 2, 3, 1e300},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int kind = 0; kind < 3; kind++) {
            char *text = drawn(cases[i], 4, kind == 1, kind == 2);
            cr_assert(strstr(text, "<figure") != NULL, "case %zu", i);
            cr_assert(strstr(text, "nan") == NULL && strstr(text, "inf") == NULL, "%s", text);
            cr_assert(strlen(text) < 8000);
            free(text);
        }
    }
}

Test(report_plot, nothing_to_draw_draws_nothing)
{
    static const double none[] = {NAN, INFINITY};
    char *text = drawn(none, 2, true, false);
    cr_assert_str_empty(text);
    free(text);
    text = drawn(none, 0, true, false);
    cr_assert_str_empty(text);
    free(text);
}

Test(report_plot, decades_make_it_logarithmic)
{
    static const double decades[] = {1, 0.1, 0.01};
    static const double near[] = {1, 0.5, 0.25};
    static const double below[] = {1, 0.1, -0.01};
    char *text = drawn(decades, 3, true, false);
    cr_assert(strstr(text, "logarithmic") != NULL && strstr(text, ">0.1<") != NULL);
    free(text);
    text = drawn(near, 3, true, false);
    cr_assert(strstr(text, "logarithmic") == NULL);
    free(text);
    text = drawn(below, 3, true, false);
    cr_assert(strstr(text, "logarithmic") == NULL);
    free(text);
}

static void expect_text(const char *text, size_t most, const char *wanted)
{
    char *got = NULL;
    size_t size;
    FILE *stream = open_memstream(&got, &size);
    html_text(stream, text, most);
    fclose(stream);
    cr_assert_str_eq(got, wanted);
    free(got);
}

Test(html, text_is_only_text)
{
    expect_text("", 0, "");
    expect_text("<b>&amp;\"'", 0, "&lt;b&gt;&amp;amp;&quot;&#39;");
    expect_text("a\tb\001\177", 0, "a␉b␁␡");
    expect_text("grün…", 0, "grün…");
    expect_text("\xEF\xBF\xBF|\xEF\xBF\xBE", 0, "\xEF\xBF\xBD|\xEF\xBF\xBD");
    expect_text("äöü", 3, "äöü");
    expect_text("äöüx", 3, "äöü…");
    expect_text("<<<<", 2, "&lt;&lt;…");
}

static void expect_number(double value, const char *wanted)
{
    char *got = NULL;
    size_t size;
    FILE *stream = open_memstream(&got, &size);
    html_number(stream, value);
    fclose(stream);
    cr_assert_str_eq(got, wanted);
    free(got);
}

Test(html, numbers_are_for_people)
{
    expect_number(0, "0");
    expect_number(0.0105661, "0.010566");
    expect_number(-1.5, "−1.5");
    expect_number(51413.7, "51,414");
    expect_number(206855.8, "206,856");
    expect_number(1234567.8, "1,234,568");
    expect_number(1e-8, "1×10⁻⁸");
    expect_number(-2.5e20, "−2.5×10²⁰");
    expect_number(NAN, "–");
    expect_number(-INFINITY, "–");
}
