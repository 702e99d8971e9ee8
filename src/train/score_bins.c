#include "train/score_bins.h"

#include <math.h>

double mmoe_score_bins_area(const mmoe_score_bin_sum *bins, int32_t count, double *bound) {
    double area = 0, shared = 0, positives = 0, negatives = 0;
    for (int32_t b = 0; b < count; b++) {
        const double *w = bins[b].weight;
        area += w[1] * (negatives + 0.5 * w[0]);
        shared += 0.5 * w[1] * w[0];
        positives += w[1];
        negatives += w[0];
    }
    const double pairs = positives * negatives;
    *bound = pairs > 0 ? shared / pairs : 0;
    return pairs > 0 ? area / pairs : (double)NAN;
}
