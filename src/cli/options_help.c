/** options_help: a command's help, made from the tables of its options. */
#include <string.h>

#include "options.h"
#include "output.h"

enum {
    WIDTH = 80,     /* a terminal's; the help is wrapped to fit */
    COLUMN = 26,    /* where the explanations begin */
    UNBROKEN = '\a' /* in a text to be wrapped: a blank that does not break the line */
};

/**
 * Print text from column `at` (where the line already is) on, wrapped, further lines indented by
 * `indent`; a newline in the text ends a line.
 */
static void print_wrapped(FILE *stream, const char *text, size_t at, size_t indent)
{
    bool begun = false;
    while (*text != '\0') {
        size_t n = strcspn(text, " \n");
        size_t width = 0;
        for (size_t i = 0; i < n; i++) {
            width += ((unsigned char)text[i] & 0xC0) != 0x80;
        }
        if (begun && at + 1 + width > WIDTH) {
            fprintf(stream, "\n%*s", (int)indent, "");
            at = indent;
        } else if (begun) {
            putc(' ', stream);
            at++;
        }
        for (size_t i = 0; i < n; i++) {
            putc(text[i] == UNBROKEN ? ' ' : text[i], stream);
        }
        at += width;
        begun = true;
        text += n;
        if (*text == '\n') {
            fprintf(stream, "\n%*s", (int)indent, "");
            at = indent;
            begun = false;
        }
        text += *text != '\0';
    }
    putc('\n', stream);
}

static void print_option(FILE *stream, const struct option *option)
{
    char left[128];
    char letter[8] = "";
    if (option->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name,
             option->argument != NULL ? " " : "", option->argument != NULL ? option->argument : "");
    char text[1024];
    bool has_default =
        option->kind != OPTION_FLAG && option->initial != NULL && option->initial[0] != '\0';
    snprintf(text, sizeof text, "%s%s%s%s", option->help, has_default ? " (default:\a" : "",
             has_default ? option->initial : "", has_default ? ")" : "");
    size_t width = text_width(left);
    fputs(left, stream);
    if (width + 2 > COLUMN) {
        putc('\n', stream);
        width = 0;
    }
    fprintf(stream, "%*s", (int)(COLUMN - width), "");
    print_wrapped(stream, text, COLUMN, COLUMN);
}

/** Headings in the order of the help; a group not listed here comes last, under its own name. */
static const char *const headings[][2] = {
    {"data", "Data"},       {"network", "Network"}, {"recipe", "Recipe"},
    {"machine", "Machine"}, {"run", "Run"},         {"output", "Output"},
};
enum { HEADINGS = sizeof headings / sizeof headings[0] };

static size_t heading_of(const char *group)
{
    size_t i = 0;
    while (i < HEADINGS && strcmp(headings[i][0], group) != 0) {
        i++;
    }
    return i;
}

static bool is_meaningless(const struct command *command, const char *name)
{
    for (size_t i = 0; command->meaningless != NULL && command->meaningless[i] != NULL; i++) {
        if (strcmp(command->meaningless[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void options_help(const struct command_line *line, FILE *stream)
{
    const struct command *command = line->command;
    fprintf(stream, "Usage: heddle %s %s [OPTION]…\n\n", command->name, command->operands);
    print_wrapped(stream, command->text, 0, 0);
    for (size_t heading = 0; heading <= HEADINGS; heading++) {
        const char *last = "";
        for (size_t i = 0; i < line->count; i++) {
            const struct option *option = &line->options[i];
            if (heading_of(option->group) != heading || is_meaningless(command, option->name)) {
                continue;
            }
            if (strcmp(last, option->group) != 0) {
                last = option->group;
                fprintf(stream, "\n%s\n", heading < HEADINGS ? headings[heading][1] : last);
            }
            print_option(stream, option);
        }
    }
    fprintf(stream, "\nExamples\n%s", command->examples);
}
