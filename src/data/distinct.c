/** distinct: hash tables with open addressing and linear probing, at most half full. */
#include <string.h>

#include "base/memory.h"
#include "data/distinct.h"

enum { FIRST_SLOTS = 32 };

/* FNV-1a, folded to 32 bits. Source: G. Fowler, L. Noll, K.-P. Vo, "The FNV non-cryptographic hash
 * algorithm", IETF draft. */
static uint32_t hash_bytes(const void *data, size_t n)
{
    const unsigned char *byte = data;
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ byte[i]) * 1099511628211u;
    return (uint32_t)(h ^ (h >> 32));
}

static uint32_t hash_number(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits *= 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio: integers differ in their high bits only */
    return (uint32_t)(bits >> 32);
}

/* Room in *block for one object more than count; *room grows by half. */
static bool grow(void **block, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return true;
    size_t wanted;
    if (!size_add(needed, needed / 2, &wanted))
        return false;
    if (wanted < 16)
        wanted = 16;
    void *grown = memory_resize(*block, wanted, size);
    if (!grown)
        return false;
    *block = grown;
    *room = wanted;
    return true;
}

static bool words_rehash(struct distinct_words *set)
{
    size_t slots = set->slots ? set->slots * 2 : FIRST_SLOTS;
    uint32_t *slot = memory_new(slots, sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < set->count; i++) {
        size_t s = set->hash[i] & (slots - 1);
        while (slot[s])
            s = (s + 1) & (slots - 1);
        slot[s] = (uint32_t)i + 1;
    }
    memory_free(set->slot);
    set->slot = slot;
    set->slots = slots;
    return true;
}

/* The slot that holds the word, or the free one where it belongs. */
static size_t words_probe(const struct distinct_words *set, const char *text, size_t n, uint32_t h)
{
    size_t s = h & (set->slots - 1);
    for (; set->slot[s]; s = (s + 1) & (set->slots - 1)) {
        size_t i = set->slot[s] - 1;
        const char *word = set->letters + set->start[i];
        /* a word in the set ends with its 0, so strncmp cannot run past either end */
        if (set->hash[i] == h && strncmp(word, text, n) == 0 && word[n] == '\0')
            break;
    }
    return s;
}

bool distinct_words_add(struct distinct_words *set, const char *text, size_t n, uint32_t *code)
{
    if (set->count >= set->slots / 2 && !words_rehash(set))
        return false;
    uint32_t h = hash_bytes(text, n);
    size_t s = words_probe(set, text, n, h);
    if (set->slot[s]) {
        *code = set->slot[s] - 1;
        return true;
    }
    size_t letters_needed;
    if (set->count >= UINT32_MAX - 1 || !size_add(set->used, n, &letters_needed) ||
        !size_add(letters_needed, 1, &letters_needed))
        return false;
    void *letters = set->letters;
    if (!grow(&letters, &set->room, letters_needed, 1))
        return false;
    set->letters = letters;
    if (set->count == set->words_room) {
        size_t start_room = set->words_room, hash_room = set->words_room;
        void *start = set->start, *hash = set->hash;
        if (!grow(&start, &start_room, set->count + 1, sizeof *set->start))
            return false;
        set->start = start;
        if (!grow(&hash, &hash_room, set->count + 1, sizeof *set->hash))
            return false;
        set->hash = hash;
        set->words_room = start_room;
    }
    memcpy(set->letters + set->used, text, n);
    set->letters[set->used + n] = '\0';
    set->start[set->count] = set->used;
    set->hash[set->count] = h;
    set->used = letters_needed;
    *code = (uint32_t)set->count;
    set->slot[s] = (uint32_t)++set->count;
    return true;
}

bool distinct_words_find(const struct distinct_words *set, const char *text, size_t n,
                         uint32_t *code)
{
    if (!set->slots)
        return false;
    size_t s = words_probe(set, text, n, hash_bytes(text, n));
    if (!set->slot[s])
        return false;
    *code = set->slot[s] - 1;
    return true;
}

const char *distinct_words_get(const struct distinct_words *set, size_t i)
{
    return set->letters + set->start[i];
}

bool distinct_words_take(struct distinct_words *set, char ***word, char **letters)
{
    char **list = memory_new(set->count, sizeof *list);
    if (!list)
        return false;
    char *shrunk = set->used ? memory_resize(set->letters, set->used, 1) : NULL;
    if (shrunk)
        set->letters = shrunk;
    for (size_t i = 0; i < set->count; i++)
        list[i] = set->letters + set->start[i];
    *word = list;
    *letters = set->letters;
    set->letters = NULL;
    distinct_words_done(set);
    return true;
}

void distinct_words_done(struct distinct_words *set)
{
    memory_free(set->letters);
    memory_free(set->start);
    memory_free(set->hash);
    memory_free(set->slot);
    *set = (struct distinct_words){0};
}

static size_t numbers_probe(const struct distinct_numbers *set, double value)
{
    size_t s = hash_number(value) & (set->slots - 1);
    while (set->slot[s] && set->value[set->slot[s] - 1] != value)
        s = (s + 1) & (set->slots - 1);
    return s;
}

static bool numbers_rehash(struct distinct_numbers *set)
{
    size_t slots = set->slots ? set->slots * 2 : FIRST_SLOTS;
    uint32_t *slot = memory_new(slots, sizeof *slot);
    if (!slot)
        return false;
    memory_free(set->slot);
    set->slot = slot;
    set->slots = slots;
    for (size_t i = 0; i < set->count; i++)
        slot[numbers_probe(set, set->value[i])] = (uint32_t)i + 1;
    return true;
}

bool distinct_numbers_add(struct distinct_numbers *set, double value, uint32_t *index)
{
    value += 0.0; /* -0 becomes 0 */
    if (set->count >= set->slots / 2 && !numbers_rehash(set))
        return false;
    size_t s = numbers_probe(set, value);
    if (set->slot[s]) {
        *index = set->slot[s] - 1;
        return true;
    }
    void *values = set->value;
    if (set->count >= UINT32_MAX - 1 ||
        !grow(&values, &set->room, set->count + 1, sizeof *set->value))
        return false;
    set->value = values;
    set->value[set->count] = value;
    *index = (uint32_t)set->count;
    set->slot[s] = (uint32_t)++set->count;
    return true;
}

void distinct_numbers_done(struct distinct_numbers *set)
{
    memory_free(set->value);
    memory_free(set->slot);
    *set = (struct distinct_numbers){0};
}
