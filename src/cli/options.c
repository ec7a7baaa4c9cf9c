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

enum {
    HELP_WIDTH = 80,       /* a terminal's; the help is wrapped to fit */
    HELP_COLUMN = 26,      /* where the explanations begin */
    UNBROKEN = '\a',       /* in a text to be wrapped: a blank that does not break the line */
    CONFIG_LIMIT = 1 << 20 /* bytes of a --config file: more is surely not one */
};

/* ------------------------------------------------------------------- suggestions ------------- */

/** Edit distance in which a swap of neighbours counts once; words are cut to 31 characters. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 32 };
    size_t d[MOST][MOST];
    size_t m = strnlen(a, MOST - 1);
    size_t n = strnlen(b, MOST - 1);
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best) {
                best = d[i - 2][j - 2] + 1;
            }
            d[i][j] = best;
        }
    }
    return d[m][n];
}

/** What other programs call our options. */
static const char *const synonyms[][2] = {
    {"alpha", "l2"},
    {"batch-size", "batch"},
    {"class-weight", "class-weights"},
    {"criterion", "loss"},
    {"decay", "weight-decay"},
    {"device", "threads"},
    {"early-stopping", "patience"},
    {"early-stopping-round", "patience"},
    {"eta", "rate"},
    {"hidden-layer-sizes", "hidden"},
    {"iterations", "steps"},
    {"lambda-l1", "l1"},
    {"lambda-l2", "l2"},
    {"layers", "hidden"},
    {"learning-rate", "rate"},
    {"learning-rate-init", "rate"},
    {"lr", "rate"},
    {"max-epochs", "epochs"},
    {"max-iter", "epochs"},
    {"maxit", "epochs"},
    {"metric", "loss"},
    {"model", "output"},
    {"n-iter-no-change", "patience"},
    {"normalize", "scale"},
    {"num-iterations", "epochs"},
    {"num-threads", "threads"},
    {"objective", "loss"},
    {"out", "output"},
    {"random-state", "seed"},
    {"size", "hidden"},
    {"solver", "optimizer"},
    {"tol", "min-error"},
    {"valid", "validation"},
    {"validation-fraction", "validation"},
    {"verbose", "progress"},
    {"wd", "weight-decay"},
    {"weight-column", "weights"},
};

const char *nearest_name(const char *word, const char *const *names, size_t n)
{
    size_t length = strlen(word);
    const char *best = NULL;
    size_t least = length / 3 + 2; /* more edits than that, and it is another word */
    for (size_t i = 0; i < n; i++) {
        size_t edits = length >= 3 && strncmp(names[i], word, length) == 0
                           ? 1 /* a beginning of it is as good as one slip */
                           : distance(word, names[i]);
        if (edits < least && edits < strlen(names[i])) {
            best = names[i];
            least = edits;
        }
    }
    return best;
}

static const char *nearest_option(const struct command_line *line, const char *word)
{
    const char **names = need(line->count + 1, sizeof *names);
    size_t known = 0;
    for (size_t i = 0; i < line->count; i++) {
        names[known++] = line->options[i].name;
    }
    names[known++] = "help";
    const char *best = NULL;
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        for (size_t k = 0; k < known; k++) {
            if (strcmp(word, synonyms[i][0]) == 0 && strcmp(names[k], synonyms[i][1]) == 0) {
                best = names[k];
            }
        }
    }
    best = best != NULL ? best : nearest_name(word, names, known);
    free(names);
    return best;
}

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

static bool is_count(const char *text)
{
    size_t length = strspn(text, "0123456789");
    return length > 0 && text[length] == '\0' && length < 8 && atol(text) >= 1 &&
           atol(text) <= 1000000;
}

/** Put a value in its place, or say what is wrong with it; `where` precedes the complaint. */
static int set_value(struct command_line *line, const struct option *option, const char *value,
                     const char *where)
{
    if (option->kind == OPTION_CHOICE && !is_choice(option->argument, value)) {
        return misuse(line->command, "%s--%s cannot be '%s': it takes %s", where, option->name,
                      value, option->argument);
    }
    if (option->kind == OPTION_COUNT && !is_count(value)) {
        return misuse(line->command, "%s--%s cannot be '%s': it takes a whole number from 1 on",
                      where, option->name, value);
    }
    line->values[option - line->options] = value;
    return -1;
}

static int unknown_option(const struct command_line *line, const char *where, const char *shown,
                          const char *word)
{
    const char *best = nearest_option(line, word);
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
        return misuse(line->command, "%s--%s cannot be '%s': it takes yes or no", where, name,
                      value);
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
    for (char *rest = line->config; status < 0 && rest != NULL;) {
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

/* ------------------------------------------------------------------- help -------------------- */

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
        if (begun && at + 1 + width > HELP_WIDTH) {
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
    if (width + 2 > HELP_COLUMN) {
        putc('\n', stream);
        width = 0;
    }
    fprintf(stream, "%*s", (int)(HELP_COLUMN - width), "");
    print_wrapped(stream, text, HELP_COLUMN, HELP_COLUMN);
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
