/**
 * Heddle: feed-forward neural networks trained on all the cores of a machine, with the same bits
 * for any number of them.
 *
 * The whole public interface, in the order in which it is used:
 *
 *     status and errors -> tables (data as read) -> recipe (how to train) -> train -> model
 *     (predict, evaluate, save) -> machine
 *
 * Rules that hold for every function:
 * - A function that can fail returns a heddle_status and takes a heddle_error last, which may be
 *   NULL. The error is written only on failure; out parameters only on success.
 * - Objects are opaque, made by a `create` or `read`, and released by the matching `free`, which
 *   takes NULL. Strings returned as `const char *` belong to the object they came from.
 * - Nothing is written to stdout or stderr, no signal is handled, the process is never ended.
 * - Different objects may be used from different threads; one object from one thread at a time.
 *   After a call that trained or predicted, a forked child must not call Heddle again (the OpenMP
 *   runtime of gcc does not survive a fork).
 */
#ifndef HEDDLE_H
#define HEDDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEDDLE_VERSION "0.2.0"

#if defined(__GNUC__)
#define HEDDLE_API __attribute__((visibility("default")))
#else
#define HEDDLE_API
#endif

/** Version of the library that is linked: the HEDDLE_VERSION it was built with. */
HEDDLE_API const char *heddle_version(void);

/* ---------------------------------------------------------------- status and errors ---------- */

/**
 * Why a call failed, by what the caller can do about it. The numbers are stable. The command
 * line's exit status is given behind each.
 */
typedef enum heddle_status {
    HEDDLE_OK = 0,             /**< 0 */
    HEDDLE_E_ARGUMENT = 1,     /**< 2: an option or argument makes no sense */
    HEDDLE_E_DATA = 2,         /**< 65: the content of a data or model file is wrong */
    HEDDLE_E_OPEN = 3,         /**< 66: an input cannot be opened */
    HEDDLE_E_CREATE = 4,       /**< 73: an output cannot be created */
    HEDDLE_E_IO = 5,           /**< 74: a read or a write failed */
    HEDDLE_E_MEMORY = 6,       /**< 71: out of memory */
    HEDDLE_E_THREADS = 7,      /**< 71: threads cannot be started */
    HEDDLE_E_DIVERGED = 8,     /**< 3: the loss or a weight delta is no longer finite */
    HEDDLE_E_RESUME = 9,       /**< 75: the checkpoint belongs to other data or another recipe */
    HEDDLE_E_STOPPED = 10,     /**< a callback asked to stop */
    HEDDLE_E_UNSUPPORTED = 11, /**< 2: not built in, or not possible on this machine */
    HEDDLE_E_INTERNAL = 12     /**< 70: a mistake of Heddle's */
} heddle_status;

/** What failed, in one line: lower case, the problem first, the subject in single quotes. */
typedef struct heddle_error {
    heddle_status status;
    char text[512];
} heddle_error;

/** Name of a status, such as "HEDDLE_E_DATA"; "unknown" for a number that is none. */
HEDDLE_API const char *heddle_status_name(heddle_status status);

/* ---------------------------------------------------------------- tables: data as read ------- */

/** Data as it was read: named columns of numbers or text, all of the same number of rows. */
typedef struct heddle_table heddle_table;

typedef enum heddle_header {
    HEDDLE_HEADER_AUTO,
    HEDDLE_HEADER_YES,
    HEDDLE_HEADER_NO
} heddle_header;

/** How to read a file. All zero is the default: find everything out from the content. */
typedef struct heddle_read_options {
    const char *labels;   /**< a second file whose only column is the target (IDX, NPY), or NULL */
    char delimiter;       /**< ',' ';' '\t' ' ' or 0: find out */
    heddle_header header; /**< is the first line of a text table its header? */
    const char *categories; /**< columns whose cells are words also where they look like numbers: a
                               comma list of names, or numbers from 1; or NULL */
    size_t max_bytes; /**< refuse data that would need more memory than this; 0: what there is */
    int threads;      /**< workers that read; 0: as many as a run would have. Never changes
                               what is read */
    const heddle_table *like;         /**< a table or … */
    const struct heddle_model *model; /**< … a model whose columns it should have, or NULL: a first
                               line that names them is a header, and what is text there is here */
} heddle_read_options;

/**
 * Read a table. path is a file (format by content: CSV, TSV and their like, ARFF, NPY, IDX,
 * SVMlight, FANN, safetensors; gzip and zstd by their magic bytes, UTF-16 by its mark), "-" for
 * standard input, or "builtin:NAME" (heddle_builtin_name).
 *
 * Arrays in plain files (NPY, IDX, safetensors) are not copied: the table is a view of the mapped
 * file, which must not be changed while it is used. A column that cannot be used (a word among its
 * numbers, a byte that is no UTF-8) is no failure yet: whatever uses it fails, and says where.
 *
 * options may be NULL. The table is the caller's, to be released by heddle_table_free().
 *
 * Returns HEDDLE_OK, or HEDDLE_E_OPEN (no such file), HEDDLE_E_IO, HEDDLE_E_DATA (with file, line
 * and column in the text), HEDDLE_E_ARGUMENT (no such builtin), HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_table_read(const char *path, const heddle_read_options *options,
                                           heddle_table **table, heddle_error *err);

/**
 * Read a delimited text part by part, however large it is: take() is called with the rows in order,
 * in tables of a few MiB that are released when it returns; non-zero ends the reading. Types are
 * found for each part by itself: a column may be numbers in one and text in another.
 *
 * Returns what heddle_table_read() returns, or HEDDLE_E_STOPPED (take() ended it),
 * HEDDLE_E_UNSUPPORTED (no delimited text).
 */
HEDDLE_API heddle_status heddle_table_read_parts(const char *path,
                                                 const heddle_read_options *options,
                                                 int (*take)(void *user, const heddle_table *part),
                                                 void *user, heddle_error *err);

/**
 * A table from arrays, copied: inputs (rows, inputs_width) and targets (rows, targets_width), both
 * row-major. The columns are named x0, x1, … and y0, y1, … (just y where there is one). targets
 * may be NULL with targets_width 0.
 *
 * Returns HEDDLE_OK, HEDDLE_E_ARGUMENT (no rows or no columns), HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_table_from_arrays(const double *inputs, size_t inputs_width,
                                                  const double *targets, size_t targets_width,
                                                  size_t rows, heddle_table **table,
                                                  heddle_error *err);

/** Release a table; NULL is allowed. */
HEDDLE_API void heddle_table_free(heddle_table *table);

/** Number of rows, and of columns (an image of 28 × 28 counts as 784). */
HEDDLE_API size_t heddle_table_rows(const heddle_table *table);
HEDDLE_API size_t heddle_table_columns(const heddle_table *table);

/** What was understood, for people: "CSV with a header", "IDX images of 28x28, gzip". */
HEDDLE_API const char *heddle_table_format(const heddle_table *table);

/** What is known of one column. */
typedef struct heddle_column {
    const char *name;
    bool text;               /**< its cells are words, not numbers */
    size_t missing;          /**< cells without a value */
    size_t distinct;         /**< different values; 0 if not counted (more than 1,000 numbers) */
    double minimum, maximum; /**< of the numbers; NaN if there is none or the column is text */
    double mean;             /**< of the numbers; NaN likewise */
    const char *flaw;        /**< why it cannot be used, or NULL */
} heddle_column;

/** Fill *column for column i < heddle_table_columns(table). */
HEDDLE_API void heddle_table_column(const heddle_table *table, size_t i, heddle_column *column);

/** As heddle_table_column(), but only name, text and flaw: no cell is looked at. */
HEDDLE_API void heddle_table_column_kind(const heddle_table *table, size_t i,
                                         heddle_column *column);

/**
 * number[k] = the number in row first + k of column i, NaN if missing, for k = 0 … n-1. The column
 * is not text, and the rows are there.
 */
HEDDLE_API void heddle_table_numbers(const heddle_table *table, size_t i, size_t first, size_t n,
                                     double *number);

/**
 * Cell (row, column) as text, as it would stand in a CSV file without quotes, written into
 * buffer[size] and cut to fit; "" if missing. Returns buffer.
 */
HEDDLE_API const char *heddle_table_cell(const heddle_table *table, size_t row, size_t column,
                                         char *buffer, size_t size);

/** A value that stands in a column, and in how many of its rows. */
typedef struct heddle_value {
    char text[64]; /**< as heddle_table_cell(), cut to fit */
    size_t rows;
} heddle_value;

/**
 * The different values of column i, sorted as classes are: numbers by size, words by their bytes.
 *
 * value  out, room for `most`
 *
 * Returns how many there are; 0 if there are none or more than `most`, or if memory is short.
 */
HEDDLE_API size_t heddle_table_values(const heddle_table *table, size_t i, heddle_value *value,
                                      size_t most);

/** Names of the builtin data sets, "xor", "spirals", "digits"; NULL from i = their number on. */
HEDDLE_API const char *heddle_builtin_name(size_t i);

/* ---------------------------------------------------------------- recipe: how to train ------- */

/**
 * How to train: every option of `heddle train` that is not about files, by name, and its
 * checkpoints. A recipe and the data determine the model's bits; the options of the groups
 * "machine" and "run" do not change them.
 */
typedef struct heddle_recipe heddle_recipe;

/** One option. */
typedef struct heddle_option {
    const char *name;     /**< "hidden": --hidden on the command line */
    const char *group;    /**< "data", "network", "recipe", "machine" or "run" */
    const char *argument; /**< what it takes: "128,64", "N", "NAME" */
    const char *initial;  /**< its default, as text */
    const char *help;     /**< one sentence, with the values it may take */
} heddle_option;

/** Option i of all there are, or NULL from their number on. */
HEDDLE_API const heddle_option *heddle_recipe_option(size_t i);

/** A recipe with every option at its default. HEDDLE_E_MEMORY is the only failure. */
HEDDLE_API heddle_status heddle_recipe_create(heddle_recipe **recipe, heddle_error *err);
HEDDLE_API void heddle_recipe_free(heddle_recipe *recipe);

/**
 * Set one option from text. `recipe=tutorial` sets the defaults of the tutorial for everything
 * that is not set explicitly, before or after.
 *
 * Returns HEDDLE_OK or HEDDLE_E_ARGUMENT: no such option (the text names the nearest), or a value
 * it cannot take (the text says which it can).
 */
HEDDLE_API heddle_status heddle_recipe_set(heddle_recipe *recipe, const char *name,
                                           const char *value, heddle_error *err);

/** The value of an option as text, "auto" where the data decide; NULL if there is none such. */
HEDDLE_API const char *heddle_recipe_get(const heddle_recipe *recipe, const char *name);

/**
 * A loss of the caller's, for one example: returns E of the n outputs x = f(Z[L]) and targets t,
 * and writes slope[o] = ∂E/∂x[o]; Heddle multiplies by f'(Z[L]). Targets are as the network sees
 * them: numbers scaled by the recipe, of a class 1 at its place and 0 elsewhere (one output for two
 * classes: 0 or 1). A run minimises the mean over its examples.
 */
typedef double (*heddle_loss)(void *user, size_t n, const double *output, const double *target,
                              double *slope);

/**
 * A transfer function of the caller's, for the n units of a layer and one example: x[i] = f(z[i])
 * and slope[i] = f'(z[i]). f may differ from unit to unit; x[i] depends on z[i] alone. z, x and
 * slope do not overlap.
 */
typedef void (*heddle_activation)(void *user, size_t n, const double *z, double *x, double *slope);

/**
 * Train with a loss, or with hidden layers' transfer function, of the caller's: the option becomes
 * "custom", which heddle_recipe_set() also takes from then on: "activation" may be "tanh,custom".
 * function NULL: none, and the option is at its default again.
 *
 * They are called in double whatever the precision, once for each example and layer; what they give
 * is rounded to the recipe's precision. This is slower than what is built in. They are called by
 * all workers at once, also when speeds are measured before the first step: they must be
 * thread-safe, and depend on their arguments (and on what user points to, which must not change)
 * alone. Then, and only then, are the model's bits the same for any number of threads; ranks must
 * all give the same function, and other machines a libm of the same bits if it is used.
 *
 * A loss goes with any output function but softmax, whose derivative is computed together with
 * cross-entropy's: heddle_train() then returns HEDDLE_E_ARGUMENT.
 *
 * A model with a custom activation keeps function and user, which must stay while it predicts or is
 * scored. It cannot be written or exported (HEDDLE_E_UNSUPPORTED), and its run has no checkpoint
 * (HEDDLE_E_ARGUMENT): a file cannot hold a function. A model with a custom loss alone is written
 * like any other and predicts when read; its file says "custom", and the loss in its scores is then
 * NaN. Before that, scores need the function too. `resume` must be given the same loss again.
 *
 * Returns HEDDLE_OK or HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_recipe_set_loss(heddle_recipe *recipe, heddle_loss function,
                                                void *user, heddle_error *err);
HEDDLE_API heddle_status heddle_recipe_set_activation(heddle_recipe *recipe,
                                                      heddle_activation function, void *user,
                                                      heddle_error *err);

/* ---------------------------------------------------------------- training ------------------- */

/** A trained network with all that is needed to use it: preprocessing, class names, recipe. */
typedef struct heddle_model heddle_model;

/** How well a model does on a table. */
typedef struct heddle_score {
    size_t rows;
    double loss;     /**< as the recipe defines it, mean over the rows (tutorial: the sum); NaN
                          if it was custom and the model comes from a file */
    bool classify;   /**< classes (accuracy, confusion) or numbers (rmse, r2) */
    double accuracy; /**< share of rows whose class was predicted, 0 … 1 */
    double rmse;     /**< root mean squared error in the target's unit, mean over the targets */
    double r2;       /**< coefficient of determination, mean over the targets */
    size_t classes;
    size_t *confusion; /**< (classes, classes): row = true class, column = predicted; or NULL */
    double balanced_accuracy; /**< mean of the recalls of the classes that have rows */
    double *top;     /**< (classes) [k - 1]: share of rows whose class is among the k likeliest; or
                            NULL */
    double log_loss; /**< mean -ln p(class); NaN if the outputs are no probabilities */
    double auc;      /**< area under the ROC curve: class 1 of two, else the mean of each class
                            against the rest; NaN with one class, or more than 100 */
    double *precision, *recall, *f1; /**< (classes) of each class; or NULL */
    size_t targets;                  /**< numbers predicted */
    double mae; /**< mean absolute error in the target's unit, mean over the targets */
    double *target_rmse, *target_mae, *target_r2; /**< (targets) of each; or NULL */
    size_t sampled; /**< rows of `sample`: all, or some hundreds spread evenly over them */
    double *sample; /**< (sampled, targets, 2) a target's true number and what was predicted; NULL
                         of classes and in a trial of a search */
} heddle_score;

/** Release what a score holds (not the struct itself) and zero it. */
HEDDLE_API void heddle_score_done(heddle_score *score);

/** State of a run, given to the callback. */
typedef struct heddle_report {
    uint64_t step;   /**< updates done (tutorial: the iteration, counted from 0) */
    uint64_t epoch;  /**< passes over the data completed */
    uint64_t epochs; /**< passes planned; 0 if the run is counted in steps */
    uint64_t steps;  /**< updates planned */
    double loss;     /**< mean training loss of the epoch (tutorial: the error of this iteration) */
    double rate;     /**< learning rate in force */
    bool has_validation;
    double validation_loss;
    double validation_score; /**< accuracy, or R² */
    double seconds;          /**< of training so far */
    bool tutorial;           /**< the tutorial's report: "Iteration STEP  Error: LOSS" */
    bool last;               /**< the run ends with this report */
    /** The weights, if the callbacks ask for them: layer by layer l = 1 … L weight (n[l], n[l-1])
        row-major, then bias (n[l]); valid during the call. Else NULL. */
    const double *weights;
    const size_t *width; /**< n[0] … n[layers] */
    size_t layers;
    /** All metrics of the validation rows, if there are such rows and the callbacks ask for it; valid
        during the call. Else, or if there is no memory for them, NULL. */
    const heddle_score *validation;
} heddle_report;

/** What a run will be, told once before its first step. Texts are valid during the call. */
typedef struct heddle_start {
    const char *recipe;     /**< JSON of every choice that decides bits, as in the model file */
    const char *data;       /**< sha256 of the rows trained on, as the network sees them */
    const char *validation; /**< of those watched; "" if there are none */
    size_t shard;
    uint64_t resumed; /**< steps done before, by the run that left the checkpoint */
    char shape[128];  /**< "784-128-10", cut with "…" if very long */
    size_t parameters;
    size_t rows, validation_rows; /**< trained on; watched */
    size_t batch;                 /**< rows of a step; the last of an epoch may have fewer */
    uint64_t steps;               /**< planned; UINT64_MAX if nothing bounds them but the clock */
    uint64_t steps_per_epoch;
} heddle_start;

/** What to call during a run; any may be NULL. They are called by the thread that called train. */
typedef struct heddle_callbacks {
    void *user;
    /** Every report-every epochs (or steps); return non-zero to end the run after this report. */
    int (*report)(void *user, const heddle_report *report);
    /** Something worth knowing that is no error: a refused binding, a column that was dropped. */
    void (*note)(void *user, const char *text);
    /** Asked once a step, also of the short runs by which l2 "auto" is chosen before the first;
        returns a heddle_request, obeyed as soon as that step is finished. To
        stop from another thread or a signal handler, let it set an atomic flag (lock-free, for a
        handler) and return that flag's value here. */
    int (*stop)(void *user);
    /** Of those short runs so many are done: 0 before the first, then now and again. */
    void (*choosing)(void *user, size_t done, size_t runs);
    /** Before the first step. It costs a look at all of the data. */
    void (*begin)(void *user, const heddle_start *start);
    /** After each step's passes: the step, from 1, and the loss summed over its batch. */
    void (*step)(void *user, uint64_t step, double loss);
    bool wants_weights; /**< reports bring the weights */
    bool wants_score;   /**< … and all metrics of the validation rows */
} heddle_callbacks;

/** What a run can be asked for between two steps. */
typedef enum heddle_request {
    HEDDLE_GO_ON = 0,
    HEDDLE_STOP = 1,      /**< end the run */
    HEDDLE_CHECKPOINT = 2 /**< write the recipe's `checkpoint` now and go on */
} heddle_request;

/** What a run did. */
typedef struct heddle_result {
    char shape[128]; /**< "784-128-10", cut with "…" if very long */
    size_t parameters;
    uint64_t steps, epochs;
    double loss; /**< as in the last report */
    bool has_validation, has_test;
    heddle_score validation, test;
    size_t rows;    /**< rows trained on */
    double seconds; /**< training only: no reading, no scoring of test data */
    double examples_per_second, gflops;
    double
        percent_of_limit; /**< of the machine's FMA rate for as many threads; NaN: not measured */
    int threads, ranks;
    char why[256]; /**< why that many threads: what was asked for, or measured */
    char isa[16];
    size_t batch, shard;
    uint64_t seed;
    bool stopped;    /**< a callback ended the run early */
    bool min_error;  /**< the error went to or below min-error in the last update (the tutorial's
                               iteration steps - 1) */
    char sha256[65]; /**< of the model file's bytes */
    bool impatient;  /**< patience ran out */
    bool late;       /**< the time limit ended the run */
    bool converged;  /**< L-BFGS had nothing left to gain */
    uint64_t best_epoch; /**< with patience: whose weights the model has, from 1; 0: the last */
    uint64_t resumed;    /**< steps that a checkpoint brought; they are among `steps` */
    uint64_t checkpoint; /**< the last step of which a checkpoint was written; 0: none was */
    heddle_status checkpoint_status; /**< HEDDLE_OK, or why the last one could not be written */
} heddle_result;

/** Release what a result holds and zero it. */
HEDDLE_API void heddle_result_done(heddle_result *result);

/**
 * Train a network on a table.
 *
 * With X[0] = the inputs, for l = 1 … L
 *
 *     Z[l] = X[l-1] W[l]ᵀ + b[l]          X[l] = f(Z[l])                 forward pass
 *     D[L] = ∂E/∂Z[L]                      D[l] = (D[l+1] W[l+1]) ∘ f'(Z[l])     deltas
 *     G[l] = D[l]ᵀ X[l-1],  g[l] = Σ_examples D[l]                       weight deltas
 *
 * and an update of W and b by the optimizer, until the recipe's end.
 *
 * table       rows to train on; a part is held out if the recipe says so and validation is NULL
 * validation  rows to watch, or NULL
 * test        rows to score when the run is over, or NULL
 * initial     a model whose weights to start from (its shape must be the recipe's), or NULL
 * callbacks   NULL allowed
 * model       out, the caller's, on success and after a divergence: heddle_model_free()
 * result      out, filled on success; heddle_result_done() when used. NULL allowed
 *
 * Returns HEDDLE_OK, also when a callback ended the run (result->stopped), or
 *   HEDDLE_E_ARGUMENT  the recipe contradicts itself or does not fit the data
 *   HEDDLE_E_DATA      a table cannot be used: unknown target, text where numbers are needed, …
 *   HEDDLE_E_MEMORY, HEDDLE_E_THREADS
 *   HEDDLE_E_STOPPED   a callback asked for it before the first step, while the penalty of the
 *                      weights was being chosen
 *   HEDDLE_E_DIVERGED  loss or weight deltas were not finite; no update was made with them; *model
 *                      is the best one before that (at first the one it began with), or NULL if
 *                      none had a finite loss; the text names the step, the layer (of a loss: that
 *                      of the largest weight), the step of that model, and the checkpoint that
 *                      holds the last good state if there is one
 *   HEDDLE_E_RESUME    the checkpoint to resume belongs to other data or another recipe
 *   HEDDLE_E_OPEN, HEDDLE_E_IO  it cannot be read; HEDDLE_E_CREATE: a new one cannot be made
 *
 * With the recipe's `checkpoint`, the state of the run is kept in that file and the one before it
 * in FILE.previous; `resume` goes on from there and ends with the bytes of a run that was never
 * interrupted, with any number of threads. A checkpoint that cannot be written does not end the
 * run: a note says so and result->checkpoint_status tells of the last. It is also a model file.
 *
 * The model's bytes are the same for any number of threads and any instruction set
 * (src/README.md, "The invariance contract").
 *
 * Source: D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating
 * errors", Nature 323 (1986) 533-536.
 */
HEDDLE_API heddle_status heddle_train(const heddle_recipe *recipe, const heddle_table *table,
                                      const heddle_table *validation, const heddle_table *test,
                                      const heddle_model *initial,
                                      const heddle_callbacks *callbacks, heddle_model **model,
                                      heddle_result *result, heddle_error *err);

/* ---------------------------------------------------------------- search --------------------- */

/** A recipe with lists of values in place of some: candidates to be compared. */
typedef struct heddle_search heddle_search;

/** A search that begins with one candidate, a copy of `base`. HEDDLE_E_MEMORY. */
HEDDLE_API heddle_status heddle_search_create(const heddle_recipe *base, heddle_search **search,
                                              heddle_error *err);
HEDDLE_API void heddle_search_free(heddle_search *search);

/**
 * How many values `list` has for option `name`: they are separated by '/', or by ',' where that is
 * no part of a value: "32,64/128" are two for "hidden", "1e-2,1e-3" two for "rate". 1 for an option
 * of which only one value can be given, such as "target".
 */
HEDDLE_API size_t heddle_search_values(const char *name, const char *list);

/**
 * Try every value of a list: so many times more candidates, the last option varying fastest.
 * HEDDLE_E_ARGUMENT (as heddle_recipe_set(), or more than a million candidates), HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_search_vary(heddle_search *search, const char *name,
                                            const char *list, heddle_error *err);

/** Keep so many candidates, drawn by the base recipe's seed; no effect if there are no more. */
HEDDLE_API heddle_status heddle_search_draw(heddle_search *search, size_t candidates,
                                            heddle_error *err);

HEDDLE_API size_t heddle_search_candidates(const heddle_search *search);

/**
 * The recipe of candidate i, NULL without memory; and its value of the k-th option that varies,
 * whose name becomes *name: NULL from their number on. Both last until the next call for a
 * candidate's recipe or value.
 */
HEDDLE_API const heddle_recipe *heddle_search_recipe(heddle_search *search, size_t i);
HEDDLE_API const char *heddle_search_value(heddle_search *search, size_t i, size_t k,
                                           const char **name);

/** What came of a candidate. */
typedef struct heddle_trial {
    size_t candidate;
    size_t runs;         /**< folds, or 1 */
    heddle_score *score; /**< (runs) of the rows held out */
    char (*sha256)[65];  /**< (runs) of each run's model */
    double mean;         /**< of accuracy or R² over the runs: what candidates are ranked by */
    double deviation;    /**< its standard deviation (runs - 1); NaN for one run */
    double loss;         /**< mean of the loss: decides where `mean` is the same */
    double seconds;      /**< of training, all runs */
    char shape[128];
    size_t parameters;
    bool diverged; /**< a run did: ranked last, the numbers are NaN */
} heddle_trial;

/** How to search. All zero is the default. */
typedef struct heddle_search_options {
    size_t folds; /**< cross-validation with so many folds; 0: each candidate is trained once, and
                       scored on the validation rows of heddle_train() */
    /** Told after every run, from any thread, one at a time; NULL allowed. */
    void (*progress)(void *user, size_t done, size_t runs);
    void *user;
} heddle_search_options;

/**
 * Train all candidates and rank them. Folds depend on the seed alone and keep the classes' shares;
 * preprocessing is fitted on each fold's training rows. Networks of up to 2^18 parameters are
 * trained several at a time, each by one worker, others one after the other by all. A run is what
 * heddle_train() does with the candidate's recipe, bit for bit.
 *
 * options    NULL allowed
 * callbacks  note and stop are used; NULL allowed
 * trials     out, (heddle_search_candidates()) best first; heddle_trials_done()
 *
 * All candidates are checked before the first is trained. Returns what heddle_train() does, and
 *   HEDDLE_E_ARGUMENT  no rows to rank by; more folds than rows, or than rows of a class
 *   HEDDLE_E_STOPPED   a callback asked for it
 */
HEDDLE_API heddle_status heddle_search_run(heddle_search *search, const heddle_table *table,
                                           const heddle_table *validation,
                                           const heddle_model *initial,
                                           const heddle_search_options *options,
                                           const heddle_callbacks *callbacks, heddle_trial *trials,
                                           heddle_error *err);

/** Release what trials hold (not the array). */
HEDDLE_API void heddle_trials_done(heddle_trial *trials, size_t count);

/** What a run would be and take. */
typedef struct heddle_estimate {
    char shape[128];
    size_t parameters;
    size_t rows, validation_rows; /**< trained on; watched */
    size_t batch, shard;
    size_t shards;          /**< of a batch */
    size_t feeds;           /**< workers of a rank that a batch has work for */
    uint64_t steps, epochs; /**< planned; epochs 0: counted in steps alone */
    uint64_t steps_per_epoch;
    double flop_per_epoch; /**< of training; without validation */
    uint64_t seed;
    int threads; /**< workers the run would start; it may find that fewer do */
    int ranks;   /**< processes; threads and bytes are those of this one */
    char why[256];
    char isa[16];
    size_t data_bytes;      /**< the rows as the network sees them, besides the tables */
    size_t parameter_bytes; /**< the weights, as computed with and as kept */
    size_t state_bytes;     /**< the optimizer's */
    size_t partial_bytes;   /**< sums of weight deltas, of all workers and from other ranks */
    size_t workspace_bytes; /**< activations and deltas, of all workers */
    size_t keep_bytes;      /**< for checkpoints, and for the log's weights */
    size_t peak_bytes;      /**< the most memory the process would hold, tables included; 0 if
                                     the system does not tell what it holds now */
    size_t mapped_bytes;    /**< of that: files whose rows are used where they are; the system takes
                                 the memory back when others need it */
} heddle_estimate;

/**
 * Check all that heddle_train() checks before it trains, and tell what the run would take. Nothing
 * is trained.
 *
 * table, validation, test, initial  as for heddle_train()
 * callbacks  only notes are given; NULL allowed
 * estimate   out
 *
 * Returns HEDDLE_OK, or what heddle_train() returns before it trains.
 */
HEDDLE_API heddle_status heddle_train_estimate(
    const heddle_recipe *recipe, const heddle_table *table, const heddle_table *validation,
    const heddle_table *test, const heddle_model *initial, const heddle_callbacks *callbacks,
    heddle_estimate *estimate, heddle_error *err);

/* ---------------------------------------------------------------- several processes ---------- */

/*
 * heddle-mpi is the program linked with MPI in place of libheddle's single process. There a run has
 * ranks, processes on any machines, which all make the same calls with the same arguments: tables
 * are read and networks trained by all of them together, and all get the same results and errors.
 * With libheddle there is one rank and these functions do nothing.
 */

/**
 * Join the other ranks, if a launcher (mpirun, srun) started this process as one of several; before
 * anything else, by the thread that will make all other calls. heddle_cluster_end() comes last.
 *
 * Returns HEDDLE_OK, HEDDLE_E_UNSUPPORTED (the launcher is not that of the MPI library linked),
 * HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_cluster_begin(heddle_error *err);
HEDDLE_API void heddle_cluster_end(void);

/** How many ranks there are (1 at least), and which this is, from 0. */
HEDDLE_API int heddle_cluster_ranks(void);
HEDDLE_API int heddle_cluster_rank(void);

/**
 * All ranks call this with a status of their own, 0 for good. All get that of the first rank (by
 * number) that has another than 0, and in text (size bytes) what that rank put there, with
 * "rank N: " before it unless it is rank 0. Returns 0 and leaves text alone if all are good.
 */
HEDDLE_API int heddle_cluster_agree(int status, char *text, size_t size);

/**
 * All ranks call this with a text of their own, such as what they are going to do next. Returns
 * HEDDLE_E_ARGUMENT to all if one has another text than rank 0, and the error names that rank and
 * what it is that differs (`name`, such as "options"); HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_cluster_compare(const char *name, const char *text,
                                                heddle_error *err);

/* ---------------------------------------------------------------- models --------------------- */

HEDDLE_API void heddle_model_free(heddle_model *model);

/**
 * Read a model file, or any safetensors file with tensors layers.N.weight [out, in] and
 * layers.N.bias [out] in F32 or F64 (then there is no preprocessing: inputs go in as they are).
 * Networks saved by FANN (FANN_FLO_2.1) are read too.
 *
 * Returns HEDDLE_OK, HEDDLE_E_OPEN, HEDDLE_E_IO, HEDDLE_E_DATA (what is wrong and where),
 * HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_model_read(const char *path, heddle_model **model,
                                           heddle_error *err);

/**
 * Write a model: safetensors bytes that depend on nothing but the model. The file appears whole
 * under its name or not at all; one that was there stays untouched on failure.
 *
 * Returns HEDDLE_OK, HEDDLE_E_UNSUPPORTED (its activation is custom), HEDDLE_E_CREATE, HEDDLE_E_IO,
 * HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_model_write(const heddle_model *model, const char *path,
                                            heddle_error *err);

/**
 * Remove the temporary files of models, checkpoints and exports that are being written: for a
 * signal handler that ends the program, which may call it. A write that goes on nevertheless fails.
 */
HEDDLE_API void heddle_abandon_writes(void);

/**
 * Remove the temporary files in the directory of `path` that programs have left which were killed
 * while they wrote: those that nobody has written to for an hour. Every write of the library begins
 * with it; it is for programs that make temporary files of their own, called .heddle- and 16
 * hexadecimal digits. At most once an hour for a directory.
 */
HEDDLE_API void heddle_sweep_writes(const char *path);

/** sha256 of the bytes heddle_model_write() would write, as 64 hex digits and a final 0. Of a
    model with a custom activation too: its weights' and metadata's. */
HEDDLE_API heddle_status heddle_model_sha256(const heddle_model *model, char hex[65],
                                             heddle_error *err);

/** The number of layers L (input not counted), and width n[l] of layer l = 0 … L. */
HEDDLE_API size_t heddle_model_layers(const heddle_model *model);
HEDDLE_API size_t heddle_model_width(const heddle_model *model, size_t l);

/** Weights of layer l = 1 … L: weight (n[l], n[l-1]) row-major and bias (n[l]), as doubles. */
HEDDLE_API void heddle_model_weights(const heddle_model *model, size_t l, double *weight,
                                     double *bias);

/** Number of classes (0: the model predicts numbers) and the name of class i. */
HEDDLE_API size_t heddle_model_classes(const heddle_model *model);
HEDDLE_API const char *heddle_model_class_name(const heddle_model *model, size_t i);

/** Number of targets predicted as numbers (0 for classes) and the name of target i. */
HEDDLE_API size_t heddle_model_targets(const heddle_model *model);
HEDDLE_API const char *heddle_model_target_name(const heddle_model *model, size_t i);

/** Names of the columns the model takes from a table, in order; NULL from their number on. */
HEDDLE_API const char *heddle_model_input_name(const heddle_model *model, size_t i);

/**
 * What the model file says of itself, key by key in a fixed order ("recipe", "optimizer", "shard",
 * "numerics", …): sets *key and *value and returns true, or returns false from their number on.
 */
HEDDLE_API bool heddle_model_metadata(const heddle_model *model, size_t i, const char **key,
                                      const char **value);

/** What a model makes of a table. */
typedef struct heddle_predictions {
    size_t rows;
    size_t width;    /**< values a row: classes (probabilities) or targets */
    double *values;  /**< (rows, width) row-major */
    size_t *classes; /**< (rows) index of the likeliest class, or NULL for numbers */
} heddle_predictions;

HEDDLE_API void heddle_predictions_done(heddle_predictions *predictions);

enum { HEDDLE_NUMBER_SIZE = 32 };

/**
 * A number as the shortest of %.15g, %.16g, %.17g that reads back as the same double; with `single`
 * of %.6g to %.9g, as the same float. With a decimal point in every locale; NaN is "nan", infinities
 * "inf" and "-inf". Returns text.
 */
HEDDLE_API const char *heddle_number_text(double value, bool single, char text[HEDDLE_NUMBER_SIZE]);

/**
 * Predict every row of a table, its columns found by name (by position if it has no names). The
 * target's columns may be there or not. Each row's bits depend on that row alone.
 *
 * threads  how many workers; 0: as OMP_NUM_THREADS and the machine say
 *
 * Returns HEDDLE_OK, HEDDLE_E_DATA (a column is missing, text where a number is needed),
 * HEDDLE_E_MEMORY, HEDDLE_E_THREADS.
 */
HEDDLE_API heddle_status heddle_model_predict(const heddle_model *model, const heddle_table *table,
                                              int threads, heddle_predictions *predictions,
                                              heddle_error *err);

/**
 * Words of a table that a model has never seen in that column are no error: they count as none of
 * those it knows. This writes a note on them into text (size bytes, cut to fit): how many cells, and
 * the first; with `with_targets` of the rows that heddle_model_evaluate() scores, which have a
 * target. "" if there are none. Returns text.
 */
HEDDLE_API const char *heddle_model_unseen(const heddle_model *model, const heddle_table *table,
                                           bool with_targets, char *text, size_t size);

/** Score a model on a table that has the targets. Errors as heddle_model_predict(). */
HEDDLE_API heddle_status heddle_model_evaluate(const heddle_model *model, const heddle_table *table,
                                               int threads, heddle_score *score, heddle_error *err);

/** How a model leaves Heddle. All zero is the default. */
typedef struct heddle_export_options {
    const char *name; /**< what names in the file begin with: a letter, then letters, digits and
                           '_', at most 63; NULL: the file's own name, without its end */
    bool portable;    /**< C: a × b + c in place of fma, for machines that have none. ONNX: the
                           runtime's own operators in the model's precision, many times faster.
                           The results are then no longer Heddle's to the last bit */
} heddle_export_options;

/**
 * Write a model as one file of C99: int NAME_predict(const double *numbers, const char *const
 * *texts, double *out), which takes the columns as they are in the data and gives the bits that
 * heddle_model_predict() gives. The file says how to use it, needs nothing but <math.h>, allocates
 * nothing, and tests itself when compiled with -DNAME_SELF_TEST (NAME in capitals there).
 *
 * options may be NULL. Returns HEDDLE_OK, HEDDLE_E_ARGUMENT (a name that is none), HEDDLE_E_CREATE,
 * HEDDLE_E_IO, HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_model_export_c(const heddle_model *model, const char *path,
                                               const heddle_export_options *options,
                                               heddle_error *err);

/**
 * Write a model as ONNX (IR 7, opset 13). Preprocessing is part of the graph:
 *
 *     x              (N, number columns) in the order of metadata "columns", as in the data: double
 *                    if they are scaled or the model computes in double, else (image bytes, no
 *                    scaling) float. NaN is a missing value
 *     texts          (N, text columns) strings in the order of metadata "text_columns", "" is a
 *                    missing one; only if the model has such columns (needs ai.onnx.ml, version 2)
 *     probabilities  (N, classes) in the model's precision, and label (N) int64, an index into
 *                    metadata "classes"; or
 *     y              (N, targets) in the targets' own units, in the order of metadata "targets";
 *                    double if they were scaled, else in the model's precision
 *
 * A model that computes in float gives what heddle_model_predict() gives, to the bit: sums are made
 * in Heddle's order by Scan, in doubles that are rounded to float after each product, and functions
 * step by step. (Rounded twice, one product in 2^29 may come out otherwise in its last bit.) That
 * takes 10 to 80 times as long as `portable`, where sums are Gemm in float: the same within 4e-6 of
 * a row's largest probability or a column's largest number, but rounding moves the small ones, a
 * probability of 1e-9 for instance by 1e-5, a number near 0 by up to 4e-4 of itself. A model that
 * computes in double gives Gemm in double either way, the same within 1e-12.
 *
 * Metadata are JSON lists of strings. options may be NULL. Returns HEDDLE_OK, HEDDLE_E_UNSUPPORTED
 * (built without ONNX, or larger than the 2 GiB a file may have), HEDDLE_E_ARGUMENT (a name that is
 * none), HEDDLE_E_CREATE, HEDDLE_E_IO, HEDDLE_E_MEMORY.
 */
HEDDLE_API heddle_status heddle_model_export_onnx(const heddle_model *model, const char *path,
                                                  const heddle_export_options *options,
                                                  heddle_error *err);

/* ---------------------------------------------------------------- the machine ---------------- */

/** What Heddle sees of the machine and would use for a recipe. */
typedef struct heddle_machine {
    int packages, numa_nodes, cores, processors; /**< of the whole machine */
    int allowed_cores, allowed_processors;       /**< that affinity and cgroup sets leave us */
    double quota;                                /**< cgroup CPU quota in processors; 0: none */
    size_t l1_bytes, l2_bytes, l3_bytes;         /**< data cache of one core, and those it shares */
    size_t memory_bytes;
    int threads;      /**< workers a run would start */
    char why[256];    /**< … and why that many */
    char bind[256];   /**< how workers would be bound, and why */
    char places[256]; /**< to which processors (the system's numbers) workers 0, 1, … would be
                                 bound: "0, 4-7, 8-14:2" (every second); "" if to none, "…" where
                                 there is no more room */
    char isa[16];     /**< kernels that would be used */
    char isa_available[64]; /**< all levels this processor has, slowest first */
    char processor[128];    /**< its name, as the system gives it */
    bool synthetic; /**< not this machine (HWLOC_SYNTHETIC, HWLOC_XMLFILE): nothing is bound */
} heddle_machine;

/** Look at the machine; recipe (its threads, bind, isa) may be NULL. */
HEDDLE_API heddle_status heddle_machine_look(const heddle_recipe *recipe, heddle_machine *machine,
                                             heddle_error *err);

/**
 * The most floating-point operations a second that `threads` workers reach together in float (or
 * double), measured now for about a tenth of a second: independent chains of fused multiply-adds
 * that stay in registers.
 */
HEDDLE_API heddle_status heddle_machine_limit(int threads, bool use_double, const char *isa,
                                              double *gflops, heddle_error *err);

/** What heddle_bench() measures. All zero is the default. */
typedef struct heddle_bench_options {
    const char *shape;  /**< "784,128,10"; NULL: 784,128,10, or by the recipe for a table */
    size_t rows;        /**< synthetic rows; 0: 16,384 */
    const int *threads; /**< (thread_counts) numbers of workers, or NULL: 1, 2, 4 … all cores */
    size_t thread_counts;
    uint64_t steps; /**< updates in a measurement; 0: as many as take about 0.1 s */
    int repeats;    /**< measurements of each number of workers; 0: 7 */
} heddle_bench_options;

/** One number of workers, measured. Times are of a whole update, batch assembly included. */
typedef struct heddle_bench_row {
    char shape[128];
    size_t parameters;
    size_t batch, shard, shards;
    size_t pieces; /**< of a batch's work: its shards, or more where those may be split */
    int threads, ranks;
    char isa[16];
    bool use_double;
    uint64_t steps; /**< of a measurement */
    int repeats;
    double us_per_step; /**< median of the repeats */
    double us_min, us_max;
    double examples_per_second, gflops;
    double limit_gflops; /**< of as many workers, measured in between */
    double percent_of_limit;
    double speedup;       /**< over the first row */
    double efficiency;    /**< speedup / (threads / threads of the first row) */
    double serial;        /**< Karp-Flatt: the share of the work that does not scale; NaN for one */
    size_t working_bytes; /**< what a step goes over: weights, states, partial sums, workspaces */
    size_t moved_bytes;   /**< of it read or written in a step, each pass over it counted once */
    double memory_gbs;    /**< 10^9 bytes a second that as many workers move to and from memory;
                               NaN if the caches hold what a step goes over: not measured then */
    char sha256[65];      /**< of the weights after the measurement: the same in every row */
} heddle_bench_row;

/**
 * Measure training steps. The repeats of the numbers of workers are interleaved.
 *
 * recipe   batch (default 128), activation, loss, optimizer, precision, shard, isa, bind. Without a
 *          table what is not set is a sigmoid network, squared error and plain gradient descent
 * table    data to train on, or NULL: made-up rows
 * rows     out, room for `*count` rows; *count is set to how many were measured
 *
 * Returns HEDDLE_OK, HEDDLE_E_ARGUMENT, and what heddle_train() returns.
 */
HEDDLE_API heddle_status heddle_bench(const heddle_recipe *recipe, const heddle_table *table,
                                      const heddle_bench_options *options, heddle_bench_row *rows,
                                      size_t *count, heddle_error *err);

#ifdef __cplusplus
}
#endif
#endif
