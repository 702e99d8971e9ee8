/* Ranks over MPI: the library libmmoe-mpi, which Open MPI or MPICH carries. A process is one rank,
 * and starts and ends with the others:
 *
 *     struct mmoe_comm *comm;
 *     if (mmoe_mpi_start(&(mmoe_mpi_options){.seconds = 600, .say = print}, &comm, &err)) return 1;
 *     ... work in which `comm` takes part ...
 *     return mmoe_mpi_end(comm, &(mmoe_mpi_ending){.status = 0});
 *
 * No other MPI calls are needed, and one thread makes all of these. Like the library it prints
 * nothing; what the MPI itself and its launcher say is theirs. */
#ifndef MMOE_MPI_H
#define MMOE_MPI_H

#include "mmoe/mmoe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of the library; the ranks of a job, as seen by one of them. */
struct mmoe_comm;

typedef struct mmoe_mpi_options {
    double seconds; /* that a rank waits for another before the job fails; 0: without end */
    uint64_t chunk; /* most bytes of one message, 0: 1 GiB; below 2^31, for an MPI counts in int */
    /* Called where the start fails, in one rank if all have failed alike, which wait for it. NULL:
     * nothing is called. */
    void (*say)(void *context, const char *message);
    void *context;
    void *reserved[4]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_mpi_options;

/* Initialises MPI, if the process has not, and gives the one comm that a process has, which
 * mmoe_mpi_end ends. `options` NULL: 600 seconds. MMOE_E_ARGUMENT: a number of ranks that is no
 * power of two or above 64; a process that is alone though its launcher has started several, as
 * another MPI's does. MMOE_E_IO: MPI failed. */
MMOE_API mmoe_status mmoe_mpi_start(const mmoe_mpi_options *options, struct mmoe_comm **out,
                                    mmoe_error *err);

/* Which rank this is, 0 to size - 1, and of how many. Neither may be NULL. */
MMOE_API void mmoe_mpi_place(const struct mmoe_comm *comm, int *rank, int *size);

/* How a rank's work came out. */
typedef struct mmoe_mpi_ending {
    int status;          /* that the process wants to exit with; 0: done */
    const char *message; /* why it failed; NULL or "": nothing to say */
    /* Called in one rank for what others have said of their failures, each sentence once and none
     * that is this rank's own message; in another only where that one does not answer. NULL:
     * nothing is called. */
    void (*say)(void *context, int rank, const char *message);
    void *context;
    void *reserved[4]; /* NULL; not checked, as ending cannot fail */
} mmoe_mpi_ending;

/* Ends the job, called by every rank when it has done or failed, and once. A failure reaches ranks
 * that wait for this one, or will: they fail with "rank R: `message`". Returns what each process
 * exits with, the first failure's status, when all have ended; where one does not, or bytes were
 * under way, it does not return: MPI ends all processes of the job with that status. */
MMOE_API int mmoe_mpi_end(struct mmoe_comm *comm, const mmoe_mpi_ending *ending);

#ifdef __cplusplus
}
#endif

#endif
