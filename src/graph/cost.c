#include "graph/cost.h"

#include "graph/op.h"

static mmoe_cost cost_of(const mmoe_plan *p, int32_t node, const mmoe_timed *what) {
    const mmoe_op_kind *op = mmoe_op_of(p, node);
    if (op->cost) return op->cost(p, node, what);
    return (mmoe_cost){0, what->rows * 4 * p->nodes[node].columns};
}

static void add_slice(const mmoe_run *r, int worker, mmoe_slice slice, mmoe_cost cost) {
    slice.flops = cost.flops;
    slice.bytes = cost.bytes;
    mmoe_profile_add(r->profile, worker, &slice);
}

void mmoe_run_step_done(mmoe_run *r, int32_t node, int pass, const mmoe_span *s, double start) {
    if (!r->profile) return;
    const mmoe_slice slice = {.start = start, .node = node, .chunk = s->chunk, .pass = pass};
    add_slice(r, s->worker, slice, cost_of(r->plan, node, &(mmoe_timed){pass, NULL, s->rows}));
}

void mmoe_run_barrier_done(mmoe_run *r, mmoe_step step, double start) {
    if (!r->profile) return;
    mmoe_slice slice = {.start = start, .node = step.node, .chunk = -1};
    slice.pass = step.backward ? MMOE_PASS_BACKWARD_BARRIER : MMOE_PASS_BARRIER;
    add_slice(r, 0, slice, (mmoe_cost){0});
}

void mmoe_run_task_done(const mmoe_run *r, int worker, int pass, const mmoe_weight_task *task,
                        double start) {
    if (!r->profile) return;
    const mmoe_slice slice = {.start = start, .node = task->node, .chunk = -1, .pass = pass};
    const mmoe_timed what = {pass, task, r->batch ? r->batch->rows : 0};
    add_slice(r, worker, slice, cost_of(r->plan, task->node, &what));
}

void mmoe_run_sink(mmoe_run *r, int worker, int32_t node, const mmoe_gradient *g) {
    const double start = mmoe_run_clock(r);
    r->sink(r->sink_context, g);
    if (!r->profile) return;
    const mmoe_slice slice = {.start = start, .node = node, .chunk = -1, .pass = MMOE_PASS_UPDATE};
    const double bytes = 28.0 * (double)(g->rows * g->cols); /* w, m, v twice; g */
    add_slice(r, worker, slice, (mmoe_cost){0, bytes});
}
