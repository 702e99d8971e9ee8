#include "train/fit_run.h"

#include <math.h>

#include "base/clock.h"

double mmoe_fit_mean_loss(const mmoe_trainer *t, int32_t task) {
    return t->weight_sum[task] > 0 ? t->loss_sum[task] / t->weight_sum[task] : (double)NAN;
}

int mmoe_fit_report_progress(mmoe_fit_run *r) {
    mmoe_trainer *t = r->t;
    if (!t->options.on_progress) return 0;
    double time = mmoe_clock();
    if (time - r->last_progress < 0.1) return 0;
    r->last_progress = time;
    for (int32_t i = 0; i < t->model->schema->n_label; i++) t->loss[i] = mmoe_fit_mean_loss(t, i);
    mmoe_progress p = {
        t->at.epoch + 1, t->model->config->trainer.n_epoch,     t->at.row,
        r->rows,         t->at.seconds + time - r->epoch_start, t->model->schema->n_label,
        t->loss,         t->model->config->member + 1,          t->model->config->members};
    mmoe_ranks_begin_alone(t->ranks);
    const int stop = t->options.on_progress(t->options.user, &p);
    mmoe_ranks_end_alone(t->ranks);
    return stop;
}

int mmoe_fit_report_epoch(mmoe_fit_run *r, double score, double train_seconds, int is_best) {
    mmoe_trainer *t = r->t;
    if (!t->options.on_epoch) return 0;
    const mmoe_config *c = t->model->config;
    mmoe_epoch_report e = {.epoch = t->at.epoch,
                           .n_epoch = c->trainer.n_epoch,
                           .n_task = c->n_task,
                           .rows = t->at.epoch ? r->rows : 0,
                           .is_best = is_best,
                           .member = c->member + 1,
                           .n_member = c->members};
    e.seconds = t->at.seconds + mmoe_clock() - r->epoch_start;
    e.train_seconds = train_seconds;
    e.rows_per_second = t->at.epoch ? (double)r->rows / train_seconds : 0;
    if (!t->at.epoch) e.loss = (double)NAN;
    for (int32_t i = 0; i < c->n_task; i++) {
        t->loss[i] = mmoe_fit_mean_loss(t, i);
        if (!isnan(t->loss[i]))
            e.loss += (double)c->tasks[i].loss_weight * t->loss[i] /
                      mmoe_graph_losses(t->model->graph)->divisor;
    }
    e.task_loss = t->loss;
    e.valid = r->valid ? r->metrics : NULL;
    e.lr = r->lr;
    mmoe_trainer_task_factors(t, t->factors);
    e.task_factors = t->factors;
    e.score = r->valid ? mmoe_fit_shown_score(r, score) : (double)NAN;
    if (t->scores && t->at.epoch) {
        mmoe_progressive_read(&r->progressive);
        for (int32_t i = 0; i < c->n_task; i++) r->progressive.figures[i].loss = t->loss[i];
        e.progressive = r->progressive.figures;
    }
    e.n_gate = r->parts.n_gate;
    e.gates = r->gates.use;
    if (e.n_gate) mmoe_gate_meter_read(&r->gates);
    mmoe_ranks_begin_alone(t->ranks);
    const int stop = t->options.on_epoch(t->options.user, &e);
    mmoe_ranks_end_alone(t->ranks);
    return stop;
}
