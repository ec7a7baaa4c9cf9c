/**
 * temporary: files that have no name of their own yet. While a process writes one it holds a lock on
 * it (flock), which ends with the process, whatever ends that: so a temporary file without a lock is
 * what a killed process or a power failure has left.
 */
#ifndef BASE_TEMPORARY_H
#define BASE_TEMPORARY_H

enum { TEMPORARY_SIZE = sizeof ".heddle-0123456789abcdef" };

/**
 * Make a new file in a directory, under a name nobody can have planted a link at, and lock it.
 * Returns its descriptor, or -1 with errno.
 */
int temporary_open(int directory, char name[TEMPORARY_SIZE]);

/**
 * The same for a second name of the file `base`: returns 0 or an errno. It is not locked: another
 * process may take it for left behind, and remove it.
 */
int temporary_link(int directory, const char *base, char name[TEMPORARY_SIZE]);

/** It has a name of its own now. */
void temporary_forget(int directory, const char name[TEMPORARY_SIZE]);

void temporary_remove(int directory, const char name[TEMPORARY_SIZE]);

/**
 * Remove what others have left in a directory: temporary files of this user that no process holds.
 * There are file systems over networks where a lock is only seen on its own machine; so what other
 * machines began must be a minute old. Where files cannot be locked, or the directory cannot be
 * listed, nothing is removed.
 */
void temporary_sweep(int directory);

#endif
