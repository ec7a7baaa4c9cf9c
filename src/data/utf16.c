/**
 * utf16: see utf16.h. Two passes: the first checks and measures, so that the second cannot fail and
 * needs no more memory than it must. What is not mapped is decoded where it lies: moved up by as
 * much as the text may ever be ahead, and then written from the front on.
 */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/utf16.h"

bool utf16_marked(const struct file_bytes *bytes)
{
    const uint8_t *b = bytes->data;
    return bytes->size >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff));
}

static uint32_t unit_at(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

/* The character at p, of 2 or 4 bytes: *n; 0 for half of one. */
static uint32_t character_at(const uint8_t *p, const uint8_t *end, bool big, size_t *n)
{
    const uint32_t unit = unit_at(p, big);
    *n = 2;
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    const uint32_t second = unit < 0xdc00 && end - p >= 4 ? unit_at(p + 2, big) : 0;
    *n = second >= 0xdc00 && second <= 0xdfff ? 4 : 0;
    return 0x10000 + ((unit & 0x3ff) << 10 | (second & 0x3ff));
}

/* What the text comes to. */
struct measure {
    size_t size;  /* in UTF-8 */
    size_t ahead; /* by how much its beginning may be longer than what it was made of */
};

static heddle_status measure(const char *path, const struct file_bytes *bytes,
                             struct measure *measure, heddle_error *err)
{
    const uint8_t *const begin = bytes->data, *const end = begin + bytes->size;
    const bool big = *begin == 0xfe;
    size_t size = 0, ahead = 0, line = 1, n;
    uint32_t before = 0;
    for (const uint8_t *p = begin + 2; p < end; p += n) {
        const size_t at = (size_t)(p - begin);
        if (end - p < 2)
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' line %zu: the UTF-16 text ends within a character (byte %zu)",
                              path, line, at);
        const uint32_t c = character_at(p, end, big, &n);
        if (n == 0)
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' line %zu: half a character of UTF-16, %04x without its other "
                              "half (byte %zu)",
                              path, line, (unsigned)unit_at(p, big), at);
        if (c == 0)
            return status_set(err, HEDDLE_E_DATA,
                              "'%s' line %zu: a zero is no character of UTF-16 text (byte %zu)",
                              path, line, at);
        line += c == '\r' || (c == '\n' && before != '\r');
        before = c;
        size += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        if (size > at + n && size - (at + n) > ahead)
            ahead = size - (at + n);
    }
    *measure = (struct measure){size, ahead};
    return HEDDLE_OK;
}

static uint8_t *put(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
        return to;
    }
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    const unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3; /* bytes behind it */
    *to++ = (uint8_t)(first[more] | c >> (6 * more));
    for (unsigned k = more; k-- > 0;)
        *to++ = (uint8_t)(0x80 | (c >> (6 * k) & 0x3f));
    return to;
}

/* from[0 … n) behind the mark, known to be right. It may lie in what is written, if far enough up. */
static void decode(const uint8_t *from, size_t n, bool big, uint8_t *to)
{
    size_t width;
    for (const uint8_t *p = from; p < from + n; p += width) {
        const uint32_t c = character_at(p, from + n, big, &width);
        to = put(to, c);
    }
    *to = 0;
}

static const char *packing_of(const struct file_bytes *bytes)
{
    return strcmp(bytes->packing, "gzip") == 0   ? "gzip, UTF-16"
           : strcmp(bytes->packing, "zstd") == 0 ? "zstd, UTF-16"
                                                 : "UTF-16";
}

heddle_status utf16_decode(const char *path, size_t limit, struct file_bytes *bytes,
                           heddle_error *err)
{
    if (!utf16_marked(bytes))
        return HEDDLE_OK;
    if (bytes->size >= 4 && memcmp(bytes->data, "\xff\xfe\0\0", 4) == 0)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is UTF-32 text; convert it with iconv -f UTF-32 -t UTF-8", path);
    struct measure m = {0, 0};
    heddle_status status = measure(path, bytes, &m, err);
    if (status != HEDDLE_OK)
        return status;
    const bool big = bytes->data[0] == 0xfe;
    const size_t room = (bytes->mapped ? m.size : bytes->size + m.ahead) + 1;
    const char *packing = packing_of(bytes);
    if (room - 1 > limit)
        return status_set(
            err, HEDDLE_E_MEMORY,
            "'%s' is UTF-16 text that takes %zu bytes of memory, and %zu are allowed; "
            "convert it with iconv -f UTF-16 -t UTF-8",
            path, room - 1, limit);
    uint8_t *text = bytes->mapped ? memory_new(room, 1)
                                  : memory_resize((void *)(uintptr_t)bytes->data, room, 1);
    if (!text)
        return status_memory(err, path, room);
    if (bytes->mapped) {
        decode(bytes->data + 2, bytes->size - 2, big, text);
        file_release(bytes);
    } else {
        memmove(text + m.ahead, text, bytes->size);
        decode(text + m.ahead + 2, bytes->size - 2, big, text);
        uint8_t *fitting = memory_resize(text, m.size + 1, 1);
        text = fitting ? fitting : text;
    }
    *bytes = (struct file_bytes){.data = text, .size = m.size, .packing = packing};
    return HEDDLE_OK;
}
