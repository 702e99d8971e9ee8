/* Behind the last epoch, with trainer.shrink: a task that validation rows say is worse than its
 * constant is drawn towards it, by scaling what its logit has above the constant's. Of few rows a
 * model is often too sure of what it has found, and ranks better than chance all the same. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/linear_part.h"
#include "train/fit_run.h"

enum { PARTS = 8 };

static double loss_of(const mmoe_task_metrics *m) {
    return m->values[mmoe_loss_compared(mmoe_loss_kind_of(m->type))];
}

/* Of nested tasks one's logit is a part of two scores. */
bool mmoe_fit_shrinks(const mmoe_fit_run *r) {
    return r->t->model->config->trainer.shrink && r->valid && r->t->at.has_best &&
           mmoe_graph_losses(r->t->model->graph)->order != MMOE_TASKS_NESTED;
}

/* A loss that was shaped wants other scores than the figure does. */
static bool is_worse(const mmoe_fit_run *r, int32_t task) {
    const mmoe_task_metrics *m = &r->best_metrics[task];
    const mmoe_losses *l = mmoe_graph_losses(r->t->model->graph);
    const bool is_shaped = l->kinds[task]->is_shaped && !mmoe_loss_is_plain(&l->shape[task]);
    return !is_shaped && r->t->model->schema->labels[task].has_constant && loss_of(m) > m->base;
}

/* Of a task: so many parts of what its logit has above the constant are left. */
static void leave(mmoe_fit_run *r, mmoe_params *params, int32_t task, int parts) {
    const mmoe_model *m = r->t->model;
    const mmoe_loss_kind *kind = mmoe_graph_losses(m->graph)->kinds[task];
    const mmoe_label_column *label = &m->schema->labels[task];
    const double mean = mmoe_label_scaled(&label->scale, label->constant),
                 constant = kind->bias(mean);
    mmoe_linear_part part;
    mmoe_linear_part_of(m->graph, &part);
    if (isfinite(constant))
        mmoe_linear_part_shrink(&part, params, task, (double)parts / PARTS, constant);
}

static void leave_all(mmoe_fit_run *r, mmoe_params *params) {
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++)
        if (r->parts_left[i] < PARTS) leave(r, params, i, r->parts_left[i]);
}

/* How few parts are best for each task that is worse: of `values`, the best weights. */
static mmoe_status try_parts(mmoe_fit_run *r, mmoe_params *p, const float *values,
                             mmoe_error *err) {
    const int32_t tasks = r->t->model->schema->n_label;
    mmoe_status status = MMOE_OK;
    for (int parts = PARTS - 1; parts >= 0 && !status; parts--) {
        for (int32_t i = 0; i < tasks; i++)
            if (r->is_shrunk[i]) leave(r, p, i, parts);
        status = mmoe_fit_evaluate(r, r->metrics, err);
        for (int32_t i = 0; i < tasks && !status; i++) {
            if (!r->is_shrunk[i] || !(loss_of(&r->metrics[i]) < loss_of(&r->best_metrics[i])))
                continue;
            r->best_metrics[i] = r->metrics[i];
            r->parts_left[i] = parts;
        }
        memcpy(p->values, values, (size_t)p->n_value * sizeof *values);
    }
    return status;
}

static mmoe_status find_parts(mmoe_fit_run *r, mmoe_params *p, mmoe_error *err) {
    const size_t count = (size_t)p->n_value;
    float *values = mmoe_alloc(&r->t->alloc, count, sizeof *values);
    if (!values) return mmoe_fail_memory(err, count * sizeof *values);
    memcpy(values, p->values, count * sizeof *values);
    const mmoe_status status = try_parts(r, p, values, err);
    mmoe_release(&r->t->alloc, values);
    return status;
}

static mmoe_status tell(mmoe_fit_run *r, int32_t task, double before, mmoe_error *err) {
    const mmoe_task_metrics *m = &r->best_metrics[task];
    const mmoe_metric *metric =
        mmoe_metric_at(m->type, mmoe_loss_compared(mmoe_loss_kind_of(m->type)));
    mmoe_fit_warn(r->t, (mmoe_warning){NULL, m->name, .count = mmoe_source_count(r->valid)},
                  "task \"%s\": the best weights had a %s of %.5g on the validation rows, always "
                  "predicting the mean label has %.5g: %d/%d of what they say above the mean are "
                  "left (trainer.shrink), with %.5g",
                  m->name, metric->title, before, m->base, (int)r->parts_left[task], PARTS,
                  loss_of(m));
    return mmoe_fit_record_task(r, task, err);
}

static mmoe_status shrink(mmoe_fit_run *r, mmoe_params *p, mmoe_error *err) {
    const int32_t tasks = r->t->model->schema->n_label;
    bool any = false;
    mmoe_status status = mmoe_fit_evaluate(r, r->best_metrics, err);
    for (int32_t i = 0; i < tasks && !status; i++) {
        r->is_shrunk[i] = is_worse(r, i);
        any |= r->is_shrunk[i];
    }
    if (status || !any) return status;
    double *before = mmoe_alloc(&r->t->alloc, (size_t)tasks, sizeof *before);
    if (!before) return mmoe_fail_memory(err, (size_t)tasks * sizeof *before);
    for (int32_t i = 0; i < tasks; i++) before[i] = loss_of(&r->best_metrics[i]);
    status = find_parts(r, p, err);
    for (int32_t i = 0; i < tasks && !status; i++)
        if (r->parts_left[i] < PARTS) status = tell(r, i, before[i], err);
    mmoe_release(&r->t->alloc, before);
    return status;
}

static void leave_everything(mmoe_fit_run *r) {
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++) r->parts_left[i] = PARTS;
}

mmoe_status mmoe_fit_shrink(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    const size_t tasks = (size_t)t->model->schema->n_label;
    r->is_shrunk = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->is_shrunk);
    r->parts_left = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->parts_left);
    if (r->parts_left) leave_everything(r);
    if (!r->is_shrunk || !r->parts_left)
        return mmoe_fail_memory(err, tasks * sizeof *r->parts_left);
    const mmoe_status status = shrink(r, t->average.values ? &t->average : &t->model->params, err);
    if (status) leave_everything(r);
    return status;
}

void mmoe_fit_bring_shrunk(mmoe_fit_run *r) {
    if (!r->parts_left) return;
    leave_all(r, &r->t->model->params);
    if (r->t->average.values) leave_all(r, &r->t->average);
}
