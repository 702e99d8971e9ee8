#include "serve/program.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"

enum {
    LINE = 16,              /* floats of a cache line */
    CHUNK_FLOATS = 1 << 16, /* of all values of a chunk: 256 KB, a part of a core's L2 */
    LEAST_CHUNK = 48
};

static size_t rounded(size_t count) { return (count + LINE - 1) / LINE * LINE; }

/* Whole cache lines, but no large power of two, whose rows meet in the same cache sets. */
static int32_t stride_of(int32_t width) {
    int32_t ld = (int32_t)rounded((size_t)width);
    return ld >= 256 && ld % 128 == 0 ? ld + LINE : ld;
}

/* ---- Columns ---- */

static bool has_side(int which, mmoe_side side) {
    return which == MMOE_ALL_COLUMNS || (which == MMOE_USER_COLUMNS) == (side == MMOE_SIDE_USER);
}

/* The order of x: a column's place among the user's columns, or behind them. */
static void order_columns(mmoe_program *p, const mmoe_node *input) {
    const mmoe_schema *s = p->model->schema;
    int32_t at = 0;
    for (int side = MMOE_SIDE_USER; side >= MMOE_SIDE_ITEM; side--) {
        for (int32_t i = 0; i < input->u.input.n_lookup; i++) {
            const mmoe_lookup *l = &input->u.input.lookups[i];
            if ((int)s->sparse[l->column].side != side) continue;
            for (int32_t c = 0; c < l->dim; c++) p->x_col[l->col + c] = at++;
        }
        for (int32_t i = 0; i < input->u.input.n_dense; i++)
            if ((int)s->dense[i].side == side) p->x_col[input->u.input.dense_col + i] = at++;
        if (side == MMOE_SIDE_USER) p->user_cols = at;
    }
}

static void fill_side(mmoe_program *p, mmoe_serve_side *side, int which, const mmoe_node *input,
                      int32_t *place) {
    const mmoe_schema *s = p->model->schema;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        if (!has_side(which, s->sparse[i].side)) continue;
        place[i] = side->n_sparse;
        side->sparse[side->n_sparse] = &s->sparse[i];
        side->tables[side->n_sparse] = &s->tables[s->sparse[i].table];
        side->last[side->n_sparse++] = (int32_t)(s->tables[s->sparse[i].table].rows - 1);
    }
    for (int32_t i = 0; i < s->n_dense; i++)
        if (has_side(which, s->dense[i].side))
            side->dense[side->n_dense++] =
                (mmoe_serve_dense){&s->dense[i], p->x_col[input->u.input.dense_col + i]};
    for (int32_t i = 0; i < input->u.input.n_lookup; i++) {
        const mmoe_lookup *l = &input->u.input.lookups[i];
        if (has_side(which, s->sparse[l->column].side))
            side->lookups[side->n_lookup++] =
                (mmoe_serve_lookup){mmoe_params_rows(&p->model->params, l->table), place[l->column],
                                    p->x_col[l->col], l->dim};
    }
}

static mmoe_status make_sides(mmoe_program *p, const mmoe_node *input, mmoe_error *err) {
    const size_t sparse = (size_t)p->model->schema->n_sparse,
                 dense = (size_t)p->model->schema->n_dense,
                 lookups = (size_t)input->u.input.n_lookup;
    const size_t width = (size_t)p->model->graph->values[p->x].width;
    p->x_col = mmoe_alloc(&p->alloc, width, sizeof *p->x_col);
    int32_t *place = mmoe_alloc(&p->alloc, sparse, sizeof *place);
    bool ok = p->x_col && place;
    if (ok) order_columns(p, input);
    for (int i = 0; ok && i < MMOE_SERVE_SIDES; i++) {
        mmoe_serve_side *s = &p->sides[i];
        s->sparse = mmoe_alloc(&p->alloc, sparse, sizeof *s->sparse);
        s->tables = mmoe_alloc(&p->alloc, sparse, sizeof *s->tables);
        s->last = mmoe_alloc(&p->alloc, sparse, sizeof *s->last);
        s->dense = mmoe_alloc(&p->alloc, dense, sizeof *s->dense);
        s->lookups = mmoe_alloc(&p->alloc, lookups, sizeof *s->lookups);
        ok = s->sparse && s->tables && s->last && s->dense && s->lookups;
        if (ok) fill_side(p, s, i, input, place);
    }
    mmoe_release(&p->alloc, place);
    return ok ? MMOE_OK
              : mmoe_fail_memory(err, sparse * sizeof(void *) + dense * sizeof *p->sides->dense +
                                          lookups * sizeof *p->sides->lookups);
}

/* ---- Weights ---- */

static float *take(mmoe_program *p, size_t count) {
    float *at = p->weights + p->weights_used;
    p->weights_used += rounded(count);
    return at;
}

/* The layer on a linear node's output; NULL: none. */
static const mmoe_node *layer_of(const mmoe_graph *g, const mmoe_node *linear) {
    for (const mmoe_node *n = linear + 1; n < g->nodes + g->n_node; n++)
        if (n->op == MMOE_OP_APPLY && n->in == linear->out) return n;
    return NULL;
}

static int32_t slopes_of(const mmoe_segment *s) { return s->slope >= 0 ? s->cols / s->group : 0; }

/* Gates that all rows share. */
static size_t fixed_gates(const mmoe_node *n) {
    return n->op == MMOE_OP_MIX && n->u.mix.weight >= 0
               ? (size_t)(n->u.mix.n_task * n->u.mix.n_expert)
               : 0;
}

static size_t count_weights(const mmoe_program *p, int32_t *widest) {
    const mmoe_graph *g = p->model->graph;
    size_t floats = 0;
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++) {
        if (n->op == MMOE_OP_LINEAR) {
            if (g->values[n->out].width > *widest) *widest = g->values[n->out].width;
            for (int32_t i = 0; i < n->u.linear.n_block; i++) {
                const mmoe_linear_block *k = &n->u.linear.blocks[i];
                floats += rounded(p->kernels->packed_size(k->cols, k->in.cols)) +
                          2 * rounded((size_t)k->cols);
            }
        }
        floats += rounded(fixed_gates(n));
        if (n->op == MMOE_OP_APPLY)
            for (int32_t i = 0; i < n->u.apply.n_segment; i++)
                floats += rounded((size_t)slopes_of(&n->u.apply.segments[i]));
    }
    return floats + 3 * rounded((size_t)*widest); /* ones, zeros and the scale while it is folded */
}

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

static void make_block(mmoe_program *p, const mmoe_linear_block *k, const mmoe_node *layer,
                       float *scale) {
    mmoe_serve_block *b = &p->blocks[p->n_block++];
    *b = (mmoe_serve_block){
        .in = k->in.value, .col = k->col, .n = k->cols, .k = k->in.cols, .user_start = -1};
    float *packed = take(p, p->kernels->packed_size(b->n, b->k)), *start = take(p, (size_t)b->n),
          *least = take(p, (size_t)b->n);
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
    p->user_starts += rounded((size_t)b->n);
    pack_input(p, b, &k->in, w, scale, packed);
}

/* ---- Steps ---- */

/* What a block's epilogue does not do. */
static void add_activations(mmoe_program *p, const mmoe_node *layer) {
    for (int32_t i = 0; layer && i < layer->u.apply.n_segment; i++) {
        const mmoe_segment *s = &layer->u.apply.segments[i];
        if (s->act == MMOE_ACT_NONE || s->act == MMOE_ACT_RELU) continue;
        float *slope = take(p, (size_t)slopes_of(s));
        if (slopes_of(s))
            memcpy(slope, p->model->params.values + s->slope, (size_t)slopes_of(s) * sizeof *slope);
        p->steps[p->n_step++] = (mmoe_serve_step){
            .op = MMOE_SERVE_ACTIVATE, .out = layer->in, .segment = *s, .slope = slope};
    }
}

static void add_mix(mmoe_program *p, const mmoe_node *n) {
    mmoe_serve_step *s = &p->steps[p->n_step++];
    *s = (mmoe_serve_step){.op = MMOE_SERVE_MIX, .out = n->out, .node = n};
    const size_t count = fixed_gates(n);
    if (!count) return;
    float *gates = take(p, count);
    memcpy(gates, p->model->params.values + n->u.mix.weight, count * sizeof *gates);
    s->gates = gates;
}

static void add_steps(mmoe_program *p, float *scale) {
    const mmoe_graph *g = p->model->graph;
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++) switch (n->op) {
        case MMOE_OP_LINEAR: {
            const mmoe_node *layer = layer_of(g, n);
            p->steps[p->n_step++] = (mmoe_serve_step){.op = MMOE_SERVE_LINEAR,
                                                      .out = n->out,
                                                      .first = p->n_block,
                                                      .count = n->u.linear.n_block};
            for (int32_t i = 0; i < n->u.linear.n_block; i++)
                make_block(p, &n->u.linear.blocks[i], layer, scale);
            add_activations(p, layer);
            break;
        }
        case MMOE_OP_GATE:
            p->steps[p->n_step++] =
                (mmoe_serve_step){.op = MMOE_SERVE_GATE, .out = n->out, .node = n};
            break;
        case MMOE_OP_MIX:
            add_mix(p, n);
            break;
        case MMOE_OP_ATTEND:
            p->steps[p->n_step++] =
                (mmoe_serve_step){.op = MMOE_SERVE_ATTEND, .out = n->out, .node = n};
            break;
        case MMOE_OP_JOINT:
            p->steps[p->n_step++] =
                (mmoe_serve_step){.op = MMOE_SERVE_JOINT, .out = n->out, .node = n};
            break;
        case MMOE_OP_LOSS:
            p->loss = n;
            break;
        default:
            break; /* inputs are gathered first; statistics are folded; layers follow their linear
                      node */
        }
}

/* A layer works in place: its output is its linear node's. */
static void place_values(mmoe_program *p) {
    const mmoe_graph *g = p->model->graph;
    size_t row = 0;
    for (int32_t v = 0; v < g->n_value; v++) p->values[v].ld = stride_of(g->values[v].width);
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++)
        if (n->op == MMOE_OP_APPLY) p->values[n->out].ld = 0;
    for (int32_t v = 0; v < g->n_value; v++) row += (size_t)p->values[v].ld;
    size_t rows = CHUNK_FLOATS / row;
    rows = rows < LEAST_CHUNK        ? LEAST_CHUNK
           : rows > MMOE_SERVE_CHUNK ? MMOE_SERVE_CHUNK
                                     : rows / 24 * 24;
    p->chunk = (int32_t)rows;
    for (int32_t v = 0; v < g->n_value; v++) {
        p->values[v].offset = p->chunk_floats;
        p->chunk_floats += rows * (size_t)p->values[v].ld;
    }
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++)
        if (n->op == MMOE_OP_APPLY) p->values[n->out] = p->values[n->in];
}

static void count_nodes(const mmoe_graph *g, size_t *steps, size_t *blocks) {
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++) {
        *steps += n->op == MMOE_OP_APPLY ? (size_t)n->u.apply.n_segment : 1;
        if (n->op == MMOE_OP_LINEAR) *blocks += (size_t)n->u.linear.n_block;
    }
}

static mmoe_status compile(mmoe_program *p, mmoe_error *err) {
    const mmoe_graph *g = p->model->graph;
    assert(g->nodes[0].op == MMOE_OP_INPUT);
    p->x = g->nodes[0].out;
    p->n_task = g->n_task;
    mmoe_status status = make_sides(p, &g->nodes[0], err);
    if (status) return status;
    int32_t widest = 0;
    size_t floats = count_weights(p, &widest), steps = 0, blocks = 0;
    count_nodes(g, &steps, &blocks);
    p->weights = mmoe_alloc_aligned(&p->alloc, floats, sizeof *p->weights);
    p->steps = mmoe_alloc(&p->alloc, steps, sizeof *p->steps);
    p->blocks = mmoe_alloc(&p->alloc, blocks, sizeof *p->blocks);
    p->values = mmoe_alloc(&p->alloc, (size_t)g->n_value, sizeof *p->values);
    if (!p->weights || !p->steps || !p->blocks || !p->values)
        return mmoe_fail_memory(err, floats * sizeof *p->weights + steps * sizeof *p->steps +
                                         blocks * sizeof *p->blocks);
    float *ones = take(p, (size_t)widest), *zeros = take(p, (size_t)widest),
          *scale = take(p, (size_t)widest);
    for (int32_t c = 0; c < widest; c++) {
        ones[c] = 1;
        zeros[c] = 0;
    }
    p->ones = ones;
    p->zeros = zeros;
    add_steps(p, scale);
    place_values(p);
    assert(p->weights_used <= floats && p->loss);
    return MMOE_OK;
}

mmoe_status mmoe_program_create(const mmoe_model *model, const mmoe_allocator *alloc,
                                mmoe_program **out, mmoe_error *err) {
    mmoe_program *p = mmoe_alloc_zero(alloc, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    p->alloc = *alloc;
    atomic_init(&p->users, 1);
    p->model = model;
    p->kernels = mmoe_kernels_best();
    mmoe_status status = compile(p, err);
    if (status)
        mmoe_program_leave(p);
    else
        *out = p;
    return status;
}

mmoe_program *mmoe_program_share(mmoe_program *program) {
    atomic_fetch_add_explicit(&program->users, 1, memory_order_relaxed);
    return program;
}

void mmoe_program_leave(mmoe_program *p) {
    if (!p || atomic_fetch_sub_explicit(&p->users, 1, memory_order_acq_rel) > 1) return;
    const mmoe_allocator a = p->alloc;
    for (int i = 0; i < MMOE_SERVE_SIDES; i++) {
        const mmoe_serve_side *s = &p->sides[i];
        mmoe_release(&a, s->sparse);
        mmoe_release(&a, s->tables);
        mmoe_release(&a, s->last);
        mmoe_release(&a, s->dense);
        mmoe_release(&a, s->lookups);
    }
    mmoe_release(&a, p->x_col);
    mmoe_release(&a, p->steps);
    mmoe_release(&a, p->blocks);
    mmoe_release(&a, p->values);
    mmoe_release_aligned(&a, p->weights);
    mmoe_release(&a, p);
}
