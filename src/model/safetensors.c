/**
 * safetensors: see model/safetensors.h.
 *
 * The header is written by hand, since its bytes are part of the promise that equal models are
 * equal files and must not hang on a library's version. It is read by jansson, behind a scan that
 * bounds its depth and its number of values: a parsed value takes some twenty times the memory of
 * its text.
 */
#include "model/safetensors.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are little-endian, and so must be the machine: bytes are not swapped here"
#endif

enum { LENGTH_SIZE = 8, ALIGN = 8 };

/* ---------------------------------------------------------------- writing -------------------- */

void safetensors_quote(struct string *s, const char *text)
{
    string_add_n(s, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\') {
            plain++;
        }
        string_add_n(s, text, plain);
        text += plain;
        if (*text == '"' || *text == '\\') {
            string_print(s, "\\%c", *text++);
        } else if (*text) {
            string_print(s, "\\u%04x", (unsigned)(unsigned char)*text++);
        }
    }
    string_add_n(s, "\"", 1);
}

static void add_metadata(struct string *s, const struct safetensors_entry *entry, size_t entries)
{
    string_add(s, "\"__metadata__\":{");
    for (size_t i = 0; i < entries; i++) {
        string_add(s, i > 0 ? "," : "");
        safetensors_quote(s, entry[i].key);
        string_add(s, ":");
        safetensors_quote(s, entry[i].value);
    }
    string_add(s, "}");
}

static void add_tensor(struct string *s, const struct safetensors_tensor *tensor, size_t begin)
{
    safetensors_quote(s, tensor->name);
    string_add(s, ":{\"dtype\":");
    safetensors_quote(s, tensor->dtype);
    string_add(s, ",\"shape\":[");
    for (size_t d = 0; d < tensor->rank; d++) {
        string_print(s, d > 0 ? ",%zu" : "%zu", tensor->shape[d]);
    }
    string_print(s, "],\"data_offsets\":[%zu,%zu]}", begin, begin + tensor->size);
}

heddle_status safetensors_encode(const struct safetensors_entry *entry, size_t entries,
                                 const struct safetensors_tensor *tensor, size_t tensors,
                                 struct safetensors_output *output, heddle_error *err)
{
    struct string s = {0};
    string_add_n(&s, "\0\0\0\0\0\0\0", LENGTH_SIZE);
    string_add(&s, "{");
    add_metadata(&s, entry, entries);
    size_t begin = 0;
    for (size_t i = 0; i < tensors; i++) {
        string_add(&s, ",");
        add_tensor(&s, &tensor[i], begin);
        begin += tensor[i].size;
    }
    string_add(&s, "}");
    string_add_n(&s, "       ", (ALIGN - s.length % ALIGN) % ALIGN);
    struct file_piece *piece = s.failed ? NULL : memory_new(tensors + 1, sizeof *piece);
    if (!piece) {
        memory_free(s.data);
        return status_memory(err, "the header of a model file", s.length);
    }
    uint64_t length = s.length - LENGTH_SIZE;
    memcpy(s.data, &length, LENGTH_SIZE);
    piece[0] = (struct file_piece){s.data, s.length};
    for (size_t i = 0; i < tensors; i++) {
        piece[i + 1] = (struct file_piece){tensor[i].data, tensor[i].size};
    }
    *output = (struct safetensors_output){s.data, s.length, piece, tensors + 1};
    return HEDDLE_OK;
}

void safetensors_output_done(struct safetensors_output *output)
{
    memory_free(output->header);
    memory_free(output->piece);
    *output = (struct safetensors_output){0};
}

/* ---------------------------------------------------------------- reading -------------------- */

/* Header, tensor, shape. And some eight thousand tensors, at most 20 MiB and a tenth of a second. */
enum { MAX_DEPTH = 3, MAX_VALUES = 1 << 16 };

/** Why the text is not worth parsing, or NULL. */
static const char *scan(const char *text, size_t n)
{
    size_t depth = 0, values = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
        values += !quoted && (c == ',' || c == ':');
        if (depth > MAX_DEPTH) {
            return "its header is nested too deeply";
        }
        if (values > MAX_VALUES) {
            return "its header holds too many values";
        }
    }
    return NULL;
}

/** Fill tensor->shape; false if it is no list of at most SAFETENSORS_MAX_RANK sizes. */
static bool read_shape(const json_t *shape, struct safetensors_tensor *tensor)
{
    if (!json_is_array(shape) || json_array_size(shape) > SAFETENSORS_MAX_RANK) {
        return false;
    }
    tensor->rank = json_array_size(shape);
    for (size_t d = 0; d < tensor->rank; d++) {
        const json_t *size = json_array_get(shape, d);
        json_int_t value = json_integer_value(size);
        if (!json_is_integer(size) || value < 0 || (uint64_t)value > SIZE_MAX) {
            return false;
        }
        tensor->shape[d] = (size_t)value;
    }
    return true;
}

/** Find the tensor's bytes among the file's size bytes of data; false if they are not there. */
static bool read_offsets(const json_t *offsets, const char *data, size_t size,
                         struct safetensors_tensor *tensor)
{
    const json_t *first = json_array_get(offsets, 0);
    const json_t *last = json_array_get(offsets, 1);
    json_int_t begin = json_integer_value(first);
    json_int_t end = json_integer_value(last);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        begin < 0 || begin > end || (uint64_t)end > size) {
        return false;
    }
    tensor->data = data + begin;
    tensor->size = (size_t)(end - begin);
    return true;
}

/** Is the tensor as large as its shape asks for? Always yes for types not known here. */
static bool fits_shape(const struct safetensors_tensor *tensor)
{
    size_t size = strcmp(tensor->dtype, "F32") == 0   ? sizeof(float)
                  : strcmp(tensor->dtype, "F64") == 0 ? sizeof(double)
                                                      : 0;
    if (size == 0) {
        return true;
    }
    for (size_t d = 0; d < tensor->rank; d++) {
        if (!size_multiply(size, tensor->shape[d], &size)) {
            return false;
        }
    }
    return size == tensor->size;
}

static heddle_status read_tensor(const char *key, const json_t *json, const char *data, size_t size,
                                 const char *name, struct safetensors_tensor *tensor,
                                 heddle_error *err)
{
    const json_t *dtype = json_object_get(json, "dtype");
    tensor->name = key;
    if (json_object_size(json) != 3 || !json_is_string(dtype)) {
        return safetensors_refuse(err, name,
                                  "tensor '%s' is not given by dtype, shape and data_offsets", key);
    }
    tensor->dtype = json_string_value(dtype);
    if (!read_shape(json_object_get(json, "shape"), tensor)) {
        return safetensors_refuse(err, name,
                                  "the shape of tensor '%s' is no list of up to %d sizes", key,
                                  SAFETENSORS_MAX_RANK);
    }
    if (!read_offsets(json_object_get(json, "data_offsets"), data, size, tensor)) {
        return safetensors_refuse(err, name,
                                  "the data_offsets of tensor '%s' do not lie in the %zu bytes "
                                  "of data that the file has",
                                  key, size);
    }
    if (!fits_shape(tensor)) {
        return safetensors_refuse(err, name, "tensor '%s' has %zu bytes, which its shape does not",
                                  key, tensor->size);
    }
    return HEDDLE_OK;
}

static heddle_status read_entries(json_t *json, const char *name, struct safetensors *file,
                                  heddle_error *err)
{
    if (!json_is_object(json)) {
        return safetensors_refuse(err, name, "__metadata__ is not a map");
    }
    file->entry = memory_new(json_object_size(json), sizeof *file->entry);
    if (!file->entry) {
        return status_memory(err, "the header of a model file",
                             json_object_size(json) * sizeof *file->entry);
    }
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        if (!json_is_string(value)) {
            return safetensors_refuse(err, name, "'%s' in __metadata__ is not a string", key);
        }
        file->entry[file->entries++] = (struct safetensors_entry){key, json_string_value(value)};
    }
    return HEDDLE_OK;
}

/** By place; of two at one place the empty one first. */
static int compare_place(const void *a, const void *b)
{
    const struct safetensors_tensor *x = a, *y = b;
    const char *p = x->data, *q = y->data;
    return p != q ? (p > q) - (p < q) : (x->size > y->size) - (x->size < y->size);
}

/** Does each byte of data belong to one tensor? Leaves the tensors in order. */
static heddle_status check_cover(struct safetensors *file, const char *data, size_t size,
                                 const char *name, heddle_error *err)
{
    qsort(file->tensor, file->tensors, sizeof *file->tensor, compare_place);
    const char *end = data;
    for (size_t i = 0; i < file->tensors; i++) {
        const char *begin = file->tensor[i].data;
        if (begin != end) {
            return safetensors_refuse(err, name, "there is %s before the data of tensor '%s'",
                                      begin > end ? "a hole" : "an overlap", file->tensor[i].name);
        }
        end = begin + file->tensor[i].size;
    }
    if (end != data + size) {
        return safetensors_refuse(err, name, "%zu bytes at its end belong to no tensor",
                                  (size_t)(data + size - end));
    }
    return HEDDLE_OK;
}

static heddle_status read_header(const char *data, size_t size, const char *name,
                                 struct safetensors *file, heddle_error *err)
{
    json_t *json = file->json;
    size_t most = json_object_size(json);
    file->tensor = memory_new(most, sizeof *file->tensor);
    if (!file->tensor) {
        return status_memory(err, "the header of a model file", most * sizeof *file->tensor);
    }
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        heddle_status status;
        if (strcmp(key, "__metadata__") == 0) {
            status = read_entries(value, name, file, err);
        } else {
            status = read_tensor(key, value, data, size, name, &file->tensor[file->tensors++], err);
        }
        if (status) {
            return status;
        }
    }
    return check_cover(file, data, size, name, err);
}

/* The header as JSON, which the caller releases. */
static heddle_status parse_header(const void *bytes, size_t size, const char *name, json_t **json,
                                  heddle_error *err)
{
    uint64_t length;
    if (size < LENGTH_SIZE) {
        return safetensors_refuse(err, name, "it has only %zu bytes", size);
    }
    memcpy(&length, bytes, LENGTH_SIZE);
    if (length > SAFETENSORS_MAX_HEADER) {
        return safetensors_refuse(err, name, "it does not begin as one does");
    }
    if (length > size - LENGTH_SIZE) {
        return safetensors_refuse(err, name, "its header cannot be %llu bytes long",
                                  (unsigned long long)length);
    }
    const char *text = (const char *)bytes + LENGTH_SIZE;
    size_t n = (size_t)length;
    if (n == 0 || text[0] != '{') {
        return safetensors_refuse(err, name, "its header does not begin with '{'");
    }
    const char *reason = scan(text, n);
    if (reason) {
        return safetensors_refuse(err, name, "%s", reason);
    }
    json_error_t problem;
    *json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &problem);
    if (!*json && json_error_code(&problem) == json_error_out_of_memory) {
        return status_memory(err, "the header of a model file", n);
    }
    return *json ? HEDDLE_OK
                 : safetensors_refuse(err, name, "its header is no JSON: %s", problem.text);
}

heddle_status safetensors_parse(const void *bytes, size_t size, const char *name,
                                struct safetensors *file, heddle_error *err)
{
    json_t *json = NULL;
    heddle_status status = parse_header(bytes, size, name, &json, err);
    if (status) {
        return status;
    }
    struct safetensors parsed = {.header = (const char *)bytes + LENGTH_SIZE, .json = json};
    uint64_t length;
    memcpy(&length, bytes, LENGTH_SIZE);
    parsed.header_size = (size_t)length;
    const char *data = parsed.header + parsed.header_size;
    status = read_header(data, size - LENGTH_SIZE - parsed.header_size, name, &parsed, err);
    if (status) {
        safetensors_done(&parsed);
        return status;
    }
    *file = parsed;
    return HEDDLE_OK;
}

bool safetensors_begins(const void *bytes, size_t size)
{
    uint64_t length;
    if (size < LENGTH_SIZE + 2) {
        return false;
    }
    memcpy(&length, bytes, LENGTH_SIZE);
    return ((const char *)bytes)[LENGTH_SIZE] == '{' && length >= 2 &&
           length <= SAFETENSORS_MAX_HEADER;
}

heddle_status safetensors_claim(const char *name, const struct file_bytes *head,
                                struct file_claim *claim, heddle_error *err)
{
    uint64_t length;
    memcpy(&length, head->data, LENGTH_SIZE);
    const size_t behind = LENGTH_SIZE + (size_t)length;
    if (behind > head->size) {
        claim->least = claim->again = behind;
        return HEDDLE_OK;
    }
    json_t *json = NULL;
    heddle_status status = parse_header(head->data, head->size, name, &json, err);
    if (status) {
        return status;
    }
    const char *key;
    json_t *value;
    json_int_t end = 0;
    json_object_foreach(json, key, value)
    {
        json_int_t last =
            json_integer_value(json_array_get(json_object_get(value, "data_offsets"), 1));
        end = last > end ? last : end;
    }
    json_decref(json);
    if (!size_add((size_t)end, behind, &claim->least)) {
        claim->least = SIZE_MAX;
    }
    claim->most = claim->least;
    return HEDDLE_OK;
}

void safetensors_done(struct safetensors *file)
{
    memory_free(file->tensor);
    memory_free(file->entry);
    json_decref(file->json);
    *file = (struct safetensors){0};
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->tensors; i++) {
        if (strcmp(file->tensor[i].name, name) == 0) {
            return &file->tensor[i];
        }
    }
    return NULL;
}

const char *safetensors_value(const struct safetensors *file, const char *key)
{
    for (size_t i = 0; i < file->entries; i++) {
        if (strcmp(file->entry[i].key, key) == 0) {
            return file->entry[i].value;
        }
    }
    return NULL;
}
