/** support: see tests/support.h. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATHS = 4, PATH_SIZE = 1024 };

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
    const char *directory = getenv("HEDDLE_SCRATCH");
    mkdir(directory != NULL ? directory : "build/tests/scratch", 0777);
    return join("HEDDLE_SCRATCH", "build/tests/scratch", name);
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
