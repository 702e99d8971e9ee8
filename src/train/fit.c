/* Epochs: order, steps, validation, the best weights, early stopping, checkpoints. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "train/checks.h"
#include "train/ema.h"
#include "train/fit_run.h"
#include "train/labels.h"
#include "train/shards.h"

enum { LEAST_WATCHED = 256, MOST_WATCHED = 4096 }; /* rows of an epoch whose gates are looked at */

/* ---- Steps ---- */

/* The weights' sums stand behind the losses'. */
static void clear_losses(mmoe_trainer *t) {
    memset(t->loss_sum, 0, 2 * (size_t)t->model->schema->n_label * sizeof *t->loss_sum);
}

static void add_losses(mmoe_trainer *t) {
    for (int32_t i = 0; i < t->model->schema->n_label; i++) {
        if (!(t->weight[i] > 0)) continue;
        t->loss_sum[i] += t->loss[i] * t->weight[i];
        t->weight_sum[i] += t->weight[i];
    }
}

/* Two gates of 8 experts cost 0.1 us a row, training 0.7 us: a row in 32 is half a per cent of an
 * epoch, of long ones less. */
static int64_t watched_rows(const mmoe_fit_run *r) {
    const int64_t share = r->rows / 32;
    if (share < LEAST_WATCHED) return LEAST_WATCHED;
    return share < MOST_WATCHED ? share : MOST_WATCHED;
}

/* Without validation rows the gates are watched in an epoch's last steps, a last short one not
 * alone. */
static bool watch_step(mmoe_fit_run *r, int64_t left) {
    const bool watched =
        r->parts.n_gate && !r->valid && left < watched_rows(r) + r->t->run->plan->max_rows;
    r->t->run->observer = watched ? mmoe_gate_meter_observe : NULL;
    r->t->run->observer_context = &r->gates;
    return watched;
}

static mmoe_status tell_stop(const mmoe_fit_run *r, mmoe_error *err) {
    return mmoe_fail(err, MMOE_E_CANCELLED,
                     "training was stopped in epoch %d after %lld of %lld rows",
                     (int)r->t->at.epoch + 1, (long long)r->t->at.row, (long long)r->rows);
}

/* Of several ranks the next step tells all that one of them stops. */
static mmoe_status run_batches(mmoe_fit_run *r, mmoe_feed *feed, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    const mmoe_rows *batch;
    bool is_over = t->ranks && atomic_load(&t->stop); /* the caller's, before the first step */
    mmoe_status status = MMOE_OK;
    while (!status) {
        const mmoe_sent sent = mmoe_trainer_mark_sent(t);
        status = mmoe_feed_next(feed, &batch, err);
        mmoe_trainer_count_sent(t, &sent);
        if (status || batch->rows == 0) break;
        const bool watched = watch_step(r, r->rows - t->at.row);
        t->stops = is_over;
        status = mmoe_trainer_update(t, batch, t->at.row, err);
        if (status) return status;
        if (watched) mmoe_gate_meter_add(&r->gates, t->run);
        if (t->scores) mmoe_progressive_add(&r->progressive, batch, t->pool);
        add_losses(t);
        t->at.row = feed->place;
        is_over = mmoe_fit_report_progress(r) || atomic_load(&t->stop);
        if (t->ranks ? t->stops : is_over) return tell_stop(r, err);
    }
    if (status || !t->ranks) return status;
    const bool any = mmoe_ranks_any(t->ranks, is_over);
    status = mmoe_ranks_status(t->ranks, err); /* what has failed is no stop */
    return !status && any ? tell_stop(r, err) : status;
}

static mmoe_status run_steps(mmoe_fit_run *r, mmoe_error *err) {
    const mmoe_trainer *t = r->t;
    mmoe_feed feed = {.source = r->train,
                      .whole = &r->whole,
                      .most = t->model->config->trainer.batch_size,
                      .scores = t->scores != NULL};
    mmoe_status status = mmoe_source_begin(r->train, t->at.epoch, err);
    if (!status) status = mmoe_source_seek(r->train, t->at.row, err);
    if (!status) status = run_batches(r, &feed, err);
    mmoe_feed_end(&feed);
    return status;
}

/* ---- Epochs ---- */

/* Without validation rows each epoch is the best, and none waits. */
static bool has_waited_enough(const mmoe_trainer *t) {
    const int32_t patience = t->model->config->trainer.earlystop_patience;
    return patience > 0 && t->at.waited >= patience;
}

static bool is_over(const mmoe_trainer *t) {
    return has_waited_enough(t) || t->at.epoch >= t->model->config->trainer.n_epoch;
}

static void end_balanced_epoch(mmoe_trainer *t) {
    if (t->run->plan->kind == MMOE_PLAN_TRAIN) return;
    for (int32_t i = 0; i < t->model->config->n_task; i++)
        t->loss[i] = (double)t->model->config->tasks[i].loss_weight * mmoe_fit_mean_loss(t, i);
    mmoe_balance_end_epoch(&t->balancer.balance, t->loss);
}

static mmoe_status run_epoch(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    const mmoe_trainer_config *c = &t->model->config->trainer;
    t->leaves_rows = false;
    r->epoch_start = r->last_progress = mmoe_clock();
    if (r->parts.n_gate && !r->valid)
        mmoe_gate_meter_reset(&r->gates, 1 + c->batch_size / watched_rows(r));
    mmoe_status status = run_steps(r, err);
    if (status) {
        t->at.seconds += mmoe_clock() - r->epoch_start;
        return status;
    }
    if (!mmoe_params_settle(&t->model->params)) /* the next epoch may have another learning rate */
        return mmoe_ranks_status(t->ranks, err);
    double train_seconds = t->at.seconds + mmoe_clock() - r->epoch_start;
    r->lr = (double)(float)mmoe_schedule_rate(&t->schedule, c, t->at.epoch, t->optimizer.steps);
    if (t->average.values) mmoe_ema_settle(&t->average, &t->model->params);
    if (r->valid) status = mmoe_fit_evaluate(r, r->metrics, err);
    if (status) return status;
    mmoe_fit_prefer_start(r);
    double score = r->valid ? mmoe_fit_score(r) : 0;
    t->at.epoch++;
    if (r->valid) mmoe_fit_warn_undefined(r, score);
    mmoe_fit_warn_of_decay(r);
    int is_best;
    status = mmoe_fit_keep_best(r, score, &is_best, err);
    if (status) return status;
    if (r->valid) mmoe_fit_follow(r, score, is_best);
    if (r->valid)
        mmoe_schedule_watch(&t->schedule, c, mmoe_fit_shown_score(r, score),
                            mmoe_config_watched_metric(t->model->config)->doc.better > 0);
    t->at.finished = is_over(t);
    mmoe_fit_sum_gates(r);
    const bool stop =
        mmoe_ranks_any(t->ranks, mmoe_fit_report_epoch(r, score, train_seconds, is_best));
    end_balanced_epoch(t);
    t->at.row = 0;
    t->at.seconds = 0;
    clear_losses(t);
    if (t->checkpoint_path) status = mmoe_fit_record(r, err);
    if (t->checkpoint_path && !status) status = mmoe_checkpoint_write(t, t->checkpoint_path, err);
    if (!status) status = mmoe_ranks_status(t->ranks, err);
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
    mmoe_status status = mmoe_dataset_check(train, t->model->schema, t->schema_hash, err);
    if (!status) status = mmoe_trainer_check_joined(t, err);
    if (!status && valid) status = mmoe_dataset_check(valid, t->model->schema, t->schema_hash, err);
    if (status) return status;
    if (!valid && t->model->config->trainer.scheduler == MMOE_SCHEDULER_PLATEAU)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "trainer.scheduler: \"plateau\" watches a metric of validation rows, and "
                         "there are none");
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

static mmoe_status check_rows(const mmoe_trainer *t, const mmoe_dataset *train,
                              const mmoe_dataset *valid, mmoe_error *err) {
    const mmoe_checks_request of = {t->model, train, valid, t->options.on_warning, t->options.user};
    return of.on_warning ? mmoe_checks_make(&of, err) : MMOE_OK;
}

/* Of this rank. */
static mmoe_lanes lanes_of(const mmoe_trainer *t) {
    const mmoe_trainer_config *c = &t->model->config->trainer;
    const int32_t ranks = t->ranks ? t->ranks->peers.size : 1, own = c->segments / ranks;
    if (!c->lanes) return (mmoe_lanes){.batch = 0};
    return (mmoe_lanes){c->batch_size, c->segments, t->ranks ? t->ranks->peers.rank * own : 0, own};
}

static mmoe_status open_sources(mmoe_fit_run *r, const mmoe_dataset *train,
                                const mmoe_dataset *valid, mmoe_error *err) {
    const mmoe_trainer *t = r->t;
    const mmoe_trainer_config *c = &t->model->config->trainer;
    const mmoe_allocator *a = &t->alloc;
    const mmoe_source_order order = {train, c->shuffle, c->seed, c->batch_size,
                                     .lanes = lanes_of(t)},
                            as_it_is = {.set = valid, .most = MMOE_SLICE_ROWS, .keeps = true};
    mmoe_status status = mmoe_source_open(&order, a, &r->train, err);
    if (!status && valid) status = mmoe_source_open(&as_it_is, a, &r->valid, err);
    if (!status && t->ranks && c->lanes)
        status = mmoe_whole_batch_init(&r->whole, t->ranks, t->run->plan, t->model->schema, a, err);
    return status;
}

/* As a new trainer of this model would be, of the same learning rate. */
static void begin_anew(mmoe_trainer *t) {
    mmoe_params_settle(&t->model->params);
    t->at = (mmoe_progress_state){0};
    mmoe_optimizer_restart(&t->optimizer);
    mmoe_linear_start_clear(&t->start);
    const double lr = t->schedule.lr;
    mmoe_schedule_init(&t->schedule, &t->model->config->trainer);
    mmoe_schedule_set(&t->schedule, lr);
    if (t->run->plan->kind != MMOE_PLAN_TRAIN) mmoe_balance_restart(&t->balancer.balance);
    clear_losses(t);
}

#define NOT_AS_STREAMED                                                                            \
    " (rows of a CSV file in memory count as other rows than the same streamed or packed)"
/* How the run that is to be continued began, if not with these rows; NULL: it did. */
static const char *differing_rows(const mmoe_progress_state *at, mmoe_identity train,
                                  uint64_t valid) {
    const bool knows_all = at->schema_hash != 0; /* a checkpoint of version 0.1 does not */
    if (knows_all && train.schema != at->schema_hash)
        return "with rows of another schema: other columns, vocabularies or transforms";
    if (train.rows != at->data_hash) return "with other training rows" NOT_AS_STREAMED;
    if (!knows_all || valid == at->valid_hash) return NULL;
    if (!valid) return "with validation rows, and now there are none";
    return at->valid_hash ? "with other validation rows" NOT_AS_STREAMED
                          : "without validation rows, and now there are some";
}

/* Not where later members go on. */
static void warn_of_end(mmoe_trainer *t) {
    for (const mmoe_trainer *later = t->next; later; later = later->next)
        if (!later->at.finished) return;
    const int32_t epochs = t->at.epoch, waited = t->at.waited;
    const bool early = has_waited_enough(t);
    mmoe_fit_warn(t, (mmoe_warning){.count = early ? waited : epochs},
                  "the run that is continued is over: %s %d epochs%s",
                  early ? "it had no better score for" : "it has done all",
                  (int)(early ? waited : epochs),
                  early ? " (trainer.earlystop_patience)" : " (trainer.n_epoch)");
}

/* What an earlier run has left of later members resume would take for this run's. */
static void drop_later(const mmoe_trainer *t) {
    for (const mmoe_trainer *later = t->next; later; later = later->next)
        if (later->checkpoint_path) unlink(later->checkpoint_path);
}

/* A run that goes on under another name has all its members' files there. */
static mmoe_status keep_finished(mmoe_trainer *t, mmoe_error *err) {
    if (!t->checkpoint_path || !t->next || access(t->checkpoint_path, F_OK) == 0) return MMOE_OK;
    return mmoe_checkpoint_write(t, t->checkpoint_path, err);
}

static mmoe_status begin_run(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    const bool is_new = t->has_fitted || !t->at.data_hash;
    const mmoe_identity train = mmoe_source_identity(r->train);
    const uint64_t valid = r->valid ? mmoe_source_identity(r->valid).rows : 0;
    if (t->has_fitted) begin_anew(t);
    const char *fault = t->at.data_hash ? differing_rows(&t->at, train, valid) : NULL;
    if (fault)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "the run that is to be continued began %s", fault);
    t->at.data_hash = train.rows;
    t->at.valid_hash = valid;
    t->at.schema_hash = train.schema;
    t->has_fitted = true;
    mmoe_status status = mmoe_fit_agree(t, err);
    if (status) return status;
    if (is_new) drop_later(t);
    t->at.finished = is_over(t); /* by the configuration as it is now */
    if (t->at.finished) warn_of_end(t);
    if (t->at.finished) status = keep_finished(t, err);
    if (status) return status;
    /* What a save that was killed left has no later one to remove it. */
    if (t->at.finished && t->checkpoint_path && mmoe_ranks_is_first(t->ranks))
        mmoe_shards_tidy(t->checkpoint_path, &t->alloc);
    /* What a run that loses its weights falls back to. */
    return t->at.has_best ? MMOE_OK : mmoe_best_keep(&t->best, &t->model->params, t->pool, err);
}

/* Of validation rows, those of the evaluator's choice. */
static mmoe_status watch_gates(mmoe_fit_run *r, mmoe_error *err) {
    const mmoe_trainer *t = r->t;
    int32_t chunks = t->run->plan->max_chunks;
    mmoe_status status = mmoe_parts_find(&r->parts, t->model, &t->alloc, err);
    if (status || !r->parts.n_gate) return status;
    if (r->valid) {
        const int64_t watched = watched_rows(r),
                      every = (mmoe_source_count(r->valid) + watched - 1) / watched;
        mmoe_evaluator_watch(r->evaluator, &r->gates, every);
        chunks = mmoe_evaluator_chunks(r->evaluator);
    }
    return mmoe_gate_meter_init(&r->gates, &r->parts, t->model, chunks, &t->alloc, err);
}

static mmoe_status take_fit_memory(mmoe_fit_run *r, mmoe_error *err) {
    const mmoe_trainer *t = r->t;
    const size_t tasks = (size_t)t->model->schema->n_label;
    if (!r->valid) return watch_gates(r, err);
    r->metrics = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->metrics);
    r->best_metrics = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->best_metrics);
    r->counts = mmoe_alloc_zero(&t->alloc, tasks, sizeof *r->counts);
    if (!r->metrics || !r->best_metrics || !r->counts)
        return mmoe_fail_memory(err, tasks * sizeof *r->metrics);
    mmoe_evaluation of = {.model = t->model,
                          .params = mmoe_trainer_kept(t),
                          .pool = t->pool,
                          .set = r->valid_set,
                          .one_member = true,
                          .comm = t->ranks ? t->ranks->comm : NULL};
    if (mmoe_params_dealt(of.params)) {
        of.fetch = mmoe_fit_fetch;
        of.fetch_context = r->t;
    }
    mmoe_evaluation_group(&of);
    const mmoe_status status = mmoe_evaluator_create(&of, &t->alloc, &r->evaluator, err);
    return status ? status : watch_gates(r, err);
}

/* A run of one epoch never meets a row again: what its steps predict is said. */
static mmoe_status watch_progress(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    if (t->model->config->trainer.n_epoch > 1) return MMOE_OK;
    const mmoe_status status = mmoe_progressive_init(&r->progressive, t->model, &t->alloc, err);
    t->scores = r->progressive.scores;
    return status;
}

/* Weights that other ranks have are not. */
static int64_t values_here(const mmoe_params *p) {
    int64_t values = p->n_whole;
    for (const mmoe_embedding *t = p->tables; t < p->tables + p->n_table; t++)
        if (mmoe_table_is_dealt(t)) values -= (t->rows - mmoe_table_own_rows(t)) * t->dim;
    return values;
}

/* What validation has of tables that are dealt beside what a batch reads of them: as many rows at a
 * time as are scored together. */
static size_t fetched_memory(const mmoe_fit_run *r) {
    const mmoe_plan *plan = r->t->run->plan;
    if (!r->valid || !mmoe_params_dealt(&r->t->model->params)) return 0;
    const int64_t most =
                      r->valid_set->rows < MMOE_SLICE_ROWS ? r->valid_set->rows : MMOE_SLICE_ROWS,
                  more = most / plan->max_rows; /* batches */
    return more > 1 ? (size_t)(more - 1) * mmoe_plan_admitted(plan) : 0;
}

/* What trainer.memory bounds, as far as it grows with rows and weights: a process has some 60 MB
 * beside it. */
static mmoe_status check_memory(const mmoe_fit_run *r, mmoe_error *err) {
    enum { MB = 1000000, BESIDE = 60 };
    const mmoe_trainer *t = r->t;
    const int64_t most = t->model->config->trainer.memory;
    const size_t copies = 1 + (t->average.values != NULL),
                 kept = t->gradient.room.values ? (size_t)t->gradient.room.params->n_whole : 0,
                 own = ((size_t)values_here(&t->model->params) * copies + kept) * sizeof(float) +
                       t->best.in_memory + mmoe_optimizer_memory(&t->optimizer) +
                       mmoe_plan_admitted(t->run->plan),
                 weights = (size_t)t->model->config->members * own,
                 train = mmoe_source_bytes(r->train) + mmoe_progressive_memory(&r->progressive) +
                         mmoe_whole_batch_memory(&r->whole),
                 valid = r->valid ? mmoe_source_bytes(r->valid) +
                                        mmoe_evaluator_memory(r->evaluator) + fetched_memory(r)
                                  : 0;
    const int64_t needed = (int64_t)((weights + train + valid) / MB) + BESIDE;
    if (!most || needed <= most) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "trainer.memory is %lld MB, and training takes some %lld: the training rows "
                     "%zu, validation %zu, weights and their moments %zu",
                     (long long)most, (long long)needed, train / MB, valid / MB, weights / MB);
}

/* A run that is cut off keeps the state of its last step for the checkpoint; a failure to write
 * that one is the error then. */
static mmoe_status run_epochs(mmoe_fit_run *r, mmoe_error *err) {
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
    const mmoe_status recorded = mmoe_fit_record(r, status ? NULL : err);
    return status ? status : recorded;
}

/* The average of later steps begins there, too. */
static mmoe_status bring_best(mmoe_trainer *t, mmoe_error *err) {
    const mmoe_status status = mmoe_best_restore(&t->best, &t->model->params, t->pool, err);
    if (status) return status;
    mmoe_fit_bring_start(t);
    if (t->average.values) mmoe_params_copy(&t->average, &t->model->params);
    return MMOE_OK;
}

static mmoe_status shrink_best(mmoe_fit_run *r, mmoe_error *err) {
    if (!mmoe_fit_shrinks(r)) return MMOE_OK;
    const mmoe_status status = bring_best(r->t, err);
    return status ? status : mmoe_fit_shrink(r, err);
}

/* The best weights, behind a run that ended with `status`. */
static mmoe_status bring_back(mmoe_fit_run *r, mmoe_status status, mmoe_error *err) {
    mmoe_error why;
    const mmoe_status back = bring_best(r->t, &why);
    if (back) return mmoe_fail(err, back, "%s", why.message);
    mmoe_fit_bring_shrunk(r);
    return status;
}

static void finish_fit(mmoe_fit_run *r) {
    mmoe_trainer *t = r->t;
    atomic_store(&t->stop, 0);
    t->leaves_rows = false;
    t->is_fitting = false;
    t->run->observer = NULL;
    t->scores = NULL;
    mmoe_progressive_finish(&r->progressive);
    mmoe_whole_batch_finish(&r->whole);
    mmoe_gate_meter_finish(&r->gates);
    mmoe_parts_finish(&r->parts);
    mmoe_evaluator_free(r->evaluator);
    void *memory[] = {r->metrics,  r->best_metrics, r->counts,    r->start_metrics,
                      r->is_start, r->is_shrinking, r->parts_left};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) mmoe_release(&t->alloc, memory[i]);
    mmoe_source_free(r->train);
    mmoe_source_free(r->valid);
}

mmoe_status mmoe_fit(mmoe_trainer *t, const mmoe_dataset *train, const mmoe_dataset *valid,
                     mmoe_error *err) {
    mmoe_status status = check_fit(t, train, valid, err);
    if (!status) status = check_labels(t, train, valid, err);
    if (!status) status = check_rows(t, train, valid, err);
    if (!status) status = mmoe_trainer_know_lists(t, train, err);
    if (status) {
        if (t) atomic_store(&t->stop, 0); /* of a warning's callback, say: it was meant for this */
        return status;
    }
    mmoe_fit_run r = {.t = t, .train_set = train, .valid_set = valid, .rows = train->rows};
    t->leaves_rows = t->at.row > 0;
    status = open_sources(&r, train, valid, err);
    if (!status) status = take_fit_memory(&r, err);
    if (!status) status = watch_progress(&r, err);
    if (!status) status = check_memory(&r, err);
    if (!status && valid) status = mmoe_fit_watch(&r, err);
    t->is_fitting = true;
    if (!status) status = begin_run(&r, err);
    if (!status) mmoe_fit_warn_of_lanes(t, train);
    if (!status) status = mmoe_labels_keep_means(t->model, train, err);
    if (!status) status = mmoe_trainer_take_blas(t, err);
    if (!status) {
        status = mmoe_fit_start(&r, err);
        if (!status) status = run_epochs(&r, err);
        if (!status) mmoe_fit_warn_of_course(&r);
        if (!status) status = shrink_best(&r, err);
        mmoe_trainer_give_blas(t);
        if (t->ranks) mmoe_ranks_end(t->ranks, status, err, NULL);
        if (t->at.has_best || status == MMOE_E_NUMERIC) status = bring_back(&r, status, err);
    }
    finish_fit(&r);
    return status;
}
