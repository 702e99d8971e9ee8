#include "base/comm.h"

#include "base/error.h"

static void count(mmoe_comm *c, const mmoe_exchange *e) {
    for (int r = 0; r < c->size; r++)
        if (r != c->rank && e->from_bytes[r] > 0) {
            c->bytes_sent += e->from_bytes[r];
            c->n_sent++;
        }
}

static mmoe_status start(mmoe_comm *c, mmoe_comm_way way, const mmoe_exchange *e, mmoe_error *err) {
    const uint64_t sent = e->from_bytes[c->rank], wanted = e->to_bytes[c->rank];
    if (sent != wanted)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: rank %d sends %llu bytes to itself and expects %llu", e->what,
                         c->rank, (unsigned long long)sent, (unsigned long long)wanted);
    count(c, e);
    return c->kind->start(c, way, e, err);
}

mmoe_status mmoe_comm_exchange(mmoe_comm *c, const mmoe_exchange *e, mmoe_error *err) {
    const mmoe_status status = start(c, MMOE_WAY_NOW, e, err);
    return status ? status : c->kind->finish(c, MMOE_WAY_NOW, err);
}

mmoe_status mmoe_comm_start(mmoe_comm *c, const mmoe_exchange *e, mmoe_error *err) {
    return start(c, MMOE_WAY_AHEAD, e, err);
}

mmoe_status mmoe_comm_finish(mmoe_comm *c, mmoe_error *err) {
    return c->kind->finish(c, MMOE_WAY_AHEAD, err);
}

mmoe_status mmoe_comm_gather(mmoe_comm *c, const mmoe_gathering *g, mmoe_error *err) {
    uint64_t from_at[MMOE_MOST_RANKS], from_bytes[MMOE_MOST_RANKS], to_at[MMOE_MOST_RANKS];
    uint64_t at = 0;
    for (int r = 0; r < c->size; r++) {
        from_at[r] = 0;
        from_bytes[r] = g->bytes[c->rank];
        to_at[r] = at;
        at += g->bytes[r];
    }
    return mmoe_comm_exchange(c,
                              &(mmoe_exchange){.what = g->what,
                                               .from = g->from,
                                               .from_at = from_at,
                                               .from_bytes = from_bytes,
                                               .to = g->to,
                                               .to_at = to_at,
                                               .to_bytes = g->bytes},
                              err);
}

mmoe_status mmoe_comm_barrier(mmoe_comm *c, const char *what, mmoe_error *err) {
    /* A byte from each, which is there when it has come so far. */
    char from = 0, to[MMOE_MOST_RANKS];
    uint64_t bytes[MMOE_MOST_RANKS];
    for (int r = 0; r < c->size; r++) bytes[r] = 1;
    return mmoe_comm_gather(
        c, &(mmoe_gathering){.what = what, .from = &from, .to = to, .bytes = bytes}, err);
}

void mmoe_comm_abort(mmoe_comm *c, const char *message) { c->kind->abort(c, message); }

mmoe_status mmoe_comm_check_size(int size, mmoe_error *err) {
    if (size >= 1 && size <= MMOE_MOST_RANKS && (size & (size - 1)) == 0) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT, "%d ranks: their number must be a power of two, 1 to %d",
                     size, MMOE_MOST_RANKS);
}
