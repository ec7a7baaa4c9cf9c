/** checkpoint: see checkpoint.h. */
#include "train/checkpoint.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "model/model.h"
#include "model/safetensors.h"

static const char *const block_names[STATE_BLOCKS] = {
    [STATE_FIRST] = "run.first",
    [STATE_SECOND] = "run.second",
    [STATE_BEST] = "run.best",
    [STATE_LBFGS + LBFGS_GRADIENT] = "run.gradient",
    [STATE_LBFGS + LBFGS_S] = "run.s0",
    "run.s1",
    "run.s2",
    "run.s3",
    "run.s4",
    "run.s5",
    "run.s6",
    "run.s7",
    "run.s8",
    "run.s9",
    [STATE_LBFGS + LBFGS_Y] = "run.y0",
    "run.y1",
    "run.y2",
    "run.y3",
    "run.y4",
    "run.y5",
    "run.y6",
    "run.y7",
    "run.y8",
    "run.y9",
};

/* ---------------------------------------------------------------- the numbers ---------------- */

enum { NUMBERS = 14 };

/** No best loss yet is infinity here, and the largest number in a file, whose numbers are finite. */
static double best_to_file(double best)
{
    return best < DBL_MAX ? best : DBL_MAX;
}

static double best_from_file(double number)
{
    return number < DBL_MAX ? number : (double)__builtin_inf();
}

/** All numbers of a state; counts are far below 2^53. */
static void state_to_numbers(const struct run_state *s, double number[NUMBERS])
{
    const double all[NUMBERS] = {
        (double)s->steps,
        (double)s->epochs,
        (double)s->row,
        s->epoch_loss,
        s->loss,
        best_to_file(s->watch.best),
        (double)s->watch.waited,
        best_to_file(s->watch.plateau_best),
        (double)s->watch.plateau_waited,
        s->watch.factor,
        s->watch.improved,
        s->watch.exhausted,
        (double)s->best_epoch,
        s->reached,
    };
    memcpy(number, all, sizeof all);
}

static void state_from_numbers(struct run_state *s, const double number[NUMBERS])
{
    const double *n = number;
    s->steps = (uint64_t)*n++;
    s->epochs = (uint64_t)*n++;
    s->row = (uint64_t)*n++;
    s->epoch_loss = *n++;
    s->loss = *n++;
    s->watch.best = best_from_file(*n++);
    s->watch.waited = (uint64_t)*n++;
    s->watch.plateau_best = best_from_file(*n++);
    s->watch.plateau_waited = (uint64_t)*n++;
    s->watch.factor = *n++;
    s->watch.improved = *n++ != 0;
    s->watch.exhausted = *n++ != 0;
    s->best_epoch = (uint64_t)*n++;
    s->reached = *n++ != 0;
}

/* ---------------------------------------------------------------- writing -------------------- */

struct checkpoint_writer {
    const struct checkpoint_owner *owner;
    heddle_model *model;       /* what stays the same, and the weights of the last one */
    double *values;            /* (parameters) a block on its way */
    void *block[STATE_BLOCKS]; /* (parameters) reals in plain order; NULL: the run has none */
};

/** Options that say where a run ends; they matter only if the rate depends on it. */
static bool says_end(const heddle_option *option)
{
    return strcmp(option->name, "epochs") == 0 || strcmp(option->name, "steps") == 0;
}

/** Does this option decide what a run computes? */
static bool decides(const heddle_option *option)
{
    return strcmp(option->group, "machine") != 0 && strcmp(option->group, "run") != 0 &&
           strcmp(option->name, "time-limit") != 0 && strcmp(option->name, "report-every") != 0;
}

/** The options that decide, as given, as a JSON object. */
static void options_text(const heddle_recipe *recipe, struct string *text)
{
    const heddle_option *option;
    const char *comma = "{";
    for (size_t i = 0; (option = heddle_recipe_option(i)); i++) {
        if (decides(option)) {
            string_add(text, comma);
            safetensors_quote(text, option->name);
            string_add(text, ":");
            safetensors_quote(text, heddle_recipe_get(recipe, option->name));
            comma = ",";
        }
    }
    string_add(text, "}");
}

/**
 * The order in which sums over all weights are formed, that of their blocks in memory: raised when
 * blocks change. Σ g² of --clip and L-BFGS's products decide what becomes of a run; nothing else is
 * summed over weights.
 */
#define RUN_SUMS "2"

static bool sums_decide(const struct run_recipe *run)
{
    return run->clip > 0 || run->optimizer == OPTIMIZER_LBFGS;
}

/** All that the files of a run have in common. */
static heddle_status note_owner(heddle_model *model, const struct checkpoint_owner *owner,
                                heddle_error *err)
{
    char shard[24];
    snprintf(shard, sizeof shard, "%zu", owner->run->shard);
    struct string options = {0};
    options_text(owner->recipe, &options);
    if (options.failed) {
        memory_free(options.data);
        return status_memory(err, "a checkpoint", options.length);
    }
    const struct {
        const char *key, *value;
    } notes[] = {
        {"shard", shard},          {"recipe", owner->run->text.data},
        {"data", owner->data},     {"validation", owner->validation},
        {"options", options.data},
    };
    heddle_status status = HEDDLE_OK;
    for (size_t i = 0; i < sizeof notes / sizeof *notes && !status; i++) {
        status = model_note(model, notes[i].key, notes[i].value, err);
    }
    if (!status && *owner->initial) {
        status = model_note(model, "initial", owner->initial, err);
    }
    if (!status && sums_decide(owner->run)) {
        status = model_note(model, "sums", RUN_SUMS, err);
    }
    memory_free(options.data);
    return status;
}

/** How many blocks a state has, that of the weights too. */
static size_t count_blocks(const struct run_recipe *run, bool validates)
{
    bool has[STATE_BLOCKS];
    size_t blocks = 0;
    run_state_blocks(run, validates, has);
    for (int b = 0; b < STATE_BLOCKS; b++) {
        blocks += has[b];
    }
    return blocks;
}

size_t checkpoint_write_bytes(const struct run_recipe *run, bool validates)
{
    size_t unit = run->use_double ? sizeof(double) : sizeof(float);
    size_t others = count_blocks(run, validates) - 1;
    size_t doubles = (others > 0 ? 2 : 1) * sizeof(double);
    size_t floats =
        run->use_double ? 0 : sizeof(float); /* of the weights, while they are written */
    return shape_parameters(&run->shape) * (others * unit + doubles + floats);
}

size_t checkpoint_read_bytes(const struct run_recipe *run, bool validates)
{
    size_t unit = run->use_double ? sizeof(double) : sizeof(float);
    return count_blocks(run, validates) * shape_packed(&run->shape) * unit;
}

static heddle_status make_model(const struct checkpoint_owner *owner, heddle_model **model,
                                heddle_error *err)
{
    char *text;
    struct preprocess *copy;
    heddle_status status = preprocess_to_json(owner->preprocess, &text, err);
    if (status) {
        return status;
    }
    status = preprocess_from_json(text, &copy, err);
    memory_free(text);
    if (status) {
        return status;
    }
    const struct run_recipe *run = owner->run;
    heddle_model *made = NULL;
    status = model_create(&run->shape, run->loss, run->use_double, NULL, copy, &made, err);
    status = status ? status : note_owner(made, owner, err);
    if (status) {
        heddle_model_free(made);
        return status;
    }
    *model = made;
    return HEDDLE_OK;
}

heddle_status checkpoint_writer_create(const struct checkpoint_owner *owner,
                                       struct checkpoint_writer **writer, heddle_error *err)
{
    const struct run_recipe *run = owner->run;
    size_t count = shape_parameters(&run->shape);
    size_t unit = run->use_double ? sizeof(double) : sizeof(float);
    struct checkpoint_writer *made = memory_new(1, sizeof *made);
    bool complete = made != NULL;
    bool has[STATE_BLOCKS];
    run_state_blocks(run, owner->validates, has);
    for (int i = STATE_FIRST; complete && i < STATE_BLOCKS; i++) {
        made->block[i] = has[i] ? memory_new(count, unit) : NULL;
        complete = !has[i] || made->block[i];
    }
    if (complete) {
        made->owner = owner;
        made->values = memory_new(count, sizeof *made->values);
        complete = made->values != NULL;
    }
    heddle_status status = complete
                               ? make_model(owner, &made->model, err)
                               : status_memory(err, "checkpoints", count * (unit + sizeof(double)));
    if (status) {
        checkpoint_writer_free(made);
        return status;
    }
    *writer = made;
    return HEDDLE_OK;
}

void checkpoint_writer_free(struct checkpoint_writer *writer)
{
    if (writer) {
        heddle_model_free(writer->model);
        memory_free(writer->values);
        for (int i = 0; i < STATE_BLOCKS; i++) {
            memory_free(writer->block[i]);
        }
        memory_free(writer);
    }
}

heddle_status checkpoint_write(struct checkpoint_writer *writer, const struct run_state *state,
                               const char *path, heddle_error *err)
{
    const struct run_recipe *run = writer->owner->run;
    size_t count = shape_parameters(&run->shape);
    size_t unit = run->use_double ? sizeof(double) : sizeof(float);
    double number[NUMBERS];
    state_to_numbers(state, number);
    struct safetensors_tensor tensor[MODEL_MORE_TENSORS] = {
        {"run.state", "F64", 1, {NUMBERS}, number, sizeof number}};
    struct lbfgs_state lbfgs = state->lbfgs;
    size_t tensors = 1;
    if (writer->block[STATE_LBFGS]) {
        tensor[tensors++] = (struct safetensors_tensor){
            "run.lbfgs", "F64", 1, {sizeof lbfgs / sizeof(double)}, &lbfgs, sizeof lbfgs};
    }
    weights_unpack(&run->shape, state->block[STATE_WEIGHTS], run->use_double,
                   writer->model->values);
    for (int b = STATE_FIRST; b < STATE_BLOCKS; b++) {
        if (!writer->block[b]) {
            continue;
        }
        weights_unpack(&run->shape, state->block[b], run->use_double, writer->values);
        for (size_t i = 0; i < count; i++) {
            if (run->use_double) {
                ((double *)writer->block[b])[i] = writer->values[i];
            } else {
                ((float *)writer->block[b])[i] = (float)writer->values[i];
            }
        }
        tensor[tensors++] = (struct safetensors_tensor){
            block_names[b], run->use_double ? "F64" : "F32", 1, {count}, writer->block[b],
            count * unit};
    }
    return model_write_more(writer->model, tensor, tensors, path, err);
}

/* ---------------------------------------------------------------- comparing ------------------ */

/** Refuse to resume path: HEDDLE_E_RESUME, the difference in printf format. */
#define refuse(err, path, format, ...)                                                             \
    status_set(err, HEDDLE_E_RESUME, "cannot resume '%.150s': " format, path, ##__VA_ARGS__)

/** Does what the rate will be depend on where the run ends? */
static bool end_matters(const struct run_recipe *run)
{
    return run->schedule.kind == SCHEDULE_ONE_CYCLE || run->schedule.kind == SCHEDULE_COSINE;
}

/** A recipe's text (may be NULL) as a JSON object, without the end of the run where that is free. */
static json_t *recipe_object(const char *text, const struct run_recipe *run)
{
    json_t *object = text ? json_loads(text, 0, NULL) : NULL;
    if (!end_matters(run)) {
        json_object_del(object, "epochs");
        json_object_del(object, "steps");
    }
    return object;
}

static bool same_recipe(const heddle_model *then, const struct run_recipe *run)
{
    json_t *x = recipe_object(model_entry(then, "recipe"), run);
    json_t *y = recipe_object(run->text.data, run);
    bool same = x && y && json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return same;
}

static bool same_entry(const heddle_model *a, const heddle_model *b, const char *key)
{
    const char *x = model_entry(a, key);
    const char *y = model_entry(b, key);
    return x == y || (x && y && strcmp(x, y) == 0);
}

/** Which entry of two JSON objects differs, as far as there is one; its name is b's. */
static const char *different_key(json_t *a, json_t *b)
{
    const char *key;
    json_t *value;
    json_object_foreach(b, key, value)
    {
        if (!json_equal(json_object_get(a, key), value)) {
            return key;
        }
    }
    return NULL;
}

/** A value of a recipe's text, cut to fit; "none" if it is not there. */
static const char *value_text(const json_t *value, char *text, size_t size)
{
    size_t n = json_dumpb(value, text, size - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    if (n == 0) {
        return "none";
    }
    text[n < size ? n : size - 1] = '\0';
    return text;
}

/** The resolved recipes differ, and no option does. */
static heddle_status name_recipe(const char *path, const heddle_model *then,
                                 const struct run_recipe *run, heddle_error *err)
{
    json_t *a = recipe_object(model_entry(then, "recipe"), run);
    json_t *b = recipe_object(run->text.data, run);
    const char *key = different_key(a, b);
    char was[64], now[64];
    heddle_status status = key ? refuse(err, path, "the recipe's '%.60s' was %s and is %s now", key,
                                        value_text(json_object_get(a, key), was, sizeof was),
                                        value_text(json_object_get(b, key), now, sizeof now))
                               : refuse(err, path, "the recipe differs");
    json_decref(a);
    json_decref(b);
    return status;
}

/** The rows are the same numbers, but not under the same names. */
static heddle_status name_columns(const char *path, const heddle_model *then,
                                  const heddle_model *now, heddle_error *err)
{
    json_t *a = json_loads(model_entry(then, "preprocess"), 0, NULL);
    json_t *b = json_loads(model_entry(now, "preprocess"), 0, NULL);
    json_t *was = json_object_get(a, "inputs"), *is = json_object_get(b, "inputs");
    const char *key = different_key(a, b);
    heddle_status status = HEDDLE_OK;
    for (size_t i = 0; !status && i < json_array_size(is); i++) {
        const char *x = json_string_value(json_object_get(json_array_get(was, i), "name"));
        const char *y = json_string_value(json_object_get(json_array_get(is, i), "name"));
        if (x && y && strcmp(x, y) != 0) {
            status = refuse(err, path, "input %zu was '%.60s' and is '%.60s' now", i + 1, x, y);
        }
    }
    if (!status) {
        status = refuse(err, path, "the columns differ in their '%.60s'", key ? key : "kinds");
    }
    json_decref(a);
    json_decref(b);
    return status;
}

/** Something differs: say what, an option of the user's if it is one. */
static heddle_status name_difference(const char *path, const heddle_model *then,
                                     const heddle_model *now, const struct checkpoint_owner *owner,
                                     const char *otherwise, heddle_error *err)
{
    const char *text = model_entry(then, "options");
    json_t *options = text ? json_loads(text, 0, NULL) : NULL;
    const heddle_option *option;
    for (size_t i = 0; (option = heddle_recipe_option(i)); i++) {
        const char *was = json_string_value(json_object_get(options, option->name));
        const char *is = heddle_recipe_get(owner->recipe, option->name);
        if (was && strcmp(was, is) != 0 && (!says_end(option) || end_matters(owner->run))) {
            heddle_status status =
                refuse(err, path, "--%s was '%.60s' and is '%.60s' now", option->name, was, is);
            json_decref(options);
            return status;
        }
    }
    json_decref(options);
    if (!same_entry(then, now, "data")) {
        return refuse(err, path, "the data are not those it was trained on");
    }
    if (!same_entry(then, now, "validation")) {
        return refuse(err, path, "the validation data are not those it was trained with");
    }
    if (!same_entry(then, now, "initial")) {
        return refuse(err, path, "the model of --init is not the one it began from");
    }
    if (!same_recipe(then, owner->run)) {
        return name_recipe(path, then, owner->run, err);
    }
    if (!same_entry(then, now, "sums")) {
        return refuse(err, path,
                      "another version of Heddle wrote it, which adds weights up in another order; "
                      "go on with that version, or start from its weights with --init");
    }
    if (!same_entry(then, now, "preprocess")) {
        return name_columns(path, then, now, err);
    }
    return refuse(err, path, "%s differs", otherwise);
}

/** Does the checkpoint belong to this run? */
static heddle_status compare(const char *path, const heddle_model *then,
                             const struct checkpoint_owner *owner, heddle_error *err)
{
    heddle_model *now;
    heddle_status status = make_model(owner, &now, err);
    if (status) {
        return status;
    }
    static const char *const keys[] = {"data", "validation",  "shard",   "preprocess",
                                       "loss", "activations", "initial", "sums"};
    const char *different = NULL;
    if (!model_entry(then, "data")) {
        status = status_set(err, HEDDLE_E_DATA,
                            "'%.300s' is a model but no checkpoint; --init "
                            "starts from its weights",
                            path);
    } else if (then->use_double != now->use_double) {
        different = "the precision";
    } else if (encoded_check_initial(&now->shape, &then->shape, NULL)) {
        different = "the network";
    } else if (!same_recipe(then, owner->run)) {
        different = "the recipe";
    }
    for (size_t i = 0; !status && !different && i < sizeof keys / sizeof *keys; i++) {
        different = same_entry(then, now, keys[i]) ? NULL : keys[i];
    }
    if (!status && different) {
        status = name_difference(path, then, now, owner, different, err);
    }
    heddle_model_free(now);
    return status;
}

/* ---------------------------------------------------------------- reading -------------------- */

void checkpoint_state_done(struct run_state *state)
{
    for (int b = 0; b < STATE_BLOCKS; b++) {
        memory_free(state->block[b]);
        state->block[b] = NULL;
    }
}

/** A block of the run from values in plain order. */
static void *pack(const struct run_recipe *run, const double *values)
{
    size_t unit = run->use_double ? sizeof(double) : sizeof(float);
    void *packed = memory_new(shape_packed(&run->shape), unit);
    if (packed) {
        weights_pack(&run->shape, values, run->use_double, packed);
    }
    return packed;
}

/** The blocks and numbers of a file that belongs to the run. */
static heddle_status read_state(const char *path, const struct safetensors *file,
                                const heddle_model *model, const struct checkpoint_owner *owner,
                                struct run_state *state, heddle_error *err)
{
    const struct run_recipe *run = owner->run;
    size_t count = shape_parameters(&run->shape);
    const char *dtype = run->use_double ? "F64" : "F32";
    bool has[STATE_BLOCKS];
    run_state_blocks(run, owner->validates, has);
    const struct safetensors_tensor *numbers = safetensors_find(file, "run.state");
    double number[NUMBERS];
    if (!numbers || numbers->size != sizeof number) {
        return status_set(err, HEDDLE_E_DATA, "'%.300s' holds no state of this kind of run", path);
    }
    memcpy(number, numbers->data, sizeof number);
    state_from_numbers(state, number);
    if (run->optimizer == OPTIMIZER_LBFGS) {
        const struct safetensors_tensor *lbfgs = safetensors_find(file, "run.lbfgs");
        if (!lbfgs || lbfgs->size != sizeof state->lbfgs) {
            return status_set(err, HEDDLE_E_DATA, "'%s' is no checkpoint", path);
        }
        memcpy(&state->lbfgs, lbfgs->data, sizeof state->lbfgs);
    }
    if (state->steps > run->steps) {
        return refuse(err, path, "it is at step %llu, behind the run's end",
                      (unsigned long long)state->steps);
    }
    double *values = memory_new(count, sizeof *values);
    bool complete = values != NULL;
    state->block[STATE_WEIGHTS] = pack(run, model->values);
    complete = complete && state->block[STATE_WEIGHTS];
    heddle_status status = HEDDLE_OK;
    for (int b = STATE_FIRST; complete && !status && b < STATE_BLOCKS; b++) {
        const struct safetensors_tensor *t = has[b] ? safetensors_find(file, block_names[b]) : NULL;
        if (!has[b]) {
            continue;
        }
        if (!t || strcmp(t->dtype, dtype) != 0 || t->rank != 1 || t->shape[0] != count) {
            status = status_set(err, HEDDLE_E_DATA, "'%.300s' holds no '%s' of this network", path,
                                block_names[b]);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            float single;
            if (run->use_double) {
                memcpy(&values[i], (const char *)t->data + i * sizeof *values, sizeof *values);
            } else {
                memcpy(&single, (const char *)t->data + i * sizeof single, sizeof single);
                values[i] = (double)single;
            }
        }
        state->block[b] = pack(run, values);
        complete = state->block[b] != NULL;
    }
    memory_free(values);
    return complete ? status : status_memory(err, "a checkpoint", count * sizeof *values);
}

heddle_status checkpoint_read(const char *path, const struct checkpoint_owner *owner,
                              struct run_state *state, heddle_error *err)
{
    struct file_bytes bytes;
    heddle_model *model = NULL;
    struct safetensors file = {0};
    struct run_state made = {0};
    heddle_status status = file_read(path, 0, model_look, (void *)(uintptr_t)path, &bytes, err);
    if (status) {
        return status;
    }
    status = model_parse(&bytes, path, &model, err);
    if (!status) {
        status = compare(path, model, owner, err);
    }
    if (!status) {
        status = safetensors_parse(bytes.data, bytes.size, path, &file, err);
    }
    if (!status) {
        status = read_state(path, &file, model, owner, &made, err);
    }
    safetensors_done(&file);
    heddle_model_free(model);
    file_release(&bytes);
    if (status) {
        checkpoint_state_done(&made);
        return status;
    }
    *state = made;
    return HEDDLE_OK;
}

size_t checkpoint_shard(const char *path)
{
    struct file_bytes bytes;
    struct safetensors file;
    uint64_t shard = 0;
    if (file_read(path, 0, model_look, (void *)(uintptr_t)path, &bytes, NULL)) {
        return 0;
    }
    if (!safetensors_parse(bytes.data, bytes.size, path, &file, NULL)) {
        const char *text = safetensors_value(&file, "shard");
        if (!text || !text_to_u64(text, strlen(text), &shard)) {
            shard = 0;
        }
        safetensors_done(&file);
    }
    file_release(&bytes);
    return (size_t)shard;
}
