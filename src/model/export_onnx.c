/**
 * export_onnx: a model as an ONNX graph, which every runtime of the last years takes.
 *
 *     x -> [missing values] -> [scaling, in double] -----+
 *                                                        +-> Concat -> Gemm -> f -> Gemm -> f …
 *     texts -> Gather -> LabelEncoder -> OneHot ---------+
 *
 *     … -> probabilities -> ArgMax -> label      or      … -> Div -> Add -> y
 *
 * A model that computes in double gives a graph in double. In float, numbers are scaled in double
 * all the same: that is what preprocessing does, and x - mean may cancel.
 *
 * A transfer function is a row of the table `functions`: the operator of ONNX, or a function that
 * builds it of others where runtimes have that operator in float alone, or not at all.
 */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "model/export.h"
#include "model/model.h"
#include "model/onnx_graph.h"
#include "model/safetensors.h"
#include "network/weights.h"

/* ---------------------------------------------------------------- preprocessing -------------- */

enum column_value { COLUMN_SHIFT, COLUMN_FACTOR, COLUMN_FILL };

/** One of the values of every column of numbers. */
static char *column_values(struct onnx_graph *g, const struct preprocess *p, const char *name,
                           int type, enum column_value which)
{
    size_t numbers = export_numbers(p);
    double *value = onnx_keep(g, numbers, sizeof *value);
    size_t k = 0;
    for (size_t j = 0; value && j < p->inputs; j++) {
        const struct preprocess_input *input = &p->input[j];
        if (!input->text) {
            value[k++] = which == COLUMN_SHIFT    ? input->shift
                         : which == COLUMN_FACTOR ? input->factor
                                                  : input->fill;
        }
    }
    return value ? onnx_numbers(g, onnx_text(g, name), type, value, numbers) : onnx_text(g, name);
}

static char *scale_numbers(struct onnx_graph *g, const struct preprocess *p, char *x)
{
    bool bytes = p->scale == SCALE_BYTE;
    bool scales = !bytes && export_scales(p);
    int type = scales ? ONNX_DOUBLE : g->type;
    char *missing = NULL;
    if (p->missing == MISSING_MEAN) {
        missing = onnx_name(g, "missing");
        onnx_node(g, "IsNaN", missing, x, (char *)NULL);
    }
    if (type != g->type) {
        x = onnx_cast(g, x, type);
    }
    if (missing) {
        char *filled = onnx_name(g, "filled");
        char *fill = column_values(g, p, "column_fill", type, COLUMN_FILL);
        onnx_node(g, "Where", filled, missing, fill, x, (char *)NULL);
        x = filled;
    }
    if (bytes) {
        char *scaled = onnx_name(g, "scaled");
        onnx_node(g, "Mul", scaled, x, onnx_constant(g, 1.0 / 255.0), (char *)NULL);
        x = scaled;
    } else if (scales) {
        char *shifted = onnx_name(g, "shifted"), *scaled = onnx_name(g, "scaled");
        onnx_node(g, "Sub", shifted, x, column_values(g, p, "column_shift", type, COLUMN_SHIFT),
                  (char *)NULL);
        onnx_node(g, "Mul", scaled, shifted,
                  column_values(g, p, "column_factor", type, COLUMN_FACTOR), (char *)NULL);
        x = scaled;
    }
    return type != g->type ? onnx_cast(g, x, g->type) : x;
}

/** Columns first … first + count of the numbers. */
static char *take_numbers(struct onnx_graph *g, const struct preprocess *p, char *x, size_t first,
                          size_t count)
{
    if (count == export_numbers(p)) {
        return x;
    }
    int64_t *index = onnx_keep(g, count, sizeof *index);
    if (!index) {
        return x;
    }
    for (size_t i = 0; i < count; i++) {
        index[i] = (int64_t)(first + i);
    }
    char *taken = onnx_new_name(g);
    onnx_set_int(g, onnx_node(g, "Gather", taken, x, onnx_int64s(g, 1, index, count), (char *)NULL),
                 "axis", 1);
    return taken;
}

/** A word's index among the categories; behind them if it is missing, or none of them. */
static char *encode_words(struct onnx_graph *g, const struct preprocess_input *input, char *word)
{
    size_t keys = input->categories + input->missing_category;
    char **key = onnx_keep(g, keys, sizeof *key);
    int64_t *code = onnx_keep(g, keys, sizeof *code);
    for (size_t c = 0; key && code && c < keys; c++) {
        key[c] = onnx_text(g, c < input->categories ? input->category[c] : "");
        code[c] = (int64_t)c;
    }
    char *coded = onnx_new_name(g);
    struct onnx_node *node = onnx_node(g, "LabelEncoder", coded, word, (char *)NULL);
    onnx_set_ml(g, node);
    onnx_set_strings(g, node, "keys_strings", key, key ? keys : 0);
    onnx_set_ints(g, node, "values_int64s", code, code ? keys : 0);
    onnx_set_int(g, node, "default_int64", (int64_t)keys);
    return coded;
}

/** Column k of the texts as ones and zeros (N, categories). */
static char *encode_texts(struct onnx_graph *g, const struct preprocess_input *input, size_t k)
{
    int64_t column = (int64_t)k;
    int64_t depth = (int64_t)export_width(input);
    char *word = onnx_new_name(g);
    onnx_set_int(g,
                 onnx_node(g, "Gather", word, onnx_text(g, "texts"), onnx_int64s(g, 0, &column, 1),
                           (char *)NULL),
                 "axis", 1);
    char *coded = encode_words(g, input, word);
    char *ones = onnx_new_name(g);
    char *off_on = onnx_numbers(g, onnx_new_name(g), ONNX_FLOAT, (const double[]){0, 1}, 2);
    onnx_set_int(
        g, onnx_node(g, "OneHot", ones, coded, onnx_int64s(g, 0, &depth, 1), off_on, (char *)NULL),
        "axis", -1);
    return g->type == ONNX_FLOAT ? ones : onnx_cast(g, ones, g->type);
}

/** From columns to the inputs of the network, in their order. */
static char *add_inputs(struct onnx_graph *g, const struct preprocess *p)
{
    size_t numbers = export_numbers(p);
    char *x = NULL;
    if (numbers) {
        x = onnx_text(g, "x");
        onnx_describe(
            g, true, x, g->type, numbers,
            "columns of numbers as they are in the data, in the order of metadata 'columns'");
        x = scale_numbers(g, p, x);
    }
    if (numbers == p->inputs) {
        return x;
    }
    onnx_describe(
        g, true, onnx_text(g, "texts"), ONNX_STRING, p->inputs - numbers,
        "columns of text, in the order of metadata 'text_columns'; \"\" is a missing value");
    char **part = onnx_keep(g, p->inputs, sizeof *part);
    size_t parts = 0, number = 0, text = 0;
    for (size_t j = 0; part && j < p->inputs;) {
        if (p->input[j].text) {
            if (export_width(&p->input[j])) {
                part[parts++] = encode_texts(g, &p->input[j], text);
            }
            text++;
            j++;
            continue;
        }
        size_t run = 0;
        for (; j < p->inputs && !p->input[j].text; j++) {
            run++;
        }
        part[parts++] = take_numbers(g, p, x, number, run);
        number += run;
    }
    if (!part || parts == 1) {
        return part ? part[0] : x;
    }
    return onnx_concat(g, onnx_name(g, "inputs"), part, parts, 1);
}

/* ---------------------------------------------------------------- the network ---------------- */

static char *leaky_relu(struct onnx_graph *g, char *z)
{
    return onnx_apply(g, "Max", z, onnx_apply(g, "Mul", z, onnx_constant(g, 0.01)));
}

/** z < 0 ? alpha (e^z - 1) : z */
static char *elu_of(struct onnx_graph *g, char *z, double alpha)
{
    char *below = onnx_apply(g, "Min", z, onnx_constant(g, 0));
    char *bent = onnx_apply(g, "Sub", onnx_apply(g, "Exp", below, NULL), onnx_constant(g, 1));
    bent = onnx_apply(g, "Mul", bent, onnx_constant(g, alpha));
    return onnx_apply(g, "Add", onnx_apply(g, "Max", z, onnx_constant(g, 0)), bent);
}

static char *elu(struct onnx_graph *g, char *z)
{
    return elu_of(g, z, 1);
}

static char *selu(struct onnx_graph *g, char *z)
{
    return onnx_apply(g, "Mul", elu_of(g, z, 1.6732632423543772848),
                      onnx_constant(g, 1.0507009873554804934));
}

/** z (1/2 + erf(z √½) / 2). Runtimes know erf in float alone, so in double this is a float's. */
static char *gelu(struct onnx_graph *g, char *z)
{
    char *scaled = onnx_apply(g, "Mul", z, onnx_constant(g, 0.70710678118654752440));
    char *erf = g->type == ONNX_FLOAT
                    ? onnx_apply(g, "Erf", scaled, NULL)
                    : onnx_cast(g, onnx_apply(g, "Erf", onnx_cast(g, scaled, ONNX_FLOAT), NULL),
                                ONNX_DOUBLE);
    char *half = onnx_apply(g, "Mul", erf, onnx_constant(g, 0.5));
    return onnx_apply(g, "Mul", z, onnx_apply(g, "Add", half, onnx_constant(g, 0.5)));
}

/** z / (1 + e^-z), and not z σ(z), which onnxruntime makes an operator it has in float alone. */
static char *silu(struct onnx_graph *g, char *z)
{
    char *e = onnx_apply(g, "Exp", onnx_apply(g, "Neg", z, NULL), NULL);
    return onnx_apply(g, "Div", z, onnx_apply(g, "Add", e, onnx_constant(g, 1)));
}

static char *softplus(struct onnx_graph *g, char *z)
{
    char *small =
        onnx_apply(g, "Exp", onnx_apply(g, "Neg", onnx_apply(g, "Abs", z, NULL), NULL), NULL);
    char *log = onnx_apply(g, "Log", onnx_apply(g, "Add", small, onnx_constant(g, 1)), NULL);
    return onnx_apply(g, "Add", onnx_apply(g, "Max", z, onnx_constant(g, 0)), log);
}

static char *softsign(struct onnx_graph *g, char *z)
{
    return onnx_apply(g, "Div", z,
                      onnx_apply(g, "Add", onnx_apply(g, "Abs", z, NULL), onnx_constant(g, 1)));
}

static char *hard_sigmoid(struct onnx_graph *g, char *z)
{
    char *line = onnx_apply(g, "Add", onnx_apply(g, "Mul", z, onnx_constant(g, 1.0 / 6)),
                            onnx_constant(g, 0.5));
    return onnx_apply(g, "Min", onnx_apply(g, "Max", line, onnx_constant(g, 0)),
                      onnx_constant(g, 1));
}

static char *gaussian(struct onnx_graph *g, char *z)
{
    return onnx_apply(g, "Exp", onnx_apply(g, "Neg", onnx_apply(g, "Mul", z, z), NULL), NULL);
}

/** A transfer function: the operator it is, in both precisions or in float alone; or its parts. */
static const struct function {
    enum activation f;
    const char *op, *op_float; /* "": nothing to do; both NULL: always build */
    char *(*build)(struct onnx_graph *g, char *z);
} functions[] = {
    {ACTIVATION_LINEAR, "", NULL, NULL},
    {ACTIVATION_SIGMOID, "Sigmoid", NULL, NULL},
    {ACTIVATION_TANH, "Tanh", NULL, NULL},
    {ACTIVATION_RELU, "Relu", NULL, NULL},
    {ACTIVATION_SOFTMAX, "Softmax", NULL, NULL}, /* along the last axis */
    {ACTIVATION_LEAKY_RELU, NULL, "LeakyRelu", leaky_relu},
    {ACTIVATION_ELU, NULL, "Elu", elu},
    {ACTIVATION_SELU, NULL, "Selu", selu},
    {ACTIVATION_GELU, NULL, NULL, gelu},
    {ACTIVATION_SILU, NULL, NULL, silu},
    {ACTIVATION_SOFTPLUS, NULL, "Softplus", softplus},
    {ACTIVATION_SOFTSIGN, NULL, "Softsign", softsign},
    {ACTIVATION_HARD_SIGMOID, NULL, NULL, hard_sigmoid},
    {ACTIVATION_GAUSSIAN, NULL, NULL, gaussian},
    {ACTIVATION_SINE, "Sin", NULL, NULL},
    {ACTIVATION_EXP, "Exp", NULL, NULL},
};

static const struct function *find_function(enum activation f)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (functions[i].f == f) {
            return &functions[i];
        }
    }
    return NULL;
}

static char *transfer(struct onnx_graph *g, enum activation f, char *z, size_t l)
{
    const struct function *function = find_function(f);
    const char *op = function->op;
    if (!op && g->type == ONNX_FLOAT) {
        op = function->op_float;
    }
    if (!op) {
        return function->build(g, z);
    }
    if (!*op) {
        return z;
    }
    char *x = onnx_name(g, "layer%zu", l);
    onnx_node(g, op, x, z, (char *)NULL);
    return x;
}

/** The weights in the graph's precision, plain order; NULL: no memory. */
static const char *weights_data(struct onnx_graph *g, const heddle_model *model)
{
    if (model->use_double) {
        return (const char *)model->values;
    }
    size_t count = shape_parameters(&model->shape);
    float *data = onnx_keep(g, count, sizeof *data);
    for (size_t i = 0; data && i < count; i++) {
        data[i] = (float)model->values[i];
    }
    return (const char *)data;
}

/** All layers; the tensors have the names they have in the model file. */
static char *add_layers(struct onnx_graph *g, const heddle_model *model, char *x)
{
    const struct shape *shape = &model->shape;
    size_t unit = model->use_double ? sizeof(double) : sizeof(float);
    const char *data = weights_data(g, model);
    for (size_t l = 1; data && l <= shape->layers; l++) {
        size_t dims[2] = {shape->width[l], shape->width[l - 1]};
        const char *W = data + weights_begin(shape, l) * unit;
        const char *b = W + dims[0] * dims[1] * unit;
        char *weight = onnx_tensor(g, onnx_name(g, "layers.%zu.weight", l - 1), g->type, 2, dims, W,
                                   dims[0] * dims[1] * unit);
        char *bias = onnx_tensor(g, onnx_name(g, "layers.%zu.bias", l - 1), g->type, 1, dims, b,
                                 dims[0] * unit);
        char *z = onnx_name(g, "sum%zu", l);
        onnx_set_int(g, onnx_node(g, "Gemm", z, x, weight, bias, (char *)NULL), "transB", 1);
        x = transfer(g, shape->activation[l], z, l);
    }
    return x;
}

/* ---------------------------------------------------------------- outputs -------------------- */

static void add_probabilities(struct onnx_graph *g, const heddle_model *model, char *y)
{
    char *probabilities = onnx_text(g, "probabilities"), *label = onnx_text(g, "label");
    if (model->shape.width[model->shape.layers] > 1) {
        onnx_node(g, "Identity", probabilities, y, (char *)NULL);
        struct onnx_node *node = onnx_node(g, "ArgMax", label, probabilities, (char *)NULL);
        onnx_set_int(g, node, "axis", 1);
        onnx_set_int(g, node, "keepdims", 0);
    } else { /* one output is the probability of the second class */
        char *other = onnx_name(g, "other"), *second = onnx_name(g, "second");
        char *flat = onnx_name(g, "flat");
        onnx_node(g, "Sub", other, onnx_constant(g, 1), y, (char *)NULL);
        struct onnx_node *node = onnx_node(g, "Concat", probabilities, other, y, (char *)NULL);
        onnx_set_int(g, node, "axis", 1);
        int64_t axis = 1;
        onnx_node(g, "Squeeze", flat, y, onnx_int64s(g, 1, &axis, 1), (char *)NULL);
        onnx_node(g, "GreaterOrEqual", second, flat, onnx_constant(g, 0.5), (char *)NULL);
        onnx_set_int(g, onnx_node(g, "Cast", label, second, (char *)NULL), "to", ONNX_INT64);
    }
    onnx_describe(g, false, probabilities, g->type, model->preprocess->classes,
                  "in the order of metadata 'classes'");
    onnx_describe(g, false, label, ONNX_INT64, 0,
                  "index of the likeliest among metadata 'classes'");
}

static char *target_values(struct onnx_graph *g, const struct preprocess *p, const char *name,
                           bool factor)
{
    double *value = onnx_keep(g, p->targets, sizeof *value);
    for (size_t t = 0; value && t < p->targets; t++) {
        value[t] = factor ? p->target[t].factor : p->target[t].shift;
    }
    return value ? onnx_numbers(g, onnx_text(g, name), ONNX_DOUBLE, value, p->targets)
                 : onnx_text(g, name);
}

static void add_targets(struct onnx_graph *g, const struct preprocess *p, char *outputs)
{
    char *y = onnx_text(g, "y");
    bool scaled = false;
    for (size_t t = 0; t < p->targets; t++) {
        scaled = scaled || p->target[t].factor != 1 || p->target[t].shift != 0;
    }
    if (!scaled) {
        onnx_node(g, "Identity", y, outputs, (char *)NULL);
    } else {
        bool single = g->type == ONNX_FLOAT;
        char *wide = single ? onnx_cast(g, outputs, ONNX_DOUBLE) : outputs;
        char *divided = onnx_name(g, "divided"), *shifted = single ? onnx_name(g, "unscaled") : y;
        onnx_node(g, "Div", divided, wide, target_values(g, p, "target_factor", true),
                  (char *)NULL);
        onnx_node(g, "Add", shifted, divided, target_values(g, p, "target_shift", false),
                  (char *)NULL);
        if (single) {
            onnx_set_int(g, onnx_node(g, "Cast", y, shifted, (char *)NULL), "to", ONNX_FLOAT);
        }
    }
    onnx_describe(g, false, y, g->type, p->targets,
                  "in the targets' units, in the order of metadata 'targets'");
}

/* ---------------------------------------------------------------- metadata ------------------- */

enum names { NAMES_NUMBERS, NAMES_TEXTS, NAMES_CLASSES, NAMES_TARGETS };

/** A JSON list of names. */
static void note_names(struct onnx_graph *g, const struct preprocess *p, const char *key,
                       enum names which)
{
    struct string list = {0};
    size_t n = which == NAMES_CLASSES   ? p->classes
               : which == NAMES_TARGETS ? p->targets
                                        : p->inputs;
    bool first = true;
    string_add(&list, "[");
    for (size_t i = 0; i < n; i++) {
        if (which <= NAMES_TEXTS && p->input[i].text != (which == NAMES_TEXTS)) {
            continue;
        }
        string_add(&list, first ? "" : ",");
        safetensors_quote(&list, which == NAMES_CLASSES   ? p->class_name[i]
                                 : which == NAMES_TARGETS ? p->target[i].name
                                                          : p->input[i].name);
        first = false;
    }
    string_add(&list, "]");
    if (list.failed) {
        g->failed = true;
    } else {
        onnx_note(g, key, list.data);
    }
    memory_free(list.data);
}

static heddle_status add_metadata(struct onnx_graph *g, const heddle_model *model,
                                  heddle_error *err)
{
    static const char *const missing[] = {"error: NaN in x gives NaN",
                                          "mean: NaN in x becomes the column's mean",
                                          "drop: NaN in x gives NaN; leave such rows out"};
    const struct preprocess *p = model->preprocess;
    char sha256[65];
    heddle_status status = heddle_model_sha256(model, sha256, err);
    if (status) {
        return status;
    }
    bool classify = p->task == TASK_CLASSIFY;
    note_names(g, p, "columns", NAMES_NUMBERS);
    if (export_texts(p)) {
        note_names(g, p, "text_columns", NAMES_TEXTS);
    }
    note_names(g, p, classify ? "classes" : "targets", classify ? NAMES_CLASSES : NAMES_TARGETS);
    onnx_note(g, "missing", missing[p->missing]);
    onnx_note(g, "heddle_model_sha256", sha256);
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- the file ------------------- */

static heddle_status check_functions(const struct shape *shape, heddle_error *err)
{
    for (size_t l = 1; l <= shape->layers; l++) {
        if (!find_function(shape->activation[l])) {
            return status_set(err, HEDDLE_E_UNSUPPORTED,
                              "a layer of %s cannot be written as ONNX yet",
                              activation_name(shape->activation[l]));
        }
    }
    return HEDDLE_OK;
}

heddle_status heddle_model_export_onnx(const heddle_model *model, const char *path,
                                       const heddle_export_options *options, heddle_error *err)
{
    char name[EXPORT_NAME_SIZE];
    heddle_status status = export_name(path, options, name, err);
    if (!status) {
        status = check_functions(&model->shape, err);
    }
    if (status) {
        return status;
    }
    const struct preprocess *p = model->preprocess;
    struct onnx_graph g = {.type = model->use_double ? ONNX_DOUBLE : ONNX_FLOAT};
    char *outputs = add_layers(&g, model, add_inputs(&g, p));
    if (p->task == TASK_CLASSIFY) {
        add_probabilities(&g, model, outputs);
    } else {
        add_targets(&g, p, outputs);
    }
    status = add_metadata(&g, model, err);
    if (!status) {
        status = onnx_write(&g, name, path, err);
    }
    onnx_release(&g);
    return status;
}
