#include "look/gate_meter.h"

#include <math.h>

#include "base/error.h"

#define UNUSED 0.01 /* of an even share */
#define COLLAPSED 0.95

/* Where a gate's sums stand in a set of them. */
static int32_t place_of(const mmoe_gate_meter *m, int32_t gate) {
    return gate + 2 * m->parts->gates[gate].first;
}

mmoe_status mmoe_gate_meter_init(mmoe_gate_meter *m, const mmoe_parts *parts,
                                 const mmoe_model *model, int32_t chunks,
                                 const mmoe_allocator *alloc, mmoe_error *err) {
    *m = (mmoe_gate_meter){
        .alloc = *alloc, .parts = parts, .every = 1, .stride = parts->n_gate + 2 * parts->n_weight};
    const size_t stride = (size_t)m->stride, gates = (size_t)parts->n_gate,
                 weights = (size_t)parts->n_weight;
    m->sums = mmoe_alloc_zero(alloc, stride, sizeof *m->sums);
    m->chunk_sums = mmoe_alloc_zero(alloc, (size_t)chunks * stride, sizeof *m->chunk_sums);
    m->figures = mmoe_alloc_zero(alloc, 2 * weights, sizeof *m->figures);
    m->names = mmoe_alloc(alloc, weights, sizeof *m->names);
    m->use = mmoe_alloc_zero(alloc, gates, sizeof *m->use);
    m->used = mmoe_alloc_zero(alloc, (size_t)parts->n_expert, sizeof *m->used);
    if (!m->sums || !m->chunk_sums || !m->figures || !m->names || !m->use || !m->used)
        return mmoe_fail_memory(err, ((size_t)chunks + 1) * stride * sizeof *m->sums);
    for (size_t i = 0; i < weights; i++) m->names[i] = parts->experts[parts->gate_experts[i]].name;
    for (size_t i = 0; i < gates; i++) {
        const mmoe_gate_part *g = &parts->gates[i];
        m->use[i] = (mmoe_gate_use){.name = g->name,
                                    .level = g->level,
                                    .n_expert = g->n_expert,
                                    .experts = m->names + g->first};
        m->use[i].task = g->task < 0 ? NULL : model->schema->labels[g->task].task;
        m->use[i].mean_weight = m->figures + g->first;
        m->use[i].largest = m->figures + weights + g->first;
    }
    return MMOE_OK;
}

void mmoe_gate_meter_finish(mmoe_gate_meter *m) {
    void *memory[] = {m->sums, m->chunk_sums, m->figures, (void *)(uintptr_t)m->names,
                      m->use,  m->used};
    for (size_t i = 0; i < sizeof memory / sizeof *memory && m->alloc.release; i++)
        mmoe_release(&m->alloc, memory[i]);
}

void mmoe_gate_meter_reset(mmoe_gate_meter *m, int64_t every) {
    for (int32_t i = 0; i < m->stride; i++) m->sums[i] = 0;
    m->rows = 0;
    m->every = every;
}

/* The first row from `row` on that counts. */
static int64_t next_row(const mmoe_gate_meter *m, int64_t row) {
    return (row + m->every - 1) / m->every * m->every;
}

/* sums: entropy, weights [n], rows with the largest weight [n]. */
static void add_row(const float *g, int32_t n, double *sums) {
    double *weights = sums + 1, *largest = weights + n, entropy = 0;
    int32_t most = 0;
    for (int32_t e = 0; e < n; e++) {
        if (!(g[e] == 0)) entropy -= (double)(g[e] * logf(g[e]));
        weights[e] += (double)g[e];
        if (g[e] > g[most]) most = e;
    }
    sums[0] += entropy;
    largest[most]++;
}

void mmoe_gate_meter_take(const mmoe_gate_meter *m, int32_t gate, const mmoe_gate_rows *r) {
    const mmoe_gate_part *part = &m->parts->gates[gate];
    double *sums = m->chunk_sums + (size_t)r->chunk * (size_t)m->stride + place_of(m, gate);
    for (int32_t k = 0; k <= 2 * part->n_expert; k++) sums[k] = 0;
    for (int64_t row = next_row(m, r->first); row < r->first + r->rows; row += m->every)
        add_row(r->value + (size_t)(row - r->first) * (size_t)r->ld + part->col, part->n_expert,
                sums);
}

void mmoe_gate_meter_observe(void *context, const mmoe_plan *p, int32_t node, const mmoe_span *s) {
    const mmoe_gate_meter *m = context;
    const mmoe_node *n = &p->graph->nodes[node];
    if (n->op != MMOE_OP_MIX) return;
    for (int32_t i = 0; i < m->parts->n_gate; i++)
        if (m->parts->gates[i].node == node)
            mmoe_gate_meter_take(m, i,
                                 &(mmoe_gate_rows){s->chunk, s->rows, s->row,
                                                   mmoe_value_at(p, n->u.mix.gates, s),
                                                   p->values[n->u.mix.gates].ld});
}

void mmoe_gate_meter_sum(mmoe_gate_meter *m, int32_t chunks, int64_t first, int32_t rows) {
    for (int32_t k = 0; k < chunks; k++)
        for (int32_t i = 0; i < m->stride; i++)
            m->sums[i] += m->chunk_sums[(size_t)k * (size_t)m->stride + (size_t)i];
    m->rows += (next_row(m, first + rows) - next_row(m, first)) / m->every;
}

void mmoe_gate_meter_add(mmoe_gate_meter *m, const mmoe_run *r) {
    mmoe_gate_meter_sum(m, r->cut.chunks, 0, r->whole.rows);
}

static void find_used(mmoe_gate_meter *m) {
    for (int32_t e = 0; e < m->parts->n_expert; e++) m->used[e] = 0;
    for (int32_t i = 0; i < m->parts->n_gate; i++) {
        const mmoe_gate_part *gate = &m->parts->gates[i];
        for (int32_t k = 0; k < gate->n_expert; k++)
            if (!(m->use[i].mean_weight[k] < UNUSED / gate->n_expert))
                m->used[m->parts->gate_experts[gate->first + k]] = 1;
    }
}

static void judge(const mmoe_gate_meter *m, const mmoe_gate_part *gate, mmoe_gate_use *u) {
    double most = 0;
    u->n_unused = 0;
    for (int32_t k = 0; k < gate->n_expert; k++) {
        if (u->mean_weight[k] > most) most = u->mean_weight[k];
        u->n_unused += !m->used[m->parts->gate_experts[gate->first + k]];
    }
    u->collapsed = gate->n_expert > 1 && (most > COLLAPSED || 2 * u->n_unused >= gate->n_expert);
}

void mmoe_gate_meter_read(mmoe_gate_meter *m) {
    const double rows = m->rows > 0 ? (double)m->rows : (double)NAN;
    for (int32_t i = 0; i < m->parts->n_gate; i++) {
        const mmoe_gate_part *gate = &m->parts->gates[i];
        const double *sums = m->sums + place_of(m, i);
        double *weights = m->figures + gate->first, *largest = weights + m->parts->n_weight;
        for (int32_t k = 0; k < gate->n_expert; k++) {
            weights[k] = sums[1 + k] / rows;
            largest[k] = sums[1 + gate->n_expert + k] / rows;
        }
        m->use[i].entropy = sums[0] / rows;
        m->use[i].normalised_entropy =
            gate->n_expert > 1 ? m->use[i].entropy / log(gate->n_expert) : (double)NAN;
    }
    find_used(m);
    for (int32_t i = 0; i < m->parts->n_gate; i++) judge(m, &m->parts->gates[i], &m->use[i]);
}
