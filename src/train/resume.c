/* Runs that are saved, and gone on with. */
#include "base/error.h"
#include "model/model_file.h"
#include "train/trainer.h"

mmoe_status mmoe_trainer_resume(mmoe_trainer *t, const char *path, mmoe_error *err) {
    if (!t || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_resume: trainer and path must not be NULL");
    if (t->is_fitting)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_trainer_resume: a fit is under way");
    const mmoe_status status = mmoe_trainer_check_joined(t, err);
    if (!status) mmoe_trainer_take_weights(t);
    return status ? status : mmoe_checkpoint_read(t, path, err);
}

static mmoe_status save(mmoe_trainer *t, const char *path, mmoe_error *err) {
    if (!t || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_trainer_save: %s is NULL",
                         t ? "path" : "trainer");
    if (t->is_fitting)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_save: a fit is under way, which writes a checkpoint of its "
                         "own (mmoe_trainer_options.checkpoint_path)");
    mmoe_status status = mmoe_trainer_check_joined(t, err);
    if (status) return status;
    if (!mmoe_trainer_bring_rows(t)) return mmoe_ranks_status(t->ranks, err);
    status = mmoe_file_check_params(&t->model->graph->tensors, &t->model->params,
                                    "the run is not saved", err);
    return status ? status : mmoe_checkpoint_write(t, path, err);
}

mmoe_status mmoe_trainer_save(mmoe_trainer *t, const char *path, mmoe_error *err) {
    if (!t || !t->ranks) return save(t, path, err);
    mmoe_error why;
    return mmoe_ranks_end(t->ranks, save(t, path, &why), &why, err);
}
