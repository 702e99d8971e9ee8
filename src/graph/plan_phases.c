/* The steps of a pass, and the phases that they fall into. */
#include "base/error.h"
#include "graph/op.h"
#include "graph/plan_parts.h"

static void add_step(mmoe_plan *p, int32_t node, bool backward) {
    p->steps[p->n_step++] = (mmoe_step){node, backward};
}

static int32_t first_open(const mmoe_plan *p) {
    return p->n_phase ? p->phases[p->n_phase - 1].first + p->phases[p->n_phase - 1].count : 0;
}

static void end_phase(mmoe_plan *p) {
    mmoe_phase phase = {.first = first_open(p)};
    phase.count = p->n_step - phase.first;
    for (int32_t i = phase.first; i < p->n_step; i++)
        phase.numbers += mmoe_step_numbers(p, p->steps[i]);
    p->phases[p->n_phase++] = phase;
}

static void break_phase(mmoe_plan *p) {
    if (p->n_step > first_open(p)) end_phase(p);
}

static bool ends_phase(const mmoe_plan *p, int32_t node, bool backward) {
    const mmoe_op_kind *op = mmoe_op_of(p, node);
    return op->waits && op->waits(&p->graph->nodes[node], backward) == MMOE_BARRIER_NOW;
}

static void add_forward(mmoe_plan *p) {
    for (int32_t i = 0; i < p->graph->n_node; i++) {
        if (mmoe_op_of(p, i)->training && !p->training) continue;
        add_step(p, i, false);
        if (p->training && ends_phase(p, i, false)) end_phase(p);
    }
}

static void add_backward(mmoe_plan *p) {
    const mmoe_graph *g = p->graph;
    for (int32_t i = g->n_node - 1; i >= 0; i--) {
        const mmoe_op_kind *op = mmoe_op_of(p, i);
        if (op->ends && p->kind == MMOE_PLAN_TRAIN) continue;
        if (p->kind == MMOE_PLAN_PROBE && g->nodes[i].out == g->shared[0].value) {
            break_phase(p);
            p->shared_phase = p->n_phase;
        }
        if (!op->backward) continue;
        add_step(p, i, true);
        if (ends_phase(p, i, true)) end_phase(p);
    }
}

mmoe_status mmoe_plan_phases(mmoe_plan *p, mmoe_error *err) {
    const size_t most = 2 * (size_t)p->graph->n_node;
    const bool replays = p->kind >= MMOE_PLAN_REPLAY;
    p->steps = mmoe_alloc(&p->alloc, most, sizeof *p->steps);
    p->phases = mmoe_alloc(&p->alloc, most, sizeof *p->phases);
    if (!p->steps || !p->phases)
        return mmoe_fail_memory(err, most * (sizeof *p->steps + sizeof *p->phases));
    add_forward(p);
    if (replays) {
        break_phase(p);
        p->loss_phase = p->n_phase;
    }
    if (p->training) add_backward(p);
    if (replays)
        break_phase(p);
    else
        end_phase(p);
    return MMOE_OK;
}
