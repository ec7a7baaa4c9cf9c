/**
 * file_read: plain files of MAP_FROM bytes and more are mapped; all else is read in pieces that go
 * through one of three ways (plain, gzip, zstd) into a buffer that doubles. zlib's own file
 * functions are not used: gzread() takes a truncated file for a whole one and drops what stands
 * behind the last member without a word.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/file.h"
#include "base/file_packed.h"
#include "base/file_pieces.h"
#include "base/memory.h"
#include "base/status.h"

/* Below, copying is cheaper than the page faults of a mapping. */
#define MAP_FROM ((size_t)64 << 10)
#define CHUNK ((size_t)256 << 10)

/* One reading: where from, what is allowed, and what has come so far. */
struct reading {
    const char *name; /* for messages, quoted */
    int fd;
    size_t max_bytes;
    uint8_t *data; /* capacity ≥ length + 1 once there is something */
    size_t length, capacity;
    uint8_t *chunk;      /* as read from fd: CHUNK bytes */
    size_t held;         /* bytes in it */
    const char *packing; /* as in file_bytes */
    size_t stored;       /* bytes of the file as it is, 0: not known */
    file_look *look;     /* NULL: it has seen enough, or there is none */
    void *context;
    size_t look_at; /* it looks when so many bytes have come */
    size_t most;    /* bytes that it claims to be */
    heddle_error *err;
};

static heddle_status too_large(const struct reading *r)
{
    return status_set(
        r->err, HEDDLE_E_MEMORY, "%s is larger than the %zu bytes allowed%s", r->name, r->max_bytes,
        *r->packing ? " once it is unpacked; unpack it to a file, which takes no memory" : "");
}

/* Can the file be `least` bytes, so that it is worth unpacking? */
static bool can_hold(const struct reading *r, size_t least)
{
    if (r->stored == 0 || least <= r->length) {
        return true;
    }
    void *map = mmap(NULL, r->stored, PROT_READ, MAP_PRIVATE, r->fd, 0);
    if (map == MAP_FAILED) {
        return true;
    }
    const bool can = file_packed_can_hold(map, r->stored, least);
    munmap(map, r->stored);
    return can;
}

/* Show what has come, and believe what is said of it. */
static heddle_status take_look(struct reading *r)
{
    const struct file_bytes head = {
        .data = r->data, .size = r->length, .stored = r->stored, .packing = r->packing};
    struct file_claim claim = {.least = 0, .most = SIZE_MAX};
    heddle_status status = r->look(r->context, &head, &claim, r->err);
    r->most = claim.most;
    r->look_at = claim.again;
    if (claim.again == 0) {
        r->look = NULL;
    }
    if (status == HEDDLE_OK && !can_hold(r, claim.least)) {
        return status_set(
            r->err, HEDDLE_E_DATA,
            "%s is cut short or damaged: its header promises %zu bytes, and its %zu of "
            "%s data do not hold as many",
            r->name, claim.least, r->stored, *r->packing ? r->packing : "plain");
    }
    return status == HEDDLE_OK && r->max_bytes > 0 && claim.least > r->max_bytes ? too_large(r)
                                                                                 : status;
}

/* Some bytes more have come: are they too many, and is now the time to look at them? */
static heddle_status check(struct reading *r)
{
    heddle_status status = HEDDLE_OK;
    if (r->max_bytes > 0 && r->length > r->max_bytes) {
        return too_large(r);
    }
    if (r->look != NULL && r->length >= r->look_at) {
        status = take_look(r);
    }
    if (status == HEDDLE_OK && r->length > r->most) {
        status = status_set(r->err, HEDDLE_E_DATA,
                            "%s goes on behind the %zu bytes that its header promises", r->name,
                            r->most);
    }
    return status;
}

/* Make room for at least one more byte and a final 0. */
static heddle_status make_room(struct reading *r)
{
    if (r->capacity - r->length >= 2) {
        return HEDDLE_OK;
    }
    size_t wanted;
    uint8_t *grown = NULL;
    if (r->max_bytes > 0 && r->length > r->max_bytes) {
        return too_large(r);
    }
    if (size_multiply(r->capacity > 0 ? r->capacity : CHUNK / 2, 2, &wanted)) {
        if (r->max_bytes > 0 && wanted / 2 > r->max_bytes / 2) {
            wanted = r->max_bytes + 3; /* one byte too many is enough to know */
        }
        grown = memory_resize(r->data, wanted, 1);
    }
    if (grown == NULL) {
        return status_memory(r->err, r->name, r->capacity);
    }
    r->data = grown;
    r->capacity = wanted;
    return HEDDLE_OK;
}

/* Bytes to be filled at once: no more than are worth a look. */
static size_t room_for(const struct reading *r)
{
    const size_t room = r->capacity - r->length - 1;
    return room < CHUNK ? room : CHUNK;
}

/* Fill the chunk as far as the file goes: held < CHUNK only at the end of the file. */
static heddle_status next_chunk(struct reading *r)
{
    r->held = 0;
    while (r->held < CHUNK) {
        ssize_t n = read(r->fd, r->chunk + r->held, CHUNK - r->held);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            r->held += (size_t)n;
        } else if (errno != EINTR) {
            return status_set(r->err, HEDDLE_E_IO, "cannot read %s: %s", r->name, strerror(errno));
        }
    }
    return HEDDLE_OK;
}

static heddle_status read_plain(struct reading *r)
{
    heddle_status status = HEDDLE_OK;
    while (status == HEDDLE_OK && r->held > 0) {
        for (size_t used = 0; used < r->held;) {
            status = make_room(r);
            if (status != HEDDLE_OK) {
                return status;
            }
            size_t room = room_for(r);
            size_t n = r->held - used < room ? r->held - used : room;
            memcpy(r->data + r->length, r->chunk + used, n);
            r->length += n;
            used += n;
        }
        status = check(r);
        if (status == HEDDLE_OK) {
            status = next_chunk(r);
        }
    }
    return status;
}

static void *zlib_new(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    return memory_new(count, size);
}

static void zlib_free(void *unused, void *block)
{
    (void)unused;
    memory_free(block);
}

/* Any number of gzip members one after the other (RFC 1952, section 2.2), and nothing else. */
static heddle_status read_gzip(struct reading *r)
{
    enum { GZIP_ONLY = 16 };
    z_stream z = {.zalloc = zlib_new, .zfree = zlib_free};
    if (inflateInit2(&z, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        return status_memory(r->err, r->name, CHUNK);
    }
    heddle_status status = HEDDLE_OK;
    bool between = false; /* a member has ended, none begun */
    size_t members = 0;
    while (status == HEDDLE_OK && r->held > 0) {
        z.next_in = r->chunk;
        z.avail_in = (uInt)r->held;
        bool full = false;
        while (status == HEDDLE_OK && (z.avail_in > 0 || full)) {
            if (between) {
                inflateReset(&z);
                between = false;
            }
            status = make_room(r);
            if (status != HEDDLE_OK) {
                break;
            }
            uInt offered = (uInt)room_for(r);
            z.next_out = r->data + r->length;
            z.avail_out = offered;
            int result = inflate(&z, Z_NO_FLUSH);
            r->length += offered - z.avail_out;
            full = z.avail_out == 0;
            if (result == Z_STREAM_END) {
                members++;
                between = true;
                full = false;
            } else if (result == Z_MEM_ERROR) {
                status = status_memory(r->err, r->name, CHUNK);
            } else if (result != Z_OK && result != Z_BUF_ERROR) {
                /* A header that is none, right behind a member, is no damage of that member. */
                bool behind = members > 0 && z.total_out == 0;
                status = status_set(r->err, HEDDLE_E_DATA, "%s: %s", r->name,
                                    behind ? "there is something behind the end of the gzip data"
                                           : "the gzip data are damaged");
            }
            if (status == HEDDLE_OK) {
                status = check(r);
            }
        }
        if (status == HEDDLE_OK) {
            status = next_chunk(r);
        }
    }
    inflateEnd(&z);
    if (status == HEDDLE_OK && !between) {
        status = status_set(r->err, HEDDLE_E_DATA, "%s: the gzip data are cut off", r->name);
    }
    return status;
}

/* Any number of zstd frames (RFC 8878, section 3). */
static heddle_status read_zstd(struct reading *r)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (z == NULL) {
        return status_memory(r->err, r->name, CHUNK);
    }
    heddle_status status = HEDDLE_OK;
    size_t result = 1; /* 0: a frame has ended, none begun */
    while (status == HEDDLE_OK && r->held > 0) {
        ZSTD_inBuffer in = {r->chunk, r->held, 0};
        bool full = false;
        while (status == HEDDLE_OK && (in.pos < in.size || (full && result != 0))) {
            status = make_room(r);
            if (status != HEDDLE_OK) {
                break;
            }
            ZSTD_outBuffer out = {r->data + r->length, room_for(r), 0};
            bool at_start = result == 0;
            result = ZSTD_decompressStream(z, &out, &in);
            r->length += out.pos;
            full = out.pos == out.size;
            if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) {
                status = status_memory(r->err, r->name, CHUNK);
            } else if (ZSTD_isError(result)) {
                status = status_set(r->err, HEDDLE_E_DATA, "%s: %s (%s)", r->name,
                                    at_start ? "there is something behind the end of the zstd data"
                                             : "the zstd data cannot be unpacked",
                                    ZSTD_getErrorName(result));
            } else {
                status = check(r);
            }
        }
        if (status == HEDDLE_OK) {
            status = next_chunk(r);
        }
    }
    ZSTD_freeDStream(z);
    if (status == HEDDLE_OK && result != 0) {
        status = status_set(r->err, HEDDLE_E_DATA, "%s: the zstd data are cut off", r->name);
    }
    return status;
}

/* Map the file if it is plain and worth it. *done tells whether it was mapped. */
static heddle_status try_map(const struct reading *r, const struct stat *info,
                             struct file_bytes *bytes, bool *done)
{
    size_t size = (size_t)info->st_size;
    *done = false;
    if (!S_ISREG(info->st_mode) || size < MAP_FROM || lseek(r->fd, 0, SEEK_CUR) != 0) {
        return HEDDLE_OK;
    }
    uint8_t magic[4] = {0};
    if (pread(r->fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
        file_is_gzip(magic, sizeof(magic)) || file_is_zstd(magic, sizeof(magic))) {
        return HEDDLE_OK;
    }
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, r->fd, 0);
    if (map == MAP_FAILED && errno == ENOMEM) {
        return status_memory(r->err, r->name, size); /* nor is there room for a copy */
    }
    if (map == MAP_FAILED) {
        return HEDDLE_OK; /* some file systems cannot: then it is read */
    }
    *bytes = (struct file_bytes){
        .data = map, .size = size, .stored = size, .packing = "", .mapped = true, .map_size = size};
    *done = true;
    return HEDDLE_OK;
}

static heddle_status read_all(struct reading *r, struct file_bytes *bytes)
{
    r->chunk = memory_new(CHUNK, 1);
    if (r->chunk == NULL) {
        return status_memory(r->err, r->name, CHUNK);
    }
    heddle_status status = next_chunk(r);
    if (status == HEDDLE_OK) {
        if (file_is_gzip(r->chunk, r->held)) {
            r->packing = "gzip";
            status = read_gzip(r);
        } else if (file_is_zstd(r->chunk, r->held)) {
            r->packing = "zstd";
            status = read_zstd(r);
        } else {
            status = read_plain(r);
        }
    }
    if (status == HEDDLE_OK) {
        status = make_room(r); /* an empty file has got no buffer yet */
    }
    memory_free(r->chunk);
    if (status != HEDDLE_OK) {
        memory_free(r->data);
        return status;
    }
    uint8_t *fitting = memory_resize(r->data, r->length + 1, 1);
    if (fitting != NULL) {
        r->data = fitting; /* else it stays larger than it need be */
    }
    r->data[r->length] = 0;
    *bytes = (struct file_bytes){
        .data = r->data, .size = r->length, .stored = r->stored, .packing = r->packing};
    return HEDDLE_OK;
}

heddle_status file_read(const char *path, size_t max_bytes, file_look *look, void *context,
                        struct file_bytes *bytes, heddle_error *err)
{
    bool standard_input = strcmp(path, "-") == 0;
    char name[300];
    snprintf(name, sizeof(name), standard_input ? "standard input" : "'%.290s'", path);
    struct reading r = {.name = name,
                        .max_bytes = max_bytes,
                        .packing = "",
                        .look = look,
                        .context = context,
                        .look_at = FILE_HEAD,
                        .most = SIZE_MAX,
                        .err = err};
    r.fd = STDIN_FILENO;
    while (!standard_input && (r.fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 && errno == EINTR) {
    }
    if (r.fd < 0) {
        return status_set(err, HEDDLE_E_OPEN, "cannot open %s: %s", name, strerror(errno));
    }
    struct stat info;
    heddle_status status = HEDDLE_OK;
    bool done = false;
    if (fstat(r.fd, &info) != 0) {
        status = status_set(err, HEDDLE_E_OPEN, "cannot open %s: %s", name, strerror(errno));
    } else if (S_ISDIR(info.st_mode)) {
        status = status_set(err, HEDDLE_E_OPEN, "cannot read %s: it is a directory", name);
    } else {
        const bool all = S_ISREG(info.st_mode) && lseek(r.fd, 0, SEEK_CUR) == 0;
        r.stored = all ? (size_t)info.st_size : 0;
        status = try_map(&r, &info, bytes, &done);
    }
    if (status == HEDDLE_OK && !done) {
        status = read_all(&r, bytes);
    }
    if (!standard_input) {
        close(r.fd);
    }
    return status;
}

void file_release(struct file_bytes *bytes)
{
    file_pieces_free(bytes->pieces);
    if (bytes->mapped) {
        munmap((void *)(uintptr_t)bytes->data, bytes->map_size);
    } else {
        memory_free((void *)(uintptr_t)bytes->data);
    }
    *bytes = (struct file_bytes){.packing = ""};
}

void file_forget(const struct file_bytes *bytes, const void *begin, const void *end)
{
    if (!bytes->mapped) {
        return;
    }
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const uintptr_t first = ((uintptr_t)begin + page - 1) / page * page;
    const uintptr_t last = (uintptr_t)end / page * page;
    if (first < last) {
        (void)madvise((void *)first, last - first, MADV_DONTNEED);
    }
}
