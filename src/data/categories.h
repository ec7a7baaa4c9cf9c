/** categories: those of a column of words, found by word and by the number that a word is. */
#ifndef DATA_CATEGORIES_H
#define DATA_CATEGORIES_H

#include "data/distinct.h"

static const uint32_t NO_CATEGORY = UINT32_MAX;

/** Start it as {.known = 0}; release it with categories_done(). */
struct categories {
    struct distinct_words words;
    struct distinct_numbers numbers;
    uint32_t *first; /* the first category that is number k */
    size_t known;    /* numbers among the categories; more were only asked for */
};

/** Take categories 0 … count-1. False: no memory. */
bool categories_know(struct categories *set, char *const *category, size_t count);

/**
 * Which category a word is; where none is written like it, that of the same number: 1 is 1.0. Else
 * NO_CATEGORY. False: no memory.
 */
bool categories_find(struct categories *set, const char *word, uint32_t *category);

void categories_done(struct categories *set);

#endif
