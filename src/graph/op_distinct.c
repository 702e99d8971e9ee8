/* The linear node of a first layer that looks products up (distinct.h). */
#include <string.h>

#include "graph/cost.h"
#include "graph/distinct_parts.h"

enum {
    TOGETHER = 16,    /* columns whose rows of P are added in one go: P stays in L2 */
    PACK_COLUMNS = 8, /* at least, of a task that makes P */
    OWN_WIDTH = 4,    /* two workers have a copy of P each up to this width of embeddings */
    OWN_ROWS = 1024   /* and up to as many rows of P */
};

/* ---- As the linear node ---- */

static void distinct_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                            void *context) {
    mmoe_op_linear.inputs(g, n, visit, context);
}
static void distinct_weights(const mmoe_node *n, mmoe_weights_visit visit, void *context) {
    mmoe_op_linear.weights(n, visit, context);
}
static void distinct_kept(const mmoe_node *n, mmoe_value_visit visit, void *context) {
    mmoe_op_linear.kept(n, visit, context);
}

/* ---- Memory ---- */

/* Two workers make a copy of P each if it is small: computing the other worker's half then takes no
 * longer than fetching it from that worker's cache, and than overwriting what that worker has read.
 * Measured on a Zen 4, 8 experts of 16, 512 rows of P, us a step with two copies and with one:
 * embeddings of 4: 344 and 348; of 8: the same; of 16: 415 and 386. With the two processors on
 * different dies, embeddings of 4: 700 and 860. */
static int32_t copies_of(const mmoe_plan *p) {
    const mmoe_distinct *d = p->distinct;
    if (p->workers != 2 || d->n_row > OWN_ROWS || mmoe_distinct_block(p)->cols > MMOE_SLAB)
        return 1;
    for (int32_t i = 0; i < d->n_column; i++)
        if (d->columns[i].dim > OWN_WIDTH) return 1;
    return p->workers;
}

static int32_t count_slabs(const mmoe_plan *p) {
    return (mmoe_distinct_block(p)->cols + MMOE_SLAB - 1) / MMOE_SLAB;
}

static mmoe_slab lay_slab(const mmoe_plan *p, int32_t i, mmoe_layout *l) {
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    mmoe_slab slab = {.col = i * MMOE_SLAB, .cols = k->cols - i * MMOE_SLAB};
    if (slab.cols > MMOE_SLAB) slab.cols = MMOE_SLAB;
    slab.forward = mmoe_lay_floats(l, p->kernels->packed_size(slab.cols, k->in.cols));
    slab.p = mmoe_lay_floats(l, (size_t)p->distinct->n_row * MMOE_SLAB);
    return slab;
}

static size_t distinct_passing(const mmoe_plan *p, int32_t node) {
    (void)node;
    const int32_t n_slab = count_slabs(p), count = copies_of(p) * n_slab;
    mmoe_layout l = {0};
    for (int32_t i = 0; i < count; i++) lay_slab(p, i % n_slab, &l);
    return l.bytes / sizeof(float);
}

static void lay_slabs(const mmoe_plan *p, int32_t node, mmoe_distinct_state *s, mmoe_layout *l) {
    s->n_slab = count_slabs(p);
    s->copies = copies_of(p);
    const int32_t count = s->copies * s->n_slab;
    s->slabs = mmoe_lay(l, (size_t)count, sizeof *s->slabs);
    mmoe_layout passing = {.at = (char *)p->nodes[node].passing};
    for (int32_t i = 0; i < count; i++) {
        const mmoe_slab slab = lay_slab(p, i % s->n_slab, passing.at ? &passing : l);
        if (s->slabs) s->slabs[i] = slab;
    }
}

static void lay_columns(const mmoe_plan *p, mmoe_distinct_state *s, mmoe_layout *l) {
    const mmoe_distinct *d = p->distinct;
    const size_t count = (size_t)d->n_column;
    s->backward = mmoe_lay(l, count, sizeof *s->backward);
    s->column = mmoe_lay(l, count, sizeof *s->column);
    s->first = mmoe_lay(l, count, sizeof *s->first);
    s->zero = mmoe_lay(l, count, sizeof *s->zero);
    s->are_neighbours = true;
    const mmoe_distinct_table *t = d->tables;
    for (size_t i = 0; i < count; i++) {
        const mmoe_distinct_column *c = &d->columns[i];
        while ((int32_t)i >= t->first + t->count) t++;
        float *packed =
            mmoe_distinct_turns(p, c->dim)
                ? NULL
                : mmoe_lay_floats(l, p->kernels->packed_size(c->dim, mmoe_distinct_block(p)->cols));
        s->are_neighbours &= c->column == d->columns[0].column + (int32_t)i;
        if (!s->zero) continue;
        s->zero[i] = c->bag ? c->first + t->rows : -1;
        s->backward[i] = packed;
        s->column[i] = c->column;
        s->first[i] = c->first;
    }
}

static void distinct_lay(const mmoe_plan *p, int32_t node, mmoe_layout *l) {
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    const size_t n = (size_t)k->cols, in = (size_t)k->in.cols, rest = (size_t)p->input.width,
                 grad = (size_t)p->input.grad_cols;
    mmoe_distinct_state *own = mmoe_lay(l, 1, sizeof *own), s = {0};
    lay_slabs(p, node, &s, l);
    lay_columns(p, &s, l);
    s.at = mmoe_lay(l, (size_t)p->room_rows * (size_t)p->distinct->n_column, sizeof *s.at);
    s.bags = mmoe_lay(l, (size_t)p->max_chunks * (size_t)p->distinct->n_column, sizeof *s.bags);
    s.sums = mmoe_lay_floats(l, p->peers ? (size_t)s.n_slab * (size_t)p->distinct->n_row * MMOE_SLAB
                                         : 0);
    s.lddw = (int32_t)mmoe_line_floats(n);
    s.dw_across = mmoe_lay_floats(l, in * (size_t)s.lddw);
    s.rest = mmoe_lay_floats(l, grad ? n * rest : 0);
    s.rest_backward = mmoe_lay_floats(l, p->kernels->packed_size((int32_t)grad, k->cols));
    s.zeros = mmoe_lay_floats(l, (n > in ? n : in) + MMOE_SLAB);
    p->nodes[node].own = own;
    if (own) *own = s;
}

/* ---- Weights, as they are now: W_c and W_rest packed, and P ---- */

static void list_copy(const mmoe_plan *p, mmoe_weight_task task, mmoe_task_list *l) {
    const mmoe_distinct *d = p->distinct;
    for (; task.first < d->n_table; task.first += task.count) {
        int32_t columns = 0;
        for (task.count = 0; task.first + task.count < d->n_table && columns < PACK_COLUMNS;)
            columns += d->tables[task.first + task.count++].count;
        mmoe_list_task(l, task, 0);
    }
    task.first = task.count = 0;
    if (p->input.width) mmoe_list_task(l, task, 0);
}

/* Tasks of each copy: some tables each, and one for W_rest, which has the count 0. */
static void distinct_list_packs(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    for (int32_t copy = 0; copy < mmoe_distinct_own(p)->copies; copy++)
        list_copy(p, (mmoe_weight_task){.node = node, .row = copy}, l);
}

/* Columns [col, col + cols) of a slab's rows of W. */
static void pack_forward(const mmoe_plan *p, const mmoe_slab *s, int32_t col, int32_t cols) {
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    p->kernels->pack(
        &(mmoe_pack_args){.n = s->cols,
                          .k = k->in.cols,
                          .first = col,
                          .count = cols,
                          .w = p->params->values + k->weight + (int64_t)s->col * k->in.cols + col,
                          .ldw = k->in.cols,
                          .packed = s->forward});
}

/* Columns [first, end), neighbours in W at once. */
static void pack_columns(const mmoe_plan *p, const mmoe_slab *s, int32_t first, int32_t end) {
    const mmoe_distinct_column *columns = p->distinct->columns;
    for (int32_t i = first, cols; i < end;) {
        const int32_t col = columns[i].col;
        for (cols = 0; i < end && columns[i].col == col + cols; i++) cols += columns[i].dim;
        pack_forward(p, s, col, cols);
    }
}

/* A slab's P of column i, and of lists the row of zeros behind it. */
static void multiply_table(const mmoe_plan *p, const mmoe_slab *s, const mmoe_distinct_table *t,
                           int32_t i) {
    const mmoe_distinct_column *c = &p->distinct->columns[i];
    float *rows = s->p + (size_t)c->first * MMOE_SLAB;
    p->kernels->gemm(&(mmoe_packed_gemm){.rows = t->rows,
                                         .n = s->cols,
                                         .k = mmoe_distinct_block(p)->in.cols,
                                         .first = c->col,
                                         .count = c->dim,
                                         .a = mmoe_params_rows(p->params, t->index),
                                         .lda = c->dim,
                                         .packed = s->forward,
                                         .start = mmoe_distinct_own(p)->zeros,
                                         .c = rows,
                                         .ldc = MMOE_SLAB});
    if (c->bag) memset(rows + (size_t)t->rows * MMOE_SLAB, 0, (size_t)s->cols * sizeof *rows);
}

static void pack_rest(const mmoe_plan *p, int64_t copy) {
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    const int32_t cols = p->input.width, grad = copy ? 0 : p->input.grad_cols;
    const mmoe_slab *slabs = mmoe_distinct_slabs(own, copy);
    const mmoe_rest_run *const end = p->distinct->runs + p->distinct->n_run;
    for (const mmoe_rest_run *r = p->distinct->runs; r < end; r++) {
        const float *w = p->params->values + k->weight + r->w_col;
        for (int32_t i = 0; i < own->n_slab; i++) pack_forward(p, &slabs[i], r->w_col, r->cols);
        for (int32_t row = 0; grad && row < k->cols; row++)
            memcpy(own->rest + (size_t)row * (size_t)cols + r->col,
                   w + (size_t)row * (size_t)k->in.cols, (size_t)r->cols * sizeof *w);
    }
    if (grad) p->kernels->pack_rows(grad, k->cols, own->rest, cols, own->rest_backward);
}

static void pack_backward(const mmoe_plan *p, int32_t i) {
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    const mmoe_distinct_column *c = &p->distinct->columns[i];
    float *packed = mmoe_distinct_own(p)->backward[i];
    if (packed)
        p->kernels->pack_rows(c->dim, k->cols, p->params->values + k->weight + c->col, k->in.cols,
                              packed);
}

/* Slab by slab, so that a slab's packed W is still in cache when its P is computed. What only the
 * gradients need is packed once, with the first copy. */
static void distinct_pack(const mmoe_plan *p, const mmoe_weight_task *pack) {
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    const mmoe_distinct_table *first = p->distinct->tables + pack->first, *const end =
                                                                              first + pack->count;
    if (first == end) {
        pack_rest(p, pack->row);
        return;
    }
    const int32_t columns = end[-1].first + end[-1].count;
    const mmoe_slab *slabs = mmoe_distinct_slabs(own, pack->row);
    for (const mmoe_slab *s = slabs; s < slabs + own->n_slab; s++) {
        pack_columns(p, s, first->first, columns);
        for (const mmoe_distinct_table *t = first; t < end; t++)
            for (int32_t i = t->first; i < t->first + t->count; i++) multiply_table(p, s, t, i);
    }
    for (int32_t i = first->first; i < columns && !pack->row; i++) pack_backward(p, i);
}

/* ---- A chunk ---- */

/* A list that is not of one element has the id -1: -1 >> 31 is all ones. */
static inline int32_t row_of(int32_t id, int32_t first, int32_t zero) {
    const int32_t none = id >> 31;
    return (none & zero) | (~none & (id + first));
}

/* For columns that are neighbours in the batch's ids: compilers make vectors of these loops. */
static void find_row(const mmoe_distinct_state *own, const int32_t *restrict ids, int32_t columns,
                     bool lists, int32_t *restrict at) {
    const int32_t *restrict first = own->first, *restrict zero = own->zero;
    if (lists)
        for (int32_t i = 0; i < columns; i++) at[i] = row_of(ids[i], first[i], zero[i]);
    else
        for (int32_t i = 0; i < columns; i++) at[i] = ids[i] + first[i];
}

static void find_row_apart(const mmoe_distinct_state *own, const int32_t *ids, int32_t columns,
                           int32_t *at) {
    for (int32_t i = 0; i < columns; i++)
        at[i] = row_of(ids[own->column[i]], own->first[i], own->zero[i]);
}

static void count_bags(const mmoe_distinct_state *own, int32_t columns, const int32_t *at,
                       int32_t *bags) {
    for (int32_t i = 0; i < columns; i++) bags[i] += at[i] == own->zero[i];
}

static void find_rows(const mmoe_plan *p, const mmoe_span *s) {
    const mmoe_distinct_state own =
        *mmoe_distinct_own(p); /* in registers: no store may change it */
    const int32_t columns = p->distinct->n_column, n_id = p->graph->n_id + p->graph->n_list;
    const int32_t *ids = mmoe_ids_at(p, s);
    int32_t *at = own.at + (size_t)s->first * (size_t)columns,
            *bags = own.bags + (size_t)s->chunk * (size_t)columns;
    const bool lists = p->graph->n_list > 0;
    memset(bags, 0, (size_t)columns * sizeof *bags);
    for (int32_t b = 0; b < s->rows; b++, ids += n_id, at += columns) {
        if (own.are_neighbours)
            find_row(&own, ids + own.column[0], columns, lists, at);
        else
            find_row_apart(&own, ids, columns, at);
        if (lists) count_bags(&own, columns, at, bags);
    }
}

/* What lists have that are not of one element. */
static void add_bags(const mmoe_run *r, int32_t node, const mmoe_span *s, const mmoe_slab *slab) {
    const mmoe_plan *p = r->plan;
    const int32_t out = p->graph->nodes[node].out;
    for (int32_t i = 0; i < p->distinct->n_column; i++) {
        const mmoe_distinct_column *c = &p->distinct->columns[i];
        if (!mmoe_distinct_own(p)->bags[s->chunk * p->distinct->n_column + i]) continue;
        mmoe_bag_args a = {.cols = slab->cols, .ldp = MMOE_SLAB};
        a.p = slab->p + (size_t)c->first * MMOE_SLAB;
        a.z = mmoe_value_at(p, out, s) + slab->col;
        for (int32_t b = 0; b < s->rows; b++, a.z += p->values[out].ld)
            if (mmoe_distinct_bag(r, i, s->first + b, &a)) p->kernels->bag_add(&a);
    }
}

/* z = sum_c P_c[id_bc] */
static void distinct_look_up(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    const int32_t columns = p->distinct->n_column, out = p->graph->nodes[node].out;
    const int32_t *at = own->at + (size_t)s->first * (size_t)columns;
    find_rows(p, s);
    const mmoe_slab *slabs = mmoe_distinct_slabs(own, s->worker);
    for (const mmoe_slab *slab = slabs; slab < slabs + own->n_slab; slab++) {
        mmoe_lookup_args a = {.rows = s->rows,
                              .cols = slab->cols,
                              .ldat = columns,
                              .p = slab->p,
                              .ldp = MMOE_SLAB,
                              .start = own->zeros,
                              .z = mmoe_value_at(p, out, s) + slab->col,
                              .ldz = p->values[out].ld};
        for (int32_t i = 0; i < columns; i += a.count) {
            a.count = columns - i < TOGETHER ? columns - i : TOGETHER;
            a.at = at + i;
            p->kernels->lookup_add(&a);
            a.start = a.z;
            a.ldstart = a.ldz;
        }
        add_bags(r, node, s, slab);
    }
}

/* z += W_rest rest_b */
static void distinct_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    const int32_t out = p->graph->nodes[node].out, n_slab = own->n_slab;
    for (int32_t i = 0; i < p->distinct->n_run * n_slab; i++) {
        const mmoe_rest_run *run = &p->distinct->runs[i / n_slab];
        const mmoe_slab *slab = &mmoe_distinct_slabs(own, s->worker)[i % n_slab];
        float *z = mmoe_value_at(p, out, s) + slab->col;
        p->kernels->gemm(&(mmoe_packed_gemm){.rows = s->rows,
                                             .n = slab->cols,
                                             .k = k->in.cols,
                                             .first = run->w_col,
                                             .count = run->cols,
                                             .a = mmoe_value_at(p, k->in.value, s) + run->col,
                                             .lda = p->values[k->in.value].ld,
                                             .packed = slab->forward,
                                             .start = z,
                                             .ldstart = p->values[out].ld,
                                             .c = z,
                                             .ldc = p->values[out].ld});
    }
}

static void distinct_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    const int32_t out = p->graph->nodes[node].out;
    if (!p->input.grad_cols) return;
    p->kernels->gemm(&(mmoe_packed_gemm){.rows = s->rows,
                                         .n = p->input.grad_cols,
                                         .k = k->cols,
                                         .count = k->cols,
                                         .a = mmoe_grad_at(p, out, s),
                                         .lda = p->grads[out].ld,
                                         .packed = own->rest_backward,
                                         .start = own->zeros,
                                         .c = mmoe_grad_at(p, k->in.value, s),
                                         .ldc = p->grads[k->in.value].ld});
}

/* ---- Costs ---- */

/* Of products with `rest` columns of x. */
static mmoe_cost cost_of_rest(double rows, double cols, double rest) {
    return (mmoe_cost){2 * rows * cols * rest, 4 * (rows * cols + rows * rest + cols * rest)};
}

/* Of products of tables' rows with W_c or S_c. */
static mmoe_cost cost_of_tables(const mmoe_plan *p, const mmoe_weight_task *task, double cols) {
    mmoe_cost cost = {0};
    for (int32_t i = task->first; i < task->first + task->count; i++) {
        const mmoe_distinct_table *t = &p->distinct->tables[i];
        cost.flops += 2 * cols * t->n_row * t->dim;
        cost.bytes += 4 * (cols + t->dim) * t->n_row;
    }
    return cost;
}

static mmoe_cost distinct_cost(const mmoe_plan *p, int32_t node, const mmoe_timed *what) {
    (void)node;
    const double cols = mmoe_distinct_block(p)->cols, columns = p->distinct->n_column;
    const mmoe_weight_task *task = what->task;
    switch (what->pass) {
    case MMOE_PASS_PACK:
        return cost_of_tables(p, task, cols);
    case MMOE_PASS_LOOKUP:
        return (mmoe_cost){0, what->rows * 4 * cols * (columns + 1)};
    case MMOE_PASS_SUMS:
        return (mmoe_cost){0, what->rows * 8 * (double)task->rows * mmoe_distinct_columns(p, task)};
    default:
        break;
    }
    const double rest = what->pass == MMOE_PASS_BACKWARD ? p->input.grad_cols : p->input.width;
    if (!task || !task->count)
        return cost_of_rest(what->rows, task ? (double)task->rows : cols, rest);
    mmoe_cost cost = cost_of_tables(p, task, (double)task->rows);
    return (mmoe_cost){2 * cost.flops, 2 * cost.bytes};
}

const mmoe_op_kind mmoe_op_distinct = {
    .passes = {[MMOE_PASS_PACK] = "products of tables",
               [MMOE_PASS_LOOKUP] = "look-up",
               [MMOE_PASS_FORWARD] = "linear",
               [MMOE_PASS_BACKWARD] = "linear backward",
               [MMOE_PASS_SUMS] = "sums by id",
               [MMOE_PASS_WEIGHTS] = "linear weights",
               [MMOE_PASS_UPDATE] = "update weights"},
    .inputs = distinct_inputs,
    .weights = distinct_weights,
    .kept = distinct_kept,
    .passing = distinct_passing,
    .lay = distinct_lay,
    .list_packs = distinct_list_packs,
    .list = mmoe_distinct_list,
    .list_late = mmoe_distinct_list_late,
    .cost = distinct_cost,
    .pack = distinct_pack,
    .look_up = distinct_look_up,
    .forward = distinct_forward,
    .backward = distinct_backward,
    .run_task = mmoe_distinct_run_task,
    .exchange = mmoe_distinct_exchange,
    .run_again = mmoe_distinct_run_again,
};
