/* Predictions of one task beside its labels: ROC curve and bins of a calibration curve. */
#ifndef MMOE_TOOLS_REPORT_SCORES_H
#define MMOE_TOOLS_REPORT_SCORES_H

#include <stddef.h>

typedef struct report_score {
    float score, label, weight;
} report_score;

/* Rows of equal or neighbouring scores. Means are weighted, quartiles are not. */
typedef struct report_bin {
    size_t rows;
    double highest;      /* score */
    double score, label; /* means; 0 where the weights sum to 0 */
    double weight;
    double low_quarter, high_quarter; /* of the labels */
} report_bin;

enum { REPORT_BINS = 10, REPORT_ROC_POINTS = 256 };

/* By score, the lowest first. */
void cli_scores_sort(report_score *scores, size_t count);
/* Of sorted scores, labels 0 and 1: shares of the negatives and positives above each threshold,
 * from (0, 0) to (1, 1), neighbours left out so that there are at most REPORT_ROC_POINTS. The
 * number of points; 0: only one class has weight. `area` is that of all points. */
size_t cli_scores_roc(const report_score *scores, size_t count, double *negatives,
                      double *positives, double *area);
/* Tenths of the sorted rows, equal scores together, so bins may be fewer; their number. */
size_t cli_scores_bins(const report_score *scores, size_t count, report_bin *bins);

#endif
