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

#define HALF_PI 1.57079632679489661923

/**
 * A connection takes at least "(0, 0)" and a blank. Of all that fully connected layers would have,
 * one in SPARSEST must be there: what is missing takes memory all the same.
 */
enum { CONNECTION_BYTES = 7, SPARSEST = 32 };

/* FANN's functions by their numbers: of z times the steepness it is a × f(gain × z + lift) + b. */
static const struct function {
    const char *name;
    bool known, stepwise;
    enum activation f;
    double gain, lift, a, b;
} functions[] = {
    {"linear", true, false, ACTIVATION_LINEAR, 1, 0, 1, 0},
    {"threshold", .known = false},
    {"threshold_symmetric", .known = false},
    {"sigmoid", true, false, ACTIVATION_SIGMOID, 2, 0, 1, 0},
    {"sigmoid_stepwise", true, true, ACTIVATION_SIGMOID, 2, 0, 1, 0},
    {"sigmoid_symmetric", true, false, ACTIVATION_TANH, 1, 0, 1, 0},
    {"sigmoid_symmetric_stepwise", true, true, ACTIVATION_TANH, 1, 0, 1, 0},
    {"gaussian", true, false, ACTIVATION_GAUSSIAN, 1, 0, 1, 0},
    {"gaussian_symmetric", true, false, ACTIVATION_GAUSSIAN, 1, 0, 2, -1},
    {"gaussian_stepwise", .known = false},
    {"elliot", true, false, ACTIVATION_SOFTSIGN, 1, 0, 0.5, 0.5},
    {"elliot_symmetric", true, false, ACTIVATION_SOFTSIGN, 1, 0, 1, 0},
    {"linear_piece", true, false, ACTIVATION_HARD_SIGMOID, 6, -3, 1, 0},
    {"linear_piece_symmetric", true, false, ACTIVATION_HARD_SIGMOID, 3, 0, 2, -1},
    {"sin_symmetric", true, false, ACTIVATION_SINE, 1, 0, 1, 0},
    {"cos_symmetric", true, false, ACTIVATION_SINE, 1, HALF_PI, 1, 0},
    {"sin", true, false, ACTIVATION_SINE, 1, 0, 0.5, 0.5},
    {"cos", true, false, ACTIVATION_SINE, 1, HALF_PI, 0.5, 0.5},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* The largest difference, at |z| = 0.98. */
static const char STEPWISE_NOTE[] = "FANN's stepwise sigmoids are taken as the sigmoids they stand "
                                    "for: their outputs differ by up to 0.033 (symmetric: 0.066)";

/* What "neurons" says of one. */
struct neuron {
    uint64_t inputs; /* connections, that of the bias neuron too */
    double steepness;
};

/* What is read from, and into. */
struct net {
    const char *text, *end;
    const char *path;
    struct shape shape;
    const struct function *function[SHAPE_MAX_LAYERS + 1]; /* of layer l ≥ 1 */
    struct neuron *neurons;                                /* (Σ n[l], l ≥ 1) */
    double *values; /* (parameters) plain order; NaN: no connection yet */
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
        if (l > 0 &&
            (!size_multiply(layer_size(net, l - 1), net->shape.width[l], &more) ||
             !size_add(connections, more, &connections) || connections / SPARSEST > most)) {
            return refuse(net, "the file is too short for the connections of its layers");
        }
    }
    skip_blanks(&line);
    return line.p == line.end ? HEDDLE_OK : refuse(net, "it has more 'layer_sizes' than layers");
}

/** Does the function of a neuron go with that of its layer? */
static heddle_status use_function(struct net *net, size_t l, size_t o, uint64_t number)
{
    if (number >= FUNCTIONS) {
        return refuse(net, "neuron %zu of layer %zu has the unknown function %llu", o, l,
                      (unsigned long long)number);
    }
    const struct function *function = &functions[number];
    if (!function->known) {
        return refuse(net,
                      "neuron %zu of layer %zu has the function %s, which Heddle does not have", o,
                      l, function->name);
    }
    if (o == 0) {
        net->function[l] = function;
        net->shape.activation[l] = function->f;
    }
    return function == net->function[l]
               ? HEDDLE_OK
               : refuse(net, "layer %zu has neurons of several functions", l);
}

static heddle_status read_neurons(struct net *net)
{
    struct line line;
    if (!find_line(net, "neurons (num_inputs, activation_function, activation_steepness)", &line)) {
        return refuse(net, "it has no 'neurons'");
    }
    struct neuron *neuron = net->neurons;
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
            size_t most = l == 0 || bias ? 0 : layer_size(net, l - 1);
            if (inputs > most) {
                return refuse(net, "neuron %zu of layer %zu has %llu connections; %zu are possible",
                              o, l, (unsigned long long)inputs, most);
            }
            if (l > 0 && !bias) {
                *neuron++ = (struct neuron){inputs, steepness};
                heddle_status status = use_function(net, l, o, number);
                if (status) {
                    return status;
                }
            }
        }
    }
    skip_blanks(&line);
    return line.p == line.end ? HEDDLE_OK : refuse(net, "it has more neurons than its layers");
}

/** Weight n of the connections of neuron o of layer l, to where it belongs: W or b. */
static heddle_status read_connection(struct net *net, struct line *line, size_t l, size_t o,
                                     uint64_t n, uint64_t first, double *W, double *b)
{
    size_t m = net->shape.width[l - 1];
    uint64_t from;
    double weight;
    if (!take(line, '(') || !take_index(line, &from) || !take(line, ',') ||
        !take_number(line, &weight) || !take(line, ')')) {
        return refuse(net, "connection %llu of neuron %zu of layer %zu is missing or damaged",
                      (unsigned long long)n, o, l);
    }
    if (from < first || from - first > m) {
        return refuse(net,
                      "neuron %zu of layer %zu is connected to neuron %llu, which is not in the "
                      "layer before",
                      o, l, (unsigned long long)from);
    }
    double *value = from - first < m ? &W[from - first] : b;
    if (*value == *value) {
        return refuse(net, "neuron %zu of layer %zu is connected to neuron %llu twice", o, l,
                      (unsigned long long)from);
    }
    *value = weight;
    return HEDDLE_OK;
}

/**
 * The weights of neuron o of layer l as ours: what is not connected is 0; a × f + b of the layer
 * before, gain and lift of this one are taken into them.
 */
static heddle_status fold(struct net *net, size_t l, size_t o, double steepness, double *W,
                          double *b)
{
    const struct function *before = net->function[l - 1], *here = net->function[l];
    size_t m = net->shape.width[l - 1];
    double gain = here->gain * steepness;
    double bias = *b == *b ? *b : 0;
    for (size_t i = 0; i < m; i++) {
        double weight = W[i] == W[i] ? W[i] : 0;
        bias += before ? before->b * weight : 0;
        W[i] = (before ? before->a : 1) * gain * weight;
        if (!__builtin_isfinite(W[i])) {
            return refuse(net, "a weight of neuron %zu of layer %zu is too large", o, l);
        }
    }
    *b = gain * bias + here->lift;
    return __builtin_isfinite(*b)
               ? HEDDLE_OK
               : refuse(net, "the bias of neuron %zu of layer %zu is too large", o, l);
}

static heddle_status read_connections(struct net *net)
{
    struct line line;
    if (!find_line(net, "connections (connected_to_neuron, weight)", &line)) {
        return refuse(net, "it has no 'connections'");
    }
    const struct neuron *neuron = net->neurons;
    uint64_t first = 0; /* number of the first neuron of the layer before */
    for (size_t l = 1; l <= net->shape.layers; l++) {
        size_t m = net->shape.width[l - 1];
        double *W = net->values + weights_begin(&net->shape, l);
        double *b = W + m * net->shape.width[l];
        for (size_t o = 0; o < net->shape.width[l]; o++, neuron++, W += m, b++) {
            heddle_status status = HEDDLE_OK;
            for (uint64_t n = 0; n < neuron->inputs && !status; n++) {
                status = read_connection(net, &line, l, o, n, first, W, b);
            }
            if (!status) {
                status = fold(net, l, o, neuron->steepness, W, b);
            }
            if (status) {
                return status;
            }
        }
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

/** a × f + b of the last layer, taken into the way back from f to the targets. */
static heddle_status unfold_targets(struct net *net, struct preprocess *p)
{
    const struct function *last = net->function[net->shape.layers];
    for (size_t t = 0; t < p->targets; t++) {
        p->target[t].shift += last->b / p->target[t].factor;
        p->target[t].factor /= last->a;
        if (!__builtin_isfinite(p->target[t].shift) || !__builtin_isfinite(p->target[t].factor)) {
            return refuse(net, "its scaling cannot be undone: a factor is too small");
        }
    }
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- the model ------------------ */

/** Notes of a model that was read, and that its stepwise sigmoids are none any more. */
static heddle_status add_notes(const struct net *net, heddle_model *model)
{
    bool stepwise = false;
    for (size_t l = 1; l <= net->shape.layers; l++) {
        stepwise = stepwise || net->function[l]->stepwise;
    }
    heddle_status status = model_note(model, "format", "foreign", net->err);
    if (!status) {
        status = model_note(model, "precision", model->use_double ? "double" : "float", net->err);
    }
    return status || !stepwise ? status : model_note(model, "note", STEPWISE_NOTE, net->err);
}

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
    if (!status) {
        status = unfold_targets(net, p);
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
    status = add_notes(net, made);
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
    net->neurons = memory_new(neurons, sizeof *net->neurons);
    net->values = memory_new(count, sizeof *net->values);
    if (!net->neurons || !net->values) {
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
    memory_free(net.neurons);
    memory_free(net.values);
    return status;
}
