/**
 * output: see output.h. The library has its own twins of some of these helpers; the command line
 * sees heddle.h alone, as any other program that links the library would.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "steady.h"

int exit_status(heddle_status status)
{
    switch (status) {
    case HEDDLE_OK:
    case HEDDLE_E_STOPPED:
        return 0;
    case HEDDLE_E_ARGUMENT:
    case HEDDLE_E_UNSUPPORTED:
        return EXIT_MISUSE;
    case HEDDLE_E_DATA:
        return EXIT_DATA;
    case HEDDLE_E_OPEN:
        return EXIT_OPEN;
    case HEDDLE_E_CREATE:
        return EXIT_CREATE;
    case HEDDLE_E_IO:
        return EXIT_IO;
    case HEDDLE_E_MEMORY:
    case HEDDLE_E_THREADS:
        return EXIT_MEMORY;
    case HEDDLE_E_DIVERGED:
        return EXIT_DIVERGED;
    case HEDDLE_E_RESUME:
        return EXIT_RESUME;
    case HEDDLE_E_INTERNAL:
        break;
    }
    return EXIT_INTERNAL;
}

/** A file's name or content may hold anything; a terminal must not be told to obey it. */
static void hide_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 127) {
            *text = '?';
        }
    }
}

/** What was complained about last, for together(). */
static char last_complaint[1024];

void complain(const char *format, ...)
{
    char text[sizeof last_complaint] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    hide_controls(text);
    if (speaks()) {
        fprintf(stderr, "heddle: %s\n", text);
    }
    memcpy(last_complaint, text, sizeof text);
}

bool speaks(void)
{
    return heddle_cluster_rank() == 0;
}

int together(int status)
{
    static bool ended; /* all know of a failure, and are on their way out */
    if (ended) {
        return status;
    }
    int agreed = heddle_cluster_agree(status, last_complaint, sizeof last_complaint);
    ended = agreed != 0;
    if (agreed != 0 && status == 0) {
        char text[sizeof last_complaint];
        memcpy(text, last_complaint, sizeof text);
        complain("%s", text);
    }
    return agreed;
}

bool path_ends_in(const char *path, const char *end)
{
    size_t n = strlen(path);
    size_t m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

bool same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    if (stat(a, &x) != 0 || stat(b, &y) != 0) {
        return strcmp(a, b) == 0;
    }
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino && S_ISREG(x.st_mode);
}

int give_up(const heddle_error *err)
{
    complain("%s", err->text);
    return exit_status(err->status);
}

void *need(size_t count, size_t size)
{
    void *block = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (block == NULL) {
        /* the end of this process is that of all ranks */
        fprintf(stderr, "heddle: out of memory for %zu bytes\n", count * size);
        exit(EXIT_MEMORY);
    }
    return block;
}

char *need_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(need(size, 1), text, size);
}

bool text_number(const char *text, double *value)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0') {
        return false;
    }
    *value = number;
    return true;
}

void print_field(FILE *stream, const char *text)
{
    size_t length = strlen(text);
    bool quote = strpbrk(text, ",\"\r\n") != NULL ||
                 (length > 0 && (text[0] == ' ' || text[length - 1] == ' '));
    if (quote) {
        print_quoted_field(stream, text);
    } else {
        fputs(text, stream);
    }
}

void print_quoted_field(FILE *stream, const char *text)
{
    putc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            putc('"', stream);
        }
        putc(*text, stream);
    }
    putc('"', stream);
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return width;
}

void print_cell(FILE *stream, const char *text, size_t width)
{
    size_t used = text_width(text);
    for (; *text != '\0'; text++) {
        putc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, stream);
    }
    for (; used < width; used++) {
        putc(' ', stream);
    }
}

/* ------------------------------------------------------------------- files ------------------- */

static int cannot_create(const char *path, int reason)
{
    complain("cannot create '%s': %s", path, strerror(reason));
    return reason == ENOMEM ? EXIT_MEMORY : EXIT_CREATE;
}

/** The directory that path stands in; the caller's to free. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return need_text(".");
    }
    char *directory = need_text(path);
    directory[slash == path ? 1 : slash - path] = '\0';
    return directory;
}

int can_create(const char *path, bool replace)
{
    size_t length = strlen(path);
    if (length == 0) {
        return cannot_create(path, ENOENT);
    }
    struct stat seen;
    bool exists = stat(path, &seen) == 0;
    if ((exists && S_ISDIR(seen.st_mode)) || path[length - 1] == '/') {
        return cannot_create(path, EISDIR);
    }
    if (exists && (!replace || !S_ISREG(seen.st_mode))) {
        return access(path, W_OK) == 0 ? 0 : cannot_create(path, errno);
    }
    /* The new file is made beside what a link leads to. */
    char *real = exists ? realpath(path, NULL) : NULL;
    char *directory = directory_of(real != NULL ? real : path);
    int reason = 0;
    if (stat(directory, &seen) != 0) {
        reason = errno;
    } else if (!S_ISDIR(seen.st_mode)) {
        reason = ENOTDIR;
    } else if (access(directory, W_OK | X_OK) != 0) {
        reason = errno;
    }
    free(directory);
    free(real);
    return reason == 0 ? 0 : cannot_create(path, reason);
}

/** The temporary file at work, for a program that ends before it could be renamed or removed. */
static char unfinished[PATH_MAX];
static atomic_bool is_unfinished;

/** Also a signal handler's. */
static void remove_unfinished(void)
{
    if (atomic_load(&is_unfinished)) {
        unlink(unfinished);
    }
}

void output_abandon(void)
{
    remove_unfinished();
    heddle_abandon_writes();
}

static void on_end(int number)
{
    output_abandon();
    raise(number); /* now what it was before */
}

void output_guard(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct sigaction action;
        /* What our parent had us ignore (nohup) stays ignored. */
        if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
            action = (struct sigaction){.sa_handler = on_end,
                                        .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
            sigemptyset(&action.sa_mask);
            sigaction(ends[i], &action, NULL);
        }
    }
}

/**
 * Open a new file beside path; NULL, with errno, if that fails. mkstemp would tell the name only
 * when the file is there already, and a signal between the two would leave it.
 */
static char *temporary_open(const char *path, int *descriptor)
{
    enum { TRIES = 100, NAME = sizeof ".heddle-0123456789abcdef" };
    static bool registered;
    registered = registered || atexit(remove_unfinished) == 0;
    const char *slash = strrchr(path, '/');
    size_t directory = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    *descriptor = -1;
    if (directory + NAME > sizeof unfinished) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(unfinished, path, directory);
    for (int i = 0; i < TRIES && *descriptor < 0 && (i == 0 || errno == EEXIST); i++) {
        unsigned long long number = 0;
        if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) {
            number = (unsigned long long)getpid() << 32 | (unsigned)i;
        }
        snprintf(unfinished + directory, NAME, ".heddle-%016llx", number);
        atomic_store(&is_unfinished, true);
        do {
            *descriptor = open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        } while (*descriptor < 0 && errno == EINTR);
        atomic_store(&is_unfinished, *descriptor >= 0);
    }
    return *descriptor >= 0 ? unfinished : NULL;
}

static void temporary_done(struct output_file *file)
{
    atomic_store(&is_unfinished, false);
    free(file->path);
}

int output_begin(struct output_file *file, const char *path)
{
    *file = (struct output_file){.stream = stdout, .descriptor = STDOUT_FILENO};
    if (path == NULL || strcmp(path, "-") == 0) {
        return 0;
    }
    int status = can_create(path, true);
    if (status != 0) {
        return status;
    }
    struct stat seen;
    bool exists = stat(path, &seen) == 0;
    file->name = path;
    if (exists && !S_ISREG(seen.st_mode)) {
        file->stream = steady_open(path, &file->descriptor);
        return file->stream != NULL ? 0 : cannot_create(path, errno);
    }
    char *real = exists ? realpath(path, NULL) : NULL;
    file->path = real != NULL ? real : need_text(path);
    int descriptor;
    heddle_sweep_writes(file->path);
    file->temporary = temporary_open(file->path, &descriptor);
    file->descriptor = descriptor;
    file->stream = descriptor >= 0 ? steady_stream(descriptor) : NULL;
    if (file->stream == NULL) {
        status = cannot_create(path, errno);
        if (descriptor >= 0) {
            close(descriptor);
            unlink(file->temporary);
        }
        temporary_done(file);
        return status;
    }
    /* Nobody else's until now; an ordinary file is as the one before, or as the umask says. */
    mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor, exists ? seen.st_mode & 07777 : 0666 & ~mask);
    return 0;
}

/** All of it on the disk; false on failure. */
static bool flush_descriptor(int descriptor)
{
    int result;
    do {
        result = fsync(descriptor);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/** Flush the directory of path, so that its new name is kept; where that can be done. */
static void flush_directory(const char *path)
{
    char *directory = need_text(path);
    char *slash = strrchr(directory, '/');
    if (slash != NULL) {
        slash[slash == directory] = '\0';
    }
    int descriptor = open(slash != NULL ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        flush_descriptor(descriptor);
        close(descriptor);
    }
    free(directory);
}

int output_end(struct output_file *file)
{
    if (file->name == NULL) {
        return output_flush(0);
    }
    int status = 0;
    errno = 0;
    bool written = fflush(file->stream) == 0 && !ferror(file->stream) &&
                   (file->temporary == NULL || flush_descriptor(file->descriptor));
    int earlier = steady_error(file->descriptor);
    int reason = earlier != 0 ? earlier : errno;
    if (fclose(file->stream) != 0 && written) {
        written = false;
        reason = errno;
    }
    if (!written) {
        complain("cannot write '%s': %s", file->name, strerror(reason != 0 ? reason : EIO));
        status = EXIT_IO;
    } else if (file->temporary != NULL && rename(file->temporary, file->path) != 0) {
        status = cannot_create(file->name, errno);
    }
    if (file->temporary != NULL && status != 0) {
        unlink(file->temporary);
    } else if (file->temporary != NULL) {
        flush_directory(file->path);
    }
    temporary_done(file);
    return status;
}

void output_drop(struct output_file *file)
{
    if (file->name != NULL) {
        fclose(file->stream);
        if (file->temporary != NULL) {
            unlink(file->temporary);
        }
        temporary_done(file);
    }
}

int output_flush(int status)
{
    int reason = fflush(stdout) != 0 ? errno : 0;
    if (ferror(stdout)) {
        int earlier = steady_error(STDOUT_FILENO);
        reason = earlier != 0 ? earlier : reason;
    }
    if (reason == EPIPE && status == 0) {
        status = 128 + SIGPIPE; /* `| head`: who read has seen enough, which is nobody's mistake */
    } else if ((reason != 0 || ferror(stdout)) && status == 0) {
        complain("cannot write standard output%s%s", reason != 0 ? ": " : "",
                 reason != 0 ? strerror(reason) : "");
        status = EXIT_IO;
    }
    clearerr(stdout); /* said once */
    return status;
}
