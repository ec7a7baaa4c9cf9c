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

static ssize_t write_all(void *cookie, const char *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        ssize_t n = write((int)(intptr_t)cookie, bytes + done, count - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            return 0; /* which is an error to stdio; errno is kept */
        }
    }
    return (ssize_t)done;
}

static int close_once(void *cookie)
{
    /* Linux has closed it even when it says EINTR. */
    return close((int)(intptr_t)cookie) == 0 || errno == EINTR ? 0 : -1;
}

FILE *steady_stream(int descriptor)
{
    cookie_io_functions_t functions = {.write = write_all, .close = close_once};
    return fopencookie((void *)(intptr_t)descriptor, "w", functions);
}

void steady_stdout(void)
{
    FILE *stream = steady_stream(STDOUT_FILENO);
    if (stream != NULL) {
        setvbuf(stream, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
        stdout = stream;
    }
}

#else

FILE *steady_stream(int descriptor)
{
    return fdopen(descriptor, "w");
}

void steady_stdout(void)
{
}

#endif

FILE *steady_open(const char *path, int *descriptor)
{
    int opened;
    do {
        opened = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    } while (opened < 0 && errno == EINTR);
    FILE *stream = opened >= 0 ? steady_stream(opened) : NULL;
    if (stream == NULL && opened >= 0) {
        int reason = errno;
        close(opened);
        errno = reason;
    }
    if (descriptor != NULL) {
        *descriptor = opened;
    }
    return stream;
}
