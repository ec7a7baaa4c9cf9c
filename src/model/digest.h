/**
 * digest: a model file carries the sha256 of itself, so that no changed byte goes unnoticed. It is
 * the value of "digest" in __metadata__, taken over the file's bytes with 64 zeros in its place.
 */
#ifndef MODEL_DIGEST_H
#define MODEL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/file.h"

enum { DIGEST_SIZE = 64 };

/** The digest before it is known. */
#define DIGEST_ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/** Where in the header, size bytes of canonical JSON, the digest's 64 characters are; or NULL. */
const char *digest_find(const char *header, size_t size);

/** sha256 over pieces of a file. */
void digest_pieces(const struct file_piece *piece, size_t pieces, char hex[DIGEST_SIZE + 1]);

/** Is the digest at `place`, within the size bytes of a file, that of the file? */
bool digest_holds(const void *bytes, size_t size, const char *place);

#endif
