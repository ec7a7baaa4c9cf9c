/** utf16: text of two bytes a character, as spreadsheets leave it ("Unicode Text"), as UTF-8. */
#ifndef DATA_UTF16_H
#define DATA_UTF16_H

#include "base/file.h"

/** Do the bytes begin with the mark of UTF-16, of either order? */
bool utf16_marked(const struct file_bytes *bytes);

/**
 * If they do, they become UTF-8 without the mark, and `packing` says what they were. That takes no
 * more than 1.5 times their memory, the bytes themselves included unless they are mapped.
 *
 * HEDDLE_E_DATA with the place of what is no UTF-16; HEDDLE_E_MEMORY if it takes more than `limit`
 * bytes. Then the bytes are what they were.
 */
heddle_status utf16_decode(const char *path, size_t limit, struct file_bytes *bytes,
                           heddle_error *err);

#endif
