/** fingerprint: one digest of the examples of a run, to tell whether another run sees the same. */
#ifndef TRAIN_FINGERPRINT_H
#define TRAIN_FINGERPRINT_H

#include "data/dataset.h"
#include "machine/team.h"

enum { FINGERPRINT_SIZE = 65 };

/**
 * sha256 over the sizes and over the sha256 of every FINGERPRINT_ROWS rows: inputs as the network
 * sees them, targets, and what rows count for (weight: (rows) or NULL). A function of the data
 * alone, whatever the team. A set without rows gives "". HEDDLE_E_MEMORY.
 */
heddle_status fingerprint(const struct dataset *set, const double *weight, struct team *team,
                          char hex[FINGERPRINT_SIZE], heddle_error *err);

#endif
