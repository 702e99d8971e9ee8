/* A copy of what is trained, straight into a slot. */
#include "base/error.h"
#include "model/model_file.h"
#include "train/ema.h"
#include "train/trainer.h"

/* Before its first step a trainer has no average. */
static const mmoe_params *weights_to_publish(mmoe_trainer *t) {
    if (!t->average.values || t->optimizer.steps == 0) return &t->model->params;
    mmoe_ema_settle(&t->average, &t->model->params);
    return &t->average;
}

mmoe_status mmoe_trainer_publish(mmoe_trainer *t, mmoe_slot *slot, uint64_t *version,
                                 mmoe_error *err) {
    if (!t || !slot)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_trainer_publish: %s is NULL",
                         t ? "slot" : "trainer");
    mmoe_model *copy;
    mmoe_status status =
        mmoe_model_clone_with(t->model, weights_to_publish(t), &t->alloc, &copy, err);
    if (status) return status;
    status = mmoe_file_check_params(&copy->graph->tensors, &copy->params,
                                    "the model is not published", err);
    if (!status) status = mmoe_slot_publish(slot, copy, version, err);
    if (status) mmoe_model_free(copy);
    return status;
}
