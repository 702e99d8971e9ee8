/* Metrics of one task over predictions in memory. */
#ifndef MMOE_TRAIN_METRICS_H
#define MMOE_TRAIN_METRICS_H

#include "base/alloc.h"
#include "mmoe/train.h"

/* Bytes of scratch that mmoe_metrics_compute wants for `rows` rows. */
size_t mmoe_metrics_scratch(int64_t rows);

/* A task's rows: element 0 of each row of the two matrices is the task's. */
typedef struct mmoe_judged_rows {
    mmoe_task_type type;
    int64_t rows;
    const float *predictions; /* [rows, stride]; a probability for classification */
    const float *labels;      /* [rows, label_stride]; NaN: left out */
    const float *weights;     /* [rows]; NULL: all 1 */
    int64_t stride, label_stride;
    const double *constant; /* what is predicted without a model; NULL: the mean of these labels */
} mmoe_judged_rows;

/* Fills the figures of `out`, but for `name`. Sums in double, in row order. AUC: weighted
 * Mann-Whitney, ties count half, exact, by a radix sort of the predictions. Log-loss as PyTorch's
 * BCELoss: logarithms clamped at -100. No label at all: every figure NaN, why "no labels" (or
 * "weights sum to zero"); one class only: AUC NaN, why "one class only"; calibration without a
 * positive sum of labels: NaN, with a why of its own unless AUC has one. A prediction that is NaN
 * makes every figure NaN, but for the constant's. Rows of weight 0 count in `rows` alone.
 * `scratch`: mmoe_metrics_scratch(rows) bytes, aligned to 8. Allocates nothing; thread-safe. */
void mmoe_metrics_compute(const mmoe_judged_rows *judged, void *scratch, mmoe_task_metrics *out);

#endif
