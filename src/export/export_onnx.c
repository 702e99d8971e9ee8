#include "base/error.h"
#include "export/onnx_ops.h"
#include "mmoe/train.h"
#include "model/model_file.h"

/* A list has no fixed number of ids, which the inputs "ids" have. */
static mmoe_status check_lists(const mmoe_schema *s, mmoe_error *err) {
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (s->sparse[i].list >= 0)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, s->sparse[i].name,
                                "the feature is a sequence, which ONNX files of this version have "
                                "no input for");
    return MMOE_OK;
}

mmoe_status mmoe_model_export_onnx(const mmoe_model *model, const char *path, mmoe_error *err) {
    if (!model || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_export_onnx: %s is NULL",
                         model ? "path" : "model");
    mmoe_status status = check_lists(model->schema, err);
    if (!status) status = mmoe_file_check_values(model, err);
    if (status) return status;
    mmoe_onnx onnx;
    mmoe_onnx_init(&onnx, &model->alloc);
    mmoe_onnx_add_model(&onnx, model);
    status = mmoe_onnx_write(&onnx, path, err);
    mmoe_onnx_finish(&onnx);
    return status;
}
