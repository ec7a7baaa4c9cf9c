/** view: see data/view.h. Numbers go through a small buffer of doubles that stays in the cache. */
#include "data/view.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/tiles.h"

/* Values that are kept in tiles: 8 MiB of floats for rows in order, and of a window a quarter more,
 * since the next one begins before the last row of this one was read. */
enum { PIECE = 256, IN_ORDER = 1 << 21, WINDOW_MORE = 4 };

void view_scale(const struct view_scale *s, bool fills, bool in_real, bool use_double,
                double *value)
{
    double x = *value;
    if (fills && x != x)
        x = s->fill;
    if (!in_real)
        *value = (x - s->shift) * s->factor;
    else if (use_double)
        *value = x * s->factor;
    else /* the product in float, so that it is the one that bytes get */
        *value = (double)((float)x * (float)s->factor);
}

/* value[0 … n) = inputs first … first+n-1 of row r, as they stand in the array. Columns side by side
 * go together: in a file in pieces each reading is a call of the system. */
static void read_row(const struct view *view, size_t r, size_t first, size_t n, double *value)
{
    if (view->tiles && tiles_read(view->tiles, r, first, n, value))
        return;
    const size_t row = view->row[r], *column = view->column + first;
    for (size_t i = 0, run; i < n; i += run) {
        run = view->straight ? n : 1;
        while (i + run < n && column[i + run] == column[i] + run)
            run++;
        element_read_row(&view->array, row, column[i], run, value + i);
    }
}

void view_bytes(const struct view *view, size_t r, uint8_t *byte)
{
    double value[PIECE];
    for (size_t first = 0; first < view->inputs; first += PIECE) {
        const size_t n = view->inputs - first < PIECE ? view->inputs - first : PIECE;
        read_row(view, r, first, n, value);
        for (size_t i = 0; i < n; i++) /* NaN: it could not be read */
            byte[first + i] = value[i] >= 0 ? (uint8_t)value[i] : 0;
    }
}

void view_row(const void *context, size_t r, void *x)
{
    const struct view *view = context;
    double value[PIECE];
    for (size_t first = 0; first < view->inputs; first += PIECE) {
        const size_t n = view->inputs - first < PIECE ? view->inputs - first : PIECE;
        const struct view_scale *scale = view->scale + first;
        read_row(view, r, first, n, value);
        if (view->fills || view->in_real)
            for (size_t i = 0; i < n; i++)
                view_scale(&scale[i], view->fills, view->in_real, view->use_double, &value[i]);
        else
            for (size_t i = 0; i < n; i++)
                value[i] = (value[i] - scale[i].shift) * scale[i].factor;
        if (view->use_double)
            for (size_t i = 0; i < n; i++)
                ((double *)x)[first + i] = value[i];
        else
            for (size_t i = 0; i < n; i++)
                ((float *)x)[first + i] = (float)value[i];
    }
}

/* Values to be kept; 0: no tiles are needed. */
static size_t values_kept(const struct view *view, size_t window)
{
    if (!view->array.pieces || view->array.row >= view->array.column)
        return 0;
    const size_t values = (window + window / WINDOW_MORE) * view->inputs;
    const size_t most = view->limit ? view->limit / sizeof(double) : SIZE_MAX;
    const size_t wanted = values > IN_ORDER ? values : IN_ORDER;
    return wanted < most ? wanted : most;
}

void view_begin(struct view *view, size_t rows, size_t window)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const size_t values = values_kept(view, window);
    if (view->mapped)
        madvise((void *)((uintptr_t)view->source / page * page), view->size, MADV_RANDOM);
    tiles_free(view->tiles);
    view->tiles = NULL;
    if (values)
        view->tiles = tiles_new(&view->array, view->row, rows, view->column, view->inputs, values);
}

size_t view_bytes_taken(const struct view *view, size_t rows, size_t window)
{
    const size_t values = values_kept(view, window);
    return values ? tiles_bytes(&view->array, rows, view->inputs, values) : 0;
}

struct view *view_take(const struct view *view, const uint32_t *row, size_t count)
{
    const size_t inputs = view->inputs;
    struct view *taken = memory_new(1, sizeof *taken);
    if (!taken)
        return NULL;
    *taken = *view;
    taken->tiles = NULL;
    taken->row = memory_new(count, sizeof *taken->row);
    taken->column = memory_new(inputs, sizeof *taken->column);
    taken->scale = memory_new(inputs, sizeof *taken->scale);
    if (!taken->row || !taken->column || !taken->scale) {
        view_free(taken);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        taken->row[i] = view->row[row[i]];
    memcpy(taken->column, view->column, inputs * sizeof *taken->column);
    memcpy(taken->scale, view->scale, inputs * sizeof *taken->scale);
    view_begin(taken, count, 0);
    return taken;
}

size_t view_take_bytes(const struct view *view, size_t count)
{
    return sizeof *view + count * sizeof *view->row +
           view->inputs * (sizeof *view->column + sizeof *view->scale) +
           view_bytes_taken(view, count, 0);
}

void view_hint(const struct view *view, size_t first, size_t n, bool wanted)
{
    const struct element_array *array = &view->array;
    if (!view->mapped || n == 0 || array->row < array->column)
        return;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)(array->data + view->row[first] * array->row);
    uintptr_t end = (uintptr_t)(array->data + (view->row[first + n - 1] + (size_t)1) * array->row);
    /* pages shared with neighbours are wanted, and not given up */
    begin = wanted ? begin / page * page : (begin + page - 1) / page * page;
    end = wanted ? end : end / page * page;
    if (begin < end)
        madvise((void *)begin, end - begin, wanted ? MADV_WILLNEED : MADV_DONTNEED);
}

void view_free(struct view *view)
{
    if (!view)
        return;
    tiles_free(view->tiles);
    memory_free(view->row);
    memory_free(view->column);
    memory_free(view->scale);
    memory_free(view);
}
