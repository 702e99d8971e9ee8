/* z_g = x_g W_g^T;  dx_g = dz_g W_g;  dW_g = dz_g^T x_g. */
#include <assert.h>

#include "graph/cost.h"
#include "graph/op.h"
#include "math/blas.h"

enum {
    TOGETHER = 64,        /* products of one call */
    TASK_FLOPS = 8 << 20, /* smaller weight tasks go together */
    SLAB = 96 /* rows of a weight matrix that a task takes: OpenBLAS likes multiples of 48 */
};

/* Weights of a block, packed for this step's forward and backward products; NULL: BLAS takes them
 * as they are. */
typedef struct packed_block {
    float *forward, *backward;
} packed_block;

typedef struct linear_state {
    packed_block *packed; /* [blocks] */
    float *zeros;         /* as many as the widest packed block has columns */
} linear_state;

/* ---- The node ---- */

mmoe_status mmoe_graph_linear(mmoe_graph *g, const char *name, const mmoe_linear_block *blocks,
                              int32_t n_block, mmoe_view *out, mmoe_error *err) {
    int32_t width = 0;
    for (int32_t i = 0; i < n_block; i++) {
        assert(blocks[i].col == width && blocks[i].in.value < g->n_value);
        assert(!blocks[i].again || (i && blocks[i].weight == blocks[i - 1].weight &&
                                    blocks[i].cols == blocks[i - 1].cols));
        width += blocks[i].cols;
    }
    mmoe_node n = {.op = MMOE_OP_LINEAR, .in = -1};
    n.u.linear.n_block = n_block;
    n.u.linear.blocks = mmoe_node_keep(g, &n, blocks, n_block, sizeof *blocks);
    return mmoe_graph_add(g, name, &n, (mmoe_value){width, width}, out, err);
}

static void linear_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                          void *context) {
    (void)g;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        visit(context, &(mmoe_node_input){k->in, k->col, k->cols});
    }
}

static void linear_weights(const mmoe_node *n, mmoe_weights_visit visit, void *context) {
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        visit(context, &(mmoe_node_weights){-1, k->weight, k->in.cols, k->col, k->cols, 1});
    }
}

static void linear_kept(const mmoe_node *n, mmoe_value_visit visit, void *context) {
    for (int32_t i = 0; i < n->u.linear.n_block; i++)
        visit(context, n->u.linear.blocks[i].in.value, false);
    visit(context, n->out, true);
}

/* Columns of a block's input that need a gradient. */
static int32_t grad_cols_of(const mmoe_graph *g, const mmoe_linear_block *k) {
    int32_t cols = g->values[k->in.value].grad_cols - k->in.col;
    return cols < k->in.cols ? cols : k->in.cols;
}

/* Backward of the columns that need a gradient alone; of a task its share of the weights. */
static mmoe_cost linear_cost(const mmoe_plan *p, int32_t node, const mmoe_timed *what) {
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_weight_task *task = what->task;
    const double rows = what->rows;
    mmoe_cost cost = {0};
    double all = 0, mine = 0;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        const bool is_back = what->pass == MMOE_PASS_BACKWARD;
        const double in = is_back ? grad_cols_of(p->graph, k) : k->in.cols, out = k->cols;
        cost.flops += 2 * rows * in * out;
        cost.bytes += 4 * (rows * in + rows * out + in * out);
        all += out * in;
        if (task && i >= task->first && i < task->first + task->count)
            mine += (double)task->rows * in;
    }
    if (!task) return cost;
    return (mmoe_cost){cost.flops * (mine / all), cost.bytes * (mine / all)};
}

/* ---- Packed weights ---- */

static void linear_lay(const mmoe_plan *p, int32_t node, mmoe_layout *l) {
    const mmoe_node *n = &p->graph->nodes[node];
    linear_state *own = mmoe_lay(l, 1, sizeof *own);
    packed_block *packed = mmoe_lay(l, (size_t)n->u.linear.n_block, sizeof *packed);
    size_t widest = 0;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        const int32_t back = p->training ? grad_cols_of(p->graph, k) : 0;
        if (k->cols < MMOE_PACKED_N || k->in.cols < MMOE_PACKED_K ||
            (int64_t)k->cols * k->in.cols > p->kernels->packs_steps)
            continue;
        packed_block b = {mmoe_lay_floats(l, p->kernels->packed_size(k->cols, k->in.cols)), NULL};
        if (back >= MMOE_PACKED_N)
            b.backward = mmoe_lay_floats(l, p->kernels->packed_size(back, k->cols));
        if (packed) packed[i] = b;
        const size_t wide = (size_t)(k->cols > back ? k->cols : back);
        if (wide > widest) widest = wide;
    }
    float *zeros = mmoe_lay_floats(l, widest);
    p->nodes[node].own = own;
    if (own) *own = (linear_state){packed, zeros};
}

static void linear_list_packs(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const linear_state *own = p->nodes[node].own;
    for (int32_t i = 0; i < p->graph->nodes[node].u.linear.n_block; i++)
        if (own->packed[i].forward)
            mmoe_list_task(l, (mmoe_weight_task){.node = node, .first = i, .count = 1}, 0);
}

static void linear_pack(const mmoe_plan *p, const mmoe_weight_task *pack) {
    const mmoe_linear_block *k = &p->graph->nodes[pack->node].u.linear.blocks[pack->first];
    const linear_state *own = p->nodes[pack->node].own;
    const packed_block *to = &own->packed[pack->first];
    const float *w = p->params->values + k->weight;
    p->kernels->pack(&(mmoe_pack_args){.n = k->cols,
                                       .k = k->in.cols,
                                       .count = k->in.cols,
                                       .w = w,
                                       .ldw = k->in.cols,
                                       .packed = to->forward});
    if (to->backward)
        p->kernels->pack_rows(grad_cols_of(p->graph, k), k->cols, w, k->in.cols, to->backward);
}

/* ---- A chunk ---- */

/* g's product with its B packed. */
static void run_packed(const mmoe_kernels *kernels, const mmoe_gemm *g, const float *packed,
                       const float *zeros) {
    mmoe_packed_gemm q = {.rows = g->m,
                          .n = g->n,
                          .k = g->k,
                          .count = g->k,
                          .a = g->a,
                          .lda = g->lda,
                          .packed = packed,
                          .c = g->c,
                          .ldc = g->ldc};
    q.start = g->beta != 0 ? g->c : zeros;
    q.ldstart = g->beta != 0 ? g->ldc : 0;
    kernels->gemm(&q);
}

static void linear_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const linear_state *own = p->nodes[node].own;
    float *z = mmoe_value_at(p, n->out, s);
    mmoe_gemm g[TOGETHER];
    int32_t count = 0;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        g[count] = (mmoe_gemm){.tb = true,
                               .m = s->rows,
                               .n = k->cols,
                               .k = k->in.cols,
                               .a = mmoe_value_at(p, k->in.value, s) + k->in.col,
                               .lda = p->values[k->in.value].ld,
                               .b = p->params->values + k->weight,
                               .ldb = k->in.cols,
                               .c = z + k->col,
                               .ldc = p->values[n->out].ld};
        if (own->packed[i].forward) {
            run_packed(p->kernels, &g[count], own->packed[i].forward, own->zeros);
        } else if (++count == TOGETHER) {
            mmoe_gemm_batch(g, count);
            count = 0;
        }
    }
    if (count) mmoe_gemm_batch(g, count);
}

/* Blocks that add to one input's gradient depend on each other: they go one by one. */
static void linear_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const linear_state *own = p->nodes[node].own;
    const uint8_t *add = p->nodes[node].add;
    const float *dz = mmoe_grad_at(p, n->out, s);
    mmoe_gemm g[TOGETHER];
    int32_t count = 0;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        int32_t cols = grad_cols_of(p->graph, k);
        if (count == TOGETHER || (count && add[i])) {
            mmoe_gemm_batch(g, count);
            count = 0;
        }
        if (cols <= 0) continue;
        g[count] = (mmoe_gemm){.m = s->rows,
                               .n = cols,
                               .k = k->cols,
                               .a = dz + k->col,
                               .lda = p->grads[n->out].ld,
                               .b = p->params->values + k->weight,
                               .ldb = k->in.cols,
                               .beta = add[i],
                               .c = mmoe_grad_at(p, k->in.value, s) + k->in.col,
                               .ldc = p->grads[k->in.value].ld};
        if (own->packed[i].backward)
            run_packed(p->kernels, &g[count], own->packed[i].backward, own->zeros);
        else
            count++;
    }
    if (count) mmoe_gemm_batch(g, count);
}

/* ---- Weights ---- */

static void linear_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_node *n = &p->graph->nodes[node];
    for (int32_t i = 0, together; i < n->u.linear.n_block; i += together) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        int32_t ld = mmoe_row_stride(k->in.cols);
        double flops = 2.0 * k->cols * k->in.cols * p->max_rows;
        together = 1;
        while (i + together < n->u.linear.n_block && k[together].again) together++;
        if (flops < TASK_FLOPS) { /* small blocks of one shape go together */
            while (i + together < n->u.linear.n_block && k[together].cols == k->cols &&
                   k[together].in.cols == k->in.cols &&
                   (k[together].again || (together + 1) * flops <= TASK_FLOPS))
                together++;
            mmoe_list_task(l, (mmoe_weight_task){node, i, together, 0, k->cols},
                           mmoe_tree_floats(p, (size_t)k->cols * (size_t)ld));
            continue;
        }
        for (int32_t row = 0, rows; row < k->cols; row += rows) {
            rows =
                k->cols - row >= SLAB + SLAB / 2 && n->u.linear.n_block < 8 ? SLAB : k->cols - row;
            mmoe_list_task(l, (mmoe_weight_task){node, i, together, row, rows},
                           mmoe_tree_floats(p, (size_t)rows * (size_t)ld));
        }
    }
}

/* The input node's value is padded with zeros: its products are done to the padding's end, for
 * OpenBLAS is a sixth faster there (n 144 for 135), and the padding's gradients are zero and not
 * used. */
static int32_t task_cols(const mmoe_plan *p, const mmoe_linear_block *k) {
    const bool is_x = p->graph->nodes[0].out == k->in.value && k->in.col == 0 &&
                      k->in.cols == p->graph->values[k->in.value].width;
    return is_x ? p->values[k->in.value].ld : k->in.cols;
}

/* What a segment has of the gradient of a task's rows of a block, or of what is added to it. */
static void multiply_segment(const mmoe_run *r, const mmoe_weight_task *task,
                             const mmoe_linear_block *k, int32_t segment, float *dw) {
    const mmoe_plan *p = r->plan;
    const mmoe_buffer *x = &p->values[k->in.value],
                      *dz = &p->grads[p->graph->nodes[task->node].out];
    const size_t first = (size_t)segment * (size_t)r->cut.segment;
    const int32_t cols = task_cols(p, k);
    const mmoe_gemm g = {.ta = true,
                         .m = (int32_t)task->rows,
                         .n = cols,
                         .k = mmoe_segment_rows(&r->cut, segment),
                         .a = dz->base + first * (size_t)dz->ld + k->col + task->row,
                         .lda = dz->ld,
                         .b = x->base + first * (size_t)x->ld + k->in.col,
                         .ldb = x->ld,
                         .beta = k->again,
                         .c = dw,
                         .ldc = cols};
    if (g.beta == 0 && p->kernels->outer_steps && g.m >= MMOE_PACKED_N && g.n >= MMOE_PACKED_K &&
        g.n % p->kernels->mix_cols == 0)
        p->kernels->gemm_outer(&g);
    else
        mmoe_gemm_run(&g);
}

/* Blocks that have one weight are added up within a segment. */
static void linear_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[task->node];
    for (int32_t i = task->first, end; i < task->first + task->count; i = end) {
        const mmoe_linear_block *blocks = n->u.linear.blocks, *k = &blocks[i];
        const int32_t cols = task_cols(p, k);
        for (end = i + 1; end < n->u.linear.n_block && blocks[end].again;) end++;
        const double start = mmoe_run_clock(r);
        mmoe_tree_sum sum =
            mmoe_tree_of(p, mmoe_scratch_of(p, worker), (size_t)task->rows * (size_t)cols);
        for (int32_t s = 0; s < r->cut.segments; s++) {
            float *dw = mmoe_tree_next(&sum, s);
            for (int32_t b = i; b < end; b++) multiply_segment(r, task, &blocks[b], s, dw);
        }
        const float *dw = mmoe_tree_total(&sum);
        mmoe_run_task_done(r, worker, MMOE_PASS_WEIGHTS,
                           &(mmoe_weight_task){task->node, i, end - i, task->row, task->rows},
                           start);
        mmoe_run_sink(r, worker, task->node,
                      &(mmoe_gradient){p->params->n_table, k->weight + task->row * k->in.cols,
                                       task->rows, k->in.cols, dw, cols, NULL});
    }
}

const mmoe_op_kind mmoe_op_linear = {
    .passes = {[MMOE_PASS_PACK] = "packing",
               [MMOE_PASS_FORWARD] = "linear",
               [MMOE_PASS_BACKWARD] = "linear backward",
               [MMOE_PASS_WEIGHTS] = "linear weights",
               [MMOE_PASS_UPDATE] = "update weights"},
    .inputs = linear_inputs,
    .weights = linear_weights,
    .kept = linear_kept,
    .lay = linear_lay,
    .list_packs = linear_list_packs,
    .list = linear_list,
    .cost = linear_cost,
    .pack = linear_pack,
    .forward = linear_forward,
    .backward = linear_backward,
    .run_task = linear_run_task,
};
