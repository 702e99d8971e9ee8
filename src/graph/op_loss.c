/* L = (1 / divisor) sum_t factor_t weight_t L_t,  L_t = sum_b w_b l_t(logit_bt, y_bt) / sum_b w_b
 * over the rows whose label is there; l_t is of the task's kind (src/loss). */
#include "graph/ops.h"

static void set_scale(mmoe_plan *p, const mmoe_node *n, int32_t t) {
    const double weight = p->task_weight[t];
    p->task_scale[t] =
        weight > 0 ? (float)(p->task_factor[t] * n->u.loss.weight[t] / (n->u.loss.divisor * weight))
                   : 0;
}

void mmoe_loss_rescale(mmoe_plan *p, const mmoe_node *n) {
    for (int32_t t = 0; t < n->u.loss.n_task; t++) set_scale(p, n, t);
}

void mmoe_loss_begin(mmoe_plan *p, const mmoe_node *n) {
    const mmoe_rows *batch = p->batch;
    for (int32_t t = 0; t < n->u.loss.n_task; t++) {
        double sum = batch->complete ? batch->rows : 0;
        for (int32_t b = 0; b < batch->rows && !batch->complete; b++) {
            size_t row = mmoe_row_of(batch, b);
            float y = batch->labels[row * batch->label_stride + (size_t)t];
            if (y == y) sum += batch->weights ? (double)batch->weights[row] : 1.0;
        }
        p->task_weight[t] = sum;
        set_scale(p, n, t);
    }
}

/* The task's labels and weights of a chunk; a missing label is a weight of 0. */
static void gather_labels(const mmoe_plan *p, int32_t task, const mmoe_span *s, float *y,
                          float *w) {
    const mmoe_rows *batch = p->batch;
    for (int32_t b = 0; b < s->rows; b++) {
        size_t row = mmoe_row_of(batch, s->first + b);
        float label = batch->labels[row * batch->label_stride + (size_t)task];
        int there = label == label;
        y[b] = there ? label : 0;
        w[b] = !there ? 0 : batch->weights ? batch->weights[row] : 1;
    }
}

void mmoe_loss_train(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                     const mmoe_span *s) {
    const size_t room = (size_t)p->max_chunk;
    float *z = state->scratch + (size_t)s->worker * 5 * room, *y = z + room, *w = y + room,
          *loss = w + room, *dz = loss + room; /* [rows] each */
    for (int32_t t = 0; t < n->u.loss.n_task; t++) {
        const mmoe_view *v = &n->u.loss.logits[t];
        const float *logit = mmoe_value_at(p, v->value, s) + v->col;
        float *dlogit = mmoe_grad_at(p, v->value, s) + v->col;
        const int32_t ld = p->values[v->value].ld, ldd = p->grads[v->value].ld;
        gather_labels(p, t, s, y, w);
        for (int32_t b = 0; b < s->rows; b++) z[b] = logit[(size_t)b * (size_t)ld];
        n->u.loss.kinds[t]->run(
            &(mmoe_loss_rows){s->rows, p->kernels, &n->u.loss.shape[t], z, y, loss, dz});
        double sum = 0;
        for (int32_t b = 0; b < s->rows; b++) {
            if (w[b] != 0) sum += (double)w[b] * (double)loss[b];
            dlogit[(size_t)b * (size_t)ldd] = dz[b] * w[b] * p->task_scale[t];
        }
        state->loss_part[s->chunk * n->u.loss.n_task + t] = sum;
    }
}

void mmoe_loss_predict(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    const int32_t tasks = n->u.loss.n_task;
    float *scratch =
        p->nodes[n - p->graph->nodes].scratch + (size_t)s->worker * 5 * (size_t)p->max_chunk;
    for (int32_t t = 0; t < tasks; t++) {
        const mmoe_view *v = &n->u.loss.logits[t];
        const float *logit = mmoe_value_at(p, v->value, s) + v->col;
        float *out = p->predictions + (size_t)s->first * (size_t)tasks + (size_t)t;
        for (int32_t b = 0; b < s->rows; b++)
            scratch[b] = logit[(size_t)b * (size_t)p->values[v->value].ld];
        if (n->u.loss.kinds[t]->link)
            n->u.loss.kinds[t]->link(p->kernels, s->rows, scratch, scratch);
        for (int32_t b = 0; b < s->rows; b++) out[(size_t)b * (size_t)tasks] = scratch[b];
    }
}
