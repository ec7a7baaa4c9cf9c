/** input: see input.h. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "input.h"
#include "output.h"
#include "steady.h"

const struct option input_format_options[] = {
    {"delimiter", 0, OPTION_TEXT, "data", "CHAR", "auto",
     "what separates the fields of a text table: comma, semicolon, tab or space; auto: by content"},
    {"header", 0, OPTION_CHOICE, "data", "auto|yes|no", "auto",
     "is the first line of a text table its header? auto: by content"},
    {.name = NULL},
};

const struct option input_category_options[] = {
    {"categories", 0, OPTION_TEXT, "data", "NAME,...", NULL,
     "columns whose values are categories, not numbers, such as codes: each value is an input of "
     "its own, as of columns of words"},
    {.name = NULL},
};

const struct option input_label_options[] = {
    {"labels", 0, OPTION_TEXT, "data", "FILE", NULL,
     "second file of DATA whose only column is the target; those of IDX images are found beside "
     "them"},
    {.name = NULL},
};

const struct option input_memory_options[] = {
    {"max-memory", 0, OPTION_TEXT, "data", "BYTES", "none",
     "refuse data that need more, such as 500M or 4G"},
    {.name = NULL},
};

/** "none", "4G", "500M", "1000000" as bytes (none: 0); false if it is nothing of the kind. */
static bool parse_bytes(const char *text, size_t *bytes)
{
    static const char units[] = "KkMmGg";
    size_t length = strspn(text, "0123456789");
    if (strcmp(text, "none") == 0) {
        *bytes = 0;
        return true;
    }
    if (length == 0 || length > 15) {
        return false;
    }
    size_t value = 0;
    for (size_t i = 0; i < length; i++) {
        value = 10 * value + (size_t)(text[i] - '0');
    }
    unsigned shift = 0;
    if (text[length] != '\0') {
        const char *unit = strchr(units, text[length]);
        if (unit == NULL || text[length + 1] != '\0') {
            return false;
        }
        shift = 10 * ((unsigned)(unit - units) / 2 + 1);
    }
    if (value == 0 || value > SIZE_MAX >> shift) {
        return false;
    }
    *bytes = value << shift;
    return true;
}

int input_options(const struct command_line *line, heddle_read_options *options)
{
    static const struct {
        const char *name;
        char character;
    } delimiters[] = {{"auto", 0},   {"comma", ','}, {"semicolon", ';'},
                      {"tab", '\t'}, {"\\t", '\t'},  {"space", ' '}};
    *options = (heddle_read_options){.labels = option_given(line, "labels"),
                                     .categories = option_given(line, "categories")};
    const char *delimiter = option_value(line, "delimiter");
    if (strlen(delimiter) == 1 && strchr(",; \t", *delimiter) != NULL) {
        options->delimiter = *delimiter;
    } else {
        size_t i = 0;
        while (i < sizeof delimiters / sizeof delimiters[0] &&
               strcmp(delimiters[i].name, delimiter) != 0) {
            i++;
        }
        if (i == sizeof delimiters / sizeof delimiters[0]) {
            return misuse(line->command, "--delimiter '%s': it takes comma, semicolon, tab, space",
                          delimiter);
        }
        options->delimiter = delimiters[i].character;
    }
    const char *header = option_value(line, "header");
    options->header = strcmp(header, "yes") == 0  ? HEDDLE_HEADER_YES
                      : strcmp(header, "no") == 0 ? HEDDLE_HEADER_NO
                                                  : HEDDLE_HEADER_AUTO;
    options->threads = option_count(line, "threads");
    const char *limit = option_given(line, "max-memory");
    if (limit != NULL && !parse_bytes(limit, &options->max_bytes)) {
        return misuse(line->command, "--max-memory '%s': a size is such as 500M or 4G", limit);
    }
    return -1;
}

int input_read(const char *path, const heddle_read_options *options, const char *labels,
               heddle_table **table)
{
    heddle_error err;
    heddle_read_options these = *options;
    these.labels = labels;
    return heddle_table_read(path, &these, table, &err) == HEDDLE_OK ? 0 : give_up(&err);
}

bool input_is_model(const char *path)
{
    /* The format's own reader bounds the length so; no text passes for one. */
    enum { LENGTH_MOST = 100000000 };
    unsigned char head[9];
    struct stat seen;
    FILE *stream = stat(path, &seen) == 0 && S_ISREG(seen.st_mode) ? steady_read(path) : NULL;
    if (stream == NULL) {
        return false;
    }
    size_t n = fread(head, 1, sizeof head, stream);
    fclose(stream);
    if (n == sizeof head && memcmp(head, "FANN_F", 6) == 0) {
        return true;
    }
    uint64_t length = 0;
    for (size_t i = 8; i-- > 0 && n == sizeof head;) {
        length = length << 8 | head[i];
    }
    return n == sizeof head && head[8] == '{' && length <= LENGTH_MOST;
}

void input_note(const char *path, const heddle_model *model)
{
    const char *key, *value;
    for (size_t i = 0; heddle_model_metadata(model, i, &key, &value); i++) {
        if (strcmp(key, "note") == 0) {
            complain("note: '%s': %s", path, value);
        }
    }
}

int input_model(const char *path, heddle_model **model)
{
    heddle_error err;
    if (heddle_model_read(path, model, &err) != HEDDLE_OK) {
        return give_up(&err);
    }
    input_note(path, *model);
    return 0;
}

void input_note_unseen(const char *path, const heddle_model *model, const heddle_table *table,
                       bool with_targets)
{
    char text[320];
    if (*heddle_model_unseen(model, table, with_targets, text, sizeof text)) {
        complain("note: '%s': %s", path, text);
    }
}
