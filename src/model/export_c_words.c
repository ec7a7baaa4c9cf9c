/**
 * export_c_words: columns of text in an exported C file. As in data/categories.h a word is the
 * category that is written like it, or else the first that is the same number: 1.0 is 1.
 */
#include <math.h>
#include <string.h>

#include "data/cell.h"
#include "model/c_list.h"
#include "model/export_c.h"

/* NAN if the category is no number. */
static double number_of(const char *category)
{
    double value;
    return cell_classify(category, strlen(category), false, &value) == CELL_NUMBER ? value : NAN;
}

bool export_c_has_numbers(const struct preprocess_input *input)
{
    bool any = false;
    for (size_t c = 0; input->text && c < input->categories && !any; c++) {
        any = !isnan(number_of(input->category[c]));
    }
    return any;
}

void export_c_add_categories(struct c_file *f)
{
    size_t k = 0;
    for (size_t j = 0; j < f->p->inputs; j++) {
        const struct preprocess_input *input = &f->p->input[j];
        if (input->text && input->categories) {
            struct c_list list = {&f->out, 0};
            string_print(&f->out, "static const char *const categories_%zu[] = {", k);
            for (size_t c = 0; c < input->categories; c++) {
                c_list_add_text(&list, input->category[c]);
            }
            string_add(&f->out, "};\n");
        }
        if (export_c_has_numbers(input)) {
            struct c_list list = {&f->out, 0};
            string_print(&f->out, "static const double category_numbers_%zu[] = {", k);
            for (size_t c = 0; c < input->categories; c++) {
                c_list_add_number(&list, number_of(input->category[c]), false);
            }
            string_add(&f->out, "};\n");
        }
        k += input->text;
    }
}

/* strtod() is given no point, so that no locale matters; 100 digits are more than doubles tell
 * apart. */
static const char number_text[] =
    "\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "\n"
    "/* The number that a word is, in any locale; NAN if it is none. */\n"
    "static double number_of(const char *word)\n"
    "{\n"
    "    char plain[128];\n"
    "    int n = 0, digits = 0, point = 0, exponent = 0, more = 0, down;\n"
    "    if (*word == '-' || *word == '+')\n"
    "        plain[n++] = *word++;\n"
    "    for (; (*word >= '0' && *word <= '9') || (*word == '.' && !point); word++) {\n"
    "        if (*word == '.') {\n"
    "            point = 1;\n"
    "            continue;\n"
    "        }\n"
    "        if (n < 100)\n"
    "            plain[n++] = *word;\n"
    "        else\n"
    "            exponent++;\n"
    "        exponent -= point;\n"
    "        digits = 1;\n"
    "    }\n"
    "    if (digits && (*word == 'e' || *word == 'E')) {\n"
    "        word++;\n"
    "        down = *word == '-';\n"
    "        word += *word == '-' || *word == '+';\n"
    "        if (*word < '0' || *word > '9')\n"
    "            return NAN;\n"
    "        for (; *word >= '0' && *word <= '9'; word++)\n"
    "            more = more < 100000 ? 10 * more + (*word - '0') : more;\n"
    "        exponent += down ? -more : more;\n"
    "    }\n"
    "    if (!digits || *word)\n"
    "        return NAN;\n"
    "    snprintf(plain + n, sizeof plain - (size_t)n, \"e%d\", exponent);\n"
    "    return strtod(plain, NULL);\n"
    "}\n";

static const char one_hot_text[] =
    "    int c, i;\n"
    "    for (c = 0; c < categories + missing_category; c++)\n"
    "        x[c] = 0;\n"
    "    if (!word || !word[0]) {\n"
    "        if (missing_category)\n"
    "            x[categories] = 1;\n"
    "        return;\n"
    "    }\n"
    "    for (c = 0; c < categories; c++) {\n"
    "        for (i = 0; word[i] && word[i] == category[c][i]; i++)\n"
    "            ;\n"
    "        if (word[i] == category[c][i]) {\n"
    "            x[c] = 1;\n"
    "            return;\n"
    "        }\n"
    "    }\n";

static const char same_number_text[] = "    if (!number)\n"
                                       "        return;\n"
                                       "    value = number_of(word);\n"
                                       "    for (c = 0; c < categories; c++) {\n"
                                       "        if (number[c] == value) {\n"
                                       "            x[c] = 1;\n"
                                       "            return;\n"
                                       "        }\n"
                                       "    }\n";

/* Has the model a column that needs number_of()? */
static bool needs_numbers(const struct c_file *f)
{
    bool needs = false;
    for (size_t j = 0; j < f->p->inputs && !needs; j++) {
        needs = export_c_has_numbers(&f->p->input[j]);
    }
    return needs;
}

void export_c_add_one_hot(struct c_file *f)
{
    struct string *out = &f->out;
    const bool numbers = needs_numbers(f);
    if (f->texts == 0) {
        return;
    }
    string_add(out, numbers ? number_text : "");
    string_add(out, "\n/* 1 at the word's place among the categories, behind them if it is missing "
                    "and that is one.");
    string_add(out, numbers
                        ? "\n * A word that is spelled like none is that of the same number. */\n"
                        : " */\n");
    string_print(out,
                 "static void one_hot(const char *word, const char *const *category, %sint "
                 "categories,\n"
                 "                    int missing_category, real *x)\n"
                 "{\n",
                 numbers ? "const double *number,\n                    " : "");
    string_add(out, numbers ? "    double value;\n" : "");
    string_add(out, one_hot_text);
    string_add(out, numbers ? same_number_text : "");
    string_add(out, "}\n");
}

void export_c_add_one_hot_calls(struct c_file *f)
{
    const bool numbers = needs_numbers(f);
    size_t at = 0, k = 0;
    for (size_t j = 0; j < f->p->inputs; j++) {
        const struct preprocess_input *input = &f->p->input[j];
        if (input->text) {
            string_print(&f->out, "    one_hot(texts[%zu], ", k);
            string_print(&f->out, input->categories ? "categories_%zu, " : "0, ", k);
            if (numbers) {
                string_print(&f->out,
                             export_c_has_numbers(input) ? "category_numbers_%zu, " : "0, ", k);
            }
            string_print(&f->out, "%zu, %d, x + %zu);\n", input->categories,
                         input->missing_category, at);
        }
        k += input->text;
        at += export_width(input);
    }
}
