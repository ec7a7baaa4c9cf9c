/** status: putting a reason into the caller's heddle_error. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "heddle.h"

/**
 * Write status and text (printf format, cut to fit) into err, which may be NULL, and return
 * status, so that a failing function ends with `return status_set(err, …)`.
 */
heddle_status status_set(heddle_error *err, heddle_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** "out of memory" for `bytes` bytes of `what` (0: not known how many): HEDDLE_E_MEMORY. */
heddle_status status_memory(heddle_error *err, const char *what, size_t bytes);

#endif
