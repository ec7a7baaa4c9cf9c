/** support: see tests/support.h. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATHS = 8, PATH_SIZE = 1024 };

static const char *join(const char *variable, const char *fallback, const char *name)
{
    static char paths[PATHS][PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % PATHS];
    const char *directory = getenv(variable);
    snprintf(path, PATH_SIZE, "%.700s/%.300s", directory != NULL ? directory : fallback, name);
    return path;
}

const char *scratch_path(const char *name)
{
    static char own[32]; /* children of this process have it, too */
    const char *directory = getenv("HEDDLE_SCRATCH");
    char in_own[384];
    if (own[0] == '\0') {
        snprintf(own, sizeof own, "test-%ld", (long)getpid());
    }
    mkdir(directory != NULL ? directory : "build/tests/scratch", 0777);
    mkdir(join("HEDDLE_SCRATCH", "build/tests/scratch", own), 0777);
    snprintf(in_own, sizeof in_own, "%s/%.250s", own, name);
    return join("HEDDLE_SCRATCH", "build/tests/scratch", in_own);
}

const char *data_path(const char *name)
{
    char in_data[256];
    snprintf(in_data, sizeof(in_data), "data/%.240s", name);
    return join("HEDDLE_TESTS", "tests", in_data);
}

void put_file(const char *path, const void *data, size_t n)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL, "cannot make '%s'", path);
    cr_assert(fwrite(data, 1, n, file) == n);
    cr_assert(fclose(file) == 0);
}

size_t get_file(const char *path, char *buffer, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return (size_t)-1;
    }
    size_t n = fread(buffer, 1, size - 1, file);
    buffer[n] = '\0';
    fclose(file);
    return n;
}

uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
