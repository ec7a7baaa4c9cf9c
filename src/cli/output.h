/**
 * output: messages, exit statuses, numbers as text, and files that appear whole or not at all.
 * The program never calls setlocale(), so printf and strtod always use a decimal point.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "heddle.h"

/** Exit statuses; those behind 2 and 3 are the numbers of BSD's sysexits.h. */
enum {
    EXIT_MISUSE = 2,
    EXIT_DIVERGED = 3,
    EXIT_DATA = 65,
    EXIT_OPEN = 66,
    EXIT_INTERNAL = 70,
    EXIT_MEMORY = 71,
    EXIT_CREATE = 73,
    EXIT_IO = 74,
    EXIT_RESUME = 75
};

/** The exit status that stands for a failure of the library. */
int exit_status(heddle_status status);

/** Print "heddle: …" and a newline on stderr, control characters made visible as '?'. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Is this the rank that speaks? Others keep what they complain about for together(). heddle, and
 * heddle-mpi without a launcher, have one rank, which does.
 */
bool speaks(void);

/**
 * Where all ranks have come with an exit status of their own: if any has failed, the first one's
 * becomes everyone's, and rank 0 complains if that one could not.
 */
int together(int status);

/** Does a file's name end in ".csv", with something before it? */
bool path_ends_in(const char *path, const char *end);

/** Are these two paths the same file? Pipes and devices never are. */
bool same_file(const char *a, const char *b);

/** Complain with the text of err and return its exit status. */
int give_up(const heddle_error *err);

/** Room for count zeroed objects of size bytes; without memory the program ends with 71. */
void *need(size_t count, size_t size);

/** A copy of text. */
char *need_text(const char *text);

/** Is all of text a number as strtod reads it? *value is written only then. */
bool text_number(const char *text, double *value);

/** Write a field of a CSV file, quoted if it needs to be. */
void print_field(FILE *stream, const char *text);

/** … in quotes, its own doubled. */
void print_quoted_field(FILE *stream, const char *text);

/** Write text with control characters as '?', then blanks up to `width` characters. */
void print_cell(FILE *stream, const char *text, size_t width);

/** How many characters (not bytes) UTF-8 text has. */
size_t text_width(const char *text);

/**
 * Could `path` be created, or replaced (`replace`: by renaming a new file, else by writing over
 * it)? Nothing is created. Returns 0, or complains and returns 73.
 */
int can_create(const char *path, bool replace);

/** A file being written under a temporary name, or a stream that is written directly. */
struct output_file {
    FILE *stream;
    const char *name;      /* as the caller gave it, for messages; NULL: standard output */
    char *path;            /* where a link of that name leads */
    const char *temporary; /* NULL: written directly (standard output, a FIFO, a device) */
    int descriptor;        /* of the stream; fileno() does not know it */
};

/** Begin to write path (NULL or "-": standard output). Returns 0, or complains and returns 73. */
int output_begin(struct output_file *file, const char *path);

/** End it: all written, synced and renamed. Returns 0, or complains and returns 73 or 74. */
int output_end(struct output_file *file);

/** Give it up: what was written is thrown away, a file that was there stays. */
void output_drop(struct output_file *file);

/**
 * From now on a signal that ends the program (Ctrl-C, kill, a hangup, a limit) leaves no temporary
 * file, its own or the library's. What is ignored stays ignored.
 */
void output_guard(void);

/** Remove them; for other signal handlers that end the program. */
void output_abandon(void);

/**
 * Flush stdout. Returns status; or, if that was 0 and a write had failed, complains: 74. If only its
 * reader has gone, the status is that of a program that SIGPIPE ended, 141, without a word.
 */
int output_flush(int status);

#endif
