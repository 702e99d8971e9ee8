/* A job of ranks over MPI, run by test_mpi.sh: rank_program WHAT. */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "mmoe/mpi.h"
#include "rank_cases.h"

static mmoe_status all_cases(mmoe_comm *c, mmoe_error *err) {
    for (const rank_case *k = rank_cases; k->name; k++) {
        const mmoe_status status = k->run(NULL, c, err);
        if (status) return status;
    }
    return MMOE_OK;
}

static mmoe_status meet(mmoe_comm *c, mmoe_error *err) {
    return mmoe_comm_barrier(c, "the gradients", err);
}

/* A rank stays away until it is ended. */
static mmoe_status be_late(mmoe_comm *c, int late, mmoe_error *err) {
    const mmoe_status status = meet(c, err);
    if (status) return status;
    c->seconds = 0.5;
    while (c->rank == late) pause();
    return meet(c, err);
}

static mmoe_status last_is_late(mmoe_comm *c, mmoe_error *err) { return be_late(c, 1, err); }

static mmoe_status first_is_late(mmoe_comm *c, mmoe_error *err) { return be_late(c, 0, err); }

/* In MPI's place: once a rank has told the three others what it waits for, it does nothing until
 * rank 2 has found who is late. */
static int to_tell;

int MPI_Request_free(MPI_Request *request) {
    const int code = PMPI_Request_free(request);
    if (to_tell && --to_tell == 0)
        MPI_Recv(NULL, 0, MPI_BYTE, 2, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return code;
}

/* Rank 1 hears from another that the first is late. */
static mmoe_status first_is_told_late(mmoe_comm *c, mmoe_error *err) {
    to_tell = c->rank == 1 ? 3 : 0;
    const mmoe_status status = be_late(c, 0, err);
    if (c->rank == 2) MPI_Send(NULL, 0, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
    return status;
}

/* The first hangs, and knows nothing of what stops the others. */
static mmoe_status fail_beside_late(mmoe_comm *c, mmoe_error *err) {
    while (c->rank == 0) pause();
    return c->rank == 1 ? mmoe_fail(err, MMOE_E_IO, "the disk is full") : meet(c, err);
}

static mmoe_status fail_alone(mmoe_comm *c, mmoe_error *err) {
    if (c->rank == 1) return mmoe_fail(err, MMOE_E_IO, "the disk is full");
    return meet(c, err);
}

static mmoe_status fail_alike(mmoe_comm *c, mmoe_error *err) {
    (void)c;
    return mmoe_fail(err, MMOE_E_IO, "no file");
}

/* None that ends the job by itself. */
static mmoe_status fail_apart(mmoe_comm *c, mmoe_error *err) {
    return mmoe_fail(err, MMOE_E_IO, c->rank == 1 ? "no memory" : "no file");
}

static mmoe_status leave(mmoe_comm *c, mmoe_error *err) {
    return c->rank == 1 ? MMOE_OK : meet(c, err);
}

static mmoe_status first_leaves(mmoe_comm *c, mmoe_error *err) {
    return c->rank == 0 ? MMOE_OK : meet(c, err);
}

/* As if it were killed. */
static mmoe_status die(mmoe_comm *c, mmoe_error *err) {
    if (c->rank == 1) _exit(3);
    return meet(c, err);
}

static mmoe_status differ(mmoe_comm *c, mmoe_error *err) {
    char from[8] = "", to[8];
    uint64_t at[MMOE_MOST_RANKS] = {0}, sent[MMOE_MOST_RANKS], wanted[MMOE_MOST_RANKS];
    for (int r = 0; r < c->size; r++) sent[r] = wanted[r] = 4;
    if (c->rank == 1) sent[0] = 3;
    return mmoe_comm_exchange(c, &(mmoe_exchange){"letters", from, at, sent, to, at, wanted}, err);
}

/* In MPI's place: rank 0 finds nothing of an exchange before it hears of another's end. */
static bool is_slow;

int MPI_Testsome(int count, MPI_Request requests[], int *n, int done[], MPI_Status statuses[]) {
    if (!is_slow) return PMPI_Testsome(count, requests, n, done, statuses);
    *n = 0;
    return MPI_SUCCESS;
}

int MPI_Iprobe(int source, int tag, MPI_Comm comm, int *has_come, MPI_Status *status) {
    int code;
    do code = PMPI_Iprobe(source, tag, comm, has_come, status);
    while (is_slow && !code && !*has_come);
    is_slow = false;
    return code;
}

/* All are told the same, and end by it. */
static mmoe_status end_told(mmoe_comm *c, mmoe_error *err) {
    is_slow = c->rank == 0;
    const mmoe_status status = meet(c, err);
    return status ? status : mmoe_fail(err, MMOE_E_CONFIG, "the rows differ");
}

static mmoe_status nothing(mmoe_comm *c, mmoe_error *err) {
    (void)c;
    (void)err;
    return MMOE_OK;
}

static const struct {
    const char *name;
    mmoe_status (*run)(mmoe_comm *c, mmoe_error *err);
} jobs[] = {
    {"cases", all_cases},
    {"late", last_is_late},
    {"first-late", first_is_late},
    {"alone", fail_alone},
    {"alike", fail_alike},
    {"apart", fail_apart},
    {"leave", leave},
    {"first-leaves", first_leaves},
    {"die", die},
    {"differ", differ},
    {"nothing", nothing},
    {"told", end_told},
    {"told-late", first_is_told_late},
    {"beside-late", fail_beside_late},
};

static void say(void *context, int rank, const char *message) {
    (void)context;
    fprintf(stderr, "said: rank %d: %s\n", rank, message);
}

static void say_start(void *context, const char *message) {
    (void)context;
    fprintf(stderr, "start: %s\n", message);
}

int main(int argc, char **argv) {
    struct mmoe_comm *c;
    mmoe_error err = {0};
    /* Messages of many chunks, where a case has many bytes. */
    const mmoe_mpi_options options = {.seconds = 300, .chunk = 30000, .say = say_start};
    if (mmoe_mpi_start(&options, &c, &err)) return 1;
    mmoe_status status = mmoe_fail(&err, MMOE_E_ARGUMENT, "no such job");
    for (size_t i = 0; argc == 2 && i < sizeof jobs / sizeof *jobs; i++)
        if (strcmp(argv[1], jobs[i].name) == 0) status = jobs[i].run(c, &err);
    int rank, size;
    mmoe_mpi_place(c, &rank, &size);
    if (status && rank == 0) fprintf(stderr, "own: %s\n", err.message);
    if (!status && rank == 0) fprintf(stderr, "%d ranks did it\n", size);
    return mmoe_mpi_end(
        c, &(mmoe_mpi_ending){.status = status ? 1 : 0, .message = err.message, .say = say});
}
