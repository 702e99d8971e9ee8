#include "train/ranking.h"

#include <assert.h>
#include <math.h>

enum {
    DIGIT_BITS = 11,
    DIGITS = 3,
    BUCKETS = 1 << DIGIT_BITS,
    FEW = 2048 /* rows that are merged: histograms would take longer */
};

/* The histograms, then two arrays of `rows`. */
typedef struct ranking_scratch {
    size_t histograms[DIGITS * BUCKETS];
    mmoe_scored rows[];
} ranking_scratch;

size_t mmoe_ranking_scratch(int64_t rows) {
    assert(rows >= 0);
    return sizeof(ranking_scratch) + 2 * (size_t)rows * sizeof(mmoe_scored);
}

mmoe_ranking mmoe_ranking_begin(void *scratch, int64_t rows, bool is_weighed) {
    ranking_scratch *s = scratch;
    return (mmoe_ranking){s->rows, s->rows + rows, 0, s->histograms, is_weighed};
}

/* ---- Sorting ---- */

static void swap_arrays(mmoe_ranking *o) {
    mmoe_scored *rows = o->rows;
    o->rows = o->spare;
    o->spare = rows;
}

static inline uint32_t digit_of(uint32_t key, int digit) {
    return key >> (digit * DIGIT_BITS) & (BUCKETS - 1);
}

static void count_digits(const mmoe_ranking *o) {
    memset(o->histograms, 0, sizeof(size_t) * DIGITS * BUCKETS);
    for (size_t i = 0; i < o->n; i++)
        for (int d = 0; d < DIGITS; d++) o->histograms[d * BUCKETS + digit_of(o->rows[i].key, d)]++;
}

/* Stable, least significant digit first. */
static void sort_by_digits(mmoe_ranking *o) {
    count_digits(o);
    for (int d = 0; d < DIGITS; d++) {
        size_t *next = o->histograms + d * BUCKETS, start = 0;
        if (next[digit_of(o->rows[0].key, d)] == o->n) continue;
        for (int b = 0; b < BUCKETS; b++) {
            const size_t size = next[b];
            next[b] = start;
            start += size;
        }
        for (size_t i = 0; i < o->n; i++)
            o->spare[next[digit_of(o->rows[i].key, d)]++] = o->rows[i];
        swap_arrays(o);
    }
}

/* Runs [first, middle) and [middle, end) of `from` as one of `to`, stable. */
static void merge(const mmoe_scored *from, mmoe_scored *to, size_t first, size_t middle,
                  size_t end) {
    size_t a = first, b = middle;
    for (size_t i = first; i < end; i++) {
        const bool takes_a = a < middle && (b == end || from[a].key <= from[b].key);
        to[i] = from[takes_a ? a++ : b++];
    }
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static void sort_by_merging(mmoe_ranking *o) {
    for (size_t run = 1; run < o->n; run *= 2) {
        for (size_t first = 0; first < o->n; first += 2 * run)
            merge(o->rows, o->spare, first, least(first + run, o->n), least(first + 2 * run, o->n));
        swap_arrays(o);
    }
}

void mmoe_ranking_sort(mmoe_ranking *o) {
    if (o->n < FEW)
        sort_by_merging(o);
    else
        sort_by_digits(o);
}

/* ---- Area ---- */

/* Twice the Mann-Whitney statistic, so that a tie's half is whole. */
static double area_of_counts(const mmoe_scored *sorted, size_t n) {
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
    if (!positives || !negatives) return (double)NAN;
    return (double)twice / (2.0 * (double)positives * (double)negatives);
}

static double area_of_weights(const mmoe_scored *sorted, size_t n) {
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
    return positives > 0 && negatives > 0 ? area / (positives * negatives) : (double)NAN;
}

double mmoe_ranking_area(const mmoe_ranking *sorted) {
    return sorted->is_weighed ? area_of_weights(sorted->rows, sorted->n)
                              : area_of_counts(sorted->rows, sorted->n);
}

/* ---- Calibration ---- */

/* The prediction that gave a key. */
static double prediction_of(uint32_t key) {
    float value;
    key ^= key >> 31 ? UINT32_C(1) << 31 : UINT32_MAX;
    memcpy(&value, &key, sizeof value);
    return (double)value;
}

double mmoe_ranking_calibration_error(const mmoe_ranking *sorted) {
    const mmoe_scored *rows = sorted->rows;
    const size_t n = sorted->n;
    double sum = 0, weight = 0;
    size_t i = 0;
    for (size_t b = 1; b <= MMOE_RANKING_BINS; b++) {
        const size_t end =
            n / MMOE_RANKING_BINS * b + n % MMOE_RANKING_BINS * b / MMOE_RANKING_BINS;
        double excess = 0; /* of the predictions over the labels, in sum */
        for (; i < end || (i > 0 && i < n && rows[i].key == rows[i - 1].key); i++) {
            const double w = fabs((double)rows[i].weight);
            excess += w * (prediction_of(rows[i].key) - (rows[i].weight > 0));
            weight += w;
        }
        sum += fabs(excess);
    }
    return weight > 0 ? sum / weight : (double)NAN;
}
