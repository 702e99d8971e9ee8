/* One training step: what fit and mmoe_trainer_step have in common. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "train/deferred.h"
#include "train/ema.h"
#include "train/give.h"
#include "train/trainer.h"

/* Is a running statistic not finite? There are few, and a step writes them all. */
static bool states_are_lost(const mmoe_params *p) {
    bool lost = false;
    for (int32_t i = p->n_trained; i < p->n_block; i++) {
        const mmoe_block *b = &p->blocks[i].memory;
        const float *x = b->data;
        for (int64_t k = 0; b->dtype == MMOE_F32 && k < b->count; k++)
            lost |= !(fabsf(x[k]) <= FLT_MAX);
    }
    return lost;
}

static bool is_lost(const mmoe_params *p, const mmoe_tensor *x) {
    const float *w = mmoe_params_at(p, x);
    const int64_t count = x->deal.shift ? p->blocks[x->table].memory.count : x->count;
    int64_t k = 0;
    while (k < count && isfinite(w[k])) k++;
    return k < count;
}

static bool is_before(const mmoe_tensors *tensors, const mmoe_tensor *x, const mmoe_tensor *y) {
    if (x->kind == MMOE_TENSOR_STATE) return x->offset < y->offset;
    return mmoe_tensors_place(tensors, x) < mmoe_tensors_place(tensors, y);
}

/* The first weights that have a value that is not finite, or with `states` the first running
 * statistics, and how many more of them have one; NULL: none. */
static const mmoe_tensor *find_lost(const mmoe_trainer *t, bool states, size_t *more) {
    const mmoe_tensors *tensors = &t->model->graph->tensors;
    const mmoe_tensor *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *x = &tensors->items[i];
        if (states ? x->kind != MMOE_TENSOR_STATE : !mmoe_tensor_is_trained(x)) continue;
        if (!is_lost(&t->model->params, x)) continue;
        if (!first || is_before(tensors, x, first)) first = x;
        count++;
    }
    *more = count - (first != NULL);
    return first;
}

/* The first task whose loss is not finite; NULL: there is none. */
static const char *find_lost_task(const mmoe_trainer *t) {
    for (int32_t i = 0; i < t->model->schema->n_label; i++)
        if (t->weight[i] > 0 && !isfinite(t->loss[i])) return t->model->schema->labels[i].task;
    return NULL;
}

/* Training ends where a loss, a weight or a running statistic is not finite: no later step brings
 * it back, and no file would take it. */
static mmoe_status check_update(const mmoe_trainer *t, int64_t row, mmoe_error *err) {
    const char *task = find_lost_task(t);
    size_t more = 0;
    const mmoe_tensor *tensor = atomic_load_explicit(&t->optimizer.not_finite, memory_order_relaxed)
                                    ? find_lost(t, false, &more)
                                    : NULL;
    if (!tensor && states_are_lost(&t->model->params)) tensor = find_lost(t, true, &more);
    if (!task && !tensor) return MMOE_OK;
    char weights[256] = "", place[128];
    if (tensor)
        snprintf(weights, sizeof weights, "the %s \"%.128s\"",
                 mmoe_tensor_is_trained(tensor) ? "weights" : "running statistics", tensor->name);
    if (more)
        snprintf(weights + strlen(weights), sizeof weights - strlen(weights),
                 " (and %zu tensors more)", more);
    snprintf(place, sizeof place, "at step %llu, epoch %d, from row %lld of the epoch's order",
             (unsigned long long)t->optimizer.steps, (int)t->at.epoch + 1, (long long)row + 1);
    if (!task)
        return mmoe_fail(err, MMOE_E_NUMERIC,
                         "%s have a value that is not finite since the update %s", weights, place);
    return mmoe_fail(err, MMOE_E_NUMERIC, "the loss of task \"%s\" is not finite %s%s%s", task,
                     place, tensor ? ", nor, since its update, are " : "", weights);
}

/* As torch.nn.utils.clip_grad_norm_. */
static float clip_scale(double norm, double most) {
    const double scale = most / (norm + 1e-6);
    return scale < 1 || isnan(scale) ? (float)scale : 1;
}

/* A step that failed before it had a gradient counts, but moves no weight: nor does it move those
 * of rows that are behind. (Of several ranks it ends the run.) */
static void end_step(mmoe_trainer *t, bool has_moved) {
    mmoe_optimizer *o = &t->optimizer;
    if (has_moved || !o->history.rates) {
        mmoe_optimizer_end(o);
        return;
    }
    if (t->ranks)
        mmoe_deferred_settle(o, t->pool);
    else
        mmoe_params_settle(&t->model->params);
    mmoe_history_restart(&o->history, o->steps);
}

static mmoe_giving giving_of(mmoe_trainer *t) {
    return (mmoe_giving){t->ranks, t->run->gradient, t->pool, &t->optimizer.not_finite};
}

void mmoe_trainer_take_weights(mmoe_trainer *t) {
    const mmoe_giving g = giving_of(t);
    if (t->ranks) mmoe_take_ahead(&g);
}

/* Where rows of tables are old until somebody reads them, so are weights, which the next step reads
 * behind the rows of its batch: both are on their way at once then. */
static void give_weights(mmoe_trainer *t) {
    const mmoe_giving g = giving_of(t);
    if (t->rows_room)
        mmoe_give_ahead(&g);
    else
        mmoe_give_weights(&g);
}

static mmoe_status update(mmoe_trainer *t, const mmoe_rows *batch, int64_t row, mmoe_error *err) {
    const mmoe_trainer_config *c = &t->model->config->trainer;
    const bool clips = t->gradient.room.values != NULL,
               balances = t->run->plan->kind != MMOE_PLAN_TRAIN;
    mmoe_optimizer *o = &t->optimizer;
    const mmoe_gradient_sink sink = clips ? mmoe_whole_gradient_keep : mmoe_optimizer_apply;
    void *context = clips ? (void *)&t->gradient : o;
    mmoe_status status = mmoe_plan_admit(t->run->plan, batch, err);
    if (!status && clips)
        status = mmoe_whole_gradient_begin(&t->gradient, t->model->schema, batch, err);
    if (status) return status;
    if (mmoe_history_is_full(&o->history)) mmoe_params_settle(&t->model->params);
    if (o->steps == 0 && t->average.values) mmoe_ema_start(&t->average, &t->model->params);
    mmoe_optimizer_begin(o, mmoe_trainer_rate(t));
    t->has_old_rows = t->rows_room != NULL;
    const mmoe_pass pass = {batch, c->seed, o->steps, t->loss, t->weight, t->scores, &t->stops};
    if (balances)
        status = mmoe_balancer_step(&t->balancer, t->run, &pass, sink, context, err);
    else
        mmoe_run_train(t->run, &pass, sink, context);
    /* What a lost rank leaves may look lost, too: that rank is told first. */
    const mmoe_status lost = mmoe_ranks_status(t->ranks, err);
    if (lost) status = lost;
    if (!status && clips) status = check_update(t, row, err); /* before a weight changes */
    if (status) {
        end_step(t, false);
        return status;
    }
    if (clips) {
        o->scale = clip_scale(mmoe_whole_gradient_norm(&t->gradient, t->pool, t->ranks),
                              (double)c->clip_norm);
        mmoe_whole_gradient_apply(&t->gradient, t->pool, t->ranks, o);
    }
    if (t->ranks) give_weights(t);
    if (t->average.values)
        mmoe_ema_update(&t->average, &t->model->params, (double)c->ema_decay, o->steps, t->pool);
    end_step(t, !balances || !find_lost_task(t)); /* a balancer leaves a lost loss alone */
    status = check_update(t, row, err);
    if (!status && balances) mmoe_balancer_end(&t->balancer, t->run, &pass, &o->layers);
    return status ? status : mmoe_ranks_status(t->ranks, err);
}

mmoe_sent mmoe_trainer_mark_sent(const mmoe_trainer *t) {
    if (!t->ranks) return (mmoe_sent){0};
    const mmoe_comm *c = t->ranks->comm;
    return (mmoe_sent){
        .bytes = (double)c->bytes_sent, .messages = (double)c->n_sent, .seconds = c->seconds_spent};
}

void mmoe_trainer_count_sent(mmoe_trainer *t, const mmoe_sent *since) {
    const mmoe_sent now = mmoe_trainer_mark_sent(t);
    t->sent.bytes += now.bytes - since->bytes;
    t->sent.messages += now.messages - since->messages;
    t->sent.seconds += now.seconds - since->seconds;
}

mmoe_status mmoe_trainer_update(mmoe_trainer *t, const mmoe_rows *batch, int64_t row,
                                mmoe_error *err) {
    const mmoe_sent sent = mmoe_trainer_mark_sent(t);
    const mmoe_status status = update(t, batch, row, err);
    mmoe_trainer_count_sent(t, &sent);
    t->sent.steps += t->ranks != NULL;
    return status;
}

void mmoe_trainer_sent(const mmoe_trainer *t, mmoe_sent *out) {
    if (!out) return;
    *out = t ? t->sent : (mmoe_sent){0};
    out->ranks = t && t->ranks ? t->ranks->peers.size : 1;
}
