/**
 * export_c_text: see model/export_c_text.h. Three tables: the pieces that functions are made of,
 * the functions of layers, and the types.
 *
 * What differs from kernel/elementary.h: powers of two are made by ldexp and taken apart by frexp,
 * which are exact, so nothing is assumed of how a float looks in memory; and no NaN becomes an int.
 */
#include "model/export_c_text.h"

#include <stddef.h>

#include "model/c_list.h"
#include "model/series.h"

/* ---------------------------------------------------------------- pieces --------------------- */

static const char remainder_text[] = "\n"
                                     "/* x = n ln 2 + r: r, and n. */\n"
                                     "static real exp_remainder(real x, int *whole)\n"
                                     "{\n"
                                     "    real n = NEAREST(x, LOG2_E), r = FMA(-n, LN2_HIGH, x);\n"
                                     "    *whole = (int)n;\n"
                                     "    return FMA(-n, LN2_LOW, r);\n"
                                     "}\n";

static const char fraction_text[] = "\n"
                                    "/* e^r - 1, and n. */\n"
                                    "static real exp_fraction(real x, int *whole)\n"
                                    "{\n"
                                    "    real r = exp_remainder(x, whole);\n"
                                    "    return FMA(SERIES(exp_series, r), r * r, r);\n"
                                    "}\n";

static const char exp_text[] =
    "\n"
    "/* 2^n by halves, so that the smallest results are rounded once. */\n"
    "static real exp_of(real x)\n"
    "{\n"
    "    int n;\n"
    "    real p;\n"
    "    if (x != x)\n"
    "        return x;\n"
    "    x = x > EXP_LOWEST ? x : EXP_LOWEST;\n"
    "    x = x < EXP_HIGHEST ? x : EXP_HIGHEST;\n"
    "    p = exp_fraction(x, &n) + 1;\n"
    "    return p * LDEXP(1, n / 2) * LDEXP(1, n - n / 2);\n"
    "}\n";

static const char sigmoid_text[] =
    "\n"
    "/* 1 / (1 + e^-x): -x = n ln 2 + r, e^r = (q + r) / (q - r); 2^n by halves. */\n"
    "static real sigmoid_of(real x)\n"
    "{\n"
    "    int n;\n"
    "    real r, q, rest, grown;\n"
    "    if (x != x)\n"
    "        return x;\n"
    "    x = -x > EXP_LOWEST ? -x : EXP_LOWEST;\n"
    "    x = x < EXP_HIGHEST ? x : EXP_HIGHEST;\n"
    "    r = exp_remainder(x, &n);\n"
    "    q = FMA(SERIES(sigmoid_series, r * r), r * r, 2);\n"
    "    rest = q - r;\n"
    "    grown = (q + r) * LDEXP(1, n / 2) * LDEXP(1, n - n / 2);\n"
    "    return rest / (rest + grown);\n"
    "}\n";

static const char expm1_text[] = "\n"
                                 "/* e^x - 1 for x < 0 */\n"
                                 "static real expm1_of(real x)\n"
                                 "{\n"
                                 "    int n;\n"
                                 "    real p, power;\n"
                                 "    if (x != x)\n"
                                 "        return x;\n"
                                 "    p = exp_fraction(x > -40 ? x : -40, &n);\n"
                                 "    power = LDEXP(1, n);\n"
                                 "    return FMA(p, power, power - 1);\n"
                                 "}\n";

static const char tanh_text[] = "\n"
                                "static real tanh_of(real x)\n"
                                "{\n"
                                "    real size = FABS(x), z = x * x, large;\n"
                                "    if (size < (real)0.55)\n"
                                "        return FMA(SERIES(tanh_series, z) * z, x, x);\n"
                                "    large = 1 - 2 / (exp_of(size + size) + 1);\n"
                                "    return x < 0 ? -large : large;\n"
                                "}\n";

static const char log_text[] =
    "\n"
    "/* ln(1 + x) for 0 <= x <= 1: 1 + x = 2^n m, s = (m - 1) / (m + 1) */\n"
    "static real log1p_of(real x)\n"
    "{\n"
    "    int n = 0;\n"
    "    real y = 1 + x, f, s, z, half, low, result;\n"
    "    f = FREXP(y, &n);\n"
    "    if (f < SQRT_HALF) {\n"
    "        f = f + f;\n"
    "        n = n - 1;\n"
    "    }\n"
    "    f = f - 1;\n"
    "    s = f / (2 + f);\n"
    "    z = s * s;\n"
    "    half = (real)0.5 * f * f;\n"
    "    low = FMA(s, FMA(z, SERIES(log_series, z), half), (real)n * LN2_LOW);\n"
    "    result = FMA((real)n, LN2_HIGH, f - (half - low));\n"
    "    return result - ((y - 1) - x) / y;\n"
    "}\n";

static const char erf_text[] = "\n"
                               "static real erf_of(real x)\n"
                               "{\n"
                               "    real size = FABS(x), u, large;\n"
                               "    if (x != x)\n"
                               "        return x;\n"
                               "    if (size < 1)\n"
                               "        return FMA(x, ERF_SLOPE, x * SERIES(erf_series, x * x));\n"
                               "    size = ERF_END < size ? ERF_END : size;\n"
                               "    u = (size - ERF_CENTER) / (size + ERF_CENTER);\n"
                               "    large = 1 - exp_of(-(size * size)) * SERIES(erfc_series, u);\n"
                               "    return x < 0 ? -large : large;\n"
                               "}\n";

static const char sin_text[] =
    "\n"
    "/* x = n pi/2 + r; angles from 2^20 on give 0 */\n"
    "static real sin_of(real x)\n"
    "{\n"
    "    real n, r, z, s;\n"
    "    int quarter;\n"
    "    if (!(FABS(x) < 1048576))\n"
    "        return x * 0;\n"
    "    n = NEAREST(x, TWO_BY_PI);\n"
    "    r = FMA(-n, HALF_PI, x);\n"
    "    r = FMA(-n, HALF_PI_LOW, r);\n"
    "    r = FMA(-n, HALF_PI_LOWEST, r);\n"
    "    z = r * r;\n"
    "    quarter = ((int)n % 4 + 4) % 4;\n"
    "    if (quarter % 2)\n"
    "        s = FMA(SERIES(cos_series, z), z * z, FMA((real)-0.5, z, 1));\n"
    "    else\n"
    "        s = FMA(SERIES(sin_series, z) * z, r, r);\n"
    "    return quarter < 2 ? s : -s;\n"
    "}\n";

static const char hard_sigmoid_text[] = "\n"
                                        "static real hard_sigmoid_of(real x)\n"
                                        "{\n"
                                        "    real y = FMA(x, (real)1 / 6, (real)0.5);\n"
                                        "    y = 0 > y ? 0 : y;\n"
                                        "    return 1 < y ? 1 : y;\n"
                                        "}\n";

/* A bit for each piece; `needs` of a function has those of what the piece needs as well. */
enum {
    REMAINDER = 1, /* of exp */
    FRACTION = 2 | REMAINDER,
    EXP = 4 | FRACTION,
    SIGMOID = 8 | REMAINDER,
    EXPM1 = 16 | FRACTION,
    TANH = 32 | EXP,
    LOG1P = 64 | EXP,
    ERF = 128 | EXP,
    SIN = 256,
    HARD_SIGMOID = 512
};

/** In an order in which each stands behind those it needs; the constants are [first, end). */
static const struct {
    unsigned bit;
    enum series_id first, end;
    const char *text;
} pieces[] = {
    {REMAINDER, SERIES_LOG2_E, SERIES_EXP, remainder_text},
    {FRACTION, SERIES_EXP, SERIES_SIGMOID, fraction_text},
    {EXP, 0, 0, exp_text},
    {SIGMOID, SERIES_SIGMOID, SERIES_TANH, sigmoid_text},
    {EXPM1, 0, 0, expm1_text},
    {TANH, SERIES_TANH, SERIES_SQRT_HALF, tanh_text},
    {LOG1P, SERIES_SQRT_HALF, SERIES_ERF_SLOPE, log_text},
    {ERF, SERIES_ERF_SLOPE, SERIES_TWO_BY_PI, erf_text},
    {SIN, SERIES_TWO_BY_PI, SERIES_COUNT, sin_text},
    {HARD_SIGMOID, 0, 0, hard_sigmoid_text},
};

static void add_constant(struct string *out, const struct series *series, bool use_double)
{
    if (series->n == 1) {
        char text[C_HEX_SIZE];
        c_hex(series->value[0], !use_double, text);
        string_print(out, "#define %s (%s)\n", series->name, text);
        return;
    }
    string_print(out, "static const real %s[] = {", series->name);
    struct c_list list = {out, 0};
    for (size_t i = 0; i < series->n; i++) {
        c_list_add_number(&list, series->value[i], !use_double);
    }
    string_add(out, "};\n");
}

/* ---------------------------------------------------------------- functions of layers -------- */

static const char softmax_text[] = "\n"
                                   "static void softmax(real *z, int n)\n"
                                   "{\n"
                                   "    real most = z[0], sum = 0;\n"
                                   "    int o;\n"
                                   "    for (o = 1; o < n; o++)\n"
                                   "        most = most > z[o] ? most : z[o];\n"
                                   "    for (o = 0; o < n; o++) {\n"
                                   "        z[o] = exp_of(z[o] - most);\n"
                                   "        sum += z[o];\n"
                                   "    }\n"
                                   "    for (o = 0; o < n; o++)\n"
                                   "        z[o] /= sum;\n"
                                   "}\n";

/** A transfer function: f(x) as an expression of C with `x`, or the text of the whole function. */
static const struct function {
    enum activation f;
    unsigned needs;
    const char *name; /* in the file; NULL: nothing is to be done */
    const char *formula, *text;
} functions[] = {
    {ACTIVATION_LINEAR, 0, NULL, NULL, NULL},
    {ACTIVATION_SIGMOID, SIGMOID, "sigmoid", "sigmoid_of(x)", NULL},
    {ACTIVATION_TANH, TANH, "hyperbolic_tangent", "tanh_of(x)", NULL},
    {ACTIVATION_RELU, 0, "relu", "x < 0 ? 0 : x", NULL},
    {ACTIVATION_SOFTMAX, EXP, "softmax", NULL, softmax_text},
    {ACTIVATION_LEAKY_RELU, 0, "leaky_relu", "x > 0 ? x : x * (real)0.01", NULL},
    {ACTIVATION_ELU, EXPM1, "elu", "x < 0 ? expm1_of(x) : x", NULL},
    {ACTIVATION_SELU, EXPM1, "selu",
     "(real)1.0507009873554804934193349852946 *\n"
     "               (x < 0 ? (real)1.6732632423543772848170429916717 * expm1_of(x) : x)",
     NULL},
    {ACTIVATION_GELU, ERF, "gelu",
     "x * FMA((real)0.5, erf_of(x * (real)0.70710678118654752440084436210485), (real)0.5)", NULL},
    {ACTIVATION_SILU, SIGMOID, "silu", "x * sigmoid_of(x)", NULL},
    {ACTIVATION_SOFTPLUS, LOG1P, "softplus", "(0 > x ? 0 : x) + log1p_of(exp_of(-FABS(x)))", NULL},
    {ACTIVATION_SOFTSIGN, 0, "softsign", "x / (1 + FABS(x))", NULL},
    {ACTIVATION_HARD_SIGMOID, HARD_SIGMOID, "hard_sigmoid", "hard_sigmoid_of(x)", NULL},
    {ACTIVATION_GAUSSIAN, EXP, "gaussian", "exp_of(-(x * x))", NULL},
    {ACTIVATION_SINE, SIN, "sine", "sin_of(x)", NULL},
    {ACTIVATION_EXP, EXP, "exponential", "exp_of(x)", NULL},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static const struct function *find(enum activation f)
{
    for (size_t i = 0; i < FUNCTIONS; i++) {
        if (functions[i].f == f) {
            return &functions[i];
        }
    }
    return NULL;
}

bool export_c_knows(enum activation f)
{
    return find(f) != NULL;
}

const char *export_c_function(enum activation f)
{
    return find(f)->name;
}

void export_c_add_functions(struct string *out, const struct shape *shape, bool use_double)
{
    bool used[FUNCTIONS] = {false};
    unsigned needs = 0;
    for (size_t l = 1; l <= shape->layers; l++) {
        const struct function *function = find(shape->activation[l]);
        used[function - functions] = true;
        needs |= function->needs;
    }
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if ((needs & pieces[i].bit) == pieces[i].bit) {
            string_add(out, pieces[i].first < pieces[i].end ? "\n" : "");
            for (enum series_id id = pieces[i].first; id < pieces[i].end; id++) {
                add_constant(out, series_find(id, use_double), use_double);
            }
            string_add(out, pieces[i].text);
        }
    }
    for (size_t i = 0; i < FUNCTIONS; i++) {
        if (!used[i] || !functions[i].name) {
            continue;
        }
        if (functions[i].text) {
            string_add(out, functions[i].text);
            continue;
        }
        string_print(out,
                     "\n"
                     "static void %s(real *z, int n)\n"
                     "{\n"
                     "    int o;\n"
                     "    for (o = 0; o < n; o++) {\n"
                     "        real x = z[o];\n"
                     "        z[o] = %s;\n"
                     "    }\n"
                     "}\n",
                     functions[i].name, functions[i].formula);
    }
}

/* ---------------------------------------------------------------- types ---------------------- */

static const char types_float[] = "typedef float real;\n"
                                  "#define FABS(x) fabsf(x)\n"
                                  "#define LDEXP(x, n) ldexpf(x, n)\n"
                                  "#define FREXP(x, n) frexpf(x, n)\n";

static const char types_double[] = "typedef double real;\n"
                                   "#define FABS(x) fabs(x)\n"
                                   "#define LDEXP(x, n) ldexp(x, n)\n"
                                   "#define FREXP(x, n) frexp(x, n)\n";

/* The sum of the magic number and the product, rounded once, has an integer as its last bits. A
 * machine without fma may also compute in a wider type, where that would fail. */
static const char nearest_fused[] =
    "\n"
    "/* The whole number nearest to x * factor. */\n"
    "#define NEAREST(x, factor) (FMA(x, factor, ROUND_MAGIC) - ROUND_MAGIC)\n";

static const char nearest_portable[] =
    "\n"
    "/* The whole number nearest to x * factor. */\n"
    "#define NEAREST(x, factor) ((real)floor((double)((x) * (factor)) + 0.5))\n";

static const char series_text[] =
    "\n"
    "/* A polynomial in x, its highest coefficient first. */\n"
    "#define SERIES(c, x) series(c, (int)(sizeof c / sizeof c[0]), x)\n"
    "static real series(const real *c, int n, real x)\n"
    "{\n"
    "    real p = c[0];\n"
    "    int i;\n"
    "    for (i = 1; i < n; i++)\n"
    "        p = FMA(p, x, c[i]);\n"
    "    return p;\n"
    "}\n";

static const char compiler_check[] =
    "#include <math.h>\n"
    "\n"
    "/* Only what is written may be computed: nothing fused, nothing rearranged. */\n"
    "#if defined(__FAST_MATH__)\n"
    "#error \"not with -ffast-math or -Ofast: the results would be others\"\n"
    "#endif\n"
    "#if defined(__clang__) || !defined(__GNUC__)\n"
    "#pragma STDC FP_CONTRACT OFF\n"
    "#else\n"
    "#pragma GCC optimize(\"-ffp-contract=off\")\n"
    "#endif\n";

static const char wider_check[] =
    "#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0\n"
    "#error \"this compiler computes in a wider type (on i386 use -msse2 -mfpmath=sse)\"\n"
    "#endif\n";

/** Does a layer's function need a polynomial? */
static bool needs_series(const struct shape *shape)
{
    bool needs = false;
    for (size_t l = 1; l <= shape->layers; l++) {
        needs = needs || (find(shape->activation[l])->needs & (REMAINDER | SIN));
    }
    return needs;
}

void export_c_add_types(struct string *out, const struct shape *shape, bool use_double,
                        bool portable)
{
    string_add(out, compiler_check);
    string_add(out, portable ? "" : wider_check);
    string_add(out, "\n");
    string_add(out, use_double ? types_double : types_float);
    string_print(out, "#define FMA(a, b, c) %s\n",
                 portable     ? "((a) * (b) + (c))"
                 : use_double ? "fma(a, b, c)"
                              : "fmaf(a, b, c)");
    if (needs_series(shape)) {
        string_add(out, portable ? nearest_portable : nearest_fused);
        string_print(out, "%s",
                     portable     ? ""
                     : use_double ? "#define ROUND_MAGIC 0x1.8p52\n"
                                  : "#define ROUND_MAGIC 0x1.8p23f\n");
        string_add(out, series_text);
    }
}
