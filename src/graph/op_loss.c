/* L = (1 / divisor) sum_t factor_t weight_t L_t,  L_t = sum_b w_b l_t(logit_bt, y_bt) / sum_b w_b
 * over the rows whose label is there; l_t is of the task's kind (src/loss). */
#include <assert.h>
#include <string.h>

#include "graph/op.h"

/* ---- The node ---- */

mmoe_status mmoe_graph_loss(mmoe_graph *g, const char *name, const mmoe_losses *losses,
                            mmoe_error *err) {
    const int32_t n_task = losses->n_task;
    mmoe_node n = {.op = MMOE_OP_LOSS, .in = -1, .u.loss = *losses};
    n.u.loss.logits = mmoe_node_keep(g, &n, losses->logits, n_task, sizeof *losses->logits);
    n.u.loss.kinds = mmoe_node_keep(g, &n, losses->kinds, n_task, sizeof *losses->kinds);
    n.u.loss.weight = mmoe_node_keep(g, &n, losses->weight, n_task, sizeof *losses->weight);
    n.u.loss.shape = mmoe_node_keep(g, &n, losses->shape, n_task, sizeof *losses->shape);
    n.u.loss.scale = mmoe_node_keep(g, &n, losses->scale, n_task, sizeof *losses->scale);
    if (n.u.loss.scale && !losses->scale)
        memset(n.u.loss.scale, 0, (size_t)n_task * sizeof *n.u.loss.scale);
    g->n_task = n_task;
    return mmoe_graph_add(g, name, &n, (mmoe_value){0}, NULL, err);
}

const mmoe_losses *mmoe_graph_losses(const mmoe_graph *g) {
    const mmoe_node *last = &g->nodes[g->n_node - 1];
    assert(last->op == MMOE_OP_LOSS);
    return &last->u.loss;
}

void mmoe_graph_order_tasks(mmoe_graph *g, mmoe_task_order order) {
    mmoe_node *last = &g->nodes[g->n_node - 1];
    assert(last->op == MMOE_OP_LOSS);
    last->u.loss.order = order;
}

static void loss_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                        void *context) {
    (void)g;
    for (int32_t t = 0; t < n->u.loss.n_task; t++)
        visit(context, &(mmoe_node_input){.in = n->u.loss.logits[t]});
}

/* Logits, labels and the logits' gradients. */
static mmoe_cost loss_cost(const mmoe_plan *p, int32_t node, const mmoe_timed *what) {
    return (mmoe_cost){0, what->rows * 12 * p->graph->nodes[node].u.loss.n_task};
}

/* own: [workers, 5, chunk rows] */
static void loss_lay(const mmoe_plan *p, int32_t node, mmoe_layout *l) {
    p->nodes[node].own = mmoe_lay_floats(l, (size_t)p->workers * 5 * (size_t)p->max_chunk);
}

/* ---- A batch ---- */

static void set_scale(mmoe_run *r, const mmoe_node *n, int32_t t) {
    const double weight = r->task_weight[t];
    r->task_scale[t] =
        weight > 0 ? (float)(r->task_factor[t] * n->u.loss.weight[t] / (n->u.loss.divisor * weight))
                   : 0;
}

static void loss_replay(mmoe_run *r, int32_t node) {
    const mmoe_node *n = &r->plan->graph->nodes[node];
    for (int32_t t = 0; t < n->u.loss.n_task; t++) set_scale(r, n, t);
}

static double segment_weight(const mmoe_run *r, mmoe_task_order order, int32_t task,
                             int32_t segment) {
    const mmoe_rows *batch = r->batch;
    const int32_t first = segment * r->cut.segment,
                  end = first + mmoe_segment_rows(&r->cut, segment);
    double sum = 0;
    for (int32_t b = first; b < end; b++) {
        const size_t row = mmoe_row_of(batch, b);
        const float y = mmoe_label_of(order, batch->labels + row * batch->label_stride, task);
        if (y == y) sum += batch->weights ? (double)batch->weights[row] : 1.0;
    }
    return sum;
}

/* Of this rank's rows that have the task's label. */
static double sum_weights(const mmoe_run *r, mmoe_task_order order, int32_t task) {
    mmoe_tree_number all = {0};
    for (int32_t s = 0; s < r->cut.segments; s++)
        mmoe_tree_add(&all, s, segment_weight(r, order, task, s));
    return mmoe_tree_end(&all);
}

static void loss_begin(mmoe_run *r, int32_t node) {
    const mmoe_node *n = &r->plan->graph->nodes[node];
    const mmoe_rows *batch = r->batch;
    for (int32_t t = 0; t < n->u.loss.n_task; t++)
        r->task_weight[t] = batch->complete ? batch->rows : sum_weights(r, n->u.loss.order, t);
}

/* A column of the batch's labels. */
static void gather_column(const mmoe_rows *batch, int32_t task, const mmoe_span *s, float *y) {
    for (int32_t b = 0; b < s->rows; b++)
        y[b] = batch->labels[mmoe_row_of(batch, s->first + b) * batch->label_stride + (size_t)task];
}

/* The task's labels of a chunk; NaN: missing. What only some tasks ask of a label has a loop of its
 * own, which the others need not walk. `before`: scratch. */
static void gather_labels(const mmoe_rows *batch, const mmoe_losses *losses, int32_t task,
                          const mmoe_span *s, float *restrict y, float *restrict before) {
    const mmoe_label_scale *scale = &losses->scale[task];
    gather_column(batch, task, s, y);
    if (losses->order == MMOE_TASKS_NESTED && task > 0) {
        gather_column(batch, task - 1, s, before);
        for (int32_t b = 0; b < s->rows; b++) y[b] = mmoe_nested_label(before[b], y[b]);
    }
    for (int32_t b = 0; scale->transform != MMOE_LABEL_NONE && b < s->rows; b++)
        y[b] = (float)mmoe_label_scaled(scale, (double)y[b]);
}

/* Weights of the labels; a missing one is a label of 0 with a weight of 0. */
static void gather_weights(const mmoe_rows *batch, const mmoe_span *s, float *restrict y,
                           float *restrict w) {
    for (int32_t b = 0; b < s->rows; b++) {
        const bool there = y[b] == y[b];
        const float weight = batch->weights ? batch->weights[mmoe_row_of(batch, s->first + b)] : 1;
        w[b] = there ? weight : 0;
        y[b] = there ? y[b] : 0;
    }
}

static float *scratch_of(const mmoe_plan *p, int32_t node, const mmoe_span *s) {
    return (float *)p->nodes[node].own + (size_t)s->worker * 5 * (size_t)p->max_chunk;
}

/* The scores of a task's logits in a chunk, which become scores, too. */
static void write_scores(const mmoe_run *r, const mmoe_node *n, int32_t task, const mmoe_span *s,
                         float *z) {
    const size_t tasks = (size_t)n->u.loss.n_task;
    float *out = r->predictions + (size_t)s->row * tasks + (size_t)task;
    if (n->u.loss.kinds[task]->link) n->u.loss.kinds[task]->link(r->plan->kernels, s->rows, z, z);
    mmoe_label_unscale(&n->u.loss.scale[task], (size_t)s->rows, z);
    for (int32_t b = 0; b < s->rows; b++) out[(size_t)b * tasks] = z[b];
}

/* Losses, and the logits' gradients. */
static void loss_train(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const size_t room = (size_t)p->max_chunk;
    float *z = scratch_of(p, node, s), *y = z + room, *w = y + room, *loss = w + room,
          *dz = loss + room; /* [rows] each */
    for (int32_t t = 0; t < n->u.loss.n_task; t++) {
        const mmoe_view *v = &n->u.loss.logits[t];
        const float *logit = mmoe_value_at(p, v->value, s) + v->col;
        float *dlogit = mmoe_grad_at(p, v->value, s) + v->col;
        const int32_t ld = p->values[v->value].ld, ldd = p->grads[v->value].ld;
        gather_labels(r->batch, &n->u.loss, t, s, y, z);
        gather_weights(r->batch, s, y, w);
        for (int32_t b = 0; b < s->rows; b++) z[b] = logit[(size_t)b * (size_t)ld];
        n->u.loss.kinds[t]->run(
            &(mmoe_loss_rows){s->rows, p->kernels, &n->u.loss.shape[t], z, y, loss, dz});
        double sum = 0;
        for (int32_t b = 0; b < s->rows; b++) {
            if (w[b] != 0) sum += (double)w[b] * (double)loss[b];
            dlogit[(size_t)b * (size_t)ldd] = dz[b] * w[b] * r->task_scale[t];
        }
        r->loss_part[s->chunk * n->u.loss.n_task + t] = sum;
        if (r->predictions) write_scores(r, n, t, s, z);
    }
}

static void loss_predict(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const int32_t tasks = n->u.loss.n_task;
    float *scratch = scratch_of(p, node, s);
    for (int32_t t = 0; t < tasks; t++) {
        const mmoe_view *v = &n->u.loss.logits[t];
        const float *logit = mmoe_value_at(p, v->value, s) + v->col;
        for (int32_t b = 0; b < s->rows; b++)
            scratch[b] = logit[(size_t)b * (size_t)p->values[v->value].ld];
        write_scores(r, n, t, s, scratch);
    }
}

static void loss_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    if (r->plan->training)
        loss_train(r, node, s);
    else
        loss_predict(r, node, s);
}

const mmoe_op_kind mmoe_op_loss = {
    .passes = {[MMOE_PASS_FORWARD] = "loss", [MMOE_PASS_BACKWARD] = "loss again"},
    .ends = true,
    .inputs = loss_inputs,
    .cost = loss_cost,
    .lay = loss_lay,
    .begin = loss_begin,
    .forward = loss_forward,
    .replay = loss_replay,
    .backward = loss_train,
};
