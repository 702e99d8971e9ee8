/* Epochs: order, steps, validation, the best weights, early stopping, checkpoints. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "train/ema.h"
#include "train/labels.h"
#include "train/trainer.h"

enum { LEAST_WATCHED = 256, MOST_WATCHED = 4096 }; /* rows of an epoch whose gates are looked at */

typedef struct fit_run {
    mmoe_trainer *t;
    mmoe_source *train, *valid; /* valid: NULL, without validation rows */
    int64_t rows;               /* of an epoch */
    mmoe_evaluator *evaluator;
    mmoe_task_metrics *metrics; /* [tasks] */
    double epoch_start, last_progress;
    double lr; /* of the epoch's last step */
    mmoe_parts parts;
    mmoe_gate_meter gates;
} fit_run;

/* ---- Steps ---- */

static double mean_loss(const mmoe_trainer *t, int32_t task) {
    return t->weight_sum[task] > 0 ? t->loss_sum[task] / t->weight_sum[task] : (double)NAN;
}

static void add_losses(mmoe_trainer *t) {
    for (int32_t i = 0; i < t->model->schema->n_label; i++) {
        if (!(t->weight[i] > 0)) continue;
        t->loss_sum[i] += t->loss[i] * t->weight[i];
        t->weight_sum[i] += t->weight[i];
    }
}

static int report_progress(fit_run *r) {
    mmoe_trainer *t = r->t;
    if (!t->options.on_progress) return 0;
    double time = mmoe_clock();
    if (time - r->last_progress < 0.1) return 0;
    r->last_progress = time;
    for (int32_t i = 0; i < t->model->schema->n_label; i++) t->loss[i] = mean_loss(t, i);
    mmoe_progress p = {
        t->at.epoch + 1, t->model->config->trainer.n_epoch,     t->at.row,
        r->rows,         t->at.seconds + time - r->epoch_start, t->model->schema->n_label,
        t->loss};
    return t->options.on_progress(t->options.user, &p);
}

/* Two gates of 8 experts cost 0.1 us a row, training 0.7 us: a row in 32 is half a per cent of an
 * epoch, of long ones less. */
static int64_t watched_rows(const fit_run *r) {
    const int64_t share = r->rows / 32;
    return share < LEAST_WATCHED ? LEAST_WATCHED : share > MOST_WATCHED ? MOST_WATCHED : share;
}

/* Without validation rows the gates are watched in an epoch's last steps, a last short one not
 * alone. */
static bool watch_step(fit_run *r, int64_t left) {
    const bool watched =
        r->parts.n_gate && !r->valid && left < watched_rows(r) + r->t->run->plan->max_rows;
    r->t->run->observer = watched ? mmoe_gate_meter_observe : NULL;
    r->t->run->observer_context = &r->gates;
    return watched;
}

static mmoe_status run_steps(fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    const int32_t batch_size = t->model->config->trainer.batch_size;
    mmoe_rows batch;
    mmoe_status status = mmoe_source_begin(r->train, t->at.epoch, err);
    if (!status) status = mmoe_source_seek(r->train, t->at.row, err);
    while (!status) {
        status = mmoe_source_next(r->train, batch_size, &batch, err);
        if (status || batch.rows == 0) break;
        const bool watched = watch_step(r, r->rows - t->at.row);
        status = mmoe_trainer_update(t, &batch, t->at.row, err);
        if (status) return status;
        if (watched) mmoe_gate_meter_add(&r->gates, t->run);
        add_losses(t);
        t->at.row = mmoe_source_place(r->train);
        if (report_progress(r) || atomic_load(&t->stop))
            return mmoe_fail(err, MMOE_E_CANCELLED,
                             "training was stopped in epoch %d after %lld of %lld rows",
                             (int)t->at.epoch + 1, (long long)t->at.row, (long long)r->rows);
    }
    return status;
}

/* ---- Epochs ---- */

/* What early stopping watches of a task: a place among its metrics. */
static size_t watched_metric(const mmoe_config *config, int type) {
    const mmoe_metric_kind *watched = mmoe_config_watched_metric(config);
    size_t i = 0;
    while (mmoe_loss_metric(type, i) != watched) i++;
    return i;
}

/* Larger is better for AUC, smaller for the errors: the sign makes larger better for all. */
static double task_score(const mmoe_config *config, const mmoe_task_metrics *m) {
    return mmoe_config_watched_metric(config)->doc.better *
           m->values[watched_metric(config, (int)m->type)];
}

static double valid_score(const fit_run *r) {
    const mmoe_config *config = r->t->model->config;
    const int32_t task = config->trainer.earlystop_task, n = r->t->model->schema->n_label;
    if (task >= 0) return task_score(config, &r->metrics[task]);
    double sum = 0;
    for (int32_t i = 0; i < n; i++) sum += task_score(config, &r->metrics[i]);
    return sum / n;
}

/* The figure as its metric is named: an error is positive again. */
static double shown_score(const fit_run *r, double score) {
    return mmoe_config_watched_metric(r->t->model->config)->doc.better * score;
}

/* The weights that are judged and kept. */
static const mmoe_params *kept_params(const mmoe_trainer *t) {
    return t->average.values ? &t->average : &t->model->params;
}

/* Keeps the best weights. A score that is undefined neither counts as better nor as a wait. */
static int keep_best(fit_run *r, double score) {
    mmoe_trainer *t = r->t;
    if (r->valid && isnan(score)) return 0;
    if (r->valid && t->at.has_best && score <= t->at.best_score) {
        t->at.waited++;
        return 0;
    }
    t->at.has_best = 1;
    t->at.best_score = score;
    t->at.waited = 0;
    mmoe_params_copy(&t->best, kept_params(t));
    return 1;
}

static int report_epoch(fit_run *r, double score, double train_seconds, int is_best) {
    mmoe_trainer *t = r->t;
    if (!t->options.on_epoch) return 0;
    const mmoe_config *c = t->model->config;
    mmoe_epoch_report e = {.epoch = t->at.epoch,
                           .n_epoch = c->trainer.n_epoch,
                           .n_task = c->n_task,
                           .rows = r->rows,
                           .is_best = is_best};
    e.seconds = t->at.seconds + mmoe_clock() - r->epoch_start;
    e.train_seconds = train_seconds;
    e.rows_per_second = (double)r->rows / train_seconds;
    for (int32_t i = 0; i < c->n_task; i++) {
        t->loss[i] = mean_loss(t, i);
        if (!isnan(t->loss[i]))
            e.loss += (double)c->tasks[i].loss_weight * t->loss[i] /
                      mmoe_graph_losses(t->model->graph)->divisor;
    }
    e.task_loss = t->loss;
    e.valid = r->valid ? r->metrics : NULL;
    e.lr = r->lr;
    mmoe_trainer_task_factors(t, t->factors);
    e.task_factors = t->factors;
    e.score = r->valid ? shown_score(r, score) : (double)NAN;
    e.n_gate = r->parts.n_gate;
    e.gates = r->gates.use;
    if (e.n_gate) mmoe_gate_meter_read(&r->gates);
    return t->options.on_epoch(t->options.user, &e);
}

static void end_balanced_epoch(mmoe_trainer *t) {
    if (t->run->plan->kind == MMOE_PLAN_TRAIN) return;
    for (int32_t i = 0; i < t->model->config->n_task; i++)
        t->loss[i] = (double)t->model->config->tasks[i].loss_weight * mean_loss(t, i);
    mmoe_balance_end_epoch(&t->balancer.balance, t->loss);
}

static mmoe_status run_epoch(fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    const mmoe_trainer_config *c = &t->model->config->trainer;
    r->epoch_start = r->last_progress = mmoe_clock();
    const int64_t watched = watched_rows(r);
    if (r->parts.n_gate)
        mmoe_gate_meter_reset(&r->gates, r->valid
                                             ? (mmoe_source_count(r->valid) + watched - 1) / watched
                                             : 1 + c->batch_size / watched);
    mmoe_status status = run_steps(r, err);
    if (status) {
        t->at.seconds += mmoe_clock() - r->epoch_start;
        return status;
    }
    double train_seconds = t->at.seconds + mmoe_clock() - r->epoch_start;
    r->lr = (double)(float)mmoe_schedule_rate(&t->schedule, c, t->at.epoch, t->optimizer.steps);
    if (t->average.values) mmoe_ema_settle(&t->average, &t->model->params);
    if (r->valid) status = mmoe_evaluator_run(r->evaluator, r->valid, r->metrics, err);
    if (status) return status;
    double score = r->valid ? valid_score(r) : 0;
    t->at.epoch++;
    int is_best = keep_best(r, score);
    if (r->valid)
        mmoe_schedule_watch(&t->schedule, c, shown_score(r, score),
                            mmoe_config_watched_metric(t->model->config)->doc.better > 0);
    bool early = r->valid && c->earlystop_patience > 0 && t->at.waited >= c->earlystop_patience;
    t->at.finished = early || t->at.epoch >= c->n_epoch;
    int stop = report_epoch(r, score, train_seconds, is_best);
    end_balanced_epoch(t);
    t->at.row = 0;
    t->at.seconds = 0;
    memset(t->loss_sum, 0,
           2 * (size_t)t->model->schema->n_label *
               sizeof *t->loss_sum); /* the weights' sums stand behind */
    if (t->checkpoint_path) status = mmoe_checkpoint_write(t, t->checkpoint_path, err);
    if (!status && stop && !t->at.finished)
        status = mmoe_fail(err, MMOE_E_CANCELLED, "training was stopped after epoch %d",
                           (int)t->at.epoch);
    return status;
}

/* ---- Fit ---- */

static mmoe_status check_fit(const mmoe_trainer *t, const mmoe_dataset *train,
                             const mmoe_dataset *valid, mmoe_error *err) {
    if (!t || !train)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_fit: trainer and train must not be NULL");
    mmoe_status status = mmoe_dataset_check(train, t->model->schema, err);
    if (!status && valid) status = mmoe_dataset_check(valid, t->model->schema, err);
    if (status) return status;
    if (!valid && t->model->config->trainer.scheduler == MMOE_SCHEDULER_PLATEAU)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "trainer.scheduler: \"plateau\" watches a metric of validation rows, and "
                         "there are none");
    if (train->rows < 1 || train->rows > (int64_t)UINT32_MAX)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "training takes 1 to %u rows; the data set has %lld",
                         UINT32_MAX, (long long)train->rows);
    return MMOE_OK;
}

static mmoe_status check_labels(const mmoe_trainer *t, const mmoe_dataset *train,
                                const mmoe_dataset *valid, mmoe_error *err) {
    mmoe_label_check check = {t->model,       train, "training rows", true, t->options.on_warning,
                              t->options.user};
    const mmoe_status status = mmoe_labels_check(&check, err);
    if (status || !valid) return status;
    check.set = valid;
    check.rows = "validation rows";
    check.to_learn = false;
    return mmoe_labels_check(&check, err);
}

static mmoe_status open_sources(fit_run *r, const mmoe_dataset *train, const mmoe_dataset *valid,
                                mmoe_error *err) {
    const mmoe_trainer_config *c = &r->t->model->config->trainer;
    const mmoe_allocator *a = &r->t->alloc;
    mmoe_status status = mmoe_source_memory_create(train, c->shuffle, c->seed, a, &r->train, err);
    if (!status && valid) status = mmoe_source_memory_create(valid, false, 0, a, &r->valid, err);
    return status;
}

static mmoe_status watch_gates(fit_run *r, int32_t chunks, mmoe_error *err) {
    const mmoe_status status = mmoe_parts_find(&r->parts, r->t->model, &r->t->alloc, err);
    return status || !r->parts.n_gate
               ? status
               : mmoe_gate_meter_init(&r->gates, &r->parts, r->t->model, chunks, &r->t->alloc, err);
}

static mmoe_status begin_fit(fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    const uint64_t hash = mmoe_source_identity(r->train).rows;
    if (t->at.data_hash && t->at.data_hash != hash)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "the training data are not those that the checkpoint was written with");
    t->at.data_hash = hash;
    if (!t->at.has_best)
        mmoe_params_copy(&t->best,
                         &t->model->params); /* what a run that loses its weights falls back to */
    const size_t tasks = (size_t)t->model->schema->n_label;
    if (!r->valid) return watch_gates(r, t->run->plan->max_chunks, err);
    r->metrics = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->metrics);
    if (!r->metrics) return mmoe_fail_memory(err, tasks * sizeof *r->metrics);
    const mmoe_evaluation of = {t->model, kept_params(t), t->pool};
    mmoe_status status =
        mmoe_evaluator_create(&of, mmoe_source_count(r->valid), &t->alloc, &r->evaluator, err);
    if (!status) status = watch_gates(r, mmoe_evaluator_chunks(r->evaluator), err);
    if (!status && r->parts.n_gate) mmoe_evaluator_watch(r->evaluator, &r->gates);
    return status;
}

/* A run that is cut off keeps the state of its last step for the checkpoint; a failure to write
 * that one is the error then. */
static mmoe_status run_epochs(fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    mmoe_status status = MMOE_OK;
    while (!t->at.finished && !status) {
        int32_t epoch = t->at.epoch;
        status = run_epoch(r, err);
        if (status == MMOE_E_CANCELLED && t->at.epoch == epoch && t->checkpoint_path) {
            mmoe_error why;
            mmoe_status written = mmoe_checkpoint_write(t, t->checkpoint_path, &why);
            if (written)
                status =
                    mmoe_fail(err, written,
                              "training was stopped, and its checkpoint could not be written: %s",
                              why.message);
        }
    }
    return status;
}

mmoe_status mmoe_trainer_fit(mmoe_trainer *t, const mmoe_dataset *train, const mmoe_dataset *valid,
                             mmoe_error *err) {
    mmoe_status status = check_fit(t, train, valid, err);
    if (!status) status = check_labels(t, train, valid, err);
    if (status) return status;
    fit_run r = {.t = t, .rows = train->rows};
    status = open_sources(&r, train, valid, err);
    if (!status) status = begin_fit(&r, err);
    if (!status) {
        int before = mmoe_trainer_take_blas(t);
        status = run_epochs(&r, err);
        mmoe_trainer_give_blas(t, before);
        if (t->at.has_best || status == MMOE_E_NUMERIC)
            mmoe_params_copy(&t->model->params, &t->best);
    }
    t->run->observer = NULL;
    mmoe_gate_meter_finish(&r.gates);
    mmoe_parts_finish(&r.parts);
    mmoe_evaluator_free(r.evaluator);
    mmoe_release(&t->alloc, r.metrics);
    mmoe_source_free(r.train);
    mmoe_source_free(r.valid);
    return status;
}
