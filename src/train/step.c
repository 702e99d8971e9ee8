/* One training step: what fit and mmoe_trainer_step have in common. */
#include <math.h>

#include "base/error.h"
#include "train/trainer.h"

/* A loss that is not finite ends training, for the weights are then lost too. */
static mmoe_status check_losses(const mmoe_trainer *t, int64_t row, mmoe_error *err) {
    for (int32_t i = 0; i < t->model->schema->n_label; i++)
        if (t->weight[i] > 0 && !isfinite(t->loss[i]))
            return mmoe_fail(err, MMOE_E_NUMERIC, "the loss of task \"%s\" is not finite at step %llu, epoch %d, from row %lld of the epoch's order",
                             t->model->schema->labels[i].task, (unsigned long long)t->optimizer.steps, (int)t->at.epoch + 1, (long long)row + 1);
    return MMOE_OK;
}

mmoe_status mmoe_trainer_update(mmoe_trainer *t, const mmoe_rows *batch, int64_t row, mmoe_error *err) {
    mmoe_optimizer_begin(&t->optimizer);
    mmoe_status status = MMOE_OK;
    if (t->plan->kind == MMOE_PLAN_TRAIN)
        mmoe_plan_train(t->plan, batch, t->model->config->trainer.seed, t->optimizer.steps, mmoe_optimizer_apply, &t->optimizer, t->loss, t->weight);
    else
        status = mmoe_balancer_step(&t->balancer, t->model, t->plan, batch, &t->optimizer, t->loss, t->weight, err);
    return status ? status : check_losses(t, row, err);
}
