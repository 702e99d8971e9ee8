/* What labels become before their loss sees them, and scores come back from. */
#ifndef MMOE_LOSS_LABEL_SCALE_H
#define MMOE_LOSS_LABEL_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/words.h"

#define MMOE_LABEL_TRANSFORMS(X)                                                                   \
    X(MMOE_LABEL_NONE, none)                                                                       \
    X(MMOE_LABEL_STANDARDIZE, standardize)                                                         \
    X(MMOE_LABEL_LOG1P, log1p)
typedef enum mmoe_label_transform { MMOE_LABEL_TRANSFORMS(MMOE_ENUMERATOR) } mmoe_label_transform;

/* standardize: (y - shift) / unit; log1p: log(1 + y). */
typedef struct mmoe_label_scale {
    mmoe_label_transform transform;
    double shift, unit; /* fitted; unit > 0 */
} mmoe_label_scale;

/* Labels [rows], `stride` apart, NaN: missing; `weights` [rows] or NULL: all 1. */
typedef struct mmoe_label_run {
    int64_t rows;
    const float *labels, *weights;
    size_t stride;
} mmoe_label_run;

/* Why a label has no such transform, "is not above -1, as log1p needs"; NULL: it has. */
const char *mmoe_label_scale_fault(mmoe_label_transform transform, double label);
/* The mean of the transformed labels; false: none weighs anything. */
bool mmoe_label_mean(const mmoe_label_scale *s, const mmoe_label_run *run, double *out);

/* Fits a scale to labels that come in runs, all of them in each of its passes; begins as zeros. */
typedef struct mmoe_label_fit {
    double sum, weights; /* of the pass */
} mmoe_label_fit;
/* The last pass is for the mean of the transformed labels. */
int32_t mmoe_label_fit_passes(const mmoe_label_scale *s);
void mmoe_label_fit_see(mmoe_label_fit *fit, const mmoe_label_scale *s, int32_t pass,
                        const mmoe_label_run *run);
/* Ends a pass. They set shift and unit, mean and deviation of the labels, by their weights (labels
 * that are all the same, or none, have the unit 1), and the last one the mean; false: none weighs
 * anything. */
bool mmoe_label_fit_end(mmoe_label_fit *fit, mmoe_label_scale *s, int32_t pass, double *mean);

double mmoe_label_scaled(const mmoe_label_scale *s, double label);
/* What the transform made `n` scores of, in place; none is larger than a float holds. */
void mmoe_label_unscale(const mmoe_label_scale *s, size_t n, float *scores);

#endif
