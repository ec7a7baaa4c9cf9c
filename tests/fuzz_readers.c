#include "fuzz_readers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_packed.h"
#include "base/file_pieces.h"
#include "data/csv_guess.h"
#include "data/preprocess.h"
#include "data/readers.h"
#include "data/recognise.h"
#include "data/utf16.h"
#include "model/table_safetensors.h"

/* A mistake of ours ends the fuzzer. */
#define CHECK(truth)                                                                               \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #truth);                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { LIMIT = 64 << 20 };

/* Two workers, one after the other. */
static void run_in_turn(void *team, void (*body)(void *context, int worker), void *context)
{
    (void)team;
    body(context, 0);
    body(context, 1);
}

static const struct table_workers workers = {2, run_in_turn, NULL};
static const heddle_read_options defaults;
static struct table_reading reading = {
    .options = &defaults, .workers = &workers, .limit = LIMIT, .more = &table_safetensors};

/* Fit and apply, and look at every column and some cells. */
static void use(heddle_table *table)
{
    char cell[64];
    CHECK(table->rows > 0 && table->columns > 0 && table->format);
    for (size_t c = 0; c < table->columns && c < 50; c++) {
        heddle_column column;
        heddle_table_column(table, c, &column);
        CHECK(column.name && *column.name && column.missing <= table->rows);
        for (size_t i = 0; i < table->rows; i += table->rows / 8 + 1)
            CHECK(strlen(heddle_table_cell(table, i, c, cell, sizeof cell)) < sizeof cell);
    }
    if (table->rows > 2000 || table->columns > 2000 || table->rows * table->columns > 100000)
        return;
    for (int missing = MISSING_ERROR; missing <= MISSING_DROP; missing++) {
        struct preprocess_options options = {.numbers_are_classes = true,
                                             .missing = (enum missing)missing};
        struct preprocess *p = NULL;
        struct dataset set;
        heddle_error err = {HEDDLE_OK, ""};
        if (preprocess_fit(table, &options, NULL, 0, NULL, NULL, &p, &err) != HEDDLE_OK) {
            CHECK(err.text[0]);
            continue;
        }
        if (preprocess_apply(p, table, NULL, 0, false, false, true, NULL, &set, &err) == HEDDLE_OK)
            dataset_done(&set);
        preprocess_free(p);
    }
}

/* The bytes stand at the end of a block of their own size, so that reading on is seen. */
static void read_with(reader *read, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    struct file_bytes bytes = {.data = copy, .size = size, .packing = ""};
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    if (size)
        memcpy(copy, data, size);
    heddle_status status = utf16_decode("fuzz", LIMIT, &bytes, &err);
    status = status ? status : read("fuzz", &bytes, &reading, &table, &err);
    CHECK((status == HEDDLE_OK) == (table != NULL));
    CHECK((status == HEDDLE_OK) == (err.text[0] == '\0'));
    CHECK(status == HEDDLE_OK || status == HEDDLE_E_DATA || status == HEDDLE_E_MEMORY);
    if (table)
        use(table);
    heddle_table_free(table);
    file_release(&bytes);
}

static void read_if(bool (*recognise)(const struct file_bytes *bytes), reader *read,
                    const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (size)
        memcpy(copy, data, size);
    bool is = recognise(&(struct file_bytes){.data = copy, .size = size, .packing = ""});
    free(copy);
    if (is)
        read_with(read, data, size);
}

/* The first look at what these bytes begin. */
static void look(const uint8_t *data, size_t size)
{
    uint8_t *head = calloc(FILE_HEAD, 1);
    memcpy(head, data, size < FILE_HEAD ? size : FILE_HEAD);
    struct recognise_sight sight = {"head", &reading};
    struct file_claim claim = {.most = SIZE_MAX};
    heddle_error err = {HEDDLE_OK, ""};
    heddle_status status = recognise_look(
        &sight,
        &(struct file_bytes){.data = head, .size = FILE_HEAD, .stored = size, .packing = "gzip"},
        &claim, &err);
    CHECK(status == HEDDLE_OK || status == HEDDLE_E_DATA || status == HEDDLE_E_MEMORY);
    CHECK((status == HEDDLE_OK) == (err.text[0] == '\0'));
    CHECK(claim.least <= claim.most && (!claim.again || claim.again > FILE_HEAD));
    free(head);
}

/* Text that something follows, each byte of which matters. */
static void begin(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    if (size)
        memcpy(copy, data, size);
    csv_begins(copy, copy + size);
    free(copy);
}

static void try_csv(const uint8_t *data, size_t size)
{
    static const heddle_read_options codes = {.categories = "1,3"};
    begin(data, size);
    read_with(csv_read, data, size);
    reading.options = &codes;
    read_with(csv_read, data, size);
    reading.options = &defaults;
}

static void try_arff(const uint8_t *data, size_t size)
{
    read_if(arff_recognise, arff_read, data, size);
}

static void try_idx(const uint8_t *data, size_t size)
{
    read_if(idx_recognise, idx_read, data, size);
}

static void try_npy(const uint8_t *data, size_t size)
{
    read_if(npy_recognise, npy_read, data, size);
}

static void try_svmlight(const uint8_t *data, size_t size)
{
    read_if(svmlight_recognise, svmlight_read, data, size);
    read_with(svmlight_read, data, size);
}

static void try_fann(const uint8_t *data, size_t size)
{
    read_if(fann_recognise, fann_read, data, size);
}

static void try_safetensors(const uint8_t *data, size_t size)
{
    read_if(table_safetensors.recognise, table_safetensors.read, data, size);
}

/* A file as it is: packed or not, of any kind. */
static void try_file(const uint8_t *data, size_t size)
{
    char path[64];
    int file = memfd_create("fuzz", 0);
    CHECK(file >= 0 && write(file, data, size) == (ssize_t)size && lseek(file, 0, SEEK_SET) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    look(data, size);
    if (file_is_gzip(data, size) || file_is_zstd(data, size))
        CHECK(!file_packed_can_hold(data, size, SIZE_MAX));
    heddle_table *table = NULL;
    heddle_error err = {HEDDLE_OK, ""};
    struct table_reading bounded = reading;
    bounded.limit = 16 << 20;
    heddle_status status = table_read(path, &bounded, &table, &err);
    CHECK((status == HEDDLE_OK) == (table != NULL));
    if (table)
        use(table);
    heddle_table_free(table);
    close(file);
}

const struct fuzz_reader fuzz_readers[] = {
    {"csv", try_csv},
    {"arff", try_arff},
    {"idx", try_idx},
    {"npy", try_npy},
    {"svmlight", try_svmlight},
    {"fann", try_fann},
    {"safetensors", try_safetensors},
    {"file", try_file},
    {NULL, NULL},
};
