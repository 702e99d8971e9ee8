/* A training step, here of a layer with batch norm. Each chunk of rows goes through a phase's steps
 * on its own, in whichever worker takes it; nobody passes a barrier before all chunks have come.
 *
 *             phase 0           phase 1                    phase 2         weights (plan_tasks.c)
 *   chunk 0 | gather z sums  |  a .. loss .. da, sums  |  dz dx ..  |  task 0, over all rows
 *   chunk 1 | gather z sums  |  a .. loss .. da, sums  |  dz dx ..  |  task 1, over all rows
 *   chunk 2 | gather z sums  |  a .. loss .. da, sums  |  dz dx ..  |  task 2, over all rows
 *                            ^                         ^            ^
 *              mean and variance of z      means of da and da z     no chunk is left
 *
 * A plan that replays has one barrier more, in front of the losses (loss_phase); one that probes
 * another, where the gradient at the shared representation is whole (shared_phase). */
#include "graph/plan.h"

#include "base/error.h"
#include "graph/distinct.h"
#include "graph/op.h"
#include "graph/plan_parts.h"

/* A smaller batch may have larger segments, as its chunks are smaller. */
static int32_t find_room(const mmoe_plan *p) {
    int32_t most = p->ranks > 1 ? 1 : p->max_rows, first;
    for (int32_t rows = 1; p->ranks > 1 && rows <= p->max_rows; rows++) {
        const mmoe_cut whole = mmoe_plan_cut(p, rows);
        const int32_t own = mmoe_plan_share(p, &whole, 0, &first).rows;
        if (own > most) most = own;
    }
    return most;
}

int32_t mmoe_plan_shared_cols(const mmoe_plan *p) {
    int32_t cols = 0;
    for (int32_t i = 0; i < p->graph->n_shared; i++) cols += p->graph->shared[i].cols;
    return cols;
}

static mmoe_status make_parts(mmoe_plan *p, const mmoe_plan_request *wanted, mmoe_error *err) {
    const size_t n = (size_t)p->graph->n_node;
    p->nodes = mmoe_alloc_zero(&p->alloc, n, sizeof *p->nodes);
    if (!p->nodes) return mmoe_fail_memory(err, n * sizeof *p->nodes);
    for (size_t i = 0; i < n; i++) p->nodes[i].op = mmoe_ops[p->graph->nodes[i].op];
    if (mmoe_plan_distinct(p, wanted->first_layer, wanted->list_elements, err))
        return MMOE_E_MEMORY;
    mmoe_plan_fuse(p);
    if (mmoe_plan_phases(p, err) || mmoe_plan_memory(p, err) || mmoe_plan_reads(p, err))
        return MMOE_E_MEMORY;
    const mmoe_rows most = {.rows = p->max_rows};
    const mmoe_status status = mmoe_plan_tasks(p, err);
    return status ? status : mmoe_plan_admit(p, &most, err);
}

mmoe_status mmoe_plan_admit(const mmoe_plan *p, const mmoe_rows *batch, mmoe_error *err) {
    const mmoe_cut cut = mmoe_plan_cut(p, batch->rows);
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; p->n_prepare && i < p->graph->n_node && !status; i++)
        if (mmoe_op_of(p, i)->admit) status = mmoe_op_of(p, i)->admit(p, i, batch, &cut, err);
    return status;
}

size_t mmoe_plan_admitted(const mmoe_plan *p) {
    size_t bytes = 0;
    for (int32_t i = 0; p->n_prepare && i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->admitted) bytes += mmoe_op_of(p, i)->admitted(p, i);
    return bytes;
}

mmoe_status mmoe_plan_create(const mmoe_plan_request *wanted, mmoe_plan **out, mmoe_error *err) {
    const int32_t rows = wanted->max_rows;
    if (mmoe_kernels_check(err)) return MMOE_E_ARGUMENT;
    mmoe_allocator a = mmoe_allocator_or_default(wanted->alloc);
    mmoe_plan *p = mmoe_alloc_zero(&a, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    p->alloc = a;
    p->graph = wanted->graph;
    p->params = wanted->params;
    p->pool = wanted->pool;
    p->kind = wanted->kind;
    p->training = p->kind >= MMOE_PLAN_TRAIN;
    p->kernels = mmoe_kernels_best();
    p->workers = p->pool ? mmoe_pool_workers(p->pool) : 1;
    p->max_rows = rows;
    p->segments = p->training && wanted->segments ? wanted->segments : 1;
    p->peers = wanted->peers;
    p->rank = p->peers ? p->peers->rank : 0;
    p->ranks = p->peers ? p->peers->size : 1;
    p->own_segments = p->segments / p->ranks;
    p->room_rows = find_room(p);
    p->max_chunk = p->training ? mmoe_plan_cut(p, rows).chunk : MMOE_CHUNK;
    if (p->max_chunk > rows) p->max_chunk = rows;
    const int32_t chunk =
                      p->training ? MMOE_MOST_CHUNK : p->max_chunk, /* the size of most of them */
        chunks = (rows + chunk - 1) / chunk, least = p->segments > 8 ? p->segments : 8;
    /* In training eight, or one a segment, until they are the largest. */
    p->max_chunks = chunks > least ? chunks : least;
    if (make_parts(p, wanted, err)) {
        mmoe_plan_free(p);
        return MMOE_E_MEMORY;
    }
    *out = p;
    return MMOE_OK;
}

void mmoe_plan_free(mmoe_plan *p) {
    if (!p) return;
    mmoe_allocator a = p->alloc;
    for (int32_t i = 0; p->n_prepare && i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->leave) mmoe_op_of(p, i)->leave(p, i);
    mmoe_release_aligned(&a, p->arena);
    mmoe_release_aligned(&a, p->ids);
    mmoe_release_aligned(&a, p->working);
    mmoe_release_aligned(&a, p->scratch);
    mmoe_plan_distinct_free(p);
    void *rest[] = {p->values, p->grads, p->flags, p->nodes,    p->steps,
                    p->phases, p->tasks, p->packs, p->prepares, p};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) mmoe_release(&a, rest[i]);
}
