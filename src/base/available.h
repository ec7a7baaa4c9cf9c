/** available: how much memory can still be had. */
#ifndef BASE_AVAILABLE_H
#define BASE_AVAILABLE_H

#include <stddef.h>

/**
 * Bytes that this process may still take: the least of what the machine has to spare
 * (MemAvailable), what its control groups leave it (versions 1 and 2; file pages can be dropped
 * and count as free), and RLIMIT_AS and RLIMIT_DATA. SIZE_MAX where nothing is known.
 *
 * root       put before every path, for tests with made-up files; "" for the real ones
 * processes  how many are about to take as much as this one: of what is everybody's each has a share
 */
size_t memory_available(const char *root, size_t processes);

#endif
