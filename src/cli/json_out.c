/** json_out: see json_out.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "score_text.h"
#include "output.h"

static void *json_room(size_t size)
{
    return need(1, size);
}

void json_begin(void)
{
    json_set_alloc_funcs(json_room, free);
}

void json_put(json_t *object, const char *key, json_t *value)
{
    json_t *safe = json_text(key);
    json_object_set_new(object, json_string_value(safe), value);
    json_decref(safe);
}

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_count(uint64_t value)
{
    /* JSON's integers have no bound, jansson's end at 2^63: the rare seed beyond goes as text. */
    if (value > INT64_MAX) {
        char text[HEDDLE_NUMBER_SIZE];
        snprintf(text, sizeof text, "%llu", (unsigned long long)value);
        return json_text(text);
    }
    return json_integer((json_int_t)value);
}

json_t *json_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *value = json_string(text);
    if (value != NULL) {
        return value;
    }
    /* Not UTF-8: each byte beyond ASCII is taken for Latin-1, which keeps different names apart. */
    size_t length = strlen(text);
    unsigned char *repaired = need(2 * length + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x80) {
            repaired[n++] = (unsigned char)(0xC0 | (byte >> 6));
            byte = (unsigned char)(0x80 | (byte & 0x3F));
        }
        repaired[n++] = byte;
    }
    value = json_string((const char *)repaired);
    free(repaired);
    return value;
}

json_t *member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(member(object, key));
    return text != NULL ? text : "";
}

double number_of(const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

uint64_t count_of(const json_t *object, const char *key)
{
    json_int_t n = json_integer_value(member(object, key));
    return n > 0 ? (uint64_t)n : 0;
}

bool true_of(const json_t *object, const char *key)
{
    return json_is_true(member(object, key));
}

json_t *json_score(const heddle_score *score, const heddle_model *model, size_t k)
{
    json_t *object = json_object();
    json_put(object, "rows", json_count(score->rows));
    json_put(object, "loss", json_number(score->loss));
    if (!score->classify) {
        json_put(object, "rmse", json_number(score->rmse));
        json_put(object, "r2", json_number(score->r2));
        json_put(object, "mae", json_number(score->mae));
        json_t *targets = json_array();
        for (size_t i = 0; score->target_rmse != NULL && i < score->targets; i++) {
            json_t *one = json_object();
            if (model != NULL) {
                json_put(one, "target", json_text(heddle_model_target_name(model, i)));
            }
            json_put(one, "rmse", json_number(score->target_rmse[i]));
            json_put(one, "r2", json_number(score->target_r2[i]));
            json_put(one, "mae", json_number(score->target_mae[i]));
            json_array_append_new(targets, one);
        }
        json_put(object, "targets", targets);
        return object;
    }
    json_put(object, "accuracy", json_number(score->accuracy));
    json_put(object, "balanced_accuracy", json_number(score->balanced_accuracy));
    char top[32];
    snprintf(top, sizeof top, "top%zu", k);
    json_put(object, top, json_number(score_top(score, k)));
    json_put(object, "log_loss", json_number(score->log_loss));
    json_put(object, "auc", json_number(score->auc));
    if (score->precision != NULL) {
        const char *const keys[] = {"precision", "recall", "f1"};
        const double *const values[] = {score->precision, score->recall, score->f1};
        for (int m = 0; m < 3; m++) {
            json_t *each = json_array();
            for (size_t i = 0; i < score->classes; i++) {
                json_array_append_new(each, json_number(values[m][i]));
            }
            json_put(object, keys[m], each);
        }
    }
    if (model == NULL) {
        return object;
    }
    json_t *names = json_array();
    for (size_t i = 0; i < score->classes; i++) {
        json_array_append_new(names, json_text(heddle_model_class_name(model, i)));
    }
    json_put(object, "classes", names);
    if (score->confusion == NULL) {
        return object;
    }
    json_t *matrix = json_array();
    for (size_t i = 0; i < score->classes; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < score->classes; j++) {
            json_array_append_new(row, json_count(score->confusion[i * score->classes + j]));
        }
        json_array_append_new(matrix, row);
    }
    json_put(object, "confusion", matrix);
    return object;
}

json_t *json_column(const heddle_column *column, bool cells)
{
    json_t *object = json_object();
    json_put(object, "name", json_text(column->name));
    json_put(object, "type", json_text(column->text ? "text" : "number"));
    if (cells) {
        json_put(object, "missing", json_count(column->missing));
        json_put(object, "distinct",
                 column->distinct > 0 ? json_count(column->distinct) : json_null());
        json_put(object, "minimum", json_number(column->minimum));
        json_put(object, "maximum", json_number(column->maximum));
        json_put(object, "mean", json_number(column->mean));
    }
    return object;
}

static void write_string(FILE *stream, const char *text)
{
    putc('"', stream);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            putc('\\', stream);
            putc(c, stream);
        } else if (c < ' ' || c == 127) {
            fprintf(stream, "\\u%04x", c);
        } else {
            putc(c, stream);
        }
    }
    putc('"', stream);
}

static void write_real(FILE *stream, double value)
{
    char text[HEDDLE_NUMBER_SIZE];
    heddle_number_text(value, false, text);
    fputs(text, stream);
    /* A reader that tells integers from reals is to see a real. */
    if (strpbrk(text, ".e") == NULL) {
        fputs(".0", stream);
    }
}

static void new_line(FILE *stream, int depth)
{
    fprintf(stream, "\n%*s", 2 * depth, "");
}

/** Are all members of an array plain values? Such an array stays on one line. */
static bool is_flat(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *member = json_array_get(array, i);
        if (json_is_array(member) || json_is_object(member)) {
            return false;
        }
    }
    return true;
}

/** depth < 0: all on one line. */
static void write_value(FILE *stream, const json_t *value, int depth)
{
    int inner = depth < 0 ? -1 : depth + 1;
    switch (json_typeof(value)) {
    case JSON_OBJECT: {
        const char *separator = "";
        putc('{', stream);
        /* jansson's iterators take a non-const tree but do not change it. */
        for (void *at = json_object_iter((json_t *)value); at != NULL;
             at = json_object_iter_next((json_t *)value, at)) {
            fputs(separator, stream);
            if (inner > 0) {
                new_line(stream, inner);
            }
            write_string(stream, json_object_iter_key(at));
            fputs(": ", stream);
            write_value(stream, json_object_iter_value(at), inner);
            separator = inner > 0 ? "," : ", ";
        }
        if (inner > 0 && json_object_size(value) > 0) {
            new_line(stream, depth);
        }
        putc('}', stream);
        return;
    }
    case JSON_ARRAY: {
        bool lines = inner > 0 && !is_flat(value);
        putc('[', stream);
        for (size_t i = 0; i < json_array_size(value); i++) {
            fputs(i == 0 ? "" : lines ? "," : ", ", stream);
            if (lines) {
                new_line(stream, inner);
            }
            /* A member stays on a line of its own: rows of a matrix, records of a table. */
            write_value(stream, json_array_get(value, i), -1);
        }
        if (lines) {
            new_line(stream, depth);
        }
        putc(']', stream);
        return;
    }
    case JSON_STRING:
        write_string(stream, json_string_value(value));
        return;
    case JSON_INTEGER:
        fprintf(stream, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return;
    case JSON_REAL:
        write_real(stream, json_real_value(value));
        return;
    case JSON_TRUE:
        fputs("true", stream);
        return;
    case JSON_FALSE:
        fputs("false", stream);
        return;
    case JSON_NULL:
        fputs("null", stream);
        return;
    }
}

void json_write(FILE *stream, const json_t *value, bool indent)
{
    write_value(stream, value, indent ? 0 : -1);
    putc('\n', stream);
}
