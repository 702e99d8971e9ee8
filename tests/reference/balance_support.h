/* Problems on which the reference's balancing methods are checked. */
#ifndef BALANCE_SUPPORT_H
#define BALANCE_SUPPORT_H

#include <stdlib.h>

#include "cases.h"
#include "check_main.h"
#include "compare.h"
#include "reference_balance.h"

enum { MOST = REFERENCE_MAX_TASKS };

#define EXPERTS(levels_, specific_, shared_)                                                       \
    .levels = levels_, .specific = specific_, .shared_experts = shared_

/* name, rows, tasks, experts, depth, activation, norm, gate_norm */
static const reference_case cases[] = {
    {"mmoe", 17, 3, 3, 1, REFERENCE_TANH, true, true, .regression = 2, .weighted = true},
    {"mmoe, missing labels", 33, 3, 3, 2, REFERENCE_TANH, false, false, .regression = 2,
     .missing = true, .shared = true},
    {"omoe", 17, 2, 3, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_OMOE, .regression = 1},
    {"single task", 17, 3, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_SINGLE_TASK,
     .regression = 4},
    {"shared bottom", 17, 3, 0, 2, REFERENCE_TANH, true, true, .kind = REFERENCE_SHARED_BOTTOM,
     .regression = 2, .weighted = true},
    {"cgc", 17, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_CGC, EXPERTS(1, 2, 1)},
    {"ple", 17, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_PLE, EXPERTS(2, 2, 1),
     .regression = 1},
    {"ple, three levels", 17, 3, 0, 1, REFERENCE_TANH, false, false, .kind = REFERENCE_PLE,
     EXPERTS(3, 1, 1)},
    {"esmm", 17, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_ESMM},
    {"aitm", 17, 3, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_AITM},
    {"cross-stitch", 17, 3, 0, 2, REFERENCE_TANH, true, true, .kind = REFERENCE_CROSS_STITCH,
     .regression = 1},
};
enum { CASES = sizeof cases / sizeof *cases };

static const double kink_distance = 2e-4;

static inline double *numbers(size_t count) {
    double *p = calloc(count + 1, sizeof *p);
    ck_assert_ptr_nonnull(p);
    return p;
}

static inline void losses_of(reference_problem *p, double *losses) {
    reference_forward(p->model, &p->batch, NULL, losses);
    reference_forget(p->model);
    for (int t = 0; t < p->spec.n_task; t++) losses[t] *= p->spec.tasks[t].loss_weight;
}

/* A state that no task shares with another, and that moves every factor. */
static inline void set_state(reference_balance *b) {
    static const double weight[] = {0.3, -0.4, 0.7}, first[] = {0.5, 1.25, 2},
                        drawn[] = {0.6, 1.9, 0.5}, last[] = {0.5, 0.7, 0.4};
    for (int t = 0; t < reference_spec_of(b->model)->n_task; t++) {
        b->weight[t] = weight[t];
        b->first_loss[t] = first[t];
        b->drawn[t] = drawn[t];
        b->epoch_loss[t][0] = last[t];
        b->epoch_loss[t][1] = 1;
        for (size_t k = 0; k < reference_tensor_count(b->model); k++)
            b->mean_norms[t][k] = 0.01 * (t + 1);
    }
    b->epoch = 2;
}

#endif
