/**
 * steady: see steady.h. What stdio cannot write because of EINTR is gone from its buffer, so there
 * is no trying again from outside; a stream of our own function can. Only glibc has those, and lets
 * stdout be replaced; elsewhere streams are as they always are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "steady.h"

#if defined(__GLIBC__)

/** Which stream failed last, and the error of its first write that did: stdio forgets it. */
static struct {
    int descriptor;
    int error;
} failed = {-1, 0};

static ssize_t write_all(void *cookie, const char *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        ssize_t n = write((int)(intptr_t)cookie, bytes + done, count - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            if (failed.descriptor != (int)(intptr_t)cookie) {
                failed.descriptor = (int)(intptr_t)cookie;
                failed.error = n == 0 ? EIO : errno;
            }
            return 0; /* which is an error to stdio; errno is kept */
        }
    }
    return (ssize_t)done;
}

static ssize_t read_some(void *cookie, char *bytes, size_t count)
{
    ssize_t n;
    do {
        n = read((int)(intptr_t)cookie, bytes, count);
    } while (n < 0 && errno == EINTR);
    return n;
}

static int close_once(void *cookie)
{
    /* Linux has closed it even when it says EINTR. */
    return close((int)(intptr_t)cookie) == 0 || errno == EINTR ? 0 : -1;
}

int steady_error(int descriptor)
{
    return failed.descriptor == descriptor ? failed.error : 0;
}

static FILE *stream_of(int descriptor, const char *mode)
{
    if (failed.descriptor == descriptor) {
        failed.descriptor = -1; /* that was another one */
    }
    cookie_io_functions_t functions = {read_some, write_all, NULL, close_once};
    return fopencookie((void *)(intptr_t)descriptor, mode, functions);
}

void steady_stdout(void)
{
    FILE *stream = stream_of(STDOUT_FILENO, "w");
    if (stream != NULL) {
        setvbuf(stream, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
        stdout = stream;
    }
}

#else

int steady_error(int descriptor)
{
    (void)descriptor;
    return 0;
}

static FILE *stream_of(int descriptor, const char *mode)
{
    return fdopen(descriptor, mode);
}

void steady_stdout(void)
{
}

#endif

FILE *steady_stream(int descriptor)
{
    return stream_of(descriptor, "w");
}

static FILE *open_stream(const char *path, int flags, const char *mode, int *descriptor)
{
    do {
        *descriptor = open(path, flags | O_CLOEXEC, 0666);
    } while (*descriptor < 0 && errno == EINTR);
    FILE *stream = *descriptor >= 0 ? stream_of(*descriptor, mode) : NULL;
    if (stream == NULL && *descriptor >= 0) {
        int reason = errno;
        close(*descriptor);
        errno = reason;
    }
    return stream;
}

FILE *steady_open(const char *path, int *descriptor)
{
    int unused;
    return open_stream(path, O_WRONLY | O_CREAT | O_TRUNC, "w",
                       descriptor != NULL ? descriptor : &unused);
}

FILE *steady_go_on(const char *path, size_t length)
{
    int descriptor;
    int cut = 0;
    FILE *stream = open_stream(path, O_WRONLY | O_APPEND, "a", &descriptor);
    if (stream != NULL) {
        do {
            cut = ftruncate(descriptor, (off_t)length);
        } while (cut != 0 && errno == EINTR);
    }
    if (cut != 0) {
        int reason = errno;
        fclose(stream);
        errno = reason;
        return NULL;
    }
    return stream;
}

FILE *steady_read(const char *path)
{
    int unused;
    return open_stream(path, O_RDONLY, "r", &unused);
}
