/**
 * table_image: a table as one stretch of memory that several processes can look at, each wherever
 * it has mapped it.
 */
#ifndef DATA_TABLE_IMAGE_H
#define DATA_TABLE_IMAGE_H

#include "data/table.h"

/** Bytes of its image; 0: it has none, because columns are in a block (of a file, as a rule). */
size_t table_image_size(const heddle_table *table);

/** Write it into so much memory, which is zero and aligned to 64. */
void table_image_write(const heddle_table *table, void *image);

/**
 * The table whose image that is. It lives in the image, a mapping of `bytes` bytes that it owns from
 * now on and never writes. NULL: no memory, and the mapping is the caller's.
 */
heddle_table *table_image_read(void *image, size_t bytes);

#endif
