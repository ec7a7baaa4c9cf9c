/**
 * fann_net: see model/fann_net.h. The file is lines of key=value; those that matter are
 *
 *     FANN_FLO_2.1
 *     num_layers=3
 *     network_type=0
 *     layer_sizes=3 4 2                                      each with its bias neuron, the last too
 *     scale_included=0                                       1: eight lines scale_… follow
 *     neurons (num_inputs, …)=(0, 0, 0.0e+00) (0, 0, …) …    all neurons, layer by layer
 *     connections (connected_to_neuron, weight)=(0, -1.3e-01) (1, …) …    of each neuron in turn
 *
 * Nothing of a size the file claims is allocated before the file is long enough to hold it.
 */
#include "model/fann_net.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "model/model.h"
#include "network/weights.h"

static const char VERSION_LINE[] = "FANN_FLO_2.1";

/** A connection takes at least "(0, 0)" and a blank. */
enum { CONNECTION_BYTES = 7 };

/* FANN's functions by their numbers. z is multiplied by gain × steepness. */
static const struct {
    const char *name;
    bool known;
    enum activation f;
    double gain;
} functions[] = {
    {"linear", true, ACTIVATION_LINEAR, 1},
    {"threshold", .known = false},
    {"threshold_symmetric", .known = false},
    {"sigmoid", true, ACTIVATION_SIGMOID, 2},
    {"sigmoid_stepwise", .known = false},
    {"sigmoid_symmetric", true, ACTIVATION_TANH, 1},
    {"sigmoid_symmetric_stepwise", .known = false},
    {"gaussian", true, ACTIVATION_GAUSSIAN, 1},
    {"gaussian_symmetric", .known = false},
    {"gaussian_stepwise", .known = false},
    {"elliot", .known = false},
    {"elliot_symmetric", true, ACTIVATION_SOFTSIGN, 1},
    {"linear_piece", .known = false},
    {"linear_piece_symmetric", .known = false},
    {"sin_symmetric", true, ACTIVATION_SINE, 1},
    {"cos_symmetric", .known = false},
    {"sin", .known = false},
    {"cos", .known = false},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* What is read from, and into. */
struct net {
    const char *text, *end;
    const char *path;
    struct shape shape;
    double *gain;   /* (Σ n[l], l ≥ 1) of each neuron */
    double *values; /* (parameters) plain order; NaN: not there yet */
    heddle_error *err;
};

/** Refuse the file, the reason in printf format. */
#define refuse(net, format, ...)                                                                   \
    status_set((net)->err, HEDDLE_E_DATA, "'%s' is no FANN network Heddle can use: " format,       \
               (net)->path, ##__VA_ARGS__)

/* ---------------------------------------------------------------- words ---------------------- */

/* The rest of a line. */
struct line {
    const char *p, *end;
};

/** The value of `key`; false if no line begins with "key=". */
static bool find_line(const struct net *net, const char *key, struct line *line)
{
    size_t n = strlen(key);
    for (const char *p = net->text; p < net->end;) {
        const char *end = memchr(p, '\n', (size_t)(net->end - p));
        end = end ? end : net->end;
        if ((size_t)(end - p) > n && memcmp(p, key, n) == 0 && p[n] == '=') {
            *line = (struct line){p + n + 1, end};
            return true;
        }
        p = end + (end < net->end);
    }
    return false;
}

static void skip_blanks(struct line *line)
{
    while (line->p < line->end && (*line->p == ' ' || *line->p == '\t' || *line->p == '\r')) {
        line->p++;
    }
}

/** Take the character c, blanks before it skipped; false if something else stands there. */
static bool take(struct line *line, char c)
{
    skip_blanks(line);
    if (line->p == line->end || *line->p != c) {
        return false;
    }
    line->p++;
    return true;
}

/** The next word: up to a blank, comma or parenthesis. Its length; 0 if there is none. */
static size_t next_word(struct line *line, const char **word)
{
    skip_blanks(line);
    *word = line->p;
    while (line->p < line->end && !strchr(" \t\r,()", *line->p)) {
        line->p++;
    }
    return (size_t)(line->p - *word);
}

static bool take_index(struct line *line, uint64_t *value)
{
    const char *word;
    size_t n = next_word(line, &word);
    return text_to_u64(word, n, value);
}

static bool take_number(struct line *line, double *value)
{
    const char *word;
    size_t n = next_word(line, &word);
    return text_to_double(word, n, value);
}

/** The value of `key`, a whole number that stands alone. */
static heddle_status read_index(const struct net *net, const char *key, uint64_t *value)
{
    struct line line;
    if (!find_line(net, key, &line)) {
        return refuse(net, "it has no '%s'", key);
    }
    bool fits = take_index(&line, value);
    skip_blanks(&line);
    return fits && line.p == line.end ? HEDDLE_OK : refuse(net, "its '%s' is no number", key);
}

/* ---------------------------------------------------------------- layers --------------------- */

/** Neurons of layer l in the file: ours and the bias neuron. */
static size_t layer_size(const struct net *net, size_t l)
{
    return net->shape.width[l] + 1;
}

static heddle_status read_layers(struct net *net)
{
    uint64_t type, layers, size;
    heddle_status status = read_index(net, "network_type", &type);
    if (!status && type != 0) {
        status = refuse(net, "its layers have shortcuts (network_type %llu), Heddle's have none",
                        (unsigned long long)type);
    }
    if (!status) {
        status = read_index(net, "num_layers", &layers);
    }
    if (!status && (layers < 2 || layers > SHAPE_MAX_LAYERS + 1)) {
        status = refuse(net, "it has %llu layers; 2 to %d are possible", (unsigned long long)layers,
                        SHAPE_MAX_LAYERS + 1);
    }
    if (status) {
        return status;
    }
    struct line line;
    if (!find_line(net, "layer_sizes", &line)) {
        return refuse(net, "it has no 'layer_sizes'");
    }
    net->shape.layers = (size_t)layers - 1;
    size_t connections = 0;
    size_t most = (size_t)(net->end - net->text) / CONNECTION_BYTES;
    for (size_t l = 0; l <= net->shape.layers; l++) {
        if (!take_index(&line, &size) || size < 2 || size > (uint64_t)most + 2) {
            return refuse(net, "the size of layer %zu is missing or wrong", l);
        }
        net->shape.width[l] = (size_t)size - 1;
        size_t more = 0;
        if (l > 0 && (!size_multiply(layer_size(net, l - 1), net->shape.width[l], &more) ||
                      !size_add(connections, more, &connections) || connections > most)) {
            return refuse(net,
                          "the file is too short for the connections of its layers; if they are "
                          "not fully connected, Heddle cannot take them");
        }
    }
    skip_blanks(&line);
    return line.p == line.end ? HEDDLE_OK : refuse(net, "it has more 'layer_sizes' than layers");
}

/** Do the function and steepness of a neuron go with those of its layer? */
static heddle_status use_function(struct net *net, size_t l, size_t o, uint64_t number,
                                  double steepness, double *gain)
{
    if (number >= FUNCTIONS) {
        return refuse(net, "neuron %zu of layer %zu has the unknown function %llu", o, l,
                      (unsigned long long)number);
    }
    if (!functions[number].known) {
        return refuse(net,
                      "neuron %zu of layer %zu has the function %s, which Heddle does not have%s",
                      o, l, functions[number].name,
                      strstr(functions[number].name, "sigmoid") ? "; save the network with the one "
                                                                  "that is not stepwise"
                                                                : "");
    }
    if (o == 0) {
        net->shape.activation[l] = functions[number].f;
    }
    if (functions[number].f != net->shape.activation[l]) {
        return refuse(net, "layer %zu has neurons of several functions", l);
    }
    *gain = functions[number].gain * steepness;
    return HEDDLE_OK;
}

static heddle_status read_neurons(struct net *net)
{
    struct line line;
    if (!find_line(net, "neurons (num_inputs, activation_function, activation_steepness)", &line)) {
        return refuse(net, "it has no 'neurons'");
    }
    double *gain = net->gain;
    for (size_t l = 0; l <= net->shape.layers; l++) {
        for (size_t o = 0; o < layer_size(net, l); o++) {
            uint64_t inputs, number;
            double steepness;
            if (!take(&line, '(') || !take_index(&line, &inputs) || !take(&line, ',') ||
                !take_index(&line, &number) || !take(&line, ',') ||
                !take_number(&line, &steepness) || !take(&line, ')')) {
                return refuse(net, "neuron %zu of layer %zu is missing or damaged", o, l);
            }
            bool bias = o == net->shape.width[l];
            size_t wanted = l == 0 || bias ? 0 : layer_size(net, l - 1);
            if (inputs != wanted) {
                return refuse(net,
                              "neuron %zu of layer %zu has %llu connections where a fully "
                              "connected layer has %zu",
                              o, l, (unsigned long long)inputs, wanted);
            }
            if (l > 0 && !bias) {
                heddle_status status = use_function(net, l, o, number, steepness, gain++);
                if (status) {
                    return status;
                }
            }
        }
    }
    skip_blanks(&line);
    return line.p == line.end ? HEDDLE_OK : refuse(net, "it has more neurons than its layers");
}

static heddle_status read_connections(struct net *net)
{
    struct line line;
    if (!find_line(net, "connections (connected_to_neuron, weight)", &line)) {
        return refuse(net, "it has no 'connections'");
    }
    const double *gain = net->gain;
    double *W = net->values;
    size_t first = 0; /* number of the first neuron of the layer before */
    for (size_t l = 1; l <= net->shape.layers; l++) {
        size_t m = net->shape.width[l - 1];
        size_t n = net->shape.width[l];
        for (size_t o = 0; o < n; o++, gain++) {
            for (size_t k = 0; k <= m; k++) {
                uint64_t from;
                double weight;
                if (!take(&line, '(') || !take_index(&line, &from) || !take(&line, ',') ||
                    !take_number(&line, &weight) || !take(&line, ')')) {
                    return refuse(net,
                                  "connection %zu of neuron %zu of layer %zu is missing or "
                                  "damaged",
                                  k, o, l);
                }
                if (from < first || from - first > m) {
                    return refuse(net,
                                  "neuron %zu of layer %zu is connected to neuron %llu, which is "
                                  "not in the layer before",
                                  o, l, (unsigned long long)from);
                }
                size_t i = (size_t)from - first;
                double *value = i < m ? &W[o * m + i] : &W[m * n + o];
                if (*value == *value) {
                    return refuse(net, "neuron %zu of layer %zu is connected to neuron %llu twice",
                                  o, l, (unsigned long long)from);
                }
                *value = *gain * weight;
                if (!__builtin_isfinite(*value)) {
                    return refuse(net, "a weight of neuron %zu of layer %zu is too large", o, l);
                }
            }
        }
        W += (m + 1) * n;
        first += layer_size(net, l - 1);
    }
    skip_blanks(&line);
    return line.p == line.end ? HEDDLE_OK : refuse(net, "it has more connections than its neurons");
}

/* ---------------------------------------------------------------- scaling -------------------- */

/** n numbers of the line "scale_WHAT_in" or "…_out". */
static heddle_status read_scale(struct net *net, const char *key, size_t n, double *value)
{
    struct line line;
    if (!find_line(net, key, &line)) {
        return refuse(net, "it has no '%s'", key);
    }
    for (size_t i = 0; i < n; i++) {
        if (!take_number(&line, &value[i])) {
            return refuse(net, "number %zu of its '%s' is missing or damaged", i + 1, key);
        }
    }
    return HEDDLE_OK;
}

/** Four rows of n numbers: means, deviations, new minima, factors. */
static heddle_status read_scales(struct net *net, bool out, size_t n, double *value)
{
    static const char *const keys[2][4] = {
        {"scale_mean_in", "scale_deviation_in", "scale_new_min_in", "scale_factor_in"},
        {"scale_mean_out", "scale_deviation_out", "scale_new_min_out", "scale_factor_out"}};
    heddle_status status = HEDDLE_OK;
    for (size_t k = 0; k < 4 && !status; k++) {
        status = read_scale(net, keys[out][k], n, value + k * n);
    }
    return status;
}

/**
 * FANN's ((x - mean) / deviation + 1) × factor + new minimum as our (x - shift) × factor. It leaves
 * a column without deviation as it is.
 */
static heddle_status convert_scale(struct net *net, const double *value, size_t n, size_t i,
                                   double *shift, double *factor)
{
    double mean = value[i], deviation = value[n + i], low = value[2 * n + i], f = value[3 * n + i];
    if (deviation == 0) {
        return HEDDLE_OK;
    }
    *factor = f / deviation;
    *shift = mean - deviation * (1 + low / f);
    return __builtin_isfinite(*factor) && __builtin_isfinite(*shift) && *factor != 0
               ? HEDDLE_OK
               : refuse(net, "its scaling cannot be undone: a factor is 0");
}

static heddle_status read_scaling(struct net *net, struct preprocess *p)
{
    size_t most = p->inputs > p->targets ? p->inputs : p->targets;
    double *value = memory_new(most, 4 * sizeof *value);
    if (!value) {
        return status_memory(net->err, "the scaling of a network", most * 4 * sizeof *value);
    }
    heddle_status status = read_scales(net, false, p->inputs, value);
    for (size_t j = 0; j < p->inputs && !status; j++) {
        status = convert_scale(net, value, p->inputs, j, &p->input[j].shift, &p->input[j].factor);
    }
    if (!status) {
        status = read_scales(net, true, p->targets, value);
    }
    for (size_t t = 0; t < p->targets && !status; t++) {
        status =
            convert_scale(net, value, p->targets, t, &p->target[t].shift, &p->target[t].factor);
    }
    p->scale = SCALE_STANDARD;
    memory_free(value);
    return status;
}

/* ---------------------------------------------------------------- the model ------------------ */

static heddle_status make_model(struct net *net, heddle_model **model)
{
    const struct shape *shape = &net->shape;
    struct line line;
    struct preprocess *p;
    heddle_status status =
        preprocess_plain(shape->width[0], shape->width[shape->layers], false, &p, net->err);
    if (status) {
        return status;
    }
    uint64_t scaled = 0;
    if (find_line(net, "scale_included", &line)) {
        status = read_index(net, "scale_included", &scaled);
    }
    if (!status && scaled) {
        status = read_scaling(net, p);
    }
    if (status) {
        preprocess_free(p);
        return status;
    }
    bool use_double = false;
    for (size_t i = 0; i < shape_parameters(shape); i++) {
        use_double = use_double || (double)(float)net->values[i] != net->values[i];
    }
    heddle_model *made;
    status = model_create(shape, LOSS_MSE, use_double, net->values, p, &made, net->err);
    if (status) {
        return status;
    }
    status = model_note(made, "format", "foreign", net->err);
    if (!status) {
        status = model_note(made, "precision", use_double ? "double" : "float", net->err);
    }
    if (status) {
        heddle_model_free(made);
        return status;
    }
    *model = made;
    return HEDDLE_OK;
}

static heddle_status read_network(struct net *net, heddle_model **model)
{
    heddle_status status = read_layers(net);
    if (status) {
        return status;
    }
    size_t neurons = 0;
    for (size_t l = 1; l <= net->shape.layers; l++) {
        neurons += net->shape.width[l];
    }
    size_t count = shape_parameters(&net->shape);
    net->gain = memory_new(neurons, sizeof *net->gain);
    net->values = memory_new(count, sizeof *net->values);
    if (!net->gain || !net->values) {
        return status_memory(net->err, "the weights of a network", count * sizeof *net->values);
    }
    for (size_t i = 0; i < count; i++) {
        net->values[i] = __builtin_nan("");
    }
    status = read_neurons(net);
    if (!status) {
        status = read_connections(net);
    }
    if (status) {
        return status;
    }
    heddle_error reason;
    if (shape_finish(&net->shape, &reason)) {
        return refuse(net, "%s", reason.text);
    }
    return make_model(net, model);
}

bool fann_net_is(const void *bytes, size_t size)
{
    return size >= 7 && (memcmp(bytes, "FANN_FL", 7) == 0 || memcmp(bytes, "FANN_FI", 7) == 0);
}

heddle_status fann_net_parse(const void *bytes, size_t size, const char *path, heddle_model **model,
                             heddle_error *err)
{
    struct net net = {.text = bytes, .end = (const char *)bytes + size, .path = path, .err = err};
    const char *end = memchr(bytes, '\n', size);
    size_t n = end ? (size_t)(end - net.text) : size;
    while (n > 0 && strchr(" \t\r", net.text[n - 1])) {
        n--;
    }
    if (n != strlen(VERSION_LINE) || memcmp(bytes, VERSION_LINE, n) != 0) {
        return refuse(&net, "its version is '%.*s', not %s", n > 20 ? 20 : (int)n, net.text,
                      VERSION_LINE);
    }
    heddle_status status = read_network(&net, model);
    memory_free(net.gain);
    memory_free(net.values);
    return status;
}
