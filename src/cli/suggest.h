/** suggest: what was meant by a word that is not known. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

/**
 * Which of names[0 … n) was most likely meant by `word`: what other programs call it ("lr" is
 * "rate"), or the nearest in spelling; NULL if none is near.
 */
const char *suggest(const char *word, const char *const *names, size_t n);

#endif
