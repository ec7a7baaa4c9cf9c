/**
 * export_c_test: the self-test at the end of an exported C file. Its rows are made up around what
 * the model was fitted to; what is expected of them comes from heddle_model_predict() itself.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/table.h"
#include "model/c_list.h"
#include "model/export_c.h"

enum { TEST_ROWS = 6 };

/** A number like those the model was fitted to: within two deviations, or in the range. */
static double made_number(const struct preprocess *p, size_t j, size_t row)
{
    const struct preprocess_input *input = &p->input[j];
    double u = random_uniform(0, RANDOM_SYNTHETIC, row, (uint32_t)j, 0);
    switch (p->scale) {
    case SCALE_BYTE:
        return (double)(int)(u * 256);
    case SCALE_MINMAX:
        return input->factor != 0 ? u / input->factor + input->shift : input->shift;
    default:
        return input->factor != 0 ? (4 * u - 2) / input->factor + input->shift : input->shift;
    }
}

static bool fill_numbers(const struct preprocess *p, size_t j, struct table_column *column)
{
    column->number = memory_new(TEST_ROWS, sizeof *column->number);
    for (size_t r = 0; column->number && r < TEST_ROWS; r++) {
        bool missing = p->missing == MISSING_MEAN && (r + j) % TEST_ROWS == 2;
        double made = made_number(p, j, r);
        column->number[r] = missing ? __builtin_nan("") : __builtin_isfinite(made) ? made : 0;
    }
    return column->number != NULL;
}

/** A category that is a number as no category need be written: 1 as 1e0; NULL: there is none. */
static const char *number_category(const struct preprocess_input *input)
{
    const char *found = NULL;
    for (size_t c = 0; c < input->categories && !found; c++) {
        const char *word = input->category[c];
        double value;
        if (!strpbrk(word, "eE") &&
            cell_classify(word, strlen(word), false, &value) == CELL_NUMBER) {
            found = word;
        }
    }
    return found;
}

/** Words: the categories by turns, one that is none, and a missing one; a number is the first. */
static bool fill_words(const struct preprocess *p, size_t j, struct table_column *column)
{
    static const char stranger[] = "(never seen)";
    const struct preprocess_input *input = &p->input[j];
    const char *number = number_category(input);
    const size_t first = number != NULL, words = first + input->categories + 1;
    size_t bytes = sizeof stranger + (number ? strlen(number) + sizeof "e0" : 0);
    for (size_t c = 0; c < input->categories; c++) {
        bytes += strlen(input->category[c]) + 1;
    }
    column->text = true;
    column->words = words;
    column->code = memory_new(TEST_ROWS, sizeof *column->code);
    column->word = memory_new(words, sizeof *column->word);
    column->letters = memory_new(bytes, 1);
    if (!column->code || !column->word || !column->letters) {
        return false;
    }
    char *at = column->letters;
    for (size_t c = 0; c < words; c++) {
        const bool other = c < first;
        const char *word = other ? number : c + 1 < words ? input->category[c - first] : stranger;
        column->word[c] = at;
        at +=
            snprintf(at, bytes - (size_t)(at - column->letters), "%s%s", word, other ? "e0" : "") +
            1;
    }
    for (size_t r = 0; r < TEST_ROWS; r++) {
        size_t c = (r + j) % (words + 1);
        column->code[r] = c < words ? (uint32_t)c : TABLE_MISSING;
    }
    return true;
}

static heddle_table *make_rows(const struct preprocess *p)
{
    heddle_table *table = table_create("the self-test", p->inputs);
    bool fits = table && table_number_names(table, "x");
    for (size_t j = 0; fits && j < p->inputs; j++) {
        fits = p->input[j].text ? fill_words(p, j, &table->column[j])
                                : fill_numbers(p, j, &table->column[j]);
    }
    if (!fits) {
        heddle_table_free(table);
        return NULL;
    }
    table->rows = TEST_ROWS;
    return table;
}

static void add_test_numbers(struct c_file *f, const heddle_table *table)
{
    struct c_list list = {&f->out, 0};
    string_add(&f->out, "static const double test_numbers[] = {");
    for (size_t r = 0; r < TEST_ROWS; r++) {
        for (size_t j = 0; j < f->p->inputs; j++) {
            if (!f->p->input[j].text) {
                c_list_add_number(&list, table->column[j].number[r], false);
            }
        }
    }
    string_add(&f->out, "};\n");
}

static void add_test_texts(struct c_file *f, const heddle_table *table)
{
    struct c_list list = {&f->out, 0};
    string_add(&f->out, "static const char *const test_texts[] = {");
    for (size_t r = 0; r < TEST_ROWS; r++) {
        for (size_t j = 0; j < f->p->inputs; j++) {
            const struct table_column *column = &table->column[j];
            if (column->text && column->code[r] == TABLE_MISSING) {
                c_list_add(&list, "0");
            } else if (column->text) {
                c_list_add_text(&list, column->word[column->code[r]]);
            }
        }
    }
    string_add(&f->out, "};\n");
}

static void add_expected(struct c_file *f, const heddle_predictions *expected)
{
    struct c_list list = {&f->out, 0};
    string_add(&f->out, "static const double test_out[] = {");
    for (size_t i = 0; i < expected->rows * expected->width; i++) {
        c_list_add_number(&list, expected->values[i], false);
    }
    string_add(&f->out, "};\n");
    if (expected->classes) {
        string_add(&f->out, "static const int test_class[] = {");
        for (size_t r = 0; r < expected->rows; r++) {
            string_print(&f->out, r ? ", %zu" : "%zu", expected->classes[r]);
        }
        string_add(&f->out, "};\n");
    }
}

static const char compare_exact[] =
    "/* All bits, so that 0 and -0 are two; a NaN is as good as another. */\n"
    "static int same(double a, double b)\n"
    "{\n"
    "    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);\n"
    "}\n";

static void add_compare(struct c_file *f)
{
    if (!f->portable) {
        string_add(&f->out, compare_exact);
        return;
    }
    string_print(&f->out,
                 "/* As near as %s arithmetic without fma can be expected to come. */\n"
                 "static int same(double a, double b)\n"
                 "{\n"
                 "    return a == b || fabs(a - b) <= %s * (1 + fabs(b)) || (a != a && b != b);\n"
                 "}\n",
                 f->model->use_double ? "double" : "float", f->model->use_double ? "1e-9" : "1e-3");
}

static void add_main(struct c_file *f)
{
    struct string *out = &f->out;
    string_print(out,
                 "\n"
                 "int main(void)\n"
                 "{\n"
                 "    double out[%zu];\n"
                 "    int r, o, wrong = 0;\n"
                 "    for (r = 0; r < %d; r++) {\n"
                 "        int answer = %s_predict(",
                 f->outputs, TEST_ROWS, f->name);
    if (f->numbers) {
        string_print(out, "test_numbers + r * %zu, ", f->numbers);
    } else {
        string_add(out, "0, ");
    }
    if (f->texts) {
        string_print(out, "test_texts + r * %zu, out);\n", f->texts);
    } else {
        string_add(out, "0, out);\n");
    }
    if (f->portable) { /* a row may stand on the border between two classes */
        string_add(out, "        wrong += answer < 0;\n");
    } else if (f->p->task == TASK_CLASSIFY) {
        string_add(out, "        wrong += answer != test_class[r];\n");
    } else {
        string_add(out, "        wrong += answer != 0;\n");
    }
    string_print(out,
                 "        for (o = 0; o < %zu; o++) {\n"
                 "            if (answer >= 0 && !same(out[o], test_out[r * %zu + o])) {\n"
                 "                printf(\"row %%d, output %%d: %%a instead of %%a\\n\", r, o, "
                 "out[o],\n"
                 "                       test_out[r * %zu + o]);\n"
                 "                wrong++;\n"
                 "            }\n"
                 "        }\n"
                 "    }\n"
                 "    printf(\"%s: %d rows, %%s\\n\", wrong ? \"WRONG\" : \"%s\");\n"
                 "    return wrong != 0;\n"
                 "}\n",
                 f->outputs, f->outputs, f->outputs, f->name, TEST_ROWS,
                 f->portable ? "near enough" : "the same bits");
}

heddle_status export_c_add_test(struct c_file *f, heddle_error *err)
{
    heddle_table *table = make_rows(f->p);
    if (!table) {
        return status_memory(err, "the self-test", TEST_ROWS * f->p->inputs * sizeof(double));
    }
    heddle_predictions expected;
    heddle_status status = heddle_model_predict(f->model, table, 1, &expected, err);
    if (!status) {
        string_print(&f->out, "\n#ifdef %s_SELF_TEST\n\n#include <stdio.h>\n", f->upper);
        string_add(&f->out, f->portable ? "\n" : "#include <string.h>\n\n");
        if (f->numbers) {
            add_test_numbers(f, table);
        }
        if (f->texts) {
            add_test_texts(f, table);
        }
        if (f->portable && expected.classes) {
            memory_free(expected.classes);
            expected.classes = NULL;
        }
        add_expected(f, &expected);
        string_add(&f->out, "\n");
        add_compare(f);
        add_main(f);
        string_add(&f->out, "\n#endif\n");
        heddle_predictions_done(&expected);
    }
    heddle_table_free(table);
    return status;
}
