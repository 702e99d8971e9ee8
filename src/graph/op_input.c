/* x = [table_0[id_0], table_1[id_1], ..., dense]; the gradient of a table's row is the sum of dx
 * over the rows that looked it up. */
#include <string.h>

#include "graph/ops.h"

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* A shuffled batch's rows lie anywhere in the data set, and each costs misses of cache and TLB. A
 * chunk's rows are first copied, in a loop whose loads do not wait for each other; what follows,
 * and the gradient's scatter, reads the copy. (Asking for rows ahead with prefetch instructions did
 * nothing on the virtual machine where this was measured.) */
static void copy_chunk(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s, float *x,
                       int32_t *ids) {
    const mmoe_rows *batch = p->batch;
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

void mmoe_input_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    float *x = mmoe_value_at(p, n->out, s); /* [rows, D], its padding to ld zero */
    int32_t *ids = mmoe_ids_at(p, s);
    copy_chunk(p, n, s, x, ids);
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

static void scatter(const mmoe_plan *p, const mmoe_node *n, const target *t, int32_t count) {
    run_any(t, count,
            (matrix_rows){p->batch->rows, p->graph->n_id, p->grads[n->out].ld, p->ids,
                          p->grads[n->out].base},
            true);
}

/* Several small tables together: a row's dx is read once for all of their columns. */
static void scatter_tables(const mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task,
                           float *out) {
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
static void scatter_range(const mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task,
                          float *out) {
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

void mmoe_input_weights(mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task,
                        int worker) {
    float *out = p->scratch + (size_t)worker * p->scratch_stride;
    const mmoe_table_use *t = &p->tables[task->first];
    double start = mmoe_plan_clock(p);
    if (task->rows < t->rows) {
        memset(out, 0, (size_t)(task->rows * t->dim) * sizeof *out);
        scatter_range(p, n, task, out);
        mmoe_plan_weights_done(p, worker, task, start);
        mmoe_plan_sink(
            p, worker, task->node,
            &(mmoe_gradient){t->table, task->row * t->dim, task->rows, t->dim, out, t->dim});
        return;
    }
    int64_t count = 0;
    for (int32_t i = 0; i < task->count; i++) count += t[i].rows * t[i].dim;
    memset(out, 0, (size_t)count * sizeof *out);
    scatter_tables(p, n, task, out);
    mmoe_plan_weights_done(p, worker, task, start);
    for (int32_t i = 0; i < task->count; i++) {
        mmoe_plan_sink(p, worker, task->node,
                       &(mmoe_gradient){t[i].table, 0, t[i].rows, t[i].dim, out, t[i].dim});
        out += t[i].rows * t[i].dim;
    }
}
