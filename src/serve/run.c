#include "serve/run.h"

#include <string.h>

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

static float *value_of(const mmoe_predictor *p, int32_t value) {
    return p->values + p->program->values[value].offset;
}

/* x of the columns that a side has, column by column: what a column needs stays in registers, and
 * its neighbours find the same cache lines of ids and x. Rows of four are the most usual width: one
 * vector each. */
static void gather(const mmoe_predictor *p, const mmoe_serve_side *s, const mmoe_encoded *e,
                   int32_t rows) {
    const size_t ld = (size_t)p->program->values[p->program->x].ld;
    for (const mmoe_serve_lookup *l = s->lookups; l < s->lookups + s->n_lookup; l++) {
        float *x = value_of(p, p->program->x) + l->col;
        const int32_t *id = e->ids + l->column;
        const float *const table = l->table;
        const int64_t dim = l->dim;
        if (dim == 4)
            for (int32_t r = 0; r < rows; r++, x += ld, id += e->id_stride)
                *(v4 *)x = *(const v4 *)(table + (int64_t)*id * 4);
        else
            for (int32_t r = 0; r < rows; r++, x += ld, id += e->id_stride)
                memcpy(x, table + *id * dim, (size_t)dim * sizeof *x);
    }
    for (int32_t i = 0; i < s->n_dense; i++) {
        float *x = value_of(p, p->program->x) + s->dense[i].col;
        const float *value = e->dense + i;
        for (int32_t r = 0; r < rows; r++, x += ld, value += e->dense_stride) *x = *value;
    }
}

static mmoe_packed_gemm product_of(const mmoe_predictor *p, const mmoe_serve_block *b,
                                   const mmoe_serve_range *r, int32_t rows) {
    mmoe_packed_gemm g = {.rows = rows,
                          .n = b->n,
                          .k = b->k,
                          .first = r->first,
                          .count = r->count,
                          .packed = b->packed,
                          .start = b->start};
    g.a = value_of(p, b->in) + r->col;
    g.lda = p->program->values[b->in].ld;
    return g;
}

/* The share of one side, then that of the other, unless they are neighbours. */
static void run_block(const mmoe_predictor *p, const mmoe_serve_block *b, int32_t out, int32_t rows,
                      bool ranked) {
    const bool apart = b->user.count && b->item.count && b->user.col + b->user.count != b->item.col;
    mmoe_serve_range whole = {b->user.count ? b->user.col : b->item.col, 0, b->k};
    const bool first_layer = ranked && b->user_start >= 0;
    mmoe_packed_gemm g = product_of(p, b, first_layer ? &b->item : apart ? &b->user : &whole, rows);
    g.c = value_of(p, out) + b->col;
    g.ldc = p->program->values[out].ld;
    if (first_layer) {
        g.start = p->user_starts + b->user_start;
    } else if (apart) {
        p->program->kernels->gemm(&g);
        mmoe_packed_gemm rest = product_of(p, b, &b->item, rows);
        rest.start = rest.c = g.c;
        rest.ldstart = rest.ldc = g.ldc;
        g = rest;
    }
    g.floor = b->floor;
    p->program->kernels->gemm(&g);
}

static void activate(const mmoe_predictor *p, const mmoe_serve_step *s, int32_t rows) {
    const int32_t ld = p->program->values[s->out].ld;
    float *u = value_of(p, s->out) + s->segment.col;
    const mmoe_act_args a = {.act = s->segment.act,
                             .rows = rows,
                             .cols = s->segment.cols,
                             .group = s->segment.group,
                             .scale = p->program->ones,
                             .shift = p->program->zeros,
                             .slope = s->slope,
                             .z = u,
                             .ldz = ld,
                             .u = u,
                             .ldu = ld};
    p->program->kernels->act_forward(&a);
}

static void weigh(const mmoe_predictor *p, const mmoe_node *n, int32_t rows) {
    const mmoe_serve_value *values = p->program->values;
    const mmoe_gate_args a = {.rows = rows,
                              .n_gate = n->u.gate.n_gate,
                              .col = n->u.gate.col,
                              .n_expert = n->u.gate.n_expert,
                              .temperature = n->u.gate.how.temperature,
                              .top_k = n->u.gate.how.top_k,
                              .a = value_of(p, n->in),
                              .lda = values[n->in].ld,
                              .g = value_of(p, n->out),
                              .ldg = values[n->out].ld};
    p->program->kernels->gate_forward(&a);
}

static void mix(const mmoe_predictor *p, const mmoe_serve_step *s, int32_t rows) {
    const mmoe_node *n = s->node;
    const mmoe_serve_value *values = p->program->values;
    const int32_t gates = n->u.mix.gates, experts = n->u.mix.experts;
    const mmoe_mix_args a = {.rows = rows,
                             .n_task = n->u.mix.n_task,
                             .n_expert = n->u.mix.n_expert,
                             .cols = n->u.mix.cols,
                             .gate_col = n->u.mix.gate_col,
                             .expert_col = n->u.mix.expert_col,
                             .g = s->gates ? s->gates : value_of(p, gates),
                             .ldg = s->gates ? 0 : values[gates].ld,
                             .x = value_of(p, experts),
                             .ldx = values[experts].ld,
                             .y = value_of(p, n->out),
                             .ldy = values[n->out].ld};
    p->program->kernels->mix_forward(&a);
}

static void attend(const mmoe_predictor *p, const mmoe_node *n, int32_t rows) {
    const mmoe_serve_value *values = p->program->values;
    const mmoe_attend_args a = {.rows = rows,
                                .dim = p->program->model->graph->values[n->out].width,
                                .x = value_of(p, n->in),
                                .ldx = values[n->in].ld,
                                .y = value_of(p, n->out),
                                .ldy = values[n->out].ld};
    p->program->kernels->attend_forward(&a);
}

static void join(const mmoe_predictor *p, const mmoe_node *n, int32_t rows) {
    const mmoe_serve_value *values = p->program->values;
    float logits[2][MMOE_SERVE_CHUNK], z[MMOE_SERVE_CHUNK], slopes[2][MMOE_SERVE_CHUNK],
        *out = value_of(p, n->out);
    for (int i = 0; i < 2; i++) {
        const mmoe_view *v = &n->u.joint.logits[i];
        const float *from = value_of(p, v->value) + v->col;
        for (int32_t r = 0; r < rows; r++)
            logits[i][r] = from[(size_t)r * (size_t)values[v->value].ld];
    }
    p->program->kernels->joint_logit(rows, logits[0], logits[1], z, slopes[0], slopes[1]);
    for (int32_t r = 0; r < rows; r++) out[(size_t)r * (size_t)values[n->out].ld] = z[r];
}

/* Task after task, so that neighbours of one link take one call. */
static void write_scores(const mmoe_predictor *p, int32_t rows, float *scores) {
    const mmoe_losses *losses = &p->program->loss->u.loss;
    const size_t tasks = (size_t)losses->n_task, n = (size_t)rows;
    float *z = p->logits; /* [tasks, rows] */
    for (size_t t = 0; t < tasks; t++) {
        const mmoe_view *v = &losses->logits[t];
        const float *from = value_of(p, v->value) + v->col;
        const size_t ld = (size_t)p->program->values[v->value].ld;
        for (size_t r = 0; r < n; r++) z[t * n + r] = from[r * ld];
    }
    for (size_t first = 0, end; first < tasks; first = end) {
        const mmoe_loss_kind *kind = losses->kinds[first];
        for (end = first + 1; end < tasks && losses->kinds[end] == kind;) end++;
        float *at = z + first * n;
        if (kind->link) kind->link(p->program->kernels, (int32_t)((end - first) * n), at, at);
    }
    for (size_t t = 0; t < tasks; t++) mmoe_label_unscale(&losses->scale[t], n, z + t * n);
    for (size_t t = 0; t < tasks; t++)
        for (size_t r = 0; r < n; r++) scores[r * tasks + t] = z[t * n + r];
}

void mmoe_run_user(mmoe_predictor *p, const mmoe_batch *user) {
    const mmoe_program *program = p->program;
    const mmoe_serve_side *side = &program->sides[MMOE_USER_COLUMNS];
    const mmoe_encoded e = mmoe_request_encode(side, user, 0, 1, p->ids, p->dense);
    gather(p, side, &e, 1);
    for (const mmoe_serve_block *b = program->blocks; b < program->blocks + program->n_block; b++) {
        if (b->user_start < 0) continue;
        mmoe_packed_gemm g = product_of(p, b, &b->user, 1);
        g.c = p->user_starts + b->user_start;
        g.ldc = b->n;
        program->kernels->gemm(&g);
    }
}

void mmoe_run_chunk(mmoe_predictor *p, const mmoe_batch *batch, bool ranked, size_t first,
                    int32_t rows, float *scores) {
    const mmoe_program *program = p->program;
    const mmoe_serve_side *side = &program->sides[ranked ? MMOE_ITEM_COLUMNS : MMOE_ALL_COLUMNS];
    const mmoe_encoded e = mmoe_request_encode(side, batch, first, rows, p->ids, p->dense);
    gather(p, side, &e, rows);
    for (const mmoe_serve_step *s = program->steps; s < program->steps + program->n_step; s++)
        switch (s->op) {
        case MMOE_SERVE_LINEAR:
            for (int32_t i = s->first; i < s->first + s->count; i++)
                run_block(p, &program->blocks[i], s->out, rows, ranked);
            break;
        case MMOE_SERVE_ACTIVATE:
            activate(p, s, rows);
            break;
        case MMOE_SERVE_GATE:
            weigh(p, s->node, rows);
            break;
        case MMOE_SERVE_MIX:
            mix(p, s, rows);
            break;
        case MMOE_SERVE_ATTEND:
            attend(p, s->node, rows);
            break;
        case MMOE_SERVE_JOINT:
            join(p, s->node, rows);
            break;
        }
    write_scores(p, rows, scores);
}
