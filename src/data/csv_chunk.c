/**
 * csv_chunk: delimited text in chunks: cutting it, having the workers take them, and counting the
 * lines of each, by which every chunk knows where its rows go.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/csv.h"

enum {
    CHUNK_LEAST = 1 << 18, /* bytes */
    CHUNK_SHARE = 4,       /* of what is left for each worker: the last chunks are small, so that
                            * nobody waits for long */
    LANES = 16,
    SLICE = LANES * UINT8_MAX /* bytes whose line ends are counted in the lanes of a register */
};

struct job {
    struct csv *csv;
    void (*each)(struct csv *csv, struct csv_chunk *chunk);
    atomic_size_t next;
};

static void take_chunks(void *context, int worker)
{
    (void)worker;
    struct job *job = context;
    for (;;) {
        size_t k = atomic_fetch_add(&job->next, (size_t)1);
        if (k >= job->csv->chunks)
            return;
        job->each(job->csv, &job->csv->chunk[k]);
    }
}

void csv_with_chunks(struct csv *csv, void (*each)(struct csv *csv, struct csv_chunk *chunk))
{
    struct job job = {.csv = csv, .each = each};
    atomic_init(&job.next, (size_t)0);
    if (csv->workers && csv->chunks > 1)
        csv->workers->run(csv->workers->team, take_chunks, &job);
    else
        take_chunks(&job, 0);
}

const char *csv_next_line(const char *p, const char *end)
{
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return p < end ? p + (*p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1) : end;
}

heddle_status csv_make_chunks(struct csv *csv, heddle_error *err)
{
    const size_t workers = csv->workers ? (size_t)csv->workers->count : 1;
    /* what is known of the columns must not take more than the text */
    const size_t known = csv->columns * (sizeof *csv->column + sizeof *csv->chunk->words);
    const size_t least = known > CHUNK_LEAST ? known : CHUNK_LEAST;
    size_t room = 0;
    for (const char *p = csv->first.record; p < csv->stop;) {
        const size_t left = (size_t)(csv->stop - p), share = left / (CHUNK_SHARE * workers);
        const size_t size = share > least ? share : least;
        const bool last = workers == 1 || left / 2 < size;
        if (csv->chunks == room) {
            room = room ? 2 * room : 64;
            struct csv_chunk *grown = memory_resize(csv->chunk, room, sizeof *grown);
            if (!grown)
                return csv_no_memory(csv, err);
            csv->chunk = grown;
        }
        const char *end = last ? csv->stop : csv_next_line(p + size, csv->stop);
        csv->chunk[csv->chunks++] = (struct csv_chunk){.begin = p, .end = end};
        p = end;
    }
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- lines ---------------------- */

typedef uint8_t lanes __attribute__((vector_size(LANES)));

static bool any(lanes x)
{
    uint64_t half[LANES / sizeof(uint64_t)];
    memcpy(half, &x, sizeof half);
    return half[0] | half[1];
}

/* Line ends of n bytes at p, SLICE at most, of a chunk that goes on to `end`; CRLF is one, and ends
 * with its LF. *zero becomes true if a byte is 0. */
static size_t ends_of_slice(const char *p, size_t n, const char *end, bool *zero)
{
    lanes feeds = {0}, returns = {0}, zeros = {0};
    size_t ends = 0, i = 0;
    bool returned = false;
    for (; i + LANES <= n; i += LANES) {
        lanes x;
        memcpy(&x, p + i, sizeof x);
        feeds -= (lanes)(x == '\n');
        returns |= (lanes)(x == '\r');
        zeros |= (lanes)(x == 0);
    }
    for (size_t k = 0; k < LANES; k++)
        ends += feeds[k];
    for (; i < n; i++) {
        ends += p[i] == '\n';
        returned = returned || p[i] == '\r';
        *zero = *zero || !p[i];
    }
    *zero = *zero || any(zeros);
    if (returned || any(returns))
        for (i = 0; i < n; i++)
            ends += p[i] == '\r' && (p + i + 1 == end || p[i + 1] != '\n');
    return ends;
}

/* One pass over bytes that come from memory: is it text, and of how many lines? */
static void count_lines(struct csv *csv, struct csv_chunk *chunk)
{
    bool zero = false;
    for (const char *p = chunk->begin; p < chunk->end;) {
        size_t n = (size_t)(chunk->end - p);
        n = n < SLICE ? n : SLICE;
        chunk->ends += ends_of_slice(p, n, chunk->end, &zero);
        p += n;
    }
    if (zero)
        chunk->status = csv_check_zeros(csv->path, csv->bytes->data - csv->moved, chunk->begin,
                                        chunk->end, &chunk->error);
}

heddle_status csv_count_lines(struct csv *csv, heddle_error *err)
{
    csv_with_chunks(csv, count_lines);
    for (size_t k = 0; k < csv->chunks; k++)
        if (csv->chunk[k].status != HEDDLE_OK)
            return status_set(err, csv->chunk[k].status, "%s", csv->chunk[k].error.text);
    return HEDDLE_OK;
}
