/* x = [table_0[id_0], table_1[id_1], ..., dense]; the gradient of a table's row is the sum of dx over the rows that
 * looked it up. */
#include <string.h>

#include "graph/ops.h"

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

static inline void copy_row(float *to, const float *from, int32_t dim) {
    if (dim == 4) {
        *(v4 *)to = *(const v4 *)from;
        return;
    }
    for (int32_t i = 0; i < dim; i++) to[i] = from[i];
}

static inline void add_row(float *to, const float *from, int32_t dim) {
    if (dim == 4) {
        *(v4 *)to += *(const v4 *)from;
        return;
    }
    for (int32_t i = 0; i < dim; i++) to[i] += from[i];
}

void mmoe_input_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    const mmoe_rows *batch = p->batch;
    const float *weights = p->params->values;
    const mmoe_lookup *lookups = n->u.input.lookups;
    const int32_t ld = p->values[n->out].ld, n_lookup = n->u.input.n_lookup, dense_col = n->u.input.dense_col, n_dense = n->u.input.n_dense;
    float *x = mmoe_value_at(p, n->out, s); /* [rows, D], its padding to ld zero: products may read it */
    for (int32_t b = 0; b < s->rows; b++, x += ld) {
        size_t row = mmoe_row_of(batch, s->first + b);
        const int32_t *ids = batch->ids + row * batch->id_stride;
        for (int32_t i = 0; i < n_lookup; i++) {
            const mmoe_lookup *l = &lookups[i];
            copy_row(x + l->col, weights + l->table + (int64_t)ids[l->column] * l->dim, l->dim);
        }
        const float *dense = n_dense ? batch->dense + row * batch->dense_stride : NULL;
        for (int32_t i = 0; i < n_dense; i++) x[dense_col + i] = dense[i];
        for (int32_t i = dense_col + n_dense; i < ld; i++) x[i] = 0;
    }
}

/* Several small tables together: a row's dx is read once for all of their columns. */
static void scatter(const mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task, float *out) {
    const mmoe_rows *batch = p->batch;
    const mmoe_table_use *last = &p->tables[task->first + task->count - 1];
    const int32_t begin = p->tables[task->first].first, end = last->first + last->count;
    for (int32_t b = 0; b < batch->rows; b++) {
        const int32_t *ids = batch->ids + mmoe_row_of(batch, b) * batch->id_stride;
        const float *dx = p->grads[n->out].base + (size_t)b * (size_t)p->grads[n->out].ld;
        int64_t base = 0;
        const mmoe_table_use *t = &p->tables[task->first];
        for (int32_t i = begin; i < end; i++) {
            if (i == t->first + t->count) {
                base += t->rows * t->dim;
                t++;
            }
            const mmoe_lookup *l = &n->u.input.lookups[p->table_lookups[i]];
            add_row(out + base + (int64_t)ids[l->column] * l->dim, dx + l->col, l->dim);
        }
    }
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
    if (task->rows < t->rows) {
        memset(out, 0, (size_t)(task->rows * t->dim) * sizeof *out);
        scatter_range(p, n, task, out);
        p->sink(p->sink_context, t->table + task->row * t->dim, task->rows, t->dim, out, t->dim);
        return;
    }
    int64_t count = 0;
    for (int32_t i = 0; i < task->count; i++) count += t[i].rows * t[i].dim;
    memset(out, 0, (size_t)count * sizeof *out);
    scatter(p, n, task, out);
    for (int32_t i = 0; i < task->count; i++) {
        p->sink(p->sink_context, t[i].table, 1, t[i].rows * t[i].dim, out, t[i].rows * t[i].dim);
        out += t[i].rows * t[i].dim;
    }
}
