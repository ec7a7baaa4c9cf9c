/**
 * heddle: the command line. `heddle COMMAND …` looks the command up in one table, reads the rest of
 * the line by the command's own table of options, and runs it. Results go to stdout, all else to
 * stderr; the exit status says what happened (output.h).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "json_out.h"
#include "options.h"
#include "output.h"
#include "steady.h"
#include "suggest.h"

/** Every command, in the order of the overview. */
static const struct command *const commands[] = {
    &command_train, &command_predict, &command_evaluate, &command_info,
    &command_bench, &command_export,  &command_convert,  &command_verify,
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/** Also the manual page, by help2man: it tells lists by two blanks behind a word, code by the $. */
static void overview(FILE *stream)
{
    fputs("Usage: heddle COMMAND [ARGUMENT]…\n"
          "\n"
          "Trains feed-forward neural networks on all the cores of a machine: the same\n"
          "data, recipe and seed give the same weights, bit for bit, for any number of\n"
          "threads.\n"
          "\n"
          "Commands\n",
          stream);
    for (size_t i = 0; i < COMMANDS; i++) {
        char usage[128];
        snprintf(usage, sizeof usage, "%s %s", commands[i]->name, commands[i]->operands);
        fprintf(stream, "  %-26s%s\n", usage, commands[i]->summary);
    }
    fputs("  help [COMMAND]            show this, or the options of a command\n"
          "\n"
          "DATA is a file (its format is found out from its content; gzip and zstd are\n"
          "unpacked), '-' for standard input, or one of\n",
          stream);
    const char *name;
    for (size_t i = 0; (name = heddle_builtin_name(i)) != NULL; i++) {
        fprintf(stream, "%sbuiltin:%s", i == 0 ? "" : ", ", name);
    }
    fputs(".\n"
          "\n"
          "Exit status\n"
          "  0      done\n"
          "  2      misuse of the command line\n"
          "  3      diverged: loss or weights no longer finite\n"
          "  65     bad data or model\n"
          "  66     cannot open an input\n"
          "  70     internal error, please report it\n"
          "  71     out of memory or threads\n"
          "  73     cannot create an output\n"
          "  74     read or write failed\n"
          "  75     not the data or recipe of the run to resume\n"
          "  128+n  ended by signal n (141: the reader of standard output went away)\n"
          "\n"
          "Examples\n"
          "  $ heddle train builtin:xor --recipe tutorial\n"
          "  $ heddle train flowers.csv -o flowers.model\n"
          "  $ heddle predict flowers.model new.csv > answers.csv\n"
          "\n"
          "'heddle COMMAND --help' lists all options with their defaults.\n",
          stream);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *word)
{
    const char *names[COMMANDS + 1];
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = commands[i]->name;
    }
    names[COMMANDS] = "help";
    const char *best = suggest(word, names, COMMANDS + 1);
    if (best != NULL) {
        return misuse(NULL, "unknown command '%s'; did you mean 'heddle %s'?", word, best);
    }
    if (access(word, F_OK) == 0 || strncmp(word, "builtin:", 8) == 0) {
        return misuse(NULL, "unknown command '%s'; did you mean 'heddle train %s'?", word, word);
    }
    return misuse(NULL, "unknown command '%s'", word);
}

static int run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "help";
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("heddle %s\n", heddle_version());
        return 0;
    }
    bool help = strcmp(word, "help") == 0;
    if (help && argc > 2) {
        word = argv[2];
    } else if (help || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        overview(stdout);
        return 0;
    }
    const struct command *command = find_command(word);
    if (command == NULL) {
        return word[0] == '-' ? misuse(NULL, "unknown option '%s'", word) : unknown_command(word);
    }
    if (heddle_cluster_ranks() > 1 && command != &command_train && !help) {
        return misuse(command, "only 'train' runs on several ranks: start '%s' without mpirun",
                      command->name);
    }
    struct command_line line;
    char *asked[] = {argv[0], (char[]){"--help"}, NULL};
    int status = help ? options_read(&line, command, 2, asked, 1)
                      : options_read(&line, command, argc, argv, 2);
    status = status >= 0 ? status : command->run(&line);
    options_done(&line);
    return status;
}

/**
 * If we were started with stdin, stdout or stderr closed, the next file opened would get its
 * number, and a message could end up in a model. Fill the gaps so that using them fails.
 */
static void fill_standard_streams(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++) {
        if (fcntl(descriptor, F_GETFD) < 0) {
            (void)!open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
        }
    }
}

/**
 * Most outputs are then one write, which fails at the end, where its reason is still known, or not
 * at all.
 */
static void widen_output(void)
{
    static char room[1 << 16];
    if (!isatty(STDOUT_FILENO)) {
        setvbuf(stdout, room, _IOFBF, sizeof room);
    }
}

int main(int argc, char **argv)
{
    fill_standard_streams();
    widen_output();
    /* A closed pipe and a full quota are failed writes, not sudden deaths: what was trained is saved. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    output_guard();
    json_begin();
    heddle_error err;
    if (heddle_cluster_begin(&err) != HEDDLE_OK) {
        return give_up(&err);
    }
    if (!speaks() && freopen("/dev/null", "w", stdout) == NULL) {
        fclose(stdout);
    } else if (speaks()) {
        steady_stdout();
    }
    int status = together(output_flush(run(argc, argv)));
    heddle_cluster_end();
    return status;
}
