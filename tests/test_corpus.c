/** Every file that a fuzzer began with or stumbled over is read again: tests/data/fuzz. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz_readers.h"
#include "support.h"

Test(corpus, what_the_fuzzers_know_is_read_or_refused)
{
    const size_t most = (size_t)1 << 20;
    char *content = malloc(most);
    for (const struct fuzz_reader *reader = fuzz_readers; reader->name; reader++) {
        char folder[512], path[1024];
        size_t files = 0;
        snprintf(folder, sizeof folder, "fuzz/%s", reader->name);
        snprintf(folder, sizeof folder, "%s", data_path(folder));
        DIR *directory = opendir(folder);
        cr_assert(directory, "%s", folder);
        for (struct dirent *entry; (entry = readdir(directory));) {
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            size_t n = get_file(path, content, most);
            cr_assert(n != (size_t)-1, "%s", path);
            reader->try((const uint8_t *)content, n);
            /* and cut short, and with something behind it */
            for (size_t k = 0; k < n; k += n / 64 + 1)
                reader->try((const uint8_t *)content, k);
            files++;
        }
        closedir(directory);
        cr_assert(files > 0, "%s", folder);
    }
    free(content);
}
