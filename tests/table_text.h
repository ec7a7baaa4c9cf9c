/** table_text: texts read as tables, and tables compared as texts. */
#ifndef TESTS_TABLE_TEXT_H
#define TESTS_TABLE_TEXT_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "data/table.h"
#include "support.h"

/* Write text as a file "NAME.csv" and read it. The name is in messages as NAME, for the directory
 * is cut off by message_is(). */
__attribute__((unused)) static heddle_status read_bytes(const char *name, const void *text,
                                                        size_t n,
                                                        const heddle_read_options *options,
                                                        heddle_table **table, heddle_error *err)
{
    const char *path = scratch_path(name);
    put_file(path, text, n);
    return heddle_table_read(path, options, table, err);
}

__attribute__((unused)) static heddle_table *read_text(const char *name, const char *text)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    heddle_status status = read_bytes(name, text, strlen(text), NULL, &table, &err);
    cr_assert(status == HEDDLE_OK, "%s", err.text);
    return table;
}

/* A message with '@' for the path must be what reading `text` says, or the flaw of a column. */
__attribute__((unused)) static void refused_bytes(const char *name, const void *text, size_t n,
                                                  const heddle_read_options *options,
                                                  const char *message)
{
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    char wanted[1024];
    heddle_status status = read_bytes(name, text, n, options, &table, &err);
    for (size_t c = 0; status == HEDDLE_OK && c < table->columns; c++)
        if (table->column[c].flaw) {
            snprintf(err.text, sizeof err.text, "%s", table->column[c].flaw);
            status = HEDDLE_E_DATA;
            heddle_table_free(table);
            table = NULL;
        }
    const char *at = strchr(message, '@');
    snprintf(wanted, sizeof wanted, "%.*s%s%s", (int)(at - message), message, scratch_path(name),
             at + 1);
    cr_assert(status == HEDDLE_E_DATA, "%s: %d: %s", name, (int)status, err.text);
    cr_assert_str_eq(err.text, wanted);
    cr_assert(table == NULL);
}

__attribute__((unused)) static void refused(const char *name, const char *text, const char *message)
{
    refused_bytes(name, text, strlen(text), NULL, message);
}

/* The table as text: names, then rows, '|' between cells and '/' between rows; then free it. */
__attribute__((unused)) static void table_is(heddle_table *table, const char *wanted)
{
    char text[2048], cell[256];
    size_t n = 0, columns = heddle_table_columns(table);
    for (size_t i = 0; i <= heddle_table_rows(table); i++)
        for (size_t c = 0; c < columns; c++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s",
                                  i == 0 ? table->column[c].name
                                         : heddle_table_cell(table, i - 1, c, cell, sizeof cell),
                                  c + 1 < columns ? "|" : "/");
    cr_assert_str_eq(text, wanted);
    heddle_table_free(table);
}

#endif
