/** read: from a path to a table: which reader, and the file of labels that may go with it. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/file_packed.h"
#include "base/file_pieces.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"
#include "data/columns.h"
#include "data/csv_scan.h"
#include "data/recognise.h"
#include "data/utf16.h"

/* Of a path, without the end of its name. */
static size_t stem_length(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    return dot && dot > (slash ? slash + 1 : path) ? (size_t)(dot - path) : strlen(path);
}

heddle_status reader_check_size(const char *path, const struct table_reading *reading, size_t bytes,
                                heddle_error *err)
{
    if (bytes <= reading->limit)
        return HEDDLE_OK;
    const double mebi = 1024.0 * 1024.0;
    return status_set(err, HEDDLE_E_MEMORY,
                      "'%s' needs %.1f MiB as a table, %s %.1f MiB; an .npy file is used where it "
                      "is: heddle convert '%s' '%.*s.npy'",
                      path, (double)bytes / mebi,
                      reading->limit_given ? "the limit is" : "there are",
                      (double)reading->limit / mebi, path, (int)stem_length(path), path);
}

/* ---------------------------------------------------------------- one file ------------------- */

/* The bytes of a file, unpacked, and as UTF-8 if they are a text that can be told to be another. */
static heddle_status take_in(const char *path, const struct table_reading *reading,
                             struct file_bytes *bytes, heddle_error *err)
{
    struct recognise_sight sight = {path, reading};
    heddle_status status = file_read(path, reading->limit, recognise_look, &sight, bytes, err);
    if (status != HEDDLE_OK)
        return status;
    status = utf16_decode(path, reading->limit, bytes, err);
    if (status != HEDDLE_OK)
        file_release(bytes);
    return status;
}

/* A message of too little memory, with what to do about it. */
static heddle_status suggest(const char *path, heddle_error *err)
{
    if (!err || strstr(err->text, "heddle convert") || strstr(err->text, "unpack") ||
        strstr(err->text, "iconv") || strcmp(path, "-") == 0)
        return HEDDLE_E_MEMORY;
    char text[sizeof err->text];
    snprintf(text, sizeof text, "%s", err->text);
    return status_set(err, HEDDLE_E_MEMORY,
                      "%.230s; an .npy file is used where it is: heddle convert '%.100s' "
                      "'%.*s.npy'",
                      text, path, (int)(stem_length(path) < 100 ? stem_length(path) : 100), path);
}

static heddle_status read_one(const char *path, const struct table_reading *reading,
                              heddle_table **table, heddle_error *err)
{
    if (strncmp(path, "builtin:", 8) == 0)
        return builtin_read(path, table, err);
    struct file_bytes bytes = {0};
    heddle_status status = take_in(path, reading, &bytes, err);
    /* no room to map it: an array is read in pieces */
    if (status == HEDDLE_E_MEMORY && file_open_pieces(path, &bytes, NULL) == HEDDLE_OK) {
        if (npy_recognise(&bytes) || idx_recognise(&bytes))
            status = HEDDLE_OK;
        else
            file_release(&bytes);
    }
    if (status != HEDDLE_OK)
        return status == HEDDLE_E_MEMORY ? suggest(path, err) : status;
    const struct table_format *format = recognise_format(reading, &bytes);
    if (!format)
        status = recognise_foreign(path, &bytes, err);
    if (status == HEDDLE_OK)
        status = (format ? format->read : csv_read)(path, &bytes, reading, table, err);
    file_release(&bytes);
    return status == HEDDLE_E_MEMORY ? suggest(path, err) : status;
}

/* ---------------------------------------------------------------- in parts ------------------- */

/* A part's text: with all that is made of it, it should take a quarter of the memory at most. */
enum { PART_MOST = 32 << 20, PART_LEAST = 64 << 10, PART_SHARE = 16 };

/*
 * The text that parts are read from. One that there is no address space for is never there as a
 * whole: `bytes` are its first `head` bytes, by which a part is understood as the first one is, and
 * behind them, from the second part on, a stretch that begins with the part's first record.
 */
struct text {
    struct file_bytes bytes;
    struct file_pieces *pieces; /* or NULL: bytes is the whole file */
    size_t size, head;
    size_t behind; /* where in the file the bytes end */
};

/* n bytes of the file from `at` on to the end of `bytes`. */
static heddle_status add_stretch(const char *path, struct text *text, size_t at, size_t n,
                                 heddle_error *err)
{
    n = n < text->size - at ? n : text->size - at;
    uint8_t *to = (uint8_t *)(uintptr_t)text->bytes.data + text->bytes.size;
    text->bytes.size += n;
    text->behind = at + n;
    for (size_t count; n > 0; n -= count, at += count, to += count) {
        count = n < FILE_PIECE ? n : FILE_PIECE;
        const uint8_t *from = file_piece_at(text->pieces, at, count, true);
        if (!from)
            return status_set(err, HEDDLE_E_IO, "cannot read '%s'", path);
        memcpy(to, from, count);
    }
    return HEDDLE_OK;
}

/* The size of parts that there is address space for, with all that is made of them; `wanted` or less. */
static size_t size_that_fits(size_t wanted)
{
    for (; wanted > PART_LEAST; wanted /= 2) {
        void *room = memory_new(PART_SHARE * wanted, 1);
        memory_free(room);
        if (room)
            break;
    }
    return wanted;
}

/* Open a text. In pieces a stretch is two parts long, so that a record may end in the second; and
 * *part_size may become smaller. */
static heddle_status open_text(const char *path, const struct table_reading *reading,
                               size_t *part_size, struct text *text, heddle_error *err)
{
    struct file_bytes whole = {0};
    heddle_status status = take_in(path, reading, &text->bytes, err);
    if (status != HEDDLE_E_MEMORY || file_open_pieces(path, &whole, NULL) != HEDDLE_OK)
        return status;
    if (utf16_marked(&whole))
        status = status_set(err, HEDDLE_E_MEMORY,
                            "'%s' is UTF-16 text that there is no memory for; convert it with "
                            "iconv -f UTF-16 -t UTF-8",
                            path);
    if (file_is_gzip(whole.data, FILE_HEAD) || file_is_zstd(whole.data, FILE_HEAD) ||
        utf16_marked(&whole)) {
        file_release(&whole);
        return status;
    }
    text->size = whole.size;
    text->pieces = whole.pieces;
    whole.pieces = NULL;
    file_release(&whole);
    *part_size = size_that_fits(*part_size);
    text->bytes = (struct file_bytes){.data = memory_new(*part_size, 4), .packing = ""};
    if (!text->bytes.data)
        return status_memory(err, path, 4 * *part_size);
    status = add_stretch(path, text, 0, 2 * *part_size, err);
    text->head = text->bytes.size;
    return status;
}

/* A part was read: have the next one's text there. */
static heddle_status next_stretch(const char *path, struct text *text, struct csv_part *part,
                                  heddle_error *err)
{
    if (!text->pieces || text->behind == text->size)
        return HEDDLE_OK;
    if (!part->more) /* its last record may go on behind the stretch */
        return csv_no_room(path, part->line, err);
    const size_t at = text->behind - (text->bytes.size - part->begin), n = text->head;
    part->begin = text->bytes.size = text->head;
    part->moved = at - part->begin;
    heddle_status status = add_stretch(path, text, at, n, err);
    part->cut = text->behind < text->size;
    return status;
}

static void close_text(struct text *text)
{
    file_pieces_free(text->pieces);
    file_release(&text->bytes);
}

heddle_status table_read_parts(const char *path, const struct table_reading *reading,
                               int (*take)(void *user, const heddle_table *part), void *user,
                               heddle_error *err)
{
    struct text source = {.pieces = NULL};
    const struct file_bytes *bytes = &source.bytes;
    struct csv_part part = {.size = reading->limit / PART_SHARE};
    part.size = part.size < PART_LEAST ? PART_LEAST : part.size > PART_MOST ? PART_MOST : part.size;
    heddle_status status = open_text(path, reading, &part.size, &source, err);
    if (status != HEDDLE_OK) {
        close_text(&source);
        return status;
    }
    if (recognise_format(reading, bytes))
        status = status_set(err, HEDDLE_E_UNSUPPORTED, "'%s' is no delimited text", path);
    if (status == HEDDLE_OK)
        status = recognise_foreign(path, bytes, err);
    part.more = true;
    part.cut = source.pieces && source.behind < source.size;
    while (status == HEDDLE_OK && part.more) {
        heddle_table *table = NULL;
        status = csv_read_part(path, bytes, reading, &part, &table, err);
        if (status == HEDDLE_OK && take(user, table))
            status = status_set(err, HEDDLE_E_STOPPED, "'%s' was not read to its end", path);
        heddle_table_free(table);
        if (status == HEDDLE_OK)
            status = next_stretch(path, &source, &part, err);
    }
    close_text(&source);
    return status;
}

/* ---------------------------------------------------------------- labels --------------------- */

/* path with `old` in its last part replaced by `new`, of the same length, if it is there. */
static void replace(char *path, const char *old, const char *new)
{
    char *slash = strrchr(path, '/'), *at = strstr(slash ? slash : path, old);
    if (at)
        memcpy(at, new, strlen(new));
}

enum { SIBLINGS = 4 };

/* The conventional names of the labels of a file of images: "labels" for "images" and "idx1" for
 * "idx3" in its last part, packed as the images are, or not, or otherwise. False: no memory. None
 * is NULL if it is not such a name. */
static bool siblings(const char *path, char *name[SIBLINGS])
{
    static const char *const ends[] = {"", ".gz", ".zst"};
    const char *slash = strrchr(path, '/');
    size_t n = strlen(path);
    bool fits = true;
    if (!strstr(slash ? slash : path, "images"))
        return true;
    for (size_t i = 1; i < sizeof ends / sizeof *ends; i++) {
        size_t end = strlen(ends[i]);
        if (n > end && strcmp(path + n - end, ends[i]) == 0)
            n -= end;
    }
    for (size_t i = 0; i < SIBLINGS && fits; i++) {
        struct string text = {0};
        string_print(&text, "%.*s%s", i == 0 ? (int)strlen(path) : (int)n, path,
                     i == 0 ? "" : ends[i - 1]);
        name[i] = text.data;
        fits = !text.failed;
        if (fits) {
            replace(name[i], "images", "labels");
            replace(name[i], "idx3", "idx1");
        }
    }
    return fits;
}

static heddle_status append_labels(heddle_table *table, const char *path,
                                   const struct table_reading *reading, heddle_error *err)
{
    heddle_table *labels = NULL;
    struct table_reading alone = *reading;
    alone.known = NULL; /* the names are those of the other file */
    heddle_status status = read_one(path, &alone, &labels, err);
    if (status != HEDDLE_OK)
        return status;
    if (labels->columns != 1)
        status =
            status_set(err, HEDDLE_E_DATA,
                       "labels '%s' have %zu columns, expected one; heddle convert '%s' OUT.csv "
                       "--drop N,… leaves the others out",
                       path, labels->columns, path);
    else if (labels->rows != table->rows)
        status = status_set(err, HEDDLE_E_DATA, "labels '%s' have %zu rows, '%s' has %zu", path,
                            labels->rows, table->path, table->rows);
    else if (!table_append_labels(table, labels))
        status = status_memory(err, "labels", labels->rows * sizeof(double));
    heddle_table_free(labels);
    return status;
}

/* The labels that go with `path`, if the user named some or the sibling is there. */
static heddle_status find_labels(heddle_table *table, const char *path,
                                 const struct table_reading *reading, heddle_error *err)
{
    if (reading->options->labels)
        return append_labels(table, reading->options->labels, reading, err);
    char *name[SIBLINGS] = {NULL};
    heddle_status status = HEDDLE_E_OPEN;
    heddle_error reason = {HEDDLE_OK, ""};
    if (table->images && !siblings(path, name))
        status = status_memory(&reason, "a path", strlen(path));
    for (size_t i = 0; i < SIBLINGS && name[i] && status == HEDDLE_E_OPEN; i++) {
        status = append_labels(table, name[i], reading, &reason);
        const char *slash = strrchr(name[i], '/');
        if (status == HEDDLE_OK && !table_set_format(table, "%s, labels from '%s'", table->format,
                                                     slash ? slash + 1 : name[i]))
            status = status_memory(&reason, "a table", 0);
    }
    for (size_t i = 0; i < SIBLINGS; i++)
        memory_free(name[i]);
    if (status == HEDDLE_OK || status == HEDDLE_E_OPEN)
        return HEDDLE_OK;
    return status_set(err, status, "%s", reason.text);
}

/* The columns of the list become words, where the reader has not made them so. */
static heddle_status take_categories(heddle_table *table, const char *list, heddle_error *err)
{
    char *mark = memory_new(table->columns, 1);
    heddle_status status = mark ? columns_mark(table, list, true, mark, 1, err)
                                : status_memory(err, "a table", table->columns);
    for (size_t c = 0; c < table->columns && status == HEDDLE_OK; c++)
        if (mark[c] && !table->column[c].text && !table_make_words(table, c))
            status = status_memory(err, "a table", table->rows * sizeof(uint32_t));
    memory_free(mark);
    return status;
}

heddle_status table_read(const char *path, const struct table_reading *reading,
                         heddle_table **table, heddle_error *err)
{
    const char delimiter = reading->options->delimiter;
    if (!path || !*path)
        return status_set(err, HEDDLE_E_ARGUMENT, "no data file named");
    if (delimiter && !strchr(",;\t |", delimiter))
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "delimiter '%c' is none of ',', ';', '|', a tab or a blank", delimiter);
    heddle_table *t = NULL;
    heddle_status status = read_one(path, reading, &t, err);
    if (status == HEDDLE_OK)
        status = find_labels(t, path, reading, err);
    if (status != HEDDLE_OK) {
        heddle_table_free(t);
        return status;
    }
    t->limit = reading->limit_given ? reading->limit : 0;
    if (reading->options->categories)
        status = take_categories(t, reading->options->categories, err);
    if (status != HEDDLE_OK) {
        heddle_table_free(t);
        return status;
    }
    *table = t;
    return HEDDLE_OK;
}
