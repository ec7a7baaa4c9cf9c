/**
 * distinct: sets of words and of numbers in order of first appearance: a text column's words, the
 * classes among a target's values, column names that must not repeat.
 */
#ifndef DATA_DISTINCT_H
#define DATA_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A set of words. Start it as {0}; release it with distinct_words_done(). */
struct distinct_words {
    size_t count;
    char *letters; /* the words one behind the other, each with a final 0 */
    size_t used, room;
    size_t *start; /* (count) where in letters each begins */
    uint32_t *hash;
    size_t words_room;
    uint32_t *slot; /* (slots) open addressing: index + 1, or 0; slots is a power of two */
    size_t slots;
};

/** Add text[0 … n), which holds no 0, if it is new; *code = its index. False: no memory. */
bool distinct_words_add(struct distinct_words *set, const char *text, size_t n, uint32_t *code);

/** *code = index of text[0 … n); false if it is not in the set. */
bool distinct_words_find(const struct distinct_words *set, const char *text, size_t n,
                         uint32_t *code);

/** Word i. */
const char *distinct_words_get(const struct distinct_words *set, size_t i);

/**
 * Hand the words over: word[0 … count) point into *letters; both are the caller's to release with
 * memory_free(). The set is empty afterwards. False: no memory, and nothing happened.
 */
bool distinct_words_take(struct distinct_words *set, char ***word, char **letters);

void distinct_words_done(struct distinct_words *set);

/** A set of numbers (no NaN; 0 and -0 are one). Start it as {0}. */
struct distinct_numbers {
    size_t count;
    double *value; /* (count) */
    size_t room;
    uint32_t *slot;
    size_t slots;
};

/** Add a number if it is new; *index = where it is. False: no memory. */
bool distinct_numbers_add(struct distinct_numbers *set, double value, uint32_t *index);

void distinct_numbers_done(struct distinct_numbers *set);

#endif
