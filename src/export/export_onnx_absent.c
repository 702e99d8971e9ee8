#include "base/error.h"
#include "mmoe/train.h"

mmoe_status mmoe_model_export_onnx(const mmoe_model *model, const char *path, mmoe_error *err) {
    if (!model || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_export_onnx: %s is NULL",
                         model ? "path" : "model");
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "this library was built without ONNX (Debian: libprotobuf-c-dev, "
                     "protobuf-c-compiler, libonnx-dev)");
}
