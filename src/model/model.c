/** model: making a model, its metadata, and what can be asked of it. See model/model.h. */
#include "model/model.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/cell.h"
#include "model/safetensors.h"
#include "network/weights.h"

/** Where `key` is among the entries, or would be; *found says which. */
static size_t place_of(const heddle_model *model, const char *key, bool *found)
{
    size_t i = 0;
    while (i < model->entries && strcmp(model->entry[i].key, key) < 0) {
        i++;
    }
    *found = i < model->entries && strcmp(model->entry[i].key, key) == 0;
    return i;
}

const char *model_entry(const heddle_model *model, const char *key)
{
    bool found;
    size_t i = place_of(model, key, &found);
    return found ? model->entry[i].value : NULL;
}

heddle_status model_note(heddle_model *model, const char *key, const char *value, heddle_error *err)
{
    if (!cell_is_utf8(key, strlen(key)) || !cell_is_utf8(value, strlen(value))) {
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "a model cannot keep '%s' as its '%s': it is not UTF-8", value, key);
    }
    if (strcmp(key, "digest") == 0) {
        return status_set(err, HEDDLE_E_ARGUMENT, "a model's 'digest' cannot be set");
    }
    bool found;
    size_t i = place_of(model, key, &found);
    char *new_value = memory_string(value);
    if (!new_value) {
        return status_memory(err, "metadata", strlen(value) + 1);
    }
    if (found) {
        memory_free(model->entry[i].value);
        model->entry[i].value = new_value;
        return HEDDLE_OK;
    }
    char *new_key = memory_string(key);
    struct model_entry *grown =
        new_key ? memory_resize(model->entry, model->entries + 1, sizeof *grown) : NULL;
    if (!grown) {
        memory_free(new_key);
        memory_free(new_value);
        return status_memory(err, "metadata", (model->entries + 1) * sizeof *grown);
    }
    model->entry = grown;
    memmove(&grown[i + 1], &grown[i], (model->entries - i) * sizeof *grown);
    grown[i] = (struct model_entry){new_key, new_value};
    model->entries++;
    return HEDDLE_OK;
}

/** Note a text made for it, which is released. */
static heddle_status note_string(heddle_model *model, const char *key, struct string *value,
                                 heddle_error *err)
{
    heddle_status status = value->failed ? status_memory(err, "metadata", value->length)
                                         : model_note(model, key, value->data, err);
    memory_free(value->data);
    return status;
}

static heddle_status note_activations(heddle_model *model, heddle_error *err)
{
    struct string names = {0};
    for (size_t l = 1; l <= model->shape.layers; l++) {
        string_add(&names, l > 1 ? "," : "");
        string_add(&names, activation_name(model->shape.activation[l]));
    }
    return note_string(model, "activations", &names, err);
}

static heddle_status note_classes(heddle_model *model, heddle_error *err)
{
    struct string names = {0};
    string_add(&names, "[");
    for (size_t i = 0; i < model->preprocess->classes; i++) {
        string_add(&names, i > 0 ? "," : "");
        safetensors_quote(&names, model->preprocess->class_name[i]);
    }
    string_add(&names, "]");
    return note_string(model, "classes", &names, err);
}

static heddle_status note_preprocess(heddle_model *model, heddle_error *err)
{
    char *json;
    heddle_status status = preprocess_to_json(model->preprocess, &json, err);
    if (status) {
        return status;
    }
    status = model_note(model, "preprocess", json, err);
    memory_free(json);
    return status;
}

static heddle_status note_all(heddle_model *model, heddle_error *err)
{
    heddle_status status = model_note(model, "format", "heddle", err);
    if (!status) {
        status = model_note(model, "numerics", MODEL_NUMERICS, err);
    }
    if (!status) {
        status = note_activations(model, err);
    }
    if (!status) {
        status = model_note(model, "loss", loss_name(model->loss), err);
    }
    if (!status) {
        status = note_preprocess(model, err);
    }
    if (!status && model->preprocess->task == TASK_CLASSIFY) {
        status = note_classes(model, err);
    }
    return status;
}

/** Do the parts go together? */
static heddle_status check_parts(const heddle_model *model, heddle_error *err)
{
    const struct shape *shape = &model->shape;
    const struct preprocess *preprocess = model->preprocess;
    const char *conflict = loss_conflict(model->loss, shape->activation[shape->layers]);
    if (conflict) {
        return status_set(err, HEDDLE_E_ARGUMENT, "%s", conflict);
    }
    if (preprocess->width != shape->width[0]) {
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "the columns make %zu inputs, the network has %zu", preprocess->width,
                          shape->width[0]);
    }
    bool classify = preprocess->task == TASK_CLASSIFY;
    size_t wanted = classify ? preprocess->classes : preprocess->targets;
    size_t outputs = shape->width[shape->layers];
    if (wanted != outputs && !(classify && wanted == 2 && outputs == 1)) {
        return status_set(err, HEDDLE_E_ARGUMENT, "%zu %s for %zu outputs of the network", wanted,
                          classify ? "classes" : "targets", outputs);
    }
    return HEDDLE_OK;
}

heddle_status model_create(const struct shape *shape, enum loss loss, bool use_double,
                           const double *values, struct preprocess *preprocess,
                           heddle_model **model, heddle_error *err)
{
    size_t count = shape_parameters(shape);
    heddle_model *made = memory_new(1, sizeof *made);
    if (!made) {
        preprocess_free(preprocess);
        return status_memory(err, "a model", sizeof *made);
    }
    made->shape = *shape;
    made->loss = loss;
    made->use_double = use_double;
    made->preprocess = preprocess;
    made->values = memory_new(count, sizeof *made->values);
    heddle_status status =
        made->values ? check_parts(made, err)
                     : status_memory(err, "the weights of a model", count * sizeof *made->values);
    if (!status) {
        status = note_all(made, err);
    }
    if (status) {
        heddle_model_free(made);
        return status;
    }
    if (values) {
        memcpy(made->values, values, count * sizeof *values);
    }
    *model = made;
    return HEDDLE_OK;
}

void heddle_model_free(heddle_model *model)
{
    if (!model) {
        return;
    }
    for (size_t i = 0; i < model->entries; i++) {
        memory_free(model->entry[i].key);
        memory_free(model->entry[i].value);
    }
    memory_free(model->entry);
    memory_free(model->values);
    preprocess_free(model->preprocess);
    memory_free(model);
}

size_t heddle_model_layers(const heddle_model *model)
{
    return model->shape.layers;
}

size_t heddle_model_width(const heddle_model *model, size_t l)
{
    return l <= model->shape.layers ? model->shape.width[l] : 0;
}

void heddle_model_weights(const heddle_model *model, size_t l, double *weight, double *bias)
{
    size_t m = model->shape.width[l - 1];
    size_t n = model->shape.width[l];
    const double *W = model->values + weights_begin(&model->shape, l);
    memcpy(weight, W, m * n * sizeof *W);
    memcpy(bias, W + m * n, n * sizeof *W);
}

size_t heddle_model_classes(const heddle_model *model)
{
    return model->preprocess->task == TASK_CLASSIFY ? model->preprocess->classes : 0;
}

const char *heddle_model_class_name(const heddle_model *model, size_t i)
{
    return i < heddle_model_classes(model) ? model->preprocess->class_name[i] : NULL;
}

size_t heddle_model_targets(const heddle_model *model)
{
    return model->preprocess->task == TASK_CLASSIFY ? 0 : model->preprocess->targets;
}

const char *heddle_model_target_name(const heddle_model *model, size_t i)
{
    return i < heddle_model_targets(model) ? model->preprocess->target[i].name : NULL;
}

const char *heddle_model_input_name(const heddle_model *model, size_t i)
{
    return i < model->preprocess->inputs ? model->preprocess->input[i].name : NULL;
}

bool heddle_model_metadata(const heddle_model *model, size_t i, const char **key,
                           const char **value)
{
    if (i >= model->entries) {
        return false;
    }
    *key = model->entry[i].key;
    *value = model->entry[i].value;
    return true;
}
