/* Labels are counts or rates, the logit the logarithm of their mean mu; the loss is the negative
 * log-likelihood of Poisson's distribution less what a perfect mean would have: mu - y + y log(y /
 * mu), half the deviance (McCullagh and Nelder, Generalized Linear Models, 1989). It is never below
 * 0, and its slope in the logit is mu - y. */
#include <math.h>

#include "base/text.h"
#include "loss/loss.h"

static const char *count_fault(double label) {
    return label < 0 ? "is less than 0" : mmoe_number_fault(label);
}

static void half_deviances(const mmoe_loss_rows *r) {
    for (int32_t i = 0; i < r->n; i++) {
        const double z = (double)r->z[i], y = (double)r->y[i], mu = exp(z);
        const double loss = mu - y + (y > 0 ? y * (log(y) - z) : 0);
        r->loss[i] = (float)fmax(0, loss);
        r->dz[i] = (float)(mu - y);
    }
}

static void means(const mmoe_kernels *kernels, int32_t n, const float *z, float *mu) {
    (void)kernels;
    for (int32_t i = 0; i < n; i++) mu[i] = expf(z[i]);
}

static double exponential(double z, double *mean, double *variance) {
    return *mean = *variance = exp(z);
}

/* 2 (mu - y + y log(y / mu)). */
static void deviances(size_t n, const double *w, const double *mu, const double *y, double *part) {
    for (size_t i = 0; i < n; i++)
        part[i] = w[i] * 2 * (mu[i] - y[i] + (y[i] > 0 ? y[i] * log(y[i] / mu[i]) : 0));
}

static const mmoe_metric_kind deviance = {.doc = {"deviance", "deviance", "mean deviance", -1},
                                          .rows = deviances};

static const mmoe_metric_kind explained = {
    .doc = {"d2", "D2", "part of the mean's deviance that is explained", 1},
    .how = MMOE_METRIC_COMPARISON};

/* Cameron and Windmeijer, 1996. */
static const mmoe_baseline_kind baseline = {
    .doc = {"deviance", "base_deviance", "deviance of the mean", "d2", "D2", 1,
            "1 - deviance / deviance of the mean; above 0 it is better than no model"},
    .metric = &deviance,
    .relative = mmoe_share_explained,
    .comparison = &explained};

const mmoe_loss_kind mmoe_loss_poisson = {
    .fault = count_fault,
    .run = half_deviances,
    .link = means,
    .onnx = "Exp",
    .cumulant = exponential,
    .bias = log,
    .metrics = {&deviance, &mmoe_metric_rmse, &mmoe_metric_mae, &mmoe_metric_calibration},
    .baseline = &baseline};
