/** score_text: a score for people. */
#ifndef CLI_SCORE_TEXT_H
#define CLI_SCORE_TEXT_H

#include "heddle.h"

/** Print a score's numbers on stdout in one line: "accuracy 0.9667, loss 0.1234 (30 rows)". */
void score_print(const char *label, const heddle_score *score);

/** Print the other metrics, a line a class or target. */
void score_print_details(const heddle_score *score, const heddle_model *model);

/** Print who was taken for whom: the matrix, or for many classes the commonest mistakes. */
void score_print_confusion(const heddle_score *score, const heddle_model *model);

#endif
