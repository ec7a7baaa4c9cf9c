/** columns: the columns of a table that a user lists. */
#ifndef DATA_COLUMNS_H
#define DATA_COLUMNS_H

#include "data/table.h"

/**
 * Set mark[c] = value for each column of a comma list of names or, where none has that name,
 * numbers from 1. Names may have commas in them: the longest that fits is taken.
 *
 * strict  HEDDLE_E_DATA: there is no such column; else it is passed over
 */
heddle_status columns_mark(const heddle_table *table, const char *list, bool strict, char *mark,
                           char value, heddle_error *err);

#endif
