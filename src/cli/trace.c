/** trace: see trace.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "trace.h"
#include "json_out.h"
#include "output.h"

/** Up to so many weights are kept whole. */
enum { WHOLE = 1024, VALUE_DIGITS = 16, UNIT_DIGITS = 8 };

static size_t parameters(const heddle_report *report)
{
    size_t count = 0;
    for (size_t l = 1; l <= report->layers; l++) {
        count += (report->width[l - 1] + 1) * report->width[l];
    }
    return count;
}

/** Unit o of layer l: its weights and its bias. */
static const double *unit_of(const heddle_report *report, size_t l, size_t o, const double **bias)
{
    const double *at = report->weights;
    for (size_t k = 1; k < l; k++) {
        at += (report->width[k - 1] + 1) * report->width[k];
    }
    *bias = at + report->width[l - 1] * report->width[l] + o;
    return at + o * report->width[l - 1];
}

static void value_text(double value, char text[VALUE_DIGITS + 1])
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    snprintf(text, VALUE_DIGITS + 1, "%016" PRIx64, bits);
}

static void unit_text(const heddle_report *report, size_t l, size_t o, char text[UNIT_DIGITS + 1])
{
    const double *bias;
    const double *unit = unit_of(report, l, o, &bias);
    uLong sum = crc32_z(0, (const Bytef *)unit, report->width[l - 1] * sizeof *unit);
    sum = crc32_z(sum, (const Bytef *)bias, sizeof *bias);
    snprintf(text, UNIT_DIGITS + 1, "%08lx", sum);
}

void trace_write(const heddle_report *report, json_t *record)
{
    if (report->weights == NULL) {
        return;
    }
    size_t count = parameters(report);
    size_t units = 0;
    for (size_t l = 1; l <= report->layers; l++) {
        units += report->width[l];
    }
    bool whole = count <= WHOLE;
    char *text = need((whole ? count * VALUE_DIGITS : units * UNIT_DIGITS) + 1, 1);
    char *at = text;
    for (size_t i = 0; whole && i < count; i++, at += VALUE_DIGITS) {
        value_text(report->weights[i], at);
    }
    for (size_t l = 1; !whole && l <= report->layers; l++) {
        for (size_t o = 0; o < report->width[l]; o++, at += UNIT_DIGITS) {
            unit_text(report, l, o, at);
        }
    }
    json_put(record, whole ? "weights" : "units", json_text(text));
    free(text);
}

/** Name weight i of the plain order. */
static void name_weight(const heddle_report *report, size_t i, char *text, size_t size)
{
    size_t l = 1;
    while (i >= (report->width[l - 1] + 1) * report->width[l]) {
        i -= (report->width[l - 1] + 1) * report->width[l];
        l++;
    }
    size_t inputs = report->width[l - 1];
    size_t biases = inputs * report->width[l];
    if (i >= biases) {
        snprintf(text, size, "layer %zu, bias of unit %zu", l, i - biases + 1);
    } else {
        snprintf(text, size, "layer %zu, weight of unit %zu from input %zu", l, i / inputs + 1,
                 i % inputs + 1);
    }
}

static bool same_weights(const heddle_report *report, const char *text, char *where, size_t size)
{
    char here[VALUE_DIGITS + 1];
    size_t count = parameters(report);
    if (strlen(text) != count * VALUE_DIGITS) {
        snprintf(where, size, "the number of weights");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        value_text(report->weights[i], here);
        if (strncmp(text + i * VALUE_DIGITS, here, VALUE_DIGITS) != 0) {
            char name[96];
            name_weight(report, i, name, sizeof name);
            memcpy(here, text + i * VALUE_DIGITS, VALUE_DIGITS);
            uint64_t bits = strtoull(here, NULL, 16);
            double then;
            memcpy(&then, &bits, sizeof then);
            snprintf(where, size, "%s: %.17g in the log, %.17g here", name, then,
                     report->weights[i]);
            return false;
        }
    }
    return true;
}

static bool same_units(const heddle_report *report, const char *text, char *where, size_t size)
{
    const char *end = text + strlen(text);
    for (size_t l = 1; l <= report->layers; l++) {
        for (size_t o = 0; o < report->width[l]; o++, text += UNIT_DIGITS) {
            char here[UNIT_DIGITS + 1];
            unit_text(report, l, o, here);
            if (end - text < UNIT_DIGITS || strncmp(text, here, UNIT_DIGITS) != 0) {
                snprintf(where, size, "layer %zu, weights of unit %zu", l, o + 1);
                return false;
            }
        }
    }
    return true;
}

bool trace_same(const heddle_report *report, const json_t *record, bool *compared, char *where,
                size_t size)
{
    const char *weights = json_string_value(json_object_get(record, "weights"));
    const char *units = json_string_value(json_object_get(record, "units"));
    *compared = weights != NULL || units != NULL;
    if (weights != NULL) {
        return same_weights(report, weights, where, size);
    }
    return units == NULL || same_units(report, units, where, size);
}
