/**
 * builtin_digits: 1,797 handwritten digits of 8 × 8 pixels with values 0 … 16, and which they are.
 *
 * Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
 * Learning Repository, 1998, CC BY 4.0; its test part as scikit-learn distributes it.
 */
#ifndef DATA_BUILTIN_DIGITS_H
#define DATA_BUILTIN_DIGITS_H

enum { DIGITS_ROWS = 1797, DIGITS_PIXELS = 64, DIGITS_LETTERS = 44 };

/**
 * Row i packed by tests/data/pack_digits.py. Its 64 pixels and its digit are 65 values v below 17,
 * three at a time as the number n = (v0 × 17 + v1) × 17 + v2 (0 where they run out), and n as the
 * two letters n / 71 and n % 71. Letter k is the character 35 + k, or the next after '?' and after
 * '\\' (two of which would mean something else in C), so all are printable and none needs escaping.
 */
extern const char builtin_digits[DIGITS_ROWS][DIGITS_LETTERS + 1];

#endif
