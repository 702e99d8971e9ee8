#include "train/metrics.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "train/group_area.h"
#include "train/ranking.h"

size_t mmoe_metrics_scratch(int64_t rows) { return mmoe_ranking_scratch(rows); }

/* What a task's figures are made of; `weight[1]` is that of the rows with a positive label, `part`
 * the sum of each metric that is a mean. */
typedef struct sums {
    int64_t rows, nans;
    double weight[2], prediction, label, part[MMOE_MAX_METRICS];
    double constant, base; /* what is predicted without a model, and the sum of its figure */
    double area, group_area, calibration_error; /* of the predictions' order; NaN: undefined */
} sums;

static void add_row(sums *s, const mmoe_loss_kind *kind, float prediction, float label,
                    float weight) {
    const double p = (double)prediction, y = (double)label, w = (double)weight;
    s->rows++;
    s->nans += isnan(prediction) != 0;
    s->weight[label > 0] += w;
    s->prediction += w * p;
    s->label += w * y;
    for (size_t i = 0; kind->metrics[i]; i++)
        if (kind->metrics[i]->how == MMOE_METRIC_MEAN) s->part[i] += kind->metrics[i]->row(w, p, y);
    s->base += kind->baseline->metric->row(w, s->constant, y);
}

static bool has_metric(const mmoe_loss_kind *kind, mmoe_metric_how how) {
    for (size_t i = 0; kind->metrics[i]; i++)
        if (kind->metrics[i]->how == how) return true;
    return false;
}

static bool has_both_classes(const sums *s) { return s->weight[0] > 0 && s->weight[1] > 0; }

/* Why a figure is undefined; NULL: all are defined that the rows can have. */
static const char *why_undefined(const sums *s, const mmoe_loss_kind *kind, bool has_groups) {
    if (!(s->weight[0] + s->weight[1] > 0))
        return s->rows > 0 ? "weights sum to zero" : "no labels";
    if (s->nans > 0) return "a prediction is not a number";
    if (has_metric(kind, MMOE_METRIC_AREA) && !has_both_classes(s)) return "one class only";
    if (has_metric(kind, MMOE_METRIC_RATIO) && !(s->label > 0)) return "no positive sum of labels";
    if (has_groups && isnan(s->group_area)) return "no group has both classes";
    return NULL;
}

static double mean_figure(const mmoe_metric_kind *metric, double sum, double weight) {
    return metric->of_mean ? metric->of_mean(sum / weight) : sum / weight;
}

static double figure_of(const sums *s, const mmoe_loss_kind *kind, size_t i) {
    const double total = s->weight[0] + s->weight[1], none = (double)NAN;
    const mmoe_metric_kind *metric = kind->metrics[i];
    if (!(total > 0)) return none;
    switch (metric->how) {
    case MMOE_METRIC_AREA:
        return s->area;
    case MMOE_METRIC_GROUP_AREA:
        return s->group_area;
    case MMOE_METRIC_BINS:
        return s->calibration_error;
    case MMOE_METRIC_RATIO:
        return s->label > 0 ? s->prediction / s->label : none;
    case MMOE_METRIC_RELATIVE: /* are no type's */
    case MMOE_METRIC_COMPARISON:
        return none;
    case MMOE_METRIC_MEAN:
        return mean_figure(metric, s->part[i], total);
    }
    return none;
}

/* The metrics that have a member of their own in mmoe_task_metrics. */
static const struct {
    const mmoe_metric_kind *metric;
    size_t offset;
} members[] = {{&mmoe_metric_auc, offsetof(mmoe_task_metrics, auc)},
               {&mmoe_metric_logloss, offsetof(mmoe_task_metrics, logloss)},
               {&mmoe_metric_mse, offsetof(mmoe_task_metrics, mse)},
               {&mmoe_metric_rmse, offsetof(mmoe_task_metrics, rmse)},
               {&mmoe_metric_mae, offsetof(mmoe_task_metrics, mae)},
               {&mmoe_metric_calibration, offsetof(mmoe_task_metrics, calibration)},
               {&mmoe_metric_gauc, offsetof(mmoe_task_metrics, gauc)},
               {&mmoe_metric_ece, offsetof(mmoe_task_metrics, ece)}};

/* Beside a constant without an error nothing compares. */
static void set_baseline(const sums *s, const mmoe_loss_kind *kind, mmoe_task_metrics *out) {
    const mmoe_baseline_kind *baseline = kind->baseline;
    const double total = s->weight[0] + s->weight[1];
    const double figure = out->values[mmoe_loss_compared(kind)];
    out->constant = s->constant;
    out->base = total > 0 ? mean_figure(baseline->metric, s->base, total) : (double)NAN;
    out->relative = out->base > 0 ? baseline->relative(figure, out->base) : (double)NAN;
}

static void set_figures(const sums *s, const mmoe_loss_kind *kind, mmoe_task_metrics *out) {
    const double none = (double)NAN;
    for (size_t i = 0; i < MMOE_MAX_METRICS; i++) out->values[i] = none;
    for (size_t i = 0; kind->metrics[i]; i++) out->values[i] = figure_of(s, kind, i);
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        double *member = (double *)(void *)((char *)out + members[m].offset);
        *member = none;
        for (size_t i = 0; kind->metrics[i]; i++)
            if (kind->metrics[i] == members[m].metric) *member = out->values[i];
    }
    set_baseline(s, kind, out);
    out->why = why_undefined(s, kind, out->group != NULL);
    if (!out->why && isnan(out->relative)) out->why = "the mean label is every label";
}

static double mean_label(const mmoe_judged_rows *j) {
    const mmoe_label_scale as_it_is = {.unit = 1};
    const mmoe_label_run run = {j->rows, j->labels, j->weights, (size_t)j->label_stride};
    double mean;
    return mmoe_label_mean(&as_it_is, &run, &mean) ? mean : (double)NAN;
}

/* Sums over the rows that have a label, which `ranking` gets, too, unless it is NULL. */
static void take_rows(const mmoe_judged_rows *j, const mmoe_loss_kind *kind, sums *s,
                      mmoe_ranking *ranking) {
    for (int64_t i = 0; i < j->rows; i++) {
        const int64_t r = j->index ? (int64_t)j->index[i] : i;
        const float p = j->predictions[r * j->stride], y = j->labels[r * j->label_stride];
        const float w = j->weights ? j->weights[r] : 1.0F;
        if (isnan(y)) continue;
        assert(w >= 0);
        add_row(s, kind, p, y, w);
        if (ranking) mmoe_ranking_add(ranking, p, y, w);
    }
}

static void set_group_counts(const mmoe_group_counts *c, mmoe_task_metrics *out) {
    out->groups = c->groups;
    out->one_class_groups = c->one_class;
    out->single_groups = c->single;
    out->one_class_group_rows = c->one_class_rows;
    out->no_group_rows = c->no_group_rows;
}

/* What needs predictions that are all numbers. */
static void judge_ranking(const mmoe_judged_rows *j, void *scratch, sums *s, mmoe_ranking *ranking,
                          mmoe_task_metrics *out) {
    mmoe_group_counts counts;
    mmoe_ranking_sort(ranking);
    s->area = mmoe_ranking_area(ranking);
    s->calibration_error = mmoe_ranking_calibration_error(ranking);
    if (!j->groups) return;
    s->group_area = mmoe_group_area(j, scratch, &counts);
    set_group_counts(&counts, out);
}

void mmoe_metrics_compute(const mmoe_judged_rows *j, void *scratch, mmoe_task_metrics *out) {
    assert(j->rows >= 0 && j->stride > 0 && j->label_stride > 0 && scratch && out);
    assert(!j->index || j->constant);
    const mmoe_loss_kind *kind = mmoe_loss_kind_of(j->type);
    const double none = (double)NAN;
    const bool is_ranked = has_metric(kind, MMOE_METRIC_AREA);
    mmoe_ranking ranking = mmoe_ranking_begin(scratch, j->rows, j->weights != NULL);
    sums s = {.constant = j->constant ? *j->constant : mean_label(j),
              .area = none,
              .group_area = none,
              .calibration_error = none};
    *out = (mmoe_task_metrics){
        .name = out->name, .type = j->type, .constant_is_of_rows = !j->constant};
    if (is_ranked && j->groups) out->group = j->groups->column;
    take_rows(j, kind, &s, is_ranked ? &ranking : NULL);
    out->rows = s.rows;
    if (is_ranked && s.nans == 0) judge_ranking(j, scratch, &s, &ranking, out);
    set_figures(&s, kind, out);
}

const mmoe_metric *mmoe_metric_at(int type, size_t index) {
    const mmoe_metric_kind *metric = mmoe_loss_metric(type, index);
    return metric ? &metric->doc : NULL;
}

const mmoe_baseline *mmoe_baseline_of(int type) {
    const bool is_type = type >= 0 && type < MMOE_TASK_TYPE_COUNT;
    return is_type ? &mmoe_loss_kind_of((mmoe_task_type)type)->baseline->doc : NULL;
}
