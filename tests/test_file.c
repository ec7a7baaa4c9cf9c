/** Whole files in: base/file.h. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/file_packed.h"
#include "base/memory.h"
#include "base/status.h"
#include "support.h"

/* ---------------------------------------------------------------- made-up content ------------ */

enum { LONG = 1500000 };

static uint8_t *make_content(size_t n)
{
    uint8_t *content = malloc(n + 1);
    uint64_t state = n;
    for (size_t i = 0; i < n; i++) {
        /* Some letters, so that it packs, but never the same twice. */
        content[i] = (uint8_t)('a' + test_random(&state) % 4);
    }
    return content;
}

static size_t pack_gzip(const uint8_t *content, size_t n, uint8_t *packed, size_t size)
{
    z_stream z = {0};
    cr_assert(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)content;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = (uInt)size;
    cr_assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t length = size - z.avail_out;
    deflateEnd(&z);
    return length;
}

static void check_reads(const char *path, const uint8_t *content, size_t n, const char *packing)
{
    struct file_bytes bytes;
    heddle_error err = {0};
    cr_assert(file_read(path, 0, NULL, NULL, &bytes, &err) == HEDDLE_OK, "%s", err.text);
    cr_assert(bytes.size == n, "%zu, not %zu", bytes.size, n);
    cr_assert(n == 0 || memcmp(bytes.data, content, n) == 0);
    cr_assert_str_eq(bytes.packing, packing);
    cr_assert(bytes.mapped || bytes.data[n] == 0);
    file_release(&bytes);
    cr_assert(bytes.data == NULL && bytes.size == 0);
    file_release(&bytes);
}

static void check_refused(const char *path, size_t max_bytes, heddle_status want, const char *part)
{
    struct file_bytes bytes = {.size = 4711};
    heddle_error err = {0};
    heddle_status status = file_read(path, max_bytes, NULL, NULL, &bytes, &err);
    cr_assert(status == want, "%s: %s (%s)", path, heddle_status_name(status), err.text);
    cr_assert(err.status == want);
    cr_assert(strstr(err.text, part) != NULL, "'%s' lacks '%s'", err.text, part);
    cr_assert(bytes.size == 4711);
    cr_assert(file_read(path, max_bytes, NULL, NULL, &bytes, NULL) == want);
}

/* ---------------------------------------------------------------- reading -------------------- */

Test(file, refuses_what_cannot_be_opened)
{
    check_refused(scratch_path("no/such/file"), 0, HEDDLE_E_OPEN, "No such file");
    check_refused(scratch_path(""), 0, HEDDLE_E_OPEN, "directory");
    check_refused("", 0, HEDDLE_E_OPEN, "cannot open");
}

Test(file, a_failing_read_is_told)
{
    /* The first page of one's own memory is not there: EIO. */
    check_refused("/proc/self/mem", 0, HEDDLE_E_IO, "cannot read '/proc/self/mem'");
}

Test(file, reads_plain_files_of_all_sizes)
{
    const size_t sizes[] = {0,      1,      4,      65535,  65536,  65537,
                            262143, 262144, 262145, 524286, 524287, LONG};
    uint8_t *content = make_content(LONG);
    const char *path = scratch_path("plain");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_file(path, content, sizes[i]);
        check_reads(path, content, sizes[i], "");
    }
    free(content);
}

Test(file, large_plain_files_are_mapped_and_small_ones_are_not)
{
    struct file_bytes bytes;
    uint8_t *content = make_content(65536);
    const char *path = scratch_path("mapped");
    put_file(path, content, 65536);
    cr_assert(file_read(path, 0, NULL, NULL, &bytes, NULL) == HEDDLE_OK && bytes.mapped);
    file_release(&bytes);
    put_file(path, content, 65535);
    cr_assert(file_read(path, 0, NULL, NULL, &bytes, NULL) == HEDDLE_OK && !bytes.mapped);
    file_release(&bytes);
    free(content);
}

Test(file, forgotten_bytes_can_be_read_again)
{
    uint8_t *content = make_content(LONG);
    struct file_bytes bytes;
    put_file(scratch_path("forgotten"), content, LONG);
    cr_assert(file_read(scratch_path("forgotten"), 0, NULL, NULL, &bytes, NULL) == HEDDLE_OK);
    cr_assert(bytes.mapped);
    for (size_t k = 0; k < 40; k++) { /* from within a page to within another, or within one */
        file_forget(&bytes, bytes.data + 1000 * k, bytes.data + 30000 * k + 1);
        cr_assert(memcmp(bytes.data, content, LONG) == 0);
    }
    file_release(&bytes);
    bytes = (struct file_bytes){.data = content, .size = LONG};
    file_forget(&bytes, content, content + LONG); /* of memory nothing can be forgotten */
    cr_assert(content[LONG / 2] != 0);
    free(content);
}

Test(file, reads_gzip_of_one_and_of_several_members)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    const char *path = scratch_path("gzip");
    const size_t sizes[] = {0, 1, 100, 131070, 131071, 131072, 262143, 524287, LONG};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_file(path, packed, pack_gzip(content, sizes[i], packed, 2 * LONG));
        check_reads(path, content, sizes[i], "gzip");
    }
    size_t n = pack_gzip(content, 1000, packed, 2 * LONG);
    n += pack_gzip(content, 0, packed + n, 2 * LONG - n);
    n += pack_gzip(content + 1000, LONG - 1000, packed + n, 2 * LONG - n);
    put_file(path, packed, n);
    check_reads(path, content, LONG, "gzip");
    free(content);
    free(packed);
}

Test(file, refuses_every_cut_of_a_gzip_file)
{
    uint8_t content[300], packed[1000];
    memset(content, 'x', sizeof(content));
    const char *path = scratch_path("gzip-cut");
    size_t n = pack_gzip(content, sizeof(content), packed, sizeof(packed));
    for (size_t keep = 2; keep < n; keep++) {
        put_file(path, packed, keep);
        check_refused(path, 0, HEDDLE_E_DATA, "cut off");
    }
    /* The second member cut: the first alone must not be taken for the file. */
    size_t both = n + pack_gzip(content, sizeof(content), packed + n, sizeof(packed) - n);
    for (size_t keep = n + 2; keep < both; keep++) {
        put_file(path, packed, keep);
        check_refused(path, 0, HEDDLE_E_DATA, "cut off");
    }
}

Test(file, refuses_damaged_gzip)
{
    uint8_t content[300], packed[1000];
    memset(content, 'x', sizeof(content));
    const char *path = scratch_path("gzip-bad");
    size_t n = pack_gzip(content, sizeof(content), packed, sizeof(packed));
    packed[n - 6] ^= 1; /* the check sum */
    put_file(path, packed, n);
    check_refused(path, 0, HEDDLE_E_DATA, "damaged");
    packed[n - 6] ^= 1;
    packed[n - 1] ^= 1; /* the length */
    put_file(path, packed, n);
    check_refused(path, 0, HEDDLE_E_DATA, "damaged");
    packed[n - 1] ^= 1;
    memcpy(packed + n, "rubbish", 7);
    for (size_t more = 2; more <= 7; more++) {
        put_file(path, packed, n + more);
        check_refused(path, 0, HEDDLE_E_DATA, "behind the end");
    }
    put_file(path, packed, n + 1);
    check_refused(path, 0, HEDDLE_E_DATA, "gzip data");
}

Test(file, reads_zstd_and_refuses_its_damages)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    const char *path = scratch_path("zstd");
    const size_t sizes[] = {0, 1, 524287, LONG};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_file(path, packed, ZSTD_compress(packed, 2 * LONG, content, sizes[i], 3));
        check_reads(path, content, sizes[i], "zstd");
    }
    size_t n = ZSTD_compress(packed, 2 * LONG, content, 1000, 3), both = n;
    both += ZSTD_compress(packed + n, 2 * LONG - n, content + 1000, 5000, 3);
    put_file(path, packed, both);
    check_reads(path, content, 6000, "zstd");
    for (size_t keep = 4; keep < n; keep++) {
        put_file(path, packed, keep);
        check_refused(path, 0, HEDDLE_E_DATA, "cut off");
    }
    memcpy(packed + n, "rubbish", 7);
    put_file(path, packed, n + 7);
    check_refused(path, 0, HEDDLE_E_DATA, "behind the end");
    packed[5] ^= 0x40;
    put_file(path, packed, n);
    check_refused(path, 0, HEDDLE_E_DATA, "zstd");
    free(content);
    free(packed);
}

Test(file, a_bound_is_kept_in_all_packings)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    const char *path = scratch_path("bound");
    const struct {
        size_t n, bytes;
    } file[] = {{0, 1000}, {0, LONG}, {1, 1000}, {1, LONG}, {2, 1000}, {2, LONG}};
    for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
        if (file[i].n == 0) {
            put_file(path, content, file[i].bytes);
        } else if (file[i].n == 1) {
            put_file(path, packed, pack_gzip(content, file[i].bytes, packed, 2 * LONG));
        } else {
            put_file(path, packed, ZSTD_compress(packed, 2 * LONG, content, file[i].bytes, 3));
        }
        struct file_bytes bytes;
        if (file[i].n == 0 && file[i].bytes == LONG) { /* a mapping takes no memory */
            cr_assert(file_read(path, 1, NULL, NULL, &bytes, NULL) == HEDDLE_OK && bytes.mapped);
            file_release(&bytes);
        } else {
            check_refused(path, file[i].bytes - 1, HEDDLE_E_MEMORY, "larger than");
            check_refused(path, 1, HEDDLE_E_MEMORY, "larger than");
        }
        cr_assert(file_read(path, file[i].bytes, NULL, NULL, &bytes, NULL) == HEDDLE_OK);
        cr_assert(bytes.size == file[i].bytes);
        file_release(&bytes);
    }
    free(content);
    free(packed);
}

Test(file, a_bomb_does_not_go_off)
{
    /* 64 MiB of zeros are 64 KiB of gzip; no more than a few MiB may be unpacked of them. */
    enum { SIZE = 64 << 20 };
    uint8_t *zeros = calloc(SIZE, 1), *packed = malloc(1 << 20);
    const char *path = scratch_path("bomb");
    put_file(path, packed, pack_gzip(zeros, SIZE, packed, 1 << 20));
    free(zeros);
    free(packed);
    memory_fail_at(0, false);
    check_refused(path, 1 << 20, HEDDLE_E_MEMORY, "larger than");
    /* Growing from 256 KiB by doubling: few allocations were enough, so it stopped early. */
    cr_assert(memory_count() < 40, "%zu", memory_count());
}

/* What the test below makes a format say of its file. */
struct opinion {
    struct file_claim claim;
    heddle_status status;
    size_t seen, calls;
};

static heddle_status give_opinion(void *context, const struct file_bytes *head,
                                  struct file_claim *claim, heddle_error *err)
{
    struct opinion *o = context;
    cr_assert(claim->least == 0 && claim->most == SIZE_MAX);
    *claim = o->claim;
    o->seen = head->size;
    o->calls++;
    return o->status ? status_set(err, o->status, "an opinion") : HEDDLE_OK;
}

Test(file, what_the_first_bytes_claim_is_held_against_the_rest)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    const char *path = scratch_path("claims");
    const size_t size[] = {pack_gzip(content, LONG, packed, 2 * LONG),
                           ZSTD_compress(packed, 2 * LONG, content, LONG, 3)};
    static const struct {
        struct opinion opinion;
        size_t max_bytes;
        heddle_status status;
        const char *text;
    } cases[] = {
        {{{0, SIZE_MAX, 0}, HEDDLE_OK, 0, 0}, 0, HEDDLE_OK, ""},
        {{{LONG, LONG, 0}, HEDDLE_OK, 0, 0}, LONG, HEDDLE_OK, ""},
        {{{0, SIZE_MAX, 2 * LONG}, HEDDLE_OK, 0, 0}, 0, HEDDLE_OK, ""},
        {{{0, SIZE_MAX, 0}, HEDDLE_E_DATA, 0, 0}, 0, HEDDLE_E_DATA, "an opinion"},
        {{{0, LONG - 1, 0}, HEDDLE_OK, 0, 0}, 0, HEDDLE_E_DATA, "goes on behind the 1499999 bytes"},
        {{{1, 200000, 0}, HEDDLE_OK, 0, 0}, 0, HEDDLE_E_DATA, "goes on behind the 200000 bytes"},
        {{{SIZE_MAX, SIZE_MAX, 0}, HEDDLE_OK, 0, 0}, 0, HEDDLE_E_DATA, "is cut short"},
        {{{LONG + 1, LONG + 1, 0}, HEDDLE_OK, 0, 0}, 0, HEDDLE_E_DATA, "is cut short"},
        {{{LONG, SIZE_MAX, 0}, HEDDLE_OK, 0, 0}, LONG - 1, HEDDLE_E_MEMORY, "larger than"},
    };
    for (int zstd = 0; zstd < 2; zstd++) {
        if (!zstd)
            pack_gzip(content, LONG, packed, 2 * LONG);
        else
            ZSTD_compress(packed, 2 * LONG, content, LONG, 3);
        put_file(path, packed, size[zstd]);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct opinion o = cases[i].opinion;
            struct file_bytes bytes;
            heddle_error err = {HEDDLE_OK, ""};
            heddle_status status =
                file_read(path, cases[i].max_bytes, give_opinion, &o, &bytes, &err);
            cr_assert(status == cases[i].status && strstr(err.text, cases[i].text), "%zu: %s", i,
                      err.text);
            cr_assert(o.calls == 1 && o.seen >= 128 << 10 && o.seen < LONG);
            if (status == HEDDLE_OK) {
                cr_assert(bytes.size == LONG && memcmp(bytes.data, content, LONG) == 0);
                file_release(&bytes);
            }
        }
    }
    free(content);
    free(packed);
}

static heddle_status ask_again(void *context, const struct file_bytes *head,
                               struct file_claim *claim, heddle_error *err)
{
    struct opinion *o = context;
    cr_assert(head->size >= o->claim.again && head->stored > 0);
    claim->again = o->claim.again = head->size + 100000;
    o->seen = head->size;
    return ++o->calls < 5 ? HEDDLE_OK : status_set(err, HEDDLE_E_DATA, "an opinion");
}

Test(file, who_wants_to_look_again_is_shown_more)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    const char *path = scratch_path("again");
    put_file(path, packed, pack_gzip(content, LONG, packed, 2 * LONG));
    struct opinion o = {.claim = {.again = 128 << 10}};
    struct file_bytes bytes;
    heddle_error err = {HEDDLE_OK, ""};
    cr_assert(file_read(path, 0, ask_again, &o, &bytes, &err) == HEDDLE_E_DATA);
    cr_assert(o.calls == 5 && o.seen < LONG, "%zu: %zu", o.calls, o.seen);
    free(content);
    free(packed);
}

Test(file_packed, what_a_file_says_of_its_size_is_known_without_unpacking_it)
{
    uint8_t *content = make_content(LONG), *packed = malloc(4 * LONG);
    size_t n = pack_gzip(content, LONG, packed, 2 * LONG);
    cr_assert(file_packed_can_hold(packed, n, LONG) && file_packed_can_hold(packed, n, 1));
    cr_assert(!file_packed_can_hold(packed, n, LONG + 1));
    /* of two members only the last is known */
    size_t both = n + pack_gzip(content, 5, packed + n, 2 * LONG);
    cr_assert(file_packed_can_hold(packed, both, LONG + 5));
    cr_assert(!file_packed_can_hold(packed, both, SIZE_MAX));
    cr_assert(!file_packed_can_hold((const uint8_t *)"\x1f\x8b\x08", 3, 4000));
    cr_assert(!file_packed_can_hold((const uint8_t *)"\x1f\x8b", 2, 1));

    n = ZSTD_compress(packed, 2 * LONG, content, LONG, 3);
    both = n + ZSTD_compress(packed + n, 2 * LONG, content, 5, 3);
    cr_assert(file_packed_can_hold(packed, n, LONG));
    cr_assert(!file_packed_can_hold(packed, n, LONG + 1));
    cr_assert(file_packed_can_hold(packed, both, LONG + 5));
    cr_assert(!file_packed_can_hold(packed, both, LONG + 6));
    cr_assert(file_packed_can_hold(packed, n - 1, LONG)); /* cut: who knows */
    free(content);
    free(packed);
}

static void *feed(void *path)
{
    int fd = open(path, O_WRONLY);
    for (int i = 0; i < 10; i++) {
        if (write(fd, "slowly,", 7) != 7) {
            break;
        }
        usleep(2000);
    }
    close(fd);
    return NULL;
}

Test(file, reads_a_pipe_that_is_slow)
{
    char path[600];
    snprintf(path, sizeof(path), "%s", scratch_path("fifo"));
    cr_assert(mkfifo(path, 0600) == 0);
    pthread_t writer;
    pthread_create(&writer, NULL, feed, path);
    struct file_bytes bytes;
    cr_assert(file_read(path, 0, NULL, NULL, &bytes, NULL) == HEDDLE_OK);
    cr_assert(bytes.size == 70 && !bytes.mapped && memcmp(bytes.data, "slowly,slowly,", 14) == 0);
    file_release(&bytes);
    pthread_join(writer, NULL);
}

Test(file, reads_standard_input_from_where_it_stands)
{
    uint8_t *content = make_content(100000);
    const char *path = scratch_path("stdin");
    put_file(path, content, 100000);
    int fd = open(path, O_RDONLY);
    dup2(fd, STDIN_FILENO);
    check_reads("-", content, 100000, "");
    lseek(STDIN_FILENO, 7, SEEK_SET);
    check_reads("-", content + 7, 100000 - 7, "");
    close(STDIN_FILENO);
    check_refused("-", 0, HEDDLE_E_OPEN, "standard input");
    close(fd);
    free(content);
}

Test(file, every_allocation_of_reading_may_fail)
{
    uint8_t *content = make_content(LONG), *packed = malloc(2 * LONG);
    for (int packing = 0; packing < 3; packing++) {
        const char *path = scratch_path("fail-alloc");
        size_t n = 60000;
        if (packing == 1) {
            n = pack_gzip(content, LONG, packed, 2 * LONG);
        } else if (packing == 2) {
            n = ZSTD_compress(packed, 2 * LONG, content, LONG, 3);
        }
        put_file(path, packing == 0 ? content : packed, n);
        for (int persistent = 0; persistent < 2; persistent++) {
            heddle_status status = HEDDLE_E_MEMORY;
            size_t failing = 0;
            for (; failing == 0 || memory_count() >= failing; failing++) {
                struct file_bytes bytes = {.size = 4711};
                heddle_error err = {0};
                memory_fail_at(failing + 1, persistent != 0);
                status = file_read(path, 0, NULL, NULL, &bytes, &err);
                if (status == HEDDLE_OK) {
                    file_release(&bytes); /* giving back room at the end may fail */
                } else {
                    cr_assert(status == HEDDLE_E_MEMORY && bytes.size == 4711, "%s", err.text);
                }
            }
            cr_assert(status == HEDDLE_OK && failing >= 2);
        }
        memory_fail_at(0, false);
    }
    free(content);
    free(packed);
}
