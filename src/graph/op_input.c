/* x = [table_0[id_0], table_1[id_1], ..., dense]; the gradient of a table's row is the sum of dx
 * over the rows that looked it up. */
#include <assert.h>
#include <string.h>

#include "graph/cost.h"
#include "graph/op.h"

enum { TABLE_FLOATS = 1 << 16 }; /* gradient of tables that one task scatters */

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* ---- The node ---- */

mmoe_status mmoe_graph_input(mmoe_graph *g, const char *name, const mmoe_input_args *args,
                             mmoe_view *out, mmoe_error *err) {
    const int32_t n_lookup = args->n_lookup;
    mmoe_node n = {.op = MMOE_OP_INPUT, .in = -1};
    n.u.input.n_lookup = n_lookup;
    n.u.input.n_dense = args->n_dense;
    n.u.input.lookups = mmoe_node_keep(g, &n, args->lookups, n_lookup, sizeof *args->lookups);
    int32_t embedded = 0;
    for (int32_t i = 0; i < n_lookup; i++) {
        assert(args->lookups[i].col == embedded);
        embedded += args->lookups[i].dim;
    }
    n.u.input.dense_col = embedded;
    g->n_id = args->n_id;
    g->n_dense = args->n_dense;
    return mmoe_graph_add(g, name, &n, (mmoe_value){embedded + args->n_dense, embedded}, out, err);
}

static void input_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                         void *context) {
    (void)g, (void)n, (void)visit, (void)context; /* it reads the batch */
}

static void input_weights(const mmoe_node *n, mmoe_weights_visit visit, void *context) {
    for (int32_t i = 0; i < n->u.input.n_lookup; i++) {
        const mmoe_lookup *l = &n->u.input.lookups[i];
        visit(context, &(mmoe_node_weights){l->table, 0, l->rows * l->dim, l->col, l->dim, l->dim});
    }
}

static void input_kept(const mmoe_node *n, mmoe_value_visit visit, void *context) {
    visit(context, n->out, true);
}

/* The batch's columns are read and written once. */
static mmoe_cost input_cost(const mmoe_plan *p, int32_t node, const mmoe_weight_task *task,
                            double rows) {
    (void)task;
    return (mmoe_cost){0, rows * 8 * p->graph->values[p->graph->nodes[node].out].width};
}

/* ---- Tables ---- */

/* Groups lookups by their table, in the order of the first of each. */
static void group_lookups(const mmoe_node *n, mmoe_input_state *own) {
    const int32_t count = n->u.input.n_lookup;
    int32_t placed = 0;
    own->n_table = 0;
    for (int32_t i = 0; i < count; i++) {
        const mmoe_lookup *l = &n->u.input.lookups[i];
        bool known = false;
        for (int32_t t = 0; t < own->n_table; t++) known |= own->tables[t].table == l->table;
        if (known) continue;
        mmoe_table_use *t = &own->tables[own->n_table++];
        *t = (mmoe_table_use){l->table, l->dim, l->rows, placed, 0};
        for (int32_t j = i; j < count; j++)
            if (n->u.input.lookups[j].table == l->table) {
                own->lookups[placed++] = j;
                t->count++;
            }
    }
}

static void input_lay(const mmoe_plan *p, int32_t node, mmoe_layout *l) {
    const mmoe_node *n = &p->graph->nodes[node];
    if (!p->training) return;
    const size_t count = (size_t)n->u.input.n_lookup;
    mmoe_input_state *own = mmoe_lay(l, 1, sizeof *own);
    mmoe_table_use *tables = mmoe_lay(l, count, sizeof *tables);
    int32_t *lookups = mmoe_lay(l, count, sizeof *lookups);
    p->nodes[node].own = own;
    if (!own) return;
    *own = (mmoe_input_state){.tables = tables, .lookups = lookups};
    group_lookups(n, own);
}

static void input_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_input_state *own = p->nodes[node].own;
    for (int32_t t = 0, together; t < own->n_table; t += together) {
        int64_t floats = own->tables[t].rows * own->tables[t].dim;
        together = 1;
        if (floats > TABLE_FLOATS) {
            int64_t rows =
                TABLE_FLOATS / own->tables[t].dim > 0 ? TABLE_FLOATS / own->tables[t].dim : 1;
            for (int64_t row = 0; row < own->tables[t].rows; row += rows) {
                int64_t some = own->tables[t].rows - row < rows ? own->tables[t].rows - row : rows;
                mmoe_list_task(l, (mmoe_weight_task){node, t, 1, row, some},
                               (size_t)(some * own->tables[t].dim));
            }
            continue;
        }
        int32_t lookups = own->tables[t].count;
        while (t + together < own->n_table &&
               floats + own->tables[t + together].rows * own->tables[t + together].dim <=
                   TABLE_FLOATS &&
               lookups < 8) {
            floats += own->tables[t + together].rows * own->tables[t + together].dim;
            lookups += own->tables[t + together].count;
            together++;
        }
        mmoe_list_task(l, (mmoe_weight_task){node, t, together, 0, own->tables[t].rows},
                       (size_t)floats);
    }
}

/* ---- A chunk ---- */

/* A shuffled batch's rows lie anywhere in the data set, and each costs misses of cache and TLB. A
 * chunk's rows are first copied, in a loop whose loads do not wait for each other; what follows,
 * and the gradient's scatter, reads the copy. (Asking for rows ahead with prefetch instructions did
 * nothing on the virtual machine where this was measured.) */
static void copy_chunk(const mmoe_run *r, const mmoe_node *n, const mmoe_span *s, float *x,
                       int32_t *ids) {
    const mmoe_plan *p = r->plan;
    const mmoe_rows *batch = r->batch;
    const int32_t ld = p->values[n->out].ld, n_id = p->graph->n_id,
                  dense_col = n->u.input.dense_col, n_dense = n->u.input.n_dense;
    float touched = 0;
    for (int32_t b = s->first; b < s->first + s->rows; b++, x += ld, ids += n_id) {
        const size_t row = mmoe_row_of(batch, b);
        if (batch->labels)
            touched +=
                batch->labels[row * batch->label_stride]; /* the loss finds it in the cache */
        if (n_id) memcpy(ids, batch->ids + row * batch->id_stride, (size_t)n_id * sizeof *ids);
        if (n_dense)
            memcpy(x + dense_col, batch->dense + row * batch->dense_stride,
                   (size_t)n_dense * sizeof *x);
        for (int32_t i = dense_col + n_dense; i < ld; i++)
            x[i] = 0; /* products may read the padding */
    }
    __asm__ volatile("" : : "r"(touched)); /* the loads must stay */
}

/* Where a lookup reads or adds: row r of its table at table + r * dim, its columns of x or dx from
 * `col` on. */
typedef struct target {
    float *table;
    int32_t column, col, dim;
} target;

enum { MOST_TARGETS = 64 };

/* rows of ids [rows, n_id] and x [rows, ld] */
typedef struct matrix_rows {
    int32_t rows, n_id, ld;
    const int32_t *ids;
    float *x;
} matrix_rows;

/* With a constant `dim`, which all targets have, these are vector moves. `dim` 0: any. */
static inline __attribute__((always_inline)) void copy_row(const float *from, float *x, int32_t dim,
                                                           int32_t any) {
    if (dim)
        memcpy(x, from, (size_t)dim * sizeof *x);
    else
        for (int32_t c = 0; c < any; c++) x[c] = from[c];
}

static inline __attribute__((always_inline)) void add_row(float *to, const float *dx, int32_t dim,
                                                          int32_t any) {
    if (dim)
        for (int32_t c = 0; c < dim; c += 4) *(v4 *)(to + c) += *(const v4 *)(dx + c);
    else
        for (int32_t c = 0; c < any; c++) to[c] += dx[c];
}

enum { TOGETHER = 8 };

/* Neighbours in ids and x alike, of one dim: the loop over rows keeps their tables in registers,
 * which halves its time. */
static bool are_neighbours(const target *t, int32_t count) {
    for (int32_t i = 1; i < TOGETHER; i++)
        if (i >= count || t[i].column != t[0].column + i || t[i].col != t[0].col + i * t[0].dim ||
            t[i].dim != t[0].dim)
            return false;
    return true;
}

static inline __attribute__((always_inline)) void run_neighbours(const target *t, matrix_rows m,
                                                                 bool add, int32_t dim) {
    float *tables[TOGETHER];
    for (int i = 0; i < TOGETHER; i++) tables[i] = t[i].table;
    m.ids += t[0].column;
    m.x += t[0].col;
    for (int32_t b = 0; b < m.rows; b++, m.ids += m.n_id, m.x += m.ld)
#pragma GCC unroll 8
        for (int i = 0; i < TOGETHER; i++) {
            float *row = tables[i] + (size_t)(uint32_t)m.ids[i] * (size_t)dim;
            if (add)
                add_row(row, m.x + i * dim, dim, 0);
            else
                copy_row(row, m.x + i * dim, dim, 0);
        }
}

static inline __attribute__((always_inline)) void
run_targets(const target *t, int32_t count, matrix_rows m, bool add, int32_t dim) {
    for (int32_t b = 0; b < m.rows; b++, m.ids += m.n_id, m.x += m.ld)
        for (int32_t i = 0; i < count; i++) {
            const int32_t d = dim ? dim : t[i].dim;
            float *row = t[i].table + (int64_t)m.ids[t[i].column] * d;
            if (add)
                add_row(row, m.x + t[i].col, dim, d);
            else
                copy_row(row, m.x + t[i].col, dim, d);
        }
}

static inline __attribute__((always_inline)) void run_dim(const target *t, int32_t count,
                                                          matrix_rows m, bool add, int32_t dim) {
    for (int32_t i = 0, n; i < count; i += n) {
        if (dim && are_neighbours(t + i, count - i)) {
            run_neighbours(t + i, m, add, dim);
            n = TOGETHER;
            continue;
        }
        for (n = 1; i + n < count && !(dim && are_neighbours(t + i + n, count - i - n));) n++;
        run_targets(t + i, n, m, add, dim);
    }
}

/* The dim that all targets share, if it is one that has a loop of its own. */
static int32_t common_dim(const target *t, int32_t count) {
    for (int32_t i = 1; i < count; i++)
        if (t[i].dim != t[0].dim) return 0;
    return t[0].dim == 4 || t[0].dim == 8 || t[0].dim == 16 || t[0].dim == 32 ? t[0].dim : 0;
}

static inline __attribute__((always_inline)) void run_any(const target *t, int32_t count,
                                                          matrix_rows m, bool add) {
    switch (common_dim(t, count)) {
    case 4:
        run_dim(t, count, m, add, 4);
        break;
    case 8:
        run_dim(t, count, m, add, 8);
        break;
    case 16:
        run_dim(t, count, m, add, 16);
        break;
    case 32:
        run_dim(t, count, m, add, 32);
        break;
    default:
        run_dim(t, count, m, add, 0);
    }
}

static void look_up(const target *t, int32_t count, matrix_rows m) { run_any(t, count, m, false); }

static void input_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    float *x = mmoe_value_at(p, n->out, s); /* [rows, D], its padding to ld zero */
    int32_t *ids = mmoe_ids_at(p, s);
    copy_chunk(r, n, s, x, ids);
    for (int32_t i = 0; i < n->u.input.n_lookup; i += MOST_TARGETS) {
        target targets[MOST_TARGETS];
        int32_t count =
            n->u.input.n_lookup - i < MOST_TARGETS ? n->u.input.n_lookup - i : MOST_TARGETS;
        for (int32_t j = 0; j < count; j++) {
            const mmoe_lookup *l = &n->u.input.lookups[i + j];
            targets[j] = (target){mmoe_params_rows(p->params, l->table), l->column, l->col, l->dim};
        }
        look_up(targets, count,
                (matrix_rows){s->rows, p->graph->n_id, p->values[n->out].ld, ids, x});
    }
}

/* ---- The tables' gradients ---- */

static void scatter(const mmoe_run *r, const mmoe_node *n, const target *t, int32_t count) {
    const mmoe_plan *p = r->plan;
    run_any(t, count,
            (matrix_rows){r->batch->rows, p->graph->n_id, p->grads[n->out].ld, p->ids,
                          p->grads[n->out].base},
            true);
}

/* Several small tables together: a row's dx is read once for all of their columns. */
static void scatter_tables(const mmoe_run *r, const mmoe_weight_task *task, float *out) {
    const mmoe_node *n = &r->plan->graph->nodes[task->node];
    const mmoe_input_state *own = r->plan->nodes[task->node].own;
    target targets[MOST_TARGETS];
    int32_t count = 0;
    for (int32_t i = task->first; i < task->first + task->count; i++) {
        const mmoe_table_use *t = &own->tables[i];
        for (int32_t j = t->first; j < t->first + t->count; j++) {
            const mmoe_lookup *l = &n->u.input.lookups[own->lookups[j]];
            targets[count++] = (target){out, l->column, l->col, l->dim};
            if (count == MOST_TARGETS) {
                scatter(r, n, targets, count);
                count = 0;
            }
        }
        out += t->rows * t->dim;
    }
    if (count) scatter(r, n, targets, count);
}

/* Rows [task->row, + task->rows) of one large table. */
static void scatter_range(const mmoe_run *r, const mmoe_weight_task *task, float *out) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[task->node];
    const mmoe_input_state *own = p->nodes[task->node].own;
    const mmoe_table_use *t = &own->tables[task->first];
    const int32_t *ids = p->ids;
    const float *dx = p->grads[n->out].base;
    for (int32_t b = 0; b < r->batch->rows; b++, ids += p->graph->n_id, dx += p->grads[n->out].ld)
        for (int32_t i = t->first; i < t->first + t->count; i++) {
            const mmoe_lookup *l = &n->u.input.lookups[own->lookups[i]];
            int64_t row = ids[l->column] - task->row;
            if (row < 0 || row >= task->rows) continue;
            for (int32_t c = 0; c < l->dim; c++) out[row * l->dim + c] += dx[l->col + c];
        }
}

static void input_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_input_state *own = r->plan->nodes[task->node].own;
    float *out = mmoe_scratch_of(r->plan, worker);
    const mmoe_table_use *t = &own->tables[task->first];
    double start = mmoe_run_clock(r);
    if (task->rows < t->rows) {
        memset(out, 0, (size_t)(task->rows * t->dim) * sizeof *out);
        scatter_range(r, task, out);
        mmoe_run_task_done(r, worker, task, start);
        mmoe_run_sink(
            r, worker, task->node,
            &(mmoe_gradient){t->table, task->row * t->dim, task->rows, t->dim, out, t->dim});
        return;
    }
    int64_t count = 0;
    for (int32_t i = 0; i < task->count; i++) count += t[i].rows * t[i].dim;
    memset(out, 0, (size_t)count * sizeof *out);
    scatter_tables(r, task, out);
    mmoe_run_task_done(r, worker, task, start);
    for (int32_t i = 0; i < task->count; i++) {
        mmoe_run_sink(r, worker, task->node,
                      &(mmoe_gradient){t[i].table, 0, t[i].rows, t[i].dim, out, t[i].dim});
        out += t[i].rows * t[i].dim;
    }
}

const mmoe_op_kind mmoe_op_input = {
    .passes = {[MMOE_PASS_FORWARD] = "gather",
               [MMOE_PASS_WEIGHTS] = "scatter",
               [MMOE_PASS_UPDATE] = "update tables"},
    .inputs = input_inputs,
    .weights = input_weights,
    .kept = input_kept,
    .lay = input_lay,
    .list = input_list,
    .cost = input_cost,
    .forward = input_forward,
    .run_task = input_run_task,
};
