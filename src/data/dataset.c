/** dataset: copies of rows, and the end of a data set. */
#include "data/dataset.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/view.h"

/** Parts of the arena begin at multiples of so many bytes. */
enum { ALIGNMENT = 64, REALS = 16 };

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void copy_rows(char *to, const void *from, size_t bytes, const uint32_t *row, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(to + i * bytes, (const char *)from + row[i] * bytes, bytes);
    }
}

static bool is_bytes(const struct dataset *set)
{
    return set->bytes || (set->view && set->view->bytes);
}

/** As preprocess_apply() writes rows down: bytes, or the inputs, a 1, and zeros. */
static void copy_view(char *to, const struct dataset *set, size_t bytes, const uint32_t *row,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *at = to + i * bytes;
        size_t unused;
        dataset_row(set, row[i], at, &unused);
        if (is_bytes(set)) {
            continue;
        }
        if (set->use_double) {
            ((double *)(void *)at)[set->inputs] = 1;
        } else {
            ((float *)(void *)at)[set->inputs] = 1;
        }
    }
}

const void *dataset_row(const struct dataset *set, size_t r, void *room, size_t *size)
{
    const size_t real_size = set->use_double ? sizeof(double) : sizeof(float);
    *size = set->inputs * (is_bytes(set) ? 1 : real_size);
    if (set->real) {
        return (const char *)set->real + r * set->real_stride * real_size;
    }
    if (set->bytes) {
        return set->bytes + r * set->inputs;
    }
    if (is_bytes(set)) {
        view_bytes(set->view, r, room);
    } else {
        view_row(set->view, r, room);
    }
    return room;
}

heddle_status dataset_take(const struct dataset *set, const uint32_t *row, size_t count,
                           struct dataset *taken, heddle_error *err)
{
    struct dataset made = *set;
    size_t real_size = set->use_double ? sizeof(double) : sizeof(float);
    size_t stride = set->view ? (set->inputs + REALS) / REALS * REALS : set->real_stride;
    size_t input_bytes = is_bytes(set) ? set->inputs : stride * real_size;
    size_t target_bytes = set->class_index ? sizeof *set->class_index
                          : set->target    ? set->target_stride * real_size
                                           : 0;
    size_t inputs = aligned(count * input_bytes);
    made.rows = count;
    made.real_stride = is_bytes(set) ? 0 : stride;
    made.view = NULL;
    made.arena_bytes = inputs + count * target_bytes + ALIGNMENT;
    made.arena = arena_new(made.arena_bytes);
    if (!made.arena) {
        return status_memory(err, "a copy of rows", made.arena_bytes);
    }
    char *at = made.arena;
    if (set->view) {
        copy_view(at, set, input_bytes, row, count);
    } else {
        copy_rows(at, set->bytes ? set->bytes : set->real, input_bytes, row, count);
    }
    made.bytes = is_bytes(set) ? (const uint8_t *)at : NULL;
    made.real = is_bytes(set) ? NULL : at;
    at += inputs;
    if (set->class_index) {
        copy_rows(at, set->class_index, target_bytes, row, count);
        made.class_index = (int32_t *)(void *)at;
    } else if (set->target) {
        copy_rows(at, set->target, target_bytes, row, count);
        made.target = at;
    }
    *taken = made;
    return HEDDLE_OK;
}

void dataset_done(struct dataset *set)
{
    if (set->arena) {
        arena_free(set->arena, set->arena_bytes);
    }
    view_free(set->view);
    *set = (struct dataset){0};
}
