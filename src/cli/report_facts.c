/** report_facts: see report_facts.h. */
#include <stdlib.h>
#include <string.h>

#include "report_facts.h"
#include "json_out.h"
#include "output.h"

enum {
    CELLS = 1 << 25,   /* that are looked at: some tenths of a second */
    CLASSES = 1024,    /* more are not counted */
    SAMPLE_TARGETS = 4 /* whose numbers are shown */
};

/** A member of the model's metadata, or NULL. */
static const char *metadata(const heddle_model *model, const char *name)
{
    const char *key;
    const char *value;
    for (size_t i = 0; heddle_model_metadata(model, i, &key, &value); i++) {
        if (strcmp(key, name) == 0) {
            return value;
        }
    }
    return NULL;
}

/** The model's preprocessing, which says what became of each column; NULL if there is none. */
static json_t *preprocessing(const heddle_model *model)
{
    const char *text = model != NULL ? metadata(model, "preprocess") : NULL;
    return text != NULL ? json_loads(text, 0, NULL) : NULL;
}

/** Which column of the table member i of "inputs" or "targets" is. */
static size_t position(const json_t *member, size_t usual)
{
    const json_t *given = json_object_get(member, "position");
    return given != NULL ? (size_t)json_integer_value(given) : usual;
}

/** Of each column the member of "inputs" or "targets" that it is, or NULL. */
static const json_t **find_members(const json_t *preprocess, const char *list, size_t usual,
                                   size_t columns)
{
    const json_t **member = need(columns, sizeof *member);
    const json_t *members = json_object_get(preprocess, list);
    for (size_t i = 0; i < json_array_size(members); i++) {
        const json_t *one = json_array_get(members, i);
        size_t at = position(one, usual + i);
        if (at < columns) {
            member[at] = one;
        }
    }
    return member;
}

static json_t *column_json(const heddle_table *table, size_t i, bool look, const json_t *input)
{
    static const char *const taken[] = {"shift", "factor", "fill"};
    heddle_column column;
    if (look) {
        heddle_table_column(table, i, &column);
    } else {
        heddle_table_column_kind(table, i, &column);
    }
    json_t *object = json_column(&column, look);
    const json_t *categories = json_object_get(input, "categories");
    if (categories != NULL) {
        json_put(object, "categories", json_count(json_array_size(categories)));
        json_put(object, "for_none", json_boolean(json_is_true(json_object_get(input, "missing"))));
    }
    for (size_t k = 0; k < sizeof taken / sizeof taken[0]; k++) {
        json_t *value = json_object_get(input, taken[k]);
        if (value != NULL) {
            json_put(object, taken[k], json_incref(value));
        }
    }
    return object;
}

/** The classes of column i and their rows. */
static json_t *classes_json(const heddle_table *table, size_t i)
{
    heddle_value *value = need(CLASSES, sizeof *value);
    size_t count = heddle_table_values(table, i, value, CLASSES);
    json_t *classes = count > 0 ? json_array() : json_null();
    for (size_t k = 0; k < count; k++) {
        json_t *one = json_object();
        json_put(one, "name", json_text(value[k].text));
        json_put(one, "rows", json_count(value[k].rows));
        json_array_append_new(classes, one);
    }
    free(value);
    return classes;
}

static const char *role_of(const json_t *input, const json_t *target, const char *name,
                           const char *weights)
{
    return target != NULL                                  ? "target"
           : input != NULL                                 ? "input"
           : weights != NULL && strcmp(name, weights) == 0 ? "weight"
                                                           : "left out";
}

json_t *report_data_json(const heddle_table *table, const heddle_model *model, const char *weights)
{
    size_t rows = heddle_table_rows(table);
    size_t columns = heddle_table_columns(table);
    json_t *preprocess = preprocessing(model);
    json_t *object = json_object();
    size_t inputs = json_array_size(json_object_get(preprocess, "inputs"));
    const json_t **input = find_members(preprocess, "inputs", 0, columns);
    const json_t **target = find_members(preprocess, "targets", inputs, columns);
    size_t looked = rows > 0 ? CELLS / rows : 0; /* columns */
    json_put(object, "rows", json_count(rows));
    json_put(object, "columns", json_count(columns));
    json_put(object, "format", json_text(heddle_table_format(table)));
    json_put(object, "inputs", preprocess != NULL ? json_count(inputs) : json_null());
    json_t *list = json_array();
    json_t *classes = NULL;
    size_t missing = 0;
    for (size_t i = 0; i < columns; i++) {
        heddle_column column;
        if (target[i] != NULL && classes == NULL &&
            json_object_get(preprocess, "classes") != NULL) {
            classes = classes_json(table, i);
        }
        if (columns <= looked) {
            heddle_table_column(table, i, &column);
            missing += column.missing;
        }
        /* The targets are listed, wherever they stand. */
        if (json_array_size(list) < REPORT_COLUMNS - 1 ||
            (target[i] != NULL && json_array_size(list) < 2 * REPORT_COLUMNS) || i + 1 == columns) {
            json_t *one = column_json(table, i, columns <= looked || json_array_size(list) < looked,
                                      input[i]);
            heddle_table_column_kind(table, i, &column);
            json_put(one, "role",
                     preprocess != NULL
                         ? json_text(role_of(input[i], target[i], column.name, weights))
                         : json_null());
            json_array_append_new(list, one);
        }
    }
    json_put(object, "missing", columns <= looked ? json_count(missing) : json_null());
    json_put(object, "column", list);
    json_put(object, "classes", classes != NULL ? classes : json_null());
    free(input);
    free(target);
    json_decref(preprocess);
    return object;
}

json_t *report_network_json(const heddle_model *model)
{
    const char *key;
    const char *value;
    if (model == NULL) {
        return json_null();
    }
    json_t *object = json_object();
    json_t *widths = json_array();
    for (size_t l = 0; l <= heddle_model_layers(model); l++) {
        json_array_append_new(widths, json_count(heddle_model_width(model, l)));
    }
    json_put(object, "widths", widths);
    for (size_t i = 0; heddle_model_metadata(model, i, &key, &value); i++) {
        bool long_text = strcmp(key, "classes") == 0 || strcmp(key, "preprocess") == 0;
        if (!long_text) {
            json_put(object, key, json_text(value));
        }
    }
    json_t *preprocess = preprocessing(model);
    static const char *const taken[] = {"task", "scale", "missing"};
    for (size_t k = 0; k < sizeof taken / sizeof taken[0]; k++) {
        json_t *choice = json_object_get(preprocess, taken[k]);
        if (choice != NULL) {
            json_put(object, taken[k], json_incref(choice));
        }
    }
    json_t *names = json_array();
    const json_t *targets = json_object_get(preprocess, "targets");
    for (size_t i = 0; i < json_array_size(targets) && i < SAMPLE_TARGETS; i++) {
        json_array_append(names, json_object_get(json_array_get(targets, i), "name"));
    }
    json_put(object, "targets", names);
    json_put(object, "target_count", json_count(json_array_size(targets)));
    json_decref(preprocess);
    return object;
}

json_t *report_sample_json(const heddle_score *score)
{
    if (score->sample == NULL) {
        return json_null();
    }
    json_t *targets = json_array();
    for (size_t t = 0; t < score->targets && t < SAMPLE_TARGETS; t++) {
        json_t *rows = json_array();
        for (size_t r = 0; r < score->sampled; r++) {
            const double *pair = &score->sample[2 * (r * score->targets + t)];
            json_t *both = json_array();
            json_array_append_new(both, json_number(pair[0]));
            json_array_append_new(both, json_number(pair[1]));
            json_array_append_new(rows, both);
        }
        json_array_append_new(targets, rows);
    }
    return targets;
}
