/** utf16: text of two bytes a character is the table that its UTF-8 would be. */
#include "data/utf16.h"

#include <stdlib.h>
#include <zlib.h>

#include "table_text.h"

/* UTF-8 (right, with no zero) as UTF-16 with a mark; `n` bytes. */
static uint8_t *encode(const char *text, bool big, size_t *n)
{
    uint8_t *out = malloc(2 * strlen(text) + 2);
    *n = 0;
    uint32_t c = 0xfeff;
    for (const unsigned char *p = (const unsigned char *)text;;) {
        uint32_t unit[2] = {c, 0};
        if (c > 0xffff) {
            unit[0] = 0xd800 | (c - 0x10000) >> 10;
            unit[1] = 0xdc00 | ((c - 0x10000) & 0x3ff);
        }
        for (size_t k = 0; k < (c > 0xffff ? 2 : 1); k++) {
            out[(*n)++] = (uint8_t)(big ? unit[k] >> 8 : unit[k]);
            out[(*n)++] = (uint8_t)(big ? unit[k] : unit[k] >> 8);
        }
        if (*p == 0)
            return out;
        int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
        c = more == 0 ? *p : *p & (0x3fu >> more);
        for (p++; more > 0; more--)
            c = c << 6 | (*p++ & 0x3f);
    }
}

Test(utf16, what_is_broken_is_refused_with_its_place)
{
    refused_bytes("utf16_high.csv",
                  "\xff\xfe"
                  "a\0\n\0\x3d\xd8,\0",
                  10, NULL,
                  "'@' line 2: half a character of UTF-16, d83d without its other half (byte 6)");
    refused_bytes("utf16_low.csv",
                  "\xfe\xff"
                  "\0a\0\r\0\n\xde\0\0,",
                  12, NULL,
                  "'@' line 2: half a character of UTF-16, de00 without its other half (byte 8)");
    refused_bytes("utf16_last.csv",
                  "\xff\xfe"
                  "a\0\x3d\xd8",
                  6, NULL,
                  "'@' line 1: half a character of UTF-16, d83d without its other half (byte 4)");
    refused_bytes("utf16_odd.csv",
                  "\xff\xfe"
                  "a\0\n\0001",
                  7, NULL, "'@' line 2: the UTF-16 text ends within a character (byte 6)");
    refused_bytes("utf16_zero.csv",
                  "\xff\xfe"
                  "a\0\0\0",
                  6, NULL, "'@' line 1: a zero is no character of UTF-16 text (byte 4)");
    refused_bytes("utf16_utf32.csv", "\xff\xfe\0\0a\0\0\0", 8, NULL,
                  "'@' is UTF-32 text; convert it with iconv -f UTF-32 -t UTF-8");
    refused_bytes("utf16_mark.csv", "\xff\xfe", 2, NULL, "'@' is empty");
    refused_bytes("utf16_page.csv", "\xff\xfe<\0h\0t\0m\0l\0>\0", 14, NULL,
                  "'@' is a web page; was the download refused?");
}

Test(utf16, the_same_table_in_both_orders)
{
    static const char text[] = "w\xc3\xb6rd\tsize\r\n\xf0\x9f\x98\x80\t1.5\r\n\xe2\x82\xac\t-2\r\n";
    static const char wanted[] = "w\xc3\xb6rd|size/\xf0\x9f\x98\x80|1.5/\xe2\x82\xac|-2/";
    for (int big = 0; big <= 1; big++) {
        size_t n;
        uint8_t *bytes = encode(text, big, &n);
        heddle_table *table = NULL;
        heddle_error err = {HEDDLE_OK, ""};
        cr_assert(read_bytes("utf16_excel.txt", bytes, n, NULL, &table, &err) == HEDDLE_OK, "%s",
                  err.text);
        cr_assert(strstr(heddle_table_format(table), "UTF-16"), "%s", heddle_table_format(table));
        table_is(table, wanted);
        free(bytes);
    }
}

/* Large enough to be mapped, or unpacked by pieces: rows of `row`. */
static char *many(const char *row, size_t rows)
{
    size_t n = strlen(row);
    char *text = malloc(n * rows + 1);
    for (size_t i = 0; i < rows; i++)
        memcpy(text + i * n, row, n);
    text[n * rows] = 0;
    return text;
}

Test(utf16, large_texts_become_their_utf8_mapped_or_not)
{
    /* characters of 1 to 4 bytes; of 3 only, which grow most; growing only at the end */
    static const char *const rows[] = {"a,\xc3\xb6,\xe2\x82\xac,\xf0\x9f\x98\x80\n", "\xe2\x82\xac",
                                       "1,2\n"};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char *text = many(rows[k], 40000);
        for (int how = 0; how < 4; how++) {
            const bool packed = how & 1, big = how & 2;
            size_t n;
            uint8_t *encoded = encode(text, big, &n);
            const char *path = scratch_path(packed ? "utf16_large.gz" : "utf16_large");
            if (packed) {
                gzFile file = gzopen(path, "wb");
                cr_assert(gzwrite(file, encoded, (unsigned)n) == (int)n);
                gzclose(file);
            } else {
                put_file(path, encoded, n);
            }
            struct file_bytes bytes = {.data = NULL};
            cr_assert(file_read(path, 0, NULL, NULL, &bytes, NULL) == HEDDLE_OK);
            cr_assert(bytes.mapped == !packed);
            cr_assert(utf16_decode(path, SIZE_MAX, &bytes, NULL) == HEDDLE_OK);
            cr_assert(bytes.size == strlen(text) && !memcmp(bytes.data, text, bytes.size));
            cr_assert_str_eq(bytes.packing, packed ? "gzip, UTF-16" : "UTF-16");
            cr_assert(!bytes.mapped && bytes.data[bytes.size] == 0);
            file_release(&bytes);
            free(encoded);
        }
        free(text);
    }
}

Test(utf16, no_more_memory_than_allowed)
{
    char *text = many("\xe2\x82\xac", 40000);
    size_t n;
    uint8_t *encoded = encode(text, false, &n);
    const char *path = scratch_path("utf16_limit.txt");
    put_file(path, encoded, n);
    for (size_t less = 0; less <= 1; less++) {
        struct file_bytes bytes = {.data = NULL};
        heddle_error err = {HEDDLE_OK, ""};
        cr_assert(file_read(path, 0, NULL, NULL, &bytes, NULL) == HEDDLE_OK);
        heddle_status status = utf16_decode(path, 120000 - less, &bytes, &err);
        cr_assert(status == (less ? HEDDLE_E_MEMORY : HEDDLE_OK), "%s", err.text);
        cr_assert(!less ||
                  strstr(err.text, "takes 120000 bytes of memory, and 119999 are allowed"));
        file_release(&bytes);
    }
    free(encoded);
    free(text);
}
