/**
 * Tests of pass/pieces.h: every piece of all shares is done once, whoever does it, however many there
 * are and however the workers meet; and a worker that is held up is helped.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "pass/pieces.h"

enum { WORKERS = 4, PIECES = 64, TURNS = 2000 };

/** What workers of a turn have done: how often each piece, and by whom at last. */
struct done {
    size_t count[WORKERS]; /* pieces of the shares */
    _Atomic int times[WORKERS][PIECES];
    int by[WORKERS][PIECES];
};

struct worker {
    struct done *done;
    struct pieces *all;
    int w, workers;
    void (*first)(struct worker *me); /* once, when it is about to do its first piece; or NULL */
};

/** Pieces in runs of up to 5, which is as many as are done at once. */
static size_t work(void *context, int v, struct claim *claim)
{
    struct worker *me = context;
    size_t count = me->done->count[v];
    for (size_t i = 0; i < count;) {
        size_t run = 5 - i % 5 < count - i ? 5 - i % 5 : count - i;
        size_t some = claimed(claim, i, run);
        cr_assert(some <= run);
        if (some > 0 && me->first) {
            void (*first)(struct worker *) = me->first;
            me->first = NULL;
            first(me);
        }
        for (size_t j = 0; j < some; j++) {
            me->done->times[v][i + j]++;
            me->done->by[v][i + j] = me->w;
        }
        i += some > 0 ? some : 1;
    }
    return count;
}

static void expect_once(const struct done *done, int workers)
{
    for (int v = 0; v < workers; v++) {
        for (size_t i = 0; i < PIECES; i++) {
            int want = i < done->count[v];
            cr_assert(done->times[v][i] == want, "share %d, piece %zu: %d times", v, i,
                      done->times[v][i]);
        }
    }
}

Test(pieces, alone)
{
    struct done done = {.count = {7}};
    struct pieces all[1] = {{0}};
    struct worker me = {.done = &done, .all = all, .workers = 1};
    pieces_alone(0, work, &me);
    expect_once(&done, 1);
    memset(done.times, 0, sizeof done.times);
    pieces_together(all, 0, 1, work, &me);
    expect_once(&done, 1);
}

/** The others do all of theirs while worker 0 is about to begin with its first pieces. */
static void others(struct worker *me)
{
    for (int w = 1; w < me->workers; w++) {
        struct worker other = *me;
        other.w = w;
        other.first = NULL;
        pieces_together(me->all, w, me->workers, work, &other);
    }
}

Test(pieces, who_is_held_up_is_helped)
{
    for (size_t count = 1; count <= PIECES; count++) {
        struct done done = {.count = {count, 3, 0}};
        struct pieces all[3] = {{0}};
        for (int turn = 0; turn < 3; turn++) {
            struct worker me = {.done = &done, .all = all, .workers = 3, .first = others};
            memset(done.times, 0, sizeof done.times);
            pieces_together(all, 0, 3, work, &me);
            expect_once(&done, 3);
            size_t own = (count + 1) / 2; /* what it had taken */
            for (size_t i = 0; i < count; i++) {
                cr_assert(done.by[0][i] == (i < own ? 0 : 1), "piece %zu of %zu: by %d", i, count,
                          done.by[0][i]);
            }
        }
    }
}

/** A worker that has not come to the turn yet has no pieces that others could take. */
Test(pieces, a_share_of_the_turn_before_is_over)
{
    struct pieces all[2] = {{.left = 0}};
    struct done done = {.count = {6, 6}};
    struct worker me = {.done = &done, .all = all, .workers = 2};
    pieces_together(all, 0, 2, work, &me);
    for (size_t i = 0; i < 6; i++) {
        cr_assert(done.times[0][i] == 1 && done.times[1][i] == 0);
    }
}

static struct done shared;
static struct pieces pieces[WORKERS];
static pthread_barrier_t meeting;

static void *run(void *argument)
{
    struct worker *me = argument;
    for (size_t turn = 0; turn < TURNS; turn++) {
        if (me->w == 0) {
            for (size_t v = 0; v < WORKERS; v++) {
                shared.count[v] = (turn * (v + 3) + v * 17) % (PIECES + 1);
            }
            memset(shared.times, 0, sizeof shared.times);
        }
        pthread_barrier_wait(&meeting);
        pieces_together(pieces, me->w, WORKERS, work, me);
        pthread_barrier_wait(&meeting);
        if (me->w == 0) {
            expect_once(&shared, WORKERS);
        }
    }
    return NULL;
}

Test(pieces, workers_at_the_same_time)
{
    struct worker worker[WORKERS];
    pthread_t thread[WORKERS];
    cr_assert(pthread_barrier_init(&meeting, NULL, WORKERS) == 0);
    for (int w = 0; w < WORKERS; w++) {
        worker[w] = (struct worker){.done = &shared, .all = pieces, .w = w, .workers = WORKERS};
        cr_assert(pthread_create(&thread[w], NULL, run, &worker[w]) == 0);
    }
    for (int w = 0; w < WORKERS; w++) {
        cr_assert(pthread_join(thread[w], NULL) == 0);
    }
    pthread_barrier_destroy(&meeting);
}
