/* A model's graph as ONNX nodes. */
#ifndef MMOE_EXPORT_ONNX_OPS_H
#define MMOE_EXPORT_ONNX_OPS_H

#include "export/onnx_file.h"
#include "model/model.h"

/* Adds inputs "ids" and "x", all nodes, and the output "scores". A lack of memory shows in
 * onnx->failed. */
void mmoe_onnx_add_model(mmoe_onnx *onnx, const mmoe_model *model);

#endif
