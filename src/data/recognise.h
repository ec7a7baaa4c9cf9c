/**
 * recognise: what a file is, by its first bytes, and whether it is worth reading on.
 */
#ifndef DATA_RECOGNISE_H
#define DATA_RECOGNISE_H

#include "data/readers.h"

/** Whose format the bytes begin like; NULL: nobody's, so that it is delimited text or foreign. */
const struct table_format *recognise_format(const struct table_reading *reading,
                                            const struct file_bytes *bytes);

/** HEDDLE_E_DATA if they begin like a file that is known and not read: what it is, and what helps. */
heddle_status recognise_foreign(const char *path, const struct file_bytes *bytes,
                                heddle_error *err);

/** A file_look: what is looked for before all of a file is unpacked. */
struct recognise_sight {
    const char *path;
    const struct table_reading *reading;
};
heddle_status recognise_look(void *sight, const struct file_bytes *head, struct file_claim *claim,
                             heddle_error *err);

#endif
