/* Ranks: the processes of a job, or the threads of a test, that exchange bytes. All ranks make the
 * same calls in the same order, each from one thread at a time. No engine adds numbers, since none
 * promises an order: sums are those of comm_sum.h. */
#ifndef MMOE_BASE_COMM_H
#define MMOE_BASE_COMM_H

#include "base/alloc.h"

enum { MMOE_MOST_RANKS = 64 };

/* Bytes from every rank to every rank. To rank r go from[from_at[r]] .. + from_bytes[r], and what r
 * sends to this rank comes to to[to_at[r]], to_bytes[r] bytes, which is what r sends, or the call
 * fails. Counts may be 0 and beyond 32 bits; `from` and `to` do not overlap, but that a rank's
 * bytes to itself may lie where they go. */
typedef struct mmoe_exchange {
    const char *what; /* for messages: "the gradients"; a text that stays */
    const void *from;
    const uint64_t *from_at, *from_bytes; /* [size] */
    void *to;
    const uint64_t *to_at, *to_bytes; /* [size] */
} mmoe_exchange;

/* Three exchanges can be under way at once, each by a way of its own. */
typedef enum mmoe_comm_way {
    MMOE_WAY_NOW,   /* one that a call waits for */
    MMOE_WAY_AHEAD, /* one that was started before this step needs it */
    MMOE_WAY_NEXT,  /* one that the next step needs */
    MMOE_N_WAY
} mmoe_comm_way;

typedef struct mmoe_comm mmoe_comm;

/* What carries bytes. `start` returns at once, `finish` when this rank's part is done: all bytes
 * have come, and what it sent may be overwritten. */
typedef struct mmoe_comm_kind {
    const char *name;
    mmoe_status (*start)(mmoe_comm *c, mmoe_comm_way way, const mmoe_exchange *e, mmoe_error *err);
    mmoe_status (*finish)(mmoe_comm *c, mmoe_comm_way way, mmoe_error *err);
    void (*abort)(mmoe_comm *c, const char *message);
} mmoe_comm_kind;

/* The engine's object begins with it. */
struct mmoe_comm {
    const mmoe_comm_kind *kind;
    int rank, size;
    double seconds;              /* that a call waits for another rank; 0: without end */
    uint64_t bytes_sent, n_sent; /* so far, to others: bytes, and to how many */
    double seconds_spent;        /* in waiting for what others sent, or took */
};

/* One rank, which owns nothing and is never freed; any number of threads may use it. */
mmoe_comm *mmoe_comm_self(void);

/* Errors of the calls below:
 * - MMOE_E_ARGUMENT: two ranks differ about the bytes that they exchange;
 * - MMOE_E_IO, "rank 3: its message": another rank has failed, or ended before it had finished this
 *   exchange;
 * - MMOE_E_IO, naming ranks and what was waited for: they are late, not there `seconds` after this
 *   one.
 * After an error every call fails; but exchanges that a rank had finished before it failed can
 * still be finished by the others. */
mmoe_status mmoe_comm_exchange(mmoe_comm *c, const mmoe_exchange *e, mmoe_error *err);

/* An exchange that goes on while this rank computes and calls others of these functions. `way` is
 * not MMOE_WAY_NOW, and has one exchange at a time. `e`, and all that it points to, must stay until
 * the exchange is finished. */
mmoe_status mmoe_comm_start(mmoe_comm *c, mmoe_comm_way way, const mmoe_exchange *e,
                            mmoe_error *err);
mmoe_status mmoe_comm_finish(mmoe_comm *c, mmoe_comm_way way, mmoe_error *err);

/* Up to so many bytes, what a message takes weighs more than its bytes. */
enum { MMOE_COMM_SMALL = 64 << 10 };

/* Rank r's bytes[r] bytes come to every rank's `to`, one rank's behind the other's; `from` may be
 * where this rank's go. Few bytes take log2 of size messages one after the other. */
typedef struct mmoe_gathering {
    const char *what;
    const void *from;
    void *to;
    const uint64_t *bytes; /* [size] */
} mmoe_gathering;
mmoe_status mmoe_comm_gather(mmoe_comm *c, const mmoe_gathering *g, mmoe_error *err);

/* Returns when every rank has called it. */
mmoe_status mmoe_comm_barrier(mmoe_comm *c, const char *what, mmoe_error *err);

/* This rank goes no further: what others wait for, now or later, fails with "rank R: `message`". */
void mmoe_comm_abort(mmoe_comm *c, const char *message);

/* For engines: MMOE_E_IO for ranks (a bit each) that are late, or gone; MMOE_E_ARGUMENT where rank
 * `from` has sent other bytes than *e expects. */
mmoe_status mmoe_comm_fail_late(const mmoe_comm *c, uint64_t ranks, const char *what,
                                mmoe_error *err);
mmoe_status mmoe_comm_fail_ended(uint64_t ranks, const char *what, mmoe_error *err);
mmoe_status mmoe_comm_fail_unlike(const mmoe_comm *c, int from, uint64_t bytes,
                                  const mmoe_exchange *e, mmoe_error *err);

/* "rank 3", "ranks 0-2, 5". */
enum { MMOE_RANKS_SIZE = 256 };
const char *mmoe_comm_ranks_text(uint64_t ranks, char text[MMOE_RANKS_SIZE]);

/* MMOE_E_ARGUMENT: a number of ranks that is no power of two, or above 64. */
mmoe_status mmoe_comm_check_size(int size, mmoe_error *err);

#endif
