/* mmoe/mpi.h: ranks over MPI, the library libmmoe-mpi, which uses Open MPI or MPICH. See
 * mmoe/mmoe.h for the conventions. Each process is one rank. It starts and ends together with the
 * others:
 *
 *     struct mmoe_comm *comm;
 *     if (mmoe_mpi_start(&(mmoe_mpi_options){.seconds = 600, .say = print}, &comm, &err)) return 1;
 *     ... work that uses `comm` ...
 *     return mmoe_mpi_end(comm, &(mmoe_mpi_ending){.status = 0});
 *
 * No other MPI calls are needed. One thread must make all of these calls. Like the rest of the
 * library, libmmoe-mpi prints nothing; MPI and its launcher may print. */
#ifndef MMOE_MPI_H
#define MMOE_MPI_H

#include "mmoe/mmoe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The ranks of a job, as seen by one of them. It belongs to the library. */
struct mmoe_comm;

typedef struct mmoe_mpi_options {
    double seconds; /* how long a rank waits for another before the job fails; 0: without limit */
    uint64_t chunk; /* largest size of a message in bytes; 0: 1 GiB. Must be below 2^31, because MPI
                      counts in int */
    /* Called if the start fails. If all ranks have failed in the same way, it is called in one of
     * them, and the others wait for it. NULL: no function is called. */
    void (*say)(void *context, const char *message);
    void *context;
    void *reserved[4]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_mpi_options;

/* Initialises MPI, unless the process has done so, and returns the comm. A process has only one;
 * mmoe_mpi_end ends it. `options` NULL: zeroed options, but 600 seconds. Errors:
 *  - MMOE_E_ARGUMENT: the number of ranks is not a power of two, or is above 64; or the process is
 * alone although its launcher has started several, as happens with the launcher of another MPI.
 *  - MMOE_E_IO: MPI failed. */
MMOE_API mmoe_status mmoe_mpi_start(const mmoe_mpi_options *options, struct mmoe_comm **out,
                                    mmoe_error *err);

/* Writes the number of this rank, 0 to size - 1, to `rank`, and the number of ranks to `size`.
 * Neither may be NULL. */
MMOE_API void mmoe_mpi_place(const struct mmoe_comm *comm, int *rank, int *size);

/* How the work of a rank ended. */
typedef struct mmoe_mpi_ending {
    int status;          /* the exit status that the process wants; 0: success */
    const char *message; /* why it failed; NULL or "": no message */
    /* Called in one rank with the messages of the other ranks that failed: each sentence once, and
     * none that equals this rank's own message. It is called in another rank only if that one does
     * not answer. NULL: no function is called. */
    void (*say)(void *context, int rank, const char *message);
    void *context;
    void *reserved[4]; /* NULL; they are not checked, because an end cannot be refused */
} mmoe_mpi_ending;

/* Ends the job. Every rank calls it exactly once, when it has finished or failed. Ranks that wait
 * for a failed rank, or will do so, fail with "rank R: `message`". When all ranks have ended, it
 * returns the status that each process should exit with: that of the first failure. If a rank does
 * not end, or bytes were still being sent, it does not return: MPI ends all processes of the job
 * with that status. */
MMOE_API int mmoe_mpi_end(struct mmoe_comm *comm, const mmoe_mpi_ending *ending);

#ifdef __cplusplus
}
#endif

#endif
