#include "base/error.h"
#include "mmoe/train.h"
#include "model/model_file.h"

mmoe_status mmoe_model_export_weights(const mmoe_model *model, const char *path, mmoe_error *err) {
    if (!model || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_export_weights: %s is NULL",
                         model ? "path" : "model");
    mmoe_status status = mmoe_model_check_floats(model, "mmoe_model_export_weights", err);
    if (!status) status = mmoe_file_check_values(model, err);
    if (status) return status;
    size_t count = mmoe_file_tensor_count(model);
    mmoe_container_tensor *tensors = mmoe_alloc(&model->alloc, count, sizeof *tensors);
    if (!tensors) return mmoe_fail_memory(err, count * sizeof *tensors);
    size_t counters = mmoe_file_model_tensors(
        model, MMOE_I64, tensors); /* first: 8 bytes each, so that all are aligned */
    mmoe_file_model_tensors(model, MMOE_F32, tensors + counters);
    const mmoe_container_contents what = {tensors, count, NULL};
    status =
        mmoe_container_write_watched(path, &what, mmoe_model_watcher(model), &model->alloc, err);
    mmoe_release(&model->alloc, tensors);
    return status;
}
