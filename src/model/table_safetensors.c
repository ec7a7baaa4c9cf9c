/**
 * table_safetensors: the inputs are a view of the file; targets, which are few, are copied. A model
 * given in place of data is refused as such.
 */
#include "model/table_safetensors.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "model/safetensors.h"

enum { MAX_COLUMNS = 1 << 20, MAX_TARGETS = 65536, IMAGE_COLUMNS = 196 };

static bool recognise(const struct file_bytes *bytes)
{
    return safetensors_begins(bytes->data, bytes->size);
}

static const struct safetensors_tensor *find(const struct safetensors *file,
                                             const char *const *names)
{
    const struct safetensors_tensor *found = NULL;
    for (; *names && !found; names++)
        found = safetensors_find(file, *names);
    return found;
}

/* What a tensor is as an array of rows; its size against its shape. */
static heddle_status shape_of(const char *path, const struct file_bytes *bytes,
                              const struct safetensors_tensor *tensor, struct array_shape *shape,
                              heddle_error *err)
{
    static const struct {
        const char *name;
        enum element_type type;
    } types[] = {
        {"U8", ELEMENT_U8},   {"I8", ELEMENT_I8},   {"BOOL", ELEMENT_BOOL}, {"U16", ELEMENT_U16},
        {"I16", ELEMENT_I16}, {"U32", ELEMENT_U32}, {"I32", ELEMENT_I32},   {"U64", ELEMENT_U64},
        {"I64", ELEMENT_I64}, {"F16", ELEMENT_F16}, {"F32", ELEMENT_F32},   {"F64", ELEMENT_F64},
    };
    size_t i = 0, n = sizeof types / sizeof *types;
    while (i < n && strcmp(types[i].name, tensor->dtype) != 0)
        i++;
    if (i == n)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s': tensor '%.40s' is of type '%.20s', which is "
                          "not read",
                          path, tensor->name, tensor->dtype);
    if (tensor->rank == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s': tensor '%.40s' is one number, not a table",
                          path, tensor->name);
    *shape = (struct array_shape){.type = types[i].type,
                                  .shape = tensor->shape,
                                  .rank = tensor->rank,
                                  .rows = tensor->shape[0],
                                  .columns = 1,
                                  .start = (size_t)((const uint8_t *)tensor->data - bytes->data),
                                  .prefix = "x",
                                  .single = "x"};
    size_t total = element_size(shape->type);
    bool fits = true, empty = false;
    for (size_t r = 0; r < tensor->rank; r++) {
        empty = empty || tensor->shape[r] == 0;
        fits = fits && size_multiply(total, tensor->shape[r], &total);
        if (r > 0)
            fits = fits && size_multiply(shape->columns, tensor->shape[r], &shape->columns);
    }
    if (empty)
        return status_set(err, HEDDLE_E_DATA, "'%s': tensor '%.40s' is empty", path, tensor->name);
    if (!fits || total != tensor->size)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s': tensor '%.40s' has %zu bytes, which is not what its shape takes",
                          path, tensor->name, tensor->size);
    if (shape->columns > MAX_COLUMNS)
        return status_set(err, HEDDLE_E_DATA, "'%s' has %zu columns; %d are possible", path,
                          shape->columns, MAX_COLUMNS);
    return HEDDLE_OK;
}

/* The targets as columns of numbers behind the inputs. */
static heddle_status add_targets(heddle_table *table, const struct array_shape *y,
                                 const uint8_t *data, heddle_error *err)
{
    struct element_array array = {.data = data,
                                  .type = y->type,
                                  .row = y->columns * element_size(y->type),
                                  .column = element_size(y->type)};
    const size_t inputs = table->columns, columns = inputs + y->columns;
    struct table_column *grown = memory_resize(table->column, columns, sizeof *grown);
    if (!grown)
        return status_memory(err, "targets", columns * sizeof *grown);
    memset(grown + inputs, 0, y->columns * sizeof *grown);
    table->column = grown;
    table->columns = columns;
    char(*made_up)[32] = memory_new(y->columns, sizeof *made_up);
    const char **names = memory_new(columns, sizeof *names);
    bool fits = made_up && names;
    for (size_t c = 0; fits && c < columns; c++) {
        if (c < inputs) {
            names[c] = grown[c].name;
            continue;
        }
        if (y->columns == 1)
            snprintf(made_up[0], sizeof *made_up, "y");
        else
            snprintf(made_up[c - inputs], sizeof *made_up, "y%zu", c - inputs);
        names[c] = made_up[c - inputs];
        grown[c].number = memory_new(table->rows, sizeof(double));
        fits = grown[c].number != NULL;
        if (fits)
            element_read(&array, c - inputs, NULL, 0, table->rows, grown[c].number);
    }
    fits = fits && table_set_names(table, names);
    memory_free(made_up);
    memory_free(names);
    if (!fits)
        return status_memory(err, "targets", y->columns * table->rows * sizeof(double));
    table->targets = y->columns;
    table->labelled = y->columns == 1;
    table->whole_labels = y->columns == 1 && element_is_whole(y->type);
    return HEDDLE_OK;
}

static heddle_status read_arrays(const char *path, struct file_bytes *bytes,
                                 const struct safetensors *file,
                                 const struct table_reading *reading, heddle_table **table,
                                 heddle_error *err)
{
    static const char *const inputs[] = {"inputs", "x",        "X",     "data",
                                         "images", "features", "input", NULL};
    static const char *const targets[] = {"targets", "target", "y", "Y", "labels", "label", NULL};
    const struct safetensors_tensor *x = find(file, inputs), *y = find(file, targets);
    if (!x && file->tensors == 1 && !y)
        x = &file->tensor[0];
    if (!x && safetensors_find(file, "layers.0.weight"))
        return status_set(err, HEDDLE_E_DATA, "'%s' is a model, not data", path);
    if (!x)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is a safetensors file without a tensor 'inputs' or 'x'", path);
    const char *packing = bytes->packing;
    struct array_shape shape, target;
    heddle_status status = shape_of(path, bytes, x, &shape, err);
    if (status == HEDDLE_OK && y)
        status = shape_of(path, bytes, y, &target, err);
    if (status != HEDDLE_OK)
        return status;
    if (y && target.rows != shape.rows)
        return status_set(err, HEDDLE_E_DATA, "'%s': tensor '%.40s' has %zu rows, '%.40s' has %zu",
                          path, y->name, target.rows, x->name, shape.rows);
    if (y && target.columns > MAX_TARGETS)
        return status_set(err, HEDDLE_E_DATA, "'%s' has %zu targets; %d are possible", path,
                          target.columns, MAX_TARGETS);
    heddle_table *t = NULL;
    if (y) {
        status =
            reader_check_size(path, reading, target.rows * target.columns * sizeof(double), err);
        if (status != HEDDLE_OK)
            return status;
    }
    const uint8_t *y_data = y ? y->data : NULL;
    status = reader_array(path, bytes, &shape, reading, &t, err);
    if (status != HEDDLE_OK)
        return status;
    t->images = shape.type == ELEMENT_U8 && (shape.rank > 2 || shape.columns >= IMAGE_COLUMNS);
    if (!table_set_format(t, "safetensors, %s %s of %zu columns%s%s%s%s%s",
                          element_name(shape.type), x->name, shape.columns, y ? ", targets " : "",
                          y ? y->name : "", *packing ? ", " : "", packing, ""))
        status = status_memory(err, "a table", 0);
    if (status == HEDDLE_OK && y)
        status = add_targets(t, &target, y_data, err);
    if (status != HEDDLE_OK) {
        heddle_table_free(t);
        return status;
    }
    *table = t;
    return HEDDLE_OK;
}

static heddle_status read_file(const char *path, struct file_bytes *bytes,
                               const struct table_reading *reading, heddle_table **table,
                               heddle_error *err)
{
    struct safetensors file;
    heddle_status status = safetensors_parse(bytes->data, bytes->size, path, &file, err);
    if (status != HEDDLE_OK)
        return status;
    status = read_arrays(path, bytes, &file, reading, table, err);
    safetensors_done(&file);
    return status;
}

const struct table_format table_safetensors = {recognise, read_file, safetensors_claim, false};
