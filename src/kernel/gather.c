/**
 * gather: batch assembly, rows of the data set side by side with the constant 1 of the bias behind.
 *
 * Rows lie anywhere in the data set, so the first touch of each is a miss: rows a few places ahead
 * are asked for while the row at hand is copied.
 */
#include "kernel/kernel_name.h"
#include "kernel/table.h"
#include "kernel/tiles.h"

enum { AHEAD = 4, LINE = 64, PREFETCH_LINES = 64 };

INLINE void prefetch(const void *row, size_t bytes)
{
    size_t most = bytes < PREFETCH_LINES * LINE ? bytes : PREFETCH_LINES * LINE;
    for (size_t b = 0; b < most; b += LINE) {
        __builtin_prefetch((const char *)row + b);
    }
}

void KERNEL(gather)(real *X, size_t ldx, const struct REAL(source) * source, const uint32_t *rows,
                    size_t first, size_t E, size_t m)
{
    const real *value = source->value;
    size_t wide = registers_for(m) * (size_t)LANES;
    for (size_t e = 0; e < E; e++, X += ldx) {
        size_t row = rows ? rows[e] : first + e;
        size_t ahead = rows && e + AHEAD < E ? rows[e + AHEAD] : row;
        if (value) {
            const real *from = value + row * source->ld;
            prefetch(value + ahead * source->ld, m * sizeof(real));
            for (size_t i = 0; i < wide; i += (size_t)LANES) {
                vstore(X + i, vload(from + i));
            }
        } else {
            const uint8_t *from = source->bytes + row * source->ld;
            prefetch(source->bytes + ahead * source->ld, m);
            size_t i = 0;
            for (; i + (size_t)LANES <= m; i += (size_t)LANES) {
                vstore(X + i, vbytes(from + i) * vset(source->scale));
            }
            for (; i < m; i++) {
                X[i] = (real)from[i] * source->scale;
            }
        }
        X[m] = 1;
    }
}
