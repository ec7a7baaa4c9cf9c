/** split: which rows are held out of training. */
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "heddle.h"

/**
 * Hold out a fraction (0 … 1) of rows 0 … rows-1, chosen by seed alone.
 *
 * codes  (rows) class of each row, TABLE_MISSING for none: each class gives its share, and one row
 *        of it stays in training at least. NULL: no classes
 * train  (rows) out: the rows to train on, ascending
 * held   (rows) out: the others, ascending
 *
 * The rows held out are rounded to the nearest number; at least one row is held out where that
 * leaves one to train on, and none if fraction is 0. Rows without a class are never held out.
 *
 * HEDDLE_E_ARGUMENT: a fraction that is not 0 … 1, or 2^32 rows; HEDDLE_E_MEMORY.
 */
heddle_status split_rows(uint64_t seed, double fraction, const uint32_t *codes, size_t rows,
                         uint32_t *train, size_t *n_train, uint32_t *held, size_t *n_held,
                         heddle_error *err);

/**
 * Fold `fold` of `folds` (2 or more): the rows of one fold are held out, chosen by seed alone. Rows
 * are numbered class by class, within a class in a drawn order, and number p goes to fold
 * p mod folds: folds and each class's shares of them differ by one row at most.
 *
 * codes, train, held  as for split_rows(); rows without a class are in no fold, always trained on
 *
 * HEDDLE_E_ARGUMENT: fewer rows than folds, or than that of one class; HEDDLE_E_MEMORY.
 */
heddle_status split_fold(uint64_t seed, size_t folds, size_t fold, const uint32_t *codes,
                         size_t rows, uint32_t *train, size_t *n_train, uint32_t *held,
                         size_t *n_held, heddle_error *err);

#endif
