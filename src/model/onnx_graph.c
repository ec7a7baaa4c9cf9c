/** onnx_graph: see model/onnx_graph.h. Messages are laid out as protobuf-c has them. */
#include "model/onnx_graph.h"

#include <onnx.pb-c.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"

enum {
    IR_VERSION = 7,
    OPSET = 13,
    OPSET_ML = 2,
    INPUTS_MAX = 4,
    ATTRIBUTES_MAX = 3,
    NAME_SIZE = 96
};

struct onnx_block {
    struct onnx_block *next;
    _Alignas(16) char data[];
};

struct onnx_node {
    Onnx__NodeProto message;
    char *input[INPUTS_MAX];
    char *output[1];
    Onnx__AttributeProto attribute[ATTRIBUTES_MAX];
    Onnx__AttributeProto *attributes[ATTRIBUTES_MAX];
    struct onnx_node *next;
};

struct onnx_tensor {
    Onnx__TensorProto message;
    int64_t dims[2];
    struct onnx_tensor *next;
};

struct onnx_value {
    Onnx__ValueInfoProto message;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dimension[2];
    Onnx__TensorShapeProto__Dimension *dimensions[2];
};

/* ---------------------------------------------------------------- memory --------------------- */

void *onnx_keep(struct onnx_graph *g, size_t count, size_t size)
{
    size_t bytes;
    bool fits =
        size_multiply(count, size, &bytes) && size_add(bytes, sizeof(struct onnx_block), &bytes);
    g->bytes += fits ? bytes : 0;
    struct onnx_block *block = fits && !g->failed ? memory_new(1, bytes) : NULL;
    if (!block) {
        g->failed = true;
        return NULL;
    }
    block->next = g->blocks;
    g->blocks = block;
    return block->data;
}

char *onnx_text(struct onnx_graph *g, const char *text)
{
    static char nothing[1];
    size_t n = strlen(text) + 1;
    char *kept = onnx_keep(g, n, 1);
    return kept ? memcpy(kept, text, n) : nothing;
}

void onnx_release(struct onnx_graph *g)
{
    while (g->blocks) {
        struct onnx_block *block = g->blocks;
        g->blocks = block->next;
        memory_free(block);
    }
}

/* ---------------------------------------------------------------- parts ---------------------- */

char *onnx_name(struct onnx_graph *g, const char *format, ...)
{
    char text[NAME_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return onnx_text(g, text);
}

char *onnx_new_name(struct onnx_graph *g)
{
    return onnx_name(g, "v%zu", ++g->names);
}

struct onnx_node *onnx_node(struct onnx_graph *g, const char *op, char *output, ...)
{
    struct onnx_node *node = onnx_keep(g, 1, sizeof *node);
    if (!node) {
        return NULL;
    }
    onnx__node_proto__init(&node->message);
    node->message.op_type = onnx_text(g, op);
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
    if (g->last_node) {
        g->last_node->next = node;
    } else {
        g->first_node = node;
    }
    g->last_node = node;
    g->nodes++;
    return node;
}

char *onnx_apply(struct onnx_graph *g, const char *op, char *a, char *b)
{
    char *output = onnx_new_name(g);
    onnx_node(g, op, output, a, b, (char *)NULL);
    return output;
}

static Onnx__AttributeProto *add_attribute(struct onnx_graph *g, struct onnx_node *node,
                                           const char *name,
                                           Onnx__AttributeProto__AttributeType type)
{
    if (!node) {
        return NULL;
    }
    size_t i = node->message.n_attribute++;
    Onnx__AttributeProto *attribute = &node->attribute[i];
    node->attributes[i] = attribute;
    onnx__attribute_proto__init(attribute);
    attribute->name = onnx_text(g, name);
    attribute->has_type = 1;
    attribute->type = type;
    return attribute;
}

void onnx_set_int(struct onnx_graph *g, struct onnx_node *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (attribute) {
        attribute->has_i = 1;
        attribute->i = value;
    }
}

void onnx_set_ints(struct onnx_graph *g, struct onnx_node *node, const char *name, int64_t *value,
                   size_t values)
{
    Onnx__AttributeProto *attribute =
        add_attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (attribute) {
        attribute->n_ints = values;
        attribute->ints = value;
    }
}

void onnx_set_strings(struct onnx_graph *g, struct onnx_node *node, const char *name,
                      char *const *value, size_t values)
{
    ProtobufCBinaryData *bytes = onnx_keep(g, values, sizeof *bytes);
    Onnx__AttributeProto *attribute =
        add_attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
    if (!attribute || !bytes) {
        return;
    }
    for (size_t i = 0; i < values; i++) {
        bytes[i] = (ProtobufCBinaryData){strlen(value[i]), (uint8_t *)value[i]};
    }
    attribute->n_strings = values;
    attribute->strings = bytes;
}

void onnx_set_ml(struct onnx_graph *g, struct onnx_node *node)
{
    g->uses_ml = true;
    if (node) {
        node->message.domain = onnx_text(g, "ai.onnx.ml");
    }
}

char *onnx_concat(struct onnx_graph *g, char *output, char **part, size_t parts, int64_t axis)
{
    struct onnx_node *node = onnx_node(g, "Concat", output, (char *)NULL);
    if (node) {
        node->message.input = part;
        node->message.n_input = parts;
    }
    onnx_set_int(g, node, "axis", axis);
    return output;
}

char *onnx_tensor(struct onnx_graph *g, char *name, int type, size_t rank, const size_t *dims,
                  const void *data, size_t bytes)
{
    struct onnx_tensor *tensor = onnx_keep(g, 1, sizeof *tensor);
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
    if (g->last_tensor) {
        g->last_tensor->next = tensor;
    } else {
        g->first_tensor = tensor;
    }
    g->last_tensor = tensor;
    g->tensors++;
    return name;
}

static char *add_numbers(struct onnx_graph *g, char *name, int type, size_t rank,
                         const double *value, size_t n)
{
    size_t unit = type == ONNX_DOUBLE ? sizeof(double) : sizeof(float);
    void *data = onnx_keep(g, n, unit);
    for (size_t i = 0; data && i < n; i++) {
        if (type == ONNX_DOUBLE) {
            ((double *)data)[i] = value[i];
        } else {
            ((float *)data)[i] = (float)value[i];
        }
    }
    return onnx_tensor(g, name, type, rank, &n, data, n * unit);
}

char *onnx_numbers(struct onnx_graph *g, char *name, int type, const double *value, size_t n)
{
    return add_numbers(g, name, type, 1, value, n);
}

char *onnx_constant(struct onnx_graph *g, double value)
{
    return add_numbers(g, onnx_new_name(g), g->type, 0, &value, 1);
}

char *onnx_int64s(struct onnx_graph *g, size_t rank, const int64_t *value, size_t n)
{
    int64_t *data = onnx_keep(g, n, sizeof *data);
    if (data) {
        memcpy(data, value, n * sizeof *data);
    }
    return onnx_tensor(g, onnx_new_name(g), ONNX_INT64, rank, &n, data, n * sizeof *data);
}

char *onnx_cast(struct onnx_graph *g, char *from, int type)
{
    char *output = onnx_new_name(g);
    onnx_set_int(g, onnx_node(g, "Cast", output, from, (char *)NULL), "to", type);
    return output;
}

void onnx_describe(struct onnx_graph *g, bool input, char *name, int type, size_t columns,
                   const char *text)
{
    struct onnx_value *value = onnx_keep(g, 1, sizeof *value);
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
    value->dimension[0].dim_param = onnx_text(g, "N");
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
    value->message.doc_string = onnx_text(g, text);
    if (input) {
        g->input[g->inputs++] = value;
    } else {
        g->output[g->outputs++] = value;
    }
}

/** The nodes added last, as the list of a graph. */
static void list_nodes(struct onnx_graph *g, Onnx__GraphProto *graph)
{
    graph->node = onnx_keep(g, g->nodes, sizeof *graph->node);
    for (struct onnx_node *at = g->first_node; graph->node && at; at = at->next) {
        graph->node[graph->n_node++] = &at->message;
    }
}

/* ---------------------------------------------------------------- loops ---------------------- */

struct onnx_body {
    struct onnx_node *first_node, *last_node; /* of the graph around it */
    size_t nodes;
    Onnx__GraphProto graph;
    Onnx__ValueInfoProto value[4], *values[4]; /* the state, what is looked at, the next state */
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
};

struct onnx_body *onnx_body_begin(struct onnx_graph *g)
{
    struct onnx_body *body = onnx_keep(g, 1, sizeof *body);
    if (body) {
        body->first_node = g->first_node;
        body->last_node = g->last_node;
        body->nodes = g->nodes;
        g->first_node = g->last_node = NULL;
        g->nodes = 0;
    }
    return body;
}

static void describe_body(struct onnx_graph *g, struct onnx_body *body, size_t n, char *const *name,
                          char *next)
{
    onnx__graph_proto__init(&body->graph);
    onnx__type_proto__init(&body->type);
    onnx__type_proto__tensor__init(&body->tensor);
    body->tensor.has_elem_type = 1;
    body->tensor.elem_type = g->type;
    body->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    body->type.tensor_type = &body->tensor;
    for (size_t i = 0; i <= n; i++) {
        onnx__value_info_proto__init(&body->value[i]);
        body->value[i].name = i < n ? name[i] : next;
        body->value[i].type = &body->type;
        body->values[i] = &body->value[i];
    }
    body->graph.name = onnx_text(g, "body");
    body->graph.input = body->values;
    body->graph.n_input = n;
    body->graph.output = body->values + n;
    body->graph.n_output = 1;
}

char *onnx_scan(struct onnx_graph *g, struct onnx_body *body, char *output, size_t n,
                char *const *name, char *next, char *const *from)
{
    if (!body) {
        return output;
    }
    describe_body(g, body, n, name, next);
    list_nodes(g, &body->graph);
    g->first_node = body->first_node;
    g->last_node = body->last_node;
    g->nodes = body->nodes;
    struct onnx_node *node = onnx_node(g, "Scan", output, (char *)NULL);
    for (size_t i = 0; node && i < n; i++) {
        node->input[node->message.n_input++] = from[i];
    }
    Onnx__AttributeProto *attribute =
        add_attribute(g, node, "body", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH);
    if (attribute) {
        attribute->g = &body->graph;
    }
    onnx_set_int(g, node, "num_scan_inputs", (int64_t)n - 1);
    int64_t *axes = onnx_keep(g, n, sizeof *axes);
    for (size_t i = 0; axes && i < n; i++) {
        axes[i] = 1;
    }
    onnx_set_ints(g, node, "scan_input_axes", axes, axes ? n - 1 : 0);
    return output;
}

/* ---------------------------------------------------------------- the file ------------------- */

void onnx_note(struct onnx_graph *g, const char *key, const char *value)
{
    g->key[g->metadata] = onnx_text(g, key);
    g->value[g->metadata++] = onnx_text(g, value);
}

/** Pack a complete message and write it. */
static heddle_status write_message(struct onnx_graph *g, const Onnx__ModelProto *message,
                                   const char *path, heddle_error *err)
{
    size_t size = onnx__model_proto__get_packed_size(message);
    if (size > INT32_MAX) {
        return status_set(err, HEDDLE_E_UNSUPPORTED,
                          "'%s' would be %zu bytes; an ONNX file has at most %d", path, size,
                          INT32_MAX);
    }
    uint8_t *data = onnx_keep(g, size, 1);
    if (!data) {
        return status_memory(err, "an ONNX file", size);
    }
    struct file_piece piece = {data, onnx__model_proto__pack(message, data)};
    return file_write(path, &piece, 1, err);
}

static void list_tensors(struct onnx_graph *g, Onnx__GraphProto *graph)
{
    graph->initializer = onnx_keep(g, g->tensors, sizeof *graph->initializer);
    for (struct onnx_tensor *at = g->first_tensor; graph->initializer && at; at = at->next) {
        graph->initializer[graph->n_initializer++] = &at->message;
    }
}

heddle_status onnx_write(struct onnx_graph *g, const char *name, const char *path,
                         heddle_error *err)
{
    char maker[] = "heddle", version[] = HEDDLE_VERSION, domain[] = "", domain_ml[] = "ai.onnx.ml";
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    graph.name = onnx_text(g, name);
    list_nodes(g, &graph);
    list_tensors(g, &graph);
    if (g->failed) {
        return status_memory(err, "an ONNX file", g->bytes);
    }
    Onnx__ValueInfoProto *input[ONNX_VALUES_MAX], *output[ONNX_VALUES_MAX];
    for (size_t i = 0; i < g->inputs; i++) {
        input[i] = &g->input[i]->message;
    }
    for (size_t i = 0; i < g->outputs; i++) {
        output[i] = &g->output[i]->message;
    }
    graph.input = input;
    graph.n_input = g->inputs;
    graph.output = output;
    graph.n_output = g->outputs;
    Onnx__StringStringEntryProto entry[ONNX_METADATA_MAX], *entries[ONNX_METADATA_MAX];
    for (size_t i = 0; i < g->metadata; i++) {
        onnx__string_string_entry_proto__init(&entry[i]);
        entry[i].key = g->key[i];
        entry[i].value = g->value[i];
        entries[i] = &entry[i];
    }
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
    message.n_opset_import = g->uses_ml ? 2 : 1;
    message.producer_name = maker;
    message.producer_version = version;
    message.graph = &graph;
    message.metadata_props = entries;
    message.n_metadata_props = g->metadata;
    return write_message(g, &message, path, err);
}
