/* What the files of libmmoe-mpi share. MPI's collective calls are not used: they cannot say who is
 * late, those that do not block have counts of 32 bits, and a sum's order would be theirs. */
#ifndef MMOE_BASE_COMM_MPI_H
#define MMOE_BASE_COMM_MPI_H

#include <mpi.h>
#include <stdbool.h>

#include "base/comm.h"

/* Small messages beside the exchanges, of which each rank sends another at most one a kind. */
typedef enum mmoe_notice_kind {
    MMOE_NOTICE_WAITING, /* its time is over: text is what it waits for */
    MMOE_NOTICE_FAILED,  /* text is why */
    MMOE_NOTICE_DONE,    /* it ended well */
    MMOE_NOTICE_VERDICT, /* how all end */
    MMOE_N_NOTICE
} mmoe_notice_kind;

typedef struct mmoe_notice {
    int32_t kind, status;
    int32_t is_relayed;          /* a failure that came of another's */
    int32_t is_clean;            /* no bytes are under way there; of a verdict: anywhere */
    uint64_t n_done[MMOE_N_WAY]; /* of a failure: exchanges that the rank had finished */
    uint64_t late;               /* of a failure: ranks that it calls late */
    char text[512];
} mmoe_notice;

/* An exchange under way: the next message from and to each rank. */
typedef struct mmoe_mpi_way {
    const mmoe_exchange *exchange; /* NULL: none */
    int tag;
    MPI_Request requests[2 * MMOE_MOST_RANKS]; /* from rank r at r, to it at size + r */
    uint64_t moved[2 * MMOE_MOST_RANKS];       /* bytes of messages that are done */
} mmoe_mpi_way;

typedef struct mmoe_mpi {
    mmoe_comm comm; /* first: a comm is this */
    uint64_t chunk;
    bool is_ours;   /* MPI was initialised here */
    bool is_ending; /* no more exchanges: another's failure is not this rank's */
    MPI_Comm data, notices;
    int n_begun; /* exchanges, for tags */
    mmoe_mpi_way ways[MMOE_N_WAY];
    uint64_t n_started[MMOE_N_WAY], n_done[MMOE_N_WAY]; /* exchanges by each way */
    mmoe_error failure; /* code 0: none so far; else why exchanges fail, but for those that */
    uint64_t finishable[MMOE_N_WAY]; /* are numbered up to here: they can still be finished */
    bool has_reported;               /* a call has returned the failure */
    int failed_by;                   /* the rank whose words the failure has; -1: none */
    uint64_t late;                   /* ranks that the failure calls late: those who hear of it by
                                      * another must not wait for their verdict either */
    uint64_t heard[MMOE_N_NOTICE];   /* a bit for each rank that has sent such a notice */
    mmoe_notice said[MMOE_N_NOTICE], from[MMOE_MOST_RANKS]; /* what a rank said last */
    bool has_said[MMOE_N_NOTICE];
} mmoe_mpi;

/* Sends all others the notice, unless this rank has. */
void mmoe_mpi_say(mmoe_mpi *m, mmoe_notice notice);
/* Takes the notices that have come. Another's failure becomes this rank's. */
void mmoe_mpi_hear(mmoe_mpi *m);
/* Fails since `what` was waited for too long: asks who waits, too, and names those who do not
 * answer. */
void mmoe_mpi_find_late(mmoe_mpi *m, const char *what);
/* Lets other processes run while this one waits: not at all at first, then ever longer. */
void mmoe_mpi_rest(double seconds_so_far);

static inline uint64_t mmoe_mpi_others(const mmoe_mpi *m) {
    return (~(uint64_t)0 >> (64 - m->comm.size)) & ~((uint64_t)1 << m->comm.rank);
}

/* What exchanges; not yet of any ranks. */
extern const mmoe_comm_kind mmoe_comm_mpi_kind;

/* MMOE_E_IO, in MPI's words. */
mmoe_status mmoe_mpi_fail(mmoe_error *err, int code, const char *what);

#endif
