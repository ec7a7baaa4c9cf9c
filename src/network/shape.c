/** shape: sizes and offsets, all in one place. */
#include "network/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

enum { WIDTH_MAX = 1 << 24 };

heddle_status shape_finish(struct shape *shape, heddle_error *err)
{
    if (shape->layers < 1 || shape->layers > SHAPE_MAX_LAYERS) {
        return status_set(err, HEDDLE_E_ARGUMENT, "%zu layers: a network has 1 to %d",
                          shape->layers, SHAPE_MAX_LAYERS);
    }
    size_t offset = 0;
    for (size_t l = 0; l <= shape->layers; l++) {
        if (shape->width[l] < 1 || shape->width[l] > WIDTH_MAX) {
            return status_set(err, HEDDLE_E_ARGUMENT,
                              "layer %zu of width %zu: 1 to %d are possible", l, shape->width[l],
                              WIDTH_MAX);
        }
        if (l == 0) {
            continue;
        }
        if (shape->activation[l] == ACTIVATION_SOFTMAX && l < shape->layers) {
            return status_set(err, HEDDLE_E_ARGUMENT,
                              "softmax is for the output layer, not for hidden layer %zu", l);
        }
        shape->offset[l] = offset;
        size_t size;
        if (!size_multiply(shape->width[l - 1] + 1, round16(shape->width[l]), &size) ||
            !size_add(offset, size, &offset) || offset > SIZE_MAX / 64) {
            return status_set(err, HEDDLE_E_ARGUMENT, "the network has too many weights");
        }
    }
    shape->offset[shape->layers + 1] = offset;
    return HEDDLE_OK;
}

size_t shape_packed(const struct shape *shape)
{
    return shape->offset[shape->layers + 1];
}

size_t shape_parameters(const struct shape *shape)
{
    size_t count = 0;
    for (size_t l = 1; l <= shape->layers; l++) {
        count += (shape->width[l - 1] + 1) * shape->width[l];
    }
    return count;
}

double shape_flop(const struct shape *shape)
{
    double products = 0;
    for (size_t l = 1; l <= shape->layers; l++) {
        products += (l == 1 ? 2.0 : 3.0) * (double)shape->width[l - 1] * (double)shape->width[l];
    }
    return 2 * products;
}

void shape_text(const struct shape *shape, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t l = 0; l <= shape->layers; l++) {
        char part[24];
        int length = snprintf(part, sizeof part, l ? "-%zu" : "%zu", shape->width[l]);
        if (used + (size_t)length + 4 >= size) {
            memcpy(text + used, "…", sizeof "…");
            return;
        }
        memcpy(text + used, part, (size_t)length + 1);
        used += (size_t)length;
    }
}
