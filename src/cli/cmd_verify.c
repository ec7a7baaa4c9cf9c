/** heddle verify: does a run that was logged give the same bits here? */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "json_out.h"
#include "options.h"
#include "output.h"
#include "steady.h"
#include "trace.h"
#include "train_again.h"

static const struct option verify_options[] = {
    {"steps", 0, OPTION_COUNT, "run", "N", NULL, "compare the first N steps only"},
    {"threads", 0, OPTION_COUNT, "run", "N", NULL,
     "workers; without it OMP_NUM_THREADS, else what the machine leaves us; never changes a "
     "result"},
    {"json", 0, OPTION_FLAG, "run", NULL, NULL,
     "one JSON object: same, steps, compared, and where the first difference is"},
    {.name = NULL},
};

struct verify {
    const char *path;
    const json_t *start, *end; /* records of the log: of its last process; end may be NULL */
    json_t *records;           /* all of them */
    size_t next;               /* the first record that was not compared yet */
    uint64_t logged;           /* the last step it tells of */
    uint64_t steps;            /* after which to stop; 0: as the run does */
    uint64_t done;
    size_t compared; /* losses and weights */
    bool differs, other_data, began;
    uint64_t step; /* of the first difference */
    char where[256];
};

static bool is_event(const json_t *record, const char *event)
{
    return strcmp(text_of(record, "event"), event) == 0;
}

/* ------------------------------------------------------------------- the log ----------------- */

/** Read the lines of the log. Returns 0, or complains and returns the exit status. */
static int read_log(struct verify *v)
{
    FILE *file = steady_read(v->path);
    if (file == NULL) {
        complain("cannot open '%s': %s", v->path, strerror(errno));
        return EXIT_OPEN;
    }
    v->records = json_array();
    char *line = NULL;
    size_t size = 0;
    size_t number = 0;
    int status = 0;
    ssize_t length;
    int first = getc(file);
    if (first != EOF && ungetc(first, file) != '{') { /* perhaps one endless line */
        complain("'%s' line 1 is no record of a log", v->path);
        status = EXIT_DATA;
    }
    while (status == 0 && (length = getline(&line, &size, file)) > 0) {
        json_error_t error;
        number++;
        json_t *record = json_loadb(line, (size_t)length, 0, &error);
        if (record != NULL) {
            json_array_append_new(v->records, record);
        } else if (line[length - 1] == '\n' || number == 1) {
            complain("'%s' line %zu is no record of a log: %s", v->path, number, error.text);
            status = EXIT_DATA;
        } /* else: the last line of a run that was killed */
    }
    if (status == 0 && ferror(file)) {
        int reason = errno;
        complain("cannot read '%s': %s", v->path, strerror(reason));
        status = reason == EISDIR ? EXIT_OPEN : EXIT_IO;
    }
    free(line);
    fclose(file);
    size_t count = json_array_size(v->records);
    v->start = json_array_get(v->records, 0);
    for (size_t i = 0; is_event(v->start, "start") && i < count; i++) {
        const json_t *record = json_array_get(v->records, i);
        v->start = is_event(record, "start") ? record : v->start;
        if (!is_event(record, "start")) {
            v->logged = count_of(record, "step"); /* of an error 0: it is repeated, too */
        }
    }
    v->end = count > 0 ? json_array_get(v->records, count - 1) : NULL;
    v->end = v->end != NULL && is_event(v->end, "end") ? v->end : NULL;
    if (v->end != NULL) {
        v->logged = count_of(v->end, "steps");
    }
    if (status == 0 && (v->start == NULL || !is_event(v->start, "start") ||
                        !json_is_array(json_object_get(v->start, "command")))) {
        complain("'%s' is no log of heddle train --log", v->path);
        status = EXIT_DATA;
    }
    return status;
}

/** The command line of the log as a line of `train`. Returns -1, or an exit status. */
static int read_command(const struct verify *v, const char *data, char ***argv,
                        struct command_line *line)
{
    const json_t *words = json_object_get(v->start, "command");
    size_t count = json_array_size(words);
    char **made = need(count + 1, sizeof *made);
    for (size_t i = 0; i < count; i++) {
        const char *word = json_string_value(json_array_get(words, i));
        made[i] = need_text(word != NULL ? word : "");
    }
    *argv = made;
    if (count < 3 || strcmp(made[1], "train") != 0) {
        complain("'%s' is no log of heddle train --log", v->path);
        return EXIT_DATA;
    }
    int status = options_read(line, &command_train, (int)count, made, 2);
    if (status < 0 && data != NULL) {
        line->operands[0] = data;
    }
    return status < 0 ? -1 : EXIT_DATA;
}

/* ------------------------------------------------------------------- comparing --------------- */

static void found(struct verify *v, uint64_t step, const char *where)
{
    if (!v->differs && !v->other_data) {
        v->differs = true;
        v->step = step;
        snprintf(v->where, sizeof v->where, "%s", where);
    }
}

/** A number of the log and one computed here: all bits. */
static bool same_number(const json_t *record, const char *key, double value)
{
    const json_t *number = json_object_get(record, key);
    double then = json_number_value(number);
    return json_is_null(number) || memcmp(&then, &value, sizeof then) == 0;
}

/** The next record of this kind and step, or NULL; those before it were never reached. */
static const json_t *find_record(struct verify *v, const char *event, uint64_t step)
{
    for (size_t i = v->next; i < json_array_size(v->records); i++) {
        const json_t *record = json_array_get(v->records, i);
        if (is_event(record, event) && count_of(record, "step") == step) {
            v->next = i + 1;
            return record;
        }
    }
    return NULL;
}

static void on_begin(void *user, const heddle_start *start)
{
    struct verify *v = user;
    v->began = true;
    const char *const compared[][2] = {
        {text_of(v->start, "data_sha256"), start->data},
        {text_of(v->start, "validation_sha256"), start->validation},
        {text_of(v->start, "resolved"), start->recipe},
    };
    static const char *const names[] = {"the data", "the validation data", "the recipe"};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !v->other_data; i++) {
        if (strcmp(compared[i][0], compared[i][1]) != 0) {
            v->other_data = true;
            snprintf(v->where, sizeof v->where, "%s", names[i]);
        }
    }
}

static void on_step(void *user, uint64_t step, double loss)
{
    struct verify *v = user;
    v->done = step;
    const json_t *record = find_record(v, "step", step);
    if (record != NULL) {
        v->compared++;
        if (!same_number(record, "loss", loss)) {
            char where[128];
            snprintf(where, sizeof where, "its loss: %.17g in the log, %.17g here",
                     json_number_value(json_object_get(record, "loss")), loss);
            found(v, step, where);
        }
    }
}

static int on_report(void *user, const heddle_report *report)
{
    struct verify *v = user;
    const json_t *record = find_record(v, "report", report->step);
    if (record == NULL) {
        return v->differs;
    }
    char where[256];
    bool compared;
    bool same = trace_same(report, record, &compared, where, sizeof where);
    v->compared += compared;
    if (!same) {
        found(v, report->step, where);
    } else if (!same_number(record, "loss", report->loss)) {
        found(v, report->step, "the mean loss");
    } else if (report->has_validation &&
               !same_number(record, "validation_loss", report->validation_loss)) {
        found(v, report->step, "the validation loss");
    }
    return v->differs;
}

static int on_stop(void *user)
{
    const struct verify *v = user;
    bool enough = v->steps > 0 && v->done + 1 >= v->steps;
    return v->differs || v->other_data || enough ? HEDDLE_STOP : HEDDLE_GO_ON;
}

/* ------------------------------------------------------------------- the command ------------- */

static void print_json(const struct verify *v, bool whole)
{
    json_t *object = json_object();
    json_put(object, "same", json_boolean(!v->differs));
    json_put(object, "steps", json_count(v->done));
    json_put(object, "compared", json_count(v->compared));
    json_put(object, "whole", json_boolean(whole));
    if (v->differs) {
        json_put(object, "step", json_count(v->step));
        json_put(object, "where", json_text(v->where));
    }
    json_write(stdout, object, true);
    json_decref(object);
}

/** Say what came out. Returns the exit status. */
static int conclude(struct verify *v, const heddle_result *result, bool json)
{
    if (v->other_data) {
        complain("'%s' cannot be repeated: %s differ%s from what was logged", v->path, v->where,
                 strcmp(v->where, "the recipe") == 0 ? "s" : "");
        return EXIT_RESUME;
    }
    const char *logged = v->end != NULL ? text_of(v->end, "sha256") : "";
    if (v->end != NULL && v->steps == 0 && v->done != v->logged) {
        char where[96];
        snprintf(where, sizeof where, "the run ends here, in the log after step %" PRIu64,
                 v->logged);
        found(v, v->done, where);
    }
    bool whole = !v->differs && v->end != NULL && v->done == v->logged;
    if (whole && logged[0] != '\0') {
        v->compared++;
        if (strcmp(logged, result->sha256) != 0) {
            found(v, v->done, "the model file");
        }
    }
    if (!v->differs && v->compared == 0) {
        complain("'%s' has nothing to compare in its first %" PRIu64 " steps", v->path, v->done);
        return EXIT_DATA;
    }
    char compared[48];
    snprintf(compared, sizeof compared, "%zu comparison%s", v->compared,
             v->compared == 1 ? "" : "s");
    if (json) {
        print_json(v, whole);
    } else if (v->differs) {
        printf("differs at step %" PRIu64 ": %s\n", v->step, v->where);
    } else if (whole) {
        printf("the same bits: %" PRIu64 " steps, %s, model sha256 %s\n", v->done, compared,
               result->sha256);
    } else {
        printf("the same bits: the first %" PRIu64 " steps, %s\n", v->done, compared);
    }
    const char *version = text_of(v->start, "version");
    if (v->differs && strcmp(version, heddle_version()) != 0) {
        complain("note: Heddle %s logged '%s', and this is %s, whose arithmetic may be another",
                 version, v->path, heddle_version());
    }
    return v->differs ? EXIT_DATA : 0;
}

/** Relative names in the log are meant from where it was made, if they are not here. */
static void go_there(const struct verify *v, const struct command_line *train)
{
    const char *directory = text_of(v->start, "directory");
    if (access(train->operands[0], F_OK) != 0 && directory[0] != '\0' && chdir(directory) != 0) {
        complain("note: '%s', where it was logged, is not there", directory);
    }
}

/** Standard input was read in place of what the log was made of, and could not be used. */
static void ask_for_data(const struct verify *v, const struct command_line *train)
{
    const char *validation = option_given(train, "validation");
    if (strcmp(train->operands[0], "-") == 0) {
        complain("note: the data of '%s' came from standard input, and are not in the log: give "
                 "them again, 'heddle verify %s DATA' or 'heddle verify %s <DATA'",
                 v->path, v->path, v->path);
    } else if (validation != NULL && strcmp(validation, "-") == 0) {
        complain("note: the validation data of '%s' came from standard input, and are not in the "
                 "log: give them again, 'heddle verify %s <DATA'",
                 v->path, v->path);
    }
}

static int run(const struct command_line *line)
{
    struct verify v = {.path = line->operands[0]};
    v.steps = (uint64_t)option_count(line, "steps");
    struct command_line train = {0};
    char **argv = NULL;
    heddle_model *model = NULL;
    heddle_result result = {0};
    const heddle_callbacks callbacks = {.user = &v,
                                        .report = on_report,
                                        .stop = on_stop,
                                        .begin = on_begin,
                                        .step = on_step,
                                        .wants_weights = true};
    int status = read_log(&v);
    if (status == 0) {
        const char *data = line->operand_count > 1 ? line->operands[1] : NULL;
        status = read_command(&v, data, &argv, &train);
    }
    if (status < 0) {
        /* A run that was stopped or killed is repeated as far as the log goes. */
        bool stopped = v.end == NULL || json_is_true(json_object_get(v.end, "stopped")) ||
                       json_is_true(json_object_get(v.end, "late"));
        v.steps = v.steps == 0 && stopped ? v.logged : v.steps;
        if (line->operand_count == 1) {
            go_there(&v, &train);
        }
        status = train_again(&train, v.start, option_given(line, "threads"), &callbacks, &model,
                             &result);
        if (!v.began && (status == EXIT_DATA || status == EXIT_IO)) {
            ask_for_data(&v, &train);
        }
    }
    if (status == 0) {
        status = conclude(&v, &result, option_flag(line, "json"));
    }
    heddle_result_done(&result);
    heddle_model_free(model);
    options_done(&train);
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++) {
        free(argv[i]);
    }
    free(argv);
    json_decref(v.records);
    return status;
}

const struct command command_verify = {
    .name = "verify",
    .operands = "RUN.jsonl [DATA]",
    .summary = "repeat a logged run and compare the bits",
    .text =
        "Repeats the run that wrote RUN.jsonl (train --log) and compares what the log has of it "
        "bit for bit: losses of steps, weights at reports, the model file. Says that they are "
        "the same, or at which step and in which layer, unit and weight the first difference "
        "is (status 65). Data or a recipe that are not those of the log: status 75. DATA is "
        "read instead of the file that the log names. Data that came from standard input are read "
        "from there again.",
    .examples = "  heddle train flowers.csv --log run.jsonl -o flowers.model\n"
                "  heddle verify run.jsonl --threads 1\n",
    .least = 1,
    .most = 2,
    .options = {verify_options},
    .run = run,
};
