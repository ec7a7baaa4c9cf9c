/**
 * order: in which order the rows of a data set are trained on that is read from a file larger than
 * the memory.
 *
 * The rows are cut into blocks of so many that stand together as make 2^17 values. Each epoch the
 * blocks are taken in a new random order, 64 at a time, and the rows of those 64 in random order.
 * So what is wanted at a time is 2^23 values (32 MiB of floats) at most, read in pieces of half a
 * MiB, and a batch still has rows from 64 places of the file.
 *
 * Source: the shuffle buffer of TensorFlow's tf.data, over shards; here with the blocks' order.
 */
#ifndef TRAIN_ORDER_H
#define TRAIN_ORDER_H

#include <stddef.h>
#include <stdint.h>

/** order (rows) out: a permutation that is a function of (seed, epoch, inputs, rows) alone. */
void order_blocks(uint64_t seed, uint64_t epoch, size_t inputs, uint32_t *order, size_t rows);

/** Rows of a block, and of a window of 64. */
size_t order_height(size_t inputs);
size_t order_window(size_t inputs);

#endif
