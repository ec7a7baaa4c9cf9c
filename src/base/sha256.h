/** sha256: FIPS 180-4, so that models can be checked with sha256sum. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t n);

/** The digest as 64 lower-case hex digits and a final 0. */
void sha256_end(struct sha256 *s, char hex[65]);

#endif
