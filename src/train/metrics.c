#include "train/metrics.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

/* ---- Rows ---- */

/* Some rows with a label and a part, in their order. */
typedef struct counted_rows {
    size_t n;
    double weight[MMOE_METRIC_ROWS], prediction[MMOE_METRIC_ROWS], label[MMOE_METRIC_ROWS];
    int32_t part[MMOE_METRIC_ROWS];
} counted_rows;

/* Of rows [first, end). */
static void count_rows(const mmoe_judged_rows *r, int64_t first, int64_t end, counted_rows *to) {
    size_t n = 0;
    for (int64_t i = first; i < end; i++) {
        const float label = r->labels[i * r->stride];
        to->part[n] = r->parts ? r->parts[i] : 0;
        to->weight[n] = r->weights ? (double)r->weights[i] : 1;
        to->prediction[n] = (double)r->predictions[i * r->stride];
        to->label[n] = (double)label;
        n += !isnan(label) && to->part[n] >= 0;
    }
    to->n = n;
}

/* The constant's figure of a row. */
static inline double base_of(mmoe_metric_sums *s, const mmoe_metric_kind *metric, double label,
                             double weight) {
    const int class = label > 0;
    if (!s->last[class].is_known || s->last[class].label != label ||
        s->last[class].weight != weight) {
        s->last[class].is_known = true;
        s->last[class].label = label;
        s->last[class].weight = weight;
        metric->rows(1, &weight, &s->constant, &label, &s->last[class].figure);
    }
    return s->last[class].figure;
}

/* Adds a row to all sums but those of the metrics. */
static inline void add_row(mmoe_metric_sums *s, const counted_rows *r, size_t i, double base) {
    const double w = r->weight[i], p = r->prediction[i], y = r->label[i];
    assert(w >= 0);
    s->rows++;
    s->nans += isnan(p) != 0;
    /* An array is read here, so that gcc makes no branch: classes come at random, and it would
     * often be mispredicted. */
    static const double is_positive[] = {0, 1};
    const double positive = w * is_positive[y > 0];
    s->weight[0] += w - positive;
    s->weight[1] += positive;
    s->prediction += w * p;
    s->label += w * y;
    s->base += base;
}

/* Adds rows that all belong to one part, whose sums then stay in registers. */
static void add_rows(mmoe_metric_sums *sums, const counted_rows *r, const double *base) {
    mmoe_metric_sums s = *sums;
    for (size_t i = 0; i < r->n; i++) add_row(&s, r, i, base[i]);
    *sums = s;
}

static void add_part(mmoe_metric_sums *sums, size_t metric, size_t n, const double *figures) {
    double sum = sums->part[metric];
    for (size_t i = 0; i < n; i++) sum += figures[i];
    sums->part[metric] = sum;
}

static void add_block(mmoe_metric_sums *sums, const mmoe_loss_kind *kind, const counted_rows *r,
                      bool has_parts) {
    double figures[MMOE_METRIC_ROWS];
    for (size_t i = 0; i < r->n; i++)
        figures[i] = base_of(&sums[r->part[i]], kind->baseline->metric, r->label[i], r->weight[i]);
    if (!has_parts) add_rows(sums, r, figures);
    for (size_t i = 0; has_parts && i < r->n; i++) add_row(&sums[r->part[i]], r, i, figures[i]);
    for (size_t k = 0; kind->metrics[k]; k++) {
        if (kind->metrics[k]->how != MMOE_METRIC_MEAN) continue;
        kind->metrics[k]->rows(r->n, r->weight, r->prediction, r->label, figures);
        if (!has_parts) add_part(sums, k, r->n, figures);
        for (size_t i = 0; has_parts && i < r->n; i++) sums[r->part[i]].part[k] += figures[i];
    }
}

void mmoe_metric_sums_add(mmoe_metric_sums *sums, const mmoe_loss_kind *kind,
                          const mmoe_judged_rows *r) {
    counted_rows rows;
    for (int64_t i = 0; i < r->rows; i += MMOE_METRIC_ROWS) {
        const int64_t left = r->rows - i;
        count_rows(r, i, i + (left < MMOE_METRIC_ROWS ? left : MMOE_METRIC_ROWS), &rows);
        add_block(sums, kind, &rows, r->parts != NULL);
    }
}

/* ---- Figures ---- */

static bool has_metric(const mmoe_loss_kind *kind, mmoe_metric_how how) {
    for (size_t i = 0; kind->metrics[i]; i++)
        if (kind->metrics[i]->how == how) return true;
    return false;
}

bool mmoe_metrics_rank(const mmoe_loss_kind *kind) { return has_metric(kind, MMOE_METRIC_AREA); }

static bool has_both_classes(const mmoe_metric_sums *s) {
    return s->weight[0] > 0 && s->weight[1] > 0;
}

/* Why a figure is undefined; NULL: all are defined that the rows can have. */
static const char *why_undefined(const mmoe_metric_sums *s, const mmoe_loss_kind *kind,
                                 bool has_no_area) {
    if (!(s->weight[0] + s->weight[1] > 0))
        return s->rows > 0 ? "weights sum to zero" : "no labels";
    if (s->nans > 0) return "a prediction is not a number";
    if (has_metric(kind, MMOE_METRIC_AREA) && !has_both_classes(s)) return "one class only";
    if (has_metric(kind, MMOE_METRIC_RATIO) && !(s->label > 0)) return "no positive sum of labels";
    if (has_no_area) return "no group has both classes";
    return NULL;
}

static double mean_figure(const mmoe_metric_kind *metric, double sum, double weight) {
    return metric->of_mean ? metric->of_mean(sum / weight) : sum / weight;
}

static double figure_of(const mmoe_metric_sums *s, const mmoe_order_figures *order,
                        const mmoe_loss_kind *kind, size_t i) {
    const double total = s->weight[0] + s->weight[1], none = (double)NAN;
    const mmoe_metric_kind *metric = kind->metrics[i];
    if (!(total > 0)) return none;
    switch (metric->how) {
    case MMOE_METRIC_AREA:
        return order->area;
    case MMOE_METRIC_GROUP_AREA:
        return order->group_area;
    case MMOE_METRIC_BINS:
        return order->calibration_error;
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
static void set_baseline(const mmoe_metric_sums *s, const mmoe_loss_kind *kind,
                         mmoe_task_metrics *out) {
    const mmoe_baseline_kind *baseline = kind->baseline;
    const double total = s->weight[0] + s->weight[1];
    const double figure = out->values[mmoe_loss_compared(kind)];
    out->constant = s->constant;
    out->base = total > 0 ? mean_figure(baseline->metric, s->base, total) : (double)NAN;
    out->relative = out->base > 0 ? baseline->relative(figure, out->base) : (double)NAN;
}

static void set_figures(const mmoe_metric_sums *s, const mmoe_order_figures *order,
                        const mmoe_loss_kind *kind, mmoe_task_metrics *out) {
    const double none = (double)NAN;
    for (size_t i = 0; i < MMOE_MAX_METRICS; i++) out->values[i] = none;
    for (size_t i = 0; kind->metrics[i]; i++) out->values[i] = figure_of(s, order, kind, i);
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        double *member = (double *)(void *)((char *)out + members[m].offset);
        *member = none;
        for (size_t i = 0; kind->metrics[i]; i++)
            if (kind->metrics[i] == members[m].metric) *member = out->values[i];
    }
    set_baseline(s, kind, out);
}

static void set_group_counts(const mmoe_group_counts *c, mmoe_task_metrics *out) {
    out->groups = c->groups;
    out->one_class_groups = c->one_class;
    out->single_groups = c->single;
    out->one_class_group_rows = c->one_class_rows;
    out->no_group_rows = c->no_group_rows;
}

void mmoe_metrics_set(mmoe_task_type type, const mmoe_metric_sums *sums,
                      const mmoe_order_figures *order, const char *group, mmoe_task_metrics *out) {
    const mmoe_loss_kind *kind = mmoe_loss_kind_of(type);
    const bool has_groups = group && mmoe_metrics_rank(kind);
    *out = (mmoe_task_metrics){.name = out->name, .type = type, .rows = sums->rows};
    if (has_groups) out->group = group;
    set_group_counts(&order->groups, out);
    set_figures(sums, order, kind, out);
    out->auc_bound = isnan(out->auc) ? 0 : order->area_bound;
    out->why = why_undefined(sums, kind, has_groups && isnan(order->group_area));
    if (!out->why && isnan(out->relative)) out->why = "the mean label is every label";
}

const mmoe_metric *mmoe_metric_at(int type, size_t index) {
    const mmoe_metric_kind *metric = mmoe_loss_metric(type, index);
    return metric ? &metric->doc : NULL;
}

const mmoe_baseline *mmoe_baseline_of(int type) {
    const bool is_type = type >= 0 && type < MMOE_TASK_TYPE_COUNT;
    return is_type ? &mmoe_loss_kind_of((mmoe_task_type)type)->baseline->doc : NULL;
}
