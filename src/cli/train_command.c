/** train_command: see train_command.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "train_command.h"
#include "output.h"

/** Text that grows. */
struct text {
    char *data;
    size_t length, room;
};

static void add(struct text *text, const char *what)
{
    size_t length = strlen(what);
    if (text->length + length + 1 > text->room) {
        text->room = 2 * (text->length + length + 1);
        char *larger = need(text->room, 1);
        if (text->data != NULL) {
            memcpy(larger, text->data, text->length);
        }
        free(text->data);
        text->data = larger;
    }
    memcpy(text->data + text->length, what, length + 1);
    text->length += length;
}

/** Can all of it be shown, and read back from where it is shown? */
static bool is_plain(const char *word)
{
    for (const char *c = word; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            return false;
        }
    }
    json_t *string = json_string(word);
    bool valid = string != NULL; /* UTF-8 */
    json_decref(string);
    return valid;
}

/** Add a word so that a shell reads it back; what is not plain is written as $'\303'. */
static void add_word(struct text *text, const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_./:,=+@%-";
    bool plain = is_plain(word);
    add(text, text->length > 0 ? " " : "");
    if (*word != '\0' && word[strspn(word, safe)] == '\0') {
        add(text, word);
        return;
    }
    add(text, plain ? "'" : "$'");
    for (const char *c = word; *c != '\0'; c++) {
        char one[8] = {*c};
        if (plain && *c == '\'') {
            strcpy(one, "'\\''");
        } else if (!plain && (*c == '\'' || *c == '\\')) {
            snprintf(one, sizeof one, "\\%c", *c);
        } else if (!plain && !isprint((unsigned char)*c)) {
            snprintf(one, sizeof one, "\\%03o", (unsigned char)*c);
        }
        add(text, one);
    }
    add(text, "'");
}

static void add_option(struct text *text, const char *name, const char *value)
{
    add(text, " --");
    add(text, name);
    add_word(text, value);
}

char *train_command_given(const struct command_line *line)
{
    struct text text = {0};
    for (int i = 0; i < line->argc; i++) {
        add_word(&text, line->argv[i]);
    }
    return text.data;
}

/** Does an option decide bits? That of time does in a way nothing can repeat. */
static bool decides(const struct option *option)
{
    return strcmp(option->group, "machine") != 0 && strcmp(option->group, "run") != 0 &&
           strcmp(option->name, "time-limit") != 0 && strcmp(option->name, "report-every") != 0;
}

/** Is the value a list of which --search has chosen? */
static bool is_list(const struct command_line *line, const char *name, const char *value)
{
    return option_given(line, "search") != NULL && heddle_search_values(name, value) > 1;
}

char *train_command_same(const struct command_line *line, const heddle_recipe *recipe)
{
    struct text text = {0};
    const char *data = line->operands[0];
    add(&text, "heddle train");
    if (data[0] != '-' || data[1] == '\0') {
        add_word(&text, data);
    }
    for (size_t i = 0; i < line->count; i++) {
        const struct option *option = &line->options[i];
        const char *value = line->values[i];
        if (value != NULL && decides(option)) {
            bool list = i < line->own && is_list(line, option->name, value);
            add_option(&text, option->name, list ? heddle_recipe_get(recipe, option->name) : value);
        }
    }
    if (option_given(line, "cv") != NULL) { /* no rows are held out of the model's own run */
        add_option(&text, "validation", "0");
        if (option_given(line, "watch") == NULL &&
            strcmp(heddle_recipe_get(recipe, "watch"), "training") == 0) {
            add_option(&text, "watch", "training");
        }
    }
    if (data[0] == '-' && data[1] != '\0') {
        add(&text, " --");
        add_word(&text, data);
    }
    return text.data;
}
