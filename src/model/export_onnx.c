/**
 * export_onnx: a model as an ONNX graph, IR 7 and opset 13, which every runtime of the last years
 * takes.
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
 * A transfer function is a row of the table `functions`: the operator of ONNX where there is one in
 * both precisions, else a function that builds it of others.
 *
 * The messages are protobuf-c's, laid out in blocks that are released together. After a failed
 * allocation `failed` is set, building goes on with nothing, and the end says so.
 */
#include <onnx.pb-c.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "model/export.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "network/weights.h"

enum {
    IR_VERSION = 7,
    OPSET = 13,
    OPSET_ML = 2,
    INPUTS_MAX = 4,
    ATTRIBUTES_MAX = 3,
    METADATA_MAX = 16,
    TYPE_FLOAT = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
    TYPE_DOUBLE = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
    TYPE_INT64 = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
    TYPE_STRING = ONNX__TENSOR_PROTO__DATA_TYPE__STRING,
    UNKNOWN_DIMENSION = 0
};

struct block {
    struct block *next;
    _Alignas(16) char data[];
};

struct node {
    Onnx__NodeProto message;
    char *input[INPUTS_MAX];
    char *output[1];
    Onnx__AttributeProto attribute[ATTRIBUTES_MAX];
    Onnx__AttributeProto *attributes[ATTRIBUTES_MAX];
    struct node *next;
};

struct tensor {
    Onnx__TensorProto message;
    int64_t dims[2];
    struct tensor *next;
};

/* An input or output of the graph: (N), or (N, columns). */
struct value {
    Onnx__ValueInfoProto message;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dimension[2];
    Onnx__TensorShapeProto__Dimension *dimensions[2];
};

struct graph {
    const heddle_model *model;
    const struct preprocess *p;
    int type; /* what the network computes in */
    struct block *blocks;
    bool failed;
    size_t nodes, tensors, names;
    struct node *first_node, **last_node;
    struct tensor *first_tensor, **last_tensor;
    Onnx__ValueInfoProto *input[2], *output[2];
    size_t inputs, outputs;
    Onnx__StringStringEntryProto entry[METADATA_MAX], *entries[METADATA_MAX];
    size_t metadata;
};

/* ---------------------------------------------------------------- memory --------------------- */

static void *keep(struct graph *g, size_t count, size_t size)
{
    size_t bytes;
    bool fits = size_multiply(count, size, &bytes) && size_add(bytes, sizeof(struct block), &bytes);
    struct block *block = fits && !g->failed ? memory_new(1, bytes) : NULL;
    if (!block) {
        g->failed = true;
        return NULL;
    }
    block->next = g->blocks;
    g->blocks = block;
    return block->data;
}

/** A copy of text that lives as long as the graph; "" if there is no memory. */
static char *keep_text(struct graph *g, const char *text)
{
    static char nothing[1];
    size_t n = strlen(text) + 1;
    char *kept = keep(g, n, 1);
    return kept ? memcpy(kept, text, n) : nothing;
}

static void release(struct graph *g)
{
    while (g->blocks) {
        struct block *block = g->blocks;
        g->blocks = block->next;
        memory_free(block);
    }
}

/* ---------------------------------------------------------------- parts of a graph ----------- */

/** A new name of a value, as printf says. */
static char *name_of(struct graph *g, const char *format, ...)
{
    char text[96];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return keep_text(g, text);
}

/**
 * Add a node with one output and the inputs listed, up to NULL. NULL: no memory, which the
 * attributes below take.
 */
static struct node *add_node(struct graph *g, const char *operator, char * output, ...)
{
    struct node *node = keep(g, 1, sizeof *node);
    if (!node) {
        return NULL;
    }
    onnx__node_proto__init(&node->message);
    node->message.op_type = keep_text(g, operator);
    node->message.name = output;
    node->output[0] = output;
    node->message.output = node->output;
    node->message.n_output = 1;
    node->message.input = node->input;
    va_list arguments;
    va_start(arguments, output);
    for (char *input; (input = va_arg(arguments, char *)) != NULL;) {
        node->input[node->message.n_input++] = input;
    }
    va_end(arguments);
    node->message.attribute = node->attributes;
    *g->last_node = node;
    g->last_node = &node->next;
    g->nodes++;
    return node;
}

/** The value of a node with one or two (b not NULL) inputs. */
static char *apply(struct graph *g, const char *operator, char * a, char *b)
{
    char *output = name_of(g, "v%zu", ++g->names);
    add_node(g, operator, output, a, b, (char *)NULL);
    return output;
}

static Onnx__AttributeProto *add_attribute(struct graph *g, struct node *node, const char *name,
                                           Onnx__AttributeProto__AttributeType type)
{
    if (!node) {
        return NULL;
    }
    size_t i = node->message.n_attribute++;
    Onnx__AttributeProto *attribute = &node->attribute[i];
    node->attributes[i] = attribute;
    onnx__attribute_proto__init(attribute);
    attribute->name = keep_text(g, name);
    attribute->has_type = 1;
    attribute->type = type;
    return attribute;
}

static void set_int(struct graph *g, struct node *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (attribute) {
        attribute->has_i = 1;
        attribute->i = value;
    }
}

static void set_ints(struct graph *g, struct node *node, const char *name, int64_t *value,
                     size_t values)
{
    Onnx__AttributeProto *attribute =
        add_attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (attribute) {
        attribute->n_ints = values;
        attribute->ints = value;
    }
}

static void set_strings(struct graph *g, struct node *node, const char *name,
                        ProtobufCBinaryData *value, size_t values)
{
    Onnx__AttributeProto *attribute =
        add_attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
    if (attribute) {
        attribute->n_strings = values;
        attribute->strings = value;
    }
}

/** An initializer of rank 0, 1 or 2; data is not copied. Returns its name. */
static char *add_tensor(struct graph *g, char *name, int type, size_t rank, const size_t *dims,
                        const void *data, size_t bytes)
{
    struct tensor *tensor = keep(g, 1, sizeof *tensor);
    if (!tensor || !data) {
        return name;
    }
    onnx__tensor_proto__init(&tensor->message);
    tensor->message.name = name;
    tensor->message.has_data_type = 1;
    tensor->message.data_type = type;
    tensor->message.n_dims = rank;
    tensor->message.dims = tensor->dims;
    for (size_t d = 0; d < rank; d++) {
        tensor->dims[d] = (int64_t)dims[d];
    }
    tensor->message.has_raw_data = 1;
    tensor->message.raw_data = (ProtobufCBinaryData){bytes, (uint8_t *)(uintptr_t)data};
    *g->last_tensor = tensor;
    g->last_tensor = &tensor->next;
    g->tensors++;
    return name;
}

/** An initializer of n numbers (rank 1), or of one (rank 0), in float or double. */
static char *add_numbers(struct graph *g, char *name, int type, size_t rank, const double *value,
                         size_t n)
{
    size_t unit = type == TYPE_DOUBLE ? sizeof(double) : sizeof(float);
    void *data = keep(g, n, unit);
    for (size_t i = 0; data && i < n; i++) {
        if (type == TYPE_DOUBLE) {
            ((double *)data)[i] = value[i];
        } else {
            ((float *)data)[i] = (float)value[i];
        }
    }
    return add_tensor(g, name, type, rank, &n, data, n * unit);
}

/** A number in the network's precision. */
static char *constant(struct graph *g, double value)
{
    return add_numbers(g, name_of(g, "c%zu", ++g->names), g->type, 0, &value, 1);
}

static char *add_int64s(struct graph *g, size_t rank, const int64_t *value, size_t n)
{
    int64_t *data = keep(g, n, sizeof *data);
    if (data) {
        memcpy(data, value, n * sizeof *data);
    }
    return add_tensor(g, name_of(g, "c%zu", ++g->names), TYPE_INT64, rank, &n, data,
                      n * sizeof *data);
}

static char *cast(struct graph *g, char *from, int type)
{
    char *output = name_of(g, "v%zu", ++g->names);
    set_int(g, add_node(g, "Cast", output, from, (char *)NULL), "to", type);
    return output;
}

/** What an input or output of the graph is: (N, columns), or (N) for 0 columns. */
static void describe(struct graph *g, bool input, char *name, int type, size_t columns,
                     const char *text)
{
    struct value *value = keep(g, 1, sizeof *value);
    if (!value) {
        return;
    }
    onnx__value_info_proto__init(&value->message);
    onnx__type_proto__init(&value->type);
    onnx__type_proto__tensor__init(&value->tensor);
    onnx__tensor_shape_proto__init(&value->shape);
    for (size_t d = 0; d < 2; d++) {
        onnx__tensor_shape_proto__dimension__init(&value->dimension[d]);
        value->dimensions[d] = &value->dimension[d];
    }
    value->dimension[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    value->dimension[0].dim_param = keep_text(g, "N");
    value->dimension[1].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    value->dimension[1].dim_value = (int64_t)columns;
    value->shape.n_dim = columns ? 2 : 1;
    value->shape.dim = value->dimensions;
    value->tensor.has_elem_type = 1;
    value->tensor.elem_type = type;
    value->tensor.shape = &value->shape;
    value->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    value->type.tensor_type = &value->tensor;
    value->message.name = name;
    value->message.type = &value->type;
    value->message.doc_string = keep_text(g, text);
    if (input) {
        g->input[g->inputs++] = &value->message;
    } else {
        g->output[g->outputs++] = &value->message;
    }
}

/* ---------------------------------------------------------------- preprocessing -------------- */

enum column_value { COLUMN_SHIFT, COLUMN_FACTOR, COLUMN_FILL };

/** One of the values of every column of numbers. */
static char *column_values(struct graph *g, const char *name, int type, enum column_value which)
{
    size_t numbers = export_numbers(g->p);
    double *value = keep(g, numbers, sizeof *value);
    size_t k = 0;
    for (size_t j = 0; value && j < g->p->inputs; j++) {
        const struct preprocess_input *input = &g->p->input[j];
        if (!input->text) {
            value[k++] = which == COLUMN_SHIFT    ? input->shift
                         : which == COLUMN_FACTOR ? input->factor
                                                  : input->fill;
        }
    }
    return value ? add_numbers(g, keep_text(g, name), type, 1, value, numbers) : keep_text(g, name);
}

static char *scale_numbers(struct graph *g, char *x)
{
    bool bytes = g->p->scale == SCALE_BYTE;
    bool scales = !bytes && export_scales(g->p);
    int type = scales ? TYPE_DOUBLE : g->type;
    char *missing = NULL;
    if (g->p->missing == MISSING_MEAN) {
        missing = name_of(g, "missing");
        add_node(g, "IsNaN", missing, x, (char *)NULL);
    }
    if (type != g->type) {
        x = cast(g, x, type);
    }
    if (missing) {
        char *filled = name_of(g, "filled");
        char *fill = column_values(g, "column_fill", type, COLUMN_FILL);
        add_node(g, "Where", filled, missing, fill, x, (char *)NULL);
        x = filled;
    }
    if (bytes) {
        char *scaled = name_of(g, "scaled");
        add_node(g, "Mul", scaled, x, constant(g, 1.0 / 255.0), (char *)NULL);
        x = scaled;
    } else if (scales) {
        char *shifted = name_of(g, "shifted"), *scaled = name_of(g, "scaled");
        add_node(g, "Sub", shifted, x, column_values(g, "column_shift", type, COLUMN_SHIFT),
                 (char *)NULL);
        add_node(g, "Mul", scaled, shifted, column_values(g, "column_factor", type, COLUMN_FACTOR),
                 (char *)NULL);
        x = scaled;
    }
    return type != g->type ? cast(g, x, g->type) : x;
}

/** Columns first … first + count of the numbers. */
static char *take_numbers(struct graph *g, char *x, size_t first, size_t count)
{
    if (count == export_numbers(g->p)) {
        return x;
    }
    int64_t *index = keep(g, count, sizeof *index);
    if (!index) {
        return x;
    }
    for (size_t i = 0; i < count; i++) {
        index[i] = (int64_t)(first + i);
    }
    char *taken = name_of(g, "v%zu", ++g->names);
    set_int(g, add_node(g, "Gather", taken, x, add_int64s(g, 1, index, count), (char *)NULL),
            "axis", 1);
    return taken;
}

/** A word's index among the categories; behind them if it is missing, or none of them. */
static char *encode_words(struct graph *g, const struct preprocess_input *input, char *word)
{
    size_t keys = input->categories + input->missing_category;
    ProtobufCBinaryData *key = keep(g, keys, sizeof *key);
    int64_t *code = keep(g, keys, sizeof *code);
    for (size_t c = 0; key && code && c < keys; c++) {
        char *text = keep_text(g, c < input->categories ? input->category[c] : "");
        key[c] = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
        code[c] = (int64_t)c;
    }
    char *coded = name_of(g, "v%zu", ++g->names);
    struct node *node = add_node(g, "LabelEncoder", coded, word, (char *)NULL);
    if (node) {
        node->message.domain = keep_text(g, "ai.onnx.ml");
    }
    set_strings(g, node, "keys_strings", key, key ? keys : 0);
    set_ints(g, node, "values_int64s", code, code ? keys : 0);
    set_int(g, node, "default_int64", (int64_t)keys);
    return coded;
}

/** Column k of the texts as ones and zeros (N, categories). */
static char *encode_texts(struct graph *g, const struct preprocess_input *input, size_t k)
{
    int64_t column = (int64_t)k;
    int64_t depth = (int64_t)export_width(input);
    char *word = name_of(g, "v%zu", ++g->names);
    set_int(g,
            add_node(g, "Gather", word, keep_text(g, "texts"), add_int64s(g, 0, &column, 1),
                     (char *)NULL),
            "axis", 1);
    char *coded = encode_words(g, input, word);
    char *ones = name_of(g, "v%zu", ++g->names);
    char *off_on =
        add_numbers(g, name_of(g, "c%zu", ++g->names), TYPE_FLOAT, 1, (const double[]){0, 1}, 2);
    set_int(g,
            add_node(g, "OneHot", ones, coded, add_int64s(g, 0, &depth, 1), off_on, (char *)NULL),
            "axis", -1);
    return g->type == TYPE_FLOAT ? ones : cast(g, ones, g->type);
}

/** Join the parts along the columns. */
static char *concatenate(struct graph *g, char **part, size_t parts, const char *name)
{
    if (parts == 1) {
        return part[0];
    }
    char *joined = name_of(g, "%s", name);
    struct node *node = add_node(g, "Concat", joined, (char *)NULL);
    if (node) {
        node->message.input = part;
        node->message.n_input = parts;
    }
    set_int(g, node, "axis", 1);
    return joined;
}

/** From columns to the inputs of the network, in their order. */
static char *add_inputs(struct graph *g)
{
    const struct preprocess *p = g->p;
    size_t numbers = export_numbers(p);
    char *x = NULL;
    if (numbers) {
        x = keep_text(g, "x");
        describe(g, true, x, g->type, numbers,
                 "columns of numbers as they are in the data, in the order of metadata 'columns'");
        x = scale_numbers(g, x);
    }
    if (numbers == p->inputs) {
        return x;
    }
    describe(g, true, keep_text(g, "texts"), TYPE_STRING, p->inputs - numbers,
             "columns of text, in the order of metadata 'text_columns'; \"\" is a missing value");
    char **part = keep(g, p->inputs, sizeof *part);
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
        part[parts++] = take_numbers(g, x, number, run);
        number += run;
    }
    return part ? concatenate(g, part, parts, "inputs") : x;
}

/* ---------------------------------------------------------------- the network ---------------- */

static char *leaky_relu(struct graph *g, char *z)
{
    return apply(g, "Max", z, apply(g, "Mul", z, constant(g, 0.01)));
}

/** z < 0 ? alpha (e^z - 1) : z */
static char *elu_of(struct graph *g, char *z, double alpha)
{
    char *below = apply(g, "Min", z, constant(g, 0));
    char *bent = apply(g, "Sub", apply(g, "Exp", below, NULL), constant(g, 1));
    bent = apply(g, "Mul", bent, constant(g, alpha));
    return apply(g, "Add", apply(g, "Max", z, constant(g, 0)), bent);
}

static char *elu(struct graph *g, char *z)
{
    return elu_of(g, z, 1);
}

static char *selu(struct graph *g, char *z)
{
    return apply(g, "Mul", elu_of(g, z, 1.6732632423543772848), constant(g, 1.0507009873554804934));
}

/** z (1/2 + erf(z √½) / 2). Runtimes know erf in float alone, so in double this is a float's. */
static char *gelu(struct graph *g, char *z)
{
    char *scaled = apply(g, "Mul", z, constant(g, 0.70710678118654752440));
    char *erf = g->type == TYPE_FLOAT
                    ? apply(g, "Erf", scaled, NULL)
                    : cast(g, apply(g, "Erf", cast(g, scaled, TYPE_FLOAT), NULL), TYPE_DOUBLE);
    char *half = apply(g, "Mul", erf, constant(g, 0.5));
    return apply(g, "Mul", z, apply(g, "Add", half, constant(g, 0.5)));
}

/** z / (1 + e^-z), and not z σ(z), which onnxruntime makes an operator it has in float alone. */
static char *silu(struct graph *g, char *z)
{
    char *e = apply(g, "Exp", apply(g, "Neg", z, NULL), NULL);
    return apply(g, "Div", z, apply(g, "Add", e, constant(g, 1)));
}

static char *softplus(struct graph *g, char *z)
{
    char *small = apply(g, "Exp", apply(g, "Neg", apply(g, "Abs", z, NULL), NULL), NULL);
    char *log = apply(g, "Log", apply(g, "Add", small, constant(g, 1)), NULL);
    return apply(g, "Add", apply(g, "Max", z, constant(g, 0)), log);
}

static char *softsign(struct graph *g, char *z)
{
    return apply(g, "Div", z, apply(g, "Add", apply(g, "Abs", z, NULL), constant(g, 1)));
}

static char *hard_sigmoid(struct graph *g, char *z)
{
    char *line = apply(g, "Add", apply(g, "Mul", z, constant(g, 1.0 / 6)), constant(g, 0.5));
    return apply(g, "Min", apply(g, "Max", line, constant(g, 0)), constant(g, 1));
}

static char *gaussian(struct graph *g, char *z)
{
    return apply(g, "Exp", apply(g, "Neg", apply(g, "Mul", z, z), NULL), NULL);
}

/** A transfer function: the operator it is, in both precisions or in float alone; or its parts. */
static const struct function {
    enum activation f;
    const char *operator, * operator_float; /* "": nothing to do; both NULL: always build */
    char *(*build)(struct graph *g, char *z);
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

static char *transfer(struct graph *g, enum activation f, char *z, size_t l)
{
    const struct function *function = find_function(f);
    const char *operator= function->operator;
    if (!operator&& g->type == TYPE_FLOAT) {
        operator= function->operator_float;
    }
    if (!operator) {
        return function->build(g, z);
    }
    if (!*operator) {
        return z;
    }
    char *x = name_of(g, "layer%zu", l);
    add_node(g, operator, x, z, (char *)NULL);
    return x;
}

/** The weights in the graph's precision, plain order; NULL: no memory. */
static const char *weights_data(struct graph *g)
{
    if (g->model->use_double) {
        return (const char *)g->model->values;
    }
    size_t count = shape_parameters(&g->model->shape);
    float *data = keep(g, count, sizeof *data);
    for (size_t i = 0; data && i < count; i++) {
        data[i] = (float)g->model->values[i];
    }
    return (const char *)data;
}

/** All layers; the tensors have the names they have in the model file. */
static char *add_layers(struct graph *g, char *x)
{
    const struct shape *shape = &g->model->shape;
    size_t unit = g->model->use_double ? sizeof(double) : sizeof(float);
    const char *data = weights_data(g);
    for (size_t l = 1; data && l <= shape->layers; l++) {
        size_t dims[2] = {shape->width[l], shape->width[l - 1]};
        const char *W = data + weights_begin(shape, l) * unit;
        const char *b = W + dims[0] * dims[1] * unit;
        char *weight = add_tensor(g, name_of(g, "layers.%zu.weight", l - 1), g->type, 2, dims, W,
                                  dims[0] * dims[1] * unit);
        char *bias = add_tensor(g, name_of(g, "layers.%zu.bias", l - 1), g->type, 1, dims, b,
                                dims[0] * unit);
        char *z = name_of(g, "sum%zu", l);
        set_int(g, add_node(g, "Gemm", z, x, weight, bias, (char *)NULL), "transB", 1);
        x = transfer(g, shape->activation[l], z, l);
    }
    return x;
}

/* ---------------------------------------------------------------- outputs -------------------- */

static void add_probabilities(struct graph *g, char *y)
{
    char *probabilities = keep_text(g, "probabilities"), *label = keep_text(g, "label");
    if (g->model->shape.width[g->model->shape.layers] > 1) {
        add_node(g, "Identity", probabilities, y, (char *)NULL);
        struct node *node = add_node(g, "ArgMax", label, probabilities, (char *)NULL);
        set_int(g, node, "axis", 1);
        set_int(g, node, "keepdims", 0);
    } else { /* one output is the probability of the second class */
        char *other = name_of(g, "other"), *second = name_of(g, "second");
        char *flat = name_of(g, "flat");
        add_node(g, "Sub", other, constant(g, 1), y, (char *)NULL);
        struct node *node = add_node(g, "Concat", probabilities, other, y, (char *)NULL);
        set_int(g, node, "axis", 1);
        int64_t axis = 1;
        add_node(g, "Squeeze", flat, y, add_int64s(g, 1, &axis, 1), (char *)NULL);
        add_node(g, "GreaterOrEqual", second, flat, constant(g, 0.5), (char *)NULL);
        set_int(g, add_node(g, "Cast", label, second, (char *)NULL), "to", TYPE_INT64);
    }
    describe(g, false, probabilities, g->type, g->p->classes, "in the order of metadata 'classes'");
    describe(g, false, label, TYPE_INT64, 0, "index of the likeliest among metadata 'classes'");
}

static char *target_values(struct graph *g, const char *name, bool factor)
{
    double *value = keep(g, g->p->targets, sizeof *value);
    for (size_t t = 0; value && t < g->p->targets; t++) {
        value[t] = factor ? g->p->target[t].factor : g->p->target[t].shift;
    }
    return value ? add_numbers(g, keep_text(g, name), TYPE_DOUBLE, 1, value, g->p->targets)
                 : keep_text(g, name);
}

static void add_targets(struct graph *g, char *outputs)
{
    char *y = keep_text(g, "y");
    bool scaled = false;
    for (size_t t = 0; t < g->p->targets; t++) {
        scaled = scaled || g->p->target[t].factor != 1 || g->p->target[t].shift != 0;
    }
    if (!scaled) {
        add_node(g, "Identity", y, outputs, (char *)NULL);
    } else {
        bool single = g->type == TYPE_FLOAT;
        char *wide = single ? cast(g, outputs, TYPE_DOUBLE) : outputs;
        char *divided = name_of(g, "divided"), *shifted = single ? name_of(g, "unscaled") : y;
        add_node(g, "Div", divided, wide, target_values(g, "target_factor", true), (char *)NULL);
        add_node(g, "Add", shifted, divided, target_values(g, "target_shift", false), (char *)NULL);
        if (single) {
            set_int(g, add_node(g, "Cast", y, shifted, (char *)NULL), "to", TYPE_FLOAT);
        }
    }
    describe(g, false, y, g->type, g->p->targets,
             "in the targets' units, in the order of metadata 'targets'");
}

/* ---------------------------------------------------------------- metadata ------------------- */

static void note(struct graph *g, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry = &g->entry[g->metadata];
    onnx__string_string_entry_proto__init(entry);
    entry->key = keep_text(g, key);
    entry->value = keep_text(g, value);
    g->entries[g->metadata++] = entry;
}

enum names { NAMES_NUMBERS, NAMES_TEXTS, NAMES_CLASSES, NAMES_TARGETS };

/** A JSON list of names. */
static void note_names(struct graph *g, const char *key, enum names which)
{
    const struct preprocess *p = g->p;
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
        note(g, key, list.data);
    }
    memory_free(list.data);
}

static heddle_status add_metadata(struct graph *g, heddle_error *err)
{
    static const char *const missing[] = {"error: NaN in x gives NaN",
                                          "mean: NaN in x becomes the column's mean",
                                          "drop: NaN in x gives NaN; leave such rows out"};
    char sha256[65];
    heddle_status status = heddle_model_sha256(g->model, sha256, err);
    if (status) {
        return status;
    }
    bool classify = g->p->task == TASK_CLASSIFY;
    note_names(g, "columns", NAMES_NUMBERS);
    if (export_texts(g->p)) {
        note_names(g, "text_columns", NAMES_TEXTS);
    }
    note_names(g, classify ? "classes" : "targets", classify ? NAMES_CLASSES : NAMES_TARGETS);
    note(g, "missing", missing[g->p->missing]);
    note(g, "heddle_model_sha256", sha256);
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- the file ------------------- */

/** Pack a complete message and write it. */
static heddle_status write_message(struct graph *g, const Onnx__ModelProto *message,
                                   const char *path, heddle_error *err)
{
    size_t size = onnx__model_proto__get_packed_size(message);
    if (size > INT32_MAX) {
        return status_set(err, HEDDLE_E_UNSUPPORTED,
                          "'%s' would be %zu bytes; an ONNX file has at most %d", path, size,
                          INT32_MAX);
    }
    uint8_t *data = keep(g, size, 1);
    if (!data) {
        return status_memory(err, "an ONNX file", size);
    }
    struct file_piece piece = {data, onnx__model_proto__pack(message, data)};
    return file_write(path, &piece, 1, err);
}

static heddle_status write_graph(struct graph *g, const char *name, const char *path,
                                 heddle_error *err)
{
    Onnx__NodeProto **node = keep(g, g->nodes, sizeof *node);
    Onnx__TensorProto **tensor = keep(g, g->tensors, sizeof *tensor);
    if (g->failed) {
        return status_memory(err, "an ONNX file",
                             shape_parameters(&g->model->shape) * sizeof(float));
    }
    size_t n = 0;
    for (struct node *at = g->first_node; at; at = at->next) {
        node[n++] = &at->message;
    }
    n = 0;
    for (struct tensor *at = g->first_tensor; at; at = at->next) {
        tensor[n++] = &at->message;
    }
    char title[EXPORT_NAME_SIZE];
    memcpy(title, name, sizeof title);
    char maker[] = "heddle", version[] = HEDDLE_VERSION, domain[] = "", domain_ml[] = "ai.onnx.ml";
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    graph.name = title;
    graph.node = node;
    graph.n_node = g->nodes;
    graph.initializer = tensor;
    graph.n_initializer = g->tensors;
    graph.input = g->input;
    graph.n_input = g->inputs;
    graph.output = g->output;
    graph.n_output = g->outputs;
    Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT, set_ml = set;
    set.domain = domain;
    set.has_version = set_ml.has_version = 1;
    set.version = OPSET;
    set_ml.domain = domain_ml;
    set_ml.version = OPSET_ML;
    Onnx__OperatorSetIdProto *sets[] = {&set, &set_ml};
    Onnx__ModelProto message = ONNX__MODEL_PROTO__INIT;
    message.has_ir_version = 1;
    message.ir_version = IR_VERSION;
    message.opset_import = sets;
    message.n_opset_import = export_texts(g->p) ? 2 : 1;
    message.producer_name = maker;
    message.producer_version = version;
    message.graph = &graph;
    message.metadata_props = g->entries;
    message.n_metadata_props = g->metadata;
    return write_message(g, &message, path, err);
}

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
    struct graph g = {
        .model = model,
        .p = model->preprocess,
        .type = model->use_double ? TYPE_DOUBLE : TYPE_FLOAT,
    };
    g.last_node = &g.first_node;
    g.last_tensor = &g.first_tensor;
    char *outputs = add_layers(&g, add_inputs(&g));
    if (g.p->task == TASK_CLASSIFY) {
        add_probabilities(&g, outputs);
    } else {
        add_targets(&g, outputs);
    }
    status = add_metadata(&g, err);
    if (!status) {
        status = write_graph(&g, name, path, err);
    }
    release(&g);
    return status;
}
