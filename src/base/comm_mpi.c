/* Exchanges over MPI: a message from each rank to each that has bytes for it, in chunks one behind
 * the other. */
#include "base/comm_mpi.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"

mmoe_status mmoe_mpi_fail(mmoe_error *err, int code, const char *what) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(code, text, &length);
    return mmoe_fail(err, MMOE_E_IO, "%s: %s", what, text);
}

/* Whether an exchange can be finished although some rank has failed: the rank that failed had
 * finished it, so its bytes are there. All ranks then agree on what the exchange told them (that
 * all are to stop, say), however quick each of them was. */
static bool is_finishable(const mmoe_mpi *m, int way, uint64_t number) {
    return !m->failure.code || number <= m->finishable[way];
}

static bool can_go_on(const mmoe_mpi *m, int way) {
    return is_finishable(m, way, m->n_started[way]);
}

static mmoe_status report_failure(mmoe_mpi *m, mmoe_error *err) {
    m->has_reported = true;
    if (err) *err = m->failure;
    return m->failure.code;
}

static void stop_all(mmoe_mpi *m) { memset(m->finishable, 0, sizeof m->finishable); }

static void fail(mmoe_mpi *m, int code, const char *what) {
    if (!m->failure.code) mmoe_mpi_fail(&m->failure, code, what);
    stop_all(m);
}

/* Of request i of a way: the rank at the other end, and the bytes in all. */
static int peer_of(const mmoe_mpi *m, int i) { return i % m->comm.size; }

static uint64_t total_of(const mmoe_mpi *m, const mmoe_exchange *e, int i) {
    if (peer_of(m, i) == m->comm.rank) return 0;
    return i < m->comm.size ? e->to_bytes[i] : e->from_bytes[peer_of(m, i)];
}

static uint64_t next_bytes(const mmoe_mpi *m, const mmoe_mpi_way *w, int i) {
    const uint64_t left = total_of(m, w->exchange, i) - w->moved[i];
    return left < m->chunk ? left : m->chunk;
}

/* The next message from or to a rank, if there is one. */
static int post(mmoe_mpi *m, mmoe_mpi_way *w, int i) {
    const mmoe_exchange *e = w->exchange;
    const int peer = peer_of(m, i), bytes = (int)next_bytes(m, w, i);
    w->requests[i] = MPI_REQUEST_NULL;
    if (bytes == 0) return MPI_SUCCESS;
    if (i < m->comm.size)
        return MPI_Irecv((char *)e->to + e->to_at[peer] + w->moved[i], bytes, MPI_BYTE, peer,
                         w->tag, m->data, &w->requests[i]);
    return MPI_Isend((const char *)e->from + e->from_at[peer] + w->moved[i], bytes, MPI_BYTE, peer,
                     w->tag, m->data, &w->requests[i]);
}

static mmoe_status start(mmoe_comm *c, mmoe_comm_way way, const mmoe_exchange *e, mmoe_error *err) {
    mmoe_mpi *m = (mmoe_mpi *)c;
    mmoe_mpi_way *w = &m->ways[way];
    if (!is_finishable(m, way, m->n_started[way] + 1)) return report_failure(m, err);
    m->n_started[way]++;
    /* Tags up to 32767 are what every MPI has. Few exchanges are under way at once, and what one
     * rank sends another stays in its order, so that tags may come again. */
    *w = (mmoe_mpi_way){.exchange = e, .tag = m->n_begun++ % (1 << 14)};
    const int own = c->rank;
    if (e->to_bytes[own] > 0) {
        const char *from = (const char *)e->from + e->from_at[own];
        char *to = (char *)e->to + e->to_at[own];
        if (from != to) memcpy(to, from, e->to_bytes[own]);
    }
    for (int i = 0; i < 2 * c->size; i++) {
        const int code = post(m, w, i);
        if (code) fail(m, code, e->what);
    }
    return can_go_on(m, way) ? MMOE_OK : report_failure(m, err);
}

/* A message has come, or is sent: the next one. */
static void go_on(mmoe_mpi *m, mmoe_mpi_way *w, int i, MPI_Status *status) {
    if (i < m->comm.size) {
        int bytes = 0;
        MPI_Get_count(status, MPI_BYTE, &bytes);
        if ((uint64_t)bytes != next_bytes(m, w, i)) {
            if (!m->failure.code)
                mmoe_comm_fail_unlike(&m->comm, i, w->moved[i] + (uint64_t)bytes, w->exchange,
                                      &m->failure);
            stop_all(m);
            return;
        }
    }
    w->moved[i] += next_bytes(m, w, i);
    const int code = post(m, w, i);
    if (code) fail(m, code, w->exchange->what);
}

/* Takes what is done of an exchange; one that is whole is no more under way. */
static void advance(mmoe_mpi *m, int way) {
    mmoe_mpi_way *w = &m->ways[way];
    int n = 0, done[2 * MMOE_MOST_RANKS];
    MPI_Status statuses[2 * MMOE_MOST_RANKS];
    if (!w->exchange || !can_go_on(m, way)) return;
    const int code = MPI_Testsome(2 * m->comm.size, w->requests, &n, done, statuses);
    if (code == MPI_ERR_IN_STATUS) {
        for (int k = 0; k < n; k++)
            if (statuses[k].MPI_ERROR && statuses[k].MPI_ERROR != MPI_ERR_PENDING)
                fail(m, statuses[k].MPI_ERROR, w->exchange->what);
    } else if (code)
        fail(m, code, w->exchange->what);
    else if (n == MPI_UNDEFINED)
        w->exchange = NULL;
    else
        for (int k = 0; k < n; k++) go_on(m, w, done[k], &statuses[k]);
}

/* What may still come into memory of the exchange is cancelled. */
static void cancel(mmoe_mpi *m, mmoe_mpi_way *w) {
    if (!w->exchange) return;
    for (int i = 0; i < m->comm.size; i++)
        if (w->requests[i] != MPI_REQUEST_NULL) MPI_Cancel(&w->requests[i]);
    int is_done = 0;
    MPI_Status statuses[MMOE_MOST_RANKS];
    MPI_Testall(m->comm.size, w->requests, &is_done, statuses);
    w->exchange = NULL;
}

/* Whether bytes do not come from a rank that has ended: they would have come before its notice. */
static bool is_left_alone(mmoe_mpi *m, int way) {
    const mmoe_mpi_way *w = &m->ways[way];
    if (!m->heard[MMOE_NOTICE_DONE]) return false;
    advance(m, way);
    for (int r = 0; w->exchange && r < m->comm.size; r++)
        if ((m->heard[MMOE_NOTICE_DONE] >> r & 1) && w->requests[r] != MPI_REQUEST_NULL)
            return true;
    return false;
}

/* The time of an exchange is over, or a rank that it needs has ended. */
static void give_up(mmoe_mpi *m, const mmoe_mpi_way *w) {
    if (m->failure.code)
        stop_all(m);
    else
        mmoe_mpi_find_late(m, w->exchange->what);
}

static mmoe_status finish(mmoe_comm *c, mmoe_comm_way way, mmoe_error *err) {
    mmoe_mpi *m = (mmoe_mpi *)c;
    const mmoe_mpi_way *w = &m->ways[way];
    const double began = mmoe_clock();
    while (w->exchange && can_go_on(m, way)) {
        for (int i = 0; i < MMOE_N_WAY; i++) advance(m, i);
        if (!w->exchange || !can_go_on(m, way)) break;
        mmoe_mpi_hear(m);
        const double waited = mmoe_clock() - began;
        const bool is_over = (c->seconds > 0 && waited > c->seconds) ||
                             m->heard[MMOE_NOTICE_WAITING] || is_left_alone(m, way);
        if (is_over && w->exchange && can_go_on(m, way)) give_up(m, w);
        mmoe_mpi_rest(waited);
    }
    if (can_go_on(m, way)) {
        m->n_done[way] = m->n_started[way];
        return MMOE_OK;
    }
    stop_all(m);
    for (int i = 0; i < MMOE_N_WAY; i++) cancel(m, &m->ways[i]);
    return report_failure(m, err);
}

static void abort_rank(mmoe_comm *c, const char *message) {
    mmoe_mpi *m = (mmoe_mpi *)c;
    mmoe_notice notice = {
        .kind = MMOE_NOTICE_FAILED, .status = 1, .is_relayed = m->has_reported, .late = m->late};
    memccpy(notice.text, message, 0, sizeof notice.text - 1);
    mmoe_mpi_say(m, notice);
}

const mmoe_comm_kind mmoe_comm_mpi_kind = {"MPI", start, finish, abort_rank};
