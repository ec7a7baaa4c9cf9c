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
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "compare.h"
#include "input.h"
#include "options.h"
#include "json_out.h"
#include "output.h"
#include "progress.h"
#include "run_log.h"
#include "run_report.h"
#include "train_estimate.h"
#include "train_input.h"
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
     "write a record of the run: one JSON object a line, the first with all settings; a run that "
     "goes on from a checkpoint goes on with its record"},
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

/* ------------------------------------------------------------------- a run ------------------- */

struct run {
    const struct command_line *line;
    struct train_input in;
    bool quiet;
    struct progress progress;
    struct run_log log;
    struct run_report report;
    json_t *start;      /* what the run was told; NULL unless log or report want it */
    heddle_report last; /* the newest report */
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
    run_log_start(&run->log, start);
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

static void on_choosing(void *user, size_t done, size_t runs)
{
    struct run *run = user;
    progress_choosing(&run->progress, done, runs);
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

/** Rows that are trained on, as far as can be told before. */
static size_t training_rows(const struct run *run)
{
    size_t rows = heddle_table_rows(run->in.table);
    const char *share = heddle_recipe_get(run->in.recipe, "validation");
    double fraction;
    if (run->in.validation == NULL && share != NULL && text_number(share, &fraction) &&
        fraction > 0 && fraction < 1) {
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
    struct compare *compare = &run->in.compare;
    if (compare_estimate(compare, run->in.table, run->in.validation, run->in.test, run->in.initial,
                         &callbacks, run->in.recipe, &estimate, &err) != HEDDLE_OK) {
        return refuse(run->line, &err);
    }
    if (option_flag(run->line, "json")) {
        json_t *object = train_estimate_json(&estimate, compare);
        json_write(stdout, object, true);
        json_decref(object);
    } else {
        train_estimate_print(&estimate, compare);
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
        if (run->in.compare.trials != NULL) {
            compare_json(&run->in.compare, object);
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
        train_result_table(model, run->in.table);
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
    snprintf(way, sizeof way, "%zu %zu", heddle_search_candidates(run->in.compare.search),
             run->in.compare.folds);
    if (heddle_cluster_compare("options", way, &err) != HEDDLE_OK) {
        return give_up(&err);
    }
    progress_begin(&run->progress, option_value(line, "progress"), run->quiet, training_rows(run));
    signals_catch();
    heddle_status status =
        compare_run(&run->in.compare, run->in.table, run->in.validation, run->in.initial,
                    &run->progress, &callbacks, run->in.recipe, &err);
    progress_end(&run->progress);
    signals_agree();
    if (status != HEDDLE_OK) {
        int result = refuse(run->line, &err);
        signals_obey();
        return result;
    }
    if (!option_flag(line, "json")) {
        compare_print(&run->in.compare);
    }
    if (!run->quiet) {
        complain(run->in.compare.folds > 0 ? "note: the model is now trained on all rows"
                                           : "note: the best candidate is now trained by itself");
    }
    return 0;
}

static int train(struct run *run)
{
    const struct command_line *line = run->line;
    const char *log = speaks() ? option_given(line, "log") : NULL;
    progress_begin(&run->progress, option_value(line, "progress"), run->quiet, training_rows(run));
    heddle_callbacks callbacks = {.user = run,
                                  .report = on_report,
                                  .note = on_note,
                                  .stop = on_step,
                                  .choosing = on_choosing};
    if (log != NULL || run->report.path != NULL) {
        run->start = train_start_json(line, run->in.recipe, run->in.table);
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
    heddle_status trained =
        heddle_train(run->in.recipe, run->in.table, run->in.validation, run->in.test,
                     run->in.initial, &callbacks, &model, &result, &err);
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
        status = refuse(run->line, &err);
        if (trained == HEDDLE_E_DIVERGED) {
            saved = save_good(run, model, good);
        }
    }
    int logged = run_log_end(&run->log);
    int told = run_report_end(&run->report, &(struct run_outcome){
                                                .line = line,
                                                .recipe = run->in.recipe,
                                                .table = run->in.table,
                                                .compare = &run->in.compare,
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

static int run(const struct command_line *line)
{
    struct run run = {.line = line, .quiet = option_flag(line, "quiet") || !speaks()};
    run_report_begin(&run.report, speaks() ? option_given(line, "report") : NULL);
    signals_catch_checkpoint();
    int status = train_input_read(&run.in, line, true);
    if (status == 0) {
        bool dry = option_flag(line, "dry-run");
        status = dry ? 0 : compare(&run);
        status = status != 0 ? status : dry ? dry_run(&run) : train(&run);
    }
    run_report_done(&run.report);
    json_decref(run.start);
    train_input_done(&run.in);
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
    .options = {input_category_options, input_label_options, file_options, input_format_options,
                run_options},
    .run = run,
};
