/**
 * export_c_text: the C of an exported network that is the same for every model, as text. It is
 * kernel/elementary.h and kernel/activation.c over again, in C99 and one value at a time: who
 * changes a formula there changes it here (tests/check_export_c.sh compares the bits).
 */
#ifndef MODEL_EXPORT_C_TEXT_H
#define MODEL_EXPORT_C_TEXT_H

#include <stdbool.h>

#include "base/text.h"
#include "network/shape.h"

/** real, FMA and their kin, in float or double; portable: a × b + c in place of fma. */
void export_c_add_types(struct string *out, const struct shape *shape, bool use_double,
                        bool portable);

/** The functions of the shape's layers, each once, and before them what they are made of. */
void export_c_add_functions(struct string *out, const struct shape *shape, bool use_double);

/** Is there C for this function? The others must not be asked for any. */
bool export_c_knows(enum activation f);

/** Name of the function that applies f to z[0 … n) in place, as NAME(z, n); NULL: none needed. */
const char *export_c_function(enum activation f);

#endif
