/* Running a plan: a phase is a loop over chunks, the last one a loop over weight tasks. */
#ifndef MMOE_GRAPH_RUN_H
#define MMOE_GRAPH_RUN_H

#include "graph/plan.h"

/* A plan, and what runs in it. Fails as mmoe_plan_create does. */
mmoe_status mmoe_run_create(const mmoe_plan_request *wanted, mmoe_run **out, mmoe_error *err);
void mmoe_run_free(mmoe_run *run);

/* Packs weights, folds running statistics and biases into scale and shift; after the weights have
 * changed, before predicting. */
void mmoe_run_fold(const mmoe_run *run);
/* Writes predictions [rows, tasks]; any number of rows. */
void mmoe_run_predict(mmoe_run *run, const mmoe_rows *batch, float *predictions);

/* A batch of 1 to max_rows rows to train with, and where each task's mean loss (NaN without labels)
 * and the sum of its rows' weights are written. */
typedef struct mmoe_pass {
    const mmoe_rows *batch;
    uint64_t seed, step;   /* of the random numbers */
    double *loss, *weight; /* [tasks] */
    float *scores; /* [rows, tasks] written by the forward pass; NULL: nobody asks for them */
    bool *told;    /* becomes true where any rank's is; NULL: nothing is told */
} mmoe_pass;

/* Of several ranks, which all call it: rows of tables that are dealt are fetched, and the batch by
 * the numbers that they have then comes back: ids and lists alone, until the next call or step;
 * NULL: no table is dealt. There is room for it (mmoe_plan_admit), and all rows are up to date. */
const mmoe_rows *mmoe_run_fetch(mmoe_run *run, const mmoe_rows *batch);

/* Forward and backward over one batch; gradients go to the sink, running statistics are updated. */
void mmoe_run_train(mmoe_run *run, const mmoe_pass *pass, mmoe_gradient_sink sink, void *context);

/* Factors [tasks] of the tasks' terms in the objective, for the steps to come; NULL: 1 for all. */
void mmoe_run_set_factors(mmoe_run *run, const double *factors);

/* The parts of a step, of a plan that replays; the batch must stay until the last of them. Forward
 * as mmoe_run_train does it, and what it writes. */
void mmoe_run_forward(mmoe_run *run, const mmoe_pass *pass);
/* Backward by the factors as they are now; gradients go to the sink. `shared` [rows, shared
 * columns], of a plan that probes, takes the place of the gradient at the shared representation;
 * NULL: none does. */
void mmoe_run_backward(mmoe_run *run, const float *shared, mmoe_gradient_sink sink, void *context);
/* Writes the gradient at the shared representation to out [rows, shared columns]. */
void mmoe_run_probe(mmoe_run *run, float *out);

#endif
