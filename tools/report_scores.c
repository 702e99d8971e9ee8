#include "report_scores.h"

#include <stdlib.h>

/* A float's order, and for the same figures from the same rows in whatever order they stood: all of
 * it. */
static int compare_scores(const void *a, const void *b) {
    const report_score *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return x->weight < y->weight ? -1 : x->weight > y->weight;
}

void cli_scores_sort(report_score *scores, size_t count) {
    qsort(scores, count, sizeof *scores, compare_scores);
}

size_t cli_scores_roc(const report_score *scores, size_t count, double *negatives,
                      double *positives, double *area) {
    double all[2] = {0}, above[2] = {0};
    for (size_t i = 0; i < count; i++) all[scores[i].label > 0] += (double)scores[i].weight;
    *area = 0;
    if (!(all[0] > 0 && all[1] > 0)) return 0;
    size_t points = 1;
    negatives[0] = positives[0] = 0;
    /* The curve is at most 2 long, so points this far apart are at most REPORT_ROC_POINTS. */
    const double apart = 2.0 / (REPORT_ROC_POINTS - 3);
    for (size_t i = count; i > 0;) {
        const double x = above[0] / all[0], y = above[1] / all[1];
        const float score = scores[i - 1].score;
        for (; i > 0 && scores[i - 1].score == score; i--)
            above[scores[i - 1].label > 0] += (double)scores[i - 1].weight;
        const double next_x = above[0] / all[0], next_y = above[1] / all[1];
        *area += (next_x - x) * (next_y + y) / 2;
        if (i > 0 && next_x - negatives[points - 1] + next_y - positives[points - 1] < apart)
            continue;
        negatives[points] = i > 0 ? next_x : 1;
        positives[points++] = i > 0 ? next_y : 1;
    }
    return points;
}

static int compare_labels(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static report_bin measure_scores(const report_score *scores, size_t count, float *labels) {
    report_bin bin = {.rows = count, .highest = (double)scores[count - 1].score};
    for (size_t i = 0; i < count; i++) {
        const double weight = (double)scores[i].weight;
        bin.weight += weight;
        bin.score += weight * (double)scores[i].score;
        bin.label += weight * (double)scores[i].label;
        labels[i] = scores[i].label;
    }
    if (bin.weight > 0) {
        bin.score /= bin.weight;
        bin.label /= bin.weight;
    }
    qsort(labels, count, sizeof *labels, compare_labels);
    bin.low_quarter = (double)labels[(count - 1) / 4];
    bin.high_quarter = (double)labels[(count - 1) - (count - 1) / 4];
    return bin;
}

size_t cli_scores_bins(const report_score *scores, size_t count, report_bin *bins) {
    size_t first = 0, n = 0;
    float *labels = count ? malloc(count * sizeof *labels) : NULL;
    if (!labels) return 0;
    for (size_t b = 1; b <= REPORT_BINS && first < count; b++) {
        size_t end = b == REPORT_BINS
                         ? count
                         : count / REPORT_BINS * b + count % REPORT_BINS * b / REPORT_BINS;
        while (end > first && end < count && scores[end].score == scores[end - 1].score) end++;
        if (end <= first) continue;
        bins[n++] = measure_scores(scores + first, end - first, labels);
        first = end;
    }
    free(labels);
    return n;
}
