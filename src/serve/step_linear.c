/* Linear nodes, each with the layer on its output: products of packed weights, the layer's batch
 * norm and bias folded into them, its relu in their epilogue. */
#include <assert.h>
#include <math.h>

#include "serve/products.h"

/* From so many rows on, products are added some columns at a time, so that these columns' part of P
 * stays in or near L1 (Zen 4, 32 columns of 16 values, 144 wide: 118 ns a row instead of 137). */
enum { MANY_ROWS = 16, COLUMNS_AT_ONCE = 16 };

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

/* Rows of B in the order of a program's places; runs of columns that are neighbours there too are
 * packed at once. */
static void pack_input(const mmoe_program *p, const mmoe_serve_block *b, const float *w,
                       const float *scale, float *packed) {
    for (int32_t c = 0, run; c < b->k; c += run) {
        const int32_t at = p->place[c];
        for (run = 1; c + run < b->k && p->place[c + run] == at + run;) run++;
        p->kernels->pack(&(mmoe_pack_args){b->n, b->k, at, run, w + c, b->k, scale, packed});
    }
}

static void make_block(mmoe_serve_maker *m, const mmoe_linear_block *k, const mmoe_node *layer) {
    mmoe_program *p = m->program;
    float *scale = m->scale;
    mmoe_serve_block *b = &p->blocks[p->n_block++];
    *b = (mmoe_serve_block){.in = k->in.value,
                            .in_col = k->in.col,
                            .col = k->col,
                            .n = k->cols,
                            .k = k->in.cols,
                            .reads_x = k->in.value == p->x};
    float *packed = mmoe_serve_take(m, p->kernels->packed_size(b->n, b->k)),
          *start = mmoe_serve_take(m, (size_t)b->n), *least = mmoe_serve_take(m, (size_t)b->n);
    bool any = false;
    for (int32_t c = 0; c < b->n; c++) {
        fold_column(p->params, layer, k->col + c, &scale[c], &start[c]);
        const bool relu = activation_at(layer, k->col + c) == MMOE_ACT_RELU;
        least[c] = relu ? 0 : -INFINITY;
        any |= relu;
    }
    b->packed = packed;
    b->start = start;
    b->floor = any ? least : NULL;
    const float *w = p->params->values + k->weight;
    if (!b->reads_x) {
        p->kernels->pack(&(mmoe_pack_args){b->n, b->k, 0, b->k, w, b->k, scale, packed});
        return;
    }
    assert(k->in.cols == p->model->graph->values[p->x].width);
    b->first = m->first;
    m->first += (int32_t)mmoe_line_floats((size_t)b->n);
    pack_input(p, b, w, scale, packed);
    mmoe_products_fill(p, b);
}

static void make_blocks(mmoe_serve_maker *m, const mmoe_node *n, mmoe_serve_step *s) {
    const mmoe_node *layer = layer_of(m->program->model->graph, n);
    s->first_block = m->program->n_block;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) make_block(m, &n->u.linear.blocks[i], layer);
}

/* ---- Running ---- */

/* A block's sum, which is z so far, or start where it has none yet. */
typedef struct partial {
    const mmoe_serve_chunk *c;
    const mmoe_serve_block *b;
    const float *start;
    int32_t ldstart, ldz;
    float *z;
} partial;

static void continue_from_z(partial *s) {
    s->start = s->z;
    s->ldstart = s->ldz;
}

/* Adds in[:, col : col+count] W, W's rows those from `first` on. */
static void multiply(partial *s, int32_t col, int32_t first, int32_t count, const float *floor) {
    const mmoe_serve_block *b = s->b;
    s->c->program->kernels->gemm(&(mmoe_packed_gemm){.rows = s->c->rows,
                                                     .n = b->n,
                                                     .k = b->k,
                                                     .first = first,
                                                     .count = count,
                                                     .a = mmoe_serve_at(s->c, b->in) + col,
                                                     .lda = mmoe_serve_ld(s->c, b->in),
                                                     .packed = b->packed,
                                                     .start = s->start,
                                                     .ldstart = s->ldstart,
                                                     .floor = floor,
                                                     .c = s->z,
                                                     .ldc = s->ldz});
    continue_from_z(s);
}

/* Adds the side's products. */
static void look_up(partial *s, const float *floor) {
    const mmoe_serve_products *products = &s->c->program->products;
    const int32_t n = s->c->side->n_product, most = s->c->rows < MANY_ROWS ? n : COLUMNS_AT_ONCE;
    for (int32_t first = 0; first < n; first += most) {
        const bool is_last = n - first <= most;
        s->c->program->kernels->lookup_add(&(mmoe_lookup_args){.rows = s->c->rows,
                                                               .cols = s->b->n,
                                                               .count = is_last ? n - first : most,
                                                               .at = s->c->at + first,
                                                               .ldat = n,
                                                               .p = products->p + s->b->first,
                                                               .ldp = products->ld,
                                                               .start = s->start,
                                                               .ldstart = s->ldstart,
                                                               .floor = is_last ? floor : NULL,
                                                               .z = s->z,
                                                               .ldz = s->ldz});
        continue_from_z(s);
    }
}

/* The share of the chunk's side in a first layer (step.h has the order). */
static void add_side(partial s, const float *floor) {
    const mmoe_serve_side *side = s.c->side;
    const int32_t first = side->x_first, user = s.c->user_x, item = s.c->item_x,
                  first_item = first + side->x_count - item;
    if (!side->n_product) {
        multiply(&s, first, first, side->x_count, floor);
        return;
    }
    if (user) multiply(&s, first, first, user, NULL);
    look_up(&s, item ? NULL : floor);
    if (item) multiply(&s, first_item, first_item, item, floor);
}

static void run_block(const mmoe_serve_chunk *c, const mmoe_serve_block *b, int32_t out) {
    partial s = {.c = c,
                 .b = b,
                 .start = b->reads_x && c->starts ? c->starts + b->first : b->start,
                 .ldz = mmoe_serve_ld(c, out),
                 .z = mmoe_serve_at(c, out) + b->col};
    if (b->reads_x)
        add_side(s, b->floor);
    else
        multiply(&s, b->in_col, 0, b->k, b->floor);
}

static void run_blocks(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_serve_block *b = c->program->blocks + s->first_block;
    for (int32_t i = 0; i < s->node->u.linear.n_block; i++) run_block(c, b + i, s->node->out);
}

void mmoe_serve_share(const mmoe_serve_chunk *c, float *starts) {
    const mmoe_program *p = c->program;
    for (const mmoe_serve_block *b = p->blocks; b < p->blocks + p->n_block; b++) {
        if (!b->reads_x) continue;
        const partial s = {.c = c, .b = b, .start = b->start, .z = starts + b->first};
        add_side(s, NULL);
    }
}

const mmoe_serve_op mmoe_serve_linear = {
    .count = count_blocks, .make = make_blocks, .run = run_blocks};
