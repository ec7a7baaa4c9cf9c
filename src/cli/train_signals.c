/** train_signals: see train_signals.h. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "output.h"
#include "train_signals.h"
#include "heddle.h"

/** The signal that asked the run to end, or 0, and when: the only global variables there are. */
static volatile sig_atomic_t caught;
static struct timespec caught_at; /* only the handler uses it */
static volatile sig_atomic_t checkpoint_wanted;

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOP_SIGNALS = sizeof stop_signals / sizeof stop_signals[0] };

/**
 * Asked twice, the program ends at once. Twice within a quarter of a second is once: timeout(1)
 * signals its child and then the group that the child is in.
 */
static void on_signal(int number)
{
    int saved = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (caught == 0) {
        caught_at = now;
        caught = number;
    } else if ((now.tv_sec - caught_at.tv_sec) * 1000 +
                   (now.tv_nsec - caught_at.tv_nsec) / 1000000 >
               250) {
        output_abandon();
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = saved;
}

static void on_checkpoint_signal(int number)
{
    (void)number;
    checkpoint_wanted = 1;
}

void signals_catch_checkpoint(void)
{
    struct sigaction action = {.sa_handler = on_checkpoint_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
}

void signals_catch(void)
{
    for (size_t i = 0; i < STOP_SIGNALS; i++) {
        struct sigaction action;
        /* What our parent had us ignore (nohup) stays ignored. */
        if (sigaction(stop_signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
            action = (struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART};
            sigemptyset(&action.sa_mask);
            for (size_t k = 0; k < STOP_SIGNALS; k++) {
                sigaddset(&action.sa_mask, stop_signals[k]);
            }
            sigaction(stop_signals[i], &action, NULL);
        }
    }
}

int signals_caught(void)
{
    return caught;
}

bool signals_checkpoint_wanted(void)
{
    if (checkpoint_wanted == 0) {
        return false;
    }
    checkpoint_wanted = 0;
    return true;
}

void signals_agree(void)
{
    caught = heddle_cluster_agree(caught, (char[1]){""}, 1);
}

void signals_obey(void)
{
    if (caught != 0) {
        fflush(NULL);
        signal(caught, SIG_DFL);
        raise(caught);
    }
}
