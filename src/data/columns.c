/** columns: by name, or else by number. */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/columns.h"

enum { NAMES_LISTED = 10 };

static heddle_status no_memory(const heddle_table *table, heddle_error *err)
{
    return status_memory(err, "the columns of a table", table->columns * sizeof(char *));
}

/* Complain that there is no such column, with the name that is most like it. */
static heddle_status no_column(const heddle_table *table, const char *word, heddle_error *err)
{
    const char **names = memory_new(table->columns, sizeof *names);
    if (!names)
        return no_memory(table, err);
    for (size_t c = 0; c < table->columns; c++)
        names[c] = table->column[c].name;
    const char *nearest = text_nearest(word, names, table->columns);
    memory_free(names);
    char shown[CELL_SHOWN], name[CELL_SHOWN];
    cell_show(word, strlen(word), shown);
    if (nearest)
        return status_set(err, HEDDLE_E_DATA, "'%s' has no column '%s'; did you mean '%s'?",
                          table->path, shown, nearest);
    struct string list = {0};
    for (size_t c = 0; c < table->columns && c < NAMES_LISTED && list.length < 200; c++)
        string_print(&list, "%s'%s'", c ? ", " : "",
                     cell_show(table->column[c].name, strlen(table->column[c].name), name));
    if (table->columns > NAMES_LISTED || list.length >= 200)
        string_print(&list, ", …, '%s'",
                     cell_show(table->column[table->columns - 1].name,
                               strlen(table->column[table->columns - 1].name), name));
    heddle_status status =
        list.failed ? no_memory(table, err)
                    : status_set(err, HEDDLE_E_DATA, "'%s' has no column '%s'; it has %zu: %s",
                                 table->path, shown, table->columns, list.data);
    memory_free(list.data);
    return status;
}

/* The column that begins a list: the longest name that a comma or its end is behind, for names may
 * have commas; or else one by its number from 1. *n: the bytes of the list that say so. */
static size_t find_first(const heddle_table *table, const char *list, size_t *n)
{
    size_t found = table->columns;
    uint64_t number;
    *n = 0;
    for (size_t c = 0; c < table->columns; c++) {
        const char *name = table->column[c].name;
        if (*name != *list) /* lists and tables may be long */
            continue;
        size_t length = strlen(name);
        bool fits =
            strncmp(list, name, length) == 0 && (list[length] == ',' || list[length] == '\0');
        if (fits && (found == table->columns || length > *n)) {
            found = c;
            *n = length;
        }
    }
    if (found == table->columns) {
        *n = strcspn(list, ",");
        if (text_to_u64(list, *n, &number) && number > 0 && number <= table->columns)
            found = (size_t)number - 1;
    }
    return found;
}

heddle_status columns_mark(const heddle_table *table, const char *list, bool strict, char *mark,
                           char value, heddle_error *err)
{
    for (;; list++) {
        size_t n;
        size_t c = find_first(table, list, &n);
        if (c < table->columns) {
            mark[c] = value;
        } else if (strict) {
            char *name = memory_string_n(list, n);
            heddle_status status = name ? no_column(table, name, err) : no_memory(table, err);
            memory_free(name);
            return status;
        }
        list += n;
        if (!*list)
            return HEDDLE_OK;
    }
}
