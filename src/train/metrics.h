/* Metrics of one task over predictions in memory. */
#ifndef MMOE_TRAIN_METRICS_H
#define MMOE_TRAIN_METRICS_H

#include "base/alloc.h"
#include "mmoe/train.h"

/* Bytes of scratch that mmoe_metrics_compute wants for `rows` rows. */
size_t mmoe_metrics_scratch(int64_t rows);

/* Fills the figures of `out` (but for `name`): predictions [rows, stride], element 0 of each row, a
 * probability for classification; labels [rows, label_stride] alike, NaN: left out; weights [rows]
 * or NULL. Sums in double, in row order. AUC: weighted Mann-Whitney, ties count half, exact, by a
 * radix sort of the predictions. Log-loss as PyTorch's BCELoss: logarithms clamped at -100. No
 * label at all: every figure NaN, why "no labels" (or "weights sum to zero"); one class only: AUC
 * NaN, why "one class only"; calibration without a positive sum of labels: NaN, with a why of its
 * own unless AUC has one. A prediction that is NaN makes every figure NaN. Rows of weight 0 count
 * in `rows` alone. `scratch`: mmoe_metrics_scratch(rows) bytes, aligned to 8. Allocates nothing;
 * thread-safe. */
void mmoe_metrics_compute(mmoe_task_type type, int64_t rows, const float *predictions,
                          int64_t stride, const float *labels, int64_t label_stride,
                          const float *weights, void *scratch, mmoe_task_metrics *out);

#endif
