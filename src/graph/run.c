/* Running a plan: a phase is a loop over chunks, the last one a loop over weight tasks. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "graph/ops.h"

static void run_step(mmoe_plan *p, mmoe_step step, const mmoe_span *s) {
    const mmoe_node *n = &p->graph->nodes[step.node];
    const mmoe_node_state *state = &p->nodes[step.node];
    switch (n->op) {
    case MMOE_OP_INPUT:
        mmoe_input_forward(p, n, s);
        break;
    case MMOE_OP_LINEAR:
        if (step.backward)
            mmoe_linear_backward(p, n, state, s);
        else
            mmoe_linear_forward(p, n, state, s);
        break;
    case MMOE_OP_STATS:
        if (step.backward)
            mmoe_stats_backward(p, n, state->layer, s);
        else
            mmoe_stats_forward(p, n, state->layer, s);
        break;
    case MMOE_OP_APPLY:
        if (step.backward)
            mmoe_apply_backward(p, step.node, state->layer, s);
        else
            mmoe_apply_forward(p, step.node, state->layer, s);
        break;
    case MMOE_OP_GATE:
        if (step.backward)
            mmoe_gate_backward(p, n, state, s);
        else
            mmoe_gate_forward(p, n, state, s);
        break;
    case MMOE_OP_MIX:
        if (step.backward)
            mmoe_mix_backward(p, n, state, s);
        else
            mmoe_mix_forward(p, n, s);
        break;
    case MMOE_OP_ATTEND:
        if (step.backward)
            mmoe_attend_backward(p, n, s);
        else
            mmoe_attend_forward(p, n, s);
        break;
    case MMOE_OP_JOINT:
        if (step.backward)
            mmoe_joint_backward(p, n, state, s);
        else
            mmoe_joint_forward(p, n, s);
        break;
    case MMOE_OP_LOSS:
        if (p->training)
            mmoe_loss_train(p, n, state, s);
        else
            mmoe_loss_predict(p, n, s);
        break;
    }
}

/* GEMM work of a linear node over `rows` rows, the same in each direction, and the bytes of its
 * operands. */
static void linear_cost(const mmoe_node *n, double rows, double *flops, double *bytes) {
    *flops = *bytes = 0;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        double in = k->in.cols, out = k->cols;
        *flops += 2 * rows * in * out;
        *bytes += 4 * (rows * in + rows * out + in * out);
    }
}

/* Bytes of the other nodes: the columns that they read and write once. */
static double row_bytes(const mmoe_plan *p, const mmoe_node *n) {
    double columns = n->out >= 0 ? p->graph->values[n->out].width : 0;
    if (n->op == MMOE_OP_GATE)
        columns *= 2;
    else if (n->in >= 0)
        columns += p->graph->values[n->in].width;
    if (n->op == MMOE_OP_MIX)
        columns += n->u.mix.n_task * n->u.mix.n_expert + n->u.mix.n_expert * n->u.mix.cols;
    if (n->op == MMOE_OP_INPUT) columns *= 2;
    if (n->op == MMOE_OP_LOSS) columns += 3 * n->u.loss.n_task;
    return 4 * columns;
}

static void add_slice(mmoe_plan *p, int worker, int32_t node, int pass, int32_t chunk, double rows,
                      double start) {
    const mmoe_node *n = &p->graph->nodes[node];
    double flops = 0, bytes = rows * row_bytes(p, n);
    if (n->op == MMOE_OP_LINEAR) linear_cost(n, rows, &flops, &bytes);
    mmoe_profile_add(p->profile, worker, node, pass, chunk, start, flops, bytes);
}

static void run_chunk(void *context, int worker, int chunk) {
    mmoe_plan *p = context;
    const mmoe_phase *phase = &p->phases[p->current_phase];
    mmoe_span s = {.worker = worker, .chunk = chunk, .first = chunk * p->chunk};
    s.rows = p->batch->rows - s.first < p->chunk ? p->batch->rows - s.first : p->chunk;
    for (int32_t i = phase->first; i < phase->first + phase->count; i++) {
        double start = mmoe_plan_clock(p);
        run_step(p, p->steps[i], &s);
        if (p->observer && !p->steps[i].backward)
            p->observer(p->observer_context, p, p->steps[i].node, &s);
        if (p->profile)
            add_slice(p, worker, p->steps[i].node,
                      p->steps[i].backward ? MMOE_PASS_BACKWARD : MMOE_PASS_FORWARD, chunk, s.rows,
                      start);
    }
}

/* Hands a gradient on, its time taken apart from the product's. */
void mmoe_plan_sink(mmoe_plan *p, int worker, int32_t node, const mmoe_gradient *gradient) {
    double start = mmoe_plan_clock(p);
    p->sink(p->sink_context, gradient);
    if (p->profile)
        mmoe_profile_add(p->profile, worker, node, MMOE_PASS_UPDATE, -1, start, 0,
                         28.0 * (double)(gradient->rows * gradient->cols)); /* w, m, v twice; g */
}

/* Part of a linear node's work that a weight task does. */
static double share_of(const mmoe_node *n, const mmoe_weight_task *t) {
    double all = 0, mine = 0;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        all += (double)k->cols * k->in.cols;
        if (i >= t->first && i < t->first + t->count) mine += (double)t->rows * k->in.cols;
    }
    return mine / all;
}

static void run_weight_task(void *context, int worker, int task) {
    mmoe_plan *p = context;
    const mmoe_weight_task *t = &p->tasks[task];
    const mmoe_node *n = &p->graph->nodes[t->node];
    if (n->op == MMOE_OP_INPUT)
        mmoe_input_weights(p, n, t, worker);
    else if (n->op == MMOE_OP_LINEAR)
        mmoe_linear_weights(p, n, t, worker);
    else if (n->op == MMOE_OP_MIX)
        mmoe_mix_weights(p, n, worker);
    else
        mmoe_apply_weights(p, n, p->nodes[t->node].layer, worker);
}

/* The gradient's part of a weight task, before its update. */
void mmoe_plan_weights_done(mmoe_plan *p, int worker, const mmoe_weight_task *t, double start) {
    if (!p->profile) return;
    const mmoe_node *n = &p->graph->nodes[t->node];
    double flops = 0, bytes = p->batch->rows * row_bytes(p, n);
    if (n->op == MMOE_OP_LINEAR) {
        linear_cost(n, p->batch->rows, &flops, &bytes);
        flops *= share_of(n, t);
        bytes *= share_of(n, t);
    }
    mmoe_profile_add(p->profile, worker, t->node, MMOE_PASS_WEIGHTS, -1, start, flops, bytes);
}

static void run_loop(mmoe_plan *p, int tasks, mmoe_pool_fn fn) {
    if (p->pool)
        mmoe_pool_run(p->pool, tasks, fn, p);
    else
        for (int t = 0; t < tasks; t++) fn(p, 0, t);
}

/* What is done once, between two phases. */
static void run_barrier(mmoe_plan *p, mmoe_step step) {
    const mmoe_node *n = &p->graph->nodes[step.node];
    const mmoe_node_state *state = &p->nodes[step.node];
    bool stats = n->op == MMOE_OP_STATS && !step.backward,
         sums = n->op == MMOE_OP_APPLY && step.backward, gates = state->balance && !step.backward;
    if (!stats && !sums && !gates) return;
    double start = mmoe_plan_clock(p);
    if (stats)
        mmoe_stats_barrier(p, n, state->layer);
    else if (gates)
        mmoe_gate_barrier(p, n, state);
    else
        mmoe_apply_backward_barrier(p, n, state->layer);
    if (p->profile)
        add_slice(p, 0, step.node, sums ? MMOE_PASS_BACKWARD_BARRIER : MMOE_PASS_BARRIER, -1, 0,
                  start);
}

static const mmoe_node *loss_of(const mmoe_plan *p) {
    return &p->graph->nodes[p->graph->n_node - 1];
}

static void set_batch(mmoe_plan *p, const mmoe_rows *batch, int32_t chunk) {
    p->batch = batch;
    p->chunk = chunk;
    p->chunks = (batch->rows + chunk - 1) / chunk;
}

static void run_pack(void *context, int worker, int task) {
    (void)worker;
    mmoe_plan *p = context;
    mmoe_linear_pack(p, &p->packs[task]);
}

void mmoe_plan_fold(mmoe_plan *p) {
    run_loop(p, p->n_pack, run_pack);
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (p->graph->nodes[i].op == MMOE_OP_APPLY)
            mmoe_apply_fold(p, &p->graph->nodes[i], p->nodes[i].layer);
}

void mmoe_plan_predict(mmoe_plan *p, const mmoe_rows *batch, float *predictions) {
    assert(!p->training && p->n_phase == 1);
    set_batch(p, batch, p->max_chunk);
    p->predictions = predictions;
    p->current_phase = 0;
    run_loop(p, p->chunks, run_chunk);
}

static void run_phases(mmoe_plan *p, int32_t first, int32_t end) {
    for (p->current_phase = first; p->current_phase < end; p->current_phase++) {
        const mmoe_phase *phase = &p->phases[p->current_phase];
        run_loop(p, p->chunks, run_chunk);
        /* Layers without batch norm have sums of their own, but nothing waits for them: any barrier
         * will do. */
        for (int32_t i = phase->first; i < phase->first + phase->count; i++)
            run_barrier(p, p->steps[i]);
    }
}

static void begin_step(mmoe_plan *p, const mmoe_rows *batch, uint64_t seed, uint64_t step) {
    assert(p->training && batch->rows > 0 && batch->rows <= p->max_rows);
    set_batch(p, batch, mmoe_plan_chunk_rows(batch->rows));
    p->seed = seed;
    p->step = step;
    mmoe_plan_fold(p);
    mmoe_loss_begin(p, loss_of(p));
}

static void run_weights(mmoe_plan *p, mmoe_gradient_sink sink, void *context) {
    p->sink = sink;
    p->sink_context = context;
    run_loop(p, p->n_task, run_weight_task);
}

static void write_losses(const mmoe_plan *p, double *task_loss, double *task_weight) {
    const int32_t tasks = p->graph->n_task;
    const double *part = p->nodes[p->graph->n_node - 1].loss_part;
    for (int32_t t = 0; t < tasks; t++) {
        double sum = 0;
        for (int32_t k = 0; k < p->chunks; k++) sum += part[k * tasks + t];
        task_loss[t] = p->task_weight[t] > 0 ? sum / p->task_weight[t] : (double)NAN;
        task_weight[t] = p->task_weight[t];
    }
}

void mmoe_plan_set_factors(mmoe_plan *p, const double *factors) {
    for (int32_t t = 0; t < p->graph->n_task; t++) p->task_factor[t] = factors ? factors[t] : 1;
}

void mmoe_plan_train(mmoe_plan *p, const mmoe_rows *batch, uint64_t seed, uint64_t step,
                     mmoe_gradient_sink sink, void *context, double *task_loss,
                     double *task_weight) {
    begin_step(p, batch, seed, step);
    run_phases(p, 0, p->n_phase);
    run_weights(p, sink, context);
    write_losses(p, task_loss, task_weight);
}

void mmoe_plan_forward(mmoe_plan *p, const mmoe_rows *batch, uint64_t seed, uint64_t step,
                       double *task_loss, double *task_weight) {
    assert(p->kind >= MMOE_PLAN_REPLAY);
    begin_step(p, batch, seed, step);
    run_phases(p, 0, p->loss_phase);
    write_losses(p, task_loss, task_weight);
}

int32_t mmoe_plan_shared_cols(const mmoe_plan *p) {
    int32_t cols = 0;
    for (int32_t i = 0; i < p->graph->n_shared; i++) cols += p->graph->shared[i].cols;
    return cols;
}

/* Rows of the shared representation's gradient, out of the plan or into it. */
typedef struct shared_copy {
    mmoe_plan *plan;
    float *out;
    const float *in;
} shared_copy;

static void copy_shared(void *context, int worker, int chunk) {
    (void)worker;
    const shared_copy *c = context;
    const mmoe_plan *p = c->plan;
    const mmoe_graph *g = p->graph;
    const size_t cols = (size_t)mmoe_plan_shared_cols(p);
    const int32_t end =
        p->batch->rows < (chunk + 1) * p->chunk ? p->batch->rows : (chunk + 1) * p->chunk;
    const mmoe_buffer *grad = &p->grads[g->shared[0].value];
    for (int32_t b = chunk * p->chunk; b < end; b++) {
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

static void run_copy(mmoe_plan *p, shared_copy *c) {
    if (p->pool)
        mmoe_pool_run(p->pool, p->chunks, copy_shared, c);
    else
        for (int32_t k = 0; k < p->chunks; k++) copy_shared(c, 0, k);
}

void mmoe_plan_probe(mmoe_plan *p, float *out) {
    assert(p->kind == MMOE_PLAN_PROBE);
    mmoe_loss_rescale(p, loss_of(p));
    run_phases(p, p->loss_phase, p->shared_phase);
    run_copy(p, &(shared_copy){p, out, NULL});
}

void mmoe_plan_backward(mmoe_plan *p, const float *shared, mmoe_gradient_sink sink, void *context) {
    assert(p->kind >= MMOE_PLAN_REPLAY && (!shared || p->kind == MMOE_PLAN_PROBE));
    mmoe_loss_rescale(p, loss_of(p));
    const int32_t middle = shared ? p->shared_phase : p->loss_phase;
    run_phases(p, p->loss_phase, middle);
    if (shared) run_copy(p, &(shared_copy){p, NULL, shared});
    run_phases(p, middle, p->n_phase);
    run_weights(p, sink, context);
}
