/** info_data: what heddle info says of data. */
#ifndef CLI_INFO_DATA_H
#define CLI_INFO_DATA_H

#include <stdbool.h>

#include "heddle.h"

/** Print what was understood of a table: format, columns, classes, first rows; as text or JSON. */
void info_data_print(const char *path, const heddle_table *table, bool json);

#endif
