/* mmoe_trainer_fit: of one rank or several, of one member or all. */
#include "train/fit_run.h"

static mmoe_status fit_one(mmoe_trainer *t, const mmoe_dataset *train, const mmoe_dataset *valid,
                           mmoe_error *err) {
    if (!t || !t->ranks) return mmoe_fit(t, train, valid, err);
    mmoe_error why;
    return mmoe_ranks_end(t->ranks, mmoe_fit(t, train, valid, &why), &why, err);
}

/* One after another. Without all of them the model has no figures. */
static mmoe_status fit_members(mmoe_trainer *first, const mmoe_dataset *train,
                               const mmoe_dataset *valid, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (mmoe_trainer *t = first; !status && t; t = t->next) status = fit_one(t, train, valid, err);
    for (mmoe_trainer *t = first; t; t = t->next) atomic_store(&t->stop, 0);
    if (!status && valid) status = mmoe_fit_record_members(first, valid, err);
    if (status) mmoe_meta_clear(&first->model->meta, MMOE_META_TRAINING, &first->model->alloc);
    return status;
}

mmoe_status mmoe_trainer_fit(mmoe_trainer *t, const mmoe_dataset *train, const mmoe_dataset *valid,
                             mmoe_error *err) {
    return t && t->next ? fit_members(t, train, valid, err) : fit_one(t, train, valid, err);
}
