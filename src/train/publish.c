/* A copy of what is trained, straight into a slot. */
#include "base/error.h"
#include "model/model_file.h"
#include "train/ema.h"
#include "train/trainer.h"

/* Before its first step a trainer has no average. */
static const mmoe_params *weights_to_publish(void *trainer, const mmoe_model *member) {
    mmoe_trainer *t = trainer;
    while (t->model != member) t = t->next;
    if (!t->average.values || t->optimizer.steps == 0) return &t->model->params;
    mmoe_ema_settle(&t->average, &t->model->params);
    return &t->average;
}

mmoe_status mmoe_trainer_publish(mmoe_trainer *t, mmoe_slot *slot, uint64_t *version,
                                 mmoe_error *err) {
    if (!t || !slot)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_trainer_publish: %s is NULL",
                         t ? "slot" : "trainer");
    if (t->next && mmoe_trainer_is_fitting(t))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_publish: a fit of several members is under way, of which "
                         "later ones are not trained");
    mmoe_model *copy;
    const mmoe_weights_source from = {weights_to_publish, t};
    mmoe_status status = mmoe_model_clone_with(t->model, &from, &t->alloc, &copy, err);
    if (status) return status;
    for (const mmoe_model *m = copy; !status && m; m = m->next)
        status = mmoe_file_check_params(&m->graph->tensors, &m->params,
                                        "the model is not published", err);
    if (!status) status = mmoe_slot_publish(slot, copy, version, err);
    if (status) mmoe_model_free(copy);
    return status;
}
