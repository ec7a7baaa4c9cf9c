/**
 * split: the classes hand in their rows one after the other, the rounding error of one carried to
 * the next, so that the total is as wanted whatever the classes' sizes.
 */
#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "data/split.h"
#include "data/table.h"

/* quota[k] = rows of class k to be held out, from of[k] = its rows. */
static void share_out(double fraction, const size_t *of, size_t classes, size_t *quota)
{
    size_t seen = 0, wanted = 0, held = 0;
    for (size_t k = 0; k < classes; k++) {
        seen += of[k];
        size_t wanted_now = (size_t)(fraction * (double)seen + 0.5);
        quota[k] = wanted_now - wanted;
        wanted = wanted_now;
        if (quota[k] >= of[k])
            quota[k] = of[k] ? of[k] - 1 : 0;
        held += quota[k];
    }
    for (size_t k = 0; k < classes && held == 0 && fraction > 0.0; k++)
        if (of[k] > 1)
            quota[k] = held = 1;
}

heddle_status split_rows(uint64_t seed, double fraction, const uint32_t *codes, size_t rows,
                         uint32_t *train, size_t *n_train, uint32_t *held, size_t *n_held,
                         heddle_error *err)
{
    if (!(fraction >= 0.0 && fraction < 1.0))
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "a share of rows to hold out is at least 0 and less than 1");
    if (rows >= UINT32_MAX)
        return status_set(err, HEDDLE_E_ARGUMENT, "too many rows to split");
    size_t classes = 1;
    for (size_t i = 0; codes && i < rows; i++)
        if (codes[i] != TABLE_MISSING && codes[i] >= classes)
            classes = (size_t)codes[i] + 1;
    uint32_t *order = memory_new(rows, sizeof *order);
    size_t *of = memory_new(classes, sizeof *of), *quota = memory_new(classes, sizeof *quota);
    char *out = memory_new(rows, 1);
    if (!order || !of || !quota || !out) {
        memory_free(order);
        memory_free(of);
        memory_free(quota);
        memory_free(out);
        return status_memory(err, "a split", rows * sizeof *order);
    }
    for (size_t i = 0; i < rows; i++)
        if (!codes || codes[i] != TABLE_MISSING)
            of[codes ? codes[i] : 0]++;
    share_out(fraction, of, classes, quota);
    random_permutation(seed, RANDOM_SPLIT, 0, order, rows);
    for (size_t i = 0; i < rows; i++) {
        uint32_t row = order[i];
        if (codes && codes[row] == TABLE_MISSING)
            continue;
        size_t k = codes ? codes[row] : 0;
        if (quota[k] > 0) {
            quota[k]--;
            out[row] = 1;
        }
    }
    size_t trained = 0, kept = 0;
    for (size_t i = 0; i < rows; i++) {
        if (out[i])
            held[kept++] = (uint32_t)i;
        else
            train[trained++] = (uint32_t)i;
    }
    *n_train = trained;
    *n_held = kept;
    memory_free(order);
    memory_free(of);
    memory_free(quota);
    memory_free(out);
    return HEDDLE_OK;
}

/** Every class, first[k] being a row of it, has at least as many rows as there are folds. */
static heddle_status check_folds(size_t folds, const size_t *of, const size_t *first,
                                 size_t classes, heddle_error *err)
{
    size_t total = 0;
    for (size_t k = 0; k < classes; k++) {
        total += of[k];
    }
    if (total < folds) {
        return status_set(err, HEDDLE_E_ARGUMENT,
                          "--cv %zu needs as many rows: there %s %zu; use a smaller --cv", folds,
                          total == 1 ? "is" : "are", total);
    }
    for (size_t k = 0; k < classes; k++) {
        if (of[k] > 0 && of[k] < folds) {
            return status_set(err, HEDDLE_E_ARGUMENT,
                              "--cv %zu: the class of row %zu has only %zu row%s, fewer than there "
                              "are folds; use a smaller --cv, or leave the class out",
                              folds, first[k] + 1, of[k], of[k] == 1 ? "" : "s");
        }
    }
    return HEDDLE_OK;
}

heddle_status split_fold(uint64_t seed, size_t folds, size_t fold, const uint32_t *codes,
                         size_t rows, uint32_t *train, size_t *n_train, uint32_t *held,
                         size_t *n_held, heddle_error *err)
{
    size_t classes = 1;
    if (folds < 2 || fold >= folds) {
        return status_set(err, HEDDLE_E_ARGUMENT, "--cv %zu: there are at least 2 folds", folds);
    }
    if (rows >= UINT32_MAX) {
        return status_set(err, HEDDLE_E_ARGUMENT, "too many rows to split");
    }
    for (size_t i = 0; codes && i < rows; i++) {
        if (codes[i] != TABLE_MISSING && codes[i] >= classes) {
            classes = (size_t)codes[i] + 1;
        }
    }
    uint32_t *order = memory_new(rows, sizeof *order);
    size_t *of = memory_new(classes, sizeof *of);
    size_t *first = memory_new(classes, sizeof *first);
    char *out = memory_new(rows, 1);
    heddle_status status = HEDDLE_OK;
    if (!order || !of || !first || !out) {
        status = status_memory(err, "a split", rows * sizeof *order);
    }
    for (size_t i = 0; !status && i < rows; i++) {
        if (!codes || codes[i] != TABLE_MISSING) {
            size_t k = codes ? codes[i] : 0;
            first[k] = of[k]++ ? first[k] : i;
        }
    }
    if (!status) {
        status = check_folds(folds, of, first, classes, err);
    }
    if (!status) {
        /* of[k] becomes the number of the class's next row */
        for (size_t k = 0, before = 0; k < classes; k++) {
            size_t here = of[k];
            of[k] = before;
            before += here;
        }
        random_permutation(seed, RANDOM_SPLIT, 1, order, rows);
        for (size_t i = 0; i < rows; i++) {
            uint32_t row = order[i];
            if (!codes || codes[row] != TABLE_MISSING) {
                out[row] = of[codes ? codes[row] : 0]++ % folds == fold;
            }
        }
        size_t trained = 0, kept = 0;
        for (size_t i = 0; i < rows; i++) {
            if (out[i]) {
                held[kept++] = (uint32_t)i;
            } else {
                train[trained++] = (uint32_t)i;
            }
        }
        *n_train = trained;
        *n_held = kept;
    }
    memory_free(order);
    memory_free(of);
    memory_free(first);
    memory_free(out);
    return status;
}
