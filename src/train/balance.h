/* Balancing of the tasks' losses: a step minimises (1 / D) sum_t a_t L_t, where L_t is the task's
 * weighted loss, D the number of tasks (1 where the model sums its losses), and the factors a_t are
 * a method's. Here are the methods; balance_step.c runs them.
 *
 * A task without a label in a batch is absent from it: its state stays, and the formulas leave it
 * out. */
#ifndef MMOE_TRAIN_BALANCE_H
#define MMOE_TRAIN_BALANCE_H

#include "base/alloc.h"
#include "config/config.h"
#include "train/rule.h"

typedef struct mmoe_balance {
    mmoe_allocator alloc;
    mmoe_balance_config config;
    uint64_t seed;
    int32_t n_task, n_block; /* blocks: parts of the gradients that have factors of their own; all
                                methods but MetaBalance use one set */
    double divisor;          /* D */

    double *state; /* [n_state] what a checkpoint keeps: the arrays that follow */
    int64_t n_state;
    double
        *weight; /* [tasks] uwl: log-variances; gradnorm: logarithms of the factors; famo: logits */
    double *m, *v;          /* [tasks] their moments */
    double *updates;        /* [tasks] how often gradnorm or famo moved it */
    double *first;          /* [tasks] loss of the first step that had a label; 0: none had */
    double *earlier, *last; /* [tasks] mean losses of the last two epochs; 0: none */
    double *norm;           /* [blocks, tasks] metabalance: running norms */

    double *factor; /* [blocks, tasks] a_t of the step */
    double
        *gram; /* [blocks, tasks, tasks] products of the tasks' gradients, written by the caller */
    double *work;
    int32_t *present; /* [tasks] tasks of the batch */
    int32_t n_present;
} mmoe_balance;

/* MMOE_E_MEMORY. n_block 0: the method takes no gradients. */
mmoe_status mmoe_balance_init(mmoe_balance *b, const mmoe_config *config, double divisor,
                              int32_t n_block, const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_balance_finish(mmoe_balance *b);
void mmoe_balance_restart(mmoe_balance *b); /* as before the first step */
bool mmoe_balance_takes_gradients(mmoe_balance_method method);

/* Fills `factor` for step `step`: losses [tasks] L_t, weight [tasks] the sums of the rows' weights,
 * 0: absent. MMOE_E_NUMERIC when the products are not finite. */
mmoe_status mmoe_balance_factors(mmoe_balance *b, uint64_t step, const double *losses,
                                 const double *weight, mmoe_error *err);
/* Moves the method's own weights behind a step. `after` [tasks]: famo alone, the losses of the same
 * rows behind the step. */
void mmoe_balance_update(mmoe_balance *b, const mmoe_rule *optimizer, const double *losses,
                         const double *after);
/* mean [tasks]: losses of the epoch; NaN: no label. */
void mmoe_balance_end_epoch(mmoe_balance *b, const double *mean);

#endif
