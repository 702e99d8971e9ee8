#include "graph/run.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "graph/cost.h"
#include "graph/gradient_room.h"
#include "graph/op.h"

/* ---- Life ---- */

static size_t most_numbers(const mmoe_plan *p) {
    int32_t most = 0;
    for (int32_t f = 0; f < p->n_phase; f++)
        if (p->phases[f].numbers > most) most = p->phases[f].numbers;
    return (size_t)most * (size_t)p->ranks;
}

mmoe_status mmoe_run_create(const mmoe_plan_request *wanted, mmoe_run **out, mmoe_error *err) {
    const mmoe_allocator a = mmoe_allocator_or_default(wanted->alloc);
    mmoe_plan *plan = NULL;
    const mmoe_status status = mmoe_plan_create(wanted, &plan, err);
    if (status) return status;
    const size_t tasks = (size_t)plan->graph->n_task,
                 sums = tasks * (3 + (size_t)plan->max_chunks) + 1;
    mmoe_run *r = mmoe_alloc_zero(&a, 1, sizeof *r);
    if (!r) {
        mmoe_plan_free(plan);
        return mmoe_fail_memory(err, sizeof *r);
    }
    r->plan = plan;
    r->numbers = mmoe_alloc_zero(&a, most_numbers(plan), sizeof *r->numbers);
    r->task_factor = mmoe_alloc_zero(&a, sums, sizeof *r->task_factor);
    r->task_scale = mmoe_alloc_zero(&a, tasks, sizeof *r->task_scale);
    const size_t whole = plan->peers ? (size_t)plan->peers->params->n_whole : 0;
    if (whole) r->gradient = mmoe_alloc_aligned_zero(&a, whole, sizeof *r->gradient);
    if (!r->numbers || !r->task_factor || !r->task_scale || (whole && !r->gradient)) {
        mmoe_run_free(r);
        return mmoe_fail_memory(err, (sums + whole) * sizeof *r->task_factor);
    }
    r->task_weight = r->task_factor + tasks;
    r->loss_sum = r->task_weight + tasks;
    r->loss_part = r->loss_sum + tasks + 1;
    mmoe_run_set_factors(r, NULL);
    *out = r;
    return MMOE_OK;
}

void mmoe_run_free(mmoe_run *r) {
    if (!r) return;
    const mmoe_allocator a = r->plan->alloc;
    mmoe_plan_free((mmoe_plan *)(uintptr_t)r->plan);
    mmoe_release(&a, r->numbers);
    mmoe_release_aligned(&a, r->gradient);
    mmoe_release(&a, r->task_factor);
    mmoe_release(&a, r->task_scale);
    mmoe_release(&a, r);
}

/* ---- Loops ---- */

static void run_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_op_kind *op = mmoe_op_of(r->plan, node);
    double start = mmoe_run_clock(r);
    if (op->look_up) {
        op->look_up(r, node, s);
        mmoe_run_step_done(r, node, MMOE_PASS_LOOKUP, s, start);
        start = mmoe_run_clock(r);
    }
    op->forward(r, node, s);
    if (r->observer) r->observer(r->observer_context, r->plan, node, s);
    mmoe_run_step_done(r, node, MMOE_PASS_FORWARD, s, start);
}

static void run_chunk(void *context, int worker, int chunk) {
    mmoe_run *r = context;
    const mmoe_plan *p = r->plan;
    const mmoe_phase *phase = &p->phases[r->current_phase];
    mmoe_span s = {worker, chunk, chunk * r->cut.chunk, mmoe_chunk_rows(&r->cut, chunk)};
    s.row = r->first_row + s.first;
    for (int32_t i = phase->first; i < phase->first + phase->count; i++) {
        const mmoe_step step = p->steps[i];
        const mmoe_op_kind *op = mmoe_op_of(p, step.node);
        if (step.backward) {
            const double start = mmoe_run_clock(r);
            op->backward(r, step.node, &s);
            mmoe_run_step_done(r, step.node, MMOE_PASS_BACKWARD, &s, start);
        } else {
            run_forward(r, step.node, &s);
        }
    }
}

static void run_task(void *context, int worker, int task) {
    mmoe_run *r = context;
    const mmoe_weight_task *t = &r->plan->tasks[task];
    mmoe_op_of(r->plan, t->node)->run_task(r, t, worker);
}

static void run_pack(void *context, int worker, int pack) {
    const mmoe_run *r = context;
    const mmoe_weight_task *t = &r->plan->packs[pack];
    const double start = mmoe_run_clock(r);
    mmoe_op_of(r->plan, t->node)->pack(r->plan, t);
    mmoe_run_task_done(r, worker, MMOE_PASS_PACK, t, start);
}

static void run_deal(void *context, int worker, int chunk) {
    (void)worker;
    mmoe_run *r = context;
    const mmoe_plan *p = r->plan;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->deal) mmoe_op_of(p, i)->deal(r, i, chunk);
}

/* A prepare's function of its op, under the pass of prepares. */
static void run_timed(mmoe_run *r, int worker, int prepare,
                      void (*of_op)(mmoe_run *r, const mmoe_weight_task *prepare)) {
    const mmoe_weight_task *t = &r->plan->prepares[prepare];
    const double start = mmoe_run_clock(r);
    of_op(r, t);
    mmoe_run_task_done(r, worker, MMOE_PASS_PREPARE, t, start);
}

static const mmoe_op_kind *op_of_prepare(const mmoe_run *r, int prepare) {
    return mmoe_op_of(r->plan, r->plan->prepares[prepare].node);
}

static void run_prepare(void *context, int worker, int prepare) {
    run_timed(context, worker, prepare, op_of_prepare(context, prepare)->prepare);
}

static void run_refresh(void *context, int worker, int prepare) {
    run_timed(context, worker, prepare, op_of_prepare(context, prepare)->refresh);
}

static void run_take(void *context, int worker, int prepare) {
    run_timed(context, worker, prepare, op_of_prepare(context, prepare)->take);
}

static void run_conclude(void *context, int worker, int prepare) {
    mmoe_run *r = context;
    const mmoe_weight_task *t = &r->plan->prepares[prepare];
    mmoe_op_of(r->plan, t->node)->conclude(r, t, worker);
}

static void run_late_task(void *context, int worker, int task) {
    const mmoe_run *r = context;
    run_task(context, worker, r->plan->n_early + task);
}

static void run_loop(const mmoe_plan *p, int tasks, mmoe_pool_fn fn, void *context) {
    if (p->pool)
        mmoe_pool_run(p->pool, tasks, fn, context);
    else
        for (int t = 0; t < tasks; t++) fn(context, 0, t);
}

/* What this rank adds up for the barrier of a phase. */
static void add_up(mmoe_run *r, const mmoe_phase *phase) {
    const mmoe_plan *p = r->plan;
    double *own = r->numbers + (size_t)p->rank * (size_t)phase->numbers;
    for (int32_t i = phase->first; i < phase->first + phase->count; i++) {
        const mmoe_step step = p->steps[i];
        if (!mmoe_step_waits(p, step)) continue;
        mmoe_op_of(p, step.node)->add_up(r, step.node, step.backward, own);
        own += mmoe_step_numbers(p, step);
    }
}

/* What is done once, between two phases. In a profile the first node's barrier has what is added up
 * for all of them. */
static void run_barrier(mmoe_run *r, const mmoe_phase *phase) {
    const mmoe_plan *p = r->plan;
    const double *numbers = r->numbers;
    double start = mmoe_run_clock(r);
    add_up(r, phase);
    if (p->peers && phase->numbers) p->peers->gather(p->peers, r->numbers, phase->numbers);
    for (int32_t i = phase->first; i < phase->first + phase->count; i++) {
        const mmoe_step step = p->steps[i];
        if (!mmoe_step_waits(p, step)) continue;
        mmoe_op_of(p, step.node)->barrier(r, step.node, step.backward, numbers);
        numbers += mmoe_step_numbers(p, step);
        mmoe_run_barrier_done(r, step, start);
        start = mmoe_run_clock(r);
    }
}

static void run_phases(mmoe_run *r, int32_t first, int32_t end) {
    const mmoe_plan *p = r->plan;
    for (r->current_phase = first; r->current_phase < end; r->current_phase++) {
        run_loop(p, r->cut.chunks, run_chunk, r);
        run_barrier(r, &p->phases[r->current_phase]);
    }
}

static void run_again(void *context, int worker, int task) {
    mmoe_run *r = context;
    const mmoe_weight_task *t = &r->plan->tasks[task];
    const mmoe_op_kind *op = mmoe_op_of(r->plan, t->node);
    if (op->run_again) op->run_again(r, t, worker);
}

static void exchange_sums(mmoe_run *r) {
    const mmoe_plan *p = r->plan;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->exchange) mmoe_op_of(p, i)->exchange(r, i);
    run_loop(p, p->n_early, run_again, r);
}

/* What ops have left on its way. */
static bool finish_exchanges(mmoe_run *r) {
    const mmoe_plan *p = r->plan;
    bool is_well = true;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->finish) is_well &= mmoe_op_of(p, i)->finish(r, i);
    return is_well;
}

static void run_tasks(mmoe_run *r, mmoe_gradient_sink sink, void *context) {
    const mmoe_plan *p = r->plan;
    r->sink = sink;
    r->sink_context = context;
    run_loop(p, p->n_early, run_task, r);
    if (p->peers) exchange_sums(r);
    run_loop(p, p->n_task - p->n_early, run_late_task, r);
}

/* What a rank hands on of the sums over ranks: places of the whole. */
typedef struct handing {
    const mmoe_run *run;
    int64_t first, end;
} handing;

/* The first place of a piece, and how many there are from it on. */
static int64_t piece_of(const handing *h, int piece, int64_t *count) {
    const int64_t first = h->first + (int64_t)piece * MMOE_ROOM_PIECE, left = h->end - first;
    *count = left < MMOE_ROOM_PIECE ? left : MMOE_ROOM_PIECE;
    return first;
}

/* A sum over ranks ends as one over segments does: +0 for -0. */
static void end_piece(void *context, int worker, int piece) {
    (void)worker;
    const handing *h = context;
    int64_t count;
    float *values = h->run->gradient + piece_of(h, piece, &count);
    for (int64_t i = 0; i < count; i++) values[i] += 0.0f;
}

static void hand_on_piece(void *context, int worker, int piece) {
    (void)worker;
    const handing *h = context;
    const mmoe_run *r = h->run;
    int64_t count;
    const int64_t first = piece_of(h, piece, &count);
    mmoe_gradient_hand_on(&(mmoe_gradient_room){r->plan->peers->params, r->gradient}, first, count,
                          r->sink, r->sink_context);
}

/* The sums over ranks of what this one is to hand on. False: something has failed. */
static bool sum_gradient(const mmoe_run *r, handing *out) {
    mmoe_peers *peers = r->plan->peers;
    const mmoe_portions *portions = &peers->portions;
    if (r->sums_whole) {
        *out = (handing){r, 0, peers->params->n_whole};
        return peers->sum_gradient(peers, r->gradient, out->end);
    }
    *out = (handing){r, portions->from[peers->rank], portions->from[peers->rank + 1]};
    return peers->sum_parts(peers, r->gradient, portions->from);
}

/* Several ranks keep their gradients, and each hands on the sums of its portion. */
static void run_weights(mmoe_run *r, mmoe_gradient_sink sink, void *context) {
    const mmoe_plan *p = r->plan;
    if (!p->peers) {
        run_tasks(r, sink, context);
        return;
    }
    handing h;
    run_tasks(r, mmoe_gradient_keep, &(mmoe_gradient_room){p->peers->params, r->gradient});
    const bool is_well = sum_gradient(r, &h);
    if (!finish_exchanges(r) || !is_well) return;
    r->sink = sink;
    r->sink_context = context;
    const int pieces = (int)((h.end - h.first + MMOE_ROOM_PIECE - 1) / MMOE_ROOM_PIECE);
    run_loop(p, pieces, end_piece, &h);
    run_loop(p, pieces, hand_on_piece, &h);
    run_loop(p, p->n_prepare, run_conclude, r);
}

/* ---- Prediction ---- */

void mmoe_run_fold(const mmoe_run *r) {
    const mmoe_plan *p = r->plan;
    run_loop(p, p->n_pack, run_pack, (void *)(uintptr_t)r);
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->fold) mmoe_op_of(p, i)->fold(p, i);
}

void mmoe_run_predict(mmoe_run *r, const mmoe_rows *batch, float *predictions) {
    assert(!r->plan->training && r->plan->n_phase == 1);
    r->batch = batch;
    r->whole = r->cut = mmoe_cut_rows(batch->rows, r->plan->max_chunk, 1);
    r->predictions = predictions;
    r->current_phase = 0;
    run_loop(r->plan, r->cut.chunks, run_chunk, r);
}

/* ---- A step ---- */

static void begin_replay(mmoe_run *r) {
    const mmoe_plan *p = r->plan;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->replay) mmoe_op_of(p, i)->replay(r, i);
}

static void refresh_shared(mmoe_run *r) {
    const mmoe_plan *p = r->plan;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->place) mmoe_op_of(p, i)->place(r, i);
    run_loop(p, p->n_prepare, run_refresh, r);
    bool has_all = true;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->fetch && !mmoe_op_of(p, i)->fetch(r, i)) has_all = false;
    if (has_all) run_loop(p, p->n_prepare, run_take, r);
}

static void prepare_rows(mmoe_run *r) {
    run_loop(r->plan, r->whole.chunks, run_deal, r);
    run_loop(r->plan, r->plan->n_prepare, run_prepare, r);
}

/* Of several ranks: what all of the batch reads. */
static void fetch_rows(mmoe_run *r) {
    prepare_rows(r);
    refresh_shared(r);
}

/* This rank's rows: all know the labels of a whole batch. */
static void take_share(mmoe_run *r, const mmoe_rows *batch) {
    const mmoe_plan *p = r->plan;
    r->cut = mmoe_plan_share(p, &r->whole, p->rank, &r->first_row);
    r->part = mmoe_rows_part(batch, r->first_row, r->cut.rows);
    r->batch = p->peers ? &r->part : batch;
}

static const mmoe_rows *renumber(mmoe_run *r, int32_t first, int32_t end) {
    const mmoe_plan *p = r->plan;
    const mmoe_rows *rows = NULL;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->renumber) rows = mmoe_op_of(p, i)->renumber(r, i, first, end);
    return rows;
}

static void run_renumber(void *context, int worker, int chunk) {
    (void)worker;
    mmoe_run *r = context;
    const int32_t first = chunk * r->whole.chunk;
    renumber(r, first, first + mmoe_chunk_rows(&r->whole, chunk));
}

const mmoe_rows *mmoe_run_fetch(mmoe_run *r, const mmoe_rows *batch) {
    const mmoe_plan *p = r->plan;
    const mmoe_rows_visit refresh = r->refresh;
    struct mmoe_profile *profile = r->profile;
    r->whole = r->cut = mmoe_plan_cut(p, batch->rows);
    r->batch = r->all = batch;
    r->share = 0;
    r->refresh = NULL;
    r->profile = NULL; /* of steps */
    fetch_rows(r);
    run_loop(p, r->whole.chunks, run_renumber, r);
    r->refresh = refresh;
    r->profile = profile;
    return renumber(r, 0, 0);
}

static void begin_step(mmoe_run *r, const mmoe_pass *pass) {
    const mmoe_plan *p = r->plan;
    const mmoe_rows *batch = pass->batch;
    assert(p->training && batch->rows > 0 && batch->rows <= p->max_rows);
    r->whole = r->cut = mmoe_plan_cut(p, batch->rows);
    r->batch = batch;
    r->predictions = pass->scores;
    r->seed = pass->seed;
    r->step = pass->step;
    r->all = batch;
    r->share = p->own_segments * r->whole.segment;
    if (p->peers && p->n_prepare) fetch_rows(r);
    if (r->bring) r->bring(r->bring_context);
    mmoe_run_fold(r);
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->begin) mmoe_op_of(p, i)->begin(r, i);
    take_share(r, batch);
    begin_replay(r);
    if (p->peers || !p->n_prepare) return;
    prepare_rows(r);
    if (r->refresh) run_loop(p, p->n_prepare, run_refresh, r);
}

static void gather_scores(const mmoe_run *r, const mmoe_pass *pass) {
    const mmoe_plan *p = r->plan;
    int32_t from[MMOE_TREE_PARTS + 1];
    for (int32_t q = 0; q < p->ranks; q++) mmoe_plan_share(p, &r->whole, q, &from[q]);
    from[p->ranks] = r->whole.rows;
    p->peers->gather_rows(p->peers, pass->scores, from, p->graph->n_task);
}

static void write_losses(const mmoe_run *r, const mmoe_pass *pass) {
    const mmoe_plan *p = r->plan;
    const int32_t tasks = p->graph->n_task;
    for (int32_t t = 0; t < tasks; t++)
        r->loss_sum[t] = mmoe_cut_sum_doubles(&r->cut, r->loss_part + t, (size_t)tasks);
    r->loss_sum[tasks] = pass->told && *pass->told;
    if (p->peers) p->peers->sum(p->peers, r->loss_sum, tasks + 1);
    if (p->peers && pass->scores) gather_scores(r, pass);
    for (int32_t t = 0; t < tasks; t++) {
        pass->weight[t] = r->task_weight[t];
        pass->loss[t] = pass->weight[t] > 0 ? r->loss_sum[t] / pass->weight[t] : (double)NAN;
    }
    if (pass->told) *pass->told = r->loss_sum[tasks] > 0;
}

void mmoe_run_set_factors(mmoe_run *r, const double *factors) {
    for (int32_t t = 0; t < r->plan->graph->n_task; t++)
        r->task_factor[t] = factors ? factors[t] : 1;
}

void mmoe_run_train(mmoe_run *r, const mmoe_pass *pass, mmoe_gradient_sink sink, void *context) {
    begin_step(r, pass);
    run_phases(r, 0, r->plan->n_phase);
    run_weights(r, sink, context);
    write_losses(r, pass);
}

/* ---- Replays ---- */

void mmoe_run_forward(mmoe_run *r, const mmoe_pass *pass) {
    assert(r->plan->kind >= MMOE_PLAN_REPLAY);
    begin_step(r, pass);
    run_phases(r, 0, r->plan->loss_phase);
    write_losses(r, pass);
}

/* Rows of the shared representation's gradient, out of the plan or into it. */
typedef struct shared_copy {
    const mmoe_run *run;
    float *out;
    const float *in;
} shared_copy;

static void copy_shared(void *context, int worker, int chunk) {
    (void)worker;
    const shared_copy *c = context;
    const mmoe_run *r = c->run;
    const mmoe_plan *p = r->plan;
    const mmoe_graph *g = p->graph;
    const size_t cols = (size_t)mmoe_plan_shared_cols(p);
    const int32_t first = chunk * r->cut.chunk, end = first + mmoe_chunk_rows(&r->cut, chunk);
    const mmoe_buffer *grad = &p->grads[g->shared[0].value];
    for (int32_t b = first; b < end; b++) {
        float *row = grad->base + (size_t)b * (size_t)grad->ld;
        size_t at = (size_t)b * cols;
        for (int32_t i = 0; i < g->n_shared; i++) {
            const mmoe_view *v = &g->shared[i];
            if (c->out)
                memcpy(c->out + at, row + v->col, (size_t)v->cols * sizeof *row);
            else
                memcpy(row + v->col, c->in + at, (size_t)v->cols * sizeof *row);
            at += (size_t)v->cols;
        }
    }
}

void mmoe_run_probe(mmoe_run *r, float *out) {
    const mmoe_plan *p = r->plan;
    assert(p->kind == MMOE_PLAN_PROBE);
    begin_replay(r);
    run_phases(r, p->loss_phase, p->shared_phase);
    run_loop(p, r->cut.chunks, copy_shared, &(shared_copy){r, out, NULL});
}

void mmoe_run_backward(mmoe_run *r, const float *shared, mmoe_gradient_sink sink, void *context) {
    const mmoe_plan *p = r->plan;
    assert(p->kind >= MMOE_PLAN_REPLAY && (!shared || p->kind == MMOE_PLAN_PROBE));
    begin_replay(r);
    const int32_t middle = shared ? p->shared_phase : p->loss_phase;
    run_phases(r, p->loss_phase, middle);
    if (shared) run_loop(p, r->cut.chunks, copy_shared, &(shared_copy){r, NULL, shared});
    run_phases(r, middle, p->n_phase);
    run_weights(r, sink, context);
}
