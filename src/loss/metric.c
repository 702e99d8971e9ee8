#include "loss/metric.h"

#include <math.h>

/* Logarithms are clamped as PyTorch's BCELoss has it. */
static void cross_entropies(size_t n, const double *w, const double *p, const double *y,
                            double *part) {
    for (size_t i = 0; i < n; i++) {
        const double of_class[] = {1 - p[i], p[i]}; /* without a branch, which is often missed */
        part[i] = log(of_class[y[i] > 0]);
    }
    for (size_t i = 0; i < n; i++) part[i] = -(w[i] * (part[i] < -100 ? -100 : part[i]));
}

static void squares(size_t n, const double *w, const double *p, const double *y, double *part) {
    for (size_t i = 0; i < n; i++) part[i] = w[i] * (p[i] - y[i]) * (p[i] - y[i]);
}

static void absolutes(size_t n, const double *w, const double *p, const double *y, double *part) {
    for (size_t i = 0; i < n; i++) part[i] = w[i] * fabs(p[i] - y[i]);
}

const mmoe_metric_kind mmoe_metric_auc = {
    .doc = {"auc", "AUC", "quality of the predictions' order", 1}, .how = MMOE_METRIC_AREA};
const mmoe_metric_kind mmoe_metric_logloss = {.doc = {"logloss", "log-loss", "log-loss", -1},
                                              .rows = cross_entropies};
const mmoe_metric_kind mmoe_metric_mse = {.doc = {"mse", "MSE", "squared error", -1},
                                          .rows = squares};
const mmoe_metric_kind mmoe_metric_rmse = {
    .doc = {"rmse", "RMSE", "root of the mean squared error", -1},
    .rows = squares,
    .of_mean = sqrt};
const mmoe_metric_kind mmoe_metric_mae = {.doc = {"mae", "MAE", "mean absolute error", -1},
                                          .rows = absolutes};
const mmoe_metric_kind mmoe_metric_calibration = {
    .doc = {"calibration", "calibration", "sum of the predictions over the sum of the labels", 0},
    .how = MMOE_METRIC_RATIO};

const mmoe_metric_kind mmoe_metric_gauc = {
    .doc = {"gauc", "group AUC", "quality of the predictions' order within groups", 1,
            .of_groups = 1},
    .how = MMOE_METRIC_GROUP_AREA};
const mmoe_metric_kind mmoe_metric_ece = {
    .doc = {"ece", "ECE", "distance of predictions and labels in tenths of the rows", -1},
    .how = MMOE_METRIC_BINS};

const mmoe_metric_kind mmoe_metric_relative = {
    .doc = {"relative", "relative loss", "loss in that of always predicting the mean label", -1},
    .how = MMOE_METRIC_RELATIVE};

static double share_left(double model, double constant) { return model / constant; }

double mmoe_share_explained(double model, double constant) { return 1 - model / constant; }

static double explained_of_roots(double model, double constant) {
    const double root = model / constant;
    return 1 - root * root;
}

static const mmoe_metric_kind normalised_entropy = {
    .doc = {"ne", "normalised entropy", "log-loss in that of the base rate", -1},
    .how = MMOE_METRIC_COMPARISON};
static const mmoe_metric_kind r_squared = {
    .doc = {"r2", "R2", "part of the labels' variance that is explained", 1},
    .how = MMOE_METRIC_COMPARISON};

/* Normalised entropy: He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook",
 * 2014. */
const mmoe_baseline_kind mmoe_baseline_logloss = {
    .doc = {"logloss", "base_logloss", "log-loss of the base rate", "ne", "normalised entropy", -1,
            "log-loss / log-loss of the base rate; below 1 it is better than no model"},
    .metric = &mmoe_metric_logloss,
    .relative = share_left,
    .comparison = &normalised_entropy};
const mmoe_baseline_kind mmoe_baseline_rmse = {
    .doc = {"rmse", "base_rmse", "RMSE of the mean", "r2", "R2", 1,
            "1 - (RMSE / RMSE of the mean)^2; above 0 it is better than no model"},
    .metric = &mmoe_metric_rmse,
    .relative = explained_of_roots,
    .comparison = &r_squared};
