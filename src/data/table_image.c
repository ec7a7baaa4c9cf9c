/** table_image: see table_image.h. Places are counted from the image's begin; 0 is none. */
#include "data/table_image.h"

#include <string.h>

#include "base/memory.h"

struct image {
    size_t rows, columns;
    size_t column; /* place of (columns) struct image_column */
    size_t path, format, line;
    bool named, row_names, images, sparse, labelled, whole_labels;
    size_t part[TABLE_PARTS];
    size_t targets, limit;
};

struct image_column {
    bool text;
    size_t name, flaw;
    size_t cells; /* numbers, or codes */
    size_t words, word;
};

/** Puts things one behind the other, or only counts their bytes. */
struct writer {
    char *base;
    size_t used;
};

/** Room for so many bytes; what is copied there, if anything. Returns the place. */
static size_t put(struct writer *writer, const void *data, size_t bytes)
{
    size_t at = writer->used;
    if (writer->base && data) {
        memcpy(writer->base + at, data, bytes);
    }
    writer->used += (bytes + 63) / 64 * 64;
    return at;
}

static size_t put_text(struct writer *writer, const char *text)
{
    return text ? put(writer, text, strlen(text) + 1) : 0;
}

/** The words of a column, each ending with 0. */
static size_t put_words(struct writer *writer, const struct table_column *column)
{
    size_t bytes = 0;
    for (size_t i = 0; i < column->words; i++) {
        bytes += strlen(column->word[i]) + 1;
    }
    size_t at = put(writer, NULL, bytes);
    char *letters = writer->base ? writer->base + at : NULL;
    for (size_t i = 0; letters && i < column->words; i++) {
        size_t length = strlen(column->word[i]) + 1;
        memcpy(letters, column->word[i], length);
        letters += length;
    }
    return at;
}

static struct image_column put_column(struct writer *writer, const heddle_table *table, size_t c)
{
    const struct table_column *column = &table->column[c];
    return (struct image_column){
        .text = column->text,
        .name = put_text(writer, column->name),
        .flaw = put_text(writer, column->flaw),
        .cells = column->text ? put(writer, column->code, table->rows * sizeof *column->code)
                              : put(writer, column->number, table->rows * sizeof *column->number),
        .words = column->words,
        .word = put_words(writer, column),
    };
}

static void put_table(struct writer *writer, const heddle_table *table)
{
    size_t at = put(writer, NULL, sizeof(struct image));
    struct image image = {
        .rows = table->rows,
        .columns = table->columns,
        .column = put(writer, NULL, table->columns * sizeof(struct image_column)),
        .path = put_text(writer, table->path),
        .format = put_text(writer, table->format),
        .line = table->line ? put(writer, table->line, table->rows * sizeof *table->line) : 0,
        .named = table->named,
        .row_names = table->row_names,
        .images = table->images,
        .sparse = table->sparse,
        .labelled = table->labelled,
        .whole_labels = table->whole_labels,
        .targets = table->targets,
        .limit = table->limit,
    };
    memcpy(image.part, table->part, sizeof image.part);
    for (size_t c = 0; c < table->columns; c++) {
        struct image_column column = put_column(writer, table, c);
        if (writer->base) {
            memcpy(writer->base + image.column + c * sizeof column, &column, sizeof column);
        }
    }
    if (writer->base) {
        memcpy(writer->base + at, &image, sizeof image);
    }
}

size_t table_image_size(const heddle_table *table)
{
    struct writer count = {0};
    if (table->block.data || table->bytes) {
        return 0;
    }
    put_table(&count, table);
    return count.used;
}

void table_image_write(const heddle_table *table, void *image)
{
    struct writer writer = {.base = image};
    put_table(&writer, table);
}

heddle_table *table_image_read(void *memory, size_t bytes)
{
    char *base = memory;
    const struct image *image = memory;
    const struct image_column *from = (const void *)(base + image->column);
    heddle_table *table = table_create(base + image->path, image->columns);
    bool complete = table && table_set_format(table, "%s", base + image->format);
    for (size_t c = 0; complete && c < image->columns; c++) {
        struct table_column *column = &table->column[c];
        column->name = base + from[c].name;
        column->text = from[c].text;
        column->shared = true;
        column->flaw = from[c].flaw ? memory_string(base + from[c].flaw) : NULL;
        column->number = column->text ? NULL : (void *)(base + from[c].cells);
        column->code = column->text ? (void *)(base + from[c].cells) : NULL;
        column->words = from[c].words;
        column->word = column->text ? memory_new(column->words, sizeof *column->word) : NULL;
        complete = (!from[c].flaw || column->flaw) && (!column->text || column->word);
        char *word = base + from[c].word;
        for (size_t i = 0; complete && i < column->words; i++) {
            column->word[i] = word;
            word += strlen(word) + 1;
        }
    }
    if (!complete) {
        heddle_table_free(table);
        return NULL;
    }
    table->rows = image->rows;
    table->named = image->named;
    table->row_names = image->row_names;
    table->images = image->images;
    table->sparse = image->sparse;
    table->labelled = image->labelled;
    table->whole_labels = image->whole_labels;
    table->targets = image->targets;
    table->limit = image->limit;
    memcpy(table->part, image->part, sizeof table->part);
    table->line = image->line ? (void *)(base + image->line) : NULL;
    table->image = memory;
    table->image_bytes = bytes;
    return table;
}
