/** class_weights: see class_weights.h. */
#include "train/class_weights.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"

/** "NAME:X,NAME:X": a weight each; classes not named count 1. */
static heddle_status read_weights(const char *text, const struct recipe_facts *facts,
                                  double *weight, heddle_error *err)
{
    for (size_t c = 0; c < facts->classes; c++) {
        weight[c] = 1;
    }
    while (text) {
        size_t n = strcspn(text, ",");
        size_t name = n;
        while (name > 0 && text[name - 1] != ':') {
            name--;
        }
        double value;
        size_t c = 0;
        if (name < 2 || !text_to_double(text + name, n - name, &value) || value < 0) {
            return status_set(err, HEDDLE_E_ARGUMENT,
                              "--class-weights '%.*s': a class and its weight are such as yes:2",
                              (int)n, text);
        }
        while (c < facts->classes && (strlen(facts->class_name[c]) != name - 1 ||
                                      memcmp(facts->class_name[c], text, name - 1) != 0)) {
            c++;
        }
        if (c == facts->classes) {
            return status_set(err, HEDDLE_E_ARGUMENT, "--class-weights: there is no class '%.*s'",
                              (int)(name - 1), text);
        }
        weight[c] = value;
        text = text[n] ? text + n + 1 : NULL;
    }
    return HEDDLE_OK;
}

heddle_status class_weights(const char *text, const struct recipe_facts *facts, double **weights,
                            heddle_error *err)
{
    if (strcmp(text, "none") == 0) {
        return HEDDLE_OK;
    }
    if (!facts->classes || !facts->class_name) {
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "--class-weights needs classes, but the target is a number");
    }
    double *weight = memory_new(facts->classes, sizeof *weight);
    if (!weight) {
        return status_memory(err, "the weights of the classes", facts->classes * sizeof *weight);
    }
    *weights = weight;
    heddle_status status = HEDDLE_OK;
    double total = 0;
    if (strcmp(text, "balanced") == 0) {
        for (size_t c = 0; c < facts->classes; c++) {
            if (!facts->class_rows[c]) {
                return status_set(err, HEDDLE_E_DATA,
                                  "--class-weights balanced: class '%s' has no row to train on",
                                  facts->class_name[c]);
            }
            weight[c] =
                (double)facts->rows / ((double)facts->classes * (double)facts->class_rows[c]);
        }
    } else {
        status = read_weights(text, facts, weight, err);
    }
    for (size_t c = 0; c < facts->classes; c++) {
        total += weight[c] * (double)facts->class_rows[c];
    }
    if (!status && total <= 0) {
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "--class-weights: no class that has rows counts for anything");
    }
    return status;
}
