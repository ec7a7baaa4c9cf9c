/**
 * tiles: how a matrix is cut into tiles that fit the registers.
 *
 * A tile is `rows` x `columns` registers of running sums. Per step of the summed index it loads
 * `columns` registers and `rows` single values that are spread over a register, and makes
 * rows x columns fused multiply-adds: 24 for 11 loads with 8 x 3, so the multiply-adds are the
 * limit. At least 8 sums must be under way at a time to fill two units of latency 4. With 16 registers
 * 6 x 2 takes a load more than 4 x 3, but even numbers of registers, which are the usual ones, leave
 * no narrower tile.
 */
#ifndef KERNEL_TILES_H
#define KERNEL_TILES_H

#include "kernel/kernel.h"
#include "kernel/simd.h"

#if defined(KERNEL_AVX512) || defined(KERNEL_NEON)
#define TILE_ROWS 8 /* 24 sums + 3 + 1 of 32 registers */
#define TILE_COLUMNS 3
#else
#define TILE_ROWS 6 /* 12 sums + 2 + 1 of 16 registers */
#define TILE_COLUMNS 2
#endif
#define TILE_TALL (2 * TILE_ROWS) /* of one column: more sums for each load */

/**
 * How many rows the next tile takes when `left` are left: full tiles, and the last two halved if
 * the last would be too low to keep the units busy (9 = 5 + 4, not 8 + 1).
 */
INLINE int tile_rows(size_t left)
{
    if (left <= TILE_ROWS) {
        return (int)left;
    }
    if (left < TILE_ROWS + TILE_ROWS / 2) {
        return (int)((left + 1) / 2);
    }
    return TILE_ROWS;
}

/** The same where rows lie side by side, so that a tile may be taller if it has one column. */
INLINE int tall_rows(size_t left, int columns)
{
    return columns == 1 && left >= TILE_TALL ? TILE_TALL : tile_rows(left);
}

/** How many registers the next tile takes of `left`: TILE_COLUMNS, but 4 = 2 + 2. */
INLINE int tile_columns(size_t left)
{
    return left >= TILE_COLUMNS && left != 4 ? TILE_COLUMNS : left == 1 ? 1 : 2;
}

/** Call function_rows_columns(…) for run-time rows and columns: every size has code of its own. */
#define TILE_CASE(rows, columns, function, ...)                                                    \
    case (rows)*4 + (columns):                                                                     \
        function(rows, columns, __VA_ARGS__);                                                      \
        break;
#if TILE_COLUMNS == 3
#define TILE_BROAD_CASE(rows, function, ...) TILE_CASE(rows, 3, function, __VA_ARGS__)
#else
#define TILE_BROAD_CASE(rows, function, ...)
#endif
#define TILE_ROW_CASES(rows, function, ...)                                                        \
    TILE_CASE(rows, 1, function, __VA_ARGS__)                                                      \
    TILE_CASE(rows, 2, function, __VA_ARGS__)                                                      \
    TILE_BROAD_CASE(rows, function, __VA_ARGS__)
#if TILE_ROWS == 8
#define TILE_HIGH_CASES(function, ...)                                                             \
    TILE_ROW_CASES(7, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(8, function, __VA_ARGS__)
#else
#define TILE_HIGH_CASES(function, ...)
#endif
#define TILE_CASES(function, ...)                                                                  \
    TILE_ROW_CASES(1, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(2, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(3, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(4, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(5, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(6, function, __VA_ARGS__)                                                       \
    TILE_HIGH_CASES(function, __VA_ARGS__)
#define TILE_SWITCH(rows, columns, cases)                                                          \
    switch ((rows)*4 + (columns)) {                                                                \
        cases default : __builtin_unreachable();                                                   \
    }
#define TILE_CALL(rows, columns, function, ...)                                                    \
    TILE_SWITCH(rows, columns, TILE_CASES(function, __VA_ARGS__))
#define TALL_CALL(rows, columns, function, ...)                                                    \
    TILE_SWITCH(rows, columns,                                                                     \
                TILE_CASES(function, __VA_ARGS__) TILE_CASE(TILE_TALL, 1, function, __VA_ARGS__))

/** The same for tiles that hold two sums for each of their rows: 4 x 3, 6 x 2, 12 x 1. */
INLINE int pair_rows(size_t left, int columns)
{
    size_t most = TILE_ROWS / 2 * TILE_COLUMNS / (size_t)columns;
    return (int)(left >= most ? most : left < TILE_ROWS ? left : TILE_ROWS);
}

/** With 16 registers there is no room for two sums. */
#define TILE_PAIRS (TILE_ROWS == 8)
#define PAIR_ROWS 6 /* of two columns */
#define PAIR_LOW_CASES(function, ...)                                                              \
    TILE_ROW_CASES(1, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(2, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(3, function, __VA_ARGS__)                                                       \
    TILE_ROW_CASES(4, function, __VA_ARGS__)                                                       \
    TILE_CASE(5, 1, function, __VA_ARGS__)                                                         \
    TILE_CASE(5, 2, function, __VA_ARGS__)                                                         \
    TILE_CASE(6, 1, function, __VA_ARGS__)                                                         \
    TILE_CASE(6, 2, function, __VA_ARGS__)
#define PAIR_LOW_CALL(rows, columns, function, ...)                                                \
    TILE_SWITCH(rows, columns, PAIR_LOW_CASES(function, __VA_ARGS__))
#define PAIR_CALL(rows, columns, function, ...)                                                    \
    TILE_SWITCH(rows, columns,                                                                     \
                PAIR_LOW_CASES(function, __VA_ARGS__) TILE_CASE(7, 1, function, __VA_ARGS__)       \
                    TILE_CASE(8, 1, function, __VA_ARGS__)                                         \
                        TILE_CASE(12, 1, function, __VA_ARGS__))

/**
 * A block of 64 outputs is cut into tiles of four columns, six rows high, too: 24 for 10 loads. Tiles
 * of three would leave one column, which waits for loads, 9 for 8. With 16 registers there is no room
 * for them.
 */
#define TILE_WIDE (TILE_ROWS == 8)
#define WIDE_ROWS 6
#define WIDE_COLUMNS (TILE_COLUMNS + 1)

/** Have blocks of that width such tiles? */
INLINE bool is_wide(size_t width)
{
    return TILE_WIDE && width == PACK;
}

/** How many registers of such a block the next tile takes of `left`. */
INLINE int wide_columns(size_t left)
{
    return left % WIDE_COLUMNS == 0 ? WIDE_COLUMNS : left < 3 ? (int)left : 3;
}

/** How many rows the next of these tiles takes: with at least four, 16 sums are under way. */
INLINE int wide_rows(size_t left)
{
    return (int)(left <= WIDE_ROWS ? left : left < WIDE_ROWS + 4 ? (left + 1) / 2 : WIDE_ROWS);
}

/** The same with two sums for each row. */
INLINE int wide_pair_rows(size_t left)
{
    return left < WIDE_ROWS / 2 ? (int)left : WIDE_ROWS / 2;
}

#define WIDE_LOW_CASES(columns, function, ...)                                                     \
    TILE_CASE(1, columns, function, __VA_ARGS__)                                                   \
    TILE_CASE(2, columns, function, __VA_ARGS__)                                                   \
    TILE_CASE(3, columns, function, __VA_ARGS__)
#define WIDE_PAIR_CALL(rows, columns, function, ...)                                               \
    TILE_SWITCH(rows, columns, WIDE_LOW_CASES(columns, function, __VA_ARGS__))
#define WIDE_CALL(rows, columns, function, ...)                                                    \
    TILE_SWITCH(rows, columns,                                                                     \
                WIDE_LOW_CASES(columns, function, __VA_ARGS__)                                     \
                    TILE_CASE(4, columns, function, __VA_ARGS__)                                   \
                        TILE_CASE(5, columns, function, __VA_ARGS__)                               \
                            TILE_CASE(6, columns, function, __VA_ARGS__))

/** Registers that hold n reals. */
INLINE size_t registers_for(size_t n)
{
    return (n + (size_t)LANES - 1) / (size_t)LANES;
}

#define UNROLL_ROWS UNROLL(16)
#define UNROLL_COLUMNS UNROLL(4)

#endif
