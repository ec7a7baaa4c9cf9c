/**
 * temporary: files that have no name of their own yet. One that nobody has written to for an hour is
 * what a killed process or a power failure has left.
 */
#ifndef BASE_TEMPORARY_H
#define BASE_TEMPORARY_H

#include <sys/types.h>

/** openat() with O_CLOEXEC, again if a signal came first. */
int open_again(int directory, const char *path, int flags, mode_t mode);

enum { TEMPORARY_SIZE = sizeof ".heddle-0123456789abcdef" };

/**
 * Make a new file in a directory, under a name nobody can have planted a link at.
 * Returns its descriptor, or -1 with errno.
 */
int temporary_open(int directory, char name[TEMPORARY_SIZE]);

/**
 * The same for a second name of the file `base`: returns 0 or an errno. It is as old as that file:
 * another process may take it for left behind, and remove it.
 */
int temporary_link(int directory, const char *base, char name[TEMPORARY_SIZE]);

/** It has a name of its own now. */
void temporary_forget(int directory, const char name[TEMPORARY_SIZE]);

void temporary_remove(int directory, const char name[TEMPORARY_SIZE]);

/**
 * Remove what others have left in a directory: temporary files an hour old, as far as this user may.
 * Does nothing if this process has swept it within the hour, for directories may be long.
 */
void temporary_sweep(int directory);

#endif
