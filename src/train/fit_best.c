/* Which weights are the best so far. */
#include <math.h>
#include <string.h>

#include "train/fit_run.h"

/* Where the best weights cannot be kept, the model has them; those of before are gone. */
static void leave_best(mmoe_trainer *t) {
    if (t->average.values) mmoe_params_copy(&t->model->params, &t->average);
    t->at.has_best = 0;
}

/* The tasks that are to be what they began as. */
static void note_start(const mmoe_fit_run *r) {
    for (int32_t i = 0; r->is_start && i < r->t->model->schema->n_label; i++)
        mmoe_linear_start_kept(&r->t->start)[i] = r->is_start[i];
}

mmoe_status mmoe_fit_keep_best(mmoe_fit_run *r, double score, int *is_best, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    *is_best = 0;
    if (r->valid && isnan(score)) return MMOE_OK;
    if (r->valid && t->at.has_best && score <= t->at.best_score) {
        t->at.waited++;
        return MMOE_OK;
    }
    *is_best = 1;
    t->at.has_best = 1;
    t->at.best_score = score;
    t->at.waited = 0;
    r->is_unrecorded = true;
    r->best_epoch = t->at.epoch;
    note_start(r);
    if (r->valid)
        memcpy(r->best_metrics, r->metrics, (size_t)t->model->schema->n_label * sizeof *r->metrics);
    const mmoe_status status = mmoe_best_keep(&t->best, mmoe_trainer_kept(t), t->pool, err);
    if (status) leave_best(t);
    return status;
}
