#include "binned_auc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 14, POWERS = 64, BINS = POWERS << DIGITS }; /* of the bin's lower end, in binary */

bool binned_auc_make(binned_auc *out) {
    out->rows = calloc(BINS, sizeof *out->rows);
    return out->rows;
}

void binned_auc_free(binned_auc *auc) { free(auc->rows); }

/* The leading bits of a double: its power of two and the digits behind it. */
static int64_t leading_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (int64_t)(bits >> (52 - DIGITS));
}

uint32_t binned_auc_place(double probability, bool label) {
    int64_t bin = leading_bits(probability) - leading_bits(ldexp(1, -POWERS));
    if (bin < 0) bin = 0;
    if (bin >= BINS) bin = BINS - 1;
    return 2 * (uint32_t)bin + label;
}

void binned_auc_add(binned_auc *auc, uint32_t place) { auc->rows[place / 2][place % 2]++; }

static void count(const binned_auc *auc, double *negatives, double *positives) {
    *negatives = *positives = 0;
    for (int b = 0; b < BINS; b++) {
        *negatives += (double)auc->rows[b][0];
        *positives += (double)auc->rows[b][1];
    }
}

double binned_auc_read(const binned_auc *auc) {
    double won = 0, below = 0, negatives, positives;
    count(auc, &negatives, &positives);
    for (int b = 0; b < BINS; b++) {
        won += (double)auc->rows[b][1] * (below + (double)auc->rows[b][0] / 2);
        below += (double)auc->rows[b][0];
    }
    return negatives > 0 && positives > 0 ? won / (negatives * positives) : (double)NAN;
}

double binned_auc_rate(const binned_auc *auc) {
    double negatives, positives;
    count(auc, &negatives, &positives);
    return positives / (negatives + positives);
}
