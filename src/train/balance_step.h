/* A balanced step: forward, each task's gradient where the method asks for it, the factors,
 * backward. */
#ifndef MMOE_TRAIN_BALANCE_STEP_H
#define MMOE_TRAIN_BALANCE_STEP_H

#include "graph/run.h"
#include "model/model.h"
#include "train/balance.h"

/* Part of a gradient that one worker takes. */
typedef struct mmoe_gradient_piece {
    int64_t place, count; /* of the gradient */
    int32_t block;        /* whose factors are its own; -1: not shared, plain */
    int32_t segment;      /* of the batch, at the shared representation */
} mmoe_gradient_piece;

typedef struct mmoe_balancer {
    mmoe_allocator alloc;
    mmoe_balance balance;
    const mmoe_model *model;
    const mmoe_kernels *kernels;
    mmoe_pool *pool;
    bool probes; /* gradients are those at the shared representation, [rows, cols]; else those of
                    the parameters, in the order of the whole */
    int32_t cols;
    int64_t size;     /* floats of a task's gradient, at most */
    float *gradients; /* [tasks + terms, size]; NULL: the method takes none */
    int32_t terms;    /* 1: the gradient of what is no task's stands behind the tasks' */
    int32_t n_piece;
    mmoe_gradient_piece *pieces;
    double *parts;          /* [pieces, pairs of tasks] */
    double *losses, *after; /* [tasks] L_t; famo: behind the step */
} mmoe_balancer;

/* The plan that a method needs. */
mmoe_plan_kind mmoe_balance_plan(const mmoe_balance_config *config);
/* `plan` is of that kind. MMOE_E_MEMORY. */
mmoe_status mmoe_balancer_init(mmoe_balancer *b, const mmoe_model *model, const mmoe_plan *plan,
                               mmoe_pool *pool, const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_balancer_finish(mmoe_balancer *b);
/* The model's tables have other rows: what is sized by these is made anew in *next, and then
 * changes places with the balancer's own; what that has learned stays its own. `plan` is of the
 * kind that it was. *next is to be finished on success; MMOE_E_MEMORY. */
mmoe_status mmoe_balancer_widen(const mmoe_balancer *b, const mmoe_plan *plan, mmoe_balancer *next,
                                mmoe_error *err);
void mmoe_balancer_exchange(mmoe_balancer *b, mmoe_balancer *next);
/* Takes the place of mmoe_run_train: gradients go to the sink, which may change the weights. Where
 * a loss is not finite there are no gradients. MMOE_E_NUMERIC. */
mmoe_status mmoe_balancer_step(mmoe_balancer *b, mmoe_run *run, const mmoe_pass *pass,
                               mmoe_gradient_sink sink, void *context, mmoe_error *err);
/* When the weights have changed: the method's own weights follow. */
void mmoe_balancer_end(mmoe_balancer *b, mmoe_run *run, const mmoe_pass *pass,
                       const mmoe_rule *optimizer);
/* a_t of the last step, the mean over blocks. */
void mmoe_balancer_factors(const mmoe_balancer *b, double *factors);

#endif
