/* Runs that are saved, and gone on with. */
#include <unistd.h>

#include "base/error.h"
#include "model/model_file.h"
#include "train/checkpoint_path.h"
#include "train/trainer.h"

static mmoe_status resume_one(mmoe_trainer *t, const char *path, mmoe_error *err) {
    if (mmoe_trainer_is_fitting(t))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_trainer_resume: a fit is under way");
    const mmoe_status status = mmoe_trainer_check_joined(t, err);
    if (!status) mmoe_trainer_take_weights(t);
    return status ? status : mmoe_checkpoint_read(t, path, err);
}

/* A fit trains a member when the one before is finished, and a new one has taken away what earlier
 * runs left of later ones: a file that is there is this run's. Steps train all, and so their files
 * are of as many steps. */
static mmoe_status resume_next(mmoe_trainer *before, bool is_of_steps, const char *path,
                               mmoe_error *err) {
    mmoe_trainer *t = before->next;
    char *own;
    mmoe_status status = mmoe_checkpoint_member_path(path, t->model, &t->alloc, &own, err);
    if (status) return status;
    if (is_of_steps || access(own, F_OK) == 0) status = resume_one(t, own, err);
    if (!status && is_of_steps && t->optimizer.steps != before->optimizer.steps)
        status =
            mmoe_fail_format(err, own,
                             "it is of step %lld, and that of the member before of "
                             "%lld: they were not saved together",
                             (long long)t->optimizer.steps, (long long)before->optimizer.steps);
    mmoe_release(&t->alloc, own);
    return status;
}

mmoe_status mmoe_trainer_resume(mmoe_trainer *t, const char *path, mmoe_error *err) {
    if (!t || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_resume: trainer and path must not be NULL");
    mmoe_status status = resume_one(t, path, err);
    const bool is_of_steps = !t->at.data_hash;
    for (; !status && t->next; t = t->next) status = resume_next(t, is_of_steps, path, err);
    return status;
}

static mmoe_status save(mmoe_trainer *t, const char *path, mmoe_error *err) {
    if (!t || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_trainer_save: %s is NULL",
                         t ? "path" : "trainer");
    if (mmoe_trainer_is_fitting(t))
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

static mmoe_status save_members(mmoe_trainer *t, const char *path, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (; !status && t; t = t->next) {
        char *own = NULL;
        if (path) status = mmoe_checkpoint_member_path(path, t->model, &t->alloc, &own, err);
        if (!status) status = save(t, own, err);
        mmoe_release(&t->alloc, own);
    }
    return status;
}

mmoe_status mmoe_trainer_save(mmoe_trainer *t, const char *path, mmoe_error *err) {
    if (t && t->next) return save_members(t, path, err);
    if (!t || !t->ranks) return save(t, path, err);
    mmoe_error why;
    return mmoe_ranks_end(t->ranks, save(t, path, &why), &why, err);
}
