/**
 * Tests of src/model/fann_net.c. data/fann_*.net are networks made, the first two trained, and saved
 * by libfann 2.2.0 (Debian 2.2.0+ds-8, floatfann); the outputs below are its fann_run()'s, for
 * fann_scaled.net between fann_scale_input() and fann_descale_output():
 *
 *     fann_plain    2-3-2, hidden sigmoid_symmetric of steepness 0.7, output sigmoid
 *     fann_scaled   2-3-2, hidden sigmoid of steepness 0.25, output linear, scaled to -1 … 1,
 *                   -0.5 … 0.5
 *     fann_sparse   2-4-3-2, connection rate 0.6; gaussian_symmetric, sin, elliot of steepness 0.5,
 *                   0.75, 1
 *     fann_folded   2-3-3-2; cos_symmetric, linear_piece_symmetric, cos of the same steepnesses
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/fann_net.h"
#include "model/model.h"
#include "support.h"

enum { SIZE = 8192 };

static const double plain[4][4] = {
    {0, 0, 0.117115542, 0.859234214},
    {0.300000012, 0.25, 0.173859164, 0.820001006},
    {0.600000024, 0.5, 0.27765131, 0.738048077},
    {0.900000036, 0.75, 0.41425854, 0.614131153},
};
static const double scaled[4][4] = {
    {7, 0, 18.1319866, 50.8628235},
    {37, 20, 19.681427, 50.8738861},
    {67, 40, 23.5997429, 50.8392792},
    {97, 60, 33.5662689, 50.7242088},
};
static const double sparse[4][4] = {
    {0, 0, 0.25749737, 0.492799282},
    {0.300000012, 0.25, 0.249943703, 0.49952662},
    {0.600000024, -0.5, 0.24070552, 0.495294541},
    {-0.899999976, 0.75, 0.325988472, 0.488573879},
};
static const double folded[4][4] = {
    {0, 0, 0.234276071, 0.947356284},
    {0.300000012, 0.25, 0.223306566, 0.938991129},
    {0.600000024, -0.5, 0.209234074, 0.952969313},
    {-0.899999976, 0.75, 0.288362652, 0.933565974},
};

static size_t read_text(const char *name, char *text)
{
    size_t n = get_file(data_path(name), text, SIZE);
    cr_assert(n < SIZE - 1, "%s", name);
    return n;
}

static heddle_status parse(const char *text, size_t n, heddle_model **model, heddle_error *err)
{
    cr_assert(fann_net_is(text, n));
    return fann_net_parse(text, n, "x.net", model, err);
}

/* The text with the first `from` replaced by `to` must be refused, and the reason name `why`. */
static void refuse(const char *from, const char *to, const char *why)
{
    char text[SIZE], changed[2 * SIZE];
    read_text("fann_scaled.net", text);
    char *at = strstr(text, from);
    cr_assert_not_null(at, "%s", from);
    int n = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
                     at + strlen(from));
    heddle_model *model = NULL;
    heddle_error err;
    cr_assert_eq(parse(changed, (size_t)n, &model, &err), HEDDLE_E_DATA, "%s -> %s", from, to);
    cr_assert_null(model);
    cr_assert_not_null(strstr(err.text, why), "%s -> %s: %s", from, to, err.text);
}

Test(fann_net, what_cannot_be_taken_over_is_refused_with_a_reason)
{
    refuse("FANN_FLO_2.1", "FANN_FLO_2.0", "FANN_FLO_2.0");
    refuse("FANN_FLO_2.1", "FANN_FIX_2.1", "FANN_FIX_2.1");
    refuse("network_type=0", "network_type=1", "shortcuts");
    refuse("network_type=0", "network_typo=0", "network_type");
    refuse("network_type=0", "network_type=x", "no number");
    refuse("network_type=0", "network_type=0 0", "no number");
    refuse("num_layers=3", "num_layers=1", "2 to 65");
    refuse("num_layers=3", "num_layers=99999999999999999999", "no number");
    refuse("num_layers=3", "num_layers=2", "more 'layer_sizes'");
    refuse("num_layers=3", "num_layers=4", "size of layer 3");
    refuse("layer_sizes=3 4 3", "layer_sizes=3 1 3", "size of layer 1");
    refuse("layer_sizes=3 4 3", "layer_sizes=3 -4 3", "size of layer 1");
    refuse("layer_sizes=3 4 3", "layer_sizes=3 18446744073709551615 3", "size of layer 1");
    refuse("layer_sizes=3 4 3", "layer_sizes=300 300 3", "too short");
    refuse("layer_sizes=3 4 3", "layer_sizes=3 5 3", "4 connections; 0 are possible");
    refuse("(3, 3, ", "(4, 3, ", "4 connections; 3 are possible");
    refuse("(3, 3, ", "(2, 3, ", "not in the layer before");
    refuse("(3, 3, ", "(3, 1, ", "function threshold,");
    refuse("(3, 3, ", "(3, 9, ", "gaussian_stepwise");
    refuse("(3, 3, ", "(3, 18, ", "unknown function 18");
    refuse("(3, 3, ", "(3, 0, ", "several functions");
    refuse("(3, 3, ", "(3; 3, ", "damaged");
    refuse("(3, 3, ", "(3, 3, nan", "damaged");
    refuse("(connected_to_neuron, weight)=(0, ", "(connected_to_neuron, weight)=(3, ",
           "not in the layer before");
    refuse("(connected_to_neuron, weight)=(0, ", "(connected_to_neuron, weight)=(1, ", "twice");
    refuse("(connected_to_neuron, weight)=(0, ", "(connected_to_neuron, weight)=(0, 1e999 ",
           "damaged");
    refuse("(connected_to_neuron, weight)=(0, ", "(connected_to_neuron, weight)=(0, 1) (0, ",
           "twice");
    refuse("connections (", "contacts (", "no 'connections'");
    refuse("neurons (num", "nerves (num", "no 'neurons'");
    refuse("scale_mean_in", "scale_means_in", "scale_mean_in");
    refuse("scale_factor_out=", "scale_factor_out=0 0 ", "undone");
    refuse("scale_deviation_in=", "scale_deviation_in=x", "scale_deviation_in");
}

static void refuse_prefixes(const char *name)
{
    char text[SIZE];
    size_t n = read_text(name, text);
    while (n > 0 && strchr(" \n", text[n - 1])) {
        n--;
    }
    for (size_t cut = 0; cut < n; cut++) {
        char *copy = memory_new(cut, 1); /* so that a sanitizer sees a step too far */
        memcpy(copy, text, cut);
        heddle_model *model = NULL;
        if (fann_net_is(copy, cut)) {
            cr_assert_eq(fann_net_parse(copy, cut, "x.net", &model, NULL), HEDDLE_E_DATA,
                         "%zu bytes", cut);
        }
        memory_free(copy);
    }
}

Test(fann_net, every_prefix_is_refused)
{
    refuse_prefixes("fann_scaled.net");
    refuse_prefixes("fann_sparse.net");
}

static void change_bytes(const char *name)
{
    char text[SIZE];
    size_t n = read_text(name, text);
    uint64_t state = 1;
    for (int round = 0; round < 5000; round++) {
        char *copy = memory_new(n, 1);
        memcpy(copy, text, n);
        copy[13 + test_random(&state) % (n - 13)] = (char)"0123456789-.e ,()=\nx\0"[round % 21];
        heddle_model *model = NULL;
        heddle_status status = fann_net_parse(copy, n, "x.net", &model, NULL);
        cr_assert(status == HEDDLE_OK || status == HEDDLE_E_DATA);
        heddle_model_free(model);
        memory_free(copy);
    }
}

Test(fann_net, a_changed_byte_does_no_harm)
{
    change_bytes("fann_scaled.net");
    change_bytes("fann_sparse.net");
}

static void check_outputs(const char *name, const double (*wanted)[4])
{
    heddle_model *model;
    heddle_table *table;
    heddle_predictions predictions;
    heddle_error err;
    cr_assert_eq(heddle_model_read(data_path(name), &model, &err), HEDDLE_OK, "%s", err.text);
    double inputs[8];
    for (size_t i = 0; i < 8; i++) {
        inputs[i] = wanted[i / 2][i % 2];
    }
    cr_assert_eq(heddle_table_from_arrays(inputs, 2, NULL, 0, 4, &table, &err), HEDDLE_OK);
    cr_assert_eq(heddle_model_predict(model, table, 1, &predictions, &err), HEDDLE_OK, "%s",
                 err.text);
    cr_assert_eq(predictions.width, 2);
    for (size_t i = 0; i < 8; i++) {
        double want = wanted[i / 2][2 + i % 2];
        cr_assert(fabs(predictions.values[i] - want) <= 1e-6 * fabs(want), "%s, value %zu: %.9g",
                  name, i, predictions.values[i]);
    }
    heddle_predictions_done(&predictions);
    heddle_table_free(table);
    heddle_model_free(model);
}

Test(fann_net, computes_what_fann_computes)
{
    check_outputs("fann_plain.net", plain);
    check_outputs("fann_scaled.net", scaled);
    check_outputs("fann_sparse.net", sparse);
    check_outputs("fann_folded.net", folded);
}

/* Give all neurons that have the function `from` the function `to`, both of one digit. */
static void change_function(char *text, char from, char to)
{
    for (char *at = strstr(text, "neurons ("); (at = strstr(at, ", ")); at++) {
        if (at[2] == from && at[3] == ',' && at[-2] == '(') {
            at[2] = to;
        }
    }
}

Test(fann_net, stepwise_sigmoids_become_sigmoids_and_a_note_says_so)
{
    char text[SIZE];
    size_t n = read_text("fann_plain.net", text);
    heddle_model *smooth, *stepwise;
    cr_assert_eq(parse(text, n, &smooth, NULL), HEDDLE_OK);
    change_function(text, '3', '4');
    change_function(text, '5', '6');
    cr_assert_eq(parse(text, n, &stepwise, NULL), HEDDLE_OK);
    cr_assert_arr_eq(smooth->values, stepwise->values, 17 * sizeof(double));
    cr_assert_null(model_entry(smooth, "note"));
    cr_assert_not_null(strstr(model_entry(stepwise, "note"), "0.033"));
    heddle_model_free(smooth);
    heddle_model_free(stepwise);
}

Test(fann_net, what_is_not_connected_takes_no_memory_out_of_proportion)
{
    char text[SIZE];
    int n = snprintf(text, sizeof text,
                     "FANN_FLO_2.1\nnum_layers=3\nnetwork_type=0\nlayer_sizes=2 500 500\n%7000s\n",
                     "x");
    heddle_model *model = NULL;
    heddle_error err;
    cr_assert_eq(parse(text, (size_t)n, &model, &err), HEDDLE_E_DATA);
    cr_assert_not_null(strstr(err.text, "too short"), "%s", err.text);
}

Test(fann_net, connections_may_stand_in_any_order_and_lines_end_as_on_windows)
{
    char text[SIZE], changed[2 * SIZE];
    size_t n = read_text("fann_plain.net", text);
    heddle_model *model, *other;
    cr_assert_eq(parse(text, n, &model, NULL), HEDDLE_OK);
    char *first = strstr(text, "weight)=") + strlen("weight)=");
    char *second = strchr(first, ')') + 2, *third = strchr(second, ')') + 2;
    size_t used = (size_t)(first - text);
    memcpy(changed, text, used);
    memcpy(changed + used, second, (size_t)(third - second));
    used += (size_t)(third - second);
    memcpy(changed + used, first, (size_t)(second - first));
    used += (size_t)(second - first);
    memcpy(changed + used, third, n - (size_t)(third - text));
    cr_assert_eq(parse(changed, n, &other, NULL), HEDDLE_OK);
    cr_assert_arr_eq(model->values, other->values, 17 * sizeof(double));
    heddle_model_free(other);
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n') {
            changed[m++] = '\r';
        }
        changed[m++] = text[i];
    }
    cr_assert_eq(parse(changed, m, &other, NULL), HEDDLE_OK);
    cr_assert_arr_eq(model->values, other->values, 17 * sizeof(double));
    heddle_model_free(other);
    heddle_model_free(model);
}

Test(fann_net, is_float_if_nothing_is_lost)
{
    char text[SIZE];
    size_t n = read_text("fann_plain.net", text);
    heddle_model *model;
    cr_assert_eq(parse(text, n, &model, NULL), HEDDLE_OK);
    cr_assert(model->use_double, "a weight times 0.7 is no float");
    heddle_model_free(model);
    n = read_text("fann_scaled.net", text);
    cr_assert_eq(parse(text, n, &model, NULL), HEDDLE_OK);
    cr_assert_not(model->use_double);
    cr_assert_str_eq(model_entry(model, "precision"), "float");
    heddle_model_free(model);
}

Test(fann_net, survives_every_failing_allocation)
{
    char text[SIZE];
    size_t n = read_text("fann_scaled.net", text);
    heddle_model *model;
    size_t failed = 0;
    for (size_t k = 1;; k++) {
        memory_fail_at(k, false);
        heddle_status status = fann_net_parse(text, n, "x.net", &model, NULL);
        memory_fail_at(0, false);
        if (status == HEDDLE_OK) {
            heddle_model_free(model);
            break;
        }
        cr_assert_eq(status, HEDDLE_E_MEMORY);
        failed++;
    }
    cr_assert(failed > 10);
}
