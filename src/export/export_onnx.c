#include "base/error.h"
#include "export/onnx_ops.h"
#include "mmoe/train.h"
#include "model/model_file.h"

mmoe_status mmoe_model_export_onnx(const mmoe_model *model, const char *path, mmoe_error *err) {
    if (!model || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_export_onnx: %s is NULL",
                         model ? "path" : "model");
    mmoe_status status = mmoe_model_check_floats(model, "mmoe_model_export_onnx", err);
    if (!status) status = mmoe_file_check_values(model, err);
    if (status) return status;
    mmoe_onnx onnx;
    mmoe_onnx_init(&onnx, &model->alloc);
    mmoe_onnx_add_model(&onnx, model);
    status = mmoe_onnx_write(&onnx, path, mmoe_model_watcher(model), err);
    mmoe_onnx_finish(&onnx);
    return status;
}
