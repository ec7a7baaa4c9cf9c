/**
 * export_c: a model as one file of C99 that predicts the same bits as heddle_model_predict().
 *
 * The file has, in this order: what it is and how to use it; declarations; the elementary
 * functions (model/export_c_text.h); the data of the model, weights as (inputs, outputs), so that
 * the inner loop runs over outputs, whose sums are independent, and a compiler may use vectors
 * without changing a bit; from columns to inputs (words: export_c_words.c); the layers; and a test
 * of itself (export_c_test.c).
 */
#include "model/export_c.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "model/c_list.h"
#include "model/export_c_text.h"
#include "network/weights.h"

/* ---------------------------------------------------------------- head ----------------------- */

static const char *output_name(const struct c_file *f, size_t i)
{
    return f->p->task == TASK_CLASSIFY ? f->p->class_name[i] : f->p->target[i].name;
}

/** The widest layers among those at even and at odd places: the sizes of the two buffers. */
static void buffer_sizes(const struct shape *shape, size_t size[2])
{
    size[0] = size[1] = 1;
    for (size_t l = 0; l <= shape->layers; l++) {
        if (shape->width[l] > size[l % 2]) {
            size[l % 2] = shape->width[l];
        }
    }
}

static void add_how_numbers(struct c_file *f)
{
    struct string *out = &f->out;
    if (f->numbers == 0) {
        string_add(out, " *   numbers  not looked at: the model has no columns of numbers\n");
        return;
    }
    string_print(
        out,
        " *   numbers  the %zu column%s named in %s_numbers, in that order, as in the data: "
        "no scaling\n",
        f->numbers, f->numbers == 1 ? "" : "s", f->name);
    if (f->p->missing == MISSING_MEAN) {
        string_add(out, " *            is needed; NAN is a missing value and becomes the column's "
                        "mean\n");
    } else {
        string_add(out, " *            is needed; all must be there and finite\n");
    }
}

static void add_how(struct c_file *f)
{
    struct string *out = &f->out;
    bool classify = f->p->task == TASK_CLASSIFY;
    add_how_numbers(f);
    if (f->texts == 0) {
        string_add(out, " *   texts    not looked at (may be NULL): the model has no columns of "
                        "text\n");
    } else {
        string_print(
            out,
            " *   texts    the %zu column%s named in %s_texts, in that order, each a string "
            "of UTF-8;\n"
            " *            NULL or \"\" is a missing value; a word never seen in training is "
            "no error\n",
            f->texts, f->texts == 1 ? "" : "s", f->name);
    }
    string_print(out, " *   out      %zu %s in the order of %s_outputs\n", f->outputs,
                 classify ? "probabilities, of the classes" : "predicted numbers,", f->name);
    string_print(out, " * Returns %s, or -1 if a number is %sinfinite; then out is untouched.\n",
                 classify ? "the index of the likeliest class" : "0",
                 f->p->missing == MISSING_MEAN || f->numbers == 0 ? "" : "missing or ");
}

static void add_promise(struct c_file *f)
{
    struct string *out = &f->out;
    const char *type = f->model->use_double ? "double" : "float";
    if (f->portable) {
        string_print(
            out,
            " * This is the portable variant, for machines without a fused multiply-add: "
            "where Heddle\n"
            " * computes a * b + c in one rounding, this file rounds twice, in %s. So the "
            "results differ\n"
            " * from those of 'heddle predict' in their last digits, and, where the "
            "processor computes in\n"
            " * wider registers, from machine to machine. The self-test allows for that.\n",
            type);
        return;
    }
    string_print(
        out,
        " * out has the same bits as Heddle's own predictions: %s arithmetic, every sum one "
        "chain of\n"
        " * fma in a fixed order, exp and tanh from those operations too. For this the "
        "compiler must not\n"
        " * rearrange: compile with -ffp-contract=off and without -ffast-math (below it is "
        "asked for as\n"
        " * well). The processor's own fma (-mfma or -march=native on x86) makes it fast "
        "and changes\n"
        " * nothing; without it the library's fma is slow but right. 'heddle export "
        "--variant portable'\n"
        " * is for machines where it is too slow. ('heddle predict' prints %s; out is "
        "double.)\n",
        type, f->model->use_double ? "doubles" : "floats");
}

static void add_head(struct c_file *f, const char *sha256)
{
    struct string *out = &f->out;
    char shape[128];
    size_t size[2];
    shape_text(&f->model->shape, shape, sizeof shape);
    buffer_sizes(&f->model->shape, size);
    size_t bytes = (size[0] + size[1]) * (f->model->use_double ? sizeof(double) : sizeof(float));
    string_print(
        out,
        "/*\n"
        " * %s: a neural network of %s units, %s precision, written by Heddle " HEDDLE_VERSION
        "\n * from the model with sha256\n * %s.\n"
        " *\n"
        " * int %s_predict(const double *numbers, const char *const *texts, double *out);\n"
        " *\n",
        f->name, shape, f->model->use_double ? "double" : "single", sha256, f->name);
    add_how(f);
    string_add(out, " *\n");
    add_promise(f);
    string_print(
        out,
        " *\n"
        " * Needs C99 and its library, no memory but %zu bytes of stack, and keeps no state: "
        "any number of\n"
        " * threads may call it.\n"
        " *\n"
        " *   cc -std=c99 -O2 -ffp-contract=off -c %s.c            (link with -lm)\n"
        " *   cc -std=c99 -O2 -ffp-contract=off -D%s_SELF_TEST %s.c -lm && ./a.out\n"
        " *\n"
        " * Other files get the declarations by\n"
        " *\n"
        " *   #define %s_DECLARATIONS\n"
        " *   #include \"%s.c\"\n"
        " */\n",
        bytes + 64, f->name, f->upper, f->name, f->upper, f->name);
}

static void add_declarations(struct c_file *f)
{
    struct string *out = &f->out;
    const char *name = f->name;
    const char *upper = f->upper;
    string_print(out,
                 "#ifndef %s_DECLARED\n"
                 "#define %s_DECLARED\n"
                 "#ifdef __cplusplus\n"
                 "extern \"C\" {\n"
                 "#endif\n"
                 "enum { %s_NUMBERS = %zu, %s_TEXTS = %zu, %s_OUTPUTS = %zu };\n",
                 upper, upper, upper, f->numbers, upper, f->texts, upper, f->outputs);
    if (f->numbers) {
        string_print(out, "extern const char *const %s_numbers[%zu];\n", name, f->numbers);
    }
    if (f->texts) {
        string_print(out, "extern const char *const %s_texts[%zu];\n", name, f->texts);
    }
    string_print(out,
                 "extern const char *const %s_outputs[%zu];\n"
                 "int %s_predict(const double *numbers, const char *const *texts, double *out);\n"
                 "#ifdef __cplusplus\n"
                 "}\n"
                 "#endif\n"
                 "#endif\n"
                 "\n"
                 "#ifndef %s_DECLARATIONS\n"
                 "\n",
                 name, f->outputs, name, upper);
}

/* ---------------------------------------------------------------- data ----------------------- */

static void add_names(struct c_file *f)
{
    for (int text = 0; text <= 1; text++) {
        if (text ? f->texts == 0 : f->numbers == 0) {
            continue;
        }
        struct c_list list = {&f->out, 0};
        string_print(&f->out, "\nconst char *const %s_%s[%zu] = {", f->name,
                     text ? "texts" : "numbers", text ? f->texts : f->numbers);
        for (size_t j = 0; j < f->p->inputs; j++) {
            if (f->p->input[j].text == (text == 1)) {
                c_list_add_text(&list, f->p->input[j].name);
            }
        }
        string_add(&f->out, "};\n");
    }
    struct c_list list = {&f->out, 0};
    string_print(&f->out, "\nconst char *const %s_outputs[%zu] = {", f->name, f->outputs);
    for (size_t i = 0; i < f->outputs; i++) {
        c_list_add_text(&list, output_name(f, i));
    }
    string_add(&f->out, "};\n");
}

enum column_value { COLUMN_SHIFT, COLUMN_FACTOR, COLUMN_FILL };

static void add_column_values(struct c_file *f, const char *title, enum column_value which)
{
    struct c_list list = {&f->out, 0};
    string_print(&f->out, "static const double %s[] = {", title);
    for (size_t j = 0; j < f->p->inputs; j++) {
        const struct preprocess_input *input = &f->p->input[j];
        if (!input->text) {
            c_list_add_number(&list,
                              which == COLUMN_SHIFT    ? input->shift
                              : which == COLUMN_FACTOR ? input->factor
                                                       : input->fill,
                              false);
        }
    }
    string_add(&f->out, "};\n");
}

/** Which input of the network each number is; needed if texts stand between them. */
static void add_places(struct c_file *f)
{
    struct c_list list = {&f->out, 0};
    size_t at = 0;
    string_add(&f->out, "static const int column_place[] = {");
    for (size_t j = 0; j < f->p->inputs; j++) {
        if (!f->p->input[j].text) {
            char place[24];
            snprintf(place, sizeof place, "%zu", at);
            c_list_add(&list, place);
        }
        at += export_width(&f->p->input[j]);
    }
    string_add(&f->out, "};\n");
}

static void add_column_data(struct c_file *f)
{
    string_add(&f->out, "\n");
    if (f->numbers && f->p->scale != SCALE_BYTE && export_scales(f->p)) {
        string_add(&f->out, "/* A number x goes in as (x - shift) * factor. */\n");
        add_column_values(f, "column_shift", COLUMN_SHIFT);
        add_column_values(f, "column_factor", COLUMN_FACTOR);
    }
    if (f->numbers && f->p->missing == MISSING_MEAN) {
        add_column_values(f, "column_fill", COLUMN_FILL);
    }
    if (f->numbers && f->texts) {
        add_places(f);
    }
    export_c_add_categories(f);
}

static void add_weights(struct c_file *f)
{
    const struct shape *shape = &f->model->shape;
    bool single = !f->model->use_double;
    for (size_t l = 1; l <= shape->layers; l++) {
        size_t m = shape->width[l - 1];
        size_t n = shape->width[l];
        const double *W = f->model->values + weights_begin(shape, l);
        const double *b = W + m * n;
        struct c_list list = {&f->out, 0};
        string_print(&f->out,
                     "\n/* Layer %zu: weights (%zu inputs, %zu outputs), biases. */\n"
                     "static const real weights_%zu[] = {",
                     l, m, n, l);
        for (size_t i = 0; i < m; i++) {
            for (size_t o = 0; o < n; o++) {
                c_list_add_number(&list, W[o * m + i], single);
            }
        }
        string_print(&f->out, "};\nstatic const real biases_%zu[] = {", l);
        list = (struct c_list){&f->out, 0};
        for (size_t o = 0; o < n; o++) {
            c_list_add_number(&list, b[o], single);
        }
        string_add(&f->out, "};\n");
    }
}

static void add_target_values(struct c_file *f)
{
    for (int factor = 0; factor <= 1; factor++) {
        struct c_list list = {&f->out, 0};
        string_print(&f->out, "%sstatic const double target_%s[] = {",
                     factor ? "" : "\n/* A number y comes out as y / factor + shift. */\n",
                     factor ? "factor" : "shift");
        for (size_t t = 0; t < f->p->targets; t++) {
            c_list_add_number(&list, factor ? f->p->target[t].factor : f->p->target[t].shift,
                              false);
        }
        string_add(&f->out, "};\n");
    }
}

/* ---------------------------------------------------------------- code ----------------------- */

static const char affine_text[] =
    "\n"
    "/* z = b + x W, each sum a chain in the order of the inputs, from the bias. */\n"
    "static void affine(const real *restrict x, int m, const real *restrict W,\n"
    "                   const real *restrict b, int n, real *restrict z)\n"
    "{\n"
    "    int i, o;\n"
    "    for (o = 0; o < n; o++)\n"
    "        z[o] = b[o];\n"
    "    for (i = 0; i < m; i++, W += n)\n"
    "        for (o = 0; o < n; o++)\n"
    "            z[o] = FMA(x[i], W[o], z[o]);\n"
    "}\n";

/** From `v`, a number of the data, to an input of the network. */
static void add_scaling(struct c_file *f)
{
    const char *place = f->texts ? "column_place[j]" : "j";
    if (f->p->scale == SCALE_BYTE) {
        bool use_double = f->model->use_double;
        char scale[C_HEX_SIZE];
        c_hex(use_double ? 1.0 / 255.0 : (double)(float)(1.0 / 255.0), !use_double, scale);
        string_print(&f->out, "        x[%s] = (real)v * %s; /* 1 / 255 */\n", place, scale);
    } else if (export_scales(f->p)) {
        string_print(&f->out, "        x[%s] = (real)((v - column_shift[j]) * column_factor[j]);\n",
                     place);
    } else {
        string_print(&f->out, "        x[%s] = (real)v;\n", place);
    }
}

static void add_inputs(struct c_file *f)
{
    struct string *out = &f->out;
    export_c_add_one_hot(f);
    string_add(out, "\n"
                    "/* From columns to inputs; 0 if a number cannot be used. */\n"
                    "static int inputs_of(const double *numbers, const char *const *texts, real "
                    "*x)\n"
                    "{\n");
    if (f->numbers) {
        string_print(out,
                     "    int j;\n"
                     "    for (j = 0; j < %zu; j++) {\n"
                     "        double v = numbers[j];\n",
                     f->numbers);
        if (f->p->missing == MISSING_MEAN) {
            string_add(out, "        if (v != v)\n            v = column_fill[j];\n");
        }
        string_add(out, "        if (v - v != 0)\n            return 0;\n");
        add_scaling(f);
        string_add(out, "    }\n");
    } else {
        string_add(out, "    (void)numbers;\n");
    }
    if (!f->texts) {
        string_add(out, "    (void)texts;\n");
    }
    export_c_add_one_hot_calls(f);
    string_add(out, "    return 1;\n}\n");
}

/** From the outputs in y[n] to what is asked for. */
static void add_answer(struct c_file *f, const char *y, size_t n)
{
    struct string *out = &f->out;
    if (f->p->task != TASK_CLASSIFY) {
        string_print(out,
                     "    for (o = 0; o < %zu; o++)\n"
                     "        out[o] = (double)%s[o] / target_factor[o] + target_shift[o];\n"
                     "    return 0;\n",
                     n, y);
    } else if (n == 1) {
        string_print(out,
                     "    out[0] = 1 - (double)%s[0];\n"
                     "    out[1] = (double)%s[0];\n"
                     "    return %s[0] >= (real)0.5;\n",
                     y, y, y);
    } else {
        string_print(out,
                     "    for (o = 0; o < %zu; o++) {\n"
                     "        out[o] = (double)%s[o];\n"
                     "        if (%s[o] > %s[best])\n"
                     "            best = o;\n"
                     "    }\n"
                     "    return best;\n",
                     n, y, y, y);
    }
}

static void add_predict(struct c_file *f)
{
    struct string *out = &f->out;
    const struct shape *shape = &f->model->shape;
    static const char *const buffer[2] = {"even", "odd"};
    size_t size[2];
    buffer_sizes(shape, size);
    size_t n = shape->width[shape->layers];
    bool classify = f->p->task == TASK_CLASSIFY;
    string_add(out, affine_text);
    string_print(out,
                 "\n"
                 "int %s_predict(const double *numbers, const char *const *texts, double *out)\n"
                 "{\n"
                 "    real even[%zu], odd[%zu]; /* what layers give, by turns */\n"
                 "%s"
                 "    if (!inputs_of(numbers, texts, even))\n"
                 "        return -1;\n",
                 f->name, size[0], size[1],
                 !classify ? "    int o;\n"
                 : n > 1   ? "    int o, best = 0;\n"
                           : "");
    for (size_t l = 1; l <= shape->layers; l++) {
        string_print(out, "    affine(%s, %zu, weights_%zu, biases_%zu, %zu, %s);\n",
                     buffer[(l - 1) % 2], shape->width[l - 1], l, l, shape->width[l],
                     buffer[l % 2]);
        const char *function = export_c_function(shape->activation[l]);
        if (function) {
            string_print(out, "    %s(%s, %zu);\n", function, buffer[l % 2], shape->width[l]);
        }
    }
    add_answer(f, buffer[shape->layers % 2], n);
    string_add(out, "}\n");
}

/* ---------------------------------------------------------------- the file ------------------- */

static heddle_status check_functions(const struct shape *shape, heddle_error *err)
{
    for (size_t l = 1; l <= shape->layers; l++) {
        if (!export_c_knows(shape->activation[l])) {
            return status_set(err, HEDDLE_E_UNSUPPORTED, "a layer of %s cannot be written as C yet",
                              activation_name(shape->activation[l]));
        }
    }
    return HEDDLE_OK;
}

static heddle_status write_text(struct c_file *f, const char *path, heddle_error *err)
{
    char sha256[65];
    heddle_status status = heddle_model_sha256(f->model, sha256, err);
    if (status) {
        return status;
    }
    add_head(f, sha256);
    add_declarations(f);
    export_c_add_types(&f->out, &f->model->shape, f->model->use_double, f->portable);
    export_c_add_functions(&f->out, &f->model->shape, f->model->use_double);
    add_names(f);
    add_column_data(f);
    add_weights(f);
    if (f->p->task != TASK_CLASSIFY) {
        add_target_values(f);
    }
    add_inputs(f);
    add_predict(f);
    status = export_c_add_test(f, err);
    string_add(&f->out, "\n#endif\n");
    if (!status && f->out.failed) {
        status = status_memory(err, "a C file", f->out.length);
    }
    struct file_piece piece = {f->out.data, f->out.length};
    return status ? status : file_write(path, &piece, 1, err);
}

heddle_status heddle_model_export_c(const heddle_model *model, const char *path,
                                    const heddle_export_options *options, heddle_error *err)
{
    const struct preprocess *p = model->preprocess;
    struct c_file f = {
        .model = model,
        .p = p,
        .portable = options && options->portable,
        .numbers = export_numbers(p),
        .texts = export_texts(p),
        .outputs = p->task == TASK_CLASSIFY ? p->classes : p->targets,
    };
    heddle_status status = export_name(path, options, f.name, err);
    if (!status) {
        status = check_functions(&model->shape, err);
    }
    if (status) {
        return status;
    }
    for (size_t i = 0; i < sizeof f.name; i++) {
        char c = f.name[i];
        f.upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    status = write_text(&f, path, err);
    memory_free(f.out.data);
    return status;
}
