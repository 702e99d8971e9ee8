/* What early stopping, the best weights and a plateau watch of the validation rows. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/sentence.h"
#include "config/config_update.h"
#include "train/deferred.h"
#include "train/fit_run.h"

enum { LIST_SIZE = 512 };

void mmoe_fit_warn(mmoe_trainer *t, mmoe_warning about, const char *format, ...) {
    const bool leaves_rows = t->leaves_rows;
    char text[1024];
    va_list args;
    if (!t->options.on_warning) return;
    va_start(args, format);
    mmoe_say_args(text, sizeof text, format, args);
    va_end(args);
    about.message = text;
    t->leaves_rows = false; /* the caller may read the model, as in any other callback */
    t->options.on_warning(t->options.user, &about);
    t->leaves_rows = leaves_rows;
}

/* What training minimises, as a part of the constant's: those of tasks of several types, and on
 * several scales, have a mean. */
static double relative_loss(const mmoe_task_metrics *m) {
    const double loss = m->values[mmoe_loss_compared(mmoe_loss_kind_of(m->type))];
    return m->base > 0 ? loss / m->base : (double)NAN;
}

static double watched_figure(const mmoe_metric_kind *watched, const mmoe_task_metrics *m) {
    if (watched->how == MMOE_METRIC_RELATIVE) return relative_loss(m);
    if (watched->how == MMOE_METRIC_COMPARISON) return m->relative;
    size_t i = 0;
    while (mmoe_loss_metric((int)m->type, i) != watched) i++;
    return m->values[i];
}

/* Larger is better for AUC, smaller for the errors: the sign makes larger better for all. */
static double task_score(const mmoe_config *config, const mmoe_task_metrics *m) {
    const mmoe_metric_kind *watched = mmoe_config_watched_metric(config);
    return watched->doc.better * watched_figure(watched, m);
}

/* Is the task's figure looked at, alone or in the mean? */
static bool is_watched(const mmoe_fit_run *r, int32_t task) {
    const int32_t watched = r->t->model->config->trainer.earlystop_task;
    return watched < 0 || watched == task;
}

double mmoe_fit_score(const mmoe_fit_run *r) {
    const mmoe_config *config = r->t->model->config;
    const int32_t n = r->t->model->schema->n_label;
    double sum = 0;
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++) {
        if (!r->counts[i]) continue;
        sum += task_score(config, &r->metrics[i]);
        count++;
    }
    return count ? sum / count : (double)NAN;
}

double mmoe_fit_task_score(const mmoe_fit_run *r, int32_t task, const mmoe_task_metrics *m) {
    return r->counts[task] ? task_score(r->t->model->config, m)
                           : -m->values[mmoe_loss_compared(mmoe_loss_kind_of(m->type))];
}

double mmoe_fit_shown_score(const mmoe_fit_run *r, double score) {
    return mmoe_config_watched_metric(r->t->model->config)->doc.better * score;
}

/* ---- Undefined ---- */

/* "\"ctr\" (one class only), \"cvr\" (no labels)"; of many tasks the first, and how many more. */
static void list_undefined(const mmoe_fit_run *r, char text[LIST_SIZE]) {
    enum { ENTRY = 160, MORE = 20 };
    size_t used = 0;
    int32_t more = 0;
    *text = '\0';
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++) {
        const mmoe_task_metrics *m = &r->metrics[i];
        char entry[ENTRY];
        if (!is_watched(r, i) || !isnan(task_score(r->t->model->config, m))) continue;
        snprintf(entry, sizeof entry, "%s\"%s\" (%s)", used ? ", " : "", m->name,
                 m->why ? m->why : "not a number");
        if (more || used + strlen(entry) + MORE > LIST_SIZE)
            more++;
        else
            used += (size_t)snprintf(text + used, LIST_SIZE - used, "%s", entry);
    }
    if (more) snprintf(text + used, LIST_SIZE - used, " and %d more", (int)more);
}

static int32_t count_tasks(const mmoe_fit_run *r, bool defined) {
    int32_t count = 0;
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++)
        count += is_watched(r, i) && (!defined || r->counts[i]);
    return count;
}

static const char *watched_title(const mmoe_fit_run *r) {
    return mmoe_config_watched_metric(r->t->model->config)->doc.title;
}

static mmoe_status say_undefined(mmoe_fit_run *r, const char *tasks, mmoe_error *err) {
    const mmoe_trainer_config *c = &r->t->model->config->trainer;
    const bool decides = c->earlystop_patience > 0 || c->scheduler == MMOE_SCHEDULER_PLATEAU;
    if (decides)
        return mmoe_fail(err, MMOE_E_DATA,
                         "%s watches the %s of validation rows, which is undefined for %s: name "
                         "another task or metric (trainer.earlystop_task, "
                         "trainer.earlystop_metric), or set trainer.earlystop_patience to 0",
                         c->earlystop_patience > 0 ? "early stopping" : "the scheduler",
                         watched_title(r), tasks);
    r->has_warned = true;
    mmoe_fit_warn(r->t, (mmoe_warning){.count = mmoe_source_count(r->valid)},
                  "the %s of the %lld validation rows is undefined for %s: no epoch is the best, "
                  "and the last weights are kept",
                  watched_title(r), (long long)mmoe_source_count(r->valid), tasks);
    return MMOE_OK;
}

mmoe_status mmoe_fit_watch(mmoe_fit_run *r, mmoe_error *err) {
    const mmoe_status status = mmoe_evaluator_judge_labels(r->evaluator, r->valid, r->metrics, err);
    if (status) return status;
    const mmoe_config *config = r->t->model->config;
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++)
        r->counts[i] = is_watched(r, i) && !isnan(task_score(config, &r->metrics[i]));
    const int32_t defined = count_tasks(r, true), all = count_tasks(r, false);
    if (defined == all) return MMOE_OK;
    char tasks[LIST_SIZE];
    list_undefined(r, tasks);
    if (!defined) return say_undefined(r, tasks, err);
    mmoe_fit_warn(r->t, (mmoe_warning){.count = all - defined},
                  "the mean %s that early stopping watches is of %d of %d tasks: on the validation "
                  "rows it is undefined for %s",
                  watched_title(r), (int)defined, (int)all, tasks);
    return MMOE_OK;
}

void mmoe_fit_warn_undefined(mmoe_fit_run *r, double score) {
    char tasks[LIST_SIZE];
    if (!isnan(score) || r->has_warned) return;
    r->has_warned = true;
    list_undefined(r, tasks);
    mmoe_fit_warn(r->t, (mmoe_warning){.count = 1},
                  "epoch %d: the %s that early stopping watches is undefined for %s: such an epoch "
                  "is neither the best nor one of those that are waited for",
                  (int)r->t->at.epoch, watched_title(r), tasks);
}

/* Of all ranks'. */
static mmoe_idle_rows idle_rows(mmoe_trainer *t, uint32_t steps) {
    const mmoe_idle_rows own = mmoe_deferred_idle(&t->optimizer, steps);
    double counts[2] = {(double)own.all, (double)own.idle};
    if (t->ranks) t->ranks->peers.sum(&t->ranks->peers, counts, 2);
    return (mmoe_idle_rows){(int64_t)counts[0], (int64_t)counts[1]};
}

/* Adam brings a gradient that is a row's decay alone up to the size of any other. Rows of a dense
 * table are lost as well, but there decay costs no time that another choice would save. */
void mmoe_fit_warn_of_decay(mmoe_fit_run *r) {
    enum { STEPS = 100 };
    const mmoe_trainer_config *c = &r->t->model->config->trainer;
    const mmoe_optimizer_config *o = mmoe_config_embedding_optimizer(c);
    if (r->has_warned_of_decay || o->kind != MMOE_ADAM || !mmoe_config_couples_decay(o) ||
        !r->t->optimizer.history.rates)
        return;
    const mmoe_idle_rows rows = idle_rows(r->t, STEPS);
    if (!rows.idle) return;
    r->has_warned_of_decay = true;
    mmoe_fit_warn(
        r->t, (mmoe_warning){.count = rows.idle},
        "of %lld rows of embeddings %.1f %% were not read in the last %d updates, each of "
        "which moved them towards 0 by about the learning rate, however small the decay: "
        "adam takes it up in its moments (trainer.optimizer_params.weight_decay); adamw "
        "decays them by their own size, and in no time",
        (long long)rows.all, 100 * (double)rows.idle / (double)rows.all, STEPS);
}

/* ---- The course ---- */

enum { FEW_UPDATES = 100 };
static const double poor = 0.95, least_rise = 1e-3; /* parts of a figure */

static bool is_poor(const mmoe_fit_run *r) {
    for (int32_t i = 0; i < r->t->model->schema->n_label; i++) {
        const mmoe_task_metrics *m = &r->metrics[i];
        if (r->counts[i] &&
            m->values[mmoe_loss_compared(mmoe_loss_kind_of(m->type))] > poor * m->base)
            return true;
    }
    return false;
}

void mmoe_fit_follow(mmoe_fit_run *r, double score, bool is_best) {
    mmoe_fit_course *c = &r->course;
    memmove(c->lately, c->lately + 1, MMOE_FIT_STEADY * sizeof *c->lately);
    c->lately[MMOE_FIT_STEADY] = score;
    c->rising = is_best ? c->rising + 1 : 0;
    if (!is_best) return;
    c->best = r->t->at.epoch;
    c->best_is_poor = is_poor(r);
}

static void warn_of_first(const mmoe_fit_run *r) {
    const mmoe_fit_course *c = &r->course;
    const int64_t batch = r->t->model->config->trainer.batch_size,
                  updates = c->best * ((r->rows + batch - 1) / batch);
    if (r->start_metrics) return; /* it began as a linear model */
    if (!c->best_is_poor || c->best == r->t->at.epoch || updates >= FEW_UPDATES) return;
    mmoe_fit_warn(r->t, (mmoe_warning){.count = updates},
                  "the best of %d epochs is epoch %d, after %lld updates: its weights are hardly "
                  "trained; a smaller trainer.batch_size makes more updates an epoch, and "
                  "trainer.earlystop_metric may watch another figure",
                  (int)r->t->at.epoch, (int)c->best, (long long)updates);
}

static void warn_of_rise(const mmoe_fit_run *r) {
    const mmoe_fit_course *c = &r->course;
    const double from = c->lately[0], to = c->lately[MMOE_FIT_STEADY],
                 rise = fabs(to - from) / fabs(from);
    if (c->rising <= MMOE_FIT_STEADY || r->t->at.epoch < r->t->model->config->trainer.n_epoch ||
        !(rise >= least_rise || c->best_is_poor))
        return;
    mmoe_fit_warn(r->t, (mmoe_warning){.count = MMOE_FIT_STEADY},
                  "the %s of the validation rows was still improving at the end, in the last %d "
                  "epochs by %.2g %% to %.5g: more epochs (trainer.n_epoch) or a larger learning "
                  "rate (trainer.optimizer_params.lr) may do better",
                  watched_title(r), MMOE_FIT_STEADY, 100 * rise, mmoe_fit_shown_score(r, to));
}

void mmoe_fit_warn_of_course(const mmoe_fit_run *r) {
    warn_of_first(r);
    warn_of_rise(r);
}
