/** categories: see categories.h. */
#include <string.h>

#include "base/memory.h"
#include "data/categories.h"
#include "data/cell.h"

void categories_done(struct categories *set)
{
    distinct_words_done(&set->words);
    distinct_numbers_done(&set->numbers);
    memory_free(set->first);
}

bool categories_know(struct categories *set, char *const *category, size_t count)
{
    bool fits = (set->first = memory_new(count, sizeof *set->first)) != NULL;
    for (size_t k = 0; k < count && fits; k++) {
        const char *word = category[k];
        const size_t n = strlen(word);
        uint32_t code;
        double x;
        fits = distinct_words_add(&set->words, word, n, &code);
        if (!fits || cell_classify(word, n, false, &x) != CELL_NUMBER)
            continue;
        const size_t before = set->numbers.count;
        fits = distinct_numbers_add(&set->numbers, x, &code);
        if (fits && set->numbers.count > before)
            set->first[code] = (uint32_t)k;
    }
    set->known = set->numbers.count;
    return fits;
}

bool categories_find(struct categories *set, const char *word, uint32_t *category)
{
    const size_t n = strlen(word);
    uint32_t code;
    double x;
    *category = NO_CATEGORY;
    if (distinct_words_find(&set->words, word, n, category) ||
        cell_classify(word, n, false, &x) != CELL_NUMBER)
        return true;
    if (!distinct_numbers_add(&set->numbers, x, &code))
        return false;
    *category = code < set->known ? set->first[code] : NO_CATEGORY;
    return true;
}
