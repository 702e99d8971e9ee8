/* Labels are numbers, the score is the logit, the loss its squared error. */
#include "base/text.h"
#include "loss/loss.h"

static void squared_errors(const mmoe_loss_rows *r) {
    for (int32_t i = 0; i < r->n; i++) {
        const float d = r->z[i] - r->y[i];
        r->loss[i] = d * d;
        r->dz[i] = 2 * d;
    }
}

static double half_square(double z, double *mean, double *variance) {
    *mean = z;
    *variance = 1;
    return z * z / 2;
}

static double mean_itself(double mean) { return mean; }

const mmoe_loss_kind mmoe_loss_regression = {
    .fault = mmoe_number_fault,
    .run = squared_errors,
    .cumulant = half_square,
    .bias = mean_itself,
    .is_scaled = true,
    .metrics = {&mmoe_metric_mse, &mmoe_metric_rmse, &mmoe_metric_mae, &mmoe_metric_calibration},
    .baseline = &mmoe_baseline_rmse};
