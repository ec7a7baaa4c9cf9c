/** quota: the processor time that Linux control groups (containers) leave us. */
#ifndef MACHINE_QUOTA_H
#define MACHINE_QUOTA_H

/**
 * The smallest CPU quota of our control group and those around it, in processors (1.5: 150 ms in
 * every 100 ms); 0 if there is none. Versions 1 and 2, also both at once.
 *
 * root  put before every path, for tests with made-up files; "" for the real ones
 */
double quota_read(const char *root);

#endif
