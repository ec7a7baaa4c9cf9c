/**
 * preprocess_json: a preprocessing as JSON text and back. Keys are sorted, numbers have 17 digits,
 * and what follows from the rest is left out (numbers scaled by nothing, positions in order), so
 * equal preprocessings have equal text and an image's 784 columns cost little.
 *
 *     {"classes":["a","b"],"columns":5,
 *      "inputs":[{"factor":2.0,"name":"x","shift":1.5},{"categories":["u","v"],"name":"w"}],
 *      "missing":"error","named":true,"numbers":false,"scale":"standard",
 *      "targets":[{"name":"y","position":4}],"task":"classify"}
 *
 * "numbers": the classes are numbers. What is read is checked throughout: the text comes from a
 * file.
 */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/preprocess.h"

static const char *const task_name[] = {"auto", "classify", "regress"};
static const char *const scale_name[] = {"auto", "standard", "minmax", "byte", "none"};
static const char *const missing_name[] = {"error", "mean", "drop"};

/* The factor that goes without saying. */
static double usual_factor(enum scale scale)
{
    return scale == SCALE_BYTE ? 1.0 / 255.0 : 1.0;
}

/* ---------------------------------------------------------------- to text -------------------- */

/* The _new functions take the value over, also when they fail; a NULL value is a failure. */
static bool set_unless(json_t *object, const char *key, double value, double usual)
{
    return value == usual || json_object_set_new(object, key, json_real(value)) == 0;
}

static bool set_index_unless(json_t *object, const char *key, size_t value, size_t usual)
{
    return value == usual || json_object_set_new(object, key, json_integer((json_int_t)value)) == 0;
}

static json_t *words_to_json(char *const *word, size_t words)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < words; i++)
        if (json_array_append_new(array, json_string(word[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static json_t *input_to_json(const struct preprocess *p, size_t j)
{
    const struct preprocess_input *input = &p->input[j];
    json_t *object = json_object();
    bool fits = object && json_object_set_new(object, "name", json_string(input->name)) == 0 &&
                set_index_unless(object, "position", input->position, j);
    if (input->text) {
        json_t *categories = words_to_json(input->category, input->categories);
        fits = fits && categories;
        if (fits)
            fits = json_object_set_new(object, "categories", categories) == 0;
        else
            json_decref(categories);
        if (input->missing_category)
            fits = fits && json_object_set_new(object, "missing", json_true()) == 0;
    } else {
        fits = fits && set_unless(object, "shift", input->shift, 0.0) &&
               set_unless(object, "factor", input->factor, usual_factor(p->scale)) &&
               set_unless(object, "fill", input->fill, 0.0);
    }
    if (!fits) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *target_to_json(const struct preprocess *p, size_t t)
{
    const struct preprocess_target *target = &p->target[t];
    json_t *object = json_object();
    bool fits = object && json_object_set_new(object, "name", json_string(target->name)) == 0 &&
                set_index_unless(object, "position", target->position, p->inputs + t) &&
                set_unless(object, "shift", target->shift, 0.0) &&
                set_unless(object, "factor", target->factor, 1.0);
    if (!fits) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *array_to_json(const struct preprocess *p, size_t n,
                             json_t *(*element)(const struct preprocess *p, size_t i))
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < n; i++)
        if (json_array_append_new(array, element(p, i)) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static bool fill_json(const struct preprocess *p, json_t *root)
{
    bool fits = true;
    if (p->task == TASK_CLASSIFY)
        fits =
            json_object_set_new(root, "classes", words_to_json(p->class_name, p->classes)) == 0 &&
            json_object_set_new(root, "numbers", json_boolean(p->class_number != NULL)) == 0;
    return fits && json_object_set_new(root, "task", json_string(task_name[p->task])) == 0 &&
           json_object_set_new(root, "scale", json_string(scale_name[p->scale])) == 0 &&
           json_object_set_new(root, "missing", json_string(missing_name[p->missing])) == 0 &&
           json_object_set_new(root, "named", json_boolean(p->named)) == 0 &&
           json_object_set_new(root, "columns", json_integer((json_int_t)p->columns)) == 0 &&
           json_object_set_new(root, "inputs", array_to_json(p, p->inputs, input_to_json)) == 0 &&
           json_object_set_new(root, "targets", array_to_json(p, p->targets, target_to_json)) == 0;
}

static int add_text(const char *text, size_t n, void *string)
{
    string_add_n(string, text, n);
    return 0;
}

heddle_status preprocess_to_json(const struct preprocess *preprocess, char **text,
                                 heddle_error *err)
{
    struct string out = {0};
    json_t *root = json_object();
    bool fits = root && fill_json(preprocess, root) &&
                json_dump_callback(root, add_text, &out,
                                   JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) == 0;
    json_decref(root);
    if (!fits || out.failed) {
        memory_free(out.data);
        return status_memory(err, "preprocessing", out.length);
    }
    *text = out.data;
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- from text ------------------ */

static heddle_status wrong(heddle_error *err, const char *what)
{
    return status_set(err, HEDDLE_E_DATA, "the preprocessing in the model is damaged: %s", what);
}

static heddle_status no_memory(heddle_error *err)
{
    return status_memory(err, "preprocessing", 0);
}

/* *index of the string at `key` among the names; false if it is none of them. */
static bool get_word(const json_t *root, const char *key, const char *const *names, size_t n,
                     size_t *index)
{
    const char *word = json_string_value(json_object_get(root, key));
    for (*index = 0; word && *index < n; ++*index)
        if (strcmp(word, names[*index]) == 0)
            return true;
    return false;
}

static bool get_bool(const json_t *root, const char *key, bool *value)
{
    const json_t *v = json_object_get(root, key);
    *value = json_is_true(v);
    return json_is_boolean(v);
}

static bool get_number(const json_t *object, const char *key, double usual, double *value)
{
    const json_t *v = json_object_get(object, key);
    *value = v ? json_number_value(v) : usual;
    return (!v || json_is_number(v)) && isfinite(*value);
}

static bool get_index(const json_t *object, const char *key, size_t usual, size_t *value)
{
    const json_t *v = json_object_get(object, key);
    json_int_t n = v ? json_integer_value(v) : (json_int_t)usual;
    *value = (size_t)n;
    return (!v || json_is_integer(v)) && n >= 0;
}

/* A copy of the name at "name". NULL: none, or (*fits false) no memory. */
static char *get_name(const json_t *object, bool *fits)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    char *copy = name ? memory_string(name) : NULL;
    *fits = !name || copy;
    return copy;
}

/* Copies of an array of strings into (*word)[0 … *words), *words counting those made. */
static heddle_status get_words(const json_t *array, char ***word, size_t *words, heddle_error *err)
{
    size_t n = json_array_size(array);
    if (!json_is_array(array))
        return wrong(err, "a list of words is missing");
    *word = memory_new(n, sizeof **word);
    if (!*word)
        return no_memory(err);
    for (; *words < n; ++*words) {
        const char *text = json_string_value(json_array_get(array, *words));
        if (!text)
            return wrong(err, "a word is none");
        (*word)[*words] = memory_string(text);
        if (!(*word)[*words])
            return no_memory(err);
    }
    return HEDDLE_OK;
}

static bool are_sorted(char *const *word, size_t words)
{
    for (size_t i = 1; i < words; i++)
        if (strcmp(word[i - 1], word[i]) >= 0)
            return false;
    return true;
}

static heddle_status read_input(struct preprocess *p, const json_t *object, heddle_error *err)
{
    struct preprocess_input *input = &p->input[p->inputs];
    size_t index = p->inputs++;
    bool fits;
    input->name = get_name(object, &fits);
    if (!fits)
        return no_memory(err);
    if (!input->name || !get_index(object, "position", index, &input->position) ||
        input->position >= p->columns)
        return wrong(err, "an input without name or place");
    const json_t *categories = json_object_get(object, "categories");
    input->text = categories != NULL;
    size_t width = 1;
    if (input->text) {
        heddle_status status = get_words(categories, &input->category, &input->categories, err);
        if (status != HEDDLE_OK)
            return status;
        if (!are_sorted(input->category, input->categories))
            return wrong(err, "categories out of order");
        input->missing_category = json_is_true(json_object_get(object, "missing"));
        width = input->categories + input->missing_category;
    } else if (!get_number(object, "shift", 0.0, &input->shift) ||
               !get_number(object, "factor", usual_factor(p->scale), &input->factor) ||
               !get_number(object, "fill", 0.0, &input->fill)) {
        return wrong(err, "an input's scale is no number");
    }
    if (!size_add(p->width, width, &p->width))
        return wrong(err, "too many inputs");
    return HEDDLE_OK;
}

static heddle_status read_target(struct preprocess *p, const json_t *object, heddle_error *err)
{
    struct preprocess_target *target = &p->target[p->targets];
    size_t index = p->targets++;
    bool fits;
    target->name = get_name(object, &fits);
    if (!fits)
        return no_memory(err);
    if (!target->name || !get_index(object, "position", p->inputs + index, &target->position) ||
        target->position >= p->columns)
        return wrong(err, "a target without name or place");
    if (!get_number(object, "shift", 0.0, &target->shift) ||
        !get_number(object, "factor", 1.0, &target->factor) || target->factor == 0.0)
        return wrong(err, "a target's scale is no number");
    return HEDDLE_OK;
}

static heddle_status read_classes(struct preprocess *p, const json_t *root, heddle_error *err)
{
    bool numbers;
    heddle_status status =
        get_words(json_object_get(root, "classes"), &p->class_name, &p->classes, err);
    if (status != HEDDLE_OK)
        return status;
    if (p->classes < 2 || !get_bool(root, "numbers", &numbers))
        return wrong(err, "no classes");
    if (!numbers)
        return are_sorted(p->class_name, p->classes) ? HEDDLE_OK
                                                     : wrong(err, "classes out of order");
    p->class_number = memory_new(p->classes, sizeof *p->class_number);
    if (!p->class_number)
        return no_memory(err);
    for (size_t k = 0; k < p->classes; k++) {
        const char *name = p->class_name[k];
        if (!text_to_double(name, strlen(name), &p->class_number[k]) ||
            (k && !(p->class_number[k - 1] < p->class_number[k])))
            return wrong(err, "classes are no ascending numbers");
    }
    return HEDDLE_OK;
}

static heddle_status read_all(struct preprocess *p, const json_t *root, heddle_error *err)
{
    size_t task, scale, missing;
    if (!get_word(root, "task", task_name, 3, &task) || task == TASK_AUTO ||
        !get_word(root, "scale", scale_name, 5, &scale) || scale == SCALE_AUTO ||
        !get_word(root, "missing", missing_name, 3, &missing) ||
        !get_bool(root, "named", &p->named) || !json_object_get(root, "columns") ||
        !get_index(root, "columns", 0, &p->columns))
        return wrong(err, "task, scale, missing, named or columns");
    p->task = (enum task)task;
    p->scale = (enum scale)scale;
    p->missing = (enum missing)missing;
    const json_t *inputs = json_object_get(root, "inputs");
    const json_t *targets = json_object_get(root, "targets");
    if (json_array_size(inputs) == 0 || json_array_size(targets) == 0)
        return wrong(err, "no inputs or no targets");
    if (p->task == TASK_CLASSIFY && json_array_size(targets) != 1)
        return wrong(err, "classes with several targets");
    p->input = memory_new(json_array_size(inputs), sizeof *p->input);
    p->target = memory_new(json_array_size(targets), sizeof *p->target);
    if (!p->input || !p->target)
        return no_memory(err);
    heddle_status status = HEDDLE_OK;
    for (size_t j = 0; j < json_array_size(inputs) && status == HEDDLE_OK; j++)
        status = read_input(p, json_array_get(inputs, j), err);
    for (size_t t = 0; t < json_array_size(targets) && status == HEDDLE_OK; t++)
        status = read_target(p, json_array_get(targets, t), err);
    if (status == HEDDLE_OK && p->width == 0)
        status = wrong(err, "no inputs");
    if (status == HEDDLE_OK && p->task == TASK_CLASSIFY)
        status = read_classes(p, root, err);
    return status;
}

heddle_status preprocess_from_json(const char *text, struct preprocess **preprocess,
                                   heddle_error *err)
{
    json_error_t reason;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &reason);
    if (!root)
        return json_error_code(&reason) == json_error_out_of_memory ? no_memory(err)
                                                                    : wrong(err, reason.text);
    struct preprocess *p = memory_new(1, sizeof *p);
    heddle_status status = p ? read_all(p, root, err) : no_memory(err);
    json_decref(root);
    if (status != HEDDLE_OK) {
        preprocess_free(p);
        return status;
    }
    *preprocess = p;
    return HEDDLE_OK;
}
