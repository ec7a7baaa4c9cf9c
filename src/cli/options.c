/**
 * options: see options.h.
 *
 * Not getopt_long: its table knows neither defaults nor help, it accepts abbreviations that become
 * ambiguous with the next option we add, and it cannot suggest.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "output.h"
#include "steady.h"
#include "suggest.h"

enum { CONFIG_LIMIT = 1 << 20 }; /* bytes of a --config file: more is surely not one */

int misuse(const struct command *command, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    complain("%s", text);
    if (speaks()) {
        fprintf(stderr, "try 'heddle%s%s --help'\n", command != NULL ? " " : "",
                command != NULL ? command->name : "");
    }
    return EXIT_MISUSE;
}

int refuse(const struct command_line *line, const heddle_error *err)
{
    return err->status == HEDDLE_E_ARGUMENT ? misuse(line->command, "%s", err->text) : give_up(err);
}

/* ------------------------------------------------------------------- the table --------------- */

/** Is option `name` declared by the command itself? It then hides the recipe's of that name. */
static bool is_own(const struct command *command, const char *name)
{
    for (size_t t = 0; t < COMMAND_TABLES && command->options[t] != NULL; t++) {
        for (const struct option *own = command->options[t]; own->name != NULL; own++) {
            if (strcmp(own->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void build_table(struct command_line *line, const struct command *command)
{
    size_t most = 0;
    while (heddle_recipe_option(most) != NULL) {
        most++;
    }
    for (size_t t = 0; t < COMMAND_TABLES && command->options[t] != NULL; t++) {
        for (const struct option *own = command->options[t]; own->name != NULL; own++) {
            most++;
        }
    }
    line->options = need(most, sizeof *line->options);
    line->values = need(most, sizeof *line->values);
    const heddle_option *option;
    for (size_t i = 0; (option = heddle_recipe_option(i)) != NULL; i++) {
        bool taken = command->recipe == RECIPE_ALL ||
                     (command->recipe == RECIPE_MACHINE && strcmp(option->group, "machine") == 0);
        if (taken && !is_own(command, option->name)) {
            line->options[line->count++] = (struct option){
                .name = option->name,
                .kind = OPTION_TEXT,
                .group = option->group,
                .argument = option->argument,
                .initial = option->initial,
                .help = option->help,
            };
        }
    }
    line->own = line->count;
    for (size_t t = 0; t < COMMAND_TABLES && command->options[t] != NULL; t++) {
        for (const struct option *own = command->options[t]; own->name != NULL; own++) {
            line->options[line->count++] = *own;
        }
    }
}

static const struct option *find_option(const struct command_line *line, const char *name,
                                        size_t length)
{
    for (size_t i = 0; i < line->count; i++) {
        if (strlen(line->options[i].name) == length &&
            memcmp(line->options[i].name, name, length) == 0) {
            return &line->options[i];
        }
    }
    return NULL;
}

static const struct option *find_letter(const struct command_line *line, char letter)
{
    for (size_t i = 0; i < line->count; i++) {
        if (line->options[i].letter == letter) {
            return &line->options[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------- values ------------------ */

/** Is `word` one of "auto|yes|no"? */
static bool is_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    while (length > 0 && *choices != '\0') {
        size_t n = strcspn(choices, "|");
        if (n == length && memcmp(choices, word, n) == 0) {
            return true;
        }
        choices += n + (choices[n] == '|');
    }
    return false;
}

enum { COUNT_MOST = 1000000 };

static bool is_count(const char *text)
{
    size_t length = strspn(text, "0123456789");
    return length > 0 && text[length] == '\0' && length < 8 && atol(text) >= 1 &&
           atol(text) <= COUNT_MOST;
}

/** Put a value in its place, or say what is wrong with it; `where` precedes the complaint. */
static int set_value(struct command_line *line, const struct option *option, const char *value,
                     const char *where)
{
    if (option->kind == OPTION_CHOICE && !is_choice(option->argument, value)) {
        return misuse(line->command, "%s--%s '%s': it takes %s", where, option->name, value,
                      option->argument);
    }
    if (option->kind == OPTION_COUNT && !is_count(value)) {
        return misuse(line->command, "%s--%s '%s': it takes a whole number from 1 to %d", where,
                      option->name, value, COUNT_MOST);
    }
    line->values[option - line->options] = value;
    return -1;
}

static int unknown_option(const struct command_line *line, const char *where, const char *shown,
                          const char *word)
{
    const char **names = need(line->count + 1, sizeof *names);
    for (size_t i = 0; i < line->count; i++) {
        names[i] = line->options[i].name;
    }
    names[line->count] = "help";
    const char *best = suggest(word, names, line->count + 1);
    free(names);
    if (best != NULL) {
        return misuse(line->command, "%sunknown option '%s'; did you mean '--%s'?", where, shown,
                      best);
    }
    return misuse(line->command, "%sunknown option '%s'", where, shown);
}

/** --name or --name=value, in argv[*i]; the value may be argv[*i + 1]. */
static int read_long(struct command_line *line, int *i)
{
    const char *name = line->argv[*i] + 2;
    size_t length = strcspn(name, "=");
    const struct option *option = find_option(line, name, length);
    if (option == NULL) {
        if (length == 4 && memcmp(name, "help", 4) == 0) {
            options_help(line, stdout);
            return 0;
        }
        char *word = need_text(name);
        char *shown = need_text(line->argv[*i]);
        word[length] = shown[length + 2] = '\0';
        int status = unknown_option(line, "", shown, word);
        free(word);
        free(shown);
        return status;
    }
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (option->kind == OPTION_FLAG) {
        if (value != NULL) {
            return misuse(line->command, "option '--%s' takes no value", option->name);
        }
        value = "yes";
    } else if (value == NULL) {
        if (*i + 1 >= line->argc) {
            return misuse(line->command, "option '--%s' needs a value: %s", option->name,
                          option->argument);
        }
        value = line->argv[++*i];
    }
    return set_value(line, option, value, "");
}

/** -o VALUE, -oVALUE, -q, -qo VALUE, in argv[*i]. */
static int read_short(struct command_line *line, int *i)
{
    for (const char *letter = line->argv[*i] + 1; *letter != '\0'; letter++) {
        const struct option *option = find_letter(line, *letter);
        if (option == NULL && *letter == 'h') {
            options_help(line, stdout);
            return 0;
        }
        if (option == NULL) {
            /* -epochs is likelier a long option with one hyphen than five short ones. */
            return unknown_option(line, "", line->argv[*i], line->argv[*i] + 1);
        }
        const char *value = "yes";
        if (option->kind != OPTION_FLAG) {
            value = letter + 1;
            if (*value == '\0' && *i + 1 >= line->argc) {
                return misuse(line->command, "option '-%c' needs a value: %s", option->letter,
                              option->argument);
            }
            value = *value != '\0' ? value : line->argv[++*i];
        }
        int status = set_value(line, option, value, "");
        if (status >= 0 || option->kind != OPTION_FLAG) {
            return status;
        }
    }
    return -1;
}

/* ------------------------------------------------------------------- --config ---------------- */

/** text without the blanks around it; cut in place. */
static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

/** One line of a configuration, "name = value", whose comment is gone already. */
static int read_setting(struct command_line *line, char *text, const char *where)
{
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        return misuse(line->command, "%s'%s' is not 'option = value'", where, text);
    }
    *equals = '\0';
    const char *name = trim(text);
    const char *value = trim(equals + 1);
    name += strncmp(name, "--", 2) == 0 ? 2 : 0;
    const struct option *option = find_option(line, name, strlen(name));
    if (option == NULL) {
        return unknown_option(line, where, name, name);
    }
    if (strcmp(name, "config") == 0) {
        return misuse(line->command, "%sa configuration cannot name another", where);
    }
    if (option->kind == OPTION_FLAG && !is_choice("yes|no", value)) {
        return misuse(line->command, "%s--%s '%s': it takes yes or no", where, name, value);
    }
    if (option->kind == OPTION_FLAG && strcmp(value, "no") == 0) {
        value = NULL;
    }
    if (value != NULL && *value == '\0') {
        return misuse(line->command, "%s'%s' has no value", where, name);
    }
    return value != NULL ? set_value(line, option, value, where) : -1;
}

/** Cut a comment: from a '#' that starts the line or follows a blank. */
static void cut_comment(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '#' && (c == text || isspace((unsigned char)c[-1]))) {
            *c = '\0';
            return;
        }
    }
}

/** Read the configuration `path`; what the command line gave stays. */
static int read_config(struct command_line *line, const char *path)
{
    FILE *stream = steady_read(path);
    if (stream == NULL) {
        complain("cannot open '%s': %s", path, strerror(errno));
        return EXIT_OPEN;
    }
    line->config = need(CONFIG_LIMIT + 1, 1);
    errno = 0;
    size_t length = fread(line->config, 1, CONFIG_LIMIT, stream);
    int reason = errno;
    bool failed = ferror(stream) != 0;
    fclose(stream);
    if (failed) {
        complain("cannot read '%s': %s", path, strerror(reason));
        return reason == EISDIR ? EXIT_OPEN : EXIT_IO;
    }
    if (length == CONFIG_LIMIT || memchr(line->config, '\0', length) != NULL) {
        return misuse(line->command, "'%s' is not a configuration of 'option = value' lines", path);
    }
    const char **given = need(line->count, sizeof *given);
    memcpy(given, line->values, line->count * sizeof *given);
    size_t number = 0;
    int status = -1;
    const bool marked = strncmp(line->config, "\xef\xbb\xbf", 3) == 0; /* as Windows writes it */
    for (char *rest = line->config + (marked ? 3 : 0); status < 0 && rest != NULL;) {
        char *text = strsep(&rest, "\n");
        char where[512];
        snprintf(where, sizeof where, "'%.400s' line %zu: ", path, ++number);
        cut_comment(text);
        text = trim(text);
        if (*text != '\0') {
            status = read_setting(line, text, where);
        }
    }
    for (size_t i = 0; i < line->count; i++) {
        line->values[i] = given[i] != NULL ? given[i] : line->values[i];
    }
    free(given);
    return status;
}

/* ------------------------------------------------------------------- reading ----------------- */

int options_read(struct command_line *line, const struct command *command, int argc, char **argv,
                 int first)
{
    *line = (struct command_line){.command = command, .argc = argc, .argv = argv};
    build_table(line, command);
    line->operands = need((size_t)argc, sizeof *line->operands);
    int status = -1;
    bool open = true;
    for (int i = first; i < argc && status < 0; i++) {
        if (!open || argv[i][0] != '-' || argv[i][1] == '\0') {
            line->operands[line->operand_count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            open = false;
        } else if (argv[i][1] == '-') {
            status = read_long(line, &i);
        } else {
            status = read_short(line, &i);
        }
    }
    if (status >= 0) {
        return status;
    }
    if (line->operand_count < command->least) {
        return misuse(command, "%s needs %s", command->name, command->operands);
    }
    if (line->operand_count > command->most) {
        return misuse(command, "unexpected argument '%s'", line->operands[command->most]);
    }
    const char *config = option_given(line, "config");
    return config != NULL ? read_config(line, config) : -1;
}

void options_done(struct command_line *line)
{
    free(line->options);
    free(line->values);
    free(line->operands);
    free(line->config);
    *line = (struct command_line){0};
}

const char *option_given(const struct command_line *line, const char *name)
{
    const struct option *option = find_option(line, name, strlen(name));
    return option != NULL ? line->values[option - line->options] : NULL;
}

const char *option_value(const struct command_line *line, const char *name)
{
    const struct option *option = find_option(line, name, strlen(name));
    if (option == NULL) {
        return NULL;
    }
    const char *value = line->values[option - line->options];
    return value != NULL ? value : option->initial;
}

bool option_flag(const struct command_line *line, const char *name)
{
    return option_given(line, name) != NULL;
}

int option_count(const struct command_line *line, const char *name)
{
    const char *value = option_value(line, name);
    return value != NULL && is_count(value) ? atoi(value) : 0;
}

heddle_status options_to_recipe(const struct command_line *line, const char *const *except,
                                heddle_recipe *recipe, heddle_error *err)
{
    heddle_status status = HEDDLE_OK;
    for (size_t i = 0; i < line->own && status == HEDDLE_OK; i++) {
        bool skip = line->values[i] == NULL;
        for (size_t k = 0; except != NULL && except[k] != NULL; k++) {
            skip = skip || strcmp(except[k], line->options[i].name) == 0;
        }
        if (!skip) {
            status = heddle_recipe_set(recipe, line->options[i].name, line->values[i], err);
        }
    }
    return status;
}
