/** libFuzzer's entry: FUZZ_READER, set in the environment, says which of fuzz_readers.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_reader *reader;
    if (!reader) {
        const char *name = getenv("FUZZ_READER");
        for (reader = fuzz_readers; reader->name && (!name || strcmp(reader->name, name) != 0);)
            reader++;
        if (!reader->name) {
            fputs("FUZZ_READER names no reader\n", stderr);
            exit(2);
        }
    }
    reader->try(data, size);
    return 0;
}
