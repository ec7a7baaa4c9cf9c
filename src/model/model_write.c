/** model_write: from a model to the bytes of its file (model/model.h says what is in it). */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "model/digest.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "network/weights.h"

enum { NAME_SIZE = 32, TENSORS_MAX = 2 * SHAPE_MAX_LAYERS + MODEL_MORE_TENSORS };

/* A model laid out as a file. */
struct image {
    struct safetensors_output output;
    float *floats; /* the values in float, or NULL */
};

static void image_done(struct image *image)
{
    safetensors_output_done(&image->output);
    memory_free(image->floats);
}

/** Metadata of the file: the model's, sorted, with the digest still to be found. */
static struct safetensors_entry *make_entries(const heddle_model *model, size_t *entries)
{
    struct safetensors_entry *entry = memory_new(model->entries + 1, sizeof *entry);
    if (!entry) {
        return NULL;
    }
    const struct safetensors_entry digest = {"digest", DIGEST_ZEROS};
    size_t n = 0;
    bool placed = false;
    for (size_t i = 0; i < model->entries; i++) {
        const char *key = model->entry[i].key;
        if (!placed && strcmp(key, digest.key) > 0) {
            entry[n++] = digest;
            placed = true;
        }
        /* A foreign model becomes one of ours. */
        const char *value = strcmp(key, "format") == 0 ? "heddle" : model->entry[i].value;
        entry[n++] = (struct safetensors_entry){key, value};
    }
    if (!placed) {
        entry[n++] = digest;
    }
    *entries = n;
    return entry;
}

/** The values in the file's precision, in plain order; NULL: no memory. */
static const char *make_data(const heddle_model *model, size_t count, struct image *image)
{
    if (model->use_double) {
        return (const char *)model->values;
    }
    image->floats = memory_new(count, sizeof *image->floats);
    for (size_t i = 0; image->floats && i < count; i++) {
        image->floats[i] = (float)model->values[i];
    }
    return (const char *)image->floats;
}

/** The plain order of values is that of the file: W[1], b[1], W[2], …. */
static size_t make_tensors(const heddle_model *model, const char *data, char (*name)[NAME_SIZE],
                           struct safetensors_tensor *tensor)
{
    const char *dtype = model->use_double ? "F64" : "F32";
    size_t unit = model->use_double ? sizeof(double) : sizeof(float);
    size_t t = 0;
    for (size_t l = 1; l <= model->shape.layers; l++) {
        size_t m = model->shape.width[l - 1];
        size_t n = model->shape.width[l];
        snprintf(name[t], NAME_SIZE, "layers.%zu.weight", l - 1);
        tensor[t] = (struct safetensors_tensor){name[t], dtype, 2, {n, m}, data, m * n * unit};
        data += tensor[t++].size;
        snprintf(name[t], NAME_SIZE, "layers.%zu.bias", l - 1);
        tensor[t] = (struct safetensors_tensor){name[t], dtype, 1, {n}, data, n * unit};
        data += tensor[t++].size;
    }
    return t;
}

static bool all_finite(const heddle_model *model, size_t count)
{
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        double value = model->use_double ? model->values[i] : (double)(float)model->values[i];
        finite = finite && __builtin_isfinite(value);
    }
    return finite;
}

static heddle_status image_make(const heddle_model *model, const struct safetensors_tensor *more,
                                size_t mores, struct image *image, heddle_error *err)
{
    size_t count = shape_parameters(&model->shape);
    if (!all_finite(model, count)) {
        return status_set(err, HEDDLE_E_INTERNAL,
                          "the model holds weights that are not finite; it is not written");
    }
    *image = (struct image){0};
    size_t entries;
    struct safetensors_entry *entry = make_entries(model, &entries);
    const char *data = entry ? make_data(model, count, image) : NULL;
    if (!data) {
        memory_free(entry);
        return status_memory(err, "a model file", count * sizeof *image->floats);
    }
    char name[TENSORS_MAX][NAME_SIZE];
    struct safetensors_tensor tensor[TENSORS_MAX];
    size_t tensors = make_tensors(model, data, name, tensor);
    for (size_t i = 0; i < mores; i++) {
        tensor[tensors++] = more[i];
    }
    heddle_status status = safetensors_encode(entry, entries, tensor, tensors, &image->output, err);
    memory_free(entry);
    if (status) {
        image_done(image);
        return status;
    }
    char digest[DIGEST_SIZE + 1];
    digest_pieces(image->output.piece, image->output.pieces, digest);
    const char *place = digest_find(image->output.header, image->output.header_size);
    memcpy(image->output.header + (place - image->output.header), digest, DIGEST_SIZE);
    return HEDDLE_OK;
}

/** What is not in the model's numbers cannot be in its file. */
static heddle_status check_functions(const heddle_model *model, heddle_error *err)
{
    return model->shape.custom.activation
               ? status_set(err, HEDDLE_E_UNSUPPORTED,
                            "the model's activation is custom: a file cannot hold the function")
               : HEDDLE_OK;
}

heddle_status heddle_model_write(const heddle_model *model, const char *path, heddle_error *err)
{
    struct image image;
    heddle_status status = check_functions(model, err);
    if (!status) {
        status = image_make(model, NULL, 0, &image, err);
    }
    if (status) {
        return status;
    }
    status = file_write(path, image.output.piece, image.output.pieces, err);
    image_done(&image);
    return status;
}

heddle_status model_write_more(const heddle_model *model, const struct safetensors_tensor *tensor,
                               size_t tensors, const char *path, heddle_error *err)
{
    struct image image;
    heddle_status status = image_make(model, tensor, tensors, &image, err);
    if (status) {
        return status;
    }
    status = file_write_keeping(path, image.output.piece, image.output.pieces, err);
    image_done(&image);
    return status;
}

heddle_status heddle_model_sha256(const heddle_model *model, char hex[65], heddle_error *err)
{
    struct image image;
    heddle_status status = image_make(model, NULL, 0, &image, err);
    if (status) {
        return status;
    }
    digest_pieces(image.output.piece, image.output.pieces, hex);
    image_done(&image);
    return HEDDLE_OK;
}
