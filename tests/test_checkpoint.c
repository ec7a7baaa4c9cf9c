#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/file.h"
#include "heddle.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "support.h"

/* A run of XOR that leaves a checkpoint at `path`; from: another to go on from, or NULL; clip or NULL. */
static heddle_status run_clipped(const char *path, const char *from, const char *steps,
                                 const char *clip, heddle_error *err)
{
    static const char *const fixed[][2] = {
        {"hidden", "3"},    {"optimizer", "adam"}, {"schedule", "constant"},
        {"patience", "50"}, {"threads", "1"},      {"batch", "2"},
    };
    heddle_recipe *recipe;
    heddle_table *table;
    heddle_model *model = NULL;
    cr_assert(heddle_recipe_create(&recipe, NULL) == HEDDLE_OK);
    cr_assert(heddle_table_read("builtin:xor", NULL, &table, NULL) == HEDDLE_OK);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        cr_assert(heddle_recipe_set(recipe, fixed[i][0], fixed[i][1], NULL) == HEDDLE_OK);
    }
    cr_assert(heddle_recipe_set(recipe, "steps", steps, NULL) == HEDDLE_OK);
    cr_assert(!clip || heddle_recipe_set(recipe, "clip", clip, NULL) == HEDDLE_OK);
    cr_assert(!path || heddle_recipe_set(recipe, "checkpoint", path, NULL) == HEDDLE_OK);
    cr_assert(!from || heddle_recipe_set(recipe, "resume", from, NULL) == HEDDLE_OK);
    heddle_status status = heddle_train(recipe, table, table, NULL, NULL, NULL, &model, NULL, err);
    heddle_model_free(model);
    heddle_table_free(table);
    heddle_recipe_free(recipe);
    return status;
}

static heddle_status run(const char *path, const char *from, const char *steps, heddle_error *err)
{
    return run_clipped(path, from, steps, NULL, err);
}

static void put(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

Test(checkpoint, every_byte_and_every_end_counts)
{
    char path[512], changed[512];
    snprintf(path, sizeof path, "%s", scratch_path("bytes.ck"));
    snprintf(changed, sizeof changed, "%s", scratch_path("changed.ck"));
    heddle_error err;
    cr_assert(run(path, NULL, "3", &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(run(NULL, path, "5", &err) == HEDDLE_OK, "%s", err.text);
    struct file_bytes file;
    cr_assert(file_read(path, 0, NULL, NULL, &file, &err) == HEDDLE_OK);
    unsigned char *bytes = malloc(file.size);
    memcpy(bytes, file.data, file.size);
    for (size_t i = 0; i < file.size; i++) {
        heddle_model *model;
        bytes[i] ^= (unsigned char)(1u << i % 8);
        put(changed, bytes, file.size);
        cr_assert(heddle_model_read(changed, &model, &err) == HEDDLE_E_DATA, "byte %zu", i);
        bytes[i] = file.data[i];
        put(changed, bytes, i);
        cr_assert(heddle_model_read(changed, &model, &err) == HEDDLE_E_DATA, "length %zu", i);
        if (i % 64 == 0) { /* the same reader, as a run meets it */
            cr_assert(run(NULL, changed, "5", &err) == HEDDLE_E_DATA, "length %zu", i);
        }
    }
    free(bytes);
    file_release(&file);
    unlink(path);
    unlink(changed);
}

Test(checkpoint, what_stays_when_a_second_is_written)
{
    char path[512], previous[600];
    snprintf(path, sizeof path, "%s", scratch_path("second.ck"));
    snprintf(previous, sizeof previous, "%s" FILE_PREVIOUS, path);
    unlink(path);
    unlink(previous);
    heddle_error err;
    cr_assert(run(path, NULL, "3", &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(access(previous, F_OK) != 0);
    struct file_bytes first, kept;
    cr_assert(file_read(path, 0, NULL, NULL, &first, &err) == HEDDLE_OK);
    cr_assert(run(path, NULL, "4", &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(file_read(previous, 0, NULL, NULL, &kept, &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(first.size == kept.size && memcmp(first.data, kept.data, kept.size) == 0);
    file_release(&first);
    file_release(&kept);
    unlink(path);
    unlink(previous);
}

/* Before the first epoch is over there is no best loss; that must not be an infinity in the file. */
Test(checkpoint, all_numbers_in_the_file_are_finite)
{
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path("finite.ck"));
    heddle_error err;
    cr_assert(run(path, NULL, "1", &err) == HEDDLE_OK, "%s", err.text);
    struct file_bytes bytes;
    struct safetensors file;
    cr_assert(file_read(path, 0, NULL, NULL, &bytes, &err) == HEDDLE_OK);
    cr_assert(safetensors_parse(bytes.data, bytes.size, path, &file, &err) == HEDDLE_OK);
    size_t seen = 0;
    for (size_t t = 0; t < file.tensors; t++) {
        const struct safetensors_tensor *tensor = &file.tensor[t];
        bool wide = strcmp(tensor->dtype, "F64") == 0;
        size_t unit = wide ? sizeof(double) : sizeof(float);
        for (size_t i = 0; i < tensor->size / unit; i++, seen++) {
            double number;
            float single;
            memcpy(wide ? (void *)&number : (void *)&single, (const char *)tensor->data + i * unit,
                   unit);
            cr_assert(__builtin_isfinite(wide ? number : (double)single), "%s", tensor->name);
        }
    }
    cr_assert(seen > 14);
    cr_assert(safetensors_find(&file, "run.state"));
    safetensors_done(&file);
    file_release(&bytes);
    unlink(path);
}

/* Norms of weight deltas are summed in an order of the version's, which a run must keep to its end. */
Test(checkpoint, sums_in_another_order_are_not_gone_on_with)
{
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path("sums.ck"));
    heddle_error err;
    heddle_model *model;
    cr_assert(run_clipped(path, NULL, "3", "0.01", &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(run_clipped(NULL, path, "5", "0.01", &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(heddle_model_read(path, &model, &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(model_note(model, "sums", "1", &err) == HEDDLE_OK);
    cr_assert(heddle_model_write(model, path, &err) == HEDDLE_OK, "%s", err.text);
    heddle_model_free(model);
    cr_assert(run_clipped(NULL, path, "5", "0.01", &err) == HEDDLE_E_RESUME);
    cr_assert(strstr(err.text, "another order"), "%s", err.text);
    unlink(path);
}
