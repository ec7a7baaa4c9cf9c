/**
 * file_packed: gzip data end with their size modulo 2^32 (RFC 1952, section 2.3.1), which is that of
 * the file if there is one member only; zstd frames mostly begin with theirs (RFC 8878, section
 * 3.1.1.1.4).
 */
#include "base/file_packed.h"

#include <string.h>
#include <zstd.h>

#include "base/memory.h"

/* One byte makes no more than so many: a repetition in deflate is up to 258 bytes of two bits; in
 * zstd a block is up to 128 KiB of four bytes. */
#define GZIP_MOST 1032
#define GZIP_LEAST 20 /* header, an empty block, checksum and size */
#define ZSTD_MOST 32768

bool file_is_gzip(const uint8_t *data, size_t n)
{
    return n >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

bool file_is_zstd(const uint8_t *data, size_t n)
{
    return n >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0;
}

/* size × most, or as many as there can be. */
static size_t product(size_t size, size_t most)
{
    size_t bytes;
    return size_multiply(size, most, &bytes) ? bytes : SIZE_MAX;
}

static bool gzip_can_hold(const uint8_t *data, size_t size, size_t least)
{
    const size_t most = product(size, GZIP_MOST);
    if (least > most || size < GZIP_LEAST)
        return false;
    const uint8_t *end = data + size - 4;
    const uint32_t told =
        (uint32_t)end[0] | (uint32_t)end[1] << 8 | (uint32_t)end[2] << 16 | (uint32_t)end[3] << 24;
    const size_t further =
        (uint32_t)(told - (uint32_t)least); /* from least to the next such size */
    if (further <= most - least)
        return true;
    return memmem(data + 1, size - 1, "\x1f\x8b\x08", 3) != NULL; /* perhaps another member */
}

static bool zstd_can_hold(const uint8_t *data, size_t size, size_t least)
{
    size_t total = 0;
    for (size_t n; size > 0; data += n, size -= n) {
        const unsigned long long told = ZSTD_getFrameContentSize(data, size);
        n = ZSTD_findFrameCompressedSize(data, size);
        if (told >= ZSTD_CONTENTSIZE_ERROR || ZSTD_isError(n) ||
            !size_add(total, (size_t)told, &total)) {
            size_t most;
            return !size_add(total, product(size, ZSTD_MOST), &most) || least <= most;
        }
    }
    return least <= total;
}

bool file_packed_can_hold(const uint8_t *data, size_t size, size_t least)
{
    return file_is_gzip(data, size)   ? gzip_can_hold(data, size, least)
           : file_is_zstd(data, size) ? zstd_can_hold(data, size, least)
                                      : least <= size;
}
