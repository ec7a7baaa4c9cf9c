/** digest: see model/digest.h. */
#include "model/digest.h"

#include <string.h>

#include "base/sha256.h"

/* Inside a JSON string a quote has a backslash before it, so this is a key with its colon. */
static const char key[] = "\"digest\":\"";

const char *digest_find(const char *header, size_t size)
{
    enum { KEY = sizeof key - 1 };
    const char *found = memmem(header, size, key, KEY);
    if (!found || (size_t)(header + size - found) < KEY + DIGEST_SIZE + 1 ||
        found[KEY + DIGEST_SIZE] != '"') {
        return NULL;
    }
    return found + KEY;
}

void digest_pieces(const struct file_piece *piece, size_t pieces, char hex[DIGEST_SIZE + 1])
{
    struct sha256 s;
    sha256_begin(&s);
    for (size_t i = 0; i < pieces; i++) {
        sha256_add(&s, piece[i].data, piece[i].size);
    }
    sha256_end(&s, hex);
}

bool digest_holds(const void *bytes, size_t size, const char *place)
{
    const char *begin = bytes;
    const char *rest = place + DIGEST_SIZE;
    const struct file_piece piece[] = {
        {begin, (size_t)(place - begin)},
        {DIGEST_ZEROS, DIGEST_SIZE},
        {rest, (size_t)(begin + size - rest)},
    };
    char hex[DIGEST_SIZE + 1];
    digest_pieces(piece, 3, hex);
    return memcmp(hex, place, DIGEST_SIZE) == 0;
}
