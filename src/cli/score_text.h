/** score_text: a score for people. */
#ifndef CLI_SCORE_TEXT_H
#define CLI_SCORE_TEXT_H

#include "heddle.h"

/** Print a score's numbers on stdout in one line: "accuracy 0.9667, loss 0.1234 (30 rows)". */
void score_print(const char *label, const heddle_score *score);

/** Share of rows whose class is among the k likeliest: 1 if there are no more classes. */
double score_top(const heddle_score *score, size_t k);

/** Print the other metrics, a line a class or target; k: of score_top(). */
void score_print_details(const heddle_score *score, const heddle_model *model, size_t k);

/** Print who was taken for whom: the matrix, or for many classes the commonest mistakes. */
void score_print_confusion(const heddle_score *score, const heddle_model *model);

#endif
