/* Before the first epoch, of a model with a linear part: what it begins as counts as epoch 0. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "train/fit_run.h"

/* Steps, or weights that the model came with, are gone on with. */
static bool is_new(const mmoe_trainer *t) {
    return t->start.exists && !mmoe_linear_start_is_on(&t->start) && t->at.epoch == 0 &&
           t->at.row == 0 && t->optimizer.steps == 0 &&
           mmoe_linear_part_is_new(&t->start.part, &t->model->params);
}

static void put_alone(const mmoe_linear_start *s, mmoe_params *params, int32_t task) {
    mmoe_linear_part_set_alone(&s->part, params, task, mmoe_linear_start_row(s, task));
}

static mmoe_status begin(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    mmoe_warnings list = {.alloc = t->alloc};
    mmoe_status status =
        mmoe_linear_start_fit(&t->start, t->model, r->train_set, t->pool, &list, err);
    for (size_t i = 0; i < list.count && t->options.on_warning; i++)
        t->options.on_warning(t->options.user, &list.items[i]);
    mmoe_warnings_finish(&list);
    if (status || !mmoe_linear_start_is_on(&t->start)) return status;
    for (int32_t i = 0; i < t->start.part.n_task; i++)
        mmoe_linear_part_set(&t->start.part, &t->model->params, i,
                             mmoe_linear_start_row(&t->start, i));
    if (t->average.values) mmoe_params_copy(&t->average, &t->model->params);
    return mmoe_best_keep(&t->best, &t->model->params, t->pool, err);
}

/* Figures of the start, in the place of the weights as they are now. */
static mmoe_status measure(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    mmoe_params *p = t->average.values ? &t->average : &t->model->params;
    const size_t tasks = (size_t)t->model->schema->n_label, count = (size_t)p->n_value;
    r->start_metrics = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->start_metrics);
    r->is_start = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->is_start);
    float *values = mmoe_alloc(&t->alloc, count, sizeof *values);
    mmoe_status status = r->start_metrics && r->is_start && values
                             ? MMOE_OK
                             : mmoe_fail_memory(err, count * sizeof *values);
    if (!status) {
        memcpy(values, p->values, count * sizeof *values);
        for (size_t i = 0; i < tasks; i++) put_alone(&t->start, p, (int32_t)i);
        status = mmoe_fit_evaluate(r, r->start_metrics, err);
        memcpy(p->values, values, count * sizeof *values);
    }
    mmoe_release(&t->alloc, values);
    return status;
}

static mmoe_status end_epoch_0(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    int is_best;
    memset(r->is_start, true, (size_t)t->model->schema->n_label * sizeof *r->is_start);
    memcpy(r->metrics, r->start_metrics, (size_t)t->model->schema->n_label * sizeof *r->metrics);
    const double score = mmoe_fit_score(r);
    mmoe_status status = mmoe_fit_keep_best(r, score, &is_best, err);
    if (status) return status;
    r->lr = 0;
    if (mmoe_ranks_any(t->ranks, mmoe_fit_report_epoch(r, score, 0, is_best)))
        atomic_store(&t->stop, 1);
    /* The next checkpoint may be that of a run that is stopped in its first epoch. */
    if (t->checkpoint_path) status = mmoe_fit_record(r, err);
    return status ? status : mmoe_ranks_status(t->ranks, err);
}

mmoe_status mmoe_fit_start(mmoe_fit_run *r, mmoe_error *err) {
    const bool begins = is_new(r->t);
    r->epoch_start = mmoe_clock();
    mmoe_status status = begins ? begin(r, err) : MMOE_OK;
    if (status || !mmoe_linear_start_is_on(&r->t->start) || !r->valid) return status;
    status = measure(r, err);
    return status || !begins ? status : end_epoch_0(r, err);
}

/* Of nested tasks one's logit is a part of two scores: none is put back by itself. */
void mmoe_fit_prefer_start(mmoe_fit_run *r) {
    const mmoe_trainer *t = r->t;
    if (!r->start_metrics) return;
    memset(r->is_start, 0, (size_t)t->model->schema->n_label * sizeof *r->is_start);
    if (mmoe_graph_losses(t->model->graph)->order == MMOE_TASKS_NESTED) return;
    for (int32_t i = 0; i < t->model->schema->n_label; i++) {
        r->is_start[i] = mmoe_fit_task_score(r, i, &r->start_metrics[i]) >
                         mmoe_fit_task_score(r, i, &r->metrics[i]);
        if (r->is_start[i]) r->metrics[i] = r->start_metrics[i];
    }
}

void mmoe_fit_bring_start(mmoe_trainer *t) {
    if (!mmoe_linear_start_is_on(&t->start)) return;
    for (int32_t i = 0; i < t->start.part.n_task; i++)
        if (mmoe_linear_start_kept(&t->start)[i] != 0) put_alone(&t->start, &t->model->params, i);
}
