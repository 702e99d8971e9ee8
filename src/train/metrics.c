#include "train/metrics.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "loss/loss.h"

/* A labelled row for the sort: `key` orders as its prediction does, the sign of `weight` is the
 * class. */
typedef struct record {
    uint32_t key;
    float weight;
} record;

enum { DIGIT_BITS = 11, DIGITS = 3, BUCKETS = 1 << DIGIT_BITS };

typedef struct auc_scratch {
    size_t count[DIGITS][BUCKETS];
    record records[]; /* two arrays of `rows` */
} auc_scratch;

size_t mmoe_metrics_scratch(int64_t rows) {
    assert(rows >= 0);
    return sizeof(auc_scratch) + 2 * (size_t)rows * sizeof(record);
}

/* Unsigned order of the result is the order of the values; the two zeros are one. */
static inline uint32_t ordered_bits(float value) {
    uint32_t bits;
    value += 0.0F;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31);
}

static inline uint32_t digit_of(uint32_t key, int digit) {
    return key >> (digit * DIGIT_BITS) & (BUCKETS - 1);
}

/* Stable, least significant digit first; `count` holds every digit's histogram. Returns the array
 * that is sorted. */
static const record *sort_records(record *from, record *to, size_t n,
                                  size_t count[DIGITS][BUCKETS]) {
    for (int d = 0; d < DIGITS; d++) {
        size_t *next = count[d];
        if (next[digit_of(from[0].key, d)] == n) continue;
        size_t start = 0;
        for (int b = 0; b < BUCKETS; b++) {
            size_t size = next[b];
            next[b] = start;
            start += size;
        }
        for (size_t i = 0; i < n; i++) to[next[digit_of(from[i].key, d)]++] = from[i];
        record *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* Twice the Mann-Whitney statistic, so that a tie's half is whole. Both classes must be there. */
static double auc_of_counts(const record *sorted, size_t n) {
    assert(n <= UINT64_C(1) << 32);
    uint64_t twice = 0, positives = 0, negatives = 0;
    for (size_t i = 0; i < n;) {
        const uint32_t key = sorted[i].key;
        const size_t first = i;
        uint64_t tied = 0;
        for (; i < n && sorted[i].key == key; i++) tied += sorted[i].weight > 0;
        const uint64_t tied_negatives = i - first - tied;
        twice += tied * (2 * negatives + tied_negatives);
        positives += tied;
        negatives += tied_negatives;
    }
    return (double)twice / (2.0 * (double)positives * (double)negatives);
}

static double auc_of_weights(const record *sorted, size_t n) {
    double area = 0, positives = 0, negatives = 0;
    for (size_t i = 0; i < n;) {
        const uint32_t key = sorted[i].key;
        double tied[2] = {0, 0};
        for (; i < n && sorted[i].key == key; i++)
            tied[sorted[i].weight > 0] += fabs((double)sorted[i].weight);
        area += tied[1] * (negatives + 0.5 * tied[0]);
        positives += tied[1];
        negatives += tied[0];
    }
    return area / (positives * negatives);
}

/* What a task's figures are made of; `weight[1]` is that of the rows with a positive label, `part`
 * the sum of each metric that is a mean. */
typedef struct sums {
    int64_t rows, nans;
    double weight[2], prediction, label, part[MMOE_MAX_METRICS];
    double constant, base; /* what is predicted without a model, and the sum of its figure */
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

/* Why a figure is undefined; NULL: all are defined. */
static const char *why_undefined(const sums *s, const mmoe_loss_kind *kind) {
    if (!(s->weight[0] + s->weight[1] > 0))
        return s->rows > 0 ? "weights sum to zero" : "no labels";
    if (s->nans > 0) return "a prediction is not a number";
    if (has_metric(kind, MMOE_METRIC_AREA) && !has_both_classes(s)) return "one class only";
    if (has_metric(kind, MMOE_METRIC_RATIO) && !(s->label > 0)) return "no positive sum of labels";
    return NULL;
}

static double mean_figure(const mmoe_metric_kind *metric, double sum, double weight) {
    return metric->of_mean ? metric->of_mean(sum / weight) : sum / weight;
}

static double figure_of(const sums *s, const mmoe_loss_kind *kind, size_t i, double area) {
    const double total = s->weight[0] + s->weight[1], none = (double)NAN;
    const mmoe_metric_kind *metric = kind->metrics[i];
    if (!(total > 0)) return none;
    switch (metric->how) {
    case MMOE_METRIC_AREA:
        return area;
    case MMOE_METRIC_RATIO:
        return s->label > 0 ? s->prediction / s->label : none;
    case MMOE_METRIC_RELATIVE: /* is no type's */
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
               {&mmoe_metric_calibration, offsetof(mmoe_task_metrics, calibration)}};

/* Beside a constant without an error nothing compares. */
static void set_baseline(const sums *s, const mmoe_loss_kind *kind, mmoe_task_metrics *out) {
    const mmoe_baseline_kind *baseline = kind->baseline;
    const double total = s->weight[0] + s->weight[1];
    const double figure = out->values[mmoe_loss_compared(kind)];
    out->constant = s->constant;
    out->base = total > 0 ? mean_figure(baseline->metric, s->base, total) : (double)NAN;
    out->relative = out->base > 0 ? baseline->relative(figure, out->base) : (double)NAN;
}

static void set_figures(const sums *s, const mmoe_loss_kind *kind, double area,
                        mmoe_task_metrics *out) {
    const double none = (double)NAN;
    for (size_t i = 0; i < MMOE_MAX_METRICS; i++) out->values[i] = none;
    for (size_t i = 0; kind->metrics[i]; i++) out->values[i] = figure_of(s, kind, i, area);
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        double *member = (double *)(void *)((char *)out + members[m].offset);
        *member = none;
        for (size_t i = 0; kind->metrics[i]; i++)
            if (kind->metrics[i] == members[m].metric) *member = out->values[i];
    }
    set_baseline(s, kind, out);
    out->why = why_undefined(s, kind);
    if (!out->why && isnan(out->relative)) out->why = "the mean label is every label";
}

static double mean_label(const mmoe_judged_rows *j) {
    const mmoe_label_scale as_it_is = {.unit = 1};
    const mmoe_label_run run = {j->rows, j->labels, j->weights, (size_t)j->label_stride};
    double mean;
    return mmoe_label_mean(&as_it_is, &run, &mean) ? mean : (double)NAN;
}

/* Sums over the rows that have a label; `work`, unless NULL, gets the records that are to be
 * sorted, and their digits' histograms. Returns how many. */
static size_t take_rows(const mmoe_judged_rows *j, const mmoe_loss_kind *kind, sums *s,
                        auc_scratch *work) {
    size_t n = 0;
    for (int64_t i = 0; i < j->rows; i++) {
        const float p = j->predictions[i * j->stride], y = j->labels[i * j->label_stride];
        const float w = j->weights ? j->weights[i] : 1.0F;
        if (isnan(y)) continue;
        assert(w >= 0);
        add_row(s, kind, p, y, w);
        if (!work) continue;
        const uint32_t key = ordered_bits(p);
        work->records[n++] = (record){key, y > 0 ? w : -w};
        for (int d = 0; d < DIGITS; d++) work->count[d][digit_of(key, d)]++;
    }
    return n;
}

void mmoe_metrics_compute(const mmoe_judged_rows *j, void *scratch, mmoe_task_metrics *out) {
    assert(j->rows >= 0 && j->stride > 0 && j->label_stride > 0 && scratch && out);
    const mmoe_loss_kind *kind = mmoe_loss_kind_of(j->type);
    auc_scratch *work = has_metric(kind, MMOE_METRIC_AREA) ? scratch : NULL;
    sums s = {.constant = j->constant ? *j->constant : mean_label(j)};
    if (work) memset(work->count, 0, sizeof work->count);
    const size_t n = take_rows(j, kind, &s, work);
    double area = (double)NAN;
    if (work && s.nans == 0 && has_both_classes(&s)) {
        const record *sorted = sort_records(work->records, work->records + j->rows, n, work->count);
        area = j->weights ? auc_of_weights(sorted, n) : auc_of_counts(sorted, n);
    }
    *out = (mmoe_task_metrics){
        .name = out->name, .type = j->type, .rows = s.rows, .constant_is_of_rows = !j->constant};
    set_figures(&s, kind, area, out);
}

const mmoe_metric *mmoe_metric_at(int type, size_t index) {
    const mmoe_metric_kind *metric = mmoe_loss_metric(type, index);
    return metric ? &metric->doc : NULL;
}

const mmoe_baseline *mmoe_baseline_of(int type) {
    const bool is_type = type >= 0 && type < MMOE_TASK_TYPE_COUNT;
    return is_type ? &mmoe_loss_kind_of((mmoe_task_type)type)->baseline->doc : NULL;
}
