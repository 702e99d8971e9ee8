/* Ranks as threads of one process: for tests, and for sanitizers, which see through them. */
#ifndef MMOE_BASE_COMM_THREADS_H
#define MMOE_BASE_COMM_THREADS_H

#include "base/comm.h"

typedef struct mmoe_comm_group mmoe_comm_group;

typedef struct mmoe_comm_group_options {
    int size;
    double seconds; /* of mmoe_comm */
    /* Called by a rank when it begins an exchange, its `number`th from 0: may take its time. NULL:
     * nothing is called. */
    void (*before)(void *context, int rank, uint64_t number);
    void *context;
} mmoe_comm_group_options;

/* MMOE_E_ARGUMENT: see mmoe_comm_check_size; MMOE_E_MEMORY. */
mmoe_status mmoe_comm_group_create(const mmoe_comm_group_options *options,
                                   const mmoe_allocator *alloc, mmoe_comm_group **out,
                                   mmoe_error *err);
void mmoe_comm_group_free(mmoe_comm_group *g);

/* Runs work(context, rank's comm, its err) in a thread a rank, and returns when all are over: once
 * for a group. A rank that fails ends the others with its message, one that returns too early says
 * so. errors[size] are filled where ranks fail; the first's status is returned. */
typedef mmoe_status (*mmoe_rank_fn)(void *context, mmoe_comm *c, mmoe_error *err);
mmoe_status mmoe_comm_group_run(mmoe_comm_group *g, mmoe_rank_fn work, void *context,
                                mmoe_error *errors);

/* For tests without a clock, called by a rank that is late: how many others wait for it, and that
 * their `seconds` have passed. */
int mmoe_comm_group_waiting(mmoe_comm *late);
void mmoe_comm_group_expire(mmoe_comm *late);

#endif
