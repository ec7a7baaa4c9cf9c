/** view: see data/view.h. Numbers go through a small buffer of doubles that stays in the cache. */
#include "data/view.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"

enum { PIECE = 256 };

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

void view_row(const void *context, size_t r, void *x)
{
    const struct view *view = context;
    const size_t row = view->row[r];
    double value[PIECE];
    for (size_t first = 0; first < view->inputs; first += PIECE) {
        const size_t n = view->inputs - first < PIECE ? view->inputs - first : PIECE;
        const struct view_scale *scale = view->scale + first;
        if (view->straight)
            element_read_row(&view->array, row, view->column[0] + first, n, value);
        else
            for (size_t i = 0; i < n; i++)
                element_read_row(&view->array, row, view->column[first + i], 1, value + i);
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

void view_begin(const struct view *view)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (view->mapped)
        madvise((void *)((uintptr_t)view->source / page * page), view->size, MADV_RANDOM);
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
    memory_free(view->row);
    memory_free(view->column);
    memory_free(view->scale);
    memory_free(view);
}
