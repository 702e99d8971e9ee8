/* Ranks tell each other what stops them. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/comm_mpi.h"
#include "base/error.h"

/* Within which a rank that waits, and so hears, answers. */
static const double answer_seconds = 2;

void mmoe_mpi_rest(double seconds_so_far) {
    if (seconds_so_far < 2e-2) /* a nap's end would be late for what takes milliseconds */
        sched_yield();
    else {
        const long pause = seconds_so_far < 0.1 ? 20000 : 500000;
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    }
}

void mmoe_mpi_say(mmoe_mpi *m, mmoe_notice notice) {
    if (m->has_said[notice.kind]) return;
    m->has_said[notice.kind] = true;
    memcpy(notice.n_done, m->n_done, sizeof notice.n_done);
    m->said[notice.kind] = notice;
    for (int r = 0; r < m->comm.size; r++) {
        MPI_Request request = MPI_REQUEST_NULL;
        if (r == m->comm.rank) continue;
        /* Where not even that can be sent, the other's time ends. */
        if (MPI_Isend(&m->said[notice.kind], sizeof notice, MPI_BYTE, r, 0, m->notices, &request) ==
            MPI_SUCCESS)
            MPI_Request_free(&request);
    }
}

static void take(mmoe_mpi *m, int rank, const mmoe_notice *notice) {
    m->heard[notice->kind] |= (uint64_t)1 << rank;
    m->from[rank] = *notice;
    if (m->is_ending || notice->kind != MMOE_NOTICE_FAILED) return;
    for (int w = 0; w < MMOE_N_WAY; w++)
        if (!m->failure.code || notice->n_done[w] < m->finishable[w])
            m->finishable[w] = notice->n_done[w];
    if (m->failure.code) return;
    m->late = notice->late;
    if (notice->is_relayed)
        mmoe_fail(&m->failure, MMOE_E_IO, "%s", notice->text);
    else {
        mmoe_fail(&m->failure, MMOE_E_IO, "rank %d: %s", rank, notice->text);
        m->failed_by = rank;
    }
}

void mmoe_mpi_hear(mmoe_mpi *m) {
    for (;;) {
        int has_come = 0;
        MPI_Status status;
        mmoe_notice notice;
        if (MPI_Iprobe(MPI_ANY_SOURCE, 0, m->notices, &has_come, &status) || !has_come) return;
        const int rank = status.MPI_SOURCE;
        if (MPI_Recv(&notice, sizeof notice, MPI_BYTE, rank, 0, m->notices, MPI_STATUS_IGNORE))
            return;
        notice.text[sizeof notice.text - 1] = 0;
        if (notice.kind >= 0 && notice.kind < MMOE_N_NOTICE) take(m, rank, &notice);
    }
}

/* All wait: for what each does. */
static void fail_standing(mmoe_mpi *m, const char *what) {
    for (int r = 0; r < m->comm.size; r++)
        if (r != m->comm.rank && strcmp(m->from[r].text, what) != 0) {
            mmoe_fail(&m->failure, MMOE_E_IO, "rank %d waits for %s, and rank %d for %s",
                      m->comm.rank, what, r, m->from[r].text);
            return;
        }
    mmoe_fail(&m->failure, MMOE_E_IO, "all ranks wait for %s, and its bytes do not come", what);
}

void mmoe_mpi_find_late(mmoe_mpi *m, const char *what) {
    mmoe_notice notice = {.kind = MMOE_NOTICE_WAITING};
    snprintf(notice.text, sizeof notice.text, "%s", what);
    mmoe_mpi_say(m, notice);
    const uint64_t others = mmoe_mpi_others(m);
    const double began = mmoe_clock();
    while (!m->failure.code && (others & ~m->heard[MMOE_NOTICE_WAITING]) &&
           mmoe_clock() - began < answer_seconds) {
        mmoe_mpi_rest(1);
        mmoe_mpi_hear(m);
    }
    if (m->failure.code) return;
    m->late = others & ~m->heard[MMOE_NOTICE_WAITING];
    const uint64_t ended = m->late & m->heard[MMOE_NOTICE_DONE];
    if (!m->late)
        fail_standing(m, what);
    else if (ended)
        mmoe_comm_fail_ended(ended, what, &m->failure);
    else
        mmoe_comm_fail_late(&m->comm, m->late, what, &m->failure);
}
