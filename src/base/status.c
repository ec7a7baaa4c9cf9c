/** status: see base/status.h. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

const char *heddle_version(void)
{
    return HEDDLE_VERSION;
}

const char *heddle_status_name(heddle_status status)
{
    switch (status) {
    case HEDDLE_OK:
        return "HEDDLE_OK";
    case HEDDLE_E_ARGUMENT:
        return "HEDDLE_E_ARGUMENT";
    case HEDDLE_E_DATA:
        return "HEDDLE_E_DATA";
    case HEDDLE_E_OPEN:
        return "HEDDLE_E_OPEN";
    case HEDDLE_E_CREATE:
        return "HEDDLE_E_CREATE";
    case HEDDLE_E_IO:
        return "HEDDLE_E_IO";
    case HEDDLE_E_MEMORY:
        return "HEDDLE_E_MEMORY";
    case HEDDLE_E_THREADS:
        return "HEDDLE_E_THREADS";
    case HEDDLE_E_DIVERGED:
        return "HEDDLE_E_DIVERGED";
    case HEDDLE_E_RESUME:
        return "HEDDLE_E_RESUME";
    case HEDDLE_E_STOPPED:
        return "HEDDLE_E_STOPPED";
    case HEDDLE_E_UNSUPPORTED:
        return "HEDDLE_E_UNSUPPORTED";
    case HEDDLE_E_INTERNAL:
        return "HEDDLE_E_INTERNAL";
    }
    return "unknown";
}

/* Messages quote what a file says, and a file may say anything: control characters would move the
 * cursor of the terminal the message ends up on. A cut inside a UTF-8 character takes
 * all of it. */
static void make_printable(char *text, bool was_cut)
{
    size_t n = 0;
    for (; text[n] != '\0'; n++) {
        if ((unsigned char)text[n] < 0x20 || text[n] == 0x7f) {
            text[n] = '?';
        }
    }
    if (was_cut) {
        size_t lead = n;
        while (lead > 0 && ((unsigned char)text[lead - 1] & 0xc0) == 0x80) {
            lead--;
        }
        unsigned char c = lead > 0 ? (unsigned char)text[lead - 1] : 0;
        size_t whole = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        if (n - lead + 1 < whole) {
            text[lead - 1] = '\0';
        }
    }
}

heddle_status status_set(heddle_error *err, heddle_status status, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
    if (length < 0) {
        err->text[0] = '\0';
    }
    make_printable(err->text, length >= (int)sizeof(err->text));
    err->status = status;
    return status;
}

heddle_status status_memory(heddle_error *err, const char *what, size_t bytes)
{
    if (bytes == 0) {
        return status_set(err, HEDDLE_E_MEMORY, "out of memory for %s", what);
    }
    size_t mebibytes = bytes >> 20;
    if (mebibytes < 10) {
        return status_set(err, HEDDLE_E_MEMORY, "out of memory: no %zu bytes for %s", bytes, what);
    }
    return status_set(err, HEDDLE_E_MEMORY, "out of memory: no %zu MiB for %s", mebibytes, what);
}
