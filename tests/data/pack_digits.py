#!/usr/bin/env python3
"""Write src/data/builtin_digits.c from digits-8x8.csv (1797 rows: p0 ... p63, digit).

Usage: python3 pack_digits.py digits-8x8.csv > ../../src/data/builtin_digits.c
The packing is described in src/data/builtin_digits.h.
"""
import csv, sys


def letter(k):
    c = 35 + k
    if c >= ord("?"):
        c += 1
    if c >= ord("\\"):
        c += 1
    return chr(c)


def pack(row):
    values = list(map(int, row)) + [0]
    assert len(values) == 66 and all(0 <= v <= 16 for v in values)
    numbers = [(values[i] * 17 + values[i + 1]) * 17 + values[i + 2] for i in range(0, 66, 3)]
    return "".join(letter(n // 71) + letter(n % 71) for n in numbers)


rows = [pack(row) for row in list(csv.reader(open(sys.argv[1])))[1:]]
assert len(rows) == 1797
print('/** builtin_digits: made by tests/data/pack_digits.py; origin and packing in the header. */')
print('#include "data/builtin_digits.h"\n')
print("// clang-format off")
print("const char builtin_digits[DIGITS_ROWS][DIGITS_LETTERS + 1] = {")
for i in range(0, len(rows), 2):
    print("    " + " ".join('"%s",' % r for r in rows[i:i + 2]))
print("};")
print("// clang-format on")
