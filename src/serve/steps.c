/* What each op is when it is served: batch norm and biases are folded into packed weights, so a
 * layer is its linear node's product, and the activation alone is left. */
#include <string.h>

#include "serve/step.h"

/* ---- Input: gathered before the first step. Statistics: folded ---- */

const mmoe_serve_op mmoe_serve_input = {0}, mmoe_serve_stats = {0};

/* ---- Layers ---- */

static int32_t slopes_of(const mmoe_segment *s) { return s->slope >= 0 ? s->cols / s->group : 0; }

static size_t all_slopes(const mmoe_node *n) {
    size_t count = 0;
    for (int32_t i = 0; i < n->u.apply.n_segment; i++)
        count += (size_t)slopes_of(&n->u.apply.segments[i]);
    return count;
}

static void count_slopes(const mmoe_program *p, const mmoe_node *n, mmoe_serve_room *room) {
    (void)p;
    room->floats += mmoe_line_floats(all_slopes(n));
}

static void copy_slopes(mmoe_serve_maker *m, const mmoe_node *n, mmoe_serve_step *s) {
    const float *values = m->program->params->values;
    float *to = mmoe_serve_take(m, all_slopes(n));
    s->weights = to;
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        const size_t count = (size_t)slopes_of(g);
        if (count) memcpy(to, values + g->slope, count * sizeof *to);
        to += count;
    }
}

static bool is_in_epilogue(const mmoe_segment *g) {
    return g->act == MMOE_ACT_NONE || g->act == MMOE_ACT_RELU;
}

static bool is_activated(const mmoe_node *n) {
    int32_t i = 0;
    while (i < n->u.apply.n_segment && is_in_epilogue(&n->u.apply.segments[i])) i++;
    return i == n->u.apply.n_segment;
}

/* What the products' epilogue does not do, in place. */
static void activate(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_node *n = s->node;
    const int32_t ld = mmoe_serve_ld(c, n->out);
    const float *slope = s->weights;
    for (int32_t i = 0; i < n->u.apply.n_segment; slope += slopes_of(&n->u.apply.segments[i++])) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        if (is_in_epilogue(g)) continue;
        float *u = mmoe_serve_at(c, n->out) + g->col;
        const mmoe_act_args a = {.act = g->act,
                                 .rows = c->rows,
                                 .cols = g->cols,
                                 .group = g->group,
                                 .scale = c->program->ones,
                                 .shift = c->program->zeros,
                                 .slope = slope,
                                 .z = u,
                                 .ldz = ld,
                                 .u = u,
                                 .ldu = ld};
        c->program->kernels->act_forward(&a);
    }
}

const mmoe_serve_op mmoe_serve_apply = {.in_place = true,
                                        .is_done = is_activated,
                                        .count = count_slopes,
                                        .make = copy_slopes,
                                        .run = activate};

/* ---- Gates and mixing ---- */

static void weigh(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_node *n = s->node;
    const mmoe_gate_args a = {.rows = c->rows,
                              .n_gate = n->u.gate.n_gate,
                              .col = n->u.gate.col,
                              .n_expert = n->u.gate.n_expert,
                              .temperature = n->u.gate.how.temperature,
                              .top_k = n->u.gate.how.top_k,
                              .a = mmoe_serve_at(c, n->in),
                              .lda = mmoe_serve_ld(c, n->in),
                              .g = mmoe_serve_at(c, n->out),
                              .ldg = mmoe_serve_ld(c, n->out)};
    c->program->kernels->gate_forward(&a);
}

const mmoe_serve_op mmoe_serve_gate = {.run = weigh};

/* Gates that all rows share. */
static size_t fixed_gates(const mmoe_node *n) {
    return n->u.mix.weight < 0 ? 0 : (size_t)(n->u.mix.n_task * n->u.mix.n_expert);
}

static void count_gates(const mmoe_program *p, const mmoe_node *n, mmoe_serve_room *room) {
    (void)p;
    room->floats += mmoe_line_floats(fixed_gates(n));
}

static void copy_gates(mmoe_serve_maker *m, const mmoe_node *n, mmoe_serve_step *s) {
    const size_t count = fixed_gates(n);
    if (!count) return;
    float *gates = mmoe_serve_take(m, count);
    memcpy(gates, m->program->params->values + n->u.mix.weight, count * sizeof *gates);
    s->weights = gates;
}

static void mix(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_node *n = s->node;
    const int32_t gates = n->u.mix.gates, experts = n->u.mix.experts;
    const mmoe_mix_args a = {.rows = c->rows,
                             .n_task = n->u.mix.n_task,
                             .n_expert = n->u.mix.n_expert,
                             .cols = n->u.mix.cols,
                             .gate_col = n->u.mix.gate_col,
                             .expert_col = n->u.mix.expert_col,
                             .g = s->weights ? s->weights : mmoe_serve_at(c, gates),
                             .ldg = s->weights ? 0 : mmoe_serve_ld(c, gates),
                             .x = mmoe_serve_at(c, experts),
                             .ldx = mmoe_serve_ld(c, experts),
                             .y = mmoe_serve_at(c, n->out),
                             .ldy = mmoe_serve_ld(c, n->out)};
    c->program->kernels->mix_forward(&a);
}

const mmoe_serve_op mmoe_serve_mix = {.count = count_gates, .make = copy_gates, .run = mix};

/* ---- Between tasks ---- */

static void attend(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_node *n = s->node;
    const mmoe_attend_args a = {.rows = c->rows,
                                .dim = c->program->model->graph->values[n->out].width,
                                .x = mmoe_serve_at(c, n->in),
                                .ldx = mmoe_serve_ld(c, n->in),
                                .y = mmoe_serve_at(c, n->out),
                                .ldy = mmoe_serve_ld(c, n->out)};
    c->program->kernels->attend_forward(&a);
}

const mmoe_serve_op mmoe_serve_attend = {.run = attend};

static void add(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_view *a = &s->node->u.sum.in[0], *b = &s->node->u.sum.in[1];
    const int32_t lda = mmoe_serve_ld(c, a->value), ldb = mmoe_serve_ld(c, b->value),
                  ld = mmoe_serve_ld(c, s->node->out);
    const float *x = mmoe_serve_at(c, a->value) + a->col, *y = mmoe_serve_at(c, b->value) + b->col;
    float *out = mmoe_serve_at(c, s->node->out);
    for (int32_t r = 0; r < c->rows; r++, x += lda, y += ldb, out += ld)
        for (int32_t i = 0; i < a->cols; i++) out[i] = x[i] + y[i];
}

const mmoe_serve_op mmoe_serve_sum = {.run = add};

static void join(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_node *n = s->node;
    float logits[2][MMOE_SERVE_CHUNK], z[MMOE_SERVE_CHUNK], slopes[2][MMOE_SERVE_CHUNK],
        *out = mmoe_serve_at(c, n->out);
    for (int i = 0; i < 2; i++) {
        const mmoe_view *v = &n->u.joint.logits[i];
        const float *from = mmoe_serve_at(c, v->value) + v->col;
        const size_t ld = (size_t)mmoe_serve_ld(c, v->value);
        for (int32_t r = 0; r < c->rows; r++) logits[i][r] = from[(size_t)r * ld];
    }
    c->program->kernels->joint_logit(c->rows, logits[0], logits[1], z, slopes[0], slopes[1]);
    const size_t ld = (size_t)mmoe_serve_ld(c, n->out);
    for (int32_t r = 0; r < c->rows; r++) out[(size_t)r * ld] = z[r];
}

const mmoe_serve_op mmoe_serve_joint = {.run = join};

/* ---- Scores ---- */

static void collect_logits(const mmoe_serve_chunk *c, const mmoe_losses *losses) {
    const size_t tasks = (size_t)losses->n_task, n = (size_t)c->rows;
    for (size_t t = 0; t < tasks; t++) {
        const mmoe_view *v = &losses->logits[t];
        const float *from = mmoe_serve_at(c, v->value) + v->col;
        const size_t ld = (size_t)mmoe_serve_ld(c, v->value);
        float *to = c->scores + t;
        for (size_t r = 0; r < n; r++) to[r * tasks] = from[r * ld];
    }
}

/* Column `t` of the scores, to c->column or from there. */
static void take_column(const mmoe_serve_chunk *c, size_t tasks, size_t t) {
    for (size_t r = 0; r < (size_t)c->rows; r++) c->column[r] = c->scores[r * tasks + t];
}
static void put_column(const mmoe_serve_chunk *c, size_t tasks, size_t t) {
    for (size_t r = 0; r < (size_t)c->rows; r++) c->scores[r * tasks + t] = c->column[r];
}

/* What each task's logits become; those of one link, the usual case, by one call. */
static void write_scores(const mmoe_serve_chunk *c, const mmoe_serve_step *s) {
    const mmoe_losses *losses = &s->node->u.loss;
    const mmoe_kernels *kernels = c->program->kernels;
    const size_t tasks = (size_t)losses->n_task;
    const mmoe_loss_kind *const all = losses->kinds[0];
    size_t alike = 1;
    while (alike < tasks && losses->kinds[alike] == all) alike++;
    collect_logits(c, losses);
    if (alike == tasks && all->link)
        all->link(kernels, c->rows * losses->n_task, c->scores, c->scores);
    for (size_t t = 0; t < tasks; t++) {
        const mmoe_loss_kind *kind = losses->kinds[t];
        const bool is_linked = alike == tasks || !kind->link,
                   is_scaled = losses->scale[t].transform != MMOE_LABEL_NONE;
        if (is_linked && !is_scaled) continue;
        take_column(c, tasks, t);
        if (!is_linked) kind->link(kernels, c->rows, c->column, c->column);
        if (is_scaled) mmoe_label_unscale(&losses->scale[t], (size_t)c->rows, c->column);
        put_column(c, tasks, t);
    }
}

const mmoe_serve_op mmoe_serve_loss = {.run = write_scores};

/* ---- The table ---- */

const mmoe_serve_op *const mmoe_serve_ops[] = {
#define SERVE_ROW(NAME, name) [MMOE_OP_##NAME] = &mmoe_serve_##name,
    MMOE_OP_LIST(SERVE_ROW)
#undef SERVE_ROW
};
_Static_assert(sizeof mmoe_serve_ops / sizeof *mmoe_serve_ops == MMOE_OP_COUNT,
               "an op is missing here");
