/** onnx_functions: see model/onnx_functions.h. */
#include "model/onnx_functions.h"

#include "model/series.h"

/* ---------------------------------------------------------------- operations ----------------- */

char *onnx_round(struct onnx_graph *g, char *x)
{
    return g->rounds ? onnx_cast(g, onnx_cast(g, x, ONNX_FLOAT), g->type) : x;
}

/** a op b, rounded once; exact() for what needs no rounding. */
static char *rounded(struct onnx_graph *g, const char *op, char *a, char *b)
{
    return onnx_round(g, onnx_apply(g, op, a, b));
}

static char *exact(struct onnx_graph *g, const char *op, char *a, char *b)
{
    return onnx_apply(g, op, a, b);
}

static char *constant(struct onnx_graph *g, double value)
{
    return onnx_constant(g, g->rounds ? (double)(float)value : value);
}

static char *number(struct onnx_graph *g, enum series_id id)
{
    return onnx_constant(g, series_find(id, !g->rounds)->value[0]);
}

/** a * b + c, rounded once. */
static char *fused(struct onnx_graph *g, char *a, char *b, char *c)
{
    return rounded(g, "Add", exact(g, "Mul", a, b), c);
}

/** c - a * b, rounded once. */
static char *fused_less(struct onnx_graph *g, char *a, char *b, char *c)
{
    return rounded(g, "Sub", c, exact(g, "Mul", a, b));
}

static char *polynomial(struct onnx_graph *g, enum series_id id, char *x)
{
    const struct series *series = series_find(id, !g->rounds);
    char *p = onnx_constant(g, series->value[0]);
    for (size_t i = 1; i < series->n; i++) {
        p = fused(g, p, x, onnx_constant(g, series->value[i]));
    }
    return p;
}

static char *choose(struct onnx_graph *g, char *condition, char *yes, char *no)
{
    char *chosen = onnx_new_name(g);
    onnx_node(g, "Where", chosen, condition, yes, no, (char *)NULL);
    return chosen;
}

static char *negative(struct onnx_graph *g, char *x)
{
    return exact(g, "Neg", x, NULL);
}

/** size with the sign of x */
static char *with_sign(struct onnx_graph *g, char *size, char *x)
{
    return choose(g, exact(g, "Less", x, constant(g, 0)), negative(g, size), size);
}

/* ---------------------------------------------------------------- kernel/elementary.h -------- */

/** x = n ln 2 + r: r, and n. */
static char *exp_remainder(struct onnx_graph *g, char *x, char **n)
{
    *n = exact(g, "Round", exact(g, "Mul", x, number(g, SERIES_LOG2_E)), NULL);
    char *r = fused_less(g, *n, number(g, SERIES_LN2_HIGH), x);
    return fused_less(g, *n, number(g, SERIES_LN2_LOW), r);
}

/** e^r - 1, and n */
static char *exp_fraction(struct onnx_graph *g, char *x, char **n)
{
    char *r = exp_remainder(g, x, n);
    return fused(g, polynomial(g, SERIES_EXP, r), rounded(g, "Mul", r, r), r);
}

static char *power_of_two(struct onnx_graph *g, char *n)
{
    return exact(g, "Pow", constant(g, 2), n);
}

static char *within_exp(struct onnx_graph *g, char *x)
{
    x = exact(g, "Max", x, number(g, SERIES_EXP_LOWEST));
    return exact(g, "Min", x, number(g, SERIES_EXP_HIGHEST));
}

static char *exponential(struct onnx_graph *g, char *x)
{
    if (!g->rounds) {
        return exact(g, "Exp", x, NULL);
    }
    char *n;
    char *p = rounded(g, "Add", exp_fraction(g, within_exp(g, x), &n), constant(g, 1));
    return rounded(g, "Mul", p, power_of_two(g, n));
}

/** e^x - 1 for x ≤ 0 */
static char *exponential_less_1(struct onnx_graph *g, char *x)
{
    char *n;
    char *p = exp_fraction(g, exact(g, "Max", x, constant(g, -40)), &n);
    char *power = power_of_two(g, n);
    return fused(g, p, power, rounded(g, "Sub", power, constant(g, 1)));
}

/** ln(1 + x) for 0 ≤ x ≤ 1; 1 + x = 2^n m, and n is 0 or 1. */
static char *logarithm_of_1_and(struct onnx_graph *g, char *x)
{
    char *one = constant(g, 1);
    char *y = rounded(g, "Add", one, x);
    char *half = constant(g, 0.5);
    char *low = exact(g, "Less", exact(g, "Mul", y, half), number(g, SERIES_SQRT_HALF));
    char *n = choose(g, low, constant(g, 0), one);
    char *m = choose(g, low, y, exact(g, "Mul", y, half));
    char *f = exact(g, "Sub", m, one);
    char *s = rounded(g, "Div", f, rounded(g, "Add", constant(g, 2), f));
    char *z = rounded(g, "Mul", s, s);
    char *halved = rounded(g, "Mul", exact(g, "Mul", half, f), f);
    char *tail = fused(g, s, fused(g, z, polynomial(g, SERIES_LOG, z), halved),
                       exact(g, "Mul", n, number(g, SERIES_LN2_LOW)));
    char *log = fused(g, n, number(g, SERIES_LN2_HIGH),
                      rounded(g, "Sub", f, rounded(g, "Sub", halved, tail)));
    char *lost = rounded(g, "Sub", rounded(g, "Sub", y, one), x);
    return rounded(g, "Sub", log, rounded(g, "Div", lost, y));
}

static char *error_function(struct onnx_graph *g, char *x)
{
    if (g->type == ONNX_FLOAT) {
        return exact(g, "Erf", x, NULL);
    }
    char *one = constant(g, 1);
    char *z = rounded(g, "Mul", x, x);
    char *small = fused(g, x, number(g, SERIES_ERF_SLOPE),
                        rounded(g, "Mul", x, polynomial(g, SERIES_ERF, z)));
    char *size = exact(g, "Abs", x, NULL);
    char *most = exact(g, "Min", size, number(g, SERIES_ERF_END));
    char *center = number(g, SERIES_ERF_CENTER);
    char *u = rounded(g, "Div", rounded(g, "Sub", most, center), rounded(g, "Add", most, center));
    char *bell = exponential(g, negative(g, rounded(g, "Mul", most, most)));
    char *beyond = rounded(g, "Mul", bell, polynomial(g, SERIES_ERFC, u));
    char *large = with_sign(g, rounded(g, "Sub", one, beyond), x);
    return choose(g, exact(g, "Less", size, one), small, large);
}

/** -x = n ln 2 + r with e^r = (q + r) / (q - r): (q - r) / (q - r + 2^n (q + r)) */
static char *sigmoid(struct onnx_graph *g, char *x)
{
    if (!g->rounds) {
        char *one = constant(g, 1);
        return exact(g, "Div", one, exact(g, "Add", one, exponential(g, negative(g, x))));
    }
    char *n;
    char *r = exp_remainder(g, within_exp(g, negative(g, x)), &n);
    char *z = rounded(g, "Mul", r, r);
    char *q = fused(g, polynomial(g, SERIES_SIGMOID, z), z, constant(g, 2));
    char *rest = rounded(g, "Sub", q, r);
    char *grown = rounded(g, "Mul", rounded(g, "Add", q, r), power_of_two(g, n));
    return rounded(g, "Div", rest, rounded(g, "Add", rest, grown));
}

/* ---------------------------------------------------------------- kernel/transfer.h ---------- */

static char *hyperbolic_tangent(struct onnx_graph *g, char *z)
{
    char *one = constant(g, 1), *two = constant(g, 2);
    char *square = rounded(g, "Mul", z, z);
    char *p = rounded(g, "Mul", polynomial(g, SERIES_TANH, square), square);
    char *small = fused(g, p, z, z);
    char *size = exact(g, "Abs", z, NULL);
    char *grown = rounded(g, "Add", exponential(g, exact(g, "Add", size, size)), one);
    char *large = rounded(g, "Sub", one, rounded(g, "Div", two, grown));
    return choose(g, exact(g, "Less", size, constant(g, 0.55)), small, with_sign(g, large, z));
}

static char *leaky_relu(struct onnx_graph *g, char *z)
{
    return exact(g, "Max", z, rounded(g, "Mul", z, constant(g, 0.01)));
}

/** z < 0 ? alpha (e^z - 1) : z */
static char *elu_of(struct onnx_graph *g, char *z, double alpha)
{
    char *zero = constant(g, 0);
    char *bent = exponential_less_1(g, exact(g, "Min", z, zero));
    if (alpha != 1) {
        bent = rounded(g, "Mul", constant(g, alpha), bent);
    }
    return choose(g, exact(g, "Less", z, zero), bent, z);
}

static char *elu(struct onnx_graph *g, char *z)
{
    return elu_of(g, z, 1);
}

static char *selu(struct onnx_graph *g, char *z)
{
    return rounded(g, "Mul", constant(g, 1.0507009873554804934),
                   elu_of(g, z, 1.6732632423543772848));
}

/** z (1/2 + erf(z √½) / 2) */
static char *gelu(struct onnx_graph *g, char *z)
{
    char *half = constant(g, 0.5);
    char *scaled = rounded(g, "Mul", z, constant(g, 0.70710678118654752440));
    return rounded(g, "Mul", z, fused(g, half, error_function(g, scaled), half));
}

/** z / (1 + e^-z) if it may: onnxruntime makes of z σ(z) an operator that it has in float alone. */
static char *silu(struct onnx_graph *g, char *z)
{
    if (g->rounds) {
        return rounded(g, "Mul", z, sigmoid(g, z));
    }
    char *e = exact(g, "Exp", negative(g, z), NULL);
    return exact(g, "Div", z, exact(g, "Add", e, constant(g, 1)));
}

static char *softplus(struct onnx_graph *g, char *z)
{
    char *small = exponential(g, negative(g, exact(g, "Abs", z, NULL)));
    return rounded(g, "Add", exact(g, "Max", z, constant(g, 0)), logarithm_of_1_and(g, small));
}

static char *softsign(struct onnx_graph *g, char *z)
{
    char *size = exact(g, "Abs", z, NULL);
    return rounded(g, "Div", z, rounded(g, "Add", constant(g, 1), size));
}

static char *hard_sigmoid(struct onnx_graph *g, char *z)
{
    char *line = fused(g, z, constant(g, 1.0 / 6), constant(g, 0.5));
    return exact(g, "Min", exact(g, "Max", line, constant(g, 0)), constant(g, 1));
}

static char *gaussian(struct onnx_graph *g, char *z)
{
    return exponential(g, negative(g, rounded(g, "Mul", z, z)));
}

/** Is the whole number n odd? And n / 2, rounded down. */
static char *is_odd(struct onnx_graph *g, char *n, char **half)
{
    *half = exact(g, "Floor", exact(g, "Mul", n, constant(g, 0.5)), NULL);
    return exact(g, "Less", exact(g, "Add", *half, *half), n);
}

/** z = n π/2 + r; angles from 2^20 on give 0, and what is not finite NaN. */
static char *sine(struct onnx_graph *g, char *z)
{
    char *fits = exact(g, "Less", exact(g, "Abs", z, NULL), constant(g, 0x1p20));
    char *zero = exact(g, "Mul", z, constant(g, 0));
    char *angle = choose(g, fits, z, constant(g, 0));
    char *n = exact(g, "Round", exact(g, "Mul", angle, number(g, SERIES_TWO_BY_PI)), NULL);
    char *r = fused_less(g, n, number(g, SERIES_HALF_PI), angle);
    r = fused_less(g, n, number(g, SERIES_HALF_PI_LOW), r);
    r = fused_less(g, n, number(g, SERIES_HALF_PI_LOWEST), r);
    char *square = rounded(g, "Mul", r, r), *half, *quarter;
    char *s = rounded(g, "Mul", polynomial(g, SERIES_SIN, square), square);
    s = fused(g, s, r, r);
    char *c = fused(g, polynomial(g, SERIES_COS, square), rounded(g, "Mul", square, square),
                    fused(g, constant(g, -0.5), square, constant(g, 1)));
    s = choose(g, is_odd(g, n, &half), c, s);
    s = choose(g, is_odd(g, half, &quarter), negative(g, s), s);
    return choose(g, fits, s, zero);
}

char *onnx_columns(struct onnx_graph *g, char *x, char **first)
{
    int64_t zero = 0, last = 2;
    *first = onnx_new_name(g);
    onnx_set_int(g, onnx_node(g, "Gather", *first, x, onnx_int64s(g, 1, &zero, 1), (char *)NULL),
                 "axis", 1);
    return exact(g, "Unsqueeze", x, onnx_int64s(g, 1, &last, 1));
}

/** Only where a graph rounds: e^(z - the largest) over their sum, added up in order. */
static char *softmax(struct onnx_graph *g, char *z)
{
    char *most = onnx_new_name(g), *first;
    struct onnx_node *node = onnx_node(g, "ReduceMax", most, z, (char *)NULL);
    int64_t *axis = onnx_keep(g, 1, sizeof *axis);
    if (axis) {
        *axis = 1;
    }
    onnx_set_ints(g, node, "axes", axis, axis ? 1 : 0);
    char *e = exponential(g, rounded(g, "Sub", z, most));
    char *columns = onnx_columns(g, e, &first);
    char *begin = exact(g, "Mul", first, constant(g, 0));
    struct onnx_body *body = onnx_body_begin(g);
    char *sum = onnx_text(g, "sum"), *term = onnx_text(g, "term");
    char *next = rounded(g, "Add", sum, term);
    char *total = onnx_scan(g, body, onnx_new_name(g), 2, (char *const[]){sum, term}, next,
                            (char *const[]){begin, columns});
    return rounded(g, "Div", e, total);
}

/* ---------------------------------------------------------------- the table ------------------ */

/** The operator in float and double; "": nothing to do, NULL: build. Where a graph rounds, build. */
static const struct function {
    enum activation f;
    const char *op[2];
    char *(*build)(struct onnx_graph *g, char *z); /* NULL: the operator, rounded */
} functions[] = {
    {ACTIVATION_LINEAR, {"", ""}, NULL},
    {ACTIVATION_SIGMOID, {NULL, "Sigmoid"}, sigmoid}, /* runtimes lose the digits of small ones */
    {ACTIVATION_TANH, {"Tanh", "Tanh"}, hyperbolic_tangent},
    {ACTIVATION_RELU, {"Relu", "Relu"}, NULL},
    {ACTIVATION_SOFTMAX, {"Softmax", "Softmax"}, softmax},
    {ACTIVATION_LEAKY_RELU, {"LeakyRelu", NULL}, leaky_relu},
    {ACTIVATION_ELU, {"Elu", NULL}, elu},
    {ACTIVATION_SELU, {"Selu", NULL}, selu},
    {ACTIVATION_GELU, {NULL, NULL}, gelu},
    {ACTIVATION_SILU, {NULL, NULL}, silu},
    {ACTIVATION_SOFTPLUS, {"Softplus", NULL}, softplus},
    {ACTIVATION_SOFTSIGN, {"Softsign", NULL}, softsign},
    {ACTIVATION_HARD_SIGMOID, {NULL, NULL}, hard_sigmoid},
    {ACTIVATION_GAUSSIAN, {NULL, NULL}, gaussian},
    {ACTIVATION_SINE, {"Sin", "Sin"}, sine},
    {ACTIVATION_EXP, {"Exp", "Exp"}, exponential},
};

static const struct function *find(enum activation f)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (functions[i].f == f) {
            return &functions[i];
        }
    }
    return NULL;
}

bool onnx_knows(enum activation f)
{
    return find(f) != NULL;
}

char *onnx_transfer(struct onnx_graph *g, enum activation f, char *z)
{
    const struct function *function = find(f);
    const char *op = function->op[g->type == ONNX_DOUBLE];
    if (!op || (g->rounds && function->build)) {
        return function->build(g, z);
    }
    return *op ? rounded(g, op, z, NULL) : z;
}
