/**
 * export_onnx: a model as an ONNX graph, which every runtime of the last years takes.
 *
 *     x -> [missing values] -> [scaling, in double] -----+
 *                                                        +-> Concat -> sums -> f -> sums -> f …
 *     texts -> Gather -> LabelEncoder -> OneHot ---------+
 *
 *     … -> probabilities -> ArgMax -> label      or      … -> Div -> Add -> y
 *
 * A model that computes in double gives a graph in double, whose sums are Gemm. In float, rounding
 * alone makes another order of summing differ by more than the digits that a user compares: the
 * graph then adds up in Heddle's order, as doubles that hold floats (onnx_functions.h), in a Scan
 * over the inputs; or, portable, it is Gemm in float, which is many times faster.
 */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "model/export.h"
#include "model/model.h"
#include "model/onnx_functions.h"
#include "model/onnx_graph.h"
#include "model/safetensors.h"
#include "network/weights.h"

/* ---------------------------------------------------------------- preprocessing -------------- */

enum column_value { COLUMN_SHIFT, COLUMN_FACTOR, COLUMN_FILL };

/** What the model computes in, which a graph may do in double for it. */
static int model_type(const heddle_model *model)
{
    return model->use_double ? ONNX_DOUBLE : ONNX_FLOAT;
}

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

/** Numbers that are shifted and scaled are taken in double, as x - mean may cancel. */
static int numbers_type(const heddle_model *model)
{
    bool scales = model->preprocess->scale != SCALE_BYTE && export_scales(model->preprocess);
    return scales ? ONNX_DOUBLE : model_type(model);
}

static char *scale_numbers(struct onnx_graph *g, const heddle_model *model, char *x)
{
    const struct preprocess *p = model->preprocess;
    int type = numbers_type(model);
    if (p->missing == MISSING_MEAN) {
        char *missing = onnx_name(g, "missing"), *filled = onnx_name(g, "filled");
        onnx_node(g, "IsNaN", missing, x, (char *)NULL);
        char *fill = column_values(g, p, "column_fill", type, COLUMN_FILL);
        onnx_node(g, "Where", filled, missing, fill, x, (char *)NULL);
        x = filled;
    }
    if (p->scale == SCALE_BYTE) {
        char *scaled = onnx_name(g, "scaled");
        char *share = onnx_numbers(g, onnx_name(g, "share"), type, (const double[]){1.0 / 255}, 1);
        onnx_node(g, "Mul", scaled, x, share, (char *)NULL);
        x = scaled;
    } else if (export_scales(p)) {
        char *shifted = onnx_name(g, "shifted"), *scaled = onnx_name(g, "scaled");
        onnx_node(g, "Sub", shifted, x, column_values(g, p, "column_shift", type, COLUMN_SHIFT),
                  (char *)NULL);
        onnx_node(g, "Mul", scaled, shifted,
                  column_values(g, p, "column_factor", type, COLUMN_FACTOR), (char *)NULL);
        x = scaled;
    }
    if (type != g->type) {
        return onnx_cast(g, x, g->type);
    }
    return onnx_round(g, x);
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
static char *add_inputs(struct onnx_graph *g, const heddle_model *model)
{
    const struct preprocess *p = model->preprocess;
    size_t numbers = export_numbers(p);
    char *x = NULL;
    if (numbers) {
        x = onnx_text(g, "x");
        onnx_describe(
            g, true, x, numbers_type(model), numbers,
            "columns of numbers as they are in the data, in the order of metadata 'columns'");
        x = scale_numbers(g, model, x);
    }
    if (numbers == p->inputs) {
        return x;
    }
    onnx_describe(
        g, true, onnx_text(g, "texts"), ONNX_STRING, p->inputs - numbers,
        "columns of text, in the order of metadata 'text_columns'; \"\" is a missing value; words "
        "are those that are spelled as in training: 1.0 is not 1");
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

/** The weights in the model's precision, plain order; NULL: no memory. */
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

/** X Wᵀ + b as Heddle has it: from the bias on, one input after the other, rounded each time. */
static char *chain(struct onnx_graph *g, char *x, char *weight, char *bias, size_t l)
{
    char *column, *columns = onnx_columns(g, x, &column);
    char *rows = onnx_apply(g, "Shape", column, NULL); /* N, 1 */
    char *begin = onnx_apply(g, "Expand", onnx_cast(g, bias, g->type), rows);
    char *weights = onnx_cast(g, weight, g->type);
    struct onnx_body *body = onnx_body_begin(g);
    char *sum = onnx_text(g, "sum"), *input = onnx_text(g, "input"), *w = onnx_text(g, "weight");
    char *next = onnx_round(g, onnx_apply(g, "Add", sum, onnx_apply(g, "Mul", input, w)));
    return onnx_scan(g, body, onnx_name(g, "sum%zu", l), 3, (char *const[]){sum, input, w}, next,
                     (char *const[]){begin, columns, weights});
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
        char *weight = onnx_tensor(g, onnx_name(g, "layers.%zu.weight", l - 1), model_type(model),
                                   2, dims, W, dims[0] * dims[1] * unit);
        char *bias = onnx_tensor(g, onnx_name(g, "layers.%zu.bias", l - 1), model_type(model), 1,
                                 dims, b, dims[0] * unit);
        char *z;
        if (g->rounds) {
            z = chain(g, x, weight, bias, l);
        } else {
            z = onnx_name(g, "sum%zu", l);
            onnx_set_int(g, onnx_node(g, "Gemm", z, x, weight, bias, (char *)NULL), "transB", 1);
        }
        x = onnx_transfer(g, shape->activation[l], z);
    }
    return x;
}

/* ---------------------------------------------------------------- outputs -------------------- */

/** from, which is of the graph's type, as the output `name` of another. */
static void finish(struct onnx_graph *g, char *name, int type, char *from)
{
    if (type == g->type) {
        onnx_node(g, "Identity", name, from, (char *)NULL);
    } else {
        onnx_set_int(g, onnx_node(g, "Cast", name, from, (char *)NULL), "to", type);
    }
}

static void add_probabilities(struct onnx_graph *g, const heddle_model *model, char *y)
{
    char *probabilities = onnx_text(g, "probabilities"), *label = onnx_text(g, "label");
    int type = model_type(model);
    if (model->shape.width[model->shape.layers] > 1) {
        finish(g, probabilities, type, y);
        struct onnx_node *node = onnx_node(g, "ArgMax", label, probabilities, (char *)NULL);
        onnx_set_int(g, node, "axis", 1);
        onnx_set_int(g, node, "keepdims", 0);
    } else { /* one output is the probability of the second class */
        char *other = onnx_name(g, "other"), *second = onnx_name(g, "second");
        char *flat = onnx_name(g, "flat");
        char **pair = onnx_keep(g, 2, sizeof *pair);
        onnx_node(g, "Sub", other, onnx_constant(g, 1), y, (char *)NULL);
        if (pair) {
            pair[0] = other;
            pair[1] = y;
        }
        finish(g, probabilities, type, onnx_concat(g, onnx_name(g, "both"), pair, 2, 1));
        int64_t axis = 1;
        onnx_node(g, "Squeeze", flat, y, onnx_int64s(g, 1, &axis, 1), (char *)NULL);
        onnx_node(g, "GreaterOrEqual", second, flat, onnx_constant(g, 0.5), (char *)NULL);
        onnx_set_int(g, onnx_node(g, "Cast", label, second, (char *)NULL), "to", ONNX_INT64);
    }
    onnx_describe(g, false, probabilities, type, model->preprocess->classes,
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

/** Targets that are scaled come out in double, in which their scaling is undone. */
static void add_targets(struct onnx_graph *g, const heddle_model *model, char *outputs)
{
    const struct preprocess *p = model->preprocess;
    int type = model_type(model);
    bool scaled = false;
    for (size_t t = 0; t < p->targets; t++) {
        scaled = scaled || p->target[t].factor != 1 || p->target[t].shift != 0;
    }
    char *y = onnx_text(g, "y");
    if (!scaled) {
        finish(g, y, type, outputs);
    } else {
        type = ONNX_DOUBLE;
        char *wide = g->type == type ? outputs : onnx_cast(g, outputs, type);
        char *divided = onnx_name(g, "divided");
        onnx_node(g, "Div", divided, wide, target_values(g, p, "target_factor", true),
                  (char *)NULL);
        onnx_node(g, "Add", y, divided, target_values(g, p, "target_shift", false), (char *)NULL);
    }
    onnx_describe(g, false, y, type, p->targets,
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
        if (!onnx_knows(shape->activation[l])) {
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
    bool portable = options && options->portable;
    struct onnx_graph g = {.type = portable ? model_type(model) : ONNX_DOUBLE,
                           .rounds = !portable && !model->use_double};
    char *outputs = add_layers(&g, model, add_inputs(&g, model));
    if (p->task == TASK_CLASSIFY) {
        add_probabilities(&g, model, outputs);
    } else {
        add_targets(&g, model, outputs);
    }
    status = add_metadata(&g, model, err);
    if (!status) {
        status = onnx_write(&g, name, path, err);
    }
    onnx_release(&g);
    return status;
}
