/** support: what several tests need. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

/**
 * The path of a file for this test to write, in a directory of its own that is empty at its start:
 * tests run beside each other. The string is good until the fourth call after it.
 */
const char *scratch_path(const char *name);

/** The path of tests/data/NAME; good as long as that of scratch_path(). */
const char *data_path(const char *name);

/** Write n bytes as the file `path` by stdio, not by what is tested. Fails the test if it cannot. */
void put_file(const char *path, const void *data, size_t n);

/** Up to size - 1 bytes of a file and a 0; returns their number, or (size_t)-1 if there is none. */
size_t get_file(const char *path, char *buffer, size_t size);

/** A cheap random number for making up test data (splitmix64); nothing of Heddle's. */
uint64_t test_random(uint64_t *state);

#endif
