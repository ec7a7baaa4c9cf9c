/** convert: see convert.h. */
#include "convert.h"
#include "output.h"

struct walk {
    struct selection *selection;
    part_function *each;
    void *context;
    int status;
};

static int take_part(void *user, const heddle_table *part)
{
    struct walk *walk = user;
    struct selection *s = walk->selection;
    s->table = part;
    if (s->source->text != NULL && heddle_table_columns(part) != s->source->columns) {
        complain("'%s' has not as many columns everywhere", s->source->path);
        walk->status = EXIT_DATA;
        return 1;
    }
    for (size_t i = 0; s->source->text != NULL && i < s->columns; i++) {
        heddle_column column;
        heddle_table_column_kind(part, s->column[i], &column);
        if (column.text != s->source->text[s->column[i]] && column.flaw != NULL) {
            complain("%s", column.flaw);
            walk->status = EXIT_DATA;
            return 1;
        }
        if (column.text != s->source->text[s->column[i]]) {
            complain("column '%s' has numbers only in one part of '%s' and words in another; "
                     "leave it out with --drop",
                     column.name, s->source->path);
            walk->status = EXIT_DATA;
            return 1;
        }
    }
    walk->status = walk->each(s, walk->context);
    return walk->status;
}

int convert_each_part(struct selection *s, part_function *each, void *context)
{
    struct walk walk = {.selection = s, .each = each, .context = context};
    heddle_error err;
    if (s->source->whole != NULL) {
        take_part(&walk, s->source->whole);
        return walk.status;
    }
    heddle_status status =
        heddle_table_read_parts(s->source->path, s->source->reading, take_part, &walk, &err);
    return status == HEDDLE_OK || status == HEDDLE_E_STOPPED ? walk.status : give_up(&err);
}

int convert_column(const struct selection *s, size_t i, heddle_column *column)
{
    heddle_table_column_kind(s->table, s->column[i], column);
    if (column->flaw == NULL) {
        return 0;
    }
    complain("%s", column->flaw);
    return EXIT_DATA;
}
