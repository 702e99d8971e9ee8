/* Metrics of one task over predictions in memory. */
#ifndef MMOE_TRAIN_METRICS_H
#define MMOE_TRAIN_METRICS_H

#include "train/judged_rows.h"

/* Bytes of scratch that mmoe_metrics_compute wants for `rows` rows. */
size_t mmoe_metrics_scratch(int64_t rows);

/* Fills the figures of `out`, but for `name`. Sums in double, in row order. AUC: weighted
 * Mann-Whitney, ties count half, exact. Log-loss as PyTorch's BCELoss: logarithms clamped at -100.
 * ECE: mmoe_ranking_calibration_error. Group AUC: mmoe_group_area; NaN without groups. No label at
 * all: every figure NaN, why "no labels" (or "weights sum to zero"); one class only: AUC NaN, why
 * "one class only"; calibration without a positive sum of labels: NaN, with a why of its own unless
 * AUC has one, and so the AUC of groups that have one class each. A prediction that is NaN makes
 * every figure NaN, but for the constant's. Rows of weight 0 count in `rows`, and as rows of groups
 * and of ECE's tenths, alone. `scratch`: mmoe_metrics_scratch(rows) bytes, aligned to 8. Allocates
 * nothing; thread-safe. */
void mmoe_metrics_compute(const mmoe_judged_rows *judged, void *scratch, mmoe_task_metrics *out);

#endif
