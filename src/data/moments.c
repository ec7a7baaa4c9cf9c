/** moments: of a column with numbers of its own, or of a thousand that stand side by side. */
#include <math.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/sum.h"
#include "data/moments.h"

enum {
    GROUP = 1024, /* columns of an array that are looked at together: a page of floats */
    TILE = 64     /* rows that stay in the cache meanwhile */
};

/* Moments of a column with numbers of its own. */
static void look_at_column(struct moments_rows *of, size_t c, struct moments *m)
{
    double *value = of->value;
    table_numbers(of->table, c, of->row, 0, of->rows, value);
    for (size_t i = 0; i < of->rows; i++) {
        double x = value[i];
        if (isnan(x))
            continue;
        value[m->numbers++] = x;
        m->minimum = x < m->minimum ? x : m->minimum;
        m->maximum = x > m->maximum ? x : m->maximum;
    }
    const size_t n = m->numbers;
    m->mean = sum_values(value, n) / (double)n;
    for (size_t i = 0; i < n; i++)
        value[i] = (value[i] - m->mean) * (value[i] - m->mean);
    m->deviation = __builtin_sqrt(sum_values(value, n) / (double)n);
}

/* Take the numbers of all columns of the group, row by row: their sums, or those of the squares of
 * what they are off the mean. */
static void add_group(const struct moments_rows *of, bool squares, struct sum *sum)
{
    double value[TILE];
    for (size_t i = 0; i < of->rows; i += TILE)
        for (size_t k = 0; k < of->grouped; k++) {
            struct moments *m = &of->group[k];
            const size_t n = of->rows - i < TILE ? of->rows - i : TILE;
            table_numbers(of->table, of->group_first + k, of->row + i, 0, n, value);
            for (size_t t = 0; t < n; t++) {
                double x = value[t];
                if (isnan(x))
                    continue;
                if (squares) {
                    sum_take(&sum[k], (x - m->mean) * (x - m->mean));
                    continue;
                }
                sum_take(&sum[k], x);
                m->numbers++;
                m->minimum = x < m->minimum ? x : m->minimum;
                m->maximum = x > m->maximum ? x : m->maximum;
            }
        }
}

/*
 * Moments of column c of the block and of its neighbours: columns of a block stand side by side in
 * its rows, so a column by itself would cost as much reading as a thousand.
 */
static heddle_status look_at_group(struct moments_rows *of, size_t c, heddle_error *err)
{
    const heddle_table *table = of->table;
    size_t n = 0;
    while (n < GROUP && c + n < table->columns && !table->column[c + n].number &&
           !table->column[c + n].text)
        n++;
    struct sum *sum = memory_new(n, sizeof *sum);
    struct moments *group = memory_resize(of->group, n, sizeof *group);
    of->group = group ? group : of->group;
    if (!sum || !group) {
        memory_free(sum);
        return status_memory(err, "preprocessing", of->rows * sizeof(double));
    }
    of->group_first = c;
    of->grouped = n;
    for (size_t k = 0; k < n; k++)
        group[k] = (struct moments){0, 0.0, 0.0, INFINITY, -INFINITY};
    add_group(of, false, sum);
    for (size_t k = 0; k < n; k++) {
        group[k].mean = sum_of(&sum[k]) / (double)group[k].numbers;
        sum[k] = (struct sum){.depth = 0};
    }
    add_group(of, true, sum);
    for (size_t k = 0; k < n; k++)
        group[k].deviation = __builtin_sqrt(sum_of(&sum[k]) / (double)group[k].numbers);
    memory_free(sum);
    return HEDDLE_OK;
}

heddle_status moments_find(struct moments_rows *of, size_t c, struct moments *m, heddle_error *err)
{
    *m = (struct moments){0, 0.0, 0.0, INFINITY, -INFINITY};
    if (of->table->column[c].number) {
        look_at_column(of, c, m);
    } else {
        if (!of->group || c < of->group_first || c - of->group_first >= of->grouped) {
            heddle_status status = look_at_group(of, c, err);
            if (status != HEDDLE_OK)
                return status;
        }
        *m = of->group[c - of->group_first];
    }
    const char *name = of->table->column[c].name;
    if (m->numbers == 0)
        return status_set(err, HEDDLE_E_DATA, "column '%s' has no values; leave it out with --drop",
                          name);
    if (m->minimum == m->maximum) {
        m->mean = m->minimum + 0.0; /* the quotient may be off by a rounding; no -0 */
        m->deviation = 0.0;
    }
    if (!isfinite(m->mean) || !isfinite(m->deviation) || !isfinite(m->maximum - m->minimum))
        return status_set(err, HEDDLE_E_DATA, "column '%s' has numbers too large to be scaled",
                          name);
    return HEDDLE_OK;
}

void moments_done(struct moments_rows *of)
{
    memory_free(of->group);
    *of = (struct moments_rows){0};
}
