#include "train/ranks.h"

#include "base/error.h"
#include "base/subnormals.h"

/* Numbers that are summed at a time: of losses; of gradients as many as there are, and within these
 * bounds, as what is added up by parts (sums by id) takes a latency each time. */
enum { SOME = 1 << 12, LEAST = 1 << 18, MUCH = 1 << 22 };

/* Keeps the first failure. */
static bool note(mmoe_ranks *r, mmoe_status status, const mmoe_error *why) {
    if (!status) return true;
    r->status = status;
    r->error = *why;
    return false;
}

static mmoe_ranks *ranks_of(mmoe_peers *p) { return (mmoe_ranks *)p; }

/* r->bytes[q] bytes of each rank q, one rank's behind the other's, this one's at `own`. */
static void gather(mmoe_ranks *r, const char *what, const void *own, void *to) {
    mmoe_error why;
    const mmoe_gathering g = {what, own, to, r->bytes};
    if (!r->status) note(r, mmoe_comm_gather(r->comm, &g, &why), &why);
}

static void gather_numbers(mmoe_peers *p, double *numbers, int32_t each) {
    mmoe_ranks *r = ranks_of(p);
    for (int32_t q = 0; q < p->size; q++) r->bytes[q] = (uint64_t)each * sizeof *numbers;
    gather(r, "statistics of a batch", numbers + (size_t)p->rank * (size_t)each, numbers);
}

static void gather_rows(mmoe_peers *p, float *rows, const int32_t *from, int32_t cols) {
    mmoe_ranks *r = ranks_of(p);
    const uint64_t row = (uint64_t)cols * sizeof *rows;
    for (int32_t q = 0; q < p->size; q++) r->bytes[q] = (uint64_t)(from[q + 1] - from[q]) * row;
    gather(r, "scores", rows + (size_t)from[p->rank] * (size_t)cols, rows);
}

static bool sum_numbers(mmoe_peers *p, double *values, int64_t n) {
    mmoe_ranks *r = ranks_of(p);
    mmoe_error why;
    for (int64_t done = 0, some; done < n && !r->status; done += some) {
        some = n - done < SOME ? n - done : SOME;
        note(r, mmoe_comm_sum_doubles(r->sum, values + done, (uint64_t)some, "losses", &why), &why);
    }
    return !r->status;
}

/* As workers add floats. */
static bool sum_gradient(mmoe_peers *p, float *values, int64_t n) {
    mmoe_ranks *r = ranks_of(p);
    mmoe_error why;
    const uint64_t callers = mmoe_subnormals_flush();
    for (int64_t done = 0, some; done < n && !r->status; done += some) {
        some = n - done < r->most ? n - done : r->most;
        note(r, mmoe_comm_sum_floats(r->sum, values + done, (uint64_t)some, "gradients", &why),
             &why);
    }
    mmoe_subnormals_restore(callers);
    return !r->status;
}

static bool sum_parts(mmoe_peers *p, float *values, const int64_t *from) {
    mmoe_ranks *r = ranks_of(p);
    mmoe_error why;
    const uint64_t callers = mmoe_subnormals_flush();
    if (!r->status) note(r, mmoe_comm_sum_parts(r->sum, values, from, "gradients", &why), &why);
    mmoe_subnormals_restore(callers);
    return !r->status;
}

/* Of parts, but for a rank's own. */
static const mmoe_exchange *lay_parts(mmoe_ahead *a, const mmoe_ranks *r,
                                      const mmoe_peer_parts *parts) {
    const uint64_t size = sizeof *parts->to;
    for (int q = 0; q < r->comm->size; q++) {
        const bool is_other = q != r->comm->rank;
        a->from_at[q] = (uint64_t)parts->from_at[q] * size;
        a->from_bytes[q] = is_other ? (uint64_t)(parts->from_end[q] - parts->from_at[q]) * size : 0;
        a->to_at[q] = (uint64_t)parts->to_at[q] * size;
        a->to_bytes[q] = is_other ? (uint64_t)(parts->to_end[q] - parts->to_at[q]) * size : 0;
    }
    a->exchange = (mmoe_exchange){parts->what, parts->from, a->from_at, a->from_bytes,
                                  parts->to,   a->to_at,    a->to_bytes};
    return &a->exchange;
}

static bool exchange_parts(mmoe_peers *p, const mmoe_peer_parts *parts) {
    mmoe_ahead now;
    return mmoe_ranks_exchange(ranks_of(p), lay_parts(&now, ranks_of(p), parts));
}

static bool start(mmoe_ranks *r, mmoe_ahead *a) {
    mmoe_error why;
    if (!r->status)
        a->is_on_its_way = note(r, mmoe_comm_start(r->comm, a->way, &a->exchange, &why), &why);
    return a->is_on_its_way;
}

/* Where something else has failed, too: others may still read what was sent. */
static bool finish(mmoe_ranks *r, mmoe_ahead *a) {
    mmoe_error why;
    const mmoe_status status = a->is_on_its_way ? mmoe_comm_finish(r->comm, a->way, &why) : MMOE_OK;
    a->is_on_its_way = false;
    if (!r->status) note(r, status, &why);
    return !r->status;
}

static void start_parts(mmoe_peers *p, const mmoe_peer_parts *parts) {
    mmoe_ranks *r = ranks_of(p);
    lay_parts(&r->sums, r, parts);
    start(r, &r->sums);
}

static bool finish_parts(mmoe_peers *p) { return finish(ranks_of(p), &ranks_of(p)->sums); }

mmoe_status mmoe_ranks_create(mmoe_comm *comm, const mmoe_params *params, int64_t piece,
                              const mmoe_allocator *alloc, mmoe_ranks **out, mmoe_error *err) {
    const size_t size = (size_t)comm->size;
    mmoe_ranks *r = mmoe_alloc_zero(alloc, 1, sizeof *r);
    if (!r) return mmoe_fail_memory(err, sizeof *r);
    r->peers = (mmoe_peers){.rank = comm->rank,
                            .size = comm->size,
                            .params = &r->dense,
                            .gather = gather_numbers,
                            .gather_rows = gather_rows,
                            .sum = sum_numbers,
                            .sum_gradient = sum_gradient,
                            .sum_parts = sum_parts,
                            .exchange = exchange_parts,
                            .start = start_parts,
                            .finish = finish_parts};
    r->alloc = *alloc;
    r->comm = comm;
    r->sums.way = r->weights.way = MMOE_WAY_AHEAD;
    r->batch.way = MMOE_WAY_NEXT;
    r->bytes = mmoe_alloc(alloc, size, sizeof *r->bytes);
    mmoe_status status = r->bytes ? mmoe_params_dense(params, alloc, &r->dense, err)
                                  : mmoe_fail_memory(err, size * sizeof *r->bytes);
    r->most = r->dense.n_whole < MUCH ? r->dense.n_whole : MUCH;
    if (r->most < LEAST) r->most = LEAST;
    if (!status) r->peers.portions = mmoe_portions_of(&r->dense, comm->size, piece);
    if (!status)
        status = mmoe_comm_sum_create(comm, (uint64_t)r->most * sizeof(float), alloc, &r->sum, err);
    if (status)
        mmoe_ranks_free(r);
    else
        *out = r;
    return status;
}

void mmoe_ranks_free(mmoe_ranks *r) {
    if (!r) return;
    const mmoe_allocator a = r->alloc;
    mmoe_comm_sum_free(r->sum);
    if (r->dense.blocks) mmoe_params_dense_finish(&r->dense);
    mmoe_release(&a, r->bytes);
    mmoe_release(&a, r);
}

mmoe_status mmoe_ranks_status(const mmoe_ranks *r, mmoe_error *err) {
    if (!r || !r->status) return MMOE_OK;
    return mmoe_fail(err, r->status, "%s", r->error.message);
}

bool mmoe_ranks_any(mmoe_ranks *r, bool own) {
    double count = own;
    if (r) r->peers.sum(&r->peers, &count, 1);
    return count > 0;
}

mmoe_status mmoe_ranks_end(mmoe_ranks *r, mmoe_status status, const mmoe_error *why,
                           mmoe_error *err) {
    if (status && status != MMOE_E_CANCELLED && !r->has_ended) {
        mmoe_comm_abort(r->comm, why->message);
        r->has_ended = true;
        if (!r->status) note(r, status, why);
    }
    if (status && err) *err = *why;
    return status;
}

void mmoe_ranks_begin_alone(mmoe_ranks *r) {
    if (r) r->is_alone = true;
}

void mmoe_ranks_end_alone(mmoe_ranks *r) {
    if (r) r->is_alone = false;
}

bool mmoe_ranks_together(mmoe_ranks *r) {
    mmoe_error why;
    if (r->is_alone && !r->status)
        note(r,
             mmoe_fail(&why, MMOE_E_ARGUMENT,
                       "weights are read within a step's callback: of several ranks, which have "
                       "parts of them, the first alone calls it"),
             &why);
    return !r->status;
}

bool mmoe_ranks_exchange(mmoe_ranks *r, const mmoe_exchange *e) {
    mmoe_error why;
    if (!r->status) note(r, mmoe_comm_exchange(r->comm, e, &why), &why);
    return !r->status;
}

bool mmoe_ranks_give(mmoe_ranks *r, const char *what, void *elements, size_t size,
                     const int64_t *from) {
    for (int q = 0; q < r->comm->size; q++) r->bytes[q] = (uint64_t)(from[q + 1] - from[q]) * size;
    gather(r, what, (const char *)elements + (size_t)from[r->comm->rank] * size, elements);
    return !r->status;
}

void mmoe_ranks_give_ahead(mmoe_ranks *r, mmoe_ahead *a, const char *what, void *elements,
                           size_t size, const int64_t *from) {
    const int own = r->comm->rank;
    for (int q = 0; q < r->comm->size; q++) {
        a->from_at[q] = (uint64_t)from[own] * size;
        a->from_bytes[q] = (uint64_t)(from[own + 1] - from[own]) * size;
        a->to_at[q] = (uint64_t)from[q] * size;
        a->to_bytes[q] = (uint64_t)(from[q + 1] - from[q]) * size;
    }
    a->exchange =
        (mmoe_exchange){what, elements, a->from_at, a->from_bytes, elements, a->to_at, a->to_bytes};
    start(r, a);
}

bool mmoe_ranks_take_ahead(mmoe_ranks *r, mmoe_ahead *a) {
    return a->is_on_its_way && finish(r, a);
}

mmoe_status mmoe_ranks_meet(mmoe_ranks *r, const char *what, mmoe_error *err) {
    mmoe_error why;
    if (r && !r->status) note(r, mmoe_comm_barrier(r->comm, what, &why), &why);
    return mmoe_ranks_status(r, err);
}
