/**
 * fuzz_readers: what the fuzzers do with the bytes they make up, one entry a reader: read them and
 * use what came of it. `make fuzz` gives them to libFuzzer (fuzz_main.c), tests/test_corpus.c those
 * kept in tests/data/fuzz/NAME.
 */
#ifndef TESTS_FUZZ_READERS_H
#define TESTS_FUZZ_READERS_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_reader {
    const char *name; /* of the folder of seeds */
    void (*try)(const uint8_t *data, size_t size);
};

/** All of them; the last has no name. */
extern const struct fuzz_reader fuzz_readers[];

#endif
