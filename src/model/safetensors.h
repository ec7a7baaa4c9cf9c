/**
 * safetensors: the container of model files, named tensors and a map from strings to strings.
 * Knows nothing of networks.
 *
 *     8 bytes    n, little-endian
 *     n bytes    JSON, padded with spaces to a multiple of 8:
 *                {"__metadata__":{"key":"value",…},
 *                 "name":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},…}
 *     the rest   the tensors' values, row-major, little-endian; offsets count from here
 *
 * What is written is canonical: the same entries and tensors give the same bytes. What is read
 * is checked in full before anything of a size it claims is allocated. Only for little-endian
 * machines.
 *
 * Format: https://github.com/huggingface/safetensors, README, "Format".
 */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/status.h"
#include "base/text.h"
#include "heddle.h"

enum { SAFETENSORS_MAX_RANK = 8 };

/** Nobody needs more, and a header must be read before it can be believed. */
#define SAFETENSORS_MAX_HEADER ((size_t)100 * 1000 * 1000)

struct safetensors_entry {
    const char *key, *value;
};

struct safetensors_tensor {
    const char *name;
    const char *dtype; /* "F32", "F64", … */
    size_t rank;
    size_t shape[SAFETENSORS_MAX_RANK];
    const void *data; /* of any alignment when read */
    size_t size;      /* bytes */
};

/** Refuse the content of file `name`: HEDDLE_E_DATA, the reason in printf format. */
#define safetensors_refuse(err, name, format, ...)                                                 \
    status_set(err, HEDDLE_E_DATA, "'%s' is no model file: " format, name, ##__VA_ARGS__)

/* ---------------------------------------------------------------- writing -------------------- */

/** A file ready for file_write(): piece[0] is the header, the others are the tensors' data. */
struct safetensors_output {
    char *header; /* piece[0], header_size bytes; may be changed until it is written */
    size_t header_size;
    struct file_piece *piece;
    size_t pieces;
};

/**
 * Lay out a file of entries and tensors in the order given. Strings are UTF-8, keys and names
 * unique; the data is not copied. HEDDLE_E_MEMORY is the only failure. Release with
 * safetensors_output_done(), which takes a zeroed one too.
 */
heddle_status safetensors_encode(const struct safetensors_entry *entry, size_t entries,
                                 const struct safetensors_tensor *tensor, size_t tensors,
                                 struct safetensors_output *output, heddle_error *err);
void safetensors_output_done(struct safetensors_output *output);

/** Append text, which is UTF-8, as a JSON string with its quotes. */
void safetensors_quote(struct string *s, const char *text);

/* ---------------------------------------------------------------- reading -------------------- */

/** What a file holds: strings live in `json`, data in the bytes that were parsed. */
struct safetensors {
    struct safetensors_tensor *tensor; /* in the order of their data */
    size_t tensors;
    struct safetensors_entry *entry; /* in the order of the header */
    size_t entries;
    const char *header; /* the JSON text, header_size bytes, padding included */
    size_t header_size;
    void *json;
};

/**
 * Understand the bytes of a file; name is for messages. The tensors cover all bytes behind the
 * header, each exactly once; F32 and F64 tensors have the size their shape asks for, of others
 * the shape is only told.
 *
 * Release with safetensors_done(), which takes a zeroed one too. HEDDLE_E_DATA, HEDDLE_E_MEMORY;
 * nothing to release then.
 */
heddle_status safetensors_parse(const void *bytes, size_t size, const char *name,
                                struct safetensors *file, heddle_error *err);
void safetensors_done(struct safetensors *file);

/** Do the first bytes look like those of such a file? */
bool safetensors_begins(const void *bytes, size_t size);

/**
 * What the first bytes, which look like those of such a file, claim: a file_look. Of a header that
 * is not there as a whole it is the header's size. HEDDLE_E_DATA: the header is none.
 */
heddle_status safetensors_claim(const char *name, const struct file_bytes *head,
                                struct file_claim *claim, heddle_error *err);

/** The tensor or the value of that name; NULL if there is none. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name);
const char *safetensors_value(const struct safetensors *file, const char *key);

#endif
