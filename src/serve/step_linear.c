/* Linear nodes, each with the layer on its output: products of packed weights, the layer's batch
 * norm and bias folded into them, its relu in their epilogue. */
#include <math.h>

#include "serve/step.h"

/* The layer on a linear node's output; NULL: none. */
static const mmoe_node *layer_of(const mmoe_graph *g, const mmoe_node *linear) {
    for (const mmoe_node *n = linear + 1; n < g->nodes + g->n_node; n++)
        if (n->op == MMOE_OP_APPLY && n->in == linear->out) return n;
    return NULL;
}

static void count_blocks(const mmoe_program *p, const mmoe_node *n, mmoe_serve_room *room) {
    room->blocks += (size_t)n->u.linear.n_block;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        room->floats += mmoe_line_floats(p->kernels->packed_size(k->cols, k->in.cols)) +
                        2 * mmoe_line_floats((size_t)k->cols);
    }
}

/* ---- Making a block ---- */

/* Inference's batch norm: a = (z + bias - mean) gamma / sqrt(var + eps) + beta. */
static void fold_column(const mmoe_params *params, const mmoe_node *layer, int32_t c, float *scale,
                        float *start) {
    *scale = 1;
    *start = 0;
    if (!layer) return;
    const float bias = params->values[layer->u.apply.bias + c];
    const mmoe_norm *norm = &layer->u.apply.norm;
    const int32_t i = c - norm->col;
    *start = bias;
    if (i < 0 || i >= norm->cols) return;
    const double folded = params->values[norm->gamma + i] /
                          sqrt((double)params->states[norm->var + i] + MMOE_BATCH_NORM_EPS);
    *scale = (float)folded;
    *start = (float)(params->values[norm->beta + i] +
                     ((double)bias - params->states[norm->mean + i]) * folded);
}

static mmoe_activation activation_at(const mmoe_node *layer, int32_t c) {
    for (int32_t i = 0; layer && i < layer->u.apply.n_segment; i++) {
        const mmoe_segment *s = &layer->u.apply.segments[i];
        if (c >= s->col && c < s->col + s->cols) return s->act;
    }
    return MMOE_ACT_NONE;
}

/* The columns of `in` on one side: neighbours in x as they are in the graph. */
static mmoe_serve_range range_of(const mmoe_program *p, const mmoe_view *in, bool user) {
    mmoe_serve_range r = {0};
    for (int32_t c = in->col; c < in->col + in->cols; c++) {
        const int32_t at = p->x_col[c];
        if ((at < p->user_cols) != user) continue;
        if (r.count == 0 || at < r.col) r.col = at;
        r.count++;
    }
    return r;
}

/* Rows of B in the order of x; runs of columns that are neighbours there too are packed at once. */
static void pack_input(const mmoe_program *p, const mmoe_serve_block *b, const mmoe_view *in,
                       const float *w, const float *scale, float *packed) {
    for (int32_t c = 0, run; c < in->cols; c += run) {
        const int32_t at = p->x_col[in->col + c];
        for (run = 1; c + run < in->cols && p->x_col[in->col + c + run] == at + run;) run++;
        if (at < p->user_cols && at + run > p->user_cols) run = p->user_cols - at;
        const mmoe_serve_range *r = at < p->user_cols ? &b->user : &b->item;
        p->kernels->pack(&(mmoe_pack_args){b->n, b->k, r->first + at - r->col, run, w + c, in->cols,
                                           scale, packed});
    }
}

static void make_block(mmoe_serve_maker *m, const mmoe_linear_block *k, const mmoe_node *layer) {
    mmoe_program *p = m->program;
    float *scale = m->scale;
    mmoe_serve_block *b = &p->blocks[p->n_block++];
    *b = (mmoe_serve_block){
        .in = k->in.value, .col = k->col, .n = k->cols, .k = k->in.cols, .user_start = -1};
    float *packed = mmoe_serve_take(m, p->kernels->packed_size(b->n, b->k)),
          *start = mmoe_serve_take(m, (size_t)b->n), *least = mmoe_serve_take(m, (size_t)b->n);
    bool any = false;
    for (int32_t c = 0; c < b->n; c++) {
        fold_column(&p->model->params, layer, k->col + c, &scale[c], &start[c]);
        const bool relu = activation_at(layer, k->col + c) == MMOE_ACT_RELU;
        least[c] = relu ? 0 : -INFINITY;
        any |= relu;
    }
    b->packed = packed;
    b->start = start;
    b->floor = any ? least : NULL;
    const float *w = p->model->params.values + k->weight;
    if (k->in.value != p->x) {
        b->item = (mmoe_serve_range){k->in.col, 0, b->k};
        p->kernels->pack(&(mmoe_pack_args){b->n, b->k, 0, b->k, w, b->k, scale, packed});
        return;
    }
    b->user = range_of(p, &k->in, true);
    b->item = range_of(p, &k->in, false);
    b->item.first = b->user.count;
    b->user_start = (int32_t)p->user_starts;
    p->user_starts += mmoe_line_floats((size_t)b->n);
    pack_input(p, b, &k->in, w, scale, packed);
}

static void make_blocks(mmoe_serve_maker *m, const mmoe_node *n, mmoe_serve_step *s) {
    const mmoe_node *layer = layer_of(m->program->model->graph, n);
    s->first_block = m->program->n_block;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) make_block(m, &n->u.linear.blocks[i], layer);
}

/* ---- Running ---- */

static mmoe_packed_gemm product_of(const mmoe_serve_chunk *c, const mmoe_serve_block *b,
                                   const mmoe_serve_range *r) {
    mmoe_packed_gemm g = {.rows = c->rows,
                          .n = b->n,
                          .k = b->k,
                          .first = r->first,
                          .count = r->count,
                          .packed = b->packed,
                          .start = b->start};
    g.a = mmoe_serve_at(c, b->in) + r->col;
    g.lda = mmoe_serve_ld(c, b->in);
    return g;
}

/* The share of one side, then that of the other, unless they are neighbours. */
static void run_block(const mmoe_serve_chunk *c, const mmoe_serve_block *b, int32_t out) {
    const bool apart = b->user.count && b->item.count && b->user.col + b->user.count != b->item.col;
    mmoe_serve_range whole = {b->user.count ? b->user.col : b->item.col, 0, b->k};
    const bool first_layer = c->ranked && b->user_start >= 0;
    const mmoe_serve_range *range = apart ? &b->user : &whole;
    mmoe_packed_gemm g = product_of(c, b, first_layer ? &b->item : range);
    g.c = mmoe_serve_at(c, out) + b->col;
    g.ldc = mmoe_serve_ld(c, out);
    if (first_layer) {
        g.start = c->user_starts + b->user_start;
    } else if (apart) {
        c->program->kernels->gemm(&g);
        mmoe_packed_gemm rest = product_of(c, b, &b->item);
        rest.start = rest.c = g.c;
        rest.ldstart = rest.ldc = g.ldc;
        g = rest;
    }
    g.floor = b->floor;
    c->program->kernels->gemm(&g);
}

static void run_blocks(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_serve_block *b = c->program->blocks + s->first_block;
    for (int32_t i = 0; i < s->node->u.linear.n_block; i++) run_block(c, b + i, s->node->out);
}

void mmoe_serve_user_share(const mmoe_serve_chunk *c, float *user_starts) {
    const mmoe_program *p = c->program;
    for (const mmoe_serve_block *b = p->blocks; b < p->blocks + p->n_block; b++) {
        if (b->user_start < 0) continue;
        mmoe_packed_gemm g = product_of(c, b, &b->user);
        g.c = user_starts + b->user_start;
        g.ldc = b->n;
        p->kernels->gemm(&g);
    }
}

const mmoe_serve_op mmoe_serve_linear = {
    .count = count_blocks, .make = make_blocks, .run = run_blocks};
