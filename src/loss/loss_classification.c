/* Labels 0 and 1, the cross-entropy of a probability given by its logit, plain or shaped. */
#include <math.h>

#include "loss/loss.h"

static const char *class_fault(double label) {
    return label == 0 || label == 1 ? NULL : "is neither 0 nor 1";
}

static void cross_entropies(const mmoe_loss_rows *r) {
    if (mmoe_loss_is_plain(r->shape))
        r->kernels->bce(r->n, r->z, r->y, r->loss, r->dz);
    else
        r->kernels->shaped_bce(r->shape, r->n, r->z, r->y, r->loss, r->dz);
}

static void probabilities(const mmoe_kernels *kernels, int32_t n, const float *z, float *p) {
    kernels->sigmoid(n, z, p);
}

/* log(1 + e^z) */
static double softplus(double z, double *mean, double *variance) {
    const double small = exp(-fabs(z));
    *mean = (z < 0 ? small : 1) / (1 + small);
    *variance = small / ((1 + small) * (1 + small));
    return fmax(z, 0) + log1p(small);
}

static double log_odds(double mean) { return log(mean) - log1p(-mean); }

const mmoe_loss_kind mmoe_loss_classification = {.fault = class_fault,
                                                 .run = cross_entropies,
                                                 .link = probabilities,
                                                 .onnx = "Sigmoid",
                                                 .cumulant = softplus,
                                                 .bias = log_odds,
                                                 .draws_bias = true,
                                                 .is_probability = true,
                                                 .is_shaped = true,
                                                 .metrics = {&mmoe_metric_auc, &mmoe_metric_logloss,
                                                             &mmoe_metric_gauc, &mmoe_metric_ece,
                                                             &mmoe_metric_calibration},
                                                 .baseline = &mmoe_baseline_logloss};
