/* mmoe_trainer_step: an update of one member or of all, by one rank or several. */
#include <string.h>

#include "base/error.h"
#include "train/trainer.h"

static mmoe_status check_step(const mmoe_trainer *t, const mmoe_dataset *data, int64_t first,
                              size_t rows, mmoe_error *err) {
    if (!t || !data)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "a training step needs a trainer and a data set");
    mmoe_status status = mmoe_dataset_check(data, t->model->schema, t->schema_hash, err);
    if (!status) status = mmoe_trainer_check_joined(t, err);
    if (status) return status;
    if (data->stored)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "the data set is streamed: mmoe_trainer_fit takes its rows");
    if (rows < 1 || rows > (size_t)t->run->plan->max_rows || first < 0 ||
        first > data->rows - (int64_t)rows)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%zu rows from %lld on: a step takes 1 to %d rows of the %lld of the data "
                         "set",
                         rows, (long long)first, (int)t->run->plan->max_rows,
                         (long long)data->rows);
    return MMOE_OK;
}

static mmoe_status step(mmoe_trainer *t, const mmoe_dataset *data, int64_t first, size_t rows,
                        double *losses, mmoe_error *err) {
    mmoe_status status = check_step(t, data, first, rows, err);
    if (!status) status = mmoe_trainer_know_lists(t, data, err);
    if (!status) status = mmoe_trainer_take_blas(t, err);
    if (status) return status;
    mmoe_rows batch = mmoe_dataset_rows_of(data, first, (int32_t)rows, NULL);
    status = mmoe_trainer_update(t, &batch, first, err);
    mmoe_trainer_give_blas(t);
    if (losses) memcpy(losses, t->loss, (size_t)data->n_label * sizeof *losses);
    return status;
}

/* The means of the members' losses. */
static mmoe_status step_members(mmoe_trainer *t, const mmoe_dataset *data, int64_t first,
                                size_t rows, double *losses, mmoe_error *err) {
    const int32_t tasks = t->model->schema->n_label, members = t->model->config->members;
    if (losses) memset(losses, 0, (size_t)tasks * sizeof *losses);
    mmoe_status status = MMOE_OK;
    for (; !status && t; t = t->next) {
        status = step(t, data, first, rows, NULL, err);
        const bool has_losses = losses && (!status || status == MMOE_E_NUMERIC);
        for (int32_t i = 0; has_losses && i < tasks; i++) losses[i] += t->loss[i] / members;
    }
    return status;
}

mmoe_status mmoe_trainer_step(mmoe_trainer *t, const mmoe_dataset *data, int64_t first, size_t rows,
                              double *losses, mmoe_error *err) {
    if (t && t->next) return step_members(t, data, first, rows, losses, err);
    if (!t || !t->ranks) return step(t, data, first, rows, losses, err);
    mmoe_error why;
    return mmoe_ranks_end(t->ranks, step(t, data, first, rows, losses, &why), &why, err);
}
