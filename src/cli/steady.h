/** steady: streams that go on after an interrupted call, where stdio would lose bytes. */
#ifndef CLI_STEADY_H
#define CLI_STEADY_H

#include <stdio.h>

/**
 * As fdopen(descriptor, "w"), and fopen(path, "w"), whose descriptor is told unless that is NULL:
 * fileno() does not know it. And fopen(path, "r"). NULL: errno says why.
 */
FILE *steady_stream(int descriptor);
FILE *steady_open(const char *path, int *descriptor);
FILE *steady_read(const char *path);

/** The file at `path` cut to its first `length` bytes, to be written on. */
FILE *steady_go_on(const char *path, size_t length);

/** Why the first write that failed of the stream of that descriptor did: its errno, or 0. */
int steady_error(int descriptor);

/** Make stdout one, before anything is printed. */
void steady_stdout(void);

#endif
