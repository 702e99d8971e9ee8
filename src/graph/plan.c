#include "graph/plan_parts.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

enum {
    CHUNK = 256, /* rows: GEMMs of 256 rows run within 4 % of the whole batch's, and stay in a
                    core's L2 */
    MOST_CHUNK = 1024
};

int32_t mmoe_plan_chunk_rows(int32_t rows) {
    int32_t eighth = ((rows + 7) / 8 + 15) / 16 * 16;
    return eighth < CHUNK ? CHUNK : eighth > MOST_CHUNK ? MOST_CHUNK : eighth;
}

/* ---- Phases ---- */

static void add_step(mmoe_plan *p, int32_t node, int backward) {
    p->steps[p->n_step++] = (mmoe_step){node, backward};
}

static void end_phase(mmoe_plan *p) {
    int32_t first =
        p->n_phase ? p->phases[p->n_phase - 1].first + p->phases[p->n_phase - 1].count : 0;
    p->phases[p->n_phase++] = (mmoe_phase){first, p->n_step - first};
}

/* A phase ends behind the statistics of a batch norm, behind the backward step of the layer that
 * has one, and behind gates whose experts' importance is evened out. */
static bool ends_phase(const mmoe_node *n, bool backward) {
    switch (n->op) {
    case MMOE_OP_STATS:
        return !backward;
    case MMOE_OP_APPLY:
        return backward && n->u.apply.stats >= 0;
    case MMOE_OP_GATE:
        return !backward && n->u.gate.how.balance > 0;
    default:
        return false;
    }
}

static void break_phase(mmoe_plan *p) {
    const int32_t ended =
        p->n_phase ? p->phases[p->n_phase - 1].first + p->phases[p->n_phase - 1].count : 0;
    if (p->n_step > ended) end_phase(p);
}

static void plan_forward(mmoe_plan *p) {
    const mmoe_graph *g = p->graph;
    for (int32_t i = 0; i < g->n_node; i++) {
        if (g->nodes[i].op == MMOE_OP_STATS && !p->training) continue;
        add_step(p, i, 0);
        if (p->training && ends_phase(&g->nodes[i], false)) end_phase(p);
    }
}

/* The loss's gradient is a part of its forward step, and taken anew by each replay; that of the
 * input is taken by the weight tasks. */
static void plan_backward(mmoe_plan *p) {
    const mmoe_graph *g = p->graph;
    for (int32_t i = g->n_node - 1; i >= 0; i--) {
        const mmoe_node *n = &g->nodes[i];
        if (n->op == MMOE_OP_LOSS && p->kind == MMOE_PLAN_TRAIN) continue;
        if (p->kind == MMOE_PLAN_PROBE && n->out == g->shared[0].value) {
            break_phase(p);
            p->shared_phase = p->n_phase;
        }
        if (n->op == MMOE_OP_INPUT) continue;
        add_step(p, i, 1);
        if (ends_phase(n, true)) end_phase(p);
    }
}

static void plan_phases(mmoe_plan *p) {
    plan_forward(p);
    if (p->kind >= MMOE_PLAN_REPLAY) {
        break_phase(p);
        p->loss_phase = p->n_phase;
    }
    if (p->training) plan_backward(p);
    if (p->kind >= MMOE_PLAN_REPLAY)
        break_phase(p);
    else
        end_phase(p);
}

/* ---- Memory of values and gradients ---- */

/* When a buffer is first written and last read: a phase in training, a step when predicting. */
typedef struct lifetime {
    int32_t first, last, ld;
    size_t floats, offset;
} lifetime;

static void touch(lifetime *l, int32_t when) {
    if (when < l->first) l->first = when;
    if (when > l->last) l->last = when;
}

static void touch_inputs(const mmoe_plan *p, const mmoe_node *n, lifetime *of, int32_t when) {
    switch (n->op) {
    case MMOE_OP_LINEAR:
        for (int32_t i = 0; i < n->u.linear.n_block; i++)
            touch(&of[n->u.linear.blocks[i].in.value], when);
        break;
    case MMOE_OP_MIX:
        touch(&of[n->u.mix.gates], when);
        touch(&of[n->u.mix.experts], when);
        for (int32_t i = 0; i < p->graph->n_node; i++) /* its relu may be taken here */
            if (p->graph->nodes[i].op == MMOE_OP_APPLY &&
                p->graph->nodes[i].out == n->u.mix.experts)
                touch(&of[p->graph->nodes[i].in], when);
        break;
    case MMOE_OP_JOINT:
        for (int i = 0; i < 2; i++) touch(&of[n->u.joint.logits[i].value], when);
        break;
    case MMOE_OP_LOSS:
        for (int32_t i = 0; i < n->u.loss.n_task; i++) touch(&of[n->u.loss.logits[i].value], when);
        break;
    default:
        if (n->in >= 0) touch(&of[n->in], when);
    }
}

static void step_lifetimes(const mmoe_plan *p, mmoe_step step, int32_t when, int32_t end,
                           lifetime *values, lifetime *grads) {
    const mmoe_node *n = &p->graph->nodes[step.node];
    touch_inputs(p, n, values, when);
    if (n->out >= 0) touch(&values[n->out], when);
    if (!p->training || (!step.backward && n->op != MMOE_OP_LOSS)) return;
    touch_inputs(p, n, grads, when);
    if (n->out >= 0) touch(&grads[n->out], when);
    if (n->op == MMOE_OP_LINEAR) { /* its weights' gradient */
        touch_inputs(p, n, values, end);
        touch(&grads[n->out], end);
    }
    if (n->op == MMOE_OP_MIX && n->u.mix.weight >= 0) touch(&grads[n->u.mix.gates], end);
}

/* Lowest free place among the buffers that live at the same time; the arena's size. */
static size_t place(lifetime *l, int32_t count) {
    size_t end = 0;
    for (int32_t i = 0; i < count; i++) {
        l[i].offset = 0;
        for (int32_t j = 0; j < i;) {
            bool together = l[i].first <= l[j].last && l[j].first <= l[i].last;
            bool overlap =
                l[i].offset < l[j].offset + l[j].floats && l[j].offset < l[i].offset + l[i].floats;
            if (together && overlap) {
                l[i].offset = l[j].offset + l[j].floats;
                j = 0;
            } else {
                j++;
            }
        }
        if (l[i].offset + l[i].floats > end) end = l[i].offset + l[i].floats;
    }
    return end;
}

static void fill_lifetimes(mmoe_plan *p, lifetime *values, lifetime *grads) {
    const mmoe_graph *g = p->graph;
    const int32_t end = p->n_phase;
    for (int32_t v = 0; v < g->n_value; v++)
        values[v] = grads[v] = (lifetime){.first = INT32_MAX, .last = -1};
    for (int32_t f = 0; f < p->n_phase; f++)
        for (int32_t i = p->phases[f].first; i < p->phases[f].first + p->phases[f].count; i++)
            step_lifetimes(p, p->steps[i], p->training ? f : i, end, values, grads);
    if (p->training) touch(&grads[g->nodes[0].out], end); /* the tables' gradient */
    for (int32_t v = 0; v < g->n_value && p->kind >= MMOE_PLAN_REPLAY;
         v++) /* each replay reads them */
        if (values[v].last >= 0) touch(&values[v], end);
    /* A layer works in place backward: da takes du's memory. */
    for (int32_t i = 0; i < g->n_node; i++)
        if (g->nodes[i].op == MMOE_OP_APPLY) {
            touch(&grads[g->nodes[i].out], grads[g->nodes[i].in].last);
            grads[g->nodes[i].in].first = INT32_MAX;
        }
    size_t rows = (size_t)(p->training ? p->max_rows : p->max_chunk);
    for (int32_t v = 0; v < g->n_value; v++) {
        values[v].ld = mmoe_plan_stride(g->values[v].width);
        values[v].floats = rows * (size_t)values[v].ld;
        bool own = p->training && grads[v].first != INT32_MAX && g->values[v].grad_cols;
        grads[v].ld = own ? mmoe_plan_stride(g->values[v].grad_cols) : 0;
        grads[v].floats = rows * (size_t)grads[v].ld;
    }
}

static mmoe_status plan_values(mmoe_plan *p, mmoe_error *err) {
    const mmoe_graph *g = p->graph;
    const size_t n = (size_t)g->n_value;
    lifetime *l = mmoe_alloc_zero(&p->alloc, 2 * n, sizeof *l);
    p->values = mmoe_alloc_zero(&p->alloc, n, sizeof *p->values);
    p->grads = mmoe_alloc_zero(&p->alloc, n, sizeof *p->grads);
    if (!l || !p->values || !p->grads) {
        mmoe_release(&p->alloc, l);
        return mmoe_fail_memory(err, n * (2 * sizeof *l + 2 * sizeof *p->values));
    }
    fill_lifetimes(p, l, l + n);
    size_t floats = place(l, (int32_t)(2 * n));
    p->worker_stride = p->training ? 0 : floats;
    size_t total = p->training ? floats : floats * (size_t)p->workers;
    p->arena = mmoe_alloc_aligned(&p->alloc, total, sizeof *p->arena);
    const size_t rows =
        p->training ? (size_t)p->max_rows : (size_t)p->max_chunk * (size_t)p->workers;
    p->ids = mmoe_alloc_aligned(&p->alloc, rows * (size_t)g->n_id, sizeof *p->ids);
    if (p->arena)
        for (size_t v = 0; v < n; v++) {
            p->values[v] = (mmoe_buffer){p->arena + l[v].offset, l[v].ld};
            p->grads[v] = (mmoe_buffer){p->arena + l[n + v].offset, l[n + v].ld};
        }
    for (int32_t i = 0; p->arena && i < g->n_node; i++)
        if (g->nodes[i].op == MMOE_OP_APPLY) p->grads[g->nodes[i].in] = p->grads[g->nodes[i].out];
    mmoe_release(&p->alloc, l);
    return p->arena && p->ids
               ? MMOE_OK
               : mmoe_fail_memory(err, (total + rows * (size_t)g->n_id) * sizeof(float));
}

/* ---- Memory of nodes ---- */

static int32_t count_slopes(const mmoe_node *n) {
    int32_t count = 0;
    for (int32_t i = 0; i < n->u.apply.n_segment; i++)
        if (n->u.apply.segments[i].slope >= 0)
            count += n->u.apply.segments[i].cols / n->u.apply.segments[i].group;
    return count;
}

static float *take(float **from, size_t count) {
    float *p = *from;
    if (p) *from += (count + 15) / 16 * 16;
    return p;
}

/* Lays a layer's arrays out from *at; with *at NULL nothing is written and the floats are counted.
 */
static size_t lay_layer(const mmoe_plan *p, const mmoe_node *n, mmoe_layer_state *l, float **at) {
    const size_t width = (size_t)p->graph->values[n->in].width, chunks = (size_t)p->max_chunks;
    const size_t slopes = (size_t)count_slopes(n);
    float **arrays[] = {&l->scale, &l->shift, &l->mean,  &l->rstd,   &l->k0,
                        &l->k1,    &l->k2,    &l->dbias, &l->dgamma, &l->dbeta};
    float **parts[] = {&l->pivot, &l->sum, &l->square, &l->sum_da, &l->sum_daz};
    const size_t n_array = p->training ? sizeof arrays / sizeof *arrays : 2,
                 n_part = p->training ? sizeof parts / sizeof *parts : 0;
    l->slopes = (int32_t)slopes;
    for (size_t i = 0; i < n_array; i++) *arrays[i] = take(at, width);
    for (size_t i = 0; i < n_part; i++) *parts[i] = take(at, width * chunks);
    size_t floats = n_array * mmoe_plan_rounded(width) + n_part * mmoe_plan_rounded(width * chunks);
    if (p->training) {
        l->dslope = take(at, slopes);
        l->slope_part = take(at, slopes * chunks);
        floats += mmoe_plan_rounded(slopes) + mmoe_plan_rounded(slopes * chunks);
    }
    return floats;
}

static size_t lay_nodes(mmoe_plan *p, float *at) {
    const mmoe_graph *g = p->graph;
    size_t floats = 0;
    for (int32_t i = 0; i < g->n_node; i++) {
        const mmoe_node *n = &g->nodes[i];
        if (n->op == MMOE_OP_APPLY) {
            p->nodes[i].layer = &p->layers[i];
            if (n->u.apply.stats >= 0) p->nodes[n->u.apply.stats].layer = &p->layers[i];
            floats += lay_layer(p, n, &p->layers[i], &at);
        } else if (n->op == MMOE_OP_LOSS) {
            size_t count = (size_t)p->workers * 5 * (size_t)p->max_chunk;
            p->nodes[i].scratch = take(&at, count);
            p->nodes[i].loss_part = p->loss_parts;
            floats += mmoe_plan_rounded(count);
        } else if (n->op == MMOE_OP_GATE && p->training && n->u.gate.how.balance > 0) {
            const size_t width = (size_t)g->values[n->out].width,
                         count = (size_t)p->max_chunks * width * sizeof(double) / sizeof(float);
            p->nodes[i].importance = (double *)(void *)take(&at, count);
            p->nodes[i].balance = take(&at, width);
            floats += mmoe_plan_rounded(count) + mmoe_plan_rounded(width);
        }
    }
    return floats;
}

/* Marks where a gradient is the first for its columns and where it is added. Walks the nodes as
 * backward does. `seen` [columns of all values]. */
static int mark(uint8_t *seen, const mmoe_graph *g, mmoe_view v) {
    size_t base = 0;
    for (int32_t i = 0; i < v.value; i++) base += (size_t)g->values[i].width;
    uint8_t *at = seen + base + v.col;
    int add = at[0];
    for (int32_t c = 0; c < v.cols; c++) {
        assert(at[c] == add);
        at[c] = 1;
    }
    return add;
}

static mmoe_status plan_additions(mmoe_plan *p, mmoe_error *err) {
    const mmoe_graph *g = p->graph;
    size_t flags = 0, columns = 0;
    for (int32_t i = 0; i < g->n_node; i++) {
        if (g->nodes[i].op == MMOE_OP_LINEAR) flags += (size_t)g->nodes[i].u.linear.n_block;
        if (g->nodes[i].op == MMOE_OP_MIX)
            flags += (size_t)g->nodes[i].u.mix.n_task * (size_t)g->nodes[i].u.mix.n_expert;
        if (g->nodes[i].op == MMOE_OP_JOINT) flags += 2;
    }
    for (int32_t v = 0; v < g->n_value; v++) columns += (size_t)g->values[v].width;
    p->flags = mmoe_alloc_zero(&p->alloc, flags, 1);
    uint8_t *seen = mmoe_alloc_zero(&p->alloc, columns, 1), *at = p->flags;
    if (!p->flags || !seen) {
        mmoe_release(&p->alloc, seen);
        return mmoe_fail_memory(err, flags + columns);
    }
    for (int32_t i = g->n_node - 1; i >= 0; i--) {
        const mmoe_node *n = &g->nodes[i];
        p->nodes[i].add = at;
        if (n->op == MMOE_OP_LOSS)
            for (int32_t t = 0; t < n->u.loss.n_task; t++) mark(seen, g, n->u.loss.logits[t]);
        if (n->op == MMOE_OP_JOINT)
            for (int k = 0; k < 2; k++) *at++ = (uint8_t)mark(seen, g, n->u.joint.logits[k]);
        if (n->op == MMOE_OP_LINEAR)
            for (int32_t b = 0; b < n->u.linear.n_block; b++)
                *at++ = (uint8_t)mark(seen, g, n->u.linear.blocks[b].in);
        if (n->op == MMOE_OP_MIX)
            for (int32_t k = 0; k < n->u.mix.n_task * n->u.mix.n_expert; k++)
                *at++ = (uint8_t)mark(
                    seen, g, (mmoe_view){n->u.mix.experts, n->u.mix.expert_col[k], n->u.mix.cols});
    }
    mmoe_release(&p->alloc, seen);
    return MMOE_OK;
}

static bool overlap(mmoe_view a, mmoe_view b) {
    return a.value == b.value && a.col < b.col + b.cols && b.col < a.col + a.cols;
}

/* Whether the node reads one of these columns, as far as an apply node's output goes. */
static bool reads(const mmoe_node *n, mmoe_view v) {
    bool any = false;
    switch (n->op) {
    case MMOE_OP_LINEAR:
        for (int32_t i = 0; i < n->u.linear.n_block; i++)
            any |= overlap(n->u.linear.blocks[i].in, v);
        return any;
    case MMOE_OP_GATE:
        for (int32_t i = 0; i < n->u.gate.n_gate; i++)
            any |= overlap((mmoe_view){n->in, n->u.gate.col[i], n->u.gate.n_expert[i]}, v);
        return any;
    case MMOE_OP_MIX: /* gates and experts are columns apart */
        for (int32_t i = 0; i < n->u.mix.n_task * n->u.mix.n_expert; i++)
            any |= overlap((mmoe_view){n->u.mix.experts, n->u.mix.expert_col[i], n->u.mix.cols}, v);
        return any;
    case MMOE_OP_LOSS:
        for (int32_t i = 0; i < n->u.loss.n_task; i++) any |= overlap(n->u.loss.logits[i], v);
        return any;
    default:
        return n->in == v.value;
    }
}

/* Whether every task mixes the same experts, and they are the columns [0, end) of one relu segment.
 */
static bool mixes_segment(const mmoe_node *mix, const mmoe_segment *g) {
    const int32_t pairs = mix->u.mix.n_task * mix->u.mix.n_expert;
    for (int32_t i = 0; i < pairs; i++)
        if (mix->u.mix.expert_col[i] != g->col + i % mix->u.mix.n_expert * mix->u.mix.cols)
            return false;
    return g->act == MMOE_ACT_RELU && g->dropout == 0 &&
           g->cols == mix->u.mix.n_expert * mix->u.mix.cols;
}

/* The relu of the experts in front of a mix node is taken into it, where nothing else reads their
 * output: it is then neither written nor read, which for many experts is half of all traffic beside
 * the GEMMs. */
static void plan_relus(mmoe_plan *p) {
    const mmoe_graph *g = p->graph;
    for (int32_t i = 0; i < g->n_node; i++) p->nodes[i].relu_of = p->nodes[i].mixed_segment = -1;
    for (int32_t m = 0; m < g->n_node && p->kind != MMOE_PLAN_INSPECT; m++) {
        const mmoe_node *mix = &g->nodes[m];
        if (mix->op != MMOE_OP_MIX || mix->u.mix.cols % p->kernels->mix_cols) continue;
        if (p->kind == MMOE_PLAN_PROBE && mix->u.mix.experts == g->shared[0].value)
            continue; /* its gradient is wanted, not its relu's */
        int32_t from = -1, segment = -1, readers = 0;
        for (int32_t i = 0; i < g->n_node; i++)
            if (g->nodes[i].op == MMOE_OP_APPLY && g->nodes[i].out == mix->u.mix.experts) from = i;
        for (int32_t i = 0; from >= 0 && i < g->nodes[from].u.apply.n_segment; i++)
            if (mixes_segment(mix, &g->nodes[from].u.apply.segments[i])) segment = i;
        if (segment < 0) continue;
        const mmoe_segment *experts = &g->nodes[from].u.apply.segments[segment];
        for (int32_t i = 0; i < g->n_node; i++)
            readers += i != m && reads(&g->nodes[i], (mmoe_view){mix->u.mix.experts, experts->col,
                                                                 experts->cols});
        if (readers) continue;
        p->nodes[m].relu_of = from;
        p->nodes[from].mixed_segment = segment;
    }
}

static mmoe_status plan_nodes(mmoe_plan *p, mmoe_error *err) {
    const size_t n = (size_t)p->graph->n_node, tasks = (size_t)p->graph->n_task;
    p->nodes = mmoe_alloc_zero(&p->alloc, n, sizeof *p->nodes);
    p->layers = mmoe_alloc_zero(&p->alloc, n, sizeof *p->layers);
    p->loss_parts =
        mmoe_alloc_zero(&p->alloc, tasks * (size_t)p->max_chunks, sizeof *p->loss_parts);
    p->task_factor = mmoe_alloc(&p->alloc, tasks, sizeof *p->task_factor);
    p->task_scale = mmoe_alloc_zero(&p->alloc, tasks, sizeof *p->task_scale);
    p->task_weight = mmoe_alloc_zero(&p->alloc, tasks, sizeof *p->task_weight);
    if (!p->nodes || !p->layers || !p->loss_parts || !p->task_factor || !p->task_scale ||
        !p->task_weight)
        return mmoe_fail_memory(err, n * (sizeof *p->nodes + sizeof *p->layers));
    mmoe_plan_set_factors(p, NULL);
    size_t floats = lay_nodes(p, NULL);
    p->small = mmoe_alloc_aligned(&p->alloc, floats, sizeof *p->small);
    if (!p->small) return mmoe_fail_memory(err, floats * sizeof *p->small);
    memset(p->small, 0, floats * sizeof *p->small);
    lay_nodes(p, p->small);
    plan_relus(p);
    return p->training ? plan_additions(p, err) : MMOE_OK;
}

/* ---- Packed weights ---- */

int32_t mmoe_block_grad_cols(const mmoe_graph *g, const mmoe_linear_block *k) {
    int32_t cols = g->values[k->in.value].grad_cols - k->in.col;
    return cols < k->in.cols ? cols : k->in.cols;
}

/* Lays the packed blocks out from *at; with *at NULL nothing is written. */
static size_t lay_packed(mmoe_plan *p, float *at) {
    const mmoe_graph *g = p->graph;
    mmoe_packed_block *next = p->packed_blocks;
    size_t floats = 0, widest = 0;
    p->n_pack = 0;
    for (int32_t i = 0; i < g->n_node; i++) {
        const mmoe_node *n = &g->nodes[i];
        if (n->op != MMOE_OP_LINEAR) continue;
        p->nodes[i].packed = next;
        for (int32_t b = 0; b < n->u.linear.n_block; b++, next++) {
            const mmoe_linear_block *k = &n->u.linear.blocks[b];
            int32_t back = p->training ? mmoe_block_grad_cols(g, k) : 0;
            if (!p->kernels->packs_steps || k->cols < MMOE_PACKED_N || k->in.cols < MMOE_PACKED_K)
                continue;
            size_t forward = mmoe_plan_rounded(p->kernels->packed_size(k->cols, k->in.cols));
            size_t backward = back >= MMOE_PACKED_N
                                  ? mmoe_plan_rounded(p->kernels->packed_size(back, k->cols))
                                  : 0;
            if (at) {
                next->forward = at + floats;
                next->backward = backward ? at + floats + forward : NULL;
                p->packs[p->n_pack] = (mmoe_weight_task){i, b, 1, 0, 0};
            }
            p->n_pack++;
            floats += forward + backward;
            size_t wide = (size_t)(k->cols > back ? k->cols : back);
            if (wide > widest) widest = wide;
        }
    }
    p->zeros = at ? at + floats : NULL;
    return floats + mmoe_plan_rounded(widest);
}

static mmoe_status plan_packed(mmoe_plan *p, mmoe_error *err) {
    size_t blocks = 0;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (p->graph->nodes[i].op == MMOE_OP_LINEAR)
            blocks += (size_t)p->graph->nodes[i].u.linear.n_block;
    p->packed_blocks = mmoe_alloc_zero(&p->alloc, blocks, sizeof *p->packed_blocks);
    p->packs = mmoe_alloc(&p->alloc, blocks, sizeof *p->packs);
    if (!p->packed_blocks || !p->packs)
        return mmoe_fail_memory(err, blocks * (sizeof *p->packed_blocks + sizeof *p->packs));
    size_t floats = lay_packed(p, NULL);
    p->packed = mmoe_alloc_aligned(&p->alloc, floats, sizeof *p->packed);
    if (!p->packed) return mmoe_fail_memory(err, floats * sizeof *p->packed);
    memset(p->packed, 0, floats * sizeof *p->packed);
    lay_packed(p, p->packed);
    return MMOE_OK;
}

/* ---- Life ---- */

static mmoe_status build(mmoe_plan *p, mmoe_error *err) {
    const int32_t n_node = p->graph->n_node;
    p->steps = mmoe_alloc(&p->alloc, 2 * (size_t)n_node, sizeof *p->steps);
    p->phases = mmoe_alloc(&p->alloc, 2 * (size_t)n_node, sizeof *p->phases);
    if (!p->steps || !p->phases)
        return mmoe_fail_memory(err, 2 * (size_t)n_node * (sizeof *p->steps + sizeof *p->phases));
    plan_phases(p);
    if (plan_values(p, err) || plan_nodes(p, err) || plan_packed(p, err)) return MMOE_E_MEMORY;
    return p->training ? mmoe_plan_tasks(p, err) : MMOE_OK;
}

mmoe_status mmoe_plan_create(const mmoe_graph *graph, mmoe_params *params, mmoe_pool *pool,
                             mmoe_plan_kind kind, int32_t max_rows, const mmoe_allocator *alloc,
                             mmoe_plan **out, mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_plan *p = mmoe_alloc_zero(&a, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    p->alloc = a;
    p->graph = graph;
    p->params = params;
    p->pool = pool;
    p->kind = kind;
    p->training = kind >= MMOE_PLAN_TRAIN;
    p->kernels = mmoe_kernels_best();
    p->workers = pool ? mmoe_pool_workers(pool) : 1;
    p->max_rows = max_rows;
    p->max_chunk = p->training ? mmoe_plan_chunk_rows(max_rows) : CHUNK;
    if (p->max_chunk > max_rows) p->max_chunk = max_rows;
    int32_t chunks =
        (max_rows + MOST_CHUNK - 1) / MOST_CHUNK; /* eight chunks until they are the largest */
    p->max_chunks = chunks > 8 ? chunks : 8;
    if (build(p, err)) {
        mmoe_plan_free(p);
        return MMOE_E_MEMORY;
    }
    *out = p;
    return MMOE_OK;
}

void mmoe_plan_free(mmoe_plan *p) {
    if (!p) return;
    mmoe_allocator a = p->alloc;
    mmoe_release_aligned(&a, p->arena);
    mmoe_release_aligned(&a, p->ids);
    mmoe_release_aligned(&a, p->small);
    mmoe_release_aligned(&a, p->scratch);
    mmoe_release_aligned(&a, p->packed);
    void *rest[] = {p->values, p->grads,       p->loss_parts,    p->flags,
                    p->layers, p->nodes,       p->steps,         p->phases,
                    p->tasks,  p->tables,      p->table_lookups, p->packed_blocks,
                    p->packs,  p->task_factor, p->task_scale,    p->task_weight,
                    p};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) mmoe_release(&a, rest[i]);
}
