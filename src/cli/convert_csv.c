/** convert_csv: a text table, as every program reads it. */
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "output.h"

/** A field by RFC 4180. What would be read as something else is quoted, too. */
static void put_field(FILE *stream, const char *text, bool alone)
{
    size_t n = strlen(text);
    bool blank = n > 0 && (strchr(" \t", text[0]) != NULL || strchr(" \t", text[n - 1]) != NULL);
    if ((n == 0 && alone) || text[0] == '#' || blank || strpbrk(text, ",\"\r\n;|\t") != NULL) {
        print_quoted_field(stream, text);
    } else {
        fputs(text, stream);
    }
}

static int check_flaws(struct selection *s, void *context)
{
    (void)context;
    s->rows += heddle_table_rows(s->table);
    for (size_t i = 0; i < s->columns; i++) {
        heddle_column column;
        if (convert_column(s, i, &column) != 0) {
            return EXIT_DATA;
        }
    }
    return 0;
}

static void put_names(FILE *stream, const struct selection *s)
{
    for (size_t i = 0; i < s->columns; i++) {
        heddle_column column;
        heddle_table_column_kind(s->table, s->column[i], &column);
        fputs(i > 0 ? "," : "", stream);
        put_field(stream, column.name, s->columns == 1);
    }
    putc('\n', stream);
}

static int put_cells(struct selection *s, void *context)
{
    FILE *stream = context;
    size_t rows = heddle_table_rows(s->table), size = 256;
    char *cell = need(size, 1);
    for (size_t row = 0; row < rows && !ferror(stream); row++) {
        for (size_t i = 0; i < s->columns; i++) {
            heddle_table_cell(s->table, row, s->column[i], cell, size);
            while (strlen(cell) + 1 == size) { /* it may have been cut */
                free(cell);
                size *= 2;
                cell = need(size, 1);
                heddle_table_cell(s->table, row, s->column[i], cell, size);
            }
            if (i > 0) {
                putc(',', stream);
            }
            put_field(stream, cell, s->columns == 1);
        }
        putc('\n', stream);
    }
    free(cell);
    return 0;
}

static int put_first_names(struct selection *s, void *context)
{
    put_names(context, s);
    return 1; /* the first part is enough */
}

int convert_to_csv(struct selection *s, const char *path)
{
    struct output_file file;
    s->rows = 0;
    int status = convert_each_part(s, check_flaws, NULL);
    if (status == 0) {
        status = output_begin(&file, path);
    }
    if (status != 0) {
        return status;
    }
    convert_each_part(s, put_first_names, file.stream);
    status = convert_each_part(s, put_cells, file.stream);
    if (status == 0) {
        status = output_end(&file);
    } else {
        output_drop(&file);
    }
    s->format = "CSV";
    return status;
}
