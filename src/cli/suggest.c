/** suggest: see suggest.h. */
#include <string.h>

#include "suggest.h"

/** Edit distance in which a swap of neighbours counts once; words are cut to 31 characters. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 32 };
    size_t d[MOST][MOST];
    size_t m = strnlen(a, MOST - 1);
    size_t n = strnlen(b, MOST - 1);
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best) {
                best = d[i - 2][j - 2] + 1;
            }
            d[i][j] = best;
        }
    }
    return d[m][n];
}

/** What other programs call our commands and options. */
static const char *const synonyms[][2] = {
    {"alpha", "l2"},
    {"apply", "predict"},
    {"batch-size", "batch"},
    {"class-weight", "class-weights"},
    {"criterion", "loss"},
    {"decay", "weight-decay"},
    {"device", "threads"},
    {"early-stopping", "patience"},
    {"early-stopping-round", "patience"},
    {"eta", "rate"},
    {"fit", "train"},
    {"hidden-layer-sizes", "hidden"},
    {"inspect", "info"},
    {"iterations", "steps"},
    {"lambda-l1", "l1"},
    {"lambda-l2", "l2"},
    {"layers", "hidden"},
    {"learn", "train"},
    {"learning-rate", "rate"},
    {"learning-rate-init", "rate"},
    {"lr", "rate"},
    {"max-epochs", "epochs"},
    {"max-iter", "epochs"},
    {"maxit", "epochs"},
    {"metric", "loss"},
    {"model", "output"},
    {"n-iter-no-change", "patience"},
    {"normalize", "scale"},
    {"num-iterations", "epochs"},
    {"num-threads", "threads"},
    {"objective", "loss"},
    {"out", "output"},
    {"random-state", "seed"},
    {"score", "evaluate"},
    {"show", "info"},
    {"size", "hidden"},
    {"solver", "optimizer"},
    {"test", "evaluate"},
    {"tol", "min-error"},
    {"valid", "validation"},
    {"validation-fraction", "validation"},
    {"verbose", "progress"},
    {"wd", "weight-decay"},
    {"weight-column", "weights"},
};

const char *suggest(const char *word, const char *const *names, size_t n)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        for (size_t k = 0; k < n; k++) {
            if (strcmp(word, synonyms[i][0]) == 0 && strcmp(names[k], synonyms[i][1]) == 0) {
                return names[k];
            }
        }
    }
    size_t length = strlen(word);
    const char *best = NULL;
    size_t least = length / 3 + 2; /* more edits than that, and it is another word */
    for (size_t i = 0; i < n; i++) {
        size_t edits = length >= 3 && strncmp(names[i], word, length) == 0
                           ? 1 /* a beginning of it is as good as one slip */
                           : distance(word, names[i]);
        if (edits < least && edits < strlen(names[i])) {
            best = names[i];
            least = edits;
        }
    }
    return best;
}
