/** Tests of src/model/model*.c: a model, its file, and files of others. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/model.h"
#include "model/safetensors.h"

/* ---------------------------------------------------------------- help ----------------------- */

/* A name for a file of this process, gone when the test ends. */
static char path[512];

static void set_path(void)
{
    const char *scratch = getenv("HEDDLE_SCRATCH");
    snprintf(path, sizeof path, "%s/model-%ld.safetensors", scratch ? scratch : "/tmp",
             (long)getpid());
}

static void remove_path(void)
{
    unlink(path);
}

TestSuite(model, .init = set_path, .fini = remove_path);

/* 2-3-2, values that do not fit into a float unless `use_double`. */
static heddle_model *small_model(bool use_double)
{
    struct shape shape = {.layers = 2, .width = {2, 3, 2}};
    shape.activation[1] = ACTIVATION_TANH;
    shape.activation[2] = ACTIVATION_SOFTMAX;
    cr_assert_eq(shape_finish(&shape, NULL), HEDDLE_OK);
    double values[17];
    for (size_t i = 0; i < 17; i++) {
        values[i] = 1.0 / (double)(i + 3) - 0.1;
        values[i] = use_double ? values[i] : (double)(float)values[i];
    }
    values[4] = -0.0;
    values[5] = use_double ? 5e-324 : 0x1p-149;
    struct preprocess *preprocess;
    cr_assert_eq(preprocess_plain(2, 2, true, &preprocess, NULL), HEDDLE_OK);
    heddle_model *model;
    cr_assert_eq(
        model_create(&shape, LOSS_CROSS_ENTROPY, use_double, values, preprocess, &model, NULL),
        HEDDLE_OK);
    cr_assert_eq(model_note(model, "shard", "16", NULL), HEDDLE_OK);
    cr_assert_eq(model_note(model, "zebra", "\"stripes\"\té", NULL), HEDDLE_OK);
    cr_assert_eq(model_note(model, "a", "", NULL), HEDDLE_OK);
    return model;
}

static void write_bytes(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static char *read_bytes(size_t *size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static heddle_status read_status(heddle_error *err)
{
    heddle_model *model = NULL;
    heddle_status status = heddle_model_read(path, &model, err);
    cr_assert((status == HEDDLE_OK) == (model != NULL));
    heddle_model_free(model);
    return status;
}

/* ---------------------------------------------------------------- metadata ------------------- */

Test(model, notes_are_sorted_and_replaced)
{
    heddle_model *model = small_model(false);
    cr_assert_eq(model_note(model, "shard", "32", NULL), HEDDLE_OK);
    cr_assert_str_eq(model_entry(model, "shard"), "32");
    cr_assert_str_eq(model_entry(model, "format"), "heddle");
    cr_assert_str_eq(model_entry(model, "numerics"), MODEL_NUMERICS);
    cr_assert_str_eq(model_entry(model, "activations"), "tanh,softmax");
    cr_assert_str_eq(model_entry(model, "loss"), "cross-entropy");
    cr_assert_str_eq(model_entry(model, "classes"), "[\"0\",\"1\"]");
    cr_assert_not_null(model_entry(model, "preprocess"));
    cr_assert_null(model_entry(model, "shar"));
    const char *before = "", *key, *value;
    size_t n = 0;
    for (; heddle_model_metadata(model, n, &key, &value); n++) {
        cr_assert(strcmp(before, key) < 0, "'%s' before '%s'", before, key);
        before = key;
    }
    cr_assert_eq(n, 9);
    cr_assert_eq(model_note(model, "k", "\xff", NULL), HEDDLE_E_ARGUMENT);
    cr_assert_eq(model_note(model, "digest", "0", NULL), HEDDLE_E_ARGUMENT);
    heddle_model_free(model);
    heddle_model_free(NULL);
}

Test(model, refuses_parts_that_do_not_go_together)
{
    struct shape shape = {.layers = 1, .width = {2, 3}};
    cr_assert_eq(shape_finish(&shape, NULL), HEDDLE_OK);
    struct preprocess *preprocess;
    heddle_model *model = NULL;
    cr_assert_eq(preprocess_plain(3, 3, false, &preprocess, NULL), HEDDLE_OK);
    cr_assert_eq(model_create(&shape, LOSS_MSE, true, NULL, preprocess, &model, NULL),
                 HEDDLE_E_ARGUMENT);
    cr_assert_eq(preprocess_plain(2, 2, false, &preprocess, NULL), HEDDLE_OK);
    cr_assert_eq(model_create(&shape, LOSS_MSE, true, NULL, preprocess, &model, NULL),
                 HEDDLE_E_ARGUMENT);
    cr_assert_eq(preprocess_plain(2, 3, false, &preprocess, NULL), HEDDLE_OK);
    cr_assert_eq(model_create(&shape, LOSS_CROSS_ENTROPY, true, NULL, preprocess, &model, NULL),
                 HEDDLE_E_ARGUMENT);
    cr_assert_null(model);
}

/* ---------------------------------------------------------------- round trip ----------------- */

static void round_trip(bool use_double)
{
    heddle_model *model = small_model(use_double);
    heddle_model *back;
    cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_OK);
    size_t size, again;
    char *bytes = read_bytes(&size);
    heddle_error err = {0};
    cr_assert_eq(heddle_model_read(path, &back, &err), HEDDLE_OK, "%s", err.text);
    cr_assert_eq(memcmp(back->values, model->values, 17 * sizeof(double)), 0);
    cr_assert_eq(back->use_double, use_double);
    cr_assert_eq(back->loss, model->loss);
    cr_assert_eq(memcmp(&back->shape, &model->shape, sizeof(struct shape)), 0);
    cr_assert_eq(back->entries, model->entries);
    for (size_t i = 0; i < model->entries; i++) {
        cr_assert_str_eq(back->entry[i].key, model->entry[i].key);
        cr_assert_str_eq(back->entry[i].value, model->entry[i].value);
    }
    char first[65], second[65];
    cr_assert_eq(heddle_model_sha256(model, first, NULL), HEDDLE_OK);
    cr_assert_eq(heddle_model_sha256(back, second, NULL), HEDDLE_OK);
    cr_assert_str_eq(first, second);
    char command[600], line[65] = "";
    snprintf(command, sizeof command, "sha256sum '%s'", path);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe && fread(line, 1, 64, pipe) == 64);
    pclose(pipe);
    cr_assert_str_eq(first, line);
    cr_assert_eq(heddle_model_write(back, path, NULL), HEDDLE_OK);
    char *rewritten = read_bytes(&again);
    cr_assert(again == size && memcmp(bytes, rewritten, size) == 0);
    free(bytes);
    free(rewritten);
    heddle_model_free(model);
    heddle_model_free(back);
}

Test(model, comes_back_to_the_bit_in_float)
{
    round_trip(false);
}

Test(model, comes_back_to_the_bit_in_double)
{
    round_trip(true);
}

Test(model, answers_questions)
{
    heddle_model *model = small_model(true);
    cr_assert_eq(heddle_model_layers(model), 2);
    cr_assert_eq(heddle_model_width(model, 0), 2);
    cr_assert_eq(heddle_model_width(model, 1), 3);
    cr_assert_eq(heddle_model_width(model, 2), 2);
    cr_assert_eq(heddle_model_width(model, 3), 0);
    double weight[6], bias[3];
    heddle_model_weights(model, 2, weight, bias);
    cr_assert_eq(memcmp(weight, model->values + 9, sizeof weight), 0);
    cr_assert_eq(memcmp(bias, model->values + 15, 2 * sizeof *bias), 0);
    cr_assert_eq(heddle_model_classes(model), 2);
    cr_assert_str_eq(heddle_model_class_name(model, 1), "1");
    cr_assert_null(heddle_model_class_name(model, 2));
    cr_assert_eq(heddle_model_targets(model), 0);
    cr_assert_null(heddle_model_target_name(model, 0));
    cr_assert_not_null(heddle_model_input_name(model, 1));
    cr_assert_null(heddle_model_input_name(model, 2));
    heddle_model_free(model);
}

/* ---------------------------------------------------------------- damage --------------------- */

Test(model, refuses_every_prefix_of_its_file)
{
    heddle_model *model = small_model(false);
    cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_OK);
    size_t size;
    char *bytes = read_bytes(&size);
    for (size_t n = size; n-- > 0;) {
        cr_assert_eq(truncate(path, (off_t)n), 0);
        cr_assert_eq(read_status(NULL), HEDDLE_E_DATA, "%zu of %zu bytes", n, size);
    }
    free(bytes);
    heddle_model_free(model);
}

Test(model, refuses_its_file_with_any_byte_changed)
{
    heddle_model *model = small_model(false);
    cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_OK);
    size_t size;
    char *bytes = read_bytes(&size);
    int fd = open(path, O_WRONLY);
    cr_assert(fd >= 0);
    for (size_t i = 0; i < size; i++) {
        /* The lowest bit, the highest, and all: 'e' to 'd', a digit to another, a space to '!'. */
        static const unsigned char masks[] = {0x01, 0x80, 0xff};
        for (size_t k = 0; k < 3; k++) {
            char changed = (char)((unsigned char)bytes[i] ^ masks[k]);
            cr_assert_eq(pwrite(fd, &changed, 1, (off_t)i), 1);
            cr_assert_eq(read_status(NULL), HEDDLE_E_DATA, "byte %zu changed by %d", i, masks[k]);
        }
        cr_assert_eq(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
    }
    cr_assert_eq(read_status(NULL), HEDDLE_OK);
    heddle_error err;
    bytes[size - 1] ^= 1;
    cr_assert_eq(pwrite(fd, &bytes[size - 1], 1, (off_t)size - 1), 1);
    cr_assert_eq(read_status(&err), HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "is damaged: its digest does not match"), "%s", err.text);
    close(fd);
    free(bytes);
    heddle_model_free(model);
}

Test(model, tells_other_arithmetic_from_damage)
{
    heddle_model *model = small_model(false);
    cr_assert_eq(model_note(model, "numerics", "999", NULL), HEDDLE_OK);
    cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_OK);
    heddle_error err;
    cr_assert_eq(read_status(&err), HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "arithmetic number '999'"), "%s", err.text);
    heddle_model_free(model);
}

/* Entries that a whole file of ours may hold and no model may have. */
static const struct {
    const char *key, *value, *reason;
} crafted[] = {
    {"activations", "", "activations"},
    {"activations", "tanh", "activations"},
    {"activations", "tanh,", "activations"},
    {"activations", "tanh,softmax,", "activations"},
    {"activations", "tanh,softmax,tanh", "activations"},
    {"activations", "tanh,sofdmax", "activations"},
    {"activations", "tanh,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "activations"},
    {"activations", "softmax,softmax", "softmax is for the output layer"},
    {"activations", "tanh,linear", "cross-entropy needs"},
    {"loss", "", "loss"},
    {"loss", "sse", "softmax outputs need"},
    {"preprocess", "", ""},
    {"preprocess", "{}", ""},
};

Test(model, refuses_metadata_that_makes_no_model)
{
    for (size_t i = 0; i < sizeof crafted / sizeof *crafted; i++) {
        heddle_model *model = small_model(false);
        cr_assert_eq(model_note(model, crafted[i].key, crafted[i].value, NULL), HEDDLE_OK);
        cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_OK);
        heddle_error err;
        cr_assert_eq(read_status(&err), HEDDLE_E_DATA, "%s", crafted[i].value);
        cr_assert(strstr(err.text, crafted[i].reason), "%s", err.text);
        cr_assert(strstr(err.text, "is no model file: "), "%s", err.text);
        heddle_model_free(model);
    }
}

Test(model, refuses_weights_that_are_not_finite)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    heddle_model *model = small_model(true);
    char hex[65];
    for (size_t i = 0; i < 3; i++) {
        model->values[16] = bad[i];
        cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_E_INTERNAL);
        cr_assert_eq(heddle_model_sha256(model, hex, NULL), HEDDLE_E_INTERNAL);
        cr_assert_neq(access(path, F_OK), 0);
    }
    model->values[16] = 1e300;
    cr_assert_eq(heddle_model_sha256(model, hex, NULL), HEDDLE_OK);
    model->use_double = false;
    cr_assert_eq(heddle_model_sha256(model, hex, NULL), HEDDLE_E_INTERNAL);
    heddle_model_free(model);
}

/* ---------------------------------------------------------------- files of others ------------ */

/* What varies about the tensors of a file with 2-3-1 layers, numbered as nn.Sequential does. */
struct foreign {
    const char *name[4], *dtype[4];
    size_t rank[4], shape[4][2];
};

static const struct foreign good = {
    {"layers.0.weight", "layers.0.bias", "layers.10.weight", "layers.10.bias"},
    {"F32", "F32", "F32", "F32"},
    {2, 1, 2, 1},
    {{3, 2}, {3}, {1, 3}, {1}},
};

static const float foreign_values[13] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
static const double foreign_doubles[13] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0.1};

static void write_foreign(const struct foreign *foreign, const void *values, size_t unit)
{
    static const struct safetensors_entry entry = {"format", "pt"};
    struct safetensors_tensor tensor[4];
    const char *data = values;
    for (size_t i = 0; i < 4; i++) {
        size_t count = 1;
        tensor[i] = (struct safetensors_tensor){
            foreign->name[i], foreign->dtype[i], foreign->rank[i], {0}, data, 0};
        for (size_t d = 0; d < foreign->rank[i]; d++) {
            tensor[i].shape[d] = foreign->shape[i][d];
            count *= foreign->shape[i][d];
        }
        tensor[i].size = count * unit;
        data += tensor[i].size;
    }
    struct safetensors_output output;
    cr_assert_eq(safetensors_encode(&entry, 1, tensor, 4, &output, NULL), HEDDLE_OK);
    cr_assert_eq(file_write(path, output.piece, output.pieces, NULL), HEDDLE_OK);
    safetensors_output_done(&output);
}

Test(model, reads_layers_of_others_with_gaps_between_their_numbers)
{
    write_foreign(&good, foreign_values, sizeof(float));
    heddle_model *model;
    heddle_error err;
    cr_assert_eq(heddle_model_read(path, &model, &err), HEDDLE_OK, "%s", err.text);
    cr_assert_eq(heddle_model_layers(model), 2);
    cr_assert_eq(heddle_model_width(model, 0), 2);
    cr_assert_eq(heddle_model_width(model, 1), 3);
    cr_assert_eq(heddle_model_width(model, 2), 1);
    for (size_t i = 0; i < 13; i++) {
        cr_assert_eq(model->values[i], (double)foreign_values[i]);
    }
    cr_assert(!model->use_double);
    cr_assert_eq(model->shape.activation[1], ACTIVATION_RELU);
    cr_assert_eq(model->shape.activation[2], ACTIVATION_LINEAR);
    cr_assert_str_eq(model_entry(model, "format"), "foreign");
    cr_assert_eq(heddle_model_targets(model), 1);
    /* Written, it is one of ours. */
    cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_OK);
    heddle_model_free(model);
    cr_assert_eq(heddle_model_read(path, &model, &err), HEDDLE_OK, "%s", err.text);
    cr_assert_str_eq(model_entry(model, "format"), "heddle");
    cr_assert_eq(model->values[12], 13);
    heddle_model_free(model);
}

Test(model, reads_doubles_of_others)
{
    struct foreign foreign = good;
    for (size_t i = 0; i < 4; i++) {
        foreign.dtype[i] = "F64";
    }
    write_foreign(&foreign, foreign_doubles, sizeof(double));
    heddle_model *model;
    cr_assert_eq(heddle_model_read(path, &model, NULL), HEDDLE_OK);
    cr_assert(model->use_double);
    cr_assert_eq(memcmp(model->values, foreign_doubles, sizeof foreign_doubles), 0);
    heddle_model_free(model);
}

Test(model, ignores_tensors_that_are_no_layers)
{
    static const float data[5] = {1, 2, 3, 4, 5};
    const struct safetensors_tensor tensor[4] = {
        {"optimizer.step", "I64", 0, {0}, data, 8},
        {"layers.0.bias", "F32", 1, {1}, data + 2, 4},
        {"layers.0.weight", "F32", 2, {1, 1}, data + 3, 4},
        {"layersize", "F32", 0, {0}, data + 4, 4},
    };
    struct safetensors_output output;
    cr_assert_eq(safetensors_encode(NULL, 0, tensor, 4, &output, NULL), HEDDLE_OK);
    cr_assert_eq(file_write(path, output.piece, output.pieces, NULL), HEDDLE_OK);
    safetensors_output_done(&output);
    heddle_model *model;
    cr_assert_eq(heddle_model_read(path, &model, NULL), HEDDLE_OK);
    cr_assert_eq(model->values[0], 4);
    cr_assert_eq(model->values[1], 3);
    heddle_model_free(model);
}

static void refused(const struct foreign *foreign, const char *reason)
{
    write_foreign(foreign, foreign_values, sizeof(float));
    heddle_error err;
    cr_assert_eq(read_status(&err), HEDDLE_E_DATA, "no: %s", reason);
    cr_assert(strstr(err.text, reason), "'%s' is not in: %s", reason, err.text);
}

Test(model, refuses_layers_that_do_not_fit)
{
    static const struct {
        size_t tensor;
        const char *name;
        const char *dtype;
        size_t rank, shape[2];
        const char *reason;
    } change[] = {
        {0, "layers.0.w", "F32", 2, {3, 2}, "'layers.0.w' is neither weight nor bias"},
        {0, "layers.x.weight", "F32", 2, {3, 2}, "'layers.x.weight' is neither"},
        {0, "layers..weight", "F32", 2, {3, 2}, "'layers..weight' is neither"},
        {0, "layers.00.weight", "F32", 2, {3, 2}, "'layers.00.weight' is neither"},
        {0, "layers.-1.weight", "F32", 2, {3, 2}, "'layers.-1.weight' is neither"},
        {0, "layers.99999999999999999999.weight", "F32", 2, {3, 2}, "is neither"},
        {0, "layers.0.weight.x", "F32", 2, {3, 2}, "is neither"},
        {0, "layer.0.weight", "F32", 2, {3, 2}, "'layers.0.weight' is missing"},
        {3, "layers.9.bias", "F32", 1, {1}, "'layers.9.weight' is missing"},
        {1, "bias", "F32", 1, {3}, "'layers.0.bias' is missing"},
        {0, "layers.0.weight", "BF16", 2, {3, 2}, "'layers.0.weight' is of type BF16"},
        {1, "layers.0.bias", "I32", 1, {3}, "'layers.0.bias' is of type I32"},
        {0, "layers.0.weight", "F32", 1, {6}, "'layers.0.weight' has 1 dimensions, not 2"},
        {1, "layers.0.bias", "F32", 2, {3, 1}, "'layers.0.bias' has 2 dimensions, not 1"},
        {1, "layers.0.bias", "F32", 1, {2}, "'layers.0.bias' has 2 values for 3 outputs"},
        {2,
         "layers.10.weight",
         "F32",
         2,
         {1, 2},
         "'layers.10.weight' takes 2 inputs, the layer before has 3 outputs"},
        {0, "layers.0.weight", "F32", 2, {3, 0}, "layer 0 of width 0"},
    };
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        struct foreign foreign = good;
        size_t t = change[i].tensor;
        foreign.name[t] = change[i].name;
        foreign.dtype[t] = change[i].dtype;
        foreign.rank[t] = change[i].rank;
        memcpy(foreign.shape[t], change[i].shape, sizeof foreign.shape[t]);
        refused(&foreign, change[i].reason);
    }
    struct foreign none = good;
    for (size_t t = 0; t < 4; t++) {
        none.name[t] += strlen("layers.");
    }
    refused(&none, "no tensors layers.N.weight");
}

Test(model, refuses_two_precisions_in_one_file)
{
    static const double data[2] = {1, 2};
    const struct safetensors_tensor tensor[2] = {
        {"layers.0.bias", "F32", 1, {1}, data, 4},
        {"layers.0.weight", "F64", 2, {1, 1}, data, 8},
    };
    struct safetensors_output output;
    cr_assert_eq(safetensors_encode(NULL, 0, tensor, 2, &output, NULL), HEDDLE_OK);
    cr_assert_eq(file_write(path, output.piece, output.pieces, NULL), HEDDLE_OK);
    safetensors_output_done(&output);
    heddle_error err;
    cr_assert_eq(read_status(&err), HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "'layers.0.weight' is F64, others are F32"), "%s", err.text);
}

Test(model, refuses_more_layers_than_there_can_be)
{
    enum { LAYERS = SHAPE_MAX_LAYERS + 1 };
    static const float one = 1;
    static char name[2 * LAYERS][32];
    static struct safetensors_tensor tensor[2 * LAYERS];
    for (size_t i = 0; i < 2 * LAYERS; i++) {
        snprintf(name[i], sizeof name[i], "layers.%zu.%s", i / 2, i % 2 ? "bias" : "weight");
        tensor[i] = (struct safetensors_tensor){name[i], "F32", i % 2 ? 1 : 2, {1, 1}, &one, 4};
    }
    for (size_t layers = LAYERS - 1; layers <= LAYERS; layers++) {
        struct safetensors_output output;
        cr_assert_eq(safetensors_encode(NULL, 0, tensor, 2 * layers, &output, NULL), HEDDLE_OK);
        cr_assert_eq(file_write(path, output.piece, output.pieces, NULL), HEDDLE_OK);
        safetensors_output_done(&output);
        cr_assert_eq(read_status(NULL), layers < LAYERS ? HEDDLE_OK : HEDDLE_E_DATA);
    }
}

Test(model, refuses_foreign_weights_that_are_not_finite)
{
    float values[13];
    for (size_t i = 0; i < 13; i++) {
        memcpy(values, foreign_values, sizeof values);
        values[i] = i % 2 ? INFINITY : NAN;
        write_foreign(&good, values, sizeof(float));
        heddle_error err;
        cr_assert_eq(read_status(&err), HEDDLE_E_DATA);
        cr_assert(strstr(err.text, "holds a value that is not finite"), "%s", err.text);
    }
}

/* ---------------------------------------------------------------- failures ------------------- */

Test(model, a_file_that_cannot_be_opened_or_is_nothing)
{
    heddle_error err;
    cr_assert_eq(read_status(&err), HEDDLE_E_OPEN);
    write_bytes("", 0);
    cr_assert_eq(read_status(&err), HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "is no model file: it has only 0 bytes"), "%s", err.text);
    write_bytes("a,b\n1,2\n", 8);
    cr_assert_eq(read_status(&err), HEDDLE_E_DATA);
}

/* Do it once to count its allocations, then again with each of them failing: it must succeed all the
 * same (where memory was only wished for) or say why not. */
static size_t fail_each(heddle_status (*action)(void *with), void *with)
{
    memory_fail_at(0, false);
    cr_assert_eq(action(with), HEDDLE_OK);
    size_t count = memory_count();
    size_t failed = 0;
    for (size_t n = 1; n <= count; n++) {
        memory_fail_at(n, false);
        heddle_status status = action(with);
        memory_fail_at(0, false);
        cr_assert(status == HEDDLE_OK || status == HEDDLE_E_MEMORY, "allocation %zu: %s", n,
                  heddle_status_name(status));
        failed += status != HEDDLE_OK;
    }
    return failed;
}

static heddle_status do_read(void *with)
{
    (void)with;
    return read_status(NULL);
}

static heddle_status do_hash(void *with)
{
    char hex[65] = "";
    heddle_status status = heddle_model_sha256(with, hex, NULL);
    cr_assert_eq(strlen(hex), status ? 0 : 64);
    return status;
}

static heddle_status do_write(void *with)
{
    write_bytes("old", 3);
    heddle_status status = heddle_model_write(with, path, NULL);
    size_t size;
    char *bytes = read_bytes(&size);
    cr_assert_eq(status != HEDDLE_OK, size == 3 && memcmp(bytes, "old", 3) == 0);
    free(bytes);
    return status;
}

Test(model, every_allocation_may_fail)
{
    heddle_model *model = small_model(false);
    cr_assert(fail_each(do_write, model) >= 4);
    cr_assert(fail_each(do_hash, model) >= 4);
    cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_OK);
    cr_assert(fail_each(do_read, NULL) > 10);
    write_foreign(&good, foreign_values, sizeof(float));
    cr_assert(fail_each(do_read, NULL) > 10);
    heddle_model_free(model);
}

Test(model, a_failed_write_leaves_the_old_file)
{
    heddle_model *model = small_model(true);
    cr_assert_eq(heddle_model_write(model, path, NULL), HEDDLE_OK);
    size_t size;
    char *bytes = read_bytes(&size);
    model->values[0] = 2;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t limit = 0; limit < size; limit += 97) {
        struct rlimit before, small;
        cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
        small = before;
        small.rlim_cur = limit;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
        heddle_status status = heddle_model_write(model, path, NULL);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        cr_assert_eq(status, HEDDLE_E_IO);
        size_t now;
        char *kept = read_bytes(&now);
        cr_assert(now == size && memcmp(kept, bytes, size) == 0);
        free(kept);
    }
    cr_assert_eq(heddle_model_write(model, "/nonexistent/m.safetensors", NULL), HEDDLE_E_CREATE);
    free(bytes);
    heddle_model_free(model);
}
