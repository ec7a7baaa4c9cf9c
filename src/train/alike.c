/**
 * alike: see alike.h. The data are gone through at the speed of memory: chance is to be
 * told from equality here, not malice, so four chains of multiplications do.
 */
#include "train/alike.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "machine/cluster.h"
#include "model/model.h"

static void add_bytes(struct cluster_item *item, const void *bytes, size_t size)
{
    const char *at = bytes;
    uint64_t word[4];
    for (size_t n; size > 0; size -= n, at += n) {
        n = size < sizeof word ? size : sizeof word;
        if (n < sizeof word) {
            memset(word, 0, sizeof word);
        }
        memcpy(word, at, n);
        for (int i = 0; i < 4; i++) {
            uint64_t z = (item->print[i] ^ word[i]) * 0x9E3779B97F4A7C15U;
            item->print[i] = (z << 29 | z >> 35) + (uint64_t)i;
        }
    }
}

static void add_number(struct cluster_item *item, uint64_t number)
{
    add_bytes(item, &number, sizeof number);
}

static void add_text(struct cluster_item *item, const char *text)
{
    add_number(item, strlen(text));
    add_bytes(item, text, strlen(text));
}

static void add_rows(struct cluster_item *item, const void *rows, size_t count, size_t size)
{
    add_number(item, rows ? count : 0);
    if (rows) {
        add_bytes(item, rows, count * size);
    }
}

/** Rows as the network sees them, wherever they are kept; `row` has room for one that is read. */
static void add_set(struct cluster_item *item, const struct dataset *set, void *row)
{
    size_t size = set->use_double ? sizeof(double) : sizeof(float);
    add_number(item, set->rows);
    add_number(item, set->inputs);
    add_number(item, set->outputs);
    if (set->rows == 0) {
        return;
    }
    add_bytes(item, &set->byte_scale, sizeof set->byte_scale);
    for (size_t r = 0; r < set->rows; r++) {
        size_t taken;
        const void *input = dataset_row(set, r, row, &taken);
        add_bytes(item, input, taken);
    }
    add_rows(item, set->class_index, set->rows, sizeof *set->class_index);
    add_rows(item, set->target, set->rows, set->target_stride * size);
}

/** Options that may differ from rank to rank: they never change a bit. */
static bool is_of_machine(const char *name)
{
    static const char *const names[] = {"threads", "bind", "isa", "max-memory"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

heddle_status alike(const heddle_recipe *recipe, const struct run_recipe *run,
                    const struct encoded *data, const double *values, const struct run_state *from,
                    heddle_error *err)
{
    enum { PROGRAM, OPTIONS, DATA, VALIDATION, TEST, WEIGHTS, CHECKPOINT, ITEMS };
    struct cluster_item item[ITEMS] = {
        [PROGRAM] = {.name = "program", .status = HEDDLE_E_ARGUMENT},
        [OPTIONS] = {.name = "options", .status = HEDDLE_E_ARGUMENT},
        [DATA] = {.name = "data", .status = HEDDLE_E_DATA},
        [VALIDATION] = {.name = "validation data", .status = HEDDLE_E_DATA},
        [TEST] = {.name = "test data", .status = HEDDLE_E_DATA},
        [WEIGHTS] = {.name = "first weights", .status = HEDDLE_E_DATA},
        [CHECKPOINT] = {.name = "checkpoint to go on from", .status = HEDDLE_E_DATA},
    };
    if (cluster_ranks() == 1) {
        return HEDDLE_OK;
    }
    void *row = memory_new(data->train.inputs, sizeof(double));
    heddle_status status = row ? HEDDLE_OK : status_memory(err, "a row", 0);
    status = cluster_agree(status, err);
    if (status) {
        memory_free(row);
        return status;
    }
    const heddle_option *option;
    add_text(&item[PROGRAM], HEDDLE_VERSION);
    add_text(&item[PROGRAM], MODEL_NUMERICS);
    for (size_t i = 0; (option = heddle_recipe_option(i)); i++) {
        const char *value = heddle_recipe_get(recipe, option->name);
        if (!is_of_machine(option->name)) {
            add_text(&item[OPTIONS], option->name);
            add_text(&item[OPTIONS], value ? value : "");
        }
    }
    add_set(&item[DATA], &data->train, row);
    add_rows(&item[DATA], data->weight, data->train.rows, sizeof *data->weight);
    add_set(&item[VALIDATION], &data->validation, row);
    add_set(&item[TEST], &data->test, row);
    add_rows(&item[WEIGHTS], values, shape_parameters(&run->shape), sizeof *values);
    memory_free(row);
    for (int b = 0; from && b < STATE_BLOCKS; b++) {
        add_rows(&item[CHECKPOINT], from->block[b], shape_packed(&run->shape),
                 run->use_double ? sizeof(double) : sizeof(float));
    }
    add_number(&item[CHECKPOINT], from ? from->steps : 0);
    return cluster_compare(item, ITEMS, err);
}
