/**
 * heddle train: read, train, score, save. The recipe's options come from the library's table; this
 * file adds what is about files and reports.
 *
 * Order of events, so that nothing is lost and nothing is half done: the command line and the
 * outputs are checked first, then the inputs are read, then the library trains, the model is
 * written, and only then the results are printed.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "compare.h"
#include "input.h"
#include "json_out.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "run_log.h"
#include "run_report.h"
#include "train_again.h"
#include "train_estimate.h"
#include "train_result.h"
#include "train_signals.h"
#include "train_start.h"

static const struct option file_options[] = {
    {"validation-labels", 0, OPTION_TEXT, "data", "FILE", NULL,
     "as --labels, for the file of --validation"},
    {"test", 0, OPTION_TEXT, "data", "FILE", NULL, "rows to score once the run is over"},
    {"test-labels", 0, OPTION_TEXT, "data", "FILE", NULL, "as --labels, for the file of --test"},
    {.name = NULL},
};

static const struct option run_options[] = {
    {"cv", 0, OPTION_TEXT, "run", "K", NULL,
     "cross-validate with K folds and print mean and deviation of each score; the model is then "
     "trained on all rows"},
    {"search", 0, OPTION_TEXT, "run", "grid|random:N", NULL,
     "try all values (or N combinations) of options given as lists, such as --hidden 32,64/128 "
     "--rate 1e-2,1e-3, and rank them by the validation rows or --cv; the model is the best one's"},
    {"output", 'o', OPTION_TEXT, "run", "MODEL", NULL,
     "write the trained model to this file; if the run diverges, the best one before that to "
     "MODEL.good"},
    {"log", 0, OPTION_TEXT, "run", "FILE.jsonl", NULL,
     "write a record of the run: one JSON object a line, the first with all settings"},
    {"report", 0, OPTION_TEXT, "run", "FILE.html", NULL,
     "write a page about the run when it is over: learning curves, scores, data, recipe, how to "
     "repeat it"},
    {"progress", 0, OPTION_CHOICE, "run", "auto|always|never", "auto",
     "progress on stderr; auto: one line in place on a terminal, else a line a report; always: one "
     "line in place"},
    {"quiet", 'q', OPTION_FLAG, "run", NULL, NULL, "no progress and no notes, only errors"},
    {"top", 0, OPTION_COUNT, "run", "K", "3",
     "in JSON and log, the share of rows whose class is among the K likeliest is topK"},
    {"dry-run", 0, OPTION_FLAG, "run", NULL, NULL,
     "check everything, say what would be done and what it would take; train and write nothing"},
    {"json", 0, OPTION_FLAG, "run", NULL, NULL, "print the results as one JSON object"},
    {"config", 0, OPTION_TEXT, "run", "FILE", NULL,
     "read options from lines 'option = value' (# begins a comment); the command line wins"},
    {.name = NULL},
};

/** Options of the recipe's table that may also name a file, and so are handled here. */
static const char *const maybe_files[] = {"init", "validation", NULL};

/* ------------------------------------------------------------------- a run ------------------- */

struct run {
    const struct command_line *line;
    heddle_recipe *recipe;
    heddle_table *table, *validation, *test;
    heddle_model *initial;
    bool quiet;
    struct progress progress;
    struct run_log log;
    struct run_report report;
    json_t *start; /* what the run was told; NULL unless log or report want it */
    struct compare compare;
    heddle_report last; /* the newest report */
    bool again;         /* a run is repeated: nothing is written */
};

static int on_report(void *user, const heddle_report *report)
{
    struct run *run = user;
    run->last = *report;
    progress_show(&run->progress, report);
    run_log_report(&run->log, report, (size_t)option_count(run->line, "top"));
    run_report_report(&run->report, report);
    return signals_caught() != 0;
}

static void on_begin(void *user, const heddle_start *start)
{
    struct run *run = user;
    train_start_add(run->start, start);
    run_log_start(&run->log);
    run_report_start(&run->report, start, run->log.path);
}

static void on_step_done(void *user, uint64_t step, double loss)
{
    struct run *run = user;
    run_log_step(&run->log, step, loss);
    run_report_step(&run->report, step, loss);
}

static void on_note(void *user, const char *text)
{
    struct run *run = user;
    run_report_note(&run->report, text);
    if (!run->quiet) {
        progress_wipe(&run->progress);
        complain("note: %s", text);
    }
}

static int on_step(void *user)
{
    struct run *run = user;
    run_log_touch(&run->log);
    if (signals_caught() != 0) {
        return HEDDLE_STOP;
    }
    return signals_checkpoint_wanted() ? HEDDLE_CHECKPOINT : HEDDLE_GO_ON;
}

static int on_signal_asked(void *user)
{
    (void)user;
    return signals_caught() != 0;
}

/* ------------------------------------------------------------------- preparing --------------- */

/** Check the outputs before anything takes time. Returns 0, or complains. */
static int check_outputs(const struct command_line *line)
{
    static const char *const outputs[] = {"output", "log", "checkpoint", "report"};
    static const char *const inputs[] = {"labels", "validation",  "validation-labels",
                                         "test",   "test-labels", "config"};
    enum { OUTPUTS = sizeof outputs / sizeof outputs[0] };
    for (size_t o = 0; o < OUTPUTS; o++) {
        const char *path = option_given(line, outputs[o]);
        if (path == NULL) {
            continue;
        }
        if (strcmp(path, "-") == 0) {
            return misuse(line->command, "--%s cannot be '-': standard output is for the results",
                          outputs[o]);
        }
        bool clash = same_file(path, line->operands[0]);
        for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
            const char *input = option_given(line, inputs[i]);
            clash = clash || (input != NULL && same_file(path, input));
        }
        if (clash) {
            return misuse(line->command, "--%s would overwrite the input '%s'", outputs[o], path);
        }
        for (size_t i = 0; i < o; i++) {
            const char *other = option_given(line, outputs[i]);
            if (other != NULL && same_file(path, other)) {
                return misuse(line->command, "--%s and --%s are the same file '%s'", outputs[i],
                              outputs[o], path);
            }
        }
        int status = can_create(path, strcmp(outputs[o], "log") != 0);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/** Complain with err; a setting that cannot be also points to the help. */
static int refuse(const struct run *run, const heddle_error *err)
{
    return err->status == HEDDLE_E_ARGUMENT ? misuse(run->line->command, "%s", err->text)
                                            : give_up(err);
}

/**
 * --init: a name the recipe knows, or a model file to read. What is neither a name nor a file that
 * is there is taken for a misspelt name, unless it looks like a path.
 */
static int set_init(struct run *run)
{
    const char *value = option_given(run->line, "init");
    heddle_error err;
    if (value == NULL || heddle_recipe_set(run->recipe, "init", value, &err) == HEDDLE_OK) {
        return 0;
    }
    if (access(value, F_OK) != 0 && strpbrk(value, "/.") == NULL) {
        return misuse(run->line->command, "%s, or a model file", err.text);
    }
    int status = input_model(value, &run->initial);
    if (status != 0 || option_given(run->line, "hidden") != NULL) {
        return status;
    }
    /* The model's own hidden layers, so that they need not be repeated. */
    char widths[1024] = "";
    size_t length = 0;
    for (size_t l = 1; l < heddle_model_layers(run->initial) && length < sizeof widths; l++) {
        length += (size_t)snprintf(widths + length, sizeof widths - length, "%s%zu",
                                   l > 1 ? "," : "", heddle_model_width(run->initial, l));
    }
    if (length > 0 && length < sizeof widths &&
        heddle_recipe_set(run->recipe, "hidden", widths, &err) != HEDDLE_OK) {
        return refuse(run, &err);
    }
    return 0;
}

/** --validation: something the recipe takes, such as 0.1, or else a file (*file). */
static int set_validation(struct run *run, const char **file)
{
    const char *value = option_given(run->line, "validation");
    double fraction;
    heddle_error err;
    *file = NULL;
    if (value == NULL) {
        return 0;
    }
    bool number = text_number(value, &fraction);
    if (!number && access(value, F_OK) == 0) {
        *file = value;
        return 0;
    }
    if (heddle_recipe_set(run->recipe, "validation", value, &err) == HEDDLE_OK) {
        return 0;
    }
    if (number) {
        return refuse(run, &err);
    }
    *file = value; /* reading it will say why it cannot be read */
    return 0;
}

/** Ranks that read other files, or other things than files, would wait for each other for ever. */
static int compare_ways(const struct command_line *line, const char *validation)
{
    char way[64];
    heddle_error err;
    snprintf(way, sizeof way, "%d%d%d%d%d", compare_wanted(line),
             strcmp(line->operands[0], "-") == 0, validation != NULL,
             option_given(line, "test") != NULL, option_flag(line, "dry-run"));
    return heddle_cluster_compare("options", way, &err) == HEDDLE_OK ? 0 : give_up(&err);
}

/** Everything before training. Returns 0, or complains and returns the exit status. */
static int prepare(struct run *run)
{
    const struct command_line *line = run->line;
    heddle_read_options reading;
    heddle_error err;
    int status = input_options(line, &reading);
    if (status >= 0) {
        return status;
    }
    if (heddle_recipe_create(&run->recipe, &err) != HEDDLE_OK) {
        return refuse(run, &err);
    }
    const char *validation;
    status = set_validation(run, &validation);
    status = status != 0 || run->again || !speaks() ? status : check_outputs(line);
    status = status != 0 ? status : set_init(run);
    status = status != 0 ? status : compare_recipe(&run->compare, line, maybe_files, run->recipe);
    const char *test = option_given(line, "test");
    const char *validation_labels = option_given(line, "validation-labels");
    const char *test_labels = option_given(line, "test-labels");
    if (status == 0 && validation_labels != NULL && validation == NULL) {
        status = misuse(line->command, "--validation-labels needs a file in --validation");
    }
    if (status == 0 && test_labels != NULL && test == NULL) {
        status = misuse(line->command, "--test-labels needs a file in --test");
    }
    status = together(status);
    status = status != 0 ? status : compare_ways(line, validation);
    if (status != 0) {
        return status;
    }
    status = together(input_read(line->operands[0], &reading, reading.labels, &run->table));
    reading.like = run->table;
    if (status == 0 && validation != NULL) {
        status = together(input_read(validation, &reading, validation_labels, &run->validation));
    }
    if (status == 0 && test != NULL) {
        status = together(input_read(test, &reading, test_labels, &run->test));
    }
    return status;
}

/** Rows that are trained on, as far as can be told before. */
static size_t training_rows(const struct run *run)
{
    size_t rows = heddle_table_rows(run->table);
    const char *share = heddle_recipe_get(run->recipe, "validation");
    double fraction;
    if (run->validation == NULL && share != NULL && text_number(share, &fraction) && fraction > 0 &&
        fraction < 1) {
        rows = (size_t)((double)rows * (1 - fraction));
    }
    return rows;
}

/* ------------------------------------------------------------------- ending ------------------ */

/** --dry-run: say what would be done. */
static int dry_run(struct run *run)
{
    const heddle_callbacks callbacks = {
        .user = run, .note = on_note, .wants_weights = option_given(run->line, "log") != NULL};
    heddle_estimate estimate;
    heddle_error err;
    if (heddle_train_estimate(run->recipe, run->table, run->validation, run->test, run->initial,
                              &callbacks, &estimate, &err) != HEDDLE_OK) {
        return refuse(run, &err);
    }
    if (option_flag(run->line, "json")) {
        json_t *object = train_estimate_json(&estimate);
        json_write(stdout, object, true);
        json_decref(object);
    } else {
        train_estimate_print(&estimate);
    }
    return 0;
}

/** Save the model if it is wanted and whole; *saved is then its path. */
static int save(const struct run *run, const heddle_model *model, const heddle_result *result,
                const char **saved)
{
    const char *path = option_given(run->line, "output");
    heddle_error err;
    *saved = NULL;
    if (signals_caught() != 0 && result->stopped) {
        const char *checkpoint = option_given(run->line, "checkpoint");
        if (checkpoint != NULL && result->checkpoint == result->steps) {
            complain("ended by signal %d after step %" PRIu64
                     ", no model was written; --resume auto goes on from '%s'",
                     signals_caught(), result->steps, checkpoint);
        } else {
            complain("ended by signal %d after step %" PRIu64 ", no model was written",
                     signals_caught(), result->steps);
        }
        return 0;
    }
    if (path == NULL) {
        return 0;
    }
    if (speaks() && heddle_model_write(model, path, &err) != HEDDLE_OK) {
        return give_up(&err);
    }
    *saved = path;
    return 0;
}

/** Print what a run that came to its end (or was asked to end) did. *path: see save(). */
static int finish(struct run *run, const heddle_model *model, const heddle_result *result,
                  const char **path)
{
    int status = save(run, model, result, path);
    const char *saved = *path;
    size_t k = (size_t)option_count(run->line, "top");
    run_log_result(&run->log, train_result_json(result, model, saved, k));
    if (option_flag(run->line, "json")) {
        json_t *object = train_result_json(result, model, saved, k);
        if (run->compare.trials != NULL) {
            compare_json(&run->compare, object);
        }
        json_write(stdout, object, true);
        json_decref(object);
        return status;
    }
    if (run->last.tutorial) {
        if (result->min_error) {
            /* The tutorial counts iterations from 0: the last is one less than there were. */
            printf("Minimum error reached at iteration %" PRIu64 "\n", result->steps - 1);
        }
        train_result_table(model, run->table);
    }
    train_result_print(result, run->quiet);
    if (option_given(run->line, "output") == NULL && !run->quiet && signals_caught() == 0) {
        complain("note: the model was not saved; -o FILE saves it");
    }
    if (status == 0) {
        printf("model %s sha256 %s\n", saved != NULL ? saved : "-", result->sha256);
    }
    return status;
}

/**
 * After a run that diverged: write the best model before that, if there is one, beside the one that
 * was wanted, and say what lies there. Returns its path, in good, or NULL.
 */
static const char *save_good(const struct run *run, const heddle_model *model, char good[PATH_MAX])
{
    const char *path = option_given(run->line, "output");
    heddle_error err;
    if (path == NULL) {
        if (model != NULL && !run->quiet) {
            complain("note: the model was not saved; -o FILE saves it as FILE.good");
        }
        return NULL;
    }
    struct stat info;
    bool exists = stat(path, &info) == 0;
    bool saved = model != NULL && (!exists || S_ISREG(info.st_mode)) && /* not beside a device */
                 (size_t)snprintf(good, PATH_MAX, "%s.good", path) < PATH_MAX;
    if (saved && speaks() && heddle_model_write(model, good, &err) != HEDDLE_OK) {
        give_up(&err);
        saved = false;
    }
    if (!run->quiet) {
        if (saved) {
            complain("note: '%s' holds that model", good);
        }
        complain(exists ? "note: '%s' is as it was" : "note: no model was written to '%s'", path);
    }
    return saved ? good : NULL;
}

/** --cv and --search: rank candidates, and go on with the best one. Returns 0, or complains. */
static int compare(struct run *run)
{
    const struct command_line *line = run->line;
    heddle_callbacks callbacks = {.user = run, .note = on_note, .stop = on_signal_asked};
    heddle_error err;
    if (!compare_wanted(line)) {
        return 0;
    }
    char way[64];
    snprintf(way, sizeof way, "%zu %zu", heddle_search_candidates(run->compare.search),
             run->compare.folds);
    if (heddle_cluster_compare("options", way, &err) != HEDDLE_OK) {
        return give_up(&err);
    }
    progress_begin(&run->progress, option_value(line, "progress"), run->quiet, training_rows(run));
    signals_catch();
    heddle_status status = compare_run(&run->compare, run->table, run->validation, run->initial,
                                       &run->progress, &callbacks, run->recipe, &err);
    progress_end(&run->progress);
    signals_agree();
    if (status != HEDDLE_OK) {
        int result = refuse(run, &err);
        signals_obey();
        return result;
    }
    if (!option_flag(line, "json")) {
        compare_print(&run->compare);
    }
    if (!run->quiet) {
        complain(run->compare.folds > 0 ? "note: the model is now trained on all rows"
                                        : "note: the best candidate is now trained by itself");
    }
    return 0;
}

static int train(struct run *run)
{
    const struct command_line *line = run->line;
    const char *log = speaks() ? option_given(line, "log") : NULL;
    progress_begin(&run->progress, option_value(line, "progress"), run->quiet, training_rows(run));
    heddle_callbacks callbacks = {
        .user = run, .report = on_report, .note = on_note, .stop = on_step};
    if (log != NULL || run->report.path != NULL) {
        run->start = train_start_json(line, run->recipe, run->table);
        callbacks.begin = on_begin;
        callbacks.step = on_step_done;
        callbacks.wants_weights = log != NULL;
        callbacks.wants_score = log != NULL;
    }
    run_log_begin(&run->log, log, log != NULL ? json_incref(run->start) : NULL);
    heddle_model *model = NULL;
    heddle_result result = {0};
    heddle_error err;
    signals_catch();
    heddle_status trained = heddle_train(run->recipe, run->table, run->validation, run->test,
                                         run->initial, &callbacks, &model, &result, &err);
    progress_end(&run->progress);
    signals_agree();
    int status;
    const char *saved = NULL;
    char good[PATH_MAX];
    if (trained == HEDDLE_OK) {
        status = finish(run, model, &result, &saved);
        if (result.checkpoint_status != HEDDLE_OK && run->quiet) { /* else a note has said it */
            complain("the last checkpoint, '%s', could not be written",
                     option_given(line, "checkpoint"));
        }
        status = status != 0 ? status : exit_status(result.checkpoint_status);
    } else {
        run_log_error(&run->log, &err);
        status = refuse(run, &err);
        if (trained == HEDDLE_E_DIVERGED) {
            saved = save_good(run, model, good);
        }
    }
    int logged = run_log_end(&run->log);
    int told = run_report_end(&run->report, &(struct run_outcome){
                                                .line = line,
                                                .recipe = run->recipe,
                                                .table = run->table,
                                                .compare = &run->compare,
                                                .start = run->start,
                                                .model = model,
                                                .result = trained == HEDDLE_OK ? &result : NULL,
                                                .saved = saved,
                                                .err = &err,
                                                .signal = signals_caught(),
                                            });
    heddle_result_done(&result);
    heddle_model_free(model);
    signals_obey();
    return status != 0 ? status : logged != 0 ? logged : told;
}

static void run_done(struct run *run)
{
    run_report_done(&run->report);
    json_decref(run->start);
    compare_done(&run->compare);
    heddle_model_free(run->initial);
    heddle_table_free(run->test);
    heddle_table_free(run->validation);
    heddle_table_free(run->table);
    heddle_recipe_free(run->recipe);
}

/** The recipe of a record, but for what does not decide bits. */
static heddle_status set_recorded(heddle_recipe *recipe, const json_t *record, heddle_error *err)
{
    heddle_status status = HEDDLE_OK;
    const heddle_option *option;
    for (size_t i = 0; status == HEDDLE_OK && (option = heddle_recipe_option(i)) != NULL; i++) {
        const char *text = json_string_value(json_object_get(record, option->name));
        bool free = strcmp(option->group, "machine") == 0 || strcmp(option->group, "run") == 0 ||
                    strcmp(option->name, "time-limit") == 0;
        const char *value = free ? option->initial : text;
        if (value != NULL) {
            status = heddle_recipe_set(recipe, option->name, value, err);
        }
    }
    return status;
}

int train_again(const struct command_line *line, const json_t *recipe, const char *threads,
                const heddle_callbacks *callbacks, heddle_model **model, heddle_result *result)
{
    struct run run = {.line = line, .quiet = true, .again = true};
    heddle_error err;
    int status = prepare(&run);
    if (status == 0) {
        heddle_status done = set_recorded(run.recipe, recipe, &err);
        if (done == HEDDLE_OK && threads != NULL) {
            done = heddle_recipe_set(run.recipe, "threads", threads, &err);
        }
        if (done == HEDDLE_OK) {
            done = heddle_train(run.recipe, run.table, run.validation, NULL, run.initial, callbacks,
                                model, result, &err);
        }
        status = done == HEDDLE_OK ? 0 : refuse(&run, &err);
    }
    run_done(&run);
    return status;
}

static int run(const struct command_line *line)
{
    struct run run = {.line = line, .quiet = option_flag(line, "quiet") || !speaks()};
    run_report_begin(&run.report, speaks() ? option_given(line, "report") : NULL);
    signals_catch_checkpoint();
    int status = prepare(&run);
    if (status == 0) {
        bool dry = option_flag(line, "dry-run");
        status = dry ? 0 : compare(&run);
        status = status != 0 ? status : dry ? dry_run(&run) : train(&run);
    }
    run_done(&run);
    return status;
}

const struct command command_train = {
    .name = "train",
    .operands = "DATA",
    .summary = "train a network on a table",
    .text =
        "Trains a network on the rows of DATA and prints how well it does. Without options the "
        "task, the network and the recipe are chosen from the data: the last column is what to "
        "learn; words are classes, numbers are numbers. The last line of the output is the "
        "model's sha256, the same for any number of threads and any processor. heddle-mpi train, "
        "started by mpirun or srun, does the same on several machines: -n ranks of --threads "
        "each.",
    .examples = "  heddle train builtin:xor --recipe tutorial\n"
                "  heddle train flowers.csv --validation 0.2 -o flowers.model\n"
                "  heddle train houses.csv --target price --drop id --hidden 64,64 --epochs 100\n"
                "  heddle train train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz \\\n"
                "      --test t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz\n",
    .least = 1,
    .most = 1,
    .recipe = RECIPE_ALL,
    .options = {input_label_options, file_options, input_format_options, run_options},
    .run = run,
};
