/* AUC and calibration of probabilities in bins, in memory that does not grow with the rows: a
 * prediction counts as tied with those of its bin. */
#ifndef MMOE_TRAIN_SCORE_BINS_H
#define MMOE_TRAIN_SCORE_BINS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

/* Each octave of 2^-32 to 1 has 2^15 bins of one width, so small rates are told apart as well as
 * large ones; what is below has the first bin. */
enum { MMOE_SCORE_BINS = 1 << 20, MMOE_SCORE_OCTAVES = 32, MMOE_OCTAVE_BITS = 15 };

static inline int32_t mmoe_score_bin(float probability) {
    enum { ONE = 127 << MMOE_OCTAVE_BITS, MANTISSA = 23 };
    int32_t bits;
    probability += 0.0F;
    memcpy(&bits, &probability, sizeof bits);
    const int32_t bin =
        (bits >> (MANTISSA - MMOE_OCTAVE_BITS)) - (ONE - (MMOE_SCORE_OCTAVES << MMOE_OCTAVE_BITS));
    if (bin < 0) return 0;
    return bin < MMOE_SCORE_BINS ? bin : MMOE_SCORE_BINS - 1;
}

/* Weights by class: a positive label or not. */
typedef struct mmoe_score_bin_sum {
    double weight[2];
} mmoe_score_bin_sum;

/* Of `count` bins: the area when ties, which pairs of a bin count as, count half; NaN unless both
 * classes have weight. *bound: the exact one is no further off, half of the pairs that share a bin.
 */
double mmoe_score_bins_area(const mmoe_score_bin_sum *bins, int32_t count, double *bound);

#endif
