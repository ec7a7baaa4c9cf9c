/**
 * recipe: one table of options. Help, checking, defaults and the text in the model all come from
 * it, so that adding an option is adding a row here and its use in resolve.c.
 */
#include "train/recipe.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

/** What a value may be. */
enum kind {
    KIND_TEXT,
    KIND_CHOICE,    /* one of `choices`, separated by | */
    KIND_COUNT,     /* whole number from `low` on, or a choice */
    KIND_NUMBER,    /* from `low` to `high`, `low` itself only if closed; or a choice */
    KIND_BYTES,     /* whole number with K, M, G, or a choice */
    KIND_WIDTHS,    /* "128,64", or a choice */
    KIND_FUNCTIONS, /* list of transfer functions, or a choice */
    KIND_FUNCTION,  /* one of them */
    KIND_INIT,
    KIND_EVERY /* number of steps, "100s", or epochs, "2e", or a choice */
};

struct row {
    heddle_option about;
    const char *tutorial; /* the default under --recipe tutorial; NULL: the same */
    enum kind kind;
    const char *choices;
    double low, high;
    bool closed;
};

/* Not formatted: every field would have a line of its own. */
/* clang-format off */
static const struct row rows[OPTION_COUNT] = {
    [OPTION_TARGET] = {{"target", "data", "NAME|N|last", "auto",
        "column to learn, by name or number from 1; several: a comma list; auto: the labels, "
        "else the last column"},
        .kind = KIND_TEXT},
    [OPTION_DROP] = {{"drop", "data", "NAME,...", "",
        "columns to leave out, by name or number from 1"},
        .kind = KIND_TEXT},
    [OPTION_WEIGHTS] = {{"weights", "data", "NAME", "none",
        "column that says what each row counts for in training; it is no input"},
        .kind = KIND_TEXT},
    [OPTION_TASK] = {{"task", "data", "NAME", "auto",
        "auto, classify or regress; auto: words are classes, and whole numbers if there are few: up "
        "to 10 different ones, up to 26 that count from 0 or 1, each in 5 rows or more"},
        .kind = KIND_CHOICE, .choices = "auto|classify|regress"},
    [OPTION_SCALE] = {{"scale", "data", "NAME", "auto",
        "of the inputs: auto, standard, minmax, byte or none; auto: image bytes divided by 255, "
        "else mean 0 and deviation 1. Numbers to be predicted by linear outputs get mean 0 and "
        "deviation 1, but with none"},
        .tutorial = "none", .kind = KIND_CHOICE, .choices = "auto|standard|minmax|byte|none"},
    [OPTION_MISSING] = {{"missing", "data", "NAME", "error",
        "missing numbers: error, mean (of the training rows) or drop (the row)"},
        .kind = KIND_CHOICE, .choices = "error|mean|drop"},
    [OPTION_VALIDATION] = {{"validation", "data", "FRACTION|FILE", "auto",
        "share of the rows to hold out and score, or a file; auto: 0.1 from 100 rows on if there "
        "is no test file, else none; of PROBEN1 the rows that its header says, and those to test"},
        .tutorial = "0", .kind = KIND_NUMBER, .choices = "auto", .high = 0.9, .closed = true},
    [OPTION_HIDDEN] = {{"hidden", "network", "N,N,...|none", "auto",
        "widths of the hidden layers; auto: 128,64; to predict numbers from fewer than 1,000 rows "
        "32, or, from 50 rows on, whichever of the two does better in the cross-validation that "
        "chooses --l2"},
        .tutorial = "2", .kind = KIND_WIDTHS, .choices = "auto|none"},
    [OPTION_ACTIVATION] = {{"activation", "network", "NAME,...", "relu",
        "transfer function of the hidden layers, one for all or one each: sigmoid, tanh, relu, "
        "leaky-relu, elu, selu, gelu, silu, softplus, softsign, hard-sigmoid, gaussian, sine, "
        "linear"},
        .tutorial = "sigmoid", .kind = KIND_FUNCTIONS},
    [OPTION_OUTPUT_ACTIVATION] = {{"output-activation", "network", "NAME", "auto",
        "softmax, linear, sigmoid, exp or any of --activation; auto: softmax for classes, linear "
        "for numbers"},
        .tutorial = "sigmoid", .kind = KIND_FUNCTION, .choices = "auto"},
    [OPTION_LOSS] = {{"loss", "network", "NAME", "auto",
        "cross-entropy, mse, mae, huber, poisson (counts) or sse (the tutorial's sum of "
        "squares); auto: cross-entropy for classes, mse for numbers"},
        .tutorial = "sse", .kind = KIND_CHOICE,
        .choices = "auto|sse|mse|mae|huber|cross-entropy|poisson"},
    [OPTION_LABEL_SMOOTHING] = {{"label-smoothing", "network", "X", "0",
        "share of the target that goes to all classes alike, for cross-entropy"},
        .kind = KIND_NUMBER, .high = 0.999, .closed = true},
    [OPTION_DROPOUT] = {{"dropout", "network", "X", "0",
        "share of the hidden outputs that are left out in each update"},
        .kind = KIND_NUMBER, .high = 0.99, .closed = true},
    [OPTION_NOISE] = {{"noise", "network", "X", "0",
        "deviation of the noise added to the scaled inputs in each update"},
        .kind = KIND_NUMBER, .high = 1e6, .closed = true},
    [OPTION_INIT] = {{"init", "network", "RULE|MODEL", "auto",
        "first weights: normal:DEVIATION, glorot, he, zeros, or those of a model file; auto: "
        "glorot"},
        .tutorial = "normal:0.1", .kind = KIND_INIT, .choices = "auto|glorot|he|zeros|normal"},
    [OPTION_PRECISION] = {{"precision", "network", "NAME", "float",
        "float or double"},
        .tutorial = "double", .kind = KIND_CHOICE, .choices = "float|double"},
    [OPTION_RECIPE] = {{"recipe", "recipe", "NAME", "auto",
        "auto, or tutorial: the numpy tutorial's network, rate and stopping"},
        .tutorial = "tutorial", .kind = KIND_CHOICE, .choices = "auto|tutorial"},
    [OPTION_OPTIMIZER] = {{"optimizer", "recipe", "NAME", "auto",
        "sgd, momentum, nesterov, adam, adamw, rmsprop, adagrad, or of the whole batch rprop (FANN's "
        "iRprop-) and lbfgs; auto: adamw with --schedule one-cycle"},
        .tutorial = "sgd", .kind = KIND_CHOICE,
        .choices = "auto|sgd|momentum|nesterov|adam|adamw|rmsprop|adagrad|rprop|lbfgs"},
    [OPTION_RATE] = {{"rate", "recipe", "X", "auto",
        "learning rate; auto: 0.005 at the top of the automatic one-cycle, 0.001 for adam and "
        "adamw, 0.1 for sgd, 1 for lbfgs, else 0.01"},
        .tutorial = "0.2", .kind = KIND_NUMBER, .choices = "auto", .high = 1e6},
    [OPTION_MOMENTUM] = {{"momentum", "recipe", "X", "0.9",
        "share of the last update kept"},
        .kind = KIND_NUMBER, .high = 0.999999, .closed = true},
    [OPTION_BETA1] = {{"beta1", "recipe", "X", "0.9",
        "adam: decay of the mean"},
        .kind = KIND_NUMBER, .high = 0.999999, .closed = true},
    [OPTION_BETA2] = {{"beta2", "recipe", "X", "auto",
        "adam, rmsprop: decay of the square; auto: 0.999, rmsprop 0.99"},
        .kind = KIND_NUMBER, .choices = "auto", .high = 0.99999999, .closed = true},
    [OPTION_EPSILON] = {{"epsilon", "recipe", "X", "auto",
        "adam and its like: added to the root; auto: 1e-8, adagrad 1e-10"},
        .kind = KIND_NUMBER, .choices = "auto", .high = 1},
    [OPTION_SCHEDULE] = {{"schedule", "recipe", "NAME", "auto",
        "of the rate r, with q, the factor, and e, the epochs done over --schedule-every: constant; "
        "step, r q^e at whole e; exponential, r q^e, and inverse, r / (1 + e)^q, a little at each "
        "step; cosine, from r to r q over the run's steps; one-cycle, from r / 25 up to r over 30 % "
        "of them, then down to 0; plateau, r q when the validation loss (else the training loss) "
        "has not fallen for --schedule-every epochs; auto: one-cycle if --optimizer is auto, the "
        "run's end is known and there is no --warmup or --patience, else constant"},
        .tutorial = "constant", .kind = KIND_CHOICE,
        .choices = "auto|constant|step|exponential|inverse|cosine|one-cycle|plateau"},
    [OPTION_SCHEDULE_FACTOR] = {{"schedule-factor", "recipe", "X", "auto",
        "what the rate is multiplied by (step 0.1, exponential 0.95, plateau 0.1 if auto), ends at "
        "(cosine: a share, 0), or the power (inverse 0.5)"},
        .kind = KIND_NUMBER, .choices = "auto", .high = 10, .closed = true},
    [OPTION_SCHEDULE_EVERY] = {{"schedule-every", "recipe", "N", "auto",
        "epochs that --schedule counts by; auto: a third of the run (step), 10 (plateau), else 1"},
        .kind = KIND_COUNT, .choices = "auto", .low = 1},
    [OPTION_WARMUP] = {{"warmup", "recipe", "N", "0",
        "updates in which the rate rises to its start"},
        .kind = KIND_COUNT},
    [OPTION_WEIGHT_DECAY] = {{"weight-decay", "recipe", "X", "auto",
        "share of rate x weight lost in each update, biases excepted; auto: 0.01 for adamw, with "
        "--optimizer auto 0.1 (to predict numbers 0 where --l2 is chosen, else 0.5 below 1,000 rows), "
        "else 0"},
        .kind = KIND_NUMBER, .choices = "auto", .high = 1e6, .closed = true},
    [OPTION_L1] = {{"l1", "recipe", "X", "0",
        "X times the sign of each weight is added to its gradient"},
        .kind = KIND_NUMBER, .high = 1e6, .closed = true},
    [OPTION_L2] = {{"l2", "recipe", "X", "auto",
        "X times each weight is added to its gradient; auto: chosen by cross-validation if nothing "
        "else is said of optimizer, schedule, decay and time, there are 20 to 20,000 rows and 30 epochs "
        "or more; else 0"},
        .kind = KIND_NUMBER, .choices = "auto", .high = 1e6, .closed = true},
    [OPTION_CLIP] = {{"clip", "recipe", "X", "none",
        "the most that the gradient's norm may be"},
        .kind = KIND_NUMBER, .choices = "none", .high = 1e300},
    [OPTION_CLIP_VALUE] = {{"clip-value", "recipe", "X", "none",
        "the most that each element of the gradient may be in size"},
        .kind = KIND_NUMBER, .choices = "none", .high = 1e300},
    [OPTION_MAX_NORM] = {{"max-norm", "recipe", "X", "none",
        "the most that the norm of a unit's weights may be"},
        .kind = KIND_NUMBER, .choices = "none", .high = 1e300},
    [OPTION_CLASS_WEIGHTS] = {{"class-weights", "recipe", "balanced|NAME:X,...", "none",
        "what examples of a class count for; balanced: by how rare it is"},
        .kind = KIND_TEXT},
    [OPTION_BATCH] = {{"batch", "recipe", "N|full", "auto",
        "examples an update; auto: by the number of rows, 8 to 128; full for rprop and lbfgs"},
        .tutorial = "full", .kind = KIND_COUNT, .choices = "auto|full", .low = 1},
    [OPTION_EPOCHS] = {{"epochs", "recipe", "N", "auto",
        "passes over the data; auto: about 10,000 updates, 10 to 250 epochs; for classes with fewer "
        "than 1,000 rows 20,000, up to 500"},
        .tutorial = "0", .kind = KIND_COUNT, .choices = "auto"},
    [OPTION_STEPS] = {{"steps", "recipe", "N", "none",
        "end after so many updates"},
        .tutorial = "100001", .kind = KIND_COUNT, .choices = "none", .low = 1},
    [OPTION_MIN_ERROR] = {{"min-error", "recipe", "X", "none",
        "end when the training error is at or below X"},
        .tutorial = "1e-5", .kind = KIND_NUMBER, .choices = "none", .high = 1e300, .closed = true},
    [OPTION_PATIENCE] = {{"patience", "recipe", "N", "none",
        "end after N epochs without a lower loss of the rows that --watch names; of validation "
        "rows, the model is then the best epoch's"},
        .kind = KIND_COUNT, .choices = "none", .low = 1},
    [OPTION_WATCH] = {{"watch", "recipe", "NAME", "auto",
        "the loss that --patience and --schedule plateau go by: validation or training; auto: "
        "validation, which --patience needs, else training"},
        .kind = KIND_CHOICE, .choices = "auto|validation|training"},
    [OPTION_TIME_LIMIT] = {{"time-limit", "recipe", "SECONDS", "none",
        "end after so long; what comes out depends on the machine's speed"},
        .kind = KIND_NUMBER, .choices = "none", .high = 1e9},
    [OPTION_SEED] = {{"seed", "recipe", "N", "0",
        "of every random choice"},
        .kind = KIND_COUNT},
    [OPTION_SHARD] = {{"shard", "recipe", "N", "auto",
        "examples a shard: what a worker sums in one go; decides bits; auto: half of the "
        "batch, 16 to 64, or what a run had that is gone on with"},
        .kind = KIND_COUNT, .choices = "auto", .low = 1},
    [OPTION_SHUFFLE] = {{"shuffle", "recipe", "yes|blocks|no", "auto",
        "new order of the rows each epoch; blocks: of stretches of rows, and of the rows of some "
        "stretches at a time, for files larger than the memory; auto: yes, from 2^30 values on "
        "blocks, unless the batch is full"},
        .tutorial = "no", .kind = KIND_CHOICE, .choices = "auto|yes|blocks|no"},
    [OPTION_REPORT_EVERY] = {{"report-every", "recipe", "N", "auto",
        "epochs (tutorial: updates) from report to report; auto: about 20 reports"},
        .tutorial = "2500", .kind = KIND_COUNT, .choices = "auto", .low = 1},
    [OPTION_THREADS] = {{"threads", "machine", "N", "auto",
        "workers; auto: OMP_NUM_THREADS, else what the machine leaves us; never changes a result"},
        .kind = KIND_COUNT, .choices = "auto", .low = 1, .high = PLAN_WORKERS_MAX},
    [OPTION_BIND] = {{"bind", "machine", "NAME", "auto",
        "bind workers to cores: auto, none, close or spread"},
        .kind = KIND_CHOICE, .choices = "auto|none|close|spread"},
    [OPTION_ISA] = {{"isa", "machine", "NAME", "auto",
        "kernels: auto, scalar, avx2, avx512 or neon; never changes a result"},
        .kind = KIND_CHOICE, .choices = "auto|scalar|neon|avx2|avx512"},
    [OPTION_MAX_MEMORY] = {{"max-memory", "machine", "BYTES", "none",
        "refuse what needs more, such as 500M or 4G"},
        .kind = KIND_BYTES, .choices = "none"},
    [OPTION_CHECKPOINT] = {{"checkpoint", "run", "FILE", "none",
        "keep the state of the run in this file, at the end too, and the one before it in "
        "FILE.previous; any machine can go on from it"},
        .kind = KIND_TEXT},
    [OPTION_CHECKPOINT_EVERY] = {{"checkpoint-every", "run", "N[s|e]", "auto",
        "steps (100 or 100s) or epochs (2e) from checkpoint to checkpoint; auto: half a minute"},
        .kind = KIND_EVERY, .choices = "auto"},
    [OPTION_RESUME] = {{"resume", "run", "auto|FILE", "none",
        "go on from this checkpoint, to the same result as without the interruption; auto: from "
        "that of --checkpoint, if it is there"},
        .kind = KIND_TEXT},
};
/* clang-format on */

const heddle_option *heddle_recipe_option(size_t i)
{
    return i < OPTION_COUNT ? &rows[i].about : NULL;
}

heddle_status heddle_recipe_create(heddle_recipe **recipe, heddle_error *err)
{
    heddle_recipe *made = memory_new(1, sizeof *made);
    if (!made) {
        return status_memory(err, "a recipe", sizeof *made);
    }
    *recipe = made;
    return HEDDLE_OK;
}

void heddle_recipe_free(heddle_recipe *recipe)
{
    if (recipe) {
        for (int i = 0; i < OPTION_COUNT; i++) {
            memory_free(recipe->value[i]);
        }
        memory_free(recipe);
    }
}

/** Is `value` one of the choices separated by |? */
static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *c = choices; c && *c;) {
        size_t n = strcspn(c, "|");
        if (n == length && memcmp(c, value, n) == 0) {
            return true;
        }
        c += n + (c[n] == '|');
    }
    return false;
}

/** Cut the next piece of a comma list; false at its end. */
static bool next_piece(const char **list, char *piece, size_t size)
{
    if (!*list) {
        return false;
    }
    size_t n = strcspn(*list, ",");
    size_t kept = n < size ? n : size - 1;
    memcpy(piece, *list, kept);
    piece[kept] = 0;
    *list = (*list)[n] == ',' ? *list + n + 1 : NULL;
    return true;
}

static bool to_bytes(const char *value, uint64_t *bytes)
{
    size_t n = strlen(value);
    unsigned shift = 0;
    if (n > 1 && strchr("KMGkmg", value[n - 1])) {
        char unit = value[--n];
        shift = unit == 'K' || unit == 'k' ? 10 : unit == 'M' || unit == 'm' ? 20 : 30;
    }
    uint64_t count;
    if (!text_to_u64(value, n, &count) || count > (UINT64_MAX >> shift)) {
        return false;
    }
    *bytes = count << shift;
    return true;
}

static heddle_status refuse(const struct row *row, const char *value, const char *wanted,
                            heddle_error *err)
{
    enum { SHOWN = 60 }; /* bytes of a long list, or the reason would be cut off */
    size_t shown = strlen(value);
    bool whole = shown <= SHOWN;
    for (shown = whole ? shown : SHOWN; !whole && ((unsigned char)value[shown] & 0xc0) == 0x80;) {
        shown--; /* no part of a character */
    }
    return status_set(err, HEDDLE_E_ARGUMENT, "--%s '%.*s%s': %s", row->about.name, (int)shown,
                      value, whole ? "" : "…", wanted);
}

static heddle_status check_number(const struct row *row, const char *value, heddle_error *err)
{
    double x;
    if (!text_to_double(value, strlen(value), &x)) {
        return refuse(row, value, "not a number", err);
    }
    if (x < row->low || (x == row->low && !row->closed) || x > row->high) {
        char low[TEXT_NUMBER_SIZE], high[TEXT_NUMBER_SIZE];
        text_from_double(row->low, low);
        text_from_double(row->high, high);
        return status_set(err, HEDDLE_E_ARGUMENT, "--%s %s: must be %s %s%s%s", row->about.name,
                          value, row->closed ? "at least" : "above", low,
                          row->high < 1e300 ? " and at most " : "", row->high < 1e300 ? high : "");
    }
    return HEDDLE_OK;
}

static heddle_status check_count(const struct row *row, const char *value, heddle_error *err)
{
    uint64_t n;
    if (!text_to_u64(value, strlen(value), &n)) {
        return refuse(row, value, "not a whole number", err);
    }
    if (n < (uint64_t)row->low || (row->high > 0 && n > (uint64_t)row->high)) {
        char high[TEXT_NUMBER_SIZE];
        text_from_double(row->high, high);
        return status_set(err, HEDDLE_E_ARGUMENT, "--%s %s: must be at least %d%s%s",
                          row->about.name, value, (int)row->low,
                          row->high > 0 ? " and at most " : "", row->high > 0 ? high : "");
    }
    return HEDDLE_OK;
}

static heddle_status check_list(const struct row *row, const char *value, heddle_error *err)
{
    char piece[32];
    size_t pieces = 0;
    for (const char *rest = value; next_piece(&rest, piece, sizeof piece); pieces++) {
        uint64_t n;
        enum activation f;
        if (row->kind == KIND_WIDTHS &&
            (!text_to_u64(piece, strlen(piece), &n) || n < 1 || n > 1 << 24)) {
            return refuse(row, value, "widths are whole numbers from 1 to 16777216, such as 128,64",
                          err);
        }
        bool custom = row->kind == KIND_FUNCTIONS && strcmp(piece, "custom") == 0;
        if (row->kind != KIND_WIDTHS && !custom && !activation_find(piece, &f)) {
            return status_set(err, HEDDLE_E_ARGUMENT, "--%s: no function '%s'; there are %s",
                              row->about.name, piece, activation_names());
        }
    }
    if (pieces >= SHAPE_MAX_LAYERS) {
        return refuse(row, value, "too many layers", err);
    }
    if (row->kind == KIND_FUNCTION && pieces > 1) {
        return refuse(row, value, "one function for all outputs", err);
    }
    return HEDDLE_OK;
}

static heddle_status check_value(const struct row *row, const char *value, heddle_error *err)
{
    if (is_choice(row->choices, value)) {
        return HEDDLE_OK;
    }
    uint64_t bytes;
    double x;
    switch (row->kind) {
    case KIND_TEXT: /* as a script has it whose variable is not set */
        return *value || !*row->about.initial ? HEDDLE_OK : refuse(row, value, "it is empty", err);
    case KIND_CHOICE: {
        char wanted[128] = "there are ";
        size_t used = strlen(wanted);
        for (const char *c = row->choices; *c && used + 3 < sizeof wanted; c++) {
            wanted[used++] = *c == '|' ? ',' : *c;
            if (*c == '|') {
                wanted[used++] = ' ';
            }
        }
        wanted[used] = 0;
        return refuse(row, value, wanted, err);
    }
    case KIND_COUNT:
        return check_count(row, value, err);
    case KIND_NUMBER:
        return check_number(row, value, err);
    case KIND_BYTES:
        return to_bytes(value, &bytes) ? HEDDLE_OK
                                       : refuse(row, value, "a size is such as 500M or 4G", err);
    case KIND_WIDTHS:
    case KIND_FUNCTIONS:
    case KIND_FUNCTION:
        return check_list(row, value, err);
    case KIND_INIT:
        if (strncmp(value, "normal:", 7) == 0 && text_to_double(value + 7, strlen(value + 7), &x) &&
            x > 0 && x <= 100) {
            return HEDDLE_OK;
        }
        return refuse(row, value, "there are normal:DEVIATION, glorot, he and zeros", err);
    case KIND_EVERY: {
        size_t n = strlen(value);
        bool unit = n > 1 && strchr("se", value[n - 1]);
        return text_to_u64(value, n - unit, &bytes) && bytes > 0
                   ? HEDDLE_OK
                   : refuse(row, value, "a distance is such as 100s (steps) or 2e (epochs)", err);
    }
    }
    return HEDDLE_OK;
}

size_t recipe_find(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(rows[i].about.name, name) == 0) {
            return i;
        }
    }
    return OPTION_COUNT;
}

/** "custom" is for who has given the function. */
static heddle_status check_custom(const heddle_recipe *recipe, enum option option,
                                  const char *value, heddle_error *err)
{
    bool given =
        option == OPTION_LOSS ? recipe->custom.loss != NULL : recipe->custom.activation != NULL;
    bool wanted = false;
    char piece[32];
    if (option == OPTION_LOSS || option == OPTION_ACTIVATION) {
        for (const char *rest = value; next_piece(&rest, piece, sizeof piece);) {
            wanted = wanted || strcmp(piece, "custom") == 0;
        }
    }
    const char *name = rows[option].about.name;
    return wanted && !given ? status_set(err, HEDDLE_E_ARGUMENT,
                                         "--%s custom: only a program can give the function, by "
                                         "heddle_recipe_set_%s()",
                                         name, name)
                            : HEDDLE_OK;
}

heddle_status heddle_recipe_set(heddle_recipe *recipe, const char *name, const char *value,
                                heddle_error *err)
{
    size_t i = recipe_find(name);
    if (i == OPTION_COUNT) {
        const char *names[OPTION_COUNT];
        for (size_t k = 0; k < OPTION_COUNT; k++) {
            names[k] = rows[k].about.name;
        }
        const char *near = text_nearest(name, names, OPTION_COUNT);
        return status_set(err, HEDDLE_E_ARGUMENT,
                          near ? "no option '%s'; '%s' is near" : "no option '%s'%s", name,
                          near ? near : "");
    }
    heddle_status status = check_custom(recipe, (enum option)i, value, err);
    if (!status && (i != OPTION_LOSS || strcmp(value, "custom") != 0)) {
        status = check_value(&rows[i], value, err);
    }
    if (status) {
        return status;
    }
    char *copy = memory_string(value);
    if (!copy) {
        return status_memory(err, "an option", strlen(value) + 1);
    }
    memory_free(recipe->value[i]);
    recipe->value[i] = copy;
    return HEDDLE_OK;
}

/** The option says "custom", or is at its default again. */
static heddle_status set_custom(heddle_recipe *recipe, enum option option, bool given,
                                heddle_error *err)
{
    char *word = given ? memory_string("custom") : NULL;
    if (given && !word) {
        return status_memory(err, "an option", sizeof "custom");
    }
    memory_free(recipe->value[option]);
    recipe->value[option] = word;
    return HEDDLE_OK;
}

heddle_status heddle_recipe_set_loss(heddle_recipe *recipe, heddle_loss function, void *user,
                                     heddle_error *err)
{
    heddle_status status = set_custom(recipe, OPTION_LOSS, function != NULL, err);
    if (!status) {
        recipe->custom.loss = function;
        recipe->custom.loss_user = user;
    }
    return status;
}

heddle_status heddle_recipe_set_activation(heddle_recipe *recipe, heddle_activation function,
                                           void *user, heddle_error *err)
{
    heddle_status status = set_custom(recipe, OPTION_ACTIVATION, function != NULL, err);
    if (!status) {
        recipe->custom.activation = function;
        recipe->custom.activation_user = user;
    }
    return status;
}

const char *recipe_separators(enum option option)
{
    const struct row *row = &rows[option];
    bool numbers_of_data = option == OPTION_SCALE || option == OPTION_MISSING;
    if (strcmp(row->about.group, "machine") == 0 || strcmp(row->about.group, "run") == 0 ||
        option == OPTION_RECIPE || (strcmp(row->about.group, "data") == 0 && !numbers_of_data)) {
        return "";
    }
    switch (row->kind) {
    case KIND_TEXT:
    case KIND_WIDTHS:
    case KIND_FUNCTIONS:
        return "/";
    case KIND_INIT:
        return ","; /* a path has slashes */
    default:
        return "/,";
    }
}

heddle_recipe *recipe_copy(const heddle_recipe *recipe)
{
    heddle_recipe *copy = memory_new(1, sizeof *copy);
    if (copy) {
        copy->custom = recipe->custom;
    }
    for (int i = 0; copy && i < OPTION_COUNT; i++) {
        if (recipe->value[i] && !(copy->value[i] = memory_string(recipe->value[i]))) {
            heddle_recipe_free(copy);
            return NULL;
        }
    }
    return copy;
}

bool recipe_is_tutorial(const heddle_recipe *recipe)
{
    const char *value = recipe->value[OPTION_RECIPE];
    return value && strcmp(value, "tutorial") == 0;
}

const char *recipe_default(const heddle_recipe *recipe, enum option option)
{
    const struct row *row = &rows[option];
    return recipe_is_tutorial(recipe) && row->tutorial ? row->tutorial : row->about.initial;
}

const char *recipe_text(const heddle_recipe *recipe, enum option option)
{
    return recipe->value[option] ? recipe->value[option] : recipe_default(recipe, option);
}

const char *heddle_recipe_get(const heddle_recipe *recipe, const char *name)
{
    size_t i = recipe_find(name);
    return i < OPTION_COUNT ? recipe_text(recipe, (enum option)i) : NULL;
}

size_t recipe_max_memory(const heddle_recipe *recipe)
{
    uint64_t bytes = 0;
    const char *value = recipe_text(recipe, OPTION_MAX_MEMORY);
    return to_bytes(value, &bytes) ? (size_t)bytes : 0;
}
