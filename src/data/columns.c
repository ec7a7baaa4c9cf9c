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

/* The column that `word` names or, if none has that name, numbers from 1. */
static size_t find(const heddle_table *table, const char *word)
{
    size_t c = table_find(table, word);
    uint64_t number;
    if (c == table->columns && text_to_u64(word, strlen(word), &number) && number > 0 &&
        number <= table->columns)
        c = (size_t)number - 1;
    return c;
}

heddle_status columns_mark(const heddle_table *table, const char *list, bool strict, char *mark,
                           char value, heddle_error *err)
{
    size_t c = find(table, list);
    if (c < table->columns) {
        mark[c] = value;
        return HEDDLE_OK;
    }
    heddle_status status = HEDDLE_OK;
    for (const char *word = list; status == HEDDLE_OK; word++) {
        size_t n = strcspn(word, ",");
        char *name = memory_string_n(word, n);
        if (!name)
            return no_memory(table, err);
        c = find(table, name);
        if (c < table->columns)
            mark[c] = value;
        else if (strict)
            status = no_column(table, name, err);
        memory_free(name);
        word += n;
        if (!*word)
            break;
    }
    return status;
}
