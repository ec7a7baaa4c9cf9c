/**
 * memory: the only place that allocates. Sizes are products checked for overflow; every
 * allocation can be made to fail by tests.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/** *product = a × b, or *sum = a + b; false if it does not fit (then nothing is written). */
bool size_multiply(size_t a, size_t b, size_t *product);
bool size_add(size_t a, size_t b, size_t *sum);

/**
 * Room for count objects of size bytes, zeroed; NULL if there is none or count × size does not
 * fit. A count of 0 gives a valid pointer. Release with memory_free(), which takes NULL.
 */
void *memory_new(size_t count, size_t size);

/** Grow or shrink (new bytes undefined); on failure NULL and the old block stays. */
void *memory_resize(void *block, size_t count, size_t size);
void memory_free(void *block);

/** A copy of a string, or of its first n bytes with a 0 behind; NULL if there is no room. */
char *memory_string(const char *text);
char *memory_string_n(const char *text, size_t n);

/**
 * An arena: `bytes` zero bytes aligned to 64. From 64 KiB on they are NOT touched: whoever writes a
 * page first has it near. From 4 MiB on they are aligned to 2 MiB, and huge pages are asked for.
 * Release with arena_free().
 */
void *arena_new(size_t bytes);
void arena_free(void *arena, size_t bytes);

/**
 * For tests: the n-th allocation from now (counted from 1, over all threads) fails; persistent: all
 * after it too. 0 switches this off. memory_count() tells how many were asked for since.
 * The environment variables HEDDLE_FAIL_ALLOC=N and HEDDLE_FAIL_ALLOC_FROM=N do the same to a
 * whole program (read once, at the first allocation).
 */
void memory_fail_at(size_t n, bool persistent);
size_t memory_count(void);

#endif
