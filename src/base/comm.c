#include "base/comm.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

static void count(mmoe_comm *c, const mmoe_exchange *e) {
    for (int r = 0; r < c->size; r++)
        if (r != c->rank && e->from_bytes[r] > 0) {
            c->bytes_sent += e->from_bytes[r];
            c->n_sent++;
        }
}

mmoe_status mmoe_comm_start(mmoe_comm *c, mmoe_comm_way way, const mmoe_exchange *e,
                            mmoe_error *err) {
    if (e->from_bytes[c->rank] != e->to_bytes[c->rank])
        return mmoe_comm_fail_unlike(c, c->rank, e->from_bytes[c->rank], e, err);
    count(c, e);
    return c->kind->start(c, way, e, err);
}

mmoe_status mmoe_comm_finish(mmoe_comm *c, mmoe_comm_way way, mmoe_error *err) {
    if (c->size == 1) return c->kind->finish(c, way, err); /* any number of threads may be here */
    const double began = mmoe_clock();
    const mmoe_status status = c->kind->finish(c, way, err);
    c->seconds_spent += mmoe_clock() - began;
    return status;
}

mmoe_status mmoe_comm_exchange(mmoe_comm *c, const mmoe_exchange *e, mmoe_error *err) {
    const mmoe_status status = mmoe_comm_start(c, MMOE_WAY_NOW, e, err);
    return status ? status : mmoe_comm_finish(c, MMOE_WAY_NOW, err);
}

/* Every rank's bytes go to every other at once. */
static mmoe_status gather_at_once(mmoe_comm *c, const mmoe_gathering *g, const uint64_t *to_at,
                                  mmoe_error *err) {
    uint64_t from_at[MMOE_MOST_RANKS], from_bytes[MMOE_MOST_RANKS];
    for (int r = 0; r < c->size; r++) {
        from_at[r] = 0;
        from_bytes[r] = g->bytes[c->rank];
    }
    const mmoe_exchange e = {g->what, g->from, from_at, from_bytes, g->to, to_at, g->bytes};
    return mmoe_comm_exchange(c, &e, err);
}

/* In each round two neighbouring halves exchange what they have, one rank with one: as many bytes,
 * and fewer messages, one after the other. */
static mmoe_status gather_by_halves(mmoe_comm *c, const mmoe_gathering *g, const uint64_t *to_at,
                                    mmoe_error *err) {
    char *own = (char *)g->to + to_at[c->rank];
    if (g->bytes[c->rank] > 0 && own != g->from) memcpy(own, g->from, g->bytes[c->rank]);
    for (int half = 1; half < c->size; half *= 2) {
        const int peer = c->rank ^ half, mine = c->rank / half * half, its = peer / half * half;
        uint64_t from_at[MMOE_MOST_RANKS] = {0}, from_bytes[MMOE_MOST_RANKS] = {0};
        uint64_t at[MMOE_MOST_RANKS] = {0}, bytes[MMOE_MOST_RANKS] = {0};
        from_at[peer] = to_at[mine];
        from_bytes[peer] = to_at[mine + half] - to_at[mine];
        at[peer] = to_at[its];
        bytes[peer] = to_at[its + half] - to_at[its];
        const mmoe_exchange e = {g->what, g->to, from_at, from_bytes, g->to, at, bytes};
        const mmoe_status status = mmoe_comm_exchange(c, &e, err);
        if (status) return status;
    }
    return MMOE_OK;
}

mmoe_status mmoe_comm_gather(mmoe_comm *c, const mmoe_gathering *g, mmoe_error *err) {
    uint64_t to_at[MMOE_MOST_RANKS + 1] = {0};
    for (int r = 0; r < c->size; r++) to_at[r + 1] = to_at[r] + g->bytes[r];
    const bool is_small = to_at[c->size] <= MMOE_COMM_SMALL;
    return (is_small ? gather_by_halves : gather_at_once)(c, g, to_at, err);
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

const char *mmoe_comm_ranks_text(uint64_t ranks, char text[MMOE_RANKS_SIZE]) {
    size_t used = (size_t)snprintf(text, MMOE_RANKS_SIZE, "%s",
                                   (ranks & (ranks - 1)) == 0 ? "rank " : "ranks ");
    const char *separator = "";
    for (int r = 0; r < MMOE_MOST_RANKS; r++) {
        if (!(ranks >> r & 1)) continue;
        int last = r;
        while (last + 1 < MMOE_MOST_RANKS && (ranks >> (last + 1) & 1)) last++;
        if (last == r + 1) last = r;
        used += (size_t)snprintf(text + used, MMOE_RANKS_SIZE - used, "%s%d", separator, r);
        if (last > r) used += (size_t)snprintf(text + used, MMOE_RANKS_SIZE - used, "-%d", last);
        separator = ", ";
        r = last;
    }
    return text;
}

mmoe_status mmoe_comm_fail_late(const mmoe_comm *c, uint64_t ranks, const char *what,
                                mmoe_error *err) {
    char text[MMOE_RANKS_SIZE];
    return mmoe_fail(err, MMOE_E_IO, "%s: late for %s by %g seconds",
                     mmoe_comm_ranks_text(ranks, text), what, c->seconds);
}

mmoe_status mmoe_comm_fail_ended(uint64_t ranks, const char *what, mmoe_error *err) {
    char text[MMOE_RANKS_SIZE];
    return mmoe_fail(err, MMOE_E_IO, "%s: ended while others wait for %s",
                     mmoe_comm_ranks_text(ranks, text), what);
}

mmoe_status mmoe_comm_fail_unlike(const mmoe_comm *c, int from, uint64_t bytes,
                                  const mmoe_exchange *e, mmoe_error *err) {
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s: rank %d sends %llu bytes where rank %d expects %llu", e->what, from,
                     (unsigned long long)bytes, c->rank, (unsigned long long)e->to_bytes[from]);
}
