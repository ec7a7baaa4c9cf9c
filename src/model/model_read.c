/**
 * model_read: from the bytes of a file to a model.
 *
 * A file is Heddle's if its metadata says so, or holds a key only Heddle writes: then everything
 * must be there and the digest must hold. (Two signs, so that one changed byte cannot turn a
 * damaged file of ours into a foreign one.) Any other is taken for its layers alone. Networks of
 * FANN's are recognised by their first bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "model/digest.h"
#include "model/fann_net.h"
#include "model/model.h"
#include "model/safetensors.h"

/* A layer's tensors. PyTorch numbers the modules between layers too, hence `number`. */
struct layer {
    uint64_t number; /* N of layers.N.weight */
    const struct safetensors_tensor *weight, *bias;
};

struct layers {
    struct layer layer[SHAPE_MAX_LAYERS];
    size_t count;
    const char *dtype; /* of all their tensors */
};

static int compare_numbers(const void *a, const void *b)
{
    const struct layer *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/** Take "layers.N.weight" or "layers.N.bias" apart; false if the name is neither. */
static bool read_name(const char *name, uint64_t *number, bool *weight)
{
    const char *digits = name + strlen("layers.");
    const char *dot = strchr(digits, '.');
    if (!dot || (*digits == '0' && dot > digits + 1) ||
        !text_to_u64(digits, (size_t)(dot - digits), number)) {
        return false;
    }
    *weight = strcmp(dot, ".weight") == 0;
    return *weight || strcmp(dot, ".bias") == 0;
}

/** The layer of that number, added if there is room; NULL if there is none. */
static struct layer *find_layer(struct layers *layers, uint64_t number)
{
    for (size_t i = 0; i < layers->count; i++) {
        if (layers->layer[i].number == number) {
            return &layers->layer[i];
        }
    }
    if (layers->count == SHAPE_MAX_LAYERS) {
        return NULL;
    }
    layers->layer[layers->count] = (struct layer){.number = number};
    return &layers->layer[layers->count++];
}

static heddle_status add_tensor(const struct safetensors_tensor *tensor, const char *path,
                                struct layers *layers, heddle_error *err)
{
    uint64_t number;
    bool weight;
    if (!read_name(tensor->name, &number, &weight)) {
        return safetensors_refuse(
            err, path, "tensor '%s' is neither weight nor bias of a dense layer", tensor->name);
    }
    if (strcmp(tensor->dtype, "F32") != 0 && strcmp(tensor->dtype, "F64") != 0) {
        return safetensors_refuse(err, path, "tensor '%s' is of type %s; F32 and F64 can be read",
                                  tensor->name, tensor->dtype);
    }
    if (layers->dtype && strcmp(tensor->dtype, layers->dtype) != 0) {
        return safetensors_refuse(err, path, "tensor '%s' is %s, others are %s", tensor->name,
                                  tensor->dtype, layers->dtype);
    }
    if (tensor->rank != (weight ? 2 : 1)) {
        return safetensors_refuse(err, path, "tensor '%s' has %zu dimensions, not %d", tensor->name,
                                  tensor->rank, weight ? 2 : 1);
    }
    struct layer *layer = find_layer(layers, number);
    if (!layer) {
        return safetensors_refuse(err, path, "it has more than %d layers", SHAPE_MAX_LAYERS);
    }
    *(weight ? &layer->weight : &layer->bias) = tensor;
    layers->dtype = tensor->dtype;
    return HEDDLE_OK;
}

/** Find the layers, in order; tensors not called layers.… are none of our business. */
static heddle_status find_layers(const struct safetensors *file, const char *path,
                                 struct layers *layers, heddle_error *err)
{
    *layers = (struct layers){.count = 0};
    for (size_t i = 0; i < file->tensors; i++) {
        if (strncmp(file->tensor[i].name, "layers.", strlen("layers.")) == 0) {
            heddle_status status = add_tensor(&file->tensor[i], path, layers, err);
            if (status) {
                return status;
            }
        }
    }
    if (layers->count == 0) {
        return safetensors_refuse(err, path, "it has no tensors layers.N.weight and layers.N.bias");
    }
    qsort(layers->layer, layers->count, sizeof *layers->layer, compare_numbers);
    for (size_t i = 0; i < layers->count; i++) {
        const struct layer *layer = &layers->layer[i];
        if (!layer->weight || !layer->bias) {
            return safetensors_refuse(err, path, "tensor 'layers.%llu.%s' is missing",
                                      (unsigned long long)layer->number,
                                      layer->weight ? "bias" : "weight");
        }
    }
    return HEDDLE_OK;
}

/** Layers and widths of a shape, from tensors that must fit each other. */
static heddle_status read_widths(const struct layers *layers, const char *path, struct shape *shape,
                                 heddle_error *err)
{
    *shape = (struct shape){.layers = layers->count};
    shape->width[0] = layers->layer[0].weight->shape[1];
    for (size_t l = 1; l <= shape->layers; l++) {
        const struct safetensors_tensor *weight = layers->layer[l - 1].weight;
        const struct safetensors_tensor *bias = layers->layer[l - 1].bias;
        if (weight->shape[1] != shape->width[l - 1]) {
            return safetensors_refuse(err, path,
                                      "tensor '%s' takes %zu inputs, the layer before has %zu "
                                      "outputs",
                                      weight->name, weight->shape[1], shape->width[l - 1]);
        }
        shape->width[l] = weight->shape[0];
        if (bias->shape[0] != shape->width[l]) {
            return safetensors_refuse(err, path, "tensor '%s' has %zu values for %zu outputs",
                                      bias->name, bias->shape[0], shape->width[l]);
        }
    }
    return HEDDLE_OK;
}

/** Functions of the layers from "relu,softmax"; false if it is no such list of the right length. */
static bool read_activations(const char *list, struct shape *shape)
{
    for (size_t l = 1; l <= shape->layers; l++) {
        char name[16];
        size_t n = strcspn(list, ",");
        if (n >= sizeof name) {
            return false;
        }
        memcpy(name, list, n);
        name[n] = 0;
        bool end = list[n] == 0;
        if (!activation_find(name, &shape->activation[l]) || end != (l == shape->layers)) {
            return false;
        }
        list += n + 1;
    }
    return true;
}

/** Copy a tensor's values to *values and move on; they must be finite. */
static heddle_status read_values(const struct safetensors_tensor *tensor, const char *path,
                                 bool use_double, double **values, heddle_error *err)
{
    size_t unit = use_double ? sizeof(double) : sizeof(float);
    const char *data = tensor->data;
    bool finite = true;
    for (size_t at = 0; at < tensor->size; at += unit) {
        float single;
        double value;
        if (use_double) {
            memcpy(&value, data + at, sizeof value);
        } else {
            memcpy(&single, data + at, sizeof single);
            value = (double)single;
        }
        finite = finite && __builtin_isfinite(value);
        *(*values)++ = value;
    }
    return finite ? HEDDLE_OK
                  : safetensors_refuse(err, path, "tensor '%s' holds a value that is not finite",
                                       tensor->name);
}

/** model_create() with the weights of the layers. */
static heddle_status make_model(const struct layers *layers, const char *path,
                                const struct shape *shape, enum loss loss,
                                struct preprocess *preprocess, heddle_model **model,
                                heddle_error *err)
{
    bool use_double = strcmp(layers->dtype, "F64") == 0;
    heddle_model *made;
    heddle_error reason;
    heddle_status status = model_create(shape, loss, use_double, NULL, preprocess, &made, &reason);
    if (status) {
        return status == HEDDLE_E_MEMORY ? status_set(err, status, "%s", reason.text)
                                         : safetensors_refuse(err, path, "%s", reason.text);
    }
    double *values = made->values;
    for (size_t i = 0; i < layers->count && !status; i++) {
        status = read_values(layers->layer[i].weight, path, use_double, &values, err);
        if (!status) {
            status = read_values(layers->layer[i].bias, path, use_double, &values, err);
        }
    }
    if (status) {
        heddle_model_free(made);
        return status;
    }
    *model = made;
    return HEDDLE_OK;
}

/** Finish the shape; what is wrong with it is the file's fault. */
static heddle_status finish(struct shape *shape, const char *path, heddle_error *err)
{
    heddle_error reason;
    return shape_finish(shape, &reason) ? safetensors_refuse(err, path, "%s", reason.text)
                                        : HEDDLE_OK;
}

/* ---------------------------------------------------------------- files of others ------------ */

static heddle_status read_foreign(const struct layers *layers, const char *path,
                                  struct shape *shape, heddle_model **model, heddle_error *err)
{
    for (size_t l = 1; l <= shape->layers; l++) {
        shape->activation[l] = l < shape->layers ? ACTIVATION_RELU : ACTIVATION_LINEAR;
    }
    heddle_status status = finish(shape, path, err);
    if (status) {
        return status;
    }
    struct preprocess *preprocess;
    status =
        preprocess_plain(shape->width[0], shape->width[shape->layers], false, &preprocess, err);
    if (status) {
        return status;
    }
    heddle_model *made;
    status = make_model(layers, path, shape, LOSS_MSE, preprocess, &made, err);
    if (status) {
        return status;
    }
    status = model_note(made, "format", "foreign", err);
    if (status) {
        heddle_model_free(made);
        return status;
    }
    *model = made;
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- files of Heddle ------------ */

static bool is_ours(const struct safetensors *file)
{
    const char *format = safetensors_value(file, "format");
    return (format && strcmp(format, "heddle") == 0) || safetensors_value(file, "digest");
}

/** Is the file whole, and made by this arithmetic? */
static heddle_status check_ours(const struct file_bytes *bytes, const struct safetensors *file,
                                const char *path, heddle_error *err)
{
    const char *place = digest_find(file->header, file->header_size);
    if (!place || !digest_holds(bytes->data, bytes->size, place)) {
        return status_set(err, HEDDLE_E_DATA, "'%s' is damaged: its digest does not match", path);
    }
    static const char *const needed[] = {"format", "numerics", "activations", "loss", "preprocess"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!safetensors_value(file, needed[i])) {
            return safetensors_refuse(err, path, "its metadata has no '%s'", needed[i]);
        }
    }
    const char *numerics = safetensors_value(file, "numerics");
    if (strcmp(numerics, MODEL_NUMERICS) != 0) {
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' was made with arithmetic number '%s', this Heddle (%s) computes "
                          "with number " MODEL_NUMERICS " and would not give the same bits; use "
                          "the version that made it, or train again",
                          path, numerics, HEDDLE_VERSION);
    }
    return HEDDLE_OK;
}

static heddle_status note_entries(heddle_model *model, const struct safetensors *file,
                                  heddle_error *err)
{
    for (size_t i = 0; i < file->entries; i++) {
        if (strcmp(file->entry[i].key, "digest") != 0) {
            heddle_status status = model_note(model, file->entry[i].key, file->entry[i].value, err);
            if (status) {
                return status;
            }
        }
    }
    return HEDDLE_OK;
}

static heddle_status read_ours(const struct safetensors *file, const struct layers *layers,
                               const char *path, struct shape *shape, heddle_model **model,
                               heddle_error *err)
{
    const char *activations = safetensors_value(file, "activations");
    const char *loss = safetensors_value(file, "loss");
    enum loss found;
    if (!read_activations(activations, shape)) {
        return safetensors_refuse(err, path,
                                  "its activations '%s' are not one of %s for each of %zu layers",
                                  activations, activation_names(), shape->layers);
    }
    if (!loss_find(loss, &found)) {
        return safetensors_refuse(err, path, "its loss '%s' is none of %s", loss, loss_names());
    }
    heddle_status status = finish(shape, path, err);
    if (status) {
        return status;
    }
    struct preprocess *preprocess;
    heddle_error reason;
    status = preprocess_from_json(safetensors_value(file, "preprocess"), &preprocess, &reason);
    if (status) {
        return status == HEDDLE_E_MEMORY ? status_set(err, status, "%s", reason.text)
                                         : safetensors_refuse(err, path, "%s", reason.text);
    }
    heddle_model *made;
    status = make_model(layers, path, shape, found, preprocess, &made, err);
    if (status) {
        return status;
    }
    status = note_entries(made, file, err);
    if (status) {
        heddle_model_free(made);
        return status;
    }
    *model = made;
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- both ----------------------- */

static heddle_status read_bytes(const struct file_bytes *bytes, const char *path,
                                heddle_model **model, heddle_error *err)
{
    struct safetensors file;
    struct layers layers;
    struct shape shape;
    heddle_status status = safetensors_parse(bytes->data, bytes->size, path, &file, err);
    if (status) {
        return status;
    }
    bool ours = is_ours(&file);
    if (ours) {
        status = check_ours(bytes, &file, path, err);
    }
    if (!status) {
        status = find_layers(&file, path, &layers, err);
    }
    if (!status) {
        status = read_widths(&layers, path, &shape, err);
    }
    if (!status) {
        status = ours ? read_ours(&file, &layers, path, &shape, model, err)
                      : read_foreign(&layers, path, &shape, model, err);
    }
    safetensors_done(&file);
    return status;
}

/* A text says nothing of its size: so much is read of any network of FANN's, and of a packed one so
 * many times its size. */
#define NET_FREE ((size_t)16 << 20)
#define NET_PACKED 64

heddle_status model_look(void *path, const struct file_bytes *head, struct file_claim *claim,
                         heddle_error *err)
{
    if (fann_net_is(head->data, head->size)) {
        /* text, of which weights make a tenth when it is packed, and hardly less */
        const size_t most = NET_FREE + NET_PACKED * head->stored;
        if (head->size >= most) {
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' has more than %zu bytes of a network of FANN's, more than is "
                              "believed of %s to a file if it is right",
                              (const char *)path, most,
                              *head->packing ? "a packed file of its size; unpack it"
                                             : "a pipe; save it");
        }
        claim->again = most;
        return HEDDLE_OK;
    }
    if (safetensors_begins(head->data, head->size)) {
        return safetensors_claim(path, head, claim, err);
    }
    struct safetensors none;
    return safetensors_parse(head->data, head->size, path, &none, err); /* which says what it is */
}

heddle_status model_parse(const struct file_bytes *bytes, const char *path, heddle_model **model,
                          heddle_error *err)
{
    return fann_net_is(bytes->data, bytes->size)
               ? fann_net_parse(bytes->data, bytes->size, path, model, err)
               : read_bytes(bytes, path, model, err);
}

heddle_status heddle_model_read(const char *path, heddle_model **model, heddle_error *err)
{
    struct file_bytes bytes;
    heddle_status status = file_read(path, 0, model_look, (void *)(uintptr_t)path, &bytes, err);
    if (status) {
        return status;
    }
    status = model_parse(&bytes, path, model, err);
    file_release(&bytes);
    return status;
}
