/**
 * Tests of src/model/export*.c. What the exported files compute is tested by check_export_c.sh and
 * check_export_onnx.sh.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "model/export.h"
#include "support.h"

static heddle_model *make_model(void)
{
    struct shape shape = {.layers = 2, .width = {2, 3, 2}};
    shape.activation[1] = ACTIVATION_GELU;
    shape.activation[2] = ACTIVATION_SOFTMAX;
    cr_assert_eq(shape_finish(&shape, NULL), HEDDLE_OK);
    double values[17];
    for (size_t i = 0; i < 17; i++) {
        values[i] = (double)(float)(1.0 / (double)(i + 3) - 0.1);
    }
    values[4] = -0.0;
    values[5] = 0x1p-149;
    struct preprocess *preprocess;
    heddle_model *model;
    cr_assert_eq(preprocess_plain(2, 2, true, &preprocess, NULL), HEDDLE_OK);
    cr_assert_eq(model_create(&shape, LOSS_CROSS_ENTROPY, false, values, preprocess, &model, NULL),
                 HEDDLE_OK);
    return model;
}

Test(export, names_are_made_of_paths)
{
    static const char *const cases[][2] = {
        {"x.c", "x"},
        {"out/my-net.c", "my_net"},
        {"/a.b/net.2.onnx", "net_2"},
        {"dir.d/plain", "plain"},
        {"3.c", "net_3"},
        {"_.c", "net__"},
        {".c", "net__c"},
        {"\xc3\xa9.c", "net___"},
        {"a/", "net_"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[EXPORT_NAME_SIZE];
        cr_assert_eq(export_name(cases[i][0], NULL, name, NULL), HEDDLE_OK);
        cr_assert_str_eq(name, cases[i][1]);
    }
    char path[300], name[EXPORT_NAME_SIZE];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = 0;
    cr_assert_eq(export_name(path, NULL, name, NULL), HEDDLE_OK);
    cr_assert_eq(strlen(name), EXPORT_NAME_SIZE - 1);
}

Test(export, a_name_that_is_none_is_refused)
{
    static const char *const names[] = {
        "",         "1",
        "_a",       "a b",
        "a-b",      "a\"",
        "\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    char name[EXPORT_NAME_SIZE];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        heddle_export_options options = {.name = names[i]};
        cr_assert_eq(export_name("x.c", &options, name, NULL), HEDDLE_E_ARGUMENT, "%s", names[i]);
    }
    heddle_export_options options = {.name = names[7] + 1};
    cr_assert_eq(export_name("x.c", &options, name, NULL), HEDDLE_OK);
}

Test(export, numbers_are_exact_and_in_hexadecimal)
{
    const char *path = scratch_path("export_numbers.c");
    heddle_model *model = make_model();
    cr_assert_eq(heddle_model_export_c(model, path, NULL, NULL), HEDDLE_OK);
    static char text[1 << 16];
    cr_assert(get_file(path, text, sizeof text) < sizeof text);
    const char *weights = strstr(text, "weights_1[] = {");
    cr_assert_not_null(weights);
    cr_assert_not_null(strstr(weights, "-0.0f"));
    cr_assert_not_null(strstr(weights, "0x1.0p-149f"));
    /* 1/3 - 0.1 as a float */
    cr_assert_not_null(strstr(weights, "{\n    0x1.dddddep-3f,"));
    heddle_model_free(model);
}

/* Every allocation fails in turn; the file is there only when all went well. */
static void fail_each(heddle_status (*export)(const heddle_model *model, const char *path,
                                              const heddle_export_options *options,
                                              heddle_error *err),
                      const char *name)
{
    const char *path = scratch_path(name);
    heddle_model *model = make_model();
    size_t failed = 0;
    heddle_status first = export(model, path, NULL, NULL);
    if (first == HEDDLE_E_UNSUPPORTED) {
        heddle_model_free(model);
        cr_skip_test("built without ONNX");
    }
    cr_assert_eq(first, HEDDLE_OK);
    unlink(path);
    for (size_t n = 1;; n++) {
        memory_fail_at(n, false);
        heddle_status status = export(model, path, NULL, NULL);
        size_t asked = memory_count();
        memory_fail_at(0, false);
        if (status == HEDDLE_OK && asked < n) {
            break;
        }
        if (status == HEDDLE_OK) { /* memory that was only wished for */
            unlink(path);
            continue;
        }
        cr_assert_eq(status, HEDDLE_E_MEMORY, "allocation %zu: %s", n, heddle_status_name(status));
        cr_assert_neq(access(path, F_OK), 0);
        failed++;
    }
    cr_assert(failed > 20, "%zu", failed);
    heddle_model_free(model);
}

Test(export, c_survives_every_failing_allocation)
{
    fail_each(heddle_model_export_c, "export_fail.c");
}

Test(export, onnx_survives_every_failing_allocation)
{
    fail_each(heddle_model_export_onnx, "export_fail.onnx");
}

Test(export, an_output_that_cannot_be_made_is_refused)
{
    heddle_model *model = make_model();
    heddle_error err;
    cr_assert_eq(heddle_model_export_c(model, "/none/x.c", NULL, &err), HEDDLE_E_CREATE);
    cr_assert_not_null(strstr(err.text, "/none/x.c"));
    heddle_status status = heddle_model_export_onnx(model, "/none/x.onnx", NULL, &err);
    cr_assert(status == HEDDLE_E_CREATE || status == HEDDLE_E_UNSUPPORTED);
    heddle_model_free(model);
}
