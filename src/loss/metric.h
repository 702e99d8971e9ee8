/* The figures that tasks are judged by. What several kinds of task share stands in metric.c; a kind
 * may bring one of its own. */
#ifndef MMOE_LOSS_METRIC_H
#define MMOE_LOSS_METRIC_H

#include "mmoe/train.h"

typedef enum mmoe_metric_how {
    MMOE_METRIC_MEAN,       /* of a figure that each row has */
    MMOE_METRIC_AREA,       /* of the order of predictions whose labels are of two classes */
    MMOE_METRIC_GROUP_AREA, /* the same within groups of rows */
    MMOE_METRIC_BINS,       /* of such predictions, bin by bin */
    MMOE_METRIC_RATIO,      /* of the sum of the predictions and the sum of the labels */
    MMOE_METRIC_RELATIVE,   /* of what a task's baseline compares, in the constant's */
    MMOE_METRIC_COMPARISON  /* as a task's baseline makes it */
} mmoe_metric_how;

enum { MMOE_METRIC_ROWS = 256 };

typedef struct mmoe_metric_kind {
    mmoe_metric doc;
    mmoe_metric_how how;
    /* Rows' parts, each with its weight in it; [n] each, n at most MMOE_METRIC_ROWS. */
    void (*rows)(size_t n, const double *weight, const double *prediction, const double *label,
                 double *part);
    double (*of_mean)(double mean); /* NULL: the mean itself */
} mmoe_metric_kind;

/* A model's figure beside that of one constant for all rows, the mean of the labels: the best that
 * can be predicted without looking at a row. */
typedef struct mmoe_baseline_kind {
    mmoe_baseline doc;
    const mmoe_metric_kind *metric; /* what is compared: a mean of a figure that each row has */
    double (*relative)(double model, double constant);
    const mmoe_metric_kind *comparison; /* the ratio of `doc` as what early stopping may watch */
} mmoe_baseline_kind;

extern const mmoe_baseline_kind mmoe_baseline_logloss, mmoe_baseline_rmse;

/* Of no type, but to be watched of all: 1 is a model that is as good as none, whatever the type and
 * the scale of the labels. */
extern const mmoe_metric_kind mmoe_metric_relative;

/* What of the constant's error the model has not, of 1. */
double mmoe_share_explained(double model, double constant);

extern const mmoe_metric_kind mmoe_metric_auc, mmoe_metric_logloss, mmoe_metric_mse,
    mmoe_metric_rmse, mmoe_metric_mae, mmoe_metric_calibration, mmoe_metric_gauc, mmoe_metric_ece;

#endif
