/** function: names of transfer functions and losses, and which go together. */
#ifndef NETWORK_FUNCTION_H
#define NETWORK_FUNCTION_H

#include <stdbool.h>

#include "kernel/kernel.h"

/* Functions of the caller's, which no kernel knows: what one of ours would have as its number. */
#define ACTIVATION_CUSTOM ACTIVATION_COUNT
#define LOSS_CUSTOM LOSS_COUNT

/** Name of a transfer function ("sigmoid", "custom"), and back; false if there is none
    such, or it is custom. */
const char *activation_name(enum activation f);
bool activation_find(const char *name, enum activation *f);

/** Between which numbers the values of a transfer function lie; a custom one's: any. */
void activation_range(enum activation f, double *lowest, double *highest);

/** All names, for messages: "linear, sigmoid, tanh, …". */
const char *activation_names(void);

/** The same for losses: "sse", "mse", "cross-entropy", …; custom is found. */
const char *loss_name(enum loss loss);
bool loss_find(const char *name, enum loss *loss);
const char *loss_names(void);

/**
 * Why the loss cannot be used with the output function, or NULL: softmax goes with cross-entropy
 * alone, cross-entropy with softmax or sigmoid alone, poisson with exp alone, custom with any but
 * softmax.
 */
const char *loss_conflict(enum loss loss, enum activation output);

#endif
