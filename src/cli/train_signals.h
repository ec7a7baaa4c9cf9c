/**
 * train_signals: SIGINT, SIGTERM and SIGHUP ask a run to end after its step, SIGUSR1 asks it for a
 * checkpoint. Handlers only take note; whoever trains looks.
 */
#ifndef CLI_TRAIN_SIGNALS_H
#define CLI_TRAIN_SIGNALS_H

#include <stdbool.h>

/** From the start, so that no moment is left in which SIGUSR1 would end the run. */
void signals_catch_checkpoint(void);

/** From here on a signal asks the run to end. */
void signals_catch(void);

/** The signal that asked the run to end, or 0. */
int signals_caught(void);

/** Was a checkpoint asked for since this was asked last? */
bool signals_checkpoint_wanted(void);

/** All ranks: a signal to one is a signal to all. */
void signals_agree(void);

/** If a signal ended the run, end as it would have ended us: whoever waits sees 128 + n. */
void signals_obey(void);

#endif
