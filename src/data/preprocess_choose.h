/** preprocess_choose: which columns are inputs and which targets, and whether there are classes. */
#ifndef DATA_PREPROCESS_CHOOSE_H
#define DATA_PREPROCESS_CHOOSE_H

#include "data/preprocess.h"

struct choice {
    enum task task; /* never AUTO */
    size_t *input;  /* (inputs) columns of the table */
    size_t inputs;
    size_t *target; /* (targets) */
    size_t targets;
};

/** Errors as preprocess_fit(). Release with choice_done(), also after a failure. */
heddle_status choose_columns(const heddle_table *table, const struct preprocess_options *options,
                             struct choice *choice, heddle_error *err);
void choice_done(struct choice *choice);

/**
 * Which column may be meant to be learnt, where the last one is for want of anything said? One named
 * "class" or the like; where columns have no names, the only one of a few words or, if the last holds
 * no classes, the first if it does; where they have, the first if it is the only one of words, few and
 * recurring, before several columns of numbers. table->columns: none.
 */
heddle_status choose_likelier(const heddle_table *table, const struct preprocess_options *options,
                              const struct choice *choice, size_t *likelier, heddle_error *err);

/** Set the classes of p (class_name, classes, class_number) from column c of the whole table. */
heddle_status choose_classes(const heddle_table *table, size_t c, struct preprocess *p,
                             heddle_error *err);

/**
 * index[i] = class of row rows[i] of column c among the classes of p, -1 where it is missing.
 * HEDDLE_E_DATA: a class that is not among them.
 */
heddle_status choose_class_index(const struct preprocess *p, const heddle_table *table, size_t c,
                                 const uint32_t *rows, size_t count, int32_t *index,
                                 heddle_error *err);

#endif
