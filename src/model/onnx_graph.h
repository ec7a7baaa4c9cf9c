/**
 * onnx_graph: an ONNX graph while it is built, IR 7 and opset 13, on top of protobuf-c. Knows
 * nothing of networks.
 *
 * Begin with {.type = …}, add inputs, nodes, tensors and outputs, write, release. Values are known
 * by their names, strings that the graph owns. After a failed allocation `failed` is set, building
 * goes on with nothing (names are "", nodes NULL, which every function takes), and onnx_write()
 * says so.
 */
#ifndef MODEL_ONNX_GRAPH_H
#define MODEL_ONNX_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle.h"

/** Types of tensors, as in ONNX's TensorProto.DataType. */
enum { ONNX_FLOAT = 1, ONNX_INT64 = 7, ONNX_STRING = 8, ONNX_DOUBLE = 11 };

enum { ONNX_METADATA_MAX = 16, ONNX_VALUES_MAX = 2 };

struct onnx_graph {
    int type;    /* of onnx_constant() */
    bool rounds; /* doubles that hold floats: what is computed is rounded to float */
    bool failed;
    bool uses_ml; /* a node is of ai.onnx.ml */
    size_t bytes; /* asked for so far */
    size_t names; /* made up so far */
    struct onnx_block *blocks;
    struct onnx_node *first_node, *last_node;
    struct onnx_tensor *first_tensor, *last_tensor;
    size_t nodes, tensors;
    struct onnx_value *input[ONNX_VALUES_MAX], *output[ONNX_VALUES_MAX];
    size_t inputs, outputs;
    char *key[ONNX_METADATA_MAX], *value[ONNX_METADATA_MAX];
    size_t metadata;
};

/** Room that lives as long as the graph, zeroed; NULL: no memory. A copy of a string; "": none. */
void *onnx_keep(struct onnx_graph *g, size_t count, size_t size);
char *onnx_text(struct onnx_graph *g, const char *text);

/** A name, as printf says (cut to 95 bytes); or one made up, "v1", "v2", …. */
char *onnx_name(struct onnx_graph *g, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *onnx_new_name(struct onnx_graph *g);

/**
 * Add a node of an operator that gives `output` from the inputs listed, at most 4, up to a (char *)
 * NULL. onnx_apply() makes up the output's name and returns it; b may be NULL.
 */
struct onnx_node *onnx_node(struct onnx_graph *g, const char *op, char *output, ...);
char *onnx_apply(struct onnx_graph *g, const char *op, char *a, char *b);

/** Attributes of a node, at most 3. Values are not copied, strings neither. */
void onnx_set_int(struct onnx_graph *g, struct onnx_node *node, const char *name, int64_t value);
void onnx_set_ints(struct onnx_graph *g, struct onnx_node *node, const char *name, int64_t *value,
                   size_t values);
void onnx_set_strings(struct onnx_graph *g, struct onnx_node *node, const char *name,
                      char *const *value, size_t values);

/** The node's operator is one of ai.onnx.ml. */
void onnx_set_ml(struct onnx_graph *g, struct onnx_node *node);

/** Other common nodes; they return the name of their output. part[parts] is not copied. */
char *onnx_cast(struct onnx_graph *g, char *from, int type);
char *onnx_concat(struct onnx_graph *g, char *output, char **part, size_t parts, int64_t axis);

/**
 * A loop over columns. onnx_body_begin() makes what is added next its body; nothing else may be
 * begun meanwhile, NULL is no memory. onnx_scan() ends the body, in which name[0] is the state so
 * far, name[1 … n) what is looked at now, and `next` the state that follows; all are of the graph's
 * type. The loop begins with the state from[0] and goes through axis 1 of from[1 … n), n ≤ 3.
 * Returns output, the last state.
 */
struct onnx_body *onnx_body_begin(struct onnx_graph *g);
char *onnx_scan(struct onnx_graph *g, struct onnx_body *body, char *output, size_t n,
                char *const *name, char *next, char *const *from);

/**
 * Tensors that are given: of rank 0, 1 or 2, data (bytes of it) not copied; n numbers as float or
 * double; one number of the graph's type; n int64s (rank 0: one). They return the name.
 */
char *onnx_tensor(struct onnx_graph *g, char *name, int type, size_t rank, const size_t *dims,
                  const void *data, size_t bytes);
char *onnx_numbers(struct onnx_graph *g, char *name, int type, const double *value, size_t n);
char *onnx_constant(struct onnx_graph *g, double value);
char *onnx_int64s(struct onnx_graph *g, size_t rank, const int64_t *value, size_t n);

/** An input of the graph (else an output): (N, columns), or (N) for 0 columns. */
void onnx_describe(struct onnx_graph *g, bool input, char *name, int type, size_t columns,
                   const char *text);

/** An entry of the metadata; both are copied. */
void onnx_note(struct onnx_graph *g, const char *key, const char *value);

/**
 * Write the graph, called `name`, as the file `path` (base/file.h). HEDDLE_E_UNSUPPORTED if it
 * takes more than 2 GiB; HEDDLE_E_MEMORY, also for all that failed before.
 */
heddle_status onnx_write(struct onnx_graph *g, const char *name, const char *path,
                         heddle_error *err);
void onnx_release(struct onnx_graph *g);

#endif
