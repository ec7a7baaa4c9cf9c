/**
 * file_packed: what can be told of a packed file without unpacking it.
 */
#ifndef BASE_FILE_PACKED_H
#define BASE_FILE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Do these first n bytes begin gzip's or zstd's data? */
bool file_is_gzip(const uint8_t *data, size_t n);
bool file_is_zstd(const uint8_t *data, size_t n);

/**
 * Can a packed file, all of whose bytes these are, be `least` bytes or more once it is unpacked? What
 * the formats' own sizes rule out cannot; that they are right is seen when it is unpacked.
 */
bool file_packed_can_hold(const uint8_t *data, size_t size, size_t least);

#endif
