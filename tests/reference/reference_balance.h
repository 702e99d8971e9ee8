/* How a step weighs the tasks against each other, in double precision: state and one step of every
 * method. See reference.h.
 *
 * L_t is a task's weighted loss, D what their sum is divided by (reference_divisor). A balanced
 * step goes down sum_t factors[t] / D L_t. Tasks without a label in the batch are absent: they
 * enter no formula, their state stays as it is, their factor is 1. */
#ifndef REFERENCE_BALANCE_H
#define REFERENCE_BALANCE_H

#include "reference_weights.h"

typedef enum reference_method {
    REFERENCE_PLAIN,
    REFERENCE_UWL,         /* Kendall, Gal and Cipolla 2018, as torch-rechub writes it */
    REFERENCE_DWA,         /* Liu, Johns and Davison 2019 */
    REFERENCE_RLW,         /* Lin et al. 2022 */
    REFERENCE_GRADNORM,    /* Chen et al. 2018 */
    REFERENCE_METABALANCE, /* He et al. 2022 */
    REFERENCE_PCGRAD,
    REFERENCE_CAGRAD,
    REFERENCE_MGDA,
    REFERENCE_ALIGNED_MTL,
    REFERENCE_FAMO, /* Liu et al. 2023 */
    REFERENCE_METHODS
} reference_method;

extern const char *const reference_method_names[REFERENCE_METHODS];

typedef struct reference_balance_spec {
    reference_method method;
    bool at_parameters; /* of methods that look at gradients: not at the shared representation */
    bool clamp;
    bool normalize;
    double temperature, alpha, lr, beta, relax_factor, c, gamma;
} reference_balance_spec;

/* What the library's keys are by default. */
reference_balance_spec reference_balance_default(reference_method method);
bool reference_balance_sees_gradients(reference_method method);

typedef struct reference_balance {
    reference_balance_spec spec;
    reference_model *model;
    int step;
    double drawn[REFERENCE_MAX_TASKS]; /* rlw: the caller's, T softmax(N(0, 1)) over the tasks that
                                          are present */

    /* Of the last step. */
    bool present[REFERENCE_MAX_TASKS];
    double losses[REFERENCE_MAX_TASKS];  /* L_t */
    double factors[REFERENCE_MAX_TASKS]; /* metabalance at parameters: the mean over tensors */
    double *tensor_factors[REFERENCE_MAX_TASKS]; /* metabalance at parameters: of each tensor, those
                                                    that are not shared 1 */
    double norms[REFERENCE_MAX_TASKS];           /* |g_t| */
    reference_gram gram;                         /* of present tasks' gradients, in their order */
    double *gradient[REFERENCE_MAX_TASKS];       /* g_t of all tensors, one behind the other */

    /* State. */
    double first_loss[REFERENCE_MAX_TASKS]; /* L_t(0); 0: not seen yet */
    double weight[REFERENCE_MAX_TASKS];     /* uwl: w; gradnorm: log a; famo: xi */
    double moment1[REFERENCE_MAX_TASKS], moment2[REFERENCE_MAX_TASKS];
    int updates[REFERENCE_MAX_TASKS];        /* of weight */
    double *mean_norms[REFERENCE_MAX_TASKS]; /* metabalance: a block each */
    double epoch_loss[REFERENCE_MAX_TASKS][2],
        epoch_sum[REFERENCE_MAX_TASKS]; /* dwa: of the last two epochs; of this one */
    int epoch, epoch_steps[REFERENCE_MAX_TASKS];
} reference_balance;

void reference_balance_init(reference_balance *b, const reference_balance_spec *spec,
                            reference_model *model);
void reference_balance_finish(reference_balance *b);

/* A forward pass in training mode, and the balanced gradient of every tensor; losses [T] are not
 * weighted, may be NULL. */
void reference_balance_gradient(reference_balance *b, const reference_batch *batch, double *losses);
/* Moves the method's state, after the model's update; `optimizer` is the model's. */
void reference_balance_update(reference_balance *b, const reference_batch *batch,
                              const reference_optimizer *optimizer);
void reference_balance_end_epoch(reference_balance *b);

/* The slope of the method's own objective by `weight`, of the last step, which
 * reference_balance_update follows. */
void reference_balance_slope(reference_balance *b, const reference_batch *batch, double *slope);

#endif
