/* A model's graph as ONNX nodes. */
#ifndef MMOE_EXPORT_ONNX_OPS_H
#define MMOE_EXPORT_ONNX_OPS_H

#include "export/onnx_values.h"

/* Adds the inputs that mmoe_model_export_onnx tells of, all nodes, and the output "scores". A lack
 * of memory shows in onnx->failed. */
void mmoe_onnx_add_model(mmoe_onnx *onnx, const mmoe_model *model);

/* What each op adds: a function a kind of node, of which onnx_ops.c has the table. */
#define MMOE_ONNX_OP(NAME, name) void mmoe_onnx_op_##name(mmoe_exporter *e, const mmoe_node *n);
MMOE_OP_LIST(MMOE_ONNX_OP)
#undef MMOE_ONNX_OP

#endif
