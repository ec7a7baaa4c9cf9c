/**
 * pieces: a worker's share of the work between two meetings, in pieces that others may take over.
 *
 * Equal shares take as long as the slowest core: one of another kind, one whose arithmetic a
 * neighbour shares, one that the system needs for a moment. So a share is a row of pieces; its
 * worker takes them from the front, at first many at a time, and a worker without any left takes
 * the last one of a neighbour's:
 *
 *     worker 0   ──────────>                 next        end       done
 *     worker 1   ────────────────────>        │           │          │
 *                                            ─┴───────────┴──────────┴─
 *                                             taken next   taken over
 *
 * Which worker takes a piece must not matter but for the time. That of shares differs by 4 to 6 %
 * from one moment to the next on a machine that others use, too.
 */
#ifndef PASS_PIECES_H
#define PASS_PIECES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The pieces of a share that nobody has taken: those from `next` to `end`, of its worker's turn. */
struct pieces {
    _Alignas(64) _Atomic uint64_t left; /* turn, next and end in one word */
    uint64_t turn; /* shares so far; all workers have as many in the same order */
};

enum {
    PIECES_BITS = 28, /* of next and of end; the rest is for the turn, which differs by 1 at most */
    PIECES_MOST = (1 << PIECES_BITS) - 1,
    PIECES_REACH = 8 /* neighbours whose pieces are taken over: they share a cache, mostly */
};

/** Pieces [from, to) that one has taken, of one's own share or of another. */
struct claim {
    struct pieces *own; /* where to take more */
    size_t from, to;
};

/**
 * The work itself: goes through all pieces of worker v's share in their order, does those that the
 * claim says, and returns how many there are.
 */
typedef size_t pieces_work(void *context, int v, struct claim *claim);

static inline uint64_t pieces_word(uint64_t turn, uint64_t next, uint64_t end)
{
    return turn << 2 * PIECES_BITS | next << PIECES_BITS | end;
}

/** Take half of what is left from the front, or a piece from behind if it is that turn's. */
static inline struct claim pieces_take(struct pieces *p, uint64_t turn, bool front)
{
    uint64_t word = atomic_load_explicit(&p->left, memory_order_relaxed);
    for (;;) {
        uint64_t end = word & PIECES_MOST;
        uint64_t next = word >> PIECES_BITS & PIECES_MOST;
        if (next == end || word != pieces_word(turn, next, end)) {
            return (struct claim){0};
        }
        uint64_t some = front ? (end - next + 1) / 2 : 1;
        uint64_t rest =
            front ? pieces_word(turn, next + some, end) : pieces_word(turn, next, end - some);
        if (atomic_compare_exchange_weak_explicit(&p->left, &word, rest, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return front ? (struct claim){p, next, next + some}
                         : (struct claim){NULL, end - some, end};
        }
    }
}

/** How many of `most` pieces from number i on are to be done at once, by whoever has the claim. */
static inline size_t claimed(struct claim *claim, size_t i, size_t most)
{
    if (claim->own && i == claim->to) {
        *claim = pieces_take(claim->own, claim->own->turn, true);
    }
    size_t some = i >= claim->from && i < claim->to ? claim->to - i : 0;
    return some < most ? some : most;
}

/** All of worker w's share, by itself. */
static inline void pieces_alone(int w, pieces_work *work, void *context)
{
    work(context, w, &(struct claim){.to = SIZE_MAX});
}

/**
 * What is left of worker w's share, and then of others' shares; every one of the workers must call
 * this, then meet. all (workers): zeros at first.
 */
static inline void pieces_together(struct pieces *all, int w, int workers, pieces_work *work,
                                   void *context)
{
    struct pieces *own = &all[w];
    uint64_t turn = own->turn = (own->turn + 1) & 0xff;
    size_t count = work(context, w, &(struct claim){0});
    if (count > PIECES_MOST) {
        pieces_alone(w, work, context);
        count = 0;
    }
    atomic_store_explicit(&own->left, pieces_word(turn, 0, count), memory_order_relaxed);
    if (count > 0) {
        work(context, w, &(struct claim){.own = own});
    }
    for (int i = 1; i < workers && i <= PIECES_REACH; i++) {
        int v = (w + i) % workers;
        struct claim claim;
        while (claim = pieces_take(&all[v], turn, false), claim.to > 0) {
            work(context, v, &claim);
        }
    }
}

#endif
