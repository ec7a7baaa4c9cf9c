/**
 * command: what a command of heddle is. A command is one file, cmd_NAME.c, that defines one of
 * these, and one line in the table of main.c. Parsing, help and suggestions all follow from the
 * options declared here, so they cannot disagree.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stddef.h>

enum option_kind {
    OPTION_FLAG,  /* takes no value */
    OPTION_TEXT,  /* takes anything: whoever uses it checks it */
    OPTION_COUNT, /* takes a number 1 … 1,000,000 */
    OPTION_CHOICE /* takes one of the words of `argument`, "auto|yes|no" */
};

/** One option. */
struct option {
    const char *name; /* "output": --output */
    char letter;      /* 'o': -o; 0: none */
    enum option_kind kind;
    const char *group;    /* heading it stands under in the help: "data", "run", … */
    const char *argument; /* what it takes, for people; NULL for a flag */
    const char *initial;  /* its default as text; NULL: none (or the recipe's, see below) */
    const char *help;     /* one sentence */
};

/** Which of the library's recipe options a command takes besides its own. */
enum recipe_options { RECIPE_NONE, RECIPE_MACHINE, RECIPE_ALL };

struct command_line;

enum { COMMAND_TABLES = 5 };

struct command {
    const char *name;
    const char *operands; /* "MODEL DATA", for the usage line */
    const char *summary;  /* for the overview: a few words */
    const char *text;     /* for its help: one paragraph */
    const char *examples; /* for its help: whole lines */
    size_t least, most;   /* how many operands */
    enum recipe_options recipe;
    const char *const *meaningless; /* those of them it refuses, left out of its help; ends with
                                       NULL; NULL: none */
    const struct option *options[COMMAND_TABLES]; /* its own; each ends with a name of NULL */
    int (*run)(const struct command_line *line);  /* returns the exit status */
};

extern const struct command command_train;
extern const struct command command_predict;
extern const struct command command_evaluate;
extern const struct command command_info;
extern const struct command command_bench;
extern const struct command command_export;
extern const struct command command_convert;
extern const struct command command_verify;

#endif
