/* x = [table_0[id_0], table_1[id_1], ..., dense]; the gradient of a table's row is the sum of dx over the rows that
 * looked it up. */
#include <string.h>

#include "graph/ops.h"

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

static inline void copy_row(float *to, const float *from, int32_t dim) {
    for (int32_t i = 0; i < dim; i++) to[i] = from[i];
}

static inline void add_row(float *to, const float *from, int32_t dim) {
    for (int32_t i = 0; i < dim; i++) to[i] += from[i];
}

/* A shuffled batch's rows lie anywhere in the data set, and each costs a miss of the cache and of the TLB. Here a word of
 * every cache line is read ahead, in a loop whose loads do not wait for each other. (Measured on a virtual machine: a
 * fifth of the time of asking for the lines a few rows ahead with prefetch instructions, which did nothing.) */
enum { LINE = 64 };

static inline int touch(const void *row, size_t bytes) {
    const char *at = row;
    int sum = at[bytes - 1];
    for (size_t i = 0; i < bytes; i += LINE) sum += at[i];
    return sum;
}

static void touch_rows(const mmoe_rows *batch, const mmoe_node *n, int32_t first, int32_t rows) {
    const size_t id_bytes = (size_t)n->u.input.n_lookup * sizeof *batch->ids, dense_bytes = (size_t)n->u.input.n_dense * sizeof *batch->dense;
    int sum = 0;
    for (int32_t b = first; b < first + rows; b++) {
        size_t row = mmoe_row_of(batch, b);
        if (id_bytes) sum += touch(batch->ids + row * batch->id_stride, id_bytes);
        if (dense_bytes) sum += touch(batch->dense + row * batch->dense_stride, dense_bytes);
    }
    __asm__ volatile("" : : "r"(sum)); /* the loads must stay */
}

/* Rows of four are the tutorial's width: one vector each. */
static inline void look_up(const mmoe_node *n, const float *weights, const int32_t *ids, float *x) {
    const mmoe_lookup *l = n->u.input.lookups, *end = l + n->u.input.n_lookup;
    for (; l < end; l++) {
        const float *row = weights + l->table + (int64_t)ids[l->column] * l->dim;
        if (l->dim == 4) *(v4 *)(x + l->col) = *(const v4 *)row;
        else copy_row(x + l->col, row, l->dim);
    }
}

void mmoe_input_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    const mmoe_rows *batch = p->batch;
    const int32_t ld = p->values[n->out].ld, dense_col = n->u.input.dense_col, n_dense = n->u.input.n_dense;
    float *x = mmoe_value_at(p, n->out, s); /* [rows, D], its padding to ld zero: products may read it */
    if (batch->index) touch_rows(batch, n, s->first, s->rows);
    for (int32_t b = s->first; b < s->first + s->rows; b++, x += ld) {
        size_t row = mmoe_row_of(batch, b);
        look_up(n, p->params->values, batch->ids + row * batch->id_stride, x);
        const float *dense = n_dense ? batch->dense + row * batch->dense_stride : NULL;
        for (int32_t i = 0; i < n_dense; i++) x[dense_col + i] = dense[i];
        for (int32_t i = dense_col + n_dense; i < ld; i++) x[i] = 0;
    }
}

/* Where a lookup's gradient goes: row r at out + r * dim. */
typedef struct target {
    float *out;
    int32_t column, col, dim;
} target;

enum { MOST_TARGETS = 64 };

static inline void add_gradients(const target *t, int32_t count, const int32_t *ids, const float *dx) {
    for (int32_t i = 0; i < count; i++) {
        float *to = t[i].out + (int64_t)ids[t[i].column] * t[i].dim;
        if (t[i].dim == 4) *(v4 *)to += *(const v4 *)(dx + t[i].col);
        else add_row(to, dx + t[i].col, t[i].dim);
    }
}

static void scatter(const mmoe_plan *p, const mmoe_node *n, const target *targets, int32_t count) {
    const mmoe_rows *batch = p->batch;
    const size_t ld = (size_t)p->grads[n->out].ld;
    const float *dx = p->grads[n->out].base;
    for (int32_t b = 0; b < batch->rows; b++, dx += ld) {
        add_gradients(targets, count, batch->ids + mmoe_row_of(batch, b) * batch->id_stride, dx);
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
    const mmoe_rows *batch = p->batch;
    const mmoe_table_use *t = &p->tables[task->first];
    for (int32_t b = 0; b < batch->rows; b++) {
        const int32_t *ids = batch->ids + mmoe_row_of(batch, b) * batch->id_stride;
        const float *dx = p->grads[n->out].base + (size_t)b * (size_t)p->grads[n->out].ld;
        for (int32_t i = t->first; i < t->first + t->count; i++) {
            const mmoe_lookup *l = &n->u.input.lookups[p->table_lookups[i]];
            int64_t r = ids[l->column] - task->row;
            if (r >= 0 && r < task->rows) add_row(out + r * l->dim, dx + l->col, l->dim);
        }
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
