/* After the last epoch, with trainer.shrink: draws each task's logit towards that of the constant,
 * the mean label, as far as the validation rows like best. A model of few rows is often too sure of
 * what it has found. It can be worse than the constant, and still rank better than chance. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/linear_part.h"
#include "train/fit_run.h"

enum { PARTS = 16 }; /* of the difference between logit and constant: 0 to PARTS are left */

static double loss_of(const mmoe_task_metrics *m) {
    return m->values[mmoe_loss_compared(mmoe_loss_kind_of(m->type))];
}

/* With nested tasks, the logit of one task is part of two scores. */
bool mmoe_fit_shrinks(const mmoe_fit_run *r) {
    return r->t->model->config->trainer.shrink && r->valid && r->t->at.has_best &&
           mmoe_graph_losses(r->t->model->graph)->order != MMOE_TASKS_NESTED;
}

/* A shaped loss (label smoothing, say) wants other scores than those that the figure is best for.
 */
static bool may_shrink(const mmoe_fit_run *r, int32_t task) {
    const mmoe_losses *l = mmoe_graph_losses(r->t->model->graph);
    const bool is_shaped = l->kinds[task]->is_shaped && !mmoe_loss_is_plain(&l->shape[task]);
    return !is_shaped && r->t->model->schema->labels[task].has_constant;
}

/* A number that is fitted to n rows makes the error smaller by a part in 2n by chance alone.
 * Whether `after` is better than `before` by less than `times` that. */
static bool is_within_chance(const mmoe_task_metrics *m, double before, double after,
                             double times) {
    return before < after * (1 + times * 0.5 / (double)(m->rows ? m->rows : 1));
}

/* A task that was better than its constant is only changed if that gains half of chance or more. */
static bool stays_as_it_is(const mmoe_task_metrics *before, double after) {
    return loss_of(before) <= before->base && is_within_chance(before, loss_of(before), after, 0.5);
}

/* Leaves so many parts of the difference between a task's logit and its constant. */
static void shrink_logit(mmoe_fit_run *r, mmoe_params *params, int32_t task, int parts) {
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

static void shrink_logits(mmoe_fit_run *r, mmoe_params *params) {
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++)
        if (r->parts_left[i] < PARTS) shrink_logit(r, params, i, r->parts_left[i]);
}

static mmoe_status evaluate_at(mmoe_fit_run *r, mmoe_params *p, int parts, mmoe_error *err) {
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++)
        if (r->is_shrinking[i]) shrink_logit(r, p, i, parts);
    return mmoe_fit_evaluate(r, r->metrics, err);
}

static void accept(mmoe_fit_run *r, int32_t task, int parts) {
    r->best_metrics[task] = r->metrics[task];
    r->parts_left[task] = parts;
}

/* Takes one step towards the constant with each task that is still moving. The loss along the way
 * is convex, so a task has found its best place when a step makes it no better. *any: whether some
 * task goes on. */
static mmoe_status try_parts(mmoe_fit_run *r, mmoe_params *p, int parts, bool *any,
                             mmoe_error *err) {
    const mmoe_status status = evaluate_at(r, p, parts, err);
    *any = false;
    for (int32_t i = 0; i < r->t->model->schema->n_label && !status; i++) {
        r->is_shrinking[i] &= loss_of(&r->metrics[i]) < loss_of(&r->best_metrics[i]);
        if (r->is_shrinking[i]) accept(r, i, parts);
        *any |= r->is_shrinking[i];
    }
    return status;
}

/* Decides what becomes of each task: where too little was gained, it is as it was before; where the
 * result beats the constant by no more than chance, it becomes the constant. */
static mmoe_status judge(mmoe_fit_run *r, mmoe_params *p, const mmoe_task_metrics *before,
                         mmoe_error *err) {
    const int32_t tasks = r->t->model->schema->n_label;
    bool any = false;
    for (int32_t i = 0; i < tasks; i++) {
        const double after = loss_of(&r->best_metrics[i]);
        r->is_shrinking[i] = false;
        if (r->parts_left[i] == PARTS) continue;
        if (stays_as_it_is(&before[i], after)) {
            r->best_metrics[i] = before[i];
            r->parts_left[i] = PARTS;
        } else {
            r->is_shrinking[i] = is_within_chance(&before[i], before[i].base, after, 1);
        }
        any |= r->is_shrinking[i];
    }
    const mmoe_status status = any ? evaluate_at(r, p, 0, err) : MMOE_OK;
    for (int32_t i = 0; i < tasks && !status; i++)
        if (r->is_shrinking[i]) accept(r, i, 0);
    return status;
}

static mmoe_status find_parts(mmoe_fit_run *r, mmoe_params *p, const mmoe_task_metrics *before,
                              mmoe_error *err) {
    const size_t count = (size_t)p->n_value;
    float *values = mmoe_alloc(&r->t->alloc, count, sizeof *values);
    if (!values) return mmoe_fail_memory(err, count * sizeof *values);
    memcpy(values, p->values, count * sizeof *values);
    mmoe_status status = MMOE_OK;
    bool any = true;
    for (int parts = PARTS - 1; any && parts >= 0 && !status; parts--) {
        status = try_parts(r, p, parts, &any, err);
        memcpy(p->values, values, count * sizeof *values);
    }
    if (!status) status = judge(r, p, before, err);
    memcpy(p->values, values, count * sizeof *values);
    mmoe_release(&r->t->alloc, values);
    return status;
}

static mmoe_status tell(mmoe_fit_run *r, int32_t task, const mmoe_task_metrics *before,
                        mmoe_error *err) {
    const mmoe_task_metrics *m = &r->best_metrics[task];
    const mmoe_warning about = {NULL, m->name, .count = before->rows, .key = "trainer.shrink"};
    const char *title =
        mmoe_metric_at(m->type, mmoe_loss_compared(mmoe_loss_kind_of(m->type)))->title;
    if (r->parts_left[task] == 0)
        mmoe_fit_warn(r->t, about,
                      "task \"%s\": the best weights had a %s of %.5g on the validation rows, "
                      "always predicting the mean label has %.5g, and no mixture of both is better "
                      "by more than chance: the model now predicts the mean label (trainer.shrink)",
                      m->name, title, loss_of(before), m->base);
    else if (loss_of(before) > m->base)
        mmoe_fit_warn(r->t, about,
                      "task \"%s\": the best weights had a %s of %.5g on the validation rows, "
                      "always predicting the mean label has %.5g: %d/%d of the scores' distance "
                      "from that of the mean label is left (trainer.shrink), with %.5g",
                      m->name, title, loss_of(before), m->base, r->parts_left[task], PARTS,
                      loss_of(m));
    else
        mmoe_fit_warn(r->t, about,
                      "task \"%s\": the best weights were too sure, as the validation rows say: "
                      "%d/%d of the scores' distance from that of the mean label is left "
                      "(trainer.shrink), with a %s of %.5g instead of %.5g",
                      m->name, r->parts_left[task], PARTS, title, loss_of(m), loss_of(before));
    return mmoe_fit_record_task(r, task, err);
}

static mmoe_status shrink(mmoe_fit_run *r, mmoe_params *p, mmoe_task_metrics *before,
                          mmoe_error *err) {
    const int32_t tasks = r->t->model->schema->n_label;
    bool any = false;
    mmoe_status status = mmoe_fit_evaluate(r, r->best_metrics, err);
    memcpy(before, r->best_metrics, (size_t)tasks * sizeof *before);
    for (int32_t i = 0; i < tasks && !status; i++) any |= r->is_shrinking[i] = may_shrink(r, i);
    if (any && !status) status = find_parts(r, p, before, err);
    for (int32_t i = 0; i < tasks && !status; i++)
        if (r->parts_left[i] < PARTS) status = tell(r, i, &before[i], err);
    return status;
}

static void keep_all(mmoe_fit_run *r) {
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++) r->parts_left[i] = PARTS;
}

mmoe_status mmoe_fit_shrink(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    const size_t tasks = (size_t)t->model->schema->n_label;
    mmoe_task_metrics *before = mmoe_alloc_zero(&t->alloc, tasks, sizeof *before);
    r->is_shrinking = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->is_shrinking);
    r->parts_left = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->parts_left);
    if (r->parts_left) keep_all(r);
    mmoe_params *kept = t->average.values ? &t->average : &t->model->params;
    const mmoe_status status = before && r->is_shrinking && r->parts_left
                                   ? shrink(r, kept, before, err)
                                   : mmoe_fail_memory(err, tasks * sizeof *before);
    if (status && r->parts_left) keep_all(r);
    mmoe_release(&t->alloc, before);
    return status;
}

void mmoe_fit_bring_shrunk(mmoe_fit_run *r) {
    if (!r->parts_left) return;
    shrink_logits(r, &r->t->model->params);
    if (r->t->average.values) shrink_logits(r, &r->t->average);
}
