/** Some rows of a data set, src/data/dataset.c, and what is learned from them: as from a copy. */
#include <stdlib.h>

#include "base/memory.h"
#include "data/split.h"
#include "data/table.h"
#include "support.h"
#include "train/encode.h"
#include "train/recipe.h"
#include "training.h"

enum { ROWS = 140, INPUTS = 9, CLASSES = 3 };

static uint8_t pixel(size_t row, size_t i)
{
    uint64_t state = row * INPUTS + i;
    return (uint8_t)(test_random(&state) % 200 + 40 * (row % CLASSES == i % CLASSES));
}

static void put_big_endian(unsigned char *at, size_t number)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (unsigned char)(number >> (24 - 8 * i));
    }
}

/** Images 3 by 3, rows row[0 … count), and their labels, as IDX. */
static heddle_table *images_of(const char *name, const uint32_t *row, size_t count)
{
    unsigned char image[16 + ROWS * INPUTS] = {0, 0, 8, 3}, label[8 + ROWS] = {0, 0, 8, 1};
    char labels[32];
    put_big_endian(image + 4, count);
    put_big_endian(image + 8, 3);
    put_big_endian(image + 12, 3);
    put_big_endian(label + 4, count);
    for (size_t r = 0; r < count; r++) {
        for (size_t i = 0; i < INPUTS; i++) {
            image[16 + r * INPUTS + i] = pixel(row[r], i);
        }
        label[8 + r] = (unsigned char)(row[r] % CLASSES);
    }
    snprintf(labels, sizeof labels, "%s.labels", name);
    put_file(scratch_path(name), image, 16 + count * INPUTS);
    put_file(scratch_path(labels), label, 8 + count);
    heddle_read_options options = {.labels = scratch_path(labels)};
    heddle_table *table;
    cr_assert(heddle_table_read(scratch_path(name), &options, &table, NULL) == HEDDLE_OK);
    return table;
}

static heddle_table *all_images(const char *name)
{
    uint32_t row[ROWS];
    for (uint32_t r = 0; r < ROWS; r++) {
        row[r] = r;
    }
    return images_of(name, row, ROWS);
}

static heddle_model *learn(const heddle_table *table, const heddle_table *validation,
                           const char *options, heddle_result *result)
{
    heddle_recipe *recipe = recipe_of(options);
    heddle_model *model;
    heddle_error err;
    cr_assert(heddle_train(recipe, table, validation, NULL, NULL, NULL, &model, result, &err) ==
                  HEDDLE_OK,
              "%s: %s", options, err.text);
    heddle_recipe_free(recipe);
    return model;
}

/* Reals with their 1 and zeros, bytes, classes and numbers: the rows asked for, in their order,
 * and again some of those. */
Test(dataset, rows_are_taken_by_an_index)
{
    enum { STRIDE = 16, TAKEN = 3 };
    float input[5 * STRIDE] = {0}, target[5 * STRIDE] = {0};
    uint8_t bytes[5 * 4];
    int32_t class_index[5];
    const uint32_t row[TAKEN] = {4, 0, 2}, again[2] = {2, 0};
    for (int i = 0; i < 5; i++) {
        input[i * STRIDE] = (float)i;
        target[i * STRIDE] = (float)-i;
        memset(bytes + 4 * i, i, 4);
        class_index[i] = 10 + i;
    }
    struct dataset reals = {.rows = 5,
                            .inputs = 2,
                            .outputs = 1,
                            .real = input,
                            .real_stride = STRIDE,
                            .target = target,
                            .target_stride = STRIDE};
    struct dataset images = {.rows = 5,
                             .inputs = 2,
                             .outputs = 20,
                             .bytes = bytes,
                             .byte_stride = 4,
                             .byte_scale = 0.5,
                             .class_index = class_index};
    struct dataset a, b, c;
    size_t size;
    cr_assert(dataset_take(&reals, row, TAKEN, &a, NULL) == HEDDLE_OK);
    cr_assert(dataset_take(&images, row, TAKEN, &b, NULL) == HEDDLE_OK);
    cr_assert(dataset_take(&b, again, 2, &c, NULL) == HEDDLE_OK);
    cr_assert(a.rows == TAKEN && b.rows == TAKEN && c.rows == 2 && b.byte_scale == 0.5);
    for (size_t i = 0; i < TAKEN; i++) {
        cr_assert(dataset_row(&a, i, NULL, &size) == input + row[i] * STRIDE);
        cr_assert(size == 2 * sizeof *input);
        cr_assert(memcmp((const float *)a.target + i * STRIDE, target + row[i] * STRIDE,
                         STRIDE * sizeof *target) == 0);
        cr_assert(dataset_row(&b, i, NULL, &size) == bytes + (size_t)row[i] * 4 && size == 2);
        cr_assert(b.class_index[i] == 10 + (int)row[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        cr_assert(dataset_row(&c, i, NULL, &size) == bytes + (size_t)row[again[i]] * 4);
        cr_assert(c.class_index[i] == 10 + (int)row[again[i]]);
    }
    cr_assert(!a.class_index && !b.target);
    cr_assert(a.arena_bytes <= dataset_take_bytes(&reals, TAKEN));
    dataset_done(&c); /* b's rows are its parent's, and stay */
    cr_assert(dataset_row(&b, 0, NULL, &size) == bytes + 16);
    dataset_done(&b);
    dataset_done(&a);
}

Test(dataset, without_memory_nothing_is_taken_or_lost)
{
    uint8_t bytes[6] = {0};
    int32_t class_index[3] = {0};
    const uint32_t row[2] = {2, 1};
    const struct dataset set = {
        .rows = 3, .inputs = 2, .bytes = bytes, .byte_stride = 2, .class_index = class_index};
    struct dataset taken = {.rows = 4711};
    memory_fail_at(1, true);
    cr_assert(dataset_take(&set, row, 2, &taken, NULL) == HEDDLE_E_MEMORY);
    memory_fail_at(0, false);
    cr_assert(taken.rows == 4711);
}

/* The rows held out are an index of the images, in the order of the table; none is copied. */
Test(dataset, a_split_of_images_copies_none)
{
    heddle_table *table = all_images("split.idx");
    heddle_recipe *recipe = recipe_of("validation=0.3 seed=5");
    const struct fold fold = {.number = 1, .folds = 4};
    for (int folds = 0; folds < 2; folds++) {
        struct encoded data = {0};
        cr_assert(encode(recipe, table, NULL, NULL, folds ? &fold : NULL, NULL, &data, NULL) ==
                  HEDDLE_OK);
        const struct dataset *set[] = {&data.train, &data.validation};
        const uint32_t *row[] = {data.rows, data.held};
        cr_assert(data.train.rows + data.validation.rows == ROWS && data.validation.rows > 30);
        for (int s = 0; s < 2; s++) {
            cr_assert(dataset_in_place(set[s]) && set[s]->bytes == table->bytes);
            cr_assert(set[s]->arena_bytes < ROWS * 8 + 128);
            for (size_t r = 0; r < set[s]->rows; r++) {
                size_t size;
                const uint8_t *x = dataset_row(set[s], r, NULL, &size);
                cr_assert(size == INPUTS && x == table->bytes + (size_t)row[s][r] * INPUTS);
                cr_assert(set[s]->class_index[r] == (int)(row[s][r] % CLASSES));
            }
        }
        encoded_done(&data);
    }
    heddle_recipe_free(recipe);
    heddle_table_free(table);
}

/* Whatever is done with rows: as if they were a file of their own. */
static void trains_alike(const char *const *recipes, size_t count, bool classes)
{
    heddle_table *table = all_images("whole.idx");
    uint32_t train[ROWS], held[ROWS], codes[ROWS];
    size_t trained, kept;
    for (uint32_t r = 0; r < ROWS; r++) {
        codes[r] = r % CLASSES;
    }
    cr_assert(split_rows(3, 0.25, classes ? codes : NULL, ROWS, train, &trained, held, &kept,
                         NULL) == HEDDLE_OK);
    heddle_table *some = images_of("some.idx", train, trained);
    heddle_table *others = images_of("others.idx", held, kept);
    for (size_t i = 0; i < 2 * count; i++) {
        char options[256], split[300];
        snprintf(options, sizeof options, "hidden=6 epochs=4 seed=3 l2=0.01 threads=%d %s",
                 i % 2 ? 3 : 1, recipes[i / 2]);
        snprintf(split, sizeof split, "%s validation=0.25", options);
        heddle_result a, b;
        heddle_model *one = learn(table, NULL, split, &a);
        heddle_model *other = learn(some, others, options, &b);
        size_t bytes = shape_parameters(&one->shape) * sizeof *one->values;
        cr_assert(memcmp(one->values, other->values, bytes) == 0, "%s", options);
        cr_assert(a.loss == b.loss && a.has_validation && b.has_validation);
        cr_assert(a.validation.loss == b.validation.loss && a.validation.rows == kept);
        cr_assert(classes ? a.validation.auc == b.validation.auc
                          : a.validation.r2 == b.validation.r2);
        heddle_result_done(&a);
        heddle_result_done(&b);
        heddle_model_free(one);
        heddle_model_free(other);
    }
    heddle_table_free(table);
    heddle_table_free(some);
    heddle_table_free(others);
}

Test(dataset, a_split_trains_as_its_rows_by_themselves)
{
    static const char *const recipes[] = {
        "batch=16 optimizer=adam",
        "batch=full optimizer=rprop",
        "batch=10 shuffle=no optimizer=sgd",
        "batch=20 optimizer=adam precision=double shard=3",
        "batch=7 dropout=0.3 noise=0.1 class-weights=balanced optimizer=sgd",
        "batch=16 patience=2 optimizer=adam isa=scalar",
        "batch=full optimizer=lbfgs",
        "batch=30 optimizer=adam loss=mse output-activation=sigmoid hidden=none",
    };
    trains_alike(recipes, sizeof recipes / sizeof *recipes, true);
}

Test(dataset, and_so_it_does_with_numbers_to_learn)
{
    static const char *const recipes[] = {
        "batch=16 optimizer=adam task=regress",
        "batch=full optimizer=rprop task=regress shuffle=no hidden=80",
        "batch=64 optimizer=sgd task=regress precision=double noise=0.1",
    };
    trains_alike(recipes, sizeof recipes / sizeof *recipes, false);
}

/** Bytes as NPY: nine inputs, a class, and what a row counts for. */
static heddle_table *bytes_with_weights(void)
{
    enum { COLUMNS = INPUTS + 2 };
    static unsigned char file[128 + ROWS * COLUMNS] = "\x93NUMPY\1\0\x76";
    char header[119];
    int n =
        snprintf(header, sizeof header,
                 "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d), }", ROWS, COLUMNS);
    memset(file + 10, ' ', 118);
    memcpy(file + 10, header, (size_t)n);
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 0; i < INPUTS; i++) {
            file[128 + r * COLUMNS + i] = pixel(r, i);
        }
        file[128 + r * COLUMNS + INPUTS] = (unsigned char)(r % CLASSES);
        file[128 + r * COLUMNS + INPUTS + 1] = (unsigned char)(r % 5);
    }
    put_file(scratch_path("weights.npy"), file, sizeof file);
    return table_of(scratch_path("weights.npy"));
}

/* Of an array whose last columns are the class and the weights, the first ones are the inputs. */
Test(dataset, columns_beside_the_inputs_stay_where_they_are)
{
    heddle_table *table = bytes_with_weights();
    heddle_recipe *recipe =
        recipe_of("validation=0.2 scale=byte task=classify target=10 weights=x10");
    struct encoded data = {0};
    heddle_error err;
    cr_assert(encode(recipe, table, NULL, NULL, NULL, NULL, &data, &err) == HEDDLE_OK, "%s",
              err.text);
    cr_assert(data.train.bytes == table->bytes && data.train.byte_stride == INPUTS + 2);
    for (size_t r = 0; r < data.train.rows; r++) {
        size_t size;
        const uint8_t *x = dataset_row(&data.train, r, NULL, &size);
        cr_assert(size == INPUTS && x[0] == pixel(data.rows[r], 0));
        cr_assert(data.weight[r] == data.rows[r] % 5);
        cr_assert(data.train.class_index[r] == (int)(data.rows[r] % CLASSES));
    }
    encoded_done(&data);
    heddle_recipe_free(recipe);
    /* the same as of bytes that are copied, because a column between them is left out */
    heddle_result a, b;
    const char *options = "validation=0.2 scale=byte task=classify hidden=4 epochs=3 l2=0 "
                          "target=10 weights=x10 threads=2 batch=8 drop=";
    char in_place[200], copied[200];
    snprintf(in_place, sizeof in_place, "%sx8", options);
    snprintf(copied, sizeof copied, "%sx4", options);
    for (size_t r = 0; r < ROWS; r++) { /* column 4 is column 8, and those behind it one less */
        uint8_t *row = (uint8_t *)(uintptr_t)(table->bytes + r * (INPUTS + 2));
        row[8] = row[4];
    }
    heddle_model *one = learn(table, NULL, in_place, &a);
    for (size_t r = 0; r < ROWS; r++) {
        uint8_t *row = (uint8_t *)(uintptr_t)(table->bytes + r * (INPUTS + 2));
        memmove(row + 5, row + 4, 4);
    }
    heddle_model *other = learn(table, NULL, copied, &b);
    cr_assert(memcmp(one->values, other->values,
                     shape_parameters(&one->shape) * sizeof *one->values) == 0);
    cr_assert(a.validation.loss == b.validation.loss);
    heddle_result_done(&a);
    heddle_result_done(&b);
    heddle_model_free(one);
    heddle_model_free(other);
    heddle_table_free(table);
}

/* Rows without a label are left out: the others are an index, too. */
Test(dataset, rows_without_a_label_are_no_rows_of_it)
{
    heddle_table *table = all_images("unlabelled.idx");
    char text[ROWS * 2 + 8] = "y\n";
    for (size_t r = 0; r < ROWS; r++) {
        const char *word[] = {"a\n", "b\n", "c\n"};
        strcat(text, r % 10 == 4 ? "?\n" : word[r % CLASSES]);
    }
    put_file(scratch_path("unlabelled.csv"), text, strlen(text));
    heddle_table_free(table);
    heddle_read_options options = {.labels = scratch_path("unlabelled.csv")};
    cr_assert(heddle_table_read(scratch_path("unlabelled.idx"), &options, &table, NULL) ==
              HEDDLE_OK);
    heddle_recipe *recipe = recipe_of("validation=0");
    struct encoded data = {0};
    cr_assert(encode(recipe, table, NULL, NULL, NULL, NULL, &data, NULL) == HEDDLE_OK);
    cr_assert(data.train.rows == ROWS - ROWS / 10 && data.train.bytes == table->bytes);
    for (size_t r = 0, at = 0; r < ROWS; r++) {
        size_t size;
        if (r % 10 != 4) {
            cr_assert(data.train.row[at] == r);
            cr_assert(data.train.class_index[at] == (int)(r % CLASSES));
            cr_assert(dataset_row(&data.train, at++, NULL, &size) == table->bytes + r * INPUTS);
        }
    }
    encoded_done(&data);
    heddle_recipe_free(recipe);
    heddle_table_free(table);
}

/* Rows that are kept, or read, are divided into folds alike: the same --l2 is chosen. */
Test(dataset, folds_of_rows_that_are_read_choose_alike)
{
    static unsigned char file[128 + ROWS * INPUTS * 4] = "\x93NUMPY\1\0\x76";
    char header[119];
    int n = snprintf(header, sizeof header,
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", ROWS, INPUTS);
    memset(file + 10, ' ', 118);
    memcpy(file + 10, header, (size_t)n);
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        float x = pixel(i / INPUTS, i % INPUTS);
        memcpy(file + 128 + i * sizeof x, &x, sizeof x);
    }
    put_file(scratch_path("folds.npy"), file, sizeof file);
    for (int images = 0; images < 2; images++) {
        heddle_table *table =
            images ? all_images("folds.idx") : table_of(scratch_path("folds.npy"));
        const char *options = images ? "hidden=5 epochs=40" : "hidden=5 epochs=40 task=regress";
        char want[65], got[65], more[96];
        table->limit = 0;
        model_hash(table, options, want);
        for (int t = 1; t <= 3; t += 2) {
            snprintf(more, sizeof more, "%s threads=%d", options, t);
            table->limit = t == 3; /* 1: nothing is to be kept */
            model_hash(table, more, got);
            cr_assert_str_eq(got, want);
        }
        heddle_table_free(table);
    }
}
