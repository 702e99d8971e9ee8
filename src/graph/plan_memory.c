/* Where values and their gradients lie, and the nodes' working memory. */
#include <string.h>

#include "base/error.h"
#include "graph/op.h"
#include "graph/plan_parts.h"

enum { LEAST_PASSING = 1 << 17 }; /* floats: what is smaller stays in L2 */

/* When a buffer is first written and last read: a phase in training, a step when predicting. */
typedef struct lifetime {
    int32_t first, last, ld;
    size_t floats, offset;
} lifetime;

static void touch(lifetime *l, int32_t when) {
    if (when < l->first) l->first = when;
    if (when > l->last) l->last = when;
}

/* ---- Lifetimes ---- */

typedef struct touching {
    lifetime *values, *grads;
    int32_t when;
} touching;

static void touch_input(void *context, const mmoe_node_input *input) {
    const touching *t = context;
    touch(&t->values[input->in.value], t->when);
}

static void touch_kept(void *context, int32_t value, bool gradient) {
    const touching *t = context;
    touch(gradient ? &t->grads[value] : &t->values[value], t->when);
}

/* Values or gradients of what a node reads, and of what the node reads whose work it does. */
static void touch_inputs(const mmoe_plan *p, int32_t node, lifetime *of, int32_t when) {
    const mmoe_graph *g = p->graph;
    const int32_t other = p->nodes[node].relu_of;
    touching t = {.values = of, .when = when};
    mmoe_op_of(p, node)->inputs(g, &g->nodes[node], touch_input, &t);
    if (other >= 0) mmoe_op_of(p, other)->inputs(g, &g->nodes[other], touch_input, &t);
}

static void touch_step(const mmoe_plan *p, mmoe_step step, const touching *t) {
    const mmoe_node *n = &p->graph->nodes[step.node];
    touch_inputs(p, step.node, t->values, t->when);
    if (n->out >= 0) touch(&t->values[n->out], t->when);
    if (!p->training || (!step.backward && !mmoe_op_of(p, step.node)->ends)) return;
    if (p->nodes[step.node].gradient_of >= 0)
        touch(&t->grads[p->nodes[step.node].gradient_of], t->when);
    touch_inputs(p, step.node, t->grads, t->when);
    if (n->out >= 0) touch(&t->grads[n->out], t->when);
}

/* To the end of a step: what weight tasks read, and what each replay reads again. */
static void touch_end(const mmoe_plan *p, touching *t) {
    const mmoe_graph *g = p->graph;
    for (int32_t i = 0; i < g->n_node; i++)
        if (mmoe_op_of(p, i)->kept) mmoe_op_of(p, i)->kept(&g->nodes[i], touch_kept, t);
    for (int32_t v = 0; v < g->n_value && p->kind >= MMOE_PLAN_REPLAY; v++)
        if (t->values[v].last >= 0) touch(&t->values[v], t->when);
}

/* Some gradients get no memory of their own, but take that of their value (gradient_of) or of their
 * node's output gradient (in_place); the memory that they take must live as long as they do. */
static void share_lifetimes(const mmoe_plan *p, lifetime *values, lifetime *grads) {
    const mmoe_graph *g = p->graph;
    for (int32_t i = 0; i < g->n_node; i++) {
        const mmoe_node *n = &g->nodes[i];
        lifetime *own = n->in < 0 ? NULL : &grads[n->in];
        if (p->nodes[i].gradient_of >= 0)
            touch(&values[n->in], own->last);
        else if (mmoe_op_of(p, i)->in_place && own->first != INT32_MAX)
            touch(&grads[n->out], own->last);
        else
            continue;
        own->first = INT32_MAX;
    }
}

static void find_lifetimes(const mmoe_plan *p, lifetime *values, lifetime *grads) {
    const mmoe_graph *g = p->graph;
    touching t = {values, grads, 0};
    for (int32_t v = 0; v < g->n_value; v++)
        values[v] = grads[v] = (lifetime){.first = INT32_MAX, .last = -1};
    for (int32_t f = 0; f < p->n_phase; f++)
        for (int32_t i = p->phases[f].first; i < p->phases[f].first + p->phases[f].count; i++) {
            t.when = p->training ? f : i;
            touch_step(p, p->steps[i], &t);
        }
    t.when = p->n_phase;
    if (p->training) touch_end(p, &t);
    share_lifetimes(p, values, grads);
}

static void find_sizes(const mmoe_plan *p, lifetime *values, lifetime *grads) {
    const mmoe_graph *g = p->graph;
    const size_t rows = (size_t)(p->training ? p->room_rows : p->max_chunk);
    for (int32_t v = 0; v < g->n_value; v++) {
        const bool is_x = v == g->nodes[0].out;
        const int32_t width = is_x ? p->input.width : g->values[v].width,
                      grad_cols = is_x ? p->input.grad_cols : g->values[v].grad_cols;
        values[v].ld = mmoe_row_stride(width);
        values[v].floats = rows * (size_t)values[v].ld;
        bool own = p->training && grads[v].first != INT32_MAX && grad_cols;
        grads[v].ld = own ? mmoe_row_stride(grad_cols) : 0;
        grads[v].floats = rows * (size_t)grads[v].ld;
    }
}

/* ---- Places ---- */

/* Whether two live at the same time in the same place. */
static bool meet(const lifetime *a, const lifetime *b) {
    return a->first <= b->last && b->first <= a->last && a->offset < b->offset + b->floats &&
           b->offset < a->offset + a->floats;
}

/* Lowest free place among the buffers that live at the same time; the arena's size. */
static size_t place(lifetime *l, int32_t count) {
    size_t end = 0;
    for (int32_t i = 0; i < count; i++) {
        l[i].offset = 0;
        for (int32_t j = 0; j < i;) {
            if (meet(&l[i], &l[j])) {
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

static int32_t forward_phase(const mmoe_plan *p, int32_t node) {
    int32_t f = 0;
    for (int32_t i = 0; p->steps[i].backward || p->steps[i].node != node; i++)
        f += i + 1 == p->phases[f].first + p->phases[f].count;
    return f;
}

/* What a node's packs write is not needed any more when the node has gone forward. The memory of a
 * gradient that comes later holds it until then: a step touches less memory, and finds more of it
 * in cache. (Zen 5, MMoE over distinct ids, a step with 3 MB of it, of 64 experts: 11 % less time;
 * with .7 MB the same; with .4 MB 1 % more.) Several workers would have to fetch it, and to
 * overwrite what others have read, twice a step. */
static void place_passing(mmoe_plan *p, const lifetime *l, int32_t count, int32_t node) {
    const mmoe_op_kind *op = mmoe_op_of(p, node);
    if (!p->training || p->workers > 1 || !op->passing) return;
    lifetime own = {.last = forward_phase(p, node), .floats = op->passing(p, node)};
    if (own.floats < LEAST_PASSING) return;
    for (int32_t i = count / 2; i < count && !p->nodes[node].passing; i++) {
        own.offset = l[i].offset;
        bool fits = l[i].first <= l[i].last && l[i].floats >= own.floats;
        for (int32_t j = 0; j < count && fits; j++) fits = !meet(&own, &l[j]);
        if (fits) p->nodes[node].passing = p->arena + own.offset;
    }
}

/* Whether the value's memory is overwritten by its gradient. */
static bool is_overwritten(const mmoe_plan *p, int32_t value) {
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (p->nodes[i].gradient_of >= 0 && p->graph->nodes[i].in == value) return true;
    return false;
}

static void set_buffers(mmoe_plan *p, const lifetime *values, const lifetime *grads) {
    const mmoe_graph *g = p->graph;
    for (int32_t v = 0; v < g->n_value; v++) {
        p->values[v] = (mmoe_buffer){p->arena + values[v].offset, values[v].ld};
        p->grads[v] = (mmoe_buffer){p->arena + grads[v].offset, grads[v].ld};
    }
    for (int32_t i = 0; i < g->n_node; i++)
        if (p->nodes[i].gradient_of >= 0)
            p->grads[g->nodes[i].in] = p->values[g->nodes[i].in];
        else if (mmoe_op_of(p, i)->in_place && !is_overwritten(p, g->nodes[i].in))
            p->grads[g->nodes[i].in] = p->grads[g->nodes[i].out];
}

static mmoe_status plan_values(mmoe_plan *p, mmoe_error *err) {
    const mmoe_graph *g = p->graph;
    const size_t n = (size_t)g->n_value;
    lifetime *values = mmoe_alloc_zero(&p->alloc, 2 * n, sizeof *values);
    p->values = mmoe_alloc_zero(&p->alloc, n, sizeof *p->values);
    p->grads = mmoe_alloc_zero(&p->alloc, n, sizeof *p->grads);
    if (!values || !p->values || !p->grads) {
        mmoe_release(&p->alloc, values);
        return mmoe_fail_memory(err, n * (2 * sizeof *values + 2 * sizeof *p->values));
    }
    lifetime *grads = values + n;
    find_lifetimes(p, values, grads);
    find_sizes(p, values, grads);
    const size_t floats = place(values, (int32_t)(2 * n));
    p->worker_stride = p->training ? 0 : floats;
    const size_t total = p->training ? floats : floats * (size_t)p->workers;
    p->arena = mmoe_alloc_aligned(&p->alloc, total, sizeof *p->arena);
    const size_t rows =
        p->training ? (size_t)p->room_rows : (size_t)p->max_chunk * (size_t)p->workers;
    const size_t n_id = (size_t)(g->n_id + g->n_list);
    p->ids = mmoe_alloc_aligned(&p->alloc, rows * n_id, sizeof *p->ids);
    if (p->arena) set_buffers(p, values, grads);
    for (int32_t i = 0; i < g->n_node && p->arena; i++)
        place_passing(p, values, (int32_t)(2 * n), i);
    mmoe_release(&p->alloc, values);
    return p->arena && p->ids ? MMOE_OK
                              : mmoe_fail_memory(err, (total + rows * n_id) * sizeof(float));
}

/* ---- Working memory ---- */

static size_t lay_nodes(const mmoe_plan *p) {
    mmoe_layout l = {.at = p->working};
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->lay) mmoe_op_of(p, i)->lay(p, i, &l);
    return l.bytes;
}

mmoe_status mmoe_plan_memory(mmoe_plan *p, mmoe_error *err) {
    if (plan_values(p, err)) return MMOE_E_MEMORY;
    const size_t bytes = lay_nodes(p);
    p->working = mmoe_alloc_aligned(&p->alloc, bytes, 1);
    if (!p->working) return mmoe_fail_memory(err, bytes);
    memset(p->working, 0, bytes);
    lay_nodes(p);
    return MMOE_OK;
}
