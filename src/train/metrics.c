#include "train/metrics.h"

#include <assert.h>
#include <math.h>
#include <string.h>

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

/* What a task's figures are made of; `weight[1]` is that of the rows with a positive label. */
typedef struct sums {
    int64_t rows, nans;
    double weight[2], logloss, square, absolute, prediction, label;
} sums;

static inline double clamped_log(double x) {
    const double l = log(x);
    return l < -100 ? -100 : l;
}

static void add_row(sums *s, mmoe_task_type type, float prediction, float label, float weight) {
    const double p = (double)prediction, y = (double)label, w = (double)weight;
    s->rows++;
    s->nans += isnan(prediction) != 0;
    s->weight[label > 0] += w;
    s->prediction += w * p;
    s->label += w * y;
    if (type == MMOE_CLASSIFICATION) {
        s->logloss -= w * clamped_log(label > 0 ? p : 1 - p);
    } else {
        s->square += w * (p - y) * (p - y);
        s->absolute += w * fabs(p - y);
    }
}

static void set_figures(const sums *s, mmoe_task_type type, mmoe_task_metrics *out) {
    const double total = s->weight[0] + s->weight[1];
    if (!(total > 0)) {
        out->why = s->rows > 0 ? "weights sum to zero" : "no labels";
        return;
    }
    if (type == MMOE_CLASSIFICATION) {
        out->logloss = s->logloss / total;
    } else {
        out->mse = s->square / total;
        out->rmse = sqrt(out->mse);
        out->mae = s->absolute / total;
    }
    if (s->label > 0) out->calibration = s->prediction / s->label;
    if (s->nans > 0)
        out->why = "a prediction is not a number";
    else if (type == MMOE_CLASSIFICATION && !(s->weight[0] > 0 && s->weight[1] > 0))
        out->why = "one class only";
    else if (!(s->label > 0))
        out->why = "no positive sum of labels";
}

void mmoe_metrics_compute(mmoe_task_type type, int64_t rows, const float *predictions,
                          int64_t stride, const float *labels, int64_t label_stride,
                          const float *weights, void *scratch, mmoe_task_metrics *out) {
    assert(rows >= 0 && stride > 0 && label_stride > 0 && scratch && out);
    auc_scratch *work = scratch;
    sums s = {0};
    size_t n = 0;
    const int sorting = type == MMOE_CLASSIFICATION;
    if (sorting) memset(work->count, 0, sizeof work->count);
    for (int64_t i = 0; i < rows; i++) {
        const float p = predictions[i * stride], y = labels[i * label_stride],
                    w = weights ? weights[i] : 1.0F;
        if (isnan(y)) continue;
        assert(w >= 0);
        add_row(&s, type, p, y, w);
        if (!sorting) continue;
        const uint32_t key = ordered_bits(p);
        work->records[n++] = (record){key, y > 0 ? w : -w};
        for (int d = 0; d < DIGITS; d++) work->count[d][digit_of(key, d)]++;
    }

    const double none = (double)NAN;
    *out = (mmoe_task_metrics){out->name, type, s.rows, none, none, none, none, none, none, NULL};
    set_figures(&s, type, out);
    if (!sorting || s.nans > 0 || !(s.weight[0] > 0 && s.weight[1] > 0)) return;
    const record *sorted = sort_records(work->records, work->records + rows, n, work->count);
    out->auc = weights ? auc_of_weights(sorted, n) : auc_of_counts(sorted, n);
}
