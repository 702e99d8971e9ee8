/* The ranks that train a model together: what a run exchanges with them (graph/peers.h), by the
 * engine that they came with. */
#ifndef MMOE_TRAIN_RANKS_H
#define MMOE_TRAIN_RANKS_H

#include "base/comm.h"
#include "base/comm_sum.h"
#include "graph/peers.h"

/* What goes from each rank to all while these compute. */
typedef struct mmoe_ahead {
    mmoe_comm_way way;
    bool is_on_its_way;
    mmoe_exchange exchange;
    uint64_t from_at[MMOE_MOST_RANKS], from_bytes[MMOE_MOST_RANKS];
    uint64_t to_at[MMOE_MOST_RANKS], to_bytes[MMOE_MOST_RANKS];
} mmoe_ahead;

typedef struct mmoe_ranks {
    mmoe_peers peers; /* first */
    mmoe_params dense;
    mmoe_allocator alloc;
    mmoe_comm *comm;
    mmoe_comm_sum *sum;
    int64_t most;       /* floats that it adds at a time */
    uint64_t *bytes;    /* [size] */
    mmoe_ahead sums;    /* gradients of rows under way, if any */
    mmoe_ahead weights; /* weights of a finished step under way, if any; never beside `sums` */
    mmoe_ahead batch;   /* what the next batch's rows tell, if it is under way */
    bool is_alone;      /* others do not make the calls that this one makes */
    bool has_ended;     /* has told the others so */
    mmoe_status status; /* of the first exchange that failed, and its message */
    mmoe_error error;
} mmoe_ranks;

/* To train these parameters, which outlive it; portions are of whole pieces of so many places.
 * MMOE_E_MEMORY. */
mmoe_status mmoe_ranks_create(mmoe_comm *comm, const mmoe_params *params, int64_t piece,
                              const mmoe_allocator *alloc, mmoe_ranks **out, mmoe_error *err);
void mmoe_ranks_free(mmoe_ranks *r);

/* The functions below take NULL for one rank. What has failed until now: MMOE_OK, or as
 * mmoe_comm_exchange. */
mmoe_status mmoe_ranks_status(const mmoe_ranks *r, mmoe_error *err);
/* Whether this rank is the one that writes files and calls the caller's functions. */
static inline bool mmoe_ranks_is_first(const mmoe_ranks *r) { return !r || r->peers.rank == 0; }
/* Whether any rank says so; all call it. */
bool mmoe_ranks_any(mmoe_ranks *r, bool own);
/* How a call of this rank ends: where it fails, so do the others, which may wait for it. `why` is
 * the failure's, which `err` gets. */
mmoe_status mmoe_ranks_end(mmoe_ranks *r, mmoe_status status, const mmoe_error *why,
                           mmoe_error *err);
/* False: something has failed. */
bool mmoe_ranks_exchange(mmoe_ranks *r, const mmoe_exchange *e);
/* Rank r's elements [from[r], from[r + 1]), of `size` bytes each, come to all. False: something has
 * failed. */
bool mmoe_ranks_give(mmoe_ranks *r, const char *what, void *elements, size_t size,
                     const int64_t *from);
/* The same, but the exchange goes on until it is taken. `a` is one of the members of `r`. The
 * elements must stay until then. `take` is false if there is none, or something has failed. */
void mmoe_ranks_give_ahead(mmoe_ranks *r, mmoe_ahead *a, const char *what, void *elements,
                           size_t size, const int64_t *from);
bool mmoe_ranks_take_ahead(mmoe_ranks *r, mmoe_ahead *a);
/* Whether all ranks are about to call what exchanges; else it fails: nothing has failed, and they
 * do not wait for a function of the caller's, which the first alone calls between begin and end. */
bool mmoe_ranks_together(mmoe_ranks *r);
void mmoe_ranks_begin_alone(mmoe_ranks *r);
void mmoe_ranks_end_alone(mmoe_ranks *r);
/* Returns when all have come. */
mmoe_status mmoe_ranks_meet(mmoe_ranks *r, const char *what, mmoe_error *err);

#endif
