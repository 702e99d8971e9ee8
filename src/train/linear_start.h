/* What a run of a model with a linear part begins with (model.linear): that part fitted to the
 * training rows' dense inputs (linear_fit.h). The start is this part alone, without what the drawn
 * network adds. (Towers whose last layers began with 0 would make both the same, but give the
 * experts no gradient at first: Adam then brings the decay of their weights up to the size of a
 * gradient, and they were near 0 before they had learned anything.) */
#ifndef MMOE_TRAIN_LINEAR_START_H
#define MMOE_TRAIN_LINEAR_START_H

#include "base/pool.h"
#include "data/dataset.h"
#include "model/linear_part.h"

typedef struct mmoe_linear_start {
    mmoe_allocator alloc;
    bool exists; /* the model has a linear part */
    mmoe_linear_part part;
    /* What a checkpoint keeps: of each task what was fitted, weights and the constant, [n_dense +
     * 1] floats as doubles; of each task whether the best weights have it as it began; and whether
     * the run began so. */
    double *state;
    int64_t count;
} mmoe_linear_start;

mmoe_status mmoe_linear_start_init(mmoe_linear_start *s, const mmoe_model *model,
                                   const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_linear_start_finish(mmoe_linear_start *s);
/* Forgets what a run began with. */
void mmoe_linear_start_clear(mmoe_linear_start *s);

/* [tasks] 1: the best weights have the task as it began. */
static inline double *mmoe_linear_start_kept(const mmoe_linear_start *s) {
    return s->state + (size_t)s->part.n_task * (size_t)(s->part.n_dense + 1);
}
static inline const double *mmoe_linear_start_row(const mmoe_linear_start *s, int32_t task) {
    return s->state + (size_t)task * (size_t)(s->part.n_dense + 1);
}
static inline bool mmoe_linear_start_is_on(const mmoe_linear_start *s) {
    return s->exists && s->state[s->count - 1] != 0;
}

/* Fits all tasks, over as many passes over the set as the slowest takes. Tasks without such a model
 * have their constant, and list says so. MMOE_E_MEMORY; where rows are stored _IO, _FORMAT. */
mmoe_status mmoe_linear_start_fit(mmoe_linear_start *s, const mmoe_model *model,
                                  const mmoe_dataset *set, mmoe_pool *pool, mmoe_warnings *list,
                                  mmoe_error *err);
#endif
