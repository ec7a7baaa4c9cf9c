/** dataset: some rows of a data set, and its end. */
#include "data/dataset.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/view.h"

/** Parts of the arena begin at multiples of so many bytes. */
enum { ALIGNMENT = 64 };

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

const void *dataset_row(const struct dataset *set, size_t r, void *room, size_t *size)
{
    const size_t real_size = set->use_double ? sizeof(double) : sizeof(float);
    const size_t place = set->row ? set->row[r] : r;
    const bool bytes = set->bytes || (set->view && set->view->bytes);
    *size = set->inputs * (bytes ? 1 : real_size);
    if (set->real) {
        return (const char *)set->real + place * set->real_stride * real_size;
    }
    if (set->bytes) {
        return set->bytes + place * set->byte_stride;
    }
    if (bytes) {
        view_bytes(set->view, r, room);
    } else {
        view_row(set->view, r, room);
    }
    return room;
}

bool dataset_in_place(const struct dataset *set)
{
    /* inputs of the data set's own are the first thing in its arena */
    return set->view || (set->bytes && (const void *)set->bytes != set->arena);
}

/** Bytes of a row's target. */
static size_t target_bytes(const struct dataset *set)
{
    size_t real_size = set->use_double ? sizeof(double) : sizeof(float);
    return set->class_index ? sizeof *set->class_index
           : set->target    ? set->target_stride * real_size
                            : 0;
}

/** Bytes of the index of so many rows; a view has its own. */
static size_t index_bytes(const struct dataset *set, size_t count)
{
    return set->view ? 0 : aligned(count * sizeof *set->row);
}

/** Bytes of the arena for so many rows. */
static size_t arena_bytes(const struct dataset *set, size_t count)
{
    return index_bytes(set, count) + count * target_bytes(set) + ALIGNMENT;
}

size_t dataset_take_bytes(const struct dataset *set, size_t count)
{
    return arena_bytes(set, count) + (set->view ? view_take_bytes(set->view, count) : 0);
}

heddle_status dataset_take(const struct dataset *set, const uint32_t *row, size_t count,
                           struct dataset *taken, heddle_error *err)
{
    struct dataset made = *set;
    const size_t size = target_bytes(set);
    made.rows = count;
    made.arena_bytes = arena_bytes(set, count);
    made.arena = arena_new(made.arena_bytes);
    made.view = set->view ? view_take(set->view, row, count) : NULL;
    if (!made.arena || !made.view != !set->view) {
        dataset_done(&made);
        return status_memory(err, "some rows", dataset_take_bytes(set, count));
    }
    uint32_t *place = made.arena;
    char *target = (char *)made.arena + index_bytes(set, count);
    const char *from = set->class_index ? (const char *)set->class_index : set->target;
    for (size_t i = 0; i < count; i++) {
        if (!set->view) {
            place[i] = set->row ? set->row[row[i]] : row[i];
        }
        if (size) {
            memcpy(target + i * size, from + row[i] * size, size);
        }
    }
    made.row = set->view ? NULL : place;
    made.class_index = set->class_index ? (int32_t *)(void *)target : NULL;
    made.target = set->target && !set->class_index ? target : NULL;
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
