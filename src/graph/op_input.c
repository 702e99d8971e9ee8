/* x = [table_0[id_0], table_1[id_1], ..., dense]; the gradient of a table's row is the sum of dx over the rows that
 * looked it up. */
#include <string.h>

#include "graph/ops.h"

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* A shuffled batch's rows lie anywhere in the data set, and each costs misses of cache and TLB. A chunk's rows are first
 * copied, in a loop whose loads do not wait for each other; what follows, and the gradient's scatter, reads the copy.
 * (Asking for rows ahead with prefetch instructions did nothing on the virtual machine where this was measured.) */
static void copy_chunk(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s, float *x, int32_t *ids) {
    const mmoe_rows *batch = p->batch;
    const int32_t ld = p->values[n->out].ld, n_id = p->graph->n_id, dense_col = n->u.input.dense_col, n_dense = n->u.input.n_dense;
    float touched = 0;
    for (int32_t b = s->first; b < s->first + s->rows; b++, x += ld, ids += n_id) {
        const size_t row = mmoe_row_of(batch, b);
        if (batch->labels) touched += batch->labels[row * batch->label_stride]; /* the loss finds it in the cache */
        if (n_id) memcpy(ids, batch->ids + row * batch->id_stride, (size_t)n_id * sizeof *ids);
        if (n_dense) memcpy(x + dense_col, batch->dense + row * batch->dense_stride, (size_t)n_dense * sizeof *x);
        for (int32_t i = dense_col + n_dense; i < ld; i++) x[i] = 0; /* products may read the padding */
    }
    __asm__ volatile("" : : "r"(touched)); /* the loads must stay */
}

/* Where a lookup reads or adds: row r of its table at table + r * dim, its columns of x or dx from `col` on. */
typedef struct target {
    float *table;
    int32_t column, col, dim;
} target;

enum { MOST_TARGETS = 64 };

/* Loops over the targets of a row; with a constant `dim` (all targets have it) they are vector moves. `dim` 0: any. */
static inline __attribute__((always_inline)) void copy_targets(const target *t, int32_t count, const int32_t *ids, float *x, int32_t dim) {
    for (int32_t i = 0; i < count; i++) {
        const int32_t d = dim ? dim : t[i].dim;
        const float *from = t[i].table + (int64_t)ids[t[i].column] * d;
        if (dim) memcpy(x + t[i].col, from, (size_t)d * sizeof *x);
        else
            for (int32_t c = 0; c < d; c++) x[t[i].col + c] = from[c];
    }
}

static inline __attribute__((always_inline)) void add_targets(const target *t, int32_t count, const int32_t *ids, const float *dx, int32_t dim) {
    for (int32_t i = 0; i < count; i++) {
        const int32_t d = dim ? dim : t[i].dim;
        float *to = t[i].table + (int64_t)ids[t[i].column] * d;
        if (dim)
            for (int32_t c = 0; c < dim; c += 4) *(v4 *)(to + c) += *(const v4 *)(dx + t[i].col + c);
        else
            for (int32_t c = 0; c < d; c++) to[c] += dx[t[i].col + c];
    }
}

/* The dim that all targets share, if it is one that has a loop of its own. */
static int32_t common_dim(const target *t, int32_t count) {
    for (int32_t i = 1; i < count; i++)
        if (t[i].dim != t[0].dim) return 0;
    return t[0].dim == 4 || t[0].dim == 8 || t[0].dim == 16 || t[0].dim == 32 ? t[0].dim : 0;
}

/* rows of ids [rows, n_id] and x [rows, ld] */
typedef struct matrix_rows {
    int32_t rows, n_id, ld;
    const int32_t *ids;
    float *x;
} matrix_rows;

static inline __attribute__((always_inline)) void copy_rows(const target *t, int32_t count, matrix_rows m, int32_t dim) {
    for (int32_t b = 0; b < m.rows; b++, m.ids += m.n_id, m.x += m.ld) copy_targets(t, count, m.ids, m.x, dim);
}

static void look_up(const target *t, int32_t count, matrix_rows m) {
    switch (common_dim(t, count)) {
    case 4: copy_rows(t, count, m, 4); break;
    case 8: copy_rows(t, count, m, 8); break;
    case 16: copy_rows(t, count, m, 16); break;
    case 32: copy_rows(t, count, m, 32); break;
    default: copy_rows(t, count, m, 0);
    }
}

void mmoe_input_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    float *x = mmoe_value_at(p, n->out, s); /* [rows, D], its padding to ld zero */
    int32_t *ids = mmoe_ids_at(p, s);
    copy_chunk(p, n, s, x, ids);
    for (int32_t i = 0; i < n->u.input.n_lookup; i += MOST_TARGETS) {
        target targets[MOST_TARGETS];
        int32_t count = n->u.input.n_lookup - i < MOST_TARGETS ? n->u.input.n_lookup - i : MOST_TARGETS;
        for (int32_t j = 0; j < count; j++) {
            const mmoe_lookup *l = &n->u.input.lookups[i + j];
            targets[j] = (target){p->params->values + l->table, l->column, l->col, l->dim};
        }
        look_up(targets, count, (matrix_rows){s->rows, p->graph->n_id, p->values[n->out].ld, ids, x});
    }
}

static inline __attribute__((always_inline)) void add_rows(const target *t, int32_t count, matrix_rows m, int32_t dim) {
    for (int32_t b = 0; b < m.rows; b++, m.ids += m.n_id, m.x += m.ld) add_targets(t, count, m.ids, m.x, dim);
}

static void scatter(const mmoe_plan *p, const mmoe_node *n, const target *t, int32_t count) {
    matrix_rows m = {p->batch->rows, p->graph->n_id, p->grads[n->out].ld, p->ids, p->grads[n->out].base};
    switch (common_dim(t, count)) {
    case 4: add_rows(t, count, m, 4); break;
    case 8: add_rows(t, count, m, 8); break;
    case 16: add_rows(t, count, m, 16); break;
    case 32: add_rows(t, count, m, 32); break;
    default: add_rows(t, count, m, 0);
    }
}

/* Several small tables together: a row's dx is read once for all of their columns. */
static void scatter_tables(const mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task, float *out) {
    target targets[MOST_TARGETS];
    int32_t count = 0;
    for (int32_t i = task->first; i < task->first + task->count; i++) {
        const mmoe_table_use *t = &p->tables[i];
        for (int32_t j = t->first; j < t->first + t->count; j++) {
            const mmoe_lookup *l = &n->u.input.lookups[p->table_lookups[j]];
            targets[count++] = (target){out, l->column, l->col, l->dim};
            if (count == MOST_TARGETS) {
                scatter(p, n, targets, count);
                count = 0;
            }
        }
        out += t->rows * t->dim;
    }
    if (count) scatter(p, n, targets, count);
}

/* Rows [task->row, + task->rows) of one large table. */
static void scatter_range(const mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task, float *out) {
    const mmoe_table_use *t = &p->tables[task->first];
    const int32_t *ids = p->ids;
    const float *dx = p->grads[n->out].base;
    for (int32_t b = 0; b < p->batch->rows; b++, ids += p->graph->n_id, dx += p->grads[n->out].ld)
        for (int32_t i = t->first; i < t->first + t->count; i++) {
            const mmoe_lookup *l = &n->u.input.lookups[p->table_lookups[i]];
            int64_t r = ids[l->column] - task->row;
            if (r < 0 || r >= task->rows) continue;
            for (int32_t c = 0; c < l->dim; c++) out[r * l->dim + c] += dx[l->col + c];
        }
}

void mmoe_input_weights(mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task, int worker) {
    float *out = p->scratch + (size_t)worker * p->scratch_stride;
    const mmoe_table_use *t = &p->tables[task->first];
    double start = mmoe_plan_clock(p);
    if (task->rows < t->rows) {
        memset(out, 0, (size_t)(task->rows * t->dim) * sizeof *out);
        scatter_range(p, n, task, out);
        mmoe_plan_weights_done(p, worker, task, start);
        mmoe_plan_sink(p, worker, task->node, t->table + task->row * t->dim, task->rows, t->dim, out, t->dim);
        return;
    }
    int64_t count = 0;
    for (int32_t i = 0; i < task->count; i++) count += t[i].rows * t[i].dim;
    memset(out, 0, (size_t)count * sizeof *out);
    scatter_tables(p, n, task, out);
    mmoe_plan_weights_done(p, worker, task, start);
    for (int32_t i = 0; i < task->count; i++) {
        mmoe_plan_sink(p, worker, task->node, t[i].table, 1, t[i].rows * t[i].dim, out, t[i].rows * t[i].dim);
        out += t[i].rows * t[i].dim;
    }
}
