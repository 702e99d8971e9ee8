/* The linear node of a first layer that looks products up (distinct.h). */
#include <string.h>

#include "graph/cost.h"
#include "graph/distinct.h"
#include "math/blas.h"

enum {
    TOGETHER = 16,    /* columns whose rows of P are added in one go: P stays in L2 */
    SUM_ROWS = 64,    /* a task's rows of S, which stay in L1, */
    SUM_COLUMNS = 4,  /* or as many columns, as each task reads dz again */
    SUM_WIDTH = 144,  /* columns of dz that a task adds up at once */
    PACK_COLUMNS = 8, /* at least, of a task that makes P */
    W_ROWS = 48       /* rows of W that a late task takes */
};

typedef struct distinct_state {
    float *forward;              /* W^T [D, N], packed */
    float **backward;            /* [columns] W_c [N, dim], packed */
    float *p;                    /* [n_row, ld] */
    int32_t *column, *first;     /* [columns] */
    bool are_neighbours;         /* in the batch's ids, in this order */
    int32_t *at;                 /* [rows of a batch, columns] rows of P */
    float *dw;                   /* [N, D] */
    float *rest, *rest_backward; /* [N, columns of rest] W_rest, and what of it has a
                                    gradient packed */
    float *zeros;                /* as many as the widest product has columns */
    int32_t ld;
} distinct_state;

static const mmoe_linear_block *block_of(const mmoe_plan *p) {
    return p->graph->nodes[p->distinct->node].u.linear.blocks;
}
static distinct_state *state_of(const mmoe_plan *p) { return p->nodes[p->distinct->node].own; }

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

static void distinct_lay(const mmoe_plan *p, int32_t node, mmoe_layout *l) {
    const mmoe_distinct *d = p->distinct;
    const mmoe_linear_block *k = block_of(p);
    const mmoe_kernels *kernels = p->kernels;
    const size_t n = (size_t)k->cols, in = (size_t)k->in.cols, rest = (size_t)p->input.width,
                 grad = (size_t)p->input.grad_cols;
    distinct_state *own = mmoe_lay(l, 1, sizeof *own);
    distinct_state s = {.ld = mmoe_row_stride(k->cols)};
    s.forward = mmoe_lay_floats(l, kernels->packed_size(k->cols, k->in.cols));
    s.backward = mmoe_lay(l, (size_t)d->n_column, sizeof *s.backward);
    for (int32_t i = 0; i < d->n_column; i++) {
        float *packed = mmoe_lay_floats(l, kernels->packed_size(d->columns[i].dim, k->cols));
        if (s.backward) s.backward[i] = packed;
    }
    s.column = mmoe_lay(l, (size_t)d->n_column, sizeof *s.column);
    s.first = mmoe_lay(l, (size_t)d->n_column, sizeof *s.first);
    s.are_neighbours = true;
    for (int32_t i = 0; i < d->n_column && s.first; i++) {
        s.column[i] = d->columns[i].column;
        s.first[i] = d->columns[i].first;
        s.are_neighbours &= s.column[i] == s.column[0] + i;
    }
    s.p = mmoe_lay_floats(l, (size_t)d->n_row * (size_t)s.ld);
    s.at = mmoe_lay(l, (size_t)p->max_rows * (size_t)d->n_column, sizeof *s.at);
    s.dw = mmoe_lay_floats(l, n * in);
    s.rest = mmoe_lay_floats(l, grad ? n * rest : 0);
    s.rest_backward = mmoe_lay_floats(l, kernels->packed_size((int32_t)grad, k->cols));
    s.zeros = mmoe_lay_floats(l, n > in ? n : in);
    p->nodes[node].own = own;
    if (own) *own = s;
}

/* ---- Weights, as they are now: W_c and W_rest packed, and P ---- */

/* Tasks of some tables, and of W_rest: count 0. */
static void distinct_list_packs(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_distinct *d = p->distinct;
    for (int32_t first = 0, end; first < d->n_table; first = end) {
        int32_t columns = 0;
        for (end = first; end < d->n_table && columns < PACK_COLUMNS;)
            columns += d->tables[end++].count;
        mmoe_list_task(l, (mmoe_weight_task){.node = node, .first = first, .count = end - first},
                       0);
    }
    if (p->input.width) mmoe_list_task(l, (mmoe_weight_task){.node = node}, 0);
}

/* Columns [col, col + cols) of W. */
static void pack_forward(const mmoe_plan *p, int32_t col, int32_t cols) {
    const mmoe_linear_block *k = block_of(p);
    p->kernels->pack(&(mmoe_pack_args){.n = k->cols,
                                       .k = k->in.cols,
                                       .first = col,
                                       .count = cols,
                                       .w = p->params->values + k->weight + col,
                                       .ldw = k->in.cols,
                                       .packed = state_of(p)->forward});
}

/* Columns [first, end), neighbours in W at once. */
static void pack_columns(const mmoe_plan *p, int32_t first, int32_t end) {
    const mmoe_distinct_column *columns = p->distinct->columns;
    for (int32_t i = first, cols; i < end;) {
        const int32_t col = columns[i].col;
        for (cols = 0; i < end && columns[i].col == col + cols; i++) cols += columns[i].dim;
        pack_forward(p, col, cols);
    }
}

static void multiply_table(const mmoe_plan *p, const mmoe_distinct_table *t, int32_t i) {
    const distinct_state *own = state_of(p);
    const mmoe_linear_block *k = block_of(p);
    const mmoe_distinct_column *c = &p->distinct->columns[i];
    p->kernels->pack_rows(c->dim, k->cols, p->params->values + k->weight + c->col, k->in.cols,
                          own->backward[i]);
    p->kernels->gemm(&(mmoe_packed_gemm){.rows = t->rows,
                                         .n = k->cols,
                                         .k = k->in.cols,
                                         .first = c->col,
                                         .count = c->dim,
                                         .a = mmoe_params_rows(p->params, t->index),
                                         .lda = c->dim,
                                         .packed = own->forward,
                                         .start = own->zeros,
                                         .c = own->p + (size_t)c->first * (size_t)own->ld,
                                         .ldc = own->ld});
}

static void pack_rest(const mmoe_plan *p) {
    const distinct_state *own = state_of(p);
    const mmoe_linear_block *k = block_of(p);
    const int32_t cols = p->input.width, grad = p->input.grad_cols;
    const mmoe_rest_run *const end = p->distinct->runs + p->distinct->n_run;
    for (const mmoe_rest_run *r = p->distinct->runs; r < end; r++) {
        const float *w = p->params->values + k->weight + r->w_col;
        pack_forward(p, r->w_col, r->cols);
        for (int32_t row = 0; grad && row < k->cols; row++)
            memcpy(own->rest + (size_t)row * (size_t)cols + r->col,
                   w + (size_t)row * (size_t)k->in.cols, (size_t)r->cols * sizeof *w);
    }
    if (grad) p->kernels->pack_rows(grad, k->cols, own->rest, cols, own->rest_backward);
}

static void distinct_pack(const mmoe_plan *p, const mmoe_weight_task *pack) {
    const mmoe_distinct_table *t = p->distinct->tables + pack->first, *const end = t + pack->count;
    if (t == end) {
        pack_rest(p);
        return;
    }
    pack_columns(p, t->first, end[-1].first + end[-1].count);
    for (; t < end; t++)
        for (int32_t i = t->first; i < t->first + t->count; i++) multiply_table(p, t, i);
}

/* ---- A chunk ---- */

static void find_rows(const mmoe_plan *p, const mmoe_span *s) {
    const distinct_state *own = state_of(p);
    const int32_t columns = p->distinct->n_column, n_id = p->graph->n_id + p->graph->n_list,
                  *ids = mmoe_ids_at(p, s), *first = own->first, *column = own->column;
    int32_t *at = own->at + (size_t)s->first * (size_t)columns;
    for (int32_t b = 0; b < s->rows; b++, ids += n_id, at += columns) {
        if (own->are_neighbours)
            for (int32_t i = 0; i < columns; i++) at[i] = ids[column[0] + i] + first[i];
        else
            for (int32_t i = 0; i < columns; i++) at[i] = ids[column[i]] + first[i];
    }
}

/* z = sum_c P_c[id_bc] */
static void distinct_look_up(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_distinct *d = p->distinct;
    const distinct_state *own = state_of(p);
    const int32_t out = p->graph->nodes[node].out;
    mmoe_lookup_args a = {.rows = s->rows,
                          .cols = block_of(p)->cols,
                          .ldat = d->n_column,
                          .p = own->p,
                          .ldp = own->ld,
                          .start = own->zeros,
                          .z = mmoe_value_at(p, out, s),
                          .ldz = p->values[out].ld};
    find_rows(p, s);
    for (int32_t i = 0; i < d->n_column; i += a.count) {
        a.count = d->n_column - i < TOGETHER ? d->n_column - i : TOGETHER;
        a.at = own->at + (size_t)s->first * (size_t)d->n_column + i;
        p->kernels->lookup_add(&a);
        a.start = a.z;
        a.ldstart = a.ldz;
    }
}

/* z += W_rest rest_b */
static void distinct_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_linear_block *k = block_of(p);
    const int32_t out = p->graph->nodes[node].out, ld = p->values[out].ld;
    float *z = mmoe_value_at(p, out, s);
    for (int32_t i = 0; i < p->distinct->n_run; i++) {
        const mmoe_rest_run *run = &p->distinct->runs[i];
        p->kernels->gemm(&(mmoe_packed_gemm){.rows = s->rows,
                                             .n = k->cols,
                                             .k = k->in.cols,
                                             .first = run->w_col,
                                             .count = run->cols,
                                             .a = mmoe_value_at(p, k->in.value, s) + run->col,
                                             .lda = p->values[k->in.value].ld,
                                             .packed = state_of(p)->forward,
                                             .start = z,
                                             .ldstart = ld,
                                             .c = z,
                                             .ldc = ld});
    }
}

static void distinct_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_linear_block *k = block_of(p);
    const distinct_state *own = state_of(p);
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

/* ---- Gradients of tables and of their columns of W ---- */

static int32_t sum_rows(const mmoe_distinct_table *t) { return t->rows * t->count; }

static int32_t columns_of(const mmoe_plan *p, const mmoe_weight_task *task) {
    const mmoe_distinct_table *first = p->distinct->tables + task->first,
                              *last = first + task->count - 1;
    return last->first + last->count - first->first;
}

/* Floats of a task: S, dE of its tables, and E of the largest, packed. */
typedef struct sum_room {
    size_t s, de, packed;
} sum_room;

static sum_room room_of(const mmoe_plan *p, int32_t first, int32_t count) {
    sum_room r = {0};
    for (const mmoe_distinct_table *t = p->distinct->tables + first;
         t < p->distinct->tables + first + count; t++) {
        const size_t packed = p->kernels->packed_size(t->dim, t->rows);
        r.s += (size_t)sum_rows(t) * SUM_WIDTH;
        r.de += mmoe_line_floats((size_t)t->rows * (size_t)t->dim);
        if (packed > r.packed) r.packed = packed;
    }
    return r;
}

/* Tasks of tables, as many as their rows of S allow. */
static void distinct_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_distinct *d = p->distinct;
    for (int32_t first = 0, end; first < d->n_table; first = end) {
        int32_t rows = 0, columns = 0;
        for (end = first; end < d->n_table; end++) {
            const mmoe_distinct_table *t = &d->tables[end];
            if (end > first && rows + sum_rows(t) > SUM_ROWS && columns + t->count > SUM_COLUMNS)
                break;
            rows += sum_rows(t);
            columns += t->count;
        }
        const sum_room room = room_of(p, first, end - first);
        mmoe_list_task(l, (mmoe_weight_task){.node = node, .first = first, .count = end - first},
                       room.s + room.de + room.packed);
    }
}

/* Columns [col, col + cols) of dz, and where a task's sums are. */
typedef struct slab {
    int32_t col, cols;
    float *s, *de, *packed;
} slab;

/* What a table has of a slab: dE += S W and dW = S^T E. */
static void multiply(const mmoe_plan *p, const mmoe_distinct_table *t, const slab *b) {
    const distinct_state *own = state_of(p);
    const mmoe_linear_block *k = block_of(p);
    const float *e = mmoe_params_rows(p->params, t->index), *s = b->s;
    p->kernels->pack_rows(t->dim, t->rows, e, t->dim, b->packed);
    for (int32_t i = t->first; i < t->first + t->count; i++, s += (size_t)t->rows * SUM_WIDTH) {
        const bool is_first = b->col == 0 && i == t->first;
        mmoe_packed_gemm de = {.rows = t->rows,
                               .n = t->dim,
                               .k = k->cols,
                               .first = b->col,
                               .count = b->cols,
                               .a = s,
                               .lda = SUM_WIDTH,
                               .packed = own->backward[i],
                               .start = is_first ? own->zeros : b->de,
                               .ldstart = is_first ? 0 : t->dim,
                               .c = b->de,
                               .ldc = t->dim};
        if (!p->params->tables[t->index].is_frozen) p->kernels->gemm(&de);
        p->kernels->gemm(&(mmoe_packed_gemm){.rows = b->cols,
                                             .n = t->dim,
                                             .k = t->rows,
                                             .count = t->rows,
                                             .across = true,
                                             .a = s,
                                             .lda = SUM_WIDTH,
                                             .packed = b->packed,
                                             .start = own->zeros,
                                             .c = own->dw + (size_t)b->col * (size_t)k->in.cols +
                                                  p->distinct->columns[i].col,
                                             .ldc = k->in.cols});
    }
}

/* S of a slab, of all of a task's tables. */
static void add_up(const mmoe_run *r, const mmoe_weight_task *task, const slab *b, int32_t rows) {
    const mmoe_plan *p = r->plan;
    const mmoe_distinct *d = p->distinct;
    const int32_t first = d->tables[task->first].first;
    const mmoe_buffer *dz = &p->grads[p->graph->nodes[task->node].out];
    memset(b->s, 0, (size_t)rows * SUM_WIDTH * sizeof *b->s);
    p->kernels->lookup_spread(&(mmoe_spread_args){.rows = r->batch->rows,
                                                  .cols = b->cols,
                                                  .count = columns_of(p, task),
                                                  .at = state_of(p)->at + first,
                                                  .ldat = d->n_column,
                                                  .first = d->columns[first].first,
                                                  .z = dz->base + b->col,
                                                  .ldz = dz->ld,
                                                  .sums = b->s,
                                                  .ldsums = SUM_WIDTH});
}

static void hand_on(mmoe_run *r, int worker, const mmoe_distinct_table *t, float *de) {
    const mmoe_embedding *e = &r->plan->params->tables[t->index];
    if (e->is_frozen) return;
    if (e->has_padding) memset(de + e->padding * t->dim, 0, (size_t)t->dim * sizeof *de);
    mmoe_run_sink(r, worker, r->plan->distinct->node,
                  &(mmoe_gradient){t->index, 0, t->rows, t->dim, de, t->dim});
}

static void run_sums(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_plan *p = r->plan;
    const mmoe_linear_block *k = block_of(p);
    const mmoe_distinct_table *tables = p->distinct->tables + task->first;
    const sum_room room = room_of(p, task->first, task->count);
    slab b = {.s = mmoe_scratch_of(p, worker)};
    for (b.col = 0; b.col < k->cols; b.col += SUM_WIDTH) {
        b.cols = k->cols - b.col < SUM_WIDTH ? k->cols - b.col : SUM_WIDTH;
        double start = mmoe_run_clock(r);
        add_up(r, task, &b, (int32_t)(room.s / SUM_WIDTH));
        const mmoe_weight_task slice = {task->node, task->first, task->count, b.col, b.cols};
        mmoe_run_task_done(r, worker, MMOE_PASS_SUMS, &slice, start);
        start = mmoe_run_clock(r);
        slab part = b;
        part.de = b.s + room.s;
        part.packed = part.de + room.de;
        for (int32_t i = 0; i < task->count; i++) {
            multiply(p, &tables[i], &part);
            part.s += (size_t)sum_rows(&tables[i]) * SUM_WIDTH;
            part.de += mmoe_line_floats((size_t)tables[i].rows * (size_t)tables[i].dim);
        }
        mmoe_run_task_done(r, worker, MMOE_PASS_WEIGHTS, &slice, start);
    }
    float *de = b.s + room.s;
    for (int32_t i = 0; i < task->count; i++) {
        hand_on(r, worker, &tables[i], de);
        de += mmoe_line_floats((size_t)tables[i].rows * (size_t)tables[i].dim);
    }
}

/* ---- W's gradient ---- */

/* Rows of W, count 0: behind the sums. */
static void distinct_list_late(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_linear_block *k = block_of(p);
    for (int32_t row = 0, rows; row < k->cols; row += rows) {
        rows = k->cols - row < W_ROWS ? k->cols - row : W_ROWS;
        mmoe_list_task(l, (mmoe_weight_task){.node = node, .row = row, .rows = rows},
                       (size_t)p->input.width * W_ROWS);
    }
}

/* dW_rest^T = rest^T dz: as rest is narrow, W's rows fill the vectors. */
static void multiply_rest(const mmoe_run *r, const mmoe_weight_task *task, float *scratch) {
    const mmoe_plan *p = r->plan;
    const mmoe_buffer *x = &p->values[block_of(p)->in.value],
                      *dz = &p->grads[p->graph->nodes[task->node].out];
    const mmoe_gemm g = {.ta = true,
                         .m = p->input.width,
                         .n = (int32_t)task->rows,
                         .k = r->batch->rows,
                         .a = x->base,
                         .lda = x->ld,
                         .b = dz->base + task->row,
                         .ldb = dz->ld,
                         .c = scratch,
                         .ldc = W_ROWS};
    if (p->kernels->packs_steps && g.n % p->kernels->mix_cols == 0)
        p->kernels->gemm_outer(&g);
    else
        mmoe_gemm_run(&g);
}

/* To its columns of dW. */
static void place_rest(const mmoe_plan *p, const mmoe_weight_task *task, const float *rest) {
    const int32_t in = block_of(p)->in.cols;
    float *dw = state_of(p)->dw + task->row * in;
    for (const mmoe_rest_run *run = p->distinct->runs; run < p->distinct->runs + p->distinct->n_run;
         run++)
        for (int32_t row = 0; row < task->rows; row++)
            for (int32_t c = 0; c < run->cols; c++)
                dw[row * in + run->w_col + c] = rest[(run->col + c) * W_ROWS + row];
}

static void run_rows(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_plan *p = r->plan;
    const mmoe_linear_block *k = block_of(p);
    const int64_t offset = task->row * k->in.cols;
    float *dw = state_of(p)->dw + offset;
    const double start = mmoe_run_clock(r);
    if (p->input.width) {
        multiply_rest(r, task, mmoe_scratch_of(p, worker));
        place_rest(p, task, mmoe_scratch_of(p, worker));
    }
    mmoe_run_task_done(r, worker, MMOE_PASS_WEIGHTS, task, start);
    mmoe_run_sink(r, worker, task->node,
                  &(mmoe_gradient){p->params->n_table, k->weight + offset, task->rows, k->in.cols,
                                   dw, k->in.cols});
}

static void distinct_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    if (task->count)
        run_sums(r, task, worker);
    else
        run_rows(r, task, worker);
}

/* ---- Costs ---- */

/* Of products with rest. */
static mmoe_cost cost_of_rest(const mmoe_plan *p, double rows, double cols) {
    const double rest = p->input.width;
    return (mmoe_cost){2 * rows * cols * rest, 4 * (rows * cols + rows * rest + cols * rest)};
}

/* Of products of tables' rows with W_c or S_c. */
static mmoe_cost cost_of_tables(const mmoe_plan *p, const mmoe_weight_task *task, double cols) {
    mmoe_cost cost = {0};
    for (int32_t i = task->first; i < task->first + task->count; i++) {
        const mmoe_distinct_table *t = &p->distinct->tables[i];
        cost.flops += 2 * cols * sum_rows(t) * t->dim;
        cost.bytes += 4 * (cols + t->dim) * sum_rows(t);
    }
    return cost;
}

static mmoe_cost distinct_cost(const mmoe_plan *p, int32_t node, const mmoe_timed *what) {
    (void)node;
    const double cols = block_of(p)->cols, columns = p->distinct->n_column;
    const mmoe_weight_task *task = what->task;
    switch (what->pass) {
    case MMOE_PASS_PACK:
        return cost_of_tables(p, task, cols);
    case MMOE_PASS_LOOKUP:
        return (mmoe_cost){0, what->rows * 4 * cols * (columns + 1)};
    case MMOE_PASS_SUMS:
        return (mmoe_cost){0, what->rows * 8 * (double)task->rows * columns_of(p, task)};
    default:
        break;
    }
    if (!task || !task->count) return cost_of_rest(p, what->rows, task ? (double)task->rows : cols);
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
    .lay = distinct_lay,
    .list_packs = distinct_list_packs,
    .list = distinct_list,
    .list_late = distinct_list_late,
    .cost = distinct_cost,
    .pack = distinct_pack,
    .look_up = distinct_look_up,
    .forward = distinct_forward,
    .backward = distinct_backward,
    .run_task = distinct_run_task,
};
