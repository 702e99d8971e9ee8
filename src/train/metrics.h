/* Figures of one task, of what is summed over rows and of the order of their predictions. */
#ifndef MMOE_TRAIN_METRICS_H
#define MMOE_TRAIN_METRICS_H

#include "loss/loss.h"
#include "train/group_area.h"

/* What is summed over the rows that have a label, in their order. */
typedef struct mmoe_metric_sums {
    int64_t rows, nans;
    double weight[2]; /* by class: of the rows with a positive label, and of the others */
    double prediction, label, part[MMOE_MAX_METRICS]; /* part: of each metric that is a mean */
    double constant, base; /* what is predicted without a model, and the sum of its figure */
    struct {
        bool is_known;
        double weight, label, figure; /* figure: the constant's */
    } last[2]; /* rows by class: most have the label and weight of the one before */
} mmoe_metric_sums;

/* Rows of a batch. Element 0 of each row of the two matrices is the task's. */
typedef struct mmoe_judged_rows {
    int64_t rows;
    const float *predictions; /* [rows, stride]; a probability for classification */
    const float *labels;      /* [rows, stride]; NaN: left out */
    int64_t stride;
    const float *weights;  /* [rows]; NULL: all 1 */
    const int32_t *groups; /* [rows] 0: none */
    const int32_t *parts;  /* [rows] -1: of none; NULL: all are of part 0 */
} mmoe_judged_rows;

/* Adds each row to the sums of its part, of sums [parts]. Their `constant` must be set before the
 * first row. */
void mmoe_metric_sums_add(mmoe_metric_sums *sums, const mmoe_loss_kind *kind,
                          const mmoe_judged_rows *rows);

/* What the order of the predictions says; NaN: undefined. */
typedef struct mmoe_order_figures {
    double area, area_bound; /* the exact area is no further off */
    double calibration_error, group_area;
    mmoe_group_counts groups;
} mmoe_order_figures;

bool mmoe_metrics_rank(const mmoe_loss_kind *kind); /* does a figure need the order? */

/* Fills the figures of `out`, but for `name`. Log-loss as PyTorch's BCELoss: logarithms clamped at
 * -100. No label at all: every figure NaN, why "no labels" (or "weights sum to zero"); one class
 * only: AUC NaN, why "one class only"; calibration without a positive sum of labels: NaN, with a
 * why of its own unless AUC has one, and so the AUC of groups that have one class each. A
 * prediction that is NaN makes every figure NaN, but for the constant's. Rows of weight 0 count in
 * `rows`, and as rows of groups and of ECE's tenths, alone. `group`: the groups' column; NULL:
 * there are none. */
void mmoe_metrics_set(mmoe_task_type type, const mmoe_metric_sums *sums,
                      const mmoe_order_figures *order, const char *group, mmoe_task_metrics *out);

#endif
