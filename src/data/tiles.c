/**
 * tiles: a ring of slots. A tile that is not there takes the next slot that nobody uses, and is read
 * by who asked for it while others go on with other tiles. Numbers are kept in float where that holds
 * them exactly.
 */
#include "data/tiles.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"

/* Rows of a tile: reading so many numbers of a column takes hardly longer than reading one. */
enum { TILE_ROWS = 64 };

#define NOWHERE SIZE_MAX

struct slot {
    size_t tile;  /* which is here, or NOWHERE */
    size_t users; /* threads that look at it */
    bool ready;   /* it has been read */
};

/* How rows are cut into tiles. */
struct cut {
    size_t height;      /* rows of a block … */
    size_t parts, rows; /* … of which a tile has a part: of so many rows, the last perhaps fewer */
    size_t tiles;
};

struct tiles {
    const struct element_array *array;
    const uint32_t *row;
    const size_t *column;
    size_t rows, inputs;
    struct cut cut;
    bool narrow; /* floats are kept */
    pthread_mutex_t lock;
    pthread_cond_t read;
    uint32_t *place; /* (cut.tiles) the tile's slot + 1; 0: it is in none */
    struct slot *slot;
    size_t slots, next;
    char *values; /* (slots, cut.rows, inputs) */
    size_t bytes;
};

static struct cut cut_rows(size_t rows, size_t inputs)
{
    struct cut cut = {.height = inputs < TILES_BLOCK ? TILES_BLOCK / inputs : 1};
    cut.parts = (cut.height + TILE_ROWS - 1) / TILE_ROWS;
    cut.rows = (cut.height + cut.parts - 1) / cut.parts;
    cut.tiles = (rows + cut.height - 1) / cut.height * cut.parts;
    return cut;
}

/* Are all numbers of the type floats? */
static bool is_narrow(enum element_type type)
{
    return element_size(type) <= 2 || type == ELEMENT_F32;
}

static size_t tile_bytes(const struct element_array *array, const struct cut *cut, size_t inputs)
{
    return cut->rows * inputs * (is_narrow(array->type) ? sizeof(float) : sizeof(double));
}

static size_t slots_of(const struct cut *cut, size_t inputs, size_t values)
{
    const size_t slots = values / (cut->rows * inputs);
    return slots > cut->tiles ? cut->tiles : slots > 0 ? slots : 1;
}

size_t tiles_bytes(const struct element_array *array, size_t rows, size_t inputs, size_t values)
{
    const struct cut cut = cut_rows(rows, inputs);
    return slots_of(&cut, inputs, values) *
               (tile_bytes(array, &cut, inputs) + sizeof(struct slot)) +
           cut.tiles * sizeof(uint32_t);
}

struct tiles *tiles_new(const struct element_array *array, const uint32_t *row, size_t rows,
                        const size_t *column, size_t inputs, size_t values)
{
    struct tiles *t = memory_new(1, sizeof *t);
    if (!t)
        return NULL;
    *t = (struct tiles){.array = array,
                        .row = row,
                        .column = column,
                        .rows = rows,
                        .inputs = inputs,
                        .cut = cut_rows(rows, inputs),
                        .narrow = is_narrow(array->type)};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->read, NULL);
    t->place = memory_new(t->cut.tiles, sizeof *t->place);
    for (t->slots = slots_of(&t->cut, inputs, values); t->slots > 0 && !t->values; t->slots /= 2) {
        t->bytes = t->slots * tile_bytes(array, &t->cut, inputs);
        t->values = arena_new(t->bytes);
        if (t->values)
            break;
    }
    t->slot = memory_new(t->slots, sizeof *t->slot);
    if (!t->place || !t->values || !t->slot) {
        tiles_free(t);
        return NULL;
    }
    for (size_t s = 0; s < t->slots; s++)
        t->slot[s].tile = NOWHERE;
    return t;
}

void tiles_free(struct tiles *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->read);
    if (t->values)
        arena_free(t->values, t->bytes);
    memory_free(t->place);
    memory_free(t->slot);
    memory_free(t);
}

static void *values_of(const struct tiles *t, const struct slot *slot)
{
    return t->values + (size_t)(slot - t->slot) * tile_bytes(t->array, &t->cut, t->inputs);
}

/* Read a tile that begins with row `begin` into its slot. */
static void read_tile(const struct tiles *t, const struct slot *slot, size_t begin)
{
    const size_t in_block = t->cut.height - begin % t->cut.height, left = t->rows - begin;
    size_t n = t->cut.rows < in_block ? t->cut.rows : in_block;
    n = n < left ? n : left;
    float *narrow = values_of(t, slot);
    double *wide = values_of(t, slot);
    for (size_t c = 0; c < t->inputs; c++) {
        double value[TILE_ROWS];
        element_read(t->array, t->column[c], t->row + begin, 0, n, value);
        for (size_t i = 0; i < n; i++)
            if (t->narrow)
                narrow[i * t->inputs + c] = (float)value[i];
            else
                wide[i * t->inputs + c] = value[i];
    }
}

/* The slot for a tile that is in none, which is the caller's to fill; NULL: all are in use. */
static struct slot *take_slot(struct tiles *t, size_t tile)
{
    for (size_t looked = 0; looked < t->slots; looked++) {
        struct slot *slot = &t->slot[t->next];
        t->next = t->next + 1 == t->slots ? 0 : t->next + 1;
        if (slot->users > 0)
            continue;
        if (slot->tile != NOWHERE)
            t->place[slot->tile] = 0;
        *slot = (struct slot){.tile = tile, .users = 1};
        t->place[tile] = (uint32_t)(slot - t->slot) + 1;
        return slot;
    }
    return NULL;
}

/* The slot with the tile that begins with row `begin`, which stays until it is put back. */
static struct slot *get_tile(struct tiles *t, size_t tile, size_t begin)
{
    pthread_mutex_lock(&t->lock);
    struct slot *slot = t->place[tile] ? &t->slot[t->place[tile] - 1] : NULL;
    if (slot) {
        slot->users++;
        while (!slot->ready)
            pthread_cond_wait(&t->read, &t->lock);
    } else if ((slot = take_slot(t, tile)) != NULL) {
        pthread_mutex_unlock(&t->lock);
        read_tile(t, slot, begin);
        pthread_mutex_lock(&t->lock);
        slot->ready = true;
        pthread_cond_broadcast(&t->read);
    }
    pthread_mutex_unlock(&t->lock);
    return slot;
}

static void put_back(struct tiles *t, struct slot *slot)
{
    pthread_mutex_lock(&t->lock);
    slot->users--;
    pthread_mutex_unlock(&t->lock);
}

bool tiles_read(struct tiles *t, size_t r, size_t first, size_t n, double *value)
{
    const size_t block = r / t->cut.height, part = r % t->cut.height / t->cut.rows;
    const size_t begin = block * t->cut.height + part * t->cut.rows;
    struct slot *slot = get_tile(t, block * t->cut.parts + part, begin);
    if (!slot)
        return false;
    const size_t at = (r - begin) * t->inputs + first;
    if (t->narrow)
        for (size_t i = 0; i < n; i++)
            value[i] = (double)((const float *)values_of(t, slot))[at + i];
    else
        memcpy(value, (const double *)values_of(t, slot) + at, n * sizeof *value);
    put_back(t, slot);
    return true;
}
